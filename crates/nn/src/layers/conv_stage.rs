//! Blocks of convolution, batch norm and `ReLU` in a row.

use candle_core::{Result, Tensor, bail};

use super::conv_bn_relu::ConvBnRelu;
use crate::conv_stage::conv_stage;

/// [`ConvBnRelu`] blocks that run as one [`conv_stage`]: faster and with half the
/// memory of one after the other.
#[derive(Clone, Debug)]
pub struct ConvStage {
    blocks: Vec<ConvBnRelu>,
}

impl ConvStage {
    /// A stage of these blocks, the first one first.
    ///
    /// # Errors
    ///
    /// No block, or one whose convolution has a bias, which a batch norm behind it
    /// would take away again.
    pub fn new(blocks: Vec<ConvBnRelu>) -> Result<Self> {
        if blocks.is_empty() {
            bail!("ConvStage: at least one block");
        }
        if let Some(index) = blocks.iter().position(|block| block.conv().bias().is_some()) {
            bail!("ConvStage: the convolution of block {index} has a bias; make it without");
        }
        Ok(Self { blocks })
    }

    /// Runs the blocks on `x`, `[B, C, H, W]`.
    ///
    /// # Errors
    ///
    /// Those of [`conv_stage`].
    pub fn forward(&self, x: &Tensor, train: bool) -> Result<Tensor> {
        self.run(&[x], None, train)
    }

    /// Runs the blocks on tensors joined along the channels, which are read in place.
    ///
    /// # Errors
    ///
    /// Those of [`conv_stage`].
    pub fn forward_joined(&self, xs: &[&Tensor], train: bool) -> Result<Tensor> {
        self.run(xs, None, train)
    }

    /// Runs the blocks on `x` and adds `shortcut` before the last `ReLU`.
    ///
    /// # Errors
    ///
    /// Those of [`conv_stage`].
    pub fn forward_residual(&self, x: &Tensor, shortcut: &Tensor, train: bool) -> Result<Tensor> {
        self.run(&[x], Some(shortcut), train)
    }

    fn run(&self, xs: &[&Tensor], shortcut: Option<&Tensor>, train: bool) -> Result<Tensor> {
        let layers: Vec<_> = self.blocks.iter().map(|block| block.stage_layer(train)).collect();
        let (y, statistics) = conv_stage(xs, &layers, shortcut)?;
        for (block, batch) in self.blocks.iter().zip(&statistics) {
            block.norm().update(batch.as_ref())?;
        }
        Ok(y)
    }

    /// The blocks.
    #[must_use]
    pub fn blocks(&self) -> &[ConvBnRelu] {
        &self.blocks
    }
}
