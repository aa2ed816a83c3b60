"""`python -m core`: what goes to standard output, what to standard error, and the exit code."""

import csv
import json
import subprocess
import sys
from dataclasses import fields
from types import SimpleNamespace

import numpy as np
import pytest
from film_files import film_file

from core.__main__ import main
from core.fusion import FusionSettings
from core.levels import ScoreSettings
from core.predictions import Candidates, Predictions, Source, read_predictions, write_predictions

CLASSES = ("opacity", "none", "negative", "typical", "indeterminate", "atypical")
PIXELS = np.arange(12, dtype=np.uint8).reshape(3, 4)


@pytest.fixture
def run(capsys):
    """Run a command line; returns exit code, standard output, lines of standard error."""
    def _run(*arguments):
        try:
            code = main([str(each) for each in arguments])
        except SystemExit as end:  # argparse
            code = end.code
        out, err = capsys.readouterr()
        return code, out, err.splitlines()
    return _run


@pytest.fixture
def labelled(tmp_path):
    """A directory with labels of 60 films in 40 studies, and predictions of them, but no film."""
    random = np.random.default_rng(3)
    root, counts = tmp_path / "data", random.integers(0, 3, 60)
    root.mkdir()
    boxes = [[corners(random) for _ in range(count)] for count in counts]
    with (root / "train_image_level.csv").open("w") as file:
        file.write("id,boxes,label,StudyInstanceUID\n")
        for film, each in enumerate(boxes):
            listed = [dict(zip(("x", "y", "width", "height"), (x, y, right - x, low - y), strict=True))
                      for x, y, right, low in each]
            label = " ".join(f"opacity 1 {' '.join(map(str, box))}" for box in each) or "none 1 0 0 1 1"
            file.write(f'{film:03}_image,"{listed if listed else ""}",{label},s{film % 40}\n')
    with (root / "train_study_level.csv").open("w") as file:
        file.write("id,Negative for Pneumonia,Typical Appearance,Indeterminate Appearance,Atypical Appearance\n")
        for study in range(40):
            file.write(f"s{study}_study,{','.join(str(int(study % 4 == each)) for each in range(4))}\n")
    write_predictions(tmp_path / "predictions", predicted(boxes, random))
    return tmp_path


def corners(random):
    x, y = random.integers(0, 100, 2).tolist()
    return x, y, x + int(random.integers(30, 60)), y + int(random.integers(10, 90))


def predicted(truth, random):
    """Predictions of two views: noisy copies of the truth and as many boxes elsewhere, with many equal scores."""
    sources = Source("det", "0", "plain"), Source("det", "0", "flip")
    boxes, scores, source, counts = [], [], [], []
    for film in truth:
        counts.append(0)
        for view in range(2):
            found = [np.add(box, random.normal(0, 3, 4)) for box in film] + [corners(random) for _ in film]
            boxes += found
            scores += sorted(random.integers(1, 10, len(found)) / 10, reverse=True)
            source += [view] * len(found)
            counts[-1] += len(found)
    candidates = Candidates(np.array(boxes, np.float32), np.array(scores, np.float32), np.array(source, np.int16),
                            np.concatenate([[0], np.cumsum(counts)]), sources)
    study = random.dirichlet(np.ones(4), (40, 1)).astype(np.float32)
    return Predictions(tuple(f"{film:03}" for film in range(60)), tuple(f"s{study}" for study in range(40)), candidates,
                       random.random((60, 2), np.float32), sources, study, sources[:1], {"errors": []})


def test_json_is_one_object_and_nothing_else(run, labelled):
    code, out, err = run("evaluate", "--data", labelled / "data", "--predictions", labelled / "predictions", "--json")
    found = json.loads(out)
    assert code == 0 and err == [] and out.count("\n") == 1
    assert tuple(found) == (*CLASSES, "mean")
    assert found["mean"] == pytest.approx(np.mean([found[name] for name in CLASSES]))
    assert 0.2 < found["opacity"] < 1


