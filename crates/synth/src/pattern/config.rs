//! What scenes of patterns look like.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::output::PatternOutput;
use crate::error::Result;
use crate::keys::read_config;
use crate::limits::{counts, in_range, ranges, refuse, weights};
use crate::selection::{check_outputs, check_side};

/// The side for which parameters in pixels are meant.
const REFERENCE_SIZE: f64 = 32.0;

/// A family of patterns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PatternFamily {
    /// Parallel lines.
    LineFilled,
    /// Two bundles of parallel lines of different colours that take turns.
    DoubleLineFilled,
    /// Segments, each from the end of the one before.
    Polyline,
    /// Equal symbols at equal steps on a line.
    LinearShapes,
    /// Equal symbols here and there.
    SpreadedShapes,
}

impl PatternFamily {
    /// Whether its components are lines.
    #[must_use]
    pub fn is_line(self) -> bool {
        matches!(self, Self::LineFilled | Self::DoubleLineFilled | Self::Polyline)
    }

    /// Whether its pattern must not have the colours of the one drawn before, with which it
    /// could be taken for one pattern.
    pub(super) fn needs_other_colors_than(self, before: Self) -> bool {
        match self {
            Self::LineFilled | Self::DoubleLineFilled => before == Self::Polyline,
            Self::Polyline => before.is_line(),
            Self::LinearShapes => before == Self::SpreadedShapes,
            Self::SpreadedShapes => !before.is_line(),
        }
    }
}

/// A kind of symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SymbolKind {
    /// A square.
    Rectangle,
    /// A right-angled triangle with two equal sides.
    Triangle,
    /// A regular polygon of many sides.
    Circle,
    /// Two segments across each other; never filled.
    Cross,
}

/// Which part of a segment that is hidden in between its vector stands for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VectorMode {
    /// From the first to the last visible pixel, across what hides the middle.
    #[default]
    Bridged,
    /// The largest connected visible part; the component has the pixels of that part alone,
    /// and the others are not drawn.
    Fragment,
}

/// How lines are drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LineConfig {
    /// Steps of thickness `t`, the upper end excluded; a line is `2 t - 1` px wide.
    pub thickness_range: [usize; 2],
    /// Whether thick lines are rarer: weight `t^-gamma`.
    pub progressive_thickness: bool,
    /// Exponent of `progressive_thickness`, 0 to 10.
    pub gamma: f64,
    /// Least length of a segment in px, beside what its thickness adds, 0 to 256; a line with
    /// no more visible pixels is not drawn.
    pub min_length: f64,
}

impl Default for LineConfig {
    fn default() -> Self {
        Self { thickness_range: [1, 4], progressive_thickness: false, gamma: 1.0, min_length: 3.0 }
    }
}

/// Bundles of parallel lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BundleConfig {
    /// Lines of a bundle, the upper end excluded.
    pub lines_num_range: [usize; 2],
    /// Gaps between lines, px, the upper end excluded.
    pub spacing_range: [usize; 2],
    /// Distance of the middle of a bundle from the border, px.
    pub center_padding: usize,
    /// Directions to choose from; the one farthest from those of earlier patterns is taken.
    /// 1 to 1000.
    pub angles_prop_num: usize,
}

impl Default for BundleConfig {
    fn default() -> Self {
        Self {
            lines_num_range: [3, 8],
            spacing_range: [1, 3],
            center_padding: 4,
            angles_prop_num: 20,
        }
    }
}

/// Polylines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PolylineConfig {
    /// Segments, the upper end excluded.
    pub vertices_range: [usize; 2],
    /// Least turn from the third segment on, radians, 0 to pi / 2.
    pub min_angle_diff: f64,
    /// Least turn from the first to the second segment, radians, 0 to pi / 2. 1 in the
    /// reference, where it came about by accident.
    pub first_angle_diff: f64,
    /// Directions to choose from, 1 to 1000.
    pub proposals_num: usize,
}

impl Default for PolylineConfig {
    fn default() -> Self {
        Self {
            vertices_range: [2, 5],
            min_angle_diff: 0.2618,
            first_angle_diff: 1.0,
            proposals_num: 16,
        }
    }
}

/// Symbols.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SymbolConfig {
    /// Sizes in px, the upper end excluded.
    pub size_range: [usize; 2],
    /// Weights of the kinds.
    pub types_probs: BTreeMap<SymbolKind, f64>,
    /// Probability that a symbol is filled.
    pub filled_prob: f64,
    /// Sides of a circle per px of its size, 1 to 64.
    pub samples_per_unit: f64,
    /// Probability that a filled symbol has a border of its own colour.
    pub add_borderline_prob: f64,
    /// Steps of thickness of borders, the upper end excluded; `2 t - 1` px.
    pub borderline_thickness_range: [usize; 2],
    /// How much smaller than the symbol the thickness of its border is at least, px.
    pub min_borderline_thickness_diff: usize,
    /// Visible pixels that a symbol has at least. The reference wanted more than
    /// `line_args.min_length`, and so never drew the smallest triangles.
    pub min_visible_pixels: usize,
}

