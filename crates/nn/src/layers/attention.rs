//! Attention with several heads.

use candle_core::{Result, Tensor, bail};
use candle_nn::{Init, VarBuilder};
use serde::{Deserialize, Serialize};

use crate::attention::{AttentionConfig, scaled_dot_product_attention};
use crate::linear::linear;

/// Sizes of a [`MultiHeadAttention`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MultiHeadAttentionConfig {
    /// Features of inputs and result; a multiple of `heads`.
    pub features: usize,
    /// Heads, at least 1.
    pub heads: usize,
    /// Whether the projections have biases.
    pub bias: bool,
}

impl Default for MultiHeadAttentionConfig {
    /// The sizes of *Attention Is All You Need*.
    fn default() -> Self {
        Self { features: 512, heads: 8, bias: true }
    }
}

/// Attention over projections of its inputs; parameters `in_proj_weight`, `in_proj_bias`,
/// `out_proj.weight` and `out_proj.bias`, as in `PyTorch`.
#[derive(Clone, Debug)]
pub struct MultiHeadAttention {
    in_weight: Tensor,
    in_bias: Option<Tensor>,
    out_weight: Tensor,
    out_bias: Option<Tensor>,
    config: MultiHeadAttentionConfig,
}

impl MultiHeadAttention {
    /// Weights start Xavier uniform, those of the result Kaiming uniform, biases at zero.
    ///
    /// # Errors
    ///
    /// Heads that do not divide the features; those of the builder.
    #[expect(
        clippy::needless_pass_by_value,
        clippy::cast_precision_loss,
        reason = "builders are passed by value throughout Candle; features are few"
    )]
    pub fn new(config: &MultiHeadAttentionConfig, vb: VarBuilder<'_>) -> Result<Self> {
        let MultiHeadAttentionConfig { features, heads, bias } = *config;
        if features == 0 || heads == 0 || !features.is_multiple_of(heads) {
            bail!("MultiHeadAttention: {heads} heads must divide the {features} features");
        }
        let uniform = |limit: f64| Init::Uniform { lo: -limit, up: limit };
        let xavier = uniform((6.0 / (4 * features) as f64).sqrt());
        let kaiming = uniform((1.0 / features as f64).sqrt());
        let out = vb.pp("out_proj");
        let zeros = |vb: &VarBuilder<'_>, size: usize, name: &str| {
            bias.then(|| vb.get_with_hints(size, name, Init::Const(0.0))).transpose()
        };
        Ok(Self {
            in_weight: vb.get_with_hints((3 * features, features), "in_proj_weight", xavier)?,
            in_bias: zeros(&vb, 3 * features, "in_proj_bias")?,
            out_weight: out.get_with_hints((features, features), "weight", kaiming)?,
            out_bias: zeros(&out, features, "bias")?,
            config: *config,
        })
    }

    /// Attends from `query` to `key` and `value`.
    ///
    /// # Shapes
    ///
    /// `query` and the result: `[B, N, D]`; `key` and `value`: `[B, M, D]`; `mask` as in
    /// [`scaled_dot_product_attention`].
    ///
    /// # Errors
    ///
    /// Shapes that do not fit; those of [`scaled_dot_product_attention`].
    pub fn forward(
        &self,
        query: &Tensor,
        key: &Tensor,
        value: &Tensor,
        mask: Option<&Tensor>,
        config: &AttentionConfig,
    ) -> Result<Tensor> {
        let (b, n, _) = query.dims3()?;
        let features = self.config.features;
        for x in [query, key, value] {
            if x.dims3()?.2 != features {
                bail!("MultiHeadAttention: the input {:?} must be [B, N, {features}]", x.shape());
            }
        }
        let (q, k, v) =
            (self.projected(query, 0)?, self.projected(key, 1)?, self.projected(value, 2)?);
        let y = scaled_dot_product_attention(&q, &k, &v, mask, config)?;
        let y = y.transpose(1, 2)?.contiguous()?.reshape((b, n, features))?;
        linear(&y, &self.out_weight, self.out_bias.as_ref())
    }

    /// The `part`-th projection, split into heads.
    fn projected(&self, x: &Tensor, part: usize) -> Result<Tensor> {
        let MultiHeadAttentionConfig { features, heads, .. } = self.config;
        let (b, n, _) = x.dims3()?;
        let weight = self.in_weight.narrow(0, part * features, features)?;
        let bias = self.in_bias.as_ref().map(|v| v.narrow(0, part * features, features));
        let y = linear(x, &weight, bias.transpose()?.as_ref())?;
        y.reshape((b, n, heads, features / heads))?.transpose(1, 2)
    }
}
