//! Costs of all pairs of a predicted and a true object of one sample.

use ndarray::{Array1, Array2, ArrayView1, Axis};

use crate::singular::TINY;

/// Probabilities are kept this far from 0 and 1 before their logarithm.
const FLOOR: f64 = 1e-7;

/// A cost for each of the pairs, from the two rows.
fn pairs(
    predicted: &Array2<f64>,
    truth: &Array2<f64>,
    cost: impl Fn(ArrayView1<'_, f64>, ArrayView1<'_, f64>) -> f64,
) -> Array2<f64> {
    Array2::from_shape_fn((predicted.nrows(), truth.nrows()), |(p, t)| {
        cost(predicted.row(p), truth.row(t))
    })
}

/// `-sum over k of softmax(x)_k y_k`.
pub(crate) fn class_probability(logits: &Array2<f64>, truth: &Array2<f64>) -> Array2<f64> {
    let mut probability = logits.clone();
    for mut row in probability.rows_mut() {
        let largest = row.fold(f64::NEG_INFINITY, |largest, &x| largest.max(x));
        row.mapv_inplace(|x| (x - largest).exp());
        let mass = row.sum();
        row.mapv_inplace(|e| e / mass);
    }
    -probability.dot(&truth.t())
}

/// The mean of the balanced focal cross-entropy over the entries, of logits; `focal` is the
/// exponent and the weight of what is there, or none for plain cross-entropy.
///
/// With `s = sigmoid(x)` it is linear in the truth, so that all pairs are two products of
/// matrices.
pub(crate) fn binary_of_logits(
    logits: &Array2<f64>,
    truth: &Array2<f64>,
    focal: Option<(f64, f64)>,
) -> Array2<f64> {
    // ln(1 + e^x) without overflow.
    let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
    let there = logits.mapv(|x| weigh(softplus(-x), sigmoid(-x), focal, true));
    let absent = logits.mapv(|x| weigh(softplus(x), sigmoid(x), focal, false));
    linear(&there, &absent, truth)
}

