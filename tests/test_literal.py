"""No value from a file becomes a path, HTML, Markdown, a log format or a formula: names and ids show as they are."""

import csv
import io
import logging
from html import unescape

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core import audit
from core.dataset import open_dataset
from core.errors import BadTable
from core.files import cell
from core.index import index_file
from core.scoring import Answer
from core.stamp import stamped_csv
from core.submission import read_submission, write_submission
from tests.conftest import ROOT
from tests.film_files import film_file
from viewer import charts, plots

HOSTILE = ("=1+1", "<img src=x onerror=alert(1)>", "[x](javascript:alert(1))", "**bold** _i_ `c`", ":red[x] $x$",
           "{0} %s %n {evil!r}", "@SUM(A1)", "a&film=b#c?d=e", "..", "-2+3", "\x1b[31mred", "‮abc", "' OR 1=1 --",
           "a\u0000b".replace("\0", "\x07"))
PATIENT = "DOE^<b>JOHN"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Films with hostile names, studies and headers."""
    rows = ["id,boxes,label,StudyInstanceUID"]
    for number, name in enumerate(HOSTILE):
        place = tmp_path / "train" / f"{name}s" / "e"
        place.mkdir(parents=True)
        pixels = (np.arange(64 * 64).reshape(64, 64) % 199).astype(np.uint8)
        film_file(place / f"{name}.dcm", pixels, PatientID=PATIENT, WindowCenter="90", WindowWidth=str(60 + number),
                  WindowCenterWidthExplanation=name if name.isascii() else "")
        listed = io.StringIO()
        csv.writer(listed, lineterminator="").writerow([f"{name}_image", "", "none 1 0 0 1 1", f"{name}s"])
        rows.append(listed.getvalue())
    (tmp_path / "train_image_level.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "train_study_level.csv").write_text(
        "id,Negative for Pneumonia,Typical Appearance,Indeterminate Appearance,Atypical Appearance\n")
    monkeypatch.setenv("GROUNDGLASS_DATA", str(tmp_path))
    monkeypatch.setenv("GROUNDGLASS_PREDICTIONS", "")
    return tmp_path


def test_each_hostile_name_opens_its_own_film_and_shows_as_it_is(folder, caplog):
    caplog.set_level(logging.DEBUG)
    assert {image.image_id for image in open_dataset(folder).images} == set(HOSTILE)
    page = AppTest.from_file(str(ROOT / "viewer" / "contents.py"), default_timeout=60)
    for name in HOSTILE:
        page.query_params["film"] = name
        page.session_state["film"] = name
        page.run()
        assert not page.exception, name
        written = "".join(each.proto.body for each in page.get("html"))
        assert "<img" not in written and ("<img" in unescape(written)) == (name == HOSTILE[1])
        assert not [each.value for each in page.markdown if name in each.value], name
    assert PATIENT not in caplog.text and "Traceback" not in caplog.text
    trail = audit.audit_file().read_text()
    assert PATIENT not in trail and "onerror" not in trail
    assert PATIENT not in index_file(folder).name


@pytest.mark.parametrize("name", HOSTILE)
def test_labels_that_streamlit_reads_as_markdown_are_escaped(name):
    """CommonMark gives back a punctuation mark after a backslash as it is."""
    escaped = charts.literal(name)
    assert "".join(escaped.split("\\")) == "".join(name.split("\\"))
    assert "[" not in escaped.replace("\\[", "") and "<" not in escaped.replace("\\<", "")


@pytest.mark.parametrize("text, given", [("=1+1", "'=1+1"), ("+1", "'+1"), ("-1", "'-1"), ("@x", "'@x"),
                                         ("\tx", "'\tx"), ("plain", "plain"), ("", ""), (-1.5, -1.5), ("'=1", "'=1"),
                                         ("a=1", "a=1")])
def test_cells_are_no_formulas(text, given):
    assert cell(text) == given


def test_exports_hold_no_formulas(tmp_path):
    told = stamped_csv([{"id": "=cmd|' /C calc'!A0", "AP": -0.5}], {"data set": "@evil", "settings": {"a": 1}})
    row = next(csv.DictReader(io.StringIO(told)))
    assert row["id"].startswith("'=") and row["data set"] == "'@evil" and row["AP"] == "-0.5"


def test_an_answer_with_hostile_ids_comes_back_as_it_was(tmp_path):
    ids = tuple(name for name in HOSTILE if name.isprintable())
    answer = Answer(ids, (), np.zeros((0, 4), np.float32), np.zeros(0), np.zeros(len(ids) + 1, np.int64),
                    np.full(len(ids), .5), np.zeros((0, 4)))
    write_submission(tmp_path / "answer.csv", answer)
    written = (tmp_path / "answer.csv").read_text()
    assert not [line for line in written.split("\n") if line[:1] in ("=", "+", "-", "@")]
    assert read_submission(tmp_path / "answer.csv").image_ids == ids


def test_a_fault_repeats_what_it_found_on_one_line(tmp_path):
    for name in HOSTILE:
        with (tmp_path / "answer.csv").open("w", newline="") as file:
            csv.writer(file).writerows([["id", "PredictionString"], [name, "x"]])
        with pytest.raises(BadTable) as refusal:
            read_submission(tmp_path / "answer.csv")
        assert str(refusal.value).isprintable() or "‮" in name


def test_names_in_curves_are_no_html():
    run = type("Run", (), {"name": "<b>x</b>", "metrics": [{"epoch": 1, "loss": 1.0}]})
    figure = plots.learning([run], ["loss"], "loss")
    assert figure.data
    assert all("<b>" not in str(trace.name) for trace in figure.data)
