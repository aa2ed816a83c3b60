"""The prediction store: what is written is read, and what breaks a rule is named."""

import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.cases import rearranged
from core.errors import BadPredictions
from core.exhibits import read_exhibit
from core.predictions import Candidates, Predictions, Source, read_predictions, write_predictions

PLAIN, FLIP = Source("det", "0", "plain"), Source("det", "0", "flip")
OPACITY, STUDY = Source("b0", "0", "plain"), Source("b3", "", "plain")
IMAGES, STUDIES = ("000123", "nan", "1e5"), ("s1", "NA")


def example(**changed):
    """Three films with 2, 0 and 1 candidates; the film 1e5 has no opacity probability and the study NA none
    at all."""
    candidates = {
        "boxes": np.array([[10, 20, 40, 90], [11, 21, 41, 95], [1.5, 2.25, 300, 7]], np.float32),
        "scores": np.array([0.9, 0.1, 0.3], np.float32), "source": np.array([0, 1, 1], np.int16),
        "offsets": np.array([0, 2, 2, 3]), "sources": (PLAIN, FLIP)}
    rest = {"image_ids": IMAGES, "study_ids": STUDIES, "opacity": np.array([[0.25], [1 / 3], [np.nan]], np.float32),
            "opacity_sources": (OPACITY,), "study_sources": (STUDY,), "manifest": {"dataset": "three"},
            "study": np.array([[[0.1, 0.2, 0.3, 0.4]], [[np.nan] * 4]], np.float32), "film_study": [1, -1, 0]}
    candidates.update({name: value for name, value in changed.items() if name in candidates})
    rest.update({name: value for name, value in changed.items() if name in rest})
    return Predictions(candidates=Candidates(**candidates), **rest)


def assert_same(one, other):
    assert (one.image_ids, one.study_ids) == (other.image_ids, other.study_ids)
    for name in ("boxes", "scores", "source", "offsets"):
        a, b = getattr(one.candidates, name), getattr(other.candidates, name)
        assert a.dtype == b.dtype and np.array_equal(a, b), name
    assert np.array_equal(one.opacity, other.opacity, equal_nan=True)
    assert np.array_equal(one.study, other.study, equal_nan=True)
    assert one.film_study.dtype == other.film_study.dtype and np.array_equal(one.film_study, other.film_study)
    assert one.candidates.sources == other.candidates.sources
    assert (one.opacity_sources, one.study_sources) == (other.opacity_sources, other.study_sources)


def test_what_is_written_is_read_to_the_last_bit(tmp_path):
    write_predictions(tmp_path / "new" / "place", example())
    found = read_predictions(tmp_path / "new" / "place")
    assert_same(found, example())
    assert found.manifest["dataset"] == "three"


def test_a_store_that_keeps_no_studies_of_films_is_read_without(tmp_path):
    write_predictions(tmp_path, example())
    path = tmp_path / "manifest.json"
    told = json.loads(path.read_text())
    del told["film_study"]
    path.write_text(json.dumps(told))
    assert read_predictions(tmp_path).film_study.tolist() == [-1, -1, -1]


def test_predictions_without_any_source_are_read(tmp_path):
    nothing = example(boxes=np.zeros((0, 4)), scores=np.zeros(0), source=np.zeros(0), offsets=np.zeros(4), sources=(),
                      opacity=np.zeros((3, 0)), opacity_sources=(), study=np.zeros((2, 0, 4)), study_sources=())
    write_predictions(tmp_path, nothing)
    assert_same(read_predictions(tmp_path), nothing)


def test_the_arrays_of_the_caller_stay_writable_and_those_kept_are_not():
    scores = np.array([0.9, 0.1, 0.3], np.float32)
    kept = example(scores=scores).candidates.scores
    scores[0] = 0.8
    with pytest.raises(ValueError, match="read-only"):
        kept[0] = 0.1


