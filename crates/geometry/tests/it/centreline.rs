//! Gaps, crossings and widths of centrelines.

use geo_types::{Coord, LineString, Polygon};
use mapvec_geometry::{
    Centreline, CentrelineConfig, CrossingConfig, GapConfig, centrelines, fill_labels, thin,
    validate_line, widths_along,
};
use ndarray::Array2;
use proptest::prelude::*;
use std::f64::consts::PI;

fn coord(x: f64, y: f64) -> Coord<f64> {
    Coord { x, y }
}

/// A mask of bars given by their axes and width.
fn bars(size: usize, axes: &[[Coord<f64>; 2]], width: f64) -> Array2<bool> {
    let mut labels = Array2::<u32>::zeros((size, size));
    for &[a, b] in axes {
        let (dx, dy) = (b.x - a.x, b.y - a.y);
        let scale = 0.5 * width / dx.hypot(dy);
        let side = coord(-dy * scale, dx * scale);
        let ring = LineString(vec![a + side, b + side, b - side, a - side]);
        fill_labels(&Polygon::new(ring, Vec::new()), 1, &mut labels);
    }
    // Pixels enclose single ones between bars that meet at a sharp angle.
    let filled = |i: usize, j: usize| labels.get([i, j]).is_some_and(|&label| label > 0);
    Array2::from_shape_fn((size, size), |(i, j)| {
        let around = [(i.wrapping_sub(1), j), (i + 1, j), (i, j.wrapping_sub(1)), (i, j + 1)];
        filled(i, j) || around.into_iter().all(|(i, j)| filled(i, j))
    })
}

fn axis(centre: Coord<f64>, angle: f64, half: f64) -> [Coord<f64>; 2] {
    let d = coord(angle.cos() * half, angle.sin() * half);
    [centre - d, centre + d]
}

fn to_segment(p: Coord<f64>, [a, b]: [Coord<f64>; 2]) -> f64 {
    let (d, v) = (b - a, p - a);
    let t = ((v.x * d.x + v.y * d.y) / (d.x * d.x + d.y * d.y)).clamp(0.0, 1.0);
    (v.x - t * d.x).hypot(v.y - t * d.y)
}

/// Points along a line, about every half pixel.
fn samples(line: &LineString<f64>) -> Vec<Coord<f64>> {
    let mut samples = Vec::new();
    for pair in line.0.windows(2) {
        let steps = (pair[1].x - pair[0].x).hypot(pair[1].y - pair[0].y).ceil() * 2.0 + 1.0;
        let mut k = 0.0;
        while k <= steps {
            samples.push(pair[0] + (pair[1] - pair[0]) * (k / steps));
            k += 1.0;
        }
    }
    samples
}

fn plain(width: f64) -> CentrelineConfig {
    CentrelineConfig { min_spur: 1.5 * width, min_length: 2.0, ..CentrelineConfig::default() }
}

/// What holds for all lines, whatever is switched on.
fn check(lines: &[Centreline]) -> Result<(), TestCaseError> {
    let mut junctions: Vec<Option<(Coord<f64>, usize)>> = Vec::new();
    for line in lines {
        prop_assert_eq!(validate_line(&line.line), Ok(()));
        for pair in line.pixels.windows(2) {
            let step = pair[0].0.abs_diff(pair[1].0).max(pair[0].1.abs_diff(pair[1].1));
            prop_assert_eq!(step, 1, "{:?}", pair);
        }
        prop_assert!(line.pixels.windows(3).all(|p| p[0] != p[2]), "{:?}", line.pixels);
        let points = &line.line.0;
        for (junction, point) in [(line.start, points[0]), (line.end, points[points.len() - 1])] {
            let Some(junction) = junction else { continue };
            if junctions.len() <= junction {
                junctions.resize(junction + 1, None);
            }
            let entry = junctions[junction].get_or_insert((point, 0));
            prop_assert_eq!(entry.0, point);
            entry.1 += 1;
        }
    }
    prop_assert!(junctions.iter().all(|entry| entry.is_some_and(|(_, count)| count >= 3)));
    Ok(())
}

fn noise() -> impl Strategy<Value = Array2<bool>> {
    (4_usize..40, 4_usize..40, 1_usize..4, 2_u32..5).prop_flat_map(
        |(height, width, block, rarity)| {
            proptest::collection::vec(0..rarity, height * width).prop_map(move |cells| {
                Array2::from_shape_fn((height, width), |(i, j)| {
                    cells[(i / block) * width + j / block] == 0
                })
            })
        },
    )
}

