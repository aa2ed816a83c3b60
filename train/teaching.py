"""A teacher that sees the opacity boxes painted on the film, and how a student is pulled towards its feature maps.

Three steps make a classifier: the teacher is trained on painted films (`paint`), the student on plain ones while its
inner feature maps are drawn to those the teacher makes of the same film, painted (`teacher`), and the student goes on
alone at a lower rate (`pretrained`).
"""

import numpy as np
import torch

from core.errors import BadSettings
from core.models import network_input, open_model
from train.auxiliary import TAUGHT
from train.pretrained import weights_file

_WHITE = 255


def painted(pictures, targets, alpha):
    """`pictures` uint8 [B,S,S] with boxes laid over them in white of opacity `alpha`, 0..1.

    `targets` holds (weight, boxes, ...) as a `Batch` does: `boxes` a list of B float32 [N,4], xyxy in pixels of the
    picture, painted at `weight` times `alpha`. A pixel that several boxes of a list cover is painted once.
    """
    pictures = pictures.copy()
    for row in {row for _, boxes, *_ in targets for row, each in enumerate(boxes) if len(each)}:
        cover = sum(weight * _covered(boxes[row], pictures.shape[1:]) for weight, boxes, *_ in targets) * alpha
        pictures[row] = np.rint(pictures[row] + (_WHITE - pictures[row]) * cover)
    return pictures


def _covered(boxes, shape):
    """float32 [S,S]: 1 where one of `boxes` [N,4] lies, to the nearest whole pixel."""
    cover = np.zeros(shape, np.float32)
    for x_min, y_min, x_max, y_max in np.rint(boxes).astype(int):
        cover[y_min:y_max, x_min:x_max] = 1
    return cover


def shown(films, rows, alpha):
    """Pictures uint8 [B,S,S] of `rows` of `films` as a network sees them that is painted for at `alpha` (0: plain)."""
    pictures = films.pictures[rows]
    return painted(pictures, [(1.0, [films.boxes_of(row) for row in rows])], alpha) if alpha else pictures


class Teacher:
    """The trained teacher that `settings` name, for a student whose card is `student`.

    Raises `BadSettings` when it saw no painted boxes, patients that are held out, or films of another size.
    """

    def __init__(self, settings, student):
        path = weights_file(settings.teacher, settings)
        self._model = open_model(path, torch.device("cpu"))
        card = self._model.card
        if not card.paint:
            raise BadSettings(f"teacher is {path}, whose films had no boxes painted on them, but a teacher must see "
                              "them: train one with --paint 0.3.")
        for name in ("task", "architecture", "image_size", "channels"):
            theirs, ours = getattr(card, name), getattr(student, name)
            if theirs != ours:
                raise BadSettings(f"the teacher's {name} is {theirs}, but must be the student's ({ours}), since their "
                                  "feature maps are compared: train one or the other anew.")

    @torch.no_grad()
    def features(self, pictures, targets, device):
        """Its inner feature maps of `pictures` uint8 [B,S,S], on which it sees the boxes of `targets` painted."""
        card, network = self._model.card, self._model.network.to(device)
        seen = painted(pictures, targets, card.paint)
        return network.forward_intermediates(network_input(seen, card, device), TAUGHT, intermediates_only=True)


def unlikeness(ours, theirs):
    """How far feature maps are from the teacher's: the mean of 1 - r over channels and maps, 0..2, a scalar.

    r is the correlation of a channel [B,h,w] of ours with the same one of theirs, over films and places. It needs no
    scale, so one weight serves every network.
    """
    return torch.stack([(1 - _correlation(own, other)).mean() for own, other in zip(ours, theirs, strict=True)]).mean()


def _correlation(ours, theirs):
    """Pearson's r [C] of two maps [B,C,h,w]."""
    ours, theirs = (each.float().transpose(0, 1).flatten(1) for each in (ours, theirs))
    ours, theirs = (each - each.mean(dim=1, keepdim=True) for each in (ours, theirs))
    return torch.nn.functional.cosine_similarity(ours, theirs, dim=1, eps=1e-6)
