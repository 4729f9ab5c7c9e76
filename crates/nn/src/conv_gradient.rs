//! The two gradients of a convolution as functions of their own.

use candle_core::{Result, Shape, Tensor, Var, bail};

use crate::conv::{Conv, Conv2dConfig, conv2d, fitted};
use crate::host::{is_fast, not_empty, read, tensor};
use crate::weighted::Weighted;

/// The gradient that [`conv2d`] hands to its input, from `gradient`, the one of its
/// result. Nothing is recorded.
///
/// # Shapes
///
/// `size`: `(B, C, H, W)` of the input, which is the shape of the result; `weight`:
/// `[O, C / groups, KH, KW]`; `gradient`: that of the result of the convolution.
///
/// # Errors
///
/// Those of [`conv2d`]; a gradient of another shape than the convolution's result.
pub fn conv2d_input_gradient(
    size: (usize, usize, usize, usize),
    weight: &Tensor,
    gradient: &Tensor,
    config: &Conv2dConfig,
) -> Result<Tensor> {
    whole("conv2d_input_gradient", size)?;
    let conv = Conv::new(fitted(size, weight, None, config)?);
    expect("conv2d_input_gradient", gradient, &conv.out_shape())?;
    if !is_fast(weight) || !is_fast(gradient) {
        let x = Var::zeros(size, weight.dtype(), weight.device())?;
        return composed(&x, &conv2d(&x, &weight.detach(), None, config)?, gradient);
    }
    // The input's values do not enter.
    let (dx, _) =
        read(weight, |w| read(gradient, |g| conv.gradients((&[], true), (w, false), g)))??;
    Tensor::from_vec(dx.unwrap_or_default(), size, weight.device())
}

/// The gradient that [`conv2d`] hands to its weight, from `gradient`, the one of its
/// result. Nothing is recorded.
///
/// # Shapes
///
/// `x`: `[B, C, H, W]`; `size`: `(O, C / groups, KH, KW)` of the weight, which is the
/// shape of the result; `gradient`: that of the result of the convolution.
///
/// # Errors
///
/// Those of [`conv2d`]; a gradient of another shape than the convolution's result.
pub fn conv2d_weight_gradient(
    x: &Tensor,
    size: (usize, usize, usize, usize),
    gradient: &Tensor,
    config: &Conv2dConfig,
) -> Result<Tensor> {
    whole("conv2d_weight_gradient", size)?;
    not_empty(x, "conv2d_weight_gradient")?;
    let weight = Var::zeros(size, x.dtype(), x.device())?;
    let conv = Conv::new(fitted(x.dims4()?, &weight, None, config)?);
    expect("conv2d_weight_gradient", gradient, &conv.out_shape())?;
    if !is_fast(x) || !is_fast(gradient) {
        return composed(&weight, &conv2d(&x.detach(), &weight, None, config)?, gradient);
    }
    let (_, dw) = read(x, |x| {
        read(&weight, |w| read(gradient, |g| conv.gradients((x, false), (w, true), g)))
    })???;
    tensor(dw.unwrap_or_default(), &weight)
}

/// Fails if a size is zero.
fn whole(name: &str, size: (usize, usize, usize, usize)) -> Result<()> {
    if size.0 == 0 || size.1 == 0 || size.2 == 0 || size.3 == 0 {
        bail!("{name}: size {size:?}; every size must be at least 1");
    }
    Ok(())
}

fn expect(name: &str, gradient: &Tensor, shape: &Shape) -> Result<()> {
    if gradient.shape() != shape {
        bail!("{name}: the gradient {:?} must be {shape:?}", gradient.shape());
    }
    Ok(())
}

fn composed(var: &Var, y: &Tensor, gradient: &Tensor) -> Result<Tensor> {
    let store = (y * gradient.detach())?.backward()?;
    match store.get(var) {
        Some(found) => Ok(found.clone()),
        None => var.zeros_like(),
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;

    fn ramp(shape: (usize, usize, usize, usize), step: f64) -> Tensor {
        let count = shape.0 * shape.1 * shape.2 * shape.3;
        let values: Vec<f64> = (0..count).map(|i| (i as f64 * step).sin()).collect();
        Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
    }

    fn distance(a: &Tensor, b: &Tensor) -> f64 {
        let difference = (a.to_dtype(DType::F64).unwrap() - b).unwrap();
        difference.abs().unwrap().max_all().unwrap().to_scalar().unwrap()
    }

    #[test]
    fn both_agree_with_the_recorded_gradients() {
        let strided = Conv2dConfig { groups: 2, ..Conv2dConfig::square(2, 1, 1) };
        for (inputs, config) in [(16, Conv2dConfig::same(3)), (4, strided)] {
            let sizes = ((2, inputs, 12, 16), (16, inputs / config.groups, 3, 3));
            let x = Var::from_tensor(&ramp(sizes.0, 0.7)).unwrap();
            let w = Var::from_tensor(&ramp(sizes.1, 1.3)).unwrap();
            let y = conv2d(&x, &w, None, &config).unwrap();
            let g = ramp(y.dims4().unwrap(), 2.1);
            let store = (y * &g).unwrap().backward().unwrap();
            for dtype in [DType::F32, DType::F64] {
                let [x32, w32, g32] =
                    [x.as_tensor(), &w, &g].map(|t| t.detach().to_dtype(dtype).unwrap());
                let dx = conv2d_input_gradient(sizes.0, &w32, &g32, &config).unwrap();
                let dw = conv2d_weight_gradient(&x32, sizes.1, &g32, &config).unwrap();
                assert!(distance(&dx, store.get(&x).unwrap()) < 1e-4, "{dtype:?} {config:?}");
                assert!(distance(&dw, store.get(&w).unwrap()) < 1e-3, "{dtype:?} {config:?}");
            }
        }
    }

    #[test]
    fn a_gradient_of_another_shape_is_refused() {
        let (x, w) = (ramp((1, 2, 5, 5), 0.3), ramp((3, 2, 3, 3), 0.3));
        let g = ramp((1, 3, 5, 4), 0.3);
        let config = Conv2dConfig::same(3);
        assert!(conv2d_input_gradient((1, 2, 5, 5), &w, &g, &config).is_err(), "input");
        assert!(conv2d_weight_gradient(&x, (3, 2, 3, 3), &g, &config).is_err(), "weight");
        assert!(conv2d_input_gradient((0, 2, 5, 5), &w, &g, &config).is_err(), "no picture");
        assert!(conv2d_weight_gradient(&x, (3, 2, 0, 3), &g, &config).is_err(), "no kernel");
    }
}
