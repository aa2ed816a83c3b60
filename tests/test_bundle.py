"""What is bundled: the weights, the synthetic films, and the predictions of the one for the other."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pydicom
import pytest

from core.__main__ import main
from core.cases import arrange
from core.dataset import open_dataset
from core.dicom import read_film
from core.failures import weigh
from core.fusion import FusionSettings, fuse
from core.inference import predict
from core.kinds import KINDS, diagnose
from core.levels import ScoreSettings
from core.matching import BACKGROUND, DUPLICATE, TRUE_POSITIVE
from core.predictions import read_predictions
from core.scoring import conclude
from core.verdicts import judge
from core.weights import read_card, sha256
from train.data import held_images

ROOT = Path(__file__).resolve().parent.parent
SAMPLE, WEIGHTS = ROOT / "assets/sample", sorted((ROOT / "assets/weights").glob("*.safetensors"))


def megabytes(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


@pytest.fixture(scope="module")
def sample():
    return open_dataset(SAMPLE)


def test_the_weights_answer_every_question_and_never_saw_one_fold():
    cards = [read_card(path) for path in WEIGHTS]
    assert sorted(card.task for card in cards) == ["detector", "detector", "joint", "joint", "opacity", "study"]
    assert {card.fold for card in cards} == {"0"}
    assert all(card.training["seed"] == 0 and card.metric for card in cards)
    assert megabytes(ROOT / "assets/weights") <= 60


def test_the_sample_set_is_varied(sample):
    assert megabytes(SAMPLE) <= 20
    assert len(sample.images) >= 40
    assert not sample.problems
    headers = [pydicom.dcmread(image.path, stop_before_pixels=True) for image in sample.images]
    assert {header.PhotometricInterpretation for header in headers} == {"MONOCHROME1", "MONOCHROME2"}
    assert len({header.file_meta.TransferSyntaxUID for header in headers}) >= 4
    assert {header.BitsStored for header in headers} == {12}
    assert min(min(header.Rows, header.Columns) for header in headers) >= 1024
    assert all("SYNTHETIC" in header.StudyDescription.upper() for header in headers)
    assert sum(count > 1 for count in Counter(image.study_id for image in sample.images).values()) >= 2
    assert set(sample.truth.study_class) == {0, 1, 2, 3}


def test_every_film_of_the_sample_set_can_be_shown(sample):
    assert all(read_film(image.path).pixels.size for image in sample.images)


def test_predict_reproduces_the_bundled_predictions_of_every_second_study(sample):
    stored = read_predictions(SAMPLE / "predictions")
    assert {each["file"]: each["sha256"] for each in stored.manifest["weights"]} == {
        path.name: sha256(path) for path in WEIGHTS}
    studies = set(stored.study_ids[::2])
    films = [row for row, study in enumerate(stored.film_study) if stored.study_ids[study] in studies]
    again = predict(sample, WEIGHTS, views=len(stored.manifest["settings"]["views"]), device="cpu",
                    image_ids=[stored.image_ids[film] for film in films])
    assert again.image_ids == tuple(stored.image_ids[film] for film in films)
    assert np.allclose(again.opacity, stored.opacity[films], atol=1e-3)
    assert np.allclose(again.study, stored.study[[stored.study_ids.index(each) for each in again.study_ids]], atol=1e-3)
    rows = np.concatenate([np.arange(*stored.candidates.offsets[film:film + 2]) for film in films])
    ours = again.candidates.boxes[again.candidates.scores > 0.2]
    theirs = stored.candidates.boxes[rows][stored.candidates.scores[rows] > 0.2]
    assert abs(len(ours) - len(theirs)) <= 0.02 * len(theirs)  # a score at the very threshold may fall on either side
    assert np.abs(ours[:5] - theirs[:5]).max() < 1.0


def test_the_sample_set_shows_successes_and_every_kind_of_failure(sample):
    """At the viewer's first settings some films are wholly right, and nearly every kind of failure occurs."""
    cases = arrange(sample, read_predictions(SAMPLE / "predictions"))
    fused = fuse(cases.predictions.candidates, FusionSettings())
    matches = judge(cases, fused)
    answer = conclude(cases.predictions, fused, ScoreSettings())
    kinds = diagnose(cases, fused, answer, matches, FusionSettings(), ScoreSettings(), 0.3).films
    found = weigh(cases, answer, matches, 0.3, kinds)
    counts = dict(zip(KINDS, found.kinds.sum(axis=0), strict=True))
    assert {kind for kind in KINDS if not counts[kind]} <= {"unread", "missed suppressed", "missed unseen"}, counts
    assert found.tp.sum() >= 10
    assert ((found.trouble == 0) & (found.tp > 0)).any()
    assert {TRUE_POSITIVE, DUPLICATE, BACKGROUND} <= set(matches.verdict.tolist())


def test_weights_score_on_a_fold_of_real_patients_they_never_saw(shared, tmp_path, capsys):
    """`predict` then `evaluate` on every third film of fold 0, in one view, have the APs of the day they were made."""
    held = held_images(shared / "siim256", 0, folds=5, seed=0)[::3]
    (tmp_path / "ids.txt").write_text("\n".join(held))
    data = ["--data", str(shared / "siim256")]
    assert main(["predict", *data, "--weights", *map(str, WEIGHTS), "--ids", str(tmp_path / "ids.txt"), "--views", "1",
                 "--out", str(tmp_path / "predictions")]) == 0
    capsys.readouterr()
    assert main(["evaluate", *data, "--predictions", str(tmp_path / "predictions"), "--json"]) == 0
    aps = json.loads(capsys.readouterr().out)
    study = [aps[name] for name in ("negative", "typical", "indeterminate", "atypical")]
    assert aps["mean"] >= 0.56
    assert aps["none"] >= 0.75
    assert aps["opacity"] >= 0.48
    assert sum(study) / 4 >= 0.53
