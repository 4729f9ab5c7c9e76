//! `RowTransformer`: which pixels of a straightened picture belong to the lines of one wave.
//!
//! Where the lines of a pattern are level, a row of pixels lies on a line or beside it from one
//! side of the picture to the other. So a row is a sequence, pieces of a few neighbouring pixels
//! are its tokens, and attention gathers along a line what is too faint at a single pixel. A token
//! joins what the network makes of the pixels' colours, of the wave's values there (1 on a crest,
//! -1 between two), and of its place. Encoder layers (attention, then two products with a `ReLU`
//! between them; the norm comes after each sum) and one more product give a logit per pixel. Along
//! rows alone a network cannot see how wide the lines are and which colour lies between them, so by
//! default every second layer runs along the columns.
//!
//! The scheme is that of a system that was described in words only: a one-dimensional transformer
//! over the straightened axis, positions appended as sines and cosines, a learned embedding of the
//! frequency channel. Differences: rows and columns by turns ([`Sequences::Rows`] is the plain
//! form); norms over the features of a token, as published, where the system that this follows
//! normalises each feature along the sequence ([`SequenceNorm::Sequence`]), which takes away what
//! a row has in common; colours are first reduced by their mean over the picture and divided by
//! their deviation, so brightness and contrast play no part.
//!
//! # References
//! A. Vaswani et al.: Attention Is All You Need. Advances in Neural Information
//! Processing Systems 30, 2017.
//! J. Ho et al.: Axial Attention in Multidimensional Transformers. 2019, for rows and columns by
//! turns.

use candle_core::{Result as TensorResult, Tensor, bail};
use candle_nn::VarBuilder;
use mapvec_nn::{
    AttentionConfig, GroupNorm, LayerNorm, Linear, MultiHeadAttention, MultiHeadAttentionConfig,
    relu,
};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The wavelengths of the encoding of places grow from `2 pi` towards this many times as much, in
/// pieces along rows and in rows across them.
const TEMPERATURE: f64 = 10_000.0;
/// Keeps variances from being divided by when they are 0.
const EPS: f64 = 1e-5;

/// What the tokens of a sequence are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sequences {
    /// The pieces of a row, in every layer.
    Rows,
    /// The pieces of a row in the first layer, those above each other in the second, and so on.
    #[default]
    Alternating,
}

/// What a norm of the encoder runs over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SequenceNorm {
    /// The features of a token.
    #[default]
    Features,
    /// The tokens of a sequence, each feature alone.
    Sequence,
}

/// Shape of a [`RowTransformer`]; no size is above 16384.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RowTransformerConfig {
    /// Channels of the picture, without the wave, 1 or more.
    pub in_channels: usize,
    /// Neighbouring pixels of a row that are a token, 1 or more. The width of a picture is a
    /// multiple of it.
    pub piece: usize,
    /// Features of a token, a multiple of `heads`; colours have those that wave and place leave,
    /// 1 or more.
    pub features: usize,
    /// Features of the wave's values, 1 or more.
    pub frequency_features: usize,
    /// Sines and cosines of the place along each axis of sequences, an even number, 2 or more.
    pub position_features: usize,
    /// Heads of the attention, 1 or more.
    pub heads: usize,
    /// Features between the two products of a layer, 1 or more.
    pub hidden: usize,
    /// Encoder layers, 1 to 32.
    pub layers: usize,
    /// What the tokens of a sequence are.
    pub sequences: Sequences,
    /// What norms run over.
    pub norm: SequenceNorm,
}

impl Default for RowTransformerConfig {
    /// Four layers of 48 features, for pictures of 32 to 64 pixels: 76 460 parameters.
    fn default() -> Self {
        Self {
            in_channels: 3,
            piece: 4,
            features: 48,
            frequency_features: 8,
            position_features: 8,
            heads: 4,
            hidden: 96,
            layers: 4,
            sequences: Sequences::default(),
            norm: SequenceNorm::default(),
        }
    }
}

/// No size of a network is larger.
const MOST_SIZE: usize = 16_384;