def test_the_table_shows_the_same_figures_and_the_settings(run, labelled):
    given = "evaluate", "--data", labelled / "data", "--predictions", labelled / "predictions", "--iou", "0.45"
    found = json.loads(run(*given, "--json")[1])
    code, out, _ = run(*given)
    lines = out.splitlines()
    assert code == 0 and [line.split()[0] for line in lines[:7]] == [*CLASSES, "mean"]
    assert lines[6].split()[1] == f"{found['mean']:.5f}"
    assert lines[7].startswith("60 films and 40 studies, with method wbf")
    assert "iou 0.45" in lines[7] and "exponent 0.3" in lines[7]


@pytest.mark.parametrize("settings", [
    (), ("--method", "nms", "--iou", "0.5"), ("--method", "soft_nms", "--exponent", "0"),
    ("--method", "nmw", "--sources", "det/0/flip", "--opacity-sources", "det/0/plain"),
    ("--source-weights", "2", "1", "--conf-type", "max", "--skip", "0.2")])
def test_a_submission_is_scored_like_its_predictions_to_the_last_digit(run, labelled, settings):
    data = "--data", labelled / "data"
    direct = run("evaluate", *data, "--predictions", labelled / "predictions", "--json", *settings)
    assert run("submit", "--predictions", labelled / "predictions", "--out", labelled / "sub.csv", *settings)[0] == 0
    assert run("evaluate", *data, "--predictions", labelled / "sub.csv", "--json") == direct
    reordered(labelled / "sub.csv")
    assert run("evaluate", *data, "--predictions", labelled / "sub.csv", "--json") == direct


def reordered(path):
    head, *rows = path.read_text().splitlines()
    path.write_text("\n".join([head, *sorted(rows, reverse=True), ""]))


def test_the_settings_change_the_score(run, labelled):
    given = "evaluate", "--data", labelled / "data", "--predictions", labelled / "predictions", "--json"
    scores = [json.loads(run(*given, *more)[1])["opacity"] for more in (
        (), ("--exponent", "0"), ("--iou", "0.95"), ("--sources", "det/0/plain"), ("--conf-type", "avg"))]
    assert len(set(scores)) == 5


def test_every_setting_has_an_option(run):
    """Settings that grow a field must grow an option, or the command line would score other than the viewer."""
    text = run("evaluate", "--help")[1]
    renamed = {"weights": "source-weights", "scales": "source-scales"}
    for field in (*fields(FusionSettings), *fields(ScoreSettings)):
        assert f"--{renamed.get(field.name, field.name.replace('_', '-'))} " in text


def table(path):
    return list(csv.DictReader(path.read_text().splitlines()))


def test_the_sample_decides_the_rows(run, labelled):
    sample = labelled / "sample.csv"
    sample.write_text("id,PredictionString\ns3_study,\n999_image,\n007_image,\n")
    code, out, err = run("submit", "--predictions", labelled / "predictions", "--out", labelled / "sub.csv", "--sample",
                         sample)
    rows = table(labelled / "sub.csv")
    assert code == 0 and out.strip() == str(labelled / "sub.csv")
    assert [row["id"] for row in rows] == ["s3_study", "999_image", "007_image"]
    assert len(err) == 2 and "1 ids such as 999_image" in err[0]


def test_ids_choose_what_is_scored(run, labelled):
    ids = labelled / "ids.txt"
    given = ("evaluate", "--data", labelled / "data", "--predictions", labelled / "predictions", "--json", "--ids", ids)
    results = []
    for text in ("001\n041_image\n\n", "id,note\n001,x\n041_image,y\n", "041\n001\ns1\n", "041\r\n001\r\ns1_study"):
        ids.write_text(text)
        results.append(run(*given))
    assert all(result == results[0] for result in results)
    assert results[0][2][:2] == ["2 of the 60 labelled films are scored.", "1 of the 40 labelled studies are scored."]
    assert json.loads(results[0][1])["typical"] == 1 and json.loads(results[0][1])["negative"] is None


@pytest.mark.parametrize(("text", "words"), [("nobody\n", "'nobody'"), ("", "holds no id")])
def test_a_list_of_ids_that_fits_nothing_is_refused(run, labelled, text, words):
    (labelled / "ids.txt").write_text(text)
    code, out, err = run("evaluate", "--data", labelled / "data", "--predictions", labelled / "predictions", "--ids",
                         labelled / "ids.txt")
    assert (code, out, len(err)) == (2, "", 1) and words in err[0]


