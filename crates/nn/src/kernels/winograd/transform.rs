//! The Winograd transforms of one row of tiles.
//!
//! # Safety
//!
//! The unsafe functions need the instructions of their `Lanes` type, which an [`Isa`] proves, and
//! pointers valid for 16 lanes at every step that they name; the safe entries check the lengths.
#![allow(unsafe_code, reason = "vector loads and stores behind checked lengths")]

use super::super::isa::{Isa, multiversion};
use super::super::lanes::Lanes;
use super::{BLOCK, FREQUENCIES, RING};

/// First pair of points: +-A.
pub(super) const A: f32 = std::f32::consts::FRAC_1_SQRT_2;
/// Second pair of points: +-B.
pub(super) const B: f32 = std::f32::consts::SQRT_2;
/// `A * A`.
pub(super) const A2: f32 = 0.5;
/// `B * B`. The product `A2 * B2` is one, which saves a multiplication.
pub(super) const B2: f32 = 2.0;

/// Where the tiles of a row lie, in values.
#[derive(Clone, Copy, Debug)]
pub(super) struct TileRow {
    /// First image row of the tiles.
    pub(super) top: usize,
    /// Pixels of a ring row.
    pub(super) ring_width: usize,
    /// Tiles in the row.
    pub(super) tiles: usize,
    /// Distance between the frequencies of a tile.
    pub(super) frequency: usize,
    /// Distance between tiles.
    pub(super) tile: usize,
}

impl TileRow {
    /// Values from the first of the first tile to the last of the last one.
    fn extent(&self) -> usize {
        (self.tiles - 1) * self.tile + (FREQUENCIES - 1) * self.frequency + BLOCK
    }

    fn check(&self, ring: usize, transformed: usize) {
        assert!(self.tiles > 0 && self.ring_width >= self.tiles * 4 + 2, "ring width");
        assert!(ring >= RING * self.ring_width * BLOCK, "ring");
        assert!(transformed >= self.extent(), "transformed tiles");
    }
}

/// 6x6 inputs of every tile to their 36 frequencies.
pub(super) fn transform_input(isa: Isa, row: &TileRow, ring: &[f32], to: &mut [f32]) {
    row.check(ring.len(), to.len());
    // SAFETY: the lengths were checked above.
    unsafe { input(isa, row, ring, to) }
}

/// 4x4 output gradients of every tile to the 36 frequencies of the weight gradient.
pub(super) fn transform_gradient(isa: Isa, row: &TileRow, ring: &[f32], to: &mut [f32]) {
    row.check(ring.len(), to.len());
    // SAFETY: the lengths were checked above.
    unsafe { gradient(isa, row, ring, to) }
}

/// 36 products of every tile to 4x4 outputs: `to` holds four rows of
/// `ring_width` pixels of 16 lanes, the first pixel at position 0.
pub(super) fn transform_output(isa: Isa, row: &TileRow, from: &[f32], to: &mut [f32]) {
    row.check(RING * row.ring_width * BLOCK, from.len());
    assert!(to.len() >= 4 * row.ring_width * BLOCK, "output rows");
    // SAFETY: the lengths were checked above.
    unsafe { output(isa, row, from, to) }
}

multiversion! { unsafe fn input = input_body(row: &TileRow, ring: &[f32], to: &mut [f32]) }
multiversion! { unsafe fn gradient = gradient_body(row: &TileRow, ring: &[f32], to: &mut [f32]) }
multiversion! { unsafe fn output = output_body(row: &TileRow, from: &[f32], to: &mut [f32]) }

/// Six loads, the input transform of one line, six stores `step` apart.
#[inline(always)]
unsafe fn analyse<L: Lanes>(at: [*const f32; 6], to: *mut f32, step: usize) {
    // SAFETY: the caller passes addresses inside its buffers.
    unsafe {
        let (d0, d1, d2) = (L::load(at[0]), L::load(at[1]), L::load(at[2]));
        let (d3, d4, d5) = (L::load(at[3]), L::load(at[4]), L::load(at[5]));
        let sum = L::splat(-(A2 + B2));
        let (a, b, a2, b2) = (L::splat(A), L::splat(B), L::splat(A2), L::splat(B2));
        let (s1, u1) = (d2.neg_mul_add(b2, d4), d1.neg_mul_add(b2, d3));
        let (s2, u2) = (d2.neg_mul_add(a2, d4), d1.neg_mul_add(a2, d3));
        d2.mul_add(sum, d4).add(d0).store(to);
        u1.mul_add(a, s1).store(to.add(step));
        u1.neg_mul_add(a, s1).store(to.add(2 * step));
        u2.mul_add(b, s2).store(to.add(3 * step));
        u2.neg_mul_add(b, s2).store(to.add(4 * step));
        d3.mul_add(sum, d5).add(d1).store(to.add(5 * step));
    }
}

/// Four loads, the transposed output transform of one line, six stores.
#[inline(always)]
unsafe fn spread<L: Lanes>(at: [*const f32; 4], to: *mut f32, step: usize) {
    // SAFETY: the caller passes addresses inside its buffers.
    unsafe {
        let (y0, y1, y2, y3) = (L::load(at[0]), L::load(at[1]), L::load(at[2]), L::load(at[3]));
        let (a, b, a2, b2) = (L::splat(A), L::splat(B), L::splat(A2), L::splat(B2));
        let (s1, u1) = (y2.mul_add(a2, y0), y3.mul_add(a2, y1));
        let (s2, u2) = (y2.mul_add(b2, y0), y3.mul_add(b2, y1));
        y0.store(to);
        u1.mul_add(a, s1).store(to.add(step));
        u1.neg_mul_add(a, s1).store(to.add(2 * step));
        u2.mul_add(b, s2).store(to.add(3 * step));
        u2.neg_mul_add(b, s2).store(to.add(4 * step));
        y3.store(to.add(5 * step));
    }
}

