//! Classes of pixels from pictures.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use image::DynamicImage;
use ndarray::Array2;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};
use crate::image_read::{read_stored, rgb};
use crate::limits::ImageLimits;

/// Red, green and blue, 0 to 255; written as `#rrggbb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Colour(pub [u8; 3]);

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [r, g, b] = self.0;
        write!(f, "#{r:02x}{g:02x}{b:02x}")
    }
}

impl Serialize for Colour {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Colour {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6);
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let value = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let Some(value) = value else {
            let reason = format!("{text:?} is no colour; write it as #rrggbb");
            return Err(serde::de::Error::custom(reason));
        };
        let [_, r, g, b] = value.to_be_bytes();
        Ok(Self([r, g, b]))
    }
}

/// Why a picture cannot be read as classes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MaskFault {
    /// A mask of labels has a colour.
    #[error(
        "the pixel at ({x}, {y}) is {colour}, no grey; list the colours of the classes if the \
         mask has colours or a palette"
    )]
    NotGrey {
        /// Column, px.
        x: u32,
        /// Row, px.
        y: u32,
        /// Its colour.
        colour: Colour,
    },
    /// A label does not fit a byte.
    #[error("the pixel at ({x}, {y}) has the label {label}; 0 to 255 are possible")]
    Label {
        /// Column, px.
        x: u32,
        /// Row, px.
        y: u32,
        /// Its label.
        label: u16,
    },
    /// A mask of labels is stored as real numbers or with 16-bit colours.
    #[error("{layout} holds no labels; grey values of 8 or 16 bits do")]
    Layout {
        /// How the pixels are stored.
        layout: String,
    },
    /// A colour stands for no class.
    #[error("the pixel at ({x}, {y}) has the colour {colour}, which is not in the list")]
    UnknownColour {
        /// Column, px.
        x: u32,
        /// Row, px.
        y: u32,
        /// Its colour.
        colour: Colour,
    },
    /// The mask has not the size of its picture.
    #[error("the mask has {found:?} rows and columns, its picture {expected:?}")]
    Size {
        /// Rows and columns of the picture.
        expected: (usize, usize),
        /// Rows and columns of the mask.
        found: (usize, usize),
    },
}

/// Reads grey values as labels, (rows, columns).
///
/// The values are those stored: 16-bit values are not scaled, and 1, 2 or 4 bits give 0 to 1, 3
/// or 15. Transparency is ignored.
pub(crate) fn read_labels(path: &Path, limits: &ImageLimits) -> Result<Array2<u8>> {
    let wrong = |fault| Error::Mask { path: path.to_owned(), fault };
    let (picture, bits) = read_stored(path, limits)?;
    let (width, height) = (picture.width(), picture.height());
    let labels = match picture {
        DynamicImage::ImageLuma8(grey) => {
            // Values of less than a byte come stretched to 0 to 255.
            let step = match bits {
                Some(1) => 255,
                Some(2) => 85,
                Some(4) => 17,
                _ => 1,
            };
            grey.into_raw().into_iter().map(|value| value / step).collect()
        }
        DynamicImage::ImageLuma16(grey) => grey
            .enumerate_pixels()
            .map(|(x, y, pixel)| {
                let label = pixel.0[0];
                u8::try_from(label).map_err(|_| wrong(MaskFault::Label { x, y, label }))
            })
            .collect::<Result<_>>()?,
        picture @ (DynamicImage::ImageLumaA8(_)
        | DynamicImage::ImageRgb8(_)
        | DynamicImage::ImageRgba8(_)) => picture
            .to_rgb8()
            .enumerate_pixels()
            .map(|(x, y, pixel)| match pixel.0 {
                [r, g, b] if r == g && g == b => Ok(r),
                other => Err(wrong(MaskFault::NotGrey { x, y, colour: Colour(other) })),
            })
            .collect::<Result<_>>()?,
        other => {
            let layout = format!("{:?}", other.color());
            return Err(wrong(MaskFault::Layout { layout }));
        }
    };
    Array2::from_shape_vec((height as usize, width as usize), labels).map_err(|error| {
        Error::Decode { name: path.display().to_string(), reason: error.to_string() }
    })
}

/// Reads colours as classes, (rows, columns); transparent pixels show white paper.
pub(crate) fn read_colours(
    path: &Path,
    classes: &BTreeMap<Colour, u8>,
    other: Option<u8>,
    limits: &ImageLimits,
) -> Result<Array2<u8>> {
    let (picture, _) = read_stored(path, limits)?;
    let picture = rgb(picture, &path.display().to_string())?;
    let (height, width, _) = picture.dim();
    let mut labels = Array2::zeros((height, width));
    // Neighbours mostly have the same colour.
    let mut last: Option<(Colour, u8)> = None;
    for ((row, column), label) in labels.indexed_iter_mut() {
        let colour = Colour([0, 1, 2].map(|channel| picture[[row, column, channel]]));
        *label = match last {
            Some((seen, class)) if seen == colour => class,
            _ => classes.get(&colour).copied().or(other).ok_or_else(|| {
                // Sides are below 2^32.
                let (x, y) = (column as u32, row as u32);
                let fault = MaskFault::UnknownColour { x, y, colour };
                Error::Mask { path: path.to_owned(), fault }
            })?,
        };
        last = Some((colour, *label));
    }
    Ok(labels)
}
