"""Networks on ONNX Runtime: a graph exported once for each weights file, kept in the cache directory, and its session.

It knows nothing of films, and of a network only that it maps uint8 pictures [B,H,W] to tensors. The graph is traced
by torch's older exporter: it takes one to four seconds a network where the newer one takes twenty, and torch is pinned.
"""

import ctypes
import gc
import getpass
import io
import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from core.errors import BadSettings, GroundglassError
from core.files import Damaged, cache_directory, read_sealed, write_sealed
from core.parallel import WORKERS
from core.weights import sha256

RUNTIMES = ("auto", "torch", "onnx")
VERSION = 2  # of what is exported: raise it when `core.models.Answers` computes something else
TOLERANCE = 1e-3  # |graph - torch| / (1 + |torch|) of any output that is still the same answer
MOST_GRAPHS = 40  # kept in the cache; those used longest ago are deleted
STEP = 1  # pictures that one thread takes at a time: four are no faster, and take 400 MB more in six networks
_PACKAGES = ("onnx", "onnxruntime")


class NoGraph(Exception):
    """A network has no graph that says what torch says; the sentence says why."""


def chosen(runtime, device):
    """"onnx" or "torch", for `runtime` of `RUNTIMES` on the torch device: "auto" is ONNX Runtime on the CPU, when it
    is installed. Raises `BadSettings`."""
    if runtime not in RUNTIMES:
        raise BadSettings(f"runtime is {runtime!r}, but must be one of {', '.join(RUNTIMES)}: choose one of them.")
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if runtime == "onnx" and device.type != "cpu":
        raise BadSettings(f"runtime is 'onnx' on {device}, but must be 'torch' there, since graphs run on the CPU: "
                          "use runtime auto, or device cpu.")
    if runtime == "onnx" and missing:
        raise BadSettings(f"runtime is 'onnx', but {missing[0]} is not installed, which it needs: "
                          f"pip install {' '.join(missing)}, or use runtime torch.")
    return "onnx" if runtime != "torch" and device.type == "cpu" and not missing else "torch"


class Session:
    """A graph ready to run: called with uint8 pictures [B,H,W], any B, it gives the outputs as float32 arrays.

    The pictures of a batch are dealt to the cores, each to a single thread: threads that share one picture wait for
    each other at every layer, longest where other programs want the cores too. Safe to call from several threads.
    `remark` is a sentence when the graph was made again because the cache's was damaged, else empty.
    """

    def __init__(self, graph):
        import onnxruntime

        self.remark = ""
        _share_memory()
        options = onnxruntime.SessionOptions()
        options.add_session_config_entry("session.use_env_allocators", "1")
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        self._name = self._session.get_inputs()[0].name

    def __call__(self, pictures):
        pictures = np.ascontiguousarray(pictures)
        parts = [pictures[start:start + STEP] for start in range(0, len(pictures), STEP)]
        with ThreadPoolExecutor(min(WORKERS, len(parts))) as pool:
            answers = list(pool.map(lambda part: self._session.run(None, {self._name: part}), parts))
        return [np.concatenate(each) for each in zip(*answers, strict=True)]


@cache
def _share_memory():
    """Let all sessions work in one memory: six networks, each with memory of its own, take 900 MB more."""
    import onnxruntime

    place = onnxruntime.OrtMemoryInfo("Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0,
                                      onnxruntime.OrtMemType.DEFAULT)
    as_requested = {"max_mem": 0, "arena_extend_strategy": 1, "initial_chunk_size_bytes": -1,
                    "max_dead_bytes_per_chunk": -1}
    onnxruntime.create_and_register_allocator(place, onnxruntime.OrtArenaCfg(as_requested))


