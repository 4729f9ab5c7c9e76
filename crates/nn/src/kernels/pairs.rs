//! Rows of pairs: what blocks of 2 x 2 pixels are made of.
//!
//! # Safety
//!
//! Every function needs the instructions of its `Lanes` type or [`Isa`], and pointers valid for
//! the values that it names.
#![allow(unsafe_code, reason = "vector loads and stores behind checked lengths")]

use super::isa::multiversion;
use super::lanes::Lanes;

/// `2 count <= 32` values as two blocks, zero behind them.
#[inline(always)]
pub(super) unsafe fn load_pairs<L: Lanes>(from: *const f32, count: usize) -> (L, L) {
    // SAFETY: the caller promises `2 count` values.
    unsafe {
        if count == 16 {
            (L::load(from), L::load(from.add(16)))
        } else {
            let rest = (2 * count).saturating_sub(16);
            (L::load_first(from, (2 * count).min(16)), L::load_first(from.wrapping_add(16), rest))
        }
    }
}

/// Writes `2 count <= 32` values.
#[inline(always)]
pub(super) unsafe fn store_pairs<L: Lanes>((low, high): (L, L), to: *mut f32, count: usize) {
    // SAFETY: the caller promises room for `2 count` values.
    unsafe {
        if count == 16 {
            low.store(to);
            high.store(to.add(16));
        } else {
            low.store_first(to, (2 * count).min(16));
            high.store_first(to.wrapping_add(16), (2 * count).saturating_sub(16));
        }
    }
}

multiversion! {
    /// Writes the values of `a` and `b`, equally long, in turn: `2 a.len()` values.
    pub(super) unsafe fn interleave = interleave_body(a: &[f32], b: &[f32], to: *mut f32)
}

#[inline(always)]
unsafe fn interleave_body<L: Lanes>(a: &[f32], b: &[f32], to: *mut f32) {
    assert_eq!(a.len(), b.len(), "rows of pairs");
    for at in (0..a.len()).step_by(16) {
        let count = (a.len() - at).min(16);
        // SAFETY: `count` values from `at` on exist in both; the caller promises the room.
        unsafe {
            let first = L::load_first(a.as_ptr().add(at), count);
            let second = L::load_first(b.as_ptr().add(at), count);
            store_pairs(first.interleave(second), to.add(2 * at), count);
        }
    }
}

multiversion! {
    /// Writes the first values of all pairs of `from` to `a` and the second ones to `b`:
    /// `from.len() / 2` values each.
    pub(super) unsafe fn deinterleave = deinterleave_body(from: &[f32], a: *mut f32, b: *mut f32)
}

#[inline(always)]
unsafe fn deinterleave_body<L: Lanes>(from: &[f32], a: *mut f32, b: *mut f32) {
    let pairs = from.len() / 2;
    for at in (0..pairs).step_by(16) {
        let count = (pairs - at).min(16);
        // SAFETY: `count` pairs from `at` on exist; the caller promises the room.
        unsafe {
            let (low, high) = load_pairs::<L>(from.as_ptr().add(2 * at), count);
            let (first, second) = low.deinterleave(high);
            first.store_first(a.add(at), count);
            second.store_first(b.add(at), count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::isa::Isa;
    use super::*;

    #[test]
    fn rows_are_woven_and_taken_apart_on_every_instruction_set() {
        for isa in Isa::available() {
            for count in [1, 5, 8, 9, 16, 23, 48] {
                let a: Vec<f32> = (0..count).map(|v| v as f32).collect();
                let b: Vec<f32> = (0..count).map(|v| -1.0 - v as f32).collect();
                let mut woven = vec![0.0; 2 * count];
                // SAFETY: room for both rows.
                unsafe { interleave(isa, &a, &b, woven.as_mut_ptr()) };
                for (i, (x, y)) in a.iter().zip(&b).enumerate() {
                    assert!(woven[2 * i..][..2] == [*x, *y], "{isa:?} {count}: {woven:?}");
                }
                let (mut c, mut d) = (vec![0.0; count], vec![0.0; count]);
                // SAFETY: room for a row each.
                unsafe { deinterleave(isa, &woven, c.as_mut_ptr(), d.as_mut_ptr()) };
                assert!(c == a && d == b, "{isa:?} {count}");
            }
        }
    }
}
