//! Nearest upsampling and the space-to-depth shuffles, plane by plane.
//!
//! # Safety
//!
//! Blocks of two pixels a side go through [`pairs`](super::pairs), whose functions need
//! room for the rows that they write.
#![allow(unsafe_code, reason = "rows of pairs are written to a buffer that is not cleared first")]

use super::isa::Isa;
use super::output::{fill_parts, part, write_parts};
use super::pairs::{deinterleave, interleave};

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
pub(crate) fn shuffle(isa: Isa, b: Blocks, x: &[f32]) -> Vec<f32> {
    let (rows, columns) = b.coarse();
    if b.side == 2 {
        let write = |index: usize, to: *mut f32| {
            let group = part(x, b.fine(), index);
            for y in 0..b.height {
                let (first, second) = pair(rows, y);
                let (first, second) =
                    (&group[first * columns..][..columns], &group[second * columns..][..columns]);
                // SAFETY: a row of the part, of two values per pair.
                unsafe { interleave(isa, first, second, to.add(y * b.width)) };
            }
        };
        // SAFETY: all rows of a part are written.
        return unsafe { write_parts(x.len(), b.fine(), write) };
    }
    fill_parts(x.len(), b.fine(), |index, out| {
        let group = part(x, b.fine(), index);
        for (y, row) in out.chunks_exact_mut(b.width).enumerate() {
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
pub(crate) fn unshuffle(isa: Isa, b: Blocks, x: &[f32]) -> Vec<f32> {
    let (rows, columns) = b.coarse();
    if b.side == 2 {
        let write = |index: usize, to: *mut f32| {
            let fine = part(x, b.fine(), index);
            for (y, row) in fine.chunks_exact(b.width).enumerate() {
                let (first, second) = pair(rows, y);
                // SAFETY: two rows of the part, of a value per pair.
                unsafe {
                    deinterleave(isa, row, to.add(first * columns), to.add(second * columns));
                }
            }
        };
        // SAFETY: the rows of a part are written, two for every one of the fine plane.
        return unsafe { write_parts(x.len(), b.fine(), write) };
    }
    fill_parts(x.len(), b.fine(), |index, group| {
        let fine = part(x, b.fine(), index);
        for (y, row) in fine.chunks_exact(b.width).enumerate() {
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

/// Which rows of four planes of `rows` rows hold the even and the odd pixels of row `y` of
/// the fine plane.
fn pair(rows: usize, y: usize) -> (usize, usize) {
    let first = (y % 2) * 2 * rows + y / 2;
    (first, first + rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(count: usize, step: usize) -> Vec<f32> {
        (0..count).map(|i| (i * step % 101) as f32).collect()
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
            let deep = values(2 * side * side * b.fine(), 7);
            for isa in Isa::available() {
                let fine = shuffle(isa, b, &deep);
                for (at, value) in fine.iter().enumerate() {
                    let (c, y, x) = (at / b.fine(), at / b.width % b.height, at % b.width);
                    let plane = c * side * side + (y % side) * side + x % side;
                    let want = deep[(plane * 2 + y / side) * 3 + x / side];
                    assert_eq!(value.to_bits(), want.to_bits(), "{isa:?} side {side}");
                }
                assert_eq!(unshuffle(isa, b, &fine), deep, "{isa:?} side {side}");
            }
        }
    }
}
