"""The adapter to effdet: input sizes, anchors that lie where the boxes do, corners in and out."""

import pytest
import torch

from core import efficientdet
from core.errors import BadWeights


def network(size):
    return efficientdet.build("tf_efficientdet_lite0", size, 1).eval()


def test_a_side_that_the_coarsest_level_does_not_divide_still_fits_its_anchors():
    size = (96, 160)  # 160 / 128 is no whole number
    bare = network(size)
    with torch.inference_mode():
        outputs = bare(torch.zeros(1, 1, *size))
    anchors = efficientdet.anchors(bare)
    assert sum(level[0].numel() for level in outputs[0]) == len(anchors)
    centres = (anchors[:, :2] + anchors[:, 2:]) / 2  # yxyx
    assert (centres > 0).all() and (centres < torch.tensor(size)).all()
    sure = [level + 5 for level in outputs[0]]  # an untrained network says nothing above the least score
    (boxes, scores), = efficientdet.candidates(*efficientdet.decoded(sure, outputs[1], anchors, size))
    assert len(boxes) and len(scores) == len(boxes) and boxes[:, 2].max() <= 160 and boxes[:, 3].max() <= 96


def test_other_sides_are_refused_with_one_that_fits():
    with pytest.raises(BadWeights, match="divisible by 32"):
        network((100, 160))
