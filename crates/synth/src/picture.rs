//! The picture under way: colours per pixel, painted layer by layer.

use ndarray::{Array2, Zip};

use crate::raster::Plane;

/// Red, green and blue, 0 to 255.
pub(crate) type Colour = [f32; 3];

/// A colour picture of a sheet.
#[derive(Debug)]
pub(crate) struct Picture {
    pub(crate) pixels: Array2<Colour>,
}

impl Picture {
    pub(crate) fn new(size: usize, paper: Colour) -> Self {
        Self { pixels: Array2::from_elem((size, size), paper) }
    }

    /// Covers the picture with a colour, `alpha` times the coverage per pixel.
    pub(crate) fn paint(&mut self, coverage: &Plane, colour: Colour, alpha: f32) {
        Zip::from(&mut self.pixels).and(coverage).for_each(|pixel, &share| {
            if share > 0.0 {
                let share = (share * alpha).min(1.0);
                for (value, target) in pixel.iter_mut().zip(colour) {
                    *value += (target - *value) * share;
                }
            }
        });
    }
}

/// A colour with every channel moved by independent normal amounts.
pub(crate) fn varied(draw: &mut crate::draw::Draw, colour: Colour, deviation: f64) -> Colour {
    colour.map(|value| (value + draw.normal(0.0, deviation) as f32).clamp(0.0, 255.0))
}
