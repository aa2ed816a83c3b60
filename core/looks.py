"""Which looks a film is offered, and why its header's own were not taken.

Functions of numbers: they know neither files nor pixels, only how often each value occurs.
"""

import numpy as np

from core.display import between, spread, voi_output
from core.film import Look, window_fault

ONE_GREY = 1 / 255  # what differs by less looks the same on screen
HEADER = "header VOI"  # how the names of a header's looks begin
PRESETS = (("min-max",), ("1-99 %",), ("narrow",), ("bone", "soft tissue"))  # a film's own looks, on keys 2 to 5
BONE, SOFT = (50.0, 99.9), (0.5, 75.0)  # percentiles from the least to the most dense, black to white


def header_looks(tables, windows):
    """Looks of a header and remarks on what could not be used: (tuple of `Look`, tuple of sentences).

    `tables`: pairs of `LookupTable` and explanation; `windows`: (center, width, function, explanation). Tables stand
    first: a maker that gives both means the curve. An unknown function counts as LINEAR, as PS3.3 C.11.2.1.3 has it
    for an absent one.
    """
    wanted = [(explanation, {"table": table}) for table, explanation in tables]
    remarks = []
    for center, width, function, explanation in windows:
        if fault := window_fault(center, width, function):
            remarks.append(f"VOI: a window of the header was not used, since it has {fault}.")
        else:
            wanted.append((explanation, {"center": center, "width": width, "function": function}))
    return tuple(Look(name, **how) for name, how in zip(_names(wanted), (how for _, how in wanted), strict=True)), \
        tuple(remarks)


def _names(wanted):
    """A name for each look: 'header VOI', with a number and the maker's explanation where there are several."""
    if len(wanted) == 1 and not wanted[0][0]:
        return [HEADER]
    numbers = [""] if len(wanted) == 1 else [f" {n}" for n in range(1, len(wanted) + 1)]
    return [f"{HEADER}{number}: {text}" if text else f"{HEADER}{number}"
            for number, (text, _) in zip(numbers, wanted, strict=True)]


def data_looks(values, counts, inverted=False):
    """Looks that follow from the data, those of `PRESETS`; '1-99 %' is the first.

    'narrow' is half as wide as '1-99 %', around the median. 'bone' spreads the denser half, 'soft tissue' what is less
    dense than the densest quarter: radiographs have no calibrated densities that could name such windows once for all.
    `values` [N] modality values, `counts` [N] how often each occurs, one above 0; `inverted`: low values are dense.
    """
    low, high = spread(values, counts)
    median = spread(values, counts, 50, 100)[0]
    narrow = max((high - low) / 4, np.spacing(abs(median)) * 8)
    bone, soft = ((100 - most, 100 - least) if inverted else (least, most) for least, most in (BONE, SOFT))
    return (between("1-99 %", low, high), between("min-max", *spread(values, counts, 0, 100)),
            between("narrow", median - narrow, median + narrow), between("bone", *spread(values, counts, *bone)),
            between("soft tissue", *spread(values, counts, *soft)))


def presets(looks):
    """Positions in `looks` on each of the keys 1 to 5, in the order in which a key goes through them.

    Key 1 has the header's looks, or the first look where the header gives none; keys 2 to 5 have `PRESETS`.
    """
    places = {look.name: place for place, look in enumerate(looks)}
    header = tuple(place for name, place in places.items() if name.startswith(HEADER))
    return (header or (0,), *(tuple(places[name] for name in names if name in places) for names in PRESETS))


def useful(look, values, counts):
    """False when `look` shows the bulk of the data, from its 1st to its 99th percentile, as a single grey.

    Such a window lies wholly beside the data; a film that is one grey itself is no fault of the window.
    """
    low, high = spread(values, counts)
    bulk = values[(counts > 0) & (values >= low) & (values <= high)]
    output = voi_output(bulk, look)
    return low == high or bool(np.ptp(output) >= ONE_GREY)


def choose(tables, windows, values, counts, inverted=False):
    """Every look of a film, the first to show first, and remarks: (tuple of `Look`, tuple of sentences).

    The header's come first where they show something, else the 1-99 % window does; see `header_looks` and
    `data_looks` for the arguments.
    """
    offered, remarks = header_looks(tables, windows)
    low, high = spread(values, counts)
    kept = tuple(look for look in offered if useful(look, values, counts))
    for look in offered:
        if look not in kept:
            remarks += (f"VOI: '{look.name}' ({describe(look)}) was not used, since it shows the bulk of the film, "
                        f"{low:g} to {high:g}, as a single grey.",)
    if not offered and not remarks:
        remarks = ("VOI: the header has no window and no table.",)
    return kept + data_looks(values, counts, inverted), remarks


def shown_first(look):
    """The sentence that says which look a film is shown with first."""
    own = "" if look.name.startswith(HEADER) else ", the percentiles of the film itself"
    return f"VOI: shown first is '{look.name}', {describe(look)}{own}."


def describe(look):
    """A look's numbers for a reader, such as 'centre 2048, width 4096, LINEAR'."""
    if look.table is not None:
        table = look.table
        return f"table of {len(table.entries)} entries from {table.first}, {table.bits} bits"
    return f"centre {look.center:g}, width {look.width:g}, {look.function}"
