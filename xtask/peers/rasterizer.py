"""How many pixels the published pattern generator's rasterizer gives to symbols and lines.

    python xtask/peers/rasterizer.py

Draws the same random symbols, lines and corners of polylines (at the default
configuration) twice: with exact widths, as `mapvec-synth` does, and with OpenCV's `line`
and `fillPoly` and the rounding of points that the published generator uses. Prints the
mean numbers of pixels and their ratio, by which the shares of pixels in docs/results.md
differ. Needs numpy and opencv-python-headless.
"""

import cv2
import numpy as np

SIDE, COUNT = 64, 20_000
Y, X = np.mgrid[0:SIDE, 0:SIDE].astype(float)


def stroke(mask, a, b, width):
    """The pixels within half the width of a segment."""
    way = b - a
    length = way @ way
    along = ((X - a[0]) * way[0] + (Y - a[1]) * way[1]) / length if length > 0 else 0 * X
    along = np.clip(along, 0, 1)
    away = np.hypot(X - a[0] - along * way[0], Y - a[1] - along * way[1])
    mask |= away <= width / 2 + 1e-9


def convex(mask, corners):
    """The pixels inside or on a convex polygon."""
    left, right = np.ones_like(mask), np.ones_like(mask)
    for a, b in zip(corners, np.roll(corners, -1, axis=0)):
        side = (b[0] - a[0]) * (Y - a[1]) - (b[1] - a[1]) * (X - a[0])
        left &= side >= -1e-9
        right &= side <= 1e-9
    low, high = corners.min(0) - 1e-9, corners.max(0) + 1e-9
    mask |= (left | right) & (X >= low[0]) & (X <= high[0]) & (Y >= low[1]) & (Y <= high[1])


def outlines(kind, size):
    """The rings or lines of a symbol around the origin."""
    h = size / 2
    if kind == "rectangle":
        return [np.array([(-h, -h), (h, -h), (h, h), (-h, h), (-h, -h)])]
    if kind == "triangle":
        return [np.array([(-h, 0), (h, 0), (0, h), (-h, 0)])]
    if kind == "circle":
        angles = np.linspace(0, 2 * np.pi, 4 * size + 1)
        return [h * np.c_[np.cos(angles), np.sin(angles)]]
    return [np.array([(-h, 0), (h, 0)]), np.array([(0, -h), (0, h)])]


def exact(lines, filled, step):
    """Points on the nearest pixel; a step of thickness `t` is `2 t - 1` px wide."""
    mask = np.zeros((SIDE, SIDE), bool)
    for line in (np.trunc(line + 0.5) for line in lines):
        if filled:
            convex(mask, line[:-1])
        for width in [1] * filled + [2 * step - 1] * (step > 0):
            for a, b in zip(line, line[1:]):
                stroke(mask, a, b, width)
    return mask


def published(lines, filled, step):
    """Points half a pixel further; OpenCV's idea of a thickness."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    for line in (np.round(line + 0.5).astype(np.int32) for line in lines):
        if filled:
            cv2.fillPoly(mask, [line[:-1].reshape(-1, 1, 2)], 1)
        if step > 0:
            for a, b in zip(line.tolist(), line[1:].tolist()):
                cv2.line(mask, a, b, 1, step)
    return mask > 0


def symbol(rng):
    """A symbol of the default configuration."""
    kind = rng.choice(["rectangle", "triangle", "circle", "cross"])
    size = int(rng.integers(2, 6))
    filled = rng.random() < 0.5 and kind != "cross"
    bordered = filled and rng.random() < 0.7
    step = min(int(rng.integers(1, 3)), size - 2)
    step = (max(step, 0) if bordered else 0) if filled else max(step, 1)
    sine, cosine = np.sin(angle := rng.uniform(0, 2 * np.pi)), np.cos(angle)
    turn = np.array([[cosine, -sine], [sine, cosine]])
    return [line @ turn.T + SIDE / 2 for line in outlines(kind, size)], filled, step


def ray(rng, start, low, high):
    """The end of a line of random length and direction."""
    angle = rng.uniform(0, 2 * np.pi)
    return start + rng.uniform(low, high) * np.array([np.cos(angle), np.sin(angle)])


def main():
    rng = np.random.default_rng(1)
    counts = {"symbols": [], "lines": [], "corners of polylines": []}
    middle = np.full(2, SIDE / 2)
    for _ in range(COUNT):
        drawn = symbol(rng)
        counts["symbols"].append((exact(*drawn).sum(), published(*drawn).sum()))
        step = int(rng.integers(1, 4))
        a, b = ray(rng, middle, 4, 29), ray(rng, middle, 4, 29)
        first, second = ([np.array([middle, end])] for end in (a, b))
        pairs = [(draw(first, False, step), draw(second, False, step)) for draw in (exact, published)]
        counts["lines"].append([one.sum() for one, _ in pairs])
        counts["corners of polylines"].append([(one & two).sum() for one, two in pairs])
    print("| pixels, mean | exact | published | ratio |\n|---|---|---|---|")
    for name, values in counts.items():
        ours, theirs = np.mean(values, axis=0)
        print(f"| {name} | {ours:.2f} | {theirs:.2f} | {ours / theirs:.3f} |")


if __name__ == "__main__":
    main()
