//! Centrelines: the graph of a skeleton as lines that meet at junctions.

mod crossing;
mod gap;
mod graph;
mod prune;
mod strand;
mod width;

pub use crossing::CrossingConfig;
pub use gap::GapConfig;
pub use width::widths_along;

use crate::{Result, error::check_non_negative, simplify_line, thin};
use crossing::pass_crossings;
use geo_types::{Coord, LineString};
use graph::{Graph, Pixel};
use ndarray::ArrayView2;
use prune::Network;
use serde::{Deserialize, Serialize};
use strand::Strand;

/// What is dropped from a skeleton, and how its lines are simplified.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CentrelineConfig {
    /// Branches with a free end that are shorter than this are removed (pixels, at
    /// least 0). About the width of the lines is a good value.
    pub min_spur: f64,
    /// Connected parts with a shorter total length are removed (pixels, at least 0).
    pub min_length: f64,
    /// Largest distance between a dropped vertex and its line (pixels, at least 0).
    pub tolerance: f64,
    /// Whether and how free ends that point at each other are joined; off by
    /// default.
    pub gaps: Option<GapConfig>,
    /// Whether and how the pairs of junctions that thinning makes of crossings are
    /// repaired; off by default.
    pub crossings: Option<CrossingConfig>,
}

impl Default for CentrelineConfig {
    fn default() -> Self {
        Self { min_spur: 8.0, min_length: 8.0, tolerance: 0.75, gaps: None, crossings: None }
    }
}

impl CentrelineConfig {
    /// Checks the ranges of the fields.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) names the first field out of range.
    pub fn validate(&self) -> Result<()> {
        check_non_negative("centreline.min_spur", self.min_spur)?;
        check_non_negative("centreline.min_length", self.min_length)?;
        check_non_negative("centreline.tolerance", self.tolerance)?;
        self.gaps.as_ref().map_or(Ok(()), GapConfig::validate)?;
        self.crossings.as_ref().map_or(Ok(()), CrossingConfig::validate)
    }
}

/// One line between junctions or free ends, or a ring.
#[derive(Debug, Clone, PartialEq)]
pub struct Centreline {
    /// The simplified line through pixel centres. Lines that meet at a junction
    /// share its exact coordinate; a ring repeats its first point.
    pub line: LineString<f64>,
    /// Row and column of the pixels along the line, before simplification; each is
    /// a neighbour of the next. Lines that meet or cross may share pixels near there;
    /// the pixels of bridged gaps are not in the skeleton.
    pub pixels: Vec<(u32, u32)>,
    /// Junction at the start; `None` for a free end or a ring without junctions.
    pub start: Option<usize>,
    /// Junction at the end; `None` for a free end or a ring without junctions.
    pub end: Option<usize>,
}

/// Turns a skeleton (shape (H, W)) into centrelines.
///
/// Pixels with three or more neighbours form junctions, one per connected group,
/// at the pixel nearest to the middle of the group. The pixels between are followed
/// to lines. Spurs are pruned from the shortest on, and lines that meet at a former
/// junction are joined again. Then, if the configuration says so, gaps are bridged
/// and crossings repaired. The mask is thinned first; for the result of
/// [`thin`] this changes nothing.
///
/// Lines come in a fixed order and junctions are numbered from 0. Single pixels
/// yield no line. Linear in the number of pixels, apart from the sorting of spurs.
///
/// # Errors
/// [`Error::Parameter`](crate::Error::Parameter) for a field of `config` out of range.
pub fn centrelines(
    skeleton: ArrayView2<'_, bool>,
    config: &CentrelineConfig,
) -> Result<Vec<Centreline>> {
    config.validate()?;
    let graph = Graph::new(thin(skeleton).view());
    let mut network = Network::new(graph);
    network.prune(config.min_spur);
    if let Some(gaps) = &config.gaps {
        network.bridge_gaps(gaps);
    }
    if let Some(crossings) = &config.crossings {
        network.close_holes(crossings.max_length);
    }
    let junctions = network.junction_numbers();
    let strands = network.into_edges(config.min_length).map(|edge| {
        let ends = edge.ends.map(|node| node.and_then(|node| junctions[node]));
        let points = edge.pixels.iter().map(|&pixel| centre(pixel)).collect();
        Strand { pixels: edge.pixels, points, ends }
    });
    let strands = match &config.crossings {
        None => strands.collect(),
        Some(crossings) => pass_crossings(strands.collect(), crossings),
    };
    let lines = strands.into_iter().map(|Strand { pixels, points, ends: [start, end] }| {
        let line = simplify_line(&LineString(points), config.tolerance)?;
        Ok(Centreline { line, pixels, start, end })
    });
    lines.collect()
}