proptest! {
    #[test]
    fn any_mask_gives_valid_lines(
        mask in noise(),
        max_gap in 0.0..15.0_f64,
        max_length in 0.0..12.0_f64,
        max_angle in 0.0..1.5_f64,
        join in any::<bool>(),
        min_length in prop_oneof![Just(0.0), Just(6.0)],
    ) {
        let gaps = GapConfig { max_gap, max_angle, max_offset: 1.0, reach: 6.0 };
        let crossings = CrossingConfig { max_length, max_angle, reach: 6.0, join };
        for (gaps, crossings) in [
            (Some(gaps.clone()), None),
            (None, Some(crossings.clone())),
            (Some(gaps), Some(crossings)),
        ] {
            let config = CentrelineConfig { min_spur: 2.0, min_length, tolerance: 0.5, gaps, crossings };
            check(&centrelines(mask.view(), &config)?)?;
        }
    }

    #[test]
    fn nothing_to_do_changes_nothing(mask in noise(), join in any::<bool>()) {
        let off = CentrelineConfig { min_spur: 2.0, min_length: 0.0, ..CentrelineConfig::default() };
        let gaps = Some(GapConfig { max_gap: 0.0, ..GapConfig::default() });
        let still = CentrelineConfig { gaps, ..off.clone() };
        let before = centrelines(mask.view(), &off)?;
        prop_assert_eq!(&centrelines(mask.view(), &still)?, &before);
        if !join {
            // Junctions cannot be closer than a pixel.
            let crossings = Some(CrossingConfig { max_length: 0.5, join, ..CrossingConfig::default() });
            prop_assert_eq!(centrelines(mask.view(), &CentrelineConfig { crossings, ..off })?, before);
        }
    }

    #[test]
    fn side_roads_keep_their_junction(
        angle in 0.0..PI,
        between in 0.8..2.3_f64,
        width in 2.0..6.0_f64,
    ) {
        let centre = coord(60.3, 60.7);
        let main = axis(centre, angle, 52.0);
        let side = [centre, axis(centre, angle + between, 50.0)[1]];
        let mask = bars(120, &[main, side], width);
        let off = plain(width);
        let crossings = Some(CrossingConfig::default());
        let lines = centrelines(mask.view(), &CentrelineConfig { crossings, ..off.clone() })?;
        prop_assert_eq!(lines.len(), 3);
        prop_assert_eq!(lines, centrelines(mask.view(), &off)?);
    }

    #[test]
    fn widths_are_those_drawn(
        angle in 0.0..PI,
        width in 1.5..14.0_f64,
        shift in (0.0..1.0_f64, 0.0..1.0_f64),
    ) {
        let whole = axis(coord(60.0 + shift.0, 60.0 + shift.1), angle, 50.0);
        let mask = bars(120, &[whole], width);
        let lines = centrelines(thin(mask.view()).view(), &plain(width))?;
        prop_assert_eq!(lines.len(), 1);
        let mut widths = widths_along(&lines, mask.view()).remove(0);
        prop_assert_eq!(widths.len(), lines[0].pixels.len());
        widths.sort_by(f32::total_cmp);
        let median = f64::from(widths[widths.len() / 2]);
        prop_assert!((median - width).abs() < 0.9, "{} for {}", median, width);
    }
}

/// Drawings spread evenly over their parameters; thinning has no bound for the worst.
fn spread(k: u32, [p, q, r, s]: [(f64, f64); 4]) -> [f64; 4] {
    // Fractional parts of multiples of independent roots.
    let share = |root: f64| (f64::from(k) * root.sqrt()).fract();
    let place = |(low, high): (f64, f64), root| low + share(root) * (high - low);
    [place(p, 2.0), place(q, 3.0), place(r, 5.0), place(s, 7.0)]
}

#[test]
fn dashes_become_one_line() {
    let mut joined = 0;
    for k in 0..500 {
        let ranges = [(0.0, PI), (1.5, 5.0), (3.0, 8.0), (10.0, 16.0)];
        let [angle, width, gap, dash] = spread(k, ranges);
        let whole = axis(coord(80.3, 80.6), angle, 70.0);
        // Thinning turns the ends of bars into one of their corners.
        let dash = dash + 4.0 * width;
        let unit = (whole[1] - whole[0]) / 140.0;
        let mut dashes = Vec::new();
        let mut at = 0.0;
        while at + dash <= 140.0 {
            dashes.push([whole[0] + unit * at, whole[0] + unit * (at + dash)]);
            at += dash + gap;
        }
        let mask = bars(160, &dashes, width);
        let off = plain(width);
        assert_eq!(centrelines(mask.view(), &off).unwrap().len(), dashes.len());
        let gaps = GapConfig {
            max_gap: 2.0 * width + gap + 2.0,
            max_offset: 1.0 + width,
            ..GapConfig::default()
        };
        // A smaller limit than the drawn gap leaves the dashes alone.
        let narrow = Some(GapConfig { max_gap: gap - 2.0, ..gaps.clone() });
        let config = CentrelineConfig { gaps: narrow, ..off.clone() };
        assert_eq!(centrelines(mask.view(), &config).unwrap().len(), dashes.len());
        let config = CentrelineConfig { gaps: Some(gaps), ..off };
        let lines = centrelines(mask.view(), &config).unwrap();
        check(&lines).unwrap();
        for p in lines.iter().flat_map(|line| samples(&line.line)) {
            assert!(to_segment(p, whole) < 0.5 * width + 1.0);
        }
        joined += u32::from(lines.len() == 1);
    }
    assert!(joined >= 490, "{joined} of 500");
}

