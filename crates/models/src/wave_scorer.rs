//! `WaveScorer`: how well proposals of waves meet the line patterns of a picture.
//!
//! A frozen [`UNet`] that was trained to find lines looks at the picture once. The features of
//! all levels of its encoder, cut into patches, are keys and values. The cosine map of every
//! proposal is cut into patches of the same size, which are the queries: layers of
//! cross-attention tell each patch of a wave what the picture has there and elsewhere. Their
//! mean over the map, with further numbers of the proposal if there are any, goes through
//! layers of attention among the proposals of the picture (a wave is often the multiple of a
//! stronger one, or what is left beside it) and becomes a quality from 0 to 1.
//!
//! The scheme - frozen line detector, features of several levels, cross-attention from patches
//! of frequency maps with positional encodings, one quality per proposal, mean absolute error -
//! is that of a system that was described in words only. Our choices: sizes, norms before the
//! layers, fixed sine and cosine encodings of the patch's column and row, the product of a patch
//! with what it has seen beside their sum (a sum alone tells poorly whether both agree), and the
//! attention among proposals and the further numbers, which can be switched off.
//!
//! # References
//! A. Vaswani et al.: Attention Is All You Need. `NeurIPS` 2017 (layers, encodings).
//! R. Xiong et al.: On Layer Normalization in the Transformer Architecture. ICML 2020 (norms).

use std::f64::consts::TAU;

use candle_core::{Device, Result as TensorResult, Tensor, bail};
use candle_nn::VarBuilder;
use mapvec_nn::{
    AttentionConfig, LayerNorm, Linear, MultiHeadAttention, MultiHeadAttentionConfig,
    pixel_unshuffle, relu, sigmoid,
};
use serde::{Deserialize, Serialize};

use crate::unet::UNet;
use crate::{Error, Result};

/// Shape of a [`WaveScorer`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WaveScorerConfig {
    /// Side of a patch, px, 1 to 64: a multiple of the backbone's
    /// [`size_multiple`](crate::UNetConfig::size_multiple).
    pub patch: usize,
    /// Features of a patch and of a proposal, a multiple of 4 and of `heads`, 4 to 4096.
    pub features: usize,
    /// Heads of every attention, 1 to 256.
    pub heads: usize,
    /// Features between the two products of a layer, 1 to 16384.
    pub hidden: usize,
    /// Layers of attention from maps to the picture, 1 to 16.
    pub layers: usize,
    /// Layers of attention among the proposals of a picture, 0 to 16.
    pub context_layers: usize,
    /// Further numbers of each proposal, 0 to 4096.
    pub numbers: usize,
}

impl Default for WaveScorerConfig {
    /// For pictures of 32 px; `docs/results.md` measures it with three further numbers.
    fn default() -> Self {
        Self {
            patch: 8,
            features: 32,
            heads: 4,
            hidden: 64,
            layers: 2,
            context_layers: 1,
            numbers: 0,
        }
    }
}

