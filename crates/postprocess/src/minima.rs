//! Minima of a height map that survive an attribute closing.

use crate::WatershedConfig;

/// Not reached by the flood, or outside the raster.
const UNSEEN: u32 = u32::MAX;
/// Set in the entry of a root; other entries hold the index of a parent.
const ROOT: u32 = 1 << 31;
/// Set in a root whose component holds a surviving minimum.
const MARKED: u32 = ROOT | (1 << 30);
/// Bits of a root's entry that hold the component's area.
pub(crate) const MAX_AREA: u32 = (1 << 30) - 1;

/// A height map inside a frame of one pixel, so that every pixel of the map
/// has all its neighbours in the flat buffer.
pub(crate) struct FramedMap {
    pub(crate) heights: Vec<u8>,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
}

impl FramedMap {
    pub(crate) fn stride(&self) -> usize {
        self.columns + 2
    }

    /// Indices of the first and one past the last pixel of a row.
    pub(crate) fn row(&self, row: usize) -> std::ops::Range<usize> {
        let start = (row + 1) * self.stride() + 1;
        start..start + self.columns
    }

    /// Pixels of the map by ascending height, in scan order within a height.
    fn ascending(&self) -> Vec<u32> {
        let mut starts = [0_usize; 257];
        for row in 0..self.rows {
            for &height in &self.heights[self.row(row)] {
                starts[usize::from(height) + 1] += 1;
            }
        }
        for level in 1..starts.len() {
            starts[level] += starts[level - 1];
        }
        let mut order = vec![0_u32; self.rows * self.columns];
        for row in 0..self.rows {
            for pixel in self.row(row) {
                let slot = &mut starts[usize::from(self.heights[pixel])];
                order[*slot] = pixel as u32;
                *slot += 1;
            }
        }
        order
    }
}

/// One pixel of the highest level of every surviving minimum.
///
/// Water rises through the map. The component of `{height <= level}` around a
/// pixel only grows; the smallest ones with enough area and depth are the
/// minima of the closed map. A component is judged just before it takes in a
/// pixel of a higher level, for then it is known up to that level. If none
/// passes, the whole map is one minimum.
///
/// Union-find with path halving over the pixels in grey order; the root is a
/// pixel of the highest level, so its height is the level of its component.
pub(crate) fn surviving_minima(map: &FramedMap, config: &WatershedConfig) -> Vec<u32> {
    let steps = config.connectivity.steps(map.stride());
    let mut entries = vec![UNSEEN; map.heights.len()];
    // Lowest height of the component, kept at its root.
    let mut floors = map.heights.clone();
    let mut seeds = Vec::new();
    let mut last = None;
    let mut roots = Vec::with_capacity(steps.len());
    for pixel in map.ascending() {
        let level = map.heights[pixel as usize];
        roots.clear();
        for &step in &steps {
            let neighbour = (pixel as usize).wrapping_add(step);
            if entries[neighbour] != UNSEEN {
                let root = find(&mut entries, neighbour as u32);
                if !roots.contains(&root) {
                    roots.push(root);
                }
            }
        }
        let (mut area, mut floor, mut marked, mut home) = (1_u32, level, false, pixel);
        for &root in &roots {
            let (entry, root_floor) = (entries[root as usize], floors[root as usize]);
            let complete = map.heights[root as usize] < level;
            if entry & MARKED == MARKED {
                marked = true;
            } else if complete
                && entry & MAX_AREA >= config.area
                && level - root_floor >= config.dynamics
            {
                seeds.push(root);
                marked = true;
            } else {
                area += entry & MAX_AREA;
                floor = floor.min(root_floor);
            }
            if !complete {
                home = root;
            }
        }
        for &root in &roots {
            entries[root as usize] = home;
        }
        entries[pixel as usize] = home;
        entries[home as usize] = if marked { MARKED } else { ROOT | area };
        floors[home as usize] = floor;
        last = Some(home);
    }
    if seeds.is_empty() {
        seeds.extend(last);
    }
    seeds
}

/// Root of a pixel's component.
fn find(entries: &mut [u32], mut pixel: u32) -> u32 {
    loop {
        let parent = entries[pixel as usize];
        if parent & ROOT != 0 {
            return pixel;
        }
        let grandparent = entries[parent as usize];
        if grandparent & ROOT != 0 {
            return parent;
        }
        entries[pixel as usize] = grandparent;
        pixel = grandparent;
    }
}
