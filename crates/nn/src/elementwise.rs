//! Activations, one pass each.

use candle_core::{CpuStorage, CustomOp1, DType, Layout, Result, Shape, Tensor, bail};

use crate::activation::relu;
use crate::host::{is_fast, read_all, slice, tensor};
use crate::kernels::elementwise::{Function, gradient, values};
use crate::kernels::isa::Isa;

/// `1 / (1 + e^-x)`.
///
/// # Errors
///
/// A type that is not a float; those of the device.
pub fn sigmoid(x: &Tensor) -> Result<Tensor> {
    run(x, Function::Sigmoid, "sigmoid")
}

/// `x sigmoid(x)`, also called swish.
///
/// # Errors
///
/// As [`sigmoid`].
///
/// # References
///
/// Elfwing et al., *Sigmoid-Weighted Linear Units* (2017).
pub fn silu(x: &Tensor) -> Result<Tensor> {
    run(x, Function::Silu, "silu")
}

/// `x P(X <= x)` for a standard normal `X`, by the error function.
///
/// # Errors
///
/// As [`sigmoid`].
///
/// # References
///
/// Hendrycks and Gimpel, *Gaussian Error Linear Units* (2016).
pub fn gelu(x: &Tensor) -> Result<Tensor> {
    run(x, Function::Gelu, "gelu")
}

/// The approximation of [`gelu`] by a hyperbolic tangent.
///
/// # Errors
///
/// As [`sigmoid`].
pub fn gelu_tanh(x: &Tensor) -> Result<Tensor> {
    run(x, Function::GeluTanh, "gelu_tanh")
}

/// `x` where positive, else `slope x`; the gradient at zero is `slope`.
///
/// # Errors
///
/// A slope that is not finite; as [`sigmoid`].
pub fn leaky_relu(x: &Tensor, slope: f64) -> Result<Tensor> {
    #[expect(clippy::cast_possible_truncation, reason = "the kernels are in f32")]
    let narrow = slope as f32;
    if !narrow.is_finite() {
        bail!("leaky_relu: slope {slope} must be finite");
    }
    if is_fast(x) {
        return run(x, Function::LeakyRelu(narrow), "leaky_relu");
    }
    floats(x, "leaky_relu")?;
    let positive = x.detach().gt(0.0)?.to_dtype(x.dtype())?;
    x * (positive * (1.0 - slope))?.affine(1.0, slope)?
}

/// `ln(1 + e^x)`, for large `x` without overflow.
///
/// # Errors
///
/// As [`sigmoid`].
pub fn softplus(x: &Tensor) -> Result<Tensor> {
    run(x, Function::Softplus, "softplus")
}

/// `ln(sigmoid(x))`, for small `x` without `ln(0)`.
///
/// # Errors
///
/// As [`sigmoid`].
pub fn log_sigmoid(x: &Tensor) -> Result<Tensor> {
    softplus(&x.neg()?)?.neg()
}

/// The binary cross entropy of every value, `-y ln(s) - (1 - y) ln(1 - s)` with
/// `s = sigmoid(logits)`, finite for all logits.
///
/// # Shapes
///
/// `logits`, `targets` and the result: the same.
///
/// # Errors
///
/// Shapes that differ; as [`sigmoid`].
pub fn bce_with_logits(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    if logits.shape() != targets.shape() {
        bail!(
            "bce_with_logits: targets {:?} must have the shape of the logits {:?}",
            targets.shape(),
            logits.shape()
        );
    }
    softplus(logits)? - (logits * targets.to_dtype(logits.dtype())?)?
}

/// From here on the hyperbolic tangent of [`gelu_tanh`] is one to all digits of an `f64`; the
/// cube fits the smallest type.
const FLAT: f64 = 20.0;

fn floats(x: &Tensor, name: &str) -> Result<()> {
    if !x.dtype().is_float() {
        bail!("{name}: the tensor is {:?}; it must hold floats", x.dtype());
    }
    Ok(())
}

fn run(x: &Tensor, function: Function, name: &'static str) -> Result<Tensor> {
    floats(x, name)?;
    if is_fast(x) {
        return x.contiguous()?.apply_op1(Elementwise { isa: Isa::detect(), function, name });
    }
    match function {
        Function::Sigmoid => logistic(x),
        Function::Silu => x * logistic(x)?,
        Function::Gelu => x * ((x / std::f64::consts::SQRT_2)?.erf()? + 1.0)?.affine(0.5, 0.0)?,
        Function::GeluTanh => {
            // Half of one plus a hyperbolic tangent is a sigmoid of twice the argument, which is
            // one or zero long before the cube overflows.
            let near = x.clamp(-FLAT, FLAT)?;
            let inner = (&near * (near.sqr()? * 0.044_715)?.affine(1.0, 1.0)?)?;
            x * logistic(&(inner * (8.0 / std::f64::consts::PI).sqrt())?)?
        }
        Function::Softplus => {
            // From the larger of `x` and zero; the rest is `ln(1 + e^-|x|)`.
            let sign = x.detach().gt(0.0)?.to_dtype(x.dtype())?.affine(2.0, -1.0)?;
            relu(x)? + ((x * sign)?.neg()?.exp()? + 1.0)?.log()?
        }
        Function::LeakyRelu(slope) => leaky_relu(x, f64::from(slope)),
    }
}

/// The sigmoid by Candle's operations, with an exponential that cannot overflow.
fn logistic(x: &Tensor) -> Result<Tensor> {
    let positive = x.detach().gt(0.0)?.to_dtype(x.dtype())?;
    let sign = positive.affine(2.0, -1.0)?;
    let e = (x * &sign)?.neg()?.exp()?;
    // For positive `x` it is `1 / (1 + e)`, else `e / (1 + e)`.
    let top = (&positive + (positive.affine(-1.0, 1.0)? * &e)?)?;
    top / (e + 1.0)?
}

/// A recorded activation.
struct Elementwise {
    isa: Isa,
    function: Function,
    name: &'static str,
}

impl CustomOp1 for Elementwise {
    fn name(&self) -> &'static str {
        self.name
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let out = values(self.isa, self.function, slice(storage, layout)?);
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        debug_assert_eq!(x.dtype(), DType::F32, "the kernels are in f32");
        let out = read_all([x, g], |[x, g]| gradient(self.isa, self.function, x, g))?;
        Ok(Some(tensor(out, x)?))
    }
}
