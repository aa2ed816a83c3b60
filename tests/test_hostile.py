"""Hundreds of malformed and unusual films, tables and weights: shown right or refused in a sentence, nothing else."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import hostile_more
import numpy as np
import pydicom
import pytest
from film_files import empty_htj2k, encoded, film_file, lossless_jpeg_file
from hostile import BAD_CELLS, CODED, RAMP, coded_film, films, fine_tables, judge, tables, weights
from pydicom import uid

from core import decoding
from core.codecs import READABLE
from core.dataset import open_dataset
from core.dicom import read_film, read_header
from core.errors import BadTable, BadWeights, UnreadableFilm
from core.fold_probes import read_folds
from core.labels import read_labels, read_truth
from core.submission import read_submission
from core.subset import read_ids
from core.weights import read_card
from tests.conftest import ROOT

LITE = ROOT / "assets" / "weights"


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return [*films(tmp_path_factory.mktemp("hostile")), *hostile_more.films(tmp_path_factory.mktemp("more"))]


def test_every_hostile_film_is_shown_right_or_refused(corpus):
    assert len(corpus) > 1300
    assert [f"{case.name} {problem}" for case in corpus if (problem := judge(case, read_film))] == []


def test_every_hostile_header_is_read_or_refused(corpus):
    for case in corpus:
        try:
            assert read_header(case.path).rows > 0
        except UnreadableFilm as refusal:
            assert "\n" not in str(refusal)


def test_no_decoder_is_left_in_a_state_that_spoils_the_next_film(corpus, tmp_path):
    """The last films of the corpus killed some decoders."""
    for syntax in CODED:
        assert read_film(coded_film(tmp_path / "next.dcm", syntax)).pixels.shape == RAMP.shape


def test_a_data_set_of_hostile_films_opens_and_counts_each(corpus, tmp_path):
    """One bad film costs one sentence; links in circles and pipes are not waited for."""
    place = tmp_path / "train" / "s" / "e"
    place.mkdir(parents=True)
    few = corpus[::6] + [case for case in corpus if case.name.startswith(("no file", "link", "odd name"))]
    for number, case in enumerate(few):
        (place / f"f{number}.dcm").symlink_to(case.path)
    for number in range(20):
        (place / f"circle{number}").symlink_to(tmp_path / "train")
    dataset = open_dataset(tmp_path)
    assert 0 < len(dataset.images) <= len(few)
    assert any("cannot be read" in problem for problem in dataset.problems)


@pytest.mark.parametrize("folder", ["pydicom", "data_store"])
def test_unusual_real_files_are_refused_or_shown_as_pydicom_decodes_them(folder):
    module = pytest.importorskip(folder, reason="pydicom-data carries the files")
    place = Path(module.__file__).parent / "data"
    shown = 0
    for path in sorted(path for path in place.rglob("*.dcm") if path.stat().st_size < 3_000_000):
        try:
            film = read_film(path)
        except UnreadableFilm:
            continue
        try:
            theirs = pydicom.dcmread(path).pixel_array
        except (RuntimeError, AttributeError):
            continue
        assert np.array_equal(theirs.astype(int), film.pixels.astype(int)), path.name
        shown += 1
    assert shown > 10


def film_in(path, pixels, syntax):
    """`pixels` [H,W] uint16 of 12 bits, even sides, as a film in `syntax`; those 8 bits wide are cut to 8."""
    bits = {"BitsStored": 12, "HighBit": 11}
    native = film_file(path.with_suffix(".native"), pixels, **bits)
    if syntax in (uid.JPEGLossless, uid.JPEGLosslessSV1):
        import gdcm

        kinds = gdcm.TransferSyntax
        return lossless_jpeg_file(path, native, {uid.JPEGLossless: kinds.JPEGLosslessProcess14,
                                                 uid.JPEGLosslessSV1: kinds.JPEGLosslessProcess14_1}[syntax])
    if syntax in (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit):
        eight = (pixels >> 4).astype(np.uint8)
        return film_file(path, eight, syntax, cv2.imencode(".jpg", eight, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes())
    if syntax in (uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K):
        return film_file(path, np.full_like(pixels, 2048), syntax, empty_htj2k(*pixels.shape, 12), **bits)
    return film_file(path, pixels, syntax, encoded(pixels, syntax) if uid.UID(syntax).is_encapsulated else None, **bits)


@pytest.mark.parametrize("syntax", READABLE, ids=lambda syntax: uid.UID(syntax).name)
def test_a_chest_film_is_shown_in_every_syntax(tmp_path, shared, syntax):
    """A real film at full size, transcoded; there is no free encoder of HTJ2K, whose film is grey, nor
    of 12-bit DCT (see test_codecs)."""
    source = next((shared / "fullres" / "train").rglob("*.dcm"))
    pixels = cv2.resize(read_film(source).pixels, (1024, 1024), interpolation=cv2.INTER_AREA)
    pixels = (pixels.astype(np.uint32) * 4095 // max(1, int(pixels.max()))).astype(np.uint16)
    film = read_film(film_in(tmp_path / "film.dcm", pixels, syntax))
    if syntax in (uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K):
        assert np.unique(film.pixels).tolist() == [2048]
    elif syntax in (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit):
        assert np.abs(film.pixels.astype(int) - (pixels >> 4)).mean() < 2
    else:
        assert np.array_equal(film.pixels, pixels)


def test_there_are_sixteen_syntaxes():
    assert len(set(READABLE)) == 16


@pytest.mark.parametrize("kind, frame", [("JPEG 2000", b"\xff\x4f\xff\x51" + bytes(60)), ("RLE", b"\2" + bytes(63)),
                                         ("JPEG-LS", b"\xff\xd8\xff\xf7"), ("JPEG lossless", b"\xff\xd8\xff\xc3"),
                                         ("8-bit JPEG", b"\xff\xd8\xff\xc0"), ("JPEG", b"\xff\xd8\xff\xc1")])
def test_a_decoder_says_why_it_failed(kind, frame):
    with pytest.raises(decoding.DecoderFailed, match="."):
        decoding.decode(kind, frame, 8, 8, 8)


def test_a_decoder_has_as_much_memory_as_its_pixels_need():
    """A small frame that decodes to much more than it should ends in a sentence, not in the machine's memory."""
    bomb = b"\1" + bytes(3) + b"\x40" + bytes(59) + b"\x81\0" * 8_000_000  # a gigabyte of zeros in runs of 128
    with pytest.raises(decoding.DecoderFailed):
        decoding.decode("RLE", bomb, 10, 10, 8)


