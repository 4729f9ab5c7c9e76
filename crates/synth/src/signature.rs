//! Signatures of roads and railways: how each class is drawn.

use geo_types::{Coord, LineString};
use mapvec_geometry::{Cap, Dash, Join, Stroke, stroke_coverage};
use ndarray::Array2;

use crate::draw::Draw;
use crate::error::Result;
use crate::picture::{Colour, Picture, varied};
use crate::planar::{Points, normal, point};
use crate::polyline::{Walk, length, parallel};
use crate::raster::Plane;
use crate::roads::{CLASSES, LineClass, Road};

/// The signatures of one sheet.
#[derive(Debug, Clone)]
pub(crate) struct Signatures {
    /// Drawn width per class, in the order of [`CLASSES`].
    widths: [f64; 6],
    /// Width of the two lines of a cased road.
    casing: f64,
    ink: Colour,
    minor: Colour,
    main: Colour,
    empty: Colour,
    /// A third, middle line in main roads.
    median: bool,
    /// Railways as a thin line with cross ticks instead of black and white.
    ticked: bool,
    rail_dash: f64,
    dash: (f64, f64),
}

impl Signatures {
    pub(crate) fn new(draw: &mut Draw, ink: Colour, paper: Colour) -> Self {
        let casing = draw.range(1.0, 2.7);
        let light: Colour = paper.map(|value| value * 0.3 + 0.7 * 240.0);
        let orange: Colour = match draw.weighted(&[0.5, 0.2, 0.15, 0.15]) {
            0 => [228.0, 110.0, 30.0],
            1 => [205.0, 60.0, 40.0],
            2 => [240.0, 200.0, 70.0],
            _ => light,
        };
        let ticked = draw.chance(0.15);
        let rail = if ticked { draw.range(1.0, 2.2) } else { draw.range(4.5, 10.0) };
        let track = draw.range(4.0, 8.0) + casing;
        Self {
            widths: [
                draw.range(0.9, 2.4),
                draw.range(1.3, 3.9),
                track,
                draw.range(2.6, 7.0) + 2.0 * casing,
                rail,
                draw.range(4.5, 13.0) + 2.0 * casing,
            ],
            casing,
            ink,
            minor: if draw.chance(0.04) { [150.0, 70.0, 40.0] } else { ink },
            main: varied(draw, orange, 12.0),
            empty: varied(draw, light, 5.0),
            median: draw.chance(0.1),
            ticked,
            rail_dash: draw.range(6.5, 16.0),
            dash: (draw.range(5.0, 14.0), draw.range(2.2, 5.5)),
        }
    }

    /// Drawn width of a class, px.
    pub(crate) fn width(&self, class: LineClass) -> f64 {
        let index = CLASSES.iter().position(|&c| c == class).unwrap_or(0);
        self.widths[index]
    }

    /// Draws all roads, class by class, so that roads of a class join openly.
    pub(crate) fn draw(&self, picture: &mut Picture, roads: &[Road]) -> Result<()> {
        for class in CLASSES {
            let lines: Vec<&Points> =
                roads.iter().filter(|road| road.class == class).map(|road| &road.line).collect();
            if !lines.is_empty() {
                self.draw_class(picture, class, &lines)?;
            }
        }
        Ok(())
    }

    fn draw_class(&self, picture: &mut Picture, class: LineClass, lines: &[&Points]) -> Result<()> {
        let width = self.width(class);
        let inner = (width - 2.0 * self.casing).max(1.0);
        match class {
            LineClass::Path => {
                paint(picture, lines, &dashed(width, self.dash), self.minor)?;
            }
            LineClass::MinorRoad => paint(picture, lines, &solid(width), self.minor)?,
            LineClass::Track => {
                let gap = (width - self.casing).max(1.0);
                paint(picture, lines, &solid(gap), self.empty)?;
                let side = |offset: f64| -> Vec<Points> {
                    lines.iter().map(|line| parallel(line, offset)).collect()
                };
                let (left, right) = (side(gap / 2.0), side(-gap / 2.0));
                let left: Vec<&Points> = left.iter().collect();
                let right: Vec<&Points> = right.iter().collect();
                paint(picture, &left, &solid(self.casing), self.ink)?;
                paint(picture, &right, &dashed(self.casing, self.dash), self.ink)?;
            }
            LineClass::SecondaryRoad => {
                paint(picture, lines, &solid(width), self.ink)?;
                paint(picture, lines, &solid(inner), self.empty)?;
            }
            LineClass::Railway if self.ticked => {
                paint(picture, lines, &solid(width), self.ink)?;
                let ticks: Vec<Points> = lines
                    .iter()
                    .flat_map(|line| ticks(line, self.rail_dash * 1.2, width * 1.6 + 1.0))
                    .collect();
                let ticks: Vec<&Points> = ticks.iter().collect();
                paint(picture, &ticks, &solid(width * 0.8), self.ink)?;
            }
            LineClass::Railway => {
                paint(picture, lines, &solid(width), self.ink)?;
                let core = (width - self.casing * 1.7).max(1.2);
                let pattern = (self.rail_dash, self.rail_dash);
                paint(picture, lines, &dashed(core, pattern), self.empty)?;
            }
            LineClass::MainRoad => {
                paint(picture, lines, &solid(width), self.ink)?;
                paint(picture, lines, &solid(inner), self.main)?;
                if self.median {
                    paint(picture, lines, &solid(0.8), self.ink)?;
                }
            }
        }
        Ok(())
    }
}

