"""The server's start: one name for every module, and a command line that reaches the pages."""

import os
import sys

import pytest

from tests.conftest import ROOT
from viewer.app import take_arguments, take_root


def test_root_replaces_the_viewer_folder_once(monkeypatch):
    """`streamlit run` puts viewer/ first; were it left, viewer.pixels would also be the module pixels."""
    monkeypatch.setattr(sys, "path", [str(ROOT / "viewer"), "/usr/lib/python", f"{ROOT}/viewer/", str(ROOT)])
    take_root()
    take_root()
    assert sys.path == [str(ROOT), "/usr/lib/python"]


def test_arguments_reach_the_pages_by_the_environment(monkeypatch, tmp_path):
    """As absolute paths; what was not given stays as the environment has it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GROUNDGLASS_DATA", "old")
    monkeypatch.setenv("GROUNDGLASS_PREDICTIONS", "kept")
    take_arguments(["--data", "films"])
    assert os.environ["GROUNDGLASS_DATA"] == str(tmp_path / "films")
    assert os.environ["GROUNDGLASS_PREDICTIONS"] == "kept"


@pytest.mark.parametrize("argv", [["--dta", "films"], ["--data"], ["films"]])
def test_a_wrong_argument_is_one_sentence_and_exit_code_2(argv, capsys):
    """Nothing is opened that was not asked for."""
    with pytest.raises(SystemExit) as ended:
        take_arguments(argv)
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said.count("\n") == 1
    assert "--data DIR" in said
