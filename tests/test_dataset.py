"""The competition's layout: labels cell by cell, films through the header index, and every fault by its place."""

import os
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from core import index
from core.dataset import open_dataset
from core.errors import BadDataset, BadTable
from core.labels import IMAGE_COLUMNS, STUDY_COLUMNS, read_labels, read_truth

TWO_BOXES = "opacity 1 10 20 40 90.5 opacity 1 100.25 30 150 60"
LISTED = "\"[{'x': 10, 'y': 20, 'width': 30, 'height': 70.5}, {'x': 100.25, 'y': 30, 'width': 49.75, 'height': 30}]\""
HEADS = ",".join(IMAGE_COLUMNS), ",".join(STUDY_COLUMNS)
IMAGES = [f"000123_image,{LISTED},{TWO_BOXES},nan", "nan_image,,none 1 0 0 1 1,1e5",
          "1e5_image,\"[{'x': -2, 'y': 3, 'width': 10, 'height': 5}]\",opacity 1 -2 3 8 8,nan"]
STUDIES = ["1e5_study,1,0,0,0", "nan_study,0,0,0,1"]


def put(root, images=IMAGES, studies=STUDIES, head=HEADS, end="\n"):
    """Write the two CSVs; None leaves one out."""
    root.mkdir(parents=True, exist_ok=True)
    for name, first, rows in (("image", head[0], images), ("study", head[1], studies)):
        if rows is not None:
            (root / f"train_{name}_level.csv").write_bytes(end.join([first, *rows, ""]).encode())
    return root


