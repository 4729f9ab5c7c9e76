//! From border probabilities to closed shapes that share their edges.

use geo_types::Polygon;
use mapvec_geometry::polygonize;
use mapvec_postprocess::{close_lines, edge_logit, merge_regions, split_regions, watershed};
use ndarray::{Array2, ArrayView2};

use crate::{Hatching, MapPrediction, Result, ShapeConfig};

/// What a closed shape is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ShapeClass {
    /// Streets, open land, paper.
    Background,
    /// A drawn area: block, building, parcel, garden, water, wood.
    Shape,
}

impl ShapeClass {
    /// Name used in outputs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Background => "background",
            Self::Shape => "shape",
        }
    }
}

/// A closed shape of the map.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// Its number, 1..=n, unique.
    pub id: u32,
    /// Outline with holes, in pixels.
    pub polygon: Polygon<f64>,
    /// What it is.
    pub class: ShapeClass,
    /// Area of the region in pixels.
    pub area: f64,
    /// Mean border probability along its outline, 0 to 1.
    pub confidence: f64,
    /// Its hatching, if it was looked for and found.
    pub hatching: Option<Hatching>,
}

/// Closed shapes as pixels and as polygons.
#[derive(Debug, Clone, PartialEq)]
pub struct ShapeMap {
    /// Region per pixel, 0 on the one-pixel lines between regions; the ids are not those
    /// of the shapes.
    pub regions: Array2<u32>,
    /// One polygon per region, neighbours sharing their edges.
    pub shapes: Vec<Shape>,
}

impl ShapeMap {
    /// No shape in a picture of so many rows and columns.
    pub(crate) fn empty(size: (usize, usize)) -> Self {
        Self { regions: Array2::zeros(size), shapes: Vec::new() }
    }
}

/// Closed shapes of a predicted map.
///
/// The border probability is flooded into many small basins, neighbouring basins
/// are merged as long as the mean logit of the line between them stays below
/// `config.merge.threshold`, the one-pixel lines are given to a neighbour, and the
/// resulting partition becomes polygons over shared arcs. A mean over the whole
/// line is not moved much by a gap of a few pixels or by a letter across the line,
/// which a plain threshold cannot say.
///
/// # Errors
/// A field of `config` is outside its range, or the maps differ in size.
pub fn extract_shapes(maps: &MapPrediction, config: &ShapeConfig) -> Result<ShapeMap> {
    let basins = watershed(maps.boundary.view(), &config.watershed)?;
    let strength = maps.boundary.mapv(edge_logit);
    let regions = merge_regions(basins.view(), strength.view(), &config.merge)?;
    drop((basins, strength));
    let partition = split_regions(close_lines(regions.view()).view());
    let statistics = Statistics::of(partition.view(), regions.view(), maps);
    let coverage = polygonize(partition.view()).simplify(config.tolerance)?;
    drop(partition);
    let shapes = coverage
        .polygons()
        .into_iter()
        .map(|(id, polygon)| statistics.shape(id, polygon))
        .collect();
    Ok(ShapeMap { regions, shapes })
}

/// Sums per region.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    background: u32,
    shape: u32,
    area: u32,
    border: u32,
    border_probability: u64,
}

struct Statistics(Vec<Sums>);

impl Statistics {
    fn of(
        partition: ArrayView2<'_, u32>,
        regions: ArrayView2<'_, u32>,
        maps: &MapPrediction,
    ) -> Self {
        let count = partition.iter().copied().max().map_or(0, |id| id as usize + 1);
        let mut sums = vec![Sums::default(); count];
        let (height, width) = partition.dim();
        for y in 0..height {
            for x in 0..width {
                let id = partition[[y, x]];
                let entry = &mut sums[id as usize];
                entry.area += 1;
                match maps.class[[y, x]] {
                    0 => entry.background += 1,
                    2 => entry.shape += 1,
                    _ => {}
                }
                if regions[[y, x]] == 0 {
                    add_border(&mut sums, partition, (y, x), maps.boundary[[y, x]]);
                }
            }
        }
        Self(sums)
    }

    fn shape(&self, id: u32, polygon: Polygon<f64>) -> Shape {
        let sums = self.0[id as usize];
        let class =
            if sums.shape > sums.background { ShapeClass::Shape } else { ShapeClass::Background };
        let confidence = if sums.border == 0 {
            0.0
        } else {
            sums.border_probability as f64 / f64::from(sums.border) / 255.0
        };
        Shape { id, polygon, class, area: f64::from(sums.area), confidence, hatching: None }
    }
}

/// Counts a line pixel for every different region in its 3 x 3 neighbourhood.
fn add_border(sums: &mut [Sums], partition: ArrayView2<'_, u32>, (y, x): (usize, usize), code: u8) {
    let (height, width) = partition.dim();
    let mut seen = [0_u32; 9];
    let mut count = 0;
    for v in y.saturating_sub(1)..(y + 2).min(height) {
        for u in x.saturating_sub(1)..(x + 2).min(width) {
            let id = partition[[v, u]];
            if !seen[..count].contains(&id) {
                seen[count] = id;
                count += 1;
            }
        }
    }
    for id in &seen[..count] {
        let entry = &mut sums[*id as usize];
        entry.border += 1;
        entry.border_probability += u64::from(code);
    }
}

#[cfg(test)]
mod tests {
    use geo_types::Coord;

    use super::*;

    /// Four rooms: walls on the rim are not needed, a cross of strong border.
    fn rooms() -> MapPrediction {
        let mut maps = MapPrediction::zeros(64, 64);
        for i in 0..64 {
            for d in 31..34 {
                maps.boundary[[i, d]] = 250;
                maps.boundary[[d, i]] = 250;
            }
        }
        for y in 0..31 {
            for x in 0..31 {
                maps.class[[y, x]] = 2;
            }
        }
        maps
    }

    #[test]
    fn a_cross_makes_four_rooms_that_tile_the_page() {
        let found = extract_shapes(&rooms(), &ShapeConfig::default()).unwrap();
        assert_eq!(found.shapes.len(), 4);
        let area: f64 =
            found.shapes.iter().map(|s| mapvec_geometry::signed_area(s.polygon.exterior())).sum();
        assert!((area - 4096.0).abs() < 1e-9, "rooms tile the page: {area}");
        assert!(found.shapes.iter().all(|s| s.confidence > 0.9), "strong walls");
        let drawn: Vec<_> = found.shapes.iter().filter(|s| s.class == ShapeClass::Shape).collect();
        assert_eq!(drawn.len(), 1);
        assert!(drawn[0].polygon.exterior().0.contains(&Coord { x: 0.0, y: 0.0 }), "top left room");
    }

    #[test]
    fn a_weak_spot_in_a_wall_does_not_merge_rooms() {
        let mut maps = rooms();
        for d in 31..34 {
            for y in 9..12 {
                maps.boundary[[y, d]] = 20;
            }
        }
        assert_eq!(extract_shapes(&maps, &ShapeConfig::default()).unwrap().shapes.len(), 4);
    }
}
