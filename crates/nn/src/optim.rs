//! The optimiser and gradient clipping.

use std::sync::{Mutex, PoisonError};

use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, DType, Device, InplaceOp2, Layout, Tensor, Var};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::host::{is_fast, read};
use crate::kernels::adamw::{Factors, update};
use crate::store::read_strict;

/// Settings of [`AdamW`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdamWConfig {
    /// Learning rate, not negative.
    pub learning_rate: f64,
    /// Decay of the mean of gradients, in [0, 1).
    pub beta1: f64,
    /// Decay of the mean of squared gradients, in [0, 1).
    pub beta2: f64,
    /// Added to the denominator, positive.
    pub eps: f64,
    /// Decoupled weight decay per unit of learning rate, not negative.
    pub weight_decay: f64,
    /// Whether one-dimensional parameters (biases, norms) decay as well.
    pub decay_vectors: bool,
}

impl Default for AdamWConfig {
    /// The values of `PyTorch`, without decay of one-dimensional parameters.
    fn default() -> Self {
        Self {
            learning_rate: 1e-3,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            weight_decay: 1e-2,
            decay_vectors: false,
        }
    }
}

impl AdamWConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the field that is out of range.
    pub fn validate(&self) -> Result<()> {
        let fields = [
            ("learning_rate", self.learning_rate, self.learning_rate >= 0.0, "not negative"),
            ("beta1", self.beta1, (0.0..1.0).contains(&self.beta1), "at least 0 and below 1"),
            ("beta2", self.beta2, (0.0..1.0).contains(&self.beta2), "at least 0 and below 1"),
            ("eps", self.eps, self.eps > 0.0, "positive"),
            ("weight_decay", self.weight_decay, self.weight_decay >= 0.0, "not negative"),
        ];
        for (field, value, ok, expected) in fields {
            if !ok || !value.is_finite() {
                return Err(Error::Config { field, value: value.to_string(), expected });
            }
        }
        Ok(())
    }
}

/// Adam with decoupled weight decay; its state can be saved and restored bit for bit.
///
/// # References
///
/// Loshchilov and Hutter, *Decoupled Weight Decay Regularization* (2019).
#[derive(Debug)]
pub struct AdamW {
    config: AdamWConfig,
    steps: u64,
    slots: Vec<Slot>,
}

/// A parameter and its means.
#[derive(Debug)]
struct Slot {
    name: String,
    var: Var,
    means: Means,
}

#[derive(Debug)]
enum Means {
    /// On the CPU in `f32`, updated in one pass.
    Host(Vec<f32>, Vec<f32>),
    /// Anywhere else.
    Device(Tensor, Tensor),
}

impl AdamW {
    /// An optimiser of these parameters, see
    /// [`ParameterStore::trainable`](crate::ParameterStore::trainable).
    ///
    /// # Errors
    ///
    /// Settings out of range; those of the device.
    pub fn new(parameters: Vec<(String, Var)>, config: &AdamWConfig) -> Result<Self> {
        config.validate()?;
        let slot = |(name, var): (String, Var)| -> Result<Slot> {
            let means = if is_fast(&var) {
                Means::Host(vec![0.0; var.elem_count()], vec![0.0; var.elem_count()])
            } else {
                Means::Device(var.zeros_like()?.detach(), var.zeros_like()?.detach())
            };
            Ok(Slot { name, var, means })
        };
        let slots = parameters.into_iter().map(slot).collect::<Result<_>>()?;
        Ok(Self { config: *config, steps: 0, slots })
    }

    /// Moves every parameter that has a gradient by one step.
    ///
    /// # Errors
    ///
    /// A gradient of another shape than its parameter (nothing is changed then);
    /// those of the device.
    pub fn step(&mut self, grads: &GradStore) -> Result<()> {
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
        self.steps += 1;
        for slot in &mut self.slots {
            if let Some(gradient) = grads.get(&slot.var) {
                slot.step(gradient, &self.config, self.steps)?;
            }
        }
        Ok(())
    }

    /// The learning rate of the next step.
    #[must_use]
    pub fn learning_rate(&self) -> f64 {
        self.config.learning_rate
    }

    /// Sets the learning rate of the next step.
    pub fn set_learning_rate(&mut self, learning_rate: f64) {
        self.config.learning_rate = learning_rate;
    }

    /// Steps done.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Step count and means as a safetensors file: `step`, and `NAME.exp_avg` and
    /// `NAME.exp_avg_sq` of every parameter. The settings are not part of it.
    ///
    /// # Errors
    ///
    /// Those of the device.
    pub fn state_bytes(&self) -> Result<Vec<u8>> {
        let step = Tensor::from_vec(vec![self.steps.cast_signed()], 1, &Device::Cpu)?;
        let mut tensors = vec![("step".to_owned(), step)];
        for slot in &self.slots {
            let (first, second) = match &slot.means {
                Means::Host(first, second) => (
                    Tensor::from_slice(first, slot.var.shape(), &Device::Cpu)?,
                    Tensor::from_slice(second, slot.var.shape(), &Device::Cpu)?,
                ),
                Means::Device(first, second) => (first.clone(), second.clone()),
            };
            tensors.push((format!("{}.exp_avg", slot.name), first));
            tensors.push((format!("{}.exp_avg_sq", slot.name), second));
        }
        Ok(safetensors::serialize(tensors, None)?)
    }

