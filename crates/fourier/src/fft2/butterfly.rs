//! Transforms of a few vectors of complex numbers.
#![expect(clippy::inline_always, reason = "else called without vector instructions")]

use pulp::Simd;
use rustfft::num_complex::Complex;

use super::vectors::Real;

/// `exp(-2 pi i / 3)`.
const THIRD: [f64; 2] = [-0.5, -0.866_025_403_784_438_6];

/// `exp(-2 pi i / 5)` and its square.
const FIFTHS: [[f64; 2]; 2] = [
    [0.309_016_994_374_947_45, -0.951_056_516_295_153_5],
    [-0.809_016_994_374_947_5, -0.587_785_252_292_473_1],
];

/// Complex numbers, real and imaginary parts apart.
pub(super) struct Numbers<T: Real, S: Simd> {
    pub(super) re: T::Vector<S>,
    pub(super) im: T::Vector<S>,
    simd: S,
}

impl<T: Real, S: Simd> Clone for Numbers<T, S> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Real, S: Simd> Copy for Numbers<T, S> {}

impl<T: Real, S: Simd> Numbers<T, S> {
    #[inline(always)]
    pub(super) fn new(simd: S, [re, im]: [T::Vector<S>; 2]) -> Self {
        Self { re, im, simd }
    }

    #[inline(always)]
    fn plus(self, b: Self) -> Self {
        let Self { re, im, simd } = self;
        Self { re: T::plus(simd, re, b.re), im: T::plus(simd, im, b.im), simd }
    }

    #[inline(always)]
    fn minus(self, b: Self) -> Self {
        let Self { re, im, simd } = self;
        Self { re: T::minus(simd, re, b.re), im: T::minus(simd, im, b.im), simd }
    }

    #[inline(always)]
    pub(super) fn times(self, w: Complex<T>) -> Self {
        let Self { re, im, simd } = self;
        let (w_re, w_im) = (T::splat(simd, w.re), T::splat(simd, w.im));
        Self {
            re: T::product_plus(simd, re, w_re, T::opposite(simd, T::product(simd, im, w_im))),
            im: T::product_plus(simd, re, w_im, T::product(simd, im, w_re)),
            simd,
        }
    }

    #[inline(always)]
    fn scaled(self, factor: f64) -> Self {
        let Self { re, im, simd } = self;
        let factor = T::splat(simd, real(factor));
        Self { re: T::product(simd, re, factor), im: T::product(simd, im, factor), simd }
    }

    /// Itself and a multiple of others.
    #[inline(always)]
    fn plus_scaled(self, b: Self, factor: f64) -> Self {
        let Self { re, im, simd } = self;
        let factor = T::splat(simd, real(factor));
        Self {
            re: T::product_plus(simd, b.re, factor, re),
            im: T::product_plus(simd, b.im, factor, im),
            simd,
        }
    }

    /// `a - i b` and `a + i b`.
    #[inline(always)]
    fn turned(self, b: Self) -> [Self; 2] {
        let Self { re, im, simd } = self;
        [
            Self { re: T::plus(simd, re, b.im), im: T::minus(simd, im, b.re), simd },
            Self { re: T::minus(simd, re, b.im), im: T::plus(simd, im, b.re), simd },
        ]
    }

    /// Times `-i`.
    #[inline(always)]
    fn quarter(self) -> Self {
        Self { re: self.im, im: T::opposite(self.simd, self.re), simd: self.simd }
    }

    /// Times `exp(-pi i / 4)`.
    #[inline(always)]
    fn eighth(self) -> Self {
        let Self { re, im, simd } = self;
        Self { re: T::plus(simd, re, im), im: T::minus(simd, im, re), simd }
            .scaled(std::f64::consts::FRAC_1_SQRT_2)
    }
}

/// The discrete Fourier transform of `R` numbers: 2, 3, 4, 5 or 8.
#[inline(always)]
pub(super) fn butterfly<T: Real, S: Simd, const R: usize>(
    a: [Numbers<T, S>; R],
) -> [Numbers<T, S>; R] {
    let mut b = a;
    match R {
        2 => {
            b[0] = a[0].plus(a[1]);
            b[1] = a[0].minus(a[1]);
        }
        3 => {
            let sum = a[1].plus(a[2]);
            let gap = a[1].minus(a[2]).scaled(-THIRD[1]);
            b[0] = a[0].plus(sum);
            [b[1], b[2]] = a[0].plus_scaled(sum, THIRD[0]).turned(gap);
        }
        4 => [b[0], b[1], b[2], b[3]] = four([a[0], a[1], a[2], a[3]]),
        5 => {
            let [one, two] = FIFTHS;
            let (near, near_gap) = (a[1].plus(a[4]), a[1].minus(a[4]));
            let (far, far_gap) = (a[2].plus(a[3]), a[2].minus(a[3]));
            let first = a[0].plus_scaled(near, one[0]).plus_scaled(far, two[0]);
            let second = a[0].plus_scaled(near, two[0]).plus_scaled(far, one[0]);
            b[0] = a[0].plus(near).plus(far);
            [b[1], b[4]] = first.turned(near_gap.scaled(-one[1]).plus_scaled(far_gap, -two[1]));
            [b[2], b[3]] = second.turned(near_gap.scaled(-two[1]).plus_scaled(far_gap, one[1]));
        }
        8 => {
            let even = four([a[0], a[2], a[4], a[6]]);
            let odd = four([a[1], a[3], a[5], a[7]]);
            let odd = [odd[0], odd[1].eighth(), odd[2].quarter(), odd[3].eighth().quarter()];
            for k in 0..4 {
                b[k] = even[k].plus(odd[k]);
                b[k + 4] = even[k].minus(odd[k]);
            }
        }
        _ => {}
    }
    b
}

#[inline(always)]
fn four<T: Real, S: Simd>(a: [Numbers<T, S>; 4]) -> [Numbers<T, S>; 4] {
    let (even, odd) = (a[0].plus(a[2]), a[1].plus(a[3]));
    let [second, last] = a[0].minus(a[2]).turned(a[1].minus(a[3]));
    [even.plus(odd), second, even.minus(odd), last]
}

/// `exp(-2 pi i k / n)`, right to the last digit.
pub(super) fn root<T: Real>(k: usize, n: usize) -> Complex<T> {
    // Eighths of a turn are reduced to the first one, so symmetric roots are exactly so.
    let (k, n) = ((8 * (k % n)) as u64, n as u64);
    let (eighth, rest) = (k / n, k % n);
    let angle = |part: u64| std::f64::consts::FRAC_PI_4 * part as f64 / n as f64;
    let (sin, cos) = if eighth.is_multiple_of(2) {
        angle(rest).sin_cos()
    } else {
        let (sin, cos) = angle(n - rest).sin_cos();
        (cos, sin)
    };
    let (re, im) = match eighth / 2 {
        0 => (cos, -sin),
        1 => (-sin, -cos),
        2 => (-cos, sin),
        _ => (sin, cos),
    };
    Complex::new(real(re), real(im))
}

/// A number as one of the two float types, both of which have it.
#[inline(always)]
pub(super) fn real<T: Real>(value: f64) -> T {
    T::from_f64(value).unwrap_or_else(T::zero)
}
