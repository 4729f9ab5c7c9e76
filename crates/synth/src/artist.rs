//! The drawing of a sheet from its plan, layer by layer.

use geo_types::{Coord, LineString};
use mapvec_data::MapSample;
use mapvec_geometry::{distance_transform, validate_line};
use ndarray::Array2;

use crate::border::borders;
use crate::cast::from_id;
use crate::config::{SheetConfig, SheetStyle};
use crate::distractors::{LineInk, land_grid, rows, town_lines};
use crate::draw::Draw;
use crate::error::Result;
use crate::inking::Looks;
use crate::labels::{Axes, Marks, labels};
use crate::layout::Plan;
use crate::names::{TextInk, land_names, town_names};
use crate::paper::{age, scan, specks};
use crate::picture::{Colour, Picture, varied};
use crate::polyline::{clipped, course, parallel};
use crate::raster::{Plane, convolve, gaussian, halve, max_into};
use crate::regions::Regions;
use crate::relief::{Relief, add_ink};
use crate::roads::LineClass;
use crate::rural::rural;
use crate::sheet::{LineTruth, Sheet, shapes};
use crate::signature::{Signatures, dashed, solid, stroke_on_page, telegraph};
use crate::texture::{Fields, texture_ink};
use crate::topographic::topographic;
use crate::town::town;

