"""A film without the tables of its maker: some makers' VOI LUTs and presentation LUTs spoil the picture.

Knows nothing of files: it is the same `Film` with other looks, another polarity and other sentences.
"""

from dataclasses import replace

from core.display import histogram, modality_values, stored_values, without_padding
from core.looks import HEADER, data_looks, shown_first

WISH = "left out at the reader's wish"


def without_vendor_luts(film):
    """`film` as its header's VOI LUT Sequence and Presentation LUT Shape being absent would have it (a `Film`).

    The header's windows stay, the polarity is that of the Photometric Interpretation alone (PS3.3 C.7.6.3.1.2), and
    `steps` say what was left out. It is `film` itself where neither makes a difference.
    """
    inverted = film.photometric == "MONOCHROME1"
    tables = [look for look in film.looks if look.table is not None]
    if not tables and inverted == film.inverted:
        return film
    windows = tuple(look for look in film.looks if look.name.startswith(HEADER) and look.table is None)
    dtype = film.pixels.dtype
    values = modality_values(stored_values(dtype), film.slope, film.intercept, film.modality_lut)
    counts = without_padding(histogram(film.pixels), dtype, film.padding)
    looks = windows + data_looks(values, counts, inverted)
    kept = [step for step in film.steps if not step.startswith(("VOI: shown first", "Presentation:"))]
    voi = [f"VOI: VOI LUT Sequence {WISH}."] if tables else []
    shape = f", Presentation LUT Shape {WISH}" if inverted != film.inverted else ""
    meaning = "low values are bright, inverted after VOI" if inverted else "high values are bright"
    return replace(film, looks=looks, inverted=inverted, steps=(
        *kept, *voi, shown_first(looks[0]), f"Presentation: {film.photometric}{shape}: {meaning}."))
