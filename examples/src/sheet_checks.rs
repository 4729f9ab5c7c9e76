//! Features of generated sheets, cut into tiles and merged, against those of the whole.

use anyhow::Result;
use geo_types::{Coord, LineString, Polygon};
use mapvec_data::sample_rng;
use mapvec_geometry::{
    CentrelineConfig, LinePiece, Tile, TileConfig, TilePolygons, Window, centrelines, clip_line,
    fill_labels, line_length, merge_lines, merge_polygons, polygonize, signed_area, simplify_line,
    tiles, validate_polygon,
};
use mapvec_synth::{Sheet, SheetConfig, SheetStyle, generate_sheet};
use ndarray::{Array2, s};

/// Side of the sheets, in pixels.
pub const SIDE: u32 = 192;
/// Context of the tiles in which lines are traced, in pixels.
const MARGIN: u32 = 32;
/// Vertices nearer to a straight line are dropped before lines are compared, in pixels.
const STRAIGHT: f64 = 1e-6;

/// Counts of what was checked and of what was wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Seams {
    /// Polygons that were merged from tiles.
    pub polygons: u64,
    /// Polygons that are not valid.
    pub invalid: u64,
    /// Label maps whose merged polygons are not those of the whole map.
    pub other_polygons: u64,
    /// Largest difference between the area of a merged polygon and the number of pixels
    /// with their centres in it and in none that comes later.
    pub area_error: f64,
    /// Pixels that lie in no merged polygon with their label.
    pub other_pixels: u64,
    /// Lines that were merged from tiles.
    pub lines: u64,
    /// Ends inside the page for which no other was found.
    pub breaks: u64,
    /// Sets of lines whose merged ones are not those of the whole sheet.
    pub other_lines: u64,
}

impl Seams {
    /// The counts of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            polygons: self.polygons + other.polygons,
            invalid: self.invalid + other.invalid,
            other_polygons: self.other_polygons + other.other_polygons,
            area_error: self.area_error.max(other.area_error),
            other_pixels: self.other_pixels + other.other_pixels,
            lines: self.lines + other.lines,
            breaks: self.breaks + other.breaks,
            other_lines: self.other_lines + other.other_lines,
        }
    }

    /// All faults together; an area counts from 1e-9 square pixels.
    #[must_use]
    pub fn faults(&self) -> u64 {
        let areas = u64::from(self.area_error > 1e-9);
        let polygons = self.invalid + self.other_polygons + self.other_pixels + areas;
        polygons + self.breaks + self.other_lines
    }
}

/// Cuts the features of a generated sheet and merges them.
///
/// Regions and classes become polygons core by core; drawn lines are clipped to the
/// cores; the ribbons around lines are traced in tiles with a halo.
///
/// # Errors
/// The features cannot be merged.
pub fn check_sheet(seed: u64, index: u64) -> Result<Seams> {
    let styles = [SheetStyle::Town, SheetStyle::Topographic, SheetStyle::Rural];
    let style = styles[(index % 3) as usize];
    let config = SheetConfig { size: SIDE, style, ..SheetConfig::default() };
    let sheet = generate_sheet(&config, &mut sample_rng(seed, index))?;
    // Cores from 17 to 96 pixels: many of them cut features several times.
    let size = 17 + (index * 37 % 80) as u32 + 2 * MARGIN;
    let tiles = tiles(SIDE, SIDE, &TileConfig { size, margin: MARGIN })?;
    let classes = sheet.sample.labels.class.mapv(u32::from);
    let ribbon = sheet.sample.labels.centreline.mapv(|code| code > 0);
    Ok(check_polygons(&sheet.regions, &tiles)?
        .plus(check_polygons(&classes, &tiles)?)
        .plus(check_drawn_lines(&sheet, &tiles)?)
        .plus(check_centrelines(&ribbon, &tiles)?))
}

fn check_polygons(map: &Array2<u32>, tiles: &[Tile]) -> Result<Seams> {
    let parts: Vec<TilePolygons> = tiles.iter().map(|tile| of_core(map, tile.core)).collect();
    let merged = merge_polygons(&parts)?;
    let whole = polygonize(map.view()).polygons();
    let mut seams = Seams { polygons: merged.len() as u64, ..Seams::default() };
    // The merged polygons as pixels, each with an id of its own.
    let mut drawn = Array2::zeros(map.dim());
    for (id, (_, polygon)) in (1..).zip(&merged) {
        seams.invalid += u64::from(validate_polygon(polygon).is_err());
        fill_labels(polygon, id, &mut drawn);
    }
    let mut pixels = vec![0_u32; merged.len() + 1];
    for (&id, &label) in drawn.iter().zip(map) {
        pixels[id as usize] += 1;
        let expected = (id as usize).checked_sub(1).map_or(0, |index| merged[index].0);
        seams.other_pixels += u64::from(label != expected);
    }
    for ((_, polygon), &count) in merged.iter().zip(&pixels[1..]) {
        seams.area_error = seams.area_error.max((area(polygon) - f64::from(count)).abs());
    }
    let whole: Vec<_> =
        whole.into_iter().map(|(label, polygon)| (label, canonical(&polygon))).collect();
    seams.other_polygons = u64::from(merged != whole);
    Ok(seams)
}

