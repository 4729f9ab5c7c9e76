//! `CrfLayer`: a dense conditional random field as the last layer of a network.
//!
//! The iterations of mean field are written out, so gradients reach the logits that a network
//! gives, the weights of the kernels and the compatibility of the classes, and all are trained
//! together. With the parameters that a new layer has, the result is that of
//! [`DenseCrf`](mapvec_postprocess::crf::DenseCrf) with the same settings.
//!
//! Differences from the paper: kernels may be normalised in every way that `DenseCrf` knows
//! (the paper divides by the sum after filtering), there may be any number of them, and every
//! class has a weight in each. The widths of the kernels are fixed, as there.
//!
//! # References
//! S. Zheng, S. Jayasumana, B. Romera-Paredes, V. Vineet, Z. Su, D. Du, C. Huang, P. Torr:
//! Conditional Random Fields as Recurrent Neural Networks. ICCV 2015.

use candle_core::{DType, Device, Tensor};
use candle_core::{Result as TensorResult, bail};
use candle_nn::{Init, VarBuilder};
use mapvec_nn::softmax;
use mapvec_postprocess::crf::{Compatibility, DenseCrfConfig};
use serde::{Deserialize, Serialize};

use crate::{CrfKernels, Error, Result};

/// Settings of a [`CrfLayer`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CrfLayerConfig {
    /// Number of classes, 1 or more. Default 2.
    pub classes: usize,
    /// Iterations of mean field, 1 to 50. Default 5.
    pub iterations: usize,
    /// Kernels, and the weights that training starts from: one for all classes, or one for
    /// each. A weight of 0 stays 0.
    pub crf: DenseCrfConfig,
}

impl Default for CrfLayerConfig {
    fn default() -> Self {
        Self { classes: 2, iterations: 5, crf: DenseCrfConfig::default() }
    }
}

