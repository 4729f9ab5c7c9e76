use std::collections::BTreeSet;

use mapvec_postprocess::{Connectivity, WatershedConfig, watershed};
use ndarray::Array2;
use proptest::prelude::*;

use crate::naive::{self, Pixel};

/// Surviving minima by their definition: of the components of all 256 lower
/// level sets, those that are large and deep enough and hold no other such one.
fn surviving_minima(height: &Array2<u8>, config: &WatershedConfig) -> Vec<BTreeSet<Pixel>> {
    let mut survivors: Vec<BTreeSet<Pixel>> = Vec::new();
    for level in 0..=u8::MAX {
        let below = height.mapv(|h| h <= level);
        for component in naive::components(below.view(), config.connectivity) {
            let lowest = component.iter().map(|&pixel| height[pixel]).min().unwrap();
            if component.len() >= config.area as usize
                && u16::from(level - lowest) + 1 >= u16::from(config.dynamics)
                && !survivors.iter().any(|survivor| survivor.is_subset(&component))
            {
                survivors.push(component);
            }
        }
    }
    if survivors.is_empty() {
        survivors.push(height.indexed_iter().map(|(pixel, _)| pixel).collect());
    }
    survivors
}

fn config() -> impl Strategy<Value = WatershedConfig> {
    (0_u32..9, 0_u8..5, naive::connectivity())
        .prop_map(|(area, dynamics, connectivity)| WatershedConfig { area, dynamics, connectivity })
}

fn heights() -> impl Strategy<Value = Array2<u8>> {
    prop_oneof![naive::raster(0_u8..3), naive::raster(0_u8..9), naive::raster(any::<u8>())]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn one_region_around_every_surviving_minimum(height in heights(), config in config()) {
        let labels = watershed(height.view(), &config).unwrap();
        let minima = surviving_minima(&height, &config);
        prop_assert_eq!(labels.iter().copied().max().unwrap() as usize, minima.len());
        let mut ids = BTreeSet::new();
        for minimum in &minima {
            let inside: BTreeSet<u32> = minimum.iter().map(|&pixel| labels[pixel]).collect();
            prop_assert_eq!(inside.len(), 1, "a minimum is split");
            ids.extend(inside);
        }
        prop_assert!(!ids.contains(&0));
        prop_assert_eq!(ids.len(), minima.len());
    }

    #[test]
    fn regions_are_connected_and_apart(height in heights(), config in config()) {
        let labels = watershed(height.view(), &config).unwrap();
        let inside = labels.mapv(|label| label > 0);
        // Components of all regions together are the single regions, so no two
        // touch and none is in pieces; scan order makes the ids equal too.
        let pieces = naive::components(inside.view(), config.connectivity);
        for (id, piece) in (1_u32..).zip(&pieces) {
            prop_assert!(piece.iter().all(|&pixel| labels[pixel] == id));
        }
        prop_assert_eq!(labels.iter().copied().max().unwrap() as usize, pieces.len());
    }

    #[test]
    fn lines_separate_or_lie_between_lines(height in heights(), config in config()) {
        let labels = watershed(height.view(), &config).unwrap();
        for (pixel, _) in labels.indexed_iter().filter(|(_, label)| **label == 0) {
            let near: BTreeSet<u32> = naive::neighbours(pixel, height.dim(), config.connectivity)
                .into_iter()
                .map(|near| labels[near])
                .filter(|&label| label > 0)
                .collect();
            prop_assert!(near.len() != 1, "a line pixel that touches one region only");
        }
    }

    #[test]
    fn basins_meet_at_their_pass(
        walls in proptest::collection::vec((1_usize..6, 10_u8..=255), 1..6),
        connectivity in naive::connectivity(),
    ) {
        // Rooms of height 0 in a row, separated by walls one pixel wide.
        let mut height = vec![0_u8];
        for &(room, wall) in &walls {
            height.push(wall);
            height.extend(vec![0; room]);
        }
        let columns = height.len();
        let height = Array2::from_shape_fn((3, columns), |(_, column)| height[column]);
        let config = WatershedConfig { area: 3, dynamics: 10, connectivity };
        let labels = watershed(height.view(), &config).unwrap();
        for (pixel, &label) in labels.indexed_iter() {
            prop_assert_eq!(label == 0, height[pixel] > 0);
        }
    }
}

#[test]
fn transposed_views_are_read_as_they_look() {
    let height = Array2::from_shape_fn((6, 9), |(row, column)| ((row * 7 + column * 5) % 11) as u8);
    let config = WatershedConfig { area: 1, dynamics: 1, connectivity: Connectivity::Four };
    let owned = height.t().as_standard_layout().into_owned();
    assert_eq!(watershed(height.t(), &config), watershed(owned.view(), &config));
}
