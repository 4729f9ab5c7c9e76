//! Scenes of patterns and their labels.
#![expect(clippy::float_cmp, reason = "labels are those of components, bit by bit")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "what cannot be made fails the test")]

use std::f32::consts::PI;

use geo_types::Coord;
use mapvec_data::{Source, Values};
use mapvec_synth::{
    Component, PatternConfig, PatternFamily, PatternGenerator, PatternOutput, PatternScene,
    SymbolKind, VectorMode,
};
use proptest::prelude::*;

use crate::pixel;

/// Values of an output that are real numbers.
fn reals(scene: &PatternScene, output: PatternOutput) -> Vec<f32> {
    match scene.output(output).unwrap().values() {
        Values::F32(values) => values.clone(),
        other => panic!("{output:?} is {other:?}"),
    }
}

/// Values of an output of whole numbers.
fn wholes(scene: &PatternScene, output: PatternOutput) -> Vec<i64> {
    match scene.output(output).unwrap().values() {
        Values::U8(values) => values.iter().copied().map(i64::from).collect(),
        Values::I32(values) => values.iter().copied().map(i64::from).collect(),
        other => panic!("{output:?} is {other:?}"),
    }
}

/// Configurations with everything in range.
pub(crate) fn configs() -> impl Strategy<Value = PatternConfig> {
    let range = |least: usize, most: usize| {
        (least..most, 1..most).prop_map(move |(from, more)| [from, (from + more).min(most + 1)])
    };
    let line = (range(1, 8), any::<bool>(), 0.0..3.0, 0.0..20.0_f64);
    let bundle = (range(1, 12), range(0, 12), 0_usize..8, 1_usize..30);
    let polyline = (range(1, 8), 0.0..1.5, 0.0..1.5, 1_usize..30);
    let symbol = (range(1, 20), 0.0..=1.0, 1.0..8.0, 0.0..=1.0, range(1, 6), 0_usize..6);
    let rows = (range(1, 12), range(0, 20), 1_usize..20);
    let scatter = (range(1, 12), 0.0..20.0, 1_usize..20);
    let scene = (16_usize..100, any::<[bool; 4]>(), range(1, 8), 1_usize..60, 0.0..=1.0);
    (line, bundle, polyline, symbol, rows, scatter, scene, 0.0..0.9, 1_u8..32, 1_u8..16).prop_map(
        |(line, bundle, polyline, symbol, rows, scatter, scene, share, families, kinds)| {
            use PatternFamily::{
                DoubleLineFilled, LineFilled, LinearShapes, Polyline, SpreadedShapes,
            };
            use SymbolKind::{Circle, Cross, Rectangle, Triangle};
            let mut config = PatternConfig::default();
            let [scaled, gray, fragments, axes] = scene.1;
            (config.size, config.patterns_num_range, config.max_components_num) =
                (scene.0, scene.2, scene.3);
            (config.scale_with_size, config.grayscale, config.bbox_vecs) = (scaled, gray, axes);
            config.use_previous_color_prob = scene.4;
            config.min_orig_shape_coverage = share;
            if fragments {
                config.vector_mode = VectorMode::Fragment;
            }
            let args = &mut config.line_args;
            (args.thickness_range, args.progressive_thickness) = (line.0, line.1);
            (args.gamma, args.min_length) = (line.2, line.3);
            let args = &mut config.line_filled_args;
            (args.lines_num_range, args.spacing_range) = (bundle.0, bundle.1);
            (args.center_padding, args.angles_prop_num) = (bundle.2, bundle.3);
            let args = &mut config.polyline_args;
            (args.vertices_range, args.min_angle_diff) = (polyline.0, polyline.1);
            (args.first_angle_diff, args.proposals_num) = (polyline.2, polyline.3);
            let args = &mut config.shape_args;
            (args.size_range, args.filled_prob, args.samples_per_unit) =
                (symbol.0, symbol.1, symbol.2);
            (args.add_borderline_prob, args.borderline_thickness_range) = (symbol.3, symbol.4);
            args.min_borderline_thickness_diff = symbol.5;
            let all = [Rectangle, Triangle, Circle, Cross];
            args.types_probs =
                all.into_iter().enumerate().map(|(i, k)| (k, f64::from(kinds >> i & 1))).collect();
            let args = &mut config.linear_shapes_args;
            (args.shapes_num_range, args.dist_range, args.angle_proposals_num) = rows;
            let args = &mut config.spreaded_shapes_args;
            (args.shapes_num_range, args.min_dist, args.placement_proposals_num) = scatter;
            let all = [LineFilled, DoubleLineFilled, Polyline, LinearShapes, SpreadedShapes];
            config.patterns_prob = all
                .into_iter()
                .enumerate()
                .map(|(i, family)| (family, f64::from(families >> i & 1)))
                .collect();
            config
        },
    )
}

/// Labels per pixel, and what covers every pixel.
struct Planes {
    angles: Vec<f32>,
    centres: Vec<f32>,
    thickness: Vec<i64>,
    /// The first component of a pixel.
    first: Vec<Option<usize>>,
    /// Pattern of a pixel.
    owner: Vec<Option<usize>>,
}

