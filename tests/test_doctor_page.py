"""The Doctor page says what the command says, and offers the mended file."""

from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from core.exhibits import read_exhibit
from tests import planting
from tests.test_exports import SAMPLE

SCRIPT = "from viewer import state\nfrom viewer.views import doctor\nstate.follow_address()\ndoctor.page()\n"


def examined(monkeypatch, predictions, figures="", folds=None):
    monkeypatch.setenv("GROUNDGLASS_DATA", str(SAMPLE))
    monkeypatch.setenv("GROUNDGLASS_PREDICTIONS", str(predictions))
    page = AppTest.from_string(SCRIPT, default_timeout=120).run()
    assert "only images with boxes scored" in told(page)  # what is looked for, before anything is examined
    if figures:
        page.text_input(key="doctor_figures").set_value(figures)
    if folds is not None:
        page.file_uploader(key="doctor_folds").set_value(("folds.csv", folds, "text/csv"))
    next(button for button in page.button if button.label == "Examine").click()
    page.run()
    assert not page.exception, page.exception[0].stack_trace
    return told(page), page


def told(page):
    return " ".join(each.proto.body for each in page.get("html"))


def test_correct_predictions_are_found_so(monkeypatch):
    words, page = examined(monkeypatch, SAMPLE / "predictions")
    assert "No findings" in words and not page.get("download_button")
    assert "only images with boxes scored" not in words


def test_a_mistake_is_shown_with_its_evidence_and_its_cure(monkeypatch, tmp_path):
    exhibit = read_exhibit(SAMPLE / "predictions")
    planting.filed(tmp_path, replace(exhibit, boxes=planting.transposed(exhibit.boxes, None)))
    words, page = examined(monkeypatch, tmp_path)
    assert "x and y transposed" in words and "mistake 2 of the diary" in words
    assert "opacity AP" in page.get("download_button")[0].proto.label


@pytest.mark.parametrize("figures", ["beauty=.5"])
def test_what_is_no_figure_is_said_in_place(monkeypatch, figures):
    words, _ = examined(monkeypatch, SAMPLE / "predictions", figures)
    assert "beauty=.5" in words and 'class="problems"' in words


def test_wrong_rows_of_a_folds_file_are_listed_and_the_others_used(monkeypatch):
    """Two rows of 5,000 hold a fold of the same film; thirty are wrong, and stand there as they are."""
    image = read_exhibit(SAMPLE / "predictions").image_ids[0]
    wrong = [f"<b>{number}</b>," for number in range(30)]
    rows = ["id,fold", *wrong, *(f"other{number},0" for number in range(4968)), f"{image},0", f"{image},1"]
    words, _ = examined(monkeypatch, SAMPLE / "predictions", folds="\n".join(rows).encode())
    assert words.count("column fold: ") == 20 and "... and 10 more like these." in words
    assert "folds.csv row 2, column fold: &#x27;&lt;b&gt;0&lt;/b&gt;,&#x27;" in words and "<b>" not in words
    assert "mistake 11 of the diary" in words
