"""The quick depthwise gradients are PyTorch's own, to the precision of bfloat16."""

import pytest
import torch
from timm.layers import Conv2dSame

from train.depthwise import quicken

CASES = [
    ("5x5, stride 1, padded", lambda: torch.nn.Conv2d(24, 24, 5, padding=2, groups=24, bias=False), 1),
    ("5x5, stride 2, same padding", lambda: Conv2dSame(24, 24, 5, stride=2, groups=24, bias=False), 1),
    ("3x3, stride 2, same padding", lambda: Conv2dSame(16, 16, 3, stride=2, groups=16, bias=False), 1),
    ("3x3, stride 2, odd size and padded", lambda: torch.nn.Conv2d(16, 16, 3, 2, 1, groups=16, bias=False), 1),
    ("3x3, stride 1: PyTorch's own is as fast", lambda: torch.nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False), 0),
    ("not depthwise", lambda: torch.nn.Conv2d(8, 8, 5, 2, bias=False), 0),
]


@pytest.mark.parametrize(("reason", "make", "count"), CASES, ids=[case[0] for case in CASES])
def test_gradients_are_those_of_float32(reason, make, count):
    torch.manual_seed(0)
    module = make()
    x = torch.randn(5, module.in_channels, 19, 22).to(torch.bfloat16).float().requires_grad_()
    with torch.no_grad():
        module.weight.copy_(module.weight.to(torch.bfloat16))
    expected_out = module(x)
    grad = torch.randn_like(expected_out).to(torch.bfloat16).float()
    expected = torch.autograd.grad(expected_out, [x, module.weight], grad)

    assert quicken(module) == count
    with torch.autocast("cpu", torch.bfloat16):
        out = module(x)
    found = torch.autograd.grad(out, [x, module.weight], grad.to(out.dtype))

    assert torch.allclose(out.float(), expected_out, rtol=0.02, atol=0.02)
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours - theirs).abs().max() < 0.01 * theirs.abs().max()


def test_eval_and_float32_use_the_modules_own_forward():
    module = torch.nn.Conv2d(4, 4, 5, padding=2, groups=4, bias=False)
    x = torch.randn(1, 4, 9, 9)
    before = module(x)
    quicken(module)
    assert torch.equal(module(x), before)
    module.eval()
    with torch.autocast("cpu", torch.bfloat16):
        assert module(x).dtype == torch.bfloat16
