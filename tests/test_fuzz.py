"""Seeded mutations of sample films, tables, weights and predictions: a result or a sentence, never anything else."""

import numpy as np
import pytest
from hostile import CODED, coded_film, mutated
from pydicom import uid

from core.dicom import read_film, read_header
from core.display import model_picture, shown
from core.errors import GroundglassError
from core.labels import read_labels
from core.predictions import read_predictions
from core.submission import read_submission
from core.weights import read_card, read_weights
from tests.conftest import ROOT

SAMPLE, WEIGHTS = ROOT / "assets" / "sample", ROOT / "assets" / "weights"
PLAIN = (uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian,
         uid.DeflatedExplicitVRLittleEndian)


def survives(call, *given):
    """The result of a call, or None when it was refused in one sentence."""
    try:
        return call(*given)
    except GroundglassError as refusal:
        assert str(refusal) and "\n" not in str(refusal), call
        return None


@pytest.mark.parametrize("syntax", [*PLAIN, *CODED], ids=lambda syntax: uid.UID(syntax).name)
def test_mutated_films(tmp_path, syntax):
    data, rng = coded_film(tmp_path / "good.dcm", syntax).read_bytes(), np.random.default_rng(20)
    for _ in range(30):
        (tmp_path / "film.dcm").write_bytes(mutated(data, rng))
        survives(read_header, tmp_path / "film.dcm")
        if film := survives(read_film, tmp_path / "film.dcm"):
            assert shown(film).shape == model_picture(film).shape == film.pixels.shape


def test_mutated_sample_films(tmp_path):
    rng = np.random.default_rng(21)
    for path in sorted(SAMPLE.rglob("*.dcm"))[:10]:
        head = path.read_bytes()
        for _ in range(6):
            cut = 2000 + int(rng.integers(len(head) - 2000))
            rest = head[2000:cut] if rng.random() < .3 else head[2000:]
            (tmp_path / "film.dcm").write_bytes(mutated(head[:2000], rng) + rest)
            if film := survives(read_film, tmp_path / "film.dcm"):
                assert shown(film).shape == film.pixels.shape


@pytest.mark.parametrize("seed", range(4))
def test_mutated_tables(tmp_path, seed):
    rng = np.random.default_rng(seed)
    names = "train_image_level.csv", "train_study_level.csv"
    contents = {name: (SAMPLE / name).read_bytes() for name in names}
    answer = b"id,PredictionString\na_image,opacity 0.5 1 2 3 4 none 0.3 0 0 1 1\ns_study,negative 0.9 0 0 1 1\n"
    for _ in range(25):
        for name in names:
            (tmp_path / name).write_bytes(mutated(contents[name], rng))
        labels = survives(read_labels, tmp_path)
        assert all("\n" not in fault for fault in labels.faults)
        (tmp_path / "answer.csv").write_bytes(mutated(answer, rng))
        survives(read_submission, tmp_path / "answer.csv")


def test_mutated_weights(tmp_path):
    """The header and the card are hit as often as the numbers."""
    rng = np.random.default_rng(5)
    data = min(WEIGHTS.glob("*.safetensors"), key=lambda path: path.stat().st_size).read_bytes()
    length = 8 + int.from_bytes(data[:8], "little")
    for number in range(60):
        head, body = data[:length], data[length:]
        head, body = (mutated(head, rng), body) if number % 3 else (head, mutated(body, rng))
        (tmp_path / "mutated.safetensors").write_bytes(head + body)
        survives(read_card, tmp_path / "mutated.safetensors")
        survives(read_weights, tmp_path / "mutated.safetensors")


def test_mutated_predictions(tmp_path):
    rng = np.random.default_rng(6)
    files = {path.name: path.read_bytes() for path in (SAMPLE / "predictions").iterdir()}
    for _ in range(60):
        hit = sorted(files)[rng.integers(len(files))]
        for name, content in files.items():
            (tmp_path / name).write_bytes(mutated(content, rng) if name == hit else content)
        survives(read_predictions, tmp_path)
