"""Every page in a real browser: text is legible, and each control has a name and is reached by the keyboard."""

import pytest

from tests.browsing import PATIENCE, chromium, served
from tests.conftest import ROOT

PAGES = {"": "table.aps", "tune": "table.aps", "gallery": ".tile", "predict": "h1", "doctor": "h1", "export": "h2",
         "experiments": "h1", "data": "h2"}  # address -> what is there when the page is

SCRIPT = """
() => {
  const all = [];
  const walk = (root) => {
    for (const each of root.querySelectorAll("*")) {
      all.push(each);
      if (each.shadowRoot) walk(each.shadowRoot);
    }
  };
  walk(document);
  const above = (each) => each.parentElement ?? each.getRootNode().host ?? null;
  const seen = (each) => each.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => top.slice(0, 3).map((v, i) => v * top[3] + below[i] * (1 - top[3]));
  const under = (at, each) => { // whether `each` lies over `at`, and does not stick out of it
    const [outer, inner] = [at, each].map((one) => one.getBoundingClientRect());
    const x = (inner.left + inner.right) / 2, y = (inner.top + inner.bottom) / 2;
    return x >= outer.left && x <= outer.right && y >= outer.top && y <= outer.bottom;
  };
  const ground = (each) => {
    const layers = [];
    for (let at = each; at; at = above(at)) {
      if (under(at, each)) layers.push(rgba(getComputedStyle(at).backgroundColor));
    }
    return layers.reverse().reduce((below, top) => over(top, below), [0, 0, 0]);
  };
  const light = (colour) => {
    const [r, g, b] = colour.map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const faint = [];
  for (const each of all) {
    const words = [...each.childNodes].filter((one) => one.nodeType === 3).map((one) => one.data.trim()).join("");
    if (!words || !seen(each) || each.closest("[disabled], [aria-disabled=true], style, script, svg")) continue;
    const style = getComputedStyle(each), below = ground(each), ink = over(rgba(style.color), below);
    const [high, low] = [light(ink), light(below)].sort((a, b) => b - a), ratio = (high + 0.05) / (low + 0.05);
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) faint.push(`${words.slice(0, 40)}: ${ratio.toFixed(2)}`);
  }
  const controls = ["button", "a[href]", "input", "select", "textarea", "[role=slider]", "[role=button]",
    "[role=checkbox]", "[role=radio]"].join();
  // In these the arrow keys go from part to part; the text field opens a combobox, and Backspace takes its tags away.
  const groups = ["radiogroup", "tablist", "grid", "toolbar"].map((role) => `[role=${role}]`).join() +
    ", .react-aria-ComboBox, [data-tag]";
  const nameless = [], unreachable = [];
  for (const each of all) {
    if (!each.matches(controls) || !seen(each) || each.type === "hidden") continue;
    const root = each.getRootNode(), by = each.getAttribute("aria-labelledby");
    const labels = [...(each.labels ?? [])].map((one) => one.textContent);
    const told = by?.split(" ").map((id) => root.getElementById(id)?.textContent) ?? [];
    const name = [each.getAttribute("aria-label"), ...told,
      ...labels, each.textContent, each.title, each.alt, each.placeholder].flat().find((text) => text?.trim());
    if (!name) nameless.push(each.outerHTML.slice(0, 120));
    if (each.tabIndex < 0 && !each.disabled && !each.closest(groups) && !each.closest("[aria-hidden=true]")) {
      unreachable.push(each.outerHTML.slice(0, 120));
    }
  }
  return { faint, nameless, unreachable };
}
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("access")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GROUNDGLASS_CACHE", str(folder / "cache"))
        with served("viewer/app.py", folder / "log", root=ROOT) as address, chromium() as browser:
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.set_default_timeout(PATIENCE * 1000)
            page.address = address
            yield page


@pytest.mark.parametrize("place", PAGES)
def test_text_is_legible_and_controls_are_named_and_reached(page, place):
    page.goto(f"{page.address}/{place}")
    page.locator(PAGES[place]).first.wait_for()
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    found = page.evaluate(SCRIPT)
    assert found == {"faint": [], "nameless": [], "unreachable": []}


def test_what_is_faint_or_nameless_is_found(page):
    """The check itself: it must see what it is there to see."""
    page.set_content("<body style='background:#0b0d10'><p style='color:#444'>dim</p><p style='color:#ddd'>clear</p>"
                     "<button></button><button tabindex=-1>far</button><button>near</button></body>")
    found = page.evaluate(SCRIPT)
    assert len(found["faint"]) == 1 and found["faint"][0].startswith("dim")
    assert len(found["nameless"]) == 1 and len(found["unreachable"]) == 1
