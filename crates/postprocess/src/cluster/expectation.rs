//! One step of expectation and maximisation over all points.

use std::f64::consts::TAU;

use pulp::Arch;
use rayon::prelude::*;

use super::blocks::{Blocks, CHUNK, LANES};
use super::exponential::exp;

/// A normal distribution with its weight, as the density of a point needs it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Component {
    pub(super) mean: Vec<f64>,
    /// The rows of the lower triangular matrix that turns offsets from the mean into standard
    /// normal numbers; its diagonal alone if the distribution has no correlations.
    pub(super) whitening: Vec<f64>,
    /// Logarithm of the weight times the density at the mean.
    pub(super) log_peak: f64,
}

impl Component {
    /// A component from the inverse of the Cholesky factor.
    pub(super) fn new(weight: f64, mean: Vec<f64>, whitening: Vec<f64>) -> Self {
        let size = mean.len();
        let diagonal = |d: usize| {
            if whitening.len() == size { whitening[d] } else { whitening[d * (d + 3) / 2] }
        };
        let log_det: f64 = (0..size).map(|d| diagonal(d).ln()).sum();
        let log_peak = weight.ln() + log_det - 0.5 * size as f64 * TAU.ln();
        Self { mean, whitening, log_peak }
    }
}

/// Sums over the points, weighted by the share that a component has in each. Offsets are from
/// the component's present mean, so that no digits cancel.
#[derive(Debug, Clone)]
pub(super) struct Moments {
    pub(super) weight: f64,
    pub(super) offsets: Vec<f64>,
    /// Lower triangle, or diagonal, of the sum of the products of offsets.
    pub(super) products: Vec<f64>,
}

/// What a step gives: the moments and the sum of the logarithms of the densities.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) moments: Vec<Moments>,
    pub(super) log_likelihood: f64,
}

/// Shares of all components in all points, and their moments.
pub(super) fn expect(points: &Blocks, components: &[Component]) -> Step {
    let steps: Vec<Step> = (0..points.chunks())
        .into_par_iter()
        .map(|chunk| {
            Arch::new().dispatch(
                #[inline(always)]
                || expect_chunk(points, chunk, components),
            )
        })
        .collect();
    let moments = components
        .iter()
        .map(|c| Moments {
            weight: 0.0,
            offsets: vec![0.0; c.mean.len()],
            products: vec![0.0; c.whitening.len()],
        })
        .collect();
    let mut total = Step { moments, log_likelihood: 0.0 };
    for step in &steps {
        total.log_likelihood += step.log_likelihood;
        for (total, part) in total.moments.iter_mut().zip(&step.moments) {
            total.weight += part.weight;
            add(&mut total.offsets, &part.offsets);
            add(&mut total.products, &part.products);
        }
    }
    total
}

fn add(total: &mut [f64], part: &[f64]) {
    for (total, part) in total.iter_mut().zip(part) {
        *total += part;
    }
}

/// Calls `found` for every block with the index of its first point, the number of its points
/// and, per component, the logarithms of weight times density.
pub(super) fn densities(
    points: &Blocks,
    components: &[Component],
    mut found: impl FnMut(usize, usize, &[[f64; LANES]]),
) {
    let mut logs = vec![[0.0; LANES]; components.len()];
    let mut offsets = vec![[0.0; LANES]; points.dimensions];
    for chunk in 0..points.chunks() {
        for (block, (values, count)) in points.chunk(chunk).enumerate() {
            for (component, logs) in components.iter().zip(&mut logs) {
                *logs = log_density(values, component, &mut offsets);
            }
            found((chunk * CHUNK + block) * LANES, count, &logs);
        }
    }
}

/// Sums of a component per lane.
struct Lanes {
    weight: [f64; LANES],
    offsets: Vec<[f64; LANES]>,
    products: Vec<[f64; LANES]>,
}

