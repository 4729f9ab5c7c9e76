//! Per-channel passes over planes: affine maps with `ReLU`, and their gradients.
//!
//! # Safety
//!
//! Every unsafe function here needs the instructions of its `Lanes` type, which an [`Isa`] proves,
//! slices of equal length, and a destination valid for as many values; callers check lengths and
//! hand out disjoint destinations.
#![allow(unsafe_code, reason = "vector loads and stores behind checked lengths, disjoint writes")]

use rayon::prelude::*;

use super::epilogue::Epilogue;
use super::isa::{Isa, multiversion};
use super::lanes::Lanes;
use super::output::{Output, SharedOut};

/// Values whose sum is kept in `f32` before it is added in `f64`.
pub(super) const RUN: usize = 1024;

/// Sizes of a tensor: images, channels, pixels of a plane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Planes {
    /// Images.
    pub(crate) batch: usize,
    /// Channels.
    pub(crate) channels: usize,
    /// Pixels of a plane.
    pub(crate) pixels: usize,
}

impl Planes {
    /// The values of channel `channel` of image `image`.
    pub(super) fn of<'a>(&self, data: &'a [f32], image: usize, channel: usize) -> &'a [f32] {
        &data[(image * self.channels + channel) * self.pixels..][..self.pixels]
    }

    /// Values of the tensor.
    pub(crate) fn len(&self) -> usize {
        self.batch * self.channels * self.pixels
    }
}

/// `y = (x - mean) * scale + shift`, then `ReLU` if wanted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Affine {
    /// Subtracted first, so that large offsets lose no digits.
    pub(crate) mean: f32,
    /// Factor.
    pub(crate) scale: f32,
    /// Added last.
    pub(crate) shift: f32,
}

/// `dx = scale * g + offset + slope * (x - mean)`, with `g` gated by the `ReLU`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BackAffine {
    scale: f32,
    offset: f32,
    slope: f32,
}

multiversion! {
    unsafe fn affine = affine_body(x: *const f32, len: usize, map: Affine, relu: bool, to: *mut f32)
}
multiversion! {
    unsafe fn gated_sums = gated_sums_body(x: &[f32], g: &[f32], map: Affine, relu: bool) -> (f64, f64)
}
multiversion! {
    unsafe fn back_affine = back_affine_body(x: &[f32], g: &[f32], maps: (Affine, BackAffine), relu: bool, to: *mut f32)
}

multiversion! {
    unsafe fn affine_add = affine_add_body(x: *const f32, other: &[f32], map: Affine, relu: bool, to: *mut f32)
}
multiversion! { unsafe fn positive = positive_body(z: &[f32], g: &[f32], to: *mut f32) }

#[inline(always)]
unsafe fn affine_body<L: Lanes>(x: *const f32, len: usize, map: Affine, relu: bool, to: *mut f32) {
    // SAFETY: blocks inside the `len` values the caller answers for; each is read
    // before it is written, so `to` may be `x`.
    unsafe {
        let (mean, scale, shift) = (L::splat(map.mean), L::splat(map.scale), L::splat(map.shift));
        let floor = L::splat(if relu { 0.0 } else { f32::NEG_INFINITY });
        let apply = (mean, scale, shift, floor);
        let whole = len / 16 * 16;
        for at in (0..whole).step_by(16) {
            mapped(L::load(x.add(at)), apply).store(to.add(at));
        }
        let n = len - whole;
        if n > 0 {
            mapped(L::load_first(x.add(whole), n), apply).store_first(to.add(whole), n);
        }
    }
}

#[inline(always)]
unsafe fn affine_add_body<L: Lanes>(
    x: *const f32,
    other: &[f32],
    map: Affine,
    relu: bool,
    to: *mut f32,
) {
    // SAFETY: blocks of 16 values and a last one of `n`, inside `other`; the caller answers
    // for as many in `x` and `to`. A block is read before it is written, so they may be one.
    unsafe {
        let (mean, scale, shift) = (L::splat(map.mean), L::splat(map.scale), L::splat(map.shift));
        let floor = L::splat(if relu { 0.0 } else { f32::NEG_INFINITY });
        let whole = other.len() / 16 * 16;
        for at in (0..whole).step_by(16) {
            let (v, o) = (L::load(x.add(at)), L::load(other.as_ptr().add(at)));
            floor.max(v.sub(mean).mul_add(scale, shift).add(o)).store(to.add(at));
        }
        let n = other.len() - whole;
        if n > 0 {
            let v = L::load_first(x.add(whole), n);
            let o = L::load_first(other.as_ptr().add(whole), n);
            floor.max(v.sub(mean).mul_add(scale, shift).add(o)).store_first(to.add(whole), n);
        }
    }
}

