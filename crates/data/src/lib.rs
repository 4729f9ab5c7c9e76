//! Readers, writers and sample sources for map vectorization.
//!
//! - [`MapSample`] and [`PixelLabels`]: a picture with the labels of its pixels, and the
//!   crops, turns and flips that keep both (and the angles of lines) together.
//! - [`Source`] and [`sample_rng`]: samples by index, repeatable from a seed.
//! - [`Record`]: named arrays, a sample of any kind.
//! - [`Transform`], [`Step`], [`Transformed`]: what is done to records between a source and a
//!   batch, from noise to labels.
//! - [`read_image`], [`read_window`], [`decode_image`]: PNG, JPEG and TIFF within
//!   [`ImageLimits`]; [`encode_png`] and [`write_png`] the other way; [`crop_image`].
//! - [`write_atomic`] and [`write_all_atomic`]: files that appear complete or not at all.
//! - [`Progress`]: how long work tells its caller how far it is.
//! - [`Feature`] with [`to_geojson`] and [`to_svg`]: vectors as text.

mod atomic;
mod error;
mod feature;
mod geojson_write;
mod image_read;
mod image_write;
mod labels;
mod limits;
mod progress;
mod rearrange;
mod record;
mod sample;
mod source;
mod svg_write;
mod transform;

pub use atomic::{write_all_atomic, write_atomic};
pub use error::{Error, Result};
pub use feature::Feature;
pub use geojson_write::{GeoJsonConfig, to_geojson, to_geojson_with};
pub use image_read::{decode_image, read_image, read_window};
pub use image_write::{encode_png, write_png};
pub use labels::PixelLabels;
pub use limits::ImageLimits;
pub use progress::{Progress, Silent};
pub use record::{Field, Record, Values};
pub use sample::{MapSample, crop_image};
pub use source::{Source, sample_rng};
pub use svg_write::{SvgClass, SvgStyle, to_svg, to_svg_with};
pub use transform::{
    AngleChoice, AngleConditioned, Blur, ColorShift, ComponentOrder, ComponentPoints,
    FieldGeometry, FieldKind, FrequencyAngleMask, ImageAutoencoder, LineFeatures, Pad,
    PixelSimilarity, PixelSimilarityShapes, RandomFlip, RandomTurn, RotatedEnc, Select, Step,
    Symmetry, Transform, Transformed, VectorForm, balance_weights,
};