def session(path, build, size, part=""):
    """The `Session` for the weights file at `path`, from the cache where a whole graph lies there.

    `build()` gives the network: a torch module in evaluation on the CPU that maps uint8 pictures [B,H,W] of `size`
    (height, width) to a tuple of tensors; `part` names it where it is not the whole of the file's. Raises `NoGraph`,
    and what `build` raises.
    """
    name = f"{sha256(path)[:32]}-{part}{VERSION}-{torch.__version__}.graph"
    damage = []
    for folder in _folders():
        if (ready := _stored(folder / name, damage)) is not None:
            return ready
    network = build()
    graph = _exported(network, size)
    ready = _opened(graph)
    _compare(network, ready, size)
    _store(name, graph)
    ready.remark = " ".join(damage)
    del network, graph
    _give_back()
    return ready


def _give_back():
    """Give memory that an export no longer needs back to the system, where the C library can: 30 MB a network."""
    gc.collect()
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def _folders():
    """Where graphs lie: the cache directory, and a temporary one of this user for when that cannot be written."""
    yield cache_directory() / "graphs"
    private = Path(tempfile.gettempdir()) / f"groundglass-{getpass.getuser()}"
    try:
        private.mkdir(mode=0o700, exist_ok=True)
        private.chmod(0o700)  # fails where it is another user's
    except OSError:
        return
    yield private


def _stored(path, damage):
    """The session of the graph at `path`; None where there is none, or a damaged one, which `damage` then tells."""
    try:
        if (graph := read_sealed(path)) is None:
            return None
        path.touch()
        return _opened(graph)
    except Damaged as said:
        damage.append(str(said))
    except (OSError, NoGraph):
        pass
    return None


def _opened(graph):
    try:
        return Session(graph)
    except Exception as error:  # its errors share no class of their own, and some are bare RuntimeErrors
        raise NoGraph(f"ONNX Runtime refuses the graph ({_first_line(error)})") from None


def _exported(network, size):
    """The graph of `network` as ONNX, with an open first dimension."""
    written = io.BytesIO()
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # of the exporter's age, and of tracing through Python's own numbers
            torch.onnx.export(network, (_examples(2, size),), written, dynamo=False, opset_version=17,
                              input_names=["pictures"], dynamic_axes={"pictures": {0: "batch"}})
    except Exception as error:  # whatever a traced network may raise
        raise NoGraph(f"the network cannot be exported ({_first_line(error)})") from None
    return written.getvalue()


def _compare(network, ready, size):
    """Raises `NoGraph` unless the graph answers as `network` does, on another batch size than it was traced with."""
    pictures = _examples(3, size)
    with torch.inference_mode():
        wanted = [each.numpy() for each in network(pictures)]
    try:
        found = ready(pictures.numpy())
    except Exception as error:  # see _opened
        raise NoGraph(f"the graph does not run ({_first_line(error)})") from None
    for ours, theirs in zip(found, wanted, strict=True):
        apart = np.abs(ours - theirs) / (1 + np.abs(theirs)) if ours.shape == theirs.shape else np.inf
        if not np.max(apart) <= TOLERANCE:
            raise NoGraph(f"the graph's answers are {np.max(apart):.2g} from torch's, more than {TOLERANCE}")


def _examples(count, size):
    """uint8 pictures [count,H,W] for tracing and comparing: noise about a grey that differs."""
    noise = torch.randint(0, 100, (count, *size), generator=torch.Generator().manual_seed(0))
    return (noise + torch.linspace(0, 155, count).long()[:, None, None]).to(torch.uint8)


def _store(name, graph):
    """Keep the graph in the first folder that takes it; where none does, the next start exports again."""
    for folder in _folders():
        try:
            write_sealed(folder / name, graph)
        except GroundglassError:
            continue
        _forget(folder)
        return


def _forget(folder):
    """Delete the graphs that were used longest ago, but for `MOST_GRAPHS`."""
    try:
        by_use = sorted(folder.glob("*.graph"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in by_use[MOST_GRAPHS:]:
            path.unlink(missing_ok=True)
    except OSError:
        return  # another process deletes too


def _first_line(error):
    return next(iter(str(error).splitlines()), type(error).__name__)
