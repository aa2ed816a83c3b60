"""`python -m core predict --films`: from files anywhere to predictions, with films in doubt held back."""

import json
import shutil

import numpy as np
import pytest
from film_files import film_file

from core.__main__ import main
from core.doubts import doubts_of, header_doubts
from core.inference import open_predictor
from core.own_films import ALL, predict_own, read_doubts
from core.predictions import MANIFEST, read_predictions
from tests.conftest import ROOT

WEIGHTS = [ROOT / "assets" / "weights" / f"{name}.safetensors" for name in ("joint-lite1-f0", "detector-lite0-f0")]
FILMS = sorted((ROOT / "assets" / "sample").rglob("*.dcm"))[:4]
RAMP = np.add.outer(np.arange(200, dtype=np.uint16), np.arange(300, dtype=np.uint16))


@pytest.fixture(scope="module")
def predictor():
    return open_predictor(WEIGHTS[:1], views=1, runtime="torch", batch=2)


@pytest.fixture
def gathered(tmp_path):
    """A directory of four sample films in two studies, and a lateral of one of the studies."""
    for number, path in enumerate(FILMS):
        place = tmp_path / "films" / "test" / f"s{number // 2}" / "series"
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place / f"f{number}.dcm")
    film_file(tmp_path / "films" / "test" / "s1" / "series" / "side.dcm", RAMP, ViewPosition="LL")
    return tmp_path


