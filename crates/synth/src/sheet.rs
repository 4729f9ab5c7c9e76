//! A sheet: drawn picture, labels, and the shapes and lines it shows.

use geo_types::{LineString, Polygon};
use mapvec_data::MapSample;
use mapvec_geometry::{fill_labels, polygonize};
use ndarray::Array2;
use rand::Rng;

use crate::artist::Artist;
use crate::cast::{from_id, to_id};
use crate::config::SheetConfig;
use crate::draw::Draw;
use crate::error::Result;
use crate::regions::{RegionKind, Regions};
use crate::roads::LineClass;

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
    Artist::new(config, Draw::from_rng(rng)).sheet()
}

/// Truth polygons at the size of the sheet, and their ids per pixel.
pub(crate) fn shapes(
    regions: &Regions,
    size: usize,
    tolerance: f64,
) -> Result<(Vec<ShapeTruth>, Array2<u32>)> {
    let mut polygons = polygonize(regions.labels.view()).simplify(2.0 * tolerance)?.polygons();
    polygons.sort_by_key(|&(id, _)| id);
    let mut ids = Array2::from_shape_fn((size, size), |(y, x)| regions.labels[(2 * y, 2 * x)]);
    let mut shapes = Vec::with_capacity(polygons.len());
    for (id, polygon) in polygons {
        let half = |ring: &LineString<f64>| {
            LineString::new(ring.0.iter().map(|&p| p * 0.5).collect::<Vec<_>>())
        };
        let polygon =
            Polygon::new(half(polygon.exterior()), polygon.interiors().iter().map(half).collect());
        fill_labels(&polygon, id, &mut ids);
        debug_assert_eq!(id, to_id(shapes.len()) + 1, "one polygon per region");
        shapes.push(ShapeTruth { polygon, kind: regions.table[from_id(id)].kind });
    }
    Ok((shapes, ids))
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::shapes;
    use crate::config::SheetConfig;
    use crate::regions::{Region, RegionKind, Regions};

    /// Points of the two shapes on the sides of a line with slope `rise : run`.
    fn points(rise: usize, run: usize, tolerance: f64) -> Vec<usize> {
        let region = Region { kind: RegionKind::Open, owner: 0, axis: 0.0 };
        let below = |(y, x): (usize, usize)| run * (2 * y + 1) > rise * (2 * x + 1) + 20 * run;
        let labels = Array2::from_shape_fn((80, 80), |at| 1 + u32::from(below(at)));
        let regions = Regions { labels, table: vec![region; 3] };
        let (found, _) = shapes(&regions, 40, tolerance).unwrap();
        found.iter().map(|shape| shape.polygon.exterior().0.len()).collect()
    }

    #[test]
    fn straight_lines_keep_no_stairs() {
        let default = SheetConfig::default().tolerance;
        for run in 1..30 {
            for rise in 0..=run {
                // At most five corners and the repeated one; the ends of the line may
                // keep a step each.
                let smooth = |points: &[usize]| points.iter().all(|&count| count <= 8);
                let found = points(rise, run, 0.71);
                assert!(smooth(&found), "{found:?} points at slope {rise} : {run}");
                let found = points(rise, run, default);
                let regular = rise == 0 || run % rise == 0;
                assert!(smooth(&found) || !regular, "{found:?} points at slope {rise} : {run}");
            }
        }
    }
}
