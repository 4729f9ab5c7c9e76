//! Labels of components, by points on them and by directions.

use std::collections::{BTreeMap, BTreeSet};

use mapvec_data::{
    AngleChoice, AngleConditioned, ComponentOrder, ComponentPoints, Error, Field, Pad, Record,
    RotatedEnc, Step, Transform, VectorForm, sample_rng,
};
use proptest::prelude::*;
use rustfft::num_complex::Complex32;

use super::{Sizes, apply, bytes, is_mean_one, reals, record, shape, sizes, steps};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

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
) -> Result<(), TestCaseError> {
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
) -> Result<(), TestCaseError> {
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
