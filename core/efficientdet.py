"""The only module that talks to effdet: its network, its anchors, its loss, and candidates from before its NMS.

effdet's own conventions end here: it trains on yxyx boxes with classes from 1 and predicts xyxy, all in pixels of
the network's input. What leaves this module is xyxy. It knows nothing of films or files.
"""

import warnings
from functools import cache

import torch
from torchvision.ops import nms

from core.errors import BadWeights

LOOSE_IOU = 0.9  # candidates that overlap more than this are one answer given by neighbouring anchors
SCORE_FLOOR = 0.01
MAX_CANDIDATES = 300
_TOP_ANCHORS = 2000


@cache
def _effdet():
    """The package, imported on first use: it takes seconds and warns of torch.jit, which it still decorates with."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=FutureWarning)
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        import effdet
        import effdet.anchors
        import effdet.loss
    return effdet


def build(architecture, image_size, channels, *, pretrained_backbone=False):
    """An EfficientDet for one class: `architecture` an effdet name, `image_size` (height, width).

    `pretrained_backbone` lets timm fetch the backbone's ImageNet weights. Raises `BadWeights` for a name or size
    that effdet does not know.
    """
    if any(side % 32 for side in image_size):
        raise BadWeights(f"image_size is {tuple(image_size)}, but an EfficientDet needs sides divisible by 32: "
                         "use 256, 320 or 512.")
    try:
        config = _effdet().get_efficientdet_config(architecture)
    except (KeyError, AttributeError):
        raise BadWeights(f"architecture is {architecture!r}, but must be an effdet name such as "
                         "tf_efficientdet_lite0: see effdet's model list.") from None
    config.image_size = tuple(image_size)
    config.num_classes = 1
    config.backbone_args.in_chans = channels
    return _effdet().EfficientDet(config, pretrained_backbone=pretrained_backbone)


class DetectionLoss(torch.nn.Module):
    """effdet's focal and Huber loss on its own anchors, for boxes given the way of this project."""

    def __init__(self, network):
        super().__init__()
        self.anchors = _effdet().anchors.Anchors.from_config(network.config)
        self._labeler = _effdet().anchors.AnchorLabeler(self.anchors, num_classes=1, match_threshold=0.5)
        self._loss = _effdet().loss.DetectionLoss(network.config)

    def forward(self, class_out, box_out, boxes):
        """Loss, class loss and box loss (scalars) for the raw outputs and `boxes`.

        `boxes` is a list with one float tensor [N,4] per picture, xyxy in pixels of the network's input; N may be 0.
        """
        yxyx = [each[:, [1, 0, 3, 2]] for each in boxes]
        classes = [torch.ones(len(each), device=each.device) for each in boxes]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Converting a tensor with requires_grad")
            targets = self._labeler.batch_label_anchors(yxyx, classes)
            return self._loss([c.float() for c in class_out], [b.float() for b in box_out], *targets)


def anchors(network):
    """The network's anchor boxes, float32 [A,4] yxyx, as effdet decodes against them."""
    return _effdet().anchors.Anchors.from_config(network.config).boxes


def decoded(class_out, box_out, anchor_boxes, image_size):
    """Boxes float32 [B,A,4] (xyxy, pixels of the network's input, clipped to it) and logits [B,A] of every anchor.

    `class_out` and `box_out` are the network's raw outputs, level by level [B,k,h,w]; `anchor_boxes` come from
    `anchors`, `image_size` is (height, width). The code of a box is that of Ren et al. 2015 (arXiv 1506.01497, eq. 2).
    Written for the whole batch at once, so that no number of pictures is fixed when it is traced.
    """
    logits = torch.cat([each.float().permute(0, 2, 3, 1).flatten(1) for each in class_out], dim=1)
    codes = torch.cat([each.float().permute(0, 2, 3, 1).flatten(1).unflatten(1, (-1, 4)) for each in box_out], dim=1)
    y_min, x_min, y_max, x_max = anchor_boxes.unbind(1)
    down, right, tall, wide = codes.unbind(2)  # in units of the anchor's sides, the latter two as logarithms
    y, x = down * (y_max - y_min) + (y_min + y_max) / 2, right * (x_max - x_min) + (x_min + x_max) / 2
    half_y, half_x = tall.exp() * (y_max - y_min) / 2, wide.exp() * (x_max - x_min) / 2
    boxes = torch.stack([x - half_x, y - half_y, x + half_x, y + half_y], dim=2)
    height, width = image_size
    upper = torch.tensor([width, height, width, height], dtype=torch.float32, device=boxes.device)
    return torch.minimum(boxes.clamp(min=0), upper), logits


def candidates(boxes, logits):
    """Per picture the boxes float32 [K,4] and scores [K], best first, of what `decoded` gave.

    Taken before effdet's own NMS, which is fixed at IoU 0.5: only near-identical answers are merged here.
    """
    found = []
    for all_boxes, scores in zip(boxes, logits.sigmoid(), strict=True):
        scores, rows = scores.topk(min(_TOP_ANCHORS, len(scores)))
        kept = scores >= SCORE_FLOOR
        scores, some = scores[kept], all_boxes[rows[kept]]
        first = nms(some, scores, LOOSE_IOU)[:MAX_CANDIDATES]
        found.append((some[first], scores[first]))
    return found
