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
        let corners = corners(ring).ok_or(Error::TooLong { ring: index, limit: LIMIT })?;
        let mut crossings = Vec::new();
        for (&from, &to) in corners.iter().zip(corners.iter().cycle().skip(1)) {
            add_crossings(from, to, (height, width), &mut crossings);
        }
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

/// The corners in fifths of a pixel; none if the outline is too long.
fn corners(ring: &LineString<f64>) -> Option<Vec<(i32, i32)>> {
    let limit = f64::from(LIMIT);
    // Rounded towards zero, not down: this is how the published outline comes about.
    let fifths = |value: f64| (f64::from(FIFTHS) * value + 0.5) as i32;
    let corners: Vec<(i32, i32)> =
        ring.coords().map(|point| (fifths(point.x), fifths(point.y))).collect();
    if !ring.coords().all(|point| point.x.abs() <= limit && point.y.abs() <= limit) {
        return None;
    }
    let pairs = corners.iter().zip(corners.iter().cycle().skip(1));
    let steps: u64 =
        pairs.map(|(a, b)| u64::from(a.0.abs_diff(b.0).max(a.1.abs_diff(b.1))) + 1).sum();
    (steps <= 5 * u64::from(LIMIT)).then_some(corners)
}

/// Pixels, counted column by column, at which the inside begins or ends along the steps from
/// one corner to the next, which follow the longer of the two directions.
///
/// Only steps over the middle of a column of pixels count: from the third to the fourth fifth.
fn add_crossings(
    from: (i32, i32),
    to: (i32, i32),
    (height, width): (u32, u32),
    found: &mut Vec<u32>,
) {
    let (dx, dy) = ((to.0 - from.0).abs(), (to.1 - from.1).abs());
    let mut cross = |fifth: i32, v: i32| {
        let (column, row) = ((fifth - 2).div_euclid(FIFTHS), (v + 2).div_euclid(FIFTHS));
        if column >= 0 && column.unsigned_abs() < width {
            let row = i64::from(row).clamp(0, i64::from(height));
            let pixel = i64::from(column) * i64::from(height) + row;
            found.extend(u32::try_from(pixel).ok());
        }
    };
    let is_third = |fifth: i32| (fifth - 2).rem_euclid(FIFTHS) == 0;
    // A line is the same from both ends.
    if dx >= dy {
        let (low, high) = if from.0 > to.0 { (to, from) } else { (from, to) };
        let slope = if dx == 0 { 0.0 } else { f64::from(high.1 - low.1) / f64::from(dx) };
        let beside = |u: i32| (f64::from(low.1) + slope * f64::from(u - low.0) + 0.5) as i32;
        let first = low.0 + (2 - low.0).rem_euclid(FIFTHS);
        for u in (first..high.0).step_by(FIFTHS as usize) {
            cross(u, beside(u).min(beside(u + 1)));
        }
    } else {
        let (low, high) = if from.1 > to.1 { (to, from) } else { (from, to) };
        let slope = f64::from(high.0 - low.0) / f64::from(dy);
        let beside = |step: i32| (f64::from(low.0) + slope * f64::from(step) + 0.5) as i32;
        let mut before = beside(0);
        for step in 1..=dy {
            let now = beside(step);
            if now != before && is_third(now.min(before)) {
                cross(now.min(before), low.1 + step - 1);
            }
            before = now;
        }
    }
}
