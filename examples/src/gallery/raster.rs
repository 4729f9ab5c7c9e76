//! Shapes to rasters, and what is visible of them.

use anyhow::Result;
use geo_types::{Line, LineString, Polygon};
use mapvec_geometry::{
    Cap, Dash, Drawing, Join, Occlusion, Stroke, VisibleVector, centre_vectors, draw_labels,
    fill_coverage, fill_labels, orientation_field, polygon_area, stroke_coverage, stroke_labels,
    visible_polygons, visible_regions, visible_runs_behind, visible_vector,
};
use ndarray::Array2;

use super::{at, block, line, round, star};
use crate::canvas::{BLACK, BLUE, COLOURS, Canvas, GREEN, GREY, ORANGE, PANEL, RED, VIOLET};

/// Pixels of a panel: 28 x 20, 15 px each.
const CELLS: (usize, usize) = (20, 28);

pub(super) fn rasterize() -> Result<Canvas> {
    let mut canvas = Canvas::new(3, PANEL);
    fills(&mut canvas)?;
    strokes(&mut canvas)?;
    fields(&mut canvas)?;
    Ok(canvas)
}

fn fills(canvas: &mut Canvas) -> Result<()> {
    let hole = star(at(13.5, 10.2), 3, 3.2).exterior().clone();
    let shape = Polygon::new(star(at(13.5, 10.2), 7, 9.3).exterior().clone(), vec![hole]);
    let mut labels = Array2::zeros(CELLS);
    fill_labels(&shape, 1, &mut labels);
    canvas.panel("fill_labels: pixels whose centres lie inside", 28.0)?;
    canvas.cells(labels.view(), 0.45);
    canvas.grid();
    canvas.outline(&shape, BLACK, 1.5);
    canvas.note(&format!("{} pixels, area {:.2}", labels.sum(), polygon_area(&shape)))?;
    let mut coverage = Array2::zeros(CELLS);
    fill_coverage(&shape, &mut coverage);
    canvas.panel("fill_coverage: the exact share of each pixel", 28.0)?;
    canvas.shades(coverage.view(), BLUE);
    canvas.outline(&shape, BLACK, 1.0);
    canvas.note(&format!("sum {:.2}, area {:.2}", coverage.sum(), polygon_area(&shape)))
}

/// Three lines with their strokes.
fn samples() -> [(LineString<f64>, Stroke); 3] {
    let dash = Some(Dash { on: 3.0, off: 1.5, offset: 0.0 });
    let bent = line(&[(3.0, 17.0), (7.0, 6.5), (12.0, 13.0)]);
    let bow: LineString<f64> = (0..=40)
        .map(|k| 0.06 * f64::from(k))
        .map(|t| at(15.0 + 4.5 * t, 9.5 - 6.0 * (1.3 * t).sin()))
        .collect();
    [
        (bent, Stroke { width: 3.0, cap: Cap::Square, join: Join::Miter, dash: None }),
        (bow, Stroke { width: 2.0, cap: Cap::Round, join: Join::Round, dash: None }),
        (
            line(&[(10.0, 18.0), (19.0, 15.0), (26.5, 18.0)]),
            Stroke { width: 1.5, cap: Cap::Butt, join: Join::Bevel, dash },
        ),
    ]
}

fn strokes(canvas: &mut Canvas) -> Result<()> {
    let samples = samples();
    let mut labels = Array2::zeros(CELLS);
    let mut coverage = Array2::zeros(CELLS);
    for (line, stroke) in &samples {
        stroke_labels(line, stroke, 1, &mut labels)?;
        stroke_coverage(line, stroke, &mut coverage)?;
    }
    canvas.panel("stroke_labels: any width, caps, joins, dashes", 28.0)?;
    canvas.cells(labels.view(), 0.45);
    canvas.grid();
    axes(canvas, &samples);
    canvas.note("width 3, square caps, miter; 2, round; 1.5, dashes")?;
    canvas.panel("stroke_coverage: the same, anti-aliased", 28.0)?;
    canvas.shades(coverage.view(), BLUE);
    axes(canvas, &samples);
    canvas.note("exact share of each pixel on straight stretches")
}

fn axes(canvas: &mut Canvas, samples: &[(LineString<f64>, Stroke); 3]) {
    for (line, _) in samples {
        canvas.line(line, BLACK, 1.0);
    }
}

