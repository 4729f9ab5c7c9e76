//! Similarity of path lengths on road graphs.

mod control;
mod graph;

use std::iter::Sum;
use std::ops::AddAssign;

use geo_types::LineString;
use mapvec_geometry::SegmentIndex;
use serde::{Deserialize, Serialize};

use crate::error::check_setting;
use crate::{Error, Result};
use graph::{Place, RoadGraph};

/// Control points of one side that can be routed between.
const MAX_POINTS: usize = 20_000;

/// The settings of [`apls`], in the unit of the coordinates; the default is, in metres, that
/// of the functions of the published scorer. Its command line has others: control points every
/// 200 m and paths from 0.001 m on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AplsConfig {
    /// Largest distance at which a control point is put onto the other graph; not negative.
    pub snap: f64,
    /// Largest distance along a road from one control point to the next; above 0. A road of
    /// three quarters of it or more has a point in its middle.
    pub spacing: f64,
    /// Shorter paths do not count; not negative.
    pub min_path: f64,
    /// Most control points of a graph, at least 2 and at most 20000. Of more, evenly spread
    /// ones are taken in their order.
    pub max_points: usize,
}

impl Default for AplsConfig {
    fn default() -> Self {
        Self { snap: 4.0, spacing: 50.0, min_path: 10.0, max_points: 500 }
    }
}

impl AplsConfig {
    /// Checks that every setting is in its range.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] for one that is not.
    pub fn validate(&self) -> Result<()> {
        for (field, value) in [("snap", self.snap), ("min_path", self.min_path)] {
            let right = value.is_finite() && value >= 0.0;
            check_setting(field, value, right, "finite and not negative")?;
        }
        let right = self.spacing.is_finite() && self.spacing > 0.0;
        check_setting("spacing", self.spacing, right, "finite and above 0")?;
        let right = (2..=MAX_POINTS).contains(&self.max_points);
        check_setting("max_points", self.max_points as f64, right, "from 2 to 20000")
    }
}

/// Paths and how well they agree. Counts of several pictures can be added.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AplsCounts {
    /// Paths between control points of the truth.
    pub truth_paths: u64,
    /// Sum of their similarities to the paths in the prediction.
    pub truth_similarity: f64,
    /// Paths between control points of the prediction.
    pub predicted_paths: u64,
    /// Sum of their similarities to the paths in the truth.
    pub predicted_similarity: f64,
    /// Pictures whose truth has paths.
    pub pictures: u64,
    /// Sum of the scores of these.
    pub scores: f64,
}

/// The scores of [`AplsCounts`], in [0, 1].
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AplsScore {
    /// Mean similarity of the paths of the truth; none where it has none.
    pub truth_to_predicted: Option<f64>,
    /// Mean similarity of the paths of the prediction; none where it has none.
    pub predicted_to_truth: Option<f64>,
    /// Harmonic mean of the two, 0 if one side has no paths; none if neither has.
    pub apls: Option<f64>,
    /// Mean over the pictures whose truth has paths, as the challenges report it.
    pub mean_of_pictures: Option<f64>,
}

impl AplsCounts {
    /// The scores of these counts.
    #[must_use]
    pub fn score(&self) -> AplsScore {
        let mean = |sum: f64, count: u64| (count > 0).then(|| sum / count as f64);
        let truth = mean(self.truth_similarity, self.truth_paths);
        let predicted = mean(self.predicted_similarity, self.predicted_paths);
        AplsScore {
            truth_to_predicted: truth,
            predicted_to_truth: predicted,
            apls: match (truth, predicted) {
                (Some(a), Some(b)) if a + b > 0.0 => Some(2.0 * a * b / (a + b)),
                (None, None) => None,
                _ => Some(0.0),
            },
            mean_of_pictures: mean(self.scores, self.pictures),
        }
    }
}

impl AddAssign for AplsCounts {
    fn add_assign(&mut self, other: Self) {
        self.truth_paths += other.truth_paths;
        self.truth_similarity += other.truth_similarity;
        self.predicted_paths += other.predicted_paths;
        self.predicted_similarity += other.predicted_similarity;
        self.pictures += other.pictures;
        self.scores += other.scores;
    }
}

impl Sum for AplsCounts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |mut sum, next| {
            sum += next;
            sum
        })
    }
}