#[inline(always)]
fn expect_chunk(points: &Blocks, chunk: usize, components: &[Component]) -> Step {
    let mut logs = vec![[0.0; LANES]; components.len()];
    let mut offsets = vec![[0.0; LANES]; points.dimensions];
    let mut sums: Vec<Lanes> = components
        .iter()
        .map(|c| Lanes {
            weight: [0.0; LANES],
            offsets: vec![[0.0; LANES]; c.mean.len()],
            products: vec![[0.0; LANES]; c.whitening.len()],
        })
        .collect();
    let mut log_likelihood = 0.0;
    for (values, count) in points.chunk(chunk) {
        for (component, logs) in components.iter().zip(&mut logs) {
            *logs = log_density(values, component, &mut offsets);
        }
        let totals = share(&mut logs);
        log_likelihood += totals[..count].iter().sum::<f64>();
        for ((component, shares), sums) in components.iter().zip(&mut logs).zip(&mut sums) {
            shares[count..].fill(0.0);
            accumulate(values, component, shares, &mut offsets, sums);
        }
    }
    let total = |lanes: &[f64; LANES]| lanes.iter().sum::<f64>();
    let moments = sums
        .iter()
        .map(|s| Moments {
            weight: total(&s.weight),
            offsets: s.offsets.iter().map(total).collect(),
            products: s.products.iter().map(total).collect(),
        })
        .collect();
    Step { moments, log_likelihood }
}

#[inline(always)]
fn fill_offsets(values: &[f32], mean: &[f64], offsets: &mut [[f64; LANES]]) {
    let (rows, _) = values.as_chunks::<LANES>();
    for ((row, mean), offsets) in rows.iter().zip(mean).zip(offsets) {
        for lane in 0..LANES {
            offsets[lane] = f64::from(row[lane]) - mean;
        }
    }
}

#[inline(always)]
fn log_density(
    values: &[f32],
    component: &Component,
    offsets: &mut [[f64; LANES]],
) -> [f64; LANES] {
    fill_offsets(values, &component.mean, offsets);
    let mut squares = [0.0; LANES];
    let size = component.mean.len();
    let full = component.whitening.len() > size;
    let mut next = 0;
    for d in 0..size {
        let mut white = [0.0; LANES];
        for offset in &offsets[if full { 0 } else { d }..=d] {
            let factor = component.whitening[next];
            next += 1;
            for lane in 0..LANES {
                white[lane] += factor * offset[lane];
            }
        }
        for lane in 0..LANES {
            squares[lane] += white[lane] * white[lane];
        }
    }
    for square in &mut squares {
        *square = component.log_peak - 0.5 * *square;
    }
    squares
}

/// Turns logarithms into shares; the logarithms of the totals.
#[inline(always)]
fn share(logs: &mut [[f64; LANES]]) -> [f64; LANES] {
    let mut highest = [f64::NEG_INFINITY; LANES];
    for log in &*logs {
        for lane in 0..LANES {
            highest[lane] = if log[lane] > highest[lane] { log[lane] } else { highest[lane] };
        }
    }
    let mut totals = [0.0; LANES];
    for log in &mut *logs {
        for lane in 0..LANES {
            log[lane] = exp(log[lane] - highest[lane]);
            totals[lane] += log[lane];
        }
    }
    for log in logs {
        for lane in 0..LANES {
            log[lane] /= totals[lane];
        }
    }
    for lane in 0..LANES {
        totals[lane] = totals[lane].ln() + highest[lane];
    }
    totals
}

#[inline(always)]
fn accumulate(
    values: &[f32],
    component: &Component,
    shares: &[f64; LANES],
    offsets: &mut [[f64; LANES]],
    sums: &mut Lanes,
) {
    fill_offsets(values, &component.mean, offsets);
    for (weight, share) in sums.weight.iter_mut().zip(shares) {
        *weight += share;
    }
    let full = component.whitening.len() > component.mean.len();
    let mut next = 0;
    for d in 0..component.mean.len() {
        let mut shared = [0.0; LANES];
        for lane in 0..LANES {
            shared[lane] = shares[lane] * offsets[d][lane];
            sums.offsets[d][lane] += shared[lane];
        }
        for offset in &offsets[if full { 0 } else { d }..=d] {
            let products = &mut sums.products[next];
            next += 1;
            for lane in 0..LANES {
                products[lane] += shared[lane] * offset[lane];
            }
        }
    }
}
