//! Value and gradient of the discriminative loss in single precision on the CPU.

use candle_core::Tensor;
use rayon::prelude::*;

use crate::attached::{attach, read};
use crate::block::{BLOCK, Row, blocks};
use crate::composite::Composite;
use crate::embedding::discriminative::{DiscriminativeConfig, TERMS};
use crate::embedding::instances::Instances;
use crate::error::Result;

/// Pixels that one task handles, whatever the number of threads.
const CHUNK: usize = 1 << 14;

/// One picture: `d` channels of its pixels, and what is known of it.
#[derive(Clone, Copy)]
struct Picture<'a> {
    values: &'a [f32],
    instances: &'a Instances,
    d: usize,
}

/// What the pixels say about the means.
struct Pull {
    /// The variance term.
    variance: f64,
    /// Factor of the difference to the mean in every pixel's gradient.
    factors: Vec<f32>,
    /// Sum over the pixels of an instance of their part of the gradient, `[d, c + 1]`.
    sums: Vec<f64>,
}

/// The loss; its gradient is computed only where one can be asked for.
///
/// Pixels are split into chunks of fixed size and the sums of the chunks are added in order:
/// the result is the same bits at any number of threads.
pub(crate) fn fused(
    embeddings: &Tensor,
    pictures: &[Instances],
    config: &DiscriminativeConfig,
) -> Result<Composite> {
    let (b, d, h, w) = embeddings.dims4()?;
    let pixels = h * w;
    let learns = embeddings.track_op();
    let mut gradient = vec![0.0; if learns { b * d * pixels } else { 0 }];
    let mut terms = [0.0; 3];
    read(embeddings, |values| {
        let mut gradients = gradient.chunks_exact_mut((d * pixels).max(1));
        for (values, instances) in values.chunks_exact(d * pixels).zip(pictures) {
            let gradient = gradients.next();
            if instances.counts.is_empty() {
                continue;
            }
            let picture = Picture { values, instances, d };
            let own = picture.run(config, 1.0 / b as f64, gradient);
            for (sum, term) in terms.iter_mut().zip(own) {
                *sum += term / b as f64;
            }
        }
    })?;
    let total: f64 = config.weights().iter().zip(&terms).map(|(weight, term)| weight * term).sum();
    let loss = if learns {
        attach(embeddings, total as f32, gradient)?
    } else {
        Tensor::new(total as f32, embeddings.device())?
    };
    Ok(Composite { loss, terms: TERMS.into_iter().zip(terms).collect(), classes: Vec::new() })
}

