"""The peer of the area `watershed`: scikit-image, flooding from all minima
with one-pixel lines, on a smooth random picture of 8 bits.

The picture (1024 x 1024) is made of integers only, so that both sides have the
same pixels. With splitmix64 as a function of a counter,

    z = (counter + 1) * 0x9E3779B97F4A7C15
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB
    splitmix64(counter) = z ^ (z >> 31)                  (all modulo 2^64)

the lattice value of octave o at lattice row r and column c is the top byte,

    lattice(o, r, c) = splitmix64(o << 40 | r << 20 | c) >> 56.

An octave of spacing s (a power of two) interpolates bilinearly: pixel (y, x)
lies in the cell r = y / s, c = x / s at the offsets v = y % s, u = x % s, and

    octave(o, s, y, x) = ( (s - v) * ((s - u) * lattice(o, r,     c) + u * lattice(o, r,     c + 1))
                         +      v  * ((s - u) * lattice(o, r + 1, c) + u * lattice(o, r + 1, c + 1))
                         + s * s / 2 ) / (s * s)          (integer division)
    pixel(y, x) = (3 * octave(0, 32, y, x) + octave(1, 8, y, x) + 2) / 4.

The check is the sum over all pixels of pixel(y, x) * (1 + (1024 * y + x) % 251).

Case: `minima`, 4-connected. scikit-image has one thread; it runs with one
whatever it is told, and reports the number it was told.
"""

import numpy as np
from skimage.segmentation import watershed

from measure import measure

SIZE = 1024


def splitmix64(counter):
    with np.errstate(over="ignore"):
        z = (counter + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def octave(number, spacing):
    count = SIZE // spacing + 1
    row, column = np.mgrid[:count, :count].astype(np.uint64)
    counter = np.uint64(number << 40) | row << np.uint64(20) | column
    lattice = (splitmix64(counter) >> np.uint64(56)).astype(np.int64)
    y, x = np.mgrid[:SIZE, :SIZE]
    r, v, c, u = y // spacing, y % spacing, x // spacing, x % spacing
    top = (spacing - u) * lattice[r, c] + u * lattice[r, c + 1]
    bottom = (spacing - u) * lattice[r + 1, c] + u * lattice[r + 1, c + 1]
    area = spacing * spacing
    return ((spacing - v) * top + v * bottom + area // 2) // area


def picture():
    return ((3 * octave(0, 32) + octave(1, 8) + 2) // 4).astype(np.uint8)


def checksum(pixels):
    weights = 1 + np.arange(pixels.size, dtype=np.int64) % 251
    return int((pixels.reshape(-1).astype(np.int64) * weights).sum())


def main():
    height = picture()

    def flood():
        watershed(height, connectivity=1, watershed_line=True)

    measure("minima", flood, checksum(height), repetitions=3, warm_up=1)


if __name__ == "__main__":
    main()
