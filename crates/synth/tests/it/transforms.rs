//! Transforms of records on scenes of patterns.
#![expect(clippy::float_cmp, reason = "copies, zeros and ones are exact")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "what cannot be made fails the test")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "pixels of small pictures"
)]

use std::collections::BTreeMap;
use std::f32::consts::PI;

use mapvec_data::{Record, Source, Step, Symmetry, Transformed, Values};
use mapvec_synth::{PatternConfig, PatternOutput, PatternRecords};

const SCENES: usize = 80;

fn records(config: &PatternConfig, outputs: &[PatternOutput]) -> PatternRecords {
    let config = PatternConfig { outputs: outputs.to_vec(), ..config.clone() };
    PatternRecords::new(&config, 11, SCENES).unwrap()
}

fn reals<'a>(record: &'a Record, name: &str) -> &'a [f32] {
    match record.get(name).unwrap().values() {
        Values::F32(values) => values,
        other => panic!("{name} is {other:?}"),
    }
}

fn bytes<'a>(record: &'a Record, name: &str) -> &'a [u8] {
    match record.get(name).unwrap().values() {
        Values::U8(values) => values,
        other => panic!("{name} is {other:?}"),
    }
}

fn steps(text: &str) -> Vec<Step> {
    serde_json::from_str(text).unwrap()
}

/// The component masks of a stack that have a pixel.
fn on(stack: &[u8], pixel: usize, pixels: usize) -> Vec<usize> {
    let all = stack.iter().skip(pixel).step_by(pixels).enumerate();
    all.filter(|(_, inside)| **inside != 0).map(|(index, _)| index).collect()
}

/// Labels of pixels are those that follow from vectors, boxes and masks.
fn check_geometry(record: &Record, size: usize) {
    let pixels = size * size;
    let (vecs, boxes) = (reals(record, "vecs"), reals(record, "bboxes"));
    let (vec_masks, box_masks) = (bytes(record, "vecs_masks"), bytes(record, "bbox_masks"));
    for pixel in 0..pixels {
        let at = [(pixel % size) as f32 + 0.5, (pixel / size) as f32 + 0.5];
        let (lines, shapes) = (on(vec_masks, pixel, pixels), on(box_masks, pixel, pixels));
        let way = &reals(record, "center_vec_label")[pixel * 2..][..2];
        let angle = reals(record, "angle_label")[pixel];
        // Of several components the first counts.
        match (lines.first(), shapes.first()) {
            (None, None) => assert!(way == [0.0, 0.0] && angle == 0.0, "background"),
            (Some(line), None) => {
                let [x0, y0, x1, y1] = vecs[line * 4..][..4] else { panic!("four numbers") };
                let (dx, dy) = (x1 - x0, y1 - y0);
                let apart = (angle - dy.atan2(dx)).sin().abs();
                assert!(apart < 1e-3, "{angle} at {pixel}");
                assert!((0.0..PI).contains(&angle), "{angle} at {pixel}");
                let to = [at[0] + way[0] - x0, at[1] + way[1] - y0];
                let length = dx.hypot(dy);
                let off_axis = (to[0] * dy - to[1] * dx).abs() / length;
                let oblique = (way[0] * dx + way[1] * dy).abs() / length;
                assert!(off_axis < 1e-3 && oblique < 1e-3, "{way:?} at {pixel}");
            }
            (None, Some(shape)) => {
                let [x1, y1, _, y0, x0, ..] = boxes[shape * 8..][..8] else { panic!("eight") };
                let wanted = [f32::midpoint(x0, x1) - at[0], f32::midpoint(y0, y1) - at[1]];
                let off = (way[0] - wanted[0]).abs() + (way[1] - wanted[1]).abs();
                assert!(off < 1e-3, "{way:?} at {pixel}");
                assert!((x0..x1).contains(&at[0]) && (y0..y1).contains(&at[1]), "in its box");
            }
            both => panic!("{both:?} share pixel {pixel}"),
        }
    }
    for (ends, mask) in vecs.chunks(4).zip(vec_masks.chunks(pixels)) {
        for end in ends.chunks(2) {
            let pixel = end[1] as usize * size + end[0] as usize;
            assert_eq!(mask[pixel], 1, "an end on its own mask");
        }
    }
    for (corners, mask) in boxes.chunks(8).zip(box_masks.chunks(pixels)) {
        let inside = (0..pixels).filter(|pixel| mask[*pixel] != 0);
        let [mut x0, mut y0, mut x1, mut y1] = [size, size, 0, 0];
        for pixel in inside {
            let (x, y) = (pixel % size, pixel / size);
            (x0, y0, x1, y1) = (x0.min(x), y0.min(y), x1.max(x + 1), y1.max(y + 1));
        }
        let [x0, y0, x1, y1] = [x0, y0, x1, y1].map(|side| side as f32);
        assert_eq!(corners, [x1, y1, x1, y0, x0, y0, x0, y1], "a tight box in order");
    }
}

