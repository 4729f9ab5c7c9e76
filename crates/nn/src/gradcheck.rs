//! Checks of gradients, for the tests of this and of other crates.

use candle_core::{DType, Device, Tensor, Var};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::error::{Error, Result};

/// Settings of [`gradcheck`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GradcheckConfig {
    /// Distance of the finite differences.
    pub step: f64,
    /// Seed of the weights of the output and of the choice of entries.
    pub seed: u64,
    /// Entries checked per input at most.
    pub max_entries: usize,
}

impl Default for GradcheckConfig {
    fn default() -> Self {
        Self { step: 1e-5, seed: 0, max_entries: 64 }
    }
}

impl GradcheckConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) names the field that is out of range.
    pub fn validate(&self) -> Result<()> {
        let expected = "positive and finite";
        if !(self.step.is_finite() && self.step > 0.0) {
            return Err(Error::Config { field: "step", value: self.step.to_string(), expected });
        }
        if self.max_entries == 0 {
            let value = "0".to_owned();
            return Err(Error::Config { field: "max_entries", value, expected: "at least 1" });
        }
        Ok(())
    }
}

/// Compares the gradients of `f` in `f64` with central differences and returns
/// the worst relative error, `|analytic - numeric| / max(1e-3 scale, |analytic|, |numeric|)`,
/// where the scale of an input is its largest gradient (entries that are nearly
/// zero beside the others are not blown up).
///
/// `f` gets the inputs as variables and is made a scalar by fixed random weights
/// on its output. Below 1e-5 is right for smooth functions; infinite where one of the
/// two is not a number. Runs on the CPU. A model that `f` calls must be in `f64` as well:
/// made by a [`ParameterStore`](crate::ParameterStore) of that type.
///
/// # Errors
///
/// Settings out of range; no inputs, or some that are not floats; those of `f`.
///
/// # Examples
///
/// ```
/// use candle_core::{Device, Tensor};
/// use mapvec_nn::{GradcheckConfig, gradcheck};
///
/// let x = Tensor::new(&[0.5_f64, -1.0, 2.0], &Device::Cpu)?;
/// let worst = gradcheck(&[x], |x| x[0].sqr()?.tanh(), &GradcheckConfig::default())?;
/// assert!(worst < 1e-6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn gradcheck(
    inputs: &[Tensor],
    f: impl Fn(&[Tensor]) -> candle_core::Result<Tensor>,
    config: &GradcheckConfig,
) -> Result<f64> {
    config.validate()?;
    if inputs.is_empty() || inputs.iter().any(|input| !input.dtype().is_float()) {
        let value = format!("{:?}", inputs.iter().map(Tensor::dtype).collect::<Vec<_>>());
        let expected = "at least one tensor, all of floats";
        return Err(Error::Config { field: "inputs", value, expected });
    }
    let vars = variables(inputs, DType::F64)?;
    let tensors: Vec<Tensor> = vars.iter().map(|var| var.as_tensor().clone()).collect();
    let output = f(&tensors)?;
    let weights = weights(&output, config.seed)?;
    let grads = (output * &weights)?.sum_all()?.backward()?;
    let mut rng = ChaCha8Rng::seed_from_u64(config.seed ^ 0x5eed);
    let mut worst = 0.0_f64;
    for (index, var) in vars.iter().enumerate() {
        let values = var.as_detached_tensor().flatten_all()?.to_vec1::<f64>()?;
        let analytic = match grads.get(var) {
            Some(gradient) => gradient.flatten_all()?.to_vec1::<f64>()?,
            None => vec![0.0; values.len()],
        };
        let scale = analytic.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        let entries: Vec<usize> = if values.len() <= config.max_entries {
            (0..values.len()).collect()
        } else {
            rand::seq::index::sample(&mut rng, values.len(), config.max_entries).into_vec()
        };
        for entry in entries {
            let at = |offset: f64| -> Result<f64> {
                let mut moved = values.clone();
                moved[entry] += offset;
                let mut tensors = tensors.iter().map(Tensor::detach).collect::<Vec<_>>();
                tensors[index] = Tensor::from_vec(moved, var.shape(), &Device::Cpu)?;
                Ok((f(&tensors)? * &weights)?.sum_all()?.to_scalar::<f64>()?)
            };
            let numeric = (at(config.step)? - at(-config.step)?) / (2.0 * config.step);
            let size =
                analytic[entry].abs().max(numeric.abs()).max(1e-3 * scale).max(f64::MIN_POSITIVE);
            let error = (analytic[entry] - numeric).abs() / size;
            // `max` would drop NaN, which is the worst of all.
            worst = if error.is_nan() { f64::INFINITY } else { worst.max(error) };
        }
    }
    Ok(worst)
}

/// Share of the largest tensor below which the size of one no longer counts.
const NEGLIGIBLE: f64 = 1e-3;

