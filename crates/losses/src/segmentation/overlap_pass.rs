//! Sums of softmax probabilities per class, for losses of overlap: one pass forward, one back.

use std::sync::{Mutex, PoisonError};

use candle_core::{CpuStorage, CustomOp1, DType, Device, Layout, Shape, Tensor};
use mapvec_nn::{Isa, Loops};
use rayon::prelude::*;

use crate::block::{BLOCK, Row, blocks};
use crate::segmentation::cross_entropy_pass::exponentials;
use crate::task::IGNORE;

/// From logits `[B, K, ...]` (`f32`, contiguous, on the CPU) to `[2, B, K]` in `f64`: the sums of
/// the probabilities of the pixels of a class, and of all pixels.
pub(crate) struct ClassSums {
    /// A class per pixel, or [`IGNORE`].
    target: Vec<u8>,
    /// Weight of each pixel; none: 1 each.
    weights: Option<Vec<f32>>,
    /// Whether the second sum is of squares.
    squared: bool,
    /// The probabilities, which the backward pass takes and makes the gradient of.
    kept: Mutex<Option<Vec<f32>>>,
}

impl ClassSums {
    pub(crate) fn new(target: &[u8], weights: Option<&[f32]>, squared: bool) -> Self {
        Self {
            target: target.to_vec(),
            weights: weights.map(<[f32]>::to_vec),
            squared,
            kept: Mutex::new(None),
        }
    }

    /// Target and weights of a sample.
    fn sample(&self, sample: usize, pixels: usize) -> Sample<'_> {
        let range = sample * pixels..(sample + 1) * pixels;
        Sample {
            target: &self.target[range.clone()],
            weights: self.weights.as_ref().map(|weights| &weights[range]),
            squared: self.squared,
        }
    }

    /// Probabilities, and the two sums of every class, sample by sample.
    fn run(&self, logits: &[f32], classes: usize, pixels: usize) -> (Vec<f32>, Vec<[f64; 2]>) {
        let mut probabilities = vec![0.0; logits.len()];
        let size = classes * pixels;
        let isa = Isa::detect();
        let sums = logits
            .par_chunks_exact(size.max(1))
            .zip(probabilities.par_chunks_exact_mut(size.max(1)))
            .enumerate()
            .flat_map_iter(|(index, (x, p))| {
                isa.run(Forward { sample: self.sample(index, pixels), logits: x, out: p, classes })
            })
            .collect();
        (probabilities, sums)
    }
}

impl CustomOp1 for ClassSums {
    fn name(&self) -> &'static str {
        "class-sums"
    }

    fn cpu_fwd(
        &self,
        storage: &CpuStorage,
        layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let (b, k, n) = sizes(layout.dims());
        let (CpuStorage::F32(values), Some((start, end))) = (storage, layout.contiguous_offsets())
        else {
            candle_core::bail!("class sums need contiguous f32");
        };
        let (probabilities, sums) = self.run(&values[start..end], k, n);
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(probabilities);
        let mut out: Vec<f64> = sums.iter().map(|sums| sums[0]).collect();
        out.extend(sums.iter().map(|sums| sums[1]));
        out.resize(2 * b * k, 0.0);
        Ok((CpuStorage::F64(out), Shape::from((2, b, k))))
    }

    fn bwd(
        &self,
        logits: &Tensor,
        _: &Tensor,
        incoming: &Tensor,
    ) -> candle_core::Result<Option<Tensor>> {
        let (b, k, n) = sizes(logits.dims());
        let slopes = incoming.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
        let taken = self.kept.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut gradient = match taken {
            Some(probabilities) => probabilities,
            // A second backward pass.
            None => self.run(&logits.flatten_all()?.to_vec1::<f32>()?, k, n).0,
        };
        let (own, all) = slopes.split_at(b * k);
        let isa = Isa::detect();
        gradient.par_chunks_exact_mut((k * n).max(1)).enumerate().for_each(|(index, p)| {
            let classes = index * k..(index + 1) * k;
            let (own, all) = (&own[classes.clone()], &all[classes]);
            isa.run(Backward { sample: self.sample(index, n), p, own, all });
        });
        Ok(Some(Tensor::from_vec(gradient, logits.shape(), &Device::Cpu)?))
    }
}

/// Batch, classes, pixels of a sample.
fn sizes(dims: &[usize]) -> (usize, usize, usize) {
    match *dims {
        [b, k, ref space @ ..] => (b, k, space.iter().product()),
        _ => (0, 0, 0),
    }
}

struct Sample<'a> {
    target: &'a [u8],
    weights: Option<&'a [f32]>,
    squared: bool,
}

/// The forward pass of a sample.
struct Forward<'a> {
    sample: Sample<'a>,
    logits: &'a [f32],
    out: &'a mut [f32],
    classes: usize,
}

impl Loops for Forward<'_> {
    type Output = Vec<[f64; 2]>;

    #[inline(always)]
    fn run(self) -> Vec<[f64; 2]> {
        self.sample.sums(self.logits, self.out, self.classes)
    }
}

/// The backward pass of a sample.
struct Backward<'a> {
    sample: Sample<'a>,
    p: &'a mut [f32],
    own: &'a [f32],
    all: &'a [f32],
}

impl Loops for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.sample.gradient(self.p, self.own, self.all);
    }
}

