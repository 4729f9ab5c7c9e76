"""Prints scores that the tests of `mapvec-metrics` hold, computed with numpy, scipy and networkx.

    metrics.py
"""

import itertools
import math

import networkx as nx
import numpy as np
from coco_ap import integers, uniform
from pycocotools import mask as coco_mask
from scipy import ndimage, optimize, stats


def chart(seed, lines):
    """Lines of 3 to 7 points in a picture of 300 x 200."""
    out = []
    for index in range(lines):
        count = int(integers(1, seed + index, 3, 8)[0])
        x = uniform(count, seed + 100 + index, 0, 300)
        y = uniform(count, seed + 200 + index, 20, 200)
        out.append((x, y))
    return out


def agreement(line, other, epsilon):
    order, other_order = np.argsort(line[0], kind="stable"), np.argsort(other[0], kind="stable")
    x, y = line[0][order], line[1][order]
    weights = np.zeros(len(x))
    weights[1:-1] = (x[2:] - x[:-2]) / 2
    weights[0], weights[-1] = (x[1] - x[0]) / 2, (x[-1] - x[-2]) / 2
    there = np.interp(x, other[0][other_order], other[1][other_order])
    errors = np.minimum(1, np.abs((y - there) / (np.abs(y) + epsilon)))
    return ((1 - errors) * weights).sum() / weights.sum()


def chart_score(predicted, truth):
    scores = np.zeros((len(predicted), len(truth)))
    for (i, p), (j, t) in itertools.product(enumerate(predicted), enumerate(truth)):
        epsilon = (t[1].max() - t[1].min()) / 100
        recall, precision = agreement(t, p, epsilon), agreement(p, t, epsilon)
        scores[i, j] = 2 * precision * recall / (precision + recall)
    rows, columns = optimize.linear_sum_assignment(-scores)
    return scores[rows, columns].sum() / len(truth)


def roads(seed, shift):
    """A grid of 4 x 4 crossings 100 m apart with some streets left out and some noise."""
    keep = uniform(24, seed, 0, 1)
    noise = uniform(32, seed + 1, -shift, shift).reshape(4, 4, 2)
    at = lambda i, j: (100.0 * i + noise[i, j, 0], 100.0 * j + noise[i, j, 1])
    lines, street = [], 0
    for i, j in itertools.product(range(4), range(4)):
        for di, dj in [(1, 0), (0, 1)]:
            if i + di < 4 and j + dj < 4:
                if keep[street] < 0.8:
                    lines.append((at(i, j), at(i + di, j + dj)))
                street += 1
    return lines


