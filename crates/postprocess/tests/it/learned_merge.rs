//! Merging by a learned rule.

use mapvec_postprocess::{
    BorderMaps, BorderModel, Connectivity, Error, LearnedMergeConfig, MergeConfig, WatershedConfig,
    border_feature_count, border_samples, edge_logit, merge_learned, merge_regions, watershed,
};
use ndarray::{Array2, Array3, Axis, s};
use proptest::prelude::*;

fn rasters(channels: usize) -> impl Strategy<Value = (Array2<u8>, Array3<u8>)> {
    (2..14_usize, 2..14_usize).prop_flat_map(move |(rows, columns)| {
        let count = rows * columns;
        (
            proptest::collection::vec(0..=255_u8, count),
            proptest::collection::vec(any::<u8>(), count * channels),
        )
            .prop_map(move |(edge, others)| {
                (
                    Array2::from_shape_vec((rows, columns), edge).unwrap(),
                    Array3::from_shape_vec((channels, rows, columns), others).unwrap(),
                )
            })
    })
}

fn basins(edge: &Array2<u8>) -> Array2<u32> {
    let config = WatershedConfig { area: 1, dynamics: 1, connectivity: Connectivity::Four };
    watershed(edge.view(), &config).unwrap()
}

/// A rule whose score is the number `index` of a border: relu(z) - relu(-z).
fn reading(index: usize, channels: usize) -> BorderModel {
    let count = border_feature_count(channels);
    let row = |sign: f32| {
        let mut row = vec![0.0; count];
        row[index] = sign;
        row
    };
    BorderModel {
        channels,
        center: vec![0.0; count],
        scale: vec![1.0; count],
        weights: vec![row(1.0), row(-1.0)],
        bias: vec![0.0; 2],
        output: vec![1.0, -1.0],
        output_bias: 0.0,
    }
}

proptest! {
    #[test]
    fn reading_the_mean_it_merges_as_by_the_mean(
        (edge, channels) in rasters(1),
        threshold in -3.0..3.0_f32,
        min_area in 0..4_u32,
    ) {
        let basins = basins(&edge);
        let maps = BorderMaps { edge: edge.view(), channels: channels.view() };
        let config = LearnedMergeConfig { threshold, min_area };
        let learned = merge_learned(basins.view(), &maps, &reading(0, 1), &config).unwrap();
        let config = MergeConfig { threshold, min_area, clip: 4.0 };
        let strength = edge.mapv(edge_logit);
        let mean = merge_regions(basins.view(), strength.view(), &config).unwrap();
        prop_assert_eq!(learned, mean);
    }

    #[test]
    fn numbers_of_borders_do_not_depend_on_the_direction((edge, channels) in rasters(2)) {
        let sorted = |labels: &Array2<u32>, edge: &Array2<u8>, channels: &Array3<u8>| {
            let maps = BorderMaps { edge: edge.view(), channels: channels.view() };
            // Every region is its own truth, so nothing merges.
            let samples = border_samples(labels.view(), labels.view(), &maps, None, 0).unwrap();
            assert!(samples.iter().all(|s| s.real && (s.purity - 1.0).abs() < 1e-6));
            let mut rows: Vec<Vec<f32>> = samples.into_iter().map(|s| s.features).collect();
            rows.sort_by(|a, b| a.iter().zip(b).map(|(a, b)| a.total_cmp(b))
                .find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal));
            rows
        };
        let labels = basins(&edge);
        let flip = |map: &Array2<u8>| map.slice(s![..;-1, ..]).reversed_axes().to_owned();
        let turned = labels.slice(s![..;-1, ..]).reversed_axes().to_owned();
        let planes: Vec<_> = channels.outer_iter().map(|map| flip(&map.to_owned())).collect();
        let planes: Vec<_> = planes.iter().map(|map| map.view()).collect();
        let stacked = ndarray::stack(Axis(0), &planes).unwrap();
        let before = sorted(&labels, &edge, &channels);
        let after = sorted(&turned, &flip(&edge), &stacked);
        prop_assert_eq!(before.len(), after.len());
        for (a, b) in before.iter().flatten().zip(after.iter().flatten()) {
            prop_assert!((a - b).abs() <= 1e-3 * a.abs().max(1.0), "{} and {}", a, b);
        }
    }

    #[test]
    fn one_true_region_makes_every_border_false((edge, channels) in rasters(1)) {
        let labels = basins(&edge);
        let truth = Array2::from_elem(labels.dim(), 9);
        let maps = BorderMaps { edge: edge.view(), channels: channels.view() };
        let samples = border_samples(labels.view(), truth.view(), &maps, None, 0).unwrap();
        prop_assert!(samples.iter().all(|s| !s.real));
        // One border goes with every region, until no two have a border.
        let config = LearnedMergeConfig { threshold: 9.0, min_area: 0 };
        let left = merge_learned(labels.view(), &maps, &reading(0, 1), &config).unwrap();
        let count = |labels: &Array2<u32>| labels.iter().max().copied().unwrap_or(0) as usize;
        prop_assert_eq!(samples.len(), count(&labels) - count(&left));
    }
}

