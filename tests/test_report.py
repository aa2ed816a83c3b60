"""Tests of reports: one HTML file that needs nothing else, and PDF."""

import base64
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from core import report as reports
from core.cases import arrange
from core.dataset import open_dataset
from core.dicom import read_film
from core.display import shown
from core.errors import BadSettings, GroundglassError
from core.fusion import FusionSettings
from core.judgement import judge_cases
from core.levels import ScoreSettings
from core.predictions import read_predictions
from core.report_files import writer
from core.report_html import html, write_html
from core.report_pdf import write_pdf
from core.stamp import stamp

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ROOT / "assets" / "sample"
EVIL = "<script>alert(1)</script>{{7*7}}"


@pytest.fixture(scope="module")
def judged():
    cases = arrange(open_dataset(SAMPLE), read_predictions(SAMPLE / "predictions"))
    return judge_cases(cases, FusionSettings(), ScoreSettings(), 0.25)


def _made(judged, rows, said=None):
    return reports.report(judged, rows, stamp(judged.cases.predictions.manifest, "sample", FusionSettings()), said)


def test_a_case_says_what_the_labels_and_predictions_say(judged):
    row = next(row for row in range(judged.cases.films) if len(judged.cases.boxes_of(row)) == 2)
    case, = _made(judged, [row]).cases
    assert sum(each.truth for each in case.findings) == 2
    assert dict(case.facts)["boxes labelled"] == "2"
    assert case.image_id == judged.cases.images[row].image_id


def test_the_picture_in_the_page_is_the_film_as_the_viewer_first_shows_it(judged, monkeypatch):
    monkeypatch.setattr(reports, "LARGEST", 5000)
    case, = _made(judged, [0]).cases
    encoded, = re.findall(r'href="data:image/png;base64,([^"]+)"', html(_made(judged, [0])))
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(encoded), np.uint8), cv2.IMREAD_GRAYSCALE)
    film = shown(read_film(judged.cases.images[0].path))
    assert case.scale == 1
    assert np.array_equal(picture, film)


def test_boxes_lie_where_they_are_on_a_film_that_is_reduced(judged, monkeypatch):
    monkeypatch.setattr(reports, "LARGEST", 100)
    row = next(row for row in range(judged.cases.films) if len(judged.cases.boxes_of(row)))
    case, = _made(judged, [row]).cases
    assert max(case.picture.shape) == 100 and case.scale < 1
    truth = next(each for each in case.findings if each.truth)
    x, y = (f"{round(corner * case.scale, 1)}" for corner in truth.xyxy[:2])
    assert f'<rect x="{x}" y="{y}"' in html(_made(judged, [row]))


def test_nothing_of_a_value_becomes_markup_and_nothing_is_fetched(judged):
    made = _made(judged, [0], {judged.cases.images[0].image_id: (EVIL,)})
    page = html(replace(made, origin=(("data set", EVIL),)))
    assert "<script" not in page and page.count("&lt;script&gt;") == 2 and "{{7*7}}" in page
    assert not re.findall(r'(?:src|href)="(?!data:|#film-)', page)


def test_every_report_says_where_it_came_from(judged):
    page = html(_made(judged, [0]))
    for told in ("Groundglass", "sample", "iou 0.45", "display confidence 0.25", "Not for diagnosis", *(
            digest[:12] for digest in stamp(judged.cases.predictions.manifest, "", {})["weights"].values())):
        assert told in page


def test_a_film_that_cannot_be_read_keeps_its_place_with_the_reason(judged, tmp_path):
    (broken := tmp_path / "x.dcm").write_bytes(b"no film")
    images = (replace(judged.cases.images[0], path=str(broken)), *judged.cases.images[1:])
    made = _made(replace(judged, cases=replace(judged.cases, images=images)), [0, 1])
    assert made.cases[0].picture is None and made.cases[0].problem and made.cases[1].picture is not None
    write_pdf(tmp_path / "report.pdf", made)
    assert html(made).count("<svg") == 1 and made.cases[0].problem.split()[0] in html(made)


def test_a_pdf_has_a_first_page_and_one_a_film_and_shows_odd_letters_literally(judged, tmp_path):
    made = _made(judged, [0, 1, 2], {judged.cases.images[0].image_id: (f"{EVIL} \u80ba",)})
    write_pdf(tmp_path / "report.pdf", made)
    data = (tmp_path / "report.pdf").read_bytes()
    assert data.startswith(b"%PDF-") and len(re.findall(rb"/Type /Page\b", data)) == 4


def test_a_report_that_cannot_be_written_is_one_sentence(judged, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(GroundglassError, match="cannot be written"):
        write_html(tmp_path / "file" / "report.html", _made(judged, [0]))
    with pytest.raises(BadSettings, match="must end with"):
        writer(Path("report.docx"))


def test_the_command_reports_the_films_it_is_asked_for(tmp_path):
    ids = [line.split(",")[0].removesuffix("_image") for line in
           (SAMPLE / "train_image_level.csv").read_text().splitlines()[1:3]]
    (tmp_path / "ids").write_text("\n".join(ids))
    done = subprocess.run([sys.executable, "-m", "core", "report", "--data", SAMPLE, "--predictions",
                           SAMPLE / "predictions", "--ids", tmp_path / "ids", "--out", tmp_path / "r.html"],
                          cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "r.html").read_text("utf-8")
    assert page.count("<section") == 2 and all(each in page for each in ids)