impl Default for SymbolConfig {
    fn default() -> Self {
        use SymbolKind::{Circle, Cross, Rectangle, Triangle};
        Self {
            size_range: [2, 6],
            types_probs: [Rectangle, Triangle, Circle, Cross].map(|kind| (kind, 0.25)).into(),
            filled_prob: 0.5,
            samples_per_unit: 4.0,
            add_borderline_prob: 0.7,
            borderline_thickness_range: [1, 3],
            min_borderline_thickness_diff: 2,
            min_visible_pixels: 1,
        }
    }
}

/// Symbols on a line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RowConfig {
    /// Symbols, the upper end excluded.
    pub shapes_num_range: [usize; 2],
    /// Gaps between symbols, px, the upper end excluded.
    pub dist_range: [usize; 2],
    /// Lines to choose from, 1 to 1000.
    pub angle_proposals_num: usize,
}

impl Default for RowConfig {
    fn default() -> Self {
        Self { shapes_num_range: [3, 8], dist_range: [2, 10], angle_proposals_num: 16 }
    }
}

/// Symbols here and there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScatterConfig {
    /// Symbols, the upper end excluded.
    pub shapes_num_range: [usize; 2],
    /// Least gap between symbols, px, 0 to 1024.
    pub min_dist: f64,
    /// Places to choose from for every symbol, 1 to 1000.
    pub placement_proposals_num: usize,
}

impl Default for ScatterConfig {
    fn default() -> Self {
        Self { shapes_num_range: [3, 6], min_dist: 3.0, placement_proposals_num: 16 }
    }
}

/// What [`PatternGenerator`](super::PatternGenerator) draws.
///
/// Ranges exclude their upper end. The defaults are those of the reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent switches, named as in the reference"
)]
pub struct PatternConfig {
    /// Side of the canvas, px, 16 to 1024.
    pub size: usize,
    /// What records hold.
    pub outputs: Vec<PatternOutput>,
    /// Whether parameters in px grow with the canvas: they are meant for a side of 32 then.
    pub scale_with_size: bool,
    /// Patterns of a scene, the upper end excluded.
    pub patterns_num_range: [usize; 2],
    /// Components of a scene: at most so many are drawn, 1 to 1000.
    pub max_components_num: usize,
    /// Components that a scene has at least; another one is drawn if it has fewer.
    pub min_components_num: usize,
    /// How often a scene is drawn anew for `min_components_num`, 0 to 1000; the last one stays
    /// in any case.
    pub max_retries: usize,
    /// Probability that the second pattern of a pair has the colours of the first.
    pub use_previous_color_prob: f64,
    /// A component is drawn if more than this share of it is visible, 0 to 1.
    pub min_orig_shape_coverage: f64,
    /// Whether all colours are grey.
    pub grayscale: bool,
    /// Least difference in some channel between the colours of a pattern and the background, 0
    /// to 0.5; up to 100 colours are drawn for it.
    pub min_contrast: f64,
    /// Which part of a hidden segment its vector stands for.
    pub vector_mode: VectorMode,
    /// Whether symbols on a line (more than two that are visible) have their line as a vector.
    pub bbox_vecs: bool,
    /// Weights of the families.
    pub patterns_prob: BTreeMap<PatternFamily, f64>,
    /// How lines are drawn.
    pub line_args: LineConfig,
    /// Symbols.
    pub shape_args: SymbolConfig,
    /// Bundles of parallel lines.
    pub line_filled_args: BundleConfig,
    /// Polylines.
    pub polyline_args: PolylineConfig,
    /// Symbols on a line.
    pub linear_shapes_args: RowConfig,
    /// Symbols here and there.
    pub spreaded_shapes_args: ScatterConfig,
}

impl Default for PatternConfig {
    fn default() -> Self {
        use PatternFamily::{DoubleLineFilled, LineFilled, LinearShapes, Polyline, SpreadedShapes};
        Self {
            size: 32,
            outputs: PatternOutput::ALL.to_vec(),
            scale_with_size: false,
            patterns_num_range: [2, 5],
            max_components_num: 20,
            min_components_num: 1,
            max_retries: 10,
            use_previous_color_prob: 0.5,
            min_orig_shape_coverage: 0.5,
            grayscale: false,
            min_contrast: 0.0,
            vector_mode: VectorMode::Bridged,
            bbox_vecs: false,
            patterns_prob: [
                (LineFilled, 1.0),
                (DoubleLineFilled, 0.5),
                (Polyline, 1.0),
                (LinearShapes, 1.0),
                (SpreadedShapes, 1.0),
            ]
            .into(),
            line_args: LineConfig::default(),
            shape_args: SymbolConfig::default(),
            line_filled_args: BundleConfig::default(),
            polyline_args: PolylineConfig::default(),
            linear_shapes_args: RowConfig::default(),
            spreaded_shapes_args: ScatterConfig::default(),
        }
    }
}

