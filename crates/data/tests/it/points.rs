//! Points of label rasters: distinct, in their shares, repeatable.

use std::collections::{BTreeMap, BTreeSet};

use mapvec_data::{Error, LabelPoint, PointConfig, PointStrategy, sample_points, sample_rng};
use ndarray::Array2;
use proptest::prelude::*;

fn rasters() -> impl Strategy<Value = Array2<u8>> {
    (2_usize..20, 2_usize..20, 1_u8..6, any::<u64>()).prop_map(|(h, w, classes, salt)| {
        // Blocks of 3 x 3 px.
        let class = |i: usize, j: usize| (i / 3 * 31 + j / 3 * 17 + salt as usize % 97) % 7;
        Array2::from_shape_fn((h, w), |(i, j)| class(i, j) as u8 % classes)
    })
}

fn draw(classes: &Array2<u8>, config: &PointConfig, seed: u64) -> Result<Vec<LabelPoint>, Error> {
    sample_points(classes.view(), config, &mut sample_rng(seed, 0))
}

/// Row and column, after the class was compared.
fn pixel(classes: &Array2<u8>, point: &LabelPoint) -> (usize, usize) {
    let at = ((point.y - 0.5) as usize, (point.x - 0.5) as usize);
    assert_eq!((at.1 as f32 + 0.5, at.0 as f32 + 0.5), (point.x, point.y), "middle of a pixel");
    assert_eq!(classes[at], point.class);
    at
}

fn counts(values: impl Iterator<Item = u8>) -> BTreeMap<u8, usize> {
    values.fold(BTreeMap::new(), |mut counts, class| {
        *counts.entry(class).or_default() += 1;
        counts
    })
}

/// Distance to the nearest pixel that has a neighbour of another class, by looking at all.
fn naive_distance(classes: &Array2<u8>, ignore: &[u8], (row, column): (usize, usize)) -> f64 {
    let usable = |at| !ignore.contains(&classes[at]);
    let (h, w) = classes.dim();
    let mut least = f64::INFINITY;
    for at in ndarray::indices((h, w)) {
        let (i, j) = at;
        let around = [(i.wrapping_sub(1), j), (i + 1, j), (i, j.wrapping_sub(1)), (i, j + 1)];
        let differs =
            |b: &(usize, usize)| b.0 < h && b.1 < w && classes[*b] != classes[at] && usable(*b);
        if usable(at) && around.iter().any(differs) {
            least = least.min((i as f64 - row as f64).hypot(j as f64 - column as f64));
        }
    }
    least
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn points_are_distinct_and_repeatable(
        classes in rasters(), count in 1_usize..60, seed: u64, kind in 0..3, share in 0.0_f64..1.0,
        ignore in proptest::collection::vec(0_u8..4, 0..2),
    ) {
        let strategy = match kind {
            0 => PointStrategy::Uniform,
            1 => PointStrategy::Stratified { shares: BTreeMap::new() },
            _ => PointStrategy::Boundary { share, distance: 1.0 },
        };
        let config = PointConfig { count, strategy, ignore: ignore.clone() };
        let usable = classes.iter().filter(|class| !ignore.contains(class)).count();
        let points = match draw(&classes, &config, seed) {
            Ok(points) => points,
            Err(error) => {
                let expected = matches!(error, Error::TooFewPixels { needed, found } if needed == count && found == usable);
                prop_assert!(expected && usable < count, "{}", error);
                return Ok(());
            }
        };
        prop_assert_eq!(points.len(), count);
        let distinct: BTreeSet<_> = points.iter().map(|point| pixel(&classes, point)).collect();
        prop_assert_eq!(distinct.len(), count);
        prop_assert!(points.iter().all(|point| !ignore.contains(&point.class)));
        prop_assert_eq!(draw(&classes, &config, seed).unwrap(), points);
    }

    #[test]
    fn classes_get_equal_numbers_where_they_can(classes in rasters(), count in 1_usize..100, seed: u64) {
        let sizes = counts(classes.iter().copied());
        prop_assume!(count <= classes.len());
        let strategy = PointStrategy::Stratified { shares: BTreeMap::new() };
        let config = PointConfig { count, strategy, ..PointConfig::default() };
        let points = draw(&classes, &config, seed).unwrap();
        let found = counts(points.iter().map(|point| point.class));
        // A class that is not exhausted has at most one point less than any other.
        let most = found.values().copied().max().unwrap();
        for (class, size) in sizes {
            let given = found.get(&class).copied().unwrap_or(0);
            prop_assert!(given == size || given + 1 >= most, "{:?}", found);
        }
    }

    #[test]
    fn boundaries_get_their_share(
        classes in rasters(), seed: u64, share in 0.0_f64..=1.0, distance in 0.0_f64..4.0,
        ignore in proptest::collection::vec(0_u8..4, 0..2),
    ) {
        let usable = |at: &(usize, usize)| !ignore.contains(&classes[*at]);
        let all: Vec<_> = ndarray::indices(classes.dim()).into_iter().filter(usable).collect();
        prop_assume!(all.len() >= 10);
        let near = |at: (usize, usize)| naive_distance(&classes, &ignore, at) as f32 as f64 <= distance;
        let near_all = all.iter().filter(|at| near(**at)).count();
        let strategy = PointStrategy::Boundary { share, distance };
        let config = PointConfig { count: 10, strategy, ignore: ignore.clone() };
        let points = draw(&classes, &config, seed).unwrap();
        let found = points.iter().filter(|point| near(pixel(&classes, point))).count();
        let far_all = all.len() - near_all;
        let wanted = 10.0 * share;
        // Within one point of the share, or as near as the pixels allow.
        let low = (wanted.floor() as usize).min(near_all).max(10_usize.saturating_sub(far_all));
        let high = (wanted.ceil() as usize).min(near_all).max(10_usize.saturating_sub(far_all));
        prop_assert!((low..=high).contains(&found), "{} of {} near, {} far", found, near_all, far_all);
    }
}

