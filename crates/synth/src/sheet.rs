//! A sheet: drawn picture, labels, and the shapes and lines it shows.

use geo_types::{Coord, LineString, Polygon};
use mapvec_data::{MapSample, PixelLabels};
use mapvec_geometry::{distance_transform, fill_labels, polygonize};
use ndarray::Array2;
use rand::Rng;

use crate::border::{Borders, borders};
use crate::cast::{from_id, to_id};
use crate::config::{SheetConfig, SheetStyle};
use crate::distractors::{LineInk, grid, rows, town_lines};
use crate::draw::Draw;
use crate::error::Result;
use crate::inking::Looks;
use crate::labels::{Axes, Marks, labels};
use crate::layout::Layout;
use crate::names::{TextInk, land_names, town_names};
use crate::paper::{age, scan, specks};
use crate::picture::{Colour, Picture, varied};
use crate::polyline::{clipped, parallel};
use crate::raster::{Plane, convolve, gaussian, halve, max_into};
use crate::regions::{RegionKind, Regions};
use crate::relief::{Relief, add_ink};
use crate::roads::LineClass;
use crate::rural::rural;
use crate::signature::{Signatures, dashed, solid, stroke_on_page, telegraph};
use crate::texture::{Fields, texture_ink};
use crate::topographic::topographic;
use crate::town::town;

/// A generated sheet with everything that is known about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet {
    /// Picture and labels per pixel.
    pub sample: MapSample,
    /// Region per pixel, (rows, columns): `k + 1` inside `shapes[k]`.
    pub regions: Array2<u32>,
    /// All regions, streets and open land included: a partition of the page. Rings are
    /// simplified, in pixels of the picture.
    pub shapes: Vec<ShapeTruth>,
    /// Roads, railways and paths, clipped to the page.
    pub lines: Vec<LineTruth>,
}

/// A region of a sheet.
#[derive(Debug, Clone, PartialEq)]
pub struct ShapeTruth {
    /// Outline with holes, px.
    pub polygon: Polygon<f64>,
    /// What it is.
    pub kind: RegionKind,
}

/// A line feature of a sheet.
#[derive(Debug, Clone, PartialEq)]
pub struct LineTruth {
    /// Axis, px.
    pub line: LineString<f64>,
    /// What it is.
    pub class: LineClass,
    /// Drawn width of the signature, px.
    pub width: f64,
}

/// Draws a sheet. Equal settings and equal random numbers give equal sheets, at any
/// number of threads.
///
/// # Errors
///
/// [`Error::Config`](crate::Error::Config) when a setting is out of range.
///
/// # Examples
///
/// ```
/// use mapvec_synth::{SheetConfig, SheetStyle, generate_sheet};
///
/// let config = SheetConfig { size: 96, style: SheetStyle::Town, ..SheetConfig::default() };
/// let sheet = generate_sheet(&config, &mut mapvec_data::sample_rng(1, 0))?;
/// assert_eq!(sheet.sample.size(), (96, 96));
/// # Ok::<(), mapvec_synth::Error>(())
/// ```
pub fn generate_sheet(config: &SheetConfig, rng: &mut impl Rng) -> Result<Sheet> {
    config.validate()?;
    Artist::new(config, Draw::from_rng(rng)).draw()
}

/// Everything decided before drawing starts.
#[derive(Debug)]
struct Artist<'a> {
    config: &'a SheetConfig,
    draw: Draw,
    size: usize,
    paper: Colour,
    ink: Colour,
    signatures: Signatures,
    layout: Layout,
}

/// Inks of regions at the size of the sheet.
#[derive(Debug)]
struct RegionInk {
    ink: Plane,
    hatch: Plane,
    /// Distance from borders, px.
    distance: Plane,
    width: Plane,
    depth: Plane,
}