def test_rows_of_another_program_are_put_in_film_source_and_score_order(tmp_path):
    """Plain text columns, float64 and any order of rows: what pandas would write."""
    write_predictions(tmp_path, example())
    rewrite(tmp_path, "candidates", lambda columns: {
        "source": ["det/0/flip", "det/0/flip", "det/0/plain", "det/0/flip"], "score": [0.3, 0.1, 0.9, 0.2],
        "image_id": ["1e5", "000123", "000123", "000123"], "x_min": [1.5, 11.0, 10.0, 12.0],
        "y_min": [2.25, 21.0, 20.0, 22.0], "x_max": [300.0, 41.0, 40.0, 42.0], "y_max": [7.0, 95.0, 90.0, 96.0]})
    found = read_predictions(tmp_path).candidates
    assert found.offsets.tolist() == [0, 3, 3, 4]
    assert found.source.tolist() == [0, 1, 1, 1]
    assert found.scores.tolist() == np.array([0.9, 0.2, 0.1, 0.3], np.float32).tolist()
    assert found.boxes[1].tolist() == [12, 22, 42, 96]


def rewrite(directory, part, change):
    """Replace the columns of the Parquet file of `part` by what `change` makes of them (lists by name)."""
    path = directory / json.loads((directory / "manifest.json").read_text())["files"][part]
    columns = pq.read_table(path).to_pydict()
    pq.write_table(pa.table(change(columns)), path)


def put(column, *values):
    return lambda columns: {**columns, column: list(values)}


def twice(columns):
    return {name: [*values, values[0]] for name, values in columns.items()}


@pytest.mark.parametrize(("part", "change", "words"), [
    ("candidates", put("score", 0.9, float("nan"), 0.3), ["score 1 is nan", "0..1"]),
    ("candidates", put("score", 0.9, 0.1, 1.5), ["score 2 is 1.5", "0..1"]),
    ("candidates", put("score", 0.9, None, 0.3), ["empty cells", "score"]),
    ("candidates", put("score", "a", "b", "c"), ["text among", "score"]),
    ("candidates", put("x_max", 40.0, 1.0, 300.0), ["box 1 is [11.0, 21.0, 1.0, 95.0]", "x_max >= x_min"]),
    ("candidates", put("y_min", float("inf"), 2.0, 3.0), ["box 0", "finite"]),
    ("candidates", put("image_id", "000123", "123", "1e5"), ["'123' in row 1", "does not name it"]),
    ("candidates", put("image_id", 123, 123, 5), ["int64", "image_id", "text"]),
    ("candidates", put("source", "det/0/plain", "det/0/zoom", "det/0/flip"), ["'det/0/zoom'", "does not name it"]),
    ("candidates", lambda columns: {"image_id": columns["image_id"]}, ["lacks", "'source'"]),
    ("opacity", twice, ["twice", "opacity"]),  # the diary's mistake 10: an image predicted once per box row
    ("opacity", put("probability", float("nan"), 0.5), ["opacity", "NaN"]),
    ("opacity", put("probability", 0.5, -0.1), ["opacity probability 1 is -0.1"]),
    ("study", put("typical", 2.0), ["study probability 1 is 2.0"]),
    ("study", put("study_id", "s9"), ["'s9'", "does not name it"]),
])
def test_a_broken_row_is_named_with_value_and_rule(tmp_path, part, change, words):
    write_predictions(tmp_path, example())
    rewrite(tmp_path, part, change)
    with pytest.raises(BadPredictions) as error:
        read_predictions(tmp_path)
    assert all(word in str(error.value).replace("1.10000002384186", "1.1") for word in words), str(error.value)


@pytest.mark.parametrize("read", [read_predictions, read_exhibit])
@pytest.mark.parametrize("name", ["manifest.json", "candidates", "study"])
def test_a_pipe_in_a_store_is_not_waited_for(name, read, tmp_path):
    write_predictions(tmp_path, example())
    place = next(tmp_path.glob(f"{name}*"))
    place.unlink()
    os.mkfifo(place)
    with pytest.raises(BadPredictions, match="no plain file"):
        read(tmp_path)


def test_a_manifest_leads_to_no_file_outside_its_directory(tmp_path):
    write_predictions(tmp_path / "in", example())
    manifest = json.loads((tmp_path / "in" / "manifest.json").read_text())
    (tmp_path / "in" / manifest["files"]["study"]).rename(tmp_path / manifest["files"]["study"])
    for outside in (f"../{manifest['files']['study']}", str(tmp_path / manifest["files"]["study"])):
        changed = {**manifest, "files": {**manifest["files"], "study": outside}}
        (tmp_path / "in" / "manifest.json").write_text(json.dumps(changed))
        for read in (read_predictions, read_exhibit):
            with pytest.raises(BadPredictions):
                read(tmp_path / "in")


