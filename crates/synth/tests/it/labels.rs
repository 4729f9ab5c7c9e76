//! Labels: legal values, agreement with the vector truth and with the picture.

use std::f32::consts::PI;

use mapvec_geometry::distance_transform;
use mapvec_synth::SheetStyle;
use ndarray::Array2;
use proptest::prelude::*;

use crate::{pixel, sheet, styles};

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, ..ProptestConfig::default() })]

    #[test]
    fn labels_have_the_size_and_legal_values(
        size in 64_u32..160, style in styles(), seed in any::<u64>(),
    ) {
        let sheet = sheet(size, style, seed);
        let labels = &sheet.sample.labels;
        prop_assert!(labels.check_size(sheet.sample.size()).is_ok(), "sizes differ");
        prop_assert_eq!(sheet.regions.dim(), sheet.sample.size());
        for (at, &class) in labels.class.indexed_iter() {
            let (boundary, centreline) = (labels.boundary[at], labels.centreline[at]);
            prop_assert!(boundary <= 1 && centreline <= 1 && class <= 2, "values at {at:?}");
            prop_assert!(labels.distractor[at] <= 3, "distractor at {at:?}");
            let (angle, thickness) = (labels.angle[at], labels.thickness[at]);
            let drawn = boundary == 1 || centreline == 1 || class == 1;
            prop_assert_eq!(angle.is_finite(), drawn, "angle at {:?}", at);
            prop_assert_eq!(thickness.is_finite(), drawn, "thickness at {:?}", at);
            if drawn {
                prop_assert!((0.0..PI).contains(&angle), "angle {angle}");
                prop_assert!((0.0..40.0).contains(&thickness), "thickness {thickness}");
            }
        }
    }

    #[test]
    fn the_boundary_ribbon_lies_on_the_borders_of_regions(
        size in 64_u32..160, style in styles(), seed in any::<u64>(),
    ) {
        let sheet = sheet(size, style, seed);
        let ids = &sheet.regions;
        let border = Array2::from_shape_fn(ids.dim(), |(y, x)| {
            let here = ids[(y, x)];
            ids.get((y, x + 1)).is_some_and(|&id| id != here)
                || ids.get((y + 1, x)).is_some_and(|&id| id != here)
                || (y > 0 && ids[(y - 1, x)] != here)
                || (x > 0 && ids[(y, x - 1)] != here)
        });
        let ribbon = sheet.sample.labels.boundary.mapv(|value| value == 1);
        let (to_border, to_ribbon) = (distance_transform(border.view()), distance_transform(ribbon.view()));
        // Border pixels lie at most half a pixel from the line between regions; the
        // truth is simplified by less than half a pixel.
        let astray = ribbon.indexed_iter().filter(|&(at, &on)| on && to_border[at] > 2.3).count();
        let missed = border.indexed_iter().filter(|&(at, &on)| on && to_ribbon[at] > 1.5).count();
        let count = ribbon.iter().filter(|&&on| on).count();
        prop_assert!(50 * astray <= count, "{astray} of {count} ribbon pixels astray");
        prop_assert!(50 * missed <= count, "{missed} border pixels without ribbon of {count}");
    }

    #[test]
    fn the_centreline_ribbon_covers_the_lines(size in 64_u32..160, seed in any::<u64>()) {
        let sheet = sheet(size, SheetStyle::Topographic, seed);
        let labels = &sheet.sample.labels;
        for truth in &sheet.lines {
            for pair in truth.line.0.windows(2) {
                let middle = (pair[0] + pair[1]) / 2.0;
                let Some(&on) = labels.centreline.get(pixel(middle)) else { continue };
                prop_assert_eq!(on, 1, "no ribbon at {:?}", middle);
            }
        }
    }
}

/// Brightness of a pixel.
fn grey(image: &ndarray::Array3<u8>, (y, x): (usize, usize)) -> f64 {
    (0..3).map(|channel| f64::from(image[(y, x, channel)])).sum::<f64>() / 3.0
}

#[test]
fn drawn_borders_are_darker_than_the_paper() {
    for style in [SheetStyle::Town, SheetStyle::Rural] {
        for seed in 0..4 {
            let sheet = sheet(160, style, seed);
            let labels = &sheet.sample.labels;
            let (mut ink, mut paper) = ((0.0, 0.0), (0.0, 0.0));
            for (at, &boundary) in labels.boundary.indexed_iter() {
                let value = grey(&sheet.sample.image, at);
                if boundary == 1 && labels.thickness[at] > 0.8 {
                    ink = (ink.0 + value, ink.1 + 1.0);
                } else if boundary == 0 && labels.distractor[at] == 0 && labels.class[at] != 1 {
                    paper = (paper.0 + value, paper.1 + 1.0);
                }
            }
            if ink.1 > 100.0 && paper.1 > 100.0 {
                let (ink, paper) = (ink.0 / ink.1, paper.0 / paper.1);
                assert!(ink + 15.0 < paper, "{style:?} {seed}: ink {ink}, paper {paper}");
            }
        }
    }
}

#[test]
fn roads_stand_out_and_their_angles_follow_them() {
    let mut pixels = 0;
    for seed in 0..6 {
        let sheet = sheet(160, SheetStyle::Topographic, seed);
        for truth in &sheet.lines {
            for pair in truth.line.0.windows(2) {
                let (middle, step) = ((pair[0] + pair[1]) / 2.0, pair[1] - pair[0]);
                let at = pixel(middle);
                let Some(&angle) = sheet.sample.labels.angle.get(at) else { continue };
                let expected = (step.y.atan2(step.x) as f32).rem_euclid(PI);
                let off = (angle - expected).abs();
                pixels += usize::from(off.min(PI - off) < 0.3);
                pixels += 1 << 20;
            }
        }
    }
    // Where roads cross, the nearest axis may be the other one.
    let (good, all) = (pixels % (1 << 20), pixels >> 20);
    assert!(all > 50 && good * 10 > all * 8, "{good} of {all} angles follow their road");
}
