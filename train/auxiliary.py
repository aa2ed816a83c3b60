"""Auxiliary tasks for classifiers: to paint the opacity boxes from an inner feature map, and to show inner maps at all.

They tell the network where to look and are dropped when the weights are saved. The winners of the competition used a
segmentation of the box mask in this way.
"""

from typing import NamedTuple

import torch
from torch.nn import functional

TAUGHT = (3, 4)  # the feature maps a teacher is followed in: strides 16 and 32, in timm's numbering
_PAINTED_FROM = 3


class Outputs(NamedTuple):
    """Of an `Aided` classifier: logits [B,C], mask logits [B,h,w] or None, and the feature maps of `TAUGHT`."""

    logits: torch.Tensor
    mask: torch.Tensor | None
    features: list


class Aided(torch.nn.Module):
    """A timm `classifier` that gives `Outputs`; when it `paints`, a 1x1 head on its stride-16 features makes the mask.

    `image_size` is (height, width) of its input in pixels.
    """

    def __init__(self, classifier, image_size, channels, *, paints=True):
        super().__init__()
        self.classifier = classifier
        with torch.no_grad():
            inner = classifier.eval().forward_intermediates(torch.zeros(1, channels, *image_size), TAUGHT)[1]
        self.painter = torch.nn.Conv2d(inner[TAUGHT.index(_PAINTED_FROM)].shape[1], 1, 1) if paints else None

    def forward(self, x):
        features, inner = self.classifier.forward_intermediates(x, TAUGHT)
        mask = self.painter and self.painter(inner[TAUGHT.index(_PAINTED_FROM)]).squeeze(1)
        return Outputs(self.classifier.forward_head(features), mask, inner)


def box_masks(boxes, image_size, shape):
    """How much of each cell of a grid is covered by boxes, float32 [B,h,w] in 0..1.

    `boxes` is a list of B tensors [N,4], xyxy in pixels of a picture of `image_size` (height, width); `shape` is
    (h, w) of the grid. Where boxes overlap the larger coverage counts.
    """
    (height, width), (rows, columns) = image_size, shape
    masks = []
    for each in boxes:
        y, x = torch.arange(rows, device=each.device), torch.arange(columns, device=each.device)
        x_min, y_min, x_max, y_max = (each * each.new_tensor([columns / width, rows / height] * 2)).T.unsqueeze(-1)
        down = (torch.minimum(y_max, y + 1) - torch.maximum(y_min, y)).clamp(0, 1)  # [N,h]
        across = (torch.minimum(x_max, x + 1) - torch.maximum(x_min, x)).clamp(0, 1)  # [N,w]
        covered = down.unsqueeze(2) * across.unsqueeze(1)  # [N,h,w]
        masks.append(covered.amax(dim=0) if len(each) else covered.new_zeros(rows, columns))
    return torch.stack(masks)


def mask_loss(mask_logits, boxes, image_size):
    """Mean binary cross-entropy plus one minus the Dice overlap of painted and true boxes, a scalar."""
    target = box_masks(boxes, image_size, mask_logits.shape[1:])
    logits = mask_logits.float()
    painted = logits.sigmoid()
    dice = (2 * (painted * target).sum() + 1) / (painted.sum() + target.sum() + 1)
    return functional.binary_cross_entropy_with_logits(logits, target) + 1 - dice