def break_label(root):
    path = root / "data" / "train_image_level.csv"
    path.write_text(path.read_text().replace("none 1 0 0 1 1", "none 1 0 0 1", 1))


def break_score(root):
    """A NaN confidence in a submission."""
    (root / "predictions" / "manifest.json").unlink()
    for file in (root / "predictions").iterdir():
        file.unlink()
    (root / "predictions").rmdir()
    (root / "predictions").write_text("id,PredictionString\n001_image,opacity NaN 1 2 3 4\n")


@pytest.mark.parametrize(("spoil", "words"), [
    (lambda root: (root / "data" / "train_image_level.csv").unlink(), "train_image_level.csv does not exist"),
    (lambda root: (root / "data" / "train_study_level.csv").unlink(), "train_study_level.csv does not exist"),
    (break_label, "column label"),
    (break_score, "row 2, column PredictionString"),
    (lambda root: (root / "predictions" / "manifest.json").unlink(), "manifest.json cannot be read"),
    (lambda root: (root / "predictions").rename(root / "away"), "does not exist"),
    (lambda root: (root / "data").rename(root / "away"), "no directory"),
])
def test_bad_input_is_one_sentence_on_standard_error(run, labelled, spoil, words):
    spoil(labelled)
    code, out, err = run("evaluate", "--data", labelled / "data", "--predictions", labelled / "predictions")
    assert (code, out, len(err)) == (2, "", 1) and words in err[0]


@pytest.mark.parametrize("options", [
    ("--method", "best"), ("--iou", "2"), ("--exponent", "-1"), ("--sources", "nobody"), ("--source-weights", "1"),
    ("--sigma", "nan")])
def test_a_setting_out_of_range_is_one_sentence_too(run, labelled, options):
    code, out, err = run("evaluate", "--data", labelled / "data", "--predictions", labelled / "predictions", *options)
    assert (code, out, len(err)) == (2, "", 1)


@pytest.mark.parametrize("arguments", [(), ("nothing",), ("evaluate",), ("film",), ("evaluate", "--iou", "much")])
def test_wrong_arguments_end_with_code_2(run, arguments):
    code, out, err = run(*arguments)
    assert (code, out) == (2, "") and err[0].startswith("usage:")


def test_films_become_pictures_that_neither_collide_nor_escape(run, tmp_path):
    (tmp_path / "a" / "deep").mkdir(parents=True)
    names = ["a/x.dcm", "a/deep/x.dcm", "a/X.dcm", "a/...dcm", "a/b c;%.dcm"]
    for name in names:
        film_file(tmp_path / name, PIXELS)
    (tmp_path / "a" / "bad.dcm").write_text("no film")
    out = tmp_path / "out"
    code, lines, err = run("film", tmp_path / "a", tmp_path / "gone.dcm", "--out", out)
    found = [json.loads(line) for line in lines.splitlines()]
    assert code == 2 and len(err) == 2
    assert sorted(line["file"] for line in found if line["ok"]) == sorted(str(tmp_path / name) for name in names)
    assert [line["file"] for line in found if not line["ok"]] == [str(tmp_path / "a" / "bad.dcm"),
                                                                  str(tmp_path / "gone.dcm")]
    pictures = [line["png"] for line in found if line["ok"]]
    assert len({picture.lower() for picture in pictures}) == 5
    assert sorted(map(str, out.iterdir())) == sorted(pictures)
    assert all(line["steps"] for line in found if line["ok"])


def test_a_film_is_never_overwritten_by_its_picture(run, tmp_path):
    film = film_file(tmp_path / "x.png", PIXELS)
    before = film.read_bytes()
    code, out, _ = run("film", film, "--out", tmp_path)
    assert code == 0 and json.loads(out)["png"] == str(tmp_path / "x-2.png")
    assert film.read_bytes() == before


def test_a_picture_is_the_film_as_shown(run, tmp_path):
    import cv2

    from core.dicom import read_film
    from core.display import shown

    film = film_file(tmp_path / "x.dcm", PIXELS, PhotometricInterpretation="MONOCHROME1")
    code, out, _ = run("film", film, "--out", tmp_path)
    assert code == 0
    assert np.array_equal(cv2.imread(json.loads(out)["png"], cv2.IMREAD_UNCHANGED), shown(read_film(film)))


