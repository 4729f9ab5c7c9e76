"""The peer of the area `nn`: PyTorch and torchvision, eager, f32, on the CPU.

    nn.py [--case NAME]...

Networks (`nn_networks.py`) and single operations (`nn_operations.py`) as their
users write them. Where the layout of memory can be chosen, a case runs in the
default layout and in channels last, in a process of its own each, and the line
of the faster one counts; its `note` names the layout.
"""

import argparse
import json
import subprocess
import sys

from measure import THREADS, line_of

LAYOUTS = ("default", "channels_last")


def cases():
    """Name to (function of a layout, layouts)."""
    import nn_networks
    import nn_operations

    return nn_networks.CASES | nn_operations.CASES


def run(name, layout):
    """The line of one case in one layout."""
    import torch

    torch.set_num_threads(THREADS)
    torch.set_num_interop_threads(1)
    torch.manual_seed(1)
    work, check, warm_up, repetitions = cases()[name][0](getattr(torch, layout, torch.contiguous_format))
    return line_of(name, work, check, repetitions, warm_up) | {"note": layout}


def fastest(name, layouts):
    """The line of the faster layout."""
    lines = []
    for layout in layouts:
        command = [sys.executable, __file__, "--case", name, "--layout", layout]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        lines.append(json.loads(output))
    return min(lines, key=lambda line: line["fastest"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--case", action="append")
    parser.add_argument("--layout", choices=LAYOUTS)
    arguments = parser.parse_args()
    if arguments.layout:
        print(json.dumps(run(arguments.case[0], arguments.layout)), flush=True)
        return
    known = cases()
    for name in arguments.case or known:
        print(json.dumps(fastest(name, known[name][1])), flush=True)


if __name__ == "__main__":
    main()
