//! Optimisers whose state can be saved and restored bit for bit.

mod adam;
mod clip;
mod config;
mod ema;
mod sgd;
mod slot;
mod step;

use std::collections::HashSet;

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor, Var};

pub use adam::{AdamConfig, AdamWConfig};
pub use clip::{clip_gradient_values, clip_gradients, gradient_norm};
pub use config::{GroupConfig, OptimizerConfig};
pub use ema::{Ema, EmaConfig};
pub use sgd::SgdConfig;

use crate::error::{Error, Result};
use crate::load::read_strict;
use slot::Slot;

/// Moves parameters along their gradients, by the rule of an [`OptimizerConfig`].
///
/// Updates are in place and, on the CPU, one pass each. A parameter in half precision has a master
/// copy in `f32` that takes the steps, so that small ones are not rounded away; the parameter is
/// the master rounded. Counts of steps are per parameter, as a parameter without a gradient is left
/// alone.
///
/// # Examples
///
/// ```
/// use candle_core::{DType, Device};
/// use mapvec_nn::{Conv2d, Conv2dConfig, GroupConfig, Optimizer, ParameterStore, SgdConfig};
///
/// let store = ParameterStore::new(7, DType::F32, &Device::Cpu);
/// let head = Conv2d::new(3, 2, 1, &Conv2dConfig::default(), store.var_builder().pp("head"))?;
///
/// let config = SgdConfig { learning_rate: 0.1, momentum: 0.9, ..SgdConfig::default() };
/// let mut optimizer = Optimizer::new(store.trainable(), &config)?;
/// let slow = GroupConfig { rate_factor: 0.1, ..GroupConfig::default() };
/// assert_eq!(optimizer.set_group(|name| name.ends_with("bias"), &slow)?, 1);
///
/// let xs = candle_core::Tensor::ones((1, 3, 4, 4), DType::F32, &Device::Cpu)?;
/// optimizer.step(&head.forward(&xs)?.sqr()?.mean_all()?.backward()?)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Optimizer {
    config: OptimizerConfig,
    steps: u64,
    slots: Vec<Slot>,
}

impl Optimizer {
    /// An optimiser of these parameters, see
    /// [`ParameterStore::trainable`](crate::ParameterStore::trainable).
    ///
    /// # Errors
    ///
    /// Settings out of range; no parameters; a name that is there twice; a parameter that is not a float or not
    /// contiguous; those of the device.
    pub fn new(parameters: Vec<(String, Var)>, config: impl Into<OptimizerConfig>) -> Result<Self> {
        let config = config.into();
        config.validate()?;
        if parameters.is_empty() {
            return Err(Error::Config {
                field: "parameters",
                value: "none".to_owned(),
                expected: "at least one; make the model before its optimiser",
            });
        }
        let mut names = HashSet::new();
        let mut slots = Vec::with_capacity(parameters.len());
        for (name, var) in parameters {
            if !names.insert(name.clone()) {
                return Err(Error::Config {
                    field: "parameter",
                    value: name,
                    expected: "named once",
                });
            }
            if slots.iter().any(|slot: &Slot| slot.var.id() == var.id()) {
                return Err(Error::Config {
                    field: "parameter",
                    value: name,
                    expected: "another one than those before; shared weights are named once",
                });
            }
            slots.push(Slot::new(name, var, config.moments().len())?);
        }
        Ok(Self { config, steps: 0, slots })
    }

    /// Makes a group of the parameters whose name passes the test; returns how many they are. A
    /// later group takes its parameters out of an earlier one.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if a setting is out of range or no name passes.
    pub fn set_group(
        &mut self,
        belongs: impl Fn(&str) -> bool,
        group: &GroupConfig,
    ) -> Result<usize> {
        group.validate()?;
        let mut count = 0;
        for slot in self.slots.iter_mut().filter(|slot| belongs(&slot.name)) {
            slot.group = *group;
            count += 1;
        }
        if count == 0 {
            return Err(Error::Config {
                field: "group",
                value: "empty".to_owned(),
                expected: "chosen by a test that at least one name passes",
            });
        }
        Ok(count)
    }

    /// Moves every parameter that has a gradient by one step, also where that gradient is not
    /// finite; [`Optimizer::step_clipped`] refuses such gradients.
    ///
    /// # Errors
    ///
    /// A gradient of another shape than its parameter (nothing is changed then);
    /// those of the device.
    pub fn step(&mut self, grads: &GradStore) -> Result<()> {
        self.check_shapes(grads)?;
        self.step_scaled(grads, 1.0)
    }

