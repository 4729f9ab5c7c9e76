//! Arguments from bytes.

use geo_types::{Coord, LineString, MultiPolygon, Polygon};
use ndarray::Array2;

/// Numbers that break what was not written with care.
const SPECIAL: [f64; 16] = [
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::MAX,
    f64::MIN,
    f64::MIN_POSITIVE,
    5e-324,
    -0.0,
    1e100,
    -1e100,
    1e154,
    1e-160,
    1e16,
    9_007_199_254_740_991.0,
    f64::EPSILON,
    -1.0,
];

/// Vertices and pixels of large shapes and rasters for one input, a vertex counted as ten:
/// both operands of an overlay may have thousands of vertices.
const BUDGET: usize = 80_000;

/// A cursor over bytes; beyond their end it reads zeros.
#[derive(Debug, Clone)]
pub struct Bytes<'a> {
    rest: &'a [u8],
    /// What is left of [`BUDGET`].
    budget: usize,
}

impl<'a> Bytes<'a> {
    /// Reads from the first byte on.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, budget: BUDGET }
    }

    pub(super) fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        first
    }

    /// A number below `end`, at most 256.
    pub(super) fn below(&mut self, end: usize) -> usize {
        (usize::from(self.byte()) * end) >> 8
    }

    pub(super) fn flag(&mut self) -> bool {
        self.byte() >= 128
    }

    /// A number of any size, kind and sign.
    pub(super) fn number(&mut self) -> f64 {
        match self.below(8) {
            0 => SPECIAL[self.below(SPECIAL.len())],
            1 => f64::from_bits((0..8).fold(0, |bits, _| (bits << 8) | u64::from(self.byte()))),
            2 => -f64::from(self.byte()) / 16.0,
            3 | 4 => f64::from(self.byte()) / 64.0,
            _ => f64::from(self.byte()) / 8.0,
        }
    }

    /// A length in a range that most settings allow; any number in one case of 8.
    pub(super) fn length(&mut self) -> f64 {
        if self.below(8) == 0 { self.number() } else { f64::from(self.byte()) / 16.0 }
    }

    fn coordinates(&mut self) -> Coordinates {
        match self.below(16) {
            0..=4 => Coordinates::Lattice(1.0, 0.0, 8),
            5..=6 => Coordinates::Lattice(1.0, 0.0, 32),
            7 => Coordinates::Lattice(1.0 / 3.0, -7.0, 64),
            8 => Coordinates::Lattice(1e-12, 0.0, 256),
            9 => Coordinates::Lattice(1e-7, 1e6, 256),
            10 => Coordinates::Lattice(1e15, -1e17, 256),
            11 => Coordinates::Lattice(1e97, 0.0, 256),
            12 => Coordinates::Lattice(1e-300, 0.0, 16),
            13 | 14 => Coordinates::Real,
            _ => Coordinates::Any,
        }
    }

    fn coordinate(&mut self, kind: Coordinates) -> f64 {
        match kind {
            Coordinates::Lattice(step, origin, count) => origin + step * self.below(count) as f64,
            Coordinates::Real => {
                let high = f64::from(self.byte());
                (high * 256.0 + f64::from(self.byte())) / 1021.0
            }
            Coordinates::Any => self.number(),
        }
    }

    fn points(&mut self, kind: Coordinates, most: usize) -> Vec<Coord<f64>> {
        let count = self.below(most + 1);
        (0..count).map(|_| Coord { x: self.coordinate(kind), y: self.coordinate(kind) }).collect()
    }

    /// Points, up to 24.
    pub(super) fn cloud(&mut self) -> Vec<Coord<f64>> {
        let kind = self.coordinates();
        self.points(kind, 24)
    }

    /// A line with any points, up to 16.
    pub(super) fn line(&mut self) -> LineString<f64> {
        let kind = self.coordinates();
        let mut points = self.points(kind, 16);
        if self.below(4) == 0 {
            points.extend(points.first().copied());
        }
        LineString(points)
    }

    /// A polygon that need not be valid: any rings, or rings nested in each other.
    pub(super) fn polygon(&mut self) -> Polygon<f64> {
        let kind = self.coordinates();
        if self.below(16) == 0 {
            return self.nested();
        }
        let count = 32 * (self.below(125) + 1);
        if self.is_large(10 * count) {
            return Polygon::new(self.long_ring(count), Vec::new());
        }
        let exterior = LineString(self.points(kind, 16));
        let holes = self.below(4).saturating_sub(1);
        let holes = (0..holes).map(|_| LineString(self.points(kind, 8))).collect();
        Polygon::new(exterior, holes)
    }

    /// Whether a large shape or raster of this size follows, in one case of 512; after a
    /// large one in one of 4, so that they meet.
    fn is_large(&mut self, size: usize) -> bool {
        let large = if self.budget < BUDGET {
            self.below(4) == 3
        } else {
            self.byte() == 255 && self.flag()
        };
        let large = large && size <= self.budget;
        if large {
            self.budget -= size;
        }
        large
    }

    /// A ring of up to 4000 vertices from a few bytes: waves with noise.
    fn long_ring(&mut self, count: usize) -> LineString<f64> {
        let centre = Coord { x: f64::from(self.byte()) / 8.0, y: f64::from(self.byte()) / 8.0 };
        let radius = 1.0 + f64::from(self.byte()) / 8.0;
        let (waves, depth) = (f64::from(self.byte()), f64::from(self.byte()) / 280.0);
        let noise = [0.0, 1e-13, 1e-7, 0.3][self.below(4)];
        let mut state = u64::from(self.byte());
        let vertex = |k: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(0x2545_F491);
            let angle = std::f64::consts::TAU * k as f64 / count as f64;
            let wave = 1.0 + depth * (waves * angle).sin();
            let off = noise * (f64::from((state >> 40) as u16) / 65536.0 - 0.5);
            centre + Coord { x: angle.cos(), y: angle.sin() } * (radius * wave + off)
        };
        (0..count).map(vertex).collect()
    }

    /// Squares in squares, with sides that may touch.
    fn nested(&mut self) -> Polygon<f64> {
        let most = if self.below(8) == 0 { 40 } else { 8 };
        let depth = self.below(most) + 1;
        let step = if self.flag() { 1.0 } else { 0.1 };
        let touching = self.flag();
        let ring = |k: usize| {
            let low = if touching { 0.0 } else { k as f64 * step };
            let high = (2 * depth - k) as f64 * step;
            LineString::from(vec![(low, low), (high, low), (high, high), (low, high), (low, low)])
        };
        Polygon::new(ring(0), (1..depth).map(ring).collect())
    }

    /// Up to four polygons.
    pub(super) fn multi_polygon(&mut self) -> MultiPolygon<f64> {
        let count = self.below(4) + 1;
        MultiPolygon((0..count).map(|_| self.polygon()).collect())
    }

    /// A label map of up to 20 x 20 pixels, in blocks or single pixels; rarely a large one.
    pub(super) fn labels(&mut self) -> Array2<u32> {
        let (height, width) = (self.below(21), self.below(21));
        let (highest, block) = (self.below(6) + 1, self.below(4) + 1);
        if self.is_large(height * width * 64) {
            let mut state = u64::from(self.byte()) << 8 | u64::from(self.byte());
            return Array2::from_shape_simple_fn((8 * height, 8 * width), || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(0x2545_F491);
                (state >> 33) as u32 % highest as u32
            });
        }
        let cells = Array2::from_shape_simple_fn((height, width), || self.below(highest));
        Array2::from_shape_fn((height, width), |(i, j)| cells[[i / block, j / block]] as u32)
    }

    /// A field of up to 12 x 12 samples.
    pub(super) fn field(&mut self) -> Array2<f64> {
        let (height, width) = (self.below(13), self.below(13));
        let kind = self.coordinates();
        Array2::from_shape_simple_fn((height, width), || self.coordinate(kind))
    }
}

/// How coordinates are drawn.
#[derive(Debug, Clone, Copy)]
enum Coordinates {
    /// Step, origin and number of values: points coincide and lie on lines.
    Lattice(f64, f64, usize),
    Real,
    Any,
}