impl<'a> Artist<'a> {
    fn new(config: &'a SheetConfig, mut draw: Draw) -> Self {
        let common = draw.normal(0.0, 1.0) as f32;
        let warm = [225.0 + 8.0 * common, 215.0 + 10.0 * common, 190.0 + 14.0 * common];
        let (paper, ink) = if config.style == SheetStyle::Topographic {
            let light = draw.normal(0.0, 8.0) as f32;
            let paper = [241.0 + light, 233.0 + light, 212.0 + light];
            (varied(&mut draw, paper, 6.0), varied(&mut draw, [46.0, 37.0, 28.0], 11.0))
        } else {
            let dark = draw.normal(0.0, 16.0) as f32;
            let ink = [58.0 + dark, 57.0 + dark, 49.0 + dark].map(|v| v.clamp(0.0, 130.0));
            (varied(&mut draw, warm, 6.0), varied(&mut draw, ink, 5.0))
        };
        let signatures = Signatures::new(&mut draw, ink, paper);
        let layout = match config.style {
            SheetStyle::Town => town(&mut draw, config.size),
            SheetStyle::Topographic => topographic(&mut draw, config.size),
            SheetStyle::Rural => rural(&mut draw, config.size, &signatures),
        };
        Self { config, draw, size: from_id(config.size), paper, ink, signatures, layout }
    }

    fn draw(mut self) -> Result<Sheet> {
        let base = crate::regions::RegionMap::new(
            self.config.size.min(1),
            RegionKind::Street,
            crate::regions::Warp::default(),
        );
        let map = std::mem::replace(&mut self.layout.map, base);
        let side = map.side;
        let regions = map.finish();
        self.layout.map.side = side;
        let (shapes, ids) = shapes(&regions, self.size, self.config.tolerance)?;
        let looks = Looks::new(&mut self.draw.fork(), &regions, self.config);
        let inked = self.region_ink(&regions, &looks);
        let mut marks = Marks {
            text: Plane::zeros((self.size, self.size)),
            hatch: inked.hatch.clone(),
            dash: Plane::zeros((self.size, self.size)),
        };
        let mut picture = Picture::new(self.size, self.paper);
        wash(&mut picture, &looks, &ids);
        let relief = self.ground(&mut picture, &mut marks)?;
        self.signatures.draw(&mut picture, &self.layout.roads)?;
        let strength = self.draw.range32(0.78, 1.0);
        let mut lines = LineInk::new(self.size);
        self.line_ink((&regions, &ids), &inked.depth, &mut lines)?;
        let mut text = TextInk::new(self.size);
        let mut letters = self.draw.fork();
        if self.config.style == SheetStyle::Town {
            town_names(&mut letters, &self.layout, self.config.text, &mut text);
        } else {
            land_names(&mut letters, &self.layout, self.config.text, &mut text);
        }
        if self.config.style == SheetStyle::Rural {
            town_names(&mut letters, &self.layout, 0.3 * self.config.text, &mut text);
        }
        max_into(&mut marks.text, &text.black);
        max_into(&mut marks.text, &text.second);
        max_into(&mut marks.dash, &lines.black);
        max_into(&mut marks.dash, &lines.red);
        let red = varied(&mut self.draw, [185.0, 58.0, 48.0], 16.0);
        let second = if self.config.style == SheetStyle::Town { red } else { relief };
        picture.paint(&lines.red, red, self.draw.range32(0.6, 0.95));
        let mut black = inked.ink;
        max_into(&mut black, &lines.black);
        if self.config.style != SheetStyle::Town && self.draw.chance(0.2) {
            // Names stand free: the ground around the letters is left blank.
            picture.paint(&black, self.ink, strength);
            let halo = convolve(&text.black, &gaussian(1.6)).mapv(|v| (v * 3.0).min(1.0));
            picture.paint(&halo, self.paper, 0.85);
        }
        let gain = self.draw.range32(1.0, 1.5);
        max_into(&mut black, &text.black.mapv(|v| (gain * v).min(1.0)));
        picture.paint(&text.second, second, self.draw.range32(0.65, 0.95));
        picture.paint(&black, self.ink, strength);
        let defects = self.config.degradation;
        age(&mut self.draw, &mut picture, defects);
        specks(&mut self.draw, &mut picture, defects);
        let harsh = if self.config.style == SheetStyle::Topographic { 1.6 } else { 1.0 };
        let image = scan(&mut self.draw, &picture, (defects, harsh))?;
        let (axes, truth) = self.lines();
        let labels: PixelLabels =
            labels((&regions, &ids), (&inked.distance, &inked.width), &axes, &marks);
        Ok(Sheet { sample: MapSample::new(image, labels)?, regions: ids, shapes, lines: truth })
    }

