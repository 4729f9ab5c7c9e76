//! Components of a record: lines with their vectors and shapes with their boxes.

use super::arrays::{ANY, bytes, reals, wholes};
use super::class::{CLASSES, Class};
use super::direction::direction;
use crate::error::{Error, Result};
use crate::record::Record;

/// A line or a shape.
#[derive(Debug, Clone, Copy)]
pub(super) struct Component<'a> {
    pub(super) class: Class,
    /// Two ends or four corners, x and y each.
    pub(super) points: &'a [f32],
    /// Its pixels; empty if they were not asked for.
    pub(super) mask: &'a [u8],
    /// Its thickness, px; 0 if it was not asked for.
    pub(super) thickness: i32,
}

/// What is read of components beside their points.
#[derive(Debug, Clone, Copy)]
pub(super) struct Details {
    pub(super) masks: bool,
    pub(super) thickness: bool,
}

/// Names of the arrays of a class.
struct Names {
    class: Class,
    points: &'static str,
    count: usize,
    slots: &'static str,
    masks: &'static str,
    thickness: &'static str,
}

const LINES: Names = Names {
    class: Class::Line,
    points: "vecs",
    count: 2,
    slots: "vecs_mask",
    masks: "vecs_masks",
    thickness: "vecs_thickness",
};

const SHAPES: Names = Names {
    class: Class::Shape,
    points: "bboxes",
    count: 4,
    slots: "bbox_mask",
    masks: "bbox_masks",
    thickness: "bbox_thickness",
};

/// The components of a record in its order, lines before shapes, without padding. A component
/// whose pixels were asked for has some.
pub(super) fn components<'a>(
    record: &'a Record,
    size: [usize; 2],
    details: Details,
) -> Result<Vec<Component<'a>>> {
    let mut all = Vec::new();
    for names in [LINES, SHAPES] {
        add_class(record, size, details, &names, &mut all)?;
    }
    Ok(all)
}

fn add_class<'a>(
    record: &'a Record,
    [h, w]: [usize; 2],
    details: Details,
    names: &Names,
    all: &mut Vec<Component<'a>>,
) -> Result<()> {
    let ([n, ..], points) = reals(record, names.points, [ANY, names.count, 2])?;
    let slots = match record.contains(names.slots) {
        true => Some(bytes(record, names.slots, [n])?.1),
        false => None,
    };
    let masks = match details.masks {
        true => Some(bytes(record, names.masks, [n, h, w, 1])?.1),
        false => None,
    };
    let thicknesses = match details.thickness {
        true => Some(wholes(record, names.thickness, [n])?.1),
        false => None,
    };
    for (index, points) in points.chunks_exact(names.count * 2).enumerate() {
        let mask = masks.map_or(&[][..], |masks| &masks[index * h * w..][..h * w]);
        let hidden = masks.is_some() && mask.chunks(WORD).all(is_zero);
        if hidden || slots.is_some_and(|slots| slots[index] == 0) {
            continue;
        }
        if let Some(value) = points.iter().find(|value| !value.is_finite()) {
            return Err(Error::FieldValue {
                name: names.points.into(),
                value: value.to_string(),
                expected: "finite",
            });
        }
        let thickness = thicknesses.map_or(0, |values| values[index]);
        all.push(Component { class: names.class, points, mask, thickness });
    }
    Ok(())
}

/// Pixels that are looked at together: components are small and most of their masks is empty.
const WORD: usize = 16;

fn is_zero(pixels: &[u8]) -> bool {
    match <&[u8; WORD]>::try_from(pixels) {
        Ok(word) => u128::from_ne_bytes(*word) == 0,
        Err(_) => pixels.iter().all(|pixel| *pixel == 0),
    }
}

impl Component<'_> {
    /// Calls `visit` with the index of each of its pixels.
    pub(super) fn each_pixel(&self, mut visit: impl FnMut(usize)) {
        for (index, word) in self.mask.chunks(WORD).enumerate() {
            if is_zero(word) {
                continue;
            }
            for (offset, pixel) in word.iter().enumerate() {
                if *pixel != 0 {
                    visit(index * WORD + offset);
                }
            }
        }
    }

    pub(super) fn is_line(&self) -> bool {
        self.class == Class::Line
    }

    /// Its direction in `[0, pi)`, if it is a line.
    pub(super) fn direction(&self) -> Option<f32> {
        self.is_line().then(|| direction(self.points))
    }

    /// Two pairs of points: the ends of a line twice, both diagonals of a box. Whoever predicts
    /// two points may be right by either pair.
    pub(super) fn four_points(&self) -> [f32; 8] {
        match *self.points {
            [a, b, c, d] => [a, b, c, d, a, b, c, d],
            [x0, y0, x1, y1, x2, y2, x3, y3] => [x0, y0, x2, y2, x1, y1, x3, y3],
            _ => [0.0; 8],
        }
    }

    /// The ends of a line, then a diagonal of a box; what it is not is 0.
    pub(super) fn split_points(&self) -> [f32; 8] {
        match *self.points {
            [a, b, c, d] => [a, b, c, d, 0.0, 0.0, 0.0, 0.0],
            [x0, y0, _, _, x2, y2, ..] => [0.0, 0.0, 0.0, 0.0, x0, y0, x2, y2],
            _ => [0.0; 8],
        }
    }

    /// One-hot: background, line, shape.
    pub(super) fn one_hot(&self) -> [f32; CLASSES] {
        let mut one_hot = [0.0; CLASSES];
        one_hot[self.class.index()] = 1.0;
        one_hot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_in_both_forms() {
        let component = |class, points| Component { class, points, mask: &[], thickness: 0 };
        let line = component(Class::Line, &[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(line.four_points().to_vec(), [1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 3.0, 4.0]);
        assert_eq!(line.split_points().to_vec(), [1.0, 2.0, 3.0, 4.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(line.one_hot().to_vec(), [0.0, 1.0, 0.0]);
        let shape = component(Class::Shape, &[5.0, 4.0, 5.0, 1.0, 2.0, 1.0, 2.0, 4.0]);
        assert_eq!(shape.four_points().to_vec(), [5.0, 4.0, 2.0, 1.0, 5.0, 1.0, 2.0, 4.0]);
        assert_eq!(shape.split_points().to_vec(), [0.0, 0.0, 0.0, 0.0, 5.0, 4.0, 2.0, 1.0]);
        assert!(shape.direction().is_none());
    }

    #[test]
    fn pixels_of_a_mask_of_any_length() {
        for length in [0_u8, 1, 15, 16, 17, 40] {
            let mask: Vec<u8> = (0..length).map(|i| u8::from(i % 7 == 3)).collect();
            let component =
                Component { class: Class::Line, points: &[], mask: &mask, thickness: 0 };
            let mut pixels = Vec::new();
            component.each_pixel(|pixel| pixels.push(pixel));
            assert_eq!(pixels, (0..usize::from(length)).filter(|i| i % 7 == 3).collect::<Vec<_>>());
        }
    }
}
