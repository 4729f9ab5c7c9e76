//! Offsets of polygons and buffers of lines.
//!
//! A band along each segment and a sector beside each bend are united with the
//! shape, or subtracted from it. Unlike the tracing of an offset curve this is right
//! by definition, whatever curves cross.

use crate::{
    Cap, Join, Result, boolean,
    error::{check_coordinate, check_each, check_non_negative, check_positive},
    raster::MITER_LIMIT,
    ring::rings,
    signed_area,
    spatial_index::check_line,
};
use geo_types::{Coord, LineString, MultiPolygon, Polygon};
use serde::{Deserialize, Serialize};
use std::f64::consts::{FRAC_PI_4, PI, TAU};

/// Shapes that are united at a time.
const SET: usize = 8;
/// Pieces that neighbouring sets share, so that rounding leaves no slit between them.
const SHARED: usize = 3;
/// How often sets are united before all of them are.
const ROUNDS: usize = 3;
/// Most sides of a polygon that stands for a circle.
const MOST_SIDES: f64 = 1024.0;

/// Shape of offsets and buffers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OffsetConfig {
    /// Shape of the outer side of a bend; miters are at most four offsets long.
    pub join: Join,
    /// Shape of the ends of open lines.
    pub cap: Cap,
    /// Largest distance between an arc and the chords that stand for it (pixels,
    /// above 0). A circle gets 8 to 1024 sides.
    pub arc_tolerance: f64,
}

impl Default for OffsetConfig {
    fn default() -> Self {
        Self { join: Join::Round, cap: Cap::Round, arc_tolerance: 0.05 }
    }
}

impl OffsetConfig {
    /// Checks the ranges of the fields.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) names the first field out of range.
    pub fn validate(&self) -> Result<()> {
        check_positive("offset.arc_tolerance", self.arc_tolerance)
    }
}

/// Grows polygons by `distance`, or shrinks them by a negative one (pixels).
///
/// The result covers the points within the distance of the polygons, or those
/// farther than it from everything outside, up to the shape of the joins; arcs have
/// their vertices on the circle. Overlapping results are united. Conventions and
/// precision as for [`union`](crate::union()).
///
/// # Errors
/// [`Error::Parameter`](crate::Error::Parameter) for the distance or a field of `config`,
/// and those of [`union`](crate::union()).
pub fn offset_polygons(
    polygons: &[Polygon<f64>],
    distance: f64,
    config: &OffsetConfig,
) -> Result<MultiPolygon<f64>> {
    config.validate()?;
    check_coordinate(distance)?;
    check_each("polygons", polygons, boolean::check_polygon)?;
    // An operand may overlap itself, but a shape grows inwards from its union only.
    let shapes = boolean::overlay_unchecked(polygons, &[], |a, _| a)?.0;
    let brush = Brush::new(distance.abs(), config);
    let mut pieces = Vec::new();
    if distance.abs() > 0.0 {
        for ring in shapes.iter().flat_map(rings) {
            // The inside lies to the left of the direction of all rings.
            brush.bands(&ring.0, true, &[-distance.signum()], &mut pieces);
        }
    }
    let pieces = unite(pieces)?;
    let rule: boolean::Rule = if distance < 0.0 { |a, b| a && !b } else { |a, b| a || b };
    boolean::overlay_unchecked(&shapes, &pieces, rule)
}

/// The area within `radius` (pixels, at least 0) of lines.
///
/// A closed line has a join at its closing point and no caps. A line without length
/// gives a disc with round caps, a square with square ones, nothing with butt ones.
/// Conventions and precision as for [`union`](crate::union()).
///
/// # Errors
/// [`Error::Parameter`](crate::Error::Parameter) for the radius or a field of `config` and
/// [`Error::Item`](crate::Error::Item) with the index of a line that has bad coordinates.
pub fn buffer_lines(
    lines: &[LineString<f64>],
    radius: f64,
    config: &OffsetConfig,
) -> Result<MultiPolygon<f64>> {
    config.validate()?;
    check_non_negative("radius", radius)?;
    check_coordinate(radius)?;
    check_each("lines", lines, check_line)?;
    let brush = Brush::new(radius, config);
    let mut pieces = Vec::new();
    if radius > 0.0 {
        lines.iter().for_each(|line| brush.line(line, &mut pieces));
    }
    boolean::overlay_unchecked(&unite(pieces)?, &[], |a, _| a)
}

