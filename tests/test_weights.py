"""Weights say what they are, and what does not fit is refused by name."""

import pickle

import pytest
import torch
from safetensors.torch import save_file

from core.errors import BadWeights
from core.models import build_network, open_model, pick_device
from core.weights import ModelCard, read_card, read_weights, save_weights

CARD = ModelCard(task="study", architecture="mobilenetv3_small_050", image_size=(64, 64),
                 classes=("negative", "typical", "indeterminate", "atypical"), fold="3",
                 training={"epochs": 2}, metric={"study": 0.5})
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def state():
    torch.manual_seed(0)
    return build_network(CARD).state_dict()


def test_the_card_travels_with_the_weights(tmp_path, state):
    save_weights(tmp_path / "a.safetensors", state, CARD)
    assert read_card(tmp_path / "a.safetensors") == CARD
    card, tensors = read_weights(tmp_path / "a.safetensors")
    assert card == CARD
    assert tensors.keys() == state.keys()
    weight = next(iter(state))
    assert torch.equal(tensors[weight], state[weight].half().float())


def test_a_model_opens_from_a_path_alone_and_gives_probabilities(tmp_path, state):
    save_weights(tmp_path / "a.safetensors", state, CARD)
    model = open_model(tmp_path / "a.safetensors", CPU)
    pictures = torch.randint(0, 256, (3, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    probabilities = model.probabilities(pictures)["study"]
    assert probabilities.shape == (3, 4)
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)


def drop(state, name):
    return {key: value for key, value in state.items() if key != name}


WRONG = [
    ("a tensor is missing", lambda s: (drop(s, "classifier.bias"), CARD), "lacks tensor 'classifier.bias'"),
    ("a tensor is unknown", lambda s: ({**s, "extra": torch.zeros(1)}, CARD), "unknown tensor 'extra'"),
    ("a tensor has another shape", lambda s: ({**s, "classifier.bias": torch.zeros(2)}, CARD),
     r"classifier.bias of shape \(2,\)"),
    ("a tensor holds NaN", lambda s: ({**s, "classifier.bias": torch.full((4,), float("nan"))}, CARD),
     "NaN or infinity in classifier.bias"),
]


@pytest.mark.parametrize(("reason", "change", "sentence"), WRONG, ids=[row[0] for row in WRONG])
def test_weights_that_do_not_fit_are_refused_by_name(tmp_path, state, reason, change, sentence):
    tensors, card = change(state)
    save_weights(tmp_path / "a.safetensors", tensors, card)
    with pytest.raises(BadWeights, match=sentence):
        open_model(tmp_path / "a.safetensors", CPU)


def test_an_architecture_nobody_knows_is_refused_by_name(tmp_path, state):
    card = ModelCard(**{**CARD.__dict__, "architecture": "nonesuch_b0"})
    save_weights(tmp_path / "a.safetensors", state, card)
    with pytest.raises(BadWeights, match="nonesuch_b0"):
        open_model(tmp_path / "a.safetensors", CPU)


class Trap:
    """Unpickling it would raise something that is not BadWeights."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('code of the file was run')",))


BROKEN = [
    ("a pickle with code", lambda path: path.write_bytes(pickle.dumps(Trap()))),
    ("a torch checkpoint", lambda path: torch.save({"a": torch.zeros(1)}, path)),
    ("an empty file", lambda path: path.write_bytes(b"")),
    ("no file", lambda path: None),
    ("safetensors without a card", lambda path: save_file({"a": torch.zeros(1)}, path)),
    ("a card that is not JSON", lambda path: save_file({"a": torch.zeros(1)}, path, metadata={"groundglass": "{"})),
    ("a card with a wrong task",
     lambda path: save_file({"a": torch.zeros(1)}, path, metadata={"groundglass": '{"task": "x"}'})),
]


@pytest.mark.parametrize(("reason", "write"), BROKEN, ids=[row[0] for row in BROKEN])
def test_files_that_are_not_weights_are_refused_and_never_run(tmp_path, reason, write):
    path = tmp_path / "a.safetensors"
    write(path)
    with pytest.raises(BadWeights, match=r"a\.safetensors"):
        read_weights(path)


def test_truncated_weights_are_refused(tmp_path, state):
    path = tmp_path / "a.safetensors"
    save_weights(path, state, CARD)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(BadWeights, match="not a readable safetensors file"):
        read_weights(path)


@pytest.mark.parametrize("name", ["cuda:99", "toaster"])
def test_a_device_that_is_not_there_is_refused(name):
    with pytest.raises(BadWeights, match=name):
        pick_device(name)
