//! Faults of polygonized masks and simplified label maps.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use anyhow::Result;
use geo_types::{Line, LineString, MultiPolygon, Polygon};
use mapvec_geometry::{
    Connectivity, Coverage, Simplification, Window, fill_labels, polygonize, polygonize_with,
    signed_area, validate_coverage, validate_multi_polygon, validate_polygon,
};
use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use rayon::prelude::*;

/// Largest side of a random raster, in pixels.
pub const LARGEST: usize = 64;

/// Counts of what was checked and of what was wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// Polygons and multipolygons that were checked.
    pub shapes: u64,
    /// Shapes that break the rules of simple features.
    pub invalid: u64,
    /// Rasters whose shapes have another area than their pixels.
    pub area: u64,
    /// Rasters that come back otherwise when the shapes are filled.
    pub raster: u64,
    /// Borders inside a full map that have a face on one side only.
    pub gaps: u64,
    /// Borders that have two faces on one side.
    pub overlaps: u64,
    /// Sets of faces in which `validate_coverage` finds a gap or an overlap, or whose arcs
    /// `Coverage::from_polygons` does not find again.
    pub coverages: u64,
}

impl Faults {
    /// The counts of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            shapes: self.shapes + other.shapes,
            invalid: self.invalid + other.invalid,
            area: self.area + other.area,
            raster: self.raster + other.raster,
            gaps: self.gaps + other.gaps,
            overlaps: self.overlaps + other.overlaps,
            coverages: self.coverages + other.coverages,
        }
    }

    /// All faults together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.invalid + self.area + self.raster + self.gaps + self.overlaps + self.coverages
    }
}

/// One of the 65 536 masks of 4 x 4 pixels: a pixel for each bit of its number.
#[must_use]
pub fn small_mask(bits: u64) -> Array2<u32> {
    Array2::from_shape_fn((4, 4), |(i, j)| u32::from(bits >> (4 * i + j) & 1 == 1))
}

/// Number of the masks of 4 x 4 pixels.
pub const SMALL_MASKS: u64 = 1 << 16;

/// A mask of up to 64 x 64 pixels: independent pixels or blocks, of any density.
#[must_use]
pub fn random_mask(seed: u64, index: u64) -> Array2<u32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(2 * index);
    let (height, width) = (below(&mut rng, LARGEST) + 1, below(&mut rng, LARGEST) + 1);
    let (block, density) = (below(&mut rng, 4) + 1, below(&mut rng, 256));
    let cells = Array2::from_shape_simple_fn((height, width), || below(&mut rng, 256));
    // Shifted blocks give slopes, diagonals and touching corners.
    Array2::from_shape_fn((height, width), |(i, j)| {
        u32::from(cells[[i / block, (j + i % block) / block % width]] < density)
    })
}

/// A label map of up to 64 x 64 pixels without zeros: cells of random seeds, with noise.
#[must_use]
pub fn random_map(seed: u64, index: u64) -> Array2<u32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(2 * index + 1);
    let (height, width) = (below(&mut rng, LARGEST) + 1, below(&mut rng, LARGEST) + 1);
    let (classes, noise) = (below(&mut rng, 6) + 1, below(&mut rng, 64));
    let sites: Vec<[usize; 3]> = (0..=below(&mut rng, 24))
        .map(|_| [below(&mut rng, height), below(&mut rng, width), below(&mut rng, classes)])
        .collect();
    Array2::from_shape_fn((height, width), |(i, j)| {
        let square = |site: &&[usize; 3]| site[0].abs_diff(i).pow(2) + site[1].abs_diff(j).pow(2);
        let site = sites.iter().min_by_key(square).map_or(0, |site| site[2]);
        let noisy = below(&mut rng, 256) < noise;
        1 + if noisy { below(&mut rng, classes) } else { site } as u32
    })
}

fn below(rng: &mut ChaCha8Rng, end: usize) -> usize {
    ((u64::from(rng.next_u32()) * end as u64) >> 32) as usize
}

/// Polygonizes a mask with 4 and 8 neighbours and looks for every fault.
#[must_use]
pub fn check_mask(mask: &Array2<u32>) -> Faults {
    let mut faults = Faults::default();
    let pixels: f64 = mask.iter().map(|&label| f64::from(label)).sum();
    for connectivity in [Connectivity::Four, Connectivity::Eight] {
        let mut drawn = Array2::zeros(mask.dim());
        let mut total = 0.0;
        for (label, feature) in polygonize_with(mask.view(), connectivity).multi_polygons() {
            faults.shapes += 1;
            faults.invalid += u64::from(validate_multi_polygon(&feature).is_err());
            for polygon in &feature {
                fill_labels(polygon, label, &mut drawn);
                total += area(polygon);
            }
        }
        faults.raster += u64::from(drawn != *mask);
        // All terms are whole numbers and half numbers: the sum is exact.
        faults.area += u64::from((total - pixels).abs() > 0.0);
    }
    faults
}

