"""Masks exchanged with pycocotools as run lengths.

    MAPVEC_RLE_FOLDER=FOLDER cargo test -p mapvec-data --test it rle_exchange
    rle.py FOLDER
    MAPVEC_RLE_FOLDER=FOLDER cargo test -p mapvec-data --test it rle_exchange

    rle.py --times FOLDER
    check_metrics --rle FOLDER

The first step writes masks (`masks.bin`, a byte a pixel, row by row) and their run
lengths (`ours.jsonl`). This script decodes those with pycocotools, compares them with
the masks, and writes its own (`theirs.jsonl`), which the third step decodes and compares.
With `--times` it writes masks and polygons and how long pycocotools takes for them
(`operations.json`), which the example `check_metrics` does again.
"""

import argparse
import json
import pathlib
import time

import numpy as np
from pycocotools import mask as coco


def encode(mask):
    rle = coco.encode(np.asfortranarray(mask))
    return {"size": list(map(int, rle["size"])), "counts": rle["counts"].decode()}


def compare(folder):
    pixels = np.fromfile(folder / "masks.bin", np.uint8)
    at = differences = count = 0
    with open(folder / "ours.jsonl") as ours, open(folder / "theirs.jsonl", "w") as theirs:
        for line in ours:
            line = json.loads(line)
            height, width = line["rle"]["size"]
            mask = pixels[at : at + height * width].reshape(height, width)
            at += height * width
            count += 1
            # The second form goes through pycocotools' own compression.
            runs = coco.frPyObjects({"size": [height, width], "counts": line["runs"]}, height, width)
            equal = (
                np.array_equal(coco.decode(line["rle"]), mask)
                and np.array_equal(coco.decode(runs), mask)
                and runs["counts"].decode() == line["rle"]["counts"]
                and int(coco.area(runs)) == line["area"]
            )
            differences += not equal
            turned = encode(mask[::-1, ::-1])
            rle = encode(mask)
            iou = float(coco.iou([rle], [turned], [0])[0, 0])
            # Half of them as a list of runs.
            counts = line["runs"] if count % 2 else rle["counts"]
            area = int(coco.area(rle))
            json.dump({"rle": {"size": rle["size"], "counts": counts}, "area": area, "iou": iou}, theirs)
            theirs.write("\n")
    assert at == len(pixels), "masks are left over"
    return count, differences


def fastest(work, repetitions=30):
    best = float("inf")
    for _ in range(repetitions):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def star(rng, side):
    """A ring of many corners around a point."""
    angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(8, 60)))
    radius = side * rng.uniform(0.1, 0.35) * rng.uniform(0.7, 1.0, len(angles))
    x, y = rng.uniform(0.2 * side, 0.8 * side, 2)
    return np.stack([x + radius * np.cos(angles), y + radius * np.sin(angles)], 1).ravel().tolist()


def times(folder):
    """Operations on the masks of one size at a time; the text of run lengths goes in and out."""
    rng = np.random.default_rng(7)
    groups = []
    for side, count in [(128, 60), (512, 60), (1024, 30)]:
        polygons = [star(rng, side) for _ in range(count)]
        rles = coco.frPyObjects(polygons, side, side)
        masks = np.asfortranarray(coco.decode(rles))
        # Some have ragged borders and specks, as predictions do.
        specks = rng.random(masks.shape) < 0.01
        masks[:, :, ::3] ^= specks[:, :, ::3]
        rows = [np.ascontiguousarray(masks[:, :, i]) for i in range(count)]
        masks = np.asfortranarray(masks)
        rles = coco.encode(masks)
        groups.append({
            "height": side, "width": side, "polygons": polygons,
            "texts": [rle["counts"].decode() for rle in rles],
            "areas": coco.area(rles).tolist(),
            "union": coco.merge(rles)["counts"].decode(),
            "intersection": coco.merge(rles, intersect=True)["counts"].decode(),
            "polygon_texts": [rle["counts"].decode() for rle in coco.frPyObjects(polygons, side, side)],
            "seconds": {
                "encode": fastest(lambda: coco.encode(masks)),
                "encode_rows": fastest(lambda: [coco.encode(np.asfortranarray(mask)) for mask in rows]),
                "decode": fastest(lambda: coco.decode(rles)),
                "decode_rows": fastest(lambda: [np.ascontiguousarray(coco.decode(rle)) for rle in rles]),
                "area": fastest(lambda: coco.area(rles)),
                "union": fastest(lambda: coco.merge(rles)),
                "intersection": fastest(lambda: coco.merge(rles, intersect=True)),
                "polygons": fastest(lambda: coco.frPyObjects(polygons, side, side)),
            },
        })
    (folder / "operations.json").write_text(json.dumps(groups))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--times", action="store_true")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    if arguments.times:
        times(arguments.folder)
        raise SystemExit
    count, differences = compare(arguments.folder)
    print(f"{count} masks, {differences} differences")
    raise SystemExit(differences > 0)
