"""A frozen backbone: for the first steps of a run only what follows it is trained.

Random heads would otherwise pull pretrained features about. The batch norms of the frozen part use their running
statistics and leave them as they are.
"""

import torch

_NORMS = torch.nn.modules.batchnorm._BatchNorm


def backbone(bare):
    """The modules of the `bare` network, each by itself, that come with pretrained weights.

    A detector's backbone; all of a timm classifier but its last layer.
    """
    if hasattr(bare, "backbone"):
        return list(bare.backbone.modules())
    head = set(bare.get_classifier().modules())
    return [module for module in bare.modules() if module not in head]


def set_frozen(bare, frozen):
    """Freeze the backbone of the `bare` network, or set it free; afterwards its batch norms are in the fitting mode."""
    for module in backbone(bare):
        for weight in module.parameters(recurse=False):
            weight.requires_grad_(not frozen)
        if isinstance(module, _NORMS):
            module.train(not frozen)
