//! Labels per pixel: what a dense model is taught.

use std::f32::consts::{FRAC_PI_2, PI};

use ndarray::Array2;

use crate::error::{Error, Result};
use crate::rearrange::Rearrange;

/// The labels of one picture, one array of equal size (rows, columns) per task.
#[derive(Debug, Clone, PartialEq)]
pub struct PixelLabels {
    /// 1 on a ribbon about 3 px wide around the outline between regions, else 0.
    pub boundary: Array2<u8>,
    /// 1 on a ribbon about 3 px wide around the axis of line features, else 0.
    pub centreline: Array2<u8>,
    /// 0 background, 1 line, 2 shape.
    pub class: Array2<u8>,
    /// Undirected direction of the nearest line, radians in [0, pi) from +x towards +y;
    /// NaN where undefined.
    pub angle: Array2<f32>,
    /// Width of the line drawn here, px, above 0; NaN where undefined.
    pub thickness: Array2<f32>,
    /// What is drawn here and is no map feature: 0 nothing, 1 text, 2 hatching, 3 dashes.
    pub distractor: Array2<u8>,
}

impl PixelLabels {
    /// Labels that say nothing: background, no ribbon, no distractor, NaN elsewhere.
    #[must_use]
    pub fn empty(height: usize, width: usize) -> Self {
        let size = (height, width);
        Self {
            boundary: Array2::zeros(size),
            centreline: Array2::zeros(size),
            class: Array2::zeros(size),
            angle: Array2::from_elem(size, f32::NAN),
            thickness: Array2::from_elem(size, f32::NAN),
            distractor: Array2::zeros(size),
        }
    }

    /// Checks that every array has the given size (rows, columns).
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] names the first array that differs.
    pub fn check_size(&self, expected: (usize, usize)) -> Result<()> {
        let sizes = [
            ("labels.boundary", self.boundary.dim()),
            ("labels.centreline", self.centreline.dim()),
            ("labels.class", self.class.dim()),
            ("labels.angle", self.angle.dim()),
            ("labels.thickness", self.thickness.dim()),
            ("labels.distractor", self.distractor.dim()),
        ];
        for (field, found) in sizes {
            if found != expected {
                return Err(Error::Shape { field, expected, found });
            }
        }
        Ok(())
    }

    /// Moves the pixels of every array, and the angles with them.
    pub(crate) fn rearranged(&self, rearrange: Rearrange<'_>) -> Self {
        let mut angle = rearrange.apply(&self.angle);
        match rearrange {
            Rearrange::Rotate(turns) if turns % 2 == 1 => angle.mapv_inplace(quarter_turn),
            Rearrange::Flip => angle.mapv_inplace(mirror),
            Rearrange::Rotate(_) | Rearrange::Crop(_) => {}
        }
        Self {
            boundary: rearrange.apply(&self.boundary),
            centreline: rearrange.apply(&self.centreline),
            class: rearrange.apply(&self.class),
            angle,
            thickness: rearrange.apply(&self.thickness),
            distractor: rearrange.apply(&self.distractor),
        }
    }
}

/// A direction after a quarter turn, again in [0, pi). NaN stays NaN.
pub(crate) fn quarter_turn(angle: f32) -> f32 {
    let turned = angle + FRAC_PI_2;
    if turned >= PI { turned - PI } else { turned }
}

/// A direction after x was negated, again in [0, pi). NaN stays NaN.
pub(crate) fn mirror(angle: f32) -> f32 {
    let mirrored = PI - angle;
    if mirrored >= PI { 0.0 } else { mirrored }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turned_angles_stay_in_range() {
        let near_pi = f32::from_bits(PI.to_bits() - 1);
        for angle in [0.0, f32::MIN_POSITIVE, 1e-8, 0.5, FRAC_PI_2, 3.0, near_pi] {
            for moved in [quarter_turn(angle), mirror(angle)] {
                assert!((0.0..PI).contains(&moved), "{angle} became {moved}");
            }
            let twice = quarter_turn(quarter_turn(angle));
            let distance = (twice - angle).abs();
            assert!(distance.min(PI - distance) < 1e-6, "{angle} became {twice} after a half turn");
        }
        assert!(quarter_turn(f32::NAN).is_nan() && mirror(f32::NAN).is_nan(), "NaN stays");
    }

    #[test]
    fn a_wrong_size_is_named() {
        let mut labels = PixelLabels::empty(4, 5);
        labels.thickness = Array2::zeros((5, 4));
        let message = labels.check_size((4, 5)).unwrap_err().to_string();
        assert!(message.contains("labels.thickness"), "{message}");
        assert!(message.contains("(5, 4)"), "{message}");
    }
}
