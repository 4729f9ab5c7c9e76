use std::collections::BTreeMap;

use geo_types::LineString;
use mapvec_metrics::{
    CocoConfig, CocoDetection, CocoRecords, CocoSelection, CocoTruth, Error, RunMask, box_ious,
    mask_ious, polygon_runs,
};
use mapvec_testkit::{integers, uniform};
use ndarray::{Array2, array};
use proptest::prelude::*;

/// Objects of one image and category.
#[derive(Debug, Clone, Default)]
struct Group {
    truths: Vec<([f64; 4], bool)>,
    detections: Vec<([f64; 4], f64)>,
}

type Groups = BTreeMap<(u64, u32), Group>;

/// The sets of `xtask/peers/coco_ap.py --golden`, from the same numbers.
fn golden_set(seed: u64) -> Groups {
    let (n, m) = (24, 40);
    let spans = [(0.0, 60.0), (0.0, 60.0), (4.0, 130.0), (4.0, 130.0)];
    let sides: Vec<Vec<f64>> = (seed..).zip(spans).map(|(s, (a, b))| uniform(n, s, a, b)).collect();
    let image = integers(n, seed + 4, 0, 6);
    let category = integers(n, seed + 5, 1, 3);
    let crowd = integers(n, seed + 6, 0, 8);
    let base = integers(m, seed + 7, 0, n as i64);
    let shift = uniform(4 * m, seed + 8, -3.0, 3.0);
    let score = integers(m, seed + 9, 0, 20);
    let mut groups = Groups::new();
    let key = |i: usize| (image[i] as u64, category[i] as u32);
    for i in 0..n {
        let shape = [0, 1, 2, 3].map(|k| sides[k][i]);
        groups.entry(key(i)).or_default().truths.push((shape, crowd[i] == 0));
    }
    for j in 0..m {
        let i = base[j] as usize;
        let shape = [0, 1, 2, 3].map(|k| sides[k][i] + shift[4 * j + k]);
        groups.entry(key(i)).or_default().detections.push((shape, score[j] as f64 / 20.0));
    }
    groups
}

/// A box with its corners cut off, as a mask.
fn octagon([x, y, w, h]: [f64; 4]) -> RunMask {
    let (a, b) = (w * 0.25, h * 0.3);
    let ring = LineString::from(vec![
        (x + a, y),
        (x + w - a, y),
        (x + w, y + b),
        (x + w, y + h - b),
        (x + w - a, y + h),
        (x + a, y + h),
        (x, y + h - b),
        (x, y + b),
    ]);
    RunMask::new(&polygon_runs(&[ring], 200, 200).unwrap(), 200, 200).unwrap()
}

fn add(records: &mut CocoRecords, (image, category): (u64, u32), group: &Group, drawn: bool) {
    let crowd: Vec<bool> = group.truths.iter().map(|truth| truth.1).collect();
    let truths: Vec<CocoTruth> = group
        .truths
        .iter()
        .map(|&(shape, crowd)| CocoTruth { area: shape[2] * shape[3], crowd, ignored: false })
        .collect();
    let shapes: [Vec<[f64; 4]>; 2] = [
        group.detections.iter().map(|detection| detection.0).collect(),
        group.truths.iter().map(|truth| truth.0).collect(),
    ];
    let masks = shapes.clone().map(|boxes| boxes.into_iter().map(octagon).collect::<Vec<_>>());
    let detections: Vec<CocoDetection> = group
        .detections
        .iter()
        .enumerate()
        .map(|(place, &(shape, score))| {
            let area = if drawn { masks[0][place].area() as f64 } else { shape[2] * shape[3] };
            CocoDetection { score, area }
        })
        .collect();
    let ious = if drawn {
        mask_ious(&masks[0], &masks[1], &crowd).unwrap()
    } else {
        box_ious(&shapes[0], &shapes[1], &crowd).unwrap()
    };
    records.update(image, category, &truths, &detections, ious.view()).unwrap();
}

fn summary(groups: &Groups, drawn: bool) -> Vec<f64> {
    let mut records = CocoRecords::new(&CocoConfig::default()).unwrap();
    groups.iter().for_each(|(&key, group)| add(&mut records, key, group, drawn));
    records.score().summary().into_iter().map(|(_, value)| value.unwrap_or(-1.0)).collect()
}