impl PatternConfig {
    /// Reads a configuration; fields that are left out have their defaults.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownKey`](crate::Error::UnknownKey) names a key that does not exist and the nearest one that does;
    /// [`Error::Json`](crate::Error::Json) for text that is no such object; those of [`PatternConfig::validate`].
    pub fn from_json(text: &str) -> Result<Self> {
        let config: Self = read_config(text)?;
        config.validate()?;
        Ok(config)
    }

    /// Checks every field against its range.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) names the first field that is out of range.
    pub fn validate(&self) -> Result<()> {
        check_side("size", self.size)?;
        check_outputs(&self.outputs)?;
        let [line, bundle, polyline] = [
            &self.line_args.thickness_range,
            &self.line_filled_args.lines_num_range,
            &self.polyline_args.vertices_range,
        ];
        ranges([
            ("patterns_num_range", &self.patterns_num_range, (1, 256)),
            ("line_args.thickness_range", line, (1, 64)),
            ("line_filled_args.lines_num_range", bundle, (1, 1000)),
            ("line_filled_args.spacing_range", &self.line_filled_args.spacing_range, (0, 256)),
            ("polyline_args.vertices_range", polyline, (1, 1000)),
            ("shape_args.size_range", &self.shape_args.size_range, (1, 256)),
            (
                "shape_args.borderline_thickness_range",
                &self.shape_args.borderline_thickness_range,
                (1, 64),
            ),
            (
                "linear_shapes_args.shapes_num_range",
                &self.linear_shapes_args.shapes_num_range,
                (1, 1000),
            ),
            ("linear_shapes_args.dist_range", &self.linear_shapes_args.dist_range, (0, 512)),
            (
                "spreaded_shapes_args.shapes_num_range",
                &self.spreaded_shapes_args.shapes_num_range,
                (1, 1000),
            ),
        ])?;
        counts([
            ("max_components_num", self.max_components_num, (1, 1000)),
            ("max_retries", self.max_retries, (0, 1000)),
            ("line_filled_args.angles_prop_num", self.line_filled_args.angles_prop_num, (1, 1000)),
            ("polyline_args.proposals_num", self.polyline_args.proposals_num, (1, 1000)),
            (
                "linear_shapes_args.angle_proposals_num",
                self.linear_shapes_args.angle_proposals_num,
                (1, 1000),
            ),
            (
                "spreaded_shapes_args.placement_proposals_num",
                self.spreaded_shapes_args.placement_proposals_num,
                (1, 1000),
            ),
            (
                "shape_args.min_borderline_thickness_diff",
                self.shape_args.min_borderline_thickness_diff,
                (0, 256),
            ),
            ("shape_args.min_visible_pixels", self.shape_args.min_visible_pixels, (1, 1 << 20)),
        ])?;
        if self.min_components_num > self.max_components_num {
            return refuse(
                "min_components_num",
                self.min_components_num,
                "at most max_components_num",
            );
        }
        // It grows with the canvas, too.
        if self.scaled().line_filled_args.center_padding.saturating_mul(2) >= self.size {
            return refuse(
                "line_filled_args.center_padding",
                self.line_filled_args.center_padding,
                "less than half the size, or less than 16 if it grows with the canvas",
            );
        }
        self.validate_shares()
    }

    fn validate_shares(&self) -> Result<()> {
        let half_turn = (0.0, std::f64::consts::FRAC_PI_2);
        let unit = (0.0, 1.0);
        let probability = "from 0 to 1";
        let (line, shape) = (&self.line_args, &self.shape_args);
        let turn = "from 0 to pi / 2";
        in_range("line_args.gamma", line.gamma, (0.0, 10.0), "from 0 to 10")?;
        in_range("line_args.min_length", line.min_length, (0.0, 256.0), "from 0 to 256 px")?;
        in_range("use_previous_color_prob", self.use_previous_color_prob, unit, probability)?;
        let share = self.min_orig_shape_coverage;
        in_range("min_orig_shape_coverage", share, (0.0, 0.99), "from 0 to 0.99")?;
        in_range("min_contrast", self.min_contrast, (0.0, 0.5), "from 0 to 0.5")?;
        in_range("shape_args.filled_prob", shape.filled_prob, unit, probability)?;
        in_range("shape_args.add_borderline_prob", shape.add_borderline_prob, unit, probability)?;
        in_range(
            "shape_args.samples_per_unit",
            shape.samples_per_unit,
            (1.0, 64.0),
            "from 1 to 64",
        )?;
        let polyline = &self.polyline_args;
        in_range("polyline_args.min_angle_diff", polyline.min_angle_diff, half_turn, turn)?;
        in_range("polyline_args.first_angle_diff", polyline.first_angle_diff, half_turn, turn)?;
        let gap = self.spreaded_shapes_args.min_dist;
        in_range("spreaded_shapes_args.min_dist", gap, (0.0, 1024.0), "from 0 to 1024 px")?;
        weights("patterns_prob", self.patterns_prob.values())?;
        weights("shape_args.types_probs", shape.types_probs.values())
    }