#[inline(always)]
unsafe fn positive_body<L: Lanes>(z: &[f32], g: &[f32], to: *mut f32) {
    // SAFETY: as above.
    unsafe {
        let whole = z.len() / 16 * 16;
        for at in (0..whole).step_by(16) {
            L::load(g.as_ptr().add(at))
                .where_positive(L::load(z.as_ptr().add(at)))
                .store(to.add(at));
        }
        let n = z.len() - whole;
        if n > 0 {
            let (g, z) = (g.as_ptr().add(whole), z.as_ptr().add(whole));
            L::load_first(g, n).where_positive(L::load_first(z, n)).store_first(to.add(whole), n);
        }
    }
}

/// One block through the map and its floor. A function, as all of these: closures
/// would be compiled without the instruction set of their caller.
#[inline(always)]
pub(super) unsafe fn mapped<L: Lanes>(v: L, map: (L, L, L, L)) -> L {
    let (mean, scale, shift, floor) = map;
    // SAFETY: no memory is touched. `max` keeps its second operand when that is
    // NaN: NaN must pass through.
    unsafe { floor.max(v.sub(mean).mul_add(scale, shift)) }
}

/// The gradient that passes the `ReLU`.
#[inline(always)]
pub(super) unsafe fn gate<L: Lanes>(v: L, g: L, map: &Affine, relu: bool) -> L {
    // SAFETY: no memory is touched.
    unsafe {
        if relu { g.where_positive(v.mul_add(L::splat(map.scale), L::splat(map.shift))) } else { g }
    }
}

/// Sums of `g` and of `g * (x - mean)`, `g` gated by the `ReLU`.
#[inline(always)]
unsafe fn gated_sums_body<L: Lanes>(x: &[f32], g: &[f32], map: Affine, relu: bool) -> (f64, f64) {
    let (mut total, mut products) = (0.0, 0.0);
    for (xs, gs) in x.chunks(RUN).zip(g.chunks(RUN)) {
        // SAFETY: the slices have equal length, so `xs` and `gs` have, too. Every load lies
        // inside them: twice 16 values below `whole`, a multiple of 32 that is at most
        // their length, then the `n` values that are left.
        unsafe {
            let zero = L::splat(0.0);
            let mean = L::splat(map.mean);
            let (mut sum, mut product) = ([zero; 2], [zero; 2]);
            let whole = xs.len() / 32 * 32;
            for at in (0..whole).step_by(32) {
                for q in 0..2 {
                    let v = L::load(xs.as_ptr().add(at + q * 16)).sub(mean);
                    let passed = gate(v, L::load(gs.as_ptr().add(at + q * 16)), &map, relu);
                    sum[q] = sum[q].add(passed);
                    product[q] = passed.mul_add(v, product[q]);
                }
            }
            let (mut sum, mut product) = (sum[0].add(sum[1]), product[0].add(product[1]));
            let mut at = whole;
            while at < xs.len() {
                let n = (xs.len() - at).min(16);
                let v = L::load_first(xs.as_ptr().add(at), n).sub(mean);
                let passed = gate(v, L::load_first(gs.as_ptr().add(at), n), &map, relu);
                sum = sum.add(passed);
                product = passed.mul_add(v, product);
                at += n;
            }
            total += f64::from(sum.sum());
            products += f64::from(product.sum());
        }
    }
    (total, products)
}

/// One block of the gradient of the input.
#[inline(always)]
pub(super) unsafe fn mapped_back<L: Lanes>(
    v: L,
    g: L,
    map: &Affine,
    back: &BackAffine,
    relu: bool,
) -> L {
    // SAFETY: no memory is touched.
    unsafe {
        let v = v.sub(L::splat(map.mean));
        let rest = v.mul_add(L::splat(back.slope), L::splat(back.offset));
        gate(v, g, map, relu).mul_add(L::splat(back.scale), rest)
    }
}

