//! Rows of 16 channels, transposed to pixels of 16 lanes.
//!
//! # Safety
//!
//! The unsafe functions need the instructions of their `Lanes` type, which an [`Isa`] proves, planes
//! that hold the rows asked for, and a ring of `RING` rows; the safe entry checks both.
#![allow(unsafe_code, reason = "vector loads and stores behind checked lengths")]

use super::super::isa::{Isa, multiversion};
use super::super::lanes::{Lanes, sixteen};
use super::{BLOCK, Geometry, RING};

/// Input rows of up to 16 channels of one image.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    /// Planes of the channels, one behind the other.
    pub(super) planes: &'a [f32],
    /// How many planes there are, at most 16; the other lanes become zero.
    pub(super) channels: usize,
    /// Rows of a plane.
    pub(super) height: usize,
    /// Columns of a plane.
    pub(super) width: usize,
    /// First row to load; rows outside the plane are zero.
    pub(super) first: isize,
    /// Rows to load.
    pub(super) count: usize,
}

/// Loads rows into the ring: row `y` goes to slot `(y + 1) mod 6`, pixel `x` to
/// position `x + 1`, with zeros around.
pub(super) fn load(isa: Isa, rows: &Rows<'_>, ring_width: usize, ring: &mut [f32]) {
    assert!(
        rows.channels <= BLOCK && rows.planes.len() >= rows.channels * rows.height * rows.width,
        "planes"
    );
    assert!(ring_width > rows.width && ring.len() >= RING * ring_width * BLOCK, "ring");
    assert!(rows.first >= -1, "only one row above the image is ever needed");
    // SAFETY: the lengths were checked above.
    unsafe { load_rows(isa, rows, ring_width, ring) }
}

/// Loads the rows that tile row `tile_row` needs: all six of them after a jump
/// (`fresh`), else the four that follow the two kept in the ring.
pub(super) fn advance(
    isa: Isa,
    geometry: &Geometry,
    source: &Block<'_>,
    step: (usize, bool),
    ring: &mut [f32],
) {
    let (tile_row, fresh) = step;
    let channels = (source.channels - source.first).min(BLOCK);
    let start = (source.image * source.channels + source.first) * geometry.plane();
    let top = isize::try_from(tile_row * 4).unwrap_or(isize::MAX);
    let rows = Rows {
        planes: &source.data[start..start + channels * geometry.plane()],
        channels,
        height: geometry.height,
        width: geometry.width,
        first: if fresh { top - 1 } else { top + 1 },
        count: if fresh { 6 } else { 4 },
    };
    load(isa, &rows, geometry.ring_width(), ring);
}

/// A block of channels of one image.
#[derive(Clone, Copy)]
pub(super) struct Block<'a> {
    /// The whole tensor.
    pub(super) data: &'a [f32],
    /// Its channels.
    pub(super) channels: usize,
    /// The image.
    pub(super) image: usize,
    /// First channel of the block.
    pub(super) first: usize,
}

multiversion! {
    unsafe fn load_rows = load_rows_body(rows: &Rows<'_>, ring_width: usize, ring: &mut [f32])
}

#[inline(always)]
unsafe fn load_rows_body<L: Lanes>(rows: &Rows<'_>, ring_width: usize, ring: &mut [f32]) {
    let plane = rows.height * rows.width;
    let base = rows.planes.as_ptr();
    for i in 0..rows.count {
        let y = rows.first + i.cast_signed();
        let slot = (y + 1).cast_unsigned() % RING;
        let row = &mut ring[slot * ring_width * BLOCK..][..ring_width * BLOCK];
        if y < 0 || y.cast_unsigned() >= rows.height {
            row.fill(0.0);
            continue;
        }
        row[..BLOCK].fill(0.0);
        row[(rows.width + 1) * BLOCK..].fill(0.0);
        let offset = y.cast_unsigned() * rows.width;
        let to = row[BLOCK..].as_mut_ptr();
        let mut x = 0;
        while x < rows.width {
            let n = (rows.width - x).min(16);
            // SAFETY: lane j reads `n` values of row y of plane j < channels, pixels
            // x .. x + n of the row are written; both lie inside by `load`'s checks.
            unsafe {
                let from = base.add(offset + x);
                let mut square: [L; 16] = if rows.channels == BLOCK && n == 16 {
                    sixteen!(j => L::load(from.add(j * plane)))
                } else {
                    sixteen!(j => if j < rows.channels { L::load_first(from.add(j * plane), n) } else { L::splat(0.0) })
                };
                L::transpose(&mut square);
                let to = to.add(x * BLOCK);
                if n == 16 {
                    let _ = sixteen!(j => square[j].store(to.add(j * BLOCK)));
                } else {
                    let _ = sixteen!(j => if j < n { square[j].store(to.add(j * BLOCK)) });
                }
            }
            x += 16;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_transposed_with_zeros_around() {
        for isa in Isa::available() {
            for (width, channels) in [(1, 1), (5, 16), (16, 3), (37, 16)] {
                let height = 3;
                let planes: Vec<f32> =
                    (0..channels * height * width).map(|v| v as f32 + 1.0).collect();
                let ring_width = width + 3;
                let mut ring = vec![f32::NAN; RING * ring_width * BLOCK];
                let rows = Rows { planes: &planes, channels, height, width, first: -1, count: 5 };
                load(isa, &rows, ring_width, &mut ring);
                for slot in 0..5 {
                    for x in 0..ring_width {
                        for c in 0..BLOCK {
                            let inside =
                                (1..=3).contains(&slot) && (1..=width).contains(&x) && c < channels;
                            let want = if inside {
                                planes[(c * height + slot - 1) * width + x - 1]
                            } else {
                                0.0
                            };
                            let got = ring[(slot * ring_width + x) * BLOCK + c];
                            assert_eq!(
                                got.to_bits(),
                                want.to_bits(),
                                "{isa:?} width {width} at {slot} {x} {c}"
                            );
                        }
                    }
                }
            }
        }
    }
}
