"""The tab Review: verdicts are saved at once and are still there after a restart, in a real browser and without one."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from core.__main__ import main
from core.corrected import ADDED, REPLACED
from core.errors import BadReview
from core.reviews import current
from core.reviews_store import ReviewStore
from tests.browsing import PATIENCE, chromium, served
from tests.conftest import ROOT
from tests.reading_set import BESIDE, FOUND, MISSED, SIDE, write_answers, write_set
from viewer import charts, reviewed

SETTINGS = {"method": "WBF", "iou": "0.6", "show": "0.3"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    write_set(tmp_path / "set")
    write_answers(tmp_path / "answers")
    for name, place in (("DATA", "set"), ("PREDICTIONS", "answers"), ("REVIEWS", "reviews.sqlite")):
        monkeypatch.setenv(f"GROUNDGLASS_{name}", str(tmp_path / place))
    reviewed._failed.clear()
    reviewed._marks.clear()
    return tmp_path


class Page:
    """The reading room at the film `one`, as AppTest runs it."""

    def __init__(self, film="one"):
        self.test = AppTest.from_file(str(ROOT / "viewer" / "contents.py"), default_timeout=120)
        for name, value in {**SETTINGS, "film": film}.items():
            self.test.query_params[name] = value
        self.run()

    def run(self):
        self.test.run()
        assert not self.test.exception, self.test.exception[0].stack_trace
        return self

    def pick(self, mark, film="one"):
        self.test.session_state["canvas"] = {"picked": {"film": film, "mark": mark}}
        return self.run()

    def button(self, key):
        return next(each for each in self.test.button if each.key == key)

    def say(self, level, verdict):
        self.button(f"say_{level}_{verdict}").click()
        return self.run()

    @property
    def note_field(self):
        return next(each for each in self.test.text_input if each.label == "Note")

    def note(self, text):
        self.note_field.input(text)
        return self.run()

    @property
    def written(self):
        return "".join(each.proto.body for each in self.test.get("html"))

    def details(self, mark):
        given = [json.loads(each.proto.json) for each in self.test.get("bidi_component")]
        canvas = next(each for each in given if "layers" in each)
        return next(each["details"] for layer in canvas["layers"] for each in layer["marks"] if each["id"] == mark)


    def layer(self, kind):
        """The marks of this kind of layer."""
        given = [json.loads(each.proto.json) for each in self.test.get("bidi_component")]
        canvas = next(each for each in given if "layers" in each)
        return next(each["marks"] for each in canvas["layers"] if each["kind"] == kind)


def room(folder, picked=None):
    """The `Room` of the film `one`, with the mark of this id picked."""
    from viewer import judged, resources
    from viewer.state import Place, Settings
    from viewer.views.room import Room

    opened = resources.identify(Place(str(folder / "set"), str(folder / "answers")))
    settings = Settings(display=.3)
    return Room(opened, settings, 0, judged.findings(opened, settings, 0), picked)


def saved(folder):
    return current(ReviewStore(folder / "reviews.sqlite").rows())


def test_a_verdict_on_a_box_is_saved_with_who_when_and_under_which_settings(folder):
    page = Page()
    assert all(page.button(f"say_box_{verdict}").disabled for verdict in ("false", "device"))
    page.pick("d1").say("box", "truth missing").note("a lead")
    [review] = saved(folder)
    assert (review.level, review.target, review.side, review.verdict, review.note) == (
        "box", "one", "detection", "truth missing", "a lead")
    assert review.box == (10, 60, 40, 90) and review.reader == "reader" and review.at.endswith("+00:00")
    assert review.stamp["settings"]["method"] == "wbf" and review.stamp["settings"]["display"] == 0.3
    assert page.details("d1")[-1] == "reader: truth missing, a lead"
    assert page.button("say_box_truth missing").proto.type == "primary"
    assert "1 by you · 1 film reviewed" in page.written


def test_another_page_after_a_restart_shows_it_and_undo_takes_it_back(folder):
    page = Page().pick("t1")
    page.say("box", "false").say("box", "heart")
    reviewed._store.clear()
    reviewed._marks.clear()
    other = Page()
    assert other.details("t1")[-1] == "reader: heart"
    other.button("undo_review").click()
    assert other.run().details("t1")[-1] == "reader: false"
    other.button("undo_review").click()
    assert other.run().button("undo_review").disabled and saved(folder) == ()


def test_a_verdict_pressed_again_is_taken_back(folder):
    page = Page().say("film", "agree with truth").say("film", "agree with truth")
    assert saved(folder) == () and page.button("say_film_agree with truth").proto.type == "secondary"


def test_what_the_model_said_is_kept_with_the_agreement_and_moves_the_score(folder):
    page = Page()
    assert 'class="yours"' not in page.written
    page.say("film", "agree with model").say("study", "agree with model")
    film, study = saved(folder)
    assert [list(map(round, box)) for box in film.instead] == [[11, 10, 50, 50], [10, 60, 40, 90]]
    assert study.instead == "typical" and study.target == "A"
    assert "1 × film as the model" in page.written and 'class="yours"' in page.written


def test_readers_are_told_apart_by_their_names(folder):
    page = Page()
    page.say("film", "agree with truth")
    next(each for each in page.test.text_input if each.label == "Your name").input("<b>ann</b>")
    page.run().say("film", "agree with model")
    assert [(each.reader, each.verdict) for each in saved(folder)] == [
        ("reader", "agree with truth"), ("<b>ann</b>", "agree with model")]
    assert "reader, 2" in page.written and "<b>ann</b>" not in page.written


def test_a_truth_box_that_is_off_is_replaced_by_the_detection_on_it(folder):
    Page().pick("t0").say("box", "truth too tight or loose")
    [review] = saved(folder)
    assert review.side == "truth" and review.box == FOUND and list(map(round, review.instead[0])) == [11, 10, 50, 50]


def test_the_field_of_a_note_stays_for_a_verdict_and_shows_what_is_saved(folder):
    page = Page().pick("d1")
    before = page.note_field.proto.id
    assert page.say("box", "truth missing").note_field.proto.id == before, "what is typed meanwhile is kept"
    assert page.note("a lead").note_field.value == "a lead"
    page.button("undo_review").click()
    assert page.run().note_field.value == "", "nor does what was taken back stay"


DRAWN = (55., 5., 95., 45.)


@pytest.mark.parametrize(("picked", "side", "verdict", "box", "instead"), [
    (None, "reader", "truth missing", DRAWN, None),
    ("d1", "reader", "truth missing", DRAWN, None),  # a detection of which nothing such was said
    ("t1", "truth", "truth too tight or loose", MISSED, [list(DRAWN)]),
])
def test_a_drawn_box_is_missing_or_redraws_the_picked_one(folder, picked, side, verdict, box, instead):
    here = room(folder)
    made = here.drawing(here.target(picked), DRAWN)
    assert (made.side, made.verdict, made.box, made.instead) == (side, verdict, box, instead)


def test_a_box_drawn_for_a_detection_goes_with_what_was_said_of_it(folder):
    Page().pick("d1").say("box", "truth missing").note("faint")
    here = room(folder, "d1")
    assert here.purpose == "draws what should stand for detection 2"
    made = reviewed.save(here.drawing(here.box, DRAWN))
    assert (made.side, made.box, made.verdict, made.note, made.instead) == (
        "detection", BESIDE, "truth missing", "faint", [list(DRAWN)])
    page = Page().pick("d1").note("faint, but there")
    [mark] = page.layer("readers")
    assert mark["box"] == list(DRAWN) and mark["label"] == "you: missing"
    assert saved(folder)[0].instead == [list(DRAWN)] and saved(folder)[0].note == "faint, but there"
    page.say("box", "truth missing")
    assert not page.layer("readers")


def test_a_drawn_box_can_be_picked_drawn_anew_and_taken_back(folder):
    here = room(folder)
    reviewed.save(here.drawing(None, DRAWN))
    [target] = [each for each in room(folder).boxes if each.side == "reader"]
    anew = (50., 5., 95., 45.)
    assert room(folder, target.mark).purpose == "redraws drawn 1"
    reviewed.save(room(folder).drawing(target, anew))
    page = Page()
    [mark] = page.layer("readers")
    assert mark["box"] == list(anew) and len(saved(folder)) == 1
    page.pick(mark["id"])
    assert page.button("say_box_truth too tight or loose").disabled
    assert not page.say("box", "truth missing").layer("readers")
    assert saved(folder) == () and "1 × box added" not in page.written


def test_a_box_that_truth_has_is_not_missing(folder):
    here = room(folder)
    with pytest.raises(BadReview, match=r"overlaps truth 1 by an IoU of 0\.9.*click truth 1, then draw"):
        here.drawing(None, (11., 10., 50., 50.))


def test_what_readers_drew_is_not_sent_while_a_film_is_read_blinded(folder):
    here = room(folder)
    reviewed.save(here.drawing(None, DRAWN))
    test = AppTest.from_file(str(ROOT / "viewer" / "contents.py"), default_timeout=120)
    for name, value in {**SETTINGS, "film": "one", "blind": "true"}.items():
        test.query_params[name] = value
    sent = [each.proto.json for each in test.run().get("bidi_component")]
    assert any('"layers"' in each for each in sent) and not any('"readers"' in each for each in sent)


def test_where_nothing_can_be_saved_the_tab_says_so(folder):
    page = Page().say("film", "agree with truth")
    (folder / "reviews.sqlite").unlink()
    page.say("film", "agree with model")
    alerts = page.written.split('role="alert"')
    assert any("cannot be saved (unable to open database file)" in each for each in alerts[1:])
    assert not (folder / "reviews.sqlite").exists()


def test_where_reviews_cannot_be_read_films_are_still_shown(folder, monkeypatch):
    monkeypatch.setenv("GROUNDGLASS_REVIEWS", "postgresql://ann:geheim@127.0.0.1:1/none")
    page = Page()
    assert "cannot be read" in page.written and "geheim" not in page.written
    assert "Boxes on this film" in page.written


def test_what_is_unlabelled_or_unpredicted_cannot_be_agreed_with(folder):
    page = Page("extra")
    assert page.button("say_film_agree with truth").disabled and page.button("say_study_agree with truth").disabled
    assert not page.button("say_film_agree with model").disabled


def test_the_states_of_films_are_told_in_the_order_of_the_cases(folder):
    from viewer import resources
    from viewer.state import Place

    Page().say("film", "agree with truth")
    Page("<b>three*").pick("d0", "<b>three*").say("box", "device")
    opened = resources.identify(Place(str(folder / "set"), str(folder / "answers")))
    mark = "here", ReviewStore(folder / "reviews.sqlite").mark()
    ids = [image.image_id for image in resources.cases(opened)[0].images]
    assert dict(zip(ids, reviewed.states(opened, mark), strict=True)) == {
        "one": "reviewed", "two": "open", "<b>three*": "begun", "broken": "open", "gone": "open", "extra": "open"}


def test_the_worklist_is_narrowed_by_the_state_of_the_review(folder):
    Page().say("film", "agree with truth")
    told = Page().test.dataframe[0].value.set_index("film")["review"]
    assert told["one"] == "reviewed" and set(told.drop("one")) == {"open"}
    other = AppTest.from_file(str(ROOT / "viewer" / "contents.py"), default_timeout=120)
    for name, value in {**SETTINGS, "film": "one", "review": "open"}.items():
        other.query_params[name] = value
    other.run()
    assert sorted(other.dataframe[0].value["film"]) == sorted(["two", "<b>three*", "broken", "gone", "extra"])


def test_the_table_of_aps_has_a_column_for_the_corrected_ones():
    names = ("opacity", "none", "negative", "typical", "indeterminate", "atypical", "mean")
    table = charts.ap_table(dict.fromkeys(names, .5), dict.fromkeys(names), corrected=dict.fromkeys(names, .625))
    assert table.count("0.625") == 7 and "yours" in table
    assert "yours" not in charts.ap_table(dict.fromkeys(names, .5), dict.fromkeys(names))


class Browser:
    def __init__(self, engine, address):
        self.page = engine.new_page(viewport={"width": 1440, "height": 900})
        self.page.set_default_timeout(PATIENCE * 1000)
        self.errors = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(f"{address}/?film=one&show=0.3")
        self.page.locator(".film[data-state=ready]").wait_for()
        self.page.locator("table.aps").wait_for()
        self.page.get_by_role("tab", name="Review").click()
        self.page.locator(".st-key-review_panel").wait_for()

    def pick(self, box):
        """Click the left edge of a box, whose film lies in the middle of the canvas."""
        film = self.page.locator(".film")
        place, zoom = film.bounding_box(), float(film.get_attribute("data-zoom"))
        self.page.mouse.click(place["x"] + place["width"] / 2 + (box[0] - SIDE / 2) * zoom,
                              place["y"] + place["height"] / 2 + ((box[1] + box[3]) / 2 - SIDE / 2) * zoom)

    def draw(self, box):
        """Key x, and a left drag from the box's upper left corner to its lower right one."""
        film = self.page.locator(".film")
        self.page.get_by_role("button", name="Draw a box by left drag").wait_for()
        self.page.keyboard.press("x")
        self.page.locator(".film[data-tool=draw]").wait_for()
        place, zoom = film.bounding_box(), float(film.get_attribute("data-zoom"))
        start, end = ((place["x"] + place["width"] / 2 + (x - SIDE / 2) * zoom,
                       place["y"] + place["height"] / 2 + (y - SIDE / 2) * zoom) for x, y in (box[:2], box[2:]))
        self.page.mouse.move(*start)
        self.page.mouse.down()
        self.page.mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, steps=3)
        self.page.mouse.move(*end, steps=3)
        self.page.mouse.up()

    def boxes(self, count):
        """Wait until so many boxes are on the film."""
        self.page.locator(f".film[data-boxes='{count}']").wait_for()

    def pressed(self, name):
        return self.page.locator(".st-key-box_verdicts button[kind=primary]", has_text=name).first


