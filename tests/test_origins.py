"""A data set is known by its films: renamed it keeps what was said of it, and another of its name gets none of that."""

import json
from dataclasses import replace

import numpy as np
import pytest
import sqlalchemy as sql

from core.__main__ import main
from core.dataset import open_dataset
from core.first_reads import FirstRead
from core.first_reads_store import FirstReadStore
from core.origins import Holding, Origin, holding, origin_of, read_origin
from core.reviews import Review, current
from core.reviews_store import ReviewStore
from core.reviews_told import as_json
from tests.film_files import film_file
from tests.reading_set import write_set

HERE = Origin("one", "A", 100, 80)
OLD = {  # what the first version made, and rows of it
    "reviews": """CREATE TABLE reviews (number {number} PRIMARY KEY, at TEXT NOT NULL, reader TEXT NOT NULL,
        data_set TEXT NOT NULL, level TEXT NOT NULL, target TEXT NOT NULL, side TEXT NOT NULL, x_min {double},
        y_min {double}, x_max {double}, y_max {double}, verdict TEXT NOT NULL, note TEXT NOT NULL, instead TEXT,
        stamp TEXT NOT NULL, undoes BIGINT UNIQUE REFERENCES reviews (number));
        INSERT INTO reviews (at, reader, data_set, level, target, side, x_min, y_min, x_max, y_max, verdict, note,
        instead, stamp) VALUES ('2026-01-01T00:00:00.000+00:00', 'ann', 'set', 'box', 'one', 'truth', 1, 2, 30, 40,
        'truth too tight or loose', 'old', '[[1.0, 2.0, 25.0, 35.0]]', '{{}}'), ('2026-01-02T00:00:00.000+00:00', 'bob',
        'set', 'film', 'one', '', NULL, NULL, NULL, NULL, 'agree with truth', '', NULL, '{{}}')""",
    "first_reads": """CREATE TABLE first_reads (number {number} PRIMARY KEY, data_set TEXT NOT NULL,
        image_id TEXT NOT NULL, boxes TEXT NOT NULL, study_class TEXT NOT NULL, reader TEXT NOT NULL, at TEXT NOT NULL,
        seconds {double} NOT NULL);
        INSERT INTO first_reads (data_set, image_id, boxes, study_class, reader, at, seconds) VALUES
        ('set', 'one', '[[1.0, 2.0, 30.0, 40.0]]', 'typical', 'ann', '2026-01-01T00:00:00+00:00', 9.5)""",
}


@pytest.fixture
def old_place(review_place, tmp_path):
    """A database as the first version left it, in each kind."""
    (tmp_path / "new").mkdir()
    postgresql = "://" in review_place
    engine = sql.create_engine(review_place.replace("postgresql", "postgresql+psycopg", 1) if postgresql else
                               f"sqlite:///{review_place}")
    types = {"number": "BIGSERIAL" if postgresql else "INTEGER", "double": "DOUBLE PRECISION"}
    with engine.begin() as connection:
        for statements in OLD.values():
            for each in statements.format(**types).split(";"):
                connection.exec_driver_sql(each)
    engine.dispose()
    return review_place


def about(target="one", origin=HERE, **more):
    return Review("ann", "set", "film", target, "agree with truth", origin=origin, **more)


@pytest.mark.parametrize(("other", "same"), [
    (HERE, True), (replace(HERE, film="two"), False), (replace(HERE, study="B"), False),
    (replace(HERE, width=50, height=40), False),  # a smaller copy: boxes are in other pixels
    (replace(HERE, width=0, height=0), True),  # a directory of labels alone
])
def test_a_film_is_known_by_its_ids_and_its_size(other, same):
    assert HERE.same(other) is other.same(HERE) is same
    assert Holding("elsewhere", {other.film: other}).holds("set", HERE) is same
    assert read_origin(other.as_text()) == other and read_origin(None) is None


