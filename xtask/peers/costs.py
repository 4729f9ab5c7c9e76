"""Random costs, as `examples/src/cost_matrices.rs` makes them."""

import numpy as np

from geometry_inputs import normal, uniform


def distances(rows, columns, seed_from, seed_to):
    """Distances between uniform points in the unit square."""
    a, b = uniform((rows, 2), seed_from), uniform((columns, 2), seed_to)
    return np.sqrt(((a[:, None] - b[None]) ** 2).sum(-1))


def random_costs(index, most):
    """The `index`-th random costs, up to most[0] x most[1], one of five kinds."""
    seed = 1_000_000 + 8 * index
    u = uniform(3, seed)
    rows, columns = (1 + int(np.floor(u[k] * most[k])) for k in (0, 1))
    if u[2] >= 0.5:
        rows, columns = columns, rows
    kind = index % 5
    if kind == 0:
        return uniform((rows, columns), seed + 1)
    if kind == 1:
        return np.floor(uniform((rows, columns), seed + 1) * 20) - 10
    if kind == 2:
        return distances(rows, columns, seed + 1, seed + 2)
    if kind == 3:
        return 1e6 * normal((rows, columns), seed + 1)
    return np.outer(uniform(rows, seed + 1), uniform(columns, seed + 2))
