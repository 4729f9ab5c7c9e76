//! How the parameters of a stage get their gradients.
//!
//! A recorded operation takes three tensors, a stage has three parameters per
//! layer. So each layer is a small operation of its own from its parameters to a
//! token of one value; the tokens of a stage, joined, are its last argument. In
//! the backward pass the stage comes first: it leaves the gradients here, and
//! every token's operation hands them to its parameters.

use std::sync::{Arc, Mutex};

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};

use super::StageLayer;
use crate::host::tensor;

/// Gradients of the parameters of a layer.
#[derive(Debug)]
pub(super) struct ParameterGradients {
    /// Of the convolution, if it is wanted.
    pub(super) weight: Option<Vec<f32>>,
    /// Of the norm's scale.
    pub(super) gamma: Vec<f32>,
    /// Of the norm's shift.
    pub(super) beta: Vec<f32>,
}

/// Where a stage leaves the gradients of a layer.
#[derive(Clone, Debug, Default)]
pub(super) struct Link(Arc<Mutex<Option<ParameterGradients>>>);

impl Link {
    /// Leaves gradients.
    pub(super) fn put(&self, gradients: ParameterGradients) -> Result<()> {
        match self.0.lock() {
            Ok(mut slot) => {
                *slot = Some(gradients);
                Ok(())
            }
            Err(_) => bail!("conv_stage: another thread failed in this backward pass"),
        }
    }

    fn take(&self) -> Result<ParameterGradients> {
        match self.0.lock().ok().and_then(|mut slot| slot.take()) {
            Some(gradients) => Ok(gradients),
            None => bail!("conv_stage: a layer's gradients were asked for before its stage's"),
        }
    }
}

/// The joined tokens of the layers, `[layers]`.
pub(super) fn token(links: &[Link], layers: &[StageLayer<'_>]) -> Result<Tensor> {
    let tokens = links.iter().zip(layers).map(|(link, layer)| {
        layer.weight.apply_op3(layer.gamma, layer.beta, LayerOp(link.clone()))
    });
    Tensor::cat(&tokens.collect::<Result<Vec<_>>>()?, 0)
}

/// The gradient of the token: zeros, which only make the backward pass go on.
pub(super) fn gradient(token: &Tensor) -> Result<Option<Tensor>> {
    token.track_op().then(|| token.zeros_like()).transpose()
}

/// The operation of a layer's token.
struct LayerOp(Link);

impl CustomOp3 for LayerOp {
    fn name(&self) -> &'static str {
        "conv-stage-layer"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(vec![0.0]), Shape::from(1)))
    }

    fn bwd(
        &self,
        weight: &Tensor,
        gamma: &Tensor,
        beta: &Tensor,
        _: &Tensor,
        _: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let from = self.0.take()?;
        let wanted = |t: &Tensor, values| t.track_op().then(|| tensor(values, t)).transpose();
        let dw = match from.weight {
            Some(values) => wanted(weight, values)?,
            None => None,
        };
        Ok((dw, wanted(gamma, from.gamma)?, wanted(beta, from.beta)?))
    }
}
