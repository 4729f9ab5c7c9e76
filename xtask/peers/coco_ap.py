"""Average precision of random sets by pycocotools, and the overlap of its masks, timed.

    cargo build --release --example check_metrics
    coco_ap.py FOLDER [--sets 200] [--ours target/release/examples/check_metrics]
    coco_ap.py --golden

Writes random sets of boxes, polygons and masks with the tables that pycocotools makes of
them (`sets.jsonl`) and many masks with the time of their overlaps (`masks.json`), and has
our program compare its tables and times: `check_metrics --coco FOLDER`. The last line prints
the values that the tests of `mapvec-metrics` hold.
"""

import argparse
import contextlib
import io
import json
import pathlib
import subprocess
import time

import numpy as np
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def bits(seed, n):
    """The generator of `mapvec-testkit`."""
    with np.errstate(over="ignore"):
        i = np.arange(1, n + 1, dtype=np.uint64)
        z = np.uint64(seed) + i * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def uniform(n, seed, low, high):
    return low + (high - low) * ((bits(seed, n) >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def integers(n, seed, low, high):
    return np.floor(uniform(n, seed, low, high)).astype(int)


def octagon(box):
    x, y, w, h = box
    a, b = w * 0.25, h * 0.3
    corners = [(x + a, y), (x + w - a, y), (x + w, y + b), (x + w, y + h - b),
               (x + w - a, y + h), (x + a, y + h), (x, y + h - b), (x, y + b)]
    return [float(value) for corner in corners for value in corner]


def golden_set(seed, kind, truths=24, detections=40):
    """As the tests make it, from the same numbers."""
    n, m = truths, detections
    box = [uniform(n, seed + k, *span) for k, span in enumerate([(0, 60), (0, 60), (4, 130), (4, 130)])]
    image, category = integers(n, seed + 4, 0, 6), integers(n, seed + 5, 1, 3)
    crowd = integers(n, seed + 6, 0, 8) == 0
    base = integers(m, seed + 7, 0, n)
    shift = uniform(4 * m, seed + 8, -3, 3).reshape(m, 4)
    score = integers(m, seed + 9, 0, 20) / 20
    data = {"kind": kind, "height": 200, "width": 200, "truths": [], "detections": []}
    for i in range(n):
        shape = [float(side[i]) for side in box]
        data["truths"].append({"image": int(image[i]), "category": int(category[i]), "crowd": bool(crowd[i]),
                               "area": shape[2] * shape[3], "box": shape})
    for j in range(m):
        i = base[j]
        shape = [float(side[i] + shift[j, k]) for k, side in enumerate(box)]
        data["detections"].append({"image": int(image[i]), "category": int(category[i]),
                                   "score": float(score[j]), "box": shape})
    for entry in data["truths"] + data["detections"]:
        if kind == "polygons":
            entry["rings"] = [octagon(entry.pop("box"))]
    return data


def blob(rng, height, width):
    """A patchy mask: a few ellipses, some of them holes, with a ragged border."""
    rows, columns = np.mgrid[:height, :width]
    mask = np.zeros((height, width), bool)
    y, x = rng.uniform(0, height), rng.uniform(0, width)
    for part in range(rng.integers(1, 4)):
        ry, rx = rng.uniform(2, height / 3), rng.uniform(2, width / 3)
        inside = ((rows - y) / ry) ** 2 + ((columns - x) / rx) ** 2 + rng.normal(0, 0.05, mask.shape) < 1
        mask = mask & ~inside if part == 2 else mask | inside
        y, x = y + rng.normal(0, height / 6), x + rng.normal(0, width / 6)
    return mask


def counts_of(mask):
    """Uncompressed run lengths, column by column, the first outside."""
    flat = np.concatenate([[0], mask.ravel(order="F").astype(np.int8), [0]])
    edges = np.flatnonzero(np.diff(flat))
    counts = np.diff(np.concatenate([[0], edges, [mask.size]])).tolist()
    return counts[:-1] if counts[-1] == 0 and len(counts) > 1 else counts


def random_set(seed):
    rng = np.random.default_rng(seed)
    kind = ["boxes", "polygons", "masks"][seed % 3]
    height, width = int(rng.integers(20, 400)), int(rng.integers(20, 400))
    images, categories = int(rng.integers(1, 8)), int(rng.integers(1, 5))
    truths, detections = int(rng.integers(0, 40)), int(rng.integers(0, 60))
    if kind == "masks":
        height, width = min(height, 150), min(width, 150)
    # Some sets have more detections than the limit of 100 per image.
    if seed % 10 == 0:
        images, categories, detections = 1, 1, 160

    def shape(like=None):
        if kind == "masks":
            mask = blob(rng, height, width) if like is None else np.roll(like, tuple(rng.integers(-3, 4, 2)), (0, 1))
            return mask
        if like is None:
            size = rng.uniform(2, [width, height]) * rng.uniform(0.05, 0.9)
            box = [*(rng.uniform(-5, [width, height])), *size]
        else:
            box = np.asarray(like) + rng.normal(0, 0.08 * min(like[2:]) + 0.1, 4)
        # Whole numbers meet thresholds exactly.
        box = np.round(box) if seed % 4 == 0 else np.asarray(box)
        box[2:] = np.maximum(box[2:], 1.0)
        return box.tolist()

    def put(entry, what):
        if kind == "boxes":
            entry["box"] = what
        elif kind == "polygons":
            x, y, w, h = what
            entry["rings"] = [octagon(what)]
            if rng.random() < 0.3:
                entry["rings"].append(octagon([x + w * 0.8, y + h * 0.5, w * 0.7, h * 0.6]))
        else:
            entry["counts"] = counts_of(what)
        return entry

    data = {"kind": kind, "height": height, "width": width, "truths": [], "detections": []}
    shapes = []
    for _ in range(truths):
        what = shape()
        entry = {"image": int(rng.integers(images)), "category": int(rng.integers(1, categories + 1)),
                 "crowd": bool(rng.random() < 0.1)}
        area = what.sum() if kind == "masks" else what[2] * what[3]
        entry["area"] = float(area) * (20.0 if seed % 5 == 0 else 1.0)
        shapes.append((entry, what))
        data["truths"].append(put(dict(entry), what))
    for _ in range(detections):
        entry = {"image": int(rng.integers(images)), "category": int(rng.integers(1, categories + 1))}
        what = None
        if shapes and rng.random() < 0.8:
            truth, like = shapes[rng.integers(len(shapes))]
            entry = {key: truth[key] for key in ("image", "category")}
            what = shape(like)
        entry["score"] = float(np.round(rng.random(), 1 if seed % 2 else 6))
        data["detections"].append(put(entry, what if what is not None else shape()))
    return data


def segmentation(data, entry):
    height, width = data["height"], data["width"]
    if "rings" in entry:
        return coco_mask.merge(coco_mask.frPyObjects(entry["rings"], height, width))
    return coco_mask.frPyObjects({"size": [height, width], "counts": entry["counts"]}, height, width)


def evaluate(data):
    """The tables of pycocotools, and the seconds they took."""
    kind = "bbox" if data["kind"] == "boxes" else "segm"
    entries = data["truths"] + data["detections"]
    images = sorted({entry["image"] for entry in entries}) or [0]
    categories = sorted({entry["category"] for entry in entries}) or [1]
    truths, found = [], []
    for number, entry in enumerate(data["truths"], 1):
        box = entry.get("box", [0, 0, 1, 1])
        out = {"id": number, "image_id": entry["image"], "category_id": entry["category"],
               "iscrowd": int(entry["crowd"]), "area": entry["area"], "bbox": box}
        if kind == "segm":
            out["segmentation"] = segmentation(data, entry)
        truths.append(out)
    for entry in data["detections"]:
        out = {"image_id": entry["image"], "category_id": entry["category"], "score": entry["score"]}
        out |= {"bbox": entry["box"]} if kind == "bbox" else {"segmentation": segmentation(data, entry)}
        found.append(out)
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "images": [{"id": image, "height": data["height"], "width": data["width"]} for image in images],
            "categories": [{"id": category, "name": str(category)} for category in categories],
            "annotations": truths,
        }
        truth.createIndex()
        detections = truth.loadRes(found) if found else COCO()
        if not found:
            detections.dataset = {**truth.dataset, "annotations": []}
            detections.createIndex()
        scorer = COCOeval(truth, detections, kind)
        start = time.perf_counter()
        scorer.evaluate()
        scorer.accumulate()
        seconds = time.perf_counter() - start
        scorer.summarize()
    precision = scorer.eval["precision"]  # thresholds, recalls, categories, areas, detections
    weights = np.arange(1, precision.shape[1] + 1) / 1000
    return {
        "categories": categories,
        # As [category][area][detections][threshold], each with the mean over the recalls and a
        # sum that tells the recalls apart.
        "precision": precision.mean(1).transpose(1, 2, 3, 0).ravel().tolist(),
        "weighted": np.einsum("trkam,r->kamt", precision, weights).ravel().tolist(),
        "recall": scorer.eval["recall"].transpose(1, 2, 3, 0).ravel().tolist(),
        "summary": scorer.stats.tolist(),
        "seconds": seconds,
    }


def time_masks(folder, repetitions=30):
    """Overlaps of many masks of one picture."""
    rng = np.random.default_rng(5)
    groups = []
    for side, count in [(128, 60), (512, 100), (1024, 60)]:
        masks = [blob(rng, side, side) for _ in range(2 * count)]
        rles = [coco_mask.encode(np.asfortranarray(mask.astype(np.uint8))) for mask in masks]
        detections, truths = rles[:count], rles[count:]
        crowd = [0] * count
        best = min(timed(lambda: coco_mask.iou(detections, truths, crowd)) for _ in range(repetitions))
        groups.append({
            "height": side, "width": side, "seconds": best,
            "detections": [counts_of(mask) for mask in masks[:count]],
            "truths": [counts_of(mask) for mask in masks[count:]],
            "texts": [rle["counts"].decode() for rle in rles],
            "ious": coco_mask.iou(detections, truths, crowd).ravel().tolist(),
        })
        print(f"{count} x {count} masks of {side} x {side}: {best * 1e3:.2f} ms")
    (folder / "masks.json").write_text(json.dumps(groups))


def timed(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path, nargs="?")
    parser.add_argument("--sets", type=int, default=200)
    parser.add_argument("--ours", type=pathlib.Path, help="the example check_metrics")
    parser.add_argument("--golden", action="store_true")
    arguments = parser.parse_args()
    if arguments.golden:
        for kind in ["boxes", "polygons"]:
            for seed in [100, 200]:
                print(kind, seed, json.dumps(evaluate(golden_set(seed, kind))["summary"]))
        return
    arguments.folder.mkdir(parents=True, exist_ok=True)
    seconds = 0.0
    with open(arguments.folder / "sets.jsonl", "w") as file:
        for seed in range(arguments.sets):
            data = random_set(seed)
            data |= evaluate(data)
            seconds += data["seconds"]
            file.write(json.dumps(data) + "\n")
    print(f"{arguments.sets} sets, {seconds:.2f} s in pycocotools")
    time_masks(arguments.folder)
    if arguments.ours:
        out = arguments.folder / "out"
        subprocess.run([arguments.ours, "--coco", arguments.folder, "--out", out], check=True)


if __name__ == "__main__":
    main()