/// How many scenes of a configuration are checked: more than every day if `SCENES` says so.
fn scenes(daily: usize) -> usize {
    std::env::var("SCENES").map_or(daily, |count| count.parse().unwrap())
}

/// What every scene keeps to.
fn check(config: &PatternConfig, scene: &PatternScene) -> Result<(), TestCaseError> {
    let s = config.size;
    prop_assert!(scene.components.len() <= config.max_components_num);
    prop_assert!(scene.patterns.len() < config.patterns_num_range[1]);
    let image = reals(scene, PatternOutput::Img);
    prop_assert!(image.iter().all(|v| (0.0..=1.0).contains(v)));
    let mut planes = Planes {
        angles: reals(scene, PatternOutput::AngleLabel),
        centres: reals(scene, PatternOutput::CenterVecLabel),
        thickness: wholes(scene, PatternOutput::ThicknessLabel),
        first: vec![None; s * s],
        owner: vec![None; s * s],
    };
    prop_assert!(planes.angles.iter().all(|v| (0.0..PI).contains(v)));
    for (index, component) in scene.components.iter().enumerate() {
        component.mask.each(|y, x| {
            planes.first[y * s + x].get_or_insert(index);
        });
    }
    // Nothing that is no component has a way to one.
    for (way, first) in planes.centres.chunks(2).zip(&planes.first) {
        prop_assert!(first.is_some() || way.iter().all(|v| *v == 0.0), "{:?}", way);
    }
    for (index, pattern) in scene.patterns.iter().enumerate() {
        let mut free = true;
        pattern.mask.each(|y, x| free &= planes.owner[y * s + x].replace(index).is_none());
        prop_assert!(free, "pattern {} shares pixels with another", index);
    }
    for (index, component) in scene.components.iter().enumerate() {
        let count = component.mask.count();
        prop_assert!(count as f64 > config.min_orig_shape_coverage * component.full_pixels as f64);
        let [top, bottom, left, right] = component.extent;
        prop_assert_eq!(component.mask.extent(), Some(component.extent));
        let mut fault = None;
        let line = component.vector().zip(component.angle());
        component.mask.each(|y, x| {
            fault = fault.or_else(|| pixel_fault((index, component, line), (y, x), s, &planes));
        });
        prop_assert!(fault.is_none(), "{:?}: {:?}", fault, component);
        if let Some(ends) = component.vector() {
            let on_mask = |[x, y]: [f32; 2]| {
                let (row, column) = pixel(Coord { x: x.into(), y: y.into() });
                component.mask.contains(row, column)
            };
            prop_assert!(ends.into_iter().all(on_mask), "an end elsewhere");
            prop_assert!(ends[0] != ends[1], "a vector of no length");
        } else {
            let side = (bottom - top).max(right - left) + 1;
            prop_assert_eq!(component.thickness as usize, side);
        }
    }
    for output in PatternOutput::ALL.iter().copied() {
        let field = scene.output(output).unwrap();
        let padded = field.padded(&output.padded_shape(config));
        prop_assert!(padded.is_ok(), "{:?}: {:?} {:?}", output, field.shape(), padded);
    }
    Ok(())
}

/// Ends and direction of a line.
type Line = ([[f32; 2]; 2], f32);

/// What is wrong with the labels of a pixel of a component.
fn pixel_fault(
    (index, component, line): (usize, &Component, Option<Line>),
    (y, x): (usize, usize),
    size: usize,
    planes: &Planes,
) -> Option<&'static str> {
    let at = y * size + x;
    if planes.owner[at] != Some(component.pattern) {
        return Some("a component outside of its pattern");
    }
    if planes.thickness[at] < i64::from(component.thickness) {
        return Some("a label of thickness below that of a component");
    }
    if planes.first[at] != Some(index) {
        // The pixel has the direction and the way of the first component.
        return None;
    }
    let way = &planes.centres[at * 2..][..2];
    let to = [x as f32 + 0.5 + way[0], y as f32 + 0.5 + way[1]];
    let Some(([a, b], angle)) = line else {
        let [top, bottom, left, right] = component.extent;
        let middle = [(left + right + 1) as f32 / 2.0, (top + bottom + 1) as f32 / 2.0];
        let off = (to[0] - middle[0]).hypot(to[1] - middle[1]);
        return (off > 1e-3).then_some("a centre vector that misses the middle");
    };
    let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
    let length = dx.hypot(dy);
    let off = ((to[0] - a[0]) * dy - (to[1] - a[1]) * dx) / length;
    let gap = (planes.angles[at] - angle).abs();
    if off.abs() > 1e-2 {
        Some("a centre vector that misses the axis")
    } else if gap.min(PI - gap) > 1e-4 {
        Some("another angle than that of the vector")
    } else if (dy.atan2(dx) - angle).sin().abs() > 1e-3 {
        Some("an angle that is not that of the vector")
    } else {
        None
    }
}

