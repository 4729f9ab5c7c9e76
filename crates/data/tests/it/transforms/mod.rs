//! Labels and noise that are made of records.
#![expect(clippy::float_cmp, reason = "copies, zeros and ones are exact")]

mod components;
mod frequency_mask;
mod picture;
mod pixels;
mod transformed;
mod weight_maps;

use std::collections::{BTreeMap, BTreeSet};

use mapvec_data::{
    AngleChoice, AngleConditioned, Blur, BoundaryWeights, ColorShift, ComponentOrder,
    ComponentPoints, Error, Field, FrequencyAngleMask, ImageAutoencoder, InstanceWeights,
    LineFeatures, Pad, PixelSimilarity, PixelSimilarityShapes, RandomFlip, RandomTurn, Record,
    Result, RotatedEnc, Select, Step, Transform, Values, VectorForm, sample_rng,
};
use proptest::prelude::*;
use rand::Rng;

/// Numbers of patterns, vectors and boxes and sides of a record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) patterns: usize,
    pub(crate) vecs: usize,
    pub(crate) boxes: usize,
}

pub(crate) fn sizes() -> impl Strategy<Value = Sizes> {
    (1_usize..9, 1_usize..9, 0_usize..4, 0_usize..5, 0_usize..5).prop_map(
        |(height, width, patterns, vecs, boxes)| Sizes { height, width, patterns, vecs, boxes },
    )
}

/// A record as generators make them: each component with random pixels of its own stripe.
pub(crate) fn record(sizes: Sizes, seed: u64) -> Record {
    let Sizes { height: h, width: w, patterns, vecs, boxes } = sizes;
    let mut rng = sample_rng(seed, 0);
    let mut record = Record::new();
    let mut add = |name: &str, shape: &[usize], values: Values| {
        record.insert(name, Field::new(shape.to_vec(), values).unwrap());
    };
    let mut reals = |count: usize| (0..count).map(|_| rng.random::<f32>()).collect::<Vec<_>>();
    let (img, centers) = (reals(h * w * 3), reals(h * w * 2));
    // Ends of vectors and corners of boxes on half pixels, which moves keep exactly.
    let halves = |values: Vec<f32>| values.into_iter().map(|v| (v * 16.0).floor() / 2.0);
    let ends: Vec<f32> = halves(reals(vecs * 4)).collect();
    let corners: Vec<f32> = reals(boxes * 4)
        .chunks(4)
        .flat_map(|v| {
            let [x0, y0] = [(v[0] * 6.0).floor(), (v[1] * 6.0).floor()];
            let [x1, y1] = [x0 + 1.0 + (v[2] * 3.0).floor(), y0 + 1.0 + (v[3] * 3.0).floor()];
            [x1, y1, x1, y0, x0, y0, x0, y1]
        })
        .collect();
    let owner: Vec<usize> = (0..h * w).map(|_| rng.random_range(0..=patterns)).collect();
    let mut mask = |all: usize| -> Vec<u8> {
        let some = (0..all).map(|_| u8::from(rng.random_range(0..4) == 0));
        some.collect()
    };
    let (vec_pixels, box_pixels) = (mask(vecs * h * w), mask(boxes * h * w));
    let union = |stack: &[u8]| {
        let on = |pixel| u8::from(stack.iter().skip(pixel).step_by(h * w).any(|v| *v != 0));
        (0..h * w).map(on).collect::<Vec<u8>>()
    };
    let (line, shape) = (union(&vec_pixels), union(&box_pixels));
    let stripes = (1..=patterns).flat_map(|p| owner.iter().map(move |o| u8::from(*o == p)));
    add("pattern_masks", &[patterns, h, w, 1], Values::U8(stripes.collect()));
    let angles = line.iter().map(|on| if *on == 0 { 0.0 } else { 0.75 }).collect();
    add("angle_label", &[h, w, 1], Values::F32(angles));
    add("center_vec_label", &[h, w, 2], Values::F32(centers));
    add("img", &[h, w, 3], Values::F32(img));
    let thick = line.iter().zip(&shape).map(|(l, s)| i32::from(*l) + 2 * i32::from(*s)).collect();
    add("thickness_label", &[h, w, 1], Values::I32(thick));
    let every = vec_pixels.iter().chain(&box_pixels).copied().collect();
    add("shape_masks", &[vecs + boxes, h, w, 1], Values::U8(every));
    add("line_label", &[h, w, 1], Values::U8(line));
    add("shape_label", &[h, w, 1], Values::U8(shape));
    add("vecs_masks", &[vecs, h, w, 1], Values::U8(vec_pixels));
    add("bbox_masks", &[boxes, h, w, 1], Values::U8(box_pixels));
    add("vecs", &[vecs, 2, 2], Values::F32(ends));
    add("bboxes", &[boxes, 4, 2], Values::F32(corners));
    add("vecs_mask", &[vecs], Values::U8(vec![1; vecs]));
    add("bbox_mask", &[boxes], Values::U8(vec![1; boxes]));
    add("vecs_thickness", &[vecs], Values::I32((1..).take(vecs).collect()));
    add("bbox_thickness", &[boxes], Values::I32((11..).take(boxes).collect()));
    record
}

