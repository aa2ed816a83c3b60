"""Sharpness-aware minimisation (Foret et al. 2021, arXiv 2010.01412): gradients from the worst point nearby.

The first pass over a batch gives the direction in which the loss rises most; the gradients of the second pass, taken
`rho` along it, are those the optimizer steps by. There is no state, so resuming needs nothing of it.
"""

from contextlib import contextmanager

import torch


@contextmanager
def climbed(network, rho):
    """Inside the block the weights of `network` stand at w + rho g / |g|, g being their gradients on entry.

    On leaving they are what they were, bit for bit, and so are buffers such as running means; gradients are left as
    the block made them.
    """
    weights = [each for each in network.parameters() if each.grad is not None]
    before = [each.detach().clone() for each in weights]
    buffers = [(each, each.clone()) for each in network.buffers()]
    with torch.no_grad():
        length = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(each.grad) for each in weights]))
        for each in weights:
            each.add_(each.grad * (rho / (length + 1e-12)))
    try:
        yield
    finally:
        with torch.no_grad():
            for each, value in [*zip(weights, before, strict=True), *buffers]:
                each.copy_(value)
