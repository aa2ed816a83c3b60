"""What leaves: valid DICOM, the same boxes and the same AP when it comes back, and no patient where none may be."""

import json
import os
import shutil
import subprocess
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest

from core.__main__ import main
from core.boxed import as_truth, detections_of, file_name, gathered, truth_of
from core.coco import read_coco, write_coco
from core.dataset import open_dataset
from core.deidentify import deidentified, new_uid, pixel_doubts
from core.errors import BadExport, BadSettings, BadTable
from core.exports import FORMATS, export
from core.labels import read_truth
from core.reported import WARNING, Reported, origin_of
from core.voc import read_voc, write_voc
from core.yolo import read_yolo, write_yolo

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "assets/sample"
ORIGIN = origin_of({"data set": "sample", "date": "2026-11-25", "settings": {"method": "nmw"},
                    "weights": {"one": "ab" * 32}}, 0.25)
BOXES = np.array([[10.25, 20.5, 110, 70.125], [0, 0, 33.3, 44.4]], np.float32)  # asymmetric on purpose
WRITERS = {"coco": (lambda place, boxed: write_coco(place, boxed, ("x",), {}), read_coco),
           "yolo": (lambda place, boxed: write_yolo(place, boxed, ("x",), {}), read_yolo),
           "voc": (lambda place, boxed: write_voc(place, boxed, ("x",)), read_voc)}


def told(image_id="a", path=None, boxes=BOXES, width=200, height=100):
    scores = np.array([0.9, 1 / 3])[:len(boxes)]
    return Reported(image_id, "s", path, width, height, boxes, scores, 0.125, np.array([0.1, 0.6, 0.2, 0.1]))


def films(count):
    return [image for image in open_dataset(SAMPLE).images if image.path][:count]


def about(image):
    return Reported(image.image_id, image.study_id, Path(image.path), image.width, image.height,
                    np.array([[10, 20, 300, 500], [image.width - 50, 5, image.width + 20, 90]], np.float32),
                    np.array([0.8, 0.4]), 0.2, np.array([0.1, 0.6, 0.2, 0.1]))


# --- boxes for other programs -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("kind", WRITERS)
def test_boxes_come_back_to_the_last_bit(kind, tmp_path):
    write, read = WRITERS[kind]
    boxed = detections_of([told(), told("../b", width=333, height=777), told("none", boxes=BOXES[:0])])
    write(tmp_path, boxed)
    back = read(tmp_path)
    order = [back.image_ids.index(each.rsplit("/", 1)[-1] if kind == "coco" else each) for each in boxed.image_ids]
    for row, place in enumerate(order):
        ours, theirs = list(boxed.films())[row], list(back.films())[place]
        assert ours[1:3] == theirs[1:3]
        assert np.array_equal(ours[3], theirs[3])
        assert len(ours[3]) == 0 or np.array_equal(ours[4], theirs[4])
    assert not (tmp_path.parent / "b.xml").exists() and not (tmp_path / "b.txt").exists()


def test_each_format_counts_as_its_authors_do(tmp_path):
    """A box over x 10..110, y 20..70 of a film of 200 x 100 pixels, by hand."""
    boxed = gathered([("a", 200, 100, [[10, 20, 110, 70]], None)])
    for kind, (write, _) in WRITERS.items():
        write(tmp_path / kind, boxed)
    assert json.loads((tmp_path / "coco/coco.json").read_text())["annotations"][0]["bbox"] == [10, 20, 100, 50]
    assert (tmp_path / "yolo/labels/a.txt").read_text().split() == ["0", "0.3", "0.45", "0.5", "0.5"]
    xml = (tmp_path / "voc/Annotations/a.xml").read_text()
    assert all(f"<{name}>{value}</{name}>" in xml for name, value in
               (("xmin", "11.0"), ("ymin", "21.0"), ("xmax", "110.0"), ("ymax", "70.0")))


