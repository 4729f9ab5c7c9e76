//! Properties against naive twins on small random rasters.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod buffered;
mod panoptic;

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
