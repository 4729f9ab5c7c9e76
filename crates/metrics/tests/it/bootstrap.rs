use std::iter::Sum;

use mapvec_metrics::{
    Ai4cmaAreaCounts, BinaryCounts, BootstrapConfig, Error, IntervalMethod, bootstrap,
    bootstrap_by, compare_systems,
};
use mapvec_testkit::uniform;

/// A sum and the number of its parts.
#[derive(Debug, Clone, Copy, Default)]
struct Mean(f64, u32);

impl Sum for Mean {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), |sum, part| Self(sum.0 + part.0, sum.1 + part.1))
    }
}

fn mean(sum: &Mean) -> Option<f64> {
    (sum.1 > 0).then(|| sum.0 / f64::from(sum.1))
}

/// Made by `xtask/peers/metrics.py` with scipy's `bootstrap`, 200 000 resamples: the two
/// differ by chance.
#[test]
fn as_by_scipy() {
    let values: Vec<Mean> =
        uniform(60, 70, 0.0, 1.0).into_iter().map(|u| Mean(u.powi(3), 1)).collect();
    for (method, low, high) in [
        (IntervalMethod::Percentile, 0.175_454, 0.327_746),
        (IntervalMethod::Corrected, 0.180_833, 0.334_951),
    ] {
        let config = BootstrapConfig { resamples: 20_000, method, ..BootstrapConfig::default() };
        let interval = bootstrap(&values, mean, &config).unwrap().unwrap();
        assert!((interval.estimate - 0.248_862_930_267_583).abs() < 1e-12);
        assert!((interval.low - low).abs() < 0.002, "{method:?} {interval:?}");
        assert!((interval.high - high).abs() < 0.002, "{method:?} {interval:?}");
        // The same draws by their places.
        let of = |places: &[usize]| mean(&places.iter().map(|&place| values[place]).sum());
        let placed = bootstrap_by(values.len(), of, &config).unwrap().unwrap();
        assert!((placed.low - interval.low).abs() < 1e-9, "{placed:?}");
        assert!((placed.high - interval.high).abs() < 1e-9, "{placed:?}");
    }
}

#[test]
fn a_seed_is_repeatable_and_confidence_widens() {
    let values: Vec<Mean> = uniform(30, 71, 0.0, 1.0).into_iter().map(|u| Mean(u, 1)).collect();
    let config = BootstrapConfig { resamples: 500, ..BootstrapConfig::default() };
    let run = |config: &BootstrapConfig| bootstrap(&values, mean, config).unwrap().unwrap();
    let interval = run(&config);
    assert_eq!(interval, run(&config));
    assert_ne!(interval, run(&BootstrapConfig { seed: 1, ..config }));
    let wide = run(&BootstrapConfig { confidence: 0.99, ..config });
    assert!(wide.low < interval.low && wide.high > interval.high);
    // Equal pictures leave no doubt.
    let same = vec![Mean(0.25, 1); 20];
    let sure = bootstrap(&same, mean, &config).unwrap().unwrap();
    assert_eq!((sure.low, sure.estimate, sure.high), (0.25, 0.25, 0.25));
}

#[test]
fn one_outlier_stays_inside() {
    for (size, far) in [(5, 1e6), (20, 1e3), (20, -1e6), (60, 1e9)] {
        let mut values: Vec<Mean> =
            uniform(size, 73, 0.0, 1.0).into_iter().map(|u| Mean(u, 1)).collect();
        values[0] = Mean(far, 1);
        for confidence in [0.5, 0.95, 0.9999] {
            let config =
                BootstrapConfig { resamples: 2000, confidence, ..BootstrapConfig::default() };
            let found = bootstrap(&values, mean, &config).unwrap().unwrap();
            assert!(found.low < found.high, "{size} {far} {confidence} {found:?}");
            assert!(found.low >= far.min(0.0) && found.high <= far.max(1.0), "{found:?}");
        }
    }
}

