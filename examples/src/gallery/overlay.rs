//! Booleans, offsets and hulls; measures between shapes.

use anyhow::Result;
use geo_types::{Coord, LineString, Polygon};
use mapvec_geometry::{
    Cap, ConcaveHullConfig, Join, OffsetConfig, SegmentIndex, buffer_lines, chamfer, concave_hull,
    convex_hull, difference, directed_hausdorff, frechet, hausdorff, intersection, offset_polygons,
    oriented_box, polis, polygon_area, polygon_iou, turning_distance, union, xor,
};

use super::{at, block, line, round, star};
use crate::canvas::{BLACK, BLUE, Canvas, GREEN, GREY, ORANGE, PANEL, VIOLET};

pub(super) fn booleans() -> Result<Canvas> {
    let a = [Polygon::new(
        star(at(34.0, 30.0), 6, 24.0).exterior().clone(),
        vec![block(at(34.0, 30.0), 8.0, 8.0, 0.3).exterior().clone()],
    )];
    let b = [round(at(52.0, 30.0), 60, |angle| 18.0 + 3.0 * (4.0 * angle).cos())];
    let mut canvas = Canvas::new(3, PANEL);
    let results = [
        ("union", union(&a, &b)?),
        ("intersection", intersection(&a, &b)?),
        ("difference: blue without orange", difference(&a, &b)?),
        ("xor: in one of both", xor(&a, &b)?),
    ];
    for (title, result) in &results {
        canvas.panel(title, 84.0)?;
        for part in result {
            canvas.area(part, GREEN, 0.4);
        }
        canvas.outline(&a[0], BLUE, 1.5);
        canvas.outline(&b[0], ORANGE, 1.5);
        let area: f64 = result.iter().map(polygon_area).sum();
        canvas.note(&format!("area {area:.1}, polygons: {}", result.0.len()))?;
    }
    offsets(&mut canvas)?;
    hulls(&mut canvas)?;
    Ok(canvas)
}

fn offsets(canvas: &mut Canvas) -> Result<()> {
    let shape = [star(at(42.0, 30.0), 5, 22.0)];
    canvas.panel("offset_polygons: outwards (orange), inwards (green)", 84.0)?;
    for (distance, colour) in
        [(6.0, ORANGE), (3.0, ORANGE), (-2.0, GREEN), (-4.0, GREEN), (-6.0, GREEN)]
    {
        for part in offset_polygons(&shape, distance, &OffsetConfig::default())? {
            canvas.outline(&part, colour, 1.5);
        }
    }
    canvas.area(&shape[0], BLUE, 0.25);
    canvas.outline(&shape[0], BLUE, 2.0);
    canvas.note("by 3 and 6; by 2, 4 and 6")?;
    canvas.panel("buffer_lines: lines made wide", 84.0)?;
    let road = [line(&[(10.0, 48.0), (24.0, 14.0), (40.0, 42.0), (58.0, 20.0)])];
    let ring = [line(&[(60.0, 34.0), (76.0, 34.0), (68.0, 52.0), (60.0, 34.0)])];
    let sharp = OffsetConfig { join: Join::Miter, cap: Cap::Square, ..OffsetConfig::default() };
    let soft = OffsetConfig::default();
    for (lines, radius, config, colour) in
        [(&road, 6.0, &sharp, ORANGE), (&road, 3.0, &soft, BLUE), (&ring, 3.0, &sharp, GREEN)]
    {
        for part in buffer_lines(lines, radius, config)? {
            canvas.area(&part, colour, 0.3);
            canvas.outline(&part, colour, 1.5);
        }
        canvas.line(&lines[0], BLACK, 1.0);
    }
    canvas.note("blue: round; orange and green: miter joins, square caps")
}

fn hulls(canvas: &mut Canvas) -> Result<()> {
    let points: Vec<Coord<f64>> = (0..160)
        .map(|k| (f64::from(k) * 0.618_034, f64::from(k) / 160.0))
        .map(|(turn, t)| {
            let angle = 3.6 * t - 0.2;
            let r = 20.0 + 7.0 * (turn.fract() - 0.5);
            at(42.0 + r * angle.cos(), 24.0 + 0.9 * r * angle.sin())
        })
        .collect();
    canvas.panel("convex_hull (orange) and concave_hull (blue)", 84.0)?;
    let concave = concave_hull(&points, &ConcaveHullConfig::default())?;
    canvas.area(&concave, BLUE, 0.2);
    canvas.outline(&concave, BLUE, 2.0);
    canvas.outline(&convex_hull(&points)?, ORANGE, 2.0);
    canvas.dots(&points, BLACK, 2.0);
    canvas.note(&format!("area of the concave one {:.1}", polygon_area(&concave)))?;
    let house = block(at(30.0, 30.0), 30.0, 16.0, 0.5);
    let other = block(at(50.0, 32.0), 32.0, 20.0, -0.3);
    let (p, q) = (oriented_box(&house.exterior().0)?, oriented_box(&other.exterior().0)?);
    canvas.panel("oriented_box: the smallest box around points", 84.0)?;
    let box_of = oriented_box(&points)?;
    canvas.outline(&box_of.to_polygon(), GREEN, 2.0);
    canvas.dots(&points, BLACK, 2.0);
    let angle = box_of.angle.to_degrees();
    canvas.note(&format!("{:.1} by {:.1} at {angle:.0} degrees", box_of.width, box_of.height))?;
    canvas.panel("OrientedBox::iou: overlap of two turned boxes", 84.0)?;
    canvas.area(&house, BLUE, 0.3);
    canvas.area(&other, ORANGE, 0.3);
    canvas.outline(&house, BLUE, 2.0);
    canvas.outline(&other, ORANGE, 2.0);
    canvas.note(&format!("intersection {:.1}, IoU {:.3}", p.intersection_area(&q)?, p.iou(&q)?))
}