    /// Outlines and textures of all regions.
    fn region_ink(&mut self, regions: &Regions, looks: &Looks) -> RegionInk {
        let mut draw = self.draw.fork();
        let found: Borders = borders(&regions.labels, |a, b| looks.border_width(a, b));
        let distance = halve(&found.distance) * 0.5;
        let depth = distance_transform(distance.mapv(|d| d < 0.8).view())
            .mapv(|d| if d.is_finite() { d } else { 1e4 });
        let mut outline = looks.outline_ink(&mut draw, &regions.labels, &found);
        looks.add_shadows(&regions.labels, &mut outline);
        let fields = Fields::new(&mut draw, regions.labels.dim(), depth);
        let hatch = texture_ink(&regions.labels, &looks.textures, &fields);
        max_into(&mut outline, &hatch);
        let width = Array2::from_shape_fn(distance.dim(), |(y, x)| {
            0.5 * found.width[(2 * y, 2 * x)].max(found.width[(2 * y + 1, 2 * x + 1)])
        });
        RegionInk { ink: halve(&outline), hatch: halve(&hatch), distance, width, depth: fields.depth }
    }

    /// Relief, woods, contours, streams and grids under the roads; the contour colour.
    fn ground(&mut self, picture: &mut Picture, marks: &mut Marks) -> Result<Colour> {
        let mut draw = self.draw.fork();
        if self.config.style == SheetStyle::Town {
            return Ok(self.ink);
        }
        let relief = Relief::new(&mut draw, self.size);
        let topographic = self.config.style == SheetStyle::Topographic;
        if topographic {
            relief.paint_shade(&mut draw, picture);
            let edges = relief.paint_woods(&mut draw, picture);
            add_ink(&mut marks.dash, edges.as_ref());
            if let Some(edges) = edges {
                picture.paint(&edges, self.ink, 0.85);
            }
        }
        if topographic || draw.chance(0.75) {
            let ink = relief.contours(&mut draw);
            picture.paint(&ink, relief.contour, draw.range32(0.6, 1.0));
            max_into(&mut marks.dash, &ink);
        }
        let blue = varied(&mut draw, [38.0, 72.0, 138.0], 18.0);
        let mut water: Plane = Plane::zeros((self.size, self.size));
        let dash = (draw.range(5.0, 14.0), draw.range(2.0, 5.5));
        for stream in &self.layout.streams {
            let width = draw.range(1.0, 3.4);
            let stroke = if draw.chance(0.6) { dashed(width, dash) } else { solid(width) };
            stroke_on_page(stream, &stroke, &mut water)?;
        }
        picture.paint(&water, blue, 0.9);
        max_into(&mut marks.dash, &water);
        let amount = self.config.distractors;
        for (colour, share) in [([222.0, 72.0, 58.0], 0.5), ([95.0, 88.0, 84.0], 0.6)] {
            if draw.chance(share) {
                let mut lines: Plane = Plane::zeros((self.size, self.size));
                grid(&mut draw, f64::from(self.config.size), amount, &mut lines)?;
                picture.paint(&lines, varied(&mut draw, colour, 14.0), draw.range32(0.6, 0.95));
                max_into(&mut marks.dash, &lines);
            }
        }
        Ok(relief.contour)
    }