/// Six loads `from_step` apart, the output transform of one line, four stores.
#[inline(always)]
unsafe fn synthesise<L: Lanes>(from: *const f32, from_step: usize, to: *mut f32, step: usize) {
    // SAFETY: the caller passes addresses inside its buffers.
    unsafe {
        let (m0, m1, m2) =
            (L::load(from), L::load(from.add(from_step)), L::load(from.add(2 * from_step)));
        let (m3, m4) = (L::load(from.add(3 * from_step)), L::load(from.add(4 * from_step)));
        let m5 = L::load(from.add(5 * from_step));
        let (e, f, g, h) = (m1.add(m2), m1.sub(m2), m3.add(m4), m3.sub(m4));
        m0.add(e).add(g).store(to);
        f.mul_add(L::splat(A), h.mul(L::splat(B))).store(to.add(step));
        e.mul_add(L::splat(A2), g.mul(L::splat(B2))).store(to.add(2 * step));
        f.mul_add(L::splat(A * A2), h.mul_add(L::splat(B * B2), m5)).store(to.add(3 * step));
    }
}

/// Addresses of image rows `first ..` in the ring.
#[inline(always)]
fn ring_rows<const N: usize>(ring: &[f32], ring_width: usize, slot: usize) -> [*const f32; N] {
    std::array::from_fn(|i| ring[(slot + i) % RING * ring_width * BLOCK..].as_ptr())
}

/// Tiles whose columns are transformed together.
const GROUP: usize = 8;
/// Columns of such a group.
const COLUMNS: usize = GROUP * 4 + 2;

#[inline(always)]
unsafe fn input_body<L: Lanes>(row: &TileRow, ring: &[f32], to: &mut [f32]) {
    let mut lines = [0.0_f32; 6 * COLUMNS * BLOCK];
    let lines = lines.as_mut_ptr();
    let rows: [*const f32; 6] = ring_rows(ring, row.ring_width, row.top);
    let to = to.as_mut_ptr();
    let mut first = 0;
    while first < row.tiles {
        let n = (row.tiles - first).min(GROUP);
        // SAFETY: columns first * 4 .. first * 4 + n * 4 + 2 lie in a ring row, 36
        // frequencies of each of the n tiles lie in `to` (checked by the caller).
        unsafe {
            for j in 0..n * 4 + 2 {
                let x = (first * 4 + j) * BLOCK;
                let at = [
                    rows[0].add(x),
                    rows[1].add(x),
                    rows[2].add(x),
                    rows[3].add(x),
                    rows[4].add(x),
                    rows[5].add(x),
                ];
                analyse::<L>(at, lines.add(j * BLOCK), COLUMNS * BLOCK);
            }
            for t in 0..n {
                let to = to.add((first + t) * row.tile);
                for i in 0..6 {
                    let p = lines.add((i * COLUMNS + t * 4) * BLOCK).cast_const();
                    let at = [
                        p,
                        p.add(BLOCK),
                        p.add(2 * BLOCK),
                        p.add(3 * BLOCK),
                        p.add(4 * BLOCK),
                        p.add(5 * BLOCK),
                    ];
                    analyse::<L>(at, to.add(i * 6 * row.frequency), row.frequency);
                }
            }
        }
        first += n;
    }
}

#[inline(always)]
unsafe fn gradient_body<L: Lanes>(row: &TileRow, ring: &[f32], to: &mut [f32]) {
    let mut lines = [0.0_f32; 6 * 4 * BLOCK];
    let lines = lines.as_mut_ptr();
    let rows: [*const f32; 4] = ring_rows(ring, row.ring_width, row.top + 1);
    for t in 0..row.tiles {
        // SAFETY: pixels t * 4 + 1 .. t * 4 + 5 lie in a ring row, the tile in `to`
        // (checked by the caller).
        unsafe {
            let to = to.as_mut_ptr().add(t * row.tile);
            for j in 0..4 {
                let x = (t * 4 + 1 + j) * BLOCK;
                let at = [rows[0].add(x), rows[1].add(x), rows[2].add(x), rows[3].add(x)];
                spread::<L>(at, lines.add(j * BLOCK), 4 * BLOCK);
            }
            for i in 0..6 {
                let p = lines.add(i * 4 * BLOCK).cast_const();
                let at = [p, p.add(BLOCK), p.add(2 * BLOCK), p.add(3 * BLOCK)];
                spread::<L>(at, to.add(i * 6 * row.frequency), row.frequency);
            }
        }
    }
}

#[inline(always)]
unsafe fn output_body<L: Lanes>(row: &TileRow, from: &[f32], to: &mut [f32]) {
    let mut lines = [0.0_f32; 4 * 6 * BLOCK];
    let lines = lines.as_mut_ptr();
    for t in 0..row.tiles {
        // SAFETY: the tile lies in `from`, its 4 x 4 pixels in `to` (checked by the caller).
        unsafe {
            let from = from.as_ptr().add(t * row.tile);
            let to = to.as_mut_ptr().add(t * 4 * BLOCK);
            for j in 0..6 {
                synthesise::<L>(
                    from.add(j * row.frequency),
                    6 * row.frequency,
                    lines.add(j * BLOCK),
                    6 * BLOCK,
                );
            }
            for i in 0..4 {
                synthesise::<L>(
                    lines.add(i * 6 * BLOCK),
                    BLOCK,
                    to.add(i * row.ring_width * BLOCK),
                    BLOCK,
                );
            }
        }
    }
}
