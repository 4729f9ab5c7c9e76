//! Non-maximum suppression of upright boxes.

use super::order::{by_score, check_scores, check_threshold, same_length};
use crate::{Error, Result};

/// Kept boxes that are compared between two looks at the result.
const CHUNK: usize = 16;

/// Boxes that no better box overlaps by more than `iou_threshold`, best first.
///
/// A box is `[x1, y1, x2, y2]` with `x1 <= x2` and `y1 <= y2`. Boxes are taken in the
/// order of their scores, of equal ones the earlier first; a box is dropped if its
/// intersection over union with a kept one is above the threshold. Overlaps are computed
/// in `f32`, as in torchvision's `nms`; boxes without area overlap nothing.
///
/// Cost: boxes times kept boxes.
///
/// # Errors
///
/// Other numbers of boxes and scores, a box that is not finite or has its corners in the
/// wrong order, a score that is NaN, a threshold outside 0 to 1.
///
/// # Examples
///
/// ```
/// use mapvec_postprocess::nms;
///
/// let boxes = [[0.0, 0.0, 9.0, 9.0], [1.0, 1.0, 10.0, 10.0], [20.0, 0.0, 30.0, 9.0]];
/// assert_eq!(nms(&boxes, &[0.8, 0.9, 0.7], 0.5)?, [1, 2]);
/// # Ok::<(), mapvec_postprocess::Error>(())
/// ```
pub fn nms(boxes: &[[f32; 4]], scores: &[f32], iou_threshold: f64) -> Result<Vec<usize>> {
    let limit = check(boxes, scores, iou_threshold)?;
    let order = by_score(scores, (0..boxes.len()).collect());
    Ok(suppress(boxes, &order, limit))
}

/// [`nms`] within every class: boxes of different classes do not suppress each other.
///
/// The kept boxes of all classes come best first.
///
/// # Errors
///
/// Those of [`nms`], and another number of classes than boxes.
pub fn batched_nms(
    boxes: &[[f32; 4]],
    scores: &[f32],
    classes: &[u32],
    iou_threshold: f64,
) -> Result<Vec<usize>> {
    let limit = check(boxes, scores, iou_threshold)?;
    same_length("classes", classes.len(), boxes.len())?;
    let mut order = by_score(scores, (0..boxes.len()).collect());
    // Stable: within a class the order of the scores stays.
    order.sort_by_key(|index| classes[*index]);
    let groups = order.chunk_by(|a, b| classes[*a] == classes[*b]);
    let kept = groups.flat_map(|group| suppress(boxes, group, limit)).collect();
    Ok(by_score(scores, kept))
}

/// Checks boxes, scores and threshold; the threshold as [`limit`] rounds it.
fn check(boxes: &[[f32; 4]], scores: &[f32], iou_threshold: f64) -> Result<f32> {
    same_length("scores", scores.len(), boxes.len())?;
    check_threshold("iou_threshold", iou_threshold)?;
    check_boxes(boxes)?;
    check_scores(scores)?;
    Ok(limit(iou_threshold))
}

/// Refuses boxes that are not finite or have their corners in the wrong order.
pub(super) fn check_boxes(boxes: &[[f32; 4]]) -> Result<()> {
    let fits = |b: &[f32; 4]| b.iter().all(|v| v.is_finite()) && b[0] <= b[2] && b[1] <= b[3];
    match boxes.iter().position(|b| !fits(b)) {
        Some(index) => Err(Error::InvalidBox { index, corners: boxes[index] }),
        None => Ok(()),
    }
}

/// The largest `f32` that is not above the threshold.
#[expect(clippy::cast_possible_truncation, reason = "rounded down just below")]
fn limit(iou_threshold: f64) -> f32 {
    let limit = iou_threshold as f32;
    if f64::from(limit) > iou_threshold { limit.next_down() } else { limit }
}

/// Intersection over union, in `f32`; 0 without a common area.
pub(super) fn iou(a: &[f32; 4], b: &[f32; 4]) -> f32 {
    let width = (a[2].min(b[2]) - a[0].max(b[0])).max(0.0);
    let height = (a[3].min(b[3]) - a[1].max(b[1])).max(0.0);
    let shared = width * height;
    let area = |c: &[f32; 4]| (c[2] - c[0]) * (c[3] - c[1]);
    if shared > 0.0 { shared / (area(a) + area(b) - shared) } else { 0.0 }
}

/// Kept boxes, one array per side, so that many are compared at once.
#[derive(Default)]
struct Kept {
    sides: [Vec<f32>; 4],
    areas: Vec<f32>,
}

