//! Draws scenes.

use mapvec_data::{Record, Source, sample_rng};
use rand::Rng;
use rand::distr::Distribution;
use rand::distr::weighted::WeightedIndex;

use super::bundle::bundles;
use super::color::Palette;
use super::config::{PatternConfig, PatternFamily, SymbolKind};
use super::mask::BitMask;
use super::output::PatternOutput;
use super::plane::Point;
use super::polyline::polyline;
use super::row::row;
use super::scatter::scatter;
use super::scene::{Draft, Part, PatternScene, Visibility};
use super::stroke::{add_stroke, row_range};
use super::symbol::Symbol;
use crate::error::{Error, Result};
use crate::selection::{check_index, record};

/// Draws scenes of patterns by index: scene `i` depends on the configuration, the seed and `i`
/// alone.
///
/// # Examples
///
/// ```
/// use mapvec_data::Source;
/// use mapvec_synth::{PatternConfig, PatternGenerator};
///
/// let scenes = PatternGenerator::new(&PatternConfig::default(), 1, 1000)?;
/// let scene = scenes.get(17)?;
/// assert_eq!(scene.size, 32);
/// assert!(!scene.components.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct PatternGenerator {
    /// With the parameters in pixels of the canvas.
    config: PatternConfig,
    seed: u64,
    len: usize,
    families: Choice<PatternFamily>,
    kinds: Choice<SymbolKind>,
    thicknesses: WeightedIndex<f64>,
}

/// Things to choose from by weight.
#[derive(Debug, Clone)]
struct Choice<T> {
    all: Vec<T>,
    weights: WeightedIndex<f64>,
}

impl<T: Copy> Choice<T> {
    fn new<'a>(weights: impl Iterator<Item = (&'a T, &'a f64)>) -> Result<Self>
    where
        T: 'a,
    {
        let (all, values): (Vec<T>, Vec<f64>) = weights.map(|(key, w)| (*key, *w)).unzip();
        Ok(Self { all, weights: index(&values)? })
    }

    fn pick(&self, rng: &mut impl Rng) -> T {
        self.all[self.weights.sample(rng)]
    }
}

fn index(weights: &[f64]) -> Result<WeightedIndex<f64>> {
    WeightedIndex::new(weights).map_err(|error| Error::Config {
        field: "weights",
        value: format!("{weights:?} ({error})"),
        expected: "not negative, one of them above 0",
    })
}

impl PatternGenerator {
    /// A generator of `len` scenes.
    ///
    /// # Errors
    ///
    /// Those of [`PatternConfig::validate`].
    pub fn new(config: &PatternConfig, seed: u64, len: usize) -> Result<Self> {
        config.validate()?;
        let config = config.scaled();
        let line = &config.line_args;
        let [from, to] = line.thickness_range;
        let gamma = if line.progressive_thickness { line.gamma } else { 0.0 };
        let thicknesses: Vec<f64> = (from..to).map(|t| (t as f64).powf(-gamma)).collect();
        Ok(Self {
            families: Choice::new(config.patterns_prob.iter())?,
            kinds: Choice::new(config.shape_args.types_probs.iter())?,
            thicknesses: index(&thicknesses)?,
            config,
            seed,
            len,
        })
    }

    /// Scene `index`, which may lie beyond [`Source::len`].
    #[must_use]
    pub fn scene(&self, index: u64) -> PatternScene {
        let mut rng = sample_rng(self.seed, index);
        let mut scene = self.draw(&mut rng);
        for _ in 0..self.config.max_retries {
            if scene.components.len() >= self.config.min_components_num {
                break;
            }
            scene = self.draw(&mut rng);
        }
        scene
    }

    fn draw(&self, rng: &mut impl Rng) -> PatternScene {
        let config = &self.config;
        let canvas = Canvas {
            config,
            size: config.size,
            kinds: &self.kinds,
            thicknesses: &self.thicknesses,
        };
        let palette = Palette::new(rng, config.grayscale, config.min_contrast);
        let mut scene = PatternScene::new(config.size, palette.background);
        let mut covered = BitMask::empty(config.size, 0..config.size);
        let rule = Visibility {
            line_pixels: config.line_args.min_length,
            symbol_pixels: config.shape_args.min_visible_pixels,
            share: config.min_orig_shape_coverage,
            mode: config.vector_mode,
            axes: config.bbox_vecs,
        };
        let count = pick(rng, config.patterns_num_range);
        let most = config.patterns_num_range[1] - 1;
        let mut angles: Vec<f64> = Vec::new();
        let mut before: Option<(PatternFamily, [[f32; 3]; 2])> = None;
        let mut drawn = 0;
        for number in 0..count {
            let family = self.families.pick(rng);
            let own = palette.pair(rng);
            let second = number % 2 == 1;
            let shared = before.filter(|(other, _)| {
                second
                    && rng.random_bool(config.use_previous_color_prob)
                    && !family.needs_other_colors_than(*other)
            });
            let colors = shared.map_or(own, |(_, colors)| colors);
            before = Some((family, colors));
            let budget = config.max_components_num - scene.components.len();
            for (index, draft) in
                canvas.drafts(rng, family, budget, &angles).into_iter().enumerate()
            {
                // The second bundle of two is told from the first by its colours.
                let colors = if index == 0 { colors } else { palette.pair(rng) };
                if draft.components.is_empty() {
                    continue;
                }
                drawn += 1;
                angles.extend(draft.angle.filter(|_| index == 0));
                scene.add(draft, (family, colors), &mut covered, rule);
                if drawn >= most || scene.components.len() >= config.max_components_num {
                    return scene;
                }
            }
        }
        scene
    }
}

