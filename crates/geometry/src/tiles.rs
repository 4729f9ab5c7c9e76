//! Cutting a raster into overlapping square tiles.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// A rectangle of pixels inside a raster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// First column.
    pub x: u32,
    /// First row.
    pub y: u32,
    /// Number of columns.
    pub width: u32,
    /// Number of rows.
    pub height: u32,
}

/// Size of tiles and of the context around their cores.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TileConfig {
    /// Side of the padded square in pixels, above twice the margin.
    pub size: u32,
    /// Context on each side of the core in pixels.
    pub margin: u32,
}

impl Default for TileConfig {
    fn default() -> Self {
        Self { size: 512, margin: 64 }
    }
}

impl TileConfig {
    /// Checks that a core remains between the margins.
    ///
    /// # Errors
    /// [`Error::Parameter`] when `size` is not above twice `margin`.
    pub fn validate(&self) -> Result<()> {
        if u64::from(self.size) > 2 * u64::from(self.margin) {
            return Ok(());
        }
        let value = f64::from(self.size);
        Err(Error::Parameter { field: "tile.size", value, allowed: "above twice the margin" })
    }
}

/// One tile: the core whose result counts, inside a padded square.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tile {
    /// The part of the raster that this tile answers for.
    pub core: Window,
    /// First column of the padded square; may be negative.
    pub x: i64,
    /// First row of the padded square; may be negative.
    pub y: i64,
    /// Side of the padded square, which may reach beyond the raster.
    pub size: u32,
}

/// Covers a raster of `width` x `height` pixels with tiles, row by row.
///
/// The cores partition the raster; their side is `size - 2 * margin`, less for the
/// last column and row. Padded squares all have the side `size`: the caller fills
/// what lies outside the raster, for example by reflection. A raster without
/// pixels has no tiles.
///
/// # Examples
/// ```
/// use mapvec_geometry::{TileConfig, tiles};
/// let tiles = tiles(100, 50, &TileConfig { size: 64, margin: 8 })?;
/// assert_eq!(tiles.len(), 6);
/// assert_eq!((tiles[0].x, tiles[0].y), (-8, -8));
/// # Ok::<(), mapvec_geometry::Error>(())
/// ```
///
/// # Errors
/// [`Error::Parameter`] when the configuration is not valid.
pub fn tiles(width: u32, height: u32, config: &TileConfig) -> Result<Vec<Tile>> {
    config.validate()?;
    let TileConfig { size, margin } = *config;
    let step = (size - 2 * margin) as usize;
    let mut tiles = Vec::new();
    for y in (0..height).step_by(step) {
        for x in (0..width).step_by(step) {
            let side = |origin: u32, length: u32| (length - origin).min(size - 2 * margin);
            tiles.push(Tile {
                core: Window { x, y, width: side(x, width), height: side(y, height) },
                x: i64::from(x) - i64::from(margin),
                y: i64::from(y) - i64::from(margin),
                size,
            });
        }
    }
    Ok(tiles)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_partition_the_raster() {
        for (width, height, size, margin) in [(1, 1, 3, 1), (97, 41, 16, 3), (64, 64, 32, 0)] {
            let mut seen = vec![0_u8; (width * height) as usize];
            for tile in tiles(width, height, &TileConfig { size, margin }).unwrap() {
                let core = tile.core;
                assert_eq!(tile.x + i64::from(margin), i64::from(core.x));
                assert!(core.width.max(core.height) + 2 * margin <= tile.size);
                for y in core.y..core.y + core.height {
                    for x in core.x..core.x + core.width {
                        seen[(y * width + x) as usize] += 1;
                    }
                }
            }
            assert!(seen.iter().all(|&count| count == 1));
        }
    }

    #[test]
    fn margins_that_leave_no_core_are_refused() {
        assert!(tiles(9, 9, &TileConfig { size: 8, margin: 4 }).is_err());
        assert!(tiles(9, 9, &TileConfig { size: 1, margin: u32::MAX }).is_err());
        assert!(tiles(0, 9, &TileConfig::default()).unwrap().is_empty());
    }
}
