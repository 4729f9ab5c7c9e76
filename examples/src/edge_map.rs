//! Closed shapes of an edge map: watershed, polygons, and the polygons back as pixels.

use anyhow::Result;
use mapvec_geometry::{Coverage, fill_labels, polygonize, validate_polygon};
use mapvec_metrics::{PqCounts, panoptic_counts};
use mapvec_postprocess::{
    Connectivity, WatershedConfig, close_lines, components, split_regions, watershed,
};
use mapvec_vectorize::ShapeConfig;
use ndarray::{Array2, ArrayView2};

/// Shapes of an edge map as regions and as polygons, compared with truth.
#[derive(Debug, Clone, PartialEq)]
pub struct EdgeMapScores {
    /// Regions of the watershed, with lines of one pixel between them.
    pub regions: PqCounts,
    /// The regions as simplified polygons with the lines between them, rasterized.
    pub outlines: RasterizedPolygons,
    /// The regions without lines as simplified polygons that share edges, rasterized.
    pub partition: RasterizedPolygons,
    /// Largest deviation of a simplified outline in pixels.
    pub tolerance: f64,
}

/// Polygons that became pixels again.
#[derive(Debug, Clone, PartialEq)]
pub struct RasterizedPolygons {
    /// Against the truth.
    pub quality: PqCounts,
    /// Number of polygons.
    pub polygons: usize,
    /// How many of them are invalid.
    pub invalid: usize,
    /// Vertices before simplification, each shared one counted once.
    pub traced_vertices: usize,
    /// Vertices afterwards.
    pub vertices: usize,
}

/// The flood for shapes of at least `area` pixels that are `dynamics` grey levels deep.
#[must_use]
pub fn flood(area: u32, dynamics: u8) -> WatershedConfig {
    WatershedConfig { area, dynamics, connectivity: Connectivity::Eight }
}

/// True shapes of a picture of their edges: 4-connected components beside the edges, of at
/// least `min_area` pixels.
#[must_use]
pub fn shapes_between(edges: ArrayView2<'_, bool>, min_area: u32) -> Array2<u32> {
    components(edges.mapv(|edge| !edge).view(), Connectivity::Four).without_small(min_area).labels
}

/// Floods an edge map (0 to 255, high on edges), turns the regions into polygons and back,
/// and scores each step inside `mask`. Every basin becomes a shape: nothing is merged.
///
/// # Errors
/// The rasters differ in size, or a field of `config` is out of range.
pub fn score_edge_map(
    edge_map: ArrayView2<'_, u8>,
    config: &WatershedConfig,
    truth: ArrayView2<'_, u32>,
    mask: Option<ArrayView2<'_, bool>>,
) -> Result<EdgeMapScores> {
    let regions = watershed(edge_map, config)?;
    let tolerance = ShapeConfig::default().tolerance;
    let back = |labels: ArrayView2<'_, u32>| -> Result<RasterizedPolygons> {
        let traced = polygonize(labels);
        let simple = traced.simplify(tolerance)?;
        let (raster, invalid) = rasterized(&simple, labels.dim());
        Ok(RasterizedPolygons {
            quality: panoptic_counts(raster.view(), truth, mask)?,
            polygons: simple.len(),
            invalid,
            traced_vertices: traced.vertices(),
            vertices: simple.vertices(),
        })
    };
    Ok(EdgeMapScores {
        regions: panoptic_counts(regions.view(), truth, mask)?,
        outlines: back(regions.view())?,
        partition: back(split_regions(close_lines(regions.view()).view()).view())?,
        tolerance,
    })
}

/// The polygons as pixels of their label, and how many of them are invalid.
fn rasterized(coverage: &Coverage, size: (usize, usize)) -> (Array2<u32>, usize) {
    let mut labels = Array2::zeros(size);
    let mut invalid = 0;
    for (label, polygon) in coverage.polygons() {
        fill_labels(&polygon, label, &mut labels);
        invalid += usize::from(validate_polygon(&polygon).is_err());
    }
    (labels, invalid)
}

/// The edges of a partition, where the right or lower neighbour has another label, and
/// their edge map: 255 on them, half of it beside them.
#[must_use]
pub fn drawn_edges(labels: ArrayView2<'_, u32>) -> (Array2<bool>, Array2<u8>) {
    let (height, width) = labels.dim();
    let edges = Array2::from_shape_fn((height, width), |(i, j)| {
        let own = labels[(i, j)];
        let other = |i: usize, j: usize| labels.get((i, j)).is_some_and(|label| *label != own);
        other(i + 1, j) || other(i, j + 1) || other(i + 1, j + 1)
    });
    let steps = [(0, 1), (2, 1), (1, 0), (1, 2)];
    let map = Array2::from_shape_fn((height, width), |(i, j)| {
        let beside = |&(di, dj): &(usize, usize)| {
            let at = ((i + di).wrapping_sub(1), (j + dj).wrapping_sub(1));
            edges.get(at).is_some_and(|edge| *edge)
        };
        if edges[(i, j)] { 255 } else { u8::from(steps.iter().any(beside)) * 127 }
    });
    (edges, map)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pq(counts: &PqCounts) -> f64 {
        counts.score().pq.unwrap()
    }

    #[test]
    fn a_clear_map_gives_its_shapes_back() {
        // Four quarters, the borders of one of them slanted.
        let labels = Array2::from_shape_fn((80, 90), |(i, j)| {
            1 + u32::from(i > 30) + 2 * u32::from(j > 40 + i / 8)
        });
        let (edges, map) = drawn_edges(labels.view());
        let truth = shapes_between(edges.view(), 0);
        assert_eq!(truth.iter().max(), Some(&4));
        let scores = score_edge_map(map.view(), &flood(50, 0), truth.view(), None).unwrap();
        assert!(pq(&scores.regions) > 0.97, "{scores:?}");
        for back in [&scores.outlines, &scores.partition] {
            assert_eq!((back.polygons, back.invalid), (4, 0));
            assert!(pq(&back.quality) > 0.9, "{scores:?}");
            assert!(back.vertices < back.traced_vertices, "{scores:?}");
        }
        // Without the lines between them, one pixel wide, shapes are as exact.
        assert!(pq(&scores.regions) - pq(&scores.outlines.quality) < 0.02, "{scores:?}");
    }
}