pub(crate) fn reals<'a>(record: &'a Record, name: &str) -> &'a [f32] {
    match record.get(name).unwrap().values() {
        Values::F32(values) => values,
        other => panic!("{name} is {other:?}"),
    }
}

pub(crate) fn bytes<'a>(record: &'a Record, name: &str) -> &'a [u8] {
    match record.get(name).unwrap().values() {
        Values::U8(values) => values,
        other => panic!("{name} is {other:?}"),
    }
}

fn shape<'a>(record: &'a Record, name: &str) -> &'a [usize] {
    record.get(name).unwrap().shape()
}

fn apply(step: &impl Transform, record: &Record, seed: u64) -> Result<Record> {
    step.apply(record.clone(), &mut sample_rng(seed, 1))
}

/// A step of every kind, with settings that fit records of [`sizes`].
fn steps() -> Vec<Step> {
    let one = AngleChoice { count: 1, ..AngleChoice::default() };
    let points = ComponentPoints { points: 3, probe: true, ..ComponentPoints::default() };
    vec![
        Step::ColorShift(ColorShift::default()),
        Step::Blur(Blur::default()),
        Step::RandomFlip(RandomFlip::default()),
        Step::RandomTurn(RandomTurn::default()),
        Step::LineFeatures(LineFeatures::default()),
        Step::BoundaryWeights(BoundaryWeights {
            labels: "line_label".into(),
            ..BoundaryWeights::default()
        }),
        Step::InstanceWeights(InstanceWeights::default()),
        Step::PixelSimilarity(PixelSimilarity::default()),
        Step::PixelSimilarityShapes(PixelSimilarityShapes::default()),
        Step::ComponentPoints(points),
        Step::ComponentPoints(ComponentPoints { vectors: VectorForm::Split, ..points }),
        Step::ComponentPoints(ComponentPoints { order: ComponentOrder::Record, ..points }),
        Step::AngleConditioned(AngleConditioned::default()),
        Step::AngleConditioned(AngleConditioned { angles: one, split_confidence: true }),
        Step::RotatedEnc(RotatedEnc::default()),
        Step::FrequencyAngleMask(FrequencyAngleMask::default()),
        Step::ImageAutoencoder(ImageAutoencoder { center_shift: 1.5 }),
        Step::Select(Select { keep: vec!["img".into()], drop: Vec::new() }),
        Step::Pad(Pad { shapes: BTreeMap::from([("vecs".into(), vec![9, 2, 2])]) }),
    ]
}

fn is_mean_one(weights: &[f32]) -> bool {
    let sum: f32 = weights.iter().sum();
    sum == 0.0 || (sum / weights.len() as f32 - 1.0).abs() < 1e-4
}