    /// The parameters in pixels for the side of the canvas.
    pub(super) fn scaled(&self) -> Self {
        let mut config = self.clone();
        if !self.scale_with_size {
            return config;
        }
        let factor = self.size as f64 / REFERENCE_SIZE;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "small numbers of pixels"
        )]
        let count = |v: usize| (v as f64 * factor).round() as usize;
        // The largest value that a range allows grows, not its excluded end.
        let range = |r: [usize; 2], least: usize| {
            [count(r[0]).max(least), (count(r[1] - 1)).max(count(r[0])).max(least) + 1]
        };
        // The width `2 t - 1` grows with the side.
        let thickness = |r: [usize; 2]| {
            let step = |t: usize| count(2 * t - 1).max(1).div_ceil(2);
            [step(r[0]), step(r[1] - 1) + 1]
        };
        config.line_args.thickness_range = thickness(self.line_args.thickness_range);
        config.line_args.min_length *= factor;
        config.line_filled_args.spacing_range = range(self.line_filled_args.spacing_range, 0);
        config.line_filled_args.center_padding = count(self.line_filled_args.center_padding);
        let shape = &mut config.shape_args;
        shape.size_range = range(self.shape_args.size_range, 1);
        shape.borderline_thickness_range = thickness(self.shape_args.borderline_thickness_range);
        shape.min_borderline_thickness_diff = count(self.shape_args.min_borderline_thickness_diff);
        config.linear_shapes_args.dist_range = range(self.linear_shapes_args.dist_range, 0);
        config.spreaded_shapes_args.min_dist *= factor;
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_name_the_nearest() {
        let message = |text: &str| PatternConfig::from_json(text).unwrap_err().to_string();
        let error = message(r#"{"sise": 64}"#);
        assert!(error.contains("sise") && error.contains("`size`"), "{error}");
        let error = message(r#"{"line_args": {"thicknes_range": [1, 3]}}"#);
        assert!(error.contains("line_args.thicknes_range"), "{error}");
        assert!(error.contains("`thickness_range`"), "{error}");
        let error = message(r#"{"patterns_prob": {"poly_line": 1}}"#);
        assert!(error.contains("`polyline`"), "{error}");
    }

    #[test]
    fn fields_out_of_range_are_named() {
        assert!(PatternConfig::default().validate().is_ok(), "the default is valid");
        for (text, field) in [
            (r#"{"size": 15}"#, "size"),
            (r#"{"patterns_num_range": [3, 3]}"#, "patterns_num_range"),
            (r#"{"max_components_num": 0}"#, "max_components_num"),
            (r#"{"shape_args": {"filled_prob": 1.5}}"#, "shape_args.filled_prob"),
            (r#"{"patterns_prob": {"polyline": 0}}"#, "patterns_prob"),
            (r#"{"line_filled_args": {"center_padding": 16}}"#, "line_filled_args.center_padding"),
            (r#"{"min_components_num": 21}"#, "min_components_num"),
            (r#"{"min_orig_shape_coverage": 1}"#, "min_orig_shape_coverage"),
            (
                r#"{"size": 128, "scale_with_size": true, "line_filled_args": {"center_padding": 16}}"#,
                "line_filled_args.center_padding",
            ),
        ] {
            let message = PatternConfig::from_json(text).unwrap_err().to_string();
            assert!(message.starts_with(field), "{message}");
        }
    }

    #[test]
    fn a_configuration_survives_its_text() {
        let mut config = PatternConfig { size: 128, ..PatternConfig::default() };
        config.polyline_args.proposals_num = 5;
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(PatternConfig::from_json(&text).unwrap(), config);
    }

    #[test]
    fn pixels_grow_with_the_canvas() {
        let config =
            PatternConfig { size: 128, scale_with_size: true, ..PatternConfig::default() }.scaled();
        // Widths of 1 to 5 px became 3 to 19: four times as wide, and odd.
        assert_eq!(config.line_args.thickness_range, [2, 11]);
        assert_eq!(config.shape_args.size_range, [8, 21]);
        assert_eq!(config.line_filled_args.spacing_range, [4, 9]);
    }
}
