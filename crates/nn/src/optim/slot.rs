//! One parameter with what its optimiser keeps between steps.

use std::sync::{Mutex, PoisonError};

use candle_core::{CpuStorage, DType, Device, InplaceOp2, Layout, Tensor, Var, bail};

use super::config::{GroupConfig, OptimizerConfig};
use super::step::{Step, StepSettings};
use crate::host::{is_fast, slice};

/// A parameter and its moments.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) name: String,
    /// The parameter of the model.
    pub(super) var: Var,
    /// What the steps move: the parameter, or its copy in `f32` if it has half precision.
    master: Var,
    moments: Moments,
    /// Steps with a gradient.
    steps: u64,
    pub(super) group: GroupConfig,
}

#[derive(Debug)]
enum Moments {
    /// On the CPU in `f32`, updated in one pass.
    Host(Vec<Vec<f32>>),
    /// Anywhere else.
    Device(Vec<Tensor>),
}

/// What a slot read from saved state, not yet in use.
pub(super) struct LoadedSlot {
    steps: u64,
    moments: Moments,
    master: Option<Tensor>,
}

impl Slot {
    pub(super) fn new(name: String, var: Var, moments: usize) -> candle_core::Result<Self> {
        let master = match var.dtype() {
            DType::F32 | DType::F64 => var.clone(),
            DType::BF16 | DType::F16 => {
                Var::from_tensor(&var.as_detached_tensor().to_dtype(DType::F32)?)?
            }
            other => bail!("Optimizer: parameter {name} is {other:?}; it must be a float"),
        };
        if !var.is_contiguous() {
            bail!("Optimizer: parameter {name} is not contiguous");
        }
        let moments = if is_fast(&master) {
            Moments::Host(vec![vec![0.0; var.elem_count()]; moments])
        } else {
            let zeros = |_| Ok(master.zeros_like()?.detach());
            Moments::Device((0..moments).map(zeros).collect::<candle_core::Result<_>>()?)
        };
        Ok(Self { name, var, master, moments, steps: 0, group: GroupConfig::default() })
    }

    /// Moves the parameter along `scale` times a gradient of its shape.
    pub(super) fn step(
        &mut self,
        config: &OptimizerConfig,
        gradient: &Tensor,
        scale: f64,
    ) -> candle_core::Result<()> {
        if self.is_half() {
            self.take_over()?;
        }
        let gradient = gradient.detach().to_dtype(self.master.dtype())?.contiguous()?;
        let (decay, vectors) = config.decay();
        let decay = if vectors || self.var.dims().len() > 1 { decay } else { 0.0 };
        self.steps += 1;
        let settings = StepSettings {
            rate: config.learning_rate() * self.group.rate_factor,
            scale,
            decay: self.group.weight_decay.unwrap_or(decay),
            steps: self.steps,
        };
        match &mut self.moments {
            Moments::Host(moments) => {
                let op = Pass { step: config.step(settings), moments: Mutex::new(moments) };
                self.master.inplace_op2(&gradient, &op)?;
            }
            Moments::Device(moments) => {
                let parameter = self.master.as_detached_tensor();
                let moved = config.step(settings).tensors(&parameter, &gradient, moments)?;
                self.master.set(&moved)?;
            }
        }
        if self.is_half() {
            self.var.set(&self.master.as_detached_tensor().to_dtype(self.var.dtype())?)?;
        }
        Ok(())
    }

    fn is_half(&self) -> bool {
        self.master.dtype() != self.var.dtype()
    }

    /// Follows values that were set from outside, by loading for example: where the parameter is
    /// no longer the rounded master, it becomes the master.
    fn take_over(&self) -> candle_core::Result<()> {
        let (var, master) = (self.var.as_detached_tensor(), self.master.as_detached_tensor());
        let seen = var.to_dtype(DType::F32)?;
        let written = master.to_dtype(var.dtype())?.to_dtype(DType::F32)?;
        self.master.set(&written.eq(&seen)?.where_cond(&master, &seen)?)
    }

