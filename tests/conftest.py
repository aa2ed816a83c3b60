"""Fixtures shared by the tests; real films are used where they are at hand, never required."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


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
