"""Cases of the area `nn` that run whole networks."""

import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models import resnet50
from torchvision.models.segmentation import deeplabv3_resnet50

BOTH = ("default", "channels_last")


def stage(inputs, outputs):
    """Three times convolution, norm, ReLU."""
    layers = []
    for i in (inputs, outputs, outputs):
        layers += [nn.Conv2d(i, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


class UNet(nn.Module):
    """Max pooling on the way down, transposed convolutions on the way up, two classes."""

    def __init__(self, widths):
        super().__init__()
        levels = range(len(widths) - 1)
        self.down = nn.ModuleList(stage(i, o) for i, o in zip((3, *widths[:-1]), widths))
        self.upsample = nn.ModuleList(nn.ConvTranspose2d(widths[k + 1], widths[k], 2, 2) for k in reversed(levels))
        self.up = nn.ModuleList(stage(2 * widths[k], widths[k]) for k in reversed(levels))
        self.head = nn.Conv2d(widths[0], 2, 1)

    def forward(self, x):
        skips = []
        for level, block in enumerate(self.down):
            x = block(x if level == 0 else F.max_pool2d(x, 2))
            skips.append(x)
        skips.pop()
        for upsample, block in zip(self.upsample, self.up):
            x = block(torch.cat([upsample(x), skips.pop()], 1))
        return self.head(x)


def count(net):
    return sum(p.numel() for p in net.parameters())


def infer(make, shape, runs):
    def case(layout):
        net = make().eval().to(memory_format=layout)
        x = torch.rand(shape).to(memory_format=layout)

        def work():
            with torch.inference_mode():
                net(x)

        return work, count(net), *runs

    return case, BOTH


def train(make, shape, target, optimiser, runs):
    def case(layout):
        net = make().train().to(memory_format=layout)
        x = torch.rand(shape).to(memory_format=layout)
        labels = target()
        optim = optimiser(net.parameters())

        def work():
            loss = F.cross_entropy(net(x), labels)
            optim.zero_grad()
            loss.backward()
            optim.step()

        return work, count(net), *runs

    return case, BOTH


def adamw(parameters):
    return torch.optim.AdamW(parameters, lr=1e-3)


def momentum(parameters):
    return torch.optim.SGD(parameters, lr=1e-2, momentum=0.9)


def pixels(batch, side):
    return lambda: torch.randint(0, 2, (batch, side, side))


def small():
    return UNet((16, 32, 64, 128))


def features():
    return UNet((64, 128, 256))


def deeplab():
    return deeplabv3_resnet50(weights=None, weights_backbone=None)


CASES = {
    "unet-train": train(small, (4, 3, 128, 128), pixels(4, 128), adamw, (3, 12)),
    "unet-infer": infer(small, (4, 3, 128, 128), (3, 15)),
    "unet-512": train(small, (1, 3, 512, 512), pixels(1, 512), adamw, (2, 5)),
    "features-train": train(features, (32, 3, 32, 32), pixels(32, 32), adamw, (2, 5)),
    "resnet50-infer": infer(lambda: resnet50(weights=None), (1, 3, 224, 224), (3, 10)),
    "resnet50-train": train(
        lambda: resnet50(weights=None),
        (4, 3, 128, 128),
        lambda: torch.randint(0, 1000, (4,)),
        momentum,
        (2, 6),
    ),
    "deeplab-infer": infer(deeplab, (1, 3, 256, 256), (1, 5)),
}