impl Kept {
    /// Whether one of the boxes overlaps `[x1, y1, x2, y2]` of area `area` by more than
    /// `limit`.
    fn overlaps(&self, corners: &[f32; 4], area: f32, limit: f32) -> bool {
        let [x1, y1, x2, y2] = *corners;
        let [left, top, right, bottom] = &self.sides;
        // A division per pair is most of the cost, so it is done only where a product, by a
        // limit that rounding cannot reach, does not rule the pair out.
        let low = limit * 0.999_999;
        (0..self.areas.len()).step_by(CHUNK).any(|first| {
            let end = (first + CHUNK).min(self.areas.len());
            let sides = left[first..end]
                .iter()
                .zip(&top[first..end])
                .zip(right[first..end].iter().zip(&bottom[first..end]))
                .zip(&self.areas[first..end]);
            // Without a branch per box, so that it vectorises.
            sides.fold(false, |any, (((l, t), (r, b)), other)| {
                let width = (x2.min(*r) - x1.max(*l)).max(0.0);
                let height = (y2.min(*b) - y1.max(*t)).max(0.0);
                let shared = width * height;
                any | (shared > low * (area + other - shared))
            }) && (first..end).any(|i| {
                let width = (x2.min(right[i]) - x1.max(left[i])).max(0.0);
                let height = (y2.min(bottom[i]) - y1.max(top[i])).max(0.0);
                let shared = width * height;
                shared / (area + self.areas[i] - shared) > limit
            })
        })
    }
}

/// Kept boxes by the cells that their centres lie in. No box is wider or higher than a
/// cell, so boxes that overlap have their centres in the same cell or in neighbours.
struct Cells {
    kept: Vec<Kept>,
    /// Cells along both axes.
    count: [usize; 2],
    /// Least centre and size of a cell along both axes.
    axes: [(f64, f64); 2],
}

impl Cells {
    /// Cells for the boxes of `order`.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "counts between 1 and the root of the number of boxes"
    )]
    fn new(boxes: &[[f32; 4]], order: &[usize]) -> Self {
        // With fewer boxes per cell, most of the time goes into looking at empty ones.
        let most = (order.len() as f64 / 8.0).sqrt().max(1.0);
        let mut count = [1; 2];
        let axes = [0, 1].map(|axis| {
            let (mut low, mut high, mut side) = (f64::INFINITY, f64::NEG_INFINITY, 0.0_f64);
            for corners in order.iter().map(|index| &boxes[*index]) {
                let centre = centre(corners, axis);
                (low, high) = (low.min(centre), high.max(centre));
                side = side.max(f64::from(corners[axis + 2]) - f64::from(corners[axis]));
            }
            // A little more than the largest side: divisions are rounded.
            let cells = ((high - low) / (1.001 * side)).clamp(1.0, most).floor();
            let cells = if cells.is_nan() { 1.0 } else { cells };
            count[axis] = cells as usize;
            (low, (high - low) / cells)
        });
        let kept = (0..count[0] * count[1]).map(|_| Kept::default()).collect();
        Self { kept, count, axes }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at least 0, and cut to the number of cells"
    )]
    fn place(&self, corners: &[f32; 4]) -> [usize; 2] {
        [0, 1].map(|axis| {
            let (low, size) = self.axes[axis];
            let place = (centre(corners, axis) - low) / size;
            (place.max(0.0) as usize).min(self.count[axis] - 1)
        })
    }

    /// Keeps a box unless a kept one overlaps it by more than `limit`; whether it did.
    fn keep(&mut self, corners: &[f32; 4], limit: f32) -> bool {
        let area = (corners[2] - corners[0]) * (corners[3] - corners[1]);
        let [x, y] = self.place(corners);
        let [columns, rows] = self.count;
        for row in y.saturating_sub(1)..rows.min(y + 2) {
            let line = &self.kept[row * columns..][x.saturating_sub(1)..columns.min(x + 2)];
            if line.iter().any(|kept| kept.overlaps(corners, area, limit)) {
                return false;
            }
        }
        let kept = &mut self.kept[y * columns + x];
        for (side, value) in kept.sides.iter_mut().zip(corners) {
            side.push(*value);
        }
        kept.areas.push(area);
        true
    }
}

fn centre(corners: &[f32; 4], axis: usize) -> f64 {
    0.5 * (f64::from(corners[axis]) + f64::from(corners[axis + 2]))
}

