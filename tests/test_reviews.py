"""What readers say: what stands now, and that nothing is lost of what was said to be saved."""

import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import BadReview
from core.origins import Holding
from core.reviews import Review, current, drawn, of_boxes, review_states
from core.reviews_store import VARIABLE, ReviewStore, default_place
from core.reviews_told import counts
from tests.conftest import ROOT
from tests.databases import PASSWORD, postgres

HERE, THERE = (10., 10., 50., 50.), (60., 60., 90., 90.)
NMS, WBF = ({"settings": {"method": name}, "weights": {}} for name in ("nms", "wbf"))


def about_box(verdict="false", box=HERE, reader="ann", film="one", side="detection", stamp=NMS, **more):
    return Review(reader, "set", "box", film, verdict, side=side, box=box, stamp=stamp, **more)


def about(level, target, verdict="agree with truth", reader="ann", **more):
    return Review(reader, "set", level, target, verdict, **more)


@pytest.fixture
def store(review_place):
    made = ReviewStore(review_place)
    yield made
    made.close()


def numbered(*reviews):
    return [replace(each, number=number) for number, each in enumerate(reviews, start=1)]


def test_what_is_saved_is_read_as_it_was(store, review_place):
    assert store.rows() == () and store.mark() == (0, 0)
    said = [about_box("truth missing", side="reader", instead=[THERE]),
            about_box(note="über <b>\n'; DROP TABLE reviews; --", instead=[THERE]),
            about("study", "A", "agree with model", instead="typical", reader="Ørsted"),
            about("film", "=1+1", "", note="no verdict")]
    saved = [store.save(each) for each in said]
    assert [each.number for each in saved] == [1, 2, 3, 4]
    other = ReviewStore(review_place)
    assert list(other.rows()) == saved and [replace(each, number=None) for each in saved] == said
    assert other.mark() == (4, 4)
    assert other.rows(Holding("set", {})) == tuple(saved) and other.rows(Holding("another", {})) == ()
    other.close()


def test_undo_adds_a_row_and_brings_back_what_stood_before(store):
    first, second = store.save(about_box("false")), store.save(about_box("heart"))
    assert current(store.rows()) == (second,)
    undo = store.undo(second)
    assert undo.undoes == second.number and len(store.rows()) == 3
    assert current(store.rows()) == (first,)
    with pytest.raises(BadReview, match="undone already"):
        store.undo(second)
    with pytest.raises(BadReview, match="undoes another"):
        store.undo(undo)


def test_the_last_word_of_each_reader_stands():
    rows = numbered(about_box("false"), about_box("heart", reader="bob"), about_box("device"), about("film", "one"),
                    about_box("other", box=THERE), about_box("skin fold", side="truth"))
    assert [each.number for each in current(rows)] == [2, 3, 4, 5, 6]
    assert [each.number for each in current(rows, each_reader=False)] == [3, 4, 5, 6]
    withdrawn = numbered(about("film", "one"), about("film", "one", ""))
    assert current(withdrawn) == ()


@pytest.mark.parametrize(("box", "side", "stamp", "same"), [
    ((10.5, 9.5, 50, 50), "detection", NMS, True),  # half a pixel
    ((10.6, 10, 50, 50), "detection", NMS, False),  # another box of the same settings
    ((10, 10, 50, 38), "detection", WBF, True),  # IoU .7 under other settings
    ((10, 10, 50, 37.9), "detection", WBF, False),
    ((10, 10, 50, 45), "truth", WBF, False),  # the truth's boxes do not depend on settings
    ((10, 10, 50, 45), "reader", WBF, False),  # nor do those that readers drew
])
def test_a_box_is_known_again(box, side, stamp, same):
    rows = numbered(about_box("false", side=side), about_box("heart", box=box, side=side, stamp=stamp))
    assert len(current(rows)) == (1 if same else 2)
    shown = of_boxes(current(rows[:1]), [THERE, box], side, stamp)
    assert shown == [[], rows[:1] if same else []]


def test_a_review_is_about_the_box_it_was_given_to_and_no_near_one():
    near = (10, 10, 50, 45)
    [review] = numbered(about_box("false"))
    assert of_boxes([review], [near, HERE], "detection", WBF) == [[], [review]]


def test_what_readers_say_of_a_box_that_one_of_them_drew_is_kept_together():
    missing = about_box("truth missing", side="reader")
    reviews = numbered(missing, about_box("false", side="truth"), about_box("false", reader="bob", side="reader"),
                       replace(missing, box=THERE))
    assert drawn(current(reviews)) == [(HERE, [reviews[0], reviews[2]]), (THERE, [reviews[3]])]


