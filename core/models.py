"""The models: opacity detector, opacity classifier, study classifier, or both in one, opened from a weights file.

A model maps grey pictures (uint8, as `dicom.model_picture` makes them, resized to the card's size) to numbers. It
knows nothing of files of images.
"""

import timm
import torch

from core import efficientdet
from core.errors import BadWeights
from core.weights import HEADS, read_weights


def pick_device(name="auto"):
    """The torch device called `name`; "auto" takes CUDA, then Apple's MPS, then the CPU. Raises `BadWeights`."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise BadWeights(f"device is {name!r}, but it cannot be used here ({str(error).splitlines()[0]}): "
                         "use auto or cpu.") from None
    return device


def build_network(card, *, pretrained=False):
    """The bare network that `card` names, with random weights (ImageNet ones from the hub when `pretrained`)."""
    if card.task == "detector":
        return efficientdet.build(card.architecture, card.image_size, card.channels, pretrained_backbone=pretrained)
    try:
        return timm.create_model(card.architecture, pretrained=pretrained, in_chans=card.channels,
                                 num_classes=len(card.classes))
    except (RuntimeError, ValueError) as error:
        raise BadWeights(f"architecture is {card.architecture!r}, but must be a timm name ({error}): "
                         "see timm.list_models().") from None


def network_input(pictures, card, device):
    """Float tensor [B,C,H,W] from uint8 grey pictures [B,H,W] (array or tensor), normalised as `card` says."""
    grey = torch.as_tensor(pictures).to(device, torch.float32).unsqueeze(1)  # [B,1,H,W]
    grey = (grey / 255 - card.mean) / card.std
    return grey.expand(-1, card.channels, -1, -1).contiguous(memory_format=torch.channels_last)


class Model:
    """A network with its card, ready to predict on `device`.

    `pictures` below is always uint8 [B,H,W] of the card's `image_size`.
    """

    def __init__(self, network, card, device):
        self.card, self.device = card, device
        self.network = network.eval().to(device, memory_format=torch.channels_last)
        if card.task == "detector":
            self._anchors = efficientdet.anchors(network).to(device)

    @torch.inference_mode()
    def candidates(self, pictures):
        """Per picture (boxes float32 [K,4] xyxy in pixels of the network's input, scores float32 [K]), best first."""
        outputs = self.network(network_input(pictures, self.card, self.device))
        found = efficientdet.candidates(*outputs, self._anchors, self.card.image_size)
        return [(boxes.cpu().numpy(), scores.cpu().numpy()) for boxes, scores in found]

    @torch.inference_mode()
    def probabilities(self, pictures):
        """Class probabilities float32 [B,C] by the question they answer, a key of `HEADS`; each row sums to 1."""
        logits = self.network(network_input(pictures, self.card, self.device)).float()
        return {question: logits[:, part].softmax(dim=1).cpu().numpy()
                for question, part in HEADS[self.card.task].items()}


def open_model(path, device):
    """The model stored at `path` on torch `device`. Raises `BadWeights` naming what does not fit."""
    card, tensors = read_weights(path)
    network = build_network(card)
    wanted = network.state_dict()
    missing, extra = sorted(wanted.keys() - tensors.keys()), sorted(tensors.keys() - wanted.keys())
    if missing or extra:
        name, which = (missing[0], "lacks") if missing else (extra[0], "has an unknown")
        raise BadWeights(f"{path} {which} tensor {name!r} ({len(missing)} missing, {len(extra)} unknown), but must "
                         f"hold exactly those of {card.architecture}: name the weights' own architecture.")
    for name, tensor in tensors.items():
        if tensor.shape != wanted[name].shape:
            raise BadWeights(f"{path} holds {name} of shape {tuple(tensor.shape)}, but {card.architecture} has "
                             f"{tuple(wanted[name].shape)}: name the weights' own architecture.")
    network.load_state_dict(tensors)
    return Model(network, card, device)
