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


def test_boxes_are_decoded_as_effdet_decodes_them():
    from effdet.anchors import decode_box_outputs

    rng = torch.Generator().manual_seed(2)
    corner = 200 * torch.rand(9, 2, generator=rng)
    anchor_boxes = torch.cat([corner, corner + 5 + 90 * torch.rand(9, 2, generator=rng)], dim=1)
    codes = torch.randn(2, 4, 3, 3, generator=rng)
    boxes, logits = efficientdet.decoded([torch.zeros(2, 1, 3, 3)], [codes], anchor_boxes, (256, 320))
    flat = codes.permute(0, 2, 3, 1).reshape(2, 9, 4)
    for ours, theirs in zip(boxes, flat, strict=True):
        expected = decode_box_outputs(theirs, anchor_boxes, output_xyxy=True)
        limits = torch.tensor([320.0, 256.0, 320.0, 256.0])
        assert torch.allclose(ours, torch.minimum(expected.clamp(min=0), limits), atol=1e-3)
    assert logits.shape == (2, 9)