/// Unites neighbouring pieces of a long list.
///
/// Pieces along a finely divided curve overlap many others; their outlines do not.
fn unite(mut pieces: Vec<Polygon<f64>>) -> Result<Vec<Polygon<f64>>> {
    for round in 0..ROUNDS {
        let shared = if round == 0 { SHARED } else { 0 };
        let mut united = Vec::new();
        for from in (0..pieces.len()).step_by(SET) {
            let to = pieces.len().min(from + SET + shared);
            united.extend(boolean::overlay_unchecked(&pieces[from..to], &[], |a, _| a)?);
        }
        pieces = united;
    }
    Ok(pieces)
}

/// What is put beside segments, bends and ends.
struct Brush {
    radius: f64,
    join: Join,
    cap: Cap,
    /// Largest angle between neighbouring vertices of an arc.
    step: f64,
}

impl Brush {
    fn new(radius: f64, config: &OffsetConfig) -> Self {
        let cosine = (1.0 - config.arc_tolerance / radius).clamp(-1.0, 1.0);
        let step = (2.0 * cosine.acos()).clamp(TAU / MOST_SIDES, FRAC_PI_4);
        Self { radius, join: config.join, cap: config.cap, step }
    }

    fn line(&self, line: &LineString<f64>, pieces: &mut Vec<Polygon<f64>>) {
        let mut points = line.0.clone();
        points.dedup();
        match points[..] {
            [] => {}
            [point] => self.dot(point, pieces),
            [first, second, ..] => {
                let closed = points.len() > 3 && points.last() == Some(&first);
                // Pieces that share an edge follow each other.
                if !closed {
                    self.end(first, direction(second, first), pieces);
                }
                self.bands(&points, closed, &[1.0, -1.0], pieces);
                if let (false, [.., before, last]) = (closed, &points[..]) {
                    self.end(*last, direction(*before, *last), pieces);
                }
            }
        }
    }

    /// Bands over the segments of a line, and joins on the given sides: to the left
    /// of its direction in a plane with y up for 1, to the right for -1.
    fn bands(
        &self,
        points: &[Coord<f64>],
        closed: bool,
        sides: &[f64],
        pieces: &mut Vec<Polygon<f64>>,
    ) {
        let mut points = points.to_vec();
        points.dedup();
        let mut count = points.len();
        if closed && count > 2 {
            // The first band again, beside the bend at the closing point.
            points.push(points[1]);
            count += 1;
        }
        let normal = |a: Coord<f64>, b: Coord<f64>| -> Coord<f64> {
            let d = direction(a, b);
            Coord { x: -d.y, y: d.x } * self.radius
        };
        for k in 1..count {
            let (a, b) = (points[k - 1], points[k]);
            let from = normal(a, b);
            // With the ends of the segment the band has all corners of the sectors.
            push(pieces, vec![a, a - from, b - from, b, b + from, a + from]);
            let Some(&next) = points.get(k + 1) else { continue };
            let to = normal(b, next);
            for &side in sides {
                self.bend(b, from * side, to * side, side, pieces);
            }
        }
    }