/// Made by `xtask/peers/coco_ap.py --golden` with pycocotools 2.0.11: two sets of boxes, and
/// the same as octagons.
const GOLDEN: [(bool, u64, [f64; 12]); 4] = [
    (
        false,
        100,
        [
            0.437_074_352_918_485_1,
            0.652_874_662_466_246_6,
            0.493_840_009_000_900_1,
            0.116_831_683_168_316_84,
            0.540_689_140_342_605_6,
            0.949_999_999_999_999_8,
            0.332_323_232_323_232_24,
            0.612_121_212_121_212_2,
            0.612_121_212_121_212_2,
            0.166_666_666_666_666_66,
            0.665,
            0.95,
        ],
    ),
    (
        false,
        200,
        [
            0.410_055_993_236_686_3,
            0.563_746_553_226_751_3,
            0.486_322_464_664_048_9,
            0.187_376_237_623_762_38,
            0.457_901_265_401_265_3,
            0.799_009_900_990_099,
            0.230_833_333_333_333_3,
            0.577_916_666_666_666_6,
            0.577_916_666_666_666_6,
            0.262_5,
            0.632_142_857_142_857_2,
            0.8,
        ],
    ),
    (
        true,
        100,
        [
            0.440_870_009_795_097_16,
            0.652_874_662_466_246_6,
            0.493_840_009_000_900_1,
            0.116_831_683_168_316_84,
            0.541_773_534_496_306_7,
            0.966_666_666_666_666_6,
            0.326_767_676_767_676_7,
            0.620_202_020_202_020_2,
            0.620_202_020_202_020_2,
            0.166_666_666_666_666_66,
            0.665,
            1.0,
        ],
    ),
    (
        true,
        200,
        [
            0.420_046_398_870_656_3,
            0.563_746_553_226_751_3,
            0.486_322_464_664_048_9,
            0.187_376_237_623_762_38,
            0.473_871_887_188_718_8,
            0.799_009_900_990_099,
            0.234_166_666_666_666_7,
            0.578_333_333_333_333_4,
            0.578_333_333_333_333_4,
            0.262_5,
            0.637_500_000_000_000_1,
            0.8,
        ],
    ),
];

#[test]
fn as_pycocotools() {
    for (drawn, seed, expected) in GOLDEN {
        let found = summary(&golden_set(seed), drawn);
        for (place, (value, expected)) in found.iter().zip(expected).enumerate() {
            assert!((value - expected).abs() < 1e-9, "{drawn} {seed} {place}: {value} {expected}");
        }
    }
}

fn shape() -> impl Strategy<Value = [f64; 4]> {
    (0.0..20.0, 0.0..20.0, 2.0..60.0, 2.0..60.0).prop_map(|(x, y, w, h)| [x, y, w, h])
}

fn groups() -> impl Strategy<Value = Groups> {
    let truth = (shape(), prop::bool::weighted(0.2));
    let detection = (shape(), (0_u8..6).prop_map(|score| f64::from(score) / 5.0));
    let group = (prop::collection::vec(truth, 0..5), prop::collection::vec(detection, 0..7))
        .prop_map(|(truths, detections)| Group { truths, detections });
    prop::collection::btree_map((0_u64..6, 1_u32..3), group, 0..9)
}

