//! Many shapes into one label map at once.

use super::canvas::{Canvas, on_cells};
use super::dash::dash_line;
use super::drawable::{check_area, check_line};
use super::labels::fill_polygon;
use super::stroke::{MITER_LIMIT, Stroke};
use super::stroke_labels::stroke_line;
use crate::ring::rings;
use crate::{
    Result,
    grid::{ceil_index, floor_index},
};
use geo_types::{LineString, Polygon};
use ndarray::Array2;
use rayon::prelude::*;
use std::{borrow::Cow, ops::Range};

/// Rows that one task draws.
const BAND: usize = 64;

/// A shape to be drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Drawing<'a> {
    /// A polygon, filled as by [`fill_labels`](crate::fill_labels).
    Area(&'a Polygon<f64>),
    /// A line, drawn as by [`stroke_labels`](crate::stroke_labels).
    Line(&'a LineString<f64>, &'a Stroke),
}

/// Draws shapes and their ids in order: what comes later covers what came before.
///
/// The result is that of [`fill_labels`](crate::fill_labels) and
/// [`stroke_labels`](crate::stroke_labels) one after the other. Parallel over bands of
/// rows; the result does not depend on the number of threads. `labels` has shape
/// (H, W).
///
/// # Errors
/// [`Error::Item`](crate::Error::Item) with the index of the first shape that cannot be
/// drawn, and nothing is drawn then: what
/// [`stroke_labels`](crate::stroke_labels) returns for a line;
/// [`Error::Polygon`](crate::Error::Polygon) for coordinates of an area that are not
/// finite, [`Error::Parameter`](crate::Error::Parameter) for those beyond `1e100`.
pub fn draw_labels(drawings: &[(Drawing<'_>, u32)], labels: &mut Array2<u32>) -> Result<()> {
    let marks = drawings.iter().enumerate().map(|(index, &(drawing, id))| {
        Mark::new(drawing, id).map_err(|error| error.of_item("drawings", index))
    });
    let marks = marks.collect::<Result<Vec<_>>>()?;
    let (height, width) = labels.dim();
    let mut bands = vec![Vec::new(); height.div_ceil(BAND)];
    for mark in &marks {
        let rows = mark.rows(height);
        if !rows.is_empty() {
            let last = (rows.end - 1) / BAND;
            bands[rows.start / BAND..=last].iter_mut().for_each(|band| band.push(mark));
        }
    }
    on_cells(labels, |cells| {
        let chunks = cells.par_chunks_mut((BAND * width).max(1));
        chunks.zip(&bands).enumerate().for_each(|(index, (cells, marks))| {
            let mut canvas = Canvas::new(index * BAND, width, cells);
            marks.iter().for_each(|mark| mark.draw(&mut canvas));
        });
    });
    Ok(())
}

/// A checked shape, dashes cut.
struct Mark<'a> {
    id: u32,
    shape: MarkShape<'a>,
}

enum MarkShape<'a> {
    Area(&'a Polygon<f64>),
    Lines(Cow<'a, [LineString<f64>]>, &'a Stroke),
}

impl<'a> Mark<'a> {
    fn new(drawing: Drawing<'a>, id: u32) -> Result<Self> {
        let shape = match drawing {
            Drawing::Area(polygon) => {
                check_area(polygon)?;
                MarkShape::Area(polygon)
            }
            Drawing::Line(line, stroke) => {
                stroke.validate()?;
                check_line(line)?;
                let pieces = match &stroke.dash {
                    Some(dash) => Cow::Owned(dash_line(line, dash)?),
                    None => Cow::Borrowed(std::slice::from_ref(line)),
                };
                MarkShape::Lines(pieces, stroke)
            }
        };
        Ok(Self { id, shape })
    }

    /// Rows that the mark may touch.
    fn rows(&self, height: usize) -> Range<usize> {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        let mut add = |line: &LineString<f64>, reach: f64| {
            for p in line.coords() {
                low = low.min(p.y - reach);
                high = high.max(p.y + reach);
            }
        };
        match &self.shape {
            MarkShape::Area(polygon) => rings(polygon).for_each(|ring| add(ring, 0.0)),
            MarkShape::Lines(lines, stroke) => {
                // Nothing is longer than a miter; one more row for rounding.
                let reach = 0.5 * stroke.width * MITER_LIMIT + 1.0;
                lines.iter().for_each(|line| add(line, reach));
            }
        }
        if low > high {
            return 0..0;
        }
        floor_index(low, height)..ceil_index(high, height)
    }

    fn draw(&self, canvas: &mut Canvas<'_>) {
        match &self.shape {
            MarkShape::Area(polygon) => fill_polygon(polygon, self.id, canvas),
            MarkShape::Lines(lines, stroke) => {
                for line in lines.iter() {
                    stroke_line(line, stroke, self.id, canvas);
                }
            }
        }
    }
}
