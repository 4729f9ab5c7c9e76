//! Products of a block of tiles to rows of output planes.
//!
//! # Safety
//!
//! The unsafe functions need the instructions of their `Lanes` type, which an [`Isa`] proves, and a
//! destination valid for the rows and columns of the tile row that no other part writes.
#![allow(unsafe_code, reason = "disjoint writes from several parts, vector stores")]

use super::super::isa::{Isa, multiversion};
use super::super::lanes::{Lanes, sixteen};
use super::super::output::SharedOut;
use super::transform::{TileRow, transform_output};
use super::{BLOCK, FREQUENCIES, Geometry};

/// Where transformed outputs go.
#[derive(Clone, Copy)]
pub(super) struct Sink<'a> {
    /// The output tensor.
    pub(super) out: SharedOut<'a>,
    /// One value per output channel, added to it; zeros without a bias.
    pub(super) bias: &'a [f32],
}

/// Writes tile rows `rows.0 .. rows.1` from their products `[36][tile][channel]`.
pub(super) fn store(
    isa: Isa,
    g: &Geometry,
    rows: (usize, usize),
    products: (&[f32], usize),
    to: (&Sink<'_>, &mut [f32]),
) {
    let (products, frequency) = products;
    let (sink, lines) = to;
    let (tiles, padded, plane) = (g.tiles(), g.padded_outputs(), g.plane());
    debug_assert!(frequency * FREQUENCIES <= products.len() + frequency, "products");
    for row in rows.0..rows.1 {
        let (image, tile_row) = (row / g.tile_rows(), row % g.tile_rows());
        let count = (g.height - tile_row * 4).min(4);
        for first in (0..g.outputs).step_by(BLOCK) {
            let channels = (g.outputs - first).min(BLOCK);
            let from = &products[(row - rows.0) * tiles * padded + first..];
            let place =
                TileRow { top: 0, ring_width: g.ring_width(), tiles, frequency, tile: padded };
            transform_output(isa, &place, from, lines);
            let start = (image * g.outputs + first) * plane + tile_row * 4 * g.width;
            let to = sink.out.range(start, (channels - 1) * plane + count * g.width);
            let planes =
                Planes { plane, width: g.width, channels, rows: count, ring_width: g.ring_width() };
            // SAFETY: the range was checked; this part alone owns these rows of these planes.
            unsafe { write_rows(isa, &planes, lines, &sink.bias[first..first + channels], to) }
        }
    }
}

/// Up to four rows of up to 16 planes.
struct Planes {
    plane: usize,
    width: usize,
    channels: usize,
    rows: usize,
    ring_width: usize,
}

multiversion! {
    unsafe fn write_rows = write_rows_body(p: &Planes, lines: &[f32], bias: &[f32], to: *mut f32)
}

#[inline(always)]
unsafe fn write_rows_body<L: Lanes>(p: &Planes, lines: &[f32], bias: &[f32], to: *mut f32) {
    let mut lane_bias = [0.0; BLOCK];
    lane_bias[..p.channels].copy_from_slice(bias);
    for y in 0..p.rows {
        let mut x = 0;
        while x < p.width {
            let n = (p.width - x).min(16);
            let line = &lines[(y * p.ring_width + x) * BLOCK..][..n * BLOCK];
            // SAFETY: `n` pixels of 16 lanes lie in `line`; `n` values from (y, x) on
            // lie in each of the planes.
            unsafe {
                let from = line.as_ptr();
                let bias = L::load(lane_bias.as_ptr());
                let mut square: [L; 16] = if n == 16 {
                    sixteen!(j => L::load(from.add(j * BLOCK)).add(bias))
                } else {
                    sixteen!(j => if j < n { L::load(from.add(j * BLOCK)).add(bias) } else { L::splat(0.0) })
                };
                L::transpose(&mut square);
                let to = to.add(y * p.width + x);
                if n == 16 && p.channels == BLOCK {
                    let _ = sixteen!(j => square[j].store(to.add(j * p.plane)));
                } else {
                    let _ = sixteen!(j => if j < p.channels { square[j].store_first(to.add(j * p.plane), n) });
                }
            }
            x += 16;
        }
    }
}
