//! Pooling, nearest upsampling and the space-to-depth shuffles, plane by plane.

use super::output::{fill_parts, part};

/// Rows, columns and block side of a pass over planes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blocks {
    /// Rows of the fine plane.
    pub(crate) height: usize,
    /// Columns of the fine plane.
    pub(crate) width: usize,
    /// Side of a block.
    pub(crate) side: usize,
}

impl Blocks {
    fn fine(&self) -> usize {
        self.height * self.width
    }

    fn coarse(&self) -> (usize, usize) {
        (self.height / self.side, self.width / self.side)
    }
}

/// The larger value; a NaN in either wins, as in other frameworks.
fn larger(best: f32, value: f32) -> bool {
    // Without branches, so that it vectorises.
    (value > best) | (value.is_nan() & !best.is_nan())
}

/// The largest value of every 2x2 block of planes of `size.0` rows and `size.1` columns.
pub(crate) fn max_pool(size: (usize, usize), x: &[f32]) -> Vec<f32> {
    let (fine, rows, columns) = (size.0 * size.1, size.0 / 2, size.1 / 2);
    fill_parts(x.len() / fine * rows * columns, rows * columns, |index, out| {
        let plane = part(x, fine, index);
        for (i, line) in out.chunks_exact_mut(columns).enumerate() {
            // Row by row, so that it vectorises.
            line.fill(f32::NEG_INFINITY);
            for row in plane[2 * i * size.1..][..2 * size.1].chunks_exact(size.1) {
                for (largest, pair) in line.iter_mut().zip(row.as_chunks::<2>().0) {
                    let best = if larger(pair[0], pair[1]) { pair[1] } else { pair[0] };
                    *largest = if larger(*largest, best) { best } else { *largest };
                }
            }
        }
    })
}

/// The gradient of [`max_pool`]: each block's goes to its first largest value in
/// reading order. `pooled` is the result of the forward pass.
pub(crate) fn max_pool_gradient(
    size: (usize, usize),
    x: &[f32],
    pooled: &[f32],
    gradient: &[f32],
) -> Vec<f32> {
    let (fine, rows, columns) = (size.0 * size.1, size.0 / 2, size.1 / 2);
    let coarse = rows * columns;
    fill_parts(x.len(), fine, |index, out| {
        let plane = part(x, fine, index);
        let (pooled, gradient) = (part(pooled, coarse, index), part(gradient, coarse, index));
        for i in 0..rows {
            let at = i * columns..(i + 1) * columns;
            let (top, bottom) = out[2 * i * size.1..][..2 * size.1].split_at_mut(size.1);
            let x = plane[2 * i * size.1..][..2 * size.1].split_at(size.1);
            pair_gradient(x, &pooled[at.clone()], &gradient[at], top, bottom);
        }
    })
}

/// Two rows of 2x2 blocks, without branches so that it vectorises.
fn pair_gradient(
    x: (&[f32], &[f32]),
    best: &[f32],
    g: &[f32],
    top: &mut [f32],
    bottom: &mut [f32],
) {
    let inputs = x.0.as_chunks::<2>().0.iter().zip(x.1.as_chunks::<2>().0);
    let outputs = top.as_chunks_mut::<2>().0.iter_mut().zip(bottom.as_chunks_mut::<2>().0);
    for (((a, b), (top, bottom)), (best, g)) in inputs.zip(outputs).zip(best.iter().zip(g)) {
        // Not below the largest: that is the largest itself, or NaN where one is there.
        let wins = |v: f32| (v >= *best) | v.is_nan();
        let (k0, k1, k2, k3) = (wins(a[0]), wins(a[1]), wins(b[0]), wins(b[1]));
        let pick = |k: bool| if k { *g } else { 0.0 };
        *top = [pick(k0), pick(k1 & !k0)];
        *bottom = [pick(k2 & !(k0 | k1)), pick(k3 & !(k0 | k1 | k2))];
    }
}

/// Every value repeated over a block; `b` describes the fine result.
pub(crate) fn repeat(b: Blocks, x: &[f32]) -> Vec<f32> {
    let (rows, columns) = b.coarse();
    fill_parts(x.len() * b.side * b.side, b.fine(), |index, out| {
        let plane = part(x, rows * columns, index);
        for (band, line) in out.chunks_exact_mut(b.side * b.width).zip(plane.chunks_exact(columns))
        {
            let (first, rest) = band.split_at_mut(b.width);
            if b.side == 2 {
                for (pair, v) in first.as_chunks_mut::<2>().0.iter_mut().zip(line) {
                    *pair = [*v, *v];
                }
            } else {
                for (block, v) in first.chunks_exact_mut(b.side).zip(line) {
                    block.fill(*v);
                }
            }
            for row in rest.chunks_exact_mut(b.width) {
                row.copy_from_slice(first);
            }
        }
    })
}

