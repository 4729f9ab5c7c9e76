//! Merging by a learned rule, and the borders to learn it from.

use std::cell::RefCell;

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::merge::border_features::{border_feature_count, border_features};
use crate::merge::border_model::BorderModel;
use crate::merge::edge_logit;
use crate::merge::evidence::{
    BorderMaps, BorderSums, MAX_BORDER_CHANNELS, RegionSums, add_perimeters, region_sums,
};
use crate::merge::graph::{RegionGraph, Rule, Side, Verdict};
use crate::merge::line_pixels::{add_borders, joined};
use crate::{Error, Result, relabel};

/// Settings of [`merge_learned`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LearnedMergeConfig {
    /// Borders whose score is below this logit go; 0 is even odds of a real border. Lower
    /// values keep more regions.
    pub threshold: f32,
    /// Regions of fewer pixels (lines not counted) always go, over the side with the lowest
    /// score.
    pub min_area: u32,
}

impl Default for LearnedMergeConfig {
    fn default() -> Self {
        Self { threshold: 0.0, min_area: 80 }
    }
}

impl LearnedMergeConfig {
    /// Checks the ranges of the fields.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] if `threshold` is NaN or infinite.
    pub fn validate(&self) -> Result<()> {
        if self.threshold.is_finite() {
            return Ok(());
        }
        let value = f64::from(self.threshold);
        Err(Error::InvalidSetting { field: "threshold", value, expected: "finite" })
    }
}

/// A border with what it is.
#[derive(Debug, Clone, PartialEq)]
pub struct BorderSample {
    /// Its numbers, [`border_feature_count`] of them.
    pub features: Vec<f32>,
    /// Whether different true regions lie beside it.
    pub real: bool,
    /// Share of the two regions' pixels that lie in the true region that each stands for, the
    /// smaller of both: low for regions that are not one thing.
    pub purity: f32,
}

/// Strength by a model, or, without one, by the mean logit.
pub(crate) struct LearnedRule<'a> {
    model: Option<&'a BorderModel>,
    channels: usize,
    scratch: RefCell<Vec<f32>>,
}

impl Rule for LearnedRule<'_> {
    type Border = BorderSums;
    type Region = RegionSums;

    fn pixels(border: &BorderSums) -> u32 {
        border.count
    }

    fn join_borders(into: &mut BorderSums, other: &BorderSums) {
        into.join(other);
    }

    fn join_regions(into: &mut RegionSums, other: &RegionSums, border: &BorderSums) {
        into.join(other, border);
    }

    fn strength(&self, border: &BorderSums, sides: [Side<'_, RegionSums>; 2]) -> f64 {
        let Some(model) = self.model else {
            return border.logits / f64::from(border.count.max(1));
        };
        let mut features = self.scratch.borrow_mut();
        border_features(border, &sides, self.channels, &mut features);
        model.score(&features)
    }
}

/// Merges regions whose border a model holds for false.
///
/// As [`merge_regions`](crate::merge_regions), but the strength of a border is the score of
/// `model`, which sees more than the mean: quantiles of the edge probability, length and
/// straightness of the border, areas of the regions, and in each further map its mean along
/// the border and how the regions differ. When regions have become one, the borders of the
/// new region are judged anew, at the latest when it is their turn.
///
/// # Errors
/// [`Error::InvalidSetting`] as [`LearnedMergeConfig::validate`], or for more than
/// [`MAX_BORDER_CHANNELS`] maps; [`Error::InvalidModel`] as [`BorderModel::validate`], or if
/// the model is for another number of maps; [`Error::ShapeMismatch`] if the rasters differ in
/// size.
pub fn merge_learned(
    labels: ArrayView2<'_, u32>,
    maps: &BorderMaps<'_>,
    model: &BorderModel,
    config: &LearnedMergeConfig,
) -> Result<Array2<u32>> {
    config.validate()?;
    model.validate()?;
    maps.check(labels.dim())?;
    let channels = maps.channels.dim().0;
    if model.channels != channels {
        let problem = format!("{}, but there are {channels} maps", model.channels);
        return Err(Error::InvalidModel { field: "channels", problem });
    }
    let columns = labels.ncols();
    let mut flat: Vec<u32> = labels.iter().copied().collect();
    let bound = relabel::dense(&mut flat);
    let graph = graph_of((&flat, columns, bound), maps, Some(model), config.min_area)?;
    let roots = graph.merge_below(f64::from(config.threshold));
    joined(&mut flat, columns, bound, &roots)?;
    // The length is that of the raster it was collected from.
    Ok(Array2::from_shape_vec(labels.dim(), flat).unwrap_or_default())
}