impl CrfLayerConfig {
    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Config`] names the first field outside its range; [`Error::Postprocess`] as
    /// [`DenseCrfConfig::validate`].
    pub fn validate(&self) -> Result<()> {
        let refuse = |field, value: String, allowed| Err(Error::Config { field, value, allowed });
        if self.classes == 0 {
            return refuse("classes", "0".into(), "1 or more");
        }
        if !(1..=50).contains(&self.iterations) {
            return refuse("iterations", self.iterations.to_string(), "1 to 50");
        }
        if self.crf.terms.is_empty() {
            return refuse("crf.terms", "[]".into(), "1 or more kernels");
        }
        for term in &self.crf.terms {
            match &term.compatibility {
                Compatibility::Potts(_) => {}
                Compatibility::PerClass(weights) if weights.len() == self.classes => {}
                other => {
                    let allowed = "a Potts weight or one weight for each class";
                    return refuse("crf.terms.compatibility", format!("{other:?}"), allowed);
                }
            }
        }
        Ok(self.crf.validate()?)
    }

    /// Weights that training starts from, `[M, K]`.
    fn first_weights(&self, dtype: DType, device: &Device) -> TensorResult<Tensor> {
        let rows = self.crf.terms.iter().map(|term| match &term.compatibility {
            Compatibility::PerClass(weights) => weights.clone(),
            Compatibility::Potts(weight) => vec![*weight; self.classes],
            // Refused by `validate`.
            Compatibility::Matrix(_) => vec![0.0; self.classes],
        });
        let values: Vec<f32> = rows.flatten().collect();
        Tensor::from_vec(values, (self.crf.terms.len(), self.classes), device)?.to_dtype(dtype)
    }
}

/// Mean field as a layer.
///
/// Trained are `weights` `[M, K]`, factors of the settings' weights of each class in each of
/// the M kernels, which start at 1; and `compatibility` `[K, K]`, what is added to the energy
/// of class a (row) at one pixel and b (column) at another, which starts at 0, beside -1 for
/// equal classes. So rates of about 0.01 to 0.1 suit them, and no weight decay.
#[derive(Debug)]
pub struct CrfLayer {
    factors: Tensor,
    changes: Tensor,
    first_weights: Tensor,
    reward: Tensor,
    config: CrfLayerConfig,
}

impl CrfLayer {
    /// Makes the layer with the parameters of `vb`: `weights` and `compatibility`.
    ///
    /// # Errors
    /// A field of `config` is outside its range, or `vb` lacks a parameter or has one of
    /// another shape.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a VarBuilder is passed by value everywhere in Candle"
    )]
    pub fn new(config: &CrfLayerConfig, vb: VarBuilder<'_>) -> Result<Self> {
        config.validate()?;
        let (terms, classes) = (config.crf.terms.len(), config.classes);
        let factors = vb.get_with_hints((terms, classes), "weights", Init::Const(1.0))?;
        let changes = vb.get_with_hints((classes, classes), "compatibility", Init::Const(0.0))?;
        let first_weights = config.first_weights(vb.dtype(), vb.device())?;
        let reward = Tensor::eye(classes, vb.dtype(), vb.device())?.neg()?;
        Ok(Self { factors, changes, first_weights, reward, config: config.clone() })
    }

    /// Logits after the last iteration; their softmax is the mean field.
    ///
    /// Kernels are made by [`CrfKernels::new`] with the same `crf` settings, once for each
    /// picture. They work on the CPU: on other devices, values travel there and back.
    ///
    /// # Shapes
    /// `logits` `[B, K, H, W]` -> the same; `kernels`: one for each of the `B` pictures.
    ///
    /// # Errors
    /// The logits have another rank or number of classes, or the kernels are for other sizes
    /// or settings.
    pub fn forward(&self, logits: &Tensor, kernels: &[CrfKernels]) -> TensorResult<Tensor> {
        let (b, k, h, w) = logits.dims4()?;
        let terms = self.config.crf.terms.len();
        if k != self.config.classes {
            bail!("CrfLayer: {k} classes; the settings have {}", self.config.classes);
        }
        if kernels.len() != b {
            bail!("CrfLayer: {} pictures have kernels; there are {b}", kernels.len());
        }
        if let Some(other) = kernels.iter().find(|k| k.size() != (h, w) || k.terms() != terms) {
            let ((rows, columns), found) = (other.size(), other.terms());
            bail!(
                "CrfLayer: {found} kernels of {rows} x {columns}; needed are {terms} of {h} x {w}"
            );
        }
        let (weights, compatibility) = (self.weights()?, self.compatibility()?.unsqueeze(0)?);
        let mut now = logits.clone();
        for _ in 0..self.config.iterations {
            let q = softmax(&now, 1)?;
            let here = q.to_device(&Device::Cpu)?;
            let mut sum = q.zeros_like()?;
            for term in 0..terms {
                let filtered = CrfKernels::filter(kernels, term, &here)?.to_device(q.device())?;
                let weights = weights.get(term)?.reshape((1, k, 1, 1))?;
                sum = (sum + filtered.broadcast_mul(&weights)?)?;
            }
            let energy = compatibility.broadcast_matmul(&sum.reshape((b, k, h * w))?)?;
            now = (logits - energy.reshape((b, k, h, w))?)?;
        }
        Ok(now)
    }

    /// Weights `[M, K]` of the classes in the kernels.
    ///
    /// # Errors
    /// The parameters were replaced by some of another type.
    pub fn weights(&self) -> TensorResult<Tensor> {
        &self.factors * &self.first_weights
    }

    /// The energy of class a (row) beside class b (column), `[K, K]`.
    ///
    /// # Errors
    /// The parameters were replaced by some of another type.
    pub fn compatibility(&self) -> TensorResult<Tensor> {
        &self.changes + &self.reward
    }

    /// The settings it was made with.
    #[must_use]
    pub fn config(&self) -> &CrfLayerConfig {
        &self.config
    }
}
