//! Averages of weights over the steps of a run.

use candle_core::{DType, Device, Tensor, Var};
use serde::{Deserialize, Serialize};

use super::config::check;
use super::{read_strict_typed, slot};
use crate::error::{Error, Result};
use crate::host::{is_fast, read};
use crate::kernels::optim::lerp;

/// Settings of [`Ema`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmaConfig {
    /// Share of the old average that an update keeps, in [0, 1).
    pub decay: f64,
    /// Whether update t keeps `min(decay, (1 + t) / (10 + t))`, so that the first weights, which
    /// are far from good, are soon forgotten.
    pub warm_up: bool,
}

impl Default for EmaConfig {
    /// The decay of `PyTorch`'s `get_ema_multi_avg_fn`, with warm-up.
    fn default() -> Self {
        Self { decay: 0.999, warm_up: true }
    }
}

impl EmaConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the field that is out of range.
    pub fn validate(&self) -> Result<()> {
        check("decay", self.decay, (0.0..1.0).contains(&self.decay), "at least 0 and below 1")
    }

    /// The share that update `step`, counted from 1, keeps.
    #[must_use]
    pub fn decay_at(&self, step: u64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "steps are far below 2^52")]
        let t = step as f64;
        if self.warm_up { self.decay.min((1.0 + t) / (10.0 + t)) } else { self.decay }
    }
}

/// An exponential moving average of weights, often better than the last ones.
///
/// [`Ema::update`] after every optimiser step, [`Ema::swap_in`] before evaluation or saving and
/// [`Ema::swap_out`] after it. Averages of weights in half precision are kept in `f32`. Running
/// statistics of norms are averaged as well if they are among the parameters, see
/// [`ParameterStore::variables`](crate::ParameterStore::variables).
///
/// # References
///
/// Polyak and Juditsky, *Acceleration of Stochastic Approximation by Averaging* (1992).
#[derive(Debug)]
pub struct Ema {
    config: EmaConfig,
    steps: u64,
    slots: Vec<Slot>,
    /// The weights while the averages are in their place.
    kept: Option<Vec<Tensor>>,
}

#[derive(Debug)]
struct Slot {
    name: String,
    var: Var,
    average: Average,
}

#[derive(Debug)]
enum Average {
    /// On the CPU in `f32`.
    Host(Vec<f32>),
    /// Anywhere else.
    Device(Tensor),
}

impl Ema {
    /// Averages that start at the present weights.
    ///
    /// # Errors
    ///
    /// Settings out of range; those of the device.
    pub fn new(parameters: Vec<(String, Var)>, config: &EmaConfig) -> Result<Self> {
        config.validate()?;
        let slot = |(name, var): (String, Var)| -> Result<Slot> {
            let average = average(&var, &precise(&var)?)?;
            Ok(Slot { name, var, average })
        };
        let slots = parameters.into_iter().map(slot).collect::<Result<_>>()?;
        Ok(Self { config: *config, steps: 0, slots, kept: None })
    }

    /// Moves the averages towards the present weights.
    ///
    /// # Errors
    ///
    /// [`Error::EmaSwapped`] while the averages are swapped in; those of the device.
    pub fn update(&mut self) -> Result<()> {
        self.refuse_swapped(true)?;
        self.steps += 1;
        let share = 1.0 - self.config.decay_at(self.steps);
        for slot in &mut self.slots {
            let weights = precise(&slot.var)?;
            match &mut slot.average {
                #[expect(clippy::cast_possible_truncation, reason = "the pass runs in f32")]
                Average::Host(values) => read(&weights, |w| lerp(share as f32, values, w))?,
                Average::Device(average) => {
                    let moved = (&*average + ((weights - &*average)? * share)?)?;
                    *average = moved;
                }
            }
        }
        Ok(())
    }

    /// Puts the averages into the model and keeps the weights.
    ///
    /// # Errors
    ///
    /// [`Error::EmaSwapped`] if they are there; those of the device.
    pub fn swap_in(&mut self) -> Result<()> {
        self.refuse_swapped(true)?;
        let copy = |slot: &Slot| slot.var.as_detached_tensor().copy();
        self.kept = Some(self.slots.iter().map(copy).collect::<candle_core::Result<_>>()?);
        for slot in &self.slots {
            slot.var.set(&slot.tensor()?.to_dtype(slot.var.dtype())?)?;
        }
        Ok(())
    }

