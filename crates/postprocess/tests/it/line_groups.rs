//! Lines that are drawn are found again, whatever gaps, crossings and groups they have.

use std::collections::BTreeSet;

use geo_types::{Coord, coord};
use mapvec_postprocess::{
    Error, LineBridgeConfig, LineCrossingConfig, LineEvidence, LineGroup, LineGroupConfig,
    LineGroups, embedding_similarity, group_lines,
};
use mapvec_testkit::{integers, uniform};
use ndarray::{Array2, Array3, ArrayView2};
use proptest::prelude::*;

const SIDE: usize = 120;

type Line = Vec<Coord<f64>>;

fn line(points: &[(f64, f64)]) -> Line {
    points.iter().copied().map(Coord::from).collect()
}

fn to_segment(p: Coord<f64>, a: Coord<f64>, b: Coord<f64>) -> f64 {
    let (d, e) = (b - a, p - a);
    let t = ((d.x * e.x + d.y * e.y) / (d.x * d.x + d.y * d.y)).clamp(0.0, 1.0);
    let q = e - d * t;
    q.x.hypot(q.y)
}

fn to_line(p: Coord<f64>, line: &[Coord<f64>]) -> f64 {
    line.windows(2).map(|w| to_segment(p, w[0], w[1])).fold(f64::INFINITY, f64::min)
}

fn centre(pixel: (usize, usize)) -> Coord<f64> {
    coord! { x: pixel.1 as f64 + 0.5, y: pixel.0 as f64 + 0.5 }
}

/// The number of the line over each pixel, the last on top.
fn draw(lines: &[Line], width: f64) -> Array2<u32> {
    Array2::from_shape_fn((SIDE, SIDE), |pixel| {
        let over = |line: &Line| to_line(centre(pixel), line) <= 0.5 * width;
        lines.iter().rposition(over).map_or(0, |k| k as u32 + 1)
    })
}

fn mask(labels: &Array2<u32>) -> Array2<bool> {
    labels.mapv(|id| id > 0)
}

/// Largest distance of a point of one line from the other, both ways, along both.
fn apart(a: &[Coord<f64>], b: &[Coord<f64>]) -> f64 {
    let one_way = |a: &[Coord<f64>], b: &[Coord<f64>]| {
        let along = |w: &[Coord<f64>]| {
            let (p, d) = (w[0], w[1] - w[0]);
            (0..=20).map(|k| to_line(p + d * (f64::from(k) / 20.0), b)).fold(0.0, f64::max)
        };
        a.windows(2).map(along).fold(0.0, f64::max)
    };
    one_way(a, b).max(one_way(b, a))
}

/// Each drawn line is one of the found, and no others are.
fn matches(found: &LineGroups, lines: &[Line], limit: f64) -> Result<(), TestCaseError> {
    prop_assert_eq!(found.lines.len(), lines.len());
    for line in lines {
        let gaps: Vec<f64> = found.lines.iter().map(|f| apart(&f.path.0, line)).collect();
        let hits = gaps.iter().filter(|gap| **gap <= limit).count();
        prop_assert_eq!(hits, 1, "{:?} is {:?} away", line, gaps);
    }
    Ok(())
}

fn grouped(mask: &Array2<bool>, evidence: LineEvidence<'_>) -> LineGroups {
    group_lines(mask.view(), evidence, &LineGroupConfig::default()).unwrap()
}

/// What holds of every result.
fn consistent(found: &LineGroups, mask: ArrayView2<'_, bool>) -> Result<(), TestCaseError> {
    prop_assert_eq!(found.labels.dim(), mask.dim());
    for (k, line) in found.lines.iter().enumerate() {
        prop_assert_eq!(line.id as usize, k + 1);
        prop_assert!((0.0..=1.0).contains(&line.score) && line.width >= 1.0);
        prop_assert!(line.path.0.len() >= 2);
        for p in &line.path.0 {
            let inside = p.x > 0.0 && p.x < mask.ncols() as f64 && p.y < mask.nrows() as f64;
            prop_assert!(inside && p.y > 0.0, "{:?}", p);
        }
        prop_assert!(line.pixels.windows(2).all(|pair| pair[0] < pair[1]));
        for &(row, column) in &line.pixels {
            prop_assert!(mask[(row as usize, column as usize)]);
        }
    }
    for (pixel, &id) in found.labels.indexed_iter() {
        let place = (pixel.0 as u32, pixel.1 as u32);
        let owners: Vec<u32> =
            found.lines.iter().filter(|l| l.pixels.contains(&place)).map(|l| l.id).collect();
        prop_assert_eq!(owners.is_empty(), id == 0);
        prop_assert!(id == 0 || owners.contains(&id) && mask[pixel]);
    }
    Ok(())
}

