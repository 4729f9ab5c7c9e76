//! How pictures and annotations become samples.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::limits::ImageLimits;
use crate::picture::PictureValues;

/// An array of the samples of a [`CocoSource`](crate::CocoSource). `H` and `W` are the sides of
/// the picture, `N` its annotations, `P` the rings and lines of all of them, `V` the vertices of
/// the longest.
///
/// Arrays have the sizes of their sample. Those with `N`, `P` or `V` are brought to a common size
/// by [`Field::padded`](crate::Field::padded), which adds zeros; class 0 and count 0 tell the
/// padding. Positions are `(x, y)` in px.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CocoOutput {
    /// The picture, red, green and blue: `f32` or `u8`, `[H, W, 3]`.
    Img,
    /// Class of every pixel, 0 for the background; where annotations overlap, that of the last
    /// one in the file: `u8`, or `i32` for more than 255 categories, `[H, W, 1]`.
    ClassMap,
    /// Number of the annotation of every pixel, from 1, in the same order: `i32`, `[H, W, 1]`.
    InstanceMap,
    /// The pixels of every annotation: `u8`, `[N, H, W, 1]`.
    Masks,
    /// Classes, from 1: `i32`, `[N]`.
    Classes,
    /// Corners of boxes, from the lower right one against the clock: `f32`, `[N, 4, 2]`. A zero
    /// box for an annotation that has neither a box nor a shape.
    Bboxes,
    /// 1 where an annotation marks many things: `u8`, `[N]`.
    Crowd,
    /// Rings (without repeating the first vertex) and lines, padded with zeros: `f32`,
    /// `[P, V, 2]`. Annotations with run lengths have none.
    Vertices,
    /// Number of vertices of every ring and line: `i32`, `[P]`.
    VertexCounts,
    /// Index of its annotation, from 0: `i32`, `[P]`.
    VertexInstances,
    /// 1 for rings, 0 for lines: `u8`, `[P]`.
    VertexClosed,
}

impl CocoOutput {
    /// All outputs.
    pub const ALL: [Self; 11] = [
        Self::Img,
        Self::ClassMap,
        Self::InstanceMap,
        Self::Masks,
        Self::Classes,
        Self::Bboxes,
        Self::Crowd,
        Self::Vertices,
        Self::VertexCounts,
        Self::VertexInstances,
        Self::VertexClosed,
    ];

    /// Its name in records and configurations.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Img => "img",
            Self::ClassMap => "class_map",
            Self::InstanceMap => "instance_map",
            Self::Masks => "masks",
            Self::Classes => "classes",
            Self::Bboxes => "bboxes",
            Self::Crowd => "crowd",
            Self::Vertices => "vertices",
            Self::VertexCounts => "vertex_counts",
            Self::VertexInstances => "vertex_instances",
            Self::VertexClosed => "vertex_closed",
        }
    }
}

/// How a [`CocoSource`](crate::CocoSource) reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CocoConfig {
    /// The arrays of a sample. Nothing else is computed. Default all.
    pub outputs: Vec<CocoOutput>,
    /// Names of categories in the order of the classes, from 1, so that several files have the
    /// same classes. A category that is not among them is an error. Empty (the default): the
    /// order of the file.
    pub categories: Vec<String>,
    /// Numbers of the picture. Default `unit`.
    pub picture: PictureValues,
    /// Width of lines that have none of their own, px, above 0. Default 1.
    pub line_width: f64,
    /// Whether pictures without annotations are left out. Default false.
    pub skip_empty: bool,
    /// Whether annotations of crowds are left out. Default false.
    pub skip_crowd: bool,
    /// Largest picture.
    pub limits: ImageLimits,
    /// Largest JSON file, bytes. Default 2^30.
    pub max_bytes: u64,
    /// Most annotations of a picture. Default 10 000.
    pub max_instances: usize,
    /// Largest array of labels of a sample, bytes. Default 2^30.
    pub max_array_bytes: u64,
    /// Most pixels that the areas and lines of a picture may have together where they are drawn,
    /// those that lie over each other counted each time. Areas of polygons are estimated from
    /// above. Default 2^32.
    pub max_drawn_pixels: u64,
}

impl Default for CocoConfig {
    fn default() -> Self {
        Self {
            outputs: CocoOutput::ALL.to_vec(),
            categories: Vec::new(),
            picture: PictureValues::default(),
            line_width: 1.0,
            skip_empty: false,
            skip_crowd: false,
            limits: ImageLimits::default(),
            max_bytes: 1 << 30,
            max_instances: 10_000,
            max_array_bytes: 1 << 30,
            max_drawn_pixels: 1 << 32,
        }
    }
}

impl CocoConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names one that is out of its range.
    pub fn validate(&self) -> Result<()> {
        self.limits.validate()?;
        if !(self.line_width.is_finite() && self.line_width > 0.0) {
            return Err(Error::Config {
                field: "line_width",
                value: self.line_width.to_string(),
                expected: "finite and above 0",
            });
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = self.categories.iter().find(|name| !seen.insert(name.as_str())) {
            let (value, expected) = (twice.clone(), "names that differ");
            return Err(Error::Config { field: "categories", value, expected });
        }
        if self.outputs.is_empty() {
            return Err(Error::Config {
                field: "outputs",
                value: "[]".into(),
                expected: "at least one output",
            });
        }
        Ok(())
    }
}
