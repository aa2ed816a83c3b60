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
    """Each test run indexes into its own cache directory."""
    monkeypatch.setenv("GROUNDGLASS_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