/// The boxes of `order` that are kept, in that order.
fn suppress(boxes: &[[f32; 4]], order: &[usize], limit: f32) -> Vec<usize> {
    let mut cells = Cells::new(boxes, order);
    order.iter().copied().filter(|&index| cells.keep(&boxes[index], limit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 40 boxes and scores from a formula.
    fn cases() -> (Vec<[f32; 4]>, Vec<f32>) {
        let boxes = (0..40_u16).map(|i| {
            let (x, y) = (i * 37 % 101, i * 53 % 97);
            [x, y, x + 10 + i * 7 % 30, y + 8 + i * 11 % 25].map(f32::from)
        });
        (boxes.collect(), (0..40_u16).map(|i| f32::from(i * 71 % 40) / 40.0).collect())
    }

    #[test]
    fn the_same_boxes_are_kept_as_by_torchvision() {
        // torchvision 0.29: ops.nms and ops.batched_nms of the same boxes, classes i mod 3.
        let (boxes, scores) = cases();
        assert_eq!(
            nms(&boxes, &scores, 0.1).unwrap(),
            [9, 18, 27, 36, 23, 32, 19, 28, 37, 24, 33, 0]
        );
        assert_eq!(
            nms(&boxes, &scores, 0.3).unwrap(),
            [9, 18, 27, 36, 5, 14, 23, 32, 1, 19, 28, 37, 24, 33, 20, 7, 16, 34, 26, 13, 0]
        );
        let classes: Vec<u32> = (0..40).map(|i| i % 3).collect();
        assert_eq!(
            batched_nms(&boxes, &scores, &classes, 0.1).unwrap(),
            [
                9, 18, 27, 36, 5, 14, 23, 32, 1, 10, 19, 28, 37, 6, 15, 24, 33, 2, 11, 20, 29, 38,
                7, 16, 12, 21, 30, 8, 17, 22, 31, 0
            ]
        );
    }

    #[test]
    fn cells_change_nothing() {
        let mut state = 1_u32;
        let mut random = |below: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % below
        };
        for (extent, side) in [(40, 9), (1000, 30), (1000, 400), (3, 1), (5000, 2)] {
            for limit in [0.0, 0.2, 0.6] {
                let boxes: Vec<[f32; 4]> = (0..400)
                    .map(|_| {
                        let (x, y) = (random(extent), random(extent));
                        [x, y, x + random(side), y + random(side)].map(|v| v as f32)
                    })
                    .collect();
                let order: Vec<usize> = (0..boxes.len()).collect();
                let mut all = Kept::default();
                let expected: Vec<usize> = order
                    .iter()
                    .copied()
                    .filter(|&index| {
                        let corners = &boxes[index];
                        let area = (corners[2] - corners[0]) * (corners[3] - corners[1]);
                        let keeps = !all.overlaps(corners, area, limit);
                        if keeps {
                            for (side, value) in all.sides.iter_mut().zip(corners) {
                                side.push(*value);
                            }
                            all.areas.push(area);
                        }
                        keeps
                    })
                    .collect();
                assert_eq!(suppress(&boxes, &order, limit), expected, "{extent} {side} {limit}");
            }
        }
    }

    #[test]
    fn kept_boxes_do_not_overlap_and_dropped_ones_do() {
        let (boxes, scores) = cases();
        let iou = |a: &[f32; 4], b: &[f32; 4]| {
            let side = |k: usize| (a[k + 2].min(b[k + 2]) - a[k].max(b[k])).max(0.0);
            let area = |c: &[f32; 4]| (c[2] - c[0]) * (c[3] - c[1]);
            let shared = side(0) * side(1);
            shared / (area(a) + area(b) - shared)
        };
        let kept = nms(&boxes, &scores, 0.2).unwrap();
        for (i, a) in boxes.iter().enumerate() {
            let better = kept.iter().filter(|k| **k != i && scores[**k] >= scores[i]);
            let covered = better.clone().any(|k| iou(a, &boxes[*k]) > 0.2);
            assert_eq!(kept.contains(&i), !covered, "box {i}");
        }
    }

    #[test]
    fn ties_empty_input_and_extreme_thresholds() {
        let same = [[0.0, 0.0, 4.0, 4.0]; 3];
        assert_eq!(nms(&same, &[0.5; 3], 0.5).unwrap(), [0], "the first of a tie");
        assert_eq!(nms(&same, &[0.5; 3], 1.0).unwrap(), [0, 1, 2], "nothing is above 1");
        assert_eq!(nms(&[], &[], 0.5).unwrap(), [0; 0]);
        let points = [[1.0, 1.0, 1.0, 1.0]; 2];
        assert_eq!(nms(&points, &[0.1, 0.2], 0.0).unwrap(), [1, 0], "no area, no overlap");
    }

    #[test]
    fn bad_input_is_refused() {
        let good = [[0.0, 0.0, 1.0, 1.0]];
        assert!(nms(&good, &[0.1, 0.2], 0.5).is_err(), "scores");
        assert!(nms(&good, &[f32::NAN], 0.5).is_err(), "NaN score");
        assert!(nms(&good, &[0.1], 1.5).is_err() && nms(&good, &[0.1], f64::NAN).is_err());
        assert!(batched_nms(&good, &[0.1], &[], 0.5).is_err(), "classes");
        for corners in
            [[2.0, 0.0, 1.0, 1.0], [0.0, f32::NAN, 1.0, 1.0], [0.0, 0.0, f32::INFINITY, 1.0]]
        {
            let error = nms(&[corners], &[0.1], 0.5).unwrap_err();
            assert!(matches!(error, Error::InvalidBox { index: 0, .. }), "{error}");
        }
    }
}
