"""The command about first reads: each reader's point beside the model's on films of which every count is known."""

import contextlib
import csv
import io
import json

import pytest

from core.__main__ import main
from core.dataset import open_dataset
from core.first_reads import FirstRead
from core.first_reads_store import FirstReadStore
from core.origins import origin_of
from tests.reading_set import BESIDE, FOUND, MISSED, write_answers, write_set


@pytest.fixture
def opened(tmp_path):
    """Arguments of the command about the reading set, with reads of two readers and one of another data set."""
    data, answers, place = write_set(tmp_path / "set"), write_answers(tmp_path / "answers"), tmp_path / "reviews.sqlite"
    films = {image.image_id: image for image in open_dataset(data).images}
    with contextlib.closing(FirstReadStore(place)) as store:
        for film, reader, boxes, study_class, seconds in (
                ("one", "ann", [FOUND, MISSED], "typical", 30.0), ("two", "ann", [BESIDE], "typical", 10.0),
                ("one", "=bob\x1b[31m", [], "negative", 5.0), ("extra", "=bob\x1b[31m", [FOUND], "typical", 99.0)):
            store.save("older name", FirstRead(film, tuple(map(tuple, boxes)), study_class, seconds, reader,
                                               "2026-01-01T00:00:00+00:00"), origin_of(films[film]))
        store.save("another", FirstRead("one", (), "typical", 1.0, "eve", "2026-01-01T00:00:00+00:00"))
    return ["reads", "--data", str(data), "--predictions", str(answers), "--reviews", str(place)]


def test_each_reader_stands_beside_the_model_on_the_same_films(opened, capsys):
    """ann finds both boxes of one and draws one too many on two; the model finds one of two, with a false positive on
    each film. bob's read of the film without label counts for nobody."""
    assert main([*opened, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    ann, bob = told["readers"]["ann"], told["readers"]["=bob\x1b[31m"]
    assert (ann["films"], ann["boxes"], ann["seconds"]) == (2, 2, 20)
    assert (ann["reader"]["sensitivity"], ann["reader"]["false_positives"], ann["reader"]["right"]) == (1, .5, 1)
    assert (ann["model"]["sensitivity"], ann["model"]["false_positives"]) == (.5, 1)
    assert (bob["films"], bob["seconds"], bob["reader"]["sensitivity"], bob["reader"]["right"]) == (1, 5, 0, 0)
    assert "eve" not in told["readers"] and len(told["reads"]) == 4 and told["stamp"]["data set"] == "set"


def test_the_table_and_the_export_write_names_as_text(opened, tmp_path, capsys):
    assert main([*opened, "--csv", str(tmp_path / "reads.csv")]) == 0
    printed = capsys.readouterr().out
    assert "\x1b" not in printed and "4 reads of 2 readers" in printed
    assert printed.splitlines()[3].split() == ["ann", "2", "2", "1.000", "0.500", "1.000", "20", "s"]
    lines = [each for each in (tmp_path / "reads.csv").read_text("utf-8").splitlines() if not each.startswith("#")]
    assert {row["reader"] for row in csv.DictReader(io.StringIO("\n".join(lines)))} == {"ann", "'=bob\x1b[31m"}
    assert main([*opened, "--reader", "ann"]) == 0
    assert "2 reads of 1 readers" in capsys.readouterr().out


def test_before_the_first_read_there_are_none(tmp_path, monkeypatch, capsys):
    data, answers = write_set(tmp_path / "set"), write_answers(tmp_path / "answers")
    monkeypatch.setenv("GROUNDGLASS_REVIEWS", str(tmp_path / "none.sqlite"))
    assert main(["reads", "--data", str(data), "--predictions", str(answers)]) == 0
    assert "0 reads of 0 readers" in capsys.readouterr().out and not (tmp_path / "none.sqlite").exists()