    /// Lines that are drawn in black or red and are neither outline nor road.
    fn line_ink(
        &mut self,
        regions: (&Regions, &Array2<u32>),
        depth: &Plane,
        ink: &mut LineInk,
    ) -> Result<()> {
        let mut draw = self.draw.fork();
        let amount = self.config.distractors;
        if self.config.style == SheetStyle::Town {
            if draw.chance(0.75 * amount.min(1.3)) {
                rows(&mut draw, regions, depth, &mut ink.black)?;
            }
            if draw.chance(0.25 * amount.min(1.3)) {
                rows(&mut draw, regions, depth, &mut ink.black)?;
            }
            return town_lines(&mut draw, &self.layout, amount, ink);
        }
        for road in &self.layout.roads {
            // Telegraph lines run beside the larger roads.
            let beside = matches!(road.class, LineClass::MainRoad | LineClass::Railway | LineClass::SecondaryRoad);
            if beside && draw.chance(0.3 * amount) {
                let gap = self.signatures.width(road.class) / 2.0 + draw.range(2.5, 9.0);
                let line = parallel(&road.line, gap * draw.pick([1.0, -1.0]));
                telegraph(&mut draw, &line, &mut ink.black)?;
            }
        }
        for _ in 0..draw.some(0.0, 2.2, amount) {
            let side = self.layout.map.side;
            let a = Coord { x: draw.range(0.0, 1.0) * side, y: draw.range(-0.1, 0.2) * side };
            let b = Coord { x: draw.range(0.0, 1.0) * side, y: draw.range(0.7, 1.2) * side };
            let flip = draw.chance(0.5);
            let turn = |p: Coord<f64>| if flip { Coord { x: p.y, y: p.x } } else { p };
            let line = crate::polyline::course(&mut draw, turn(a), turn(b), 0.004, 3);
            telegraph(&mut draw, &line, &mut ink.black)?;
        }
        Ok(())
    }

    /// Axes per pixel and line features, both from the roads.
    fn lines(&self) -> (Axes, Vec<LineTruth>) {
        let mut axes = Axes::new(self.size);
        let mut truth = Vec::new();
        for road in &self.layout.roads {
            let width = self.signatures.width(road.class);
            axes.add(&road.line, width);
            let pieces = clipped(&road.line, f64::from(self.config.size));
            truth.extend(pieces.into_iter().map(|line| LineTruth { line, class: road.class, width }));
        }
        (axes, truth)
    }
}

/// Flat colours of regions.
fn wash(picture: &mut Picture, looks: &Looks, ids: &Array2<u32>) {
    for (pixel, &id) in picture.pixels.iter_mut().zip(ids) {
        if let Some(colour) = looks.washes[from_id(id)] {
            for (value, target) in pixel.iter_mut().zip(colour) {
                *value = 0.35 * *value + 0.65 * target;
            }
        }
    }
}

/// Truth polygons at the size of the sheet, and their ids per pixel.
fn shapes(regions: &Regions, size: usize, tolerance: f64) -> Result<(Vec<ShapeTruth>, Array2<u32>)> {
    let mut polygons = polygonize(regions.labels.view()).simplify(2.0 * tolerance)?.polygons();
    polygons.sort_by_key(|&(id, _)| id);
    let mut ids = Array2::from_shape_fn((size, size), |(y, x)| regions.labels[(2 * y, 2 * x)]);
    let mut shapes = Vec::with_capacity(polygons.len());
    for (id, polygon) in polygons {
        let half = |ring: &LineString<f64>| {
            LineString::new(ring.0.iter().map(|&p| p * 0.5).collect::<Vec<_>>())
        };
        let polygon = Polygon::new(
            half(polygon.exterior()),
            polygon.interiors().iter().map(half).collect(),
        );
        fill_labels(&polygon, id, &mut ids);
        debug_assert_eq!(id, to_id(shapes.len()) + 1, "one polygon per region");
        shapes.push(ShapeTruth { polygon, kind: regions.table[from_id(id)].kind });
    }
    Ok((shapes, ids))
}