@pytest.mark.parametrize("kind", WRITERS)
def test_a_second_export_leaves_nothing_of_the_first(kind, tmp_path):
    write, read = WRITERS[kind]
    write(tmp_path, detections_of([told("a"), told("b")]))
    (tmp_path / "Annotations").mkdir(exist_ok=True)
    (tmp_path / "Annotations/foreign.xml").write_text("another program's, which stays")
    write(tmp_path, detections_of([told("b"), told("c")]))
    assert sorted(read(tmp_path).image_ids) == ["b", "c"]
    assert not (tmp_path / "Annotations/a.xml").exists() and (tmp_path / "Annotations/foreign.xml").exists()


@pytest.mark.parametrize("stem", ["../a", "/etc/passwd", "a b"])
def test_a_list_of_files_never_leads_out_of_its_folder(stem, tmp_path):
    write_voc(tmp_path, detections_of([told("a")]), ("x",))
    (tmp_path / "ImageSets/Main/exported.txt").write_text(f"{stem}\n")
    with pytest.raises(BadExport, match="exported.txt lists"):
        read_voc(tmp_path)


@pytest.mark.parametrize("kind", WRITERS)
def test_labels_go_out_and_come_back_as_truth(kind, tmp_path):
    assert main(["export", kind, "--data", str(SAMPLE), "--out", str(tmp_path)]) == 0
    assert main(["import", kind, "--from", str(tmp_path / kind), "--as", "truth", "--data", str(SAMPLE), "--out",
                 str(tmp_path / "back")]) == 0
    ours, theirs = read_truth(SAMPLE), read_truth(tmp_path / "back")
    theirs = theirs.subset(ours.image_ids, ours.study_ids)
    assert np.array_equal(ours.boxes, theirs.boxes) and np.array_equal(ours.offsets, theirs.offsets)
    assert np.array_equal(ours.study_class, theirs.study_class)


