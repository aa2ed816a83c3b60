"""The same film shown by what one would take otherwise: Plotly (`px.imshow`) and `st.image`, in a page of Streamlit.

Each step windows the film anew on the server, as these must, and is waited for until the browser shows the picture.
"""

import contextlib
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

PAGE = '''
import sys
sys.path.insert(0, {root!r})
import numpy as np
import plotly.express as px
import streamlit as st
from core.dicom import read_film
from core.display import shown

@st.cache_resource
def grey():
    return shown(read_film({film!r}))

st.set_page_config(layout="wide")
step = st.session_state.setdefault("step", 0)
st.button("Next", shortcut="n", on_click=lambda: st.session_state.update(step=step + 1))
picture = np.clip(grey().astype(np.int16) + step % 2 * 20, 0, 255).astype(np.uint8)
if {kind!r} == "plotly":
    st.plotly_chart(px.imshow(picture, binary_string=True), key=f"p{{step}}")
else:
    st.image(picture)
st.html(f"<p class='step'>{{step}}</p>")
'''
SHOWN = {"plotly": "[...document.querySelectorAll('.js-plotly-plot image')]"
                   ".map((each) => each.getAttribute('href') ?? each.getAttribute('xlink:href')).at(-1)",
         "image": "document.querySelector('[data-testid=stImage] img')?.complete && "
                  "document.querySelector('[data-testid=stImage] img').src"}


@contextlib.contextmanager
def _served(kind, film):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        root = str(Path(__file__).resolve().parent.parent)
        page = Path(folder) / "page.py"
        page.write_text(PAGE.format(root=root, film=str(film), kind=kind), "utf-8")
        command = [sys.executable, "-m", "streamlit", "run", str(page), "--server.port", str(port), "--server.headless",
                   "true", "--browser.gatherUsageStats", "false"]
        started = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   start_new_session=True)
        try:
            while not _answers(port):
                time.sleep(0.2)
            yield port
        finally:
            os.killpg(started.pid, signal.SIGKILL)
            started.wait()


def _answers(port):
    with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5):
        return True
    return False


def peers(context, film, rounds):
    """Median ms from a key to the film `film` in another window, by Plotly and by `st.image`."""
    return {f"{name}, another window, ms": _measured(context, film, rounds, kind)
            for name, kind in (("Plotly px.imshow", "plotly"), ("st.image", "image"))}


def _measured(context, film, rounds, kind):
    with _served(kind, film) as port:
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{port}/")
        page.wait_for_function(SHOWN[kind], timeout=120_000)
        page.wait_for_timeout(2000)
        took = []
        for _ in range(rounds):
            before, started = page.evaluate(SHOWN[kind]), time.perf_counter()
            page.keyboard.press("n")
            page.wait_for_function(f"before => {{ const now = {SHOWN[kind]}; return now && now !== before; }}",
                                   arg=before, timeout=120_000)
            took.append((time.perf_counter() - started) * 1000)
            page.wait_for_timeout(500)
        page.close()
    return statistics.median(took)
