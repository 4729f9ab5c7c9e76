//! Logits and targets that any language can make again, and what other libraries computed of
//! them: 2 samples, 4 classes, 16 x 16 pixels.

use candle_core::{DType, Device, Tensor, Var};
use mapvec_losses::{Error, Result};
use mapvec_nn::{GradcheckConfig, gradcheck};
use mapvec_testkit::{integers, normal, uniform};

pub(crate) use crate::support::{scalar, values as numbers};

pub(crate) const SHAPE: (usize, usize, usize, usize) = (2, 4, 16, 16);
pub(crate) const PIXELS: usize = 512;

pub(crate) fn logits(dtype: DType) -> Var {
    let values: Vec<f64> = normal(4 * PIXELS, 50_100).iter().map(|value| 2.0 * value).collect();
    var(&values, SHAPE, dtype)
}

pub(crate) fn var(values: &[f64], shape: impl Into<candle_core::Shape>, dtype: DType) -> Var {
    let tensor = Tensor::from_slice(values, shape.into(), &Device::Cpu).unwrap();
    Var::from_tensor(&tensor.to_dtype(dtype).unwrap()).unwrap()
}

pub(crate) fn target() -> Vec<u8> {
    ids(PIXELS, 50_101, 4)
}

/// Three of ten pixels are labelled, the others 255.
pub(crate) fn partial() -> Vec<u8> {
    let labelled = uniform(PIXELS, 50_102, 0.0, 1.0);
    target().iter().zip(labelled).map(|(&id, u)| if u < 0.3 { id } else { 255 }).collect()
}

/// Ids below `classes`.
pub(crate) fn ids(n: usize, seed: u64, classes: u8) -> Vec<u8> {
    let ids = integers(n, seed, 0, i64::from(classes));
    ids.iter().map(|&id| u8::try_from(id).unwrap()).collect()
}

/// The same, about one in `classes + 1` of them unknown.
pub(crate) fn some_ids(n: usize, seed: u64, classes: u8) -> Vec<u8> {
    ids(n, seed, classes + 1).iter().map(|&id| if id == classes { 255 } else { id }).collect()
}

pub(crate) const CLASS_WEIGHTS: [f64; 4] = [0.5, 1.0, 2.0, 4.0];

/// What a loss and its gradient must be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Golden {
    pub(crate) value: f64,
    /// Euclidean length of the gradient.
    pub(crate) length: f64,
    /// The gradient along `normal(.., 50199)`.
    pub(crate) probe: Option<f64>,
    /// The gradient of the first logit.
    pub(crate) first: Option<f64>,
}

impl Golden {
    pub(crate) const fn probed(value: f64, length: f64, probe: f64) -> Self {
        Self { value, length, probe: Some(probe), first: None }
    }

    pub(crate) const fn first(value: f64, length: f64, first: f64) -> Self {
        Self { value, length, probe: None, first: Some(first) }
    }
}

/// Value and gradient.
pub(crate) fn descend(
    logits: &Var,
    loss: impl Fn(&Tensor) -> Result<Tensor, Error>,
) -> (f64, Vec<f64>) {
    let loss = loss(logits).unwrap();
    let grads = loss.backward().unwrap();
    let gradient = grads.get(logits).map_or_else(|| vec![0.0; logits.elem_count()], numbers);
    (scalar(&loss), gradient)
}

/// In double precision the loss of the logits is the golden one to 1e-9 and its gradient is
/// that of finite differences; in single precision they are as near as that allows.
pub(crate) fn assert_golden(
    name: &str,
    golden: &Golden,
    loss: impl Fn(&Tensor) -> Result<Tensor, Error>,
) {
    for (dtype, tolerance) in [(DType::F64, 1e-9), (DType::F32, 1e-5)] {
        let (value, gradient) = descend(&logits(dtype), &loss);
        let near = |found: f64, expected: f64, what: &str| {
            let error = (found - expected).abs() / expected.abs().max(1e-3);
            assert!(error < tolerance, "{name}, {dtype:?}, {what}: {found} for {expected}");
        };
        near(value, golden.value, "value");
        near(gradient.iter().map(|g| g * g).sum::<f64>().sqrt(), golden.length, "length");
        if let Some(first) = golden.first {
            near(gradient[0], first, "first");
        }
        if let Some(probe) = golden.probe {
            let along = normal(4 * PIXELS, 50_199);
            near(gradient.iter().zip(&along).map(|(g, p)| g * p).sum(), probe, "probe");
        }
    }
    assert_gradient(name, logits(DType::F64).as_tensor(), loss);
}

/// The gradient is that of finite differences.
pub(crate) fn assert_gradient(
    name: &str,
    x: &Tensor,
    loss: impl Fn(&Tensor) -> Result<Tensor, Error>,
) {
    // Long steps cross the kinks of some losses, short ones drown in rounding.
    let worst = [1e-4, 1e-5, 1e-6].map(|step| {
        let config = GradcheckConfig { max_entries: 24, step, ..GradcheckConfig::default() };
        gradcheck(std::slice::from_ref(x), |x| Ok(loss(&x[0]).unwrap()), &config).unwrap()
    });
    assert!(worst.iter().any(|&worst| worst < 1e-5), "{name}: {worst:?}");
}

/// Logits of +-200 give a finite value and a finite gradient, a NaN shows, in both precisions.
pub(crate) fn assert_calm(name: &str, loss: impl Fn(&Tensor) -> Result<Tensor, Error>) {
    for dtype in [DType::F64, DType::F32] {
        for pattern in 0..3_usize {
            let extreme = |i: usize| match pattern {
                0 => 200.0 - 400.0 * ((i * 7 % 11) / 5 % 2) as f64,
                1 => 200.0 - 400.0 * (i / 256 % 2) as f64,
                _ => 0.0,
            };
            let x = var(&(0..4 * PIXELS).map(extreme).collect::<Vec<_>>(), SHAPE, dtype);
            let (value, gradient) = descend(&x, &loss);
            assert!(value.is_finite(), "{name}, {dtype:?}, {pattern}: {value}");
            assert!(gradient.iter().all(|g| g.is_finite()), "{name}, {dtype:?}, {pattern}");
        }
        let mut values = numbers(&logits(dtype));
        values[3] = f64::NAN;
        let (value, _) = descend(&var(&values, SHAPE, dtype), &loss);
        assert!(value.is_nan(), "{name}, {dtype:?}: NaN became {value}");
    }
}

/// No value, and no gradient.
pub(crate) fn assert_nothing(name: &str, loss: impl Fn(&Tensor) -> Result<Tensor, Error>) {
    for dtype in [DType::F64, DType::F32] {
        let (value, gradient) = descend(&logits(dtype), &loss);
        assert!(value.abs() < 1e-300, "{name}, {dtype:?}: {value}");
        assert!(gradient.iter().all(|g| g.abs() < 1e-300), "{name}, {dtype:?}: gradient");
    }
}