#[test]
fn given_shares_are_met_and_absent_classes_give_theirs_away() {
    let classes = Array2::from_shape_fn((40, 40), |(i, j)| match (i, j) {
        (0, 0..=4) => 3,
        (_, 0..=19) => 0,
        _ => 1,
    });
    let shares = |list: &[(u8, f64)]| PointConfig {
        count: 100,
        strategy: PointStrategy::Stratified { shares: list.iter().copied().collect() },
        ..PointConfig::default()
    };
    let found = |config: &PointConfig| {
        counts(draw(&classes, config, 5).unwrap().iter().map(|point| point.class))
    };
    assert_eq!(found(&shares(&[(0, 3.0), (1, 1.0)])), BTreeMap::from([(0, 75), (1, 25)]));
    // Class 7 is nowhere.
    assert_eq!(found(&shares(&[(0, 3.0), (1, 1.0), (7, 4.0)])), BTreeMap::from([(0, 75), (1, 25)]));
    // Class 3 has five pixels; the rest goes to the others by their shares.
    let expected = BTreeMap::from([(0, 71), (1, 24), (3, 5)]);
    assert_eq!(found(&shares(&[(0, 3.0), (1, 1.0), (3, 4.0)])), expected);
    let none = draw(&classes, &shares(&[(9, 1.0)]), 5);
    assert!(matches!(none, Err(Error::TooFewPixels { needed: 100, found: 0 })));
}

/// Every pixel is drawn as often as any other: chi-squared over 36 pixels stays below the value
/// that one run in 10^5 exceeds.
#[test]
fn uniform_points_are_even() {
    let classes = Array2::zeros((6, 6));
    let config = PointConfig { count: 6, ..PointConfig::default() };
    let mut hits = [0_u32; 36];
    for seed in 0..6000 {
        for point in draw(&classes, &config, seed).unwrap() {
            let (row, column) = pixel(&classes, &point);
            hits[row * 6 + column] += 1;
        }
    }
    let expected = 1000.0;
    let chi: f64 = hits.iter().map(|&n| (f64::from(n) - expected).powi(2) / expected).sum();
    assert!(chi < 82.0, "{chi}");
}

#[test]
fn bad_settings_are_refused() {
    let classes = Array2::zeros((4, 4));
    let boundary = |share, distance| PointStrategy::Boundary { share, distance };
    let strata = |share| PointStrategy::Stratified { shares: BTreeMap::from([(0, share)]) };
    let strategies = [
        boundary(1.5, 1.0),
        boundary(f64::NAN, 1.0),
        boundary(0.5, -1.0),
        boundary(0.5, f64::INFINITY),
        strata(0.0),
        strata(f64::NAN),
        strata(-1.0),
    ];
    for strategy in strategies {
        let config = PointConfig { count: 4, strategy, ..PointConfig::default() };
        assert!(matches!(draw(&classes, &config, 0), Err(Error::Config { .. })), "{config:?}");
    }
    let none = PointConfig { count: 0, ..PointConfig::default() };
    assert!(matches!(draw(&classes, &none, 0), Err(Error::Config { field: "count", .. })));
    assert!(draw(&Array2::zeros((0, 0)), &PointConfig::default(), 0).is_err());
}
