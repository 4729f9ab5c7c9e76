use mapvec_metrics::{
    Ai4cmaAreaCounts, Ai4cmaPixelCounts, Error, ai4cma_areas, ai4cma_pixels, binary_counts,
    legend_pixels,
};
use ndarray::{Array2, Array3};
use proptest::prelude::*;

use crate::rasters;

#[test]
fn areas_by_hand() {
    let bits = |text: &str| {
        Array2::from_shape_vec((1, text.len()), text.bytes().map(|b| b == b'#').collect()).unwrap()
    };
    let (truth, predicted, coloured) = (bits("######...."), bits(".#####.##."), bits("####....##"));
    let counts = ai4cma_areas(predicted.view(), truth.view(), coloured.view()).unwrap();
    // Easy are the first four, of which three are found.
    assert_eq!((counts.easy.true_positives, counts.easy.false_negatives), (3, 1));
    assert_eq!((counts.hard.true_positives, counts.hard.false_positives), (2, 2));
    let score = counts.score(0.7).unwrap();
    let right = 0.7 * 2.0 + 0.3 * 3.0;
    assert!((score.precision.unwrap() - right / (0.7 * 4.0 + 0.3 * 3.0)).abs() < 1e-12);
    assert!((score.recall.unwrap() - right / (0.7 * 2.0 + 0.3 * 4.0)).abs() < 1e-12);
    assert!(matches!(counts.score(1.5), Err(Error::InvalidSetting { .. })));
    assert_eq!(Ai4cmaAreaCounts::default().score(0.7).unwrap().f1, None);
}

#[test]
fn points_by_hand() {
    let raster = |points: &[(usize, usize)]| {
        let mut raster = Array2::default((30, 40));
        points.iter().for_each(|&point| raster[point] = true);
        raster
    };
    let truth = raster(&[(5, 5), (10, 10), (20, 30)]);
    // The pair at a distance of 1 goes first; (7, 5) is left for (5, 5), (29, 39) is too far.
    let predicted = raster(&[(10, 11), (7, 5), (20, 30), (29, 39)]);
    let counts = ai4cma_pixels(predicted.view(), truth.view(), 10.0).unwrap();
    // The diagonal is 50 px, so 5 px are allowed.
    let similarity = 1.0 + (1.0 - 1.0 / 50.0) + (1.0 - 2.0 / 50.0);
    let expected =
        Ai4cmaPixelCounts { predicted: 4, truth: 3, matched: 3, similarity, distance: 3.0 };
    assert!((counts.similarity - expected.similarity).abs() < 1e-12);
    assert_eq!(Ai4cmaPixelCounts { similarity, ..counts }, expected);
    let score = counts.score();
    assert!((score.precision.unwrap() - similarity / 4.0).abs() < 1e-12);
    assert!((score.recall.unwrap() - similarity / 3.0).abs() < 1e-12);
    assert_eq!(counts.mean_distance(), Some(1.0));
    // Without room only what coincides counts.
    let counts = ai4cma_pixels(predicted.view(), truth.view(), 0.0).unwrap();
    assert_eq!((counts.matched, counts.similarity), (1, 1.0));
}

#[test]
fn colours_of_the_legend() {
    let mut image = Array3::from_elem((4, 6, 3), 200_u8);
    // The legend has one odd pixel of four.
    for (index, value) in [100_u8, 102, 104, 250].into_iter().enumerate() {
        image[(index / 2, index % 2, 0)] = value;
    }
    image[(3, 5, 0)] = 110;
    let found = legend_pixels(image.view(), [0, 0, 2, 2], 7).unwrap();
    // The median of the channel is 103.
    assert!(found[(0, 0)] && found[(1, 0)] && found[(3, 5)] && !found[(1, 1)] && !found[(2, 2)]);
    for legend in [[0, 0, 0, 2], [0, 0, 7, 2], [0, 3, 2, 3], [2, 0, 1, 2], [0, 0, 2, 5]] {
        assert!(legend_pixels(image.view(), legend, 7).is_err(), "{legend:?}");
    }
}

