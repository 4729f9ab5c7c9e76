//! Orientation fields and centre vectors against loops over all pixels.

use geo_types::{Coord, LineString};
use mapvec_geometry::{Error, centre_vectors, orientation_field};
use ndarray::Array2;
use proptest::prelude::*;
use std::f64::consts::PI;

fn lines() -> impl Strategy<Value = Vec<(LineString<f64>, f64)>> {
    let point = (-10.0..50.0_f64, -10.0..90.0_f64);
    let line = proptest::collection::vec(point, 2..6).prop_map(LineString::from);
    proptest::collection::vec((line, 0.3..20.0_f64), 0..5)
}

/// Distance, undirected angle and line of each segment in reach of a pixel centre.
fn candidates(lines: &[(LineString<f64>, f64)], p: Coord<f64>) -> Vec<(f64, f64, u32)> {
    let mut found = Vec::new();
    for ((line, reach), id) in lines.iter().zip(1..) {
        for segment in line.lines() {
            let d = segment.end - segment.start;
            let v = p - segment.start;
            let t = ((v.x * d.x + v.y * d.y) / (d.x * d.x + d.y * d.y)).clamp(0.0, 1.0);
            let distance = (v - d * t).x.hypot((v - d * t).y);
            if distance <= reach + 1e-9 {
                found.push((distance, d.y.atan2(d.x).rem_euclid(PI), id));
            }
        }
    }
    found
}

/// Smallest turn between two undirected angles.
fn turn(a: f64, b: f64) -> f64 {
    let d = (a - b).rem_euclid(PI);
    d.min(PI - d)
}

proptest! {
    #[test]
    fn orientation_is_that_of_a_nearest_segment(lines in lines()) {
        let given: Vec<_> = lines.iter().map(|(line, reach)| (line, *reach)).collect();
        let field = orientation_field(&given, (80, 40))?;
        for ((i, j), &angle) in field.angle.indexed_iter() {
            let p = Coord { x: j as f64 + 0.5, y: i as f64 + 0.5 };
            let found = candidates(&lines, p);
            let nearest = found.iter().map(|c| c.0).fold(f64::INFINITY, f64::min);
            let distance = f64::from(field.distance[[i, j]]);
            let (dx, dy) = (f64::from(field.offset[[0, i, j]]), f64::from(field.offset[[1, i, j]]));
            if distance.is_infinite() {
                // Only a line at its reach exactly may be missed.
                let within = found.iter().any(|c| c.0 < lines[c.2 as usize - 1].1 - 1e-9);
                prop_assert!(!within, "{:?} is in reach", p);
                prop_assert!(angle.is_nan() && dx.is_nan() && field.line[[i, j]] == 0);
                continue;
            }
            prop_assert!((distance - nearest).abs() < 1e-5, "{} {}", distance, nearest);
            prop_assert!((dx.hypot(dy) - nearest).abs() < 1e-5);
            prop_assert!((0.0..std::f32::consts::PI).contains(&angle));
            let fits = |c: &&(f64, f64, u32)| {
                c.0 < nearest + 1e-6
                    && c.2 == field.line[[i, j]]
                    && turn(c.1, f64::from(angle)) < 1e-6
            };
            prop_assert!(found.iter().find(fits).is_some(), "{:?}: {} {:?}", p, angle, found);
            // The offset leads onto a line.
            let tip = candidates(&lines, Coord { x: p.x + dx, y: p.y + dy });
            prop_assert!(tip.iter().any(|c| c.0 < 1e-4));
        }
    }

    #[test]
    fn centres_are_means_of_visible_pixels(
        width in 1..20_usize,
        ids in proptest::collection::vec(0..5_u32, 1..200),
    ) {
        let height = ids.len() / width;
        let labels = Array2::from_shape_vec((height, width), ids[..height * width].to_vec()).unwrap();
        let vectors = centre_vectors(labels.view());
        for ((i, j), &id) in labels.indexed_iter() {
            let (mut x, mut y, mut n) = (0.0, 0.0, 0.0);
            for ((row, column), _) in labels.indexed_iter().filter(|&(_, &other)| other == id) {
                x += column as f64 - j as f64;
                y += row as f64 - i as f64;
                n += 1.0;
            }
            let expected = if id == 0 { (0.0, 0.0) } else { (x / n, y / n) };
            prop_assert!((f64::from(vectors[[0, i, j]]) - expected.0).abs() < 1e-5);
            prop_assert!((f64::from(vectors[[1, i, j]]) - expected.1).abs() < 1e-5);
        }
    }
}

#[test]
fn of_two_segments_at_a_bend_the_first_counts() {
    let corner = LineString::from(vec![(0.0, 5.0), (5.0, 5.0), (5.0, 0.0)]);
    let field = orientation_field(&[(&corner, 20.0)], (12, 12)).unwrap();
    for (i, j) in [(5, 5), (9, 7), (6, 11)] {
        assert!(field.angle[[i, j]].abs() < 1e-6, "({i}, {j}): {}", field.angle[[i, j]]);
    }
    assert!((field.offset[[0, 2, 8]] + 3.5).abs() < 1e-6);
    assert!((field.angle[[2, 8]] - std::f32::consts::FRAC_PI_2).abs() < 1e-6);
}

#[test]
fn bad_fields_are_refused() {
    let line = LineString::from(vec![(0.0, 0.0), (1.0, 0.0)]);
    let refused = |second| match orientation_field(&[(&line, 1.0), second], (4, 4)) {
        Err(Error::Item { list: "lines", index: 1, source }) => Some(*source),
        _ => None,
    };
    let reach = refused((&line, f64::INFINITY));
    assert!(matches!(reach, Some(Error::Parameter { field: "reach", .. })));
    let point = LineString::from(vec![(0.0, 0.0)]);
    assert_eq!(refused((&point, 1.0)), Some(Error::LineTooShort { distinct: 1 }));
    assert_eq!(orientation_field(&[(&line, 1.0)], (0, 4)).unwrap().offset.dim(), (2, 0, 4));
}
