//! Products of a block of tiles to rows of output planes.
//!
//! # Safety
//!
//! The unsafe functions need the instructions of their `Lanes` type, which an [`Isa`] proves, and a
//! destination valid for the rows and columns of the tile row that no other part writes.
#![allow(unsafe_code, reason = "disjoint writes from several parts, vector stores")]

use super::super::epilogue::Epilogue;
use super::super::isa::{Isa, multiversion};
use super::super::lanes::{Lanes, sixteen};
use super::super::norm::{Affine, gate};
use super::super::output::SharedOut;
use super::load::Stack;
use super::transform::{TileRow, transform_output};
use super::{BLOCK, FREQUENCIES, Geometry};

/// What happens to outputs before or while they are written.
#[derive(Clone, Copy)]
pub(crate) enum Finish<'a> {
    /// They are mapped.
    Map(Epilogue<'a>),
    /// Their sums and the sums of their squares are taken.
    Moments,
    /// They are the gradient behind the batch norm and `ReLU` of a layer below that
    /// gave `y`: the sums of what passes, and of its products with `y - mean`, are taken.
    Gate {
        /// Results of the convolution below.
        y: &'a [f32],
        /// Its batch norm.
        maps: &'a [Affine],
        /// Whether a `ReLU` follows the norm.
        relu: bool,
    },
}

impl Default for Finish<'_> {
    fn default() -> Self {
        Self::Map(Epilogue::default())
    }
}

/// Where transformed outputs go: one tensor, or two joined along the channels.
#[derive(Clone, Copy)]
pub(super) struct Sink<'a> {
    /// The tensors and their channels; the second may have none.
    pub(super) parts: [(SharedOut<'a>, usize); 2],
    /// What is done to the values.
    pub(super) finish: Finish<'a>,
}

impl Sink<'_> {
    /// Fails unless the sizes fit `g`.
    pub(super) fn check(&self, g: &Geometry) {
        let len = g.batch * g.outputs * g.plane();
        assert_eq!(self.parts[0].1 + self.parts[1].1, g.outputs, "channels of the result");
        match self.finish {
            Finish::Map(epilogue) => epilogue.check(g.outputs, len),
            Finish::Moments => {}
            Finish::Gate { y, maps, .. } => {
                assert_eq!((y.len(), maps.len()), (len, g.outputs), "layer below");
            }
        }
    }

    /// Room for the sums of a part.
    pub(super) fn sums(&self, g: &Geometry) -> Vec<(f64, f64)> {
        match self.finish {
            Finish::Map(_) => Vec::new(),
            Finish::Moments | Finish::Gate { .. } => vec![(0.0, 0.0); g.padded_outputs()],
        }
    }

    /// The address of `count` values from `offset` on in the plane of a channel.
    fn plane(&self, g: &Geometry, at: (usize, usize), offset: usize, count: usize) -> *mut f32 {
        let [first, second] = &self.parts;
        let (image, channel) = at;
        let (part, channel) =
            if channel < first.1 { (first, channel) } else { (second, channel - first.1) };
        part.0.range((image * part.1 + channel) * g.plane() + offset, count)
    }
}