/// Everything decided before drawing starts.
#[derive(Debug)]
pub(crate) struct Artist<'a> {
    config: &'a SheetConfig,
    draw: Draw,
    size: usize,
    paper: Colour,
    ink: Colour,
    signatures: Signatures,
    regions: Regions,
    plan: Plan,
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
    pub(crate) fn new(config: &'a SheetConfig, mut draw: Draw) -> Self {
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
        let (regions, plan) = layout.finish();
        Self { config, draw, size: from_id(config.size), paper, ink, signatures, regions, plan }
    }

    /// Draws everything and derives the labels.
    pub(crate) fn sheet(mut self) -> Result<Sheet> {
        let (shapes, ids) = shapes(&self.regions, self.size, self.config.tolerance)?;
        let looks = Looks::new(&mut self.draw.fork(), &self.regions, self.config);
        let inked = self.region_ink(&looks);
        let blank: Plane = Plane::zeros((self.size, self.size));
        let mut marks = Marks { text: blank.clone(), hatch: inked.hatch.clone(), dash: blank };
        let mut picture = Picture::new(self.size, self.paper);
        wash(&mut picture, &looks, &ids);
        let relief = self.ground(&mut picture, &mut marks)?;
        self.signatures.draw(&mut picture, &self.plan.roads)?;
        let lines = self.line_ink(&ids, &inked.depth)?;
        let text = self.letters();
        max_into(&mut marks.text, &text.black);
        max_into(&mut marks.text, &text.second);
        max_into(&mut marks.dash, &lines.black);
        max_into(&mut marks.dash, &lines.red);
        self.print(&mut picture, (&inked.ink, &lines, &text), relief);
        let defects = self.config.degradation;
        age(&mut self.draw, &mut picture, defects);
        specks(&mut self.draw, &mut picture, defects);
        let harsh = if self.config.style == SheetStyle::Topographic { 1.6 } else { 1.0 };
        let image = scan(&mut self.draw, &picture, (defects, harsh))?;
        let (axes, truth) = self.lines()?;
        let borders = (&inked.distance, &inked.width);
        let labels = labels((&self.regions, &ids), borders, &axes, &marks);
        Ok(Sheet { sample: MapSample::new(image, labels)?, regions: ids, shapes, lines: truth })
    }

    /// All names of the sheet.
    fn letters(&mut self) -> TextInk {
        let mut draw = self.draw.fork();
        let mut text = TextInk::new(self.size);
        let amount = self.config.text;
        match self.config.style {
            SheetStyle::Town => town_names(&mut draw, &self.plan, amount, &mut text),
            SheetStyle::Topographic => land_names(&mut draw, &self.plan, amount, &mut text),
            SheetStyle::Rural => {
                land_names(&mut draw, &self.plan, amount, &mut text);
                town_names(&mut draw, &self.plan, 0.3 * amount, &mut text);
            }
        }
        text
    }

    /// Prints outlines, lines and text: the second colour, then black.
    fn print(
        &mut self,
        picture: &mut Picture,
        (regions, lines, text): (&Plane, &LineInk, &TextInk),
        relief: Colour,
    ) {
        let town = self.config.style == SheetStyle::Town;
        let strength = self.draw.range32(0.78, 1.0);
        let red = varied(&mut self.draw, [185.0, 58.0, 48.0], 16.0);
        picture.paint(&lines.red, red, self.draw.range32(0.6, 0.95));
        let gain = self.draw.range32(1.0, 1.5);
        let letters = text.black.mapv(|v| (gain * v).min(1.0));
        let mut black = regions.clone();
        max_into(&mut black, &lines.black);
        if !town && self.draw.chance(0.2) {
            // Names stand free: the ground around the letters is left blank.
            picture.paint(&black, self.ink, strength);
            let halo = convolve(&text.black, &gaussian(1.6)).mapv(|v| (v * 3.0).min(1.0));
            picture.paint(&halo, self.paper, 0.85);
            black = letters;
        } else {
            max_into(&mut black, &letters);
        }
        let second = if town { red } else { relief };
        picture.paint(&text.second, second, self.draw.range32(0.65, 0.95));
        picture.paint(&black, self.ink, strength);
    }

    /// Outlines and textures of all regions.
    fn region_ink(&mut self, looks: &Looks) -> RegionInk {
        let mut draw = self.draw.fork();
        let regions = &self.regions;
        let found = borders(&regions.labels, |a, b| looks.border_width(a, b));
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
        RegionInk {
            ink: halve(&outline),
            hatch: halve(&hatch),
            distance,
            width,
            depth: fields.depth,
        }
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
        for stream in &self.plan.streams {
            let width = draw.range(1.0, 3.4);
            let stroke = if draw.chance(0.6) { dashed(width, dash) } else { solid(width) };
            stroke_on_page(stream, &stroke, &mut water)?;
        }
        picture.paint(&water, blue, 0.9);
        max_into(&mut marks.dash, &water);
        let amount = self.config.distractors;
        for (colour, share) in [([222.0, 72.0, 58.0], 0.6), ([78.0, 70.0, 66.0], 0.75)] {
            if draw.chance(share * amount.min(1.2)) {
                let mut lines: Plane = Plane::zeros((self.size, self.size));
                land_grid(&mut draw, f64::from(self.config.size), &mut lines)?;
                picture.paint(&lines, varied(&mut draw, colour, 14.0), draw.range32(0.6, 0.95));
                max_into(&mut marks.dash, &lines);
            }
        }
        Ok(relief.contour)
    }

    /// Lines that are drawn in black or red and are neither outline nor road.
    fn line_ink(&mut self, ids: &Array2<u32>, depth: &Plane) -> Result<LineInk> {
        let mut ink = LineInk::new(self.size);
        let regions = (&self.regions, ids);
        let mut draw = self.draw.fork();
        let amount = self.config.distractors;
        if self.config.style == SheetStyle::Town {
            if draw.chance(0.75 * amount.min(1.3)) {
                rows(&mut draw, regions, depth, &mut ink.black)?;
            }
            if draw.chance(0.25 * amount.min(1.3)) {
                rows(&mut draw, regions, depth, &mut ink.black)?;
            }
            town_lines(&mut draw, &self.plan, amount, &mut ink)?;
            return Ok(ink);
        }
        for road in &self.plan.roads {
            // Telegraph lines run beside the larger roads.
            let beside = matches!(
                road.class,
                LineClass::MainRoad | LineClass::Railway | LineClass::SecondaryRoad
            );
            if beside && draw.chance(0.5 * amount) {
                let gap = self.signatures.width(road.class) / 2.0 + draw.range(2.5, 14.0);
                let line = parallel(&road.line, gap * draw.pick([1.0, -1.0]));
                telegraph(&mut draw, &line, &mut ink.black)?;
            }
        }
        for _ in 0..draw.some(0.0, 4.0, amount) {
            let side = self.plan.side;
            let a = Coord { x: draw.range(0.0, 1.0) * side, y: draw.range(-0.1, 0.2) * side };
            let b = Coord { x: draw.range(0.0, 1.0) * side, y: draw.range(0.7, 1.2) * side };
            let flip = draw.chance(0.5);
            let turn = |p: Coord<f64>| if flip { Coord { x: p.y, y: p.x } } else { p };
            let line = course(&mut draw, turn(a), turn(b), 0.004, 3);
            telegraph(&mut draw, &line, &mut ink.black)?;
        }
        Ok(ink)
    }

    /// Axes per pixel and line features, both from the roads.
    fn lines(&self) -> Result<(Axes, Vec<LineTruth>)> {
        let mut roads = Vec::new();
        let mut truth = Vec::new();
        for road in &self.plan.roads {
            let width = self.signatures.width(road.class);
            let line = LineString::from(road.line.clone());
            if validate_line(&line).is_ok() {
                roads.push((line, width));
            }
            let pieces = clipped(&road.line, f64::from(self.config.size));
            truth.extend(pieces.into_iter().map(|line| LineTruth {
                line,
                class: road.class,
                width,
            }));
        }
        Ok((Axes::new(self.size, &roads)?, truth))
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
