//! What a sheet looks like, as far as the caller decides it.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::limits::in_range;

/// Smallest and largest side of a sheet, px.
pub const SHEET_SIZES: std::ops::RangeInclusive<u32> = 64..=4096;

/// The family of maps that a sheet imitates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SheetStyle {
    /// A town plan: blocks, parcels, hatched buildings with courtyards, gardens, water.
    Town,
    /// A small-scale topographic sheet: relief, contours, road signatures, few houses.
    Topographic,
    /// A village with parcels and buildings amid fields, woods and roads.
    Rural,
}

/// Settings of [`generate_sheet`](crate::generate_sheet).
///
/// Multipliers scale what the random draw would have given; 1 is the normal sheet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SheetConfig {
    /// Side of the sheet, px, 64 to 4096. Drawing takes about 200 bytes per pixel.
    pub size: u32,
    /// The family of maps.
    pub style: SheetStyle,
    /// Number of words, relative (0 to 4).
    pub text: f64,
    /// Number of dashed lines, tram tracks, grid lines and the like, relative (0 to 4).
    pub distractors: f64,
    /// Share of textured areas that keep their texture (0 to 1).
    pub textures: f64,
    /// Width of outlines, relative (0.3 to 3); 1 gives 0.9 to 2.2 px, thinner in places.
    pub outline_width: f64,
    /// Probability that the outline of a textured area is not drawn (0 to 1).
    pub missing_outlines: f64,
    /// Strength of paper and scanner defects: blur, grain, stains, compression (0 to 2).
    pub degradation: f64,
    /// Tolerance of the polygons in [`Sheet::shapes`](crate::Sheet::shapes), px (0 to 2).
    ///
    /// Regions are painted at twice the size, so their outlines are stairs before they are
    /// simplified. The corners of a line with slope p : q (without common factor) lie in a
    /// strip (p + q - 1) / sqrt(p^2 + q^2) painted pixels wide: below 1 for slopes 1 : n,
    /// so the default takes these stairs out, and below sqrt(2) for all slopes, so 0.71 px
    /// takes out the irregular ones of the slopes in between as well.
    pub tolerance: f64,
}

impl Default for SheetConfig {
    fn default() -> Self {
        Self {
            size: 640,
            style: SheetStyle::Town,
            text: 1.0,
            distractors: 1.0,
            textures: 1.0,
            outline_width: 1.0,
            missing_outlines: 0.3,
            degradation: 1.0,
            tolerance: 0.55,
        }
    }
}

impl SheetConfig {
    /// Checks every field against its range.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the first field that is out of range.
    pub fn validate(&self) -> Result<()> {
        if !SHEET_SIZES.contains(&self.size) {
            return Err(Error::Config {
                field: "size",
                value: self.size.to_string(),
                expected: "between 64 and 4096 px",
            });
        }
        in_range("text", self.text, (0.0, 4.0), "between 0 and 4")?;
        in_range("distractors", self.distractors, (0.0, 4.0), "between 0 and 4")?;
        in_range("textures", self.textures, (0.0, 1.0), "between 0 and 1")?;
        in_range("outline_width", self.outline_width, (0.3, 3.0), "between 0.3 and 3")?;
        in_range("missing_outlines", self.missing_outlines, (0.0, 1.0), "between 0 and 1")?;
        in_range("degradation", self.degradation, (0.0, 2.0), "between 0 and 2")?;
        in_range("tolerance", self.tolerance, (0.0, 2.0), "between 0 and 2 px")
    }
}

#[cfg(test)]
mod tests {
    use super::SheetConfig;

    #[test]
    fn fields_out_of_range_are_named() {
        assert!(SheetConfig::default().validate().is_ok(), "the default is valid");
        let cases = [
            ("size", SheetConfig { size: 63, ..SheetConfig::default() }),
            ("size", SheetConfig { size: 4097, ..SheetConfig::default() }),
            ("text", SheetConfig { text: f64::NAN, ..SheetConfig::default() }),
            ("degradation", SheetConfig { degradation: -0.1, ..SheetConfig::default() }),
            ("tolerance", SheetConfig { tolerance: 2.5, ..SheetConfig::default() }),
        ];
        for (field, config) in cases {
            let message = config.validate().unwrap_err().to_string();
            assert!(message.starts_with(field), "{message}");
        }
    }
}
