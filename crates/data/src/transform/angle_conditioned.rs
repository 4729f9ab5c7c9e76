//! Labels of pixels for given directions.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Transform;
use super::angle_choice::AngleChoice;
use super::arrays::{add, add_picture, canvas, wholes, zeros};
use super::class::{CLASSES, mean_one, pixel_classes};
use super::components::{Component, Details, components};
use super::direction::difference;
use crate::error::{Error, Result};
use crate::record::Record;

/// How far rounding moves a direction, radians.
const ROUNDING: f32 = 1e-6;

/// What a model that is asked about a few directions should answer at every pixel: vectors of
/// these directions, thickness, class.
///
/// Vectors that are farther than the range from all of the directions are dropped. Their pixels
/// have no vector and no weight, unless another vector or a shape has them, too.
///
/// # Shapes
///
/// With `A = angles.count` it makes from `img`, `thickness_label` `[H, W, 1]`, `vecs`
/// `[v, 2, 2]`, `bboxes` `[b, 4, 2]`, `vecs_masks` `[v, H, W, 1]`, `bbox_masks` `[b, H, W, 1]`
/// and, where there are any, `vecs_mask` `[v]` and `bbox_mask` `[b]`:
///
/// - `inputs.img`, `inputs.angle_input` `[A]`, radians in `[0, pi)`;
/// - `labels.class` `[H, W, 3]`, one-hot: background, line, shape, of all components;
/// - `labels.vecs` `[H, W, A, 4, 2]`, px: on lines the ends of the vector twice, or those of two
///   vectors where they overlap, the same for every direction; on shapes both diagonals of the
///   box, turned about its middle by the direction;
/// - `labels.thickness` `[H, W, 1]`, px, on the lines that are kept, else 0;
/// - `weights.class` `[H, W]` on all pixels but those of dropped lines, `weights.vecs` `[H, W]` on
///   the pixels that have a vector, `weights.thickness` `[H, W, 1]` on the lines that are kept:
///   mean 1 in the sample, or all 0;
/// - with `split_confidence` `labels.vecs` is `[H, W, 4, 2]`, and there are `labels.conf`
///   `[H, W, 1]`, 1 on pixels that have a vector, and `weights.conf` `[H, W, 1]` on all lines and
///   shapes.
///
/// All are `f32`. [`balance_weights`](crate::balance_weights) makes the mean of
/// `weights.thickness` 1 in a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AngleConditioned {
    /// The directions.
    pub angles: AngleChoice,
    /// Whether there are labels of confidence; there must be one direction then. Default false.
    pub split_confidence: bool,
}

impl AngleConditioned {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names a field out of its range.
    pub fn validate(&self) -> Result<()> {
        self.angles.validate()?;
        if self.split_confidence && self.angles.count != 1 {
            return Err(Error::Config {
                field: "angles.count",
                value: self.angles.count.to_string(),
                expected: "1 with split_confidence",
            });
        }
        Ok(())
    }
}

impl Transform for AngleConditioned {
    fn apply(&self, mut record: Record, rng: &mut ChaCha8Rng) -> Result<Record> {
        self.validate()?;
        let [h, w] = canvas(&record)?;
        let (_, thickness) = wholes(&record, "thickness_label", [h, w, 1])?;
        let details = Details { masks: true, thickness: false };
        let all = components(&record, [h, w], details)?;
        let directions: Vec<f32> = all.iter().filter_map(Component::direction).collect();
        let angles = self.angles.draw(&directions, rng);
        #[expect(clippy::cast_possible_truncation, reason = "an angle")]
        let range = self.angles.range as f32 + ROUNDING;
        let kept = |c: &Component<'_>| {
            c.direction().is_some_and(|d| angles.iter().any(|a| difference(d, *a) <= range))
        };
        let planes = Planes::new(&all, h * w, kept);
        let shape =
            if self.split_confidence { vec![h, w, 4, 2] } else { vec![h, w, angles.len(), 4, 2] };
        let mut vecs = zeros("labels.vecs", &shape)?;
        fill_vectors(&mut vecs, &all, &angles, kept);
        let thickness = thickness.iter().zip(&planes.kept);
        let thickness = super::line_features::px(thickness.map(|(t, k)| t * i32::from(*k)));
        let has_vector = || planes.kept.iter().zip(&planes.shape).map(|(k, s)| k | s != 0);
        let on_any = || planes.line.iter().zip(&planes.shape).map(|(l, s)| l | s != 0);
        let dropped = has_vector().zip(on_any()).map(|(has, any)| any && !has);
        let certain = mean_one(dropped.map(|dropped| !dropped));
        let classes = pixel_classes(&planes.line, &planes.shape);
        add_picture(&mut record)?;
        add(&mut record, "inputs.angle_input", &[angles.len()], angles)?;
        add(&mut record, "labels.class", &[h, w, CLASSES], classes)?;
        add(&mut record, "labels.vecs", &shape, vecs)?;
        add(&mut record, "labels.thickness", &[h, w, 1], thickness)?;
        add(&mut record, "weights.class", &[h, w], certain)?;
        add(&mut record, "weights.vecs", &[h, w], mean_one(has_vector()))?;
        let on_kept = mean_one(planes.kept.iter().map(|kept| *kept != 0));
        add(&mut record, "weights.thickness", &[h, w, 1], on_kept)?;
        if self.split_confidence {
            let conf: Vec<f32> = has_vector().map(|has| f32::from(u8::from(has))).collect();
            add(&mut record, "labels.conf", &[h, w, 1], conf)?;
            add(&mut record, "weights.conf", &[h, w, 1], mean_one(on_any()))?;
        }
        Ok(record)
    }
}

