use geo_types::{Coord, LineString};
use mapvec_metrics::{AplsConfig, AplsCounts, Error, apls};
use mapvec_testkit::uniform;
use proptest::prelude::*;

/// The roads of `xtask/peers/metrics.py`, from the same numbers.
fn roads(seed: u64, shift: f64) -> Vec<LineString<f64>> {
    let keep = uniform(24, seed, 0.0, 1.0);
    let noise = uniform(32, seed + 1, -shift, shift);
    let at = |i: usize, j: usize| {
        let place = 2 * (4 * i + j);
        (100.0 * i as f64 + noise[place], 100.0 * j as f64 + noise[place + 1])
    };
    let (mut lines, mut street) = (Vec::new(), 0);
    for (i, j) in (0..16).map(|place| (place / 4, place % 4)) {
        for (di, dj) in [(1, 0), (0, 1)] {
            if i + di < 4 && j + dj < 4 {
                if keep[street] < 0.8 {
                    lines.push(LineString::from(vec![at(i, j), at(i + di, j + dj)]));
                }
                street += 1;
            }
        }
    }
    lines
}

/// Made by `xtask/peers/metrics.py` with networkx 3.6.
#[test]
fn as_by_networkx() {
    for (seed, spacing, truth_paths, forward, predicted_paths, backward) in [
        (10, 50.0, 465, 0.875_062_927_858_695_3, 1225, 0.458_076_490_102_200_6),
        (20, 50.0, 741, 0.791_187_682_172_580_8, 903, 0.862_360_631_552_410_5),
        (30, 50.0, 561, 0.552_366_995_735_969_6, 666, 0.536_814_825_917_133_5),
        // Three quarters of it are 97.5 m: some streets have a point in their middle.
        (10, 130.0, 190, 0.869_414_379_704_952_9, 465, 0.557_105_260_322_841_7),
        (20, 130.0, 465, 0.817_340_488_399_721_4, 253, 0.948_938_952_657_675_6),
        (30, 130.0, 210, 0.438_967_672_581_288_05, 153, 0.657_748_946_289_435_5),
    ] {
        let config = AplsConfig { spacing, ..AplsConfig::default() };
        let counts = apls(&roads(seed + 5, 2.0), &roads(seed, 0.0), &config).unwrap();
        assert_eq!((counts.truth_paths, counts.predicted_paths), (truth_paths, predicted_paths));
        let score = counts.score();
        assert!((score.truth_to_predicted.unwrap() - forward).abs() < 1e-9, "{seed}: {score:?}");
        assert!((score.predicted_to_truth.unwrap() - backward).abs() < 1e-9, "{seed}: {score:?}");
        let expected = 2.0 * forward * backward / (forward + backward);
        assert!((score.apls.unwrap() - expected).abs() < 1e-9);
    }
}

fn line(points: &[(f64, f64)]) -> LineString<f64> {
    LineString::from(points.to_vec())
}

#[test]
fn bridges_detours_and_rings() {
    let config = AplsConfig { spacing: 1000.0, ..AplsConfig::default() };
    let counts = |p: &[LineString<f64>], t: &[LineString<f64>]| apls(p, t, &config).unwrap();
    // Two roads that only cross: of the four ends only opposite ones are joined.
    let bridge = [line(&[(0.0, 50.0), (100.0, 50.0)]), line(&[(50.0, 0.0), (50.0, 100.0)])];
    assert_eq!(counts(&bridge, &bridge).truth_paths, 2);
    let crossing = [
        line(&[(0.0, 50.0), (50.0, 50.0), (100.0, 50.0)]),
        line(&[(50.0, 0.0), (50.0, 50.0), (50.0, 100.0)]),
    ];
    assert_eq!(counts(&crossing, &crossing).truth_paths, 10);
    // A way round of 140 instead of 100.
    let straight = [line(&[(0.0, 0.0), (100.0, 0.0)])];
    let detour = [line(&[(0.0, 0.0), (0.0, 20.0), (100.0, 20.0), (100.0, 0.0)])];
    let score = counts(&detour, &straight).score();
    assert!((score.truth_to_predicted.unwrap() - 0.6).abs() < 1e-12);
    assert!((score.predicted_to_truth.unwrap() - (1.0 - 40.0 / 140.0)).abs() < 1e-12);
    // Around a block of 400: cut into four at the corner where it begins.
    let block = line(&[(0.0, 0.0), (100.0, 0.0), (100.0, 100.0), (0.0, 100.0), (0.0, 0.0)]);
    let quarter = AplsConfig { spacing: 100.0, ..config };
    let ring = apls(std::slice::from_ref(&block), std::slice::from_ref(&block), &quarter).unwrap();
    assert_eq!((ring.truth_paths, ring.score().apls), (6, Some(1.0)));
}