#[test]
fn two_textures_are_kept_apart_by_their_colour() {
    // Three rooms with equal walls; the left two look alike.
    let labels = Array2::from_shape_fn((6, 11), |(_, column)| match column {
        3 | 7 => 0,
        0..=2 => 1,
        4..=6 => 2,
        _ => 3_u32,
    });
    let edge = labels.mapv(|label| if label == 0 { 120 } else { 0_u8 });
    let picture = labels.mapv(|label| if label == 3 { 40 } else { 200_u8 });
    let channels = picture.insert_axis(Axis(0));
    let maps = BorderMaps { edge: edge.view(), channels: channels.view() };
    // The difference of the means stands second among a map's numbers.
    let model = reading(border_feature_count(0) + 1, 1);
    let config = LearnedMergeConfig { threshold: 0.3, min_area: 0 };
    let merged = merge_learned(labels.view(), &maps, &model, &config).unwrap();
    assert_eq!(merged[(0, 0)], merged[(0, 6)]);
    assert_ne!(merged[(0, 6)], merged[(0, 8)]);
}

#[test]
fn what_does_not_fit_is_named() {
    let labels = Array2::<u32>::ones((3, 4));
    let edge = Array2::<u8>::zeros((3, 4));
    let narrow = Array3::<u8>::zeros((1, 3, 3));
    let right = Array3::<u8>::zeros((1, 3, 4));
    let merge = |edge: &Array2<u8>, channels: &Array3<u8>, model: &BorderModel, threshold| {
        let maps = BorderMaps { edge: edge.view(), channels: channels.view() };
        let config = LearnedMergeConfig { threshold, min_area: 0 };
        merge_learned(labels.view(), &maps, model, &config)
    };
    let model = reading(0, 1);
    assert!(merge(&edge, &right, &model, 0.0).is_ok());
    let refused = merge(&edge, &narrow, &model, 0.0);
    assert!(matches!(refused, Err(Error::ShapeMismatch { field: "channels", .. })));
    let refused = merge(&Array2::zeros((2, 4)), &right, &model, 0.0);
    assert!(matches!(refused, Err(Error::ShapeMismatch { field: "edge", .. })));
    let refused = merge(&edge, &right, &reading(0, 2), 0.0);
    assert!(matches!(refused, Err(Error::InvalidModel { field: "channels", .. })));
    let refused = merge(&edge, &right, &model, f32::NAN);
    assert!(matches!(refused, Err(Error::InvalidSetting { field: "threshold", .. })));
    let many = Array3::<u8>::zeros((13, 3, 4));
    let refused = merge(&edge, &many, &model, 0.0);
    assert!(matches!(refused, Err(Error::InvalidSetting { field: "channels", .. })));
    for (change, field) in [
        (&(|m: &mut BorderModel| m.scale[1] = 0.0) as &dyn Fn(&mut BorderModel), "scale"),
        (&|m| m.weights[1].truncate(3), "weights"),
        (&|m| m.output_bias = f32::NAN, "output_bias"),
        (&|m| m.bias.push(0.0), "bias"),
    ] {
        let mut wrong = model.clone();
        change(&mut wrong);
        let refused = merge(&edge, &right, &wrong, 0.0);
        assert!(matches!(refused, Err(Error::InvalidModel { field: f, .. }) if f == field));
    }
    let empty = Array2::<u32>::default((0, 4));
    let none = Array2::<u8>::default((0, 4));
    let channels = Array3::<u8>::default((1, 0, 4));
    let maps = BorderMaps { edge: none.view(), channels: channels.view() };
    let config = LearnedMergeConfig::default();
    assert_eq!(merge_learned(empty.view(), &maps, &model, &config).unwrap().dim(), (0, 4));
}
