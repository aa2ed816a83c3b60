"""The architecture and the documentation are what the README says they are."""

import ast
import contextlib
import importlib
import io
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


WRITING = {"write_text", "write_bytes", "savez", "savez_compressed", "save_as", "imwrite", "to_csv", "to_parquet",
           "to_json", "to_pickle", "save_file", "tofile", "copyfile", "copy2", "copytree", "move", "mkstemp", "savefig"}
MEMORY = ("memory", "content", "kept", "sink")  # what a file in memory is called here
SCRATCH = {  # what is written without `whole_file`, and why that loses nothing
    "core/files.py": "the one place that writes",
    "train/runs.py log": "lines are added to a log",
    "viewer/own.py clear_abandoned": "an empty file that is locked",
    "viewer/own.py _own_folder": "an empty file that is locked",
    "viewer/views/doctor.py _folds": "a file of this very call, in a directory of its own",
}


def bare_writes(path):
    """(function, line) of each call in the file at `path` that writes a file and is in no `with whole_file(...)`."""
    found = []

    def look(node, function, safe):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            function = node.name
        if isinstance(node, ast.With):
            safe = safe or any("whole_file" in ast.unparse(item.context_expr) for item in node.items)
        if isinstance(node, ast.Call) and not safe and writes(node):
            found.append((function, node.lineno))
        for child in ast.iter_child_nodes(node):
            look(child, function, safe)

    look(ast.parse((ROOT / path).read_text("utf8")), "", False)
    return found


def writes(call):
    """Whether a call writes a file: by its name, or as an opening for writing; what goes to memory is called so."""
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    if call.args and ast.unparse(call.args[0]) in MEMORY:
        return False
    if name in ("open", "ZipFile"):
        modes = [each.value for each in [*call.args, *(each.value for each in call.keywords)]
                 if isinstance(each, ast.Constant) and isinstance(each.value, str) and len(each.value) < 4]
        return any(set(mode) & set("wax") for mode in modes)
    return name in WRITING


def test_files_are_written_whole_or_not_at_all():
    """Every write goes through `core.files.whole_file`: nothing else is atomic on a full disk or a killed process."""
    for path in [path for room in ("core", "train", "viewer") for path in tracked(f"{room}/**.py")]:
        bare = [f"{path}:{line} in {function}" for function, line in bare_writes(path)
                if path not in SCRATCH and f"{path} {function}" not in SCRATCH]
        assert not bare, f"{bare} write without whole_file"


@pytest.mark.parametrize(("source", "count"), [
    ("open(p, 'w')", 1), ("p.open('ab')", 1), ("p.open(mode='x')", 1), ("p.write_text('x')", 1), ("open(p)", 0),
    ("p.open(newline='')", 0), ("np.savez(p, x=1)", 1), ("np.savez(memory, x=1)", 0),
    ("with whole_file(p) as t:\n    t.write_text('x')", 0), ("zipfile.ZipFile(p, 'w')", 1), ("shutil.copy2(a, b)", 1)])
def test_a_bare_write_is_told_from_a_safe_one(source, count, tmp_path):
    (tmp_path / "module.py").write_text(source)
    assert len(bare_writes(tmp_path / "module.py")) == count


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
    helped(*line.split())


def helped(room, *words):
    """What `python -m room words --help` prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), pytest.raises(SystemExit) as ended:
        importlib.import_module(f"{room}.__main__").main([*words, "--help"])
    assert ended.value.code == 0
    return printed.getvalue()


@pytest.mark.parametrize("room", ["core", "train", "benchmarks"])
def test_each_room_with_commands_is_a_program(room):
    done = subprocess.run([sys.executable, "-m", room, "--help"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and f"python -m {room}" in done.stdout, done.stderr


def test_every_option_in_the_readme_is_known():
    for command in COMMANDS:
        words = command.split()
        if words[0] != "python" or words[2] not in ("core", "train"):
            continue
        shown = helped(*words[2:4])
        unknown = [word for word in words[4:] if word.startswith("--") and word not in shown]
        assert not unknown, f"{command}: {unknown}"


def test_every_promise_of_security_names_tests_that_there_are():
    """Of each row of SECURITY.md, each test stands in the file named before it."""
    table = [line for line in (ROOT / "SECURITY.md").read_text("utf8").splitlines() if line.startswith("| ")][1:]
    assert len(table) > 15
    for row in table:
        file, named = "", re.findall(r"`(test_\w+(?:\.py)?)`", row)
        assert named, row
        for name in named:
            if name.endswith(".py"):
                file = (ROOT / "tests" / name).read_text("utf8")
            else:
                assert f"def {name}(" in file, f"{name} is promised, but is no test"


def test_no_film_or_label_of_real_patients_is_in_the_repository():
    """Every DICOM file in the tree says SYNTHETIC, and there are no others."""
    import pydicom

    for path in tracked("**.dcm"):
        header = pydicom.dcmread(ROOT / path, stop_before_pixels=True)
        assert "SYNTHETIC" in str(header.PatientName), path
