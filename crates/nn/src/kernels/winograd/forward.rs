//! The convolution itself.
#![allow(unsafe_code, reason = "an output buffer that every part fills")]

use rayon::prelude::*;

use super::super::isa::Isa;
use super::super::output::Output;
use super::super::scratch::with_scratch;
use super::load::{Block, advance};
use super::product::{Product, multiply};
use super::store::{Sink, store};
use super::transform::{TileRow, transform_input};
use super::weights::{Role, transform};
use super::{BLOCK, FREQUENCIES, Geometry, PARTS, RING, SKEW, tiles_per_block};

/// `x` (`[batch][inputs][h][w]`) convolved with `weight`
/// (`[outputs][inputs][3][3]`), plus a bias per output channel.
pub(crate) fn convolve(
    isa: Isa,
    g: &Geometry,
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
) -> Vec<f32> {
    run(isa, g, x, (weight, Role::Forward), bias)
}

/// The gradient of the input alone: the output gradient convolved with the
/// rotated weights. `g` is the geometry of the forward convolution.
pub(crate) fn input_gradient(isa: Isa, g: &Geometry, gradient: &[f32], weight: &[f32]) -> Vec<f32> {
    run(isa, &g.swapped(), gradient, (weight, Role::Backward), None)
}

fn run(
    isa: Isa,
    g: &Geometry,
    x: &[f32],
    weight: (&[f32], Role),
    bias: Option<&[f32]>,
) -> Vec<f32> {
    assert_eq!(x.len(), g.batch * g.inputs * g.plane(), "input size");
    assert_eq!(weight.0.len(), g.outputs * g.inputs * 9, "weight size");
    let none = if bias.is_none() { vec![0.0; g.outputs] } else { Vec::new() };
    let bias = bias.unwrap_or(&none);
    let mut out = Output::new(g.batch * g.outputs * g.plane());
    let sink = Sink { out: out.shared(), bias };
    with_scratch([FREQUENCIES * g.weight_stride()], |[u]| {
        transform(weight.0, g, weight.1, u);
        let u: &[f32] = u;
        g.ranges(PARTS).into_par_iter().for_each(|range| part(isa, g, x, u, (&sink, range)));
    });
    // SAFETY: the parts cover all tile rows of all images, `store` writes all channels of them.
    unsafe { out.filled() }
}

/// One part: blocks of tile rows, transformed, multiplied and written.
fn part(isa: Isa, g: &Geometry, x: &[f32], u: &[f32], to: (&Sink<'_>, (usize, usize))) {
    let (sink, range) = to;
    let (tiles, inputs, outputs) = (g.tiles(), g.padded_inputs(), g.padded_outputs());
    let per_block = g.rows_per_block(tiles_per_block(inputs + outputs));
    let most = per_block * tiles;
    let (tile, frequency) = (FREQUENCIES * inputs + SKEW, most * outputs + SKEW);
    let lengths = [
        most * tile,
        FREQUENCIES * frequency,
        RING * g.ring_width() * BLOCK,
        4 * g.ring_width() * BLOCK,
    ];
    with_scratch(lengths, |[v, products, ring, lines]| {
        let mut row = range.0;
        while row < range.1 {
            let end = (row + per_block).min(range.1);
            let place =
                TileRow { top: 0, ring_width: g.ring_width(), tiles, frequency: inputs, tile };
            transform_rows(isa, g, (x, g.inputs), (row, end), ring, |r, first, ring| {
                let to = &mut v[(r - row) * tiles * tile + first..];
                transform_input(isa, &TileRow { top: r % g.tile_rows() * 4, ..place }, ring, to);
            });
            let product = Product {
                rows: (end - row) * tiles,
                columns: outputs,
                depth: inputs,
                a_row: tile,
                a_term: 1,
                b_term: outputs,
                d_row: outputs,
                accumulate: false,
            };
            for f in 0..FREQUENCIES {
                let (a, b) = (&v[f * inputs..], &u[f * g.weight_stride()..]);
                multiply(isa, &product, a, b, &mut products[f * frequency..]);
            }
            store(isa, g, (row, end), (products, frequency), (sink, lines));
            row = end;
        }
    });
}

/// Loads tile rows `rows.0 .. rows.1` of every block of channels in turn and
/// hands each to `visit(row, first channel, ring)`.
pub(super) fn transform_rows(
    isa: Isa,
    g: &Geometry,
    source: (&[f32], usize),
    rows: (usize, usize),
    ring: &mut [f32],
    mut visit: impl FnMut(usize, usize, &[f32]),
) {
    let (data, channels) = source;
    let mut row = rows.0;
    while row < rows.1 {
        let (image, tile_row) = (row / g.tile_rows(), row % g.tile_rows());
        let count = (g.tile_rows() - tile_row).min(rows.1 - row);
        for first in (0..channels).step_by(BLOCK) {
            let block = Block { data, channels, image, first };
            for i in 0..count {
                advance(isa, g, &block, (tile_row + i, i == 0), ring);
                visit(row + i, first, ring);
            }
        }
        row += count;
    }
}
