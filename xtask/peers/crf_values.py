"""What pydensecrf gives, for `check_crf`.

    crf_values.py FOLDER [--photos FOLDER]

For each case FOLDER gets NAME_image.npy, bytes [height, width, 3], NAME_unary.npy, energies
[class, height, width], and NAME_q.npy, probabilities [6, class, height, width] after 0 to 5
iterations of the published setting. Photos are pairs imN.png and annoN.png of scribbles, of
which black is unknown.
"""

import argparse
from pathlib import Path

import numpy as np
import pydensecrf.densecrf as dcrf

from crf import scene, unary_of

CASES = {
    "small-32x24x4": (24, 32, 4, 101, 103),
    "dense-512x512x5": (512, 512, 5, 206, 306),
    "dense-320x240x21": (240, 320, 21, 222, 322),
}


def probabilities(image, unary):
    height, width = image.shape[:2]
    crf = dcrf.DenseCRF2D(width, height, len(unary))
    crf.setUnaryEnergy(unary)
    crf.addPairwiseGaussian(sxy=3, compat=3)
    crf.addPairwiseBilateral(sxy=80, srgb=13, rgbim=image, compat=10)
    steps = [np.array(crf.inference(count), np.float32) for count in range(6)]
    return np.stack(steps).reshape(6, len(unary), height, width)


def write(folder, name, image, unary):
    height, width = image.shape[:2]
    np.save(folder / f"{name}_image.npy", image)
    np.save(folder / f"{name}_unary.npy", unary.reshape(len(unary), height, width))
    np.save(folder / f"{name}_q.npy", probabilities(image, unary))
    print(name, flush=True)


def scribbles(marks, sure=0.7):
    """Energies of scribbles, each colour a class."""
    marks = marks.astype(np.int64) @ np.array([65536, 256, 1])
    colours = [colour for colour in np.unique(marks) if colour != 0]
    p = np.full((len(colours), marks.size), 1 / len(colours))
    for known in colours:
        for index, colour in enumerate(colours):
            share = sure if colour == known else (1 - sure) / (len(colours) - 1)
            p[index, marks.ravel() == known] = share
    return np.ascontiguousarray(-np.log(p).astype(np.float32))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photos", type=Path)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    for name, (height, width, classes, picture, noise) in CASES.items():
        image, labels = scene(height, width, picture)
        write(args.folder, name, np.ascontiguousarray(image), unary_of(labels, classes, noise))
    if args.photos:
        from PIL import Image

        read = lambda path: np.array(Image.open(path).convert("RGB"))
        for path in sorted(args.photos.glob("im*.png")):
            marks = read(path.with_name(path.name.replace("im", "anno", 1)))
            write(args.folder, f"photo-{path.stem}", read(path), scribbles(marks))


if __name__ == "__main__":
    main()
