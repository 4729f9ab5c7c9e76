//! Two-dimensional Fourier transforms of complex pictures.

use std::sync::{Mutex, OnceLock, PoisonError};

use candle_core::{CpuStorage, CustomOp1, DType, Layout, Result, Shape, Tensor, bail};
use rustfft::{FftDirection, FftNum, FftPlanner};
use serde::{Deserialize, Serialize};

use crate::host::constant;
use crate::kernels::fft::{Planes, transform as transform_planes};

/// Where the factor `1 / (H W)` of a pair of transforms goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FftNorm {
    /// Into the inverse transform.
    #[default]
    Backward,
    /// Its root into both, so that lengths are kept.
    Ortho,
    /// Into the forward transform.
    Forward,
}

/// The Fourier transform over the last two spatial dimensions.
///
/// Frequency zero comes first, as in `torch.fft.fft2`. Any size works; products of small primes are
/// fastest.
///
/// # Shapes
/// `[.., H, W, 2]` -> `[.., H, W, 2]`, real part before imaginary part; see [`to_complex`].
///
/// # Errors
/// Fewer than three dimensions, a last one other than 2, a size of zero, or a type that is not a
/// float.
pub fn fft2(xs: &Tensor, norm: FftNorm) -> Result<Tensor> {
    transform("fft2", xs, norm, false)
}

/// The inverse of [`fft2`] with the same norm.
///
/// # Shapes
/// `[.., H, W, 2]` -> `[.., H, W, 2]`.
///
/// # Errors
/// Those of [`fft2`].
pub fn ifft2(xs: &Tensor, norm: FftNorm) -> Result<Tensor> {
    transform("ifft2", xs, norm, true)
}

/// A real picture as a complex one.
///
/// # Shapes
/// `[.., H, W]` -> `[.., H, W, 2]`.
///
/// # Errors
/// Those of the device.
pub fn to_complex(xs: &Tensor) -> Result<Tensor> {
    Tensor::stack(&[xs, &xs.zeros_like()?], xs.rank())
}

