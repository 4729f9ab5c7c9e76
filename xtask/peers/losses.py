"""The peer of the area `losses`: PyTorch, forward and backward.

    losses.py [--case NAME]...

Logits and targets are made by the formulas of `examples/src/loss_cases.rs`.
"""

import argparse
import json

import numpy as np
import torch
import torch.nn.functional as F

from geometry_inputs import normal, uniform
from measure import THREADS, line_of

BATCH = (4, 10, 256, 256)
UNKNOWN = 255


def logits_of(shape):
    return torch.tensor(normal(shape, 51002).astype(np.float32))


def ids_of(shape):
    """Classes, one for each channel, drawn at random."""
    batch, classes, height, width = shape
    return np.floor(uniform((batch, height, width), 51003) * classes).astype(np.int64)


def classes(shape=BATCH, weighted=False, partial=False):
    """Cross-entropy, also with weights 0.5 to 5, or with a class for three pixels in ten."""
    logits, ids = logits_of(shape), ids_of(shape)
    if partial:
        ids[uniform(ids.shape, 51004) >= 0.3] = UNKNOWN
    target = torch.tensor(ids)
    weight = torch.arange(1, 11) / 2 if weighted else None

    def loss(x):
        return F.cross_entropy(x, target, weight, ignore_index=UNKNOWN)

    return learn(logits, loss), int(ids.sum())


def dice(shape=BATCH):
    """Soft Dice: sums over the batch, the mean over classes. The target is one-hot already."""
    logits, ids = logits_of(shape), ids_of(shape)
    target = F.one_hot(torch.tensor(ids)).permute(0, 3, 1, 2).float()
    axes = (0, 2, 3)

    def loss(x):
        shares = x.softmax(1)
        both = (shares * target).sum(axes)
        return 1 - ((2 * both + 1) / (shares.sum(axes) + target.sum(axes) + 1)).mean()

    return learn(logits, loss), int(ids.sum())


def single(channels):
    """The shape of a batch of one picture."""
    return (1, channels, 512, 512)


def bce_dice():
    """Binary cross-entropy with weight 2 for positive pixels, and half of the soft Dice."""
    flags = (uniform(single(1), 51003) < 0.1).astype(np.float32)
    target, weight = torch.tensor(flags), torch.tensor(2.0)
    axes = (1, 2, 3)

    def loss(x):
        shares = x.sigmoid()
        ratio = (2 * (shares * target).sum(axes) + 1) / (shares.sum(axes) + target.sum(axes) + 1)
        bce = F.binary_cross_entropy_with_logits(x, target, pos_weight=weight)
        return bce + 0.5 * (1 - ratio).mean()

    return learn(logits_of(single(1)), loss), int(flags.sum())


def known_of(low, high):
    """Values of three pixels in ten of a picture, and which ones."""
    shape = single(1)
    known = uniform(shape, 51004) < 0.3
    values = (low + (high - low) * uniform(shape, 51003)).astype(np.float32)
    return torch.tensor(values), torch.tensor(known)


def angle():
    """Squared error of the doubled angle."""
    values, known = known_of(0, np.pi)

    def loss(x):
        target = torch.cat([(2 * values).cos(), (2 * values).sin()], 1)
        return ((x - target).square() * known).sum() / (2 * known.sum())

    return learn(logits_of(single(2)), loss), int(known.sum())


def thickness():
    """Smooth L1 error of the base-2 logarithm."""
    values, known = known_of(1, 9)

    def loss(x):
        costs = F.smooth_l1_loss(x, values.log2(), beta=0.5, reduction="none")
        return (costs * known).sum() / known.sum()

    return learn(logits_of(single(1)), loss), int(known.sum())


def instances():
    """Embeddings of 8 values of 256 x 256 pixels, and which of 20 instances they belong to."""
    embeddings = normal((8, 256 * 256), 51000).astype(np.float32)
    return embeddings, np.floor(uniform((256 * 256,), 51001) * 21).astype(np.int64)


def discriminative():
    """The value alone, in NumPy, which is faster here than PyTorch."""
    embeddings, ids = instances()

    def work():
        own = [embeddings[:, ids == k] for k in range(1, ids.max() + 1)]
        means = np.stack([x.mean(1) for x in own])
        away = [np.linalg.norm(x - mean[:, None], axis=0) for x, mean in zip(own, means)]
        variance = np.mean([np.mean(np.maximum(x - 0.5, 0) ** 2) for x in away])
        apart = np.linalg.norm(means[:, None] - means[None], axis=2)
        apart = np.maximum(3 - apart, 0)[~np.eye(len(means), dtype=bool)]
        size = np.linalg.norm(means, axis=1).mean()
        return float(variance + (apart**2).mean() + 0.001 * size)

    return work, int(ids.sum())


def discriminative_train():
    """Value and gradient in PyTorch."""
    embeddings, ids = instances()
    ids_there = torch.tensor(ids)
    own = torch.stack([ids_there == k for k in range(1, ids.max() + 1)]).float()
    count = own.sum(1)
    others = ~torch.eye(len(own), dtype=bool)

    def loss(x):
        means = (own @ x.T) / count[:, None]
        away = (x[None] - means[:, :, None]).norm(dim=1)
        variance = ((torch.clamp(away - 0.5, min=0) ** 2 * own).sum(1) / count).mean()
        apart = (means[:, None] - means[None])[others].norm(dim=1)
        apart = (torch.clamp(3 - apart, min=0) ** 2).mean()
        return variance + apart + 0.001 * means.norm(dim=1).mean()

    return learn(torch.tensor(embeddings), loss), int(ids.sum())


def learn(inputs, loss):
    """Forward and backward."""
    inputs.requires_grad_()

    def work():
        inputs.grad = None
        value = loss(inputs)
        value.backward()
        return float(value)

    return work


CASES = {
    "cross-entropy": classes,
    "weighted-cross-entropy": lambda: classes(weighted=True),
    "partial-cross-entropy": lambda: classes(partial=True),
    "dice": dice,
    "single-cross-entropy": lambda: classes(single(8)),
    "single-dice": lambda: dice(single(8)),
    "single-bce-dice": bce_dice,
    "single-angle": angle,
    "single-thickness": thickness,
    "discriminative": discriminative,
    "discriminative-train": discriminative_train,
}


def main():
    torch.set_num_threads(THREADS)
    parser = argparse.ArgumentParser()
    parser.add_argument("--case", action="append")
    for name in parser.parse_args().case or CASES:
        work, check = CASES[name]()
        line = line_of(name, work, check, 30, 3)
        print(json.dumps(line | {"result": work()}), flush=True)


if __name__ == "__main__":
    main()