    /// The same with all gradients scaled down to a common norm of at most `max_norm`; returns the
    /// norm before. Cheaper than [`clip_gradients`]: the factor is part of the step, and nothing is
    /// written but the parameters.
    ///
    /// # Errors
    ///
    /// Those of [`Optimizer::step`]; [`Error::NonFiniteGradient`] names the first parameter whose
    /// gradient holds NaN or infinity (nothing is changed then); a `max_norm` that is not positive.
    pub fn step_clipped(&mut self, grads: &GradStore, max_norm: f64) -> Result<f64> {
        clip::check_positive("max_norm", max_norm)?;
        self.check_shapes(grads)?;
        let norm = clip::norm(grads, self.slots.iter().map(|slot| (&slot.name, &slot.var)))?;
        self.step_scaled(grads, if norm > max_norm { max_norm / norm } else { 1.0 })?;
        Ok(norm)
    }

    fn check_shapes(&self, grads: &GradStore) -> Result<()> {
        for slot in &self.slots {
            if let Some(gradient) = grads.get(&slot.var)
                && gradient.dims() != slot.var.dims()
            {
                return Err(Error::GradientShape {
                    parameter: slot.name.clone(),
                    expected: slot.var.dims().to_vec(),
                    found: gradient.dims().to_vec(),
                });
            }
        }
        Ok(())
    }

    fn step_scaled(&mut self, grads: &GradStore, scale: f64) -> Result<()> {
        self.steps += 1;
        for slot in &mut self.slots {
            if let Some(gradient) = grads.get(&slot.var) {
                slot.step(&self.config, gradient, scale)?;
            }
        }
        Ok(())
    }

    /// The learning rate of the next step, before the factors of groups.
    #[must_use]
    pub fn learning_rate(&self) -> f64 {
        self.config.learning_rate()
    }

    /// Sets the learning rate of the next step.
    ///
    /// # Errors
    ///
    /// A rate that is negative or not finite; the old one stays then.
    pub fn set_learning_rate(&mut self, learning_rate: f64) -> Result<()> {
        let mut config = self.config;
        config.set_learning_rate(learning_rate);
        config.validate()?;
        self.config = config;
        Ok(())
    }

    /// Steps done.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The state as a safetensors file: `step`, and for every parameter `NAME.step`, its moments
    /// (`NAME.momentum`, or `NAME.exp_avg` and `NAME.exp_avg_sq`) and, in half precision,
    /// `NAME.master`. Settings and groups are not part of it.
    ///
    /// # Errors
    ///
    /// Those of the device.
    pub fn state_bytes(&self) -> Result<Vec<u8>> {
        let step = Tensor::from_vec(vec![self.steps.cast_signed()], 1, &Device::Cpu)?;
        let mut tensors = vec![("step".to_owned(), step)];
        for slot in &self.slots {
            let names = slot.layout(self.config.moments()).into_iter().map(|(name, ..)| name);
            tensors.extend(names.zip(slot.state()?));
        }
        Ok(safetensors::serialize(tensors, None)?)
    }

    /// Restores what [`Optimizer::state_bytes`] gave.
    ///
    /// # Errors
    ///
    /// [`Error::ParameterMismatch`] if the state is of other parameters or another optimiser,
    /// [`Error::Safetensors`] for other bytes. Nothing is changed then.
    pub fn load_state_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        let mut expected = vec![("step".to_owned(), vec![1], DType::I64)];
        for slot in &self.slots {
            expected.extend(slot.layout(self.config.moments()));
        }
        let tensors = read_strict_typed(bytes, &expected)?;
        let steps = slot::read_steps(&tensors[0])?;
        let mut rest = &tensors[1..];
        let mut loaded = Vec::with_capacity(self.slots.len());
        for slot in &self.slots {
            let (own, others) = rest.split_at(slot.layout(self.config.moments()).len());
            loaded.push(slot.read(own)?);
            rest = others;
        }
        for (slot, loaded) in self.slots.iter_mut().zip(loaded) {
            slot.accept(loaded)?;
        }
        self.steps = steps;
        Ok(())
    }
}

/// The tensors of saved state in the order of `expected`: names, shapes and types are exactly
/// those, since a conversion would change bits.
fn read_strict_typed(
    bytes: &[u8],
    expected: &[(String, Vec<usize>, DType)],
) -> Result<Vec<Tensor>> {
    let shapes: Vec<_> = expected.iter().map(|(n, shape, _)| (n.clone(), shape.clone())).collect();
    let tensors = read_strict(bytes, &shapes, &Device::Cpu)?;
    for ((name, _, dtype), tensor) in expected.iter().zip(&tensors) {
        if tensor.dtype() != *dtype {
            return Err(Error::StateType {
                name: name.clone(),
                expected: *dtype,
                found: tensor.dtype(),
            });
        }
    }
    Ok(tensors)
}
