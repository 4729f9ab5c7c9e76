//! One-thread matrix products through the `gemm` crate.
#![allow(unsafe_code, reason = "the product works on raw pointers")]

/// A matrix by its first value and the distances between rows and columns.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    /// Values from the first on.
    pub(crate) data: &'a [f32],
    /// Distance between rows.
    pub(crate) row: usize,
    /// Distance between columns.
    pub(crate) column: usize,
}

impl Matrix<'_> {
    fn holds(&self, rows: usize, columns: usize) -> bool {
        rows == 0
            || columns == 0
            || (rows - 1) * self.row + (columns - 1) * self.column < self.data.len()
    }
}

/// `to (+)= a * b` with `to` of `size.0 x size.2` values, rows `row` apart, and
/// `size.1` terms per sum.
///
/// # Safety
///
/// `to` is valid for those rows, and nobody else reads or writes them meanwhile.
pub(crate) unsafe fn multiply(
    size: (usize, usize, usize),
    a: Matrix<'_>,
    b: Matrix<'_>,
    to: *mut f32,
    row: usize,
    accumulate: bool,
) {
    let (m, k, n) = size;
    assert!(a.holds(m, k), "left matrix");
    assert!(b.holds(k, n), "right matrix");
    let step = |v: usize| v.cast_signed();
    // SAFETY: the factors were checked; the caller answers for `to`.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            to,
            1,
            step(row),
            accumulate,
            a.data.as_ptr(),
            step(a.column),
            step(a.row),
            b.data.as_ptr(),
            step(b.column),
            step(b.row),
            1.0_f32,
            1.0_f32,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}
