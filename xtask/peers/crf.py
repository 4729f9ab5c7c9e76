"""The peer of the area `crf`: pydensecrf, lattices and five iterations.

    crf.py [--case NAME]...

Pictures and energies are made by the formulas of `examples/src/crf_scene.rs`.
"""

import argparse
import json

import numpy as np
import pydensecrf.densecrf as dcrf

from geometry_inputs import normal, uniform
from measure import line_of


def scene(height, width, seed):
    """Discs of one colour on black, with noise, and the disc of each pixel."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    image = np.zeros((height, width, 3))
    labels = np.zeros((height, width), np.int64)
    for disc, p in enumerate(uniform((24, 6), seed)):
        radius = (0.05 + 0.18 * p[2]) * min(height, width)
        inside = (x - p[0] * width) ** 2 + (y - p[1] * height) ** 2 < radius * radius
        image[inside] = 255 * p[3:6]
        labels[inside] = disc + 1
    image += 12 * normal((height, width, 3), seed + 1).reshape(image.shape)
    return np.clip(np.floor(image + 0.5), 0, 255).astype(np.uint8), labels


def unary_of(labels, classes, seed):
    """Energies of labels of which a quarter is noise, [class, pixel]."""
    noise = uniform(labels.shape, seed) < 0.25
    noisy = np.where(noise, np.floor(uniform(labels.shape, seed + 1) * classes), labels % classes)
    p = np.full((classes, labels.size), 0.4 / (classes - 1))
    p[noisy.ravel().astype(np.int64), np.arange(labels.size)] = 0.6
    return np.ascontiguousarray(-np.log(p).astype(np.float32))


def dense(height, width, classes):
    image, labels = scene(height, width, 201 + classes)
    unary = unary_of(labels, classes, 301 + classes)

    def work():
        crf = dcrf.DenseCRF2D(width, height, classes)
        crf.setUnaryEnergy(unary)
        crf.addPairwiseGaussian(sxy=3, compat=3)
        crf.addPairwiseBilateral(sxy=80, srgb=13, rgbim=image, compat=10)
        return float(np.array(crf.inference(5)).max(0).astype(np.float64).mean())

    return work, int(labels.sum())


CASES = {
    "dense-512x512x5": lambda: dense(512, 512, 5),
    "dense-320x240x21": lambda: dense(240, 320, 21),
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--case", action="append")
    for name in parser.parse_args().case or CASES:
        work, check = CASES[name]()
        line = line_of(name, work, check, 15, 2)
        print(json.dumps(line | {"result": work()}), flush=True)


if __name__ == "__main__":
    main()
