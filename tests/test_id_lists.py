"""Saved lists: kept whole under any name, apart by data set, and carried in plain files."""

import numpy as np
import pytest

from core.cases import arrange
from core.dataset import Dataset, Image
from core.errors import BadTable
from core.film_facts import facts_of
from core.id_lists import as_text, forget_list, from_text, id_list, lists_directory, save_list, saved_lists
from core.labels import GroundTruth


@pytest.fixture(autouse=True)
def lists(tmp_path, monkeypatch):
    monkeypatch.setenv("GROUNDGLASS_LISTS", str(tmp_path / "lists"))


@pytest.mark.parametrize("name", ["to show", "../../etc/passwd", "<b>bold</b>", "Füße ☂", "a" * 80])
def test_a_list_comes_back_in_its_order_whatever_its_name(name):
    save_list("set", id_list(name, ["b", "a", "b"]))
    found, problems = saved_lists("set")
    assert problems == [] and list(found) == [name] and found[name].ids == ("b", "a")
    assert [place.parent for place in lists_directory().rglob("*.json")] == [lists_directory()]


def test_lists_of_other_data_sets_are_not_shown_and_one_name_is_one_list():
    save_list("set", id_list("mine", ["a"]))
    save_list("other", id_list("mine", ["x"]))
    save_list("set", id_list("mine", ["b"]))
    assert saved_lists("set")[0]["mine"].ids == ("b",)
    forget_list("set", "mine")
    assert saved_lists("set")[0] == {} and saved_lists("other")[0]["mine"].ids == ("x",)
    forget_list("set", "mine")  # it may be gone already


def test_a_list_that_cannot_be_read_is_told_and_hides_no_other():
    save_list("set", id_list("mine", ["a"]))
    (lists_directory() / "0.json").write_text('{"data_set": "set"')
    found, problems = saved_lists("set")
    assert list(found) == ["mine"] and len(problems) == 1 and "0.json holds no list of films" in problems[0]


def test_a_directory_that_cannot_be_written_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GROUNDGLASS_LISTS", str(tmp_path / "file"))
    with pytest.raises(BadTable, match="cannot be written"):
        save_list("set", id_list("mine", ["a"]))


@pytest.mark.parametrize("name, ids, match", [("", ["a"], "must have 1 to 80"), ("x" * 81, ["a"], "must have 1 to 80"),
                                              ("a\0b", ["a"], "must have 1 to 80"), ("mine", [], "has 0 ids")])
def test_what_cannot_be_kept_is_refused(name, ids, match):
    with pytest.raises(BadTable, match=match):
        id_list(name, ids)


@pytest.mark.parametrize("content, ids", [
    (b"b\na\n", ("b", "a")), (b"\xef\xbb\xbfid,PredictionString\r\nb_image,none 1 0 0 1 1\r\n\r\na_image,\r\n",
     ("b", "a")),
    (b'"a",1', ("a",))])
def test_a_file_of_ids_is_read_as_people_write_them(content, ids):
    assert from_text("mine", content).ids == ids


def test_a_list_survives_its_file():
    made = id_list("mine", ["b", "a"])
    assert from_text("mine", as_text(made.ids).encode()) == made


@pytest.mark.parametrize("content, match", [(b"\xff\xfe\0", "no UTF-8 text"), (b"\n\n", "has 0 ids")])
def test_a_file_that_is_no_list_is_refused(content, match):
    with pytest.raises(BadTable, match=match):
        from_text("mine", content)


def test_folds_are_those_of_the_file_by_image_or_study_and_none_where_it_names_several():
    labels = GroundTruth(("a", "b", "c"), ("S", "T", "U"), np.array([0, 1, 2]), np.zeros((0, 4), np.float32),
                         np.zeros(4), np.array([0, 1, 2]))
    images = tuple(Image(each, study, None, "", 0, 0, "") for each, study in zip("abc", "STU", strict=True))
    cases = arrange(Dataset("/data", "data", images, labels, ()))
    assert facts_of(cases, folds=[("a", "0"), ("T", "1"), ("c", "0"), ("c", "1")]).fold == ("0", "1", "")
    assert facts_of(cases).fold is None, "without predictions nothing names a fold"