/// Average precision at one threshold of objects that all count, from its definition.
fn plain_average(groups: &[&Group], threshold: f64) -> Option<f64> {
    let mut all: Vec<(f64, bool)> = Vec::new();
    for group in groups {
        let mut order: Vec<&([f64; 4], f64)> = group.detections.iter().collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1));
        let mut taken = vec![false; group.truths.len()];
        for detection in order {
            let truths: Vec<[f64; 4]> = group.truths.iter().map(|truth| truth.0).collect();
            let ious = box_ious(&[detection.0], &truths, &vec![false; truths.len()]).unwrap();
            let best = (0..truths.len())
                .filter(|&at| !taken[at] && ious[(0, at)] >= threshold)
                .max_by(|&a, &b| ious[(0, a)].total_cmp(&ious[(0, b)]));
            if let Some(at) = best {
                taken[at] = true;
            }
            all.push((detection.1, best.is_some()));
        }
    }
    let truths: usize = groups.iter().map(|group| group.truths.len()).sum();
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    let point = |upto: usize| {
        let right = all[..upto].iter().filter(|entry| entry.1).count() as f64;
        (right / truths as f64, right / upto as f64)
    };
    let best_at = |recall: f64| {
        let points = (1..=all.len()).map(point).filter(|point| point.0 >= recall - 1e-12);
        points.map(|point| point.1).fold(0.0, f64::max)
    };
    let recalls = (0..=100).map(|step| best_at(f64::from(step) / 100.0));
    (truths > 0).then(|| recalls.sum::<f64>() / 101.0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn as_the_definition_without_exceptions(mut groups in groups()) {
        for group in groups.values_mut() {
            group.truths.iter_mut().for_each(|truth| truth.1 = false);
        }
        let config = CocoConfig::default();
        let mut records = CocoRecords::new(&config).unwrap();
        groups.iter().for_each(|(&key, group)| add(&mut records, key, group, false));
        let scores = records.score();
        for &category in scores.categories() {
            let own: Vec<&Group> =
                groups.iter().filter(|(key, _)| key.1 == category).map(|(_, group)| group).collect();
            for threshold in [0, 5] {
                let one = CocoSelection {
                    threshold: Some(threshold), category: Some(category), ..CocoSelection::default()
                };
                let expected = plain_average(&own, config.iou_thresholds[threshold]);
                match (scores.average_precision(&one), expected) {
                    (Some(a), Some(b)) => prop_assert!((a - b).abs() < 1e-12, "{} {}", a, b),
                    (a, b) => prop_assert_eq!(a, b),
                }
            }
        }
    }

    #[test]
    fn any_split_and_order_gives_the_same(groups in groups(), worker in prop::collection::vec(0_usize..3, 12)) {
        let config = CocoConfig::default();
        let new = || CocoRecords::new(&config).unwrap();
        let mut whole = new();
        groups.iter().for_each(|(&key, group)| add(&mut whole, key, group, false));
        let mut workers = [new(), new(), new()];
        for (place, (&key, group)) in groups.iter().enumerate().rev() {
            add(&mut workers[worker[place]], key, group, false);
        }
        let [a, mut b, c] = workers;
        // One of them comes from another machine.
        let c: CocoRecords = serde_json::from_str(&serde_json::to_string(&c).unwrap()).unwrap();
        b.merge(c).unwrap();
        b.merge(a).unwrap();
        prop_assert_eq!(whole.score(), b.score());
    }

    #[test]
    fn scores_are_shares_and_a_surer_order_is_all_that_counts(groups in groups()) {
        let values = summary(&groups, false);
        prop_assert!(values.iter().all(|value| (0.0..=1.0).contains(value) || *value == -1.0));
        let mut other = groups.clone();
        for group in other.values_mut() {
            group.detections.iter_mut().for_each(|detection| detection.1 = detection.1.powi(3) * 7.0 - 2.0);
        }
        prop_assert_eq!(values, summary(&other, false));
    }

    #[test]
    fn the_truth_itself_scores_one(mut groups in groups()) {
        for group in groups.values_mut() {
            group.truths.iter_mut().for_each(|truth| truth.1 = false);
            group.detections = group.truths.iter().map(|truth| (truth.0, 0.5)).collect();
        }
        let values = summary(&groups, false);
        if groups.values().any(|group| !group.truths.is_empty()) {
            prop_assert!((values[0] - 1.0).abs() < 1e-12);
            prop_assert!((values[8] - 1.0).abs() < 1e-12);
        } else {
            prop_assert!(values.iter().all(|value| *value == -1.0));
        }
    }
}

#[test]
fn crowds_and_ignored_objects_cost_nothing() {
    let (good, far) = ([0.0, 0.0, 10.0, 10.0], [50.0, 50.0, 10.0, 10.0]);
    let score = |crowd: bool, ignored: bool| {
        let truths = [
            CocoTruth { area: 100.0, ..CocoTruth::default() },
            CocoTruth { area: 100.0, crowd, ignored },
        ];
        let detections = [0.5, 0.9, 0.8].map(|score| CocoDetection { score, area: 100.0 });
        let ious = box_ious(&[good, far, far], &[good, far], &[false, crowd]).unwrap();
        let mut records = CocoRecords::new(&CocoConfig::default()).unwrap();
        records.update(0, 0, &truths, &detections, ious.view()).unwrap();
        records.score().average_precision(&CocoSelection::default()).unwrap()
    };
    // Both detections of the crowd are left out; of the ignored object only the first.
    assert!((score(true, false) - 1.0).abs() < 1e-12);
    assert!((score(false, true) - 0.5).abs() < 1e-12);
    // An object of its own: right, wrong, right.
    let expected = (51.0 + 50.0 * 2.0 / 3.0) / 101.0;
    assert!((score(false, false) - expected).abs() < 1e-12);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn drawn_images_are_images_of_their_own(groups in groups(), places in prop::collection::vec(0_usize..6, 0..6)) {
        let config = CocoConfig::default();
        let mut records = CocoRecords::new(&config).unwrap();
        groups.iter().for_each(|(&key, group)| add(&mut records, key, group, false));
        let images = records.images();
        prop_assert_eq!(records.score_images(&images), records.score());
        let places = places.into_iter().filter(|&place| place < images.len());
        let drawn: Vec<u64> = places.map(|place| images[place]).collect();
        let mut copies = CocoRecords::new(&config).unwrap();
        for (copy, image) in (0_u64..).zip(&drawn) {
            let own = groups.iter().filter(|(key, _)| key.0 == *image);
            own.for_each(|(key, group)| add(&mut copies, (copy, key.1), group, false));
        }
        prop_assert_eq!(records.score_images(&drawn).summary(), copies.score().summary());
    }
}