    /// Fills the gap between two bands that a bend away from their side leaves.
    fn bend(
        &self,
        centre: Coord<f64>,
        from: Coord<f64>,
        to: Coord<f64>,
        side: f64,
        pieces: &mut Vec<Polygon<f64>>,
    ) {
        let turn = (from.x * to.y - from.y * to.x).atan2(from.x * to.x + from.y * to.y);
        let back = turn.abs() >= PI;
        if turn * side >= 0.0 && !back {
            return;
        }
        let mut ring = vec![centre, centre + from];
        match self.join {
            Join::Round => {
                let sweep = if back { -side * PI } else { turn };
                ring.extend(self.arc(centre, from, sweep));
            }
            Join::Miter if (0.5 * turn).cos() * MITER_LIMIT >= 1.0 => {
                let cosine = (0.5 * turn).cos();
                ring.push(centre + (from + to) / (2.0 * cosine * cosine));
            }
            Join::Miter | Join::Bevel => {}
        }
        ring.push(centre + to);
        push(pieces, ring);
    }

    /// The cap at an end that a line leaves in the direction `out`.
    fn end(&self, point: Coord<f64>, out: Coord<f64>, pieces: &mut Vec<Polygon<f64>>) {
        let (ahead, across) = (out * self.radius, Coord { x: -out.y, y: out.x } * self.radius);
        match self.cap {
            Cap::Butt => {}
            Cap::Square => {
                let (a, b) = (point + across, point - across);
                push(pieces, vec![point, b, b + ahead, a + ahead, a]);
            }
            Cap::Round => {
                let mut ring = vec![point, point - across];
                ring.extend(self.arc(point, across * -1.0, PI));
                ring.push(point + across);
                push(pieces, ring);
            }
        }
    }

    /// What stands for a line without length.
    fn dot(&self, point: Coord<f64>, pieces: &mut Vec<Polygon<f64>>) {
        for x in [1.0, -1.0] {
            self.end(point, Coord { x, y: 0.0 }, pieces);
        }
    }

    /// Inner points of an arc that starts at `centre + from`.
    fn arc(
        &self,
        centre: Coord<f64>,
        from: Coord<f64>,
        sweep: f64,
    ) -> impl Iterator<Item = Coord<f64>> + use<> {
        let count = (sweep.abs() / self.step).ceil().max(1.0);
        let inner = (1..).map(f64::from).take_while(move |&k| k < count);
        inner.map(move |k| {
            let (sin, cos) = (sweep * k / count).sin_cos();
            centre + Coord { x: from.x * cos - from.y * sin, y: from.x * sin + from.y * cos }
        })
    }
}

/// Unit vector from one point to another.
fn direction(from: Coord<f64>, to: Coord<f64>) -> Coord<f64> {
    let d = to - from;
    d / d.x.hypot(d.y)
}

