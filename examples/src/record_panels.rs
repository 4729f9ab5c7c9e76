//! Arrays of records as pictures.

use mapvec_data::{Field, Values};
use ndarray::Array3;

use crate::canvas::COLOURS;

/// Least side of what counts as a picture: lists of points and corners are smaller, px.
const LEAST: usize = 8;

/// Rows and columns of an array that can be drawn: `[H, W, 1..=3]` or, for masks,
/// `[N, H, W, 1]`.
#[must_use]
pub fn plane_size(field: &Field) -> Option<(usize, usize)> {
    match *field.shape() {
        [height, width, 1..=3] | [_, height, width, 1] if height.min(width) >= LEAST => {
            Some((height, width))
        }
        _ => None,
    }
}

/// An array as a picture, every pixel `scale` x `scale` pixels large; nothing for one that is no
/// picture.
///
/// Three channels are red, green and blue from 0 to 1, or bytes; one or two channels are grey
/// between the least and the largest value, the second one in green; masks have a colour each, and
/// what none has is white.
#[must_use]
pub fn panel(field: &Field, scale: usize) -> Option<Array3<u8>> {
    let (height, width) = plane_size(field)?;
    let values: Vec<f32> = match field.values() {
        Values::F32(values) => values.clone(),
        Values::I32(values) => values.iter().map(|v| *v as f32).collect(),
        Values::U8(values) => values.iter().map(|v| f32::from(*v)).collect(),
        _ => return None,
    };
    let mut pixels = vec![[255_u8; 3]; height * width];
    if field.shape().len() == 4 {
        for (mask, colour) in values.chunks_exact(height * width).zip(COLOURS.iter().cycle()) {
            for (pixel, _) in pixels.iter_mut().zip(mask).filter(|(_, value)| **value > 0.0) {
                *pixel = *colour;
            }
        }
    } else {
        let channels = values.len() / (height * width);
        let finite = || values.iter().copied().filter(|v| v.is_finite());
        let (low, high) = if channels == 3 {
            (0.0, if finite().any(|v| v > 1.0) { 255.0 } else { 1.0 })
        } else {
            (finite().fold(f32::INFINITY, f32::min), finite().fold(f32::NEG_INFINITY, f32::max))
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 0 to 255; no value becomes 0"
        )]
        let level = |value: f32| {
            ((value - low) / (high - low).max(1e-12) * 255.0).round().clamp(0.0, 255.0) as u8
        };
        for (pixel, value) in pixels.iter_mut().zip(values.chunks_exact(channels)) {
            *pixel = match *value {
                [r, g, b] => [level(r), level(g), level(b)],
                [x, y] => [level(x), level(y), 128],
                [grey] => [level(grey); 3],
                _ => [255; 3],
            };
        }
    }
    Some(Array3::from_shape_fn((height * scale, width * scale, 3), |(y, x, c)| {
        pixels[y / scale * width + x / scale][c]
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_masks_and_lists() {
        let mut values = vec![0.0_f32; 64];
        (values[1], values[8], values[9]) = (1.0, 2.0, f32::NAN);
        let grey = Field::new(vec![8, 8, 1], values).unwrap();
        let panel_of = |field: &Field| panel(field, 2).unwrap();
        assert_eq!(panel_of(&grey)[[2, 1, 0]], 255, "the largest value is white");
        assert_eq!(panel_of(&grey)[[0, 2, 1]], 128, "half of it is grey");
        assert_eq!(panel_of(&grey)[[3, 3, 2]], 0, "no value is black");
        let mut values = vec![0_u8; 128];
        (values[1], values[64 + 8]) = (1, 1);
        let masks = Field::new(vec![2, 8, 8, 1], values).unwrap();
        let picture = panel_of(&masks);
        assert_eq!([0, 1, 2].map(|c| picture[[0, 2, c]]), COLOURS[0]);
        assert_eq!([0, 1, 2].map(|c| picture[[2, 0, c]]), COLOURS[1]);
        assert_eq!([0, 1, 2].map(|c| picture[[0, 0, c]]), [255; 3]);
        assert!(panel(&Field::new(vec![4, 2], vec![0_u8; 8]).unwrap(), 1).is_none());
    }
}
