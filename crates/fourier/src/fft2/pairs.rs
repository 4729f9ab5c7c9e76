//! Rows of opposite frequencies of real planes.
//!
//! Neighbouring columns `a` and `b` of a real plane are transformed as one complex column
//! `a + i b`. Since the spectra of both have conjugate pairs, the rows `v` and `H - v` of the
//! result hold those of `a` and `b` at `v`; the transform of that row then gives two rows of the
//! spectrum of the plane, without a separate transform of real rows.

use ndarray::{ArrayView2, ArrayViewMut2};
use pulp::Arch;
use rustfft::num_complex::Complex;

use super::vectors::Real;

/// The rows `v` and `H - v`, which may be one.
pub(super) struct RowPair<'a, A> {
    pub(super) rows: [usize; 2],
    top: &'a mut [A],
    bottom: Option<&'a mut [A]>,
}

/// All pairs of rows of a plane that lies in one piece.
pub(super) fn row_pairs<A>(plane: ArrayViewMut2<'_, A>) -> Vec<RowPair<'_, A>> {
    let (height, width) = plane.dim();
    let values = plane.into_slice().unwrap_or(&mut []);
    let middle = values.len().min((height / 2 + 1) * width);
    let (tops, bottoms) = values.split_at_mut(middle);
    let mut bottoms = bottoms.chunks_exact_mut(width).rev();
    let tops = tops.chunks_exact_mut(width).enumerate();
    let pair = |(v, top)| {
        let bottom = if v == 0 { None } else { bottoms.next() };
        RowPair { rows: [v, if bottom.is_some() { height - v } else { v }], top, bottom }
    };
    tops.map(pair).collect()
}

impl<T: Real> RowPair<'_, Complex<T>> {
    /// The row of the spectra of single columns at `v` from those of pairs of columns, times a
    /// factor of twice `half`.
    pub(super) fn split(&self, row: &mut [Complex<T>], half: T) {
        let bottom = self.bottom.as_deref().unwrap_or(self.top);
        Arch::new().dispatch(|| {
            let (columns, _) = row.as_chunks_mut::<2>();
            for (to, (a, b)) in columns.iter_mut().zip(self.top.iter().zip(bottom)) {
                let (sum, gap) = (*a + b.conj(), *a - b.conj());
                *to = [sum.scale(half), Complex::new(gap.im, -gap.re).scale(half)];
            }
        });
    }

    /// Keeps the half spectra of both rows, given the whole one of `v`.
    pub(super) fn keep_spectra(self, row: &[Complex<T>]) {
        let half = self.top.len();
        self.top.copy_from_slice(&row[..half]);
        if let Some(bottom) = self.bottom {
            Arch::new().dispatch(|| {
                bottom[0] = row[0].conj();
                for (to, from) in bottom[1..].iter_mut().zip(row.iter().rev()) {
                    *to = from.conj();
                }
            });
        }
    }
}

/// The whole row of the spectrum of a real plane at `rows[0]` from the half spectra there and at
/// the opposite frequency.
pub(super) fn join<T: Real>(
    spectrum: &ArrayView2<'_, Complex<T>>,
    rows: [usize; 2],
    row: &mut [Complex<T>],
) {
    let [top, bottom] = rows.map(|v| spectrum.row(v));
    let (Some(top), Some(bottom)) = (top.to_slice(), bottom.to_slice()) else { return };
    let (width, half) = (row.len(), top.len());
    Arch::new().dispatch(|| {
        row[..half].copy_from_slice(top);
        // Column u of the whole row is column W - u of the opposite one.
        for (to, from) in row[half..].iter_mut().rev().zip(&bottom[1..]) {
            *to = from.conj();
        }
    });
    // Columns that are their own opposites.
    let two = T::one() + T::one();
    let even = usize::from(width.is_multiple_of(2));
    for &u in &[0, half - 1][..=even] {
        row[u] = (top[u] + bottom[u].conj()).unscale(two);
    }
}

impl<T: Real> RowPair<'_, T> {
    /// Keeps what pairs of columns have at `v` and `H - v`, given the row of single columns.
    pub(super) fn keep_columns(self, row: &[Complex<T>]) {
        let (columns, _) = row.as_chunks::<2>();
        let (top, _) = self.top.as_chunks_mut::<2>();
        Arch::new().dispatch(|| {
            for (to, [a, b]) in top.iter_mut().zip(columns) {
                *to = [a.re - b.im, a.im + b.re];
            }
            if let Some(bottom) = self.bottom {
                let (bottom, _) = bottom.as_chunks_mut::<2>();
                for (to, [a, b]) in bottom.iter_mut().zip(columns) {
                    *to = [a.re + b.im, b.re - a.im];
                }
            }
        });
    }
}
