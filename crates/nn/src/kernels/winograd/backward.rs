//! Both gradients in one sweep over the tiles.
#![allow(unsafe_code, reason = "output buffers that every part fills")]

use rayon::prelude::*;

use super::super::isa::Isa;
use super::super::output::Output;
use super::super::scratch::with_scratch;
use super::forward::{each, input_gradient, store_block, transform_block};
use super::load::Source;
use super::product::{Product, multiply};
use super::store::{Finish, Sink};
use super::transform::{TileRow, transform_gradient, transform_input};
use super::weights::{Role, gradient, transform};
use super::{FREQUENCIES, Geometry, PARTS, Plan, SKEW, Sums, add_sums, tiles_per_block};

/// Tiles per block at least, so that a weight-gradient product is worth its traffic.
const MIN_TILES: usize = 32;

/// What [`gradients`] computes.
#[derive(Debug, Default)]
pub(crate) struct Gradients {
    /// Of the input, one tensor per part of its stack.
    pub(crate) input: Option<[Vec<f32>; 2]>,
    /// Of the weights.
    pub(crate) weight: Option<Vec<f32>>,
    /// What [`Finish`] takes of the input's gradient.
    pub(crate) sums: Sums,
}

/// What the sweep reads.
#[derive(Clone, Copy)]
struct Sources<'a> {
    x: &'a Source<'a>,
    gradient: &'a Source<'a>,
    /// Transformed rotated weights; empty when the input gradient is not wanted.
    weights: &'a [f32],
    /// How the work is cut.
    plan: Plan,
}