fn push(pieces: &mut Vec<Polygon<f64>>, ring: Vec<Coord<f64>>) {
    let piece = Polygon::new(LineString(ring), Vec::new());
    if signed_area(piece.exterior()).abs() > 0.0 {
        pieces.push(piece);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Error, perimeter, polygon_area};

    fn area(shapes: &MultiPolygon<f64>) -> f64 {
        shapes.iter().map(polygon_area).sum()
    }

    fn config(join: Join, cap: Cap) -> OffsetConfig {
        OffsetConfig { join, cap, arc_tolerance: 1e-6 }
    }

    #[test]
    fn squares_grow_and_shrink() {
        let square: LineString<f64> =
            vec![(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0)].into();
        let square = [Polygon::new(square, Vec::new())];
        for (join, corner) in [(Join::Round, PI), (Join::Miter, 4.0), (Join::Bevel, 2.0)] {
            let config = config(join, Cap::Round);
            let grown = area(&offset_polygons(&square, 2.0, &config).unwrap());
            assert!((grown - (180.0 + 4.0 * corner)).abs() < 1e-3, "{join:?} {grown}");
            let shrunk = area(&offset_polygons(&square, -2.0, &config).unwrap());
            assert!((shrunk - 36.0).abs() < 1e-5, "{join:?} {shrunk}");
            assert!(offset_polygons(&square, -5.1, &config).unwrap().0.is_empty());
        }
        let same = offset_polygons(&square, 0.0, &OffsetConfig::default()).unwrap();
        assert!((area(&same) - 100.0).abs() < 1e-6);
    }

    #[test]
    fn lines_with_all_caps_and_joins() {
        let line = [LineString::from(vec![(0.0, 0.0), (10.0, 0.0)])];
        for (cap, ends) in [(Cap::Butt, 0.0), (Cap::Round, PI * 4.0), (Cap::Square, 16.0)] {
            let found = area(&buffer_lines(&line, 2.0, &config(Join::Round, cap)).unwrap());
            assert!((found - 40.0 - ends).abs() < 1e-3, "{cap:?} {found}");
        }
        let angle = [LineString::from(vec![(0.0, 0.0), (10.0, 0.0), (10.0, 10.0)])];
        for (join, corner) in [(Join::Round, PI), (Join::Miter, 4.0), (Join::Bevel, 2.0)] {
            let found = area(&buffer_lines(&angle, 2.0, &config(join, Cap::Butt)).unwrap());
            // Two bands of 40 share a square of 4.
            assert!((found - 76.0 - corner).abs() < 1e-3, "{join:?} {found}");
        }
        let point = [LineString::from(vec![(3.0, 3.0)])];
        let disc = area(&buffer_lines(&point, 2.0, &config(Join::Round, Cap::Round)).unwrap());
        assert!((disc - 4.0 * PI).abs() < 1e-3);
        let loop_ =
            LineString::from(vec![(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0), (0.0, 0.0)]);
        let ring = buffer_lines(&[loop_], 1.0, &config(Join::Miter, Cap::Round)).unwrap();
        assert!((area(&ring) - (144.0 - 64.0)).abs() < 1e-5);
        assert_eq!(ring.0[0].interiors().len(), 1);
    }

    #[test]
    fn finely_divided_circle_has_no_slits() {
        let mut circle: LineString<f64> = (0..2000_u32)
            .map(|k| (f64::from(k) * TAU / 2000.0).sin_cos())
            .map(|(sin, cos)| (10.0 * cos, 10.0 * sin))
            .collect();
        circle.close();
        let ring = buffer_lines(std::slice::from_ref(&circle), 3.0, &OffsetConfig::default());
        let ring = ring.unwrap();
        assert_eq!((ring.0.len(), ring.0[0].interiors().len()), (1, 1));
        assert!((area(&ring) - 120.0 * PI).abs() < 0.01);
        let disc = [Polygon::new(circle, Vec::new())];
        let grown = offset_polygons(&disc, 3.0, &OffsetConfig::default()).unwrap();
        assert_eq!((grown.0.len(), grown.0[0].interiors().len()), (1, 0));
        assert!((area(&grown) - 169.0 * PI).abs() < 0.01);
        assert!((perimeter(&grown.0[0]) - 26.0 * PI).abs() < 0.01);
        let shrunk = offset_polygons(&disc, -3.0, &OffsetConfig::default()).unwrap();
        assert_eq!((shrunk.0.len(), shrunk.0[0].interiors().len()), (1, 0));
        assert!((area(&shrunk) - 49.0 * PI).abs() < 0.01);
    }

    #[test]
    fn bad_arguments_are_refused() {
        let line = [LineString::from(vec![(0.0, 0.0), (10.0, 0.0)])];
        let config = OffsetConfig::default();
        assert!(matches!(buffer_lines(&line, -1.0, &config), Err(Error::Parameter { .. })));
        assert!(matches!(offset_polygons(&[], f64::NAN, &config), Err(Error::Parameter { .. })));
        let rough = OffsetConfig { arc_tolerance: 0.0, ..config };
        assert!(matches!(buffer_lines(&line, 1.0, &rough), Err(Error::Parameter { .. })));
        assert!(buffer_lines(&line, 0.0, &OffsetConfig::default()).unwrap().0.is_empty());
    }
}
