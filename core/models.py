"""The models: opacity detector, opacity classifier, study classifier, or both in one, opened from a weights file.

A model maps grey pictures (uint8, as `dicom.model_picture` makes them, resized to the card's size) to numbers. It
knows nothing of files of images.
"""

import numpy as np
import torch

from core import efficientdet, runtime
from core.errors import BadWeights
from core.weights import HEADS, read_card, read_weights


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
    import timm  # on first use: it takes seconds, and a graph from the cache does without

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


class Answers(torch.nn.Module):
    """A network with what goes before and after it: uint8 pictures [B,H,W] to a tuple of float32 tensors.

    Of a detector they are the boxes [B,A,4] and logits [B,A] of every anchor, of a classifier the logits [B,C].
    """

    def __init__(self, network, card):
        super().__init__()
        self.network, self.card = network, card
        if card.task == "detector":
            self.register_buffer("anchors", efficientdet.anchors(network), persistent=False)

    def forward(self, pictures):
        seen = network_input(pictures, self.card, pictures.device)
        if self.card.task == "detector":
            return efficientdet.decoded(*self.network(seen), self.anchors, self.card.image_size)
        return (self.network(seen).float(),)


class Model:
    """A network with its card, ready to predict on `device`; `session` computes instead of it where there is one.

    `pictures` below is always uint8 [B,H,W] of the card's `image_size`. `runtime` is "torch" or "onnx"; `remark` says
    in a sentence what else than asked for was done, or is empty.
    """

    def __init__(self, network, card, device, *, session=None, remark=""):
        self.card, self.device, self.network, self._session, self.remark = card, device, network, session, remark
        self.runtime = "torch" if session is None else "onnx"
        if session is None:
            self.network = network.eval().to(device, memory_format=torch.channels_last)
            self._answers = Answers(self.network, card).eval().to(device)

    def _outputs(self, pictures):
        """What `Answers` gives for the pictures (array or tensor). Raises `BadWeights` where that is no number."""
        if self._session is not None:
            found = [torch.from_numpy(each) for each in self._session(np.asarray(pictures))]
        else:
            found = self._answers(torch.as_tensor(pictures).to(self.device))
        if any(each.isnan().any() for each in found):
            raise BadWeights(f"weights for {self.card.task} ({self.card.architecture}) answer NaN to a film, but "
                             "answers must be numbers: take an earlier checkpoint.")
        return found

    @torch.inference_mode()
    def candidates(self, pictures):
        """Per picture (boxes float32 [K,4] xyxy in pixels of the network's input, scores float32 [K]), best first."""
        return [(boxes.cpu().numpy(), scores.cpu().numpy())
                for boxes, scores in efficientdet.candidates(*self._outputs(pictures))]

    @torch.inference_mode()
    def probabilities(self, pictures):
        """Class probabilities float32 [B,C] by the question they answer, a key of `HEADS`; each row sums to 1."""
        logits, = self._outputs(pictures)
        return {question: logits[:, part].softmax(dim=1).cpu().numpy()
                for question, part in HEADS[self.card.task].items()}


def open_model(path, device, how="torch"):
    """The model stored at `path` on torch `device`, computed as `how` of `runtime.RUNTIMES` says.

    Raises `BadWeights` naming what does not fit, and `BadSettings` where `how` is not possible.
    """
    if runtime.chosen(how, device) == "torch":
        return Model(*_filled(path), device)
    card = read_card(path)
    try:
        session = runtime.session(path, lambda: Answers(*_filled(path)).eval(), card.image_size)
    except runtime.NoGraph as error:
        said = f"{path} cannot be run by ONNX Runtime: {error}"
        if how == "onnx":
            raise BadWeights(f"{said}, but runtime onnx needs a graph that answers alike: use runtime torch.") from None
        return Model(*_filled(path), device, remark=f"{said}; torch is used, which is slower.")
    return Model(None, card, device, session=session, remark=session.remark)


def _filled(path):
    """The network stored at `path`, and its card. Raises `BadWeights`."""
    card, tensors = read_weights(path)
    _compare(path, card, tensors, _outline(card))
    network = build_network(card)
    _compare(path, card, tensors, network.state_dict())
    network.load_state_dict(tensors)
    return network, card


def _outline(card):
    """The tensors of a classifier's network without their numbers, as a card may name one of many gigabytes."""
    if card.task == "detector":
        return None
    with torch.device("meta"):
        return build_network(card).state_dict()


def _compare(path, card, tensors, wanted):
    """Raises `BadWeights` unless `tensors` have the names and shapes of `wanted`; None is not compared."""
    if wanted is None:
        return
    missing, extra = sorted(wanted.keys() - tensors.keys()), sorted(tensors.keys() - wanted.keys())
    if missing or extra:
        name, which = (missing[0], "lacks") if missing else (extra[0], "has an unknown")
        raise BadWeights(f"{path} {which} tensor {name!r} ({len(missing)} missing, {len(extra)} unknown), but must "
                         f"hold exactly those of {card.architecture}: name the weights' own architecture.")
    for name, tensor in tensors.items():
        if tensor.shape != wanted[name].shape:
            raise BadWeights(f"{path} holds {name} of shape {tuple(tensor.shape)}, but {card.architecture} has "
                             f"{tuple(wanted[name].shape)}: name the weights' own architecture.")
