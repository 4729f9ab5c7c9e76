//! Masks become valid polygons with the area of their pixels, and masks again.

use geo_types::{Coord, MultiPolygon, Polygon};
use mapvec_geometry::{
    Connectivity, fill_labels, polygonize_with, signed_area, validate_multi_polygon,
};
use ndarray::Array2;
use proptest::prelude::*;
use rayon::prelude::*;

/// Number of random masks up to 64 x 64; the example `check_geometry` runs many more.
const RANDOM_MASKS: u32 = 200;

fn area(polygon: &Polygon<f64>) -> f64 {
    signed_area(polygon.exterior()) + polygon.interiors().iter().map(signed_area).sum::<f64>()
}

/// Naive twin: the number of components by flood filling.
fn components(mask: &Array2<u32>, connectivity: Connectivity) -> usize {
    let mut left = mask.clone();
    let mut count = 0;
    for start in mask.indexed_iter().filter(|(_, label)| **label > 0).map(|(at, _)| at) {
        count += usize::from(left[start] > 0);
        let mut stack = vec![start];
        while let Some(at) = stack.pop() {
            if left.get(at).is_none_or(|&label| label == 0) {
                continue;
            }
            left[at] = 0;
            for (di, dj) in (-1..=1).flat_map(|di: isize| (-1..=1).map(move |dj: isize| (di, dj))) {
                if connectivity == Connectivity::Eight || di == 0 || dj == 0 {
                    stack.push((at.0.wrapping_add_signed(di), at.1.wrapping_add_signed(dj)));
                }
            }
        }
    }
    count
}

fn check(mask: &Array2<u32>) -> Result<(), String> {
    for connectivity in [Connectivity::Four, Connectivity::Eight] {
        let features = polygonize_with(mask.view(), connectivity).multi_polygons();
        let mut drawn = Array2::zeros(mask.dim());
        let mut total = 0.0;
        for (label, feature) in &features {
            validate_multi_polygon(feature).map_err(|e| format!("{e}: {feature:?}\n{mask}"))?;
            for polygon in feature {
                fill_labels(polygon, *label, &mut drawn);
                total += area(polygon);
            }
        }
        let pixels: u32 = mask.iter().sum();
        let expected = components(mask, connectivity);
        if drawn != *mask || (total - f64::from(pixels)).abs() > 0.0 || features.len() != expected {
            return Err(format!("{connectivity:?}: area {total}, {drawn}\nfor\n{mask}"));
        }
    }
    Ok(())
}

#[test]
fn all_masks_of_4_x_4() {
    let mask = |bits: u32| Array2::from_shape_fn((4, 4), |(i, j)| bits >> (4 * i + j) & 1);
    let fault = (0..65_536_u32).into_par_iter().find_map_first(|bits| check(&mask(bits)).err());
    assert_eq!(fault, None);
}

/// The polygons fill exactly the set pixels: every pixel centre is inside one polygon.
#[test]
fn a_checkerboard_is_one_feature_with_eight_neighbours() {
    let mask = Array2::from_shape_fn((9, 9), |(i, j)| u32::from((i + j) % 2 == 0));
    let features = polygonize_with(mask.view(), Connectivity::Eight).multi_polygons();
    assert_eq!(features.len(), 1);
    let MultiPolygon(parts) = &features[0].1;
    assert_eq!(parts.len(), 41);
    assert!(parts.iter().all(|part| part.exterior().0.len() == 5));
    assert_eq!(parts[0].exterior().0[0], Coord { x: 0.0, y: 0.0 });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(RANDOM_MASKS))]

    #[test]
    fn random_masks(
        (height, width, cells) in (1_usize..=64, 1_usize..=64, 1_u8..20).prop_flat_map(|(h, w, d)| {
            let cell = (0_u8..20).prop_map(move |value| u32::from(value < d));
            (Just(h), Just(w), proptest::collection::vec(cell, h * w))
        }),
    ) {
        let mask = Array2::from_shape_vec((height, width), cells).unwrap();
        prop_assert_eq!(check(&mask), Ok(()));
    }
}