def test_a_verdict_by_key_is_still_there_after_a_restart_of_the_server(folder):
    """Click on the missed box, Shift+F, a note, kill the server, start it again, open the same film."""
    with chromium() as engine:
        places = ("--data", str(folder / "set"), "--predictions", str(folder / "answers"), "--reviews",
                  str(folder / "reviews.sqlite"))
        with served("viewer/app.py", folder / "log", *places, root=ROOT) as address:
            browser = Browser(engine, address)
            browser.pick(MISSED)
            browser.page.get_by_text("truth 2", exact=True).locator("visible=true").first.wait_for()
            browser.page.keyboard.press("Shift+F")
            browser.pressed("false").wait_for()
            browser.page.get_by_label("Note").fill("no opacity, a rib")
            browser.page.keyboard.press("Enter")
            browser.page.get_by_text("1 by you · 1 film reviewed").wait_for()
            browser.page.wait_for_timeout(500)
            assert not browser.errors
        with served("viewer/app.py", folder / "log", *places, root=ROOT) as address:
            browser = Browser(engine, address)
            browser.page.get_by_text("1 by you · 1 film reviewed").wait_for()
            browser.pick(MISSED)
            browser.pressed("false").wait_for()
            assert browser.page.get_by_label("Note").input_value() == "no opacity, a rib"
            with browser.page.expect_download() as download:
                browser.page.get_by_role("button", name="CSV").click()
            assert "no opacity, a rib" in download.value.path().read_text("utf-8")
            assert not browser.errors and "Traceback" not in browser.page.inner_text("body")
    [review] = saved(folder)
    assert review.verdict == "false" and review.note == "no opacity, a rib" and review.box == MISSED


