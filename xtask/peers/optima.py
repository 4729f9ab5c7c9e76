"""The verdict of SciPy on the sums of costs of the example `check_assignment`.

    cargo run --release --example check_assignment -- --sums --out out
    python xtask/peers/optima.py out/sums.txt

Makes the same costs again, finds their optimum with `linear_sum_assignment`, and counts
the sums that differ from it by more than rounding explains: 1e-13 of the largest cost for
each pair, and nothing at all for whole numbers.
"""

import sys

import numpy as np
import scipy
from scipy.optimize import linear_sum_assignment

from costs import random_costs


def main():
    matrices, wrong, worst = 0, 0, 0.0
    with open(sys.argv[1], encoding="ascii") as lines:
        for line in lines:
            index, most_rows, most_columns, rows, columns, cost = line.split()
            costs = random_costs(int(index), (int(most_rows), int(most_columns)))
            assert costs.shape == (int(rows), int(columns)), line
            optimum = costs[linear_sum_assignment(costs)].sum()
            off = abs(float(cost) - optimum) / (min(costs.shape) * np.abs(costs).max())
            worst = max(worst, off)
            matrices += 1
            if off > (0 if int(index) % 5 == 1 else 1e-13):
                wrong += 1
                print(f"{line.strip()}: {optimum!r}", file=sys.stderr)
    print(f"{matrices} matrices, {wrong} sums off the optimum of SciPy {scipy.__version__}; ", end="")
    print(f"largest difference {worst:.1e} of the largest cost per pair")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