/// The pixels of all lines, of those that are kept, and of shapes.
struct Planes {
    line: Vec<u8>,
    kept: Vec<u8>,
    shape: Vec<u8>,
}

impl Planes {
    fn new(all: &[Component<'_>], pixels: usize, kept: impl Fn(&Component<'_>) -> bool) -> Self {
        let plane = || vec![0; pixels];
        let mut planes = Self { line: plane(), kept: plane(), shape: plane() };
        for component in all {
            let plane = if component.is_line() { &mut planes.line } else { &mut planes.shape };
            add_mask(plane, component.mask);
            if kept(component) {
                add_mask(&mut planes.kept, component.mask);
            }
        }
        planes
    }
}

fn add_mask(plane: &mut [u8], mask: &[u8]) {
    for (pixel, inside) in plane.iter_mut().zip(mask) {
        *pixel |= u8::from(*inside != 0);
    }
}

/// The vectors of all pixels, for every direction.
fn fill_vectors(
    vecs: &mut [f32],
    all: &[Component<'_>],
    angles: &[f32],
    kept: impl Fn(&Component<'_>) -> bool,
) {
    let stride = angles.len() * 8;
    let mut found = vec![0_u8; vecs.len() / stride];
    for line in all.iter().filter(|component| kept(component)) {
        let four = line.four_points();
        line.each_pixel(|index| {
            // A second vector takes the place of the first one's repetition.
            let from = match found[index] {
                0 => 0,
                1 => 4,
                _ => return,
            };
            found[index] += 1;
            for label in vecs[index * stride..][..stride].chunks_exact_mut(8) {
                label[from..].copy_from_slice(&four[from..]);
            }
        });
    }
    // Shapes come first where a row of them has a vector of its own.
    found.fill(0);
    for shape in all.iter().filter(|component| !component.is_line()) {
        let turned = turned_boxes(&shape.four_points(), angles);
        shape.each_pixel(|index| {
            if found[index] == 0 {
                vecs[index * stride..][..stride].copy_from_slice(&turned);
                found[index] = 1;
            }
        });
    }
}

/// Both diagonals of a box, turned about its middle by every direction.
fn turned_boxes(four: &[f32; 8], angles: &[f32]) -> Vec<f32> {
    let middle = [(four[0] + four[2]) / 2.0, (four[1] + four[3]) / 2.0];
    let mut turned = Vec::with_capacity(angles.len() * 8);
    for angle in angles {
        let (sin, cos) = angle.sin_cos();
        for corner in four.as_chunks::<2>().0 {
            let [dx, dy] = [corner[0] - middle[0], corner[1] - middle[1]];
            turned.push(middle[0] + cos * dx - sin * dy);
            turned.push(middle[1] + sin * dx + cos * dy);
        }
    }
    turned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_turn_from_x_towards_y() {
        let four = [3.0, 2.0, 1.0, 0.0, 3.0, 0.0, 1.0, 2.0];
        let turned = turned_boxes(&four, &[0.0, std::f32::consts::FRAC_PI_2]);
        let expected = [1.0, 2.0, 3.0, 0.0, 3.0, 2.0, 1.0, 0.0];
        assert_eq!(turned[..8], four);
        for (value, wanted) in turned[8..].iter().zip(expected) {
            assert!((value - wanted).abs() < 1e-6, "{turned:?}");
        }
    }

    #[test]
    fn confidence_is_for_one_direction() {
        let step = AngleConditioned { split_confidence: true, ..AngleConditioned::default() };
        assert!(AngleConditioned::default().validate().is_ok() && step.validate().is_err());
        let angles = AngleChoice { count: 1, ..AngleChoice::default() };
        assert!(AngleConditioned { angles, ..step }.validate().is_ok());
        let angles = AngleChoice { count: 0, ..AngleChoice::default() };
        assert!(AngleConditioned { angles, ..AngleConditioned::default() }.validate().is_err());
    }
}