fn centre((row, column): Pixel) -> Coord<f64> {
    Coord { x: f64::from(column) + 0.5, y: f64::from(row) + 0.5 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    type Segment = ((i32, i32), (i32, i32));

    /// Draws segments of pixels, diagonal ones included.
    fn draw(size: usize, lines: &[Segment]) -> Array2<bool> {
        let mut mask = Array2::from_elem((size, size), false);
        for &((i0, j0), (i1, j1)) in lines {
            let steps = (i1 - i0).abs().max((j1 - j0).abs());
            for k in 0..=steps {
                let (i, j) = (i0 + (i1 - i0) * k / steps, j0 + (j1 - j0) * k / steps);
                mask[[usize::try_from(i).unwrap(), usize::try_from(j).unwrap()]] = true;
            }
        }
        mask
    }

    fn none() -> CentrelineConfig {
        CentrelineConfig {
            min_spur: 0.0,
            min_length: 0.0,
            tolerance: 0.0,
            ..CentrelineConfig::default()
        }
    }

    #[test]
    fn cross_has_one_junction_and_four_lines() {
        let mask = draw(21, &[((10, 0), (10, 20)), ((0, 10), (20, 10))]);
        let lines = centrelines(mask.view(), &none()).unwrap();
        assert_eq!(lines.len(), 4);
        let middle = Coord { x: 10.5, y: 10.5 };
        for line in &lines {
            let ends = [line.line.0[0], line.line.0[line.line.0.len() - 1]];
            assert!(ends.contains(&middle), "{line:?}");
            assert_eq!(line.start.xor(line.end), Some(0));
            assert_eq!(line.pixels.len(), 11);
        }
    }

    #[test]
    fn pruned_spur_joins_its_neighbours() {
        let mask = draw(41, &[((20, 0), (20, 40)), ((20, 17), (24, 17))]);
        assert_eq!(centrelines(mask.view(), &none()).unwrap().len(), 3);
        let config = CentrelineConfig { min_spur: 8.0, ..none() };
        let lines = centrelines(mask.view(), &config).unwrap();
        assert_eq!(lines.len(), 1);
        assert_eq!((lines[0].start, lines[0].end), (None, None));
        assert_eq!(lines[0].line.0.len(), 2);
        assert_eq!(lines[0].pixels.len(), 41);
    }

    #[test]
    fn rings_with_and_without_junctions() {
        let square =
            [((5, 5), (5, 15)), ((5, 15), (15, 15)), ((15, 15), (15, 5)), ((15, 5), (5, 5))];
        let lines = centrelines(draw(30, &square).view(), &none()).unwrap();
        assert_eq!(lines.len(), 1);
        assert!(lines[0].line.is_closed() && lines[0].start.is_none());

        let mut with_tail = square.to_vec();
        with_tail.push(((10, 15), (10, 28)));
        let mask = draw(30, &with_tail);
        let lines = centrelines(mask.view(), &none()).unwrap();
        assert_eq!(lines.len(), 2);
        let ring = lines.iter().find(|line| line.line.is_closed()).unwrap();
        assert_eq!((ring.start, ring.end), (Some(0), Some(0)));

        let config = CentrelineConfig { min_spur: 20.0, ..none() };
        let lines = centrelines(mask.view(), &config).unwrap();
        assert_eq!(lines.len(), 1);
        assert!(lines[0].line.is_closed() && lines[0].start.is_none());
    }

    #[test]
    fn short_parts_and_single_pixels_go() {
        let mut mask = draw(30, &[((2, 2), (2, 6)), ((10, 2), (10, 28))]);
        mask[[20, 20]] = true;
        let lines = centrelines(mask.view(), &none()).unwrap();
        assert_eq!(lines.len(), 2);
        let config = CentrelineConfig { min_length: 10.0, ..none() };
        assert_eq!(centrelines(mask.view(), &config).unwrap().len(), 1);
        let bad = CentrelineConfig { min_spur: -1.0, ..none() };
        assert!(centrelines(mask.view(), &bad).is_err());
    }
}
