//! A network whose queries look for one object each.

use std::f32::consts::TAU;

use candle_core::{Result, Tensor};
use mapvec_losses::Objects;
use mapvec_nn::{
    AttentionConfig, Conv2d, Conv2dConfig, ConvBnRelu, LayerNorm, Linear, MultiHeadAttention,
    MultiHeadAttentionConfig, ParameterStore, relu, sigmoid,
};

use super::batch::CLASSES;

/// Pixels from one query to the next.
const STRIDE: usize = 4;
/// Features of a query.
const FEATURES: usize = 64;
/// Waves of the encoding of a position, per axis.
const WAVES: usize = 4;

/// Convolutions, a query for each cell of 4 x 4 pixels, and attention among the queries, so
/// that one of them gives an object to another. A second head tells the class of pixels.
#[derive(Debug)]
pub struct Detector {
    stem: ConvBnRelu,
    down: Vec<ConvBnRelu>,
    positions: Linear,
    /// Sines and cosines of the middles of the cells, `[1, Q, 4 WAVES]`.
    encoding: Tensor,
    attention: MultiHeadAttention,
    norm: LayerNorm,
    hidden: Linear,
    objects: Linear,
    pixels: Conv2d,
    /// Middles of the cells, shares of the picture, `[1, Q, 2]`.
    cells: Tensor,
}

impl Detector {
    /// A detector for pictures of `side` pixels, a multiple of 4, to be trained or, `frozen`,
    /// to be used.
    ///
    /// # Errors
    /// Those of the layers.
    pub fn new(side: usize, store: &ParameterStore, frozen: bool) -> Result<Self> {
        let vb = if frozen { store.frozen_var_builder() } else { store.var_builder() };
        let grid = side / STRIDE;
        let block = |inputs, outputs, stride, name: &str| {
            ConvBnRelu::new(inputs, outputs, 3, &Conv2dConfig::square(stride, 1, 1), vb.pp(name))
        };
        let down = vec![
            block(16, 32, 2, "down1")?,
            block(32, FEATURES, 2, "down2")?,
            block(FEATURES, FEATURES, 1, "down3")?,
        ];
        let heads = MultiHeadAttentionConfig { features: FEATURES, heads: 4, ..Default::default() };
        let middle = |index: usize| (index as f32 + 0.5) / grid as f32;
        let cells: Vec<f32> =
            (0..grid * grid).flat_map(|cell| [middle(cell % grid), middle(cell / grid)]).collect();
        let wave = |x: f32| {
            (0..WAVES).flat_map(move |k| {
                let (sin, cos) = (TAU * x * (1 << k) as f32 / 2.0).sin_cos();
                [sin, cos]
            })
        };
        let encoding: Vec<f32> = cells.iter().flat_map(|&x| wave(x)).collect();
        let table = |values: Vec<f32>| {
            let columns = values.len() / (grid * grid).max(1);
            Tensor::from_vec(values, (1, grid * grid, columns), store.device())
        };
        Ok(Self {
            stem: block(3, 16, 1, "stem")?,
            down,
            positions: Linear::new(4 * WAVES, FEATURES, true, vb.pp("positions"))?,
            encoding: table(encoding)?,
            attention: MultiHeadAttention::new(&heads, vb.pp("attention"))?,
            norm: LayerNorm::new(FEATURES, 1e-5, vb.pp("norm"))?,
            hidden: Linear::new(FEATURES, FEATURES, true, vb.pp("hidden"))?,
            objects: Linear::new(FEATURES, CLASSES + 8, true, vb.pp("objects"))?,
            pixels: Conv2d::new(16, 3, 1, &Conv2dConfig::default(), vb.pp("pixels"))?,
            cells: table(cells)?,
        })
    }

    /// Objects of `pictures` `[B, 3, S, S]`, and logits of background, line and shape
    /// `[B, 3, S, S]`. Boxes are center and size, all positions (x, y) in shares of the picture.
    ///
    /// # Errors
    /// Those of the layers.
    pub fn forward(&self, pictures: &Tensor, train: bool) -> Result<(Objects, Tensor)> {
        let fine = self.stem.forward(pictures, train)?;
        let pixels = self.pixels.forward(&fine)?;
        let features = self.down.iter().try_fold(fine, |x, block| block.forward(&x, train))?;
        let queries = features.flatten_from(2)?.transpose(1, 2)?.contiguous()?;
        let placed = queries.broadcast_add(&self.positions.forward(&self.encoding)?)?;
        let seen = self.attention.forward(
            &placed,
            &placed,
            &queries,
            None,
            &AttentionConfig::default(),
        )?;
        let queries = self.norm.forward(&(placed + seen)?)?;
        let raw = self.objects.forward(&relu(&self.hidden.forward(&queries)?)?)?;
        let (b, q, _) = raw.dims3()?;
        let part = |from: usize, len: usize| raw.narrow(2, from, len)?.contiguous();
        let cells = self.cells.broadcast_as((b, q, 2))?.contiguous()?;
        // An object may have its center half a picture away.
        let center = (sigmoid(&part(CLASSES, 2)?)?.affine(1.0, -0.5)? + &cells)?;
        let size = sigmoid(&part(CLASSES + 2, 2)?)?;
        let ends = Tensor::cat(&[&cells, &cells], 2)?;
        let ends = (part(CLASSES + 4, 4)?.affine(0.25, 0.0)? + ends)?;
        let objects = Objects {
            classes: Some(part(0, CLASSES)?),
            boxes: Some(Tensor::cat(&[&center, &size], 2)?),
            vectors: Some(ends.reshape((b, q, 2, 2))?),
            masks: None,
        };
        Ok((objects, pixels))
    }
}