    /// Restores what [`AdamW::state_bytes`] gave.
    ///
    /// # Errors
    ///
    /// [`Error::ParameterMismatch`] if the state is of other parameters,
    /// [`Error::Safetensors`] for other bytes. Nothing is changed then.
    pub fn load_state_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        let mut expected = vec![("step".to_owned(), vec![1])];
        for slot in &self.slots {
            for kind in ["exp_avg", "exp_avg_sq"] {
                expected.push((format!("{}.{kind}", slot.name), slot.var.dims().to_vec()));
            }
        }
        let tensors = read_strict(bytes, &expected, &Device::Cpu)?;
        let steps = tensors[0].to_dtype(DType::I64)?.to_vec1::<i64>()?[0];
        let mut all = Vec::with_capacity(self.slots.len());
        for (slot, pair) in self.slots.iter().zip(tensors[1..].chunks_exact(2)) {
            all.push(match slot.means {
                Means::Host(..) => Means::Host(
                    pair[0].flatten_all()?.to_vec1()?,
                    pair[1].flatten_all()?.to_vec1()?,
                ),
                Means::Device(..) => Means::Device(
                    pair[0].to_device(slot.var.device())?,
                    pair[1].to_device(slot.var.device())?,
                ),
            });
        }
        for (slot, means) in self.slots.iter_mut().zip(all) {
            slot.means = means;
        }
        self.steps = steps.max(0).cast_unsigned();
        Ok(())
    }
}

impl Slot {
    fn step(&mut self, gradient: &Tensor, c: &AdamWConfig, steps: u64) -> Result<()> {
        #[expect(clippy::cast_precision_loss, reason = "steps are far below 2^52")]
        let exponent = steps as f64;
        let rate = c.learning_rate / (1.0 - c.beta1.powf(exponent));
        let correction = (1.0 - c.beta2.powf(exponent)).sqrt().recip();
        let decays = c.decay_vectors || self.var.dims().len() > 1;
        let keep = if decays { 1.0 - c.learning_rate * c.weight_decay } else { 1.0 };
        match &mut self.means {
            Means::Host(first, second) => {
                #[expect(clippy::cast_possible_truncation, reason = "the pass runs in f32")]
                let factors = Factors {
                    // One minus beta is taken in f64: 1 - 0.999 has few digits in f32.
                    first: (c.beta1 as f32, (1.0 - c.beta1) as f32),
                    second: (c.beta2 as f32, (1.0 - c.beta2) as f32),
                    rate: rate as f32,
                    correction: correction as f32,
                    eps: c.eps as f32,
                    keep: keep as f32,
                };
                let op = Update { factors, means: Mutex::new((first, second)) };
                self.var.as_tensor().inplace_op2(&gradient.contiguous()?, &op)?;
            }
            Means::Device(first, second) => {
                let gradient = gradient.detach();
                *first = ((&*first * c.beta1)? + (&gradient * (1.0 - c.beta1))?)?;
                *second = ((&*second * c.beta2)? + (gradient.sqr()? * (1.0 - c.beta2))?)?;
                let denominator = ((second.sqrt()? * correction)? + c.eps)?;
                let moved =
                    ((self.var.as_detached_tensor() * keep)? - ((&*first * rate)? / denominator)?)?;
                self.var.set(&moved)?;
            }
        }
        Ok(())
    }
}

/// The pass over one parameter.
struct Update<'a> {
    factors: Factors,
    means: Mutex<(&'a mut Vec<f32>, &'a mut Vec<f32>)>,
}

impl InplaceOp2 for Update<'_> {
    fn name(&self) -> &'static str {
        "adamw"
    }

    fn cpu_fwd(
        &self,
        parameter: &mut CpuStorage,
        layout: &Layout,
        gradient: &CpuStorage,
        gradient_layout: &Layout,
    ) -> candle_core::Result<()> {
        let gradient = crate::host::slice(gradient, gradient_layout)?;
        let (CpuStorage::F32(values), Some((from, to))) = (parameter, layout.contiguous_offsets())
        else {
            candle_core::bail!("adamw: parameters on the CPU are contiguous f32");
        };
        let mut means = self.means.lock().unwrap_or_else(PoisonError::into_inner);
        let (first, second) = &mut *means;
        update(&self.factors, &mut values[from..to], gradient, first, second);
        Ok(())
    }
}

/// The norm of all gradients of these parameters taken together.
///
/// # Errors
///
/// [`Error::NonFiniteGradient`] names the first parameter whose gradient holds
/// NaN or infinity; those of the device.
pub fn gradient_norm(grads: &GradStore, parameters: &[(String, Var)]) -> Result<f64> {
    let mut total = 0.0;
    for (name, var) in parameters {
        let Some(gradient) = grads.get(var) else { continue };
        let squares = if is_fast(gradient) {
            read(gradient, |g| g.iter().map(|v| f64::from(*v) * f64::from(*v)).sum::<f64>())?
        } else {
            gradient.to_dtype(DType::F64)?.sqr()?.sum_all()?.to_scalar::<f64>()?
        };
        if !squares.is_finite() {
            return Err(Error::NonFiniteGradient { parameter: name.clone() });
        }
        total += squares;
    }
    Ok(total.sqrt())
}

/// Scales all gradients of these parameters down to a common norm of at most
/// `max_norm`; returns the norm before.
///
/// # Errors
///
/// Those of [`gradient_norm`]; a `max_norm` that is not positive.
pub fn clip_gradients(
    grads: &mut GradStore,
    parameters: &[(String, Var)],
    max_norm: f64,
) -> Result<f64> {
    if max_norm.is_nan() || max_norm <= 0.0 {
        return Err(Error::Config {
            field: "max_norm",
            value: max_norm.to_string(),
            expected: "positive",
        });
    }
    let norm = gradient_norm(grads, parameters)?;
    if norm > max_norm {
        for (_, var) in parameters {
            if let Some(gradient) = grads.get(var) {
                let scaled = gradient.affine(max_norm / norm, 0.0)?;
                grads.insert(var, scaled);
            }
        }
    }
    Ok(norm)
}
