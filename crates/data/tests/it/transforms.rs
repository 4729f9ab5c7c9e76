//! Labels and noise that are made of records.
#![expect(clippy::float_cmp, reason = "copies, zeros and ones are exact")]

use std::collections::{BTreeMap, BTreeSet};
use std::f64::consts::TAU;

use mapvec_data::{
    AngleChoice, AngleConditioned, Blur, ColorShift, ComponentOrder, ComponentPoints, Error, Field,
    FrequencyAngleMask, ImageAutoencoder, LineFeatures, Pad, PixelSimilarity,
    PixelSimilarityShapes, RandomFlip, RandomTurn, Record, Result, RotatedEnc, Select, Source,
    Step, Transform, Transformed, Values, VectorForm, sample_rng,
};
use proptest::prelude::*;
use rand::Rng;
use rustfft::FftPlanner;
use rustfft::num_complex::Complex32;

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
    fn colours_shift_by_one_number_per_channel(sizes in sizes(), seed in any::<u64>()) {
        let record = record(sizes, seed);
        let made = apply(&ColorShift::default(), &record, seed).unwrap();
        let [old, new] = [&record, &made].map(|r| reals(r, "img"));
        let period = 256.0 / 255.0;
        let shift = |index: usize| (new[index] - old[index]).rem_euclid(period);
        for (index, value) in new.iter().enumerate() {
            prop_assert!((0.0..=1.0).contains(value));
            let apart = (shift(index) - shift(index % 3)).abs();
            // What is cut off at 1 lacks less than a level of a byte.
            let cut = *value >= 1.0 || new[index % 3] >= 1.0;
            let allowed = if cut { 1.0 / 255.0 + 1e-5 } else { 1e-5 };
            prop_assert!(apart.min(period - apart) < allowed, "{index}: {apart}");
        }
        prop_assert!(new.len() < 3 || (shift(0) - shift(1)).abs() > 1e-7);
    }

    #[test]
    fn blur_is_the_mean_of_neighbours_after_noise(
        sizes in sizes(), seed in any::<u64>(), reach in 0_usize..5, ratio in 0.0..=1.0_f64,
    ) {
        let record = record(sizes, seed);
        let blur = |ratio: f64, noise| Blur {
            ratio: [ratio; 2], kernel: 2 * reach + 1, noise, ..Blur::default()
        };
        let noisy = apply(&blur(0.0, 0.1), &record, seed).unwrap();
        for (old, new) in reals(&record, "img").iter().zip(reals(&noisy, "img")) {
            prop_assert!((0.0..=1.0).contains(new) && (old - new).abs() <= 0.1 + 1e-6);
        }
        // The same noise comes first, whatever the share of the mean.
        let made = apply(&blur(ratio, 0.1), &record, seed).unwrap();
        let (noisy, made) = (reals(&noisy, "img"), reals(&made, "img"));
        let (h, w) = (sizes.height, sizes.width);
        for (index, value) in made.iter().enumerate() {
            let (y, x, c) = (index / 3 / w, index / 3 % w, index % 3);
            let (mut sum, mut count) = (0.0, 0.0);
            for i in y.saturating_sub(reach)..=(y + reach).min(h - 1) {
                for j in x.saturating_sub(reach)..=(x + reach).min(w - 1) {
                    sum += f64::from(noisy[(i * w + j) * 3 + c]);
                    count += 1.0;
                }
            }
            let wanted = ratio * sum / count + (1.0 - ratio) * f64::from(noisy[index]);
            prop_assert!((f64::from(*value) - wanted).abs() < 1e-5);
        }
    }

    #[test]
    fn line_features_are_the_labels_with_weights(sizes in sizes(), seed in any::<u64>()) {
        let record = record(sizes, seed);
        let made = apply(&LineFeatures::default(), &record, seed).unwrap();
        let (line, shapes) = (bytes(&record, "line_label"), bytes(&record, "shape_label"));
        for (pixel, classes) in reals(&made, "labels.shape_class").chunks(3).enumerate() {
            prop_assert_eq!(classes.iter().sum::<f32>(), 1.0);
            prop_assert_eq!(classes[0] == 1.0, line[pixel] == 0 && shapes[pixel] == 0);
            prop_assert_eq!(classes[2] == 1.0, shapes[pixel] != 0);
            prop_assert_eq!(reals(&made, "weights.angle")[pixel] > 0.0, line[pixel] != 0);
            let any = line[pixel] != 0 || shapes[pixel] != 0;
            prop_assert_eq!(reals(&made, "weights.thickness")[pixel] > 0.0, any);
            prop_assert_eq!(reals(&made, "labels.thickness")[pixel] > 0.0, any);
        }
        for name in ["weights.angle", "weights.thickness", "weights.center_vec"] {
            prop_assert!(is_mean_one(reals(&made, name)), "{}", name);
            prop_assert_eq!(shape(&made, name), &[sizes.height, sizes.width, 1]);
        }
        prop_assert_eq!(reals(&made, "labels.angle"), reals(&record, "angle_label"));
        prop_assert_eq!(reals(&made, "labels.center_vec"), reals(&record, "center_vec_label"));
        prop_assert!(reals(&made, "weights.shape_class").iter().all(|w| *w == 1.0));
    }

    #[test]
    fn similarities_sum_to_one(sizes in sizes(), seed in any::<u64>()) {
        let record = record(sizes, seed);
        let pixels = sizes.height * sizes.width;
        let patterns = apply(&PixelSimilarity { patterns: 5 }, &record, seed).unwrap();
        let shapes = apply(&PixelSimilarityShapes { components: 9 }, &record, seed).unwrap();
        for (made, masks, most) in [(&patterns, "pattern_masks", 5), (&shapes, "shape_masks", 9)] {
            let label = reals(made, "labels.dot_similarity");
            prop_assert_eq!(label.len(), (most + 1) * pixels);
            for pixel in 0..pixels {
                let of = |stack: &[u8]| -> Vec<u8> {
                    stack.iter().skip(pixel).step_by(pixels).copied().collect()
                };
                let inside = of(bytes(&record, masks));
                let count: u8 = inside.iter().sum();
                let values: Vec<f32> = label.iter().skip(pixel).step_by(pixels).copied().collect();
                prop_assert!((values.iter().sum::<f32>() - 1.0).abs() < 1e-6);
                prop_assert_eq!(values[0] == 1.0, count == 0);
                for (index, value) in values[1..].iter().enumerate() {
                    let on = inside.get(index) == Some(&1);
                    let wanted = if on { 1.0 / f32::from(count) } else { 0.0 };
                    prop_assert!((value - wanted).abs() < 1e-6);
                    prop_assert!(masks == "shape_masks" || *value == 0.0 || *value == 1.0);
                }
            }
        }
        if sizes.patterns > 0 {
            let few = PixelSimilarity { patterns: sizes.patterns - 1 };
            prop_assert!(matches!(apply(&few, &record, seed), Err(Error::Config { .. })), "too few");
        }
    }

    #[test]
    fn points_lie_on_their_components(
        sizes in sizes(), seed in any::<u64>(), components in 1_usize..12, points in 1_usize..5,
        split in any::<bool>(),
    ) {
        let record = record(sizes, seed);
        let vectors = if split { VectorForm::Split } else { VectorForm::FourPoints };
        let step = ComponentPoints {
            components, points, vectors, probe: true, ..ComponentPoints::default()
        };
        check_points(&record, &apply(&step, &record, seed).unwrap(), sizes, &step)?;
    }

    #[test]
    fn angle_conditioned_labels_follow_their_definition(
        sizes in sizes(), seed in any::<u64>(), range in 0.0..0.6_f64, one in any::<bool>(),
    ) {
        let record = record(sizes, seed);
        let count = if one { 1 } else { 2 };
        let angles = AngleChoice { count, range, ..AngleChoice::default() };
        let step = AngleConditioned { angles, split_confidence: one };
        let made = apply(&step, &record, seed).unwrap();
        check_angle_conditioned(&record, &made, sizes, &step)?;
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

/// The component of a slot by its thickness, which is unique; its mask and its points.
fn component(record: &Record, sizes: Sizes, thickness: f32) -> (&[u8], &[f32], bool) {
    let pixels = sizes.height * sizes.width;
    let line = thickness < 10.0;
    let index = (thickness - if line { 1.0 } else { 11.0 }) as usize;
    let (masks, points, count) =
        if line { ("vecs_masks", "vecs", 4) } else { ("bbox_masks", "bboxes", 8) };
    let mask = &bytes(record, masks)[index * pixels..][..pixels];
    (mask, &reals(record, points)[index * count..][..count], line)
}

fn check_points(
    record: &Record,
    made: &Record,
    sizes: Sizes,
    step: &ComponentPoints,
) -> std::result::Result<(), TestCaseError> {
    let n = step.components * step.points;
    let points = reals(made, "inputs.sample_points");
    let thickness = reals(made, "labels.thickness");
    let weights = reals(made, "weights.vecs");
    prop_assert_eq!(shape(made, "labels.vecs"), &[n, 4, 2]);
    prop_assert_eq!((points.len(), thickness.len(), weights.len()), (n * 2, n, n));
    let pixel = |slot: usize| {
        let [x, y] = [points[slot * 2], points[slot * 2 + 1]];
        assert!(x.fract() == 0.5 && y.fract() == 0.5, "the centre of a pixel");
        y as usize * sizes.width + x as usize
    };
    let mut seen = BTreeMap::<u32, BTreeSet<usize>>::new();
    for slot in 0..n {
        let vecs = &reals(made, "labels.vecs")[slot * 8..][..8];
        let probe = &reals(made, "labels.probe")[slot * 9..][..9];
        let class = &reals(made, "labels.class")[slot * 3..][..3];
        prop_assert_eq!(class.iter().sum::<f32>(), 1.0);
        prop_assert_eq!(weights[slot] == 0.0, class[0] == 1.0);
        prop_assert_eq!(probe[8], thickness[slot]);
        if weights[slot] == 0.0 {
            prop_assert!(vecs.iter().chain(probe).all(|v| *v == 0.0));
            let all = bytes(record, "shape_masks").iter();
            let covered =
                all.skip(pixel(slot)).step_by(sizes.height * sizes.width).any(|v| *v != 0);
            prop_assert_eq!(reals(made, "weights.class")[slot] == 1.0, !covered);
            continue;
        }
        let (mask, ends, line) = component(record, sizes, thickness[slot]);
        prop_assert_eq!(mask[pixel(slot)], 1);
        prop_assert_eq!(class[1] == 1.0, line);
        let new = seen.entry(thickness[slot].to_bits()).or_default().insert(pixel(slot));
        prop_assert!(new, "no pixel of a component twice");
        let four: Vec<f32> = if line {
            [ends, ends].concat()
        } else {
            [&ends[..2], &ends[4..6], &ends[2..4], &ends[6..]].concat()
        };
        prop_assert_eq!(&probe[..8], &four[..]);
        if step.vectors == VectorForm::Split {
            prop_assert_eq!(reals(made, "inputs.class_split")[slot] == 1.0, line);
            let (own, other) = if line { vecs.split_at(4) } else { (&vecs[4..], &vecs[..4]) };
            prop_assert!(own == &four[..4] && other.iter().all(|v| *v == 0.0));
        } else {
            prop_assert_eq!(vecs, &four[..]);
        }
    }
    // As many components as there are or are wanted, as many pixels of each.
    let all = (0..sizes.vecs).map(|i| i as f32 + 1.0);
    let all = all.chain((0..sizes.boxes).map(|i| i as f32 + 11.0));
    let pixels = |t: f32| component(record, sizes, t).0.iter().filter(|v| **v != 0).count();
    let visible = all.filter(|t| pixels(*t) > 0).count();
    prop_assert_eq!(seen.len(), visible.min(step.components));
    for (thickness, drawn) in seen {
        prop_assert_eq!(drawn.len(), pixels(f32::from_bits(thickness)).min(step.points));
    }
    Ok(())
}

/// The angle between two undirected directions, by vectors.
fn apart(a: f64, b: f64) -> f64 {
    ((a - b).sin().abs()).atan2((a - b).cos().abs())
}

fn check_angle_conditioned(
    record: &Record,
    made: &Record,
    sizes: Sizes,
    step: &AngleConditioned,
) -> std::result::Result<(), TestCaseError> {
    let pixels = sizes.height * sizes.width;
    let (vecs, boxes) = (reals(record, "vecs"), reals(record, "bboxes"));
    let (vec_masks, box_masks) = (bytes(record, "vecs_masks"), bytes(record, "bbox_masks"));
    let angles = reals(made, "inputs.angle_input");
    let direction = |v: &[f32]| f64::from(v[3] - v[1]).atan2(f64::from(v[2] - v[0]));
    let kept = |i: usize| {
        let own = direction(&vecs[i * 4..][..4]);
        angles.iter().any(|a| apart(own, f64::from(*a)) <= step.angles.range + 1e-5)
    };
    // Vectors at the edge of the range may be either way.
    let near = |i: usize| {
        let own = direction(&vecs[i * 4..][..4]);
        angles.iter().any(|a| (apart(own, f64::from(*a)) - step.angles.range).abs() < 2e-5)
    };
    if step.angles.range > 1e-4 && (0..sizes.vecs).any(near) {
        return Ok(());
    }
    if (0..sizes.vecs).any(|i| vec_masks[i * pixels..][..pixels].contains(&1)) {
        prop_assert!((0..sizes.vecs).any(kept), "the first direction is that of a vector");
    }
    let label = reals(made, "labels.vecs");
    let stride = label.len() / pixels;
    prop_assert_eq!(stride, angles.len() * 8);
    for pixel in 0..pixels {
        let on = |masks: &[u8], i: usize| masks[i * pixels + pixel] != 0;
        let lines: Vec<usize> = (0..sizes.vecs).filter(|i| on(vec_masks, *i)).collect();
        let of: Vec<usize> = lines.iter().copied().filter(|i| kept(*i)).collect();
        let shape = (0..sizes.boxes).find(|i| on(box_masks, *i));
        for (a, values) in label[pixel * stride..][..stride].chunks(8).enumerate() {
            let wanted: Vec<f32> = match (shape, of.as_slice()) {
                (Some(i), _) => turned(&boxes[i * 8..][..8], angles[a]),
                (None, [first, second, ..]) => {
                    [&vecs[first * 4..][..4], &vecs[second * 4..][..4]].concat()
                }
                (None, [only]) => vecs[only * 4..][..4].repeat(2),
                (None, []) => vec![0.0; 8],
            };
            for (value, wanted) in values.iter().zip(wanted) {
                prop_assert!((value - wanted).abs() < 1e-4, "pixel {}", pixel);
            }
        }
        let (any, has) = (!lines.is_empty() || shape.is_some(), !of.is_empty() || shape.is_some());
        prop_assert_eq!(reals(made, "weights.vecs")[pixel] > 0.0, has);
        prop_assert_eq!(reals(made, "weights.class")[pixel] > 0.0, has || !any);
        prop_assert_eq!(reals(made, "weights.thickness")[pixel] > 0.0, !of.is_empty());
        prop_assert_eq!(reals(made, "labels.thickness")[pixel] > 0.0, !of.is_empty());
        let class = &reals(made, "labels.class")[pixel * 3..][..3];
        prop_assert!(class.iter().sum::<f32>() == 1.0 && (class[0] == 1.0) != any);
        if step.split_confidence {
            prop_assert_eq!(reals(made, "labels.conf")[pixel] == 1.0, has);
            prop_assert_eq!(reals(made, "weights.conf")[pixel] > 0.0, any);
        }
    }
    for name in ["weights.vecs", "weights.class", "weights.thickness"] {
        prop_assert!(is_mean_one(reals(made, name)), "{}", name);
    }
    Ok(())
}

/// Both diagonals of a box, turned about its middle with complex numbers.
fn turned(corners: &[f32], angle: f32) -> Vec<f32> {
    let middle = Complex32::new(corners[0] + corners[4], corners[1] + corners[5]) / 2.0;
    let turned = |i: usize| {
        let corner = Complex32::new(corners[i * 2], corners[i * 2 + 1]);
        let z = middle + (corner - middle) * Complex32::from_polar(1.0, angle);
        [z.re, z.im]
    };
    [0, 2, 1, 3].into_iter().flat_map(turned).collect()
}

#[test]
fn every_pair_of_pixels_and_of_components_is_as_likely() {
    let sizes = Sizes { height: 4, width: 4, patterns: 0, vecs: 3, boxes: 2 };
    let mut record = record(sizes, 1);
    // Five pixels for every component.
    let mask: Vec<u8> = (0..16).map(|i| u8::from([1, 6, 7, 12, 15].contains(&i))).collect();
    for (name, count) in [("vecs_masks", 3), ("bbox_masks", 2)] {
        let field = Field::new(vec![count, 4, 4, 1], mask.repeat(count)).unwrap();
        record.insert(name, field);
    }
    let step = ComponentPoints { components: 2, points: 2, ..ComponentPoints::default() };
    let (mut pixels, mut components) = (BTreeMap::new(), BTreeMap::new());
    let mut rng = sample_rng(7, 0);
    for _ in 0..4000 {
        let made = step.apply(record.clone(), &mut rng).unwrap();
        let points = reals(&made, "inputs.sample_points");
        let pixel = |slot: usize| (points[slot * 2] as usize, points[slot * 2 + 1] as usize);
        let thickness = reals(&made, "labels.thickness");
        *pixels.entry((pixel(0), pixel(1))).or_insert(0) += 1;
        *components.entry((thickness[0] as u8, thickness[2] as u8)).or_insert(0) += 1;
    }
    // 20 ordered pairs of 5: one time in a thousand the sum is above 43.8.
    let chi_square = |counts: Vec<i32>| {
        assert_eq!(counts.len(), 20, "every pair, none twice the same");
        counts.into_iter().map(|n| f64::from(n - 200).powi(2) / 200.0).sum::<f64>()
    };
    let [a, b] =
        [pixels.into_values().collect(), components.into_values().collect()].map(chi_square);
    assert!(a < 43.8 && b < 43.8, "{a} {b}");
}

#[test]
fn padding_is_no_component() {
    let sizes = Sizes { height: 5, width: 5, patterns: 2, vecs: 2, boxes: 2 };
    let plain = record(sizes, 3);
    let mut shapes = BTreeMap::new();
    for (name, field) in plain.fields() {
        let mut shape = field.shape().to_vec();
        if name.starts_with("vecs") || name.starts_with("bbox") {
            shape[0] += 3;
            shapes.insert(name.to_owned(), shape);
        }
    }
    let padded = apply(&Pad { shapes }, &plain, 0).unwrap();
    for step in steps() {
        let alike = matches!(
            step,
            Step::ComponentPoints(_)
                | Step::AngleConditioned(_)
                | Step::RotatedEnc(_)
                | Step::FrequencyAngleMask(_)
        );
        if alike {
            let [a, b] = [&plain, &padded].map(|record| apply(&step, record, 9).unwrap());
            for (name, field) in a.fields().filter(|(name, _)| !plain.contains(name)) {
                assert_eq!(b.get(name).unwrap(), field, "{name} of {step:?}");
            }
        }
    }
}

#[test]
fn more_components_than_wanted_are_an_error_where_all_are_wanted() {
    let record = record(Sizes { height: 8, width: 8, patterns: 0, vecs: 3, boxes: 2 }, 1);
    let points = |components| ComponentPoints {
        components,
        order: ComponentOrder::Record,
        ..ComponentPoints::default()
    };
    let made = apply(&points(6), &record, 0).unwrap();
    assert_eq!(reals(&made, "labels.thickness"), [1.0, 2.0, 3.0, 11.0, 12.0, 0.0]);
    assert!(matches!(apply(&points(4), &record, 0), Err(Error::Config { .. })));
    let encoded = RotatedEnc { components: 6, ..RotatedEnc::default() };
    let made = apply(&encoded, &record, 0).unwrap();
    assert_eq!(reals(&made, "labels.vecs_mask"), [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]);
    assert_eq!(reals(&made, "weights.vecs"), [1.0, 1.0, 1.0, 1.0, 1.0, 0.0]);
    assert_eq!(reals(&made, "labels.class")[9..], [0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
    let few = RotatedEnc { components: 4, ..RotatedEnc::default() };
    assert!(matches!(apply(&few, &record, 0), Err(Error::Config { .. })));
}

/// The energy of a line through a picture by bins, the zero frequency left out.
fn spectrum(size: usize, ends: [f32; 4], width: f32) -> Vec<f32> {
    let [x0, y0, x1, y1] = ends;
    let (dx, dy) = (x1 - x0, y1 - y0);
    let length = dx.hypot(dy);
    let mut picture: Vec<Complex32> = (0..size * size)
        .map(|i| {
            let (x, y) = ((i % size) as f32 + 0.5 - x0, (i / size) as f32 + 0.5 - y0);
            let (along, across) = ((x * dx + y * dy) / length, (x * dy - y * dx) / length);
            let inside = (0.0..=length).contains(&along) && across.abs() <= width / 2.0;
            Complex32::new(if inside { 1.0 } else { 0.0 }, 0.0)
        })
        .collect();
    let fft = FftPlanner::new().plan_fft_forward(size);
    for _ in 0..2 {
        picture.chunks_exact_mut(size).for_each(|row| fft.process(row));
        picture = (0..size * size).map(|i| picture[i % size * size + i / size]).collect();
    }
    picture[0] = Complex32::default();
    picture.iter().map(|value| value.norm_sqr()).collect()
}

#[test]
fn frequency_masks_cover_the_energy_of_lines() {
    const SIZE: usize = 64;
    for degrees in (0_u16..180).step_by(10) {
        let (sin, cos) = (f64::from(degrees) / 360.0 * TAU).sin_cos();
        let [dx, dy] = [cos * 26.0, sin * 26.0].map(|d| d as f32);
        let ends = [32.0 - dx, 32.0 - dy, 32.0 + dx, 32.0 + dy];
        let energy = spectrum(SIZE, ends, 2.0);
        let total: f32 = energy.iter().sum();
        let share = |ends: [f32; 4], step: FrequencyAngleMask| {
            let mut record = Record::new();
            let img = Field::new(vec![SIZE, SIZE, 1], vec![0.0_f32; SIZE * SIZE]).unwrap();
            record.insert("img", img);
            record.insert("vecs", Field::new(vec![1, 2, 2], ends.to_vec()).unwrap());
            let made = apply(&step, &record, 0).unwrap();
            let mask = reals(&made, "labels.angle_mask").to_vec();
            let inside = energy.iter().zip(&mask).filter(|(_, m)| **m > 0.0);
            let bins = mask.iter().filter(|m| **m > 0.0).count() as f32 / mask.len() as f32;
            (inside.map(|(e, _)| e).sum::<f32>() / total, bins)
        };
        let wide = FrequencyAngleMask { threshold: 0.8, binarise: true };
        let (covered, bins) = share(ends, wide);
        assert!(covered > 0.7 && bins < 0.18, "{degrees}: {covered} of the energy, {bins} bins");
        // The direction of the line itself, as some label it, has next to nothing.
        let normal = [32.0 + dy, 32.0 - dx, 32.0 - dy, 32.0 + dx];
        let (wrong, _) = share(normal, wide);
        assert!(wrong < 0.05, "{degrees}: {wrong} of the energy along the line");
        let (narrow, fewer) = share(ends, FrequencyAngleMask::default());
        assert!(narrow > 0.55 && fewer < bins, "{degrees}: {narrow}");
    }
}

#[test]
fn an_autoencoder_sees_one_channel() {
    let record = record(Sizes { height: 6, width: 8, patterns: 0, vecs: 0, boxes: 0 }, 5);
    let mut seen = BTreeSet::new();
    for seed in 0..40 {
        let made = apply(&ImageAutoencoder { center_shift: 2.0 }, &record, seed).unwrap();
        let plane = reals(&made, "inputs.img");
        assert_eq!(plane, reals(&made, "labels.target_img"));
        let img = reals(&record, "img");
        let channel = (0..3).find(|c| plane.iter().eq(img.iter().skip(*c).step_by(3))).unwrap();
        seen.insert(channel);
        let center = reals(&made, "inputs.center_points");
        assert!((center[0] - 4.0).abs() <= 2.0 && (center[1] - 3.0).abs() <= 2.0);
    }
    assert_eq!(seen.len(), 3, "any channel");
    let made = apply(&ImageAutoencoder::default(), &record, 0).unwrap();
    assert_eq!(reals(&made, "inputs.center_points"), [4.0, 3.0]);
    let again = apply(&ImageAutoencoder::default(), &made, 0);
    assert!(matches!(again, Err(Error::FieldExists { .. })), "labels are not replaced unseen");
}

#[test]
fn missing_arrays_are_named() {
    let whole = record(Sizes { height: 4, width: 4, patterns: 1, vecs: 2, boxes: 1 }, 1);
    let needs = [
        ("line_features", "angle_label"),
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
    let all = "angle_conditioned blur color_shift component_points frequency_angle_mask \
               image_autoencoder line_features pad pixel_similarity pixel_similarity_shapes \
               random_flip random_turn rotated_enc select";
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

/// Records by index.
struct Records(Sizes);

impl Source for Records {
    type Sample = Record;

    fn len(&self) -> usize {
        10
    }

    fn get(&self, index: usize) -> Result<Record> {
        Ok(record(self.0, index as u64))
    }
}

#[test]
fn a_source_is_transformed_by_index() {
    let sizes = Sizes { height: 5, width: 5, patterns: 1, vecs: 1, boxes: 1 };
    let chain = || {
        vec![
            Step::RandomFlip(RandomFlip::default()),
            Step::Blur(Blur::default()),
            Step::LineFeatures(LineFeatures::default()),
            Step::Select(Select {
                keep: ["inputs", "labels", "weights"].map(str::to_owned).to_vec(),
                drop: Vec::new(),
            }),
        ]
    };
    let source = |seed| Transformed::new(Records(sizes), chain(), seed).unwrap();
    let (a, b) = (source(1), source(1));
    let forwards: Vec<Record> = (0..10).map(|i| a.get(i).unwrap()).collect();
    let backwards: Vec<Record> = (0..10).rev().map(|i| b.get(i).unwrap()).collect();
    assert!(forwards.iter().eq(backwards.iter().rev()));
    assert_eq!((a.len(), forwards[0].fields().count()), (10, 9));
    let img = |record: &Record| reals(record, "inputs.img").to_vec();
    assert_ne!(img(&forwards[0]), img(&source(2).get(0).unwrap()), "another seed");
    // Two samples of the same record have noise of their own.
    let steps = vec![Step::Blur(Blur { ratio: [0.0; 2], ..Blur::default() })];
    let blurred = Transformed::new(Records(sizes), steps, 1).unwrap();
    let noise = |index: usize| {
        let [old, new] = [blurred.source().get(index), blurred.get(index)].map(Result::unwrap);
        reals(&new, "img")[0] - reals(&old, "img")[0]
    };
    assert!((noise(0) - noise(1)).abs() > 1e-6);
    let bad = vec![Step::Blur(Blur { kernel: 2, ..Blur::default() })];
    assert!(Transformed::new(Records(sizes), bad, 1).is_err());
}
