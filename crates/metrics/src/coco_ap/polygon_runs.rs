//! Polygons drawn as COCO's own tools draw them.

use geo_types::LineString;

use crate::{Error, Result};

/// Sub-pixels along a side of a pixel.
const FIFTHS: i32 = 5;
/// Longest outline and largest coordinate, px.
const LIMIT: u32 = 1 << 22;

/// The run lengths of the pixels that any of the rings covers, as COCO's own tools draw
/// them: the outline is rounded to fifths of a pixel and followed with integers.
///
/// For scores that equal those of COCO; [`mapvec_geometry::fill_labels`] draws by the
/// centres of pixels instead. Rings need not be closed; fewer than 3 points cover little or
/// nothing. What lies outside the mask is cut off.
///
/// # Errors
/// [`Error::Runs`] for a mask of more than 2^32 - 1 pixels; [`Error::TooLong`] for a ring
/// with a coordinate that is not finite or beyond 2^22 px, or that is longer than that.
pub fn polygon_runs(rings: &[LineString<f64>], height: u32, width: u32) -> Result<Vec<u32>> {
    let pixels = u64::from(height) * u64::from(width);
    let Ok(pixels) = u32::try_from(pixels) else {
        return Err(Error::Runs { found: 0, expected: pixels, height, width });
    };
    let mut runs = Vec::new();
    for (index, ring) in rings.iter().enumerate() {
        let points = outline(ring).ok_or(Error::TooLong { ring: index, limit: LIMIT })?;
        let mut crossings = crossings(&points, height, width);
        crossings.sort_unstable();
        // Between every other pair of crossings lies the inside.
        runs.extend(crossings.chunks(2).filter_map(|pair| {
            let end = pair.get(1).copied().unwrap_or(pixels);
            (pair[0] < end).then_some([pair[0], end])
        }));
    }
    runs.sort_unstable();
    let (mut counts, mut end) = (Vec::new(), 0);
    for [start, stop] in runs {
        match counts.last_mut() {
            // It touches or overlaps the run before.
            Some(last) if start <= end => {
                *last += stop.max(end) - end;
                end = stop.max(end);
            }
            _ => {
                counts.extend([start - end, stop - start]);
                end = stop;
            }
        }
    }
    if end < pixels || counts.is_empty() {
        counts.push(pixels - end);
    }
    Ok(counts)
}

/// The outline in fifths of a pixel, one step after the other; none if it is too long.
fn outline(ring: &LineString<f64>) -> Option<Vec<(i32, i32)>> {
    let limit = f64::from(LIMIT);
    // Rounded towards zero, not down: this is how the published outline comes about.
    let fifths = |value: f64| (f64::from(FIFTHS) * value + 0.5) as i32;
    let corners: Vec<(i32, i32)> =
        ring.coords().map(|point| (fifths(point.x), fifths(point.y))).collect();
    if !ring.coords().all(|point| point.x.abs() <= limit && point.y.abs() <= limit) {
        return None;
    }
    let next = |index: usize| corners[(index + 1) % corners.len()];
    let pairs = || corners.iter().enumerate().map(|(index, &corner)| (corner, next(index)));
    let steps: u64 =
        pairs().map(|(a, b)| u64::from(a.0.abs_diff(b.0).max(a.1.abs_diff(b.1))) + 1).sum();
    if steps > 5 * u64::from(LIMIT) {
        return None;
    }
    // Not more than 5 LIMIT.
    let mut points = Vec::with_capacity(steps as usize);
    for (from, to) in pairs() {
        follow(from, to, &mut points);
    }
    Some(points)
}

/// The steps from one corner to the next along the longer of the two directions.
fn follow(from: (i32, i32), to: (i32, i32), points: &mut Vec<(i32, i32)>) {
    let (dx, dy) = ((to.0 - from.0).abs(), (to.1 - from.1).abs());
    let along_x = dx >= dy;
    // A line is the same from both ends.
    let turned = if along_x { from.0 > to.0 } else { from.1 > to.1 };
    let (low, high) = if turned { (to, from) } else { (from, to) };
    let length = dx.max(dy);
    let rise = if along_x { high.1 - low.1 } else { high.0 - low.0 };
    let slope = if length == 0 { 0.0 } else { f64::from(rise) / f64::from(length) };
    for step in 0..=length {
        let step = if turned { length - step } else { step };
        let beside = |base: i32| (f64::from(base) + slope * f64::from(step) + 0.5) as i32;
        points.push(if along_x {
            (low.0 + step, beside(low.1))
        } else {
            (beside(low.0), low.1 + step)
        });
    }
}

/// Pixels, counted column by column, at which the inside begins or ends.
fn crossings(points: &[(i32, i32)], height: u32, width: u32) -> Vec<u32> {
    let mut found = Vec::new();
    for pair in points.windows(2) {
        let ((u0, v0), (u1, v1)) = (pair[0], pair[1]);
        if u0 == u1 {
            continue;
        }
        // Only steps over the middle of a column of pixels count: two fifths and a half.
        let step = if u1 < u0 { u1 } else { u1 - 1 } - 2;
        let (column, row) = (step.div_euclid(FIFTHS), (v1.min(v0) + 2).div_euclid(FIFTHS));
        let outside = column < 0 || column.unsigned_abs() >= width;
        if step.rem_euclid(FIFTHS) != 0 || outside {
            continue;
        }
        let pixel =
            i64::from(column) * i64::from(height) + i64::from(row).clamp(0, i64::from(height));
        found.extend(u32::try_from(pixel).ok());
    }
    found
}
