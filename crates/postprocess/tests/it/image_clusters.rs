//! Masks of clusters and their merging, and instances from embeddings.

use mapvec_postprocess::{
    DbscanConfig, Error, ImageClusters, KMeansConfig, SmoothedClustersConfig, cluster_image,
    cluster_pixels, color_points,
};
use ndarray::{Array2, Array3, array};
use proptest::prelude::*;

#[test]
fn a_picture_of_two_colours_has_two_masks() {
    let image =
        Array3::from_shape_fn((6, 10, 3), |(_, x, c)| if x < 4 { 10 } else { 200 + c as u8 });
    let config = KMeansConfig { clusters: 2, ..KMeansConfig::default() };
    let found = cluster_image(image.view(), &config).unwrap();
    assert!((found.masks().sum() - 60.0).abs() < 1e-6);
    let mut centroids: Vec<(f64, f64)> = found.centroids().into_iter().flatten().collect();
    centroids.sort_by(|a, b| a.0.total_cmp(&b.0));
    assert_eq!(centroids, [(2.0, 3.0), (7.0, 3.0)]);
    assert_eq!(found.soft_jaccard(), array![[1.0, 0.0], [0.0, 1.0]]);
    let points = color_points(image.view());
    assert_eq!((points.dim(), points[(59, 2)]), ((60, 3), 202.0 / 255.0));
}

#[test]
fn merging_is_not_transitive_and_drops_sets_that_occur_twice() {
    // a and b share two of three pixels, b and c as well, a and c one of four... and d is none.
    let masks = Array3::from_shape_vec(
        (4, 1, 6),
        [
            [1.0, 1.0, 1.0, 0.0, 0.0, 0.0],
            [0.0, 1.0, 1.0, 1.0, 0.0, 0.0],
            [0.0, 0.0, 1.0, 1.0, 1.0, 0.0],
            [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        ]
        .concat(),
    );
    let clusters = ImageClusters::new(masks.unwrap()).unwrap();
    let similar = clusters.soft_jaccard();
    assert_eq!((similar[(0, 1)], similar[(0, 2)], similar[(3, 3)]), (0.5, 0.2, 0.0));
    let merged = clusters.merged(0.4).unwrap();
    let rows: Vec<Vec<f32>> =
        merged.masks().outer_iter().map(|m| m.iter().copied().collect()).collect();
    assert_eq!(
        rows,
        [
            vec![1.0, 1.0, 1.0, 1.0, 0.0, 0.0],
            vec![1.0, 1.0, 1.0, 1.0, 1.0, 0.0],
            vec![0.0, 1.0, 1.0, 1.0, 1.0, 0.0],
        ]
    );
    assert_eq!(clusters.merged(0.1).unwrap().len(), 1, "all rows are the same set");
    assert_eq!(clusters.merged(1.0).unwrap().len(), 3, "each stays alone");
    assert_eq!(clusters.centroids()[3], None);
}

#[test]
fn smoothing_pools_twice_and_joins_what_looks_alike() {
    // Two interleaved clusters are the same after averaging, a third is far away.
    let labels = Array2::from_shape_fn((15, 31), |(y, x)| match x {
        0..16 => Some(((x + y) % 2) as u32),
        _ => Some(7),
    });
    let clusters = ImageClusters::from_labels(labels.view());
    assert_eq!(clusters.masks().dim(), (3, 15, 31));
    let smooth = clusters.smoothed(&SmoothedClustersConfig::default()).unwrap();
    assert_eq!(smooth.masks().dim(), (2, 3, 7));
    let small = ImageClusters::from_labels(labels.slice(ndarray::s![..6, ..]));
    assert!(small.smoothed(&SmoothedClustersConfig::default()).is_err());
    let wrong = SmoothedClustersConfig { average_threshold: 1.5, ..Default::default() };
    assert!(clusters.smoothed(&wrong).is_err());
    assert!(clusters.merged(f64::NAN).is_err());
    assert!(ImageClusters::new(Array3::from_elem((1, 2, 2), f32::NAN)).is_err());
    assert!(ImageClusters::from_labels(Array2::from_elem((3, 3), None).view()).is_empty());
}

#[test]
fn candidates_and_embeddings_must_have_one_size() {
    let embeddings = Array3::from_elem((4, 3, 5), 0.5_f32);
    let all = Array2::from_elem((3, 5), true);
    let found = cluster_pixels(embeddings.view(), all.view(), &DbscanConfig::default()).unwrap();
    assert_eq!((found.pixels.len(), found.ids.sum()), (1, 15));
    let none = Array2::from_elem((3, 5), false);
    let found = cluster_pixels(embeddings.view(), none.view(), &DbscanConfig::default()).unwrap();
    assert_eq!((found.pixels.len(), found.ids.sum()), (0, 0));
    let other = Array2::from_elem((5, 3), true);
    let error = cluster_pixels(embeddings.view(), other.view(), &DbscanConfig::default());
    assert!(matches!(error, Err(Error::LengthMismatch { .. })));
}

proptest! {
    #[test]
    fn similarity_is_intersection_over_union(
        bits in proptest::collection::vec(any::<(bool, bool)>(), 12),
    ) {
        let mask = |k: usize, i: usize| if k == 0 { bits[i].0 } else { bits[i].1 };
        let masks =
            Array3::from_shape_fn((2, 3, 4), |(k, y, x)| f32::from(u8::from(mask(k, y * 4 + x))));
        let both = bits.iter().filter(|b| b.0 && b.1).count();
        let either = bits.iter().filter(|b| b.0 || b.1).count();
        let expected = if either == 0 { 0.0 } else { both as f64 / either as f64 };
        let clusters = ImageClusters::new(masks).unwrap();
        prop_assert!((clusters.soft_jaccard()[(1, 0)] - expected).abs() < 1e-12);
    }
}