@pytest.mark.parametrize(("damage", "word"), [
    (lambda content: content[:len(content) // 2], "cannot be read"),  # a truncated file
    (lambda content: b"", "cannot be read"),
    (lambda content: content[:60] + bytes([content[60] ^ 255]) + content[61:], "cannot be read"),  # a flipped byte
])
def test_a_damaged_file_is_named_never_half_read(tmp_path, damage, word):
    write_predictions(tmp_path, example())
    path = next(tmp_path.glob("candidates-*.parquet"))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(BadPredictions, match=word) as error:
        read_predictions(tmp_path)
    assert path.name in str(error.value)


@pytest.mark.parametrize(("key", "value"), [
    ("format", 2), ("image_ids", [1, 2, 3]), ("image_ids", "000123"), ("study_ids", None),
    ("files", {"candidates": "../elsewhere.parquet", "opacity": "o", "study": "s"}), ("files", []),
    ("sources", {"candidates": [{"model": "det"}], "opacity": [], "study": []}), ("sources", {}),
    ("image_ids", ["000123", "000123", "1e5"]),  # an id twice
    ("film_study", "1"), ("film_study", [0, 0.5, 1]), ("film_study", [0, 10 ** 30, 1]), ("film_study", [0, -2, 1]),
    ("film_study", [0, 1]), ("film_study", [0, 1, 2]),
    ("sources", {"candidates": [{"model": "a/b", "fold": "0", "view": "plain"}], "opacity": [], "study": []}),
])
def test_a_manifest_with_an_unusable_entry_is_refused(tmp_path, key, value):
    write_predictions(tmp_path, example())
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(BadPredictions):
        read_predictions(tmp_path)


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_manifest_that_is_no_object_is_refused(tmp_path, content):
    write_predictions(tmp_path, example())
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(BadPredictions):
        read_predictions(tmp_path)


def test_a_directory_without_predictions_is_named(tmp_path):
    with pytest.raises(BadPredictions, match="manifest.json cannot be read"):
        read_predictions(tmp_path / "nothing")


@pytest.mark.parametrize(("change", "words"), [
    ({"scores": [0.5, float("nan"), 0.1]}, "candidate score 1 is nan"),
    ({"boxes": [[0, 0, 1, 1], [9, 0, 1, 1], [0, 0, 1, 1]]}, "candidate box 1"),
    ({"offsets": [0, 2, 1, 3]}, "climb"),
    ({"offsets": [0, 2, 3]}, "2 films, but there are 3"),
    ({"source": [0, 1, 2]}, "candidate source 2"),
    ({"sources": (PLAIN, PLAIN)}, "occurs twice"),
    ({"opacity": [[0.5], [0.5]]}, "shape"),
    ({"study": [[[0.1, np.nan, 0.3, 0.4]], [[np.nan] * 4]]}, "four numbers or none"),
    ({"film_study": [0, 0, 2]}, "the study of film 2 is 2"),
    ({"image_ids": ("a", "b", "a")}, "image id 'a' occurs twice"),
])
def test_wrong_values_are_refused_before_they_are_written(change, words):
    with pytest.raises(BadPredictions, match=words):
        example(**{name: value if name in ("sources", "image_ids") else np.array(value)
                   for name, value in change.items()})


def test_an_interrupted_write_leaves_the_predictions_of_before(tmp_path, monkeypatch):
    write_predictions(tmp_path, example())
    real = Path.replace

    def killed(self, target):
        if Path(target).name == "manifest.json":
            raise KeyboardInterrupt
        return real(self, target)

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        write_predictions(tmp_path, example(scores=np.array([0.8, 0.7, 0.6], np.float32)))
    assert_same(read_predictions(tmp_path), example())


def test_a_second_write_leaves_nothing_of_the_first(tmp_path):
    write_predictions(tmp_path, example())
    changed = example(scores=np.array([0.8, 0.7, 0.6], np.float32))
    write_predictions(tmp_path, changed)
    assert_same(read_predictions(tmp_path), changed)
    assert len(list(tmp_path.iterdir())) == 4


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadPredictions, match="cannot be written"):
        write_predictions(tmp_path / "file" / "below", example())


def test_rearranged_predictions_keep_the_studies_of_their_films():
    """A film that is new, and one whose study is not asked for, are of no known study."""
    moved = rearranged(example(film_study=[1, 0, 0]), ("1e5", "new", "000123"), ("s1", "other"))
    assert moved.film_study.tolist() == [0, -1, -1]
