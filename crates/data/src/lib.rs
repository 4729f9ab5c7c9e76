//! Readers, writers and sample sources for map vectorization.
//!
//! - [`MapSample`] and [`PixelLabels`]: a picture with the labels of its pixels, and the
//!   crops, turns and flips that keep both (and the angles of lines) together.
//! - [`Source`] and [`sample_rng`]: samples by index, repeatable from a seed.
//! - [`Record`]: named arrays, a sample of any kind; [`collate`] joins them to batches.
//! - [`Loader`]: batches of a source, shuffled, made ahead on threads, resumed anywhere.
//! - [`Transform`], [`Step`], [`Transformed`]: what is done to records between a source and a
//!   batch, from noise to labels.
//! - [`CocoSource`] and [`FolderSource`]: COCO data sets and folders of pictures and masks;
//!   [`CocoDataset`], [`to_coco`] and [`Rle`] the format itself, both ways.
//! - [`k_fold`], [`stratified_k_fold`], [`split_by_content`], [`split_by_key`] and [`Subset`]:
//!   parts for training, validation and test.
//! - [`sample_points`]: pixels of a label raster, evenly, by class or near boundaries.
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
mod batch;
mod coco;
mod content_hash;
mod error;
mod feature;
mod folder;
mod geojson_write;
mod image_read;
mod image_write;
mod inside;
mod label_image;
mod labels;
mod limits;
mod loader;
mod picture;
mod points;
mod progress;
mod rearrange;
mod record;
mod rle;
mod sample;
mod shard;
mod source;
mod split;
mod svg_write;
mod transform;

pub use atomic::{write_all_atomic, write_atomic};
pub use atomic_file::AtomicFile;
pub use batch::{Shapes, collate};
pub use coco::{
    CocoAnnotation, CocoCategory, CocoConfig, CocoDataset, CocoFault, CocoImage, CocoOutput,
    CocoPicture, CocoSource, CocoWriteConfig, RleCounts, Segmentation, to_coco,
};
pub use error::{Error, Result};
pub use feature::Feature;
pub use folder::{FolderConfig, FolderSource, MaskFolder, MaskKind};
pub use geojson_write::{GeoJsonConfig, to_geojson, to_geojson_with};
pub use image_read::{decode_image, read_image, read_window};
pub use image_write::{encode_png, write_png};
pub use label_image::{Colour, MaskFault};
pub use labels::PixelLabels;
pub use limits::ImageLimits;
pub use loader::{Batch, Batches, Loader, LoaderConfig, OnError, Position};
pub use picture::PictureValues;
pub use points::{LabelPoint, PointConfig, PointStrategy, sample_points};
pub use progress::{Progress, Silent};
pub use record::{Field, Record, Values};
pub use rle::{Rle, RleFault};
pub use sample::{MapSample, crop_image};
#[cfg(feature = "object-store")]
pub use shard::{DatasetStore, Transfer};
pub use shard::{
    Manifest, ManifestShard, ShardFormat, ShardPlan, ShardReadConfig, ShardReport, Shards,
    decode_npy, encode_npy, shard_index, shard_index_with, write_shard, write_shards,
};
pub use source::{Source, sample_rng};
pub use split::{
    Fold, HashSplit, Part, Parts, Subset, k_fold, split_by_content, split_by_key, stratified_k_fold,
};
pub use svg_write::{SvgClass, SvgStyle, to_svg, to_svg_with};
pub use transform::{
    AngleChoice, AngleConditioned, Blur, BoundaryWeightConfig, BoundaryWeights, ColorShift,
    ComponentOrder, ComponentPoints, FieldGeometry, FieldKind, FrequencyAngleMask,
    ImageAutoencoder, InstanceWeightConfig, InstanceWeights, LineFeatures, Pad, PixelSimilarity,
    PixelSimilarityShapes, RandomFlip, RandomTurn, RotatedEnc, Select, Step, Symmetry, Transform,
    Transformed, VectorForm, balance_weights, boundary_weights, instance_weights,
};