def put_film(path, patient="P1", rows=4, columns=6):
    """A film of `rows` x `columns` without a diagnosis."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, "1.2.840.10008.5.1.4.1.1.1"
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    film = pydicom.Dataset()
    film.file_meta, film.PatientID, film.Rows, film.Columns, film.Modality = meta, patient, rows, columns, "CR"
    film.PhotometricInterpretation, film.BitsAllocated, film.BitsStored, film.HighBit = "MONOCHROME1", 8, 8, 7
    film.SamplesPerPixel, film.PixelRepresentation, film.PixelData = 1, 0, bytes(rows * columns)
    path.parent.mkdir(parents=True, exist_ok=True)
    film.save_as(path, enforce_file_format=True)


def test_ids_stay_text_and_boxes_keep_their_corners(tmp_path):
    truth = read_truth(put(tmp_path))
    assert truth.image_ids == ("000123", "nan", "1e5")
    assert truth.study_ids == ("1e5", "nan")
    assert truth.image_study.tolist() == [1, 0, 1]
    assert truth.offsets.tolist() == [0, 2, 2, 3]
    assert truth.boxes.tolist() == [[10, 20, 40, 90.5], [100.25, 30, 150, 60], [-2, 3, 8, 8]]  # beyond the edge: kept
    assert truth.study_class.tolist() == [0, 3]


@pytest.mark.parametrize(("head", "end"), [("\ufeff", "\n"), ("", "\r\n"), ("\ufeff", "\r\n"), ("", "\r")])
def test_a_byte_order_mark_and_foreign_line_ends_change_nothing(tmp_path, head, end):
    put(tmp_path, head=[head + names for names in HEADS], end=end)
    assert read_labels(tmp_path).faults == ()
    assert read_truth(tmp_path).boxes.shape == (3, 4)


@pytest.mark.parametrize(("row", "words"), [
    ("x_image,,opacity 1 5 6 7,s", ["row 5, column label", "5 words", "six"]),
    ("x_image,,lesion 1 5 6 7 8,s", ["row 5, column label", "'lesion'", "opacity, none"]),
    ("x_image,,opacity 1 5 6 nan 8,s", ["row 5, column label", "'nan' for x_max of box 1", "finite"]),
    ("x_image,,opacity 1 5 6 7 8 opacity 1 1 inf 2 3,s", ["'inf' for y_min of box 2"]),
    ("x_image,,opacity 1 5 6 7 1e39,s", ["'1e39' for y_max"]),  # infinite as float32
    ("x_image,,opacity 1 5 6 7 1_0,s", ["'1_0' for y_max"]),  # Python alone takes it for 10
    ("x_image,,opacity 1 5 6 7 eight,s", ["'eight' for y_max"]),
    ("x_image,,opacity 1 40 20 10 90,s", ["row 5, column label", "[40.0, 20.0, 10.0, 90.0]", "x_max >= x_min"]),
    ("x_image,,opacity 1 5 6 5 8,s", ["row 5, column label", "without area"]),
    ("x_image,,,s", ["row 5, column label", "is empty"]),
    ("x_image,,none 1 0 0 1 1 opacity 1 5 6 7 8,s", ["row 5, column label", "just none 1 0 0 1 1"]),
    ("x_image,,none 1 0 0 2 2,s", ["row 5, column label"]),
    ("x_image,,none 1 0 0 1 1,", ["row 5, column StudyInstanceUID", "is empty"]),
    ("x,,none 1 0 0 1 1,s", ["row 5, column id: 'x' is no image id", "_image"]),
    ("_image,,none 1 0 0 1 1,s", ["row 5, column id"]),
    ("nan_image,,none 1 0 0 1 1,1e5", ["row 5, column id: 'nan_image' occurs a second time"]),
    ("x_image,,none 1 0 0 1 1", ["row 5", "3 cells", "4"]),
    ("x_image,,none 1 0 0 1 1,s,,", ["row 5", "6 cells"]),
    ("x_image,\"[{'x': 1,none 1 0 0 1 1,s", ["row 5", "quotes"]),
    ("x_image;;none 1 0 0 1 1;s", ["row 5", "1 cells"]),
])
def test_a_bad_image_row_is_named_and_hides_no_other(tmp_path, row, words):
    put(tmp_path, images=[*IMAGES, row, "last_image,,none 1 0 0 1 1,nan"])
    labels = read_labels(tmp_path)
    assert len(labels.faults) == 1 and labels.faults[0].startswith("train_image_level.csv row 5, column ")
    assert all(word in labels.faults[0] for word in words), labels.faults[0]
    assert labels.truth.image_ids == ("000123", "nan", "1e5", "last")
    with pytest.raises(BadTable, match="row 5"):  # a score on broken labels would be a lie
        read_truth(tmp_path)


@pytest.mark.parametrize(("row", "words"), [
    ("x_study,0,0,0,0", ["row 4, column", "0 classes marked 1"]),
    ("x_study,1,0,1,0", ["row 4, column", "2 classes marked 1"]),
    ("x_study,0,nan,0,1", ["row 4, column Typical Appearance: 'nan' must be 0 or 1"]),
    ("x_image,1,0,0,0", ["row 4, column id", "_study"]),
    ("nan_study,1,0,0,0", ["row 4, column id", "second time"]),
    ("x_study,1,0,0", ["row 4", "4 cells", "5"]),
])
def test_a_bad_study_row_is_named_and_hides_no_other(tmp_path, row, words):
    put(tmp_path, studies=[*STUDIES, row, "last_study,0,1,0,0"])
    labels = read_labels(tmp_path)
    assert len(labels.faults) == 1 and all(word in labels.faults[0] for word in words), labels.faults
    assert labels.truth.study_ids == ("1e5", "nan", "last")
    with pytest.raises(BadTable, match="row 4"):
        read_truth(tmp_path)


@pytest.mark.parametrize(("head", "words"), [
    ("id,boxes,StudyInstanceUID", "lacks the column 'label'"),
    ("id,boxes,label,StudyInstanceUID,label", "'label' 2 times"),
    ("id;boxes;label;StudyInstanceUID", "semicolons"),
    ("", "row 1 is empty"),
    ("\"id,boxes,label,StudyInstanceUID", "row 1"),
])
def test_a_header_that_is_not_the_competitions_is_named(tmp_path, head, words):
    put(tmp_path, head=(head, HEADS[1]))
    with pytest.raises(BadTable, match=words) as error:
        read_truth(tmp_path)
    assert "train_image_level.csv" in str(error.value)
    assert read_labels(tmp_path).truth.study_ids == ("1e5", "nan")  # the other file still opens


@pytest.mark.parametrize(("images", "studies", "name"), [(None, STUDIES, "image"), (IMAGES, None, "study")])
def test_a_missing_csv_is_named_and_the_other_still_opens(tmp_path, images, studies, name):
    labels = read_labels(put(tmp_path, images=images, studies=studies))
    assert len(labels.faults) == 1 and f"train_{name}_level.csv does not exist" in labels.faults[0]
    assert labels.truth is not None
    with pytest.raises(BadTable):
        read_truth(tmp_path)


def test_without_either_csv_there_is_no_truth(tmp_path):
    assert read_labels(tmp_path).truth is None
    with pytest.raises(BadTable):
        read_truth(tmp_path)


def test_a_place_that_is_no_directory_is_named(tmp_path):
    with pytest.raises(BadDataset, match="no directory"):
        read_truth(tmp_path / "nowhere")


def test_text_that_is_not_utf8_costs_its_row_alone(tmp_path):
    put(tmp_path)
    with (tmp_path / "train_image_level.csv").open("ab") as file:
        file.write(b"caf\xe9_image,,none 1 0 0 1 1,nan\nlast_image,,none 1 0 0 1 1,nan\n")
    labels = read_labels(tmp_path)
    assert len(labels.faults) == 1 and "row 5" in labels.faults[0] and "UTF-8" in labels.faults[0]
    assert labels.truth.image_ids[-1] == "last"


@pytest.mark.parametrize("listed", ["", "[]", "\"[{'x': 10, 'y': 20, 'width': 40, 'height': 90}]\"", "nonsense",
                                    "\"[{'x': nan, 'y': 20, 'width': 40, 'height': 90}]\"", "[" * 50_000])
def test_a_column_boxes_that_disagrees_with_label_is_a_remark(tmp_path, listed):
    """The third reads corners as width and height: the diary's mistake 1."""
    labels = read_labels(put(tmp_path, images=[f"a_image,{listed},opacity 1 10 20 40 90,nan"]))
    assert labels.faults == ()
    assert len(labels.remarks) == 1 and "row 2, column boxes: 1 rows" in labels.remarks[0]
    assert labels.truth.boxes.tolist() == [[10, 20, 40, 90]]


