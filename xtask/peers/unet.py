"""The peer of the area `unet`: PyTorch with the same network, f32, on the CPU.

Network: pixel-unshuffle by 2 (3 -> 12 channels), levels of widths 32, 48, 64
and 96, each two times convolution 3x3 without bias, batch norm, ReLU; max
pooling by 2 between levels; back up by nearest upsampling, concatenation with
the skip connection and again two such stages; convolution 1x1 to 48 channels;
pixel shuffle by 2 (12 label channels at full scale).

Cases: `infer`, one 512 x 512 tile in eval mode; `train`, one step on 8 crops of
192 x 192: forward, binary cross-entropy on all channels, backward, AdamW. Both
on the layout of memory that is faster on the machine (channels last).
The check is the number of parameters.
"""

import torch
from torch import nn
from torch.nn import functional as F

from measure import THREADS, measure

WIDTHS = (32, 48, 64, 96)
CHANNELS = 12
SCALE = 2


def stage(inputs, outputs):
    """Twice convolution, norm, ReLU."""
    layers = []
    for i, o in ((inputs, outputs), (outputs, outputs)):
        layers += [nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        inputs = (3 * SCALE * SCALE, *WIDTHS[:-1])
        self.down = nn.ModuleList(stage(i, o) for i, o in zip(inputs, WIDTHS))
        self.up = nn.ModuleList(
            stage(WIDTHS[k + 1] + WIDTHS[k], WIDTHS[k]) for k in reversed(range(len(WIDTHS) - 1))
        )
        self.head = nn.Conv2d(WIDTHS[0], CHANNELS * SCALE * SCALE, 1)

    def forward(self, x):
        x = F.pixel_unshuffle(x, SCALE)
        skips = []
        for level, block in enumerate(self.down):
            x = block(x if level == 0 else F.max_pool2d(x, 2))
            skips.append(x)
        skips.pop()
        for block in self.up:
            x = F.interpolate(x, scale_factor=2, mode="nearest")
            x = block(torch.cat([x, skips.pop()], 1))
        return F.pixel_shuffle(self.head(x), SCALE)


def main():
    torch.set_num_threads(THREADS)
    torch.set_num_interop_threads(1)
    torch.manual_seed(1)
    net = UNet().to(memory_format=torch.channels_last)
    parameters = sum(p.numel() for p in net.parameters())
    layout = {"memory_format": torch.channels_last}

    tile = torch.rand(1, 3, 512, 512).to(**layout)
    net.eval()

    def infer():
        with torch.inference_mode():
            net(tile)

    measure("infer", infer, parameters, repetitions=7, warm_up=2)

    net.train()
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3)
    crops = torch.rand(8, 3, 192, 192).to(**layout)
    labels = (torch.rand(8, CHANNELS, 192, 192) > 0.9).float().to(**layout)

    def train():
        loss = F.binary_cross_entropy_with_logits(net(crops), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    measure("train", train, parameters, repetitions=5, warm_up=2)


if __name__ == "__main__":
    main()
