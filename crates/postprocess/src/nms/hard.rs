//! Greedy suppression of any shapes.

use super::boxes::{batched_nms, nms};
use super::detections::{Detections, Overlaps, Shapes};
use super::order::{by_score, check_scores, check_threshold};
use crate::Result;

/// The detections that no better one of their class overlaps by more than `threshold`, best
/// first.
///
/// Detections are taken in the order of their scores, of equal ones the earlier first; each
/// one drops the worse ones that it overlaps. For upright boxes this is
/// [`nms`](crate::nms) and [`batched_nms`](crate::batched_nms). Nothing is filled up: as many
/// come back as are kept. The result, put in again, comes back whole.
///
/// Only shapes whose bounds meet are compared (R-tree), each kept one with those that are
/// left.
///
/// # Errors
/// Other numbers of scores or classes than shapes, a score that is NaN, a shape that is not
/// valid, a threshold outside 0 to 1.
///
/// # Examples
/// ```
/// use mapvec_geometry::OrientedBox;
/// use mapvec_postprocess::{Detections, Shapes, hard_nms};
///
/// let bar = |angle| OrientedBox { centre: (0.0, 0.0).into(), width: 9.0, height: 1.0, angle };
/// // The second is nearly the first, the third crosses both.
/// let boxes = [bar(0.0), bar(0.02), bar(1.5)];
/// let shapes = Shapes::Oriented(&boxes);
/// let detections = Detections { shapes, scores: &[0.8, 0.9, 0.7], classes: None };
/// assert_eq!(hard_nms(&detections, 0.5)?, [1, 2]);
/// # Ok::<(), mapvec_postprocess::Error>(())
/// ```
pub fn hard_nms(detections: &Detections<'_>, threshold: f64) -> Result<Vec<usize>> {
    detections.check_lengths()?;
    check_threshold("threshold", threshold)?;
    let scores = detections.scores;
    match (detections.shapes, detections.classes) {
        (Shapes::Boxes(boxes), None) => return nms(boxes, scores, threshold),
        (Shapes::Boxes(boxes), Some(classes)) => {
            return batched_nms(boxes, scores, classes, threshold);
        }
        _ => check_scores(scores)?,
    }
    let overlaps = Overlaps::new(detections)?;
    let mut left = vec![true; detections.len()];
    let mut kept = Vec::new();
    for best in by_score(scores, (0..detections.len()).collect()) {
        if !left[best] {
            continue;
        }
        left[best] = false;
        kept.push(best);
        for other in overlaps.neighbours(best) {
            if left[other] && overlaps.overlap(best, other) > threshold {
                left[other] = false;
            }
        }
    }
    Ok(kept)
}
