"""A data set of six small films with predictions, in which every count is known, for the tests of the pages.

    one         study A, typical   two boxes; found with .9 (two sources agree), a false positive of .5, one box missed
    two         study A            no box; a false positive of .4
    <b>three*   study B, negative  no box; one source alone detects something, with .95
    broken      study B            not a DICOM file
    gone        study C, atypical  labelled, but there is no film
    extra       study D            in test/, without label; a detection of .8
"""

import numpy as np

from core.predictions import Candidates, Predictions, Source, write_predictions
from tests.film_files import film_file

FOUND, MISSED, BESIDE = (10, 10, 50, 50), (60, 60, 90, 90), (10, 60, 40, 90)
FILMS = {"one": "A", "two": "A", "<b>three*": "B", "broken": "B", "gone": "C", "extra": "D"}
CLASSES = {"A": (0, 1, 0, 0), "B": (1, 0, 0, 0), "C": (0, 0, 0, 1)}
SIDE = 100
DETECTORS = (Source("left", "0", "plain"), Source("left", "0", "flip"), Source("right", "1", "plain"))
DETECTED = {  # film -> (box, score, source)
    "one": [(FOUND, .9, 0), (BESIDE, .5, 0), ((12, 10, 50, 50), .9, 2), (BESIDE, .5, 2)],
    "two": [(BESIDE, .4, 0), (BESIDE, .4, 2)],
    "<b>three*": [(MISSED, .95, 1)],
    "extra": [(FOUND, .8, 0), (FOUND, .8, 2)],
}


def write_set(root):
    """Write films and CSVs to the directory `root`; returns it."""
    for image_id, study_id in FILMS.items():
        folder = root / ("test" if image_id == "extra" else "train") / study_id / "S"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{image_id}.dcm"
        if image_id == "broken":
            path.write_text("nothing")
        elif image_id != "gone":
            film_file(path, (np.arange(SIDE * SIDE).reshape(SIDE, SIDE) % 251).astype(np.uint8))
    write_labels(root)
    return root


def write_labels(root):
    """Write the two CSVs."""
    rows = ["id,boxes,label,StudyInstanceUID"]
    for image_id, study_id in list(FILMS.items())[:-1]:
        boxes = (FOUND, MISSED) if image_id == "one" else ()
        listed = [{"x": x, "y": y, "width": right - x, "height": low - y} for x, y, right, low in boxes]
        label = " ".join(f"opacity 1 {' '.join(map(str, box))}" for box in boxes) or "none 1 0 0 1 1"
        rows.append(f'{image_id}_image,"{listed if boxes else ""}",{label},{study_id}')
    (root / "train_image_level.csv").write_text("\n".join(rows) + "\n")
    names = "id,Negative for Pneumonia,Typical Appearance,Indeterminate Appearance,Atypical Appearance"
    rows = [f"{study_id}_study,{','.join(map(str, marks))}" for study_id, marks in CLASSES.items()]
    (root / "train_study_level.csv").write_text("\n".join([names, *rows]) + "\n")


def write_answers(directory, image_ids=("one", "two", "<b>three*", "extra")):
    """Write predictions of the films `image_ids` to `directory`; returns it."""
    found = [row for image_id in image_ids for row in sorted(DETECTED.get(image_id, ()), key=lambda row: row[2])]
    offsets = np.cumsum([0, *(len(DETECTED.get(image_id, ())) for image_id in image_ids)])
    candidates = Candidates(np.array([box for box, _, _ in found], np.float32).reshape(-1, 4),
                            np.array([score for _, score, _ in found]), np.array([each for _, _, each in found]),
                            offsets, DETECTORS)
    p_opacity = {"one": .9, "two": .3, "<b>three*": .1, "extra": .7}
    opacity = np.array([[p_opacity.get(image_id, .5)] for image_id in image_ids])
    study = np.array([[[.1, .7, .1, .1]], [[.3, .5, .1, .1]]])  # A is right, B is not
    write_predictions(directory, Predictions(
        tuple(image_ids), ("A", "B"), candidates, opacity, (Source("sure", "0", "plain"),), study,
        (Source("fine", "0", "plain"),), {"errors": [{"image": "broken", "error": "it is no film"}]}))
    return directory
