//! Pixels to the world, and rasters in tiles.

use anyhow::Result;
use geo_types::{Coord, LineString, Polygon};
use mapvec_geometry::{
    Affine, GroundControlPoint, TileConfig, TilePolygons, Warp, WarpModel, fill_labels,
    fit_ground_control, merge_polygons, polygon_area, polygonize, tiles,
};
use ndarray::{Array2, s};

use super::{at, round};
use crate::canvas::{BLACK, BLUE, COLOURS, Canvas, GREY, ORANGE, PANEL, RED};

pub(super) fn transforms() -> Result<Canvas> {
    let mut canvas = Canvas::new(2, PANEL);
    let points = control_points();
    canvas.panel("Pixels of a warped scan, with ground control points", 84.0)?;
    lattice(&mut canvas, |p| p);
    canvas.dots(points.iter().map(|point| &point.pixel), BLUE, 4.0);
    canvas.note("11 points whose places in the world are known")?;
    let models = [
        ("Polynomial of order 1: an affine transform", WarpModel::Polynomial { order: 1 }),
        ("Polynomial of order 2", WarpModel::Polynomial { order: 2 }),
        ("Thin-plate spline: through all points", WarpModel::ThinPlate { smoothing: 0.0 }),
    ];
    for (title, model) in models {
        let warp = fit_ground_control(&points, &model)?;
        canvas.panel(title, 84.0)?;
        warped(&mut canvas, &warp, &points);
        canvas.note(&format!(
            "rmse {:.2}; red: what remains, blue: where the points lie",
            warp.rmse()
        ))?;
    }
    Ok(canvas)
}

/// Where the paper of the scan was bent.
fn world(p: Coord<f64>) -> Coord<f64> {
    let down = 4.0 * (p.x / 26.0).sin() - 0.003 * (p.x - 40.0).powi(2);
    let right = 3.0 * (p.y / 9.0).sin();
    at(8.0 + 0.8 * p.x + 0.08 * p.y + right, 8.0 + 0.75 * p.y + down)
}

fn control_points() -> Vec<GroundControlPoint> {
    let places = [
        (10.0, 8.0),
        (42.0, 6.0),
        (74.0, 9.0),
        (8.0, 30.0),
        (30.0, 24.0),
        (54.0, 32.0),
        (77.0, 29.0),
        (11.0, 52.0),
        (33.0, 50.0),
        (58.0, 53.0),
        (75.0, 51.0),
    ];
    let known = |(x, y)| GroundControlPoint { pixel: at(x, y), world: world(at(x, y)) };
    places.into_iter().map(known).collect()
}

/// The lines of a raster of 10 x 7 squares, mapped.
fn lattice(canvas: &mut Canvas, map: impl Fn(Coord<f64>) -> Coord<f64>) {
    let curve = |from: Coord<f64>, step: Coord<f64>| -> LineString<f64> {
        (0..=40).map(|k| map(from + step * (f64::from(k) / 40.0))).collect()
    };
    for k in 0..=9 {
        let x = 6.0 + 8.0 * f64::from(k);
        canvas.line(&curve(at(x, 6.0), at(0.0, 48.0)), GREY, 1.0);
    }
    for k in 0..=6 {
        let y = 6.0 + 8.0 * f64::from(k);
        canvas.line(&curve(at(6.0, y), at(72.0, 0.0)), GREY, 1.0);
    }
}

fn warped(canvas: &mut Canvas, warp: &Warp, points: &[GroundControlPoint]) {
    lattice(canvas, |p| warp.apply(p));
    for point in points {
        canvas.dots(&[point.world], BLUE, 4.0);
        let ends = vec![point.world, warp.apply(point.pixel)];
        canvas.line(&LineString(ends), RED, 2.5);
    }
}

pub(super) fn tiled() -> Result<Canvas> {
    let mut labels = Array2::zeros((60, 84));
    let lakes = [
        round(at(30.0, 30.0), 60, |angle| 17.0 + 5.0 * (3.0 * angle).sin()),
        round(at(64.0, 24.0), 60, |angle| 12.0 + 4.0 * (2.0 * angle).cos()),
    ];
    for (lake, id) in lakes.iter().zip(1..) {
        fill_labels(lake, id, &mut labels);
    }
    let config = TileConfig { size: 32, margin: 4 };
    let tiles = tiles(84, 60, &config)?;
    let square = |x: f64, y: f64, w: f64, h: f64| -> Polygon<f64> {
        let ring = vec![(x, y), (x + w, y), (x + w, y + h), (x, y + h)];
        Polygon::new(ring.into(), Vec::new())
    };
    let mut pieces = Vec::new();
    let mut canvas = Canvas::new(2, PANEL);
    canvas.panel("tiles: cores that share no pixel, and one with its halo", 84.0)?;
    canvas.cells(labels.view(), 0.25);
    for tile in &tiles {
        let [x, y, w, h] =
            [tile.core.x, tile.core.y, tile.core.width, tile.core.height].map(f64::from);
        canvas.outline(&square(x, y, w, h), BLACK, 1.2);
        let (rows, columns) = (tile.core.y as usize, tile.core.x as usize);
        let window = labels.slice(s![
            rows..rows + tile.core.height as usize,
            columns..columns + tile.core.width as usize
        ]);
        let place = Affine::new([1.0, 0.0, x], [0.0, 1.0, y])?;
        let found = polygonize(window).polygons().into_iter();
        let polygons = found.map(|(id, part)| (id, place.apply_shape(&part))).collect();
        pieces.push(TilePolygons { core: tile.core, polygons });
    }
    if let Some(tile) = tiles.get(5) {
        let halo = square(tile.x as f64, tile.y as f64, tile.size.into(), tile.size.into());
        canvas.area(&halo, RED, 0.12);
        canvas.dashes(halo.exterior(), RED, 2.0)?;
    }
    canvas.note(&format!("{} tiles of 32 pixels, halo 4", tiles.len()))?;
    seams(&mut canvas, &pieces, &labels)?;
    Ok(canvas)
}

fn seams(canvas: &mut Canvas, pieces: &[TilePolygons], labels: &Array2<u32>) -> Result<()> {
    canvas.panel("Each core polygonized: features are cut at seams", 84.0)?;
    let count: usize = pieces.iter().map(|tile| tile.polygons.len()).sum();
    for (_, part) in pieces.iter().flat_map(|tile| &tile.polygons) {
        canvas.area(part, ORANGE, 0.35);
        canvas.outline(part, RED, 1.5);
    }
    canvas.note(&format!("{count} pieces"))?;
    let sets = [
        ("merge_polygons: the pieces of each feature joined", merge_polygons(pieces)?),
        ("The raster polygonized at once", polygonize(labels.view()).polygons()),
    ];
    for (title, shapes) in sets {
        canvas.panel(title, 84.0)?;
        for (id, shape) in &shapes {
            canvas.area(shape, COLOURS[*id as usize - 1], 0.35);
            canvas.outline(shape, COLOURS[*id as usize - 1], 1.5);
        }
        let area: f64 = shapes.iter().map(|(_, shape)| polygon_area(shape)).sum();
        canvas.note(&format!("area {area}, {} features", shapes.len()))?;
    }
    Ok(())
}
