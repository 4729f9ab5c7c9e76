"""The peer of the area `fourier`: scipy.fft in single precision.

    fourier.py [--case NAME]...

Planes are made by the formulas of `examples/src/fourier_cases.rs`.
"""

import argparse
import json

import numpy as np
import scipy.fft

from geometry_inputs import uniform
from measure import THREADS, line_of

KINDS = ["real", "inverse", "complex"]
SIDES = [64, 128, 256, 512, 1000, 1024, 2048]


def case(kind, side):
    """The work of a case, and what it is computed on."""
    times = max(1, (1 << 22) // (side * side))
    values = uniform((side, side), 7777 + side, -1, 1)
    check = int(np.floor(np.abs(values) * 1000 + 0.5).sum())
    plane = values.astype(np.float32)
    result = [0.0]
    if kind == "real":
        def transform():
            return scipy.fft.rfft2(plane, workers=THREADS)
    elif kind == "inverse":
        spectrum = scipy.fft.rfft2(plane)

        def transform():
            return scipy.fft.irfft2(spectrum, s=(side, side), workers=THREADS)
    else:
        both = (plane + 1j * plane.T).astype(np.complex64)

        def transform():
            return scipy.fft.fft2(both, workers=THREADS)

    def work():
        for _ in range(times):
            found = transform()
        result[0] = float(abs(found[1, 2]))

    return work, check, result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--case", action="append")
    asked = parser.parse_args().case or [f"{kind}-{side}" for kind in KINDS for side in SIDES]
    for name in asked:
        kind, side = name.split("-")
        work, check, result = case(kind, int(side))
        line = line_of(name, work, check, 9, 2)
        line["result"] = result[0]
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
