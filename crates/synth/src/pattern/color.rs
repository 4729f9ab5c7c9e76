//! Colours of a scene.

use rand::Rng;

/// Red, green and blue, 0 to 1.
pub(crate) type Color = [f32; 3];

/// Colours tried for contrast.
const ATTEMPTS: usize = 100;

/// A random colour.
fn color(rng: &mut impl Rng, grayscale: bool) -> Color {
    let level = |v: u8| f32::from(v) / 255.0;
    if grayscale {
        [level(rng.random_range(0..245)); 3]
    } else {
        std::array::from_fn(|_| level(rng.random_range(0..255)))
    }
}

/// The largest difference in a channel.
fn contrast(a: Color, b: Color) -> f64 {
    let difference = |(a, b): (f32, f32)| f64::from((a - b).abs());
    a.into_iter().zip(b).map(difference).fold(0.0, f64::max)
}

/// Colours of one scene.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Palette {
    pub(crate) background: Color,
    grayscale: bool,
    min_contrast: f64,
}

impl Palette {
    pub(crate) fn new(rng: &mut impl Rng, grayscale: bool, min_contrast: f64) -> Self {
        Self { background: color(rng, grayscale), grayscale, min_contrast }
    }

    /// Colours of shapes and of their borders.
    pub(crate) fn pair(&self, rng: &mut impl Rng) -> [Color; 2] {
        std::array::from_fn(|_| {
            let mut best = color(rng, self.grayscale);
            for _ in 1..ATTEMPTS {
                if contrast(best, self.background) >= self.min_contrast {
                    break;
                }
                let other = color(rng, self.grayscale);
                if contrast(other, self.background) > contrast(best, self.background) {
                    best = other;
                }
            }
            best
        })
    }
}

#[cfg(test)]
mod tests {
    use mapvec_data::sample_rng;

    use super::*;

    #[test]
    fn patterns_stand_out_as_asked() {
        let mut rng = sample_rng(1, 0);
        for grayscale in [false, true] {
            for _ in 0..200 {
                let palette = Palette::new(&mut rng, grayscale, 0.4);
                for color in palette.pair(&mut rng) {
                    assert!(contrast(color, palette.background) >= 0.4, "{color:?} {palette:?}");
                    assert!(!grayscale || color.iter().all(|v| v.to_bits() == color[0].to_bits()));
                }
            }
        }
    }
}
