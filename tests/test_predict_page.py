"""The Predict page in a browser: own films from the drop to the worklist, apart from other readers', and gone after."""

import json
import os
import time
import zipfile
from pathlib import Path

import pytest
from browsing import PATIENCE, chromium, served
from film_files import film_file
from test_own_films import FILMS, RAMP

from core.files import cache_directory
from tests.conftest import ROOT
from viewer import own, resources, state

PAUSE = 2000  # ms in which a page is drawn again, and a click may be lost


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder that the server may open, with a film, and a link to a film outside."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "open").mkdir()
    (folder / "open" / "film.dcm").write_bytes(FILMS[0].read_bytes())
    (folder / "secret").mkdir()
    (folder / "secret" / "film.dcm").write_bytes(FILMS[1].read_bytes())
    (folder / "open" / "out").symlink_to(folder / "secret")
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory, place):
    """(address, log, cache) of a server whose weights open without ONNX's export, which takes a minute."""
    folder = tmp_path_factory.mktemp("predict")
    before = dict(os.environ)
    os.environ.update(GROUNDGLASS_CACHE=str(folder / "cache"), GROUNDGLASS_AUDIT=str(folder / "audit.jsonl"))
    try:
        with served("viewer/app.py", folder / "log", "--films", str(place / "open"), root=ROOT) as address:
            yield address, folder / "log", folder / "cache"
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


def opened(browser, address):
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(f"{address}/predict")
    page.get_by_text("Predict your films").wait_for()
    return page


def only(page, weights):
    """Choose these weights alone."""
    field = page.locator(".st-key-own_weights")
    field.get_by_role("button", name="Clear all").click()
    field.get_by_text("detector-lite0-f0").wait_for(state="detached")
    page.wait_for_timeout(PAUSE)
    field.locator("input").fill(weights)
    page.get_by_role("option", name=weights).wait_for()
    page.keyboard.press("Enter")
    field.get_by_text(weights).wait_for()
    page.keyboard.press("Escape")
    page.wait_for_timeout(PAUSE)


def settled(page):
    page.get_by_role("button", name="Read them").wait_for()
    page.get_by_role("button", name="Cancel").wait_for(state="detached", timeout=3 * PATIENCE * 1000)


def test_films_are_dropped_predicted_read_and_removed(browser, server, tmp_path):
    address, log, cache = server
    film_file(tmp_path / "DOE^JOHN.dcm", RAMP, ViewPosition="LL", PatientID="SECRET-7")
    with zipfile.ZipFile(tmp_path / "films.zip", "w") as archive:
        archive.write(FILMS[0], "../../DOE.dcm")
        archive.writestr("notes.txt", "no film")
    page = opened(browser, address)
    only(page, "joint-lite1-f0")
    page.locator("input[type=file]").first.set_input_files([tmp_path / "DOE^JOHN.dcm", tmp_path / "films.zip"])
    page.get_by_role("button", name="Predict", exact=True).click()
    settled(page)
    page.get_by_text("View Position is 'LL'").first.wait_for()
    page.get_by_role("button", name="Predict 2 in spite of the doubt").click()
    page.get_by_text("2 predicted").wait_for(timeout=3 * PATIENCE * 1000)
    other = opened(browser, address)
    assert other.get_by_text("2 predicted").count() == 0, "another reader's page shows none of it"
    page.wait_for_timeout(PAUSE)
    page.get_by_role("button", name="Read them").click()
    page.get_by_text("Film 1 of 2").wait_for()
    page.locator(".name .data", has_text="Your films").wait_for()
    assert "DOE" not in page.url and "film=" in page.url
    page.get_by_role("link", name="Predict").click()
    page.get_by_role("button", name="Remove my films").click()
    page.locator(".name .data", has_text="sample").wait_for()
    assert not list(cache.glob("own/*/*/films"))
    said = log.read_text() + "".join(map(str, cache.rglob("*"))) + "".join(
        path.read_text(errors="replace") for path in cache.glob("headers-*"))
    assert "Traceback" not in said and "DOE" not in said and "SECRET-7" not in said
    trail = [json.loads(line) for line in (cache.parent / "audit.jsonl").read_text().splitlines()]
    assert "films predicted" in {line["action"] for line in trail}


def test_only_folders_that_the_start_allows_are_opened(place, monkeypatch):
    monkeypatch.setenv("GROUNDGLASS_FILMS", str(place / "open"))
    roots = state.film_folders()
    assert resources.allowed_folder(str(place / "open"), roots) == place / "open"
    for outside in ("secret", "open/../secret", "open/out", "open/film.dcm", "open/\0", "o" * 5000):
        assert resources.allowed_folder(f"{place}/{outside}", roots) is None, outside
    assert resources.allowed_folder("/", roots) is None and resources.allowed_folder("", ()) is None
    assert list(resources.folders(roots)) == [str(place / "open")]


def test_a_folder_whose_name_is_no_text_is_not_offered(tmp_path):
    for name in (b"a", b"\xff", b"a/\xfe/b"):
        (tmp_path / os.fsdecode(name)).mkdir(parents=True)
    assert list(resources.folders([tmp_path])) == [str(tmp_path), str(tmp_path / "a")]


def test_the_areas_of_servers_that_ended_are_cleared_away_and_of_the_living_kept(monkeypatch, tmp_path):
    import fcntl

    monkeypatch.setenv("GROUNDGLASS_CACHE", str(tmp_path))
    for name in ("1-dead", "2-living"):
        (tmp_path / "own" / name / "session" / "films").mkdir(parents=True)
        (tmp_path / "own" / name / "lock").write_text("")
    with (tmp_path / "own" / "2-living" / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        own.clear_abandoned()
    assert [path.name for path in (cache_directory() / "own").iterdir()] == ["2-living"]


def ended(area):
    end = time.monotonic() + 3 * PATIENCE
    while not area.job.ended and time.monotonic() < end:
        time.sleep(0.1)
    return area.job


def test_a_run_that_waits_or_works_can_be_cancelled_and_the_next_one_runs(monkeypatch, tmp_path):
    monkeypatch.setenv("GROUNDGLASS_CACHE", str(tmp_path))
    monkeypatch.setattr(own, "_areas", {})
    areas = []
    for name in ("first", "second", "third"):
        monkeypatch.setattr(own, "get_script_run_ctx", lambda name=name: type("Context", (), {"session_id": name}))
        areas.append(own.area(make=True))
        areas[-1].predict([tmp_path / "nothing.safetensors"], 1)
    areas[1].cancel()
    assert ended(areas[1]).state == "cancelled"
    areas[0].cancel()
    assert ended(areas[0]).state in own.ENDED and ended(areas[2]).state in ("done", "failed")
    for area in areas:
        area.remove()
        assert not Path(area.path).exists()
