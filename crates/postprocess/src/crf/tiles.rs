//! Large pictures in parts, with memory for one part at a time.

use std::ops::Range;

use ndarray::{Array3, s};
use serde::{Deserialize, Serialize};

use super::config::{DenseCrfConfig, InferenceConfig};
use super::dense::DenseCrf;
use super::features::check_points;
use super::report::PictureInference;
use crate::{Error, Result};

/// Settings of [`infer_tiles`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TileConfig {
    /// The random field.
    pub crf: DenseCrfConfig,
    /// When each tile stops.
    pub inference: InferenceConfig,
    /// Rows and columns of a tile without its overlap, 16 to 16384 pixels.
    pub size: usize,
    /// Pixels around a tile that are computed with it and thrown away, at most 16384. Twice
    /// the largest spatial standard deviation leaves no visible seam.
    pub overlap: usize,
}

impl Default for TileConfig {
    fn default() -> Self {
        Self {
            crf: DenseCrfConfig::default(),
            inference: InferenceConfig::default(),
            size: 1024,
            overlap: 160,
        }
    }
}

impl TileConfig {
    /// Checks the ranges of the fields.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`].
    pub fn validate(&self) -> Result<()> {
        self.crf.validate()?;
        self.inference.validate()?;
        let check = |field, value: usize, valid: bool, expected| {
            let value = value as f64;
            if valid { Ok(()) } else { Err(Error::InvalidSetting { field, value, expected }) }
        };
        let valid = (16..=16_384).contains(&self.size);
        check("size", self.size, valid, "from 16 to 16384")?;
        check("overlap", self.overlap, self.overlap <= 16_384, "at most 16384")
    }
}

/// A part of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tile {
    /// Rows that the result is for.
    pub rows: Range<usize>,
    /// Columns that the result is for.
    pub columns: Range<usize>,
    /// Rows to read.
    pub padded_rows: Range<usize>,
    /// Columns to read.
    pub padded_columns: Range<usize>,
}

/// Infers a picture of any size tile by tile, in scan order.
///
/// `read` gives picture [C, h, w] and unary energies [K, h, w] of the padded rows and columns
/// of a tile; `write` takes the result for the tile without padding. Lattices lie as they
/// would for the whole picture, so that tiles agree where they meet as far as their overlaps
/// see the same pixels.
///
/// # Errors
/// [`Error::InvalidSetting`] as [`TileConfig::validate`]; [`Error::LengthMismatch`] if `read`
/// gives another size; what `read` and [`DenseCrf::infer`] refuse.
pub fn infer_tiles(
    size: (usize, usize),
    config: &TileConfig,
    mut read: impl FnMut(&Tile) -> Result<(Array3<f32>, Array3<f32>)>,
    mut write: impl FnMut(&Tile, PictureInference),
) -> Result<()> {
    config.validate()?;
    let padded = |range: &Range<usize>, size: usize| {
        range.start.saturating_sub(config.overlap)..size.min(range.end + config.overlap)
    };
    for top in (0..size.0).step_by(config.size) {
        for left in (0..size.1).step_by(config.size) {
            let rows = top..size.0.min(top + config.size);
            let columns = left..size.1.min(left + config.size);
            let tile = Tile {
                padded_rows: padded(&rows, size.0),
                padded_columns: padded(&columns, size.1),
                rows,
                columns,
            };
            let (image, unary) = read(&tile)?;
            check_points("rows of the tile", image.dim().1, tile.padded_rows.len())?;
            check_points("columns of the tile", image.dim().2, tile.padded_columns.len())?;
            let origin = [tile.padded_rows.start, tile.padded_columns.start];
            let crf = DenseCrf::of_part(image.view(), origin, &config.crf)?;
            let whole = crf.infer(unary.view(), &config.inference)?;
            let inner = |range: &Range<usize>, start| range.start - start..range.end - start;
            let (y, x) = (inner(&tile.rows, origin[0]), inner(&tile.columns, origin[1]));
            let part = PictureInference {
                probabilities: whole.probabilities.slice(s![.., y.clone(), x.clone()]).to_owned(),
                labels: whole.labels.slice(s![y, x]).to_owned(),
                report: whole.report,
            };
            write(&tile, part);
        }
    }
    Ok(())
}
