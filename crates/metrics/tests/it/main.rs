//! Properties against naive twins on small random inputs, and values of other tools.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::float_cmp, reason = "counts over counts and sums of halves are exact")]
#![allow(
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "the numbers of a test are small and not negative"
)]

mod ai4cma;
mod apls;
mod binary;
mod bootstrap;
mod boundary;
mod buffered;
mod calibration;
mod chart_lines;
mod coco_ap;
mod coco_overlap;
mod error_sum;
mod line_distances;
mod line_errors;
mod matched_boundary;
mod matched_classes;
mod mean_box_iou;
mod panoptic;
mod panoptic_classes;
mod pixel_similarity;
mod plots;
mod ranking;
mod report;
mod spacenet;
mod strict_reading;
mod weighted_counts;
mod weighted_mean;

use ndarray::Array2;
use proptest::prelude::*;

/// Two or more rasters of one random size up to 9 x 9 pixels.
fn rasters<T: std::fmt::Debug>(
    value: impl Strategy<Value = T> + Clone,
    count: usize,
) -> impl Strategy<Value = Vec<Array2<T>>> {
    (1_usize..10, 1_usize..10).prop_flat_map(move |(rows, columns)| {
        let one = proptest::collection::vec(value.clone(), rows * columns)
            .prop_map(move |v| Array2::from_shape_vec((rows, columns), v).unwrap());
        proptest::collection::vec(one, count)
    })
}
