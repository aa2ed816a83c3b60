"""Every kind of file that is written, as a writer and a reader of two contents; run as a script to end it midway.

`python tests/writers.py KIND WAY PLACE` writes the old content below PLACE and then, in forked processes, the new one,
each ended by WAY at the next stage: "kill" (SIGKILL at the n-th opening, renaming or deleting of a file), "cut" (killed
when a file has grown to some bytes, more each time), "full" (no file may grow beyond them), "vanish" (the directory is
deleted at the n-th of these), "forbid" (it cannot be written at all). One JSON object a line: what is there afterwards
and what was said.
"""

import json
import os
import resource
import shutil
import signal
import sys
from pathlib import Path

import numpy as np

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent)]

from core.boxed import detections_of
from core.coco import read_coco, write_coco
from core.errors import GroundglassError
from core.exports import answer_of
from core.files import read_sealed, write_sealed
from core.index import index_file, read_index
from core.interchange import write_truth
from core.labels import GroundTruth, read_truth
from core.predictions import Candidates, Predictions, Source, read_predictions, write_predictions
from core.reported import Reported
from core.submission import read_submission, write_submission
from core.voc import read_voc, write_voc
from core.yolo import read_yolo, write_yolo

STAGES = ("open", "os.rename", "os.remove", "os.mkdir", "os.chmod", "os.listdir", "os.scandir", "shutil.rmtree")


def predictions(which):
    """Predictions of 40 films with many boxes; `which` (0 or 1) tells the two apart."""
    count, source = 40, (Source("m", "", "plain"),)
    boxes = np.tile(np.array([[1, 2, 30, 40]], np.float32), (count * 50, 1)) + which
    found = Candidates(boxes, np.full(len(boxes), 0.5), np.zeros(len(boxes)), np.arange(count + 1) * 50, source)
    return Predictions(tuple(f"i{number}" for number in range(count)), ("s",), found,
                       np.full((count, 1), 0.25 + which / 2), source, np.full((1, 1, 4), 0.25), source)


def told(which):
    """What is told of three films, with one box more in the new content."""
    return [Reported(name, "s", None, 100, 200, np.array([[1, 2, 30, 40]] * (which + 1), np.float32),
                     np.full(which + 1, 0.5), 0.25, np.full(4, 0.25)) for name in ("a", "b", "c")]


def _count(boxed):
    counts = set(np.diff(boxed.offsets).tolist())
    assert counts <= {1, 2}, counts  # of a set of files some may be new: each is whole
    return max(counts) - 1


def _read_predictions(place):
    found = read_predictions(place / "out")
    which = int(found.opacity[0, 0] > 0.5)
    assert (found.candidates.boxes[:, 0] == 1 + which).all() and (found.opacity[:, 0] == 0.25 + which / 2).all()
    return which


def _write_index(place, which):
    """The new content is of two films, the second of which came after the first was indexed."""
    from film_files import film_file

    film = place / "data" / "train" / "s" / "e"
    film.mkdir(parents=True, exist_ok=True)
    if not which:
        film_file(film / "0.dcm", np.zeros((8, 8), np.uint8))
    if problems := read_index(place / "data")[1]:
        raise GroundglassError(" ".join(problems))
    if not which:
        film_file(film / "1.dcm", np.zeros((8, 8), np.uint8))


def _read_index(place):
    content = json.loads(read_sealed(index_file(place / "data")))
    return len(content["films"]) - 1


def _write_checkpoint(place, which):
    from train.runs import RunFolder
    from train.settings import TrainSettings

    run = RunFolder(place / "out", TrainSettings("study", "lite0"), {})
    run.save_checkpoint({"step": which, "rest": "x" * 100_000})


def _read_checkpoint(place):
    import torch

    return torch.load(place / "out" / "checkpoint.pt", weights_only=True)["step"]


def _truth(which):
    return GroundTruth(("a",), ("s",), [0], np.array([[1, 2, 30, 40]] * (which + 1), np.float32), [0, which + 1], [1])


def _write_weights(place, which):
    import torch

    from core.weights import TASKS, ModelCard, save_weights

    save_weights(place / "out" / "w.safetensors", {"x": torch.full((5000,), float(which))},
                 ModelCard("study", "mobilenetv3_small_050", (64, 64), TASKS["study"]))


def _read_weights(place):
    from core.weights import read_weights

    return int(read_weights(place / "out" / "w.safetensors")[1]["x"][-1])


KINDS = {
    "predictions": (lambda place, which: write_predictions(place / "out", predictions(which)), _read_predictions),
    "submission": (lambda place, which: write_submission(place / "out" / "s.csv", answer_of(told(which))),
                   lambda place: len(read_submission(place / "out" / "s.csv").scores) // 3 - 1),
    "coco": (lambda place, which: write_coco(place / "out", detections_of(told(which)), ("x",), {}),
             lambda place: _count(read_coco(place / "out"))),
    "yolo": (lambda place, which: write_yolo(place / "out", detections_of(told(which)), ("x",), {}),
             lambda place: _count(read_yolo(place / "out"))),
    "voc": (lambda place, which: write_voc(place / "out", detections_of(told(which)), ("x",)),
            lambda place: _count(read_voc(place / "out"))),
    "labels": (lambda place, which: write_truth(place / "out", _truth(which)),
               lambda place: len(read_truth(place / "out").boxes) - 1),
    "cache": (lambda place, which: write_sealed(place / "out" / "c", bytes([which]) * 100_000),
              lambda place: read_sealed(place / "out" / "c")[-1]),
    "index": (_write_index, _read_index),
    "checkpoint": (_write_checkpoint, _read_checkpoint),
    "weights": (_write_weights, _read_weights),
}


def _ended(way, stage, place):
    """Arrange that this process meets its end, or the disk its limits, at `stage`."""
    if way in ("cut", "full"):
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL if way == "cut" else signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(10 * 1.7 ** stage),) * 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    elif way == "forbid":
        for each in (place, *place.rglob("*")):
            each.chmod(0o555 if each.is_dir() else 0o444)
        if os.geteuid() == 0:
            os.seteuid(65534)
    else:
        seen = [0]

        def hook(event, given):
            if event in STAGES and str(given[0] if given else "").startswith(str(place)):
                seen[0] += 1
                if seen[0] == stage and way == "kill":
                    os.kill(os.getpid(), signal.SIGKILL)
                if seen[0] == stage:
                    shutil.rmtree(place, ignore_errors=True)
        sys.addaudithook(hook)


def _forked(write, way, stage, place):
    """Exit code of a forked process that writes the new content and is ended at `stage`, and what it said."""
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.close(reading)
        code = 3
        try:
            _ended(way, stage, place)
            write(place, 1)
            code = 0
        except GroundglassError as error:
            os.write(writing, str(error).encode())
            code = 2
        except BaseException as defect:
            os.write(writing, repr(defect).encode())
        os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        said = file.read().decode()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said


def main(kind, way, place):
    """Write, end, look; until the new content is written to its end."""
    (write, read), place = KINDS[kind], Path(place)
    for stage in range(1, 400):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(mode=0o755)
        write(place, 0)
        assert read(place) == 0
        code, said = _forked(write, way, stage, place)
        found = read(place) if way != "vanish" else None
        left = [str(each) for each in place.rglob(".writing-*")]
        print(json.dumps({"stage": stage, "code": code, "said": said, "found": found, "left": left}), flush=True)
        if way == "forbid" or (code == 0 and (way != "vanish" or place.exists())):
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
    os._exit(0)  # threads of Arrow that a fork has left behind may else abort the process at its end
