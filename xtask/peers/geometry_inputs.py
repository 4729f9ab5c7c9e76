"""Inputs of the area `geometry`: shapes from formulas, rasters from files.

Random numbers are splitmix64 as a function of seed and position,

    z = seed + (index + 1) * 0x9E3779B97F4A7C15
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB
    splitmix64(seed, index) = z ^ (z >> 31)              (all modulo 2^64)

and uniform(seed, index) = (splitmix64(seed, index) >> 11) / 2^53.
"""

import numpy as np

# Where the rasters are; without a folder they are drawn anew.
FOLDER = None


def uniform(shape, seed, low=0.0, high=1.0):
    count = int(np.prod(shape))
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    unit = (z >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return (low + (high - low) * unit).reshape(shape)


def normal(shape, seed):
    unit = uniform(2 * int(np.prod(shape)), seed)
    pairs = np.sqrt(-2 * np.log(1 - unit[0::2])) * np.cos(2 * np.pi * unit[1::2])
    return pairs.reshape(shape)


def rounded(points):
    return np.round(points).astype(np.int32)


def polylines(count, size):
    """Lines of three to eight points with steps up to 40 pixels per axis."""
    lines = []
    for seed in range(10000, 10000 + 3 * count, 3):
        points = int(np.floor(uniform(1, seed, 3, 9)[0]))
        start = uniform(2, seed + 1, 0, size)
        steps = uniform((points - 1, 2), seed + 2, -40, 40)
        lines.append(rounded(np.concatenate([start[None], start + np.cumsum(steps, 0)])))
    return lines


def star(count, centre, radius, seed, phase=0.0):
    """Vertices at equal angles with uniform distances from the centre."""
    angle = 2 * np.pi * (np.arange(count) / count) + phase
    distance = radius * (1 - 0.35 + 0.7 * uniform(count, seed))
    return np.stack([centre[0] + distance * np.cos(angle), centre[1] + distance * np.sin(angle)], 1)


def blob(count, centre, phase):
    """A smooth closed curve."""
    angle = 2 * np.pi * np.arange(count) / count
    distance = 100 * (1 + 0.2 * np.sin(5 * angle + phase) + 0.1 * np.sin(17 * angle + 2 * phase))
    return np.stack([centre[0] + distance * np.cos(angle), centre[1] + distance * np.sin(angle)], 1)


def small_stars(count, size):
    seeds = range(20000, 20000 + count)
    return [rounded(star(12, uniform(2, seed, 0, size), 25, seed + 1000)) for seed in seeds]


def parcels(count):
    return [star(16, uniform(2, seed, 0, 1000), 20, seed + 900) for seed in range(9000, 9000 + count)]


def operands(family, count):
    if family == "star":
        return star(count, (0, 0), 100, 8000 + count), star(count, (35, 20), 100, 8500 + count, 0.1)
    return blob(count, (0, 0), 0.3), blob(count, (35, 20), 1.1)


def check_points(points):
    """Sum over all points of their place in sixteenths, weighted by their number."""
    place = np.round(points * 16.0).astype(np.int64) + (1 << 20)
    weights = 1 + np.arange(len(points), dtype=np.int64) % 251
    return abs(int((weights * (place[:, 0] + 3 * place[:, 1])).sum()))


def check_pixels(pixels):
    """Sum over all pixels of their value, weighted by their number."""
    weights = 1 + np.arange(pixels.size, dtype=np.int64) % 251
    return int((pixels.reshape(-1).astype(np.int64) * weights).sum())


def scene(noise, smooth):
    """A map of 1024 x 1024: areas, hatchings, dots, contour lines, roads; RGB bytes."""
    import cv2

    side = 1024
    picture = np.full((side, side, 3), (235, 245, 250), np.uint8)
    kind = cv2.LINE_AA if smooth else cv2.LINE_8
    colours = [(190, 225, 190), (235, 215, 180), (200, 200, 235), (180, 235, 235), (215, 190, 215)]
    for i in range(14):
        centre = uniform(2, 70000 + i, 80, side - 80)
        angle = 2 * np.pi * np.arange(14) / 14
        x = centre[0] + (60 + 60 * uniform(14, 70100 + i)) * np.cos(angle)
        y = centre[1] + (60 + 60 * uniform(14, 70200 + i)) * np.sin(angle)
        area = rounded(np.stack([x, y], 1))
        cv2.fillPoly(picture, [area], colours[i % 5], kind)
        cv2.polylines(picture, [area], True, (90, 90, 90), 1, kind)
    for i in range(3):
        x, y = np.round(uniform(2, 71000 + i, 50, side - 300)).astype(int)
        corners = [[x, y], [x + 200, y + 20], [x + 230, y + 180], [x + 30, y + 210]]
        corners = np.array(corners, np.int32)
        mask = np.zeros((side, side), np.uint8)
        cv2.fillPoly(mask, [corners], 255)
        pattern = picture.copy()
        if i < 2:
            lean = side if i == 0 else -side
            for k in range(-side, 2 * side, 12):
                cv2.line(pattern, (k, 0), (k + lean, side), (60, 60, 160), 2, kind)
        else:
            for a in range(0, side, 14):
                for b in range(0, side, 14):
                    cv2.circle(pattern, (a, b), 3, (60, 120, 60), -1, kind)
        picture[mask > 0] = pattern[mask > 0]
        cv2.polylines(picture, [corners], True, (60, 60, 60), 1, kind)
    for k in range(7):
        angle = np.linspace(0, 2 * np.pi, 200)
        radius = 40 + 28 * k
        x = 520 + radius * (1 + 0.15 * np.sin(3 * angle)) * np.cos(angle)
        y = 430 + radius * (1 + 0.1 * np.cos(2 * angle)) * np.sin(angle)
        line = rounded(np.stack([x, y], 1) * 16)
        cv2.polylines(picture, [line], True, (40, 110, 190), 2 if k % 5 == 0 else 1, kind, 4)
    roads = []
    for i in range(8):
        points = uniform((4, 2), 72000 + i, 0, side)
        points[0, i % 2] = 0
        points[3, i % 2] = side - 1
        roads.append(rounded(points))
        cv2.polylines(picture, [roads[-1]], False, (30, 30, 30), 8, kind)
    for road in roads:
        cv2.polylines(picture, [road], False, (120, 220, 250), 5, kind)
    if noise:
        shaken = picture.astype(np.float64) + noise * normal(picture.shape, 73000)
        picture = np.clip(shaken, 0, 255).astype(np.uint8)
    return picture


def classes(picture):
    """The nearest of twelve mean colours."""
    import cv2

    pixels = picture.reshape(-1, 3).astype(np.float32)
    cv2.setRNGSeed(1)
    end = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 1.0)
    _, _, means = cv2.kmeans(pixels[::16].copy(), 12, None, end, 1, cv2.KMEANS_PP_CENTERS)
    nearest = np.argmin(((pixels[:, None, :] - means[None]) ** 2).sum(-1), 1)
    return nearest.reshape(picture.shape[:2]).astype(np.uint8)