fn fields(canvas: &mut Canvas) -> Result<()> {
    let shapes = [
        round(at(9.0, 8.0), 40, |angle| 6.0 + 1.2 * (2.0 * angle).sin()),
        block(at(17.5, 12.5), 15.0, 7.0, 0.5),
    ];
    let rings = shapes.each_ref().map(|shape| (shape.exterior(), 2.5));
    let field = orientation_field(&rings, CELLS)?;
    canvas.panel("orientation_field: direction of the nearest edge", 28.0)?;
    for ((row, column), angle) in field.angle.indexed_iter().filter(|(_, a)| a.is_finite()) {
        let angle = f64::from(*angle);
        let tick = at(angle.cos(), angle.sin()) * 0.4;
        let centre = at(column as f64 + 0.5, row as f64 + 0.5);
        let colour = COLOURS[field.line[[row, column]] as usize];
        canvas.line(&LineString(vec![centre - tick, centre + tick]), colour, 1.5);
    }
    shapes.iter().for_each(|shape| canvas.outline(shape, BLACK, 1.0));
    canvas.note("within 2.5 pixels; also distance, offset and which line")?;
    let mut labels = Array2::zeros(CELLS);
    draw_labels(&[(Drawing::Area(&shapes[0]), 1), (Drawing::Area(&shapes[1]), 2)], &mut labels)?;
    let vectors = centre_vectors(labels.view());
    canvas.panel("centre_vectors: from pixels to the centre of the instance", 28.0)?;
    canvas.cells(labels.view(), 0.2);
    for ((i, j), &id) in
        labels.indexed_iter().filter(|&((i, j), &id)| id > 0 && (i + j).is_multiple_of(2))
    {
        let from = at(j as f64 + 0.5, i as f64 + 0.5);
        let vector = at(f64::from(vectors[[0, i, j]]), f64::from(vectors[[1, i, j]]));
        canvas.arrow(from, from + vector * 0.25, COLOURS[id as usize - 1], 1.0);
    }
    for (id, at_pixel) in [(1, [8, 7]), (2, [12, 17])] {
        let [i, j] = at_pixel;
        let vector = at(f64::from(vectors[[0, i, j]]), f64::from(vectors[[1, i, j]]));
        canvas.dots(&[at(j as f64 + 0.5, i as f64 + 0.5) + vector], COLOURS[id - 1], 4.0);
    }
    canvas.note("a quarter of their length; dots: means of the visible pixels")
}

pub(super) fn visible() -> Result<Canvas> {
    let shapes = [
        star(at(34.0, 24.0), 5, 18.0),
        block(at(50.0, 34.0), 40.0, 24.0, -0.35),
        round(at(28.0, 38.0), 60, |angle| 17.0 + 3.0 * (3.0 * angle).sin()),
    ];
    let mut canvas = Canvas::new(2, PANEL);
    canvas.panel("Three shapes, front to back: blue, orange, green", 84.0)?;
    for (shape, colour) in shapes.iter().zip(COLOURS) {
        canvas.area(shape, colour, 0.15);
        canvas.outline(shape, colour, 1.5);
    }
    canvas.panel("visible_polygons: what the ones before leave of each", 84.0)?;
    let mut shares = Vec::new();
    for ((parts, shape), colour) in visible_polygons(&shapes)?.iter().zip(&shapes).zip(COLOURS) {
        for part in parts {
            canvas.area(part, colour, 0.35);
            canvas.outline(part, colour, 2.0);
        }
        let area: f64 = parts.iter().map(polygon_area).sum();
        shares.push(format!("{:.0}", 100.0 * area / polygon_area(shape)));
    }
    canvas.note(&format!("visible: {} percent of their areas", shares.join(", ")))?;
    occlusion(&mut canvas, &shapes)?;
    segment(&mut canvas, &shapes)?;
    Ok(canvas)
}

fn occlusion(canvas: &mut Canvas, shapes: &[Polygon<f64>]) -> Result<()> {
    let mut occlusion = Occlusion::new(60, 84);
    let mut shares = Vec::new();
    for (shape, id) in shapes.iter().zip(1..) {
        let mut mask = Array2::zeros((60, 84));
        fill_labels(shape, 1, &mut mask);
        let mask = mask.mapv(|label| label == 1);
        let part = occlusion.visible(mask.view(), (0, 0));
        shares.push(format!("{} of {}", part.area, part.full_area));
        occlusion.cover(id, mask.view(), (0, 0))?;
    }
    canvas.panel("Occlusion: the same with pixels, and the visible extents", 84.0)?;
    canvas.cells(occlusion.owners(), 0.5);
    for ((_, _, extent), colour) in visible_regions(occlusion.owners()).iter().zip(COLOURS) {
        canvas.dashes(extent.to_polygon().exterior(), colour, 1.5)?;
    }
    canvas.note(&format!("visible pixels: {}", shares.join(", ")))
}

fn segment(canvas: &mut Canvas, shapes: &[Polygon<f64>]) -> Result<()> {
    let segment = Line::new(at(4.0, 50.0), at(80.0, 12.0));
    let runs = visible_runs_behind(segment, &shapes[..1])?;
    let on = |t: f64| segment.start + (segment.end - segment.start) * t;
    canvas.panel("visible_runs_behind: a segment behind a shape", 84.0)?;
    canvas.area(&shapes[0], GREY, 0.4);
    canvas.outline(&shapes[0], GREY, 1.0);
    canvas.dashes(&LineString(vec![segment.start, segment.end]), GREY, 1.0)?;
    for &[from, to] in &runs {
        canvas.line(&LineString(vec![on(from), on(to)]), RED, 4.0);
    }
    let beside = [
        (VisibleVector::LongestRun, GREEN, -4.0, "longest run"),
        (VisibleVector::Extremes, VIOLET, 4.0, "extremes"),
    ];
    for (rule, colour, shift, name) in beside {
        if let Some(vector) = visible_vector(segment, &runs, rule) {
            let by = at(0.5, 1.0) * shift;
            canvas.arrow(vector.start + by, vector.end + by, colour, 2.0);
            let along = vector.start * 0.35 + vector.end * 0.65 + by;
            canvas.label(along + at(-8.0, 1.5) + by * 1.2, name, colour)?;
        }
    }
    canvas.dots(&[segment.start, segment.end], ORANGE, 3.0);
    canvas.note("red: the visible runs; arrows: the vector that stands for them")
}