/// Two long lines through the middle, at a place and two angles apart by at least `apart`.
fn crossing(least: f64) -> impl Strategy<Value = [Line; 2]> {
    let place = (50.0..70.0_f64, 50.0..70.0_f64);
    (place, 0.0..3.1_f64, least..(std::f64::consts::PI - least)).prop_map(|((x, y), angle, by)| {
        [angle, angle + by].map(|angle| {
            let d = coord! { x: angle.cos(), y: angle.sin() } * 42.0;
            vec![coord! { x: x, y: y } - d, coord! { x: x, y: y } + d]
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn two_lines_that_cross_are_two_with_shared_pixels(
        lines in crossing(0.6),
        width in 1.5..5.0_f64,
        knows in any::<bool>(),
    ) {
        let groups = draw(&lines, width);
        let mask = mask(&groups);
        let evidence =
            if knows { LineEvidence::Groups(groups.view()) } else { LineEvidence::Continuity };
        let found = grouped(&mask, evidence);
        // Thinning takes half the width from each end.
        matches(&found, &lines, 1.6 + 0.5 * width)?;
        consistent(&found, mask.view())?;
        let sets: Vec<BTreeSet<_>> =
            found.lines.iter().map(|l| l.pixels.iter().copied().collect()).collect();
        prop_assert!(sets[0].intersection(&sets[1]).count() as f64 > width);
        // Without it four ends meet; a group knows its pieces by their ids.
        let config = LineGroupConfig { crossings: None, bridges: None, ..Default::default() };
        let pieces = group_lines(mask.view(), evidence, &config).unwrap();
        let least = if knows { 3 } else { 4 };
        prop_assert!(pieces.lines.len() >= least);
    }

    #[test]
    fn a_gap_is_bridged_up_to_its_limit(
        lines in crossing(0.6),
        width in 1.5..4.0_f64,
        gap in 6.0..30.0_f64,
    ) {
        let one = &lines[..1];
        let [a, b] = [one[0][0], one[0][1]];
        let middle = (a + b) * 0.5;
        let mut groups = draw(one, width);
        groups.indexed_iter_mut().for_each(|(pixel, id)| {
            let d = centre(pixel) - middle;
            if d.x.hypot(d.y) < 0.5 * gap {
                *id = 0;
            }
        });
        // Thinning makes the gap longer by up to the width.
        prop_assume!(!(20.0 - width - 2.0..20.0 + 2.0).contains(&gap));
        let bridges = LineBridgeConfig { max_gap: 20.0, ..Default::default() };
        let config = LineGroupConfig { bridges: Some(bridges), ..Default::default() };
        let found = group_lines(mask(&groups).view(), LineEvidence::Continuity, &config).unwrap();
        prop_assert_eq!(found.lines.len(), if gap < 20.0 { 1 } else { 2 });
        if gap < 20.0 {
            matches(&found, one, 1.5 + 0.5 * width)?;
            prop_assert!(found.lines[0].score < 1.0 - 0.8 * gap / 84.0);
        }
        let config = LineGroupConfig { bridges: None, ..Default::default() };
        let parts = group_lines(mask(&groups).view(), LineEvidence::Continuity, &config).unwrap();
        prop_assert_eq!(parts.lines.len(), 2);
    }

    #[test]
    fn groups_in_two_parts_are_rejoined_if_asked_to(
        lines in crossing(0.6),
        width in 1.5..4.0_f64,
    ) {
        let one = &lines[..1];
        let middle = (one[0][0] + one[0][1]) * 0.5;
        let along = one[0][1] - one[0][0];
        let mut groups = draw(one, width);
        groups.indexed_iter_mut().for_each(|(pixel, id)| {
            let d = centre(pixel) - middle;
            let passed = d.x * along.x + d.y * along.y > 0.0;
            if *id > 0 && passed {
                *id = 9;
            }
        });
        let mask = mask(&groups);
        matches(&grouped(&mask, LineEvidence::Groups(groups.view())), one, 1.5 + 0.5 * width)?;
        let bridges = LineBridgeConfig { rejoin: false, ..Default::default() };
        let config = LineGroupConfig { bridges: Some(bridges), ..Default::default() };
        let apart =
            group_lines(mask.view(), LineEvidence::Groups(groups.view()), &config).unwrap();
        let ids: Vec<u32> = apart.lines.iter().map(|line| line.group).collect();
        prop_assert_eq!(ids, [1, 9]);
    }

    #[test]
    fn names_of_groups_do_not_matter(lines in crossing(0.6), shift in 1_u32..1_000_000) {
        let groups = draw(&lines, 3.0);
        let mask = mask(&groups);
        // The other way round, and large.
        let renamed = groups.mapv(|id| if id > 0 { u32::MAX - shift * id } else { 0 });
        let paths = |groups: &Array2<u32>| {
            let found = grouped(&mask, LineEvidence::Groups(groups.view()));
            let mut lines: Vec<_> = found.lines.into_iter().map(|l| l.pixels).collect();
            lines.sort();
            lines
        };
        prop_assert_eq!(paths(&groups), paths(&renamed));
    }

    #[test]
    fn similarity_keeps_unlike_lines_apart(lines in crossing(0.5)) {
        // Both turn by 40 degrees at the crossing: by direction alone they would be swapped or
        // left in pieces.
        let groups = draw(&lines, 2.5);
        let mask = mask(&groups);
        let embeddings = Array3::from_shape_fn((2, SIDE, SIDE), |(channel, row, column)| {
            let own = groups[(row, column)] as usize == channel + 1;
            f32::from(u8::from(own))
        });
        let alike = embedding_similarity(embeddings.view(), 0.5).unwrap();
        let found = grouped(&mask, LineEvidence::Similarity(&alike));
        matches(&found, &lines, 3.0)?;
        // Nothing is like anything else: no pair is joined.
        let never = |_: (usize, usize), _: (usize, usize)| f32::NAN;
        let found = grouped(&mask, LineEvidence::Similarity(&never));
        prop_assert!(found.lines.len() >= 4);
        // Everything is: as without.
        let always = |_: (usize, usize), _: (usize, usize)| 1.0;
        prop_assert_eq!(
            grouped(&mask, LineEvidence::Similarity(&always)),
            grouped(&mask, LineEvidence::Continuity)
        );
    }

    #[test]
    fn whatever_comes_the_result_is_consistent(
        rows in 0_usize..40,
        columns in 0_usize..40,
        share in 0.0..1.0_f64,
        seed in 0_u64..1000,
        kinds in 1_i64..5,
        bridges in any::<bool>(),
        crossings in any::<bool>(),
    ) {
        let noise = uniform(rows * columns, seed, 0.0, 1.0);
        let ids = integers(rows * columns, seed + 1, 0, kinds);
        let at = |(row, column): (usize, usize)| row * columns + column;
        let mask = Array2::from_shape_fn((rows, columns), |p| noise[at(p)] < share);
        let groups = Array2::from_shape_fn((rows, columns), |p| u32::try_from(ids[at(p)]).unwrap());
        let alike = |p: (usize, usize), q: (usize, usize)| (noise[at(p)] - noise[at(q)]) as f32;
        let config = LineGroupConfig {
            min_pixels: (seed % 4) as usize,
            min_length: (seed % 5) as f64,
            bridges: bridges.then(LineBridgeConfig::default),
            crossings: crossings.then(LineCrossingConfig::default),
            ..Default::default()
        };
        for evidence in [
            LineEvidence::Continuity,
            LineEvidence::Groups(groups.view()),
            LineEvidence::Similarity(&alike),
        ] {
            let found = group_lines(mask.view(), evidence, &config).unwrap();
            consistent(&found, mask.view())?;
            let short = |line: &LineGroup| {
                let steps = line.path.0.windows(2).map(|w| (w[1] - w[0]).x.hypot((w[1] - w[0]).y));
                // Simplification shortens a path.
                steps.sum::<f64>() < 0.5 * config.min_length
            };
            prop_assert!(!found.lines.iter().any(short));
        }
    }
}

#[test]
fn dots_in_a_row_are_one_line() {
    let dots = |y: f64, by: f64| {
        (0..14).map(move |k| coord! { x: 8.0 + 7.5 * f64::from(k), y: y + by * f64::from(k) })
    };
    let all: Vec<Coord<f64>> = dots(20.0, 5.0).chain(dots(60.0, 4.0)).collect();
    let on =
        |pixel| all.iter().any(|&dot| (centre(pixel) - dot).x.hypot((centre(pixel) - dot).y) < 2.2);
    let mask = Array2::from_shape_fn((SIDE, SIDE), on);
    let found = grouped(&mask, LineEvidence::Continuity);
    let ends = |y: f64, by: f64| line(&[(8.0, y), (8.0 + 7.5 * 13.0, y + 13.0 * by)]);
    matches(&found, &[ends(20.0, 5.0), ends(60.0, 4.0)], 2.0).unwrap();
}

#[test]
fn three_lines_through_one_point() {
    let through = |angle: f64| {
        let d = coord! { x: angle.cos(), y: angle.sin() } * 50.0;
        vec![coord! { x: 60.0, y: 60.0 } - d, coord! { x: 60.0, y: 60.0 } + d]
    };
    let lines = [0.1, 1.2, 2.2].map(through);
    let found = grouped(&mask(&draw(&lines, 3.0)), LineEvidence::Continuity);
    matches(&found, &lines, 3.5).unwrap();
}

#[test]
fn a_dashed_curve_closes_to_a_ring() {
    let mask = Array2::from_shape_fn((SIDE, SIDE), |pixel| {
        let d = centre(pixel) - coord! { x: 60.0, y: 60.0 };
        let angle = d.y.atan2(d.x).rem_euclid(0.5);
        (d.x.hypot(d.y) - 40.0).abs() < 1.5 && angle < 0.32
    });
    let found = grouped(&mask, LineEvidence::Continuity);
    assert_eq!(found.lines.len(), 1);
    let path = &found.lines[0].path.0;
    assert_eq!(path.first(), path.last());
    assert!(path.iter().all(|p| ((p.x - 60.0).hypot(p.y - 60.0) - 40.0).abs() < 2.0));
}

#[test]
fn candidates_of_no_group_fill_gaps_but_make_no_line() {
    let lines = [line(&[(10.0, 30.0), (110.0, 30.0)]), line(&[(10.0, 80.0), (110.0, 80.0)])];
    let mut groups = draw(&lines, 3.0);
    let mask = mask(&groups);
    groups.indexed_iter_mut().for_each(|((_, column), id)| {
        if *id == 2 || (50..70).contains(&column) {
            *id = 0;
        }
    });
    let found = grouped(&mask, LineEvidence::Groups(groups.view()));
    matches(&found, &lines[..1], 2.5).unwrap();
    assert!((found.lines[0].score - 1.0).abs() < 1e-12 && found.lines[0].group == 1);
}

#[test]
fn holes_and_strips_of_other_groups_make_no_lines() {
    let lines = [line(&[(10.0, 30.0), (110.0, 40.0)])];
    let mut groups = draw(&lines, 7.0);
    // A row of small holes, and a strip of another group along one side.
    groups.indexed_iter_mut().for_each(|((row, column), id)| {
        let y = 30.0 + (column as f64 - 10.0) / 10.0;
        let aside = row as f64 - y;
        if *id > 0 && aside.abs() < 1.0 && column % 9 < 2 {
            *id = 0;
        } else if *id > 0 && aside > 1.5 && (40..80).contains(&column) {
            *id = 2;
        }
    });
    let mask = mask(&groups);
    for evidence in [LineEvidence::Continuity, LineEvidence::Groups(groups.view())] {
        let found = grouped(&mask, evidence);
        matches(&found, &lines, 5.0).unwrap();
        consistent(&found, mask.view()).unwrap();
    }
    let count = |evidence, config: &LineGroupConfig| {
        group_lines(mask.view(), evidence, config).unwrap().lines.len()
    };
    let plain = LineGroupConfig { crossings: None, min_length: 5.0, ..Default::default() };
    assert_eq!(count(LineEvidence::Continuity, &plain), 1);
    let open = LineGroupConfig { min_hole: 0, ..plain.clone() };
    assert!(count(LineEvidence::Continuity, &open) > 1);
    let strips = LineGroupConfig { max_shared: 1.0, ..plain };
    assert!(count(LineEvidence::Groups(groups.view()), &strips) > 1);
}

#[test]
fn any_number_of_threads_gives_the_same() {
    let lines = [line(&[(5.0, 5.0), (110.0, 90.0)]), line(&[(5.0, 100.0), (110.0, 30.0)])];
    let groups = draw(&lines, 3.0);
    let mask = mask(&groups);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| grouped(&mask, LineEvidence::Groups(groups.view())))
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn bad_input_is_refused() {
    let mask = Array2::from_elem((4, 5), true);
    let groups = Array2::from_elem((5, 4), 1);
    let run = |evidence, config: &LineGroupConfig| group_lines(mask.view(), evidence, config);
    let good = LineGroupConfig::default();
    let error = run(LineEvidence::Groups(groups.view()), &good).unwrap_err();
    assert!(matches!(error, Error::ShapeMismatch { field: "groups", .. }), "{error}");
    let bad = [
        LineGroupConfig { min_spur: f64::NAN, ..good.clone() },
        LineGroupConfig { min_length: -1.0, ..good.clone() },
        LineGroupConfig { reach: 0.0, ..good.clone() },
        LineGroupConfig { max_shared: -0.1, ..good.clone() },
        LineGroupConfig { tolerance: f64::INFINITY, ..good.clone() },
        LineGroupConfig { min_similarity: 1.5, ..good.clone() },
        LineGroupConfig {
            bridges: Some(LineBridgeConfig { max_turn: 2.0, ..Default::default() }),
            ..good.clone()
        },
        LineGroupConfig {
            crossings: Some(LineCrossingConfig { max_length: -1.0, ..Default::default() }),
            ..good
        },
    ];
    for config in bad {
        assert!(run(LineEvidence::Continuity, &config).is_err(), "{config:?}");
    }
    let embeddings = Array3::zeros((2, 3, 3));
    assert!(embedding_similarity(embeddings.view(), 0.0).is_err());
}