/// Borders that merging meets, with what the truth says of them.
///
/// Every region stands for the true region that most of its pixels lie in (0 counts as one,
/// among equals the smaller id). Regions are merged as the truth has it, weakest border first
/// by `model`, or by the mean logit without one: where both sides stand for the same true
/// region, the border is false and they become one, everywhere else it is real and stays. So
/// the borders are those between regions as small and as large as a merging meets. Regions
/// below `min_area` go whatever they stand for, and their borders are not handed out.
///
/// # Errors
/// As [`merge_learned`], and [`Error::ShapeMismatch`] if `truth` differs in size.
pub fn border_samples(
    labels: ArrayView2<'_, u32>,
    truth: ArrayView2<'_, u32>,
    maps: &BorderMaps<'_>,
    model: Option<&BorderModel>,
    min_area: u32,
) -> Result<Vec<BorderSample>> {
    model.map_or(Ok(()), BorderModel::validate)?;
    maps.check(labels.dim())?;
    if truth.dim() != labels.dim() {
        let (expected, found) = (labels.dim(), truth.dim());
        return Err(Error::ShapeMismatch { field: "truth", expected, found });
    }
    let channels = maps.channels.dim().0;
    let mut flat: Vec<u32> = labels.iter().copied().collect();
    let bound = relabel::dense(&mut flat);
    let mut stands_for = majorities(&flat, truth, bound);
    let graph = graph_of((&flat, labels.ncols(), bound), maps, model, min_area)?;
    let mut samples = Vec::new();
    graph.merge(|graph, candidate| {
        let [low, high] = [candidate.low, candidate.high].map(|id| id as usize);
        let (a, b) = (&stands_for[low], &stands_for[high]);
        let real = a.id != b.id;
        if let (false, Some((border, sides))) = (candidate.small, graph.evidence(candidate)) {
            let mut features = Vec::with_capacity(border_feature_count(channels));
            border_features(border, &sides, channels, &mut features);
            samples.push(BorderSample { features, real, purity: a.purity().min(b.purity()) });
        }
        if real && !candidate.small {
            return Verdict::Keep;
        }
        // Either may be the one that stays, so both say what the new region stands for.
        let joined = a.joined(b);
        stands_for[low] = joined;
        stands_for[high] = joined;
        Verdict::Merge
    });
    Ok(samples)
}

/// The true region that most of a region lies in.
#[derive(Debug, Clone, Copy, Default)]
struct Majority {
    id: u32,
    inside: u64,
    area: u64,
}

impl Majority {
    fn purity(&self) -> f32 {
        self.inside as f32 / self.area.max(1) as f32
    }

    /// What both together stand for: what the one with more pixels in its true region does.
    fn joined(&self, other: &Self) -> Self {
        let area = self.area + other.area;
        if self.id == other.id {
            return Self { id: self.id, inside: self.inside + other.inside, area };
        }
        let larger = if (other.inside, self.id) > (self.inside, other.id) { other } else { self };
        Self { area, ..*larger }
    }
}

fn majorities(labels: &[u32], truth: ArrayView2<'_, u32>, bound: usize) -> Vec<Majority> {
    let mut pairs: Vec<(u32, u32)> =
        labels.iter().copied().zip(truth.iter().copied()).filter(|pair| pair.0 > 0).collect();
    pairs.sort_unstable();
    let mut found = vec![Majority::default(); bound];
    for run in pairs.chunk_by(|a, b| a == b) {
        let (region, id) = run[0];
        let inside = run.len() as u64;
        let best = &mut found[region as usize];
        best.area += inside;
        if inside > best.inside {
            (best.id, best.inside) = (id, inside);
        }
    }
    found
}

fn graph_of<'m>(
    (flat, columns, bound): (&[u32], usize, usize),
    maps: &BorderMaps<'_>,
    model: Option<&'m BorderModel>,
    min_area: u32,
) -> Result<RegionGraph<LearnedRule<'m>>> {
    let channels = maps.channels.dim().0;
    let (areas, regions) = region_sums(flat, bound, maps.channels);
    let rule = LearnedRule { model, channels, scratch: RefCell::default() };
    let mut graph = RegionGraph::new(rule, min_area, areas, regions);
    let logits: Vec<f32> = (0..=u8::MAX).map(edge_logit).collect();
    let pixel = |row, column| Ok((row, column));
    let add = |border: &mut BorderSums, (row, column): (usize, usize)| {
        let code = maps.edge[(row, column)];
        let mut values = [0_u8; MAX_BORDER_CHANNELS];
        for (channel, value) in values[..channels].iter_mut().enumerate() {
            *value = maps.channels[(channel, row, column)];
        }
        let at = (column as f64, row as f64);
        border.add(at, code, logits[usize::from(code)], &values[..channels]);
    };
    add_borders(&mut graph, (flat, columns, bound), pixel, BorderSums::default, add)?;
    add_perimeters(&mut graph);
    Ok(graph)
}
