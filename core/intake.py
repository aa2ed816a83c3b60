"""Films of one's own, gathered into the competition's layout: DICOM files, folders of them and zip archives.

    PLACE/test/STUDY/series/IMAGE.dcm

A film from an archive, or one that was handed over, lies there itself; one of a folder on this machine by a link. What
is no film is passed over, and no name from outside becomes a path. It knows nothing of networks.
"""

import filecmp
import hashlib
import os
import re
import shutil
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from core import archives
from core.dicom import read_header
from core.errors import BadUpload, UnreadableFilm
from core.files import readable
from core.parsing import starts_like_a_film

MOST_FILMS = 5000
MOST_TAKEN = 8 * 2 ** 30  # bytes unpacked from archives in all
MOST_FILES = 50_000  # looked at in folders
DEEPEST = 12  # folders below each other
ROOM = 2 ** 30  # bytes of the disk that stay free
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class _Full(BadUpload):
    """A limit of the whole: nothing more is taken."""


@dataclass(frozen=True)
class Taken:
    """What became of one file: its name where it came from, the ids it has now ("" when it is no film), what is wrong.

    `error` of a film that has ids says why its header cannot be read; of one without, why it was not taken.
    """

    source: str
    name: str
    image_id: str = ""
    study_id: str = ""
    error: str = ""

    def __post_init__(self):
        for part in ("source", "name", "error"):
            object.__setattr__(self, part, readable(getattr(self, part)))


@dataclass
class Intake:
    """Gathers films into the directory `place`.

    `pseudonyms`: films are named by a digest of their content and studies by one of their UID, and files are moved;
    else they keep their file's name and UID, as far as these are plain, and are linked to. `within` are the
    directories that a link may lead to, None for any.
    """

    place: Path
    pseudonyms: bool = False
    within: tuple[Path, ...] | None = None
    passed_over: int = 0
    _held: dict = field(default_factory=dict)  # image id -> where it lies
    _looked_at: int = 0
    _unpacked: int = 0

    def __post_init__(self):
        self.place = Path(self.place).absolute()
        self._held = {path.stem: str(path) for path in self.place.glob("test/*/*/*.dcm")}

    def take(self, source):
        """Take in the file, folder or archive `source`; yields a `Taken` for each film and each failure in it."""
        source = Path(source)
        try:
            if source.is_dir():
                yield from self._folder(source)
            else:
                yield from self._file(source, source.name, source.name)
        except BadUpload as refusal:
            yield Taken(source.name, source.name, error=f"{source.name} {refusal}")
        except OSError as failure:
            yield Taken(source.name, source.name, error=f"{source.name} cannot be taken in "
                        f"({failure.strerror or failure}), but a readable file and room on the disk are needed: check "
                        "both.")
        finally:
            with suppress(OSError):  # tells that films have come: the folder's own time need not change
                os.utime(self.place / "test")

    def _folder(self, folder):
        for directory, folders, names in os.walk(folder):
            folders.sort()
            if len(Path(directory).relative_to(folder).parts) >= DEEPEST:
                folders.clear()
            for name in sorted(names):
                self._looked_at += 1
                if self._looked_at > MOST_FILES:
                    raise _Full(f"holds more than {MOST_FILES:,} files, but no more are looked at: name a folder "
                                    "with fewer.")
                path = Path(directory, name)
                try:
                    yield from self._file(path, folder.name, str(path.relative_to(folder)))
                except _Full:
                    raise
                except (BadUpload, OSError) as failure:
                    reason = failure if isinstance(failure, BadUpload) else f"cannot be read: {failure.strerror}."
                    yield Taken(folder.name, name, error=f"{name} {reason}")

    def _file(self, path, source, name):
        real = Path(os.path.realpath(path))
        if self.within is not None and not any(real.is_relative_to(each) for each in self.within):
            raise BadUpload("leads to a file outside the folders that may be opened here: put the film itself there.")
        if not stat.S_ISREG(real.stat().st_mode):
            self.passed_over += 1  # a pipe or a device, never waited for
            return
        with real.open("rb") as file:
            head = file.read(archives.HEAD)
        if archives.is_archive(head):
            yield from self._archive(real, source)
        elif not starts_like_a_film(head):
            self.passed_over += 1
        else:
            yield from self._film(real, source, name, moved=self.pseudonyms)

    def _archive(self, path, source):
        with archives.opened(path) as members:
            for member in members:
                shown = " ".join(member.name.split())[-200:]
                try:
                    head = member.head()
                    if archives.is_archive(head):
                        raise BadUpload("is an archive in an archive, but only one is unpacked: unpack it and drop it "
                                        "by itself.")
                    if not starts_like_a_film(head):
                        self.passed_over += 1
                        continue
                    yield from self._film(self._unpack(member), source, shown, moved=True)
                except _Full:
                    raise
                except BadUpload as refusal:
                    yield Taken(source, shown, error=f"{shown} {refusal}")

    def _unpack(self, member):
        folder = self.place / "unpacking"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._insist_on_room(member.size)
        stem = Path(member.name.replace("\\", "/").replace("\0", " ")).stem
        path = folder / f"{plain(stem) or 'film'}.dcm"
        path.unlink(missing_ok=True)
        member.unpack(path)
        self._unpacked += path.stat().st_size
        return path

    def _insist_on_room(self, size):
        if self._unpacked + size > MOST_TAKEN:
            raise _Full(f"unpacks to more than {MOST_TAKEN:,} bytes, but at most so many are taken: pack fewer films "
                            "into one.")
        if shutil.disk_usage(self.place).free < size + ROOM:
            raise _Full("needs more room than the disk has, so no more of it is taken: make room first.")

    def _film(self, path, source, name, moved):
        if len(self._held) >= MOST_FILMS:
            raise _Full(f"holds more films than fit, but at most {MOST_FILMS:,} are taken: take them in parts.")
        image_id = self._image_id(path, moved)
        if image_id in self._held:
            if moved:
                path.unlink()
            yield Taken(source, name, image_id, Path(self._held[image_id]).parts[-3])
            return
        error = uid = ""
        try:
            uid = read_header(path).study_instance_uid
        except UnreadableFilm as refusal:
            error = str(refusal).replace(path.name, f"{image_id}.dcm", 1)
        study_id = self._study_id(uid, image_id)
        target = self.place / "test" / study_id / "series" / f"{image_id}.dcm"
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if moved:
            path.replace(target)
        else:
            target.symlink_to(path)
        self._held[image_id] = str(target)
        yield Taken(source, name, image_id, study_id, error)

    def _image_id(self, path, moved):
        """The id of the film in the real file `path`; that of the very film where it is held already."""
        if self.pseudonyms:
            return _digest_of(path)
        stem = plain(path.stem) or "film"
        if stem not in self._held or self._same(path, self._held[stem]):
            return stem
        return f"{stem[:50]}-{_digest_of(path) if moved else _digest(os.fsencode(path))}"

    def _same(self, path, held):
        return os.path.realpath(held) == str(path) or filecmp.cmp(path, held, shallow=False)

    def _study_id(self, uid, image_id):
        if not uid:
            return f"alone-{image_id}"
        if not self.pseudonyms and _PLAIN.fullmatch(uid):
            return uid
        return f"{'' if self.pseudonyms else 'study-'}{_digest(uid.encode('utf-8', 'surrogateescape'))}"


def _digest(content):
    return hashlib.sha256(content).hexdigest()[:12]


def _digest_of(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


def plain(stem):
    """`stem` with nothing in it that a path, a table or an address would take amiss; "" when nothing is left."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", stem).strip("._-")[:64]
