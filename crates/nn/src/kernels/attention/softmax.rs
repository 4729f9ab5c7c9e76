//! The lane arithmetic between the products.
//!
//! # Safety
//!
//! The contract of [`Lanes`]; pointers stay inside slices whose lengths the safe entries check.
#![allow(unsafe_code, reason = "vector loads and stores behind checked lengths")]

use super::super::exp::exp_negative;
use super::super::isa::{Isa, multiversion};
use super::super::lanes::Lanes;
use super::QUERIES;

/// Turns scores (lines of [`QUERIES`] lanes) into weights relative to the running maximum,
/// moves that maximum and the running sum, and rescales the lines of `result`.
pub(super) fn accumulate(
    isa: Isa,
    scores: &mut [f32],
    running: (&mut [f32], &mut [f32]),
    result: &mut [f32],
) {
    let (largest, sum) = running;
    assert!(largest.len() == QUERIES && sum.len() == QUERIES, "running values");
    assert!(scores.len().is_multiple_of(QUERIES) && result.len().is_multiple_of(QUERIES), "lines");
    // SAFETY: the lengths were checked above.
    unsafe { accumulate_lanes(isa, scores, largest, sum, result) }
}

multiversion! {
    unsafe fn accumulate_lanes = accumulate_body(
        scores: &mut [f32], largest: &mut [f32], sum: &mut [f32], result: &mut [f32],
    )
}

#[inline(always)]
unsafe fn accumulate_body<L: Lanes>(
    scores: &mut [f32],
    largest: &mut [f32],
    sum: &mut [f32],
    result: &mut [f32],
) {
    let (lines, results) = (scores.len() / QUERIES, result.len() / QUERIES);
    for lane in (0..QUERIES).step_by(16) {
        let (s, r) =
            (scores.as_mut_ptr().wrapping_add(lane), result.as_mut_ptr().wrapping_add(lane));
        // SAFETY: whole lines of `QUERIES` values, by the check of `accumulate`.
        unsafe {
            let before = L::load(largest.as_ptr().add(lane));
            let mut top = before;
            for j in 0..lines {
                // NaN is left out here and comes back through the exponential.
                top = L::load(s.add(j * QUERIES)).max(top);
            }
            top.store(largest.as_mut_ptr().add(lane));
            let keep = exp_negative(before.sub(top));
            let mut total = L::load(sum.as_ptr().add(lane)).mul(keep);
            for j in 0..lines {
                let weight = exp_negative(L::load(s.add(j * QUERIES)).sub(top));
                weight.store(s.add(j * QUERIES));
                total = total.add(weight);
            }
            total.store(sum.as_mut_ptr().add(lane));
            for d in 0..results {
                L::load(r.add(d * QUERIES)).mul(keep).store(r.add(d * QUERIES));
            }
        }
    }
}

/// Turns scores into weights `e^(score - largest)` and the gradients of the weights into
/// those of the scores, `weight * (gradient - mean)`.
pub(super) fn score_gradients(
    isa: Isa,
    scores: &mut [f32],
    gradients: &mut [f32],
    largest: &[f32],
    mean: &[f32],
) {
    assert!(scores.len() == gradients.len() && scores.len().is_multiple_of(QUERIES), "lines");
    assert!(largest.len() == QUERIES && mean.len() == QUERIES, "a value per query");
    // SAFETY: the lengths were checked above.
    unsafe { score_gradient_lanes(isa, scores, gradients, largest, mean) }
}

multiversion! {
    unsafe fn score_gradient_lanes = score_gradient_body(
        scores: &mut [f32], gradients: &mut [f32], largest: &[f32], mean: &[f32],
    )
}

#[inline(always)]
unsafe fn score_gradient_body<L: Lanes>(
    scores: &mut [f32],
    gradients: &mut [f32],
    largest: &[f32],
    mean: &[f32],
) {
    let lines = scores.len() / QUERIES;
    for lane in (0..QUERIES).step_by(16) {
        let s = scores.as_mut_ptr().wrapping_add(lane);
        let g = gradients.as_mut_ptr().wrapping_add(lane);
        // SAFETY: whole lines of `QUERIES` values, by the check of `score_gradients`.
        unsafe {
            let top = L::load(largest.as_ptr().add(lane));
            let mean = L::load(mean.as_ptr().add(lane));
            for at in (0..lines).map(|j| j * QUERIES) {
                let weight = exp_negative(L::load(s.add(at)).sub(top));
                weight.store(s.add(at));
                L::load(g.add(at)).sub(mean).mul(weight).store(g.add(at));
            }
        }
    }
}
