//! Networks of roads, railways and paths.

use geo_types::Coord;
use serde::{Deserialize, Serialize};

use crate::draw::Draw;
use crate::planar::{Points, norm, point, unit};
use crate::polyline::{between, course, length};

/// The class of a line feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LineClass {
    /// Two casings with a coloured fill.
    MainRoad,
    /// Two casings, empty between them.
    SecondaryRoad,
    /// One solid and one dashed casing.
    Track,
    /// One solid line.
    MinorRoad,
    /// One dashed line.
    Path,
    /// Black and white in turn, or a line with cross ticks.
    Railway,
}

/// All classes, in the order in which they are drawn.
pub(crate) const CLASSES: [LineClass; 6] = [
    LineClass::Path,
    LineClass::MinorRoad,
    LineClass::Track,
    LineClass::SecondaryRoad,
    LineClass::Railway,
    LineClass::MainRoad,
];

/// A road before clipping to the sheet.
#[derive(Debug, Clone)]
pub(crate) struct Road {
    pub(crate) line: Points,
    pub(crate) class: LineClass,
}

/// How many roads a sheet has, relative to a usual one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Density {
    pub(crate) main: f64,
    pub(crate) minor: f64,
}

/// Draws a network over the sheet: long roads through `places`, minor roads that start
/// there or on other roads.
pub(crate) fn network(
    draw: &mut Draw,
    side: f64,
    places: &[Coord<f64>],
    density: Density,
) -> Vec<Road> {
    let mut roads: Vec<Road> = Vec::new();
    let factor = (side / 640.0).max(0.4);
    for _ in 0..draw.some(1.5, 4.5, density.main * factor) {
        let class =
            [LineClass::MainRoad, LineClass::SecondaryRoad, LineClass::Railway, LineClass::Track]
                [draw.weighted(&[0.36, 0.22, 0.24, 0.18])];
        let line = through(draw, side, places, class);
        if class == LineClass::Railway && draw.chance(0.35) {
            // A road keeps the railway company.
            let gap = draw.range(12.0, 40.0) * draw.pick([1.0, -1.0]);
            let beside = crate::polyline::parallel(&line, gap);
            roads.push(Road { line: beside, class: LineClass::MainRoad });
        }
        roads.push(Road { line, class });
    }
    let minor = |draw: &mut Draw| {
        [LineClass::MinorRoad, LineClass::SecondaryRoad, LineClass::Track, LineClass::Path]
            [draw.weighted(&[0.62, 0.13, 0.13, 0.12])]
    };
    for &place in places {
        let first = draw.turn();
        let count = draw.count(1, 5);
        for k in 0..count {
            let angle =
                first + std::f64::consts::TAU * k as f64 / count as f64 + draw.normal(0.0, 0.3);
            let end = match draw.count(0, 3) {
                0 if places.len() > 1 => places[draw.count(0, places.len() - 1)],
                _ => place + unit(angle) * (side * draw.log_range(0.12, 0.9)),
            };
            if norm(end - place) < 20.0 {
                continue;
            }
            let class = minor(draw);
            let line = branch(draw, place, end, class);
            roads.push(Road { line, class });
        }
    }
    for _ in 0..draw.some(2.0, 8.0, density.minor * factor) {
        let start = match roads.get(draw.count(0, roads.len().max(1) - 1)) {
            Some(road) if draw.chance(0.65) => road.line[draw.count(0, road.line.len() - 1)],
            _ => point(draw.range(-0.1, 1.1) * side, draw.range(-0.1, 1.1) * side),
        };
        let end = start + unit(draw.turn()) * (side * draw.log_range(0.1, 1.1));
        let class = minor(draw);
        let line = branch(draw, start, end, class);
        roads.push(Road { line, class });
    }
    roads.retain(|road| length(&road.line) > 15.0);
    roads
}

/// A course of limited windings: larger roads have gentler bends.
fn branch(draw: &mut Draw, start: Coord<f64>, end: Coord<f64>, class: LineClass) -> Points {
    let winding = matches!(class, LineClass::MinorRoad | LineClass::Path);
    let stray = draw.pick([0.0, 0.02, 0.04, if winding { 0.09 } else { 0.05 }]);
    let longest = if winding { 10.0 } else { 5.0 };
    // Bends closer than some 25 px would be loops, not bends.
    let most = (norm(end - start) / 25.0).min(longest).max(1.0);
    let bends = draw.count(1, crate::cast::to_index(most));
    let line = course(draw, start, end, stray, bends);
    smoothed(&line, draw.count(1, if winding { 4 } else { 8 }))
}

/// A long course from edge to edge, by way of a place if there is one.
fn through(draw: &mut Draw, side: f64, places: &[Coord<f64>], class: LineClass) -> Points {
    let centre = point(side / 2.0, side / 2.0);
    let via = if !places.is_empty() && draw.chance(0.7) && class != LineClass::Railway {
        places[draw.count(0, places.len() - 1)]
    } else {
        point(draw.range(0.1, 0.9) * side, draw.range(0.1, 0.9) * side)
    };
    let angle = draw.turn();
    let opposite = angle + std::f64::consts::PI + draw.normal(0.0, 0.5);
    let reach = 0.85 * side;
    let (stray, bends) = match class {
        LineClass::Railway => (draw.range(0.01, 0.05), draw.count(1, 3)),
        _ => (draw.pick([0.01, 0.03, 0.06]), draw.count(1, 8)),
    };
    let mut line = course(draw, centre + unit(angle) * reach, via, stray, bends);
    line.extend(
        course(draw, via, centre + unit(opposite) * reach, stray, bends).into_iter().skip(1),
    );
    let line = if draw.chance(0.08) {
        let total = length(&line);
        between(&line, 0.0, total * draw.range(0.4, 0.9))
    } else {
        line
    };
    smoothed(&line, draw.count(2, 9))
}

/// Moving averages over `reach` points on either side round off kinks.
fn smoothed(line: &[Coord<f64>], reach: usize) -> Points {
    let last = line.len().saturating_sub(1);
    (0..line.len())
        .map(|k| {
            let reach = reach.min(k).min(last - k);
            let window = &line[k - reach..=k + reach];
            crate::planar::middle(window)
        })
        .collect()
}