    /// Name, shape and type of every tensor of the state, in the order of [`Slot::state`].
    pub(super) fn layout(&self, kinds: &[&str]) -> Vec<(String, Vec<usize>, DType)> {
        let dims = self.var.dims().to_vec();
        let dtype = self.master.dtype();
        let mut all = vec![(format!("{}.step", self.name), vec![1], DType::I64)];
        all.extend(kinds.iter().map(|k| (format!("{}.{k}", self.name), dims.clone(), dtype)));
        if self.is_half() {
            all.push((format!("{}.master", self.name), dims, dtype));
        }
        all
    }

    /// Steps, moments and, with half precision, the copy in `f32`.
    pub(super) fn state(&self) -> candle_core::Result<Vec<Tensor>> {
        let mut all = vec![Tensor::from_vec(vec![self.steps.cast_signed()], 1, &Device::Cpu)?];
        match &self.moments {
            Moments::Host(moments) => {
                for values in moments {
                    all.push(Tensor::from_slice(values, self.var.shape(), &Device::Cpu)?);
                }
            }
            Moments::Device(moments) => all.extend(moments.iter().cloned()),
        }
        if self.is_half() {
            all.push(self.master.as_detached_tensor());
        }
        Ok(all)
    }

    /// Reads tensors that fit [`Slot::layout`]; changes nothing.
    pub(super) fn read(&self, tensors: &[Tensor]) -> candle_core::Result<LoadedSlot> {
        let (steps, moments, master) = match tensors {
            [steps, moments @ .., master] if self.is_half() => (steps, moments, Some(master)),
            [steps, moments @ ..] => (steps, moments, None),
            [] => bail!("Optimizer: the state of {} is empty", self.name),
        };
        let moments = match self.moments {
            Moments::Host(_) => Moments::Host(
                moments.iter().map(|t| t.flatten_all()?.to_vec1()).collect::<Result<_, _>>()?,
            ),
            Moments::Device(_) => {
                let moved = moments.iter().map(|t| t.to_device(self.var.device()));
                Moments::Device(moved.collect::<Result<_, _>>()?)
            }
        };
        let master = master.map(|t| t.to_device(self.var.device())).transpose()?;
        Ok(LoadedSlot { steps: read_steps(steps)?, moments, master })
    }

    /// Uses what was read.
    pub(super) fn accept(&mut self, loaded: LoadedSlot) -> candle_core::Result<()> {
        if let Some(master) = &loaded.master {
            self.master.set(master)?;
        }
        self.steps = loaded.steps;
        self.moments = loaded.moments;
        Ok(())
    }
}

/// A count of steps from saved state.
pub(crate) fn read_steps(tensor: &Tensor) -> candle_core::Result<u64> {
    let steps = tensor.to_vec1::<i64>()?[0];
    match u64::try_from(steps) {
        Ok(steps) => Ok(steps),
        Err(_) => bail!("the saved state has {steps} steps; it must have 0 or more"),
    }
}

/// The pass over one parameter on the CPU.
struct Pass<'a> {
    step: Step,
    moments: Mutex<&'a mut Vec<Vec<f32>>>,
}

impl InplaceOp2 for Pass<'_> {
    fn name(&self) -> &'static str {
        "optimizer"
    }

    fn cpu_fwd(
        &self,
        parameter: &mut CpuStorage,
        layout: &Layout,
        gradient: &CpuStorage,
        gradient_layout: &Layout,
    ) -> candle_core::Result<()> {
        let gradient = slice(gradient, gradient_layout)?;
        let (CpuStorage::F32(values), Some((from, to))) = (parameter, layout.contiguous_offsets())
        else {
            bail!("optimizer: parameters on the CPU are contiguous f32");
        };
        let mut moments = self.moments.lock().unwrap_or_else(PoisonError::into_inner);
        self.step.slices(&mut values[from..to], gradient, &mut moments)
    }
}