def test_index_counts_films_and_names_problems(run, labelled):
    film = labelled / "data" / "train" / "s1" / "x" / "001.dcm"
    film.parent.mkdir(parents=True)
    film_file(film, PIXELS, PatientID="P")
    code, out, err = run("index", "--data", labelled / "data")
    assert code == 2 and out.startswith("data: 1 films of 1 studies and 1 patients, 60 labelled images")
    assert "image '000' of train_image_level.csv has no film" in err[0]


def test_predict_stores_what_was_predicted_and_says_what_was_not(run, labelled, monkeypatch):
    """The command around `core.inference.predict`, which has tests of its own and takes long to import."""
    asked = {}

    def predict(dataset, weights, **settings):
        asked.update(settings, weights=weights, name=dataset.name)
        found = read_predictions(labelled / "predictions")
        found.manifest["errors"] = [{"image": "003", "error": "cannot be read."}]
        return found

    monkeypatch.setitem(sys.modules, "core.inference", SimpleNamespace(predict=predict))
    (labelled / "ids.txt").write_text("003_image\ns1_study\n")
    (labelled / "w.safetensors").write_text("")
    code, out, err = run("predict", "--data", labelled / "data", "--weights", labelled, "--out", labelled / "new",
                         "--views", "3", "--batch", "5", "--ids", labelled / "ids.txt")
    assert code == 2 and err[-1] == "003 is not predicted: cannot be read."
    assert "60 films of 40 studies" in out
    assert asked["image_ids"] == ("001", "003", "041") and asked["weights"] == [labelled / "w.safetensors"]
    assert (asked["views"], asked["batch"], asked["device"], asked["name"]) == (3, 5, "auto", "data")
    assert read_predictions(labelled / "new").image_ids == read_predictions(labelled / "predictions").image_ids


def test_the_module_runs_as_a_program(tmp_path):
    command = [sys.executable, "-m", "core", "evaluate", "--data", tmp_path, "--predictions", "x", "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.count("\n") == 1 and "Traceback" not in ended.stderr


def test_the_golden_figures_come_out_of_the_command(run, shared, tmp_path):
    """`none` over distinct films and the four study classes of the diary, through the competition's files."""
    films = {row["image_id"]: row for row in table(shared / "goldens" / "diary_none_003_ver09.csv")}
    studies = table(shared / "goldens" / "diary_study_004_ver04.csv")
    lines = {"train_image_level": ["id,boxes,label,StudyInstanceUID"], "sub": ["id,PredictionString"],
             "train_study_level": ["id,Negative for Pneumonia,Typical Appearance,Indeterminate Appearance,"
                                   "Atypical Appearance"]}
    for image_id, row in films.items():
        label = "none 1 0 0 1 1" if row["none"] == "1" else "opacity 1 1 2 30 50"
        lines["train_image_level"].append(f"{image_id}_image,,{label},unknown")
        lines["sub"].append(f"{image_id}_image,none {1 - float(row['opacity_probability'])!r} 0 0 1 1")
    for row in studies:
        marks = ",".join(str(int(row["truth"] == name)) for name in CLASSES[2:])
        lines["train_study_level"].append(f"{row['study_id']}_study,{marks}")
        words = " ".join(f"{name} {row[name]} 0 0 1 1" for name in CLASSES[2:])
        lines["sub"].append(f"{row['study_id']}_study,{words}")
    for name, rows in lines.items():
        (tmp_path / f"{name}.csv").write_text("\n".join(rows))
    found = json.loads(run("evaluate", "--data", tmp_path, "--predictions", tmp_path / "sub.csv", "--json")[1])
    assert len(films) == 1838 and found["none"] == pytest.approx(0.74068, abs=5e-6)
    assert [round(found[name], 5) for name in CLASSES[2:]] == [0.75620, 0.84545, 0.26599, 0.22193]
    assert np.mean([found[name] for name in CLASSES[2:]]) == pytest.approx(0.52239, abs=5e-6)