fn same_seed_same_bytes(record: &Record, seed: u64) {
    for step in steps() {
        let made = apply(&step, record, seed).unwrap();
        assert_eq!(made, apply(&step, record, seed).unwrap(), "{step:?}");
        // What labels are made of stays as it is.
        if made.contains("inputs.img") {
            for (name, field) in record.fields() {
                assert_eq!(made.get(name).unwrap(), field, "{name} after {step:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn steps_depend_on_the_seed_alone(sizes in sizes(), seed in any::<u64>()) {
        same_seed_same_bytes(&record(sizes, seed), seed);
    }

    #[test]
    fn no_array_of_another_shape_or_type_makes_a_step_panic(
        sizes in sizes(), seed in any::<u64>(), other in prop::collection::vec(0_usize..4, 0..5),
    ) {
        let whole = record(sizes, seed);
        let count = other.iter().product();
        let names: Vec<String> = whole.fields().map(|(name, _)| name.to_owned()).collect();
        for name in names {
            for values in [
                Values::F32(vec![f32::NAN; count]), Values::I32(vec![-1; count]),
                Values::U8(vec![255; count]),
            ] {
                let mut record = whole.clone();
                record.insert(name.as_str(), Field::new(other.clone(), values).unwrap());
                for step in steps() {
                    let _ = apply(&step, &record, seed);
                }
            }
        }
    }
}

#[test]
fn missing_arrays_are_named() {
    let whole = record(Sizes { height: 4, width: 4, patterns: 1, vecs: 2, boxes: 1 }, 1);
    let needs = [
        ("line_features", "angle_label"),
        ("instance_weights", "shape_masks"),
        ("pixel_similarity", "pattern_masks"),
        ("pixel_similarity_shapes", "shape_masks"),
        ("component_points", "vecs_thickness"),
        ("angle_conditioned", "thickness_label"),
        ("rotated_enc", "bboxes"),
        ("frequency_angle_mask", "vecs"),
        ("image_autoencoder", "img"),
    ];
    for (op, name) in needs {
        let step: Step = serde_json::from_str(&format!(r#"{{ "op": "{op}" }}"#)).unwrap();
        let mut record = whole.clone();
        assert!(apply(&step, &record, 0).is_ok(), "{op}");
        record.remove(name).unwrap();
        let error = apply(&step, &record, 0).unwrap_err();
        assert!(matches!(&error, Error::Field { name: n, .. } if n == name), "{op}: {error}");
    }
}

#[test]
fn steps_have_names_in_configurations() {
    let mut names = BTreeSet::new();
    for step in steps() {
        let text = serde_json::to_string(&step).unwrap();
        assert_eq!(serde_json::from_str::<Step>(&text).unwrap(), step);
        let op = text.split('"').nth(3).unwrap().to_owned();
        let unknown = format!(r#"{{ "op": "{op}", "kernal": 3 }}"#);
        let error = serde_json::from_str::<Step>(&unknown).unwrap_err().to_string();
        assert!(error.contains("kernal"), "{op}: {error}");
        assert!(step.validate().is_ok(), "{op}");
        names.insert(op);
    }
    let all = "angle_conditioned blur boundary_weights color_shift component_points \
               frequency_angle_mask image_autoencoder instance_weights line_features pad \
               pixel_similarity pixel_similarity_shapes random_flip random_turn rotated_enc \
               select";
    assert_eq!(names.into_iter().collect::<Vec<_>>().join(" "), all);
    let error = serde_json::from_str::<Step>(r#"{ "op": "blurr" }"#).unwrap_err().to_string();
    assert!(error.contains("blurr") && error.contains("color_shift"), "{error}");
}

#[test]
fn weights_to_balance_are_made() {
    let record = record(Sizes { height: 6, width: 6, patterns: 1, vecs: 2, boxes: 1 }, 1);
    let mut count = 0;
    for step in steps() {
        let mut made = apply(&step, &record, 0).unwrap();
        let names = step.balanced();
        mapvec_data::balance_weights(&mut made, &names).unwrap();
        count += names.len();
        assert!(names.iter().all(|name| is_mean_one(reals(&made, name))), "{step:?}");
    }
    assert!(count > 8, "{count}");
}
