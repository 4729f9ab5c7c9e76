//! Classes of pixels and components, in the one order background, line, shape.

/// Background, line, shape.
pub(super) const CLASSES: usize = 3;

/// What a component is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Background = 0,
    Line = 1,
    Shape = 2,
}

impl Class {
    /// Its place among [`CLASSES`].
    pub(super) fn index(self) -> usize {
        self as usize
    }
}

/// One-hot classes of pixels, `[pixels, 3]`. A pixel of a line and a shape is the shape's: only
/// symbols in a row that has a vector have such pixels.
pub(super) fn pixel_classes(line: &[u8], shape: &[u8]) -> Vec<f32> {
    let mut classes = vec![0.0; line.len() * CLASSES];
    for ((one_hot, line), shape) in classes.chunks_exact_mut(CLASSES).zip(line).zip(shape) {
        let class = match (*line != 0, *shape != 0) {
            (_, true) => Class::Shape,
            (true, false) => Class::Line,
            (false, false) => Class::Background,
        };
        one_hot[class.index()] = 1.0;
    }
    classes
}

/// Weights of pixels: 1 over the share of the pixels of a mask on its pixels, so that their mean
/// is 1; 0 elsewhere and everywhere if the mask is empty.
#[expect(clippy::cast_precision_loss, reason = "pixels of a picture within the limit of sizes")]
pub(super) fn mean_one(mask: impl ExactSizeIterator<Item = bool> + Clone) -> Vec<f32> {
    let (all, inside) = (mask.len(), mask.clone().filter(|inside| *inside).count());
    let weight = if inside == 0 { 0.0 } else { all as f32 / inside as f32 };
    mask.map(|inside| if inside { weight } else { 0.0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_have_mean_one_or_are_zero() {
        assert_eq!(mean_one([true, false, false, true].into_iter()), [2.0, 0.0, 0.0, 2.0]);
        assert_eq!(mean_one([false, false].into_iter()), [0.0, 0.0]);
        assert!(mean_one(std::iter::empty()).is_empty());
    }

    #[test]
    fn a_pixel_has_one_class() {
        let classes = pixel_classes(&[0, 1, 0, 1], &[0, 0, 1, 1]);
        assert_eq!(classes, [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0]);
    }
}
