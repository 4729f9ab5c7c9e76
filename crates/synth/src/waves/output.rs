//! Labels of scenes of waves, each by its name.

use mapvec_data::{Field, Values};

use super::config::WaveConfig;
use super::scene::{Pattern, Scene};
use crate::pattern::mask::stack;
use crate::pattern::plane::angle_label;
use crate::selection::{outputs, whole};

outputs! {
    /// A label of a scene of waves, or its picture. `S` is the side of the canvas, `p`, `v` and
    /// `c` the numbers of patterns, vectors and crests.
    ///
    /// Patterns, and their vectors and crests, come front to back, those of a pattern in the
    /// order of increasing phase. All masks are disjoint: what is hidden belongs to what hides it.
    /// Positions are `(x, y)` in px, pixel `(row i, column j)` covering
    /// `[j, j + 1) x [i, i + 1)`.
    WaveOutput {
        /// The picture, red, green and blue from 0 to 1: `f32`, `[S, S, 3]`.
        Img = "img",
        /// 1 on pixels of lines, 0 on the background: `u8`, `[S, S, 1]`.
        Classes = "classes",
        /// Undirected direction of lines, radians in `[0, pi)`, 0 on the background: `f32`,
        /// `[S, S, 1]`.
        AngleLabel = "angle_label",
        /// The visible pixels of every pattern: `u8`, `[p, S, S, 1]`.
        PatternMasks = "pattern_masks",
        /// Frequencies `(u, v)`, cycles per side of the canvas along x and y: `f32`, `[p, 2]`.
        Frequencies = "frequencies",
        /// Phases at the corner of the canvas, radians in `[-pi, pi)`: `f32`, `[p]`.
        Phases = "phases",
        /// Distances between the lines of a pattern, px: `f32`, `[p]`.
        Lengths = "lengths",
        /// Undirected directions of the lines of a pattern, radians in `[0, pi)`: `f32`, `[p]`.
        Angles = "angles",
        /// Widths of the lines of a pattern, px: `i32`, `[p]`.
        PatternThickness = "pattern_thickness",
        /// Colours of patterns, red, green and blue from 0 to 1: `f32`, `[p, 3]`.
        Colors = "colors",
        /// 1 for every pattern, so that padding shows: `u8`, `[p]`.
        PatternsMask = "patterns_mask",
        /// The waves at the centres of pixels, -1 to 1: `f32`, `[p, S, S, 1]`.
        Fields = "fields",
        /// Visible ends of the drawn lines, on their axes: `f32`, `[v, 2, 2]`.
        Vecs = "vecs",
        /// 1 for every vector: `u8`, `[v]`.
        VecsMask = "vecs_mask",
        /// The visible pixels of every line: `u8`, `[v, S, S, 1]`.
        VecsMasks = "vecs_masks",
        /// Widths of lines, px: `i32`, `[v]`.
        VecsThickness = "vecs_thickness",
        /// Number of the pattern of every vector, from 1: `i32`, `[v]`.
        VecsPatternIdxs = "vecs_pattern_idxs",
        /// Ends of all crests of the visible patterns inside the canvas, drawn or not: `f32`,
        /// `[c, 2, 2]`.
        CrestLines = "crest_lines",
        /// Number of the pattern of every crest, from 1: `i32`, `[c]`.
        CrestPatternIdxs = "crest_pattern_idxs",
    }
}

impl WaveOutput {
    /// The shape with as many entries as any scene of `config` can have.
    #[must_use]
    pub fn padded_shape(self, config: &WaveConfig) -> Vec<usize> {
        let patterns = config.patterns_num_range[1] - 1;
        // |u| + |v| crests and one more cross the canvas.
        let most = std::f64::consts::SQRT_2 * config.size as f64 / config.min_spacing;
        let crests = crate::cast::to_index(most) + 2;
        let lines = patterns * config.max_lines.min(crests);
        self.shape(config.size, [patterns, lines, patterns * crests])
    }

    fn shape(self, s: usize, [p, v, c]: [usize; 3]) -> Vec<usize> {
        match self {
            Self::Img => vec![s, s, 3],
            Self::Classes | Self::AngleLabel => vec![s, s, 1],
            Self::PatternMasks | Self::Fields => vec![p, s, s, 1],
            Self::Frequencies => vec![p, 2],
            Self::Phases
            | Self::Lengths
            | Self::Angles
            | Self::PatternThickness
            | Self::PatternsMask => vec![p],
            Self::Colors => vec![p, 3],
            Self::Vecs => vec![v, 2, 2],
            Self::VecsMask | Self::VecsThickness | Self::VecsPatternIdxs => vec![v],
            Self::VecsMasks => vec![v, s, s, 1],
            Self::CrestLines => vec![c, 2, 2],
            Self::CrestPatternIdxs => vec![c],
        }
    }
}