#[test]
fn default_scenes_keep_what_their_labels_say() {
    for config in [
        PatternConfig::default(),
        PatternConfig { size: 128, scale_with_size: true, ..PatternConfig::default() },
        PatternConfig { bbox_vecs: true, min_contrast: 0.3, ..PatternConfig::default() },
    ] {
        let count = scenes(300);
        let scenes = PatternGenerator::new(&config, 1, count).unwrap();
        for index in 0..count {
            let scene = scenes.get(index).unwrap();
            check(&config, &scene).unwrap_or_else(|error| panic!("scene {index}: {error}"));
            assert!(!scene.components.is_empty(), "scene {index} is empty");
        }
        assert!(scenes.get(count).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn scenes_of_any_configuration_keep_what_their_labels_say(config in configs(), seed in 0_u64..1000) {
        prop_assert!(config.validate().is_ok(), "{:?}", config.validate());
        let count = scenes(3);
        let scenes = PatternGenerator::new(&config, seed, count).unwrap();
        for index in 0..count {
            check(&config, &scenes.get(index).unwrap())?;
        }
    }
}

#[test]
fn a_scene_depends_on_seed_and_index_alone() {
    let config = PatternConfig::default();
    let all = PatternGenerator::new(&config, 5, 40).unwrap();
    let forward: Vec<_> = (0..40).map(|i| all.get(i).unwrap()).collect();
    let other = PatternGenerator::new(&config, 5, 1000).unwrap();
    for index in (0..40).rev() {
        assert_eq!(other.get(index).unwrap(), forward[index], "scene {index}");
    }
    let differs = PatternGenerator::new(&config, 6, 40).unwrap();
    assert_ne!(differs.get(0).unwrap(), forward[0]);
}

#[test]
fn lines_are_as_wide_as_their_label() {
    // One pattern, so that nothing is hidden.
    let config = PatternConfig {
        size: 96,
        patterns_num_range: [1, 2],
        patterns_prob: [(PatternFamily::LineFilled, 1.0)].into(),
        ..PatternConfig::default()
    };
    let scenes = PatternGenerator::new(&config, 3, 200).unwrap();
    let (mut sum, mut lines) = (0.0, 0.0);
    for index in 0..200 {
        let scene = scenes.get(index).unwrap();
        for component in &scene.components {
            let (Some([a, b]), width) = (component.vector(), component.thickness as f32) else {
                panic!("a line without a vector");
            };
            let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
            let length = dx.hypot(dy);
            // Pixels beside the middle of the line, over the length of that part.
            let (mut beside, mut farthest) = (0, 0.0_f32);
            component.mask.each(|y, x| {
                let p = [x as f32 + 0.5 - a[0], y as f32 + 0.5 - a[1]];
                let along = (p[0] * dx + p[1] * dy) / length;
                if along > length * 0.25 && along < length * 0.75 {
                    beside += 1;
                    farthest = farthest.max(((p[0] * dy - p[1] * dx) / length).abs());
                }
            });
            // The ends of the vector are pixels, so its direction is off by a pixel over its
            // length.
            assert!(farthest <= width / 2.0 + 1.5, "scene {index}: {farthest} of {width}");
            if length > 20.0 {
                // Along a line of slope 1 : 2 every other column has a pixel more.
                let measured = beside as f32 / (length * 0.5);
                assert!((measured - width).abs() < 0.8, "{measured} of {width}");
                sum += measured / width;
                lines += 1.0;
            }
        }
    }
    let mean = sum / lines;
    assert!(lines > 300.0 && (mean - 1.0_f32).abs() < 0.03, "{mean} over {lines} lines");
}

#[test]
fn corners_of_polylines_belong_to_their_first_segment() {
    let config = PatternConfig {
        size: 64,
        patterns_prob: [(PatternFamily::Polyline, 1.0)].into(),
        ..PatternConfig::default()
    };
    let scenes = PatternGenerator::new(&config, 4, 100).unwrap();
    let mut shared = 0;
    for index in 0..100 {
        let scene = scenes.get(index).unwrap();
        let angles = reals(&scene, PatternOutput::AngleLabel);
        let ways = reals(&scene, PatternOutput::CenterVecLabel);
        for pixel in 0..64 * 64 {
            let (y, x) = (pixel / 64, pixel % 64);
            let mut all = scene.components.iter().filter(|c| c.mask.contains(y, x));
            let Some(first) = all.next() else {
                assert_eq!((angles[pixel], &ways[pixel * 2..][..2]), (0.0, &[0.0, 0.0][..]));
                continue;
            };
            shared += all.count().min(1);
            assert_eq!(angles[pixel], first.angle().unwrap(), "scene {index}: {y} {x}");
            // The way ends on the axis and is at a right angle to it.
            let [a, b] = first.vector().unwrap();
            let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
            let way = &ways[pixel * 2..][..2];
            let to = [x as f32 + 0.5 + way[0] - a[0], y as f32 + 0.5 + way[1] - a[1]];
            let off = [to[0] * dy - to[1] * dx, way[0] * dx + way[1] * dy];
            let most = 1e-3 * dx.hypot(dy);
            assert!(off.iter().all(|v| v.abs() < most), "scene {index}: {y} {x}: {way:?}");
        }
    }
    assert!(shared > 500, "{shared} pixels of corners");
}