/// Writes tile rows `rows.0 .. rows.1` from their products `[36][tile][channel]`.
pub(super) fn store(
    isa: Isa,
    g: &Geometry,
    rows: (usize, usize),
    products: (&[f32], usize),
    to: (&Sink<'_>, &mut [f32], &mut [(f64, f64)]),
) {
    let (products, frequency) = products;
    let (sink, lines, sums) = to;
    let (tiles, padded, plane) = (g.tiles(), g.padded_outputs(), g.plane());
    debug_assert!(frequency * FREQUENCIES <= products.len() + frequency, "products");
    for row in rows.0..rows.1 {
        let (image, tile_row) = (row / g.tile_rows(), row % g.tile_rows());
        let count = (g.height - tile_row * 4).min(4);
        let (offset, values) = (tile_row * 4 * g.width, count * g.width);
        for first in (0..g.outputs).step_by(BLOCK) {
            let channels = (g.outputs - first).min(BLOCK);
            let from = &products[(row - rows.0) * tiles * padded + first..];
            let place =
                TileRow { top: 0, ring_width: g.ring_width(), tiles, frequency, tile: padded };
            transform_output(isa, &place, from, lines);
            let mut block = Block {
                to: [std::ptr::null_mut(); BLOCK],
                other: [&[]; BLOCK],
                channels,
                rows: count,
                width: g.width,
                ring_width: g.ring_width(),
            };
            let other = match sink.finish {
                Finish::Map(epilogue) => epilogue.add,
                Finish::Moments => None,
                Finish::Gate { y, .. } => Some(y),
            };
            for j in 0..channels {
                block.to[j] = sink.plane(g, (image, first + j), offset, values);
                if let Some(other) = other {
                    let stack = Stack::new((other, g.outputs), None);
                    block.other[j] = &stack.plane(image, first + j, plane)[offset..][..values];
                }
            }
            // SAFETY: the ranges were checked; this part alone owns these rows of these
            // planes. `Sink::check` has looked at the vectors of `finish`.
            unsafe { write_block(isa, &block, lines, &sink.finish, (first, &mut *sums)) }
        }
    }
}

/// Up to four rows of up to 16 planes.
struct Block<'a> {
    /// First value of the rows in each plane.
    to: [*mut f32; BLOCK],
    /// The same rows of the tensor that is added or gates, where there is one.
    other: [&'a [f32]; BLOCK],
    channels: usize,
    rows: usize,
    width: usize,
    ring_width: usize,
}

multiversion! {
    unsafe fn write_block = write_block_body(
        p: &Block<'_>, lines: &[f32], finish: &Finish<'_>, sums: (usize, &mut [(f64, f64)])
    )
}

#[inline(always)]
unsafe fn write_block_body<L: Lanes>(
    p: &Block<'_>,
    lines: &[f32],
    finish: &Finish<'_>,
    sums: (usize, &mut [(f64, f64)]),
) {
    let (first, sums) = sums;
    // SAFETY: the caller's promise; `first + p.channels` vectors were checked.
    unsafe {
        match finish {
            Finish::Map(epilogue) => write_mapped::<L>(p, lines, epilogue, first),
            Finish::Moments => write_moments::<L>(p, lines, &mut sums[first..]),
            Finish::Gate { maps, relu: true, .. } => {
                write_gated::<L>(p, lines, (&maps[first..], true), &mut sums[first..]);
            }
            Finish::Gate { maps, relu: false, .. } => {
                write_gated::<L>(p, lines, (&maps[first..], false), &mut sums[first..]);
            }
        }
    }
}

/// `n` pixels of 16 lanes from `from`, zero behind them.
#[inline(always)]
unsafe fn pixels<L: Lanes>(from: *const f32, n: usize) -> [L; 16] {
    // SAFETY: the caller has `n` pixels.
    unsafe {
        if n == BLOCK {
            sixteen!(j => L::load(from.add(j * BLOCK)))
        } else {
            sixteen!(j => if j < n { L::load(from.add(j * BLOCK)) } else { L::splat(0.0) })
        }
    }
}

/// Writes the first `n` values of every channel's block.
#[inline(always)]
unsafe fn write<L: Lanes>(p: &Block<'_>, square: &[L; 16], at: usize, n: usize) {
    // SAFETY: `at + n` values lie in the rows of every plane below `channels`.
    unsafe {
        if n == BLOCK && p.channels == BLOCK {
            let _ = sixteen!(j => square[j].store(p.to[j].add(at)));
        } else {
            let _ = sixteen!(j => if j < p.channels { square[j].store_first(p.to[j].add(at), n) });
        }
    }
}

/// 16 or the first `n` values of the other tensor's channel `j`.
#[inline(always)]
unsafe fn other<L: Lanes>(p: &Block<'_>, j: usize, at: usize, n: usize) -> L {
    // SAFETY: `j < p.channels`, whose rows hold `at + n` values.
    unsafe {
        let from = p.other.get_unchecked(j).as_ptr().add(at);
        if n == BLOCK { L::load(from) } else { L::load_first(from, n) }
    }
}

/// The values of a vector for the lanes of a block, `default` without a vector.
#[inline(always)]
unsafe fn lanes<L: Lanes>(vector: Option<&[f32]>, first: usize, count: usize, default: f32) -> L {
    let mut values = [default; BLOCK];
    if let Some(vector) = vector {
        values[..count].copy_from_slice(&vector[first..first + count]);
    }
    // SAFETY: 16 values.
    unsafe { L::load(values.as_ptr()) }
}

#[inline(always)]
unsafe fn write_mapped<L: Lanes>(p: &Block<'_>, lines: &[f32], e: &Epilogue<'_>, first: usize) {
    // SAFETY: `n` pixels of 16 lanes lie in `line`; the rest is the caller's promise.
    unsafe {
        let scale: L = lanes(e.scale, first, p.channels, 1.0);
        let shift: L = lanes(e.shift, first, p.channels, 0.0);
        let floor = L::splat(if e.relu { 0.0 } else { f32::NEG_INFINITY });
        let adds = e.add.is_some();
        for y in 0..p.rows {
            let mut x = 0;
            while x < p.width {
                let n = (p.width - x).min(BLOCK);
                let line = &lines[(y * p.ring_width + x) * BLOCK..][..n * BLOCK];
                let raw: [L; 16] = pixels(line.as_ptr(), n);
                let at = y * p.width + x;
                // `max` keeps its second operand when that is NaN: NaN must pass through.
                let square = if adds {
                    let mut square = sixteen!(j => raw[j].mul_add(scale, shift));
                    L::transpose(&mut square);
                    sixteen!(j => if j < p.channels { floor.max(square[j].add(other(p, j, at, n))) } else { square[j] })
                } else {
                    let mut square = sixteen!(j => floor.max(raw[j].mul_add(scale, shift)));
                    L::transpose(&mut square);
                    square
                };
                write(p, &square, at, n);
                x += BLOCK;
            }
        }
    }
}

#[inline(always)]
unsafe fn write_moments<L: Lanes>(p: &Block<'_>, lines: &[f32], sums: &mut [(f64, f64)]) {
    let mut totals = [[0.0_f32; BLOCK]; 2];
    // SAFETY: `n` pixels of 16 lanes lie in `line`; the rest is the caller's promise.
    unsafe {
        let zero = L::splat(0.0);
        let (mut s0, mut s1, mut q0, mut q1) = (zero, zero, zero, zero);
        for y in 0..p.rows {
            let mut x = 0;
            while x < p.width {
                let n = (p.width - x).min(BLOCK);
                let line = &lines[(y * p.ring_width + x) * BLOCK..][..n * BLOCK];
                let mut square: [L; 16] = pixels(line.as_ptr(), n);
                // Missing pixels are zero and add nothing.
                let _ = sixteen!(j => if j % 2 == 0 {
                    s0 = s0.add(square[j]);
                    q0 = square[j].mul_add(square[j], q0);
                } else {
                    s1 = s1.add(square[j]);
                    q1 = square[j].mul_add(square[j], q1);
                });
                L::transpose(&mut square);
                write(p, &square, y * p.width + x, n);
                x += BLOCK;
            }
        }
        s0.add(s1).store(totals[0].as_mut_ptr());
        q0.add(q1).store(totals[1].as_mut_ptr());
    }
    for (j, sum) in sums.iter_mut().enumerate().take(p.channels) {
        sum.0 += f64::from(totals[0][j]);
        sum.1 += f64::from(totals[1][j]);
    }
}

#[inline(always)]
unsafe fn write_gated<L: Lanes>(
    p: &Block<'_>,
    lines: &[f32],
    below: (&[Affine], bool),
    sums: &mut [(f64, f64)],
) {
    let (maps, relu) = below;
    let mut totals = [[0.0_f32; 2 * BLOCK]; BLOCK];
    // SAFETY: `n` pixels of 16 lanes lie in `line`; a row of `totals` holds two blocks; the
    // rest is the caller's promise.
    unsafe {
        for y in 0..p.rows {
            let mut x = 0;
            while x < p.width {
                let n = (p.width - x).min(BLOCK);
                let line = &lines[(y * p.ring_width + x) * BLOCK..][..n * BLOCK];
                let mut square: [L; 16] = pixels(line.as_ptr(), n);
                L::transpose(&mut square);
                let at = y * p.width + x;
                write(p, &square, at, n);
                // Missing pixels have a gradient of zero and add nothing.
                let _ = sixteen!(j => if j < p.channels {
                    let map = maps.get_unchecked(j);
                    let v = other::<L>(p, j, at, n).sub(L::splat(map.mean));
                    let passed = gate(v, square[j], map, relu);
                    let total = totals[j].as_mut_ptr();
                    L::load(total).add(passed).store(total);
                    let product = total.add(BLOCK);
                    passed.mul_add(v, L::load(product)).store(product);
                });
                x += BLOCK;
            }
        }
        for (j, sum) in sums.iter_mut().enumerate().take(p.channels) {
            sum.0 += f64::from(L::load(totals[j].as_ptr()).sum());
            sum.1 += f64::from(L::load(totals[j].as_ptr().add(BLOCK)).sum());
        }
    }
}