    /// Puts the weights back, bit for bit.
    ///
    /// # Errors
    ///
    /// [`Error::EmaSwapped`] if they are there; those of the device.
    pub fn swap_out(&mut self) -> Result<()> {
        self.refuse_swapped(false)?;
        for (slot, weights) in self.slots.iter().zip(self.kept.take().unwrap_or_default()) {
            slot.var.set(&weights)?;
        }
        Ok(())
    }

    /// Whether the averages are in the model.
    #[must_use]
    pub fn is_swapped(&self) -> bool {
        self.kept.is_some()
    }

    /// Updates done.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The state as a safetensors file: `step`, and `NAME.average` of every parameter.
    ///
    /// # Errors
    ///
    /// Those of the device.
    pub fn state_bytes(&self) -> Result<Vec<u8>> {
        let step = Tensor::from_vec(vec![self.steps.cast_signed()], 1, &Device::Cpu)?;
        let mut tensors = vec![("step".to_owned(), step)];
        for slot in &self.slots {
            tensors.push((format!("{}.average", slot.name), slot.tensor()?));
        }
        Ok(safetensors::serialize(tensors, None)?)
    }

    /// Restores what [`Ema::state_bytes`] gave.
    ///
    /// # Errors
    ///
    /// [`Error::ParameterMismatch`] if the state is of other parameters, [`Error::Safetensors`]
    /// for other bytes, [`Error::EmaSwapped`] while the averages are swapped in. Nothing is
    /// changed then.
    pub fn load_state_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self.refuse_swapped(true)?;
        let mut expected = vec![("step".to_owned(), vec![1], DType::I64)];
        for slot in &self.slots {
            let dtype = precise_dtype(slot.var.dtype());
            expected.push((format!("{}.average", slot.name), slot.var.dims().to_vec(), dtype));
        }
        let tensors = read_strict_typed(bytes, &expected)?;
        let steps = slot::read_steps(&tensors[0])?;
        let loaded: Vec<Average> = self
            .slots
            .iter()
            .zip(&tensors[1..])
            .map(|(slot, tensor)| average(&slot.var, &tensor.to_device(slot.var.device())?))
            .collect::<Result<_>>()?;
        for (slot, average) in self.slots.iter_mut().zip(loaded) {
            slot.average = average;
        }
        self.steps = steps;
        Ok(())
    }

    fn refuse_swapped(&self, swapped: bool) -> Result<()> {
        if self.is_swapped() == swapped { Err(Error::EmaSwapped { swapped }) } else { Ok(()) }
    }
}

impl Slot {
    fn tensor(&self) -> Result<Tensor> {
        Ok(match &self.average {
            Average::Host(values) => {
                Tensor::from_slice(values, self.var.shape(), self.var.device())?
            }
            Average::Device(tensor) => tensor.clone(),
        })
    }
}

/// The type of the average of weights.
fn precise_dtype(dtype: DType) -> DType {
    if matches!(dtype, DType::BF16 | DType::F16) { DType::F32 } else { dtype }
}

/// The weights in the type of their average.
fn precise(var: &Var) -> Result<Tensor> {
    Ok(var.as_detached_tensor().to_dtype(precise_dtype(var.dtype()))?)
}

/// An average of `var` with its own memory.
fn average(var: &Var, values: &Tensor) -> Result<Average> {
    if var.device().is_cpu() && is_fast(values) {
        Ok(Average::Host(read(values, <[f32]>::to_vec)?))
    } else {
        Ok(Average::Device(values.copy()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_decay_warms_up() {
        let config = EmaConfig::default();
        assert!((config.decay_at(1) - 2.0 / 11.0).abs() < 1e-15);
        assert!((config.decay_at(1_000_000) - 0.999).abs() < 1e-15);
        let cold = EmaConfig { warm_up: false, ..config };
        assert!((cold.decay_at(1) - 0.999).abs() < 1e-15);
    }
}