#[test]
fn areas_are_resampled_too() {
    let picture = |k: u64| Ai4cmaAreaCounts {
        hard: BinaryCounts { true_positives: 20 + k, false_positives: 3, false_negatives: k % 4 },
        easy: BinaryCounts { true_positives: 9, false_positives: 0, false_negatives: k % 3 },
    };
    let pictures: Vec<Ai4cmaAreaCounts> = (0..12).map(picture).collect();
    let config = BootstrapConfig { resamples: 300, ..BootstrapConfig::default() };
    let f1 = |sum: &Ai4cmaAreaCounts| sum.score(0.7).ok()?.f1;
    let interval = bootstrap(&pictures, f1, &config).unwrap().unwrap();
    let mut whole = Ai4cmaAreaCounts::default();
    pictures.iter().for_each(|&counts| whole += counts);
    assert_eq!(Some(interval.estimate), f1(&whole));
    assert!(interval.low < interval.estimate && interval.estimate < interval.high);
}

#[test]
fn undefined_scores() {
    let config = BootstrapConfig { resamples: 200, ..BootstrapConfig::default() };
    assert_eq!(bootstrap(&[], mean, &config).unwrap(), None);
    assert_eq!(bootstrap(&[Mean(0.0, 0); 3], mean, &config).unwrap(), None);
    // One picture says nothing about others.
    assert_eq!(bootstrap(&[Mean(0.5, 1)], mean, &config).unwrap(), None);
    let one = [Mean(0.5, 1)];
    assert_eq!(compare_systems(&one, &[Mean(0.2, 1)], mean, &config).unwrap(), None);
    // A third of the sets has no picture with anything on it.
    let one = [Mean(0.5, 1), Mean(0.0, 0), Mean(0.0, 0)];
    let interval = bootstrap(&one, mean, &config).unwrap().unwrap();
    assert!(interval.resamples < 200 && interval.resamples > 100);
    assert_eq!((interval.low, interval.high), (0.5, 0.5));
    for wrong in [
        BootstrapConfig { resamples: 1, ..config },
        BootstrapConfig { confidence: 1.0, ..config },
        BootstrapConfig { confidence: 0.99999, ..config },
        BootstrapConfig { confidence: f64::NAN, ..config },
    ] {
        assert!(matches!(bootstrap(&one, mean, &wrong), Err(Error::InvalidSetting { .. })));
    }
}

#[test]
fn pairs_tell_systems_apart_that_differ_little() {
    // Pictures are of very different difficulty; the second misses one object more on each.
    let counts = |extra: u64| -> Vec<BinaryCounts> {
        let hard = uniform(40, 72, 0.0, 30.0);
        let picture = |hard: f64| BinaryCounts {
            true_positives: 40 - hard as u64 - extra,
            false_positives: 2,
            false_negatives: hard as u64 + extra,
        };
        hard.into_iter().map(picture).collect()
    };
    let f1 = |sum: &BinaryCounts| sum.f_beta(1.0);
    let config = BootstrapConfig { resamples: 1000, ..BootstrapConfig::default() };
    let (a, b) = (counts(0), counts(1));
    let ends = |counts: &[BinaryCounts]| bootstrap(counts, f1, &config).unwrap().unwrap();
    assert!(ends(&a).low < ends(&b).high, "apart, the intervals overlap");
    let found = compare_systems(&a, &b, f1, &config).unwrap().unwrap();
    assert!(found.difference.low > 0.0 && found.p_value < 0.01, "{found:?}");
    let turned = compare_systems(&b, &a, f1, &config).unwrap().unwrap();
    assert!((turned.difference.estimate + found.difference.estimate).abs() < 1e-12);
    assert!((turned.p_value - found.p_value).abs() < 1e-12);
    let same = compare_systems(&a, &a, f1, &config).unwrap().unwrap();
    assert_eq!((same.difference.low, same.difference.high, same.p_value), (0.0, 0.0, 1.0));
    assert!(matches!(compare_systems(&a, &b[1..], f1, &config), Err(Error::LengthMismatch { .. })));
}
