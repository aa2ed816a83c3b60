"""The architecture and the documentation are what the README says they are."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf8")


def tracked(pattern):
    listed = subprocess.run(["git", "ls-files", pattern], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for path in listed.split("\n") if path and (ROOT / path).exists()]


def imported(path):
    """Full names of the modules that the file at `path` imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text("utf8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def rows(room):
    """Names of the files in the README's table of `room`, in its order."""
    table = re.search(rf"<!-- files of {room} -->\n(.*?)<!-- end -->", README, re.DOTALL)
    assert table, f"README.md has no table of {room}"
    return re.findall(r"^\| `([^`]+)` \|", table[1], re.MULTILINE)


@pytest.mark.parametrize("room", ["core", "train", "viewer", "benchmarks"])
def test_the_readme_lists_the_files_there_are(room):
    files = [path for path in tracked(f"{room}/**") if not path.endswith("__init__.py")]
    listed = [f"{room}/{name}" for name in rows(room)]
    assert sorted(listed) == sorted(files)


def test_core_modules_import_only_those_above_them():
    order = [f"core.{name.removesuffix('.py')}" for name in rows("core")]
    for place, module in enumerate(order):
        below = set(order[place + 1:]) & imported(module.replace(".", "/") + ".py")
        assert not below, f"{module} stands above {sorted(below)} in the README, but imports from there"


@pytest.mark.parametrize(("room", "forbidden"), [("core", ("viewer", "train")), ("train", ("viewer",)),
                                                 ("viewer", ("train",))])
def test_rooms_depend_in_one_direction(room, forbidden):
    for path in tracked(f"{room}/**.py"):
        wrong = {name for name in imported(path) if name.split(".")[0] in forbidden}
        assert not wrong, f"{path} imports {sorted(wrong)}"


@pytest.mark.parametrize("package", ["streamlit", "plotly", "matplotlib"])
def test_core_draws_nothing(package):
    assert not [path for path in tracked("core/**.py") if any(n.split(".")[0] == package for n in imported(path))]


def test_package_files_hold_only_a_docstring():
    for path in tracked("**__init__.py"):
        body = ast.parse((ROOT / path).read_text("utf8")).body
        assert len(body) == 1, f"{path} holds more than a docstring"
        assert isinstance(body[0], ast.Expr), f"{path} holds no docstring"


def lines_of(function):
    """Lines of a function without its docstring."""
    first = function.body[0]
    has_docstring = isinstance(first, ast.Expr) and isinstance(getattr(first, "value", None), ast.Constant)
    return function.end_lineno - function.lineno + 1 - (first.end_lineno - first.lineno + 1 if has_docstring else 0)


def test_files_and_functions_stay_small():
    """No file over 300 lines, no function over 50 but compiled kernels, nine in ten functions within 25."""
    sizes = []
    for path in [path for room in ("core", "train", "viewer", "benchmarks") for path in tracked(f"{room}/**.py")]:
        source = (ROOT / path).read_text("utf8")
        assert source.count("\n") <= 300, f"{path} is longer than 300 lines"
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                compiled = any("njit" in ast.unparse(each) for each in node.decorator_list)
                assert compiled or lines_of(node) <= 50, f"{path}: {node.name} is longer than 50 lines"
                sizes.append(lines_of(node))
    assert sum(size <= 25 for size in sizes) >= 0.9 * len(sizes)


def test_ruff_finds_nothing():
    done = subprocess.run([sys.executable, "-m", "ruff", "check", "--no-cache", "."], cwd=ROOT, capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stdout


COMMANDS = re.findall(r"^(?:python|streamlit)[^\n#]*", "\n".join(re.findall(r"```bash\n(.*?)```", README, re.DOTALL)),
                      re.MULTILINE)


@pytest.mark.parametrize("line", sorted({" ".join(c.split()[2:4]) for c in COMMANDS if c.startswith("python -m")}))
def test_commands_in_the_readme_exist(line):
    """Each `python -m ROOM COMMAND` of the README knows --help."""
    done = subprocess.run([sys.executable, "-m", *line.split(), "--help"], cwd=ROOT, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr


def test_every_option_in_the_readme_is_known():
    for command in COMMANDS:
        words = command.split()
        if words[0] != "python" or words[2] not in ("core", "train"):
            continue
        shown = subprocess.run([sys.executable, *words[1:4], "--help"], cwd=ROOT, capture_output=True, text=True,
                               check=True).stdout
        unknown = [word for word in words[4:] if word.startswith("--") and word not in shown]
        assert not unknown, f"{command}: {unknown}"


def test_no_film_or_label_of_real_patients_is_in_the_repository():
    """Every DICOM file in the tree says SYNTHETIC, and there are no others."""
    import pydicom

    for path in tracked("**.dcm"):
        header = pydicom.dcmread(ROOT / path, stop_before_pixels=True)
        assert "SYNTHETIC" in str(header.PatientName), path
