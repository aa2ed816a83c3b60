"""ONNX Runtime gives torch's answers, once exported for good, and whatever is wrong with the cache."""

import numpy as np
import pytest
import torch

from core import runtime
from core.errors import BadSettings
from core.models import build_network, open_model
from core.weights import TASKS, ModelCard, save_weights

CPU = torch.device("cpu")


def weights(folder, task, architecture, side):
    torch.manual_seed(0)
    card = ModelCard(task, architecture, (side, side), TASKS[task])
    network = build_network(card)
    for name, tensor in network.state_dict().items():
        if name.endswith("running_var"):
            tensor.copy_(1 + torch.rand(tensor.shape))
    save_weights(folder / f"{task}.safetensors", network.state_dict(), card)
    return folder / f"{task}.safetensors"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GROUNDGLASS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "graphs"


@pytest.mark.parametrize(("task", "architecture", "side"), [
    ("joint", "mobilenetv3_small_050", 64), ("study", "tf_efficientnet_lite0", 96),
    ("detector", "tf_efficientdet_lite0", 160)])
def test_answers_are_torchs_for_any_batch(task, architecture, side, cache, tmp_path):
    path = weights(tmp_path, task, architecture, side)
    slow, quick = open_model(path, CPU, "torch"), open_model(path, CPU, "onnx")
    assert (slow.runtime, quick.runtime) == ("torch", "onnx")
    for count in (1, 5):
        pictures = np.random.default_rng(count).integers(0, 256, (count, side, side), np.uint8)
        if task != "detector":
            for question, expected in slow.probabilities(pictures).items():
                assert quick.probabilities(pictures)[question] == pytest.approx(expected, abs=1e-4)
            continue
        for expected, found in zip(slow.candidates(pictures), quick.candidates(pictures), strict=True):
            assert len(expected[1]) == len(found[1]) and found[1] == pytest.approx(expected[1], abs=1e-4)


def test_a_graph_is_exported_once(cache, tmp_path, monkeypatch):
    path = weights(tmp_path, "study", "mobilenetv3_small_050", 64)
    open_model(path, CPU, "onnx")
    monkeypatch.setattr(runtime, "_exported", lambda *_: pytest.fail("exported again"))
    assert open_model(path, CPU, "auto").runtime == "onnx" and len(list(cache.glob("*.graph"))) == 1


def test_a_damaged_graph_is_made_anew(cache, tmp_path):
    path = weights(tmp_path, "study", "mobilenetv3_small_050", 64)
    open_model(path, CPU, "onnx")
    graph, = cache.glob("*.graph")
    whole = graph.read_bytes()
    graph.write_bytes(whole[:2000])
    pictures = np.full((2, 64, 64), 90, np.uint8)
    model = open_model(path, CPU, "onnx")
    assert np.isfinite(model.probabilities(pictures)["study"]).all() and "has been made again" in model.remark
    assert open_model(path, CPU, "onnx").remark == ""
    assert len(graph.read_bytes()) == len(whole)


def test_a_graph_that_answers_otherwise_is_not_used(cache, tmp_path, monkeypatch):
    path = weights(tmp_path, "study", "mobilenetv3_small_050", 64)
    monkeypatch.setattr(runtime, "TOLERANCE", -1.0)
    model = open_model(path, CPU, "auto")
    assert model.runtime == "torch" and "torch is used" in model.remark and not list(cache.glob("*.graph"))


def test_a_runtime_that_is_not_there_is_refused(cache, tmp_path, monkeypatch):
    path = weights(tmp_path, "study", "mobilenetv3_small_050", 64)
    with pytest.raises(BadSettings, match="runtime is 'tensorrt'"):
        open_model(path, CPU, "tensorrt")
    with pytest.raises(BadSettings, match="must be 'torch' there"):
        runtime.chosen("onnx", torch.device("cuda"))
    monkeypatch.setattr(runtime, "_PACKAGES", ("onnx", "no_such_package"))
    with pytest.raises(BadSettings, match="no_such_package is not installed"):
        open_model(path, CPU, "onnx")
    assert open_model(path, CPU, "auto").runtime == "torch"
