//! Labels: legal values, agreement with the vector truth and with the picture.

use std::f32::consts::PI;

use mapvec_geometry::distance_transform;
use mapvec_synth::{LineClass, SheetConfig, SheetStyle};
use ndarray::{Array2, Array3};
use proptest::prelude::*;

use crate::{drawn, pixel, sheet, styles};

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
            if drawn {
                prop_assert!((0.0..PI).contains(&angle), "angle {angle}");
            }
            // Missing and faint outlines are too thin to have a thickness.
            let outline_only = boundary == 1 && centreline == 0 && class != 1;
            prop_assert!(thickness.is_finite() || outline_only || !drawn, "no thickness at {at:?}");
            if !thickness.is_nan() {
                prop_assert!(drawn, "thickness at {at:?}");
                prop_assert!((0.3..40.0).contains(&thickness), "thickness {thickness}");
            }
        }
    }

    #[test]
    fn only_missing_outlines_have_no_thickness(
        size in 64_u32..160, style in styles(), seed in any::<u64>(),
    ) {
        let unmeasured = |missing_outlines| {
            let config = SheetConfig { size, style, missing_outlines, ..SheetConfig::default() };
            let labels = drawn(&config, seed).sample.labels;
            let pairs = labels.boundary.iter().zip(&labels.thickness);
            pairs.filter(|(boundary, thickness)| **boundary == 1 && thickness.is_nan()).count()
        };
        prop_assert_eq!(unmeasured(0.0), 0);
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
        // Border pixels lie at most half a pixel from the line between regions; the truth is
        // simplified by about half a pixel. Slivers thinner than a pixel have a ribbon, but
        // may have no pixel of their own: rarely more than one ribbon pixel in fifty.
        let astray = ribbon.indexed_iter().filter(|&(at, &on)| on && to_border[at] > 2.3).count();
        let missed = border.indexed_iter().filter(|&(at, &on)| on && to_ribbon[at] > 1.5).count();
        let count = ribbon.iter().filter(|&&on| on).count();
        prop_assert!(20 * astray <= count, "{astray} of {count} ribbon pixels astray");
        prop_assert!(20 * missed <= count, "{missed} border pixels without ribbon of {count}");
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
fn grey(image: &Array3<u8>, (y, x): (usize, usize)) -> f64 {
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

#[test]
fn some_outlines_of_textured_areas_are_missing() {
    let missing = SheetConfig { size: 160, missing_outlines: 1.0, ..SheetConfig::default() };
    let labels = drawn(&missing, 1).sample.labels;
    let pairs = labels.boundary.iter().zip(&labels.thickness);
    let count = pairs.filter(|(boundary, width)| **boundary == 1 && width.is_nan()).count();
    assert!(count > 100, "{count} pixels of missing outlines");
}

/// Sums and counts of the darkness of a picture under a mask that is moved by -2 to 2 px,
/// rows first: `[dy + 2][dx + 2]`.
type Moved = [[(f64, f64); 5]; 5];

fn add_moved(sums: &mut Moved, image: &Array3<u8>, mask: &Array2<bool>) {
    let (rows, columns) = mask.dim();
    for ((y, x), _) in mask.indexed_iter().filter(|(_, on)| **on) {
        // Every pixel counts at all shifts or at none.
        if y < 2 || x < 2 || y + 2 >= rows || x + 2 >= columns {
            continue;
        }
        for (dy, row) in sums.iter_mut().enumerate() {
            for (dx, sum) in row.iter_mut().enumerate() {
                sum.0 += 255.0 - grey(image, (y + dy - 2, x + dx - 2));
                sum.1 += 1.0;
            }
        }
    }
}

/// Fails unless the picture is darkest under the mask where it is.
fn assert_in_place(sums: &Moved, what: &str) {
    assert!(sums[2][2].1 > 1000.0, "{what}: only {} pixels", sums[2][2].1);
    let here = sums[2][2].0 / sums[2][2].1;
    for (dy, row) in sums.iter().enumerate() {
        for (dx, (sum, count)) in row.iter().enumerate() {
            let there = sum / count;
            let far = dy.abs_diff(2).max(dx.abs_diff(2)) == 2;
            let fits = if far { there < here } else { there <= here };
            assert!(fits, "{what}: {here} in place, {there} moved by {dx} - 2, {dy} - 2 px");
        }
    }
}

/// A sheet with little but what its labels describe.
fn clean(style: SheetStyle) -> SheetConfig {
    SheetConfig {
        size: 256,
        style,
        text: 0.0,
        distractors: 0.0,
        missing_outlines: 0.0,
        degradation: 0.0,
        ..SheetConfig::default()
    }
}

#[test]
fn the_picture_is_darkest_on_the_borders_of_regions() {
    let (mut borders, mut ribbons) = (Moved::default(), Moved::default());
    for seed in 0..8 {
        let sheet = drawn(&clean(SheetStyle::Town), seed);
        let ids = &sheet.regions;
        // Centres of pixels that touch a border lie half a pixel from it.
        let border = Array2::from_shape_fn(ids.dim(), |(y, x)| {
            let other = |at| ids.get(at).is_some_and(|&id| id != ids[(y, x)]);
            other((y, x + 1))
                || other((y + 1, x))
                || (y > 0 && other((y - 1, x)))
                || (x > 0 && other((y, x - 1)))
        });
        let ribbon = sheet.sample.labels.boundary.mapv(|value| value == 1);
        let mut alone = Moved::default();
        add_moved(&mut alone, &sheet.sample.image, &border);
        assert_in_place(&alone, &format!("borders of sheet {seed}"));
        add_moved(&mut borders, &sheet.sample.image, &border);
        add_moved(&mut ribbons, &sheet.sample.image, &ribbon);
    }
    assert_in_place(&borders, "borders");
    assert_in_place(&ribbons, "ribbons");
}

#[test]
fn the_picture_is_darkest_on_the_axes_of_solid_roads() {
    let (mut axes, mut ribbons) = (Moved::default(), Moved::default());
    for seed in 0..16 {
        let sheet = drawn(&clean(SheetStyle::Topographic), seed);
        let labels = &sheet.sample.labels;
        let mut axis = Array2::from_elem(sheet.sample.size(), false);
        let mut width = f32::NAN;
        for truth in sheet.lines.iter().filter(|truth| truth.class == LineClass::MinorRoad) {
            width = truth.width as f32;
            for pair in truth.line.0.windows(2) {
                let step = pair[1] - pair[0];
                let count = (2.0 * step.x.hypot(step.y)).ceil().max(1.0);
                for k in (0_u16..).map(f64::from).take_while(|k| *k < count) {
                    if let Some(on) = axis.get_mut(pixel(pair[0] + step * ((k + 0.5) / count))) {
                        *on = true;
                    }
                }
            }
        }
        add_moved(&mut axes, &sheet.sample.image, &axis);
        // The ribbons of these roads are known by their width.
        let ribbon = Array2::from_shape_fn(axis.dim(), |at| {
            labels.centreline[at] == 1 && (labels.thickness[at] - width).abs() < 1e-6
        });
        add_moved(&mut ribbons, &sheet.sample.image, &ribbon);
    }
    assert_in_place(&axes, "axes");
    assert_in_place(&ribbons, "ribbons");
}