impl Scene {
    /// An output; nothing else is computed.
    pub(super) fn output(&self, output: WaveOutput) -> mapvec_data::Result<Field> {
        let values = self.values(output);
        let crests = match output {
            WaveOutput::CrestLines => values.len() / 4,
            WaveOutput::CrestPatternIdxs => values.len(),
            _ => 0,
        };
        let counts = [self.patterns.len(), self.lines.len(), crests];
        Field::new(output.shape(self.size, counts), values)
    }

    fn values(&self, output: WaveOutput) -> Values {
        use Values::{F32, I32, U8};
        let canvas = (self.size, self.size);
        let real = |value: &dyn Fn(&Pattern) -> f64| {
            F32(self.patterns.iter().map(|p| single(value(p))).collect())
        };
        match output {
            WaveOutput::Img => F32(self.image()),
            WaveOutput::Classes => {
                let mut classes = vec![0; self.size * self.size];
                self.patterns.iter().for_each(|p| p.mask.paint(1, &mut classes));
                U8(classes)
            }
            WaveOutput::AngleLabel => {
                let mut angles = vec![0.0; self.size * self.size];
                self.patterns.iter().for_each(|p| p.mask.paint(angle(p), &mut angles));
                F32(angles)
            }
            WaveOutput::PatternMasks => U8(stack(self.size, self.patterns.iter().map(|p| &p.mask))),
            WaveOutput::Frequencies => {
                F32(self.patterns.iter().flat_map(|p| p.wave.bins(canvas).map(single)).collect())
            }
            WaveOutput::Phases => real(&|p| p.wave.phase),
            WaveOutput::Lengths => real(&|p| p.wave.spacing()),
            WaveOutput::Angles => F32(self.patterns.iter().map(angle).collect()),
            WaveOutput::PatternThickness => {
                I32(self.patterns.iter().map(|p| whole(p.thickness)).collect())
            }
            WaveOutput::Colors => F32(self.patterns.iter().flat_map(|p| p.color).collect()),
            WaveOutput::PatternsMask => U8(vec![1; self.patterns.len()]),
            WaveOutput::Fields => {
                let fields = self.patterns.iter().flat_map(|p| p.wave.field(canvas));
                F32(fields.map(single).collect())
            }
            WaveOutput::Vecs => {
                F32(self.lines.iter().flat_map(|l| l.ends.into_iter().flatten()).collect())
            }
            WaveOutput::VecsMask => U8(vec![1; self.lines.len()]),
            WaveOutput::VecsMasks => U8(stack(self.size, self.lines.iter().map(|l| &l.mask))),
            WaveOutput::VecsThickness => {
                let thickness = |pattern: usize| whole(self.patterns[pattern].thickness);
                I32(self.lines.iter().map(|l| thickness(l.pattern)).collect())
            }
            WaveOutput::VecsPatternIdxs => {
                I32(self.lines.iter().map(|l| whole(l.pattern + 1)).collect())
            }
            WaveOutput::CrestLines => {
                let crests = self.patterns.iter().flat_map(|p| p.wave.crests(canvas));
                F32(crests.flat_map(|ends| ends.into_iter().flatten().map(single)).collect())
            }
            WaveOutput::CrestPatternIdxs => {
                let crests = self.patterns.iter().enumerate();
                I32(crests
                    .flat_map(|(i, p)| vec![whole(i + 1); p.wave.crests(canvas).len()])
                    .collect())
            }
        }
    }

    /// The picture, `[S, S, 3]` row by row.
    pub(super) fn image(&self) -> Vec<f32> {
        let mut image = self.background.repeat(self.size * self.size);
        for pattern in &self.patterns {
            pattern.mask.each(|y, x| {
                image[(y * self.size + x) * 3..][..3].copy_from_slice(&pattern.color);
            });
        }
        image
    }
}

/// Direction of the lines of a pattern.
fn angle(pattern: &Pattern) -> f32 {
    angle_label(pattern.wave.angle())
}

#[expect(clippy::cast_possible_truncation, reason = "labels are f32")]
fn single(value: f64) -> f32 {
    value as f32
}
