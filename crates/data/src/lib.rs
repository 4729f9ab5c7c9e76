//! Readers, writers and sample sources for map vectorization.
//!
//! - [`MapSample`] and [`PixelLabels`]: a picture with the labels of its pixels, and the
//!   crops, turns and flips that keep both (and the angles of lines) together.
//! - [`Source`] and [`sample_rng`]: samples by index, repeatable from a seed.
//! - [`Record`]: named arrays, a sample of any kind.
//! - [`read_image`], [`read_window`], [`decode_image`]: PNG, JPEG and TIFF within
//!   [`ImageLimits`]; [`encode_png`] and [`write_png`] the other way; [`crop_image`].
//! - [`write_atomic`], [`write_all_atomic`] and [`AtomicFile`]: files that appear complete
//!   or not at all.
//! - [`ShardPlan`], [`write_shard`], [`write_shards`] and [`Shards`]: records in large files
//!   (WebDataset tar, TFRecord, Parquet, each behind a feature) whose every byte is checked;
//!   [`shard_index`] says which one a job writes; [`encode_npy`] and [`decode_npy`].
//! - [`Progress`]: how long work tells its caller how far it is.
//! - [`Feature`] with [`to_geojson`] and [`to_svg`]: vectors as text.

mod atomic;
mod atomic_file;
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
mod shard;
mod source;
mod svg_write;

pub use atomic::{write_all_atomic, write_atomic};
pub use atomic_file::AtomicFile;
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
#[cfg(feature = "object-store")]
pub use shard::{DatasetStore, Transfer};
pub use shard::{
    Manifest, ManifestShard, ShardFormat, ShardPlan, ShardReadConfig, ShardReport, Shards,
    decode_npy, encode_npy, shard_index, shard_index_with, write_shard, write_shards,
};
pub use source::{Source, sample_rng};
pub use svg_write::{SvgClass, SvgStyle, to_svg, to_svg_with};
