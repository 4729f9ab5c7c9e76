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

SHAPE = (4, 10, 256, 256)
UNKNOWN = 255


def classes(weighted=False, partial=False):
    """Cross-entropy, also with weights 0.5 to 5, or with a class for three pixels in ten."""
    logits = torch.tensor(normal(SHAPE, 51002).astype(np.float32))
    ids = np.floor(uniform((4, 256, 256), 51003) * 10).astype(np.int64)
    if partial:
        ids[uniform((4, 256, 256), 51004) >= 0.3] = UNKNOWN
    target = torch.tensor(ids)
    weight = torch.arange(1, 11) / 2 if weighted else None

    def loss(x):
        return F.cross_entropy(x, target, weight, ignore_index=UNKNOWN)

    return logits, loss, int(ids.sum())


CASES = {
    "cross-entropy": classes,
    "weighted-cross-entropy": lambda: classes(weighted=True),
    "partial-cross-entropy": lambda: classes(partial=True),
}


def main():
    torch.set_num_threads(THREADS)
    parser = argparse.ArgumentParser()
    parser.add_argument("--case", action="append")
    for name in parser.parse_args().case or CASES:
        logits, loss, check = CASES[name]()
        logits.requires_grad_()
        result = 0.0

        def work():
            nonlocal result
            logits.grad = None
            value = loss(logits)
            value.backward()
            result = float(value)

        line = line_of(name, work, check, 30, 3)
        print(json.dumps(line | {"result": result}), flush=True)


if __name__ == "__main__":
    main()