def test_a_slow_frame_does_not_hold_up_the_next_reader():
    """Two decoders work at the same time; one that is stopped stays alone."""
    with decoding._nursery.lent() as first:
        first.send_signal(signal.SIGSTOP)
        frame = encoded(RAMP, uid.JPEGLSLossless)
        assert decoding.decode("JPEG-LS", frame, *RAMP.shape, 16) == RAMP.tobytes()
        first.send_signal(signal.SIGCONT)


def test_wrong_tables_are_named_by_row_and_column_and_hide_nothing_else(tmp_path):
    (tmp_path / "more").mkdir()
    for name, folder, told in [*tables(tmp_path), *hostile_more.tables(tmp_path / "more")]:
        labels = read_labels(folder)
        assert any(told in fault for fault in (*labels.faults, *labels.remarks)), (name, labels.faults)
        assert len(labels.truth.study_ids) >= 2, name
        if "row 4" in told:
            assert labels.truth.image_ids[:2] == ("a", "b"), name
        if labels.faults:
            with pytest.raises(BadTable):
                read_truth(folder)


def test_wrong_rows_of_a_folds_file_are_named_and_hide_no_other(tmp_path):
    for path, right, told in hostile_more.fold_files(tmp_path):
        if right is None:
            with pytest.raises(BadTable) as refusal:
                read_folds(path)
            faults = refusal.value.faults
            assert "\n" not in str(refusal.value), path.name
        else:
            rows, faults = read_folds(path)
            assert rows == right, path.name
            assert len(faults) == len(told), (path.name, faults)
        assert all(word in fault for word, fault in zip(told, faults, strict=False)), (path.name, faults)
        assert len(faults) >= len(told) and not any("\n" in fault for fault in faults), path.name


def test_a_list_of_ids_is_no_pipe(tmp_path):
    os.mkfifo(tmp_path / "ids.txt")
    with pytest.raises(BadTable, match="no plain file"):
        read_ids(tmp_path / "ids.txt")


def test_boxes_outside_their_film_are_named_by_row_and_used_as_they_are(tmp_path):
    place = tmp_path / "train" / "t" / "e"
    place.mkdir(parents=True)
    film_file(place / "b.dcm", RAMP)
    rows = ["id,boxes,label,StudyInstanceUID", "a_image,,none 1 0 0 1 1,s", "b_image,,opacity 1 -9 2 30 90,t"]
    (tmp_path / "train_image_level.csv").write_text("\n".join(rows))
    dataset = open_dataset(tmp_path)
    assert any("row 3, column label: the box [-9.0, 2.0, 30.0, 90.0]" in problem for problem in dataset.problems)
    assert dataset.truth.boxes.tolist() == [[-9, 2, 30, 90]]


def test_tables_written_in_another_way_are_read(tmp_path):
    for folder in fine_tables(tmp_path):
        truth = read_truth(folder)
        assert truth.image_ids == ("a", "b") and truth.study_class.tolist() == [0, 1]
        assert truth.boxes.tolist() == [[1, 1, 2 + 28, 40]] or truth.boxes.tolist() == [[1, 2, 30, 40]]