def test_a_drawn_box_is_saved_shown_after_a_restart_scored_and_undone(folder, capsys):
    """Draw a box that truth lacks and redraw the missed one, kill the server, start it again, undo both."""
    missing, redrawn = (55, 5, 95, 45), (55, 55, 90, 95)
    with chromium() as engine:
        places = ("--data", str(folder / "set"), "--predictions", str(folder / "answers"), "--reviews",
                  str(folder / "reviews.sqlite"))
        with served("viewer/app.py", folder / "log", *places, root=ROOT) as address:
            browser = Browser(engine, address)
            browser.boxes(4)
            browser.draw(missing)
            browser.boxes(5)
            assert browser.page.locator(".film").get_attribute("data-tool") == "window"
            browser.pick(MISSED)
            browser.page.get_by_text("redraws truth 2").locator("visible=true").first.wait_for()
            browser.draw(redrawn)
            browser.boxes(6)
            browser.pressed("too tight or loose").wait_for()
            browser.page.get_by_text("1 × box added, 1 × box replaced").wait_for()
            assert not browser.errors
        first, second = saved(folder)
        assert (first.side, first.verdict) == ("reader", "truth missing")
        assert first.box == pytest.approx(missing, abs=.5)
        assert (second.side, second.verdict, second.box) == ("truth", "truth too tight or loose", MISSED)
        assert second.instead[0] == pytest.approx(redrawn, abs=.5)
        assert main(["corrected", *places, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["changes"] == {ADDED: 1, REPLACED: 1}
        with served("viewer/app.py", folder / "log", *places, root=ROOT) as address:
            browser = Browser(engine, address)
            browser.boxes(6)
            browser.page.keyboard.press("y")
            browser.boxes(4)
            browser.page.keyboard.press("y")
            browser.boxes(6)
            browser.page.keyboard.press("Shift+U")
            browser.boxes(5)
            browser.page.keyboard.press("Shift+U")
            browser.boxes(4)
            browser.page.get_by_text("0 by you").wait_for()
            assert not browser.errors and "Traceback" not in browser.page.inner_text("body")
    assert saved(folder) == () and len(ReviewStore(folder / "reviews.sqlite").rows()) == 4
