//! Lines that are no outlines and no roads: trams, dashes, grids, tree rows.

use geo_types::{Coord, LineString};
use mapvec_geometry::{Cap, Dash, Stroke, polygonize, simplify_line};
use ndarray::Array2;

use crate::cast::from_id;
use crate::draw::Draw;
use crate::error::Result;
use crate::layout::Plan;
use crate::planar::{Points, normal, point, unit, unit_of};
use crate::polyline::{between, course, length, parallel};
use crate::raster::{Plane, max_into};
use crate::regions::{RegionKind, Regions};
use crate::signature::{dashed, solid, stroke_on_page};

/// The planes that such lines are drawn on, at the size of the sheet.
#[derive(Debug)]
pub(crate) struct LineInk {
    pub(crate) black: Plane,
    pub(crate) red: Plane,
}

impl LineInk {
    pub(crate) fn new(size: usize) -> Self {
        Self { black: Plane::zeros((size, size)), red: Plane::zeros((size, size)) }
    }
}

/// Lines of a town plan; `amount` scales their number.
pub(crate) fn town_lines(
    draw: &mut Draw,
    plan: &Plan,
    amount: f64,
    ink: &mut LineInk,
) -> Result<()> {
    let side = plan.side;
    let factor = amount * (side / 640.0).max(0.3);
    for _ in 0..draw.some(0.4, 4.8, factor) {
        let line = street_or_course(draw, plan);
        tram(draw, &line, &mut ink.black)?;
    }
    for _ in 0..draw.some(0.0, 2.6, factor) {
        let line = street_or_course(draw, plan);
        let pattern = (draw.range(3.0, 15.0), draw.range(2.0, 8.0));
        let stroke = dashed(draw.range(0.7, 2.3), pattern);
        stroke_on_page(&line, &stroke, &mut ink.black)?;
        if draw.chance(0.4) {
            let beside = parallel(&line, draw.range(3.0, 9.0));
            stroke_on_page(&beside, &stroke, &mut ink.black)?;
        }
    }
    for _ in 0..draw.some(0.0, 2.2, factor) {
        let line = street_or_course(draw, plan);
        dots(&line, draw.range(1.1, 3.2), draw.range(3.5, 8.0), &mut ink.black)?;
    }
    grid(draw, side, amount, &mut ink.black)?;
    if draw.chance(0.42 * amount.min(1.0)) {
        for _ in 0..draw.count(1, 2) {
            let line = street_or_course(draw, plan);
            let width = draw.range(1.5, 6.5);
            let stroke = if draw.chance(0.65) {
                dashed(width, (draw.range(10.0, 34.0), draw.range(4.0, 13.0)))
            } else {
                solid(width)
            };
            stroke_on_page(&line, &stroke, &mut ink.red)?;
        }
    }
    Ok(())
}

/// The axis of a street (more often of a wide one) or a free course.
fn street_or_course(draw: &mut Draw, plan: &Plan) -> Points {
    let side = plan.side;
    if !plan.axes.is_empty() && draw.chance(0.72) {
        let mut best = &plan.axes[draw.count(0, plan.axes.len() - 1)];
        for _ in 0..2 {
            let other = &plan.axes[draw.count(0, plan.axes.len() - 1)];
            if other.width > best.width {
                best = other;
            }
        }
        let offset = draw.normal(0.0, 0.12 * best.width);
        // Tracks go on beyond the page.
        let line = prolonged(&best.line, 30.0);
        return parallel(&line, offset);
    }
    let start = point(draw.range(0.0, 1.0) * side, draw.range(0.0, 1.0) * side);
    let end = start + unit(draw.turn()) * (1.5 * side);
    let (stray, bends) = (draw.range(0.0, 0.08), draw.count(1, 5));
    let mut line = course(draw, start, end, stray, bends);
    if draw.chance(0.6) {
        let back = start + (start - end);
        let mut other = course(draw, start, back, stray, bends);
        other.reverse();
        other.extend(line.into_iter().skip(1));
        line = other;
    }
    line
}

/// A line with its ends drawn out by `reach`.
fn prolonged(line: &[Coord<f64>], reach: f64) -> Points {
    let mut longer = line.to_vec();
    if let [first, second, .., before, last] = *line {
        longer.insert(0, first + unit_of(first - second) * reach);
        longer.push(last + unit_of(last - before) * reach);
    }
    longer
}

/// A tramway: some parallel thin lines, not all of them over the whole length.
fn tram(draw: &mut Draw, line: &Points, plane: &mut Plane) -> Result<()> {
    let gap = draw.range(2.0, 6.0);
    let rails = draw.count(2, 6);
    let width = draw.range(0.5, 1.5);
    let total = length(line);
    let strength = draw.range32(0.6, 1.0);
    let mut ink: Plane = Array2::zeros(plane.dim());
    for k in 0..rails {
        let offset = gap * (k as f64 - (rails - 1) as f64 / 2.0);
        let mut rail = parallel(line, offset);
        if draw.chance(0.2) {
            let from = draw.range(0.0, 0.4) * total;
            rail = between(&rail, from, draw.range(0.5, 1.0) * total);
        }
        let stroke = if draw.chance(0.12) {
            dashed(width, (draw.range(4.0, 12.0), draw.range(2.5, 6.0)))
        } else {
            solid(width)
        };
        if rail.len() > 1 {
            stroke_on_page(&rail, &stroke, &mut ink)?;
        }
    }
    ink.mapv_inplace(|value| value * strength);
    max_into(plane, &ink);
    Ok(())
}

