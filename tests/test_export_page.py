"""The Export page: what is asked for comes as one archive, and what cannot be exported is said."""

import zipfile

import pytest
from streamlit.testing.v1 import AppTest

from core.audit import audit_file, fingerprint
from tests.reading_set import write_answers, write_set
from viewer.views import report
from viewer.views.export import MADE
from viewer.views.lists import SHOWN_IDS

SCRIPT = "from viewer import state\nfrom viewer.views import export\nstate.follow_address()\nexport.page()\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    write_set(folder / "set")
    write_answers(folder / "answers")
    return folder


@pytest.fixture
def page(folder, monkeypatch):
    monkeypatch.setenv("GROUNDGLASS_DATA", str(folder / "set"))
    monkeypatch.setenv("GROUNDGLASS_PREDICTIONS", str(folder / "answers"))
    page = AppTest.from_string(SCRIPT, default_timeout=120)
    page.query_params["film"] = "one"
    return run(page)


def run(page):
    page.run()
    assert not page.exception, page.exception[0].stack_trace
    return page


def asked(page, **chosen):
    for key, value in chosen.items():
        page.session_state[key] = value
    run(page)
    button, = (each for each in page.button if each.label == "Export")
    if not button.disabled:
        button.click()
        run(page)
    return button


def names(page):
    return sorted(zipfile.ZipFile(page.session_state[MADE].kept.path).namelist())


def test_the_film_on_show_is_exported_and_put_on_the_audit_trail(page):
    asked(page, export_formats=["png", "coco"])
    assert names(page) == ["coco/coco.json", "coco/levels.csv", "png/one.png"]
    assert fingerprint("one") in audit_file().read_text() and "one.png" not in audit_file().read_text()


def test_all_predicted_films_are_meant_by_all(page):
    asked(page, export_formats=["yolo"], export_films="All predicted films")
    labels = [name for name in names(page) if name.startswith("yolo/labels/")]
    assert len(labels) == 4 and all("<" not in name and "*" not in name for name in labels)


def test_an_unknown_id_is_named_and_nothing_is_made(page):
    button = asked(page, export_films="These ids", export_ids="one nonsense")
    assert button.disabled and MADE not in page.session_state
    assert any("nonsense" in each.proto.body for each in page.get("html"))


def test_a_film_that_cannot_be_read_costs_a_sentence_and_the_rest_is_exported(tmp_path, monkeypatch):
    write_set(tmp_path / "set")
    write_answers(tmp_path / "answers")
    path, = (tmp_path / "set").rglob("two.dcm")
    path.write_bytes(path.read_bytes()[:-2000])
    monkeypatch.setenv("GROUNDGLASS_DATA", str(tmp_path / "set"))
    monkeypatch.setenv("GROUNDGLASS_PREDICTIONS", str(tmp_path / "answers"))
    page = run(AppTest.from_string(SCRIPT, default_timeout=120))
    asked(page, export_formats=["gsps"], export_films="These ids", export_ids="one two extra")
    assert names(page) == ["gsps/extra.dcm", "gsps/one.dcm"]
    problem, = page.session_state[MADE].problems
    assert problem.startswith("two: two.dcm")
    assert any("two.dcm" in each.proto.body for each in page.get("html"))


@pytest.mark.parametrize(("key", "begins"), [("report_html", b"<!doctype html>"), ("report_pdf", b"%PDF-")])
def test_a_report_of_the_film_on_show_is_offered_and_put_on_the_audit_trail(page, key, begins):
    page.button(key).click()
    run(page)
    kept, count, problems = page.session_state[report.MADE]
    assert kept.path.read_bytes().startswith(begins) and count == 1 and not problems
    assert "report" in audit_file().read_text().splitlines()[-1]


def test_a_film_without_a_picture_stays_in_the_report_with_the_reason(tmp_path, monkeypatch):
    write_set(tmp_path / "set")
    write_answers(tmp_path / "answers")
    path, = (tmp_path / "set").rglob("two.dcm")
    path.write_bytes(path.read_bytes()[:-2000])
    monkeypatch.setenv("GROUNDGLASS_DATA", str(tmp_path / "set"))
    monkeypatch.setenv("GROUNDGLASS_PREDICTIONS", str(tmp_path / "answers"))
    page = run(AppTest.from_string(SCRIPT, default_timeout=120))
    page.session_state["export_films"], page.session_state["export_ids"] = "These ids", "one two"
    run(page).button("report_html").click()
    run(page)
    kept, count, problems = page.session_state[report.MADE]
    assert count == 2 and len(problems) == 1 and "two" in problems[0] and kept.path.read_bytes().count(b"<svg") == 1


def test_the_worklist_is_exported_in_its_order_without_what_is_not_predicted(page):
    page.session_state[SHOWN_IDS] = ("two", "no such film", "one")
    asked(page, export_formats=["png", "yolo"], export_films="The worklist")
    assert [name for name in names(page) if name.startswith("png/")] == ["png/one.png", "png/two.png"]
    films = zipfile.ZipFile(page.session_state[MADE].kept.path).read("yolo/films.csv").decode().splitlines()
    assert [line.split(",")[0] for line in films] == ["id", "two", "one"]


@pytest.mark.parametrize(("threshold", "boxes"), [(0.05, [2, 1]), (0.6, [1, 0])])
def test_the_page_shows_what_would_be_told_of_each_film_from_the_confidence_up(page, threshold, boxes):
    for key, value in {"films": "These ids", "ids": "one two", "threshold": threshold}.items():
        page.session_state[f"export_{key}"] = value
    frame = run(page).dataframe[0].value
    assert frame["film"].tolist() == ["one", "two"] and frame["AI"].tolist() == ["typ", "typ"]
    assert frame["boxes"].tolist() == boxes and frame["best box"].notna().tolist() == [each > 0 for each in boxes]
    assert (frame["best box"].dropna() >= threshold).all() and frame["p(class)"].tolist() == pytest.approx([.7, .7])


def test_a_blinded_first_read_is_not_given_away_by_what_would_be_exported(page):
    assert page.dataframe
    page.session_state["blind"] = True
    assert not run(page).dataframe
    assert any("hidden as long as the first read is blinded" in each.proto.body for each in page.get("html"))
