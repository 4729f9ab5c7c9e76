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
use super::{
    BLOCK, FREQUENCIES, Geometry, PARTS, Plan, RING, SKEW, Sums, add_sums, tiles_per_block,
};

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
    let channels = g.padded_inputs() + g.padded_outputs();
    let plan = if g.is_wide() {
        Plan::wide(g, channels)
    } else {
        Plan::narrow(g, PARTS, tiles_per_block(channels))
    };
    with_scratch([FREQUENCIES * g.weight_stride()], |[u]| {
        transform(weight.0, g, weight.1, u);
        let u: &[f32] = u;
        let sums: Vec<Sums> = g
            .ranges(plan.parts)
            .into_par_iter()
            .map(|range| part(isa, g, plan, (x, u), (sink, range)))
            .collect();
        add_sums(sums)
    })
}

/// One part: blocks of tile rows, transformed, multiplied and written.
fn part(
    isa: Isa,
    g: &Geometry,
    plan: Plan,
    (x, u): (&Source<'_>, &[f32]),
    (sink, range): (&Sink<'_>, (usize, usize)),
) -> Sums {
    let (tiles, inputs, outputs) = (g.tiles(), g.padded_inputs(), g.padded_outputs());
    let most = plan.rows.min(range.1 - range.0) * tiles;
    let (tile, frequency) = (FREQUENCIES * inputs + SKEW, most * outputs + SKEW);
    let mut sums = sink.sums(g);
    with_scratch([most * tile, FREQUENCIES * frequency], |[v, products]| {
        let mut row = range.0;
        while row < range.1 {
            let end = (row + plan.rows).min(range.1);
            let place =
                TileRow { top: 0, ring_width: g.ring_width(), tiles, frequency: inputs, tile };
            transform_block(
                isa,
                g,
                plan,
                (x, (row, end)),
                [(v, tiles * tile)],
                |r, at, ring, [v]| {
                    let to = &mut v[at.0 * tiles * tile + at.1..];
                    transform_input(
                        isa,
                        &TileRow { top: r % g.tile_rows() * 4, ..place },
                        ring,
                        to,
                    );
                },
            );
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
            each(plan.spread, products, frequency, |f, to| {
                multiply(isa, &product, &v[f * inputs..], &u[f * g.weight_stride()..], to);
            });
            store_block(isa, g, plan, (row, end), (products, frequency), (sink, &mut sums));
            row = end;
        }
    });
    sums
}

/// Loads tile rows `rows.0 .. rows.1` and hands each block of channels to
/// `visit(row, (row within the range, first channel), ring, buffers)`, where the buffers,
/// given with their values per tile row, are cut as the rows are.
pub(super) fn transform_block<const N: usize>(
    isa: Isa,
    g: &Geometry,
    plan: Plan,
    (source, rows): (&Source<'_>, (usize, usize)),
    buffers: [(&mut [f32], usize); N],
    visit: impl Fn(usize, (usize, usize), &[f32], &mut [&mut [f32]; N]) + Sync,
) {
    let share = plan.share(rows.1 - rows.0);
    let mut rest = buffers;
    let mut jobs = Vec::with_capacity(plan.split);
    for first in (rows.0..rows.1).step_by(share) {
        let end = (first + share).min(rows.1);
        let own = rest.each_mut().map(|(buffer, per_row)| {
            let count = ((end - first) * *per_row).min(buffer.len());
            let (own, behind) = std::mem::take(buffer).split_at_mut(count);
            *buffer = behind;
            own
        });
        jobs.push((first, end, own));
    }
    jobs.into_par_iter().for_each(|(first, end, mut own)| {
        with_scratch([RING * g.ring_width() * BLOCK], |[ring]| {
            transform_rows(isa, g, source, (first, end), ring, |row, channel, ring| {
                visit(row, (row - first, channel), ring, &mut own);
            });
        });
    });
}

/// Writes tile rows `rows.0 .. rows.1` from their products and adds their sums.
pub(super) fn store_block(
    isa: Isa,
    g: &Geometry,
    plan: Plan,
    rows: (usize, usize),
    (products, frequency): (&[f32], usize),
    (sink, sums): (&Sink<'_>, &mut Sums),
) {
    let share = plan.share(rows.1 - rows.0);
    let per_row = g.tiles() * g.padded_outputs();
    let run = |first: usize, sums: &mut Sums| {
        let own = (first, (first + share).min(rows.1));
        let products = &products[(first - rows.0) * per_row..];
        with_scratch([4 * g.ring_width() * BLOCK], |[lines]| {
            store(isa, g, own, (products, frequency), (sink, lines, sums));
        });
    };
    if plan.split == 1 {
        return run(rows.0, sums);
    }
    let firsts: Vec<usize> = (rows.0..rows.1).step_by(share).collect();
    let done: Vec<Sums> = firsts
        .into_par_iter()
        .map(|first| {
            let mut own = sink.sums(g);
            run(first, &mut own);
            own
        })
        .collect();
    *sums = add_sums(std::iter::once(std::mem::take(sums)).chain(done).collect());
}

/// Visits the frequencies' shares of a buffer, on many threads if `spread`.
pub(super) fn each(
    spread: bool,
    buffer: &mut [f32],
    length: usize,
    visit: impl Fn(usize, &mut [f32]) + Sync,
) {
    if spread {
        buffer.par_chunks_mut(length).enumerate().for_each(|(f, to)| visit(f, to));
    } else {
        buffer.chunks_mut(length).enumerate().for_each(|(f, to)| visit(f, to));
    }
}
/// Loads tile rows `rows.0 .. rows.1` of every block of channels in turn and
/// hands each to `visit(row, first channel, ring)`.
fn transform_rows(
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