#[test]
fn crossing_bars_are_two_straight_lines() {
    for join in [true, false] {
        let mut straight = 0;
        for k in 0..500 {
            let ranges = [(0.0, PI), (0.6, PI - 0.6), (2.0, 7.0), (60.0, 61.0)];
            let [angle, between, width, middle] = spread(k, ranges);
            let centre = coord(middle, 60.4);
            let axes = [axis(centre, angle, 52.0), axis(centre, angle + between, 52.0)];
            let mask = bars(120, &axes, width);
            let max_length = 3.0 + width / (0.5 * between.min(PI - between)).tan();
            let crossings = Some(CrossingConfig { max_length, join, ..CrossingConfig::default() });
            let config = CentrelineConfig { crossings, ..plain(width) };
            let lines = centrelines(mask.view(), &config).unwrap();
            check(&lines).unwrap();
            straight += u32::from(follow(&lines, &axes, 50.0 - width) == if join { 1 } else { 2 });
        }
        assert!(straight >= 490, "{straight} of 500, join: {join}");
    }
}

/// How many of the lines follow each axis within 1.6 pixels and `radius` of their
/// middle, where the ends of bars do not pull; 0 if one line follows neither.
fn follow(lines: &[Centreline], axes: &[[Coord<f64>; 2]; 2], radius: f64) -> usize {
    let centre = (axes[0][0] + axes[0][1]) * 0.5;
    let mut counts = [0, 0];
    for line in lines {
        let inner = |p: &Coord<f64>| (p.x - centre.x).hypot(p.y - centre.y) < radius;
        let points: Vec<_> = samples(&line.line).into_iter().filter(inner).collect();
        let miss = |axis| points.iter().map(|&p| to_segment(p, axis)).fold(0.0, f64::max);
        match axes.map(miss).map(|miss| miss < 1.6) {
            [true, false] => counts[0] += 1,
            [false, true] => counts[1] += 1,
            _ => return 0,
        }
    }
    if counts[0] == counts[1] { counts[0] } else { 0 }
}

#[test]
fn a_ring_with_a_gap_is_closed() {
    let mask = Array2::from_shape_fn((80, 80), |(i, j)| {
        let (x, y) = (j as f64 - 39.5, i as f64 - 39.5);
        (x.hypot(y) - 30.0).abs() < 1.5 && !(x > 0.0 && y.abs() < 4.0)
    });
    let gaps = Some(GapConfig { max_angle: 0.9, ..GapConfig::default() });
    let lines = centrelines(mask.view(), &CentrelineConfig { gaps, ..plain(3.0) }).unwrap();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].line.is_closed());
}

#[test]
fn parallel_ends_are_left_alone() {
    let axes = [[coord(5.0, 20.0), coord(50.0, 20.0)], [coord(5.0, 26.0), coord(50.0, 26.0)]];
    let gaps = Some(GapConfig::default());
    let config = CentrelineConfig { gaps, ..plain(2.0) };
    assert_eq!(centrelines(bars(60, &axes, 2.0).view(), &config).unwrap().len(), 2);
}

#[test]
fn a_hole_in_a_line_is_closed() {
    let mut mask = bars(60, &[[coord(5.0, 30.0), coord(55.0, 30.0)]], 7.0);
    mask[[30, 30]] = false;
    let crossings = Some(CrossingConfig { max_length: 12.0, ..CrossingConfig::default() });
    let off = plain(7.0);
    assert_eq!(centrelines(mask.view(), &off).unwrap().len(), 4);
    let lines = centrelines(mask.view(), &CentrelineConfig { crossings, ..off }).unwrap();
    assert_eq!(lines.len(), 1, "{lines:?}");
}

#[test]
fn fields_are_checked() {
    let gaps = Some(GapConfig { max_angle: 2.0, ..GapConfig::default() });
    assert!(CentrelineConfig { gaps, ..CentrelineConfig::default() }.validate().is_err());
    let crossings = Some(CrossingConfig { max_length: f64::NAN, ..CrossingConfig::default() });
    assert!(CentrelineConfig { crossings, ..CentrelineConfig::default() }.validate().is_err());
}
