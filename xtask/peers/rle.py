"""Masks exchanged with pycocotools as run lengths.

    MAPVEC_RLE_FOLDER=FOLDER cargo test -p mapvec-data --test it rle_exchange
    rle.py FOLDER
    MAPVEC_RLE_FOLDER=FOLDER cargo test -p mapvec-data --test it rle_exchange

The first step writes masks (`masks.bin`, a byte a pixel, row by row) and their run
lengths (`ours.jsonl`). This script decodes those with pycocotools, compares them with
the masks, and writes its own (`theirs.jsonl`), which the last step decodes and compares.
"""

import argparse
import json
import pathlib

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


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    count, differences = compare(parser.parse_args().folder)
    print(f"{count} masks, {differences} differences")
    raise SystemExit(differences > 0)