fn transform(name: &str, xs: &Tensor, norm: FftNorm, inverse: bool) -> Result<Tensor> {
    let &[.., h, w, 2] = xs.dims() else {
        bail!("{name}: the shape is {:?}; it must be [.., H, W, 2]", xs.dims());
    };
    if xs.elem_count() == 0 {
        bail!("{name}: the shape {:?} holds nothing; every size must be at least 1", xs.dims());
    }
    let op = Fft2 { size: (h, w), scale: scale(norm, h, w, inverse), inverse };
    match xs.dtype() {
        DType::F32 | DType::F64 if xs.device().is_cpu() => xs.contiguous()?.apply_op1(op),
        DType::F32 | DType::F64 => op.product(xs),
        DType::BF16 | DType::F16 => {
            transform(name, &xs.to_dtype(DType::F32)?, norm, inverse)?.to_dtype(xs.dtype())
        }
        other => bail!("{name}: values of {other:?}; they must be floats"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn scale(norm: FftNorm, h: usize, w: usize, inverse: bool) -> f64 {
    let share = (h as f64 * w as f64).recip();
    match (norm, inverse) {
        (FftNorm::Ortho, _) => share.sqrt(),
        (FftNorm::Backward, true) | (FftNorm::Forward, false) => share,
        (FftNorm::Backward, false) | (FftNorm::Forward, true) => 1.0,
    }
}

/// A transform over planes of complex numbers.
#[derive(Clone, Copy)]
struct Fft2 {
    /// Rows and columns.
    size: (usize, usize),
    /// Factor of the result.
    scale: f64,
    inverse: bool,
}

impl Fft2 {
    /// The transposed map: the other direction with the same factor, since the kernel is
    /// symmetric and conjugation turns its sign.
    fn adjoint(self) -> Self {
        Self { inverse: !self.inverse, ..self }
    }

    fn direction(self) -> FftDirection {
        if self.inverse { FftDirection::Inverse } else { FftDirection::Forward }
    }

    /// All planes of `values`.
    fn run<T: FftNum>(self, planner: &Mutex<FftPlanner<T>>, values: &[T], scale: T) -> Vec<T> {
        let (h, w) = self.size;
        let plan = |n: usize| {
            planner.lock().unwrap_or_else(PoisonError::into_inner).plan_fft(n, self.direction())
        };
        let (rows, columns) = (plan(w), plan(h));
        transform_planes(&Planes { rows: &*rows, columns: &*columns, scale }, values)
    }

    /// The same as products with the matrices of the two transforms, which any device can do.
    fn product(self, xs: &Tensor) -> Result<Tensor> {
        let (h, w) = self.size;
        let planes = xs.elem_count() / (2 * h * w);
        let split = xs.reshape((planes, h, w, 2))?;
        let part = |i| split.narrow(3, i, 1)?.reshape((planes, h, w));
        let ((a, b), (c, s)) = ((part(0)?, part(1)?), self.matrix(w, xs)?);
        let right = |m: &Tensor, f: &Tensor| m.broadcast_matmul(f);
        let (re, im) = ((right(&a, &c)? - right(&b, &s)?)?, (right(&a, &s)? + right(&b, &c)?)?);
        let (c, s) = self.matrix(h, xs)?;
        let left = |f: &Tensor, m: &Tensor| f.broadcast_matmul(m);
        let (a, b) = ((left(&c, &re)? - left(&s, &im)?)?, (left(&s, &re)? + left(&c, &im)?)?);
        (Tensor::stack(&[a, b], 3)? * self.scale)?.reshape(xs.shape())
    }

    /// Cosines and sines of the transform of length `n`.
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    fn matrix(self, n: usize, like: &Tensor) -> Result<(Tensor, Tensor)> {
        let turn = if self.inverse { 1.0 } else { -1.0 } * std::f64::consts::TAU / n as f64;
        let angle = |i: usize| turn * ((i / n * (i % n)) % n) as f64;
        let make = |f: fn(f64) -> f64| {
            let values: Vec<f64> = (0..n * n).map(|i| f(angle(i))).collect();
            constant(values, (1, n, n), like)
        };
        Ok((make(libm::cos)?, make(libm::sin)?))
    }
}

/// Plans are kept: making one costs more than using it.
fn planner32() -> &'static Mutex<FftPlanner<f32>> {
    static PLANNER: OnceLock<Mutex<FftPlanner<f32>>> = OnceLock::new();
    PLANNER.get_or_init(|| Mutex::new(FftPlanner::new()))
}

fn planner64() -> &'static Mutex<FftPlanner<f64>> {
    static PLANNER: OnceLock<Mutex<FftPlanner<f64>>> = OnceLock::new();
    PLANNER.get_or_init(|| Mutex::new(FftPlanner::new()))
}

impl CustomOp1 for Fft2 {
    fn name(&self) -> &'static str {
        "fft2"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let Some((from, to)) = layout.contiguous_offsets() else {
            bail!("fft2: the kernels take contiguous tensors");
        };
        #[expect(clippy::cast_possible_truncation, reason = "the transform runs in f32")]
        let out = match storage {
            CpuStorage::F32(v) => {
                CpuStorage::F32(self.run(planner32(), &v[from..to], self.scale as f32))
            }
            CpuStorage::F64(v) => CpuStorage::F64(self.run(planner64(), &v[from..to], self.scale)),
            _ => bail!("fft2: the kernels take f32 and f64"),
        };
        Ok((out, layout.shape().clone()))
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(gradient.contiguous()?.apply_op1(self.adjoint())?))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn products_with_matrices_give_the_same() {
        let values: Vec<f64> = (0..2 * 5 * 6 * 2).map(|i| f64::from(i * 37 % 101) / 50.0).collect();
        let xs = Tensor::from_vec(values, (2, 5, 6, 2), &Device::Cpu).unwrap();
        for inverse in [false, true] {
            let op = Fft2 { size: (5, 6), scale: 0.5, inverse };
            let gap = (op.product(&xs).unwrap() - xs.apply_op1(op).unwrap()).unwrap();
            let worst = gap.abs().unwrap().max_all().unwrap().to_scalar::<f64>().unwrap();
            assert!(worst < 1e-12, "{worst}");
        }
    }
}