/// Compares the lengths of shortest paths on two road networks (average path length
/// similarity).
///
/// Lines meet where they share a vertex; lines that only cross do not, as on a bridge. The
/// control points of a graph are its ends and junctions, and points that cut the roads
/// between them into equal pieces of at most `spacing`, or into halves from three quarters of
/// that on. They are put onto the nearest place of the other graph, if that is within `snap`.
/// A path between two control points, of at least `min_path`, has the similarity
///
/// ```text
/// 1 - min(1, |L - L'| / L)     L, L': length of the shortest path on its own and the other graph
/// ```
///
/// and 0 where a point is not on the other graph or no path joins them there. This is done
/// from the truth to the prediction and back; the score is the harmonic mean of the two
/// means. Roads should not lie on each other over some length: a point there is put onto one
/// of them. Control points without a path in their own graph say nothing. A road around a block
/// with a single junction or none has a control point of its own at its first vertex.
///
/// The published scorer differs in these: a path from a control point that is not on the other
/// graph counts there even if it is shorter than `min_path`; small parts of a network that hang
/// together are dropped when it is read; roads that are nearly straight may go without points
/// between their ends; of too many control points a random choice is taken; and two empty
/// networks score 0, where there is no score here.
///
/// # Examples
/// ```
/// use geo_types::LineString;
/// use mapvec_metrics::{AplsConfig, apls};
/// let road = LineString::from(vec![(0.0, 0.0), (90.0, 0.0)]);
/// let half = LineString::from(vec![(0.0, 1.0), (45.0, 1.0)]);
/// let score = apls(&[half], &[road], &AplsConfig::default())?.score();
/// // Of the paths 0-45, 0-90 and 45-90 of the truth the first is found.
/// assert!((score.truth_to_predicted.unwrap() - 1.0 / 3.0).abs() < 1e-9);
/// # Ok::<(), mapvec_metrics::Error>(())
/// ```
///
/// # Errors
/// [`Error::InvalidSetting`] for the configuration; [`Error::Shape`] for lines whose
/// coordinates are not finite or out of range; [`Error::TooMany`] for more than 16 million
/// control points before they are thinned.
///
/// # References
/// A. Van Etten, D. Lindenbaum and T. Bacastow, `SpaceNet`: a remote sensing dataset and
/// challenge series, 2018, section 4.
pub fn apls(
    predicted: &[LineString<f64>],
    truth: &[LineString<f64>],
    config: &AplsConfig,
) -> Result<AplsCounts> {
    config.validate()?;
    let predicted = Side::new("predicted lines", predicted, config)?;
    let truth = Side::new("true lines", truth, config)?;
    let (truth_paths, truth_similarity) = truth.compare(&predicted, config);
    let (predicted_paths, predicted_similarity) = predicted.compare(&truth, config);
    let mut counts = AplsCounts {
        truth_paths,
        truth_similarity,
        predicted_paths,
        predicted_similarity,
        pictures: u64::from(truth_paths > 0),
        scores: 0.0,
    };
    if truth_paths > 0 {
        counts.scores = counts.score().apls.unwrap_or(0.0);
    }
    Ok(counts)
}

/// A graph, the index of its segments, and its control points.
struct Side {
    graph: RoadGraph,
    index: SegmentIndex,
    controls: Vec<Place>,
}

impl Side {
    fn new(what: &'static str, lines: &[LineString<f64>], config: &AplsConfig) -> Result<Self> {
        let graph = RoadGraph::new(lines);
        let index = SegmentIndex::new(&graph.lines()).map_err(|source| match source {
            mapvec_geometry::Error::Item { index, source, .. } => {
                Error::Shape { what, index: graph.origins[index], source: *source }
            }
            source => Error::Shape { what, index: 0, source },
        })?;
        let controls = control::control_points(&graph, config.spacing)?;
        let controls = if controls.len() > config.max_points {
            let last = config.max_points - 1;
            let place = |i: usize| controls[i * (controls.len() - 1) / last];
            (0..config.max_points).map(place).collect()
        } else {
            controls
        };
        Ok(Self { graph, index, controls })
    }

    /// Number of paths between control points here, and the sum of their similarities to
    /// those of the other graph.
    fn compare(&self, other: &Self, config: &AplsConfig) -> (u64, f64) {
        let (roads, own) = self.graph.with_places(&self.controls);
        let snapped: Vec<Option<Place>> = self
            .controls
            .iter()
            .map(|&place| other.snap(self.graph.point(place), config))
            .collect();
        let places: Vec<Place> = snapped.iter().copied().flatten().collect();
        let (other_roads, nodes) = other.graph.with_places(&places);
        let mut nodes = nodes.into_iter();
        let theirs: Vec<Option<usize>> =
            snapped.iter().map(|place| place.and_then(|_| nodes.next())).collect();

        let (mut paths, mut similarity) = (0, 0.0);
        for from in 0..own.len() {
            let lengths = roads.lengths_from(own[from]);
            let other_lengths = theirs[from].map(|node| other_roads.lengths_from(node));
            for to in from + 1..own.len() {
                let length = lengths[own[to]];
                if !length.is_finite() || length <= 0.0 || length < config.min_path {
                    continue;
                }
                let there = match (&other_lengths, theirs[to]) {
                    (Some(lengths), Some(node)) => lengths[node],
                    _ => f64::INFINITY,
                };
                paths += 1;
                similarity += 1.0 - ((length - there).abs() / length).min(1.0);
            }
        }
        (paths, similarity)
    }

    /// The nearest place on this graph, if it is near enough.
    fn snap(&self, point: geo_types::Coord<f64>, config: &AplsConfig) -> Option<Place> {
        let near = self.index.nearest(point)?;
        (near.distance <= config.snap).then(|| self.graph.place(near.line, near.point))
    }
}
