//! The objects of a COCO file.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use super::names::{read_flag, read_name};
use super::segmentation::{Segmentation, read_lists};
use crate::error::{Error, Result};

/// A data set: pictures, what is marked on them, and the kinds of things that are marked.
///
/// Unknown keys of a file are skipped. The order of `categories` decides the numbers of classes:
/// the first is class 1, the next 2 and so on, whatever their ids; 0 is the background.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CocoDataset {
    /// Anything about the data set as a whole.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub info: Value,
    /// Licences of the pictures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub licenses: Vec<Value>,
    /// The pictures.
    pub images: Vec<CocoImage>,
    /// What is marked on them.
    #[serde(default)]
    pub annotations: Vec<CocoAnnotation>,
    /// Kinds of things, in the order of the classes.
    #[serde(default)]
    pub categories: Vec<CocoCategory>,
}

/// A picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CocoImage {
    /// Number by which annotations name it.
    pub id: u64,
    /// Path below the folder of the pictures, with `/` between its parts.
    pub file_name: String,
    /// Width, px.
    pub width: u32,
    /// Height, px.
    pub height: u32,
}

/// A kind of things.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CocoCategory {
    /// Number by which annotations name it; not the number of the class.
    pub id: u64,
    /// Its name. Numbers are taken as text.
    #[serde(deserialize_with = "read_name")]
    pub name: String,
    /// The name of a group of categories.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supercategory: Option<String>,
}

/// Something that is marked on a picture.
///
/// COCO itself knows areas and boxes. Map data also has lines: an annotation may have the key
/// `polyline`, open lines as lists of x, y, x, y and so on (or a single list), and `width`, the
/// width at which they are drawn. A line is never closed and has no inside.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CocoAnnotation {
    /// Its number, which no other annotation has.
    pub id: u64,
    /// The picture.
    pub image_id: u64,
    /// The category.
    pub category_id: u64,
    /// The area.
    #[serde(default)]
    pub segmentation: Segmentation,
    /// Open lines, each x, y, x, y and so on, px. Read from `polylines`, too.
    #[serde(
        default,
        alias = "polylines",
        deserialize_with = "read_lists",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub polyline: Vec<Vec<f64>>,
    /// Width of the lines, px, above 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<f64>,
    /// Left, top, width and height, px. Without it, the box is that of area and lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bbox: Option<[f64; 4]>,
    /// Size of the area, px^2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<f64>,
    /// Whether it marks many things at once.
    #[serde(default, deserialize_with = "read_flag", serialize_with = "write_flag")]
    pub iscrowd: bool,
    /// Confidence of something that was found, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn write_flag<S: Serializer>(flag: &bool, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u8(u8::from(*flag))
}

impl CocoDataset {
    /// Reads a file of at most `max_bytes`, and [checks](Self::check) it.
    ///
    /// A file takes about as much memory again as it is long.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::NoFile`] and [`Error::FileTooLarge`] for a file that cannot be
    /// read; those of [`CocoDataset::parse`].
    pub fn read(path: &Path, max_bytes: u64) -> Result<Self> {
        let metadata = path.metadata().map_err(Error::io(path, "find"))?;
        if !metadata.is_file() {
            return Err(Error::NoFile { path: path.to_owned() });
        }
        let file = File::open(path).map_err(Error::io(path, "open"))?;
        let mut bytes = Vec::new();
        file.take(max_bytes.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(Error::io(path, "read"))?;
        if bytes.len() as u64 > max_bytes {
            let path = path.to_owned();
            return Err(Error::FileTooLarge { path, limit: "max_bytes", allowed: max_bytes });
        }
        Self::parse(&bytes, &path.display().to_string())
    }

    /// Reads the bytes of a file called `name`, and [checks](Self::check) what they say.
    ///
    /// # Errors
    ///
    /// [`Error::Json`] for what is no JSON of this form, with line and column (NaN and infinity
    /// are no JSON); [`Error::Coco`] for what breaks a rule.
    pub fn parse(bytes: &[u8], name: &str) -> Result<Self> {
        let dataset: Self = serde_json::from_slice(bytes)
            .map_err(|error| Error::Json { name: name.to_owned(), reason: error.to_string() })?;
        dataset.check()?;
        Ok(dataset)
    }

    /// The text of a COCO file.
    ///
    /// # Errors
    ///
    /// Those of [`CocoDataset::check`], and [`Error::Serialize`].
    pub fn to_json(&self) -> Result<String> {
        self.check()?;
        serde_json::to_string(self).map_err(|error| Error::Serialize { reason: error.to_string() })
    }
}