impl Source for PatternGenerator {
    type Sample = PatternScene;

    fn len(&self) -> usize {
        self.len
    }

    fn get(&self, index: usize) -> mapvec_data::Result<PatternScene> {
        check_index(index, self.len)?;
        Ok(self.scene(index as u64))
    }
}

/// The [outputs](PatternConfig::outputs) of scenes as [`Record`]s. Others are not computed.
///
/// # Examples
///
/// ```
/// use mapvec_data::Source;
/// use mapvec_synth::{PatternConfig, PatternOutput, PatternRecords};
///
/// let outputs = vec![PatternOutput::Img, PatternOutput::Vecs];
/// let config = PatternConfig { outputs, ..PatternConfig::default() };
/// let record = PatternRecords::new(&config, 1, 1000)?.get(17)?;
/// assert_eq!(record.get("img")?.shape(), &[32, 32, 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct PatternRecords {
    scenes: PatternGenerator,
}

impl PatternRecords {
    /// Records of `len` scenes.
    ///
    /// # Errors
    ///
    /// Those of [`PatternConfig::validate`].
    pub fn new(config: &PatternConfig, seed: u64, len: usize) -> Result<Self> {
        Ok(Self { scenes: PatternGenerator::new(config, seed, len)? })
    }
}

impl Source for PatternRecords {
    type Sample = Record;

    fn len(&self) -> usize {
        self.scenes.len()
    }

    fn get(&self, index: usize) -> mapvec_data::Result<Record> {
        let scene = self.scenes.get(index)?;
        let outputs = &self.scenes.config.outputs;
        record(outputs, PatternOutput::name, |output| scene.output(output))
    }
}

/// A number of a range whose upper end is excluded.
pub(crate) fn pick(rng: &mut impl Rng, range: [usize; 2]) -> usize {
    rng.random_range(range[0]..range[1])
}

/// Where patterns are drawn, and by which rules.
pub(super) struct Canvas<'a> {
    pub(super) config: &'a PatternConfig,
    pub(super) size: usize,
    kinds: &'a Choice<SymbolKind>,
    thicknesses: &'a WeightedIndex<f64>,
}

impl Canvas<'_> {
    /// A step of thickness of lines.
    pub(super) fn thickness(&self, rng: &mut impl Rng) -> usize {
        self.config.line_args.thickness_range[0] + self.thicknesses.sample(rng)
    }

    /// A symbol.
    pub(super) fn symbol(&self, rng: &mut impl Rng) -> Symbol {
        let kind = self.kinds.pick(rng);
        Symbol::draw(&self.config.shape_args, kind, rng)
    }

    /// Lines of a step of thickness `t`, which are `2 t - 1` px wide.
    pub(super) fn lines(&self, segments: Vec<[Point; 2]>, t: usize, angle: Option<f64>) -> Draft {
        let thickness = 2 * t - 1;
        let width = thickness as f64;
        let part = |segment: [Point; 2]| {
            let [a, b] = segment;
            let rows = row_range(a.y.min(b.y) - width / 2.0, a.y.max(b.y) + width / 2.0, self.size);
            let mut full = BitMask::empty(self.size, rows);
            add_stroke(&mut full, segment, width);
            Part { full, border: None, vector: Some(segment) }
        };
        let components = segments.into_iter().map(part).collect();
        Draft { components, axis: None, angle, thickness }
    }

    fn drafts(
        &self,
        rng: &mut impl Rng,
        family: PatternFamily,
        budget: usize,
        angles: &[f64],
    ) -> Vec<Draft> {
        match family {
            PatternFamily::LineFilled => bundles(self, rng, (budget, angles), false),
            PatternFamily::DoubleLineFilled => bundles(self, rng, (budget, angles), true),
            PatternFamily::Polyline => vec![polyline(self, rng, budget)],
            PatternFamily::LinearShapes => vec![row(self, rng, budget)],
            PatternFamily::SpreadedShapes => vec![scatter(self, rng, budget)],
        }
    }
}