def stars():
    import cv2

    canvas = np.zeros((512, 512), np.uint8)
    for polygon in small_stars(1000, 512):
        cv2.fillPoly(canvas, [polygon], 255)
    return canvas


def points():
    """64 pixels of value 0 in a plane of 1024 x 1024."""
    canvas = np.full((1024, 1024), 255, np.uint8)
    column, row = np.floor(uniform((64, 2), 40000, 0, 1024)).astype(int).T
    canvas[row, column] = 0
    return canvas


def lines():
    import cv2

    canvas = np.zeros((512, 512), np.uint8)
    for line in polylines(1000, 512):
        cv2.polylines(canvas, [line], False, 255, 5, cv2.LINE_8)
    return np.ascontiguousarray(canvas[:256, :256])


RASTERS = {
    "map-clean": lambda: classes(scene(0, False)),
    "map-noisy": lambda: classes(scene(4, True)),
    "stars": stars,
    "points": points,
    "lines": lines,
}


def raster(name):
    if FOLDER is None:
        return RASTERS[name]()
    pixels = np.fromfile(FOLDER / f"{name}.raw", np.uint8)
    side = int(round(pixels.size**0.5))
    return pixels.reshape(side, side)


def prepare(folder):
    """Draws the rasters of all cases."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in RASTERS.items():
        draw().tofile(folder / f"{name}.raw")