@pytest.mark.parametrize(("review", "boxes"), [
    (about_box("truth missing"), [list(HERE)]),
    (about_box("truth missing", instead=[THERE]), [list(THERE)]),
    (about_box("truth missing", side="reader"), [list(HERE)]),
    (about_box("truth too tight or loose", side="truth"), []),  # which box is right instead is not said
    (about_box("truth too tight or loose", side="truth", instead=[THERE, (5, 5, 5, 9)]), [list(THERE)]),
    (about_box("false", instead=[THERE]), []),
    (about("film", "one", "agree with model", instead=[THERE]), []),
])
def test_the_boxes_that_a_verdict_on_a_box_says_should_be_there(review, boxes):
    assert review.meant == boxes


def test_states_of_films():
    reviews = numbered(about_box(film="two"), about("film", "three"), about("study", "D", "agree with model"),
                       about_box("true finding", film="five"), about_box("false", film="five", reader="bob"),
                       about("film", "six", "", note="look again"), about("film", "seven"),
                       about("film", "seven", reader="bob"))
    films = ["one", "two", "three", "four", "five", "six", "seven"]
    assert review_states(reviews, films, ["A", "B", "C", "D", "E", "F", "G"]) == [
        "open", "begun", "reviewed", "reviewed", "disputed", "begun", "reviewed"]


def test_counts():
    reviews = numbered(about_box(), about_box(box=THERE), about("film", "one"), about("film", "two", "", note="hm"))
    found = counts(reviews)
    assert found["box"]["false"] == 2 and found["film"]["agree with truth"] == 1 and found["film"]["note alone"] == 1
    assert sum(sum(each.values()) for each in found.values()) == 4


@pytest.mark.parametrize(("change", "said"), [
    ({"verdict": "agree with truth"}, "the verdict is|verdict is 'agree with truth'"),
    ({"reader": " "}, "No reader is named"),
    ({"note": "x" * 4001}, "4,001 characters"),
    ({"note": "a\0b"}, "zero character"),
    ({"target": "\udcff"}, "zero character"),
    ({"box": (5, 0, 1, 1)}, "in this order"),
    ({"box": (0, 0, float("nan"), 1)}, "finite"),
    ({"box": None}, "must be given for a box"),
    ({"level": "patient"}, "level is 'patient'"),
    ({"instead": [(3, 0, 1, 1)]}, "in this order"),
])
def test_what_cannot_be_kept_is_said_in_one_sentence(change, said):
    with pytest.raises(BadReview, match=said) as caught:
        replace(about_box(), **change)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


SAVER = """
import sys
from core.reviews import Review
from core.reviews_store import VARIABLE, ReviewStore, default_place
from core.reviews_told import counts
store = ReviewStore(sys.argv[1])
for number in range(int(sys.argv[3])):
    saved = store.save(Review(sys.argv[2], "set", "film", str(number), "agree with truth", note="x" * 3000))
    print(saved.number, saved.target, flush=True)
"""


def saver(place, reader, count, **more):
    return subprocess.Popen([sys.executable, "-c", SAVER, place, reader, str(count)], cwd=ROOT, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, **more)


def test_readers_who_save_at_once_lose_nothing(review_place):
    """Four processes make the database and save 25 verdicts each, at the same time."""
    savers = [saver(review_place, name, 25) for name in ("ann", "bob", "cem", "dee")]
    for each in savers:
        assert each.communicate()[1] == "" and each.returncode == 0
    store = ReviewStore(review_place)
    rows = store.rows()
    store.close()
    assert {(each.reader, each.target) for each in rows} == {(name, str(number)) for number in range(25)
                                                             for name in ("ann", "bob", "cem", "dee")}
    assert len({each.number for each in rows}) == 100


def test_killing_a_reader_loses_nothing_that_was_said_to_be_saved(review_place):
    """Killed in the middle of saving, several times, wherever it may be then."""
    told = set()
    for turn in range(4):
        with saver(review_place, f"r{turn}", 10_000) as child:
            for _ in range(5 + 7 * turn):
                told.add((f"r{turn}", *child.stdout.readline().split()))
            child.send_signal(signal.SIGKILL)
            told |= {(f"r{turn}", *line.split()) for line in child.stdout if line.endswith("\n")}
    store = ReviewStore(review_place)
    kept = {(each.reader, str(each.number), each.target) for each in store.rows()}
    assert told and told <= kept
    assert store.save(about_box()).number
    store.close()


