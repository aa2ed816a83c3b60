"""First reads are kept in the reviews' database, SQLite and PostgreSQL alike, beside the reviews."""

import pytest

from core.errors import BadReview
from core.first_reads import FirstRead
from core.first_reads_store import FirstReadStore
from core.origins import Holding
from core.reviews import Review
from core.reviews_store import ReviewStore

SET = Holding("set", {})  # what knows a data set by its name alone


def read(image_id, reader="Ada", seconds=12.5):
    return FirstRead(image_id, ((1.5, 2, 3, 4), (0, 0, 9, 9)), "typical", seconds, reader, "2026-01-01T00:00:00+00:00")


def test_reads_come_back_as_they_were_and_the_first_of_a_film_stands(review_place):
    store = FirstReadStore(review_place)
    assert store.rows(SET) == ()
    for each in (read("a"), read("<b>'; drop table first_reads"), read("a", seconds=1), read("a", "Bob")):
        store.save("set", each)
    store.save("other", read("x"))
    again = FirstReadStore(review_place)
    assert again.rows(SET, "Ada") == (read("a"), read("<b>'; drop table first_reads"))
    assert again.rows(SET) == (*again.rows(SET, "Ada"), read("a", "Bob"))
    assert again.rows(SET, "Eve") == ()
    store.close()
    again.close()


def test_reviews_and_reads_share_a_place(review_place):
    reviews, reads = ReviewStore(review_place), FirstReadStore(review_place)
    shared = Holding("shared", {})
    reviews.save(Review("Ada", "shared", "film", "a", "agree with truth"))
    reads.save("shared", read("a"))
    assert [each.target for each in reviews.rows(shared)] == ["a"] and reads.rows(shared) == (read("a"),)
    reviews.close()
    reads.close()


def test_what_cannot_be_saved_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("no database, and long enough to be none" * 9)
    with pytest.raises(BadReview, match="The first reads in .* cannot be saved .*none is said to be saved"):
        FirstReadStore(tmp_path / "file").save("set", read("a"))
