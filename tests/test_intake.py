"""Films of one's own, from files, folders and archives of any kind to the competition's layout."""

import io
import os
import struct
import zipfile

import numpy as np
import pytest
from film_files import film_file

from core import archives, intake
from core.dataset import open_dataset
from core.intake import Intake, plain

PIXELS = np.arange(64, dtype=np.uint16).reshape(8, 8)


def film(path, study="1.2.3", value=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    return film_file(path, PIXELS + np.uint16(value), StudyInstanceUID=study, PatientName="Doe^John")


def zipped(path, files, how=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def films(tmp_path):
    """Bytes of three films of two studies."""
    return [film(tmp_path / f"source{n}.dcm", study, n).read_bytes() for n, study in enumerate(("1.2", "1.2", "1.3"))]


def took(tmp_path, *sources, **settings):
    gathering = Intake(tmp_path / "out", **settings)
    return [taken for source in sources for taken in gathering.take(source)], gathering


def test_a_folder_is_linked_to_and_keeps_its_names(tmp_path):
    film(tmp_path / "in" / "deep" / "one.dcm", "1.2")
    film(tmp_path / "in" / "two", "1.3", 1)  # a film is known by its content, not by its name
    (tmp_path / "in" / "notes.txt").write_text("not a film")
    found, gathering = took(tmp_path, tmp_path / "in")
    assert {(each.image_id, each.study_id, each.error) for each in found} == {("one", "1.2", ""), ("two", "1.3", "")}
    assert gathering.passed_over == 1
    dataset = open_dataset(tmp_path / "out")
    assert sorted(image.image_id for image in dataset.images) == ["one", "two"] and dataset.problems == ()
    assert (tmp_path / "out" / "test" / "1.2" / "series" / "one.dcm").is_symlink()


def test_pseudonyms_tell_nothing_and_stay_the_same(tmp_path, films):
    names = []
    for turn in range(2):
        inbox = tmp_path / f"inbox{turn}"
        inbox.mkdir()
        for number, content in enumerate(films):
            (inbox / f"DOE^JOHN-{number}").write_bytes(content)
        found, _ = took(tmp_path / str(turn), inbox, pseudonyms=True)
        names.append([(each.image_id, each.study_id) for each in found])
        assert not list(inbox.iterdir()), "what was handed over is moved"
    assert names[0] == names[1] and len({study for _, study in names[0]}) == 2
    assert not [path for path in (tmp_path / "0" / "out").rglob("*") if "DOE" in path.name or "1.2" in path.name]


def test_what_is_taken_twice_is_there_once(tmp_path, films):
    archive = zipped(tmp_path / "a.zip", {"x/one.dcm": films[0], "y/one.dcm": films[1], "z/again.dcm": films[0]})
    first, _ = took(tmp_path, archive)
    second, _ = took(tmp_path, archive)
    assert [each.image_id for each in first] == [each.image_id for each in second]
    assert len(open_dataset(tmp_path / "out").images) == 3 and len({each.image_id for each in first}) == 3
    pseudonymous, _ = took(tmp_path / "p", archive, archive, pseudonyms=True)
    assert len({each.image_id for each in pseudonymous}) == 2


@pytest.mark.parametrize("name", ["../../../evil.dcm", "/etc/evil.dcm", "C:\\evil.dcm", "..\\..\\evil.dcm",
                                  "a/../../b.dcm", ".dcm", "...", "a" * 300 + ".dcm", "<b>&\n.dcm", "=1+1.dcm",
                                  "\x00\x1b[31m.dcm"])
def test_a_name_in_an_archive_is_no_path(tmp_path, films, name):
    archive = zipped(tmp_path / "a.zip", {"good.dcm": films[1]})
    with zipfile.ZipFile(archive, "a") as more:
        info = zipfile.ZipInfo("x")
        info.filename = name
        more.writestr(info, films[0])
    before = set(tmp_path.rglob("*"))
    found, _ = took(tmp_path, archive)
    assert len(found) == 2 and not any(each.error for each in found)
    fresh = set(tmp_path.rglob("*")) - before
    assert all(path.is_relative_to(tmp_path / "out") for path in fresh)
    assert all(plain(each.image_id) == each.image_id for each in found)


def encrypted(content):
    """An archive whose one film says that it is encrypted."""
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as archive:
        archive.writestr("film.dcm", content)
    data = bytearray(kept.getvalue())
    for mark, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = data.index(mark) + place
        data[at] |= 1
    return bytes(data)


def changed(content, mark, place, form, value):
    """An archive with one field of its first header of the kind `mark` replaced."""
    at = content.index(mark) + place
    return content[:at] + struct.pack(form, value) + content[at + struct.calcsize(form):]


@pytest.mark.parametrize("kind, told", [
    ("encrypted", "is encrypted"), ("nested", "an archive in an archive"), ("wrong sum", "cannot be unpacked"),
    ("unknown method", "cannot be unpacked"), ("huge", "says that it unpacks to"), ("cut", "cannot be unpacked")])
def test_what_is_wrong_in_an_archive_costs_its_own_row(tmp_path, films, kind, told):
    kept = zipped(tmp_path / "inner.zip", {"bad.dcm": films[0]}, zipfile.ZIP_STORED).read_bytes()
    content = {
        "encrypted": lambda: encrypted(films[0]), "nested": lambda: zipped(
            tmp_path / "outer.zip", {"bad.zip": kept}).read_bytes(),
        "wrong sum": lambda: changed(kept, b"PK\1\2", 16, "<L", 1),
        "unknown method": lambda: changed(changed(kept, b"PK\1\2", 10, "<H", 77), b"PK\3\4", 8, "<H", 77),
        "huge": lambda: changed(kept, b"PK\1\2", 24, "<L", 2 ** 32 - 2),
        "cut": lambda: changed(kept, b"PK\1\2", 42, "<L", 99)}[kind]()
    (tmp_path / "bad.zip").write_bytes(content)
    good = zipped(tmp_path / "good.zip", {"good.dcm": films[1]})
    found, _ = took(tmp_path, tmp_path / "bad.zip", good)
    assert [bool(each.image_id) for each in found] == [False, True]
    assert told in found[0].error and "\n" not in found[0].error
    assert [path.name for path in (tmp_path / "out").rglob("*.dcm")] == ["good.dcm"]


def test_a_bomb_is_not_unpacked(tmp_path):
    """A gigabyte of zeros that says it is a film; and one that says it is nothing."""
    head = bytes(128) + b"DICM"
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, start in (("film.dcm", head), ("zeros.bin", b"")):
            with archive.open(name, "w", force_zip64=False) as member:
                member.write(start)
                for _ in range(600):
                    member.write(bytes(2 ** 20))
    found, gathering = took(tmp_path, tmp_path / "bomb.zip")
    assert gathering.passed_over == 1 and "but a film has at most" in found[0].error
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


@pytest.mark.parametrize("limit, value, told", [
    ((archives, "MOST_ENTRIES"), 2, "holds 3 files"), ((archives, "MOST_DIRECTORY"), 100, "table of contents"),
    ((intake, "MOST_FILMS"), 2, "at most 2 are taken"), ((intake, "MOST_TAKEN"), 1000, "unpacks to more than"),
    ((intake, "ROOM"), 2 ** 60, "more room than the disk has")])
def test_limits_are_one_sentence(tmp_path, films, monkeypatch, limit, value, told):
    monkeypatch.setattr(*limit, value)
    archive = zipped(tmp_path / "a.zip", {f"{n}.dcm": each for n, each in enumerate(films)})
    found, _ = took(tmp_path, archive)
    faults = [each.error for each in found if each.error]
    assert len(faults) == 1 and told in faults[0] and faults[0].startswith("a.zip ")


@pytest.mark.parametrize("content", [b"PK\3\4", b"PK\5\6", b"PK\3\4" + b"x" * 1000, b"PK\5\6" + b"\xff" * 18,
                                     b"PK\3\4" + b"\0" * 50 + b"PK\6\7" + b"\0" * 16 + b"PK\5\6" + b"\0" * 18])
def test_a_broken_archive_is_said_in_a_sentence(tmp_path, content):
    (tmp_path / "a.zip").write_bytes(content)
    found, _ = took(tmp_path, tmp_path / "a.zip")
    assert len(found) == 1 and found[0].error.startswith("a.zip ") and "but" in found[0].error


def test_no_link_leads_out_of_the_folders_allowed(tmp_path, films):
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    secret, own = film(outside / "secret.dcm"), film(inside / "own.dcm", "1.9", 5)
    (inside / "link.dcm").symlink_to(secret)
    (inside / "folder").symlink_to(outside)
    (inside / "friend.dcm").symlink_to(own)
    os.mkfifo(inside / "pipe.dcm")
    (inside / "gone.dcm").symlink_to(tmp_path / "nowhere")
    found, _ = took(tmp_path, inside, within=(inside,))
    assert {each.image_id for each in found if each.image_id} == {"own"}
    assert sum("outside the folders" in each.error for each in found) == 2  # the link, and the one to nowhere


def test_films_whose_header_is_broken_are_taken_with_the_reason(tmp_path, films):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "bad.dcm").write_bytes(films[0][:200])
    film(tmp_path / "in" / "good.dcm")
    found, _ = took(tmp_path, tmp_path / "in")
    assert [(each.image_id, bool(each.error)) for each in found] == [("bad", True), ("good", False)]


def test_a_source_that_is_gone_is_said_in_a_sentence(tmp_path):
    found, _ = took(tmp_path, tmp_path / "nowhere")
    assert len(found) == 1 and "nowhere cannot be taken in (No such file" in found[0].error


def test_names_that_are_no_text_are_told_as_bytes(tmp_path):
    folder = tmp_path / os.fsdecode(b"in\xfe")
    film(folder / os.fsdecode(b"\xff.dcm"))
    (folder / os.fsdecode(b"\xfd.dcm")).write_bytes(bytes(128) + b"DICM" + b"\x08\0")
    taken, _ = took(tmp_path, folder)
    assert sorted((each.source, each.name) for each in taken) == [("in\\xfe", "\\xfd.dcm"), ("in\\xfe", "\\xff.dcm")]
    assert all(each.error.encode() is not None for each in taken) and sum(bool(each.error) for each in taken) == 1
