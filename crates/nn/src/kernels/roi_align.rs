//! Features of boxes: bilinear samples averaged over bins.
//!
//! # Safety
//!
//! The unsafe functions need the instructions of their `Lanes` type, which an [`Isa`] proves, and
//! pointers valid for the channels of a block at every tap; their callers check the lengths.
#![allow(unsafe_code, reason = "vector loads and stores behind checked lengths, disjoint writes")]

use rayon::prelude::*;

use super::isa::{Isa, multiversion};
use super::lanes::Lanes;
use super::output::Output;
use super::scratch::with_scratch;
use super::transpose::{transpose, transpose_groups};

/// Channels that are added to at once.
const BLOCK: usize = 16;

/// The pixels of a bin along one axis and their weights.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bin {
    /// First pixel.
    pub(crate) first: usize,
    /// Weights of the pixels from there on; none where the bin lies outside.
    pub(crate) weights: Vec<f32>,
}

/// A box on the map of its image.
#[derive(Clone, Debug)]
pub(crate) struct Roi {
    /// The image.
    pub(crate) image: usize,
    /// Bins along the rows.
    pub(crate) rows: Vec<Bin>,
    /// Bins along the columns.
    pub(crate) columns: Vec<Bin>,
}

/// Sizes of the map: images, channels, rows, columns.
pub(crate) type MapSize = (usize, usize, usize, usize);

multiversion! {
    unsafe fn add_scaled = add_scaled_body(from: *const f32, weight: f32, count: usize, to: *mut f32)
}

/// `to += from * weight` for `count` values.
#[inline(always)]
unsafe fn add_scaled_body<L: Lanes>(from: *const f32, weight: f32, count: usize, to: *mut f32) {
    // SAFETY: the caller answers for `count` values at both.
    unsafe {
        let factor = L::splat(weight);
        let whole = count / BLOCK * BLOCK;
        for at in (0..whole).step_by(BLOCK) {
            L::load(from.add(at)).mul_add(factor, L::load(to.add(at))).store(to.add(at));
        }
        let n = count - whole;
        if n > 0 {
            let (v, t) = (L::load_first(from.add(whole), n), L::load_first(to.add(whole), n));
            v.mul_add(factor, t).store_first(to.add(whole), n);
        }
    }
}

/// Visits every bin of a box with the pixels it sees and their weights:
/// `visit(bin, pixel of the map, weight)`.
fn each_tap(roi: &Roi, width: usize, mut visit: impl FnMut(usize, usize, f32)) {
    for (i, row) in roi.rows.iter().enumerate() {
        for (j, column) in roi.columns.iter().enumerate() {
            let bin = i * roi.columns.len() + j;
            for (y, wy) in row.weights.iter().enumerate() {
                for (x, wx) in column.weights.iter().enumerate() {
                    visit(bin, (row.first + y) * width + column.first + x, wy * wx);
                }
            }
        }
    }
}

fn check(rois: &[Roi], (batch, _, height, width): MapSize, bins: usize) {
    let inside = |bins: &[Bin], size| bins.iter().all(|b| b.first + b.weights.len() <= size);
    for roi in rois {
        assert!(roi.image < batch, "image of a box");
        assert_eq!(roi.rows.len() * roi.columns.len(), bins, "bins of a box");
        assert!(inside(&roi.rows, height) && inside(&roi.columns, width), "pixels of a box");
    }
}

/// The features of every box, `[boxes][channels][bins]`.
pub(crate) fn align(isa: Isa, x: &[f32], size: MapSize, rois: &[Roi], bins: usize) -> Vec<f32> {
    let (batch, channels, height, width) = size;
    assert_eq!(x.len(), batch * channels * height * width, "size of the map");
    check(rois, size, bins);
    let mut out = Output::new(rois.len() * channels * bins);
    let to = out.shared();
    with_scratch([x.len()], |[pixels]| {
        transpose_groups(isa, x, (channels, height * width), pixels);
        let pixels: &[f32] = pixels;
        rois.par_iter().enumerate().for_each(|(index, roi)| {
            let map = &pixels[roi.image * channels * height * width..];
            with_scratch([bins * channels, bins * channels], |[sums, turned]| {
                sums.fill(0.0);
                each_tap(roi, width, |bin, pixel, weight| {
                    let from = &map[pixel * channels..][..channels];
                    let sum = &mut sums[bin * channels..][..channels];
                    // SAFETY: both slices have `channels` values.
                    unsafe { add_scaled(isa, from.as_ptr(), weight, channels, sum.as_mut_ptr()) }
                });
                transpose(isa, sums, (bins, channels), turned);
                let to = to.range(index * bins * channels, turned.len());
                // SAFETY: the range was checked; this job alone writes the box.
                unsafe { to.copy_from_nonoverlapping(turned.as_ptr(), turned.len()) };
            });
        });
    });
    // SAFETY: the jobs cover all boxes.
    unsafe { out.filled() }
}