/// The same of probabilities, kept 1e-7 from 0 and 1.
pub(crate) fn binary_of_probabilities(
    probabilities: &Array2<f64>,
    truth: &Array2<f64>,
    focal: Option<(f64, f64)>,
) -> Array2<f64> {
    let kept = probabilities.mapv(|p| p.clamp(FLOOR, 1.0 - FLOOR));
    let there = kept.mapv(|p| weigh(-p.ln(), 1.0 - p, focal, true));
    let absent = kept.mapv(|p| weigh(-(-p).ln_1p(), p, focal, false));
    linear(&there, &absent, truth)
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// Cross-entropy with the factors of the focal loss; `miss` is one minus the probability of
/// what is true.
fn weigh(cost: f64, miss: f64, focal: Option<(f64, f64)>, there: bool) -> f64 {
    let Some((gamma, alpha)) = focal else { return cost };
    let balance = if there { alpha } else { 1.0 - alpha };
    balance * miss.powf(gamma) * cost
}

/// `mean(there y + absent (1 - y))` for all pairs.
fn linear(there: &Array2<f64>, absent: &Array2<f64>, truth: &Array2<f64>) -> Array2<f64> {
    let entries = truth.ncols().max(1) as f64;
    let base = absent.sum_axis(Axis(1)).insert_axis(Axis(1));
    ((there - absent).dot(&truth.t()) + base) / entries
}

/// `1 - (2 sum(p y) + 1) / (sum(p) + sum(y) + 1)`.
pub(crate) fn dice(probabilities: &Array2<f64>, truth: &Array2<f64>) -> Array2<f64> {
    let shared = probabilities.dot(&truth.t());
    let predicted = probabilities.sum_axis(Axis(1));
    let truth: Array1<f64> = truth.sum_axis(Axis(1));
    Array2::from_shape_fn(shared.dim(), |(p, t)| {
        1.0 - (2.0 * shared[(p, t)] + 1.0) / (predicted[p] + truth[t] + 1.0)
    })
}

/// Means of blocks of `size` x `size` pixels of masks of a height and width, blocks at the
/// edge of the pixels that they have.
pub(crate) fn pooled(
    masks: &Array2<f64>,
    (height, width): (usize, usize),
    size: usize,
) -> Array2<f64> {
    let columns = width.div_ceil(size);
    let mut sums = Array2::zeros((masks.nrows(), height.div_ceil(size) * columns));
    for (mask, mut sums) in masks.rows().into_iter().zip(sums.rows_mut()) {
        for (pixel, &value) in mask.iter().enumerate() {
            let (y, x) = (pixel / width, pixel % width);
            sums[y / size * columns + x / size] += value;
        }
        for (block, sum) in sums.iter_mut().enumerate() {
            let rows = size.min(height - block / columns * size);
            let across = size.min(width - block % columns * size);
            *sum /= (rows * across) as f64;
        }
    }
    sums
}

/// `sum |d|` over the four numbers of a box.
pub(crate) fn box_l1(predicted: &Array2<f64>, truth: &Array2<f64>) -> Array2<f64> {
    pairs(predicted, truth, |a, b| a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum())
}

/// `iou_weight (1 - IoU) + (1 - iou_weight) mean |d|^rank`.
pub(crate) fn box_iou(
    predicted: &Array2<f64>,
    truth: &Array2<f64>,
    (center, iou_weight, rank): (bool, f64, f64),
) -> Array2<f64> {
    pairs(predicted, truth, |a, b| {
        let [shared, union, _] = areas(corners(a, center), corners(b, center));
        let iou = ratio(shared, union);
        let distance: f64 = a.iter().zip(b).map(|(a, b)| (a - b).abs().powf(rank)).sum();
        iou_weight * (1.0 - iou) + (1.0 - iou_weight) * distance / 4.0
    })
}

/// `-GIoU`, with 0 for the ratios of boxes without area.
pub(crate) fn box_giou(predicted: &Array2<f64>, truth: &Array2<f64>, center: bool) -> Array2<f64> {
    pairs(predicted, truth, |a, b| {
        let [shared, union, hull] = areas(corners(a, center), corners(b, center));
        ratio(hull - union, hull) - ratio(shared, union)
    })
}

/// A share of a whole; 0 of one that counts as nothing, and NaN stays.
fn ratio(part: f64, whole: f64) -> f64 {
    if whole <= TINY { 0.0 } else { part / whole }
}

/// The lower and the upper corner.
fn corners(numbers: ArrayView1<'_, f64>, center: bool) -> [f64; 4] {
    let [a, b, c, d] = [0, 1, 2, 3].map(|k| numbers[k]);
    if center { [a - c / 2.0, b - d / 2.0, a + c / 2.0, b + d / 2.0] } else { [a, b, c, d] }
}

/// Areas of the intersection, the union and the hull. NaN stays NaN.
fn areas(a: [f64; 4], b: [f64; 4]) -> [f64; 3] {
    let area = |[top, left, bottom, right]: [f64; 4]| {
        let side = |length: f64| if length < 0.0 { 0.0 } else { length };
        side(bottom - top) * side(right - left)
    };
    let less = |a: f64, b: f64| if a < b { a } else { b };
    let more = |a: f64, b: f64| if a > b { a } else { b };
    let inner = [more(a[0], b[0]), more(a[1], b[1]), less(a[2], b[2]), less(a[3], b[3])];
    let outer = [less(a[0], b[0]), less(a[1], b[1]), more(a[2], b[2]), more(a[3], b[3])];
    let unknown = a.iter().chain(&b).any(|number| number.is_nan());
    let shared = if unknown { f64::NAN } else { area(inner) };
    [shared, area(a) + area(b) - shared, area(outer)]
}

/// The mean over two endpoints of `sum |d|^gamma`, in the order of endpoints that fits better.
pub(crate) fn endpoints(predicted: &Array2<f64>, truth: &Array2<f64>, gamma: f64) -> Array2<f64> {
    pairs(predicted, truth, |a, b| {
        let sum = |order: [usize; 4]| -> f64 {
            a.iter().zip(order).map(|(a, k)| (a - b[k]).abs().powf(gamma)).sum::<f64>() / 2.0
        };
        let (same, swapped) = (sum([0, 1, 2, 3]), sum([2, 3, 0, 1]));
        // Not `min`, which hides NaN.
        if swapped < same { swapped } else { same }
    })
}
