//! Runs loops with the widest vectors that the processor has.

use pulp::{Arch, Simd, WithSimd};

/// Work that is compiled once for each width of vectors.
struct Wide<F>(F);

impl<R, F: FnMut() -> R> WithSimd for Wide<F> {
    type Output = R;

    // As `FnMut`: for `FnOnce` the compiler puts a function between that is not inlined.
    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _: S) -> R {
        (self.0)()
    }
}

/// Runs `work`, which must be `#[inline(always)]` as all that it calls.
///
/// Results do not depend on the width: sums have a written order and nothing is fused.
pub(crate) fn wide<R>(work: impl FnMut() -> R) -> R {
    Arch::new().dispatch(Wide(work))
}