pub(super) fn measures() -> Result<Canvas> {
    let mut canvas = Canvas::new(3, PANEL);
    let a = round(at(40.0, 30.0), 40, |angle| 20.0 + 2.0 * (3.0 * angle).sin());
    let b = round(at(43.0, 31.0), 12, |angle| 19.0 + 3.0 * (2.0 * angle).cos());
    let both = [a.clone()];
    let other = [b.clone()];
    canvas.panel("polygon_iou: shared area by area of both", 84.0)?;
    for part in intersection(&both, &other)? {
        canvas.area(&part, GREEN, 0.4);
    }
    pair(&mut canvas, &a, &b);
    canvas.note(&format!("IoU {:.3}", polygon_iou(&both, &other)?))?;
    let (p, q) = ([a.exterior().clone()], [b.exterior().clone()]);
    let distance = hausdorff(&p, &q, 0.01)?;
    canvas.panel("hausdorff: how wide a band holds the other line", 84.0)?;
    let reach = directed_hausdorff(&q, &p, 0.01)?;
    for band in buffer_lines(&p, reach, &OffsetConfig::default())? {
        canvas.area(&band, BLUE, 0.15);
    }
    pair(&mut canvas, &a, &b);
    canvas.note(&format!(
        "band {reach:.2}, both ways {distance:.2}; mean (chamfer) {:.2}",
        chamfer(&p, &q, 0.5)?
    ))?;
    canvas.panel("polis: from vertices to the other boundary", 84.0)?;
    pair(&mut canvas, &a, &b);
    spokes(&mut canvas, &b, &p[0], ORANGE)?;
    spokes(&mut canvas, &a, &q[0], BLUE)?;
    canvas.note(&format!("mean of all {:.2}", polis(&a, &b)?))?;
    orders(&mut canvas)?;
    turning(&mut canvas)?;
    nearest(&mut canvas)?;
    Ok(canvas)
}

fn pair(canvas: &mut Canvas, a: &Polygon<f64>, b: &Polygon<f64>) {
    canvas.outline(a, BLUE, 2.0);
    canvas.outline(b, ORANGE, 2.0);
}

fn spokes(
    canvas: &mut Canvas,
    from: &Polygon<f64>,
    to: &LineString<f64>,
    colour: [u8; 3],
) -> Result<()> {
    let index = SegmentIndex::new([to])?;
    for &vertex in from.exterior().coords() {
        if let Some(nearest) = index.nearest(vertex) {
            canvas.line(&LineString(vec![vertex, nearest.point]), colour, 1.2);
            canvas.dots(&[vertex], colour, 2.5);
        }
    }
    Ok(())
}

fn orders(canvas: &mut Canvas) -> Result<()> {
    let there = line(&[(8.0, 22.0), (76.0, 22.0)]);
    let back = line(&[(8.0, 28.0), (60.0, 26.0), (24.0, 32.0), (76.0, 28.0)]);
    canvas.panel("frechet: the leash of two walks that never turn back", 84.0)?;
    canvas.line(&there, BLUE, 2.0);
    canvas.line(&back, ORANGE, 2.0);
    for (path, colour) in [(&there, BLUE), (&back, ORANGE)] {
        let n = path.0.len();
        canvas.arrow(path.0[n - 2], path.0[n - 1], colour, 2.0);
    }
    let (p, q) = ([there.clone()], [back.clone()]);
    canvas.note(&format!(
        "Frechet {:.2}, but Hausdorff {:.2}",
        frechet(&there, &back, 1e-3)?,
        hausdorff(&p, &q, 0.01)?
    ))
}

fn turning(canvas: &mut Canvas) -> Result<()> {
    let first = block(at(18.0, 30.0), 24.0, 12.0, 0.2);
    let others = [
        (block(at(42.0, 30.0), 16.0, 8.0, 1.2), GREEN),
        (block(at(58.0, 30.0), 10.0, 10.0, 0.0), ORANGE),
        (star(at(74.0, 30.0), 5, 8.0), VIOLET),
    ];
    canvas.panel("turning_distance: compares forms at any place and size", 84.0)?;
    canvas.area(&first, BLUE, 0.3);
    canvas.outline(&first, BLUE, 2.0);
    for (shape, colour) in &others {
        canvas.area(shape, *colour, 0.3);
        canvas.outline(shape, *colour, 2.0);
        let distance = turning_distance(first.exterior(), shape.exterior())?;
        let left = shape.exterior().coords().map(|p| p.x).fold(84.0, f64::min);
        canvas.label(at(left, 46.0), &format!("{distance:.3}"), *colour)?;
    }
    canvas.note("distances from the blue form")
}

fn nearest(canvas: &mut Canvas) -> Result<()> {
    let roads = [
        line(&[(4.0, 12.0), (30.0, 20.0), (50.0, 8.0), (80.0, 16.0)]),
        line(&[(10.0, 54.0), (34.0, 38.0), (60.0, 50.0), (78.0, 34.0)]),
    ];
    let index = SegmentIndex::new(&roads)?;
    canvas.panel("SegmentIndex: the nearest line of any point", 84.0)?;
    for (road, colour) in roads.iter().zip([BLUE, ORANGE]) {
        canvas.line(road, colour, 2.5);
    }
    for k in 0..40_u32 {
        let p = at(6.0 + 9.0 * f64::from(k % 9), 6.0 + 11.5 * f64::from(k / 9));
        if let Some(found) = index.nearest(p) {
            canvas.line(&LineString(vec![p, found.point]), GREY, 1.0);
            canvas.dots(&[p], [BLUE, ORANGE][found.line], 3.0);
        }
    }
    canvas.note(&format!("{} segments in an R-tree", index.len()))
}
