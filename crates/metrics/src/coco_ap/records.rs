//! What many images add up to.

use std::collections::{BTreeMap, BTreeSet};

use ndarray::{Array2, Array4, Array5, ArrayView2, Axis};
use serde::{Deserialize, Serialize};

use super::record::{CocoRecord, record};
use super::{CocoConfig, CocoDetection, CocoScores, CocoTruth};
use crate::error::same_length;
use crate::{Error, Result};

/// The matches of all images and categories so far.
///
/// Workers may each take some of the images: [`CocoRecords::merge`] puts them together, and
/// the scores are the same for any split and order.
///
/// # Examples
/// ```
/// use mapvec_metrics::{CocoConfig, CocoDetection, CocoRecords, CocoTruth, box_ious};
///
/// let truth = [[0.0, 0.0, 10.0, 10.0]];
/// let found = [[0.0, 0.0, 10.0, 8.0], [20.0, 0.0, 5.0, 5.0]];
/// let ious = box_ious(&found, &truth, &[false])?;
/// let truths = [CocoTruth { area: 100.0, ..CocoTruth::default() }];
/// let detections = [(0.9, 80.0), (0.4, 25.0)].map(|(score, area)| CocoDetection { score, area });
/// let mut records = CocoRecords::new(&CocoConfig::default())?;
/// records.update(1, 1, &truths, &detections, ious.view())?;
/// let summary = records.score().summary();
/// // Right at the seven thresholds up to 0.8.
/// assert!((summary[0].1.unwrap() - 0.7).abs() < 1e-12);
/// # Ok::<(), mapvec_metrics::Error>(())
/// ```
///
/// # References
/// T.-Y. Lin et al., Microsoft COCO: common objects in context, ECCV 2014; the numbers are
/// those of `COCOeval` of the COCO API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct CocoRecords {
    config: CocoConfig,
    /// By category and image.
    records: BTreeMap<u32, BTreeMap<u64, CocoRecord>>,
}

/// Records as they are read, not yet checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    config: CocoConfig,
    records: BTreeMap<u32, BTreeMap<u64, CocoRecord>>,
}

impl TryFrom<Written> for CocoRecords {
    type Error = Error;

    fn try_from(written: Written) -> Result<Self> {
        let Written { config, records } = written;
        config.validate()?;
        let areas = config.areas.len();
        for record in records.values().flat_map(BTreeMap::values) {
            same_length("truths", record.truths.len(), areas, "`areas`")?;
            let detections = record.scores.len();
            for (field, flags) in [("matched", &record.matched), ("ignored", &record.ignored)] {
                same_length(field, flags.len(), areas, "`areas`")?;
                flags.iter().try_for_each(|flags| {
                    same_length(field, flags.len(), detections, "`scores`")
                })?;
            }
            check_scores(&record.scores)?;
        }
        Ok(Self { config, records })
    }
}

/// Refuses scores that are not finite, or not in the order in which they are written.
fn check_scores(scores: &[f64]) -> Result<()> {
    let refuse = |index: usize, expected| {
        Err(Error::InvalidEntry { field: "scores", index, value: scores[index], expected })
    };
    if let Some(index) = scores.iter().position(|score| !score.is_finite()) {
        return refuse(index, "finite");
    }
    match scores.windows(2).position(|pair| pair[0] < pair[1]) {
        Some(before) => refuse(before + 1, "not above the score before"),
        None => Ok(()),
    }
}

impl CocoRecords {
    /// No images yet.
    ///
    /// # Errors
    /// Those of [`CocoConfig::validate`].
    pub fn new(config: &CocoConfig) -> Result<Self> {
        config.validate()?;
        Ok(Self { config: config.clone(), records: BTreeMap::new() })
    }

    /// Adds one category of one image.
    ///
    /// A detection is matched with the true object of largest `IoU` that no surer one has,
    /// at every threshold anew. Of detections with one score the first is the surer; so are
    /// those of the image with the smaller number.
    ///
    /// # Shapes
    /// `ious` is `[detections, truths]`.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`] or [`Error::ShapeMismatch`] for `ious` of another shape;
    /// [`Error::InvalidEntry`] for a score, an area or an `IoU` that is not a number;
    /// [`Error::Duplicate`] if the image has been added for this category.
    pub fn update(
        &mut self,
        image: u64,
        category: u32,
        truths: &[CocoTruth],
        detections: &[CocoDetection],
        ious: ArrayView2<'_, f64>,
    ) -> Result<()> {
        let record = record(truths, detections, ious, &self.config)?;
        self.insert(image, category, record)
    }

    /// Adds the images of another worker.
    ///
    /// # Errors
    /// [`Error::OtherSettings`] if they were matched with another configuration,
    /// [`Error::Duplicate`] if both have an image; those before it have been added then.
    pub fn merge(&mut self, other: Self) -> Result<()> {
        if self.config != other.config {
            return Err(Error::OtherSettings { field: "CocoConfig" });
        }
        for (category, images) in other.records {
            for (image, record) in images {
                self.insert(image, category, record)?;
            }
        }
        Ok(())
    }

    fn insert(&mut self, image: u64, category: u32, record: CocoRecord) -> Result<()> {
        let images = self.records.entry(category).or_default();
        if images.contains_key(&image) {
            return Err(Error::Duplicate { image, category });
        }
        images.insert(image, record);
        Ok(())
    }

    /// The numbers of the images that were added, ascending.
    #[must_use]
    pub fn images(&self) -> Vec<u64> {
        let all: BTreeSet<u64> = self.records.values().flat_map(BTreeMap::keys).copied().collect();
        all.into_iter().collect()
    }