/// The gradient of the map from that of the features.
pub(crate) fn gradient(isa: Isa, g: &[f32], size: MapSize, rois: &[Roi], bins: usize) -> Vec<f32> {
    let (batch, channels, height, width) = size;
    let plane = height * width;
    assert_eq!(g.len(), rois.len() * channels * bins, "size of the gradient");
    check(rois, size, bins);
    let mut out = vec![0.0; batch * channels * plane];
    with_scratch([g.len()], |[turned]| {
        transpose_groups(isa, g, (channels, bins), turned);
        let turned: &[f32] = turned;
        let blocks = channels.div_ceil(BLOCK);
        let images = out.par_chunks_mut(channels * plane).enumerate();
        images.for_each(|(image, out)| {
            out.par_chunks_mut(BLOCK * plane).enumerate().take(blocks).for_each(|(block, out)| {
                let count = out.len() / plane;
                with_scratch([plane * BLOCK], |[sums]| {
                    sums.fill(0.0);
                    for (index, roi) in rois.iter().enumerate().filter(|(_, r)| r.image == image) {
                        let features = &turned[index * bins * channels..][..bins * channels];
                        each_tap(roi, width, |bin, pixel, weight| {
                            let from = &features[bin * channels + block * BLOCK..][..count];
                            let sum = &mut sums[pixel * BLOCK..][..count];
                            let to = sum.as_mut_ptr();
                            // SAFETY: both slices have `count` values.
                            unsafe { add_scaled(isa, from.as_ptr(), weight, count, to) }
                        });
                    }
                    for (c, out) in out.chunks_exact_mut(plane).enumerate() {
                        for (value, pixel) in out.iter_mut().zip(sums.chunks_exact(BLOCK)) {
                            *value = pixel[c];
                        }
                    }
                });
            });
        });
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_and_gradients_match_plain_loops_on_every_instruction_set() {
        // More channels than a block, and a bin without pixels.
        let size = (2, 19, 4, 5);
        let bin = |first, weights: &[f32]| Bin { first, weights: weights.to_vec() };
        let rows = vec![bin(0, &[0.5, 0.25]), bin(2, &[0.75, 0.5])];
        let columns = vec![bin(0, &[1.0]), bin(1, &[0.25, 0.5, 0.25]), bin(0, &[])];
        let other = [bin(3, &[2.0]), bin(0, &[1.0, -1.0, 0.5])];
        let rois = [
            Roi { image: 1, rows: rows.clone(), columns: columns.clone() },
            Roi { image: 0, rows: other.to_vec(), columns },
        ];
        let values = |count: usize, step: usize| -> Vec<f32> {
            (0..count).map(|i| (i * step % 1009) as f32 / 500.0 - 1.0).collect()
        };
        let (x, g) = (values(2 * 19 * 20, 7919), values(2 * 19 * 6, 104_729));
        let (mut y, mut dx) = (vec![0.0; g.len()], vec![0.0; x.len()]);
        for (index, roi) in rois.iter().enumerate() {
            each_tap(roi, 5, |bin, pixel, weight| {
                for c in 0..19 {
                    let (out, at) = ((index * 19 + c) * 6 + bin, (roi.image * 19 + c) * 20 + pixel);
                    y[out] += weight * x[at];
                    dx[at] += weight * g[out];
                }
            });
        }
        let close = |a: &[f32], b: &[f32]| {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5)
        };
        for isa in Isa::available() {
            assert!(close(&align(isa, &x, size, &rois, 6), &y), "{isa:?}");
            assert!(close(&gradient(isa, &g, size, &rois, 6), &dx), "{isa:?}");
        }
    }
}
