//! The convolution itself.
#![allow(unsafe_code, reason = "an output buffer that every part fills")]

use rayon::prelude::*;

use super::super::epilogue::Epilogue;
use super::super::isa::Isa;
use super::super::output::Output;
use super::super::scratch::with_scratch;
use super::load::{Block, Source, advance};
use super::product::{Product, multiply};
use super::store::{Finish, Sink, store};
use super::transform::{TileRow, transform_input};
use super::weights::{Role, transform};
use super::{BLOCK, FREQUENCIES, Geometry, PARTS, RING, SKEW, Sums, add_sums, tiles_per_block};

/// `x` (`[batch][inputs][h][w]`) convolved with `weight`
/// (`[outputs][inputs][3][3]`) and mapped by `epilogue`.
pub(crate) fn convolve(
    isa: Isa,
    g: &Geometry,
    x: &Source<'_>,
    weight: &[f32],
    epilogue: &Epilogue<'_>,
) -> Vec<f32> {
    let mut out = Output::new(g.batch * g.outputs * g.plane());
    let to = out.shared();
    let parts = [(to, g.outputs), (to, 0)];
    let sink = Sink { parts, finish: Finish::Map(*epilogue) };
    run(isa, g, x, (weight, Role::Forward), &sink);
    // SAFETY: the parts cover all tile rows of all images, `store` writes all channels of them.
    unsafe { out.filled() }
}

/// The convolution alone, with the sum of every output channel and that of its squares.
pub(crate) fn convolve_with_moments(
    isa: Isa,
    g: &Geometry,
    x: &Source<'_>,
    weight: &[f32],
) -> (Vec<f32>, Sums) {
    let mut out = Output::new(g.batch * g.outputs * g.plane());
    let to = out.shared();
    let parts = [(to, g.outputs), (to, 0)];
    let sums = run(isa, g, x, (weight, Role::Forward), &Sink { parts, finish: Finish::Moments });
    // SAFETY: as in `convolve`.
    (unsafe { out.filled() }, sums)
}

/// The gradient of the input alone: the output gradient convolved with the
/// rotated weights. `g` is the geometry of the forward convolution.
pub(super) fn input_gradient(
    isa: Isa,
    g: &Geometry,
    gradient: &Source<'_>,
    weight: &[f32],
    sink: &Sink<'_>,
) -> Sums {
    run(isa, &g.swapped(), gradient, (weight, Role::Backward), sink)
}

fn run(isa: Isa, g: &Geometry, x: &Source<'_>, weight: (&[f32], Role), sink: &Sink<'_>) -> Sums {
    x.check(g.batch, g.inputs, g.plane());
    sink.check(g);
    assert_eq!(weight.0.len(), g.outputs * g.inputs * 9, "weight size");
    with_scratch([FREQUENCIES * g.weight_stride()], |[u]| {
        transform(weight.0, g, weight.1, u);
        let u: &[f32] = u;
        let sums: Vec<Sums> = g
            .ranges(PARTS)
            .into_par_iter()
            .map(|range| part(isa, g, x, u, (sink, range)))
            .collect();
        add_sums(sums)
    })
}

/// One part: blocks of tile rows, transformed, multiplied and written.
fn part(
    isa: Isa,
    g: &Geometry,
    x: &Source<'_>,
    u: &[f32],
    to: (&Sink<'_>, (usize, usize)),
) -> Sums {
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
    let mut sums = sink.sums(g);
    with_scratch(lengths, |[v, products, ring, lines]| {
        let mut row = range.0;
        while row < range.1 {
            let end = (row + per_block).min(range.1);
            let place =
                TileRow { top: 0, ring_width: g.ring_width(), tiles, frequency: inputs, tile };
            transform_rows(isa, g, x, (row, end), ring, |r, first, ring| {
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
            store(isa, g, (row, end), (products, frequency), (sink, lines, &mut sums));
            row = end;
        }
    });
    sums
}

/// Loads tile rows `rows.0 .. rows.1` of every block of channels in turn and
/// hands each to `visit(row, first channel, ring)`.
pub(super) fn transform_rows(
    isa: Isa,
    g: &Geometry,
    source: &Source<'_>,
    rows: (usize, usize),
    ring: &mut [f32],
    mut visit: impl FnMut(usize, usize, &[f32]),
) {
    let mut row = rows.0;
    while row < rows.1 {
        let (image, tile_row) = (row / g.tile_rows(), row % g.tile_rows());
        let count = (g.tile_rows() - tile_row).min(rows.1 - row);
        for first in (0..source.stack.channels()).step_by(BLOCK) {
            let block = Block { source, image, first };
            for i in 0..count {
                advance(isa, g, &block, (tile_row + i, i == 0), ring);
                visit(row + i, first, ring);
            }
        }
        row += count;
    }
}
