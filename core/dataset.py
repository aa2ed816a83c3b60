"""The competition layout on disk: films, their labels, and what is wrong with either.

`train/STUDY/SERIES/IMAGE.dcm` and `test/...` beside the CSVs. It knows nothing of predictions.
"""

from dataclasses import dataclass

from core.labels import GroundTruth


@dataclass(frozen=True)
class Image:
    """One film of a data set.

    `path` is absolute, None when only its label exists; then the last four are unknown. `width` and
    `height` in pixels of the original; unknown text is "", an unknown side 0. `study_id` is the folder
    below train/ or test/, or the label's study where there is no film.
    """

    image_id: str
    study_id: str
    path: str | None
    patient_id: str
    width: int
    height: int
    photometric: str


@dataclass(frozen=True, eq=False)
class Dataset:
    """A directory in the competition layout.

    `images[:len(truth.image_ids)]` are the labelled ones in the order of `truth.image_ids`, unlabelled films
    follow. `truth` is None when there are no labels at all; `problems` are sentences for the reader.
    """

    root: str
    name: str
    images: tuple[Image, ...]
    truth: GroundTruth | None
    problems: tuple[str, ...]
