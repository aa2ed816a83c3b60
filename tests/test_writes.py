"""Whatever is written is there whole or not at all, whatever ends the writer; and what was there is kept, in words."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from film_files import film_file
from writers import KINDS, predictions

from core.errors import BadPredictions, BadSettings
from core.files import Damaged, locked, read_sealed, write_sealed
from core.predictions import read_predictions, write_predictions
from tests.conftest import ROOT


@pytest.fixture
def open_place():
    """A directory that another user may enter, below a readable one; root is not kept out of any by its mode."""
    place = Path(tempfile.mkdtemp(prefix="groundglass-test-"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


def ended(kind, way, place):
    """What a writer of `kind` left behind when it was ended by `way` at each stage in turn; see `writers`."""
    env = {**os.environ, "GROUNDGLASS_CACHE": str(place / "work" / "cache")}
    done = subprocess.run([sys.executable, str(ROOT / "tests" / "writers.py"), kind, way, str(place / "work")],
                          capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", ["kill", "cut"])
def test_a_writer_killed_at_any_stage_leaves_the_old_or_the_new(kind, way, open_place):
    """Killed at each opening, renaming and deleting of a file, and with ever more of a file on the disk."""
    told = ended(kind, way, open_place)
    assert len(told) > (5 if way == "kill" else 2), "it was ended at several stages"
    assert [each["code"] for each in told[:-1]] == [-9 if way == "kill" else -25] * (len(told) - 1)
    assert told[-1]["code"] == 0 and told[-1]["found"] == 1, "what was said to be saved is there"
    assert {each["found"] for each in told} == {0, 1}


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_keeps_what_was_there_and_is_said(kind, open_place):
    told = ended(kind, "full", open_place)
    assert len(told) > 2
    for each in told[:-1]:
        assert each["code"] == 2 and "cannot be written (File too large)" in each["said"], each
        assert "\n" not in each["said"] and each["left"] == []
    assert told[-1]["code"] == 0 and told[-1]["found"] == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_directory_that_cannot_be_written_is_said(kind, open_place):
    told, = ended(kind, "forbid", open_place)
    assert told["code"] == 2 and "cannot be written (Permission denied)" in told["said"] and told["found"] == 0, told


@pytest.mark.parametrize("kind", KINDS)
def test_a_directory_that_vanishes_while_it_is_written_is_said_or_made_again(kind, open_place):
    for each in ended(kind, "vanish", open_place):
        assert each["code"] == 0 or (each["code"] == 2 and "cannot be written" in each["said"]), each


WRITER = """
import sys
import time
from pathlib import Path
sys.path[:0] = [{root!r}, {root!r} + "/tests"]
from writers import predictions
from core.predictions import write_predictions
made = predictions({which})
while not Path({stop!r}).exists():
    write_predictions({place!r}, made)
    time.sleep(0.02)  # the system gives the lock to whom it likes, and who asks again at once may always be first
