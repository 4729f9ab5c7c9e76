"""Cases of the area `nn` that run single operations.

Gradients are those of the sum of the result: what comes from above is a tensor
of ones, made in every repetition as on our side.
"""

import torch
from torch.nn import functional as F
from torch.nn.grad import conv2d_input, conv2d_weight
from torchvision import ops

BOTH = ("default", "channels_last")
DEFAULT = ("default",)

BATCH = 4
# The U-Net's 3 x 3 convolutions but the first: inputs, outputs, side.
UNET = [
    *[(16, 16, 128)] * 2,
    *[(16, 32, 64), (32, 32, 64), (32, 32, 64)],
    *[(32, 64, 32), (64, 64, 32), (64, 64, 32)],
    *[(64, 128, 16), (128, 128, 16), (128, 128, 16)],
    *[(128, 64, 32), (64, 64, 32), (64, 64, 32)],
    *[(64, 32, 64), (32, 32, 64), (32, 32, 64)],
    *[(32, 16, 128), (16, 16, 128), (16, 16, 128)],
]
WIDE = [(64, 64, 128)]
# The U-Net's transposed convolutions.
UP = [(128, 64, 16), (64, 32, 32), (32, 16, 64)]


def convolutions(shapes, part, runs):
    """All convolutions in turn; `part` is forward, grad-x or grad-w."""

    def case(layout):
        layers = []
        for i, o, side in shapes:
            x = torch.rand(BATCH, i, side, side).to(memory_format=layout)
            w = torch.rand(o, i, 3, 3).sub(0.5).to(memory_format=layout)
            g = torch.rand(BATCH, o, side, side).to(memory_format=layout)
            layers.append((x, w, g))

        def work():
            with torch.no_grad():
                for x, w, g in layers:
                    if part == "forward":
                        F.conv2d(x, w, padding=1)
                    elif part == "grad-x":
                        conv2d_input(x.shape, w, g, padding=1)
                    else:
                        conv2d_weight(x, w.shape, g, padding=1)

        return work, sum(x.numel() for x, _, _ in layers), *runs

    return case, BOTH


def gradients(y):
    y.backward(torch.ones_like(y))


def transposed(layout):
    layers = []
    for i, o, side in UP:
        x = torch.rand(BATCH, i, side, side).to(memory_format=layout).requires_grad_()
        w = torch.rand(i, o, 2, 2).sub(0.5).to(memory_format=layout).requires_grad_()
        layers.append((x, w, torch.zeros(o, requires_grad=True)))

    def work():
        for x, w, b in layers:
            x.grad = w.grad = b.grad = None
            gradients(F.conv_transpose2d(x, w, b, stride=2))

    return work, sum(x.numel() for x, _, _ in layers), 3, 20


def unary(function, shape, runs):
    """Forward and backward of an operation on one tensor."""

    def case(layout):
        x = torch.rand(shape).sub(0.5).to(memory_format=layout).requires_grad_()

        def work():
            x.grad = None
            gradients(function(x))

        return work, x.numel(), *runs

    return case, BOTH


def batch_norm(layout):
    x = torch.rand(BATCH, 64, 128, 128).to(memory_format=layout).requires_grad_()
    norm = torch.nn.BatchNorm2d(64).train()

    def work():
        x.grad = norm.weight.grad = norm.bias.grad = None
        gradients(norm(x))

    return work, x.numel(), 3, 20


def attention(backward, runs):
    def case(_):
        q, k, v = (torch.rand(1, 8, 1024, 32).sub(0.5).requires_grad_(backward) for _ in range(3))

        def work():
            q.grad = k.grad = v.grad = None
            y = F.scaled_dot_product_attention(q, k, v)
            if backward:
                gradients(y)

        return work, 3 * q.numel(), *runs

    return case, DEFAULT


def boxes(count, spread, size):
    """Corners in whole numbers, the same on our side."""
    i = torch.arange(count)
    x, y = i * 7919 % spread, i * 104729 % spread
    return torch.stack([x, y, x + 10 + i * 31 % size, y + 10 + i * 17 % size], 1).float()


def roi_align(layout):
    x = torch.rand(1, 256, 128, 128).to(memory_format=layout)
    rois = torch.cat([torch.zeros(512, 1), boxes(512, 389, 113)], 1)

    def work():
        with torch.inference_mode():
            ops.roi_align(x, rois, (7, 7), spatial_scale=0.25, sampling_ratio=2)

    return work, x.numel(), 2, 10


def nms(_):
    rectangles = boxes(5000, 997, 79)
    scores = torch.arange(5000) * 7907 % 5003 / 5003
    kept = len(ops.nms(rectangles, scores, 0.5))
    return lambda: ops.nms(rectangles, scores, 0.5), kept, 2, 15


CASES = {
    "conv3x3-forward": convolutions(UNET, "forward", (3, 15)),
    "conv3x3-grad-x": convolutions(UNET, "grad-x", (3, 15)),
    "conv3x3-grad-w": convolutions(UNET, "grad-w", (3, 15)),
    "conv64-forward": convolutions(WIDE, "forward", (3, 15)),
    "conv64-grad-x": convolutions(WIDE, "grad-x", (3, 15)),
    "conv64-grad-w": convolutions(WIDE, "grad-w", (3, 15)),
    "conv-transpose": (transposed, BOTH),
    "max-pool": unary(lambda x: F.max_pool2d(x, 2), (BATCH, 64, 128, 128), (3, 20)),
    "resize": unary(
        lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"), (BATCH, 64, 64, 64), (3, 20)
    ),
    "batch-norm": (batch_norm, BOTH),
    "attention": attention(False, (3, 15)),
    "attention-train": attention(True, (3, 15)),
    "roi-align": (roi_align, BOTH),
    "nms": (nms, DEFAULT),
}
