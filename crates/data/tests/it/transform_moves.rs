//! Flips and quarter turns of records.
#![expect(clippy::float_cmp, reason = "moves of half pixels are exact")]

use std::collections::BTreeMap;
use std::f32::consts::PI;

use mapvec_data::{
    Error, Field, FieldGeometry, FieldKind, Pad, RandomFlip, RandomTurn, Record, Symmetry,
    Transform, Values, sample_rng,
};
use proptest::prelude::*;

use crate::transforms::{Sizes, bytes, reals, record, sizes};

fn moved(record: &Record, mirror: bool, quarter_turns: u32) -> Record {
    Symmetry { mirror, quarter_turns }.apply(record, &BTreeMap::new()).unwrap()
}

/// Equal arrays, directions up to rounding and modulo pi.
fn assert_same(a: &Record, b: &Record) {
    assert_eq!(a.fields().count(), b.fields().count());
    for (name, field) in a.fields() {
        if name == "angle_label" {
            assert_eq!(field.shape(), b.get(name).unwrap().shape());
            for (a, b) in reals(a, name).iter().zip(reals(b, name)) {
                let apart = (a - b).abs();
                assert!(apart.min(PI - apart) < 1e-6, "{a} and {b}");
                assert_eq!(*a == 0.0, *b == 0.0, "the background has no direction");
            }
        } else {
            assert_eq!(field, b.get(name).unwrap(), "{name}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn moves_are_undone(sizes in sizes(), seed in any::<u64>(), turns in 0_u32..9) {
        let record = record(sizes, seed);
        assert_same(&record, &moved(&moved(&record, true, 0), true, 0));
        assert_same(&record, &moved(&moved(&record, true, turns), true, turns));
        assert_same(&record, &moved(&moved(&record, false, turns), false, 12 - turns));
        let four = (0..4).fold(record.clone(), |record, _| moved(&record, false, 1));
        assert_same(&record, &four);
        let two = moved(&moved(&record, false, turns), false, 1);
        assert_same(&moved(&record, false, turns + 1), &two);
        assert_same(&moved(&record, true, turns), &moved(&moved(&record, true, 0), false, turns));
    }

    #[test]
    fn points_vectors_and_pixels_go_together(
        sizes in sizes(), seed in any::<u64>(), mirror in any::<bool>(), turns in 0_u32..4,
    ) {
        let Sizes { height: h, width: w, .. } = sizes;
        let mut record = record(sizes, seed);
        // The centres of all pixels as vectors; at every pixel the way to the middle.
        let at = |i: usize| [(i % w) as f32 + 0.5, (i / w) as f32 + 0.5];
        let centres: Vec<f32> = (0..h * w).flat_map(|i| [at(i), at(i)]).flatten().collect();
        let middle = [w as f32 / 2.0, h as f32 / 2.0];
        let ways = (0..h * w).flat_map(|i| [middle[0] - at(i)[0], middle[1] - at(i)[1]]);
        record.insert("center_vec_label", Field::new(vec![h, w, 2], ways.collect::<Vec<f32>>()).unwrap());
        record.insert("vecs", Field::new(vec![h * w, 2, 2], centres).unwrap());
        record.insert("vecs_mask", Field::new(vec![h * w], vec![1_u8; h * w]).unwrap());
        let after = moved(&record, mirror, turns);
        let [height, width] = if turns % 2 == 1 { [w, h] } else { [h, w] };
        prop_assert_eq!(after.get("img").unwrap().shape(), &[height, width, 3]);
        for (i, ends) in reals(&after, "vecs").chunks(4).enumerate() {
            let to = ends[1] as usize * width + ends[0] as usize;
            for channel in 0..3 {
                let [old, new] = [(&record, i), (&after, to)]
                    .map(|(record, pixel)| reals(record, "img")[pixel * 3 + channel]);
                prop_assert_eq!(old, new);
            }
            for name in ["pattern_masks", "shape_masks"] {
                let of = |record: &Record, pixel: usize| -> Vec<u8> {
                    bytes(record, name).iter().skip(pixel).step_by(h * w).copied().collect()
                };
                prop_assert_eq!(of(&record, i), of(&after, to), "{}", name);
            }
            let way = &reals(&after, "center_vec_label")[to * 2..][..2];
            let wanted = [width as f32 / 2.0 - ends[0], height as f32 / 2.0 - ends[1]];
            prop_assert!(way == wanted, "{:?} is not {:?}", way, wanted);
        }
    }

    #[test]
    fn boxes_keep_the_order_of_their_corners(
        sizes in sizes(), seed in any::<u64>(), mirror in any::<bool>(), turns in 0_u32..4,
    ) {
        let record = record(sizes, seed);
        let after = moved(&record, mirror, turns);
        for (old, new) in reals(&record, "bboxes").chunks(8).zip(reals(&after, "bboxes").chunks(8)) {
            let [x1, y1, _, y0, x0, ..] = *new else { panic!("eight numbers") };
            prop_assert!(new == [x1, y1, x1, y0, x0, y0, x0, y1] && x1 > x0 && y1 > y0);
            let sides = [old[0] - old[4], old[1] - old[5]];
            let turned = if turns % 2 == 1 { [sides[1], sides[0]] } else { sides };
            prop_assert_eq!([x1 - x0, y1 - y0], turned);
        }
    }

    #[test]
    fn padding_stays_zero(sizes in sizes(), seed in any::<u64>(), turns in 0_u32..4) {
        let plain = record(sizes, seed);
        let pad = |names: &[(&str, &[usize])]| Pad {
            shapes: names.iter().map(|(name, shape)| ((*name).to_owned(), shape.to_vec())).collect(),
        };
        let pad = pad(&[
            ("vecs", &[9, 2, 2]), ("vecs_mask", &[9]), ("bboxes", &[9, 4, 2]), ("bbox_mask", &[9]),
        ]);
        let first = pad.apply(plain.clone(), &mut sample_rng(0, 0)).unwrap();
        let last = pad.apply(moved(&plain, true, turns), &mut sample_rng(0, 0)).unwrap();
        prop_assert_eq!(moved(&first, true, turns), last);
    }
}

#[test]
fn arrays_of_others_move_by_their_kind() {
    let mut record = record(Sizes { height: 2, width: 3, patterns: 0, vecs: 0, boxes: 0 }, 1);
    let mut add = |name: &str, shape: &[usize], values: Vec<f32>| {
        record.insert(name, Field::new(shape.to_vec(), values).unwrap());
    };
    add("a.points", &[2], vec![1.0, 0.5]);
    add("a.rays", &[1, 2], vec![1.0, 0.5]);
    add("a.angles", &[2], vec![0.5, 0.0]);
    add("a.some", &[2], vec![1.0, 0.0]);
    add("a.fixed", &[1], vec![3.0]);
    let kind = |kind, mask: Option<&str>| FieldGeometry { kind, mask: mask.map(str::to_owned) };
    let fields: BTreeMap<String, FieldGeometry> = [
        ("a.points", kind(FieldKind::Points, None)),
        ("a.rays", kind(FieldKind::Vectors, None)),
        ("a.angles", kind(FieldKind::Angles, Some("a.some"))),
        ("a.some", kind(FieldKind::Fixed, None)),
        ("a.fixed", kind(FieldKind::Fixed, None)),
    ]
    .map(|(name, kind)| (name.to_owned(), kind))
    .into();
    let turn = RandomTurn { turns: [0.0, 1.0, 0.0, 0.0], fields: fields.clone() };
    let turned = turn.apply(record.clone(), &mut sample_rng(0, 0)).unwrap();
    assert_eq!(reals(&turned, "a.points"), [1.5, 1.0]);
    assert_eq!(reals(&turned, "a.rays"), [-0.5, 1.0]);
    assert_eq!(reals(&turned, "a.angles"), [0.5 + PI / 2.0, 0.0]);
    assert_eq!(reals(&turned, "a.fixed"), [3.0]);
    let flip = RandomFlip { horizontal: 0.0, vertical: 1.0, fields };
    let flipped = flip.apply(record.clone(), &mut sample_rng(0, 0)).unwrap();
    assert_eq!(reals(&flipped, "a.points"), [1.0, 1.5]);
    assert_eq!(reals(&flipped, "a.rays"), [1.0, -0.5]);
    assert_eq!(reals(&flipped, "a.angles"), [PI - 0.5, 0.0]);
    let text = serde_json::to_string(&flip).unwrap();
    assert_eq!(serde_json::from_str::<RandomFlip>(&text).unwrap(), flip);
    let unknown = RandomFlip::default().apply(record, &mut sample_rng(0, 0));
    assert!(matches!(unknown, Err(Error::FieldKind { .. })));
}

#[test]
fn all_moves_are_as_likely_as_they_should_be() {
    let record = record(Sizes { height: 3, width: 3, patterns: 1, vecs: 0, boxes: 0 }, 4);
    let count = |step: &dyn Transform| {
        let (mut counts, mut rng) = (BTreeMap::new(), sample_rng(3, 0));
        for _ in 0..800 {
            let made = step.apply(record.clone(), &mut rng).unwrap();
            let Values::F32(img) = made.get("img").unwrap().values() else { panic!("not f32") };
            let bits: Vec<u32> = img.iter().map(|value| value.to_bits()).collect();
            *counts.entry(bits).or_insert(0) += 1;
        }
        counts.into_values().collect::<Vec<_>>()
    };
    for counts in [count(&RandomFlip::default()), count(&RandomTurn::default())] {
        // Four of them, 200 times each, with a deviation of 12.
        assert_eq!(counts.len(), 4);
        assert!(counts.iter().all(|n| (150..250).contains(n)), "{counts:?}");
    }
    let half = RandomTurn { turns: [1.0, 0.0, 1.0, 0.0], ..RandomTurn::default() };
    let never = RandomFlip { horizontal: 0.0, vertical: 0.0, ..RandomFlip::default() };
    assert_eq!((count(&half).len(), count(&never).len()), (2, 1));
}

/// A record as a generator makes it, by names, shapes and a letter for the type.
fn made(fields: &[(&str, &[usize], char)]) -> Record {
    let mut record = Record::new();
    for (name, shape, kind) in fields {
        let len: usize = shape.iter().product();
        let field = match kind {
            'f' => Field::new(shape.to_vec(), (0..len).map(|i| i as f32 / 8.0).collect::<Vec<_>>()),
            'i' => {
                Field::new(shape.to_vec(), (1..=i32::try_from(len).unwrap()).collect::<Vec<_>>())
            }
            _ => Field::new(shape.to_vec(), vec![1_u8; len]),
        };
        record.insert(*name, field.unwrap());
    }
    record
}

#[test]
fn records_of_all_generators_move_without_a_word_about_them() {
    let (h, w) = (3, 4);
    let plane = [h, w, 1];
    let planes = [2, h, w, 1];
    let picture: (&str, &[usize], char) = ("img", &[h, w, 3], 'f');
    let mini_shapes = made(&[
        picture,
        ("shape_masks", &planes, 'u'),
        ("background_mask", &plane, 'u'),
        ("color_label", &[h, w, 3], 'f'),
        ("vertices", &[2, 5, 2], 'f'),
        ("vertices_mask", &[2, 5], 'u'),
        ("closed", &[2], 'u'),
        ("colors", &[2, 3], 'f'),
        ("shape_thickness", &[2], 'i'),
    ]);
    let matching = made(&[
        picture,
        ("dominant_mask", &plane, 'u'),
        ("classes", &plane, 'u'),
        ("alpha_masks", &planes, 'f'),
        ("masks", &planes, 'u'),
        ("angles", &[2], 'f'),
        ("angles_mask", &[2], 'u'),
        ("bboxes", &[2, 4, 2], 'f'),
        ("patterns_mask", &[2], 'u'),
        ("dominant", &[2], 'u'),
        ("pattern_classes", &[2], 'i'),
    ]);
    let single_line = made(&[
        picture,
        ("line_mask", &plane, 'u'),
        ("distractor_mask", &plane, 'u'),
        ("sample_point", &[2], 'f'),
        ("endpoints", &[2, 2], 'f'),
        ("angle", &[1], 'f'),
        ("thickness", &[1], 'i'),
    ]);
    let sheets = made(&[
        picture,
        ("boundary", &plane, 'u'),
        ("centreline", &plane, 'u'),
        ("class", &plane, 'u'),
        ("distractor", &plane, 'u'),
        ("angle", &plane, 'f'),
        ("thickness", &plane, 'f'),
    ]);
    let waves = made(&[
        picture,
        ("classes", &plane, 'u'),
        ("angle_label", &plane, 'f'),
        ("fields", &planes, 'f'),
        ("angles", &[2], 'f'),
        ("patterns_mask", &[2], 'u'),
        ("lengths", &[2], 'f'),
    ]);
    for record in [mini_shapes, matching, single_line, sheets, waves] {
        for turn in 0..8 {
            let there = moved(&record, turn > 3, turn);
            for (name, field) in record.fields() {
                // What has the sides of the picture lies on it, whatever its name is.
                let lies =
                    matches!(field.shape(), [.., rows, columns, _] if [*rows, *columns] == [h, w]);
                let (old, new) = (field.shape(), there.get(name).unwrap().shape());
                let last = old.len().max(3) - 3;
                let turned = lies && turn % 2 == 1;
                assert_eq!(turned, lies && new[last..] == [w, h, old[old.len() - 1]], "{name}");
                if lies && turn == 4 {
                    let first = |record: &Record, j: usize| match record.get(name).unwrap().values()
                    {
                        Values::F32(values) if !name.starts_with("angle") => {
                            values[j * old[old.len() - 1]]
                        }
                        _ => 0.0,
                    };
                    assert_eq!(first(&record, 0), first(&there, w - 1), "{name}");
                }
            }
        }
    }
}

#[test]
fn what_cannot_be_moved_says_to_drop_it() {
    for name in ["frequencies", "phases", "shifts", "step", "patches", "patch_corners"] {
        let record = made(&[("img", &[3, 3, 3], 'f'), (name, &[2, 2], 'f')]);
        let error = RandomFlip::default().apply(record, &mut sample_rng(0, 0)).unwrap_err();
        assert!(error.to_string().contains("drop it"), "{error}");
        assert!(matches!(error, Error::FieldKind { name: found } if found == name));
    }
    // Padding without a mask would leave its place.
    let record = made(&[("img", &[3, 3, 3], 'f'), ("vertices", &[1, 2, 2], 'f')]);
    let error = RandomFlip::default().apply(record, &mut sample_rng(0, 0)).unwrap_err();
    assert!(matches!(error, Error::Field { name, .. } if name == "vertices_mask"));
}

#[test]
fn directions_that_are_not_known_stay_unknown() {
    let mut record = made(&[("img", &[1, 2, 3], 'f')]);
    record.insert("angle", Field::new(vec![1, 2, 1], vec![f32::NAN, 0.5]).unwrap());
    for turn in 0..8 {
        let there = moved(&record, turn > 3, turn);
        assert_eq!(reals(&there, "angle").iter().filter(|angle| angle.is_nan()).count(), 1);
    }
}
