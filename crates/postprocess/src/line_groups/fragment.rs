//! The pieces that lines are put together from.

use std::collections::BTreeMap;

use geo_types::{Coord, coord};
use mapvec_geometry::{CentrelineConfig, centrelines, thin, widths_along};
use ndarray::{Array2, ArrayView2, s};
use rayon::prelude::*;

use super::regions::around;
use crate::Result;

/// Shorter pieces have no direction (pixels).
const MIN_ARM: f64 = 4.0;
/// Share of a piece that may be skipped at each of its ends.
const INNER_SHARE: f64 = 0.35;

/// A piece and which of its ends (0 or 1).
pub(super) type End = (usize, usize);

/// A piece of skeleton between junctions and free ends.
#[derive(Debug, Clone)]
pub(super) struct Fragment {
    /// Pixel centres along it.
    pub(super) points: Vec<Coord<f64>>,
    /// The group of its pixels, 0 if it is not known.
    pub(super) group: u32,
    /// Width of the mask (pixels).
    pub(super) width: f64,
    pub(super) length: f64,
    /// Junctions at its ends.
    pub(super) junctions: [Option<usize>; 2],
}

/// One end of a fragment, seen from outside.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arm {
    pub(super) tip: Coord<f64>,
    /// A point near the end that does not depend on single pixels.
    pub(super) foot: Coord<f64>,
    /// Where the line would go on; not of unit length. None for a dot.
    pub(super) direction: Option<Coord<f64>>,
}

impl Fragment {
    /// A ring without junctions.
    pub(super) fn is_ring(&self) -> bool {
        self.points.len() > 2 && self.points.first() == self.points.last()
    }

    /// Whether it is about as long as wide.
    pub(super) fn is_dot(&self) -> bool {
        self.length < MIN_ARM.max(self.width) && self.junctions == [None, None]
    }

    /// The mean of its points.
    pub(super) fn centre(&self) -> Coord<f64> {
        mean(&self.points)
    }

    /// The end `side`; `inner` is skipped, `reach` is what the direction is measured over.
    pub(super) fn arm(&self, side: usize, inner: f64, reach: f64) -> Arm {
        if self.is_dot() {
            return Arm { tip: self.centre(), foot: self.centre(), direction: None };
        }
        let inner = self.skipped(inner);
        let (mut passed, mut previous) = (0.0, self.tip(side));
        let mut window = Vec::new();
        for point in self.points_from(side) {
            passed += distance(previous, point);
            previous = point;
            if passed >= inner {
                window.push(point);
            }
            if passed > inner + reach {
                break;
            }
        }
        if window.len() < 2 || self.length < MIN_ARM {
            return Arm { tip: self.tip(side), foot: self.tip(side), direction: None };
        }
        // Means of both halves: a single pixel is half a pixel off.
        let (near, far) = window.split_at(window.len() / 2);
        let (near, far) = (mean(near), mean(far));
        Arm { tip: self.tip(side), foot: near, direction: Some(near - far) }
    }

    /// How much of `inner` may be skipped at an end.
    pub(super) fn skipped(&self, inner: f64) -> f64 {
        inner.min(INNER_SHARE * self.length)
    }

    fn tip(&self, side: usize) -> Coord<f64> {
        self.points[if side == 0 { 0 } else { self.points.len() - 1 }]
    }

    /// Its points from an end on.
    pub(super) fn points_from(&self, side: usize) -> impl Iterator<Item = Coord<f64>> + '_ {
        let last = self.points.len() - 1;
        (0..=last).map(move |k| self.points[if side == 0 { k } else { last - k }])
    }
}

fn mean(points: &[Coord<f64>]) -> Coord<f64> {
    points.iter().fold(Coord::zero(), |sum, &point| sum + point) / points.len() as f64
}

pub(super) fn distance(a: Coord<f64>, b: Coord<f64>) -> f64 {
    (a.x - b.x).hypot(a.y - b.y)
}

/// The pixel that a point lies in; that at the border for one before the raster.
pub(super) fn pixel_at(point: Coord<f64>) -> (usize, usize) {
    (whole(point.y), whole(point.x))
}