def test_what_is_said_comes_back_with_its_film_and_is_told_by_it(review_place):
    store, other = ReviewStore(review_place), Origin("one", "A", 50, 40)
    saved = [store.save(about()), store.save(about(origin=other)), store.save(about(origin=None))]
    assert list(store.rows()) == saved
    assert store.rows(Holding("renamed", {"one": HERE})) == (saved[0],)
    assert store.rows(Holding("renamed", {"one": other})) == (saved[1],)
    assert store.rows(Holding("set", {"one": HERE})) == (saved[0], saved[2])
    assert store.undo(saved[0]).origin == HERE and current(store.rows(Holding("renamed", {"one": HERE}))) == ()
    store.close()


def test_a_database_of_the_first_version_is_read_as_it_is_and_written_without_loss(old_place):
    store, second, third = (ReviewStore(old_place) for _ in range(3))
    here = Holding("set", {"one": HERE})
    old = store.rows(here)
    assert [(each.reader, each.verdict, each.note, each.box, each.instead, each.origin) for each in old] == [
        ("ann", "truth too tight or loose", "old", (1, 2, 30, 40), [[1, 2, 25, 35]], None),
        ("bob", "agree with truth", "", None, None, None)]
    assert second.rows(Holding("another", {"one": HERE})) == () and second.mark() == (2, 2)
    new = store.save(about())
    assert second.rows(here) == (*old, new), "seen by one who looked at the table before it had the column"
    newer = second.save(about("two"))
    undo = store.undo(old[0])
    assert third.rows() == (*old, new, newer, undo)
    for each in (store, second, third):
        each.close()


def test_first_reads_of_the_first_version_are_read_and_written_without_loss(old_place):
    store = FirstReadStore(old_place)
    [old] = store.rows(Holding("set", {"one": HERE}))
    assert (old.image_id, old.boxes, old.seconds) == ("one", ((1, 2, 30, 40),), 9.5)
    new = FirstRead("two", (), "negative", 3.0, "ann", "2026-01-02T00:00:00+00:00")
    store.save("set", new, replace(HERE, film="two"))
    assert store.rows(Holding("set", {"one": HERE, "two": replace(HERE, film="two")})) == (old, new)
    assert store.rows(Holding("renamed", {"two": replace(HERE, film="two")})) == (new,)
    store.close()


def test_a_renamed_folder_keeps_its_reviews_and_another_of_its_name_gets_none(tmp_path, capsys):
    """Two folders called `set` with films of the same ids, of which one is smaller; then the first is renamed."""
    first, second, place = write_set(tmp_path / "a" / "set"), write_set(tmp_path / "b" / "set"), tmp_path / "r.sqlite"
    film_file(second / "train" / "A" / "S" / "one.dcm", np.zeros((50, 50), np.uint8))
    films = {image.image_id: image for image in open_dataset(first).images}
    store = ReviewStore(place)
    store.save(about(origin=origin_of(films["one"])))
    store.save(Review("ann", "set", "study", "D", "agree with truth", origin=origin_of(films["extra"])))
    store.close()

    def counted(root):
        assert main(["reviews", "--reviews", str(place), "--data", str(root)]) == 0
        return capsys.readouterr().out.splitlines()[-1]

    assert counted(first) == "2 verdicts and notes of 1 readers"
    assert counted(second) == "1 verdicts and notes of 1 readers"
    assert counted(first.rename(tmp_path / "a" / "renamed")) == "2 verdicts and notes of 1 readers"
    (tmp_path / "labels").mkdir()
    for name in ("train_image_level.csv", "train_study_level.csv"):
        (second / name).rename(tmp_path / "labels" / name)
    assert counted(tmp_path / "labels") == "1 verdicts and notes of 1 readers", "the study of `extra` is not labelled"


def test_the_export_names_film_study_and_size():
    [row] = json.loads(as_json([replace(about(), number=1)]))["reviews"]
    assert [row[name] for name in ("film", "study", "width", "height")] == ["one", "A", 100, 80]


def test_a_data_set_holds_its_films(tmp_path):
    made = holding(open_dataset(write_set(tmp_path / "set")))
    assert made.name == "set" and made.films["one"] == Origin("one", "A", 100, 100)
    assert made.films["gone"] == Origin("gone", "C", 0, 0)
