"""The peer of the area `assignment`: `scipy.optimize.linear_sum_assignment`.

    assignment.py [--case NAME]...

It has one thread, and reports the number it was told.
"""

import argparse
import json

from scipy.optimize import linear_sum_assignment

from costs import distances
from geometry_inputs import uniform
from measure import line_of


def square(side):
    return [uniform((side, side), 2000 + side)]


CASES = {
    "uniform-100": (lambda: square(100), 20, 500),
    "uniform-1000": (lambda: square(1000), 1, 15),
    "uniform-2000": (lambda: square(2000), 1, 5),
    "distances-1000": (lambda: [distances(1000, 1000, 4000, 5000)], 1, 11),
    "batch-300x40": (lambda: [uniform((300, 40), 5001 + k) for k in range(64)], 5, 100),
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--case", action="append")
    for name in parser.parse_args().case or CASES:
        make, warm_up, repetitions = CASES[name]
        matrices = make()
        work = lambda: [linear_sum_assignment(costs) for costs in matrices]
        check = sum(costs.size for costs in matrices)
        line = line_of(name, work, check, repetitions, warm_up)
        result = sum(float(costs[pairs].sum()) for costs, pairs in zip(matrices, work()))
        print(json.dumps(line | {"result": result}), flush=True)


if __name__ == "__main__":
    main()