def test_predictions_score_the_same_after_any_format(tmp_path, capsys):
    given = ["--data", str(SAMPLE), "--predictions"]
    assert main(["evaluate", *given, str(SAMPLE / "predictions"), "--json"]) == 0
    before = json.loads(capsys.readouterr().out)
    kinds = ("submission", *WRITERS)
    assert main(["export", *kinds, *given, str(SAMPLE / "predictions"), "--threshold", "0",
                 "--out", str(tmp_path)]) == 0
    for kind in kinds:
        place = tmp_path / kind / "submission.csv" if kind == "submission" else tmp_path / kind
        capsys.readouterr()
        assert main(["evaluate", *given, str(place), "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == pytest.approx(before, abs=1e-9), kind
    assert main(["import", "voc", "--from", str(tmp_path / "voc"), "--as", "predictions", "--data", str(SAMPLE),
                 "--out", str(tmp_path / "predictions")]) == 0
    capsys.readouterr()
    again = ["--method", "nms", "--iou", "1", "--skip", "0", "--exponent", "0", "--none-study", "0",
             "--none-boxes", "0"]
    assert main(["evaluate", *given, str(tmp_path / "predictions"), *again, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == pytest.approx(before, abs=1e-6)


@pytest.mark.parametrize(("name", "text", "sentence"), [
    ("coco.json", "{", "is not JSON"),
    ("coco.json", '{"images": []}', "breaks COCO's format"),
    ("coco.json", '{"images": [], "annotations": [], "categories": []}', "no category named opacity"),
    ("coco.json", '{"images": [{"id": 1, "file_name": "a.dcm", "width": 9, "height": 9}], "categories": [{"id": 1, '
                  '"name": "opacity"}], "annotations": [{"image_id": 1, "category_id": 1, "bbox": [0, 0, -2, 1]}]}',
     "reversed or not finite"),
    ("films.csv", "id,file,width,height\na,../a.txt,9,9\n", "must lie in labels/"),
    *(("films.csv", f"id,file,width,height\na,a.txt,{side},9\n", "must be pixels above 0")
      for side in ("0", "²", "9" * 19, "-1", "1e3")),
    *(("coco.json", f'{{"images": [{{"id": 1, "file_name": "a", "width": {side}, "height": 9}}], "categories": [{{'
                    f'"id": 1, "name": "opacity"}}], "annotations": []}}', "COCO's format|at most 65535 a side")
      for side in ("Infinity", "NaN", "1e400", "-1", "9" * 400)),
    ("Annotations/a.xml", f"<annotation><size><width>{'9' * 400}</width><height>1</height></size></annotation>",
     "at most 65535 a side"),
    ("Annotations/a.xml", "<annotation><object>", "breaks VOC's format"),
    ("Annotations/a.xml", '<!DOCTYPE a [<!ENTITY b "c">]><annotation/>', "declares entities"),
    ("Annotations/a.xml", '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE a [<!ENTITY b "c">]><annotation/>'.encode(
        "utf-16"), "declares entities"),
])
def test_what_cannot_be_read_back_is_named(name, text, sentence, tmp_path):
    place = tmp_path / name
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(text if isinstance(text, bytes) else text.encode())
    read = {"coco.json": read_coco, "films.csv": read_yolo}.get(name, read_voc)
    with pytest.raises(BadExport, match=sentence):
        read(tmp_path)


def pipe(place):
    place.unlink()
    os.mkfifo(place)


@pytest.mark.parametrize("spoiled", [pipe, lambda place: (place.unlink(), place.symlink_to("/dev/zero")),
                                     lambda place: os.truncate(place, 2 ** 40)], ids=["pipe", "device", "terabyte"])
@pytest.mark.parametrize(("kind", "name"), [
    ("coco", "coco.json"), ("yolo", "labels/a.txt"), ("yolo", "films.csv"), ("voc", "Annotations/a.xml"),
    ("voc", "ImageSets/Main/exported.txt")])
def test_what_has_no_end_is_not_read_back(kind, name, spoiled, tmp_path):
    write, read = WRITERS[kind]
    write(tmp_path, detections_of([told()]))
    spoiled(tmp_path / name)
    with pytest.raises((BadExport, BadTable), match=Path(name).name):
        read(tmp_path)


@pytest.mark.parametrize("line", ["nan .5 .5 .1 .1", "-1 .5 .5 .1 .1", "0.5 .5 .5 .1 .1", "0 .5 .5", "0 .5 .5 .1 x"])
def test_a_wrong_line_of_yolo_is_named(line, tmp_path):
    write_yolo(tmp_path, detections_of([told()]), ("x",), {})
    (tmp_path / "labels" / "a.txt").write_text(f"0 .5 .5 .1 .1 1\n{line}\n")
    with pytest.raises(BadExport, match=f"a.txt has in line 2 '{line}'"):
        read_yolo(tmp_path)


@pytest.mark.parametrize("score", [float("nan"), float("inf"), -0.5, 1.5])
def test_a_confidence_that_is_none_is_named_by_film(score):
    with pytest.raises(BadExport, match="film 'a' has a confidence"):
        gathered([("b", 9, 9, [[0, 0, 1, 1]], [1]), ("a", 9, 9, [[0, 0, 1, 1]], [score])])


def test_detections_are_no_truth_and_truth_no_detections(tmp_path):
    with pytest.raises(BadExport, match="ground truth has none"):
        as_truth(detections_of([told()]), None, {})
    write_coco(tmp_path, truth_of(read_truth(SAMPLE), {}), ("x",), {})
    with pytest.raises(BadExport, match="some boxes have a score"):
        gathered([("a", 9, 9, [[0, 0, 1, 1]], [0.5]), ("b", 9, 9, [[0, 0, 1, 1]], None)])


def test_no_id_becomes_a_path():
    assert file_name("000a.b-c") == "000a.b-c"
    for hostile in ("../x", "/etc/passwd", "a\0b", "", ".hidden", "x" * 300, "C:\\x"):
        assert file_name(hostile).startswith("film-") and "/" not in file_name(hostile)


# --- DICOM ------------------------------------------------------------------------------------------------------------

def dicom_films(shared_or_none):
    yield from (about(image) for image in films(4))
    if shared_or_none:
        for path in sorted(shared_or_none.glob("fullres/**/*.dcm")):
            header = pydicom.dcmread(path, stop_before_pixels=True)
            yield replace(told(path.stem, path, width=int(header.Columns), height=int(header.Rows)), study_id="x")


def errors_of(path):
    done = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, errors="replace", check=False)
    return [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")]


@pytest.mark.parametrize("deidentify", [False, True])
def test_dciodvfy_finds_no_error(deidentify, tmp_path, request):
    if shutil.which("dciodvfy") is None:
        pytest.skip("no dciodvfy on this machine: apt-get install dicom3tools")
    try:
        shared = request.getfixturevalue("shared")
    except pytest.skip.Exception:
        shared = None
    some = list(dicom_films(None if deidentify else shared))
    done = export(some, ORIGIN, ("sr", "gsps", "sc"), tmp_path, deidentify=deidentify)
    assert not done.failed and len(done.files) == 3 * len(some)
    assert {str(path): errors_of(path) for path in done.files} == {str(path): [] for path in done.files}


def test_a_report_says_what_was_found_where_and_by_whom(tmp_path):
    each = about(films(1)[0])
    place, = export([each], ORIGIN, ("sr",), tmp_path).files
    report = pydicom.dcmread(place)
    film = pydicom.dcmread(each.path, stop_before_pixels=True)
    assert (report.StudyInstanceUID, report.PatientID) == (film.StudyInstanceUID, film.PatientID)
    flat = list(walked(report))
    regions = [item.GraphicData for item in flat if item.get("ValueType") == "SCOORD"]
    assert list(regions[0]) == [10, 20, 300, 20, 300, 500, 10, 500, 10, 20]
    assert max(regions[1]) == each.width, "a region must not leave the film"
    numbers = {item.ConceptNameCodeSequence[0].CodeMeaning: float(item.MeasuredValueSequence[0].NumericValue)
               for item in flat if item.get("ValueType") == "NUM"}
    assert numbers["Certainty of Finding"] == 40 and numbers["Probability of no opacity on the film"] == 20
    assert numbers["Probability: Typical appearance of COVID-19"] == 60
    words = " ".join(str(item.TextValue) for item in flat if item.get("ValueType") == "TEXT")
    assert WARNING in words and ORIGIN.weights in words and "confidence >= 0.25" in words
    assert {item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for item in flat
            if item.get("ValueType") == "IMAGE"} == {film.SOPInstanceUID}


def test_every_format_names_each_weights_file_by_its_whole_hash(tmp_path):
    kinds = ("sr", "gsps", "sc", "submission", "coco", "yolo", "voc")
    done = export([about(films(1)[0])], ORIGIN, kinds, tmp_path)
    for kind in kinds:
        named = [path.name for path in done.files if path.is_relative_to(tmp_path / kind)
                 and b"one" in path.read_bytes() and b"ab" * 32 in path.read_bytes()]
        assert named, kind


def test_a_weights_name_that_is_none_breaks_no_format(tmp_path):
    many = {"a\x1b\\b<&>\n" * 30: "ab" * 32, **{f"w{number}": "cd" * 32 for number in range(40)}}
    odd = replace(ORIGIN, stamp={"weights": many})
    done = export([about(films(1)[0])], odd, ("sr", "gsps", "sc", "voc"), tmp_path)
    assert done.failed == {} and len(read_voc(tmp_path / "voc").image_ids) == 1
    assert shutil.which("dciodvfy") is None or not [
        path for path in done.files if path.suffix == ".dcm" and errors_of(path)]


def walked(dataset):
    for item in dataset.get("ContentSequence", ()):
        yield item
        yield from walked(item)


def test_a_presentation_shows_the_film_as_the_viewer_does(tmp_path):
    from core.dicom import read_film

    for each in map(about, films(8)):
        place, = export([each], ORIGIN, ("gsps",), tmp_path).files
        state, film = pydicom.dcmread(place), read_film(each.path)
        assert state.PresentationLUTShape == ("INVERSE" if film.inverted else "IDENTITY")
        voi = state.SoftcopyVOILUTSequence[0]
        if film.looks[0].table is None:
            assert (voi.WindowCenter, voi.WindowWidth) == (film.looks[0].center, film.looks[0].width)
        graphics = state.GraphicAnnotationSequence[0]
        assert list(graphics.GraphicObjectSequence[0].GraphicData)[:4] == [10, 20, 300, 20]
        texts = [each.UnformattedTextValue for each in graphics.TextObjectSequence]
        assert texts[0] == "opacity 0.80" and WARNING in texts[-1]


def test_boxes_are_burnt_in_where_they_are(tmp_path):
    each = about(films(1)[0])
    sc, png = export([each], ORIGIN, ("sc", "png"), tmp_path).files
    picture = pydicom.dcmread(sc).pixel_array
    assert picture.shape == (each.height, each.width, 3)
    assert (picture[250, 10] == (86, 180, 233)).all() and (picture[250, 100] == picture[250, 100, 0]).all()
    import cv2
    assert np.array_equal(cv2.imread(str(png))[..., ::-1], picture)


# --- without the patient ----------------------------------------------------------------------------------------------

def identified(folder, name="one", study="1.2.3"):
    dataset = pydicom.dcmread(films(1)[0].path)
    dataset.PatientName, dataset.PatientID, dataset.PatientBirthDate = "SECRET^NAME", "SECRET-77", "19501224"
    dataset.ReferringPhysicianName, dataset.StudyDate, dataset.AccessionNumber = "SECRET^DOCTOR", "20201224", "SECRET8"
    dataset.StudyInstanceUID, dataset.SOPInstanceUID = study, f"{study}.{len(name)}.7"
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.add_new(0x00091010, "LO", "SECRET PRIVATE")
    item = pydicom.Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = dataset.SOPClassUID, dataset.SOPInstanceUID
    dataset.SourceImageSequence = pydicom.Sequence([item])
    place = folder / f"{name}.dcm"
    dataset.save_as(place)
    return place


def test_a_deidentified_export_holds_no_patient_and_its_parts_agree(tmp_path):
    place = identified(tmp_path)
    header = pydicom.dcmread(place, stop_before_pixels=True)
    each = replace(told("SECRET-77-film", place, width=int(header.Columns), height=int(header.Rows)), study_id="1.2.3")
    done = export([each], ORIGIN, tuple(FORMATS), tmp_path / "out", deidentify=True)
    assert not done.failed and any("Burned In Annotation" in remark for remark in done.remarks)
    for path in (path for path in (tmp_path / "out").rglob("*") if path.is_file()):
        assert b"SECRET" not in path.read_bytes() and "SECRET" not in str(path), path
        assert b"19501224" not in path.read_bytes() and b"20201224" not in path.read_bytes()
    made = {kind: pydicom.dcmread(next((tmp_path / "out" / kind).glob("*.dcm")))
            for kind in ("dicom", "sr", "gsps", "sc")}
    assert len({(each.StudyInstanceUID, each.PatientID) for each in made.values()}) == 1
    film = made["dicom"]
    assert film.StudyInstanceUID != "1.2.3" and film.PatientIdentityRemoved == "YES"
    assert film.SourceImageSequence[0].ReferencedSOPInstanceUID == film.SOPInstanceUID
    assert film.file_meta.MediaStorageSOPInstanceUID == film.SOPInstanceUID
    assert film.DeidentificationMethodCodeSequence[0].CodeValue == "113100"
    assert np.array_equal(film.pixel_array, pydicom.dcmread(place).pixel_array)
    referenced = made["gsps"].ReferencedSeriesSequence[0].ReferencedImageSequence[0].ReferencedSOPInstanceUID
    assert referenced == film.SOPInstanceUID


def test_a_value_that_breaks_its_rules_is_left_out_and_that_is_said(tmp_path):
    place = identified(tmp_path)
    dataset = pydicom.dcmread(place)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.StudyDate = "20269999"
        dataset.save_as(place)
    each = replace(told("film", place, width=int(dataset.Columns), height=int(dataset.Rows)), study_id="1.2.3")
    done = export([each], ORIGIN, ("sr",), tmp_path / "out")
    assert [remark for remark in done.remarks if "StudyDate" in remark and "film" in remark]
    assert not [remark for remark in done.remarks if "PatientName" in remark]
    assert pydicom.dcmread(done.files[0]).StudyDate == ""


def test_the_data_sets_name_is_not_in_a_deidentified_export(tmp_path):
    place, origin = identified(tmp_path), replace(ORIGIN, stamp={**ORIGIN.stamp, "data set": "SECRET folder"})
    header = pydicom.dcmread(place, stop_before_pixels=True)
    each = replace(told("film", place, width=int(header.Columns), height=int(header.Rows)), study_id="1.2.3")
    for deidentify in (False, True):
        out = tmp_path / str(deidentify)
        export([each], origin, ("submission", "coco", "yolo", "voc"), out, deidentify=deidentify)
        holding = {path.name for path in out.rglob("*") if path.is_file() and b"SECRET folder" in path.read_bytes()}
        assert holding == (set() if deidentify else {"coco.json", "data.yaml", "origin.json"})


def test_formats_without_a_patient_name_none(tmp_path):
    place = identified(tmp_path)
    each = replace(told("film", place, width=100, height=100), study_id="1.2.3")
    export([each], ORIGIN, ("png", "submission", "coco", "yolo", "voc"), tmp_path / "out")
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file() and b"SECRET" in path.read_bytes()]


def test_a_film_that_cannot_be_deidentified_costs_one_sentence(tmp_path):
    """An item that ends where none began: such a film is shown, but has attributes that cannot be told apart."""
    from film_files import film_file

    data = film_file(tmp_path / "odd.dcm", np.zeros((40, 64), np.uint16)).read_bytes()
    at = data.index(b"\xe0\x7f\x10\0OW")
    (tmp_path / "odd.dcm").write_bytes(data[:at] + b"\xfe\xff\xdd\xe0\0\0\0\0" + data[at:])
    second = about(films(1)[0])
    done = export([told("odd", tmp_path / "odd.dcm"), second], ORIGIN, ("dicom", "sr"), tmp_path / "out",
                  deidentify=True)
    assert set(done.failed) == {"odd"} and len(done.files) == 2
    assert "\n" not in done.failed["odd"] and "repair the header" in done.failed["odd"]


def test_uids_are_new_in_each_export_and_the_standards_stay():
    assert new_uid("1.2.3", b"a") == new_uid("1.2.3", b"a") != new_uid("1.2.3", b"b")
    assert new_uid("1.2.840.10008.1.2.1", b"a") == "1.2.840.10008.1.2.1"


def test_patients_stay_apart_without_their_names(tmp_path):
    one = pydicom.dcmread(identified(tmp_path))
    other = pydicom.dcmread(identified(tmp_path, "other"))
    other.PatientID = "SOMEONE ELSE"
    names = {deidentified(each, b"k").PatientID for each in (one, one, other)}
    assert len(names) == 2 and all(name.startswith("GG-") for name in names)


@pytest.mark.parametrize(("attributes", "words"), [
    ({"BurnedInAnnotation": "YES"}, "is YES"), ({}, "is not given"),
    ({"BurnedInAnnotation": "NO", "ImageType": ["DERIVED", "SECONDARY"]}, "captured or scanned")])
def test_a_warning_says_where_pixels_may_carry_text(attributes, words):
    dataset = pydicom.Dataset()
    for name, value in attributes.items():
        setattr(dataset, name, value)
    assert words in " ".join(pixel_doubts(dataset))


def test_a_film_that_says_it_has_no_text_raises_no_warning():
    dataset = pydicom.Dataset()
    dataset.BurnedInAnnotation, dataset.ImageType = "NO", ["ORIGINAL", "PRIMARY"]
    assert pixel_doubts(dataset) == ()


def test_the_command_copies_films_and_goes_on_after_one_that_is_none(tmp_path, capsys):
    folder = tmp_path / "in"
    folder.mkdir()
    identified(folder)
    (folder / "broken.dcm").write_text("nothing")
    assert main(["deidentify", str(folder), "--out", str(tmp_path / "out")]) == 2
    assert "broken.dcm" in capsys.readouterr().err
    copy, = (tmp_path / "out").glob("*.dcm")
    assert pydicom.dcmread(copy).PatientIdentityRemoved == "YES"


# --- what cannot be done ----------------------------------------------------------------------------------------------

def test_one_film_that_fails_costs_one_sentence(tmp_path):
    broken = tmp_path / "broken.dcm"
    broken.write_text("nothing")
    done = export([told("gone"), told("broken", broken), about(films(1)[0])], ORIGIN, ("sr", "coco"), tmp_path / "out")
    assert set(done.failed) == {"gone", "broken"} and len(done.files) == 3
    assert "is not in the data set" in done.failed["gone"] and "not a DICOM file" in done.failed["broken"]


ODD = [
    ({"PatientBirthDate": "19509999"}, True, "no month is 99: a date that is none is left empty"),
    ({"StudyTime": "256199"}, True, "no hour is 25"),
    ({"PatientName": "A^B^C^D^E^F^G"}, True, "a name has five parts at most (PS3.5 6.2.1)"),
    ({"PatientOrientation": ["LL", "FF"]}, True, "letters that are allowed, twice"),
    ({"SOPClassUID": "1.2.3.4"}, False, "a class that highdicom does not know cannot be referred to"),
    ({"SOPInstanceUID": "9.9.9"}, False, "no UID begins with 9 (X.660)"),
]


@pytest.mark.parametrize(("attributes", "exported", "why"), ODD, ids=[row[2] for row in ODD])
def test_an_odd_header_never_costs_the_other_films(attributes, exported, why, tmp_path):
    first, second = films(2)
    odd = with_attributes(tmp_path / "odd.dcm", attributes)
    done = export([replace(about(first), image_id="odd", path=odd), about(second)], ORIGIN, ("sr", "gsps", "sc"),
                  tmp_path / "out")
    assert (tmp_path / "out/sr" / f"{second.image_id}.dcm").exists()
    assert ("odd" not in done.failed) is exported, done.failed
    if shutil.which("dciodvfy"):
        assert {str(path): errors_of(path) for path in done.files} == {str(path): [] for path in done.files}


def with_attributes(place, attributes):
    dataset = pydicom.dcmread(films(1)[0].path)
    with pydicom.config.disable_value_validation(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, value in attributes.items():
            setattr(dataset, name, value)
        dataset.save_as(place, enforce_file_format=False)
    return place


@pytest.mark.parametrize(("name", "charset"), [
    ("M\xfcller^J\xfcrg", "ISO_IR 100"), ("\u5c71\u7530^\u592a\u90ce", "ISO_IR 192"),
    ("Yamada^Tarou=\u5c71\u7530^\u592a\u90ce", ["", "ISO 2022 IR 87"])])
def test_a_name_in_any_script_is_the_same_in_what_is_made(name, charset, tmp_path):
    film = with_attributes(tmp_path / "film.dcm", {"SpecificCharacterSet": charset, "PatientName": name})
    each = replace(about(films(1)[0]), path=film)
    done = export([each], ORIGIN, ("sr", "gsps", "sc"), tmp_path / "out")
    assert not done.failed and len(done.files) == 3
    for place in done.files:
        assert str(pydicom.dcmread(place).PatientName) == name, place
        assert shutil.which("dciodvfy") is None or errors_of(place) == []


def test_a_submission_has_its_origin_beside_it(tmp_path):
    done = export([told()], ORIGIN, ("submission",), tmp_path)
    told_by = json.loads((tmp_path / "submission/origin.json").read_text())
    assert {path.name for path in done.files} == {"submission.csv", "origin.json"}
    assert WARNING in told_by["told by"] and told_by["weights"] == {"one": "ab" * 32}


@pytest.mark.parametrize(("tag", "why"), [(0x00109999, "an attribute that no dictionary knows"),
                                          (0x00100033, "the birth date in another calendar")])
def test_what_the_table_does_not_know_is_removed_too(tag, why):
    dataset = pydicom.Dataset()
    dataset.PatientID = "SECRET"
    dataset.add_new(tag, "LO", "SECRET")
    assert tag not in deidentified(dataset, b"k"), why


@pytest.mark.parametrize(("formats", "sentence"), [
    (("pdf",), "'pdf'"), ((), "''"), (("dicom",), "copy the film as it is")])
def test_formats_that_make_no_sense_are_refused(formats, sentence, tmp_path):
    with pytest.raises(BadSettings, match=sentence):
        export([told()], ORIGIN, formats, tmp_path)


def test_thresholds_out_of_range_are_refused():
    with pytest.raises(BadSettings, match="threshold is 1.5"):
        origin_of({}, 1.5)