#[test]
fn the_sign_of_zero_is_no_score() {
    let truths = [CocoTruth { area: 4.0, ..CocoTruth::default() }];
    let detections = [-0.0, 0.0].map(|score| CocoDetection { score, area: 4.0 });
    let mut records = CocoRecords::new(&CocoConfig::default()).unwrap();
    records.update(1, 1, &truths, &detections, array![[1.0], [0.0]].view()).unwrap();
    // The first is right, and the surer of the two.
    let precision = records.score().average_precision(&CocoSelection::default()).unwrap();
    assert!((precision - 1.0).abs() < 1e-12);
}

#[test]
fn written_scores_descend() {
    let truths = [CocoTruth { area: 4.0, ..CocoTruth::default() }];
    let detections = [0.75, 0.25].map(|score| CocoDetection { score, area: 4.0 });
    let mut records = CocoRecords::new(&CocoConfig::default()).unwrap();
    records.update(1, 1, &truths, &detections, array![[1.0], [0.0]].view()).unwrap();
    let text = serde_json::to_string(&records).unwrap();
    assert_eq!(serde_json::from_str::<CocoRecords>(&text).unwrap(), records);
    let turned = text.replace("[0.75,0.25]", "[0.25,0.75]");
    assert_ne!(text, turned);
    let refused = serde_json::from_str::<CocoRecords>(&turned).unwrap_err().to_string();
    assert!(refused.contains("not above the score before"), "{refused}");
}

#[test]
fn bad_input_is_refused() {
    let config = CocoConfig::default();
    let mut records = CocoRecords::new(&config).unwrap();
    let truth = [CocoTruth { area: 4.0, ..CocoTruth::default() }];
    let found = |score: f64| [CocoDetection { score, area: 4.0 }];
    let one = array![[0.7]];
    records.update(3, 1, &truth, &found(0.5), one.view()).unwrap();
    assert_eq!(
        records.update(3, 1, &truth, &found(0.5), one.view()),
        Err(Error::Duplicate { image: 3, category: 1 })
    );
    assert!(matches!(
        records.update(4, 1, &truth, &found(f64::NAN), one.view()),
        Err(Error::InvalidEntry { field: "detections.score", .. })
    ));
    assert!(matches!(
        records.update(4, 1, &[], &found(0.5), one.view()),
        Err(Error::ShapeMismatch { .. })
    ));
    assert!(matches!(
        records.update(4, 1, &truth, &[], one.view()),
        Err(Error::LengthMismatch { .. })
    ));
    let nothing = Array2::zeros((0, 0));
    records.update(9, 2, &[], &[], nothing.view()).unwrap();
    assert_eq!(records.score().truths(1, 0), 1);
    assert_eq!(records.score().categories(), [1, 2]);
    let text = serde_json::to_string(&records).unwrap();
    assert!(serde_json::from_str::<CocoRecords>(&text).is_ok());
    for (good, bad) in [("\"scores\":[0.5]", "\"scores\":[]"), ("\"truths\":[1,", "\"truths\":[")] {
        assert!(text.contains(good));
        assert!(serde_json::from_str::<CocoRecords>(&text.replacen(good, bad, 1)).is_err());
    }
    let other = CocoConfig { max_detections: vec![5], ..CocoConfig::default() };
    let other = CocoRecords::new(&other).unwrap();
    assert!(matches!(records.merge(other), Err(Error::OtherSettings { .. })));
    for wrong in [
        CocoConfig { iou_thresholds: vec![], ..CocoConfig::default() },
        CocoConfig { iou_thresholds: vec![f64::NAN], ..CocoConfig::default() },
        CocoConfig { recall_points: 1, ..CocoConfig::default() },
        CocoConfig { areas: vec![], ..CocoConfig::default() },
        CocoConfig { max_detections: vec![3, 3], ..CocoConfig::default() },
        CocoConfig { iou_thresholds: vec![0.5, 0.5], ..CocoConfig::default() },
        CocoConfig { iou_thresholds: vec![0.75, 0.5], ..CocoConfig::default() },
        CocoConfig {
            recall_points: 100_001,
            max_detections: (1..20).collect(),
            ..CocoConfig::default()
        },
    ] {
        assert!(CocoRecords::new(&wrong).is_err(), "{wrong:?}");
    }
}
