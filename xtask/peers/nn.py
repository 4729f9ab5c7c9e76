"""The peer of the area `nn`: PyTorch, f32, on the CPU, in its default layout.

Networks: the U-Net of `mapvec_models::UNet`: stages of three convolutions 3x3
without bias, batch norm, ReLU; max pooling by 2; back up by transposed
convolutions 2x2 and concatenation; 1x1 head. A training step is forward,
cross-entropy, backward, AdamW. `features-train` has widths 64, 128, 256.

Layers: forward without gradients; `input`, `weight` and `backward` are the
gradients alone of a recorded forward pass. The check is the number of
parameters, or of values of inputs and weights.
"""

import os

import torch
from torch import nn
from torch.nn import functional as F

from measure import THREADS, measure

WIDTHS = (16, 32, 64, 128)
CLASSES = 2


def stage(inputs, outputs):
    """Three times convolution, norm, ReLU."""
    layers = []
    for i in (inputs, outputs, outputs):
        layers += [nn.Conv2d(i, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


class UNet(nn.Module):
    def __init__(self, widths):
        super().__init__()
        self.down = nn.ModuleList(stage(i, o) for i, o in zip((3, *widths[:-1]), widths))
        steps = [(widths[k + 1], widths[k]) for k in reversed(range(len(widths) - 1))]
        self.upsample = nn.ModuleList(nn.ConvTranspose2d(i, o, 2, 2) for i, o in steps)
        self.up = nn.ModuleList(stage(2 * o, o) for _, o in steps)
        self.head = nn.Conv2d(widths[0], CLASSES, 1)

    def forward(self, x):
        skips = []
        for level, block in enumerate(self.down):
            x = block(x if level == 0 else F.max_pool2d(x, 2))
            skips.append(x)
        skips.pop()
        for upsample, block in zip(self.upsample, self.up):
            x = block(torch.cat([upsample(x), skips.pop()], 1))
        return self.head(x)


def training(case, widths, batch, side):
    net = UNet(widths).train()
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3)
    pictures = torch.rand(batch, 3, side, side) - 0.5
    labels = torch.randint(0, CLASSES, (batch, side, side))

    def step():
        loss = F.cross_entropy(net(pictures), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    measure(case, step, sum(p.numel() for p in net.parameters()), repetitions=9, warm_up=3)


def inference(case, widths, batch, side):
    net = UNet(widths).eval()
    pictures = torch.rand(batch, 3, side, side) - 0.5

    def step():
        with torch.inference_mode():
            net(pictures)

    measure(case, step, sum(p.numel() for p in net.parameters()), repetitions=15, warm_up=3)


def layers(case, what, cases):
    """`cases`: function of x and w, and both."""
    check = sum(x.numel() + w.numel() for _, x, w in cases)
    if what == "forward":

        def step():
            with torch.inference_mode():
                for function, x, w in cases:
                    function(x, w)

    else:
        recorded = []
        for function, x, w in cases:
            x = x.clone().requires_grad_(what != "weight")
            w = w.clone().requires_grad_(what != "input")
            y = function(x, w)
            wanted = [t for t in (x, w) if t.requires_grad]
            recorded.append((y, wanted, torch.ones_like(y)))

        def step():
            for y, wanted, ones in recorded:
                torch.autograd.grad(y, wanted, ones, retain_graph=True, allow_unused=True)

    measure(case, step, check, repetitions=11, warm_up=3)


def norm(x, w):
    c = w.shape[0] // 2
    return F.relu(F.batch_norm(x, None, None, w[:c], w[c:], training=True))


UNET_CONVS = (
    [(16, 16, 128)] * 4
    + [(32, 16, 128), (16, 32, 64)]
    + [(32, 32, 64)] * 4
    + [(64, 32, 64), (32, 64, 32)]
    + [(64, 64, 32)] * 4
    + [(128, 64, 32), (64, 128, 16)]
    + [(128, 128, 16)] * 2
)


def main():
    torch.set_num_threads(THREADS)
    torch.set_num_interop_threads(1)
    torch.manual_seed(1)
    only = os.environ.get("BENCH_ONLY", "")

    def run(case, function, *arguments):
        if only in case:
            function(case, *arguments)

    run("unet-train", training, WIDTHS, 4, 128)
    run("unet-infer", inference, WIDTHS, 4, 128)
    run("unet-512-train", training, WIDTHS, 1, 512)
    run("features-train", training, (64, 128, 256), 32, 32)

    def conv(i, o, side):
        return lambda x, w: F.conv2d(x, w, padding=1), torch.rand(4, i, side, side) - 0.5, torch.rand(o, i, 3, 3) - 0.5

    def up(i, o, side):
        return lambda x, w: F.conv_transpose2d(x, w, stride=2), torch.rand(4, i, side, side) - 0.5, torch.rand(i, o, 2, 2) - 0.5

    groups = {"conv3x3": [conv(*c) for c in UNET_CONVS], "conv64": [conv(64, 64, 128)]}
    for what in ("forward", "input", "weight"):
        for name, cases in groups.items():
            run(f"{name}-{what}", layers, what, cases)
    ups = [up(128, 64, 16), up(64, 32, 32), up(32, 16, 64)]
    for what in ("forward", "backward"):
        run(f"transposed-{what}", layers, what, ups)
    operations = {
        "pool": lambda x, _: F.max_pool2d(x, 2),
        "nearest": lambda x, _: F.interpolate(x, scale_factor=2, mode="nearest"),
        "norm": norm,
    }
    for name, operation in operations.items():
        cases = [
            (operation, torch.rand(4, c, side, side) - 0.5, torch.rand(2 * c) - 0.5)
            for c, side in ((16, 128), (64, 64))
        ]
        for what in ("forward", "backward"):
            run(f"{name}-{what}", layers, what, cases)


if __name__ == "__main__":
    main()