def place(lines, point):
    """Nearest line, the distance and the way along it."""
    best = None
    for index, (a, b) in enumerate(lines):
        a, b, p = map(np.array, (a, b, point))
        share = float(np.clip((p - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1))
        distance = float(np.linalg.norm(a + share * (b - a) - p))
        if best is None or distance < best[1]:
            best = (index, distance, share)
    return best


def network(lines, places):
    """The graph with a node for every place, named after it."""
    graph = nx.Graph()
    for index, (a, b) in enumerate(lines):
        length = math.dist(a, b)
        stops = sorted([(0.0, a), (1.0, b)] + [(p[1], name) for name, p in places.items() if p[0] == index],
                       key=lambda stop: stop[0])
        for (s, u), (t, v) in zip(stops, stops[1:]):
            graph.add_edge(u, v, weight=(t - s) * length)
    return graph


def controls(lines, spacing):
    """Ends, junctions and points between them; a road goes on where two streets meet.

    A road of three quarters of the spacing or more has a point in its middle.
    """
    degree = {}
    for line in lines:
        for end in line:
            degree.setdefault(end, []).append(line)
    points = {("node", end): end for end, near in degree.items() if len(near) != 2}
    done = set()
    for start in [end for end, near in degree.items() if len(near) != 2]:
        for first in degree[start]:
            if first in done:
                continue
            road, node, line = [], start, first
            while True:
                done.add(line)
                other = line[1] if line[0] == node else line[0]
                road.append((node, other))
                node = other
                if len(degree[node]) != 2:
                    break
                line = next(candidate for candidate in degree[node] if candidate != line)
            length = sum(math.dist(a, b) for a, b in road)
            pieces = max(2 if length >= 0.75 * spacing else 1, math.ceil(length / spacing))
            for k in range(1, pieces):
                way = k * length / pieces
                for a, b in road:
                    if way <= math.dist(a, b):
                        share = way / math.dist(a, b)
                        points[("cut", start, first, k)] = tuple(
                            a[axis] + share * (b[axis] - a[axis]) for axis in (0, 1))
                        break
                    way -= math.dist(a, b)
    return points


def one_way(own, other, spacing=50.0, snap=4.0, least=10.0):
    points = controls(own, spacing)
    own_places = {name: (found[0], found[2]) for name, point in points.items() for found in [place(own, point)]}
    found = {name: place(other, point) for name, point in points.items()}
    other_places = {name: (f[0], f[2]) for name, f in found.items() if f[1] <= snap}
    lengths = dict(nx.all_pairs_dijkstra_path_length(network(own, own_places)))
    others = dict(nx.all_pairs_dijkstra_path_length(network(other, other_places)))
    similarities = []
    for a, b in itertools.combinations(points, 2):
        length = lengths[a].get(b)
        if length is None or length < least:
            continue
        there = others.get(a, {}).get(b)
        similarities.append(0.0 if there is None else 1 - min(1, abs(length - there) / length))
    return similarities


def apls(predicted, truth, spacing=50.0):
    forward, backward = one_way(truth, predicted, spacing), one_way(predicted, truth, spacing)
    a, b = np.mean(forward), np.mean(backward)
    return len(forward), a, len(backward), b, 2 * a * b / (a + b)


def masks(seed):
    """Two overlapping ellipses in 40 x 50."""
    rows, columns = np.mgrid[:40, :50]
    y, x, ry, rx = (uniform(2, seed + k, *span) for k, span in enumerate([(12, 28), (15, 35), (5, 12), (5, 15)]))
    return [((rows - y[k]) / ry[k]) ** 2 + ((columns - x[k]) / rx[k]) ** 2 < 1 for k in range(2)]


def border(mask):
    return mask & ~ndimage.binary_erosion(mask, border_value=1)


def hausdorff(predicted, truth, share):
    """Quantiles as the least distance that a share of the pixels does not exceed."""
    a, b = border(predicted), border(truth)
    to_b, to_a = (ndimage.distance_transform_edt(~mask) for mask in (b, a))
    quantile = lambda d: np.sort(d)[max(math.ceil(share * len(d)), 1) - 1]
    return max(quantile(to_b[a]), quantile(to_a[b]))


def main():
    for seed, counts in [(1000, (3, 3)), (2000, (2, 4)), (3000, (4, 2))]:
        print("chart", seed, counts, repr(float(chart_score(chart(seed, counts[0]), chart(seed + 500, counts[1])))))
    for seed in [10, 20, 30]:
        for spacing in [50.0, 130.0]:
            print("apls", seed, spacing, [float(v) for v in apls(roads(seed + 5, 2.0), roads(seed, 0.0), spacing)])
    for seed in [40, 50, 60]:
        a, b = masks(seed)
        print("hausdorff", seed, float(hausdorff(a, b, 0.95)), float(hausdorff(a, b, 1.0)), int(border(a).sum()))
    ring = [[10.2, 3.1, 31.7, 8.4, 25.0, 30.6, 12.5, 21.9], [-4.0, 20.0, 18.3, 24.5, 5.5, 44.0]]
    for rings in (ring[:1], ring[1:], ring):
        rle = coco_mask.merge(coco_mask.frPyObjects(rings, 36, 40))
        mask = coco_mask.decode(rle).ravel(order="F").astype(int)
        edges = np.flatnonzero(np.diff(np.concatenate([[0], mask, [0]])))
        counts = np.diff(np.concatenate([[0], edges, [mask.size]])).tolist()
        print("runs", counts)
    values = uniform(60, 70, 0, 1) ** 3
    for method in ["percentile", "BCa"]:
        interval = stats.bootstrap((values,), np.mean, n_resamples=200000, method=method, rng=1).confidence_interval
        print("bootstrap", method, float(values.mean()), float(interval.low), float(interval.high))
    p = uniform(500, 80, 0, 1)
    right = uniform(500, 81, 0, 1) < p**1.5
    bins = np.minimum((p * 10).astype(int), 9)
    gaps = [abs(p[bins == k].mean() - right[bins == k].mean()) for k in range(10)]
    shares = [float((bins == k).mean()) for k in range(10)]
    print("calibration", float(np.dot(gaps, shares)), float(max(gaps)), float(((p - right) ** 2).mean()))


if __name__ == "__main__":
    main()
