use std::f64::consts::PI;

use mapvec_fourier::{LinePattern, PatternConfig, PlaneWave, find_patterns};
use ndarray::Array2;

use crate::noise;

/// Ink where a phase is near a whole number of turns.
fn drawn(size: (usize, usize), phase: impl Fn(f64, f64) -> Option<f64>) -> Array2<f64> {
    Array2::from_shape_fn(size, |(y, x)| {
        phase(x as f64 + 0.5, y as f64 + 0.5)
            .map_or(0.0, |turns| f64::from(u8::from((turns - turns.round()).abs() < 0.18)))
    })
}

fn turns(wave: &PlaneWave, x: f64, y: f64) -> f64 {
    wave.phase_at([x, y]) / (2.0 * PI)
}

fn angle_apart(a: f64, b: f64) -> f64 {
    let d = (a - b).rem_euclid(PI);
    d.min(PI - d)
}

fn check(pattern: &LinePattern, wave: &PlaneWave) {
    assert!(angle_apart(pattern.angle, wave.angle()) < 0.01, "{}", pattern.angle);
    assert!((pattern.spacing - wave.spacing()).abs() < 0.03, "{}", pattern.spacing);
    for line in &pattern.lines {
        for at in &line.line.0 {
            let turns = turns(wave, at.x, at.y);
            let away = (turns - turns.round()).abs() * wave.spacing();
            assert!(away < 0.6, "{at:?} lies {away} px from its line");
        }
        assert!((0.0..=1.0).contains(&line.confidence));
    }
}

/// Two hatchings that touch: other directions, one picture with noise as strong as the hatching.
#[test]
fn neighbouring_hatchings_are_two_patterns() {
    let (a, b) = (PlaneWave::from_crests(0.7, 5.0, 0.0), PlaneWave::from_crests(2.1, 6.5, 1.0));
    let size = (128, 192);
    let clean = drawn(size, |x, y| Some(if x < 96.0 { turns(&a, x, y) } else { turns(&b, x, y) }));
    let ink = clean + noise(size, 7) * 0.3;
    let found = find_patterns(ink.view(), &PatternConfig::default()).unwrap();
    assert_eq!(found.len(), 2);
    let first = usize::from(angle_apart(found[0].angle, a.angle()) > 0.3);
    check(&found[first], &a);
    check(&found[1 - first], &b);
    for (pattern, left) in [(&found[first], true), (&found[1 - first], false)] {
        let points = pattern.lines.iter().flat_map(|line| &line.line.0);
        assert!(points.clone().all(|at| if left { at.x < 100.0 } else { at.x > 92.0 }));
        // Nearly all of its half.
        let length: f64 = pattern
            .lines
            .iter()
            .flat_map(|line| line.line.lines())
            .map(|part| (part.end - part.start).x.hypot((part.end - part.start).y))
            .sum();
        let whole = 96.0 * 128.0 / pattern.spacing;
        assert!((0.75..1.05).contains(&(length / whole)), "{}", length / whole);
    }
}

/// Circles around a corner, as contour lines run: one pattern that bends.
#[test]
fn lines_that_bend_are_one_pattern() {
    let centre = (-60.0, -40.0);
    let radius = |x: f64, y: f64| (x - centre.0).hypot(y - centre.1);
    let ink = drawn((160, 160), |x, y| Some(radius(x, y) / 6.0));
    let found = find_patterns(ink.view(), &PatternConfig::default()).unwrap();
    assert_eq!(found.len(), 1);
    assert!((found[0].spacing - 6.0).abs() < 0.1 && found[0].bend > 0.1);
    let mut longest = 0;
    for line in &found[0].lines {
        longest = longest.max(line.line.0.len());
        for at in &line.line.0 {
            let turns = radius(at.x, at.y) / 6.0;
            // At the border of the picture windows see one side only.
            let inside = at.x.min(at.y).min(160.0 - at.x).min(160.0 - at.y) > 4.0;
            let most = if inside { 0.8 } else { 2.0 };
            assert!((turns - turns.round()).abs() * 6.0 < most, "{at:?}");
        }
    }
    assert!(longest > 4, "lines bend");
}

#[test]
fn crossed_hatching_is_two_patterns() {
    let (a, b) = (PlaneWave::from_crests(0.3, 6.0, 0.0), PlaneWave::from_crests(1.9, 5.0, 0.0));
    let size = (128, 128);
    let (one, two) =
        (drawn(size, |x, y| Some(turns(&a, x, y))), drawn(size, |x, y| Some(turns(&b, x, y))));
    let ink = Array2::from_shape_fn(size, |at| one[at].max(two[at]));
    let config = PatternConfig { min_share: 0.2, min_confidence: 0.3, ..PatternConfig::default() };
    let found = find_patterns(ink.view(), &config).unwrap();
    assert_eq!(found.len(), 2);
    let first = usize::from(angle_apart(found[0].angle, a.angle()) > 0.3);
    check(&found[first], &a);
    check(&found[1 - first], &b);
}

/// Noise, single lines, edges and areas are no patterns.
#[test]
fn what_does_not_repeat_is_no_pattern() {
    let size = (192, 192);
    for seed in 0..4 {
        let found = find_patterns(noise(size, seed).view(), &PatternConfig::default()).unwrap();
        assert!(found.is_empty(), "{} in noise", found.len());
    }
    let ink = Array2::from_shape_fn(size, |(y, x)| {
        let road = (x as f64 * 0.6 - y as f64 * 0.8 + 20.0).abs() < 2.0;
        let river = (y as f64 - 120.0 - 20.0 * (x as f64 / 30.0).sin()).abs() < 1.0;
        let lake = (x as f64 - 150.0).hypot(y as f64 - 40.0) < 25.0;
        f64::from(u8::from(road || river || lake))
    });
    let found = find_patterns(ink.view(), &PatternConfig::default()).unwrap();
    assert!(found.is_empty(), "{}", found.len());
    let small = Array2::zeros((20, 300));
    assert!(find_patterns(small.view(), &PatternConfig::default()).unwrap().is_empty());
}

