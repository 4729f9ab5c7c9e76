//! Weights and inputs that both sides compute, so that no file of weights is needed.
//!
//! Number `i` of a stream is `u = (splitmix64(seed, i) >> 11) / 2^53`. The stream of a
//! parameter is seeded by FNV-1a of its name; from `u` come, for a
//!
//! - running mean or bias: `-0.05 + 0.1 u`;
//! - running variance or scale of a norm: `0.8 + 0.4 u`;
//! - weight: `b (2 u - 1)` with `b = sqrt(3 / inputs)`.

use std::sync::{Arc, Mutex};

use candle_core::{DType, Device, Result, Shape, Tensor, Var};
use candle_nn::Init;
use candle_nn::var_builder::{SimpleBackend, VarBuilder};

/// Number `i` of the stream of `seed`, from 0 to 1.
fn uniform(seed: u64, i: u64) -> f64 {
    let mut z = seed.wrapping_add((i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Whole numbers from 0 to `below`.
pub(crate) fn integers(count: u64, seed: u64, below: u32) -> Vec<u32> {
    (0..count).map(|i| (uniform(seed, i) * f64::from(below)) as u32).collect()
}

/// Normal values (Box and Muller), `[B, C, H, W]`.
pub(crate) fn normal(shape: (usize, usize, usize, usize), seed: u64) -> Tensor {
    let count = (shape.0 * shape.1 * shape.2 * shape.3) as u64;
    let value = |k| {
        let radius = (-2.0 * (1.0 - uniform(seed, 2 * k)).ln()).sqrt();
        (radius * (std::f64::consts::TAU * uniform(seed, 2 * k + 1)).cos()) as f32
    };
    Tensor::from_vec((0..count).map(value).collect(), shape, &Device::Cpu).unwrap()
}

/// Name and what to do with the values of a parameter of another name.
type Rename = fn(&str) -> (String, bool);

/// Gives every parameter its closed-form values, and remembers all of them.
#[derive(Clone)]
pub(crate) struct ClosedForm {
    rename: Rename,
    made: Arc<Mutex<Vec<(String, Var)>>>,
}

impl ClosedForm {
    /// Parameters that are called as in the reference.
    pub(crate) fn new() -> Self {
        Self::renamed(|name| (name.to_owned(), false))
    }

    /// `rename` gives the name in the reference, and whether the two halves of the input
    /// channels of this weight stand there in the other order.
    pub(crate) fn renamed(rename: Rename) -> Self {
        Self { rename, made: Arc::default() }
    }

    pub(crate) fn var_builder(&self) -> VarBuilder<'static> {
        self.var_builder_on(DType::F32, &Device::Cpu)
    }

    pub(crate) fn var_builder_on(&self, dtype: DType, device: &Device) -> VarBuilder<'static> {
        VarBuilder::from_backend(Box::new(self.clone()), dtype, device.clone())
    }

    /// Everything that is trained.
    pub(crate) fn trainable(&self) -> Vec<(String, Var)> {
        let made = self.made.lock().unwrap();
        made.iter().filter(|(name, _)| !name.contains("running_")).cloned().collect()
    }
}

impl SimpleBackend for ClosedForm {
    fn get(
        &self,
        shape: Shape,
        name: &str,
        _: Init,
        dtype: DType,
        device: &Device,
    ) -> Result<Tensor> {
        let (reference, swapped) = (self.rename)(name);
        let seed = reference.bytes().fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        });
        let inputs: usize = shape.dims().iter().skip(1).product();
        let bound = (3.0 / inputs as f64).sqrt();
        let value = |i| {
            let u = uniform(seed, i);
            let value = if name.ends_with("running_mean") || name.ends_with("bias") {
                -0.05 + 0.1 * u
            } else if name.ends_with("running_var") || shape.rank() == 1 {
                0.8 + 0.4 * u
            } else {
                -bound + 2.0 * bound * u
            };
            value as f32
        };
        let values: Vec<f32> = (0..shape.elem_count() as u64).map(value).collect();
        let mut tensor = Tensor::from_vec(values, &shape, device)?;
        if swapped {
            let half = shape.dims()[1] / 2;
            tensor = Tensor::cat(&[tensor.narrow(1, half, half)?, tensor.narrow(1, 0, half)?], 1)?;
        }
        let var = Var::from_tensor(&tensor.contiguous()?.to_dtype(dtype)?)?;
        self.made.lock().unwrap().push((name.to_owned(), var.clone()));
        Ok(var.as_tensor().clone())
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> Result<Tensor> {
        candle_core::bail!("{name} is asked for without a shape")
    }

    fn contains_tensor(&self, _: &str) -> bool {
        true
    }
}

/// Zeros of the shapes that a model asks for, at the cost of nothing.
#[derive(Clone, Default)]
pub(crate) struct Shapes(Arc<Mutex<Vec<(String, usize)>>>);

impl Shapes {
    pub(crate) fn var_builder(&self) -> VarBuilder<'static> {
        VarBuilder::from_backend(Box::new(self.clone()), DType::F32, Device::Cpu)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().map(|(name, _)| name.clone()).collect()
    }

    /// Numbers that are trained.
    pub(crate) fn parameter_count(&self) -> usize {
        let all = self.0.lock().unwrap();
        all.iter().filter(|(name, _)| !name.contains("running_")).map(|(_, count)| count).sum()
    }
}

impl SimpleBackend for Shapes {
    fn get(&self, shape: Shape, name: &str, _: Init, dtype: DType, d: &Device) -> Result<Tensor> {
        self.0.lock().unwrap().push((name.to_owned(), shape.elem_count()));
        Tensor::zeros(1, dtype, d)?.broadcast_as(shape)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> Result<Tensor> {
        candle_core::bail!("{name} is asked for without a shape")
    }

    fn contains_tensor(&self, _: &str) -> bool {
        true
    }
}
