"""Depthwise convolutions whose gradients are quick on the CPU.

PyTorch's backward pass of a 5x5 or strided depthwise convolution takes half the time of a training step here; one
pass over the rows that makes both gradients takes a tenth of that (`python -m benchmarks training`). The forward
pass stays PyTorch's. Everything is bfloat16 with float32 sums, in memory order N, H, W, C. Parts are dealt to threads
by `core.parallel`: numba's own parallel loops would change the number of OpenMP threads that PyTorch sums with.
"""

from types import MethodType

import numpy as np
import torch
from numba import njit
from timm.layers import pad_same
from torch.nn import functional

from core.parallel import over_films

_PARTS = 8  # fixed, so that sums do not depend on the number of threads


@njit(fastmath=True, cache=True, nogil=True)
def _widen(narrow, wide):
    """bfloat16 rows [W,C] (their bits, uint16) as the bits of float32 in `wide` uint32 [W,C]."""
    for a in range(narrow.shape[0]):
        for c in range(narrow.shape[1]):
            wide[a, c] = np.uint32(narrow[a, c]) << 16


@njit(fastmath=True, cache=True, nogil=True)
def _narrow(wide, narrow):
    """float32 rows (their bits, uint32 [W,C]) as bfloat16 bits, rounded to nearest, ties to even."""
    for a in range(wide.shape[0]):
        for c in range(wide.shape[1]):
            bits = wide[a, c]
            narrow[a, c] = np.uint16((bits + np.uint32(0x7FFF) + ((bits >> 16) & np.uint32(1))) >> 16)


@njit(fastmath=True, cache=True, nogil=True)
def _film(x, g, w, stride, want_x, gx, gw, rows, grad, sums):
    """Gradients of one film: `gw` [k,k,C] is added to, `gx` [H,W,C] (bits) is written when `want_x`."""
    kernel, height = w.shape[0], x.shape[0]
    held = np.full(kernel, -1, np.int64)  # which row of x stands in each place of the ring
    values, gradient = rows.view(np.float32), grad.view(np.float32)
    sums[:] = 0
    for y in range(g.shape[0]):
        _widen(g[y], grad)
        for i in range(kernel):
            row = y * stride + i
            place = row % kernel
            if held[place] != row:
                _widen(x[row], rows[place])
                held[place] = row
            for column in range(g.shape[1]):
                for j in range(kernel):
                    for c in range(w.shape[2]):
                        gw[i, j, c] += values[place, column * stride + j, c] * gradient[column, c]
                        if want_x:
                            sums[place, column * stride + j, c] += w[i, j, c] * gradient[column, c]
        if want_x:
            end = height if y == g.shape[0] - 1 else (y + 1) * stride
            for row in range(y * stride, end):
                if row < y * stride + kernel:
                    _narrow(sums[row % kernel].view(np.uint32), gx[row])
                    sums[row % kernel] = 0
                else:
                    gx[row] = 0


@njit(fastmath=True, cache=True, nogil=True)
def _gradients(first, last, x, g, w, stride, want_x, gx, gw):
    """Gradients of the parts first..last of the films, film f being of part f mod P.

    x, gx [N,H,W,C] and g [N,h,w,C] as bfloat16 bits, w [k,k,C] float32; gw [P,k,k,C] float32, to be summed.
    """
    for part in range(first, last):
        rows = np.zeros((w.shape[0], x.shape[2], x.shape[3]), np.uint32)
        grad = np.zeros((g.shape[2], g.shape[3]), np.uint32)
        sums = np.zeros((w.shape[0], x.shape[2], x.shape[3]), np.float32)
        for film in range(part, x.shape[0], gw.shape[0]):
            _film(x[film], g[film], w, stride, want_x, gx[film if want_x else 0], gw[part], rows, grad, sums)


def _bits(tensor):
    return tensor.permute(0, 2, 3, 1).contiguous().view(torch.uint16).numpy()


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, stride):
        ctx.save_for_backward(x, weight)
        ctx.stride = stride
        return functional.conv2d(x, weight, None, stride, 0, 1, x.shape[1])

    @staticmethod
    def backward(ctx, gradient):
        x, weight = ctx.saved_tensors
        stride, kernel, channels = ctx.stride, weight.shape[2], x.shape[1]
        taps = weight[:, 0].float().permute(1, 2, 0).contiguous().numpy()  # [k,k,C]
        sums = np.zeros((_PARTS, kernel, kernel, channels), np.float32)
        strided = stride > 1
        n, _, height, width = x.shape
        into = np.empty((n, height, width, channels) if strided else (1, 1, 1, 1), np.uint16)
        work = np.linspace(0, x.numel(), _PARTS + 1).astype(np.int64)
        over_films(_gradients, work, _bits(x), _bits(gradient), taps, stride, strided, into, sums)
        if strided:
            to_x = torch.from_numpy(into).view(torch.bfloat16).permute(0, 3, 1, 2)
        else:  # a stride of 1 is undone by the forward kernel with its taps reversed, which PyTorch does fast
            to_x = functional.conv2d(gradient, weight.flip(2, 3), None, 1, kernel - 1, 1, channels)
        to_weight = torch.from_numpy(sums.sum(axis=0)).permute(2, 0, 1).unsqueeze(1)
        return to_x, to_weight.to(weight.dtype), None


def _forward(module, x):
    """Stands in for a depthwise module's own forward while it is trained under bf16 autocast on the CPU."""
    if not (module.training and torch.is_autocast_enabled("cpu") and x.device.type == "cpu"):
        return type(module).forward(module, x)
    x, weight = x.to(torch.bfloat16), module.weight.to(torch.bfloat16)
    stride, padding = module.stride[0], module.padding
    if type(module).__name__ == "Conv2dSame":
        x = pad_same(x, module.weight.shape[-2:], module.stride, module.dilation)
    elif padding != (0, 0):
        x = functional.pad(x, (padding[1], padding[1], padding[0], padding[0]))
    return _Depthwise.apply(x, weight, stride)


def quicken(network):
    """Give the depthwise modules of `network` that gain by it the quick backward; returns how many there are.

    The modules, their parameters and the results of the forward pass stay what they were.
    """
    slow = [module for module in network.modules() if isinstance(module, torch.nn.Conv2d) and _gains(module)]
    for module in slow:
        module.forward = MethodType(_forward, module)
    return len(slow)


def _gains(module):
    depthwise = module.groups == module.in_channels == module.out_channels > 1
    plain = module.bias is None and module.dilation == (1, 1) and module.stride[0] == module.stride[1]
    known_padding = type(module).__name__ == "Conv2dSame" or isinstance(module.padding, tuple)
    return depthwise and plain and known_padding and (module.kernel_size[0] > 3 or module.stride[0] > 1)
