//! Both gradients in one sweep over the tiles.
#![allow(unsafe_code, reason = "an output buffer that every part fills")]

use rayon::prelude::*;

use super::super::isa::Isa;
use super::super::output::Output;
use super::super::scratch::with_scratch;
use super::forward::transform_rows;
use super::product::{Product, multiply};
use super::store::{Sink, store};
use super::transform::{TileRow, transform_gradient, transform_input};
use super::weights::{Role, gradient, transform};
use super::{BLOCK, FREQUENCIES, Geometry, PARTS, RING, SKEW, tiles_per_block};

/// Tiles per block at least, so that a weight-gradient product is worth its traffic.
const MIN_TILES: usize = 32;

/// What the sweep reads.
#[derive(Clone, Copy)]
struct Sources<'a> {
    x: &'a [f32],
    gradient: &'a [f32],
    /// Transformed rotated weights; empty when the input gradient is not wanted.
    weights: &'a [f32],
}

/// The gradients of the weights and, where `weight` is given, of the input.
pub(crate) fn gradients(
    isa: Isa,
    g: &Geometry,
    x: &[f32],
    dy: &[f32],
    weight: Option<&[f32]>,
) -> (Vec<f32>, Option<Vec<f32>>) {
    assert_eq!(x.len(), g.batch * g.inputs * g.plane(), "input size");
    assert_eq!(dy.len(), g.batch * g.outputs * g.plane(), "gradient size");
    let back = g.swapped();
    let mut out = weight.map(|_| Output::new(x.len()));
    let zeros = vec![0.0; g.inputs];
    let length = if weight.is_some() { FREQUENCIES * back.weight_stride() } else { 0 };
    let sum = with_scratch([length], |[u]| {
        if let Some(weight) = weight {
            transform(weight, &back, Role::Backward, u);
        }
        let sources = Sources { x, gradient: dy, weights: u };
        let sink = out.as_mut().map(|out| Sink { out: out.shared(), bias: &zeros });
        // The accumulators of wide layers are large: fewer parts for them.
        let parts = (16_384 / (g.padded_inputs() * g.padded_outputs())).clamp(2, PARTS);
        let sums: Vec<Vec<f32>> = g
            .ranges(parts)
            .into_par_iter()
            .map(|range| part(isa, g, &sources, sink.as_ref(), range))
            .collect();
        add_in_order(sums)
    });
    // SAFETY: the parts cover all tile rows of all images, `store` writes all channels of them.
    (gradient(&sum, g), out.map(|out| unsafe { out.filled() }))
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
) -> Vec<f32> {
    let (tiles, inputs, outputs) = (g.tiles(), g.padded_inputs(), g.padded_outputs());
    let per_block = g.rows_per_block(tiles_per_block(inputs + 2 * outputs).max(MIN_TILES));
    let most = per_block * tiles;
    let (x_tile, dy_tile) = (FREQUENCIES * inputs + SKEW, FREQUENCIES * outputs + SKEW);
    let (frequency, back) = (most * inputs + SKEW, g.swapped());
    let want = usize::from(sink.is_some());
    let lengths = [
        most * x_tile,
        most * dy_tile,
        want * most * dy_tile,
        want * FREQUENCIES * frequency,
        RING * g.ring_width() * BLOCK,
        4 * g.ring_width() * BLOCK,
    ];
    let mut sums = vec![0.0; FREQUENCIES * g.weight_stride()];
    with_scratch(lengths, |[v, spread, dv, products, ring, lines]| {
        let mut row = range.0;
        while row < range.1 {
            let end = (row + per_block).min(range.1);
            let base = TileRow {
                top: 0,
                ring_width: g.ring_width(),
                tiles,
                frequency: inputs,
                tile: x_tile,
            };
            let at = |r: usize| r % g.tile_rows() * 4;
            transform_rows(isa, g, (s.x, g.inputs), (row, end), ring, |r, first, ring| {
                let to = &mut v[(r - row) * tiles * x_tile + first..];
                transform_input(isa, &TileRow { top: at(r), ..base }, ring, to);
            });
            transform_rows(isa, g, (s.gradient, g.outputs), (row, end), ring, |r, first, ring| {
                let place = TileRow { top: at(r), frequency: outputs, tile: dy_tile, ..base };
                let from = (r - row) * tiles * dy_tile + first;
                transform_gradient(isa, &place, ring, &mut spread[from..]);
                if sink.is_some() {
                    transform_input(isa, &place, ring, &mut dv[from..]);
                }
            });
            let count = (end - row) * tiles;
            let (weight_product, input_product) = products_of(g, count);
            for f in 0..FREQUENCIES {
                let to = &mut sums[f * g.weight_stride()..];
                multiply(isa, &weight_product, &v[f * inputs..], &spread[f * outputs..], to);
                if sink.is_some() {
                    let u = &s.weights[f * back.weight_stride()..];
                    multiply(
                        isa,
                        &input_product,
                        &dv[f * outputs..],
                        u,
                        &mut products[f * frequency..],
                    );
                }
            }
            if let Some(sink) = sink {
                store(isa, &back, (row, end), (products, frequency), (sink, lines));
            }
            row = end;
        }
    });
    sums
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
