"""The verdict of GEOS on the shapes of the example `check_geometry`.

    cargo run --release --example check_geometry -- --smoke --shapes --out out
    python xtask/peers/validity.py out/shapes.wkt

Reads one shape a line as well-known text; a line without text ends the shapes of one
coverage. Prints how many shapes are invalid, and how many coverages have polygons that
overlap or do not share their edges. For the full counts make `out/shapes.wkt` a named
pipe (`mkfifo`) and start both commands.
"""

import sys

import numpy
import shapely

BLOCK = 50_000


def blocks(lines):
    """Whole coverages of about BLOCK shapes: texts, and where each coverage begins."""
    texts, starts = [], [0]
    for line in lines:
        if line := line.strip():
            texts.append(line)
        else:
            starts.append(len(texts))
            if len(texts) >= BLOCK:
                yield texts, starts
                texts, starts = [], [0]
    if texts:
        yield texts, starts


def main():
    shapes, invalid, coverages, unfit = 0, 0, 0, 0
    with open(sys.argv[1], encoding="ascii") as lines:
        for texts, starts in blocks(lines):
            geometries = shapely.from_wkt(texts)
            valid = shapely.is_valid(geometries)
            shapes += len(texts)
            invalid += len(texts) - int(valid.sum())
            for geometry in geometries[~valid][:3]:
                print(shapely.is_valid_reason(geometry), file=sys.stderr)
            for start, end in zip(starts, starts[1:]):
                coverages += 1
                # Of a mask there is one shape.
                if end - start > 1:
                    unfit += not numpy.all(shapely.coverage_is_valid(geometries[start:end]))
    version = ".".join(map(str, shapely.geos_version))
    verdict = f"{shapes} shapes, {invalid} invalid; {coverages} coverages, {unfit} unfit"
    print(f"{verdict} (GEOS {version})")
    sys.exit(invalid + unfit > 0)


if __name__ == "__main__":
    main()
