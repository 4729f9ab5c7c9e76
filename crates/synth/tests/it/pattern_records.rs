//! Arrays of scenes by name, those of any configuration: each says the same as the others.
#![expect(clippy::float_cmp, reason = "ends are centres of pixels, which are exact")]
#![expect(clippy::unwrap_used, reason = "what cannot be made fails the test")]

use mapvec_data::{Record, Source};
use mapvec_synth::{PatternConfig, PatternFamily, PatternOutput, PatternRecords, VectorMode};
use proptest::prelude::*;

use crate::arrays::{at, bytes, reals, segments, wholes};
use crate::patterns::configs;

/// The planes of a stack of masks.
fn planes<'a>(record: &'a Record, name: &str, size: usize) -> Vec<&'a [u8]> {
    bytes(record, name).chunks_exact(size * size).collect()
}

/// 1 where one of the masks is.
fn union(masks: &[&[u8]], pixels: usize) -> Vec<u8> {
    (0..pixels).map(|p| u8::from(masks.iter().any(|mask| mask[p] == 1))).collect()
}

/// How many parts of a mask do not touch, not even at corners.
fn parts(mask: &[u8], size: usize) -> usize {
    let mut left = mask.to_vec();
    let mut count = 0;
    while let Some(first) = left.iter().position(|v| *v == 1) {
        count += 1;
        let mut open = vec![first];
        left[first] = 0;
        while let Some(p) = open.pop() {
            let (y, x) = (p / size, p % size);
            for i in y.saturating_sub(1)..(y + 2).min(size) {
                for j in x.saturating_sub(1)..(x + 2).min(size) {
                    if std::mem::take(&mut left[i * size + j]) == 1 {
                        open.push(i * size + j);
                    }
                }
            }
        }
    }
    count
}

/// Left, top, right and lower side of the pixels of a mask.
fn bounds(mask: &[u8], size: usize) -> [f32; 4] {
    let inside = (0..mask.len()).filter(|p| mask[*p] == 1);
    inside
        .fold([size, size, 0, 0], |[x0, y0, x1, y1], p| {
            let (x, y) = (p % size, p / size);
            [x0.min(x), y0.min(y), x1.max(x + 1), y1.max(y + 1)]
        })
        .map(|side| side as f32)
}

