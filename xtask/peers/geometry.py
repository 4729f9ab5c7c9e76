"""The peers of the area `geometry`: OpenCV, shapely (GEOS), rasterio (GDAL), scikit-image.

    geometry.py --prepare FOLDER
    geometry.py [--inputs FOLDER] [--case NAME]...

Shapes are made here and on the other side from the same formulas
(`geometry_inputs.py`, `examples/src/geometry_cases/inputs.rs`). Rasters are drawn
here by `--prepare`, as files of one byte a pixel that both sides read.

The `result` of a line is what came out (pixels, area, number of polygons); the
other side states how far its own may be from it.
"""

import argparse
import json
import pathlib

import numpy as np

import geometry_inputs as inputs
from measure import THREADS, line_of

SIDE = 512


def opencv():
    import cv2

    cv2.setNumThreads(THREADS)
    return cv2


def polylines(smooth):
    """Lines of thickness 2, one call each."""
    cv2 = opencv()
    lines = inputs.polylines(1000, SIDE)
    kind = cv2.LINE_AA if smooth else cv2.LINE_8

    def work():
        canvas = np.zeros((SIDE, SIDE), np.uint8)
        for line in lines:
            cv2.polylines(canvas, [line], False, 255, 2, kind)
        return canvas

    return work, inputs.check_points(np.concatenate(lines)), shares(smooth), 3, 40


def stars(smooth):
    """Filled polygons, one call each."""
    cv2 = opencv()
    polygons = inputs.small_stars(1000, SIDE)
    kind = cv2.LINE_AA if smooth else cv2.LINE_8

    def work():
        canvas = np.zeros((SIDE, SIDE), np.uint8)
        for polygon in polygons:
            cv2.fillPoly(canvas, [polygon], 255, kind)
        return canvas

    return work, inputs.check_points(np.concatenate(polygons)), shares(smooth), 3, 40


def shares(smooth):
    """The covered area in pixels."""
    return (lambda canvas: float(canvas.sum()) / 255) if smooth else np.count_nonzero


def boolean(operation, family, vertices):
    """One operation on two polygons."""
    import shapely

    rings = inputs.operands(family, vertices)
    a, b = (shapely.Polygon(ring) for ring in rings)
    combine = getattr(shapely, "symmetric_difference" if operation == "xor" else operation)
    if vertices < 50:
        runs = (20, 400)
    elif vertices < 500:
        runs = (10, 200)
    elif vertices < 5000:
        runs = (3, 40)
    elif family == "star":
        runs = (0, 1)
    else:
        runs = (10, 100)
    return lambda: combine(a, b), inputs.check_points(np.concatenate(rings)), shapely.area, *runs


def union_of_all():
    """The union of a thousand overlapping stars in one call."""
    import shapely

    rings = inputs.parcels(1000)
    parcels = [shapely.Polygon(ring) for ring in rings]
    work = lambda: shapely.union_all(parcels)
    return work, inputs.check_points(np.concatenate(rings)), shapely.area, 2, 15


def polygons(name, warm_up, repetitions):
    """A label map to polygons, all classes."""
    import rasterio.features

    labels = inputs.raster(name)
    work = lambda: list(rasterio.features.shapes(labels))
    return work, inputs.check_pixels(labels), len, warm_up, repetitions


def distances(name):
    """Exact distances to the nearest pixel of value 0."""
    cv2 = opencv()
    pixels = inputs.raster(name)
    work = lambda: cv2.distanceTransform(pixels, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return work, inputs.check_pixels(pixels), lambda d: float(d.sum(dtype=np.float64)), 3, 30


def thinning(name):
    """Thinning after Zhang and Suen, the faster one of the two in scikit-image."""
    from skimage.morphology import skeletonize

    pixels = inputs.raster(name)
    mask = pixels > 0
    return lambda: skeletonize(mask), inputs.check_pixels(pixels), np.count_nonzero, 3, 30


CASES = {
    "polylines-hard": lambda: polylines(False),
    "polylines-smooth": lambda: polylines(True),
    "stars-hard": lambda: stars(False),
    "stars-smooth": lambda: stars(True),
    "union-all": union_of_all,
    "polygonize-clean": lambda: polygons("map-clean", 1, 9),
    "polygonize-noisy": lambda: polygons("map-noisy", 1, 5),
    "distance-stars": lambda: distances("stars"),
    "distance-points": lambda: distances("points"),
    "thin-lines": lambda: thinning("lines"),
}
OPERANDS = [("star", n) for n in (10, 100, 1000, 10000)] + [("smooth", n) for n in (100, 1000, 10000)]
for _family, _count in OPERANDS:
    for _operation in ("intersection", "union", "difference", "xor"):
        _arguments = (_operation, _family, _count)
        CASES[f"{_operation}-{_family}-{_count}"] = lambda a=_arguments: boolean(*a)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--case", action="append")
    parser.add_argument("--inputs", type=pathlib.Path)
    parser.add_argument("--prepare", type=pathlib.Path)
    arguments = parser.parse_args()
    if arguments.prepare:
        inputs.prepare(arguments.prepare)
        return
    inputs.FOLDER = arguments.inputs
    for name in arguments.case or CASES:
        work, check, result, warm_up, repetitions = CASES[name]()
        line = line_of(name, work, check, repetitions, warm_up)
        print(json.dumps(line | {"result": float(result(work()))}), flush=True)


if __name__ == "__main__":
    main()
