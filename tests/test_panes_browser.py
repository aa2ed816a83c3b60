"""Films side by side in a real browser: they move together, and their windows until these are let go."""

from tests.test_layers_browser import address, browser, open_page  # noqa: F401

PANES = ".film"


def told(reader, name):
    """What each pane tells of itself under that name, all at one moment."""
    return reader.page.locator(PANES).evaluate_all("(all, name) => all.map((each) => each.dataset[name])", name)


def at_two(open_page, arrangement):  # noqa: F811
    reader = open_page()
    reader.page.goto(f"{reader.page.url.split('?')[0]}?panes={arrangement}")
    reader.until(lambda: reader.page.locator(PANES).count() == 2 and told(reader, "state") == ["ready", "ready"])
    return reader


def drag(reader, button="left"):
    box = reader.page.locator(PANES).first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    reader.page.mouse.move(x, y)
    reader.page.mouse.down(button=button)
    reader.page.mouse.move(x + 40, y + 30, steps=4)
    reader.page.mouse.up(button=button)


def test_truth_and_detections_zoom_and_window_together(open_page):  # noqa: F811
    reader = at_two(open_page, "Truth beside detections")
    reader.film = reader.page.locator(PANES).first
    reader.until(lambda: told(reader, "truth")[1] == "true" and told(reader, "linked") == ["window", "window"])
    fitted = told(reader, "zoom")
    drag(reader)
    reader.until(lambda: len(set(told(reader, "window"))) == 1 and told(reader, "window")[0])
    reader.page.mouse.wheel(0, -240)
    reader.until(lambda: all(float(a) > float(b) for a, b in zip(told(reader, "zoom"), fitted, strict=True)))
    reader.until(lambda: len({f"{float(each):.9f}" for each in told(reader, "zoom")}) == 1)


def test_two_windows_are_let_go_and_linked_again_by_key(open_page):  # noqa: F811
    reader = at_two(open_page, "Two windows")
    reader.film = reader.page.locator(PANES).first
    reader.until(lambda: told(reader, "linked") == ["view", "view"])
    drag(reader)
    reader.until(lambda: told(reader, "window")[0])
    assert told(reader, "window")[1] == ""
    reader.page.keyboard.press("w")
    reader.until(lambda: told(reader, "linked") == ["window", "window"] and len(set(told(reader, "window"))) == 1)


def test_caption_and_warning_of_narrow_panes_do_not_cover_each_other(open_page):  # noqa: F811
    reader = at_two(open_page, "Truth beside detections")
    reader.page.set_viewport_size({"width": 1440, "height": 900})
    reader.film = reader.page.locator(PANES).first
    for pane in reader.page.locator(PANES).all():
        caption, warning = (pane.locator(f".{name}").bounding_box() for name in ("caption", "warning"))
        apart = caption["x"] + caption["width"] <= warning["x"] or caption["y"] >= warning["y"] + warning["height"]
        assert apart, (caption, warning)
