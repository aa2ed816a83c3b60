"""The weights file: safetensors tensors and, in the same file, the card that says what they are.

Loading takes a path and nothing else. Nothing is ever unpickled: safetensors holds only numbers and one JSON text.
This module knows nothing of networks or films.
"""

import hashlib
import json
import re
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from safetensors import SafetensorError, safe_open

from core.errors import BadWeights
from core.files import whole_file

CARD_KEY = "groundglass"
MOST_BYTES, MOST_HEADER = 400 * 2 ** 20, 4 * 2 ** 20  # of a file, and of what stands before its numbers
ARCHITECTURE = re.compile(r"[A-Za-z0-9_.]{1,80}")  # a plain name: timm would fetch what "hf-hub:..." names
TASKS = {
    "detector": ("opacity",),
    "opacity": ("opacity", "none"),
    "study": ("negative", "typical", "indeterminate", "atypical"),
    "joint": ("opacity", "none", "negative", "typical", "indeterminate", "atypical"),
}
MOST_SIDE = 1536  # pixels of a network's input: that of the largest EfficientDet
# Which of a classifier's outputs are one softmax, by the question they answer.
HEADS = {
    "opacity": {"opacity": slice(0, 2)},
    "study": {"study": slice(0, 4)},
    "joint": {"opacity": slice(0, 2), "study": slice(2, 6)},
}


@dataclass(frozen=True)
class ModelCard:
    """What a set of weights is, and how its input must look.

    `task` is a key of `TASKS` and `classes` its classes in output order; `architecture` is an effdet name for a
    detector and a timm name for a classifier. `image_size` is (height, width) in pixels of the network's input,
    `mean` and `std` are of grey values scaled to 0..1, `channels` how often the grey picture is repeated.
    `fold` names the patient fold the weights never saw ("" when they saw all). `training` are the settings of the
    run and `metric` the figures on the held fold when the weights were saved.
    """

    task: str
    architecture: str
    image_size: tuple[int, int]
    classes: tuple[str, ...]
    mean: float = 0.5
    std: float = 0.5
    channels: int = 1
    fold: str = ""
    paint: float = 0.0
    training: dict = field(default_factory=dict)
    metric: dict = field(default_factory=dict)

    def __post_init__(self):
        if self.task not in TASKS:
            raise BadWeights(f"task is {self.task!r}, but must be one of {', '.join(TASKS)}: use weights of "
                             "this project.")
        if tuple(self.classes) != TASKS[self.task]:
            raise BadWeights(f"classes are {list(self.classes)}, but {self.task} weights have "
                             f"{list(TASKS[self.task])}: use weights trained for this task.")
        if not ARCHITECTURE.fullmatch(self.architecture):
            raise BadWeights(f"architecture is {self.architecture[:80]!r}, but must be a plain name: use weights of "
                             "this project.")
        sides_fit = len(self.image_size) == 2 and all(
            isinstance(n, int) and 32 <= n <= MOST_SIDE for n in self.image_size)
        if not sides_fit:
            raise BadWeights(f"image_size is {self.image_size}, but must be two sides of 32 to {MOST_SIDE} "
                             "pixels: write the card anew.")
        if not (0 <= self.mean <= 1 and 0 < self.std <= 10 and self.channels in (1, 3)):
            raise BadWeights(f"mean, std, channels are {self.mean}, {self.std}, {self.channels}, but 0 <= mean <= 1, "
                             "std > 0 and 1 or 3 channels must hold: write the card anew.")


def save_weights(path, state, card, *, half=True):
    """Write `state` (name -> tensor) and `card` to `path` atomically; floating tensors as float16 when `half`."""
    from safetensors.torch import save  # imports torch, which commands that only read cards need not wait for

    tensors = {}
    for name, tensor in state.items():
        tensor = tensor.detach().cpu()
        tensors[name] = (tensor.half() if half and tensor.is_floating_point() else tensor).contiguous().clone()
    with whole_file(path, BadWeights) as temporary:
        temporary.write_bytes(save(tensors, {CARD_KEY: json.dumps(asdict(card), sort_keys=True)}))


@contextmanager
def _opened(path):
    """The safetensors file at `path`, whose size and header are within limits. Raises `BadWeights`."""
    path = Path(path)
    try:
        if path.exists() and not path.is_file():
            raise BadWeights(f"{path} is no plain file, but weights are one: name a .safetensors file.")
        size = path.stat().st_size
        with path.open("rb") as file:
            header = int.from_bytes(file.read(8), "little")
        if size > MOST_BYTES or header > min(size, MOST_HEADER):
            raise BadWeights(f"{path.name} is not a readable safetensors file (its header says {header} of {size} "
                             f"bytes), but at most {MOST_HEADER} of {MOST_BYTES} are read, and nothing else is opened: "
                             "name weights that `python -m train` wrote.")
        with safe_open(path, framework="pt") as file:
            yield file
    except FileNotFoundError:
        raise BadWeights(f"{path} does not exist, but weights are needed: name a .safetensors file.") from None
    except (SafetensorError, OSError, ValueError, TypeError, AttributeError) as error:  # a dtype that torch lacks
        raise BadWeights(f"{path.name} is not a readable safetensors file ({_first_line(error)}), and nothing else is "
                         "opened: name weights that `python -m train` wrote.") from None


def _first_line(error):
    return " ".join(str(error).split())[:160]


def read_weights(path):
    """The card and the tensors (name -> float32 tensor) of the file at `path`. Raises `BadWeights`."""
    path = Path(path)
    with _opened(path) as file:
        card = _card(path, file.metadata() or {})
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    for name, tensor in tensors.items():
        if tensor.is_floating_point():
            tensors[name] = tensor.float()
            if not tensors[name].isfinite().all():
                raise BadWeights(f"{path.name} holds NaN or infinity in {name}, but weights must be finite: "
                                 "take an earlier checkpoint.")
    return card, tensors


def read_card(path):
    """Only the card of the file at `path`, without its tensors. Raises `BadWeights`."""
    path = Path(path)
    with _opened(path) as file:
        return _card(path, file.metadata() or {})


def _card(path, metadata):
    if CARD_KEY not in metadata:
        raise BadWeights(f"{path.name} carries no {CARD_KEY!r} card, but must say what it is: name weights "
                         "that `python -m train` wrote.")
    try:
        fields = json.loads(metadata[CARD_KEY])
        fields["image_size"] = tuple(fields["image_size"])
        fields["classes"] = tuple(fields["classes"])
        return ModelCard(**fields)
    except (TypeError, KeyError, ValueError, AttributeError, RecursionError) as error:
        raise BadWeights(f"the card of {path.name} cannot be read ({_first_line(error)}), but must hold the fields of "
                         "a ModelCard: name weights that this version wrote.") from None


def sha256(path):
    """Hash of the file at `path`, hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
