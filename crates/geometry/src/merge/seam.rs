//! Stretches of rings that lie on the borders of cores.

use crate::{Error, MultiPolygonFault, Result, Window};
use geo_types::Coord;
use std::collections::{HashMap, HashSet};

/// A point by its bits, so that equal points are found exactly.
pub(super) type Key = [u64; 2];

/// The key of a point; the two zeros are one.
pub(super) fn key(p: Coord<f64>) -> Key {
    [p.x + 0.0, p.y + 0.0].map(f64::to_bits)
}

/// The four sides of a core.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub(super) low: Coord<f64>,
    pub(super) high: Coord<f64>,
}

impl Frame {
    pub(super) fn new(core: Window) -> Self {
        let end = |start: u32, length: u32| f64::from(start) + f64::from(length);
        let low = Coord { x: f64::from(core.x), y: f64::from(core.y) };
        Self { low, high: Coord { x: end(core.x, core.width), y: end(core.y, core.height) } }
    }

    pub(super) fn holds(&self, p: Coord<f64>) -> bool {
        self.low.x <= p.x && p.x <= self.high.x && self.low.y <= p.y && p.y <= self.high.y
    }

    fn is_on_upright_side(&self, p: Coord<f64>) -> bool {
        equal(p.x, self.low.x) || equal(p.x, self.high.x)
    }

    fn is_on_level_side(&self, p: Coord<f64>) -> bool {
        equal(p.y, self.low.y) || equal(p.y, self.high.y)
    }

    pub(super) fn has_on_side(&self, p: Coord<f64>) -> bool {
        self.is_on_upright_side(p) || self.is_on_level_side(p)
    }

    /// The line along which an edge runs, if that is a side.
    fn line_of(&self, a: Coord<f64>, b: Coord<f64>) -> Option<SeamLine> {
        if equal(a.x, b.x) && self.is_on_upright_side(a) {
            return Some(SeamLine::upright(a));
        }
        (equal(a.y, b.y) && self.is_on_level_side(a)).then(|| SeamLine::level(a))
    }
}

/// Sides are whole numbers, so this is a test of identity.
fn equal(a: f64, b: f64) -> bool {
    (a + 0.0).total_cmp(&(b + 0.0)).is_eq()
}

/// A line x = c (upright) or y = c, with the bits of c.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct SeamLine {
    is_upright: bool,
    bits: u64,
}

impl SeamLine {
    fn upright(p: Coord<f64>) -> Self {
        Self { is_upright: true, bits: key(p)[0] }
    }

    fn level(p: Coord<f64>) -> Self {
        Self { is_upright: false, bits: key(p)[1] }
    }

    fn along(self, p: Coord<f64>) -> f64 {
        if self.is_upright { p.y } else { p.x }
    }
}

/// All vertices on sides of cores, and the stretches between them.
#[derive(Debug, Default)]
pub(super) struct Seams {
    points: HashSet<Key>,
    /// Vertices on each line, in order along it.
    stops: HashMap<SeamLine, Vec<Coord<f64>>>,
    /// The piece that uses each directed stretch.
    users: HashMap<[Key; 2], usize>,
}

impl Seams {
    /// Notes the vertices of a piece that lie on the sides of its core.
    pub(super) fn add_vertices(&mut self, frame: &Frame, ring: &[Coord<f64>]) {
        for &p in ring.iter().filter(|p| frame.has_on_side(**p)) {
            if !self.points.insert(key(p)) {
                continue;
            }
            // A line that is no side here may be one of another core.
            for line in [SeamLine::upright(p), SeamLine::level(p)] {
                self.stops.entry(line).or_default().push(p);
            }
        }
    }

    /// To be called between the last vertex and the first stretch.
    pub(super) fn sort(&mut self) {
        for (line, stops) in &mut self.stops {
            stops.sort_by(|&p, &q| line.along(p).total_cmp(&line.along(q)));
        }
    }

    pub(super) fn contains(&self, p: Coord<f64>) -> bool {
        self.points.contains(&key(p))
    }

    /// The ring with a vertex wherever another piece has one on the same side.
    ///
    /// # Errors
    /// Another piece lies on the same side of one of the stretches.
    pub(super) fn cut(
        &mut self,
        piece: usize,
        frame: &Frame,
        ring: &[Coord<f64>],
    ) -> Result<Vec<Coord<f64>>> {
        let mut cut = Vec::with_capacity(ring.len());
        for (&a, &b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
            cut.push(a);
            let Some(line) = frame.line_of(a, b) else { continue };
            let mut from = a;
            let stops = self.stops.get(&line).map_or(&[][..], Vec::as_slice);
            let place = |p: Coord<f64>| line.along(p);
            let (low, high) = (place(a).min(place(b)), place(a).max(place(b)));
            let start = stops.partition_point(|&p| place(p) <= low);
            let end = stops.partition_point(|&p| place(p) < high).max(start);
            let mut next = |to: Coord<f64>| {
                match self.users.insert([key(from), key(to)], piece) {
                    Some(other) => return Err(overlap(other, piece, from)),
                    None => from = to,
                }
                Ok(())
            };
            let between = &stops[start..end];
            let before = cut.len();
            cut.extend_from_slice(between);
            if place(a) > place(b) {
                cut[before..].reverse();
            }
            for &stop in &cut[before..] {
                next(stop)?;
            }
            next(b)?;
        }
        Ok(cut)
    }

    /// The piece on the other side of a stretch.
    pub(super) fn opposite(&self, a: Coord<f64>, b: Coord<f64>) -> Option<usize> {
        self.users.get(&[key(b), key(a)]).copied()
    }
}

fn overlap(first: usize, second: usize, at: Coord<f64>) -> Error {
    Error::MultiPolygon(MultiPolygonFault::Overlap { first, second, x: at.x, y: at.y })
}
