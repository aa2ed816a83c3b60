"""The layers over a film in a real browser: each has its pill and its key, and changes what is seen."""

import pytest

from tests.browsing import chromium, served
from tests.conftest import ROOT
from tests.test_browser import Reader

AI = {"detections": "d", "candidates": "b", "sources": "s"}
NAMES = {"detections": "Detections", "candidates": "Candidates", "sources": "Sources", "truth": "Ground truth"}
COLOURS = """canvas => {
  const all = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let sum = 0;
  for (let i = 0; i < all.length; i += 1) sum = (sum * 31 + all[i]) >>> 0;
  return sum;
}"""


@pytest.fixture(scope="module")
def browser():
    with chromium() as engine:
        yield engine.new_context()


@pytest.fixture(scope="module")
def address(browser, tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GROUNDGLASS_CACHE", str(folder / "cache"))
        with served("viewer/app.py", folder / "log", root=ROOT) as server:
            yield server


@pytest.fixture
def open_page(browser, address):
    """Opens the reading room at a query; nothing may have gone wrong by the end."""
    opened = []

    def open_at(query=""):
        opened.append(Reader(browser, address, query))
        return opened[-1]

    yield open_at
    for reader in opened:
        assert not reader.errors
        assert "Traceback" not in reader.page.inner_text("body")
        reader.page.close()


def pixels(reader):
    """A number that stands for all pixels of what is drawn over the film."""
    return reader.film.locator("canvas.marks").evaluate(COLOURS)


def press(reader, key, **state):
    reader.page.keyboard.press(key)
    for name, value in state.items():
        reader.until(lambda name=name, value=value: reader.data(name) == value)


def chosen(reader):
    """Names of the pills that are on."""
    return reader.page.locator(".st-key-film_bar [aria-pressed=true]").all_inner_texts()


@pytest.mark.parametrize("kind", ["candidates", "sources"])
def test_a_key_brings_a_layer_hides_it_and_shows_it_again(open_page, kind):
    """The first press asks for it, which its pill and the address then say; later ones hide and show it at once."""
    reader = open_page()
    before, boxes = pixels(reader), int(reader.data("boxes"))
    press(reader, AI[kind], **{kind: "true"})
    reader.until(lambda: int(reader.data("boxes")) > boxes)
    shown = pixels(reader)
    assert shown != before and NAMES[kind] in chosen(reader)
    reader.until(lambda: f"layers={NAMES[kind]}" in reader.page.url)
    press(reader, AI[kind], **{kind: "false"})
    assert pixels(reader) == before and int(reader.data("boxes")) == boxes
    assert f"{NAMES[kind].lower()} hidden ({AI[kind]})" in reader.film.locator(".readout").inner_text()
    press(reader, AI[kind], **{kind: "true"})
    assert pixels(reader) == shown


def test_one_key_hides_and_shows_all_of_the_ai_and_leaves_the_truth(open_page):
    reader = open_page("layers=" + "&layers=".join(NAMES.values()))
    everything = pixels(reader)
    truth = {**dict.fromkeys(AI, "false"), "truth": "true"}
    press(reader, "a", **truth)
    assert "AI hidden (a)" in reader.film.locator(".readout").inner_text()
    hidden = pixels(reader)
    assert hidden != everything and reader.film.locator(".legend div").count() == 0
    press(reader, "g", truth="false")
    assert reader.data("boxes") == "0" and pixels(reader) != hidden
    press(reader, "g", truth="true")
    press(reader, "a", **dict.fromkeys(AI, "true"))
    assert pixels(reader) == everything


def test_the_heat_map_is_reckoned_on_demand_and_says_what_it_is(open_page):
    """Of the network and class that the address names; hidden with all of the AI, shown by its key."""
    reader = open_page("heat_by=opacity-lite0-f0")
    before = pixels(reader)
    assert not [url for url in reader.asked if "/film/heat/" in url]
    press(reader, "h", heat="true")
    legend = reader.film.locator(".legend")
    reader.until(lambda: legend.inner_text().startswith(
        "HiResCAM, opacity-lite0-f0, class opacity; what raised this class, not where disease is (p "))
    reader.until(lambda: pixels(reader) != before)
    shown = pixels(reader)
    press(reader, "a", heat="false", detections="false")
    assert legend.inner_text() == ""
    press(reader, "a", heat="true", detections="true")
    assert pixels(reader) == shown
    assert len([url for url in reader.asked if "/film/heat/" in url]) == 1


def test_a_class_that_the_network_does_not_know_is_a_sentence_and_no_map(open_page):
    reader = open_page("layers=Heat map&heat_by=opacity-lite0-f0&heat_of=typical")
    legend = reader.film.locator(".legend .problem")
    reader.until(lambda: legend.count() == 1)
    assert "none of the weights answers the question of typical" in legend.inner_text()
    assert reader.data("boxes") == "0"


def test_the_address_names_the_layers_and_the_legend_says_what_they_are(open_page):
    """Each source has its letter, in the legend as on its boxes; hovering a ghost tells which source it is of."""
    reader = open_page("layers=Sources&layers=Candidates")
    assert (reader.data("truth"), reader.data("sources"), reader.data("candidates")) == ("false", "true", "true")
    legend = reader.film.locator(".legend div").all_inner_texts()
    assert "candidates" in legend[0]
    assert [line.split()[0] for line in legend[1:]] == ["A", "B", "C", "D"][:len(legend) - 1] and len(legend) > 2
    reader.page.get_by_role("button", name="Sources").click()
    reader.until(lambda: reader.film.locator(".legend div").count() == 1)


def test_a_pill_shows_a_layer_that_a_key_has_hidden(open_page):
    reader = open_page()
    press(reader, "a", detections="false")
    reader.page.get_by_role("button", name="Candidates").click()
    reader.until(lambda: reader.data("candidates") == "true")
    assert reader.data("detections") == "true"
