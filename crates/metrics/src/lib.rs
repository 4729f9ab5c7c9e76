//! Scores for map vectorization.
//!
//! | function | compares | score |
//! |---|---|---|
//! | [`panoptic_counts`] | two instance maps | PQ = SQ x RQ over matched instances |
//! | [`panoptic_classes`] | instance maps with classes | the same per class, and the mean |
//! | [`buffered_lines`] | two masks of thin lines | precision and recall within a buffer |
//! | [`confusion`] | two class maps | confusion matrix, `IoU` per class, weighted F1 |
//! | [`binary_counts`] | two masks | precision, recall, F-beta, Dice, `IoU` |
//! | [`weighted_counts`], [`soft_counts`] | masks, probabilities | the same with weights, without a threshold |
//! | [`pixel_similarity`] | similarities of pixels and patterns | precision, recall and F1 of pairs |
//! | [`mean_box_iou`], [`weighted_mean`] | paired boxes, losses | weighted means |
//! | [`matched_classes`], [`paired_classes`] | objects with classes, paired at least cost or before | F1, accuracy per class |
//! | [`CocoRecords`] | boxes, masks or polygons with scores | COCO average precision and recall |
//! | [`ranked_precision`], [`best_threshold`] | scores and what is right | average precision, F1 at a threshold |
//! | [`match_polygons`] | polygons with confidences | precision, recall and F1 of `SpaceNet` |
//! | [`ai4cma_areas`], [`ai4cma_pixels`] | map features as masks | precision, recall and F1 of `AI4CMA` |
//! | [`chart_lines`] | lines of charts | score of CHART-Info task 6a |
//! | [`apls`] | road networks | average path length similarity |
//! | [`segment_errors`], [`angle_errors`], [`thickness_errors`] | segments, rasters | errors with their quantiles |
//! | [`line_distances`] | lines | distances both ways, Hausdorff distance at 95 % |
//! | [`polis_errors`] | matched polygons | PoLiS distances |
//! | [`boundary_counts`], [`matched_boundary_counts`], [`pixel_distances`] | two masks | boundary F, Hausdorff distance at 95 % |
//! | [`calibration`] | probabilities and truth | expected calibration error, Brier score |
//!
//! [`bootstrap`] and [`bootstrap_by`] give a score its confidence interval, [`compare_systems`] compares two
//! systems, and a [`Report`] writes scores as JSON, Markdown and SVG. [`plot_reliability`],
//! [`plot_precision_recall`] and [`plot_confusion`] draw what scores are made of.
//!
//! Every score can be taken over several pictures as if they were one. A function gives the
//! counts of one picture; `+=` and `sum` add those of pictures and workers; methods of the sum
//! give the scores, `None` where there is nothing to take them of. Counts are empty by default,
//! and can be written and read. Only [`CocoRecords`] are no counts, as average precision ranks
//! all detections at once: they take pictures by [`CocoRecords::update`] and those of other
//! workers by [`CocoRecords::merge`], which can fail.

mod ai4cma;
mod apls;
mod binary;
mod bootstrap;
mod boundary;
mod buffered;
mod calibration;
mod chart_lines;
mod coco_ap;
mod confusion;
mod error;
mod error_sum;
mod line_distances;
mod line_errors;
mod matched_boundary;
mod matched_classes;
mod mean_box_iou;
mod normal;
mod panoptic;
mod panoptic_classes;
mod pixel_similarity;
mod ranking;
mod report;
mod spacenet;
mod weighted_counts;
mod weighted_mean;

pub use ai4cma::{
    Ai4cmaAreaCounts, Ai4cmaPixelCounts, Ai4cmaScore, ai4cma_areas, ai4cma_pixels, legend_pixels,
};
pub use apls::{AplsConfig, AplsCounts, AplsScore, apls};
pub use binary::{BinaryCounts, BinaryScore, binary_counts};
pub use bootstrap::{
    BootstrapConfig, Comparison, Interval, IntervalMethod, bootstrap, bootstrap_by, compare_systems,
};
pub use boundary::{DistanceCounts, boundary, boundary_counts, pixel_distances};
pub use buffered::{BufferedCounts, BufferedScore, buffered_lines};
pub use calibration::{CalibrationBin, CalibrationCounts, calibration};
pub use chart_lines::{ChartLineCounts, ChartLineScore, chart_lines};
pub use coco_ap::{
    AreaRange, CocoConfig, CocoDetection, CocoRecords, CocoScores, CocoSelection, CocoTruth,
    RunMask, box_ious, mask_ious, polygon_ious, polygon_runs,
};
pub use confusion::{Confusion, confusion};
pub use error::{Error, Result};
pub use error_sum::ErrorSum;
pub use line_distances::{LineDistances, line_distances};
pub use line_errors::{
    SegmentErrors, angle_error, angle_errors, endpoint_error, polis_errors, segment_errors,
    thickness_errors,
};
pub use matched_boundary::matched_boundary_counts;
pub use matched_classes::{MatchedClasses, MatchedClassesConfig, matched_classes, paired_classes};
pub use mean_box_iou::mean_box_iou;
pub use panoptic::{PanopticQuality, PqCounts, panoptic_counts};
pub use panoptic_classes::{InstanceMap, PqClasses, panoptic_classes};
pub use pixel_similarity::pixel_similarity;
pub use ranking::{ThresholdCounts, best_threshold, counts_from, ranked_precision};
pub use report::{
    CurvePoint, NamedScore, PrecisionRecall, Report, plot_confusion, plot_precision_recall,
    plot_reliability,
};
pub use spacenet::{PolygonMatch, PolygonMatches, SpacenetConfig, match_polygons};
pub use weighted_counts::{WeightedCounts, soft_counts, weighted_counts};
pub use weighted_mean::{WeightedMean, weighted_mean};
