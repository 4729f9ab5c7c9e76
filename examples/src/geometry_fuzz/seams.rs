//! The target that merges tiles.

use super::{Bytes, Finding, ensure};
use geo_types::{Coord, LineString, Polygon};
use mapvec_geometry::{
    LinePiece, TilePolygons, Window, clip_line, line_length, merge_lines, merge_polygons,
    polygon_area, polygonize, validate_polygon,
};
use ndarray::s;

/// Merged tiles have the features of the whole; any other pieces give an error or valid
/// polygons.
pub(super) fn merge(bytes: &mut Bytes<'_>) -> Finding {
    let labels = bytes.labels();
    let windows = windows(bytes, labels.dim());
    let mut tiles: Vec<TilePolygons> = Vec::new();
    for &core in &windows {
        let [x, y, width, height] = [core.x, core.y, core.width, core.height].map(|v| v as usize);
        let faces = polygonize(labels.slice(s![y..y + height, x..x + width])).polygons();
        let by = Coord { x: f64::from(core.x), y: f64::from(core.y) };
        let moved = |ring: &LineString<f64>| ring.coords().map(|&p| p + by).collect();
        let on_page = |(label, polygon): (u32, Polygon<f64>)| {
            let holes = polygon.interiors().iter().map(moved).collect();
            (label, Polygon::new(moved(polygon.exterior()), holes))
        };
        tiles.push(TilePolygons { core, polygons: faces.into_iter().map(on_page).collect() });
    }
    let merged = merge_polygons(&tiles).map_err(|e| format!("{e}: {labels}"))?;
    let areas = |faces: &[(u32, Polygon<f64>)]| {
        faces.iter().map(|(label, face)| (*label, polygon_area(face))).collect::<Vec<_>>()
    };
    let whole = polygonize(labels.view()).polygons();
    ensure(areas(&merged) == areas(&whole), || format!("{windows:?} of {labels}"))?;
    any_polygons(bytes, &tiles)?;
    lines(bytes, &windows)
}

/// Windows that partition a page.
fn windows(bytes: &mut Bytes<'_>, (height, width): (usize, usize)) -> Vec<Window> {
    let mut windows = Vec::new();
    let mut x = 0;
    while x < width as u32 {
        let across = (bytes.below(12) as u32 + 1).min(width as u32 - x);
        let mut y = 0;
        while y < height as u32 {
            let down = (bytes.below(12) as u32 + 1).min(height as u32 - y);
            windows.push(Window { x, y, width: across, height: down });
            y += down;
        }
        x += across;
    }
    windows
}

/// Pieces that need not fit: labels and places are anything.
fn any_polygons(bytes: &mut Bytes<'_>, tiles: &[TilePolygons]) -> Finding {
    let mut tiles = tiles.to_vec();
    for tile in &mut tiles {
        for (label, polygon) in &mut tile.polygons {
            *label = bytes.below(2) as u32;
            if bytes.below(8) == 0 {
                *polygon = bytes.polygon();
            }
        }
        if bytes.below(8) == 0 {
            tile.core.width = tile.core.width.wrapping_sub(bytes.below(3) as u32);
        }
    }
    let Ok(merged) = merge_polygons(&tiles) else { return Ok(()) };
    for (_, polygon) in &merged {
        validate_polygon(polygon).map_err(|e| format!("{e}: {tiles:?}"))?;
    }
    Ok(())
}

/// Pieces have the length of their lines, before and after they are joined.
fn lines(bytes: &mut Bytes<'_>, windows: &[Window]) -> Finding {
    let line = bytes.line();
    let mut pieces: Vec<LinePiece> = Vec::new();
    for &window in windows {
        let Ok(cut) = clip_line(&line, 1, window) else { continue };
        for piece in &cut {
            let (low, high) = (f64::from(window.x), f64::from(window.x + window.width));
            let inside = piece.line.coords().all(|p| low <= p.x && p.x <= high);
            ensure(inside, || format!("{piece:?} of {line:?} is not in {window:?}"))?;
        }
        pieces.extend(cut);
    }
    let tolerance = 1e-9;
    let length =
        |pieces: &[LinePiece]| -> f64 { pieces.iter().map(|piece| line_length(&piece.line)).sum() };
    let merged = merge_lines(&pieces, tolerance).map_err(|e| format!("{e}: {line:?}"))?;
    let (before, after) = (length(&pieces), length(&merged));
    let same = (before - after).abs() <= 1e-6 * (1.0 + pieces.len() as f64);
    ensure(same, || format!("{before} becomes {after}: {line:?}"))?;
    let any = |bytes: &mut Bytes<'_>| LinePiece {
        label: bytes.below(2) as u32,
        line: bytes.line(),
        cut: [bytes.flag(), bytes.flag()],
    };
    pieces.extend((0..bytes.below(6)).map(|_| any(bytes)).collect::<Vec<_>>());
    let _ = merge_lines(&pieces, bytes.length());
    Ok(())
}