#[inline(always)]
unsafe fn back_affine_body<L: Lanes>(
    x: &[f32],
    g: &[f32],
    maps: (Affine, BackAffine),
    relu: bool,
    to: *mut f32,
) {
    let (map, back) = maps;
    // SAFETY: blocks of 16 values and a last one of `n`, all inside slices of equal length; the
    // caller answers for `to`.
    unsafe {
        let whole = x.len() / 16 * 16;
        for at in (0..whole).step_by(16) {
            let (v, g) = (L::load(x.as_ptr().add(at)), L::load(g.as_ptr().add(at)));
            mapped_back(v, g, &map, &back, relu).store(to.add(at));
        }
        let n = x.len() - whole;
        if n > 0 {
            let (v, g) =
                (L::load_first(x.as_ptr().add(whole), n), L::load_first(g.as_ptr().add(whole), n));
            mapped_back(v, g, &map, &back, relu).store_first(to.add(whole), n);
        }
    }
}

/// Maps every channel into a buffer.
pub(crate) fn apply_into(
    isa: Isa,
    p: Planes,
    x: &[f32],
    maps: &[Affine],
    relu: bool,
    to: &mut [f32],
) {
    assert!(x.len() == p.len() && to.len() == p.len() && maps.len() == p.channels, "sizes");
    to.par_chunks_mut(p.pixels).enumerate().for_each(|(i, to)| {
        let (from, map) = (p.of(x, 0, i).as_ptr(), maps[i % p.channels]);
        // SAFETY: both are planes of `pixels` values.
        unsafe { affine(isa, from, p.pixels, map, relu, to.as_mut_ptr()) }
    });
}

/// Maps every channel.
pub(crate) fn apply(isa: Isa, p: Planes, x: &[f32], maps: &[Affine], relu: bool) -> Vec<f32> {
    assert!(x.len() == p.len() && maps.len() == p.channels, "tensor size");
    let mut out = Output::new(x.len());
    let to = out.shared();
    (0..p.batch * p.channels).into_par_iter().for_each(|i| {
        let to = to.range(i * p.pixels, p.pixels);
        // SAFETY: the range was checked; this job alone writes the plane.
        unsafe { affine(isa, p.of(x, 0, i).as_ptr(), p.pixels, maps[i % p.channels], relu, to) }
    });
    // SAFETY: every plane has been written.
    unsafe { out.filled() }
}

/// Applies what follows a convolution to its result.
pub(crate) fn finish_in_place(isa: Isa, p: Planes, y: &mut [f32], epilogue: &Epilogue<'_>) {
    epilogue.check(p.channels, p.len());
    y.par_chunks_mut(p.pixels).enumerate().for_each(|(i, plane)| {
        finish_line(isa, i % p.channels, i * p.pixels, plane, epilogue);
    });
}

/// The same for neighbouring values of one channel, the first of which is value `at` of the
/// result.
pub(crate) fn finish_line(
    isa: Isa,
    channel: usize,
    at: usize,
    line: &mut [f32],
    epilogue: &Epilogue<'_>,
) {
    let of = |vector: Option<&[f32]>, default| vector.map_or(default, |v| v[channel]);
    let map = Affine { mean: 0.0, scale: of(epilogue.scale, 1.0), shift: of(epilogue.shift, 0.0) };
    let (to, count) = (line.as_mut_ptr(), line.len());
    // SAFETY: `to` is valid for the line, and both kernels read before they write.
    unsafe {
        match epilogue.add {
            Some(add) => affine_add(isa, to, &add[at..at + count], map, epilogue.relu, to),
            None => affine(isa, to, count, map, epilogue.relu, to),
        }
    }
}

/// What [`gradients`] computes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mode {
    /// Whether a `ReLU` follows the map.
    pub(crate) relu: bool,
    /// Whether mean and variance came from this very tensor.
    pub(crate) batch_statistics: bool,
}

/// Gradients of batch normalisation with an optional `ReLU` behind it: of the
/// input if wanted, of gamma and of beta.
///
/// `data` holds the input and the gradient of the result, `maps` the affine map
/// and `1 / sqrt(variance + eps)` of every channel.
pub(crate) fn gradients(
    isa: Isa,
    p: Planes,
    data: (&[f32], &[f32]),
    maps: &[(Affine, f64)],
    mode: Mode,
    input: bool,
) -> (Option<Vec<f32>>, Vec<f32>, Vec<f32>) {
    if !input {
        let (gamma, beta) = run_gradients(isa, p, data, maps, mode, None);
        return (None, gamma, beta);
    }
    let mut out = Output::new(p.len());
    let (gamma, beta) = run_gradients(isa, p, data, maps, mode, Some(out.shared()));
    // SAFETY: all planes have been written.
    (Some(unsafe { out.filled() }), gamma, beta)
}