/// Short lines across a course, one per `step`.
fn ticks(line: &[Coord<f64>], step: f64, half: f64) -> Vec<Points> {
    let total = length(line);
    let mut walk = Walk::new(line);
    let mut marks = Vec::new();
    let mut at = step / 2.0;
    while at < total && marks.len() < 10_000 {
        if let Some((p, along)) = walk.at(at) {
            let across = normal(along) * half;
            marks.push(vec![p - across, p + across]);
        }
        at += step;
    }
    marks
}

/// A solid stroke with round joins.
pub(crate) fn solid(width: f64) -> Stroke {
    Stroke { width, cap: Cap::Butt, join: Join::Round, dash: None }
}

/// A dashed stroke, dash and gap in px.
pub(crate) fn dashed(width: f64, (on, off): (f64, f64)) -> Stroke {
    Stroke { dash: Some(Dash { on, off, offset: 0.0 }), ..solid(width) }
}

fn paint(picture: &mut Picture, lines: &[&Points], stroke: &Stroke, colour: Colour) -> Result<()> {
    let mut coverage: Plane = Array2::zeros(picture.pixels.dim());
    for line in lines {
        stroke_on_page(line, stroke, &mut coverage)?;
    }
    picture.paint(&coverage, colour, 1.0);
    Ok(())
}

/// Strokes the part of a line near the sheet; a dash pattern keeps its place.
pub(crate) fn stroke_on_page(
    line: &[Coord<f64>],
    stroke: &Stroke,
    coverage: &mut Plane,
) -> Result<()> {
    let reach = 40.0 + stroke.width;
    let limit = coverage.ncols() as f64 + reach;
    let near = |p: Coord<f64>| p.x > -reach && p.y > -reach && p.x < limit && p.y < limit;
    let mut piece: Points = Vec::new();
    for pair in line.windows(2) {
        let long = crate::planar::norm(pair[1] - pair[0]) > 30.0;
        if near(pair[0]) || near(pair[1]) || long {
            if piece.is_empty() {
                piece.push(pair[0]);
            }
            piece.push(pair[1]);
        } else if piece.len() > 1 {
            stroke_coverage(&LineString::new(std::mem::take(&mut piece)), stroke, coverage)?;
        }
    }
    if piece.len() > 1 && length(&piece) > 1e-6 {
        stroke_coverage(&LineString::new(piece), stroke, coverage)?;
    }
    Ok(())
}

/// Telegraph line: a thin line with dots or short ticks on one side.
pub(crate) fn telegraph(draw: &mut Draw, line: &[Coord<f64>], coverage: &mut Plane) -> Result<()> {
    let width = draw.range(0.6, 1.9);
    stroke_on_page(line, &solid(width), coverage)?;
    let (step, size) = (draw.range(22.0, 75.0), draw.range(1.0, 2.4));
    let side = draw.pick([-1.0, 0.0, 1.0]);
    for tick in ticks(line, step, size) {
        let (a, b) = (tick[0], tick[1]);
        let shift = (b - a) * (0.5 * side);
        let middle = (a + b) / 2.0 + shift;
        if draw.chance(0.5) {
            stroke_on_page(&[a + shift, b + shift], &solid(size), coverage)?;
        } else {
            let dot = Stroke { cap: Cap::Round, ..solid(2.0 * size) };
            stroke_on_page(&[middle, middle + point(0.05, 0.0)], &dot, coverage)?;
        }
    }
    Ok(())
}