#[test]
fn threads_do_not_change_patterns() {
    let wave = PlaneWave::from_crests(0.7, 5.0, 0.0);
    let ink = drawn((100, 140), |x, y| (x + y < 150.0).then(|| turns(&wave, x, y)));
    let ink = ink + noise((100, 140), 3) * 0.2;
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| find_patterns(ink.view(), &PatternConfig::default()).unwrap())
    };
    let found = run(1);
    assert_eq!(found.len(), 1);
    assert_eq!(found, run(3));
}

/// Rows of strokes, each displaced, turned, shortened and broken at random, with blots on them.
#[expect(clippy::cast_sign_loss, reason = "points in the picture")]
fn hachures(size: (usize, usize), angle: f64, spacing: f64, seed: u64) -> Array2<f64> {
    let (height, width) = (size.0 as f64, size.1 as f64);
    let ([dx, dy], mut draw) = ([angle.cos(), angle.sin()], 0);
    let mut random = |spread: f64| {
        draw += 1;
        mapvec_testkit::uniform_at(draw, seed, -spread, spread)
    };
    let mut ink = Array2::from_elem(size, 0.1);
    let reach = height.hypot(width) / 2.0;
    let mut row = -reach;
    while row < reach {
        let mut across = -reach + random(0.5 * spacing);
        while across < reach {
            let (c, turn) = (across + random(0.12 * spacing), random(0.06));
            let (from, to) = (row + random(2.0), row + 20.0 + random(2.0));
            let gap = row + 10.0 + random(6.0);
            let mut along = from;
            while along < to {
                let c = c + turn * (along - row);
                let x = width / 2.0 + along * dx - c * dy;
                let y = height / 2.0 + along * dy + c * dx;
                if (along - gap).abs() > 1.5 {
                    // 1.6 px wide.
                    for (i, j) in [(0.4, 0.4), (0.4, -0.4), (-0.4, 0.4), (-0.4, -0.4)] {
                        let (x, y) = (x + i, y + j);
                        if x >= 0.0 && y >= 0.0 && x < width && y < height {
                            ink[(y as usize, x as usize)] = 0.85;
                        }
                    }
                }
                along += 0.25;
            }
            across += spacing;
        }
        row += 22.0;
    }
    for _ in 0..12 {
        let (x, y) = (width / 2.0 + random(50.0), height / 2.0 + random(50.0));
        let (x, y) = (x as usize, y as usize);
        ink.slice_mut(ndarray::s![y - 5..y + 5, x - 3..x + 3]).fill(0.9);
    }
    ink
}

fn area(patterns: &[LinePattern]) -> f64 {
    patterns.iter().flat_map(|pattern| &pattern.extent.0).map(mapvec_geometry::polygon_area).sum()
}

#[test]
fn hachures_with_breaks_are_found_by_their_preset() {
    let (mut seen, mut by_default) = (0.0, 0.0);
    for (seed, angle, spacing) in [(1, 0.2, 5.0), (2, 1.1, 5.5), (3, 1.9, 6.5), (4, 2.8, 4.5)] {
        let ink = hachures((120, 120), angle, spacing, seed);
        let found = find_patterns(ink.view(), &PatternConfig::hachures()).unwrap();
        let largest = found.iter().max_by_key(|pattern| pattern.lines.len()).unwrap();
        assert!(angle_apart(largest.angle, angle) < 0.07, "{} for {angle}", largest.angle);
        assert!((largest.spacing - spacing).abs() < 0.35, "{} for {spacing}", largest.spacing);
        let share = area(&found) / (120.0 * 120.0);
        assert!(share > 0.6, "{share} covered");
        seen += share / 4.0;
        let found = find_patterns(ink.view(), &PatternConfig::default()).unwrap();
        by_default += area(&found) / (4.0 * 120.0 * 120.0);
    }
    assert!(seen > 0.75 && by_default < seen - 0.15, "{seen} and {by_default}");
}

/// Eight strokes, two of which go on as a double road.
#[test]
fn patterns_end_where_few_lines_lie_side_by_side() {
    let wave = PlaneWave::from_crests(0.0, 6.0, 0.0);
    // Strokes are fainter.
    let crests = drawn((96, 200), |x, y| Some(turns(&wave, x, y)));
    let ink = Array2::from_shape_fn((96, 200), |(y, x)| {
        let road = if (45..57).contains(&y) { 1.0 } else { 0.0 };
        let stroke = if x < 90 && (24..72).contains(&y) { 0.5_f64 } else { 0.0 };
        crests[(y, x)] * stroke.max(road)
    });
    let farthest = |min_breadth| {
        let config = PatternConfig { min_breadth, ..PatternConfig::hachures() };
        let found = find_patterns(ink.view(), &config).unwrap();
        assert_eq!(found.len(), 1);
        let points = found[0].lines.iter().flat_map(|line| &line.line.0);
        points.map(|at| at.x).fold(0.0, f64::max)
    };
    assert!(farthest(0.0) > 150.0, "the road belongs to the pattern");
    assert!(farthest(3.0) < 102.0, "it does not");
    assert!(farthest(3.0) > 80.0, "the strokes do");
    let config = PatternConfig { min_breadth: 10.5, ..PatternConfig::hachures() };
    assert!(find_patterns(ink.view(), &config).unwrap().is_empty(), "eight lines");
}
