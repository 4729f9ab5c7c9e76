//! The grid that overlays are computed on.

use crate::{raster::rings, signed_area};
use geo_types::{Coord, LineString, MultiPolygon, Polygon};

/// Half the side of the box of all shapes is at most two to this power, in steps.
/// The overlay scales its input by a power of two so that it fits 30 bits: with 29
/// bits and even numbers its scale is at least 1 and its origin is a whole number.
const BITS: f64 = 28.0;

/// Multiples of `step` around `centre`, itself one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    centre: Coord<f64>,
    step: f64,
}

impl Grid {
    /// The finest grid for all vertices; `None` without any.
    pub(super) fn around<'a>(polygons: impl Iterator<Item = &'a Polygon<f64>>) -> Option<Self> {
        let mut points = polygons.flat_map(rings).flat_map(LineString::coords).copied();
        let first = points.next()?;
        let (mut low, mut high) = (first, first);
        for p in points {
            low = Coord { x: low.x.min(p.x), y: low.y.min(p.y) };
            high = Coord { x: high.x.max(p.x), y: high.y.max(p.y) };
        }
        let half = 0.5 * (high.x - low.x).max(high.y - low.y);
        // Below 2^-900 everything falls onto one point.
        let step = (half.log2().ceil().max(-900.0) - BITS).exp2();
        let multiple = |value: f64| (value / step).round() * step;
        let centre = Coord {
            x: multiple(low.x + 0.5 * (high.x - low.x)),
            y: multiple(low.y + 0.5 * (high.y - low.y)),
        };
        Some(Self { centre, step })
    }

    /// The polygons in even multiples of half a step, oriented.
    ///
    /// Rings that collapse are left out.
    pub(super) fn snap(&self, polygons: &[Polygon<f64>]) -> MultiPolygon<f64> {
        let snapped = polygons.iter().filter_map(|polygon| {
            let mut lines = rings(polygon).map(|ring| self.snap_ring(ring));
            let mut exterior = lines.next().filter(|ring| signed_area(ring).abs() > 0.0)?;
            orient(&mut exterior, 1.0);
            let mut holes: Vec<_> = lines.filter(|ring| signed_area(ring).abs() > 0.0).collect();
            holes.iter_mut().for_each(|ring| orient(ring, -1.0));
            Some(Polygon::new(exterior, holes))
        });
        MultiPolygon(snapped.collect())
    }

    /// From half steps back to coordinates.
    ///
    /// The overlay does not turn all holes alike; here they are.
    pub(super) fn restore(&self, mut shapes: MultiPolygon<f64>) -> MultiPolygon<f64> {
        let half = 0.5 * self.step;
        let back = |ring: &mut LineString<f64>| {
            for p in &mut ring.0 {
                *p = Coord { x: p.x * half + self.centre.x, y: p.y * half + self.centre.y };
            }
        };
        for polygon in &mut shapes.0 {
            polygon.exterior_mut(|ring| {
                orient(ring, 1.0);
                back(ring);
            });
            polygon.interiors_mut(|holes| {
                for ring in holes {
                    orient(ring, -1.0);
                    back(ring);
                }
            });
        }
        shapes
    }

    fn snap_ring(&self, ring: &LineString<f64>) -> LineString<f64> {
        let even = |value: f64, centre: f64| 2.0 * ((value - centre) / self.step).round();
        let points = ring.coords();
        points.map(|p| (even(p.x, self.centre.x), even(p.y, self.centre.y))).collect()
    }
}

fn orient(ring: &mut LineString<f64>, sign: f64) {
    if signed_area(ring) * sign < 0.0 {
        ring.0.reverse();
    }
}