def test_the_command_takes_films_from_anywhere(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    shutil.copy(FILMS[0], tmp_path / "in")
    (tmp_path / "in" / "bad.dcm").write_bytes(bytes(128) + b"DICM" + b"\x08\0")
    film_file(tmp_path / "in" / "ct.dcm", RAMP, Modality="CT")
    given = ["predict", "--films", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--views", "1", "--runtime",
             "torch", "--weights", *map(str, WEIGHTS)]
    assert main([*given, "--confirm", FILMS[0].stem]) == 2
    out, err = capsys.readouterr()
    assert "1 in doubt, 1 not" in out
    assert "ct is not predicted, as it may be no frontal chest radiograph: Modality is 'CT'" in err
    predicted = read_predictions(tmp_path / "out")
    assert FILMS[0].stem in predicted.image_ids and "ct" not in predicted.image_ids
    assert len(predicted.candidates.boxes) and predicted.study.shape[1:] == (1, 4)
    main([*given, "--confirm", "all", "--json"])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert "ct" in read_predictions(tmp_path / "out").image_ids
    assert lines[-1]["done"]["predicted"] == len(predicted.image_ids) + 1 and "bad" in lines[-1]["done"]["failed"]
    assert {next(iter(line)) for line in lines} == {"taken", "passed_over", "progress", "done"}


def test_either_a_data_set_or_films(capsys):
    for named in ((), ("--data", "x", "--films", "y")):
        assert main(["predict", *named, "--weights", "w", "--out", "o"]) == 2
        assert "--data and --films" in capsys.readouterr().err


def test_a_film_in_doubt_waits_and_its_study_is_predicted_anew_when_confirmed(gathered, predictor):
    first = predict_own(gathered, lambda: predictor)
    assert (first.predicted, first.waiting, first.failed) == (4, ("side",), {})
    alone = read_predictions(gathered)
    second = predict_own(gathered, lambda: predictor, confirmed=("side",))
    together = read_predictions(gathered)
    assert second.predicted == 5 and second.waiting == ()
    rows = [[each.study_ids.index(study) for study in ("s0", "s1")] for each in (alone, together)]
    assert np.array_equal(alone.study[rows[0][0]], together.study[rows[1][0]])
    assert not np.array_equal(alone.study[rows[0][1]], together.study[rows[1][1]]), "a study is the mean of its films"
    assert np.allclose(together.opacity[together.image_ids.index("f0")], alone.opacity[alone.image_ids.index("f0")])


def test_where_no_film_can_be_predicted_each_says_why_and_those_in_doubt_wait(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    film_file(tmp_path / "in" / "ct.dcm", RAMP, Modality="CT")
    for number in range(3):
        film_file(tmp_path / "in" / f"bad{number}.dcm", RAMP, PixelData=RAMP.tobytes()[:-2])
    given = ["predict", "--films", str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--views", "1", "--runtime",
             "torch", "--weights", str(WEIGHTS[0])]
    assert main([*given, "--json"]) == 2
    *before, doubt, done = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert doubt["doubt"]["image"] == "ct" and done["done"]["predicted"] == 0
    assert sorted(done["done"]["failed"]) == ["bad0", "bad1", "bad2"] and not any("failed" in line for line in before)
    assert main([*given, "--confirm", "ct"]) == 2
    out, err = capsys.readouterr()
    assert "1 films predicted, 0 in doubt, 3 not" in out and err.count(" is not predicted: bad") == 3


def test_only_what_is_missing_is_predicted(gathered, predictor, monkeypatch):
    predict_own(gathered, lambda: predictor, confirmed=ALL)
    asked = []
    monkeypatch.setattr(type(predictor), "gather", lambda _, images, progress=None: asked.append(images))
    outcome = predict_own(gathered, lambda: predictor, confirmed=ALL)
    assert outcome.predicted == 5 and asked == []


def test_what_was_predicted_before_a_stop_is_kept(gathered, predictor, monkeypatch):
    monkeypatch.setattr("core.own_films.GROUP", 2)

    def stopping(groups, total):
        assert total == 2
        yield groups[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict_own(gathered, lambda: predictor, progress=stopping, confirmed=ALL)
    assert read_predictions(gathered).image_ids == ("f0", "f1")
    assert predict_own(gathered, lambda: predictor, confirmed=ALL).predicted == 5


def test_damaged_predictions_and_doubts_are_made_again(gathered, predictor):
    predict_own(gathered, lambda: predictor)
    (gathered / MANIFEST).write_text("{")
    (gathered / "doubts.json").write_text("[1]")
    assert read_doubts(gathered) == {}
    assert predict_own(gathered, lambda: predictor).waiting == ("side",)
    assert len(read_predictions(gathered).image_ids) == 4


@pytest.mark.parametrize("attributes, told", [
    ({}, ""), ({"Modality": "DX", "BodyPartExamined": "PORT CHEST", "ViewPosition": "AP"}, ""),
    ({"BodyPartExamined": "THORAX", "PatientOrientation": ["L", "F"]}, ""),
    ({"ViewPosition": "PA", "SeriesDescription": "Chest PA and lateral"}, ""),
    ({"PatientOrientation": ["R", "FA"]}, ""),
    ({"Modality": "MR"}, "Modality is 'MR'"), ({"Modality": "MG"}, "Modality"),
    ({"BodyPartExamined": "HAND"}, "Body Part Examined is 'HAND'"), ({"BodyPartExamined": "SKULL"}, "Body Part"),
    ({"ViewPosition": "LL"}, "View Position is 'LL'"), ({"ViewPosition": "RLO"}, "View Position"),
    ({"ViewPosition": "LATERAL"}, "View Position"),
    ({"SeriesDescription": "Thorax lat."}, "Series Description".replace(" ", "")),
    ({"PatientOrientation": ["A", "F"]}, "between front and back"),
    ({"PatientOrientation": ["F", "R"]}, "turned"), ({"PatientOrientation": ["L", "H"]}, "turned")])
def test_what_a_header_says_against_a_frontal_chest_film(tmp_path, attributes, told):
    found = header_doubts(film_file(tmp_path / "film.dcm", RAMP, **attributes))
    assert len(found) == bool(told) and told in "".join(found)


def test_a_doubt_of_a_synthetic_film_says_that_it_is_synthetic(gathered):
    """Alone, that the film was computed holds nothing back."""
    from core.dataset import open_dataset
    from core.own_films import examine

    images = [image for image in open_dataset(gathered / "films").images if image.image_id == "f0"]
    assert examine(gathered, images) == {"f0": ()}
    (gathered / "doubts.json").unlink()
    why = examine(gathered, images, judge=lambda: lambda picture: ["unlike"])["f0"]
    assert len(why) == 2 and "SYNTHETIC" in why[0] and "of no patient" in why[0] and why[1] == "unlike"


def test_a_small_picture_is_doubted_and_hostile_words_stay_words():
    found = doubts_of({"Modality": "<b>\n'", "BodyPartExamined": "x" * 9000, "ViewPosition": "", "ProtocolName": "",
                       "SeriesDescription": "", "StudyDescription": ""}, [], 64, 3000)
    assert len(found) == 3 and "3000 x 64 pixels" in found[2]
    assert all("\n" not in each and len(each) < 200 for each in found)
