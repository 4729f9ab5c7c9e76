//! Sums of softmax probabilities per class, for losses of overlap: one pass forward, one back.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use candle_core::{CpuStorage, CustomOp1, DType, Device, Layout, Shape, Tensor};
use mapvec_nn::{Isa, Loops};
use rayon::prelude::*;

use crate::block::{BLOCK, Row, blocks, chunks, part, parts_mut};
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
    /// Whether a gradient will be asked for.
    learns: bool,
    /// The probabilities, which the backward pass takes and makes the gradient of.
    kept: Mutex<Option<Vec<f32>>>,
}

impl ClassSums {
    pub(crate) fn new(target: &[u8], weights: Option<&[f32]>, squared: bool, learns: bool) -> Self {
        Self {
            target: target.to_vec(),
            weights: weights.map(<[f32]>::to_vec),
            squared,
            learns,
            kept: Mutex::new(None),
        }
    }

    /// Target and weights of a chunk of a sample.
    fn chunk(&self, first: usize, range: &Range<usize>) -> Chunk<'_> {
        let range = first + range.start..first + range.end;
        Chunk {
            target: &self.target[range.clone()],
            weights: self.weights.as_ref().map(|weights| &weights[range]),
            squared: self.squared,
        }
    }

    /// Probabilities, where they are `kept`, and the two sums of every class, sample by sample.
    ///
    /// The chunks are the same at any number of threads, and their sums are added in order.
    fn run(
        &self,
        logits: &[f32],
        classes: usize,
        pixels: usize,
        kept: bool,
    ) -> (Vec<f32>, Vec<[f64; 2]>) {
        let size = classes * pixels;
        let mut sums = vec![[0.0; 2]; logits.len().checked_div(pixels).unwrap_or(0)];
        if size == 0 {
            return (Vec::new(), sums);
        }
        let mut probabilities = vec![0.0; if kept { logits.len() } else { 0 }];
        let mut outs = probabilities
            .chunks_exact_mut(size)
            .flat_map(|sample| parts_mut(sample, pixels))
            .collect::<Vec<_>>()
            .into_iter();
        let mut jobs = Vec::new();
        for sample in 0..logits.len() / size {
            jobs.extend(chunks(pixels).map(|range| (sample, range, outs.next())));
        }
        let isa = Isa::detect();
        let parts: Vec<(usize, Vec<[f64; 2]>)> = jobs
            .into_par_iter()
            .with_max_len(1)
            .map(|(sample, range, out)| {
                let chunk = self.chunk(sample * pixels, &range);
                let logits = part(&logits[sample * size..][..size], pixels, range.clone());
                let mut scratch = vec![0.0; if out.is_some() { 0 } else { classes * range.len() }];
                let mut out =
                    out.unwrap_or_else(|| scratch.chunks_exact_mut(range.len()).collect());
                (sample, isa.run(Forward { chunk, logits: &logits, out: &mut out }))
            })
            .collect();
        for (sample, part) in parts {
            for (sum, part) in sums[sample * classes..].iter_mut().zip(part) {
                sum[0] += part[0];
                sum[1] += part[1];
            }
        }
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
        let (probabilities, sums) = self.run(&values[start..end], k, n, self.learns);
        if self.learns {
            *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(probabilities);
        }
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
            None => self.run(&logits.flatten_all()?.to_vec1::<f32>()?, k, n, true).0,
        };
        let (own, all) = slopes.split_at(b * k);
        let isa = Isa::detect();
        let mut jobs = Vec::new();
        if k * n > 0 {
            for (sample, p) in gradient.chunks_exact_mut(k * n).enumerate() {
                let parts = chunks(n).zip(parts_mut(p, n));
                jobs.extend(parts.map(|(range, p)| (sample, range, p)));
            }
        }
        jobs.into_par_iter().with_max_len(1).for_each(|(sample, range, mut p)| {
            let classes = sample * k..(sample + 1) * k;
            let (own, all) = (&own[classes.clone()], &all[classes]);
            let chunk = self.chunk(sample * n, &range);
            isa.run(Backward { chunk, p: &mut p, own, all });
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

struct Chunk<'a> {
    target: &'a [u8],
    weights: Option<&'a [f32]>,
    squared: bool,
}

/// The forward pass of a chunk, given as its part of every plane.
struct Forward<'a, 'b> {
    chunk: Chunk<'a>,
    logits: &'a [&'a [f32]],
    out: &'a mut [&'b mut [f32]],
}

impl Loops for Forward<'_, '_> {
    type Output = Vec<[f64; 2]>;

    #[inline(always)]
    fn run(self) -> Vec<[f64; 2]> {
        self.chunk.sums(self.logits, self.out)
    }
}

/// The backward pass of a chunk.
struct Backward<'a, 'b> {
    chunk: Chunk<'a>,
    p: &'a mut [&'b mut [f32]],
    own: &'a [f32],
    all: &'a [f32],
}

impl Loops for Backward<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.chunk.gradient(self.p, self.own, self.all);
    }
}

impl Chunk<'_> {
    /// What the pixels of a block count.
    #[inline(always)]
    fn weigh(&self, range: Range<usize>, out: &mut [f32]) {
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
    fn sums(&self, logits: &[&[f32]], out: &mut [&mut [f32]]) -> Vec<[f64; 2]> {
        let pixels = self.target.len();
        let mut sums = vec![[0.0; 2]; logits.len()];
        let mut rows: [Row; 3] = [[0.0; BLOCK]; 3];
        for range in blocks(pixels) {
            let n = range.len();
            let [largest, mass, weight] = rows.each_mut().map(|row| &mut row[..n]);
            let t = &self.target[range.clone()];
            self.weigh(range.clone(), weight);
            largest.copy_from_slice(&logits[0][range.clone()]);
            for plane in &logits[1..] {
                for (m, &x) in largest.iter_mut().zip(&plane[range.clone()]) {
                    *m = if x > *m { x } else { *m };
                }
            }
            mass.fill(0.0);
            for (plane, out) in logits.iter().zip(out.iter_mut()) {
                let (x, e_out) = (&plane[range.clone()][..n], &mut out[range.clone()][..n]);
                exponentials(x, largest, e_out, mass);
            }
            mass.iter_mut().for_each(|mass| *mass = 1.0 / *mass);
            let planes = out.iter_mut().map(|out| &mut out[range.clone()]);
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
    fn gradient(&self, p: &mut [&mut [f32]], own: &[f32], all: &[f32]) {
        let pixels = self.target.len();
        let mut rows: [Row; 2] = [[0.0; BLOCK]; 2];
        for range in blocks(pixels) {
            let n = range.len();
            let [mean, weight] = rows.each_mut().map(|row| &mut row[..n]);
            let t = &self.target[range.clone()][..n];
            self.weigh(range.clone(), weight);
            mean.fill(0.0);
            let slopes = || (0_u8..).zip(own.iter().zip(all));
            // The mean of the slopes under the probabilities.
            for ((class, (&own, &all)), plane) in slopes().zip(p.iter()) {
                let plane = &plane[range.clone()][..n];
                let (constant, linear) = if self.squared { (0.0, 2.0 * all) } else { (all, 0.0) };
                for i in 0..n {
                    let here = if t[i] == class { own } else { 0.0 };
                    mean[i] += plane[i] * (here + constant + linear * plane[i]);
                }
            }
            for ((class, (&own, &all)), plane) in slopes().zip(p.iter_mut()) {
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
