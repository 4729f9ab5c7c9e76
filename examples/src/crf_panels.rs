//! Pictures of labels before and after a CRF.

use ndarray::{Array2, Array3, s};

use crate::canvas::{COLOURS, Colour};

/// Pixels between panels.
const GAP: usize = 8;
/// What is unknown.
const UNKNOWN: Colour = [255; 3];

/// A colour per class: those that are told apart best, then shades around the circle of hues.
#[must_use]
#[expect(clippy::cast_sign_loss, reason = "tones lie between 0 and 255")]
pub fn palette(classes: usize) -> Vec<Colour> {
    let shade = |class: usize| {
        // Golden steps keep neighbours apart.
        let hue = class as f64 * 0.618_034;
        [0.0, 1.0 / 3.0, 2.0 / 3.0].map(|phase| {
            let wave = ((hue + phase) * std::f64::consts::TAU).cos();
            (127.0 + 90.0 * wave) as u8
        })
    };
    (0..classes).map(|class| COLOURS.get(class).copied().unwrap_or_else(|| shade(class))).collect()
}

/// Labels in the colours of their classes; what has none is white.
#[must_use]
pub fn painted(labels: &Array2<Option<usize>>, colours: &[Colour]) -> Array3<u8> {
    let (rows, columns) = labels.dim();
    Array3::from_shape_fn((rows, columns, 3), |(y, x, c)| {
        let colour = labels[(y, x)].and_then(|label| colours.get(label));
        colour.unwrap_or(&UNKNOWN)[c]
    })
}

/// The picture, the labels before, the labels after, and these over the picture.
#[must_use]
pub fn before_after(image: &Array3<u8>, before: &Array3<u8>, after: &Array3<u8>) -> Array3<u8> {
    let (rows, columns, _) = image.dim();
    let mut blended = image.clone();
    for (value, tint) in blended.iter_mut().zip(after) {
        *value = u8::midpoint(*value, *tint);
    }
    let mut out = Array3::from_elem((rows, 4 * columns + 3 * GAP, 3), 120);
    for (index, panel) in [image, before, after, &blended].into_iter().enumerate() {
        let left = index * (columns + GAP);
        out.slice_mut(s![.., left..left + columns, ..]).assign(panel);
    }
    out
}