#[test]
fn short_roads_are_halved() {
    // Ends and, from three quarters of the spacing on, the middle; then equal pieces.
    for (length, points) in
        [(37.0_f64, 2_u64), (37.5, 3), (50.0, 3), (50.1, 3), (100.0, 3), (101.0, 4)]
    {
        let road = [line(&[(0.0, 0.0), (length, 0.0)])];
        let config = AplsConfig { min_path: 0.0, ..AplsConfig::default() };
        let counts = apls(&road, &road, &config).unwrap();
        assert_eq!(counts.truth_paths, points * (points - 1) / 2, "{length}");
    }
}

#[test]
fn nothing_and_bad_input() {
    let (config, road) = (AplsConfig::default(), [line(&[(0.0, 0.0), (100.0, 0.0)])]);
    assert_eq!(apls(&[], &[], &config).unwrap().score().apls, None);
    assert_eq!(apls(&[], &road, &config).unwrap().score().apls, Some(0.0));
    let surplus = apls(&road, &[], &config).unwrap();
    assert_eq!((surplus.score().apls, surplus.score().mean_of_pictures), (Some(0.0), None));
    let point = [line(&[(3.0, 3.0)]), line(&[(4.0, 4.0), (4.0, 4.0)])];
    assert_eq!(apls(&point, &point, &config).unwrap(), AplsCounts::default());
    let wrong = [line(&[(0.0, 0.0), (f64::NAN, 0.0)])];
    assert!(matches!(apls(&road, &wrong, &config), Err(Error::Shape { what: "true lines", .. })));
    // The line is named, not its edge.
    let second = [line(&[(0.0, 0.0), (1.0, 0.0), (2.0, 0.0)]), wrong[0].clone()];
    assert!(matches!(apls(&second, &road, &config), Err(Error::Shape { index: 1, .. })));
    let huge = [line(&[(0.0, 0.0), (1e12, 0.0)])];
    assert!(matches!(apls(&huge, &road, &config), Err(Error::TooMany { .. })));
    for wrong in [
        AplsConfig { snap: -1.0, ..config },
        AplsConfig { spacing: 0.0, ..config },
        AplsConfig { min_path: f64::NAN, ..config },
        AplsConfig { max_points: 1, ..config },
    ] {
        assert!(matches!(apls(&road, &road, &wrong), Err(Error::InvalidSetting { .. })));
    }
    // Thinned points are spread from the first to the last.
    let long = [line(&[(0.0, 0.0), (10_000.0, 0.0)])];
    let few = AplsConfig { max_points: 5, ..config };
    assert_eq!(apls(&long, &long, &few).unwrap().truth_paths, 10);
}

/// Walks along the streets of a grid of 5 x 5 crossings: no road lies on another.
fn network() -> impl Strategy<Value = Vec<LineString<f64>>> {
    let walk = ((0_i32..5, 0_i32..5), prop::collection::vec(0_usize..4, 0..6));
    let line = walk.prop_map(|(mut at, steps)| {
        let mut points = vec![at];
        for step in steps {
            let (dx, dy) = [(1, 0), (0, 1), (-1, 0), (0, -1)][step];
            at = ((at.0 + dx).clamp(0, 4), (at.1 + dy).clamp(0, 4));
            points.push(at);
        }
        let place = |(x, y)| (f64::from(x) * 40.0, f64::from(y) * 40.0);
        LineString::from(points.into_iter().map(place).collect::<Vec<_>>())
    });
    prop::collection::vec(line, 0..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn symmetry_shift_and_cuts(predicted in network(), truth in network()) {
        let config = AplsConfig::default();
        let counts = apls(&predicted, &truth, &config).unwrap();
        let turned = apls(&truth, &predicted, &config).unwrap();
        let near = |a: Option<f64>, b: Option<f64>| {
            a.is_some() == b.is_some() && (a.unwrap_or(0.0) - b.unwrap_or(0.0)).abs() < 1e-9
        };
        prop_assert!(near(counts.score().apls, turned.score().apls));
        prop_assert_eq!(counts.truth_paths, turned.predicted_paths);
        let score = counts.score();
        let shares = [score.apls, score.truth_to_predicted, score.predicted_to_truth];
        prop_assert!(shares.into_iter().flatten().all(|share| (0.0..=1.0).contains(&share)));
        // Lines in pieces, and everything somewhere else.
        let pieces = |lines: &[LineString<f64>]| -> Vec<LineString<f64>> {
            let moved = |point: Coord<f64>| Coord { x: point.x + 512.0, y: point.y - 64.0 };
            let segments = lines.iter().flat_map(|line| line.lines());
            segments.map(|line| LineString(vec![moved(line.start), moved(line.end)])).collect()
        };
        let cut = apls(&pieces(&predicted), &pieces(&truth), &config).unwrap();
        prop_assert!(near(cut.score().apls, score.apls), "{:?} {:?}", cut, counts);
        let itself = apls(&truth, &truth, &config).unwrap();
        prop_assert!(near(itself.score().apls, (itself.truth_paths > 0).then_some(1.0)));
    }
}