/// Round dots of diameter `size` every `step` pixels.
fn dots(line: &[Coord<f64>], size: f64, step: f64, plane: &mut Plane) -> Result<()> {
    let dash = Dash { on: 0.1, off: step, offset: 0.0 };
    let stroke = Stroke { width: size, cap: Cap::Round, dash: Some(dash), ..solid(size) };
    stroke_on_page(line, &stroke, plane)
}

/// Straight lines across the sheet: the survey grid and lines of a triangulation.
fn grid(draw: &mut Draw, side: f64, amount: f64, plane: &mut Plane) -> Result<()> {
    let mut across = |draw: &mut Draw, angle: f64, width: f64| -> Result<()> {
        let centre = point(draw.range(0.0, 1.0) * side, draw.range(0.0, 1.0) * side);
        let reach = unit(angle) * (1.6 * side);
        stroke_on_page(&[centre - reach, centre + reach], &solid(width), plane)
    };
    if draw.chance((0.9 * amount).min(1.0)) {
        for _ in 0..draw.count(1, 4) {
            let upright = draw.pick([0.0, std::f64::consts::FRAC_PI_2]);
            let angle = upright + draw.normal(0.0, 0.02);
            let width = draw.range(0.4, 1.5);
            across(draw, angle, width)?;
        }
    }
    if draw.chance((0.3 * amount).min(1.0)) {
        for _ in 0..draw.count(1, 3) {
            let (angle, width) = (draw.turn(), draw.range(0.4, 1.1));
            across(draw, angle, width)?;
        }
    }
    Ok(())
}

/// The map grid of open land: straight lines at equal distances in both directions.
pub(crate) fn land_grid(draw: &mut Draw, side: f64, plane: &mut Plane) -> Result<()> {
    let (spacing, width) = (draw.range(140.0, 430.0), draw.range(0.8, 2.6));
    let turn = draw.normal(0.0, 0.015);
    let centre = point(side / 2.0, side / 2.0);
    for direction in [turn, turn + std::f64::consts::FRAC_PI_2] {
        let (along, across) = (unit(direction), normal(unit(direction)));
        let shift = draw.range(0.0, spacing);
        for k in -32..=32 {
            let offset = shift + spacing * f64::from(k);
            if offset.abs() < side && draw.chance(0.85) {
                let foot = centre + across * offset;
                let ends = [foot - along * (1.5 * side), foot + along * (1.5 * side)];
                stroke_on_page(&ends, &solid(width), plane)?;
            }
        }
    }
    Ok(())
}

/// Rows of dots, dashes or a thin line that follow outlines at a constant distance.
pub(crate) fn rows(
    draw: &mut Draw,
    (regions, ids): (&Regions, &Array2<u32>),
    depth: &Plane,
    plane: &mut Plane,
) -> Result<()> {
    let mut areas = vec![0_usize; regions.table.len()];
    for &id in ids {
        areas[from_id(id)] += 1;
    }
    let share = draw.range(0.15, 0.8);
    let streets = draw.chance(0.75);
    let chosen: Vec<bool> = regions
        .table
        .iter()
        .zip(&areas)
        .map(|(region, &area)| match region.kind {
            RegionKind::Street => streets && area > 600,
            RegionKind::Block | RegionKind::Kerb | RegionKind::Parcel => {
                area > 1500 && draw.chance(0.35 * share)
            }
            RegionKind::Island | RegionKind::Quay | RegionKind::Path => {
                area > 250 && draw.chance(share)
            }
            _ => false,
        })
        .collect();
    let distance = draw.range32(2.5, 11.0);
    let mask = Array2::from_shape_fn(ids.dim(), |at| {
        u32::from(depth[at] > distance && chosen[from_id(ids[at])])
    });
    let (size, step) = (draw.range(1.1, 2.2), draw.range(3.6, 7.5));
    let kind = draw.weighted(&[0.65, 0.35]);
    let dash = dashed(draw.range(0.6, 1.5), (draw.range(2.5, 9.0), draw.range(2.0, 5.0)));
    for (_, polygon) in polygonize(mask.view()).simplify(0.9)?.polygons() {
        for ring in std::iter::once(polygon.exterior()).chain(polygon.interiors()) {
            let line = rounded(ring)?;
            // A row may end anywhere along the ring.
            let total = length(&line);
            if total < 20.0 {
                continue;
            }
            let part = if draw.chance(0.5) {
                let from = draw.range(0.0, 0.5) * total;
                between(&line, from, draw.range(0.6, 1.0) * total)
            } else {
                line
            };
            if kind == 0 {
                dots(&part, size, step, plane)?;
            } else {
                stroke_on_page(&part, &dash, plane)?;
            }
        }
    }
    Ok(())
}

/// A traced ring without its pixel steps; lines along the edge of the sheet stay.
fn rounded(ring: &LineString<f64>) -> Result<Points> {
    let smooth = simplify_line(ring, 0.7)?.0;
    let mut line: Points = Vec::with_capacity(2 * smooth.len());
    for pair in smooth.windows(2) {
        line.push(pair[0] * 0.75 + pair[1] * 0.25);
        line.push(pair[0] * 0.25 + pair[1] * 0.75);
    }
    Ok(line)
}