impl Picture<'_> {
    fn pixels(&self) -> usize {
        self.instances.labels.len()
    }

    /// Columns of the tables: the instances and one for pixels of none.
    fn columns(&self) -> usize {
        self.instances.counts.len() + 1
    }

    /// Ranges of pixels of fixed size.
    fn chunks(&self) -> Vec<std::ops::Range<usize>> {
        let pixels = self.pixels();
        (0..pixels).step_by(CHUNK).map(|start| start..(start + CHUNK).min(pixels)).collect()
    }

    /// The terms; the gradient of their weighted sum, times `scale`, is written.
    fn run(
        &self,
        config: &DiscriminativeConfig,
        scale: f64,
        gradient: Option<&mut [f32]>,
    ) -> [f64; 3] {
        let exact = self.means();
        let means: Vec<f32> = exact.iter().map(|&mean| mean as f32).collect();
        let pull = self.pull(&means, config, scale * config.variance_weight, gradient.is_some());
        let mut push = vec![0.0; exact.len()];
        let c = self.columns() - 1;
        let distance = self.push(&exact, config, scale * config.distance_weight, &mut push);
        let mut regularization = 0.0;
        for instance in 0..c {
            let at = |channel: usize| channel * self.columns() + instance;
            let length = (0..self.d).map(|k| exact[at(k)].powi(2)).sum::<f64>().sqrt();
            regularization += length / c as f64;
            // NaN goes on; the mean at the origin has no direction.
            if length != 0.0 {
                let factor = scale * config.regularization_weight / (c as f64 * length);
                (0..self.d).for_each(|k| push[at(k)] += factor * exact[at(k)]);
            }
        }
        if let Some(gradient) = gradient {
            self.spread(&means, &pull, &push, gradient);
        }
        [pull.variance, distance, regularization]
    }

    /// Means of the instances, `[d, c + 1]`, 0 in the last column.
    fn means(&self) -> Vec<f64> {
        let (columns, pixels) = (self.columns(), self.pixels());
        let parts: Vec<Vec<f64>> = self
            .chunks()
            .into_par_iter()
            .with_max_len(1)
            .map(|chunk| {
                let mut sums = vec![0.0; self.d * columns];
                let labels = &self.instances.labels[chunk.clone()];
                for (channel, sums) in sums.chunks_exact_mut(columns).enumerate() {
                    let values = &self.values[channel * pixels..][chunk.clone()];
                    for (value, &label) in values.iter().zip(labels) {
                        sums[label as usize] += f64::from(*value);
                    }
                }
                sums
            })
            .collect();
        let mut means = add(&parts, self.d * columns);
        for row in means.chunks_exact_mut(columns) {
            for (mean, &count) in row.iter_mut().zip(&self.instances.counts) {
                *mean /= f64::from(count);
            }
            row[columns - 1] = 0.0;
        }
        means
    }

    /// The variance, and what its gradient needs.
    fn pull(&self, means: &[f32], config: &DiscriminativeConfig, scale: f64, learns: bool) -> Pull {
        let (columns, c) = (self.columns(), self.columns() - 1);
        // Weight of a pixel of every instance in the mean over pixels and instances.
        let mut shares: Vec<f64> =
            self.instances.counts.iter().map(|&n| 1.0 / (f64::from(n) * c as f64)).collect();
        shares.push(0.0);
        let slopes: Vec<f32> = shares.iter().map(|&share| (2.0 * scale * share) as f32).collect();
        let delta = config.delta_v as f32;
        let chunks = self.chunks();
        let parts: Vec<(f64, Vec<f32>, Vec<f64>)> = chunks
            .into_par_iter()
            .with_max_len(1)
            .map(|chunk| {
                let mut costs = vec![0.0_f64; columns];
                let mut factors = vec![0.0; if learns { chunk.len() } else { 0 }];
                let mut sums = vec![0.0; if learns { self.d * columns } else { 0 }];
                for block in blocks(chunk.len()) {
                    let at = chunk.start + block.start..chunk.start + block.end;
                    let labels = &self.instances.labels[at.clone()];
                    let mut radius = [0.0; BLOCK];
                    self.radii(means, &at, &mut radius);
                    let mut factor = [0.0; BLOCK];
                    for (i, &label) in labels.iter().enumerate() {
                        let r = radius[i];
                        let outside = r - delta;
                        // NaN is not below the margin.
                        let near = outside <= 0.0 || label as usize == c;
                        let outside = if near { 0.0 } else { outside };
                        costs[label as usize] += f64::from(outside * outside);
                        factor[i] = if near { 0.0 } else { slopes[label as usize] * outside / r };
                    }
                    if learns {
                        factors[block].copy_from_slice(&factor[..labels.len()]);
                        self.gather(means, &at, &factor, &mut sums);
                    }
                }
                let variance = costs.iter().zip(&shares).map(|(cost, share)| cost * share).sum();
                (variance, factors, sums)
            })
            .collect();
        let variance = parts.iter().map(|part| part.0).sum();
        let mut all = Pull { variance, factors: Vec::new(), sums: vec![0.0; self.d * columns] };
        if learns {
            all.factors = parts.iter().flat_map(|part| part.1.iter().copied()).collect();
            let sums: Vec<Vec<f64>> = parts.into_iter().map(|part| part.2).collect();
            all.sums = add(&sums, self.d * columns);
        }
        all
    }

    /// Distances of the pixels of a block to the means of their instances.
    fn radii(&self, means: &[f32], block: &std::ops::Range<usize>, radius: &mut Row) {
        let (columns, pixels) = (self.columns(), self.pixels());
        let labels = &self.instances.labels[block.clone()];
        for (channel, means) in means.chunks_exact(columns).enumerate() {
            let values = &self.values[channel * pixels..][block.clone()];
            for ((total, value), &label) in radius.iter_mut().zip(values).zip(labels) {
                let difference = value - means[label as usize];
                *total += difference * difference;
            }
        }
        radius.iter_mut().for_each(|r| *r = r.sqrt());
    }

    /// Adds the pixels' parts of the gradient up per instance.
    fn gather(
        &self,
        means: &[f32],
        block: &std::ops::Range<usize>,
        factor: &Row,
        sums: &mut [f64],
    ) {
        let (columns, pixels) = (self.columns(), self.pixels());
        let labels = &self.instances.labels[block.clone()];
        let tables = means.chunks_exact(columns).zip(sums.chunks_exact_mut(columns));
        for (channel, (means, sums)) in tables.enumerate() {
            let values = &self.values[channel * pixels..][block.clone()];
            for ((value, &label), &factor) in values.iter().zip(labels).zip(factor) {
                let part = factor * (value - means[label as usize]);
                // Pixels of no instance may hold anything.
                let part = if factor == 0.0 { 0.0 } else { part };
                sums[label as usize] += f64::from(part);
            }
        }
    }

    /// The distance; its gradient by the means is added to `push`.
    fn push(
        &self,
        means: &[f64],
        config: &DiscriminativeConfig,
        scale: f64,
        push: &mut [f64],
    ) -> f64 {
        let (columns, c) = (self.columns(), self.columns() - 1);
        let pairs = (c * c.saturating_sub(1)).max(1) as f64;
        let mut total = 0.0;
        let mut difference = vec![0.0; self.d];
        for a in 0..c {
            for b in a + 1..c {
                let mut square = 0.0;
                for (k, entry) in difference.iter_mut().enumerate() {
                    *entry = means[k * columns + a] - means[k * columns + b];
                    square += *entry * *entry;
                }
                let gap = square.sqrt();
                let near = 2.0 * config.delta_d - gap;
                if near <= 0.0 {
                    continue;
                }
                // Both orders of the pair.
                total += 2.0 * near * near / pairs;
                if gap != 0.0 {
                    let factor = -4.0 * scale * near / (gap * pairs);
                    for (k, entry) in difference.iter().enumerate() {
                        push[k * columns + a] += factor * entry;
                        push[k * columns + b] -= factor * entry;
                    }
                }
            }
        }
        total
    }

    /// Writes the gradient: what a pixel feels itself, and its share of what its mean feels.
    fn spread(&self, means: &[f32], pull: &Pull, push: &[f64], gradient: &mut [f32]) {
        let (columns, pixels) = (self.columns(), self.pixels());
        let shared: Vec<f32> = (0..push.len())
            .map(|at| match self.instances.counts.get(at % columns) {
                Some(&count) => ((push[at] - pull.sums[at]) / f64::from(count)) as f32,
                None => 0.0,
            })
            .collect();
        let labels = &self.instances.labels;
        gradient.par_chunks_exact_mut(pixels).enumerate().for_each(|(channel, gradient)| {
            let values = &self.values[channel * pixels..(channel + 1) * pixels];
            let means = &means[channel * columns..(channel + 1) * columns];
            let shared = &shared[channel * columns..(channel + 1) * columns];
            let rows = gradient.iter_mut().zip(values).zip(labels).zip(&pull.factors);
            for (((gradient, value), &label), &factor) in rows {
                let label = label as usize;
                let own = factor * (value - means[label]);
                *gradient = shared[label] + if factor == 0.0 { 0.0 } else { own };
            }
        });
    }
}

/// The sum of tables of `len` entries, in their order.
fn add(parts: &[Vec<f64>], len: usize) -> Vec<f64> {
    let mut total = vec![0.0; len];
    for part in parts {
        for (sum, value) in total.iter_mut().zip(part) {
            *sum += value;
        }
    }
    total
}
