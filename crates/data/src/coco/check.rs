//! The rules of a COCO file.

use std::collections::HashMap;

use super::format::{CocoAnnotation, CocoDataset, CocoImage};
use super::segmentation::Segmentation;
use crate::error::{Error, Result};
use crate::rle::RleFault;

/// The largest number that a coordinate may have, px. Larger ones are mistakes, and would lose
/// whole pixels in `f32`.
pub(super) const LARGEST_COORDINATE: f64 = 1e7;
/// The largest side of a picture, px.
const LARGEST_SIDE: u32 = 10_000_000;

/// What is wrong with an object of a COCO file.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CocoFault {
    /// Two objects of a kind have one id.
    #[error("another one has the same id; give each its own")]
    DuplicateId,
    /// An id is that of nothing.
    #[error("{key} {id} is not in the file")]
    UnknownId {
        /// The key.
        key: &'static str,
        /// The id.
        id: u64,
    },
    /// A side of a picture is out of range.
    #[error("{width} x {height} px; each side must be 1 to 10000000 px")]
    Size {
        /// Width, px.
        width: u32,
        /// Height, px.
        height: u32,
    },
    /// A number is not finite or too large.
    #[error("{key} has the value {value}; it must be finite and within 1e7 px")]
    Number {
        /// The key.
        key: &'static str,
        /// The value.
        value: f64,
    },
    /// A number is below what it may be.
    #[error("{key} = {value}: must be {expected}")]
    Range {
        /// The key.
        key: &'static str,
        /// The value.
        value: f64,
        /// The values allowed.
        expected: &'static str,
    },
    /// A list has no whole or too few points.
    #[error(
        "part {part} of {key} has {numbers} numbers; x and y of {least} points or more are needed"
    )]
    Points {
        /// The key.
        key: &'static str,
        /// Place of the list.
        part: usize,
        /// Its length.
        numbers: usize,
        /// The least number of points.
        least: usize,
    },
    /// The run lengths are those of a picture of another size.
    #[error("run lengths of {height} x {width} on a picture of {image_height} x {image_width}")]
    MaskSize {
        /// Rows of the mask.
        height: u32,
        /// Columns of the mask.
        width: u32,
        /// Rows of the picture.
        image_height: u32,
        /// Columns of the picture.
        image_width: u32,
    },
    /// The run lengths describe no mask.
    #[error("run lengths: {0}")]
    Rle(RleFault),
    /// A picture on the disk has not the size that the file says.
    #[error("the picture has {found:?} rows and columns, the file says {expected:?}")]
    PictureSize {
        /// Rows and columns in the file.
        expected: (usize, usize),
        /// Rows and columns of the picture.
        found: (usize, usize),
    },
    /// More is marked on a picture than the caller allows.
    #[error("{found} annotations, more than max_instances = {allowed}")]
    Instances {
        /// Their number.
        found: usize,
        /// The largest number allowed.
        allowed: usize,
    },
    /// A class is not among those that were given.
    #[error("class {class:?} is not among the categories")]
    UnknownClass {
        /// The class.
        class: String,
    },
    /// A feature has no text under the key of the class.
    #[error("property {key:?} must be the name of the class")]
    NoClass {
        /// The key.
        key: String,
    },
    /// COCO has no form for a geometry.
    #[error("a {kind} cannot be written; COCO holds areas and lines")]
    Geometry {
        /// The kind of geometry.
        kind: &'static str,
    },
}

