"""How often films and other pictures are doubted by what the bundled network sees in them, and how well they separate.

Rates are above the bound of `core.familiarity`; the area under the ROC curve is that of the distance against the set's
own films, 1 where every other picture lies farther out.
"""

from pathlib import Path

import numpy as np

from core.dataset import open_dataset
from core.dicom import read_film
from core.display import model_picture
from core.errors import BadDataset, GroundglassError
from core.familiarity import read_familiarity
from core.features import open_features

ASSETS = Path(__file__).resolve().parent.parent / "assets"
NOISE = 20  # pictures


def add_options(parser):
    parser.add_argument("--data", type=Path, default=ASSETS / "sample", metavar="DIR",
                        help="the sample set unless told")
    parser.add_argument("--films", type=int, default=400, help="films at most, unlabelled ones first (default 400)")


def run(options):
    """Share doubted and area under the ROC curve of each kind of picture."""
    dataset = open_dataset(options.data)
    labelled = set(dataset.truth.image_ids) if dataset.truth else set()
    images = sorted((each for each in dataset.images if each.path), key=lambda each: each.image_id in labelled)
    films = _pictures([each.path for each in images[:options.films]])
    if not films:
        raise BadDataset(f"{options.data} holds no film that can be read, but one is needed: name another.")
    features, known = open_features(), read_familiarity()
    own = known.distances(features(films))
    told = {"films": len(films), "unlabelled films": sum(each.image_id not in labelled
                                                         for each in images[:options.films]),
            "films doubted": float((own > known.threshold).mean())}
    for name, pictures in _others(films):
        distances = known.distances(features(pictures))
        farther = (distances[:, None] > own).mean() + (distances[:, None] == own).mean() / 2
        told[name] = {"pictures": len(pictures), "doubted": float((distances > known.threshold).mean()),
                      "area under ROC": float(farther)}
    return told


def _pictures(paths):
    found = []
    for path in paths:
        try:
            found.append(model_picture(read_film(path)))
        except GroundglassError:
            continue
    return found


def _others(films):
    """(name, pictures) of what a chest film is not, made of the `films` or brought by pydicom-data."""
    some = films[:100]
    yield "mirrored", [np.ascontiguousarray(each[:, ::-1]) for each in some]
    yield "turned by 90 degrees", [np.ascontiguousarray(np.rot90(each)) for each in some]
    yield "upside down", [np.ascontiguousarray(each[::-1, ::-1]) for each in some]
    yield "inverted", [255 - each for each in some]
    yield "upper half", [np.ascontiguousarray(each[:each.shape[0] // 2]) for each in some]
    rng = np.random.default_rng(0)
    yield "noise", [rng.integers(0, 256, (300, 300)).astype(np.uint8) for _ in range(NOISE)]
    yield "synthetic sample films", _pictures(sorted((ASSETS / "sample").rglob("*.dcm")))
    try:
        import data_store  # pydicom-data, of the test extra
    except ImportError:
        return
    files = sorted((Path(data_store.__file__).parent / "data").rglob("*.dcm"))
    others = _pictures([path for path in files if not path.name.startswith("RG1")])  # RG1 is a real chest film
    if others:
        yield "other pictures of pydicom-data", others