fn run_gradients(
    isa: Isa,
    p: Planes,
    data: (&[f32], &[f32]),
    maps: &[(Affine, f64)],
    mode: Mode,
    to: Option<SharedOut<'_>>,
) -> (Vec<f32>, Vec<f32>) {
    let (x, g) = data;
    assert!(x.len() == p.len() && g.len() == p.len() && maps.len() == p.channels, "tensor size");
    let channel = |(c, map): (usize, &(Affine, f64))| {
        let sums = gated_sums_of(isa, p, data, c, (&map.0, mode.relu));
        if let Some(to) = to {
            let back = back_map(map, sums, p, mode.batch_statistics);
            // SAFETY: this job alone writes the planes of the channel.
            unsafe { back_channel(isa, p, data, (c, &map.0, &back, mode.relu), to) }
        }
        parameter_gradients(map.1, sums)
    };
    maps.par_iter().enumerate().map(channel).unzip()
}

/// Sums of the gated gradient of a channel and of its products with `x - mean`.
fn gated_sums_of(
    isa: Isa,
    p: Planes,
    (x, g): (&[f32], &[f32]),
    c: usize,
    (map, relu): (&Affine, bool),
) -> (f64, f64) {
    (0..p.batch).fold((0.0, 0.0), |total, b| {
        // SAFETY: slices of equal length.
        let part = unsafe { gated_sums(isa, p.of(x, b, c), p.of(g, b, c), *map, relu) };
        (total.0 + part.0, total.1 + part.1)
    })
}

/// The planes of a channel back through its norm.
///
/// # Safety
///
/// Nobody else reads or writes those planes of `to` meanwhile.
unsafe fn back_channel(
    isa: Isa,
    p: Planes,
    (x, g): (&[f32], &[f32]),
    (c, map, back, relu): (usize, &Affine, &BackAffine, bool),
    to: SharedOut<'_>,
) {
    for b in 0..p.batch {
        let to = to.range((b * p.channels + c) * p.pixels, p.pixels);
        // SAFETY: the range was checked; the caller answers for the rest.
        unsafe { back_affine(isa, p.of(x, b, c), p.of(g, b, c), (*map, *back), relu, to) }
    }
}

/// Sums of the gated gradient of every channel and of its products with `x - mean`;
/// `data` holds the input and the gradient of the result.
pub(crate) fn gate_sums(
    isa: Isa,
    p: Planes,
    data: (&[f32], &[f32]),
    maps: &[Affine],
    relu: bool,
) -> Vec<(f64, f64)> {
    assert!(data.0.len() == p.len() && data.1.len() == p.len(), "tensor size");
    maps.par_iter()
        .enumerate()
        .map(|(c, map)| gated_sums_of(isa, p, data, c, (map, relu)))
        .collect()
}

/// The map of gradients back through the norm of a channel, from its [`gate_sums`].
#[expect(clippy::cast_possible_truncation, reason = "the kernels run in f32")]
pub(crate) fn back_map(
    (map, inverse): &(Affine, f64),
    (sum, product): (f64, f64),
    p: Planes,
    batch_statistics: bool,
) -> BackAffine {
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let count = (p.batch * p.pixels) as f64;
    let scale = f64::from(map.scale);
    let (offset, slope) = if batch_statistics {
        (-scale * sum / count, -scale * product / count * inverse * inverse)
    } else {
        (0.0, 0.0)
    };
    BackAffine { scale: map.scale, offset: offset as f32, slope: slope as f32 }
}

/// Gradients of gamma and beta of a channel, from its [`gate_sums`].
#[expect(clippy::cast_possible_truncation, reason = "gradients are f32")]
pub(crate) fn parameter_gradients(inverse: f64, (sum, product): (f64, f64)) -> (f32, f32) {
    ((product * inverse) as f32, sum as f32)
}