/// The polygons of a core, in coordinates of the page.
fn of_core(map: &Array2<u32>, core: Window) -> TilePolygons {
    let [x, y, width, height] = [core.x, core.y, core.width, core.height].map(|v| v as usize);
    let part = map.slice(s![y..y + height, x..x + width]);
    let on_page = |(label, polygon): (u32, Polygon<f64>)| {
        let holes = polygon.interiors().iter().map(|ring| moved(ring, (core.x, core.y)));
        (label, Polygon::new(moved(polygon.exterior(), (core.x, core.y)), holes.collect()))
    };
    TilePolygons { core, polygons: polygonize(part).polygons().into_iter().map(on_page).collect() }
}

fn moved(line: &LineString<f64>, (x, y): (u32, u32)) -> LineString<f64> {
    let by = Coord { x: f64::from(x), y: f64::from(y) };
    line.coords().map(|&p| p + by).collect()
}

/// The polygon with rings that begin at their topmost vertex, and holes by these.
fn canonical(polygon: &Polygon<f64>) -> Polygon<f64> {
    let order = |p: &Coord<f64>, q: &Coord<f64>| p.y.total_cmp(&q.y).then(p.x.total_cmp(&q.x));
    let turned = |ring: &LineString<f64>| {
        let mut points = ring.0.clone();
        points.pop();
        let start = (0..points.len()).min_by(|&k, &l| order(&points[k], &points[l]));
        points.rotate_left(start.unwrap_or(0));
        points.extend_from_within(..1);
        LineString(points)
    };
    let mut holes: Vec<_> = polygon.interiors().iter().map(turned).collect();
    holes.sort_by(|a, b| order(&a.0[0], &b.0[0]));
    Polygon::new(turned(polygon.exterior()), holes)
}

/// Area without the holes, from the orientation of the rings alone.
fn area(polygon: &Polygon<f64>) -> f64 {
    signed_area(polygon.exterior()) + polygon.interiors().iter().map(signed_area).sum::<f64>()
}

fn check_drawn_lines(sheet: &Sheet, tiles: &[Tile]) -> Result<Seams> {
    let page = Window { x: 0, y: 0, width: SIDE, height: SIDE };
    let (mut whole, mut pieces) = (Vec::new(), Vec::new());
    for truth in &sheet.lines {
        let label = truth.class as u32;
        whole.extend(clip_line(&truth.line, label, page)?);
        for tile in tiles {
            pieces.extend(clip_line(&truth.line, label, tile.core)?);
        }
    }
    compare(&whole, &merge_lines(&pieces, 1e-6)?)
}

/// Traces a ribbon in windows with a halo; free of what depends on whole lines.
fn check_centrelines(ribbon: &Array2<bool>, tiles: &[Tile]) -> Result<Seams> {
    let config = CentrelineConfig { tolerance: 0.0, ..CentrelineConfig::default() };
    let page = Window { x: 0, y: 0, width: SIDE, height: SIDE };
    let (mut whole, mut pieces) = (Vec::new(), Vec::new());
    for found in centrelines(ribbon.view(), &config)? {
        whole.extend(clip_line(&found.line, 1, page)?);
    }
    for tile in tiles {
        let core = tile.core;
        let (x, y) = (core.x.saturating_sub(MARGIN), core.y.saturating_sub(MARGIN));
        let end = |start: u32, length: u32| ((start + length + MARGIN).min(SIDE)) as usize;
        let rows = y as usize..end(core.y, core.height);
        let part = ribbon.slice(s![rows, x as usize..end(core.x, core.width)]);
        for found in centrelines(part, &config)? {
            pieces.extend(clip_line(&moved(&found.line, (x, y)), 1, core)?);
        }
    }
    compare(&whole, &merge_lines(&pieces, 0.5)?)
}

/// Counts ends that hang inside the page, and compares vertices and lengths.
fn compare(whole: &[LinePiece], merged: &[LinePiece]) -> Result<Seams> {
    let on_side = |v: f64| v <= 0.0 || v >= f64::from(SIDE);
    let hangs = |piece: &LinePiece| {
        let ends = [piece.line.0.first(), piece.line.0.last()];
        let open = ends.into_iter().flatten().zip(piece.cut).filter(|(_, cut)| *cut);
        open.filter(|(p, _)| !on_side(p.x) && !on_side(p.y)).count() as u64
    };
    let length =
        |lines: &[LinePiece]| lines.iter().map(|piece| line_length(&piece.line)).sum::<f64>();
    let same_length = (length(whole) - length(merged)).abs() <= 1e-6;
    Ok(Seams {
        lines: merged.len() as u64,
        breaks: merged.iter().map(hangs).sum(),
        other_lines: u64::from(!same_length || open_lines(whole)? != open_lines(merged)?),
        ..Seams::default()
    })
}

/// Lines that are no rings, in one direction and in a fixed order, in millionths of a
/// pixel. Rings may begin anywhere.
fn open_lines(lines: &[LinePiece]) -> Result<Vec<(u32, Vec<[i64; 2]>)>> {
    let steps = |v: f64| (v * 1e6).round() as i64;
    let open = lines.iter().filter(|piece| !piece.line.is_closed());
    let mut open: Vec<_> = open
        .map(|piece| {
            let line = simplify_line(&piece.line, STRAIGHT)?;
            let points: Vec<_> = line.coords().map(|p| [steps(p.y), steps(p.x)]).collect();
            let back: Vec<_> = points.iter().rev().copied().collect();
            Ok((piece.label, points.min(back)))
        })
        .collect::<Result<_>>()?;
    open.sort();
    Ok(open)
}