def test_a_study_without_label_has_an_unknown_class(tmp_path):
    labels = read_labels(put(tmp_path, studies=STUDIES[:1]))
    assert labels.truth.study_ids == ("1e5", "nan") and labels.truth.study_class.tolist() == [0, -1]
    assert len(labels.remarks) == 1 and "'nan'" in labels.remarks[0]


def test_a_subset_is_in_the_order_asked_for(tmp_path):
    part = read_truth(put(tmp_path)).subset(("1e5", "000123"), ("nan",))
    assert part.boxes.tolist() == [[-2, 3, 8, 8], [10, 20, 40, 90.5], [100.25, 30, 150, 60]]
    assert part.offsets.tolist() == [0, 1, 3] and part.image_study.tolist() == [0, 0]
    assert part.study_class.tolist() == [3]


def test_the_study_of_an_image_outside_the_subset_is_none(tmp_path):
    assert read_truth(put(tmp_path)).subset(("nan",), ("nan",)).image_study.tolist() == [-1]


def test_an_unlabelled_id_cannot_be_taken_as_subset(tmp_path):
    with pytest.raises(BadDataset, match="'x'"):
        read_truth(put(tmp_path)).subset(("x",), ())


def test_a_dataset_holds_labelled_images_first_then_the_others(tmp_path):
    put(tmp_path, images=IMAGES[:2])
    put_film(tmp_path / "test" / "t" / "s" / "a.dcm", patient="P9")
    put_film(tmp_path / "train" / "1e5" / "s" / "nan.dcm", rows=7, columns=9)
    put_film(tmp_path / "train" / "nan" / "s" / "000123.DCM", rows=100, columns=160)
    dataset = open_dataset(tmp_path)
    assert dataset.problems == ()
    assert [image.image_id for image in dataset.images] == ["000123", "nan", "a"]
    film = dataset.images[1]
    assert (film.study_id, film.patient_id, film.width, film.height) == ("1e5", "P1", 9, 7)
    assert film.path == str(tmp_path / "train" / "1e5" / "s" / "nan.dcm") and film.photometric == "MONOCHROME1"
    assert (dataset.images[2].study_id, dataset.images[2].patient_id) == ("t", "P9")


def test_each_misfit_of_films_and_labels_is_a_sentence_and_the_rest_opens(tmp_path):
    put(tmp_path, studies=[*STUDIES, "lonely_study,0,1,0,0"])
    put_film(tmp_path / "train" / "other" / "s" / "nan.dcm")  # its label names study 1e5
    put_film(tmp_path / "train" / "nan" / "s" / "1e5.dcm", patient="")
    put_film(tmp_path / "train" / "nan" / "t" / "1e5.dcm")  # a second film of the id
    put_film(tmp_path / "train" / "nan" / "s" / "new.dcm")
    (tmp_path / "train" / "nan" / "s" / "text.dcm").write_text("no film")
    (tmp_path / "train" / "nan" / "s" / "gone.dcm").symlink_to(tmp_path / "nowhere")
    dataset = open_dataset(tmp_path)
    for words in (["image '000123'", "has no film"], ["nan.dcm' lies in the folder of study 'other'", "'1e5'"],
                  ["image '1e5' has 2 films", "train/nan/s/1e5.dcm"], ["new.dcm' has no valid row"],
                  ["text.dcm' cannot be read"], ["gone.dcm is no file"], ["study 'lonely'", "no image"],
                  ["1 films such as 'train/nan/s/1e5.dcm' carry no PatientID"],
                  ["row 4, column label: the box [-2.0, 3.0, 8.0, 8.0]", "6 x 4 pixels"],
                  ["text.dcm' has no valid row"]):
        assert sum(all(word in problem for word in words) for problem in dataset.problems) == 1, words
    assert len(dataset.problems) == 10
    assert [image.image_id for image in dataset.images] == ["000123", "nan", "1e5", "new", "text"]
    assert dataset.images[0].path is None and dataset.images[1].study_id == "1e5"


