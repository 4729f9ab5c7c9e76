//! Label maps to polygons, and buildings with straight walls.

use anyhow::Result;
use geo_types::{Coord, LineString, Polygon};
use mapvec_geometry::{
    Connectivity, ContourConfig, Coverage, RegularizeConfig, Simplification, contours, fill_labels,
    polygon_iou, polygonize, polygonize_with, regularize, snap_polygons,
};
use ndarray::{Array2, array};

use super::{at, block};
use crate::canvas::{BLACK, BLUE, COLOURS, Canvas, GREY, ORANGE, PANEL, RED, rings};

pub(super) fn polygonized() -> Result<Canvas> {
    let mut canvas = Canvas::new(3, PANEL);
    let labels = Array2::from_shape_fn((30, 42), land_use);
    canvas.panel("A label map", 42.0)?;
    canvas.cells(labels.view(), 0.5);
    canvas.grid();
    let exact = polygonize(labels.view());
    canvas.panel("polygonize: faces that share their edges", 42.0)?;
    faces(&mut canvas, &exact)?;
    canvas.panel("simplify: within 1 pixel, no gaps and no overlaps", 42.0)?;
    faces(&mut canvas, &exact.simplify(1.0)?)?;
    canvas.panel("simplify_with: triangles below 6 square pixels go", 42.0)?;
    faces(&mut canvas, &exact.simplify_with(Simplification::Visvalingam { area: 6.0 })?)?;
    neighbours(&mut canvas)?;
    levels(&mut canvas)?;
    Ok(canvas)
}

/// Wavy stripes with a lake and specks.
fn land_use((row, column): (usize, usize)) -> u32 {
    let (x, y) = (column as f64, row as f64);
    if (x - 27.0).hypot(1.3 * (y - 14.0)) < 7.5 {
        return 1;
    }
    if (row * 31 + column * 17).is_multiple_of(97) {
        return 2;
    }
    let border = 12.0 + 3.0 * (y * 0.35).sin() + (y * 1.9).sin();
    if x < border {
        3
    } else if y > 21.0 + 2.0 * (x * 0.3).sin() {
        4
    } else {
        5
    }
}

fn faces(canvas: &mut Canvas, coverage: &Coverage) -> Result<()> {
    for (id, face) in coverage.polygons() {
        canvas.area(&face, COLOURS[id as usize - 1], 0.35);
        canvas.outline(&face, BLACK, 1.0);
        for ring in rings(&face) {
            canvas.dots(ring.coords(), BLACK, 1.8);
        }
    }
    canvas.note(&format!("{} faces, {} vertices", coverage.len(), coverage.vertices()))
}

fn neighbours(canvas: &mut Canvas) -> Result<()> {
    let labels = array![
        [0, 0, 0, 0, 0, 0, 0],
        [0, 1, 1, 0, 0, 1, 0],
        [0, 1, 0, 0, 1, 0, 0],
        [0, 0, 1, 1, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0],
    ];
    canvas.panel("Corners: 4 neighbours apart, 8 neighbours together", 14.0)?;
    for (connectivity, shift) in [(Connectivity::Four, 0.0), (Connectivity::Eight, 7.0)] {
        let shapes = polygonize_with(labels.view(), connectivity).multi_polygons();
        for ((_, parts), colour) in shapes.iter().zip(COLOURS) {
            for part in parts {
                let moved = |p: &Coord<f64>| *p + at(shift, 2.5);
                let ring: LineString<f64> = part.exterior().coords().map(moved).collect();
                let part = Polygon::new(ring, Vec::new());
                canvas.area(&part, colour, 0.4);
                canvas.outline(&part, colour, 2.0);
            }
        }
        let text = format!("valid shapes: {}", shapes.len());
        canvas.label(at(shift + 1.0, 8.0), &text, BLACK)?;
    }
    canvas.note("a colour for each shape")
}

fn levels(canvas: &mut Canvas) -> Result<()> {
    let hill = |x: f64, y: f64, s: f64| (-(x * x + y * y) / s).exp();
    let height = |(i, j): (usize, usize)| {
        let (x, y) = (j as f64 + 0.5, i as f64 + 0.5);
        hill(x - 14.0, y - 13.0, 90.0) + 0.8 * hill(x - 29.0, y - 18.0, 60.0)
    };
    let field = Array2::from_shape_fn((30, 42), height);
    canvas.panel("contours: lines of equal height in a field", 42.0)?;
    canvas.shades(field.mapv(|v| 0.6 * v as f32).view(), COLOURS[5]);
    let mut count = 0;
    for k in 1..10 {
        for contour in contours(field.view(), 0.1 * f64::from(k), &ContourConfig::default())? {
            canvas.line(&contour, BLACK, if k % 5 == 0 { 2.5 } else { 1.2 });
            count += 1;
        }
    }
    canvas.note(&format!("9 levels, {count} lines, vertices between the pixels"))
}