/// Sums over blocks: the gradient of [`repeat`].
pub(crate) fn block_sums(b: Blocks, g: &[f32]) -> Vec<f32> {
    let (rows, columns) = b.coarse();
    fill_parts(g.len() / (b.side * b.side), rows * columns, |index, out| {
        let plane = part(g, b.fine(), index);
        for (line, band) in out.chunks_exact_mut(columns).zip(plane.chunks_exact(b.side * b.width))
        {
            for row in band.chunks_exact(b.width) {
                if b.side == 2 {
                    for (o, pair) in line.iter_mut().zip(row.as_chunks::<2>().0) {
                        *o += pair[0] + pair[1];
                    }
                } else {
                    for (o, block) in line.iter_mut().zip(row.chunks_exact(b.side)) {
                        *o += block.iter().sum::<f32>();
                    }
                }
            }
        }
    })
}

/// Depth to space: `[c side side][h / side][w / side]` to `[c][h][w]` for every
/// image; `b` describes the fine result.
pub(crate) fn shuffle(b: Blocks, x: &[f32]) -> Vec<f32> {
    let (rows, columns) = b.coarse();
    fill_parts(x.len(), b.fine(), |index, out| {
        let group = part(x, b.fine(), index);
        for (y, row) in out.chunks_exact_mut(b.width).enumerate() {
            if b.side == 2 {
                let first = &group[((y % 2) * 2 * rows + y / 2) * columns..];
                let lines = first[..columns].iter().zip(&first[rows * columns..][..columns]);
                for (to, (a, b)) in row.as_chunks_mut::<2>().0.iter_mut().zip(lines) {
                    *to = [*a, *b];
                }
                continue;
            }
            for dx in 0..b.side {
                let plane = (y % b.side) * b.side + dx;
                let from = &group[(plane * rows + y / b.side) * columns..][..columns];
                for (to, v) in row[dx..].iter_mut().step_by(b.side).zip(from) {
                    *to = *v;
                }
            }
        }
    })
}

/// Space to depth, the inverse of [`shuffle`] and its gradient; `b` describes
/// the fine input.
pub(crate) fn unshuffle(b: Blocks, x: &[f32]) -> Vec<f32> {
    let (rows, columns) = b.coarse();
    fill_parts(x.len(), b.fine(), |index, group| {
        let fine = part(x, b.fine(), index);
        for (y, row) in fine.chunks_exact(b.width).enumerate() {
            if b.side == 2 {
                let first = &mut group[((y % 2) * 2 * rows + y / 2) * columns..];
                let (one, other) = first.split_at_mut(rows * columns);
                let lines = one[..columns].iter_mut().zip(&mut other[..columns]);
                for ((a, b), pair) in lines.zip(row.as_chunks::<2>().0) {
                    (*a, *b) = (pair[0], pair[1]);
                }
                continue;
            }
            for dx in 0..b.side {
                let plane = (y % b.side) * b.side + dx;
                let to = &mut group[(plane * rows + y / b.side) * columns..][..columns];
                for (to, v) in to.iter_mut().zip(row[dx..].iter().step_by(b.side)) {
                    *to = *v;
                }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(count: usize, step: usize) -> Vec<f32> {
        (0..count).map(|i| (i * step % 101) as f32).collect()
    }

    #[test]
    fn pooled_blocks_match_plain_loops() {
        // Two planes of 2 x 3 blocks, with a rest.
        let size = (5, 7);
        let x = values(70, 37);
        let (pooled, g) = (max_pool(size, &x), values(12, 1));
        let dx = max_pool_gradient(size, &x, &pooled, &g);
        for (k, (best, g)) in pooled.iter().zip(&g).enumerate() {
            let (plane, i, j) = (k / 6, k / 3 % 2, k % 3);
            let at = |t: usize| plane * 35 + (i * 2 + t / 2) * 7 + j * 2 + t % 2;
            let largest = (0..4).map(|t| x[at(t)]).fold(0.0, f32::max);
            assert_eq!(best.to_bits(), largest.to_bits(), "block {k}");
            let sum: f32 = (0..4).map(|t| dx[at(t)]).sum();
            assert_eq!(sum.to_bits(), g.to_bits(), "block {k}");
        }
    }

    #[test]
    fn blocks_match_plain_loops() {
        for side in [2, 3] {
            // Two planes of 2 x 3 blocks.
            let b = Blocks { height: 2 * side, width: 3 * side, side };
            let few = values(12, 7);
            let sums = block_sums(b, &repeat(b, &few));
            let area = (side * side) as f32;
            assert!(sums.iter().zip(&few).all(|(s, v)| (s - v * area).abs() < 1e-3), "side {side}");
            let deep = values(2 * b.fine(), 7);
            assert_eq!(unshuffle(b, &shuffle(b, &deep)), deep, "side {side}");
        }
    }
}