@pytest.mark.parametrize("cell", [each for each in BAD_CELLS["label"] if each and "none" not in each])
def test_wrong_answers_are_named_by_row_and_column(tmp_path, cell):
    path = tmp_path / "answer.csv"
    path.write_text(f"id,PredictionString\nb_image,none 1 0 0 1 1\na_image,{cell}\n")
    if cell == "opacity 1 1 1 1 1":
        assert read_submission(path).scores.tolist() == [1]  # a box without area may be predicted; it matches nothing
        return
    with pytest.raises(BadTable, match=r"answer.csv row 3, column PredictionString"):
        read_submission(path)


@pytest.fixture(scope="module")
def hostile_weights(tmp_path_factory):
    good = LITE / "opacity-lite0-f0.safetensors"
    return [*weights(tmp_path_factory.mktemp("weights"), good),
            *hostile_more.weights(tmp_path_factory.mktemp("more"), good)]


def test_hostile_weights_are_refused_by_name_and_nothing_runs(hostile_weights, monkeypatch):
    import torch

    from core.models import open_model

    monkeypatch.setattr("pickle.loads", None)
    monkeypatch.chdir(hostile_weights[0][1].parent)
    for name, path in hostile_weights:
        with pytest.raises(BadWeights) as refusal:
            open_model(path, torch.device("cpu"))
        assert path.name in str(refusal.value) or name.startswith("card"), name
        assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 800, name
    assert not Path("hacked").exists()


def test_cards_of_hostile_weights_never_raise_anything_else(hostile_weights):
    for _, path in hostile_weights:
        try:
            read_card(path)
        except BadWeights as refusal:
            assert "\n" not in str(refusal)


@pytest.mark.parametrize("how", ["torch", "auto"])
def test_weights_whose_answers_are_no_numbers_are_refused(tmp_path, how):
    """Every number in the file is finite, but a variance below 0 has no root."""
    import torch

    from core.models import open_model
    from core.weights import read_weights, save_weights

    card, tensors = read_weights(LITE / "study-lite0-f0.safetensors")
    for name, tensor in tensors.items():
        if name.endswith("running_var"):
            tensor.fill_(-1)
    save_weights(tmp_path / "odd.safetensors", tensors, card)
    with pytest.raises(BadWeights, match="answer NaN"):
        open_model(tmp_path / "odd.safetensors", torch.device("cpu"), how).probabilities(
            np.zeros((1, *card.image_size), np.uint8))


WRITER = """
import sys, pathlib
sys.path.insert(0, {root!r})
from core.files import whole_file
place = pathlib.Path({path!r})
for number in range(10 ** 9):
    with whole_file(place) as temporary:
        temporary.write_text(str(number % 10) * 200_000)
    print(number, flush=True)
"""


def test_killing_a_writer_at_any_time_leaves_a_whole_file(tmp_path):
    place = tmp_path / "kept.txt"
    program = WRITER.format(root=str(ROOT), path=str(place))
    for wait in (0, 0.003, 0.011):
        with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as writer:
            writer.stdout.readline()
            time.sleep(wait)
            writer.send_signal(signal.SIGKILL)
            told = writer.stdout.read().split()
        found = place.read_text()
        assert len(found) == 200_000 and len(set(found)) == 1
        assert not told or found[0] in (str(int(told[-1]) % 10), str((int(told[-1]) + 1) % 10)), "what was said is kept"


LIMITED = """
import resource, sys, pathlib, signal
sys.path.insert(0, {root!r})
import numpy as np
from core.errors import GroundglassError
from core.files import whole_file
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    with whole_file(pathlib.Path({path!r})) as temporary:
        temporary.write_bytes(bytes(100_000))
except GroundglassError as error:
    print(error)
"""


def test_a_full_disk_is_said_in_words_and_keeps_what_was_there(tmp_path):
    place = tmp_path / "kept.txt"
    place.write_text("before")
    done = subprocess.run([sys.executable, "-c", LIMITED.format(root=str(ROOT), path=str(place))], capture_output=True,
                          text=True, check=True)
    assert "cannot be written" in done.stdout and "kept" in done.stdout
    assert place.read_text() == "before" and [each.name for each in tmp_path.iterdir()] == ["kept.txt"]


def test_a_directory_that_is_gone_or_a_file_is_said_in_words(tmp_path):
    from core.errors import GroundglassError
    from core.files import whole_file

    (tmp_path / "file").write_text("x")
    for place in (tmp_path / "file" / "below.txt", Path("/proc/nothing/here.txt")):
        with pytest.raises(GroundglassError, match="cannot be written"), whole_file(place) as temporary:
            temporary.write_text("y")


def test_temporaries_of_the_killed_are_cleared_away_and_those_of_the_living_kept(tmp_path):
    from core.files import whole_file

    old, new = tmp_path / ".writing-old", tmp_path / ".writing-new"
    old.write_text("x"), new.write_text("x")
    os.utime(old, (0, 0))
    with whole_file(tmp_path / "kept.txt") as temporary:
        temporary.write_text("y")
    assert sorted(each.name for each in tmp_path.iterdir()) == [".writing-new", "kept.txt"]