/// The gradients of the input and of the weights, each if `wanted`, of a
/// convolution of geometry `g` with input `x` and gradient `dy` of its result.
pub(crate) fn gradients(
    isa: Isa,
    g: &Geometry,
    x: &Source<'_>,
    dy: &Source<'_>,
    (weight, finish): (&[f32], Finish<'_>),
    wanted: (bool, bool),
) -> Gradients {
    if !wanted.0 {
        let weight = wanted.1.then(|| sweep(isa, g, (x, dy), weight, None).0);
        return Gradients { weight, ..Gradients::default() };
    }
    let channels = x.stack.split();
    let mut outs = [channels.0, channels.1].map(|c| Output::new(g.batch * c * g.plane()));
    let [first, second] = &mut outs;
    let parts = [(first.shared(), channels.0), (second.shared(), channels.1)];
    let sink = Sink { parts, finish };
    let (weight, sums) = if wanted.1 {
        let (weight, sums) = sweep(isa, g, (x, dy), weight, Some(&sink));
        (Some(weight), sums)
    } else {
        (None, input_gradient(isa, g, dy, weight, &sink))
    };
    // SAFETY: the parts cover all tile rows of all images, `store` writes all channels of them.
    let input = Some(outs.map(|out| unsafe { out.filled() }));
    Gradients { input, weight, sums }
}

/// The gradient of the weights, and of the input if there is a sink for it.
fn sweep(
    isa: Isa,
    g: &Geometry,
    (x, dy): (&Source<'_>, &Source<'_>),
    weight: &[f32],
    sink: Option<&Sink<'_>>,
) -> (Vec<f32>, Sums) {
    x.check(g.batch, g.inputs, g.plane());
    dy.check(g.batch, g.outputs, g.plane());
    let back = g.swapped();
    if let Some(sink) = sink {
        sink.check(&back);
    }
    let length = if sink.is_some() { FREQUENCIES * back.weight_stride() } else { 0 };
    with_scratch([length], |[u]| {
        if sink.is_some() {
            transform(weight, &back, Role::Backward, u);
        }
        let channels = g.padded_inputs() + 2 * g.padded_outputs();
        let plan = if g.is_wide() {
            Plan::wide(g, channels)
        } else {
            // The accumulators of wider layers are large: fewer parts for them.
            let parts = (16_384 / (g.padded_inputs() * g.padded_outputs())).clamp(2, PARTS);
            let plan = Plan::narrow(g, parts, tiles_per_block(channels).max(MIN_TILES));
            // Frequencies are independent, so results do not depend on how they are spread.
            Plan { spread: rayon::current_num_threads() > parts, ..plan }
        };
        let sources = Sources { x, gradient: dy, weights: u, plan };
        let done: Vec<(Vec<f32>, Sums)> = g
            .ranges(plan.parts)
            .into_par_iter()
            .map(|range| part(isa, g, &sources, sink, range))
            .collect();
        let (frequencies, sums): (Vec<_>, Vec<_>) = done.into_iter().unzip();
        (gradient(&add_in_order(frequencies), g), add_sums(sums))
    })
}

/// The sum of the parts, in index order for every value.
fn add_in_order(parts: Vec<Vec<f32>>) -> Vec<f32> {
    let mut parts = parts.into_iter();
    let mut sum = parts.next().unwrap_or_default();
    let rest: Vec<Vec<f32>> = parts.collect();
    sum.par_chunks_mut(1 << 14).enumerate().for_each(|(i, chunk)| {
        for part in &rest {
            for (s, p) in chunk.iter_mut().zip(&part[i << 14..]) {
                *s += p;
            }
        }
    });
    sum
}

/// One part: returns its share of the weight gradient's frequencies.
fn part(
    isa: Isa,
    g: &Geometry,
    s: &Sources<'_>,
    sink: Option<&Sink<'_>>,
    range: (usize, usize),
) -> (Vec<f32>, Sums) {
    let (tiles, inputs, outputs) = (g.tiles(), g.padded_inputs(), g.padded_outputs());
    let plan = s.plan;
    let most = plan.rows.min(range.1 - range.0) * tiles;
    let (x_tile, dy_tile) = (FREQUENCIES * inputs + SKEW, FREQUENCIES * outputs + SKEW);
    let (frequency, back) = (most * inputs + SKEW, g.swapped());
    let want = usize::from(sink.is_some());
    let lengths =
        [most * x_tile, most * dy_tile, want * most * dy_tile, want * FREQUENCIES * frequency];
    let mut weight_sums = vec![0.0; FREQUENCIES * g.weight_stride()];
    let mut sums = sink.map_or_else(Vec::new, |sink| sink.sums(&back));
    with_scratch(lengths, |[v, spread, dv, products]| {
        let mut row = range.0;
        while row < range.1 {
            let end = (row + plan.rows).min(range.1);
            let base = TileRow {
                top: 0,
                ring_width: g.ring_width(),
                tiles,
                frequency: inputs,
                tile: x_tile,
            };
            let top = |r: usize| r % g.tile_rows() * 4;
            let rows = (row, end);
            let to = [(&mut *v, tiles * x_tile)];
            transform_block(isa, g, plan, (s.x, rows), to, |r, at, ring, [v]| {
                let to = &mut v[at.0 * tiles * x_tile + at.1..];
                transform_input(isa, &TileRow { top: top(r), ..base }, ring, to);
            });
            let to = [(&mut *spread, tiles * dy_tile), (&mut *dv, tiles * dy_tile)];
            transform_block(isa, g, plan, (s.gradient, rows), to, |r, at, ring, [spread, dv]| {
                let place = TileRow { top: top(r), frequency: outputs, tile: dy_tile, ..base };
                let from = at.0 * tiles * dy_tile + at.1;
                transform_gradient(isa, &place, ring, &mut spread[from..]);
                if sink.is_some() {
                    transform_input(isa, &place, ring, &mut dv[from..]);
                }
            });
            let (weight_product, input_product) = products_of(g, (end - row) * tiles);
            each(plan.spread, &mut weight_sums, g.weight_stride(), |f, to| {
                multiply(isa, &weight_product, &v[f * inputs..], &spread[f * outputs..], to);
            });
            if let Some(sink) = sink {
                each(plan.spread, products, frequency, |f, to| {
                    let u = &s.weights[f * back.weight_stride()..];
                    multiply(isa, &input_product, &dv[f * outputs..], u, to);
                });
                store_block(isa, &back, plan, rows, (products, frequency), (sink, &mut sums));
            }
            row = end;
        }
    });
    (weight_sums, sums)
}

/// The products of the weight gradient and of the input gradient over `count` tiles.
fn products_of(g: &Geometry, count: usize) -> (Product, Product) {
    let (inputs, outputs) = (g.padded_inputs(), g.padded_outputs());
    let (x_tile, dy_tile) = (FREQUENCIES * inputs + SKEW, FREQUENCIES * outputs + SKEW);
    let weight = Product {
        rows: inputs,
        columns: outputs,
        depth: count,
        a_row: 1,
        a_term: x_tile,
        b_term: dy_tile,
        d_row: outputs,
        accumulate: true,
    };
    let input = Product {
        rows: count,
        columns: inputs,
        depth: outputs,
        a_row: dy_tile,
        a_term: 1,
        b_term: inputs,
        d_row: inputs,
        accumulate: false,
    };
    (weight, input)
}
