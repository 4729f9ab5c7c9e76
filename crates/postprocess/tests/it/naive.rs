//! Slow and plain twins of the algorithms, and random rasters.

use std::collections::BTreeSet;

use mapvec_postprocess::Connectivity;
use ndarray::{Array2, ArrayView2};
use proptest::prelude::*;

pub(crate) type Pixel = (usize, usize);

/// Rasters of up to 10 x 10 pixels.
pub(crate) fn raster<T: std::fmt::Debug>(
    value: impl Strategy<Value = T> + Clone,
) -> impl Strategy<Value = Array2<T>> {
    (1_usize..11, 1_usize..11).prop_flat_map(move |(rows, columns)| {
        proptest::collection::vec(value.clone(), rows * columns)
            .prop_map(move |values| Array2::from_shape_vec((rows, columns), values).unwrap())
    })
}

pub(crate) fn connectivity() -> impl Strategy<Value = Connectivity> + Clone {
    prop_oneof![Just(Connectivity::Four), Just(Connectivity::Eight)]
}

pub(crate) fn neighbours(pixel: Pixel, size: Pixel, connectivity: Connectivity) -> Vec<Pixel> {
    let mut found = Vec::new();
    for row in pixel.0.saturating_sub(1)..(pixel.0 + 2).min(size.0) {
        for column in pixel.1.saturating_sub(1)..(pixel.1 + 2).min(size.1) {
            let distance = row.abs_diff(pixel.0) + column.abs_diff(pixel.1);
            let limit = if connectivity == Connectivity::Four { 1 } else { 2 };
            if distance > 0 && distance <= limit {
                found.push((row, column));
            }
        }
    }
    found
}

/// Components of a mask in scan order, by flooding from every pixel.
pub(crate) fn components(
    mask: ArrayView2<'_, bool>,
    connectivity: Connectivity,
) -> Vec<BTreeSet<Pixel>> {
    let mut found: Vec<BTreeSet<Pixel>> = Vec::new();
    for (pixel, &inside) in mask.indexed_iter() {
        if !inside || found.iter().any(|component| component.contains(&pixel)) {
            continue;
        }
        let (mut component, mut open) = (BTreeSet::new(), vec![pixel]);
        while let Some(pixel) = open.pop() {
            if component.insert(pixel) {
                let near = neighbours(pixel, mask.dim(), connectivity);
                open.extend(near.into_iter().filter(|&near| mask[near]));
            }
        }
        found.push(component);
    }
    found
}