    /// The tables of all images and categories that were added.
    #[must_use]
    pub fn score(&self) -> CocoScores {
        self.tables(|images| images.values().collect())
    }

    /// The tables of some of the images, each as often as it is named, as if the repeated ones
    /// were images of their own; numbers that were not added do not count. Of detections with
    /// one score those of the image that is named first are the surer.
    ///
    /// With [`bootstrap_by`](crate::bootstrap_by) it gives an average its confidence interval. A
    /// configuration with the one size and number of detections that is asked for is faster by
    /// far than the default.
    ///
    /// # Examples
    /// ```
    /// use mapvec_metrics::{BootstrapConfig, CocoRecords, CocoSelection, bootstrap_by};
    /// # fn run(records: &CocoRecords) -> mapvec_metrics::Result<()> {
    /// let images = records.images();
    /// let precision = |places: &[usize]| {
    ///     let drawn: Vec<u64> = places.iter().map(|&place| images[place]).collect();
    ///     records.score_images(&drawn).average_precision(&CocoSelection::default())
    /// };
    /// let interval = bootstrap_by(images.len(), precision, &BootstrapConfig::default())?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn score_images(&self, images: &[u64]) -> CocoScores {
        self.tables(|all| images.iter().filter_map(|image| all.get(image)).collect())
    }

    /// The tables of the images of each category that are chosen.
    fn tables<'a>(
        &'a self,
        choose: impl Fn(&'a BTreeMap<u64, CocoRecord>) -> Vec<&'a CocoRecord>,
    ) -> CocoScores {
        let config = &self.config;
        let (thresholds, recalls) = (config.iou_thresholds.len(), config.recalls());
        let (areas, most) = (config.areas.len(), config.max_detections.len());
        let categories: Vec<u32> = self.records.keys().copied().collect();
        let count = categories.len();
        let mut precision = Array5::zeros((count, areas, most, thresholds, recalls.len()));
        let mut recall = Array4::zeros((count, areas, most, thresholds));
        let mut truths = Array2::zeros((count, areas));
        for (k, images) in self.records.values().enumerate() {
            let images = choose(images);
            for (m, &most) in config.max_detections.iter().enumerate() {
                let order = ranked(&images, most);
                for a in 0..areas {
                    let all: u64 = images.iter().map(|image| image.truths[a]).sum();
                    truths[(k, a)] = all;
                    if all == 0 {
                        continue;
                    }
                    let mut tables = precision.index_axis_mut(Axis(0), k);
                    for (t, mut curve) in tables
                        .slice_mut(ndarray::s![a, m, .., ..])
                        .rows_mut()
                        .into_iter()
                        .enumerate()
                    {
                        let (right, wrong) = flags(&images, &order, a, t);
                        let points = Points::new(&right, &wrong, all);
                        recall[(k, a, m, t)] = points.recall.last().copied().unwrap_or(0.0);
                        for (value, &at) in curve.iter_mut().zip(&recalls) {
                            *value = points.precision_at(at);
                        }
                    }
                }
            }
        }
        CocoScores::new(config.clone(), categories, precision, recall, truths)
    }
}

/// Image and place of the detections that count, the surest first.
fn ranked(images: &[&CocoRecord], most: usize) -> Vec<(usize, usize)> {
    let of_image = |(image, record): (usize, &&CocoRecord)| {
        (0..record.scores.len().min(most)).map(move |place| (image, place)).collect::<Vec<_>>()
    };
    let mut order: Vec<(usize, usize)> = images.iter().enumerate().flat_map(of_image).collect();
    let score = |&(image, place): &(usize, usize)| images[image].scores[place];
    // Adding 0 makes one of the two zeros, or their sign would tell them apart.
    order.sort_by(|a, b| (score(b) + 0.0).total_cmp(&(score(a) + 0.0)));
    order
}

/// Per detection that is not to be ignored, whether it is right, and whether it is wrong.
fn flags(
    images: &[&CocoRecord],
    order: &[(usize, usize)],
    area: usize,
    threshold: usize,
) -> (Vec<bool>, Vec<bool>) {
    let bit = |flags: u64| flags >> threshold & 1 == 1;
    let of = |&(image, place): &(usize, usize)| {
        let matched = bit(images[image].matched[area][place]);
        let ignored = bit(images[image].ignored[area][place]);
        (matched && !ignored, !matched && !ignored)
    };
    order.iter().map(of).unzip()
}

/// Recall and precision after each detection.
struct Points {
    recall: Vec<f64>,
    /// The largest precision from here on.
    precision: Vec<f64>,
}

impl Points {
    fn new(right: &[bool], wrong: &[bool], truths: u64) -> Self {
        let (mut tp, mut fp) = (0_u64, 0_u64);
        let (mut recall, mut precision) = (Vec::new(), Vec::new());
        for (&right, &wrong) in right.iter().zip(wrong) {
            (tp, fp) = (tp + u64::from(right), fp + u64::from(wrong));
            recall.push(tp as f64 / truths as f64);
            // The epsilon is part of the published numbers.
            precision.push(tp as f64 / (fp as f64 + tp as f64 + f64::EPSILON));
        }
        for place in (1..precision.len()).rev() {
            precision[place - 1] = precision[place].max(precision[place - 1]);
        }
        Self { recall, precision }
    }

    /// The precision at the first detection that reaches a recall; 0 beyond the last.
    fn precision_at(&self, recall: f64) -> f64 {
        let place = self.recall.partition_point(|&reached| reached < recall);
        self.precision.get(place).copied().unwrap_or(0.0)
    }
}
