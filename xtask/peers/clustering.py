"""The peer of the area `clustering`: scikit-learn.

    clustering.py [--case NAME]...

Points are made by the formulas of `examples/src/clustering_cases.rs`.
"""

import argparse
import json
import warnings

import numpy as np
from sklearn.cluster import DBSCAN, HDBSCAN, KMeans, MeanShift
from sklearn.mixture import GaussianMixture

from geometry_inputs import normal, uniform
from measure import THREADS, line_of


def blobs(count, dimensions, seed):
    """Forty normal clusters in a box, and five percent of noise."""
    centers = uniform((40, dimensions), seed, 0, 8)
    own = np.floor(uniform((count,), seed + 1, 0, 40)).astype(np.int64)
    points = centers[own] + 0.12 * normal((count, dimensions), seed + 2)
    noise = uniform((count,), seed + 3) < 0.05
    points[noise] = uniform((count, dimensions), seed + 4, 0, 8)[noise]
    return points.astype(np.float32)


def check(points):
    return int(np.floor(np.abs(points.astype(np.float64)) * 1000 + 0.5).sum())


def density(dimensions, seed, eps, min_samples):
    points = blobs(100_000, dimensions, seed)

    def work():
        found = DBSCAN(eps=eps, min_samples=min_samples, n_jobs=THREADS).fit(points)
        noise = (found.labels_ < 0).sum()
        return float(found.labels_.max() + 1 + 2 * len(found.core_sample_indices_) + 3 * noise)

    return work, check(points)


def hierarchy():
    points = blobs(10_000, 4, 12)

    def work():
        model = HDBSCAN(min_cluster_size=20, n_jobs=THREADS, copy=True)
        return float(model.fit(points).labels_.max() + 1)

    return work, check(points)


def modes():
    points = blobs(2000, 4, 61)

    def work():
        return float(len(MeanShift(bandwidth=1.0, n_jobs=THREADS).fit(points).cluster_centers_))

    return work, check(points)


def picture():
    """Colours of a picture of discs and noise, one pixel per row."""
    side = 256
    y, x = np.mgrid[:side, :side].astype(np.float64)
    image = np.zeros((side, side, 3))
    for disc in uniform((24, 6), 501):
        radius = (0.05 + 0.18 * disc[2]) * side
        image[(x - disc[0] * side) ** 2 + (y - disc[1] * side) ** 2 < radius**2] = 255 * disc[3:6]
    image += 12 * normal((side, side, 3), 502)
    return (np.clip(np.floor(image + 0.5), 0, 255) / 255).reshape(-1, 3).astype(np.float32)


def start(points):
    return points[(np.arange(8) * 8191 + 17) % len(points)]


def centers():
    points = picture()

    def work():
        model = KMeans(8, init=start(points), n_init=1, max_iter=100, tol=1e-6)
        return float(model.fit(points).inertia_)

    return work, check(points)


def drawn_centers():
    points = picture()

    def work():
        KMeans(8, n_init=1, random_state=0).fit(points)
        return 0.0

    return work, check(points)


def mixture():
    points = picture()
    wide = points.astype(np.float64)

    def work():
        model = GaussianMixture(
            8,
            means_init=start(points),
            weights_init=np.full(8, 0.125),
            precisions_init=np.stack([np.eye(3) * 100] * 8),
            max_iter=50,
            tol=0,
        )
        return float(model.fit(wide).lower_bound_)

    return work, check(points)


CASES = {
    "dbscan-2d": lambda: density(2, 11, 0.02, 10),
    "dbscan-8d": lambda: density(8, 40, 0.5, 20),
    "hdbscan-4d": hierarchy,
    "mean-shift-4d": modes,
    "k-means": centers,
    "k-means-drawn": drawn_centers,
    "gaussian-mixture": mixture,
}


def main():
    warnings.filterwarnings("ignore")
    parser = argparse.ArgumentParser()
    parser.add_argument("--case", action="append")
    for name in parser.parse_args().case or CASES:
        work, check_of_points = CASES[name]()
        results = []
        line = line_of(name, lambda: results.append(work()), check_of_points, 3, 0)
        print(json.dumps(line | {"result": results[-1]}), flush=True)


if __name__ == "__main__":
    main()
