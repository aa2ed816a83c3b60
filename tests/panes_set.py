"""A data set of one patient, for the tests of films side by side: every pane is told by the count of its boxes.

    a       study P   240 x 320, two boxes of ground truth
    b       study P   480 x 300
    broken  study P   not a DICOM file
    c       study Q   as a
    alone   study R   as a, of another patient

Model m1 .. m4 finds 1 .. 4 boxes, view v1 .. v4 of model m5 finds 1 .. 4, each of them on a; no two overlap by much.
"""

import numpy as np

from core.predictions import Candidates, Predictions, Source, write_predictions
from tests.film_files import film_file

STUDIES = {"a": "P", "b": "P", "broken": "P", "c": "Q", "alone": "R"}
MODELS, VIEWS = ("m1", "m2", "m3", "m4"), ("v1", "v2", "v3", "v4")
SOURCES = (*(Source(model, "0", "plain") for model in MODELS), *(Source("m5", "0", view) for view in VIEWS))
TRUTH = ((20, 30, 80, 110), (140, 180, 220, 300))
NAMES = "id,Negative for Pneumonia,Typical Appearance,Indeterminate Appearance,Atypical Appearance"


def write_set(root):
    """Write films, labels and, below predictions/, the predictions to the directory `root`; returns it."""
    rows = ["id,boxes,label,StudyInstanceUID"]
    for image_id, study_id in STUDIES.items():
        path = root / "train" / study_id / "S" / f"{image_id}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        if image_id == "broken":
            path.write_text("nothing")
        else:
            down, across = np.mgrid[:300, :480] if image_id == "b" else np.mgrid[:320, :240]
            film_file(path, (down * 7 + across * 5).astype(np.uint16), PatientID="2" if image_id == "alone" else "1")
        boxes = TRUTH if image_id == "a" else ()
        listed = [{"x": x, "y": y, "width": right - x, "height": low - y} for x, y, right, low in boxes] or ""
        label = " ".join(f"opacity 1 {' '.join(map(str, box))}" for box in boxes) or "none 1 0 0 1 1"
        rows.append(f'{image_id}_image,"{listed}",{label},{study_id}')
    (root / "train_image_level.csv").write_text("\n".join(rows) + "\n")
    (root / "train_study_level.csv").write_text("\n".join([NAMES, *(f"{each}_study,0,1,0,0" for each in "PQR")]) + "\n")
    _write_answers(root / "predictions")
    return root


def _write_answers(directory):
    found = [(box, .9 - .02 * box - .002 * source, source) for source in range(len(SOURCES))
             for box in range(source % 4 + 1)]
    boxes = np.array([(10 + 50 * place, 20 * source, 50 + 50 * place, 20 * source + 18) for place, _, source in found])
    films = ("a", "b", "c", "alone")
    offsets = np.array([0, *(len(found) for _ in films)])
    candidates = Candidates(boxes.astype(np.float32), np.array([score for _, score, _ in found]),
                            np.array([source for _, _, source in found]), offsets, SOURCES)
    write_predictions(directory, Predictions(films, ("P", "Q", "R"), candidates, np.zeros((len(films), 0)), (),
                                             np.zeros((3, 0, 4)), ()))
