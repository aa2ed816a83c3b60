"""Fixtures shared by the tests; real films are used where they are at hand, never required."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

if "PYTEST_XDIST_WORKER" in os.environ:  # before torch is imported: threads of two processes wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def shared():
    """The directory with real films and golden predictions, which users of the project do not have."""
    place = Path(os.environ.get("GROUNDGLASS_SHARED", ROOT.parent / "shared"))
    if not (place / "siim256").is_dir():
        pytest.skip(f"no real films at {place}: set GROUNDGLASS_SHARED to a directory that holds siim256/")
    return place


@pytest.fixture(autouse=True)
def private_cache(tmp_path_factory, monkeypatch):
    """Each test run indexes into its own cache directory, and has an audit trail, reviews and lists of its own."""
    monkeypatch.setenv("GROUNDGLASS_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setenv("GROUNDGLASS_LISTS", str(tmp_path_factory.getbasetemp() / "lists"))
    monkeypatch.setenv("GROUNDGLASS_AUDIT", str(tmp_path_factory.getbasetemp() / "audit.jsonl"))
    monkeypatch.setenv("GROUNDGLASS_REVIEWS", str(tmp_path_factory.getbasetemp() / "reviews.sqlite"))


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory):
    """A data set of 24 synthetic films of 128 pixels in the competition layout."""
    from train.__main__ import main

    folder = tmp_path_factory.mktemp("phantoms")
    assert main(["phantom", "--out", str(folder), "--count", "24", "--side", "128", "--seed", "3"]) == 0
    return folder


@pytest.fixture(scope="module")
def browser():
    """A browser of Playwright."""
    from tests.browsing import chromium

    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def address(tmp_path_factory, browser):
    """Address of the small page with one canvas; a test file about other pages has a fixture of its own."""
    from tests.canvas_page import canvas_server

    with canvas_server(tmp_path_factory.mktemp("canvas")) as started:
        yield started


@pytest.fixture
def reader(browser, address):
    """A `tests.canvas_page.Reader` at that page."""
    from tests.canvas_page import opened

    with opened(browser, address) as started:
        yield started


@pytest.fixture(scope="module")
def postgres_server():
    """URL of an empty PostgreSQL database; skips the test where there is no such program."""
    from tests.databases import postgres

    with postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def review_place(request, tmp_path):
    """A place without reviews and first reads, in each kind of database."""
    if request.param == "sqlite":
        return str(tmp_path / "new" / "reviews.sqlite")
    import sqlalchemy

    url = request.getfixturevalue("postgres_server")
    engine = sqlalchemy.create_engine(url.replace("postgresql", "postgresql+psycopg", 1))
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("DROP TABLE IF EXISTS reviews, first_reads"))
    engine.dispose()
    return url