#[test]
fn moved_labels_are_those_of_moved_vectors() {
    for fragments in [false, true] {
        let mut config = PatternConfig::default();
        if fragments {
            config.vector_mode = mapvec_synth::VectorMode::Fragment;
        }
        let source = records(&config, PatternOutput::ALL);
        for index in 0..SCENES {
            let record = source.get(index).unwrap();
            for turn in 0..8 {
                let symmetry = Symmetry { mirror: turn > 3, quarter_turns: turn };
                check_geometry(&symmetry.apply(&record, &BTreeMap::new()).unwrap(), config.size);
            }
        }
    }
}

#[test]
fn points_lie_on_visible_components_with_their_labels() {
    let source = records(&PatternConfig::default(), PatternOutput::ALL);
    let all = steps(r#"[{ "op": "component_points", "components": 6, "points": 4 }]"#);
    let source = Transformed::new(source, all, 3).unwrap();
    let mut wide = 0;
    for index in 0..SCENES {
        let record = source.get(index).unwrap();
        let (points, vecs) =
            (reals(&record, "inputs.sample_points"), reals(&record, "labels.vecs"));
        let (classes, weights) = (reals(&record, "labels.class"), reals(&record, "weights.vecs"));
        for slot in 0..24 {
            let pixel = points[slot * 2 + 1] as usize * 32 + points[slot * 2] as usize;
            let class = &classes[slot * 3..][..3];
            let covered = !on(bytes(&record, "shape_masks"), pixel, 1024).is_empty();
            assert_eq!(covered, weights[slot] == 1.0, "scene {index}, slot {slot}");
            // One of the components of the pixel has the vector and the thickness.
            let vec = &vecs[slot * 8..][..8];
            let thickness = reals(&record, "labels.thickness")[slot] as i32;
            let found = |masks: &str, points: &str, thick: &str, corners: &[usize]| {
                let Values::I32(thick) = record.get(thick).unwrap().values() else {
                    panic!("whole numbers")
                };
                let points: Vec<&[f32]> = reals(&record, points).chunks(2).collect();
                let count = corners.iter().max().unwrap() + 1;
                on(bytes(&record, masks), pixel, 1024).into_iter().any(|i| {
                    let own = corners.iter().map(|c| points[i * count + c]);
                    own.eq(vec.chunks(2)) && thick[i] == thickness
                })
            };
            match class {
                [1.0, 0.0, 0.0] => assert!(vec.iter().all(|v| *v == 0.0), "nothing"),
                [0.0, 1.0, 0.0] => {
                    assert!(found("vecs_masks", "vecs", "vecs_thickness", &[0, 1, 0, 1]));
                    wide += usize::from(thickness > 1);
                }
                [0.0, 0.0, 1.0] => {
                    assert!(found("bbox_masks", "bboxes", "bbox_thickness", &[0, 2, 1, 3]));
                }
                _ => panic!("{class:?} is no class"),
            }
        }
    }
    assert!(wide > 50, "lines of several widths");
}

#[test]
fn steps_make_what_experiments_need_of_the_outputs_they_name() {
    use PatternOutput::{
        AngleLabel, BboxMask, BboxMasks, BboxThickness, Bboxes, CenterVecLabel, Img, LineLabel,
        PatternMasks, ShapeLabel, ShapeMasks, ThicknessLabel, Vecs, VecsMask, VecsMasks,
        VecsThickness,
    };
    let components = [Img, Vecs, VecsMask, Bboxes, BboxMask, VecsMasks, BboxMasks];
    let thick = [&components[..], &[VecsThickness, BboxThickness]].concat();
    let conditioned = [&components[..], &[ThicknessLabel]].concat();
    let labels = vec![Img, LineLabel, ShapeLabel, AngleLabel, CenterVecLabel, ThicknessLabel];
    let pipelines = [
        (labels, r#"{ "op": "line_features" }"#, 9),
        (vec![Img, PatternMasks], r#"{ "op": "pixel_similarity" }"#, 2),
        (vec![Img, ShapeMasks], r#"{ "op": "pixel_similarity_shapes" }"#, 2),
        (thick.clone(), r#"{ "op": "component_points", "order": "record" }"#, 8),
        (thick, r#"{ "op": "component_points", "vectors": "split", "points": 3 }"#, 9),
        (conditioned.clone(), r#"{ "op": "angle_conditioned" }"#, 8),
        (
            conditioned,
            r#"{ "op": "angle_conditioned", "angles": { "count": 1 }, "split_confidence": true }"#,
            10,
        ),
        (components[..5].to_vec(), r#"{ "op": "rotated_enc" }"#, 6),
        (vec![Img, Vecs, VecsMask], r#"{ "op": "frequency_angle_mask" }"#, 2),
        (vec![Img], r#"{ "op": "image_autoencoder", "center_shift": 1 }"#, 3),
    ];
    for (outputs, op, count) in pipelines {
        let keep = if op.contains("frequency") || op.contains("similarity") {
            r#"["inputs", "labels"]"#
        } else if op.contains("autoencoder") {
            r#"["inputs", "labels.target_img"]"#
        } else {
            r#"["inputs", "labels", "weights"]"#
        };
        let text = format!(
            r#"[{{ "op": "color_shift" }}, {{ "op": "blur" }}, {op}, {{ "op": "select", "keep": {keep} }}]"#
        );
        // Axes of rows of symbols share pixels with these.
        for bbox_vecs in [false, true] {
            let config = PatternConfig { bbox_vecs, ..PatternConfig::default() };
            let text = text.replace("\"record\"", "\"record\", \"components\": 24");
            let text = text.replace("\"rotated_enc\"", "\"rotated_enc\", \"components\": 24");
            let source = Transformed::new(records(&config, &outputs), steps(&text), 5).unwrap();
            let mut shapes = BTreeMap::new();
            for index in 0..40 {
                let record = source.get(index).unwrap_or_else(|error| panic!("{op}: {error}"));
                assert_eq!(record.fields().count(), count, "{op}");
                for (name, field) in record.fields() {
                    let first = shapes.entry(name.to_owned()).or_insert_with(|| field.clone());
                    assert_eq!(first.shape(), field.shape(), "{name} of {op} fits into a batch");
                    assert!(reals(&record, name).iter().all(|value| value.is_finite()), "{name}");
                }
            }
        }
    }
}

#[test]
fn samples_are_the_same_from_any_number_of_threads() {
    let all = r#"[{ "op": "random_flip" }, { "op": "random_turn" }, { "op": "color_shift" },
        { "op": "blur" }, { "op": "angle_conditioned" }, { "op": "select", "drop": ["shape_masks"] }]"#;
    let source = records(&PatternConfig::default(), PatternOutput::ALL);
    let source = Transformed::new(source, steps(all), 9).unwrap();
    let alone: Vec<Record> = (0..SCENES).map(|index| source.get(index).unwrap()).collect();
    std::thread::scope(|scope| {
        for thread in 0..3 {
            let (source, alone) = (&source, &alone);
            scope.spawn(move || {
                for index in (0..SCENES).rev().skip(thread).step_by(3) {
                    assert_eq!(source.get(index).unwrap(), alone[index], "sample {index}");
                }
            });
        }
    });
}