"""


def test_two_that_save_at_once_leave_one_of_both_whole(tmp_path):
    """While they write, a reader never sees a mixture, nor files that are gone; and it sees what each writes."""
    place, stop, seen, end = tmp_path / "predictions", tmp_path / "stop", [], time.monotonic() + 60
    write_predictions(place, predictions(0))
    programs = [subprocess.Popen([sys.executable, "-c", WRITER.format(root=str(ROOT), which=which, stop=str(stop),
                                                                      place=str(place))]) for which in (0, 1)]
    try:
        while len(seen) < 50 or set(seen) != {0, 1}:
            assert time.monotonic() < end, f"in a minute a reader saw {set(seen)} alone"
            found = read_predictions(place)
            seen.append(int(found.opacity[0, 0] > 0.5))
            assert (found.candidates.boxes[:, 0] == 1 + seen[-1]).all()
            time.sleep(0.005)  # a reader that never lets go would keep the writers waiting
    finally:
        stop.touch()
        ended = [each.wait(60) for each in programs]
    assert ended == [0, 0] and len(list(place.glob("*.parquet"))) == 3


def test_who_must_not_write_at_the_same_time_is_told_so(tmp_path):
    with locked(tmp_path), pytest.raises(BadSettings, match="is being written by another process"), \
            locked(tmp_path, BadSettings, wait=False):
        pytest.fail("both write")
    with locked(tmp_path, shared=True), locked(tmp_path, shared=True, wait=False):
        pass
    with locked(tmp_path / "absent", wait=False):
        pass


def test_one_run_at_a_time_predicts_into_a_directory(tmp_path, capsys):
    from core.__main__ import main

    film_file(tmp_path / "a.dcm", np.zeros((8, 8), np.uint8))
    (tmp_path / "out" / "films").mkdir(parents=True)
    with locked(tmp_path / "out" / "films"):
        assert main(["predict", "--films", str(tmp_path / "a.dcm"), "--weights", str(ROOT / "assets/weights"), "--out",
                     str(tmp_path / "out")]) == 2
    assert "is being written by another process" in capsys.readouterr().err
    assert not list((tmp_path / "out").rglob("*.dcm"))


def test_one_training_at_a_time_has_a_run_folder(tmp_path):
    from train.ranks import Ranks

    with Ranks().alone(tmp_path), pytest.raises(BadSettings, match="wait for it to end"), Ranks().alone(tmp_path):
        pytest.fail("both train")
    with Ranks().alone(tmp_path), Ranks(1, 2).alone(tmp_path):
        pass  # another rank of the same training


@pytest.mark.parametrize("harm", [lambda data: data[:-1], lambda data: data[:40] + b"\0" + data[41:], lambda data: b"",
                                  lambda data: data + b"x"], ids=["cut", "changed", "emptied", "longer"])
def test_a_damaged_cache_is_told_from_a_whole_one(tmp_path, harm):
    write_sealed(tmp_path / "kept", b"content " * 9)
    assert read_sealed(tmp_path / "kept") == b"content " * 9 and (tmp_path / "kept").stat().st_mode & 0o77 == 0
    (tmp_path / "kept").write_bytes(harm((tmp_path / "kept").read_bytes()))
    with pytest.raises(Damaged, match="has been made again"):
        read_sealed(tmp_path / "kept")
    assert read_sealed(tmp_path / "absent") is None


def test_damaged_training_pictures_are_decoded_again_and_it_is_said(phantoms, tmp_path, monkeypatch, capsys):
    from train.data import load_films

    monkeypatch.setenv("GROUNDGLASS_CACHE", str(tmp_path))
    whole = load_films(phantoms, (32, 32), folds=2, seed=0).pictures
    place, = tmp_path.glob("pictures-*.npz")
    data = bytearray(place.read_bytes())
    data[len(data) // 2] ^= 255
    for harmed in (bytes(data), bytes(data[:500]), b""):
        place.write_bytes(harmed)
        capsys.readouterr()
        assert np.array_equal(load_films(phantoms, (32, 32), folds=2, seed=0).pictures, whole)
        assert "was damaged" in "".join(capsys.readouterr())


@pytest.mark.parametrize("name", ["checkpoint.pt", "settings.json"])
def test_a_damaged_run_is_refused_in_words(tmp_path, name):
    from train.runs import RunFolder
    from train.settings import TrainSettings

    run = RunFolder(tmp_path, TrainSettings("study", "lite0"), {})
    run.save_checkpoint({"step": 1})
    place = tmp_path / name
    place.write_bytes(place.read_bytes()[:40])
    with pytest.raises(BadSettings, match=f"{name}.*(begin|anew)"):
        RunFolder(tmp_path, TrainSettings("study", "lite0"), {}).load_checkpoint()


def test_a_torn_line_of_the_audit_trail_does_not_swallow_the_next(tmp_path, monkeypatch):
    from core import audit

    monkeypatch.setenv("GROUNDGLASS_AUDIT", str(tmp_path / "trail"))
    (tmp_path / "trail").write_text('{"time": "cut sh')
    audit.record("export", ["a"])
    torn, line = (tmp_path / "trail").read_text().splitlines()
    assert torn.startswith('{"time"') and json.loads(line)["action"] == "export"


def test_predictions_that_cannot_be_written_are_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadPredictions, match="cannot be written"):
        write_predictions(tmp_path / "file" / "below", predictions(0))