/// Runs `f` in `f32` (on the CPU the kernels of this crate) and in `f64` and
/// returns the worst relative error, in the l2 norm, over the output and the
/// gradients of all inputs. A few 1e-6 is right. A tensor below a thousandth of the
/// largest is measured against that: a gradient that is zero but for rounding is
/// right.
///
/// A `ReLU` or maximum at a tie within rounding error may fall either way: use
/// inputs that have none.
///
/// # Errors
///
/// Those of `f`.
pub fn compare_precisions(
    inputs: &[Tensor],
    f: impl Fn(&[Tensor]) -> candle_core::Result<Tensor>,
    seed: u64,
) -> Result<f64> {
    compare_with_double(inputs, DType::F32, f, seed)
}

/// [`compare_precisions`] for another type than `f32`: runs `f` in `dtype` and in `f64`.
///
/// # Errors
///
/// Those of `f`.
pub fn compare_with_double(
    inputs: &[Tensor],
    dtype: DType,
    f: impl Fn(&[Tensor]) -> candle_core::Result<Tensor>,
    seed: u64,
) -> Result<f64> {
    let lower = dtype;
    let run = |dtype: DType| -> Result<Vec<Vec<f64>>> {
        // Both start from the values that the lower precision can hold.
        let vars = variables(inputs, lower)?;
        let vars =
            variables(&vars.iter().map(|var| var.as_tensor().clone()).collect::<Vec<_>>(), dtype)?;
        let output = f(&vars.iter().map(|var| var.as_tensor().clone()).collect::<Vec<_>>())?;
        let weights = weights(&output, seed)?.to_dtype(lower)?.to_dtype(dtype)?;
        let grads = (&output * weights)?.sum_all()?.backward()?;
        let mut all = vec![to_f64(&output)?];
        for var in &vars {
            all.push(match grads.get(var) {
                Some(gradient) => to_f64(gradient)?,
                None => vec![0.0; var.elem_count()],
            });
        }
        Ok(all)
    };
    let (single, double) = (run(lower)?, run(DType::F64)?);
    let norm = |values: &[f64]| values.iter().map(|v| v * v).sum::<f64>().sqrt();
    let largest = double.iter().map(|values| norm(values)).fold(0.0, f64::max);
    let mut worst = 0.0_f64;
    for (single, double) in single.iter().zip(&double) {
        let distance = single.iter().zip(double).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt();
        let size = norm(double).max(largest * NEGLIGIBLE);
        let error = if distance <= f64::MIN_POSITIVE { 0.0 } else { distance / size };
        // NaN compares as worst.
        worst = if error.is_nan() { f64::INFINITY } else { worst.max(error) };
    }
    Ok(worst)
}

fn to_f64(tensor: &Tensor) -> Result<Vec<f64>> {
    Ok(tensor.detach().to_dtype(DType::F64)?.flatten_all()?.to_vec1()?)
}

fn variables(inputs: &[Tensor], dtype: DType) -> Result<Vec<Var>> {
    inputs
        .iter()
        .map(|input| Ok(Var::from_tensor(&input.detach().to_dtype(dtype)?.copy()?)?))
        .collect()
}

/// Fixed random weights from 0.5 to 1.5 with random signs, in `f64`.
fn weights(output: &Tensor, seed: u64) -> Result<Tensor> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let sign = |positive: bool| if positive { 1.0 } else { -1.0 };
    let values: Vec<f64> =
        (0..output.elem_count()).map(|_| rng.random_range(0.5..1.5) * sign(rng.random())).collect();
    Ok(Tensor::from_vec(values, output.shape(), output.device())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input() -> Tensor {
        Tensor::new(&[0.3_f64, -0.7, 1.9, 0.1], &Device::Cpu).unwrap()
    }

    #[test]
    fn a_right_gradient_passes_and_a_wrong_one_fails() {
        let right = gradcheck(&[input()], |x| x[0].exp(), &GradcheckConfig::default()).unwrap();
        assert!(right < 1e-8, "{right}");
        let wrong = |x: &[Tensor]| x[0].detach().exp()? + &x[0];
        let wrong = gradcheck(&[input()], wrong, &GradcheckConfig::default()).unwrap();
        assert!(wrong > 0.05, "{wrong}");
    }

    #[test]
    fn a_gradient_that_is_not_a_number_is_the_worst() {
        // The root of a negative value has neither value nor slope.
        let worst = gradcheck(&[input()], |x| x[0].sqrt(), &GradcheckConfig::default()).unwrap();
        assert!(worst.is_infinite(), "{worst}");
    }

    #[test]
    fn settings_that_check_nothing_are_refused() {
        for config in [
            GradcheckConfig { step: 0.0, ..GradcheckConfig::default() },
            GradcheckConfig { step: f64::NAN, ..GradcheckConfig::default() },
            GradcheckConfig { max_entries: 0, ..GradcheckConfig::default() },
        ] {
            assert!(gradcheck(&[input()], |x| x[0].exp(), &config).is_err(), "{config:?}");
        }
    }

    #[test]
    fn precisions_agree_to_single_precision() {
        let error = compare_precisions(&[input()], |x| x[0].exp(), 1).unwrap();
        assert!(error > 0.0 && error < 1e-6, "{error}");
    }
}