#[test]
fn full_rasters_far_apart_are_quick() {
    // The window of each of 10 000 pixels has over 150 000 pixels, none of them predicted.
    let size = (100, 3000);
    let left = Array2::from_shape_fn(size, |(_, column)| column < 100);
    let right = Array2::from_shape_fn(size, |(_, column)| column >= 2900);
    let counts = ai4cma_pixels(left.view(), right.view(), 50.0).unwrap();
    assert_eq!((counts.predicted, counts.truth, counts.matched), (10_000, 10_000, 0));
    let counts = ai4cma_pixels(left.view(), left.view(), 50.0).unwrap();
    assert_eq!(counts.matched, 10_000);
    let wide = ai4cma_pixels(left.view(), left.mapv(|_| true).view(), 50.0);
    assert_eq!(wide.unwrap().matched, 10_000);
}

/// The published matching, pair by pair.
fn greedy(predicted: &Array2<bool>, truth: &Array2<bool>, percent: f64) -> (u64, f64) {
    let (rows, columns) = truth.dim();
    let diagonal = ((rows * rows + columns * columns) as f64).sqrt();
    let reach = (percent * diagonal / 100.0).floor() as i64;
    let points = |mask: &Array2<bool>| -> Vec<(i64, i64)> {
        let inside = mask.indexed_iter().filter(|(_, inside)| **inside);
        inside.map(|((row, column), _)| (row as i64, column as i64)).collect()
    };
    let (mut truths, mut found) = (points(truth), points(predicted));
    let (mut count, mut similarity) = (0, 0.0);
    truths.retain(|point| {
        let place = found.iter().position(|other| other == point);
        if let Some(place) = place {
            found.remove(place);
            count += 1;
            similarity += 1.0;
        }
        place.is_none()
    });
    loop {
        let mut best: Option<(i64, usize, usize)> = None;
        for (i, t) in truths.iter().enumerate() {
            for (j, p) in found.iter().enumerate() {
                let (dy, dx) = (p.0 - t.0, p.1 - t.1);
                let near = (-reach..reach).contains(&dy) && (-reach..reach).contains(&dx);
                let square = dy * dy + dx * dx;
                if near && best.is_none_or(|best| square < best.0) {
                    best = Some((square, i, j));
                }
            }
        }
        let Some((square, i, j)) = best else { break };
        truths.remove(i);
        found.remove(j);
        count += 1;
        similarity += 1.0 - (square as f64).sqrt() / diagonal;
    }
    (count, similarity)
}

proptest! {
    #[test]
    fn pixels_as_matched_one_by_one(
        masks in rasters(prop_oneof![3 => Just(false), 1 => Just(true)], 2),
        percent in 0.0..60.0,
    ) {
        let [predicted, truth] = [&masks[0], &masks[1]];
        let counts = ai4cma_pixels(predicted.view(), truth.view(), percent).unwrap();
        let (matched, similarity) = greedy(predicted, truth, percent);
        prop_assert_eq!(counts.matched, matched);
        prop_assert!((counts.similarity - similarity).abs() < 1e-9);
        let score = counts.score();
        prop_assert!([score.precision, score.recall, score.f1].into_iter().flatten().all(|s| (0.0..=1.0).contains(&s)));
        let itself = ai4cma_pixels(truth.view(), truth.view(), percent).unwrap();
        prop_assert_eq!(itself.score().f1, (itself.truth > 0).then_some(1.0));
    }

    #[test]
    fn half_a_weight_is_none(masks in rasters(any::<bool>(), 3)) {
        let counts = ai4cma_areas(masks[0].view(), masks[1].view(), masks[2].view()).unwrap();
        let plain = binary_counts(masks[0].view(), masks[1].view(), None).unwrap();
        prop_assert_eq!(counts.all(), plain);
        let (half, plain) = (counts.score(0.5).unwrap(), plain.score());
        for (a, b) in [(half.precision, plain.precision), (half.recall, plain.recall), (half.f1, plain.f1)] {
            prop_assert_eq!(a.is_some(), b.is_some());
            prop_assert!((a.unwrap_or(0.0) - b.unwrap_or(0.0)).abs() < 1e-12);
        }
    }
}
