"""Where on a film classifiers looked: the evidence that each place of an inner feature map gave for one class.

HiResCAM (Draelos and Carin 2020, arXiv 2011.08891): the features of the last map before pooling, times the gradients
of the class's log-odds there, summed over the channels. Where pooling and one linear layer follow, as in the bundled
networks, and two classes are asked for, the parts add up to the log-odds but for a constant; Grad-CAM averages the
gradients first and does not promise that. Only evidence in favour is kept. It is coarse (one cell is 1/32 of the
network's input) and it is no segmentation: it says where the network drew on, not where disease is.

This module knows nothing of ground truth or of display.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from core.display import model_picture, resized
from core.errors import BadSettings, BadWeights
from core.weights import HEADS

QUESTIONS = {"opacity": "opacity", "negative": "study", "typical": "study", "indeterminate": "study",
             "atypical": "study"}  # class asked for -> the question it answers


@dataclass(frozen=True, eq=False)
class Attention:
    """What the networks `names` drew on for the class `asked`.

    `grid` is float32 [h,w], 0..1, 1 at the strongest place, all 0 where nothing speaks for the class. It lies over the
    whole original film: cell (row, column) covers x from column * W / w to (column + 1) * W / w and y from row * H / h
    to (row + 1) * H / h of a film of W x H pixels. `probability` is the mean of the networks' p(`asked`).
    """

    asked: str
    names: tuple[str, ...]
    grid: np.ndarray
    probability: float

    @property
    def title(self):
        """What the map is, in a few words to be shown wherever it is."""
        return f"HiResCAM, {', '.join(self.names)}, class {self.asked}; what raised this class, not where disease is"


def answering(models, asked):
    """Those of `models` (name -> `core.models.Model`) that know the class `asked`. Raises `BadSettings`, `BadWeights`.
    """
    if asked not in QUESTIONS:
        raise BadSettings(f"the class is {asked!r}, but must be one of {', '.join(QUESTIONS)}: choose among these.")
    able = {name: model for name, model in models.items()
            if QUESTIONS[asked] in HEADS.get(model.card.task, ())}
    if not able:
        raise BadWeights(f"none of the weights answers the question of {asked}, but a classifier must: name those of "
                         f"task {QUESTIONS[asked]} or joint.")
    return able


def attention(film, models, asked="opacity"):
    """The `Attention` for the class `asked` (a key of `QUESTIONS`), the mean over those of `models` that know it.

    `models` maps names to classifiers of `core.models.open_model(path, device)`, run by torch; `film` is a
    `core.film.Film`. Each network sees the whole film at its own size, as it does when predicting (view "plain").
    Raises `BadSettings` and `BadWeights`.
    """
    able, picture = answering(models, asked), model_picture(film)
    maps, probabilities = [], []
    for model in able.values():
        evidence, probability = evidence_of(model, resized(picture, model.card.image_size), asked)
        maps.append(evidence)
        probabilities.append(probability)
    return Attention(asked, tuple(able), unit(maps), float(np.mean(probabilities)))


def evidence_of(model, picture, asked):
    """(evidence float32 [h,w] for the class `asked`, in log-odds and of either sign; its probability).

    `picture` is uint8 [H,W] of the card's size. Raises `BadWeights` for a model that torch does not run.
    """
    from core.models import network_input

    if model.network is None:
        raise BadWeights(f"{model.card.architecture} was opened with runtime {model.runtime}, but gradients need "
                         "torch: open it with runtime torch.")
    part = HEADS[model.card.task][QUESTIONS[asked]]
    which = model.card.classes[part].index(asked)
    seen = network_input(picture[None], model.card, model.device)
    with torch.inference_mode(False), torch.no_grad():
        features = model.network.forward_features(seen)
    with torch.enable_grad():
        features = features.detach().requires_grad_()
        odds = log_odds(model.network.forward_head(features)[:, part].float(), which)
        evidence = contributions(features, odds)[0]
    return evidence.cpu().numpy(), float(odds.detach().sigmoid())


def log_odds(logits, which):
    """log p / (1 - p) [B] of class number `which` of softmax `logits` [B,C]."""
    others = torch.cat([logits[:, :which], logits[:, which + 1:]], dim=1)
    return logits[:, which] - others.logsumexp(dim=1)


def contributions(features, answer):
    """Features [B,C,h,w] times the gradients of `answer` [B] there, summed over the channels: float32 [B,h,w]."""
    gradients, = torch.autograd.grad(answer.sum(), features)
    return (gradients * features).sum(dim=1).detach().float()


def unit(maps):
    """One grid float32 of several maps [h,w]: what speaks for the class in each, on the finest grid, mean, 0..1."""
    height, width = (max(each.shape[axis] for each in maps) for axis in (0, 1))
    same = [cv2.resize(each.clip(0), (width, height), interpolation=cv2.INTER_LINEAR) for each in maps]
    mean = np.mean(same, axis=0, dtype=np.float32)
    return mean / mean.max() if mean.max() > 0 else mean
