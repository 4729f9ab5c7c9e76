use std::collections::{BTreeMap, BTreeSet};

use mapvec_postprocess::{Connectivity, MergeConfig, WatershedConfig, merge_regions, watershed};
use ndarray::Array2;
use proptest::prelude::*;

use crate::naive;

/// Regions around a line pixel, itself included.
fn around(labels: &Array2<u32>, pixel: (usize, usize)) -> BTreeSet<u32> {
    let near = naive::neighbours(pixel, labels.dim(), Connectivity::Eight);
    near.into_iter().map(|near| labels[near]).filter(|&label| label > 0).collect()
}

/// Merging by its definition: after every merge all borders are measured anew
/// from the pixels.
fn merged(labels: &Array2<u32>, strength: &Array2<f32>, config: &MergeConfig) -> Array2<u32> {
    // The borders of a line pixel are found once: between which regions it lies.
    let pixels: Vec<(BTreeSet<u32>, f64)> = labels
        .indexed_iter()
        .filter(|(_, label)| **label == 0)
        .map(|(pixel, _)| {
            let value = f64::from(strength[pixel].clamp(-config.clip, config.clip));
            (around(labels, pixel), value)
        })
        .collect();
    let bordered = |id| {
        pixels.iter().any(|(near, _): &(BTreeSet<u32>, f64)| near.len() == 2 && near.contains(id))
    };
    let mut lines: Vec<(u32, u32, f64)> = Vec::new();
    for (near, value) in &pixels {
        for low in near {
            for high in near.iter().filter(|high| *high > low) {
                if near.len() == 2 || !bordered(low) || !bordered(high) {
                    lines.push((*low, *high, *value));
                }
            }
        }
    }
    let mut group: BTreeMap<u32, u32> = labels.iter().map(|&label| (label, label)).collect();
    loop {
        let area = |id| labels.iter().filter(|&&label| label > 0 && group[&label] == id).count();
        let mut borders: BTreeMap<(u32, u32), (f64, u32)> = BTreeMap::new();
        for &(a, b, value) in &lines {
            let (a, b) = (group[&a], group[&b]);
            if a != b {
                let border = borders.entry((a.min(b), a.max(b))).or_default();
                *border = (border.0 + value, border.1 + 1);
            }
        }
        let weakest = borders
            .iter()
            .map(|(&(a, b), &(sum, count))| {
                let large = area(a).min(area(b)) >= config.min_area as usize;
                (large, sum / f64::from(count), a, b)
            })
            .filter(|&(large, mean, ..)| !large || mean < f64::from(config.threshold))
            .min_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let Some((_, _, a, b)) = weakest else { break };
        // The region with more borders keeps its id, which matters among equals.
        let degree = |id| borders.keys().filter(|&&(a, b)| a == id || b == id).count();
        let (keep, gone) = if degree(a) < degree(b) { (b, a) } else { (a, b) };
        group.values_mut().filter(|id| **id == gone).for_each(|id| *id = keep);
    }
    let grouped = labels.mapv(|label| group[&label]);
    let mut filled = grouped.clone();
    for (pixel, _) in labels.indexed_iter().filter(|(_, label)| **label == 0) {
        let near = around(&grouped, pixel);
        if near.len() == 1 {
            filled[pixel] = *near.first().unwrap();
        }
    }
    let mut ids = BTreeMap::from([(0, 0)]);
    filled.mapv(|label| {
        let next = ids.len() as u32;
        *ids.entry(label).or_insert(next)
    })
}

/// Random strengths of 100 pixels, with so few bits that sums are exact in any
/// order; coarse ones make many borders equal.
fn strengths() -> impl Strategy<Value = Vec<f32>> {
    prop_oneof![Just(2.0_f32), Just(16_384.0)].prop_flat_map(|steps| {
        proptest::collection::vec(
            (-5.5_f32..5.5).prop_map(move |v| (v * steps).round() / steps),
            100,
        )
    })
}

fn config() -> impl Strategy<Value = MergeConfig> {
    (-5.0_f32..3.5, 0_u32..12, 3.5_f32..6.0).prop_map(|(threshold, min_area, clip)| MergeConfig {
        threshold,
        min_area,
        clip,
    })
}

proptest! {
    #[test]
    fn as_measured_anew_after_every_merge(
        labels in naive::raster(prop_oneof![1 => Just(0_u32), 1 => 1_u32..9, 1 => Just(4_000_000_000)]),
        values in strengths(),
        config in config(),
    ) {
        let strength = Array2::from_shape_fn(labels.dim(), |(row, column)| values[row * 10 + column]);
        let found = merge_regions(labels.view(), strength.view(), &config).unwrap();
        prop_assert_eq!(found, merged(&labels, &strength, &config));
    }

    #[test]
    fn as_measured_anew_on_watershed_regions(
        height in naive::raster(any::<u8>()),
        values in strengths(),
        config in config(),
        connectivity in naive::connectivity(),
    ) {
        let flood = WatershedConfig { area: 1, dynamics: 1, connectivity };
        let labels = watershed(height.view(), &flood).unwrap();
        let strength = Array2::from_shape_fn(labels.dim(), |(row, column)| values[row * 10 + column]);
        let found = merge_regions(labels.view(), strength.view(), &config).unwrap();
        prop_assert_eq!(found, merged(&labels, &strength, &config));
    }

    #[test]
    fn a_higher_threshold_never_leaves_more_regions(
        height in naive::raster(any::<u8>()),
        values in strengths(),
        threshold in -3.0_f32..3.0,
    ) {
        let flood = WatershedConfig { area: 1, dynamics: 1, connectivity: Connectivity::Eight };
        let labels = watershed(height.view(), &flood).unwrap();
        let strength = Array2::from_shape_fn(labels.dim(), |(row, column)| values[row * 10 + column]);
        let low = MergeConfig { threshold: -3.0, min_area: 0, clip: 4.0 };
        let high = MergeConfig { threshold, ..low.clone() };
        let count = |config| merge_regions(labels.view(), strength.view(), config).unwrap().iter().copied().max();
        prop_assert!(count(&high) <= count(&low));
    }
}
