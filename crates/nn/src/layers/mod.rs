//! Layers with parameters, named as in `PyTorch`.

mod attention;
mod batch_norm;
mod conv;
mod conv_bn_relu;
mod conv_stage;
mod conv_transpose;
mod dropout;
mod linear;
mod row_norm;

pub use attention::{MultiHeadAttention, MultiHeadAttentionConfig};
pub use batch_norm::{BatchNorm2d, BatchNormConfig, reestimate_statistics, with_momentum};
pub use conv::{BiasInit, Conv2d};
pub use conv_bn_relu::ConvBnRelu;
pub use conv_stage::ConvStage;
pub use conv_transpose::ConvTranspose2d;
pub use dropout::{DropPath, Dropout};
pub use linear::Linear;
pub use row_norm::{GroupNorm, LayerNorm, RmsNorm};
