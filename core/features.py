"""The features of pictures by which familiar ones are known: a network's inner layers, averaged over the picture."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import torch

from core import runtime
from core.familiarity import BLOCKS
from core.inference import resized
from core.models import network_input, open_model
from core.weights import read_card

NETWORK = Path(__file__).resolve().parent.parent / "assets" / "weights" / "joint-lite1-f0.safetensors"
BATCH, CPU = 8, torch.device("cpu")


class Inner(torch.nn.Module):
    """uint8 pictures [B,H,W] to a tuple of the means [B,D] of the outputs of `BLOCKS` of a timm EfficientNet."""

    def __init__(self, network, card):
        super().__init__()
        self.network, self.card = network, card

    def forward(self, pictures):
        seen, means = network_input(pictures, self.card, pictures.device), []
        maps = self.network.bn1(self.network.conv_stem(seen))
        for number, block in enumerate(self.network.blocks[:max(BLOCKS) + 1]):
            maps = block(maps)
            if number in BLOCKS:
                means.append(maps.mean((2, 3)))
        return (torch.cat(means, 1),)


def open_features(path=NETWORK):
    """A function of grey pictures (a list of uint8 [H,W] of any sizes) that gives their features float32 [N,D].

    Raises `BadWeights`.
    """
    size = tuple(read_card(path).image_size)
    inner = _opened(path, size)

    @torch.inference_mode()
    def features(pictures):
        seen = [np.stack([resized(each, size) for each in pictures[start:start + BATCH]])
                for start in range(0, len(pictures), BATCH)]
        return np.concatenate([np.asarray(inner(each)[0]) for each in seen])

    return features


def _opened(path, size):
    """A function of uint8 pictures [B,H,W]: by a graph where it can be; torch alone takes 100 MB and a second more."""
    def built():
        model = open_model(path, CPU)
        return Inner(model.network, model.card).eval()

    if runtime.chosen("auto", CPU) == "onnx":
        with suppress(runtime.NoGraph):
            return runtime.session(path, built, size, "inner-")
    inner = built()
    return lambda pictures: inner(torch.as_tensor(pictures))


def picture_doubts(pictures, features, familiarity):
    """A tuple of at most one sentence for each of the `pictures`, by `open_features`' function and a `Familiarity`."""
    found = familiarity.distances(features(pictures)) if pictures else ()
    return [tuple(filter(None, (familiarity.doubt(distance),))) for distance in found]