impl CocoDataset {
    /// Checks the rules that readers rely on.
    ///
    /// Ids are unique among their kind and name something; numbers are finite and within 1e7;
    /// sides of pictures are 1 to 10^7 px; rings have three points or more, lines two; boxes have
    /// no negative side; run lengths fill the picture. Names of files are checked where they
    /// are used, by [`CocoSource::open`](crate::CocoSource::open).
    ///
    /// # Errors
    ///
    /// [`Error::Coco`] names the first object that breaks one.
    pub fn check(&self) -> Result<()> {
        let mut images = HashMap::with_capacity(self.images.len());
        for image in &self.images {
            let in_image = fault_in("image", image.id);
            let (width, height) = (image.width, image.height);
            if !(1..=LARGEST_SIDE).contains(&width) || !(1..=LARGEST_SIDE).contains(&height) {
                return Err(in_image(CocoFault::Size { width, height }));
            }
            if images.insert(image.id, image).is_some() {
                return Err(in_image(CocoFault::DuplicateId));
            }
        }
        unique("category", self.categories.iter().map(|category| category.id))?;
        unique("annotation", self.annotations.iter().map(|annotation| annotation.id))?;
        let categories: HashMap<u64, ()> =
            self.categories.iter().map(|category| (category.id, ())).collect();
        for annotation in &self.annotations {
            let wrong = fault_in("annotation", annotation.id);
            let id = annotation.image_id;
            let Some(image) = images.get(&id) else {
                return Err(wrong(CocoFault::UnknownId { key: "image_id", id }));
            };
            let id = annotation.category_id;
            if !categories.contains_key(&id) {
                return Err(wrong(CocoFault::UnknownId { key: "category_id", id }));
            }
            check_annotation(annotation, image).map_err(wrong)?;
        }
        Ok(())
    }
}

/// Makes the error of an object.
pub(super) fn fault_in(kind: &'static str, id: u64) -> impl Fn(CocoFault) -> Error + Copy {
    move |fault| Error::Coco { item: format!("{kind} {id}"), fault }
}

fn unique(kind: &'static str, ids: impl Iterator<Item = u64>) -> Result<()> {
    let mut ids: Vec<u64> = ids.collect();
    ids.sort_unstable();
    match ids.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(fault_in(kind, pair[0])(CocoFault::DuplicateId)),
        None => Ok(()),
    }
}

fn check_annotation(annotation: &CocoAnnotation, image: &CocoImage) -> Result<(), CocoFault> {
    match &annotation.segmentation {
        Segmentation::Polygons(parts) => check_lists("segmentation", parts, 3)?,
        Segmentation::Rle { size: [height, width], .. } => {
            let (image_height, image_width) = (image.height, image.width);
            let (height, width) = (*height, *width);
            if (height, width) != (image_height, image_width) {
                return Err(CocoFault::MaskSize { height, width, image_height, image_width });
            }
        }
    }
    check_lists("polyline", &annotation.polyline, 2)?;
    if let Some(bbox) = annotation.bbox {
        bbox.iter().try_for_each(|&value| check_number("bbox", value))?;
        if let Some(&value) = bbox[2..].iter().find(|&&side| side < 0.0) {
            let expected = "x, y, width, height with sides of 0 or more";
            return Err(CocoFault::Range { key: "bbox", value, expected });
        }
    }
    // Areas are products of two lengths.
    let checks = [
        ("area", annotation.area, LARGEST_COORDINATE * LARGEST_COORDINATE, true),
        ("width", annotation.width, LARGEST_COORDINATE, false),
        ("score", annotation.score, LARGEST_COORDINATE, true),
    ];
    for (key, value, most, zero) in checks {
        let Some(value) = value else { continue };
        if !(value.is_finite() && value >= 0.0 && value <= most && (zero || value > 0.0)) {
            let expected = if zero { "finite and 0 or more" } else { "finite and above 0" };
            return Err(CocoFault::Range { key, value, expected });
        }
    }
    Ok(())
}

fn check_lists(key: &'static str, parts: &[Vec<f64>], least: usize) -> Result<(), CocoFault> {
    for (part, numbers) in parts.iter().enumerate() {
        if numbers.len() % 2 == 1 || numbers.len() < 2 * least {
            return Err(CocoFault::Points { key, part, numbers: numbers.len(), least });
        }
        numbers.iter().try_for_each(|&value| check_number(key, value))?;
    }
    Ok(())
}

fn check_number(key: &'static str, value: f64) -> Result<(), CocoFault> {
    if value.is_finite() && value.abs() <= LARGEST_COORDINATE {
        return Ok(());
    }
    Err(CocoFault::Number { key, value })
}
