//! Batch normalisation with running statistics.

use std::cell::Cell;

use candle_core::{Result, Tensor, Var, bail};
use candle_nn::{Init, VarBuilder};
use serde::{Deserialize, Serialize};

use crate::batch_norm::{BatchStatistics, Statistics, batch_norm2d};
use crate::host::{constant, doubles};

/// Settings of a batch norm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BatchNormConfig {
    /// Added to the variance; positive.
    pub eps: f64,
    /// Weight of a new batch in the running statistics, 0 to 1.
    pub momentum: f64,
}

impl Default for BatchNormConfig {
    /// The values of `PyTorch`.
    fn default() -> Self {
        Self { eps: 1e-5, momentum: 0.1 }
    }
}

thread_local! {
    static MOMENTUM: Cell<Option<f64>> = const { Cell::new(None) };
}

/// Runs `f`; meanwhile every [`BatchNorm2d`] that trains on this thread weighs
/// new batches by `momentum` instead of its own: 0 keeps the running statistics
/// as they are, 1 replaces them.
pub fn with_momentum<R>(momentum: f64, f: impl FnOnce() -> R) -> R {
    struct Restore(Option<f64>);
    impl Drop for Restore {
        fn drop(&mut self) {
            MOMENTUM.set(self.0);
        }
    }
    let _restore = Restore(MOMENTUM.replace(Some(momentum)));
    f()
}

/// Sets the running statistics of all batch norms of a model to the plain
/// average over `batches` batches: `forward(i)` runs the model on batch `i` with
/// `train = true`.
///
/// Worth doing after training with small batches or an average of weights.
///
/// # Errors
///
/// The first error of `forward`.
pub fn reestimate_statistics<E>(
    batches: usize,
    mut forward: impl FnMut(usize) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    for i in 0..batches {
        #[expect(clippy::cast_precision_loss, reason = "a count of batches")]
        let momentum = 1.0 / (i as f64 + 1.0);
        with_momentum(momentum, || forward(i))?;
    }
    Ok(())
}

/// Batch normalisation; parameters `weight` and `bias`, buffers `running_mean`
/// and `running_var`.
///
/// In training the statistics of the batch are used and the running ones move
/// towards them (the variance unbiased); in evaluation the running ones are used.
#[derive(Clone, Debug)]
pub struct BatchNorm2d {
    weight: Tensor,
    bias: Tensor,
    running_mean: Var,
    running_var: Var,
    config: BatchNormConfig,
}

impl BatchNorm2d {
    /// A norm that starts as the identity.
    ///
    /// # Errors
    ///
    /// Settings out of range; those of the builder.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "builders are passed by value throughout Candle"
    )]
    pub fn new(channels: usize, config: &BatchNormConfig, vb: VarBuilder<'_>) -> Result<Self> {
        if config.eps.is_nan() || config.eps <= 0.0 || !(0.0..=1.0).contains(&config.momentum) {
            bail!(
                "BatchNorm2d: eps {} must be positive, momentum {} from 0 to 1",
                config.eps,
                config.momentum
            );
        }
        let get = |name: &str, value: f64| vb.get_with_hints(channels, name, Init::Const(value));
        Ok(Self {
            weight: get("weight", 1.0)?,
            bias: get("bias", 0.0)?,
            // A variable of a store is shared, another tensor copied.
            running_mean: Var::from_tensor(&get("running_mean", 0.0)?)?,
            running_var: Var::from_tensor(&get("running_var", 1.0)?)?,
            config: *config,
        })
    }

    /// Normalises `x`, `[B, C, H, W]`.
    ///
    /// # Errors
    ///
    /// Those of [`batch_norm2d`].
    pub fn forward(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        self.run(x, train, false)
    }

    /// Normalises `x` and applies the `ReLU`, in one pass.
    ///
    /// # Errors
    ///
    /// Those of [`batch_norm2d`].
    pub fn forward_relu(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        self.run(x, train, true)
    }

    fn run(&self, x: &Tensor, train: bool, relu: bool) -> Result<Tensor> {
        let (gamma, beta, statistics, eps) = self.arguments(train);
        let (y, batch) = batch_norm2d(x, (gamma, beta), &statistics, eps, relu)?;
        self.update(batch.as_ref())?;
        Ok(y)
    }

    /// Gamma, beta, statistics and eps of a pass.
    pub(super) fn arguments(&self, train: bool) -> (&Tensor, &Tensor, Statistics<'_>, f64) {
        let (mean, variance) = (self.running_mean.as_tensor(), self.running_var.as_tensor());
        let statistics =
            if train { Statistics::Batch } else { Statistics::Given { mean, variance } };
        (&self.weight, &self.bias, statistics, self.config.eps)
    }

    /// Moves the running statistics towards those of a batch, if there are any.
    pub(super) fn update(&self, batch: Option<&BatchStatistics>) -> Result<()> {
        let Some(batch) = batch else { return Ok(()) };
        let momentum = MOMENTUM.get().unwrap_or(self.config.momentum);
        if momentum <= 0.0 {
            return Ok(());
        }
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let unbiased = batch.count as f64 / (batch.count.max(2) - 1) as f64;
        blend(&self.running_mean, &batch.mean, momentum, 1.0)?;
        blend(&self.running_var, &batch.variance, momentum, unbiased)
    }

    /// The running mean, `[C]`; shared with the store.
    #[must_use]
    pub fn running_mean(&self) -> &Var {
        &self.running_mean
    }

    /// The running variance, `[C]`; shared with the store.
    #[must_use]
    pub fn running_var(&self) -> &Var {
        &self.running_var
    }

    /// Sets the running statistics back to mean 0 and variance 1.
    ///
    /// # Errors
    ///
    /// Those of the device.
    pub fn reset_running_statistics(&self) -> Result<()> {
        self.running_mean.set(&self.running_mean.zeros_like()?)?;
        self.running_var.set(&self.running_var.ones_like()?)
    }

    /// Sets the running statistics.
    ///
    /// # Errors
    ///
    /// Tensors of another shape or type than the statistics.
    pub fn set_running_statistics(&self, mean: &Tensor, variance: &Tensor) -> Result<()> {
        if mean.shape() != self.running_mean.shape() || variance.shape() != self.running_var.shape()
        {
            bail!("set_running_statistics: both must be {:?}", self.running_mean.shape());
        }
        self.running_mean.set(mean)?;
        self.running_var.set(variance)
    }
}

/// `running = (1 - momentum) * running + momentum * factor * batch`, in `f64`.
fn blend(running: &Var, batch: &[f64], momentum: f64, factor: f64) -> Result<()> {
    let old = doubles(running)?;
    let new = old
        .iter()
        .zip(batch)
        .map(|(o, b)| (1.0 - momentum) * o + momentum * factor * b)
        .collect::<Vec<_>>();
    let count = new.len();
    running.set(&constant(new, count, running)?)
}