impl Sample<'_> {
    /// What the pixels of a block count.
    #[inline(always)]
    fn weigh(&self, range: std::ops::Range<usize>, out: &mut [f32]) {
        for (out, &id) in out.iter_mut().zip(&self.target[range.clone()]) {
            *out = if id == IGNORE { 0.0 } else { 1.0 };
        }
        if let Some(weights) = self.weights {
            for (out, weight) in out.iter_mut().zip(&weights[range]) {
                *out *= weight;
            }
        }
    }

    /// The sums of every class; the probabilities are written.
    #[inline(always)]
    fn sums(&self, logits: &[f32], out: &mut [f32], classes: usize) -> Vec<[f64; 2]> {
        let pixels = self.target.len();
        let mut sums = vec![[0.0; 2]; classes];
        let mut rows: [Row; 3] = [[0.0; BLOCK]; 3];
        for range in blocks(pixels) {
            let n = range.len();
            let [largest, mass, weight] = rows.each_mut().map(|row| &mut row[..n]);
            let t = &self.target[range.clone()];
            self.weigh(range.clone(), weight);
            largest.copy_from_slice(&logits[range.clone()]);
            for plane in logits.chunks_exact(pixels).skip(1) {
                for (m, &x) in largest.iter_mut().zip(&plane[range.clone()]) {
                    *m = if x > *m { x } else { *m };
                }
            }
            mass.fill(0.0);
            for (plane, out) in logits.chunks_exact(pixels).zip(out.chunks_exact_mut(pixels)) {
                let (x, e_out) = (&plane[range.clone()][..n], &mut out[range.clone()][..n]);
                exponentials(x, largest, e_out, mass);
            }
            mass.iter_mut().for_each(|mass| *mass = 1.0 / *mass);
            let planes = out.chunks_exact_mut(pixels).map(|out| &mut out[range.clone()]);
            for ((class, sums), plane) in (0_u8..).zip(&mut sums).zip(planes) {
                let here = Here { t, class, squared: self.squared };
                let [own, all] = here.scale_and_sum(plane, mass, weight);
                sums[0] += own;
                sums[1] += all;
            }
        }
        sums
    }

    /// From probabilities to the gradient of the logits. With the slopes of the sums the
    /// slope of a probability is `own [t = k] + all` (`2 p all` for squares), times the weight.
    #[inline(always)]
    fn gradient(&self, p: &mut [f32], own: &[f32], all: &[f32]) {
        let pixels = self.target.len();
        if pixels == 0 {
            return;
        }
        let mut rows: [Row; 2] = [[0.0; BLOCK]; 2];
        for range in blocks(pixels) {
            let n = range.len();
            let [mean, weight] = rows.each_mut().map(|row| &mut row[..n]);
            let t = &self.target[range.clone()][..n];
            self.weigh(range.clone(), weight);
            mean.fill(0.0);
            let slopes = || (0_u8..).zip(own.iter().zip(all));
            // The mean of the slopes under the probabilities.
            for ((class, (&own, &all)), plane) in slopes().zip(p.chunks_exact(pixels)) {
                let plane = &plane[range.clone()][..n];
                let (constant, linear) = if self.squared { (0.0, 2.0 * all) } else { (all, 0.0) };
                for i in 0..n {
                    let here = if t[i] == class { own } else { 0.0 };
                    mean[i] += plane[i] * (here + constant + linear * plane[i]);
                }
            }
            for ((class, (&own, &all)), plane) in slopes().zip(p.chunks_exact_mut(pixels)) {
                let plane = &mut plane[range.clone()][..n];
                let (mean, weight) = (&mean[..n], &weight[..n]);
                let (constant, linear) = if self.squared { (0.0, 2.0 * all) } else { (all, 0.0) };
                for i in 0..n {
                    let here = if t[i] == class { own } else { 0.0 };
                    let slope = here + constant + linear * plane[i];
                    plane[i] *= weight[i] * (slope - mean[i]);
                }
            }
        }
    }
}

/// The pixels of a class in a block.
struct Here<'a> {
    t: &'a [u8],
    class: u8,
    squared: bool,
}

impl Here<'_> {
    /// Makes exponentials probabilities; sums those of the class, and all of them.
    #[inline(always)]
    fn scale_and_sum(&self, e: &mut [f32], inverse: &[f32], weight: &[f32]) -> [f64; 2] {
        const LANES: usize = 16;
        let (mut own, mut all) = ([0.0_f32; LANES], [0.0_f32; LANES]);
        let mut part = |e: &mut [f32], inverse: &[f32], weight: &[f32], t: &[u8]| {
            for lane in 0..e.len() {
                let p = e[lane] * inverse[lane];
                e[lane] = p;
                let counted = p * weight[lane];
                own[lane] += if t[lane] == self.class { counted } else { 0.0 };
                all[lane] += if self.squared { p * counted } else { counted };
            }
        };
        let (e_parts, e_rest) = e.as_chunks_mut::<LANES>();
        let (inverse_parts, inverse_rest) = inverse.as_chunks::<LANES>();
        let (weight_parts, weight_rest) = weight.as_chunks::<LANES>();
        let (t_parts, t_rest) = self.t.as_chunks::<LANES>();
        let parts = e_parts.iter_mut().zip(inverse_parts).zip(weight_parts).zip(t_parts);
        for (((e, inverse), weight), t) in parts {
            part(e, inverse, weight, t);
        }
        part(e_rest, inverse_rest, weight_rest, t_rest);
        [own, all].map(|lanes| lanes.iter().map(|&value| f64::from(value)).sum())
    }
}