/// The gradient of the input, from the input and the gradient of the result.
pub(crate) fn apply_back(
    isa: Isa,
    p: Planes,
    data: (&[f32], &[f32]),
    maps: &[(Affine, BackAffine)],
    relu: bool,
    to: &mut [f32],
) {
    assert!(data.0.len() == p.len() && data.1.len() == p.len() && to.len() == p.len(), "sizes");
    assert_eq!(maps.len(), p.channels, "maps");
    let to = SharedOut::new(to);
    maps.par_iter().enumerate().for_each(|(c, (map, back))| {
        // SAFETY: this job alone writes the planes of the channel.
        unsafe { back_channel(isa, p, data, (c, map, back, relu), to) }
    });
}

/// Maps every channel and adds `other`, then `ReLU` if wanted.
pub(crate) fn apply_add(
    isa: Isa,
    p: Planes,
    (x, other): (&[f32], &[f32]),
    maps: &[Affine],
    relu: bool,
) -> Vec<f32> {
    assert!(x.len() == p.len() && other.len() == p.len() && maps.len() == p.channels, "sizes");
    let mut out = Output::new(x.len());
    let to = out.shared();
    (0..p.batch * p.channels).into_par_iter().for_each(|i| {
        let to = to.range(i * p.pixels, p.pixels);
        let (x, other) = (p.of(x, 0, i), p.of(other, 0, i));
        // SAFETY: the range was checked; this job alone writes the plane.
        unsafe { affine_add(isa, x.as_ptr(), other, maps[i % p.channels], relu, to) }
    });
    // SAFETY: every plane has been written.
    unsafe { out.filled() }
}

/// `g` where `z` is positive, else zero: the gradient in front of a `ReLU` that gave `z`.
pub(crate) fn pass_positive(isa: Isa, z: &[f32], g: &[f32]) -> Vec<f32> {
    const CHUNK: usize = 1 << 14;
    assert_eq!(z.len(), g.len(), "tensor size");
    let mut out = Output::new(z.len());
    let to = out.shared();
    z.par_chunks(CHUNK).zip(g.par_chunks(CHUNK)).enumerate().for_each(|(i, (z, g))| {
        let to = to.range(i * CHUNK, z.len());
        // SAFETY: the range was checked; this job alone writes the chunk.
        unsafe { positive(isa, z, g, to) }
    });
    // SAFETY: every chunk has been written.
    unsafe { out.filled() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rough values around `offset`.
    fn values(count: usize, offset: f32) -> Vec<f32> {
        (0..count).map(|i| offset + ((i * 7919 + 13) % 1009) as f32 / 100.0 - 5.0).collect()
    }

    #[test]
    fn maps_and_gradients_match_plain_loops_on_every_instruction_set() {
        for isa in Isa::available() {
            for (pixels, relu) in [(1, true), (15, false), (33, true), (1100, true)] {
                let pixels = if cfg!(miri) { pixels.min(70) } else { pixels };
                let p = Planes { batch: 2, channels: 2, pixels };
                let (x, g) = (values(p.len(), 0.3), values(p.len(), 0.1));
                let map = Affine { mean: 0.5, scale: -1.5, shift: 0.25 };
                let y = apply(isa, p, &x, &[map, map], relu);
                let plain = |v: f32| (v - 0.5) * -1.5 + 0.25;
                for (y, x) in y.iter().zip(&x) {
                    let want = if relu { plain(*x).max(0.0) } else { plain(*x) };
                    assert!((y - want).abs() < 1e-5, "{isa:?} {y} {want}");
                }
                let mode = Mode { relu, batch_statistics: false };
                let maps = [(map, 2.0), (map, 2.0)];
                let (dx, _, betas) = gradients(isa, p, (&x, &g), &maps, mode, true);
                let dx = dx.unwrap();
                for (c, beta) in betas.iter().enumerate() {
                    let mut want = 0.0;
                    for b in 0..2 {
                        for (i, (x, g)) in p.of(&x, b, c).iter().zip(p.of(&g, b, c)).enumerate() {
                            let passed = if !relu || plain(*x) > 0.0 { *g } else { 0.0 };
                            want += f64::from(passed);
                            let dx = p.of(&dx, b, c)[i];
                            assert!((dx + 1.5 * passed).abs() < 1e-5, "{isa:?} {dx} {passed}");
                        }
                    }
                    assert!(
                        (f64::from(*beta) - want).abs() < 1e-3 * (1.0 + want.abs()),
                        "{isa:?} {beta} {want}"
                    );
                }
            }
        }
    }
}
