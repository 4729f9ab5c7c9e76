//! Labels of scenes of matching patterns, each by its name.

use std::f64::consts::FRAC_PI_2;

use mapvec_data::{Field, Values};

use super::config::MatchingConfig;
use super::scene::{Pattern, Scene};
use crate::pattern::plane::angle_label;
use crate::selection::outputs;

outputs! {
    /// A label of a scene of matching patterns, or its picture. `H` and `W` are the sides of the
    /// canvas (of each other where rows and columns change places), `n` the number of visible
    /// patterns.
    ///
    /// Patterns come front to back. A pixel is a pattern's if more than half of it has the
    /// pattern's colours once what lies in front is taken away, so masks are disjoint. Positions
    /// are `(x, y)` in px, pixel `(row i, column j)` covering `[j, j + 1) x [i, i + 1)`.
    MatchingOutput {
        /// The picture, red, green and blue from 0 to 1: `f32`, `[H, W, 3]`.
        Img = "img",
        /// 1 on pixels of dominant patterns: `u8`, `[H, W, 1]`.
        DominantMask = "dominant_mask",
        /// 1 on pixels of segments, 2 on those of quadrilaterals, 0 on the background: `u8`,
        /// `[H, W, 1]`.
        Classes = "classes",
        /// The visible share of every pixel that every pattern has, 0 to 1; for a pixel they add
        /// up to at most 1: `f32`, `[n, H, W, 1]`.
        AlphaMasks = "alpha_masks",
        /// The pixels of every pattern: `u8`, `[n, H, W, 1]`.
        Masks = "masks",
        /// Undirected directions of segments and of stripes, radians in `[0, pi)`, 0 for areas of
        /// one colour: `f32`, `[n]`. Divided by pi, they are the shares of half a turn that some
        /// models are taught.
        Angles = "angles",
        /// 1 for patterns that have a direction: `u8`, `[n]`.
        AnglesMask = "angles_mask",
        /// Corners of the boxes around the pixels of patterns, from the lower right one against
        /// the clock: `f32`, `[n, 4, 2]`.
        Bboxes = "bboxes",
        /// 1 for every pattern, so that padding shows: `u8`, `[n]`.
        PatternsMask = "patterns_mask",
        /// 1 for dominant patterns: `u8`, `[n]`.
        Dominant = "dominant",
        /// 1 for segments, 2 for quadrilaterals: `i32`, `[n]`.
        PatternClasses = "pattern_classes",
    }
}

impl MatchingOutput {
    /// The shape with as many entries as any scene of `config` can have.
    #[must_use]
    pub fn padded_shape(self, config: &MatchingConfig) -> Vec<usize> {
        let n = config.dominants_num_range[1] + config.noise_num_range[1] - 2;
        let (h, w) = (config.height, config.width);
        if config.transpose_prob <= 0.0 {
            self.shape((h, w), n)
        } else if config.transpose_prob >= 1.0 {
            self.shape((w, h), n)
        } else {
            self.shape((h.max(w), h.max(w)), n)
        }
    }

    fn shape(self, (h, w): (usize, usize), n: usize) -> Vec<usize> {
        match self {
            Self::Img => vec![h, w, 3],
            Self::DominantMask | Self::Classes => vec![h, w, 1],
            Self::AlphaMasks | Self::Masks => vec![n, h, w, 1],
            Self::Angles
            | Self::AnglesMask
            | Self::PatternsMask
            | Self::Dominant
            | Self::PatternClasses => vec![n],
            Self::Bboxes => vec![n, 4, 2],
        }
    }
}

impl Scene {
    /// An output; nothing else is computed.
    pub(super) fn output(&self, output: MatchingOutput) -> mapvec_data::Result<Field> {
        let (h, w) = self.size;
        let size = if self.transposed { (w, h) } else { (h, w) };
        Field::new(output.shape(size, self.patterns.len()), self.values(output))
    }

    fn values(&self, output: MatchingOutput) -> Values {
        use Values::{F32, I32, U8};
        let patterns = self.patterns.iter();
        match output {
            MatchingOutput::Img => F32(self.placed(&self.image(), 3)),
            MatchingOutput::DominantMask => U8(self.painted(|pattern| u8::from(pattern.dominant))),
            MatchingOutput::Classes => U8(self.painted(|pattern| if pattern.line { 1 } else { 2 })),
            MatchingOutput::AlphaMasks => {
                F32(patterns.flat_map(|p| self.placed(&p.alpha, 1)).collect())
            }
            MatchingOutput::Masks => {
                let own = |p: &Pattern| -> Vec<u8> {
                    p.alpha.iter().map(|alpha| u8::from(*alpha > 0.5)).collect()
                };
                U8(patterns.flat_map(|p| self.placed(&own(p), 1)).collect())
            }
            MatchingOutput::Angles => F32(patterns.map(|p| self.angle(p)).collect()),
            MatchingOutput::AnglesMask => {
                U8(patterns.map(|p| u8::from(p.angle.is_some())).collect())
            }
            MatchingOutput::Bboxes => F32(patterns.flat_map(|p| self.corners(p)).collect()),
            MatchingOutput::PatternsMask => U8(vec![1; self.patterns.len()]),
            MatchingOutput::Dominant => U8(patterns.map(|p| u8::from(p.dominant)).collect()),
            MatchingOutput::PatternClasses => {
                I32(patterns.map(|p| if p.line { 1 } else { 2 }).collect())
            }
        }
    }

    /// A value per pixel, 0 on the background.
    fn painted(&self, value: impl Fn(&Pattern) -> u8) -> Vec<u8> {
        let mut plane = vec![0; self.size.0 * self.size.1];
        for pattern in &self.patterns {
            let value = value(pattern);
            for (pixel, _) in plane.iter_mut().zip(&pattern.alpha).filter(|(_, a)| **a > 0.5) {
                *pixel = value;
            }
        }
        self.placed(&plane, 1)
    }

    /// A plane with its rows and columns as they are in labels.
    fn placed<T: Copy>(&self, plane: &[T], channels: usize) -> Vec<T> {
        let (h, w) = self.size;
        if !self.transposed {
            return plane.to_vec();
        }
        let pixel = |at: usize| &plane[(at % h * w + at / h) * channels..][..channels];
        (0..h * w).flat_map(pixel).copied().collect()
    }

    fn angle(&self, pattern: &Pattern) -> f32 {
        let Some(angle) = pattern.angle else { return 0.0 };
        // Where x and y change places, directions are mirrored.
        angle_label(if self.transposed { FRAC_PI_2 - angle } else { angle })
    }

    #[expect(clippy::cast_precision_loss, reason = "columns and rows of a canvas")]
    fn corners(&self, pattern: &Pattern) -> [f32; 8] {
        let (mut low, mut high) = ([usize::MAX; 2], [0; 2]);
        for (at, _) in pattern.alpha.iter().enumerate().filter(|(_, a)| **a > 0.5) {
            let mut place = [at % self.size.1, at / self.size.1];
            if self.transposed {
                place.reverse();
            }
            for axis in 0..2 {
                low[axis] = low[axis].min(place[axis]);
                high[axis] = high[axis].max(place[axis] + 1);
            }
        }
        let [x0, y0, x1, y1] = [low[0], low[1], high[0], high[1]].map(|v| v as f32);
        [x1, y1, x1, y0, x0, y0, x0, y1]
    }
}
