"""A PostgreSQL server of the tests' own, from Debian's package, for as long as the tests need it."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

USER, PASSWORD = "reader", "geheim/&?@ wort"
PATIENCE = 60  # seconds


@contextlib.contextmanager
def postgres():
    """URL of an empty database of a server that is started here and stopped after; skips the test without a program."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs:
        pytest.skip("no PostgreSQL in /usr/lib/postgresql: apt-get install postgresql")
    if os.geteuid() == 0 and shutil.which("runuser") is None:
        pytest.skip("PostgreSQL does not run as root, and there is no runuser to be somebody else")
    place = Path(tempfile.mkdtemp(prefix="groundglass-postgres-"))  # not pytest's, which others may not enter
    try:
        with _running(programs[-1].parent, place) as port:
            from sqlalchemy import URL

            yield URL.create("postgresql", USER, PASSWORD, "127.0.0.1", port, "postgres").render_as_string(False)
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextlib.contextmanager
def _running(programs, place):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    word = place / "word"
    word.write_text(PASSWORD + "\n")
    if os.geteuid() == 0:
        for each in (place, word):
            shutil.chown(each, "postgres", "postgres")
    _run(programs / "initdb", "-D", place / "data", "-U", USER, "--auth=scram-sha-256", f"--pwfile={word}", "-N")
    control = programs / "pg_ctl", "-D", place / "data", "-w", "-t", str(PATIENCE)
    _run(*control, "-o", f"-p {port} -k {place} -c listen_addresses=127.0.0.1", "-l", place / "log", "start")
    try:
        yield port
    finally:
        _run(*control, "-m", "immediate", "stop")


def _run(*command):
    command = [str(each) for each in command]
    if os.geteuid() == 0:
        command = ["runuser", "-u", "postgres", "--", *command]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd="/", check=False)
    assert done.returncode == 0, done.stderr