/// Simplifies a label map without zeros by every method and looks for every fault.
///
/// If every directed border is used once and its counterpart is missing on the edge of
/// the raster only, the faces add up to exactly one layer: no gap and no overlap.
///
/// # Errors
/// The tolerance is negative or not finite.
pub fn check_map(map: &Array2<u32>, tolerance: f64) -> Result<Faults> {
    let coverage = polygonize(map.view());
    let page = Window { x: 0, y: 0, width: map.ncols() as u32, height: map.nrows() as u32 };
    let again = Coverage::from_polygons(&coverage.polygons(), page, Connectivity::Four);
    let coverages = u64::from(again.as_ref() != Ok(&coverage));
    let mut faults = Faults { coverages, ..Faults::default() };
    for method in methods(tolerance) {
        faults = faults.plus(check_coverage(&coverage.simplify_with(method)?, map.dim()));
    }
    Ok(faults)
}

/// Writes the shapes of all masks of 4 x 4 pixels, of random masks and of maps as
/// well-known text, one a line, for a check by another library
/// (`xtask/peers/validity.py`).
///
/// A line without text ends each set of shapes that make up a coverage: the faces of a
/// mask, and those of a map before and after every method with every tolerance. Faces
/// that touch at corners are one shape, those of 4 neighbours are its parts.
///
/// # Errors
/// The file cannot be written, or a tolerance is negative or not finite.
pub fn write_shapes(
    file: &Path,
    seed: u64,
    (masks, maps): (u64, u64),
    tolerances: &[f64],
) -> Result<()> {
    let mut text = std::io::BufWriter::new(std::fs::File::create(file)?);
    write_rasters(&mut text, SMALL_MASKS, &[], small_mask)?;
    write_rasters(&mut text, masks, &[], |index| random_mask(seed, index))?;
    write_rasters(&mut text, maps, tolerances, |index| random_map(seed, index))?;
    Ok(text.flush()?)
}

/// Writes the shapes of rasters in their order, made in parallel.
fn write_rasters(
    text: &mut impl Write,
    count: u64,
    tolerances: &[f64],
    raster: impl Fn(u64) -> Array2<u32> + Sync,
) -> Result<()> {
    for start in (0..count).step_by(1024) {
        let block = start..count.min(start + 1024);
        let texts = block.into_par_iter().map(|index| {
            let raster = raster(index);
            let mut text = String::new();
            for connectivity in [Connectivity::Four, Connectivity::Eight] {
                let coverage = polygonize_with(raster.view(), connectivity);
                text += &coverage_text(&coverage);
                for method in tolerances.iter().flat_map(|&tolerance| methods(tolerance)) {
                    text += &coverage_text(&coverage.simplify_with(method)?);
                }
            }
            anyhow::Ok(text)
        });
        for block in texts.collect::<Result<Vec<String>>>()? {
            text.write_all(block.as_bytes())?;
        }
    }
    Ok(())
}

fn coverage_text(coverage: &Coverage) -> String {
    let shapes = coverage.multi_polygons();
    let lines = shapes.iter().map(|(_, shape)| well_known_text(shape) + "\n");
    lines.collect::<String>() + "\n"
}

fn well_known_text(shape: &MultiPolygon<f64>) -> String {
    let join = |items: Vec<String>| format!("({})", items.join(", "));
    let ring =
        |ring: &LineString<f64>| join(ring.coords().map(|p| format!("{} {}", p.x, p.y)).collect());
    let polygon = |polygon: &Polygon<f64>| {
        join(std::iter::once(polygon.exterior()).chain(polygon.interiors()).map(ring).collect())
    };
    format!("MULTIPOLYGON {}", join(shape.iter().map(polygon).collect()))
}

fn methods(tolerance: f64) -> [Simplification; 3] {
    [
        Simplification::Distance { tolerance },
        Simplification::DouglasPeucker { tolerance },
        Simplification::Visvalingam { area: tolerance * tolerance },
    ]
}

fn check_coverage(coverage: &Coverage, (height, width): (usize, usize)) -> Faults {
    let mut total = 0.0;
    let mut borders = HashMap::new();
    let polygons: Vec<_> = coverage.polygons().into_iter().map(|(_, polygon)| polygon).collect();
    let coverages = u64::from(validate_coverage(&polygons, f64::INFINITY).is_err());
    let mut faults = Faults { coverages, ..Faults::default() };
    for polygon in &polygons {
        faults.shapes += 1;
        faults.invalid += u64::from(validate_polygon(polygon).is_err());
        total += area(polygon);
        for ring in std::iter::once(polygon.exterior()).chain(polygon.interiors()) {
            for line in ring.lines() {
                faults.overlaps += u64::from(borders.insert(key(line), line).is_some());
            }
        }
    }
    let alone = borders.values().filter(|line| {
        let back = Line::new(line.end, line.start);
        !borders.contains_key(&key(back))
    });
    let on_edge = |line: &&Line<f64>| {
        let along = |a: f64, b: f64, end: f64| a.total_cmp(&b).is_eq() && (a <= 0.0 || a >= end);
        along(line.start.x, line.end.x, width as f64)
            || along(line.start.y, line.end.y, height as f64)
    };
    faults.gaps = alone.filter(|line| !on_edge(line)).count() as u64;
    faults.area = u64::from((total - (height * width) as f64).abs() > 0.0);
    faults
}

fn key(line: Line<f64>) -> [u64; 4] {
    [line.start.x, line.start.y, line.end.x, line.end.y].map(f64::to_bits)
}

/// Area without the holes, from the orientation of the rings alone.
fn area(polygon: &Polygon<f64>) -> f64 {
    signed_area(polygon.exterior()) + polygon.interiors().iter().map(signed_area).sum::<f64>()
}