def test_a_file_that_vanished_is_an_error_and_no_new_one(tmp_path):
    store = ReviewStore(tmp_path / "reviews.sqlite")
    store.save(about_box())
    (tmp_path / "reviews.sqlite").unlink()
    for use in (store.rows, store.mark, lambda: store.save(about_box())):
        with pytest.raises(BadReview, match="unable to open"):
            use()
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_no_database_is_said_and_kept(tmp_path):
    place = tmp_path / "reviews.sqlite"
    place.write_bytes(b"what was once a database" * 100)
    for use in (ReviewStore(place).rows, lambda: ReviewStore(place).save(about_box())):
        with pytest.raises(BadReview, match="not a database"):
            use()
    assert place.read_bytes() == b"what was once a database" * 100


LOWERED = """
import os, sys
from core.errors import BadReview
from core.reviews import Review
from core.reviews_store import VARIABLE, ReviewStore, default_place
from core.reviews_told import counts
store = ReviewStore(sys.argv[1])
print(len(store.rows()))
if os.geteuid() == 0:
    os.setgid(65534), os.setuid(65534)  # root may write anything
try:
    store.save(Review("ann", "set", "film", "one", "agree with truth"))
except BadReview as error:
    print(error)
print(len(store.rows()))
"""


@pytest.mark.parametrize("closed", ["reviews.sqlite", "."])
def test_what_may_not_be_written_is_said_and_still_read(closed):
    """A file that is read-only, and one in a directory that is, where SQLite cannot put its journal."""
    folder = Path(tempfile.mkdtemp(prefix="groundglass-"))  # not pytest's, which others may not enter
    try:
        folder.chmod(0o755)
        ReviewStore(folder / "reviews.sqlite").save(about_box())
        (folder / "reviews.sqlite").chmod(0o444 if closed != "." else 0o666)
        (folder / closed).chmod(0o555 if closed == "." else 0o444)
        done = subprocess.run([sys.executable, "-c", LOWERED, str(folder / "reviews.sqlite")], cwd=ROOT, text=True,
                              capture_output=True, check=True)
    finally:
        folder.chmod(0o755)
        shutil.rmtree(folder)
    before, sentence, after = done.stdout.splitlines()
    assert (before, after) == ("1", "1") and "cannot be saved (attempt to write a readonly" in sentence


def test_a_full_disk_is_said_and_what_was_saved_is_kept(tmp_path):
    """The largest file that the process may write is smaller than what it saves."""
    place = tmp_path / "reviews.sqlite"
    child = saver(str(place), "ann", 10_000, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE,
                                                                                   (200_000, 200_000)))
    out, err = child.communicate()
    assert "core.errors.BadReview: The verdicts in" in err.splitlines()[-1] and "cannot be saved" in err
    told = {tuple(line.split()) for line in out.splitlines()}
    assert len(told) > 5
    assert {(str(each.number), each.target) for each in ReviewStore(place).rows()} == told


@pytest.mark.parametrize("url", [f"postgresql://ann:{PASSWORD}@127.0.0.1:1/none", "mysql://ann:word@host/none",
                                 "sqlite://", "postgresql://ann:word@host:port/none",
                                 "postgresql://127.0.0.1:1/none?user=ann&password=word"])
def test_a_wrong_place_is_said_without_its_password(url):
    with pytest.raises(BadReview) as caught:
        ReviewStore(url).save(about_box())
    assert PASSWORD not in str(caught.value) and "word" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_server_that_stops_is_said(tmp_path):
    with postgres() as url:
        store = ReviewStore(url)
        saved = store.save(about_box())
        assert store.rows() == (saved,)
    with pytest.raises(BadReview, match="cannot be saved"):
        store.save(about_box())
    store.close()


def test_no_child_inherits_the_database(monkeypatch):
    from core import decoding
    from viewer import own

    monkeypatch.setenv(VARIABLE, "postgresql://ann:word@host/none")
    environment = b""
    with decoding._started() as child:
        while not environment and child.poll() is None:  # for a moment after its start a child shows none
            environment = Path(f"/proc/{child.pid}/environ").read_bytes()
        child.kill()
    assert b"PATH" in environment and b"word" not in environment
    assert VARIABLE in own.SECRET


@pytest.mark.parametrize("given", ["reviews.sqlite", "postgresql://ann:word@host/none"])
def test_the_server_is_told_where_reviews_are(given, monkeypatch):
    from viewer.app import take_arguments

    monkeypatch.setenv(VARIABLE, "before")
    take_arguments(["--reviews", given])
    assert default_place() == (given if "://" in given else str(Path(given).absolute()))