fn check(config: &PatternConfig, record: &Record) -> Result<(), TestCaseError> {
    let size = config.size;
    let stack = |name: &str| planes(record, name, size);
    let patterns = stack("pattern_masks");
    let (shapes, shape_widths) = (stack("shape_masks"), wholes(record, "shape_thickness"));
    prop_assert_eq!(shapes.len(), shape_widths.len());
    let (vec_masks, box_masks) = (stack("vecs_masks"), stack("bbox_masks"));
    for (masks, idxs, widths, flags) in [
        (&vec_masks, "vecs_pattern_idxs", "vecs_thickness", "vecs_mask"),
        (&box_masks, "bbox_pattern_idxs", "bbox_thickness", "bbox_mask"),
    ] {
        let (idxs, widths) = (wholes(record, idxs), wholes(record, widths));
        prop_assert_eq!(bytes(record, flags), vec![1; masks.len()]);
        prop_assert_eq!((idxs.len(), widths.len()), (masks.len(), masks.len()));
        for ((mask, idx), width) in masks.iter().zip(idxs).zip(widths) {
            let pattern = patterns[usize::try_from(*idx).unwrap() - 1];
            prop_assert!(mask.iter().zip(pattern).all(|(own, all)| own <= all), "{}", idx);
            // A component with these pixels has this thickness; the vector of a row has all
            // pixels of its pattern and the largest thickness in it.
            let own: Vec<i32> = shapes
                .iter()
                .zip(shape_widths)
                .filter(|(shape, _)| shape == &mask)
                .map(|(_, width)| *width)
                .collect();
            let inside = |shape: &[u8]| shape.iter().zip(*mask).all(|(own, all)| own <= all);
            let row = shapes.iter().zip(shape_widths).filter(|(shape, _)| inside(shape));
            let most = row.map(|(_, width)| *width).max();
            let is_row = own.is_empty() && *mask == pattern && config.bbox_vecs;
            prop_assert!(own.contains(width) || (is_row && most == Some(*width)), "{}", width);
        }
    }
    let ends = segments(record, "vecs");
    prop_assert_eq!(ends.len(), vec_masks.len());
    for (ends, mask) in ends.iter().zip(&vec_masks) {
        prop_assert!(ends.iter().all(|end| mask[at(*end, size)] == 1), "{:?} beside", ends);
        prop_assert!(ends[0] != ends[1], "{:?} has no length", ends);
    }
    let corners = reals(record, "bboxes");
    prop_assert_eq!(corners.len(), box_masks.len() * 8);
    for (corners, mask) in corners.chunks_exact(8).zip(&box_masks) {
        let [x0, y0, x1, y1] = bounds(mask, size);
        prop_assert_eq!(corners, [x1, y1, x1, y0, x0, y0, x0, y1]);
    }
    prop_assert_eq!(bytes(record, "line_label"), union(&vec_masks, size * size));
    prop_assert_eq!(bytes(record, "shape_label"), union(&box_masks, size * size));
    let most = |p: usize| {
        let all = shapes.iter().zip(shape_widths).filter(|(shape, _)| shape[p] == 1);
        all.map(|(_, width)| *width).max().unwrap_or(0)
    };
    let thickest: Vec<i32> = (0..size * size).map(most).collect();
    prop_assert_eq!(wholes(record, "thickness_label"), thickest);
    if config.vector_mode == VectorMode::Fragment {
        // Rows of symbols come behind the lines and have several parts.
        let lines = shapes.len() - box_masks.len();
        for mask in &vec_masks[..lines] {
            prop_assert_eq!(parts(mask, size), 1);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn arrays_of_any_configuration_agree(
        config in configs(), seed in 0_u64..1000, rows in any::<bool>(), fragments in any::<bool>(),
    ) {
        let mut config = PatternConfig { outputs: PatternOutput::ALL.to_vec(), ..config };
        config.bbox_vecs |= rows;
        if fragments {
            config.vector_mode = VectorMode::Fragment;
        }
        let records = PatternRecords::new(&config, seed, 2).unwrap();
        for index in 0..2 {
            check(&config, &records.get(index).unwrap())?;
        }
    }
}

/// Label and measured width of the long lines of a configuration; parts near the border, which
/// cuts them, are left out.
fn widths(config: &PatternConfig, count: usize) -> Vec<(f64, f64)> {
    let size = config.size;
    let side = size as f64;
    let records = PatternRecords::new(config, 2, count).unwrap();
    let mut all = Vec::new();
    for index in 0..count {
        let record = records.get(index).unwrap();
        let masks = planes(&record, "vecs_masks", size);
        let labels = wholes(&record, "vecs_thickness");
        for (([a, b], mask), label) in segments(&record, "vecs").into_iter().zip(masks).zip(labels)
        {
            let width = f64::from(*label);
            let length = (b[0] - a[0]).hypot(b[1] - a[1]);
            let d = [(b[0] - a[0]) / length, (b[1] - a[1]) / length];
            let room = width / 2.0 + 1.0;
            let inside = [a, b].into_iter().flatten().all(|v| v > room && v < side - room);
            if length < 20.0 + 2.0 * width || !inside {
                continue;
            }
            let along = |p: usize| {
                let (x, y) = ((p % size) as f64 + 0.5, (p / size) as f64 + 0.5);
                (x - a[0]) * d[0] + (y - a[1]) * d[1]
            };
            let middle = length * 0.25..length * 0.75;
            let beside = (0..mask.len()).filter(|p| mask[*p] == 1 && middle.contains(&along(*p)));
            all.push((width, beside.count() as f64 / (length * 0.5)));
        }
    }
    all
}

#[test]
fn lines_of_all_families_are_as_wide_as_their_label() {
    let base = PatternConfig {
        size: 96,
        outputs: [PatternOutput::Vecs, PatternOutput::VecsMasks, PatternOutput::VecsThickness]
            .to_vec(),
        // One pattern, so that nothing is hidden.
        patterns_num_range: [1, 2],
        patterns_prob: [(PatternFamily::Polyline, 1.0)].into(),
        ..PatternConfig::default()
    };
    let mut progressive = base.clone();
    progressive.line_args.progressive_thickness = true;
    progressive.line_args.thickness_range = [1, 5];
    progressive.patterns_prob = [(PatternFamily::LineFilled, 1.0)].into();
    let scaled = PatternConfig { size: 160, scale_with_size: true, ..base.clone() };
    for (name, config, count) in
        [("polylines", base, 300), ("progressive", progressive, 150), ("scaled", scaled, 150)]
    {
        let all = widths(&config, count);
        assert!(all.len() > 40, "{name}: {} long lines", all.len());
        let mut labels: Vec<f64> = all.iter().map(|(label, _)| *label).collect();
        labels.sort_by(f64::total_cmp);
        labels.dedup();
        assert!(labels.len() > 2, "{name}: {labels:?}");
        let off = all.iter().map(|(label, width)| width - label).sum::<f64>() / all.len() as f64;
        assert!(off.abs() < 0.3, "{name}: {off} px too wide in the mean");
    }
}