pub(super) fn regularized() -> Result<Canvas> {
    let l = [(6.0, 7.0), (20.0, 7.0), (20.0, 14.0), (13.0, 14.0), (13.0, 23.0), (6.0, 23.0)];
    let truth = [Polygon::new(turned(&l, 0.25), Vec::new()), courtyard()];
    let mut labels = Array2::zeros((30, 42));
    for (house, id) in truth.iter().zip(1..) {
        fill_labels(house, id, &mut labels);
    }
    // Segmentation leaves bites and bumps.
    let bites = [(13, 6, 0), (14, 6, 0), (16, 38, 0), (17, 39, 0)];
    let bumps = [(20, 12, 1), (21, 12, 1), (17, 25, 2), (18, 25, 2), (18, 26, 2)];
    for (row, column, id) in bites.into_iter().chain(bumps) {
        labels[[row, column]] = id;
    }
    let coverage = polygonize(labels.view());
    let mut canvas = Canvas::new(2, PANEL);
    canvas.panel("Two buildings found in a raster", 42.0)?;
    canvas.cells(labels.view(), 0.45);
    canvas.grid();
    canvas.panel("simplify: fewer vertices, no right angles", 42.0)?;
    houses(&mut canvas, &coverage.simplify(1.0)?.polygons(), &truth)?;
    canvas.panel("regularize: dominant directions, at most 2 pixels moved", 42.0)?;
    let regular = coverage.polygons().into_iter();
    let regular =
        regular.map(|(id, house)| Ok((id, regularize(&house, &RegularizeConfig::default())?)));
    houses(&mut canvas, &regular.collect::<Result<Vec<_>>>()?, &truth)?;
    snapped(&mut canvas)?;
    Ok(canvas)
}

fn turned(points: &[(f64, f64)], angle: f64) -> LineString<f64> {
    let (sin, cos) = f64::sin_cos(angle);
    let centre = at(13.0, 15.0);
    let turn = |&(x, y): &(f64, f64)| {
        let p = at(x, y) - centre;
        centre + at(p.x * cos - p.y * sin, p.x * sin + p.y * cos)
    };
    points.iter().map(turn).collect()
}

fn courtyard() -> Polygon<f64> {
    let outer = block(at(32.0, 15.0), 13.0, 18.0, -0.3);
    let inner = block(at(32.0, 15.0), 5.0, 8.0, -0.3);
    Polygon::new(outer.exterior().clone(), vec![inner.exterior().clone()])
}

fn houses(
    canvas: &mut Canvas,
    found: &[(u32, Polygon<f64>)],
    truth: &[Polygon<f64>],
) -> Result<()> {
    let mut corners = 0;
    let mut iou = 0.0;
    for (id, house) in found {
        let expected = &truth[*id as usize - 1];
        canvas.area(house, COLOURS[*id as usize - 1], 0.3);
        canvas.outline(house, BLACK, 1.5);
        for ring in rings(house) {
            canvas.dots(ring.coords(), BLACK, 3.0);
            corners += ring.0.len() - 1;
        }
        for ring in rings(expected) {
            canvas.dashes(ring, RED, 1.0)?;
        }
        iou += polygon_iou(std::slice::from_ref(house), std::slice::from_ref(expected))?;
    }
    let iou = iou / truth.len() as f64;
    canvas.note(&format!("{corners} vertices, IoU {iou:.3} with the truth (red dashes)"))
}

fn snapped(canvas: &mut Canvas) -> Result<()> {
    let row = [
        block(at(8.0, 14.0), 11.4, 14.0, 0.0),
        block(at(20.3, 14.4), 12.4, 13.4, 0.02),
        block(at(33.2, 13.8), 12.6, 14.4, -0.015),
    ];
    canvas.panel("snap_polygons: gaps and overlaps of neighbours close", 42.0)?;
    for (house, colour) in snap_polygons(&row, 1.2)?.iter().zip([BLUE, ORANGE, COLOURS[2]]) {
        canvas.area(house, colour, 0.3);
        canvas.outline(house, colour, 2.0);
        canvas.dots(house.exterior().coords(), colour, 3.5);
    }
    for house in &row {
        canvas.dashes(house.exterior(), GREY, 1.0)?;
    }
    canvas.note("tolerance 1.2 pixels; before: grey dashes")
}