impl RowTransformerConfig {
    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Config`] names the first field outside its range.
    pub fn validate(&self) -> Result<()> {
        let refuse = |field, value: usize, allowed| {
            Err(Error::Config { field, value: value.to_string(), allowed })
        };
        let counts = [
            ("in_channels", self.in_channels),
            ("piece", self.piece),
            ("frequency_features", self.frequency_features),
            ("heads", self.heads),
            ("hidden", self.hidden),
        ];
        let wrong = |value: usize| !(1..=MOST_SIZE).contains(&value);
        if let Some((field, value)) = counts.into_iter().find(|(_, value)| wrong(*value)) {
            return refuse(field, value, "1 to 16384");
        }
        if self.in_channels * self.piece > 1 << 20 {
            return refuse("in_channels", self.in_channels, "in_channels x piece at most 2^20");
        }
        let positions = self.position_features;
        if wrong(positions) || !positions.is_multiple_of(2) {
            return refuse("position_features", positions, "an even number, 2 to 16384");
        }
        if wrong(self.features) {
            return refuse("features", self.features, "1 to 16384");
        }
        if !(1..=32).contains(&self.layers) {
            return refuse("layers", self.layers, "1 to 32");
        }
        if !self.features.is_multiple_of(self.heads) || self.colour_features().is_none() {
            let allowed = "a multiple of heads, more than wave and place take";
            return refuse("features", self.features, allowed);
        }
        Ok(())
    }

    /// Axes along which sequences run.
    fn axes(&self) -> usize {
        match self.sequences {
            Sequences::Rows => 1,
            Sequences::Alternating => 2,
        }
    }

    /// What wave and place leave for the colour.
    fn colour_features(&self) -> Option<usize> {
        let taken = self.position_features.checked_mul(self.axes())?;
        let left = self.features.checked_sub(taken.checked_add(self.frequency_features)?)?;
        (left > 0).then_some(left)
    }
}

/// A transformer along the rows, and columns, of a straightened picture.
#[derive(Debug)]
pub struct RowTransformer {
    colour: Linear,
    /// Two products with a `ReLU` between them: the embedding of the wave's value.
    frequency: [Linear; 2],
    layers: Vec<EncoderLayer>,
    head: Linear,
    config: RowTransformerConfig,
}

impl RowTransformer {
    /// Makes the network with the parameters of `vb`: `colour`, `frequency.{0, 1}`,
    /// `layers.{layer}.{attention, norm1, linear1, linear2, norm2}` and `head`.
    ///
    /// # Errors
    /// A field of `config` is outside its range, or `vb` lacks a parameter or has one
    /// of another shape.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a VarBuilder is passed by value everywhere in Candle"
    )]
    pub fn new(config: &RowTransformerConfig, vb: VarBuilder<'_>) -> Result<Self> {
        config.validate()?;
        let (features, wave) = (config.features, config.frequency_features);
        // There are some: the configuration is valid.
        let colours = config.colour_features().unwrap_or(1);
        let layer = |i: usize| EncoderLayer::new(config, vb.pp("layers").pp(i));
        let frequency = vb.pp("frequency");
        Ok(Self {
            colour: Linear::new(config.in_channels * config.piece, colours, true, vb.pp("colour"))?,
            frequency: [
                Linear::new(config.piece, wave, true, frequency.pp(0))?,
                Linear::new(wave, wave, true, frequency.pp(1))?,
            ],
            layers: (0..config.layers).map(layer).collect::<TensorResult<_>>()?,
            head: Linear::new(features, config.piece, true, vb.pp("head"))?,
            config: config.clone(),
        })
    }

    /// Logits of the pixels' being on a line of the wave.
    ///
    /// # Shapes
    /// `picture`: `[B, C, H, W]`, straightened; `wave`: `[B, 1, H, W]`, its values there;
    /// result `[B, 1, H, W]`; `W` a multiple of [`RowTransformerConfig::piece`].
    ///
    /// # Errors
    /// An input has another rank, channel count or size, or no values.
    pub fn forward(&self, picture: &Tensor, wave: &Tensor) -> TensorResult<Tensor> {
        let (b, channels, h, w) = picture.dims4()?;
        if channels != self.config.in_channels || wave.dims() != [b, 1, h, w] {
            bail!(
                "RowTransformer: picture {:?} and wave {:?} must be [B, {}, H, W] and [B, 1, H, W]",
                picture.shape(),
                wave.shape(),
                self.config.in_channels
            );
        }
        let piece = self.config.piece;
        if b == 0 || h == 0 || w == 0 || w % piece != 0 {
            bail!(
                "RowTransformer: the picture {:?} must have pixels, and a width that is a multiple \
                 of {piece}",
                picture.shape()
            );
        }
        let tokens = |x: &Tensor| -> TensorResult<Tensor> {
            let channels = x.dim(1)?;
            let pieces = x.reshape((b, channels, h, w / piece, piece))?.permute((0, 2, 3, 1, 4))?;
            pieces.contiguous()?.reshape((b, h, w / piece, channels * piece))
        };
        let [first, second] = &self.frequency;
        let wave = second.forward(&relu(&first.forward(&tokens(wave)?)?)?)?;
        let colour = self.colour.forward(&tokens(&standardised(picture)?)?)?;
        let places = self.places((h, w / piece), &colour)?.broadcast_left(b)?;
        let mut x = Tensor::cat(&[&colour, &wave, &places], 3)?;
        for (index, layer) in self.layers.iter().enumerate() {
            let across = self.config.axes() == 2 && index % 2 == 1;
            if across {
                x = x.transpose(1, 2)?.contiguous()?;
            }
            let shape = x.dims4()?;
            let (_, lines, tokens, features) = shape;
            x = layer.forward(&x.reshape((b * lines, tokens, features))?)?.reshape(shape)?;
            if across {
                x = x.transpose(1, 2)?.contiguous()?;
            }
        }
        self.head.forward(&x)?.reshape((b, 1, h, w))
    }

    /// Sines and cosines of the pieces' numbers in their rows, and of the rows where sequences run
    /// across: `[H, W / piece, P]`.
    fn places(&self, (h, w): (usize, usize), like: &Tensor) -> TensorResult<Tensor> {
        let half = self.config.position_features / 2;
        let encoded = |at: usize| {
            let angle = move |k: usize| at as f64 * TEMPERATURE.powf(-(k as f64) / half as f64);
            let sines = (0..half).map(move |k| angle(k).sin());
            sines.chain((0..half).map(move |k| angle(k).cos()))
        };
        let mut values = Vec::with_capacity(h * w * 2 * half * self.config.axes());
        for y in 0..h {
            for x in 0..w {
                values.extend(encoded(x));
                if self.config.axes() == 2 {
                    values.extend(encoded(y));
                }
            }
        }
        Tensor::from_vec(values, (h, w, 2 * half * self.config.axes()), like.device())?
            .to_dtype(like.dtype())
    }

    /// The configuration it was made with.
    #[must_use]
    pub fn config(&self) -> &RowTransformerConfig {
        &self.config
    }
}

/// Every channel less its mean, all over their deviation, picture by picture.
fn standardised(picture: &Tensor) -> TensorResult<Tensor> {
    let centred = picture.broadcast_sub(&picture.mean_keepdim((2, 3))?)?;
    let deviation = (centred.sqr()?.mean_keepdim((1, 2, 3))? + EPS)?.sqrt()?;
    centred.broadcast_div(&deviation)
}

/// Attention and two products, each added to its input and then normalised.
#[derive(Debug)]
struct EncoderLayer {
    attention: MultiHeadAttention,
    products: [Linear; 2],
    norms: [Norm; 2],
}

impl EncoderLayer {
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a VarBuilder is passed by value everywhere in Candle"
    )]
    fn new(config: &RowTransformerConfig, vb: VarBuilder<'_>) -> TensorResult<Self> {
        let (features, hidden, heads) = (config.features, config.hidden, config.heads);
        let attention = MultiHeadAttentionConfig { features, heads, bias: true };
        let norm = |name| Norm::new(config.norm, features, vb.pp(name));
        Ok(Self {
            attention: MultiHeadAttention::new(&attention, vb.pp("attention"))?,
            products: [
                Linear::new(features, hidden, true, vb.pp("linear1"))?,
                Linear::new(hidden, features, true, vb.pp("linear2"))?,
            ],
            norms: [norm("norm1")?, norm("norm2")?],
        })
    }

    /// `[S, N, D]` -> `[S, N, D]`
    fn forward(&self, x: &Tensor) -> TensorResult<Tensor> {
        let seen = self.attention.forward(x, x, x, None, &AttentionConfig::default())?;
        let x = self.norms[0].forward(&(x + seen)?)?;
        let [first, second] = &self.products;
        let made = second.forward(&relu(&first.forward(&x)?)?)?;
        self.norms[1].forward(&(x + made)?)
    }
}

/// The norm of tokens `[S, N, D]`, with a factor and an offset for each feature.
#[derive(Debug)]
enum Norm {
    Features(LayerNorm),
    Sequence(GroupNorm),
}

impl Norm {
    fn new(over: SequenceNorm, features: usize, vb: VarBuilder<'_>) -> TensorResult<Self> {
        Ok(match over {
            SequenceNorm::Features => Self::Features(LayerNorm::new(features, EPS, vb)?),
            SequenceNorm::Sequence => Self::Sequence(GroupNorm::new(features, features, EPS, vb)?),
        })
    }

    fn forward(&self, x: &Tensor) -> TensorResult<Tensor> {
        match self {
            Self::Features(norm) => norm.forward(x),
            Self::Sequence(norm) => {
                let x = x.transpose(1, 2)?.contiguous()?;
                norm.forward(&x)?.transpose(1, 2)?.contiguous()
            }
        }
    }
}