def test_films_without_labels_open_with_one_sentence_a_missing_file(tmp_path):
    put_film(tmp_path / "train" / "s1" / "s" / "a.dcm")
    dataset = open_dataset(tmp_path)
    assert dataset.truth is None and len(dataset.images) == 1
    assert len(dataset.problems) == 2 and all("does not exist" in problem for problem in dataset.problems)


def test_many_problems_of_a_kind_are_counted_not_listed(tmp_path):
    put(tmp_path, images=[f"i{number}_image,,none 1 0 0 1 1,nan" for number in range(500)])
    put_film(tmp_path / "train" / "nan" / "s" / "i0.dcm")
    problems = open_dataset(tmp_path).problems
    assert len(problems) < 60 and any("and 449 more" in problem for problem in problems)


def test_only_changed_headers_are_read_again(tmp_path, monkeypatch):
    film = tmp_path / "train" / "s1" / "s" / "a.dcm"
    put_film(film)
    put_film(tmp_path / "train" / "s1" / "s" / "b.dcm")
    first = index.read_index(tmp_path)
    read = []
    real = index.read_header
    monkeypatch.setattr(index, "read_header", lambda path: read.append(path.name) or real(path))
    assert index.read_index(tmp_path) == first and read == []
    os.utime(film, ns=(1, 1))
    assert index.read_index(tmp_path) == first and read == ["a.dcm"]
    film.unlink()
    assert [entry.path for entry in index.read_index(tmp_path)[0]] == ["train/s1/s/b.dcm"] and read == ["a.dcm"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1}', '{"format": 1, "films": [[1, {"no": 1}]]}',
                                     '{"format": 0, "films": []}', "\x00" * 100, "[" * 100_000])
def test_a_corrupted_index_is_made_again(tmp_path, content):
    put_film(tmp_path / "train" / "s1" / "s" / "a.dcm")
    first = index.read_index(tmp_path)
    index.index_file(tmp_path).write_text(content)
    entries, problems = index.read_index(tmp_path)
    assert entries == first[0] and len(problems) == 1 and "was damaged" in problems[0]
    assert index.read_index(tmp_path) == first and first[1] == [], "it is said once"
    assert index.index_file(tmp_path).stat().st_mode & 0o77 == 0, "it names patients"
    assert index.index_file(tmp_path).stat().st_mode & 0o077 == 0  # it names patients


def test_a_cache_that_cannot_be_written_costs_a_sentence_only(tmp_path, monkeypatch):
    put_film(tmp_path / "train" / "s1" / "s" / "a.dcm")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GROUNDGLASS_CACHE", str(tmp_path / "file" / "cache"))
    entries, problems = index.read_index(tmp_path)
    assert len(entries) == 1 and len(problems) == 1 and "cannot be written" in problems[0]


def test_progress_wraps_the_headers_to_read(tmp_path):
    put_film(tmp_path / "train" / "s1" / "s" / "a.dcm")
    seen = []

    def bar(iterable, total):
        seen.append(total)
        return iterable

    open_dataset(tmp_path, progress=bar)
    assert seen == [1]


def test_the_real_set_has_the_figures_of_its_readme(shared):
    dataset = open_dataset(shared / "siim256")
    labelled = dataset.images[:len(dataset.truth.image_ids)]
    assert dataset.problems == ()
    assert (len(dataset.images), len(labelled), len(dataset.truth.study_ids)) == (5346, 4946, 4713)
    assert len({image.patient_id for image in labelled}) == 2556
    assert np.bincount(dataset.truth.study_class).tolist() == [1338, 2221, 800, 354]


def test_names_that_are_no_text_cost_their_own_films(tmp_path):
    """Bytes that are no UTF-8 can be neither kept nor sent to a page: such films and folders are named, others open."""
    for name in (b"test/s/e/\xff.dcm", b"test/\xfe/e/a.dcm", b"test/s/e/\xff.txt", b"test/s/e/good.dcm"):
        path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
        put_film(path)
    (tmp_path / "test" / "s" / "e" / os.fsdecode(b"\xfd.dcm")).mkdir()
    dataset = open_dataset(tmp_path)
    assert [image.image_id for image in dataset.images] == ["good"]
    said = " ".join(dataset.problems).encode().decode()
    assert r"test/s/e/\xff.dcm has a name that is not UTF-8" in said and r"test/\xfe has a name" in said
