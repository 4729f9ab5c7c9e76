//! Pictures with known classes: generated patterns and aerial land cover.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use mapvec_data::{ImageLimits, Source, read_image, sample_rng};
use mapvec_synth::{PatternConfig, PatternFamily, PatternOutput, PatternRecords};
use ndarray::{Array2, Array3, s};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::RngCore;

use crate::edge_map::drawn_edges;

/// The class of pixels that are not scored.
pub const UNKNOWN: u8 = 255;

/// A picture and the class of its pixels.
#[derive(Debug, Clone)]
pub struct Scene {
    /// `[H, W, 3]`.
    pub picture: Array3<u8>,
    /// `[H, W]`, [`UNKNOWN`] where unknown.
    pub truth: Array2<u8>,
}

/// How scenes of patterns are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Patterns {
    /// Side of a scene in pixels.
    pub size: usize,
    /// Standard deviation of what is added to the picture, grey levels.
    pub noise: f32,
    /// What is drawn.
    pub kind: PatternKind,
    /// The class of a pixel.
    pub target: Target,
}

/// What scenes consist of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatternKind {
    /// One or two patterns of any family.
    Any,
    /// Bundles of parallel lines, whose edges are close to each other.
    Dense,
    /// A few symbols here and there.
    Sparse,
}

/// What the classes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Background 0, line 1, shape 2.
    Classes,
    /// 1 where the right or lower neighbour belongs to another component.
    Edges,
}

/// Generated scenes of patterns with noise.
///
/// # Errors
/// A setting is out of range.
#[expect(clippy::cast_sign_loss, reason = "clamped to 0..=255")]
pub fn pattern_scenes(seed: u64, count: usize, patterns: Patterns) -> Result<Vec<Scene>> {
    let Patterns { size, noise, .. } = patterns;
    let source = PatternRecords::new(&pattern_config(patterns), seed, count)?;
    (0..count)
        .map(|index| {
            let record = source.get(index)?;
            let picture = record.get("img")?.values().as_f32().context("img")?;
            let mut rng = sample_rng(seed ^ 0x6e6f_6973, index as u64);
            let picture = picture.iter().map(|value| {
                (value * 255.0 + noise * normal(&mut rng)).round().clamp(0.0, 255.0) as u8
            });
            let picture = Array3::from_shape_vec((size, size, 3), picture.collect())?;
            let plane = |name: &str| -> Result<Vec<u8>> {
                Ok(record.get(name)?.values().as_u8().with_context(|| name.to_owned())?.to_vec())
            };
            let truth = match patterns.target {
                Target::Classes => {
                    let (lines, shapes) = (plane("line_label")?, plane("shape_label")?);
                    let class = |(l, s): (&u8, &u8)| if *l > 0 { 1 } else { 2 * u8::from(*s > 0) };
                    let truth = lines.iter().zip(&shapes).map(class).collect();
                    Array2::from_shape_vec((size, size), truth)?
                }
                Target::Edges => {
                    let mut components = Array2::zeros((size, size));
                    for (number, mask) in (1..).zip(plane("shape_masks")?.chunks(size * size)) {
                        let inside = components.iter_mut().zip(mask).filter(|(_, m)| **m > 0);
                        inside.for_each(|(component, _)| *component = number);
                    }
                    drawn_edges(components.view()).0.mapv(u8::from)
                }
            };
            Ok(Scene { picture, truth })
        })
        .collect()
}

fn pattern_config(patterns: Patterns) -> PatternConfig {
    use PatternFamily::{DoubleLineFilled, LineFilled, SpreadedShapes};
    let outputs = match patterns.target {
        Target::Classes => vec![PatternOutput::LineLabel, PatternOutput::ShapeLabel],
        Target::Edges => vec![PatternOutput::ShapeMasks],
    };
    let all = PatternConfig {
        size: patterns.size,
        outputs: [vec![PatternOutput::Img], outputs].concat(),
        scale_with_size: true,
        min_contrast: 0.3,
        patterns_num_range: [1, 3],
        ..PatternConfig::default()
    };
    match patterns.kind {
        PatternKind::Any => all,
        PatternKind::Dense => {
            let patterns_prob = [(LineFilled, 1.0), (DoubleLineFilled, 1.0)].into();
            PatternConfig { patterns_prob, patterns_num_range: [3, 4], ..all }
        }
        PatternKind::Sparse => {
            let patterns_prob = [(SpreadedShapes, 1.0)].into();
            PatternConfig { patterns_prob, patterns_num_range: [1, 2], ..all }
        }
    }
}

/// Sum of twelve uniform numbers: normal enough for noise of pictures.
fn normal(rng: &mut ChaCha8Rng) -> f32 {
    let sum: f32 = (0..12).map(|_| (rng.next_u32() >> 8) as f32 / 16_777_216.0).sum();
    sum - 6.0
}

/// Aerial pictures with land cover: `folder/rgb/*.png` and `folder/lc/*.png`, of which trees (2)
/// become class 0 and low vegetation (3) class 1; nothing else is scored.
///
/// # Errors
/// A file is missing, or has another size than its picture.
pub fn land_cover(folder: &Path) -> Result<Vec<Scene>> {
    let entries = std::fs::read_dir(folder.join("rgb"))
        .with_context(|| format!("no pictures in {}", folder.join("rgb").display()))?;
    let mut paths = entries.map(|e| Ok(e?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    let limits = ImageLimits::default();
    paths
        .iter()
        .map(|path| {
            let picture = read_image(path, &limits)?;
            let name = path.file_name().context("a picture without a name")?;
            let truth = read_image(&folder.join("lc").join(name), &limits)?;
            let truth = truth.slice_move(s![.., .., 0]);
            let size = (picture.dim().0, picture.dim().1);
            ensure!(truth.dim() == size, "{}: truth of another size", path.display());
            let truth = truth.mapv(|c| if (2..=3).contains(&c) { c - 2 } else { UNKNOWN });
            Ok(Scene { picture, truth })
        })
        .collect()
}

/// The quarter in row `index / 2` and column `index % 2`.
#[must_use]
pub fn quarter(scene: &Scene, index: usize) -> Scene {
    let (rows, columns) = (scene.truth.nrows() / 2, scene.truth.ncols() / 2);
    let (y, x) = (index / 2 * rows, index % 2 * columns);
    Scene {
        picture: scene.picture.slice(s![y..y + rows, x..x + columns, ..]).to_owned(),
        truth: scene.truth.slice(s![y..y + rows, x..x + columns]).to_owned(),
    }
}
