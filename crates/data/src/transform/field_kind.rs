//! How arrays move with their picture.

use serde::{Deserialize, Serialize};

/// What the numbers of an array mean in the plane of the picture. `H` and `W` are the picture's
/// height and width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FieldKind {
    /// Values of pixels, any type: `[.., H, W, C]`.
    Plane,
    /// Differences of positions `(dx, dy)` at pixels: `f32`, `[.., H, W, C]` with even `C`.
    VectorPlane,
    /// Undirected directions at pixels, radians: `f32`, `[.., H, W, C]`.
    AnglePlane,
    /// Positions `(x, y)` in px: `f32`, `[.., 2]`.
    Points,
    /// Upright boxes by their corners from the lower right one against the clock: `f32`,
    /// `[.., 4, 2]`. They keep that order, and boxes of zeros stay what they are.
    Boxes,
    /// Differences of positions `(dx, dy)`: `f32`, `[.., 2]`.
    Vectors,
    /// Undirected directions, radians: `f32`, any shape.
    Angles,
    /// Nothing: counts, classes, thicknesses.
    Fixed,
}

/// The kind of an array and where it holds no value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldGeometry {
    /// What its numbers mean.
    pub kind: FieldKind,
    /// An array that is 0 where this one holds no value, with a number for each of its pixels or
    /// rows: what is empty keeps its zeros. None by default: there are values everywhere.
    #[serde(default)]
    pub mask: Option<String>,
}

impl FieldGeometry {
    /// That of an array of generators and readers, by its name and by its number of dimensions
    /// where a name has two meanings. What no kind fits (frequencies and phases of waves, the steps
    /// and patches of shifted lines) is left to the caller, who drops it before the move or names
    /// a kind.
    pub(super) fn of_generators(name: &str, shape: &[usize]) -> Option<Self> {
        use FieldKind::{AnglePlane, Angles, Boxes, Fixed, Plane, Points, VectorPlane};
        let plane = matches!(shape, [_, _, 1]);
        let (kind, mask) = match name {
            "img" | "line_label" | "shape_label" | "thickness_label" | "pattern_masks"
            | "shape_masks" | "vecs_masks" | "bbox_masks" | "alpha_masks" | "class_map"
            | "distractor_mask" | "dominant_mask" | "instance_map" | "line_mask" | "masks"
            | "opacity" | "proposal_masks" | "proposals" | "background_mask" | "color_label"
            | "fields" | "boundary" | "centreline" | "class" | "distractor" => (Plane, None),
            "classes" | "thickness" if plane => (Plane, None),
            "angle_label" => (AnglePlane, Some("line_label")),
            // Of map samples: NaN, which moves leave alone, is where there is no direction.
            "angle" if plane => (AnglePlane, None),
            "angle" => (Angles, None),
            "angles" => (Angles, Some("angles_mask")),
            "center_vec_label" => (VectorPlane, None),
            "vecs" => (Points, Some("vecs_mask")),
            "vertices" => (Points, Some("vertices_mask")),
            "crest_lines" | "endpoints" | "sample_point" => (Points, None),
            "bboxes" => (Boxes, Some("bbox_mask")),
            "vecs_mask" | "bbox_mask" | "shape_thickness" | "vecs_thickness" | "bbox_thickness"
            | "vecs_pattern_idxs" | "bbox_pattern_idxs" | "colors" | "crest_pattern_idxs"
            | "crowd" | "dominant" | "lengths" | "pattern_classes" | "pattern_thickness"
            | "patterns_mask" | "thickness" | "classes" | "closed" | "vertices_mask"
            | "angles_mask" => (Fixed, None),
            _ => return None,
        };
        Some(Self { kind, mask: mask.map(str::to_owned) })
    }

    /// Masks that take the place of the usual one where a generator has another.
    pub(super) fn other_mask(name: &str) -> Option<&'static str> {
        match name {
            // Waves.
            "angle_label" => Some("classes"),
            "angles" => Some("patterns_mask"),
            _ => None,
        }
    }
}
