"""The auxiliary task paints boxes, and leaves no trace in the classifier."""

import timm
import torch

from train.auxiliary import Aided, box_masks, mask_loss


def test_cells_are_covered_in_proportion():
    """A box over x 16..40, y 0..8 of a 64 x 32 picture, on a grid of 16-pixel cells (2 rows, 4 columns)."""
    box = torch.tensor([[16.0, 0.0, 40.0, 8.0]])
    expected = torch.tensor([[[0, 0.5, 0.25, 0], [0, 0, 0, 0]], [[0, 0, 0, 0], [0, 0, 0, 0]]])
    assert torch.equal(box_masks([box, torch.zeros(0, 4)], (32, 64), (2, 4)), expected)


def test_the_loss_is_small_only_where_the_boxes_are_painted():
    box = [torch.tensor([[0.0, 0.0, 32.0, 32.0]])]
    right = torch.full((1, 4, 4), -9.0)
    right[:, :2, :2] = 9.0
    assert mask_loss(right, box, (64, 64)) < 0.01
    assert mask_loss(-right, box, (64, 64)) > 5


def test_logits_are_those_of_the_bare_classifier():
    torch.manual_seed(0)
    classifier = timm.create_model("mobilenetv3_small_050", in_chans=1, num_classes=2).eval()
    painter = Aided(classifier, (64, 64), 1).eval()
    x = torch.randn(2, 1, 64, 64)
    logits, mask, features = painter(x)
    assert torch.allclose(logits, classifier(x), atol=1e-6)
    assert mask.shape == (2, 4, 4)
    assert [each.shape[2:] for each in features] == [(4, 4), (2, 2)]
