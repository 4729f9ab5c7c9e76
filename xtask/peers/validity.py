"""The verdict of GEOS on the shapes of the example `check_geometry`.

    cargo run --release --example check_geometry -- --smoke --shapes --out out
    python xtask/peers/validity.py out/shapes.wkt

Reads one shape a line as well-known text and prints how many are invalid.
"""

import sys
from itertools import islice

import shapely


def main():
    shapes, invalid = 0, 0
    with open(sys.argv[1], encoding="ascii") as lines:
        while block := list(islice(lines, 50_000)):
            geometries = shapely.from_wkt(block)
            valid = shapely.is_valid(geometries)
            shapes += len(block)
            invalid += len(block) - int(valid.sum())
            for geometry in geometries[~valid][:3]:
                print(shapely.is_valid_reason(geometry), file=sys.stderr)
    version = ".".join(map(str, shapely.geos_version))
    print(f"{shapes} shapes, {invalid} invalid (GEOS {version})")
    sys.exit(invalid > 0)


if __name__ == "__main__":
    main()