impl WaveScorerConfig {
    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Config`] names the first field outside its range.
    pub fn validate(&self) -> Result<()> {
        let check = |field, value: usize, ok: bool, allowed| {
            if ok {
                Ok(())
            } else {
                Err(Error::Config { field, value: value.to_string(), allowed })
            }
        };
        check("patch", self.patch, (1..=64).contains(&self.patch), "1 to 64")?;
        check("heads", self.heads, (1..=256).contains(&self.heads), "1 to 256")?;
        let fits = (1..=4096).contains(&self.features)
            && self.features.is_multiple_of(4)
            && self.features.is_multiple_of(self.heads);
        check("features", self.features, fits, "a multiple of 4 and of heads, 4 to 4096")?;
        check("hidden", self.hidden, (1..=16_384).contains(&self.hidden), "1 to 16384")?;
        check("numbers", self.numbers, self.numbers <= 4096, "0 to 4096")?;
        check("layers", self.layers, (1..=16).contains(&self.layers), "1 to 16")?;
        check("context_layers", self.context_layers, self.context_layers <= 16, "0 to 16")
    }
}

/// Proposals of waves of some pictures.
///
/// # Shapes
/// Those that only fill up have the mask 0 and any finite values.
#[derive(Debug, Clone, Copy)]
pub struct WaveProposals<'a> {
    /// `(u, v, phase)` of `cos(2 pi (u x / W + v y / H) + phase)`, where `(x, y)` is the place in
    /// px and pixel centres are at halves: `[B, K, 3]`.
    pub waves: &'a Tensor,
    /// 1 for proposals, 0 for what only fills up: `[B, K]`, `u8`.
    pub mask: &'a Tensor,
    /// Further numbers, about from -1 to 1: `[B, K, N]`, where `N` is
    /// [`numbers`](WaveScorerConfig::numbers); none if that is 0.
    pub numbers: Option<&'a Tensor>,
}

/// How well proposals of waves meet the line patterns of a picture.
#[derive(Debug)]
pub struct WaveScorer {
    backbone: UNet,
    levels: Vec<Linear>,
    maps: Linear,
    layers: Vec<Layer>,
    numbers: Option<Linear>,
    context: Vec<Layer>,
    norm: LayerNorm,
    head: Linear,
    config: WaveScorerConfig,
}

impl WaveScorer {
    /// Makes the network around a backbone, with the parameters of `vb`: `levels.{level}`,
    /// `maps`, `layers.{layer}`, `numbers`, `context.{layer}`, `norm` and `head`.
    ///
    /// The backbone stays as it is: no gradient reaches its parameters, and its batch norms use
    /// the statistics they have. It may come from the same store or another one, and best from a
    /// frozen builder.
    ///
    /// # Errors
    /// A field of `config` is outside its range, or `vb` lacks a parameter or has one of another
    /// shape.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a VarBuilder is passed by value everywhere in Candle"
    )]
    pub fn new(config: &WaveScorerConfig, backbone: UNet, vb: VarBuilder<'_>) -> Result<Self> {
        config.validate()?;
        let &WaveScorerConfig { patch, features, .. } = config;
        if !patch.is_multiple_of(backbone.config().size_multiple()) {
            return Err(Error::Config {
                field: "patch",
                value: patch.to_string(),
                allowed: "a multiple of the size multiple of the backbone",
            });
        }
        let linear = |inputs, name: &str| Linear::new(inputs, features, true, vb.pp(name));
        let levels = backbone.config().widths.iter().enumerate().map(|(level, channels)| {
            let side = patch >> level;
            linear(channels * side * side, &format!("levels.{level}"))
        });
        let stack = |name: &str, count: usize, across: bool| -> TensorResult<Vec<Layer>> {
            (0..count).map(|i| Layer::new(config, across, &vb.pp(name).pp(i))).collect()
        };
        Ok(Self {
            levels: levels.collect::<TensorResult<_>>()?,
            maps: linear(patch * patch, "maps")?,
            layers: stack("layers", config.layers, true)?,
            numbers: (config.numbers > 0).then(|| linear(config.numbers, "numbers")).transpose()?,
            context: stack("context", config.context_layers, false)?,
            norm: LayerNorm::new(features, 1e-5, vb.pp("norm"))?,
            head: Linear::new(features, 1, true, vb.pp("head"))?,
            backbone,
            config: config.clone(),
        })
    }

    /// The quality of every proposal, 0 to 1; 0 for what only fills up.
    ///
    /// The backbone sees a picture once, whatever the number of its proposals.
    ///
    /// # Shapes
    /// `pictures`: `[B, C, H, W]`, sides multiples of [`patch`](WaveScorerConfig::patch), scaled
    /// as the backbone has learnt it; the result: `[B, K]`.
    ///
    /// # Errors
    /// Shapes that do not fit.
    pub fn forward(
        &self,
        pictures: &Tensor,
        proposals: &WaveProposals<'_>,
    ) -> TensorResult<Tensor> {
        let (b, k) = self.checked(pictures, proposals)?;
        let seen = self.seen(pictures)?;
        let (_, _, h, w) = pictures.dims4()?;
        let patches = self.queries(proposals.waves, (h, w))?;
        let count = patches.dim(1)? / k;
        let patches = self
            .layers
            .iter()
            .try_fold(patches, |x, layer| layer.forward(&x, Some(&seen), None))?;
        let d = self.config.features;
        let mut waves = patches.reshape((b, k, count, d))?.mean(2)?;
        if let (Some(layer), Some(numbers)) = (&self.numbers, proposals.numbers) {
            waves = (waves + layer.forward(numbers)?)?;
        }
        let mask = proposals.mask.reshape((b, 1, 1, k))?;
        for layer in &self.context {
            waves = layer.forward(&waves, None, Some(&mask))?;
        }
        let quality = sigmoid(&self.head.forward(&self.norm.forward(&waves)?)?)?.reshape((b, k))?;
        quality * proposals.mask.to_dtype(pictures.dtype())?
    }

    /// The configuration it was made with.
    #[must_use]
    pub fn config(&self) -> &WaveScorerConfig {
        &self.config
    }

    fn checked(
        &self,
        pictures: &Tensor,
        proposals: &WaveProposals<'_>,
    ) -> TensorResult<(usize, usize)> {
        let (b, _, h, w) = pictures.dims4()?;
        let side = self.config.patch;
        if h == 0 || w == 0 || h % side != 0 || w % side != 0 {
            bail!("WaveScorer: {h} x {w} pixels; both sides must be multiples of {side}");
        }
        let (_, k, _) = proposals.waves.dims3()?;
        if k == 0 || proposals.waves.dims() != [b, k, 3] || proposals.mask.dims() != [b, k] {
            bail!(
                "WaveScorer: waves {:?} and mask {:?} must be [{b}, K, 3] and [{b}, K], K from 1",
                proposals.waves.shape(),
                proposals.mask.shape()
            );
        }
        let (wanted, given) = (self.config.numbers, proposals.numbers.map(Tensor::dims));
        if given != (wanted > 0).then_some(&[b, k, wanted][..]) {
            bail!(
                "WaveScorer: numbers {given:?} of proposals; it was made for {wanted} of each of \
                 {b} x {k}"
            );
        }
        Ok((b, k))
    }

    /// Patches of all levels with their places: `[B, L T, D]`.
    fn seen(&self, pictures: &Tensor) -> TensorResult<Tensor> {
        let features = self.backbone.encode(&pictures.detach(), false)?;
        let mut seen = Vec::with_capacity(features.len());
        for (level, (features, layer)) in features.iter().zip(&self.levels).enumerate() {
            let side = self.config.patch >> level;
            seen.push(self.placed(&features.detach(), side, layer)?);
        }
        Tensor::cat(&seen, 1)
    }

    /// Patches of the cosine maps with their places: `[B, K T, D]`.
    fn queries(&self, waves: &Tensor, (h, w): (usize, usize)) -> TensorResult<Tensor> {
        let (b, k, _) = waves.dims3()?;
        let maps = cosine_maps(waves, (h, w))?.reshape((b * k, 1, h, w))?;
        let patches = self.placed(&maps, self.config.patch, &self.maps)?;
        let count = patches.dim(1)?;
        patches.reshape((b, k * count, self.config.features))
    }

    /// Patches of `side` px through a layer, and their places: `[B, T, D]`.
    fn placed(&self, planes: &Tensor, side: usize, layer: &Linear) -> TensorResult<Tensor> {
        let cut = pixel_unshuffle(planes, side)?;
        let (_, _, rows, columns) = cut.dims4()?;
        let patches = layer.forward(&cut.flatten_from(2)?.transpose(1, 2)?.contiguous()?)?;
        let places = places((rows, columns), self.config.features, planes.device())?;
        patches.broadcast_add(&places.to_dtype(patches.dtype())?)
    }
}

/// The values of waves at the centres of pixels: `[B, K, 3]` -> `[B, K, H, W]`.
fn cosine_maps(waves: &Tensor, (h, w): (usize, usize)) -> TensorResult<Tensor> {
    let (b, k, _) = waves.dims3()?;
    let waves = waves.contiguous()?;
    let turns = |part: usize, n: usize| -> TensorResult<Tensor> {
        let steps: Vec<f64> = (0..n).map(|i| TAU * (i as f64 + 0.5) / n as f64).collect();
        let steps = Tensor::from_vec(steps, (1, n), waves.device())?.to_dtype(waves.dtype())?;
        waves.narrow(2, part, 1)?.reshape((b * k, 1))?.matmul(&steps)
    };
    let phase = waves.narrow(2, 2, 1)?.reshape((b * k, 1, 1))?;
    let across = turns(0, w)?.reshape((b * k, 1, w))?;
    let down = turns(1, h)?.reshape((b * k, h, 1))?;
    let angles = down.broadcast_add(&across)?.broadcast_add(&phase)?;
    angles.cos()?.reshape((b, k, h, w))
}

/// Sines and cosines of the column and the row of patches: `[1, T, D]`.
#[expect(clippy::cast_precision_loss, reason = "patches and features are few")]
fn places((rows, columns): (usize, usize), d: usize, device: &Device) -> TensorResult<Tensor> {
    let waves = d / 4;
    let code = |at: usize| {
        (0..waves).flat_map(move |i| {
            let angle = at as f64 * 10_000_f64.powf(-(i as f64) / waves as f64);
            [angle.sin(), angle.cos()]
        })
    };
    let all: Vec<f64> = (0..rows * columns)
        .flat_map(|patch| code(patch % columns).chain(code(patch / columns)))
        .collect();
    Tensor::from_vec(all, (1, rows * columns, d), device)
}

/// Attention and two products, each added to what came in and with a norm before it.
#[derive(Debug)]
struct Layer {
    norm: LayerNorm,
    /// Of what is looked at, if that is something else.
    others: Option<LayerNorm>,
    attention: MultiHeadAttention,
    /// Of the product of both sides.
    product: Linear,
    middle: LayerNorm,
    wide: Linear,
    narrow: Linear,
}

impl Layer {
    fn new(config: &WaveScorerConfig, across: bool, vb: &VarBuilder<'_>) -> TensorResult<Self> {
        let &WaveScorerConfig { features, heads, hidden, .. } = config;
        let attention = MultiHeadAttentionConfig { features, heads, bias: true };
        let norm = |name: &str| LayerNorm::new(features, 1e-5, vb.pp(name));
        Ok(Self {
            norm: norm("norm")?,
            others: across.then(|| norm("others")).transpose()?,
            attention: MultiHeadAttention::new(&attention, vb.pp("attention"))?,
            product: Linear::new(features, features, true, vb.pp("product"))?,
            middle: norm("middle")?,
            wide: Linear::new(features, hidden, true, vb.pp("wide"))?,
            narrow: Linear::new(hidden, features, true, vb.pp("narrow"))?,
        })
    }

    /// From `x`, `[B, N, D]`, to others, `[B, M, D]`; without others among `x`, as far as the mask,
    /// `[B, 1, 1, N]`, is not 0.
    fn forward(
        &self,
        x: &Tensor,
        others: Option<&Tensor>,
        mask: Option<&Tensor>,
    ) -> TensorResult<Tensor> {
        let asking = self.norm.forward(x)?;
        let asked = match (&self.others, others) {
            (Some(norm), Some(others)) => norm.forward(others)?,
            _ => asking.clone(),
        };
        let config = AttentionConfig::default();
        let seen = self.attention.forward(&asking, &asked, &asked, mask, &config)?;
        let x = ((x + &seen)? + self.product.forward(&(seen * asking)?)?)?;
        let inner = relu(&self.wide.forward(&self.middle.forward(&x)?)?)?;
        &x + self.narrow.forward(&inner)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_the_waves_at_the_centres_of_pixels() {
        let waves = Tensor::new(&[[[3.0_f64, -2.5, 0.7], [0.0, 5.0, -1.0]]], &Device::Cpu).unwrap();
        let maps = cosine_maps(&waves, (6, 10)).unwrap();
        assert_eq!(maps.dims(), [1, 2, 6, 10]);
        let maps = maps.flatten_to(1).unwrap().to_vec3::<f64>().unwrap();
        for ((u, v, phase), map) in [(3.0, -2.5, 0.7), (0.0, 5.0, -1.0)].iter().zip(&maps) {
            for (y, x) in [(0, 0), (2, 7), (5, 9)] {
                let (across, down) = ((x as f64 + 0.5) / 10.0, (y as f64 + 0.5) / 6.0);
                let expected = (TAU * (u * across + v * down) + phase).cos();
                assert!((map[y][x] - expected).abs() < 1e-12, "{expected}");
            }
        }
    }

    #[test]
    fn every_place_has_a_code_of_its_own() {
        let codes = places((4, 3), 8, &Device::Cpu).unwrap().squeeze(0).unwrap();
        let codes = codes.to_vec2::<f64>().unwrap();
        for (i, a) in codes.iter().enumerate() {
            for b in &codes[i + 1..] {
                assert!(a.iter().zip(b).any(|(a, b)| (a - b).abs() > 0.05), "{a:?} {b:?}");
            }
        }
    }
}