/// A number without its fraction, 0 for negative ones.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "such casts saturate, which is what is wanted"
)]
pub(super) fn whole(number: f64) -> usize {
    number as usize
}

/// Length of the polyline through points.
pub(super) fn length(points: &[Coord<f64>]) -> f64 {
    points.windows(2).map(|pair| distance(pair[0], pair[1])).sum()
}

/// The skeleton of every group, cut at its junctions; candidates without a group last.
pub(super) fn fragments(
    mask: ArrayView2<'_, bool>,
    groups: ArrayView2<'_, u32>,
    min_spur: f64,
) -> Result<Vec<Fragment>> {
    // Top, left, bottom and right of every group.
    let mut bounds: BTreeMap<u32, [usize; 4]> = BTreeMap::new();
    for (pixel, _) in mask.indexed_iter().filter(|(_, candidate)| **candidate) {
        let (row, column) = pixel;
        let area = bounds.entry(groups[pixel]).or_insert([row, column, row + 1, column + 1]);
        area[1] = area[1].min(column);
        area[2] = row + 1;
        area[3] = area[3].max(column + 1);
    }
    let areas: Vec<(u32, [usize; 4])> = bounds.into_iter().collect();
    let made: Vec<Result<Vec<Fragment>>> = areas
        .into_par_iter()
        .map(|(group, [top, left, bottom, right])| {
            let window = s![top..bottom, left..right];
            let inside = groups.slice(window).mapv(|other| other == group);
            let candidates = mask.slice(window);
            let own = Array2::from_shape_fn(inside.dim(), |p| inside[p] && candidates[p]);
            skeleton(own.view(), group, coord! { x: left as f64, y: top as f64 }, min_spur)
        })
        .collect();
    let mut all = Vec::new();
    let mut junctions = 0;
    for group in made {
        let mut group = group?;
        let ends = || group.iter().flat_map(|fragment| fragment.junctions).flatten();
        let count = ends().max().map_or(0, |last| last + 1);
        for end in group.iter_mut().flat_map(|fragment| &mut fragment.junctions) {
            *end = end.map(|junction| junction + junctions);
        }
        junctions += count;
        all.append(&mut group);
    }
    Ok(all)
}

/// The fragments of one group; `origin` is the corner of its raster.
fn skeleton(
    mask: ArrayView2<'_, bool>,
    group: u32,
    origin: Coord<f64>,
    min_spur: f64,
) -> Result<Vec<Fragment>> {
    let thinned = thin(mask);
    let config =
        CentrelineConfig { min_spur, min_length: 0.0, tolerance: 0.0, ..Default::default() };
    let lines = centrelines(thinned.view(), &config)?;
    let widths = widths_along(&lines, mask);
    let centre = |row: f64, column: f64| origin + coord! { x: column + 0.5, y: row + 0.5 };
    let mut found = Vec::new();
    for (line, mut widths) in lines.into_iter().zip(widths) {
        let pixels = line.pixels.iter();
        let points: Vec<_> = pixels.map(|&(r, c)| centre(f64::from(r), f64::from(c))).collect();
        widths.sort_by(f32::total_cmp);
        let width = widths.get(widths.len() / 2).copied().map_or(1.0, f64::from).max(1.0);
        let (length, junctions) = (length(&points), [line.start, line.end]);
        found.push(Fragment { points, group, width, length, junctions });
    }
    for (pixel, _) in thinned.indexed_iter().filter(|(_, set)| **set) {
        if around(pixel, thinned.dim()).all(|near| !thinned[near]) {
            let points = vec![centre(pixel.0 as f64, pixel.1 as f64)];
            let width = dot_width(mask, pixel);
            found.push(Fragment { points, group, width, length: 0.0, junctions: [None; 2] });
        }
    }
    Ok(found)
}

/// Rows of candidates through a dot.
fn dot_width(mask: ArrayView2<'_, bool>, (row, column): (usize, usize)) -> f64 {
    let below = (row..mask.nrows()).take_while(|&row| mask[(row, column)]).count();
    let above = (0..row).rev().take_while(|&row| mask[(row, column)]).count();
    (above + below) as f64
}
