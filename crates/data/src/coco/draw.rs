//! Annotations to pixels, boxes and vertices.

use geo_types::{Coord, LineString, Polygon};
use mapvec_geometry::{Stroke, fill_labels, stroke_labels};
use ndarray::Array2;

use super::check::{CocoFault, fault_in};
use super::format::CocoAnnotation;
use super::segmentation::Segmentation;
use crate::error::{Error, Result};
use crate::limits::ImageLimits;
use crate::rle::Rle;

/// The run lengths of an annotation, with its number in errors; none for polygons.
pub(super) fn runs(annotation: &CocoAnnotation, limits: &ImageLimits) -> Result<Option<Rle>> {
    annotation.segmentation.rle(limits).map_err(|error| match error {
        Error::Rle { fault, .. } => fault_in("annotation", annotation.id)(CocoFault::Rle(fault)),
        other => other,
    })
}

/// Writes `id` into the pixels of an annotation: the union of its rings, each by the even-odd
/// rule at pixel centres, its run lengths, and its lines.
pub(super) fn draw(
    annotation: &CocoAnnotation,
    runs: Option<&Rle>,
    line_width: f64,
    id: u32,
    canvas: &mut Array2<u32>,
) -> mapvec_geometry::Result<()> {
    for ring in rings(annotation) {
        fill_labels(&Polygon::new(line_of(ring), Vec::new()), id, canvas);
    }
    if let Some(runs) = runs {
        runs.draw(id, canvas);
    }
    let width = annotation.width.unwrap_or(line_width);
    let stroke = Stroke { width, ..Stroke::default() };
    for part in &annotation.polyline {
        let mut line = line_of(part);
        line.0.dedup();
        // A line whose points are all the same marks nothing.
        if line.0.len() > 1 {
            stroke_labels(&line, &stroke, id, canvas)?;
        }
    }
    Ok(())
}

/// How many pixels of a picture [`draw`] writes at most, roughly.
pub(super) fn drawn_pixels(
    annotation: &CocoAnnotation,
    runs: Option<&Rle>,
    line_width: f64,
    (rows, columns): (usize, usize),
) -> u64 {
    let picture = rows as f64 * columns as f64;
    let width = annotation.width.unwrap_or(line_width) + 1.0;
    let areas = rings(annotation).iter().map(|ring| ring_pixels(ring, (rows, columns)));
    let lines = annotation.polyline.iter().map(|part| {
        let steps = part.windows(4).step_by(2);
        let length: f64 = steps.map(|p| (p[2] - p[0]).hypot(p[3] - p[1]) + width).sum();
        (length * width).min(picture)
    });
    let drawn: f64 = areas.chain(lines).sum();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    let drawn = drawn.ceil() as u64;
    drawn.saturating_add(runs.map_or(0, Rle::area))
}

/// At least the pixels of a ring: its box inside the picture, or the triangles of the first vertex
/// and each side, which cover it, and a rim of pixels along the sides.
fn ring_pixels(ring: &[f64], (rows, columns): (usize, usize)) -> f64 {
    let [Some(x), Some(y)] = [ring.first(), ring.get(1)] else { return 0.0 };
    let (mut low, mut high) = ([*x, *y], [*x, *y]);
    for point in ring.chunks_exact(2) {
        for axis in 0..2 {
            low[axis] = low[axis].min(point[axis]);
            high[axis] = high[axis].max(point[axis]);
        }
    }
    let side = |axis: usize, most: usize| {
        ((high[axis].min(most as f64) - low[axis].max(0.0)).max(0.0) + 1.0).min(most as f64)
    };
    let triangles = ring.windows(4).step_by(2).map(|p| {
        let area = ((p[0] - x) * (p[3] - y) - (p[2] - x) * (p[1] - y)).abs() / 2.0;
        area + (p[2] - p[0]).abs() + (p[3] - p[1]).abs() + 1.0
    });
    (side(0, columns) * side(1, rows)).min(triangles.sum())
}

/// Rings of the area; none for run lengths.
pub(super) fn rings(annotation: &CocoAnnotation) -> &[Vec<f64>] {
    match &annotation.segmentation {
        Segmentation::Polygons(parts) => parts,
        Segmentation::Rle { .. } => &[],
    }
}

/// Left, top, right and bottom: the box in the file, or that of area and lines.
pub(super) fn bounds(annotation: &CocoAnnotation, runs: Option<&Rle>) -> Option<[f64; 4]> {
    if let Some([x, y, width, height]) = annotation.bbox {
        return Some([x, y, x + width, y + height]);
    }
    let none = f64::INFINITY;
    let mut found = [none, none, -none, -none];
    let points = rings(annotation).iter().chain(&annotation.polyline);
    let corners = runs.and_then(Rle::bounds).map(|corners| corners.map(f64::from));
    for numbers in points.map(Vec::as_slice).chain(corners.as_ref().map(|c| c.as_slice())) {
        for point in numbers.chunks_exact(2) {
            found[0] = found[0].min(point[0]);
            found[1] = found[1].min(point[1]);
            found[2] = found[2].max(point[0]);
            found[3] = found[3].max(point[1]);
        }
    }
    found.iter().all(|value| value.is_finite()).then_some(found)
}

/// Points from x, y, x, y and so on.
fn line_of(numbers: &[f64]) -> LineString<f64> {
    let points = numbers.chunks_exact(2).map(|point| Coord { x: point[0], y: point[1] });
    LineString(points.collect())
}
