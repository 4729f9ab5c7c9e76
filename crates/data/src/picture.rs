//! Pictures as arrays of records.

use ndarray::Array3;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::record::{Field, Values};

/// The numbers that stand for the brightness of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PictureValues {
    /// `f32` from 0 to 1.
    #[default]
    Unit,
    /// `u8` from 0 to 255.
    Bytes,
}

/// A picture, (rows, columns, channels), as a field.
pub(crate) fn picture_field(image: Array3<u8>, values: PictureValues) -> Result<Field> {
    let (height, width, channels) = image.dim();
    let bytes = image.into_iter();
    let values: Values = match values {
        PictureValues::Unit => bytes.map(|byte| f32::from(byte) / 255.0).collect::<Vec<_>>().into(),
        PictureValues::Bytes => bytes.collect::<Vec<_>>().into(),
    };
    Field::new(vec![height, width, channels], values)
}
