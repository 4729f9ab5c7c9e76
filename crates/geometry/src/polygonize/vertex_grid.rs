//! Uniform grid over the vertices of a coverage, for empty-triangle queries.

use super::{Corner, hull::orient};

/// The vertices that are still there, bucketed by square cells.
pub(super) struct VertexGrid {
    /// Cells have a side of `1 << shift`.
    shift: u32,
    columns: usize,
    rows: usize,
    /// First item of each cell.
    starts: Vec<usize>,
    /// Number of items left in each cell.
    counts: Vec<usize>,
    items: Vec<Corner>,
}

impl VertexGrid {
    /// Buckets distinct corners with about four of them to a cell.
    pub(super) fn new(corners: &[Corner]) -> Self {
        let right = corners.iter().map(|c| c.x).max().unwrap_or(0);
        let bottom = corners.iter().map(|c| c.y).max().unwrap_or(0);
        let mut shift = 2;
        let cells = |shift: u32| (right as usize >> shift) * (bottom as usize >> shift);
        while cells(shift) > corners.len() / 4 + 16 {
            shift += 1;
        }
        let (columns, rows) = ((right as usize >> shift) + 1, (bottom as usize >> shift) + 1);
        let cell = |c: &Corner| (c.y as usize >> shift) * columns + (c.x as usize >> shift);
        let mut counts = vec![0; columns * rows];
        for corner in corners {
            counts[cell(corner)] += 1;
        }
        let mut starts = Vec::with_capacity(counts.len());
        let mut sum = 0;
        for &count in &counts {
            starts.push(sum);
            sum += count;
        }
        let mut next = starts.clone();
        let mut items = vec![Corner { x: 0, y: 0 }; corners.len()];
        for &corner in corners {
            let slot = &mut next[cell(&corner)];
            items[*slot] = corner;
            *slot += 1;
        }
        Self { shift, columns, rows, starts, counts, items }
    }

    /// Forgets a corner.
    pub(super) fn remove(&mut self, corner: Corner) {
        let cell =
            (corner.y as usize >> self.shift) * self.columns + (corner.x as usize >> self.shift);
        let (start, count) = (self.starts[cell], self.counts[cell]);
        let bucket = &mut self.items[start..start + count];
        if let Some(index) = bucket.iter().position(|&item| item == corner) {
            bucket.swap(index, count - 1);
            self.counts[cell] -= 1;
        }
    }

    /// Whether the closed triangle holds no corner except its own three.
    pub(super) fn is_empty(&self, triangle: [Corner; 3]) -> bool {
        let ys = triangle.map(|c| c.y as usize);
        let top = ys[0].min(ys[1]).min(ys[2]) >> self.shift;
        let bottom = ys[0].max(ys[1]).max(ys[2]) >> self.shift;
        (top..=bottom.min(self.rows - 1)).all(|row| {
            let (low, high) = self.columns_in_row(&triangle, row);
            (low..=high).all(|column| {
                let cell = row * self.columns + column;
                let start = self.starts[cell];
                self.items[start..start + self.counts[cell]]
                    .iter()
                    .all(|&corner| triangle.contains(&corner) || !contains(&triangle, corner))
            })
        })
    }

    /// Columns of cells that the triangle may touch in a row of cells.
    fn columns_in_row(&self, triangle: &[Corner; 3], row: usize) -> (usize, usize) {
        let top = (row << self.shift) as f64;
        let bottom = ((row + 1) << self.shift) as f64;
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for index in 0..3 {
            let (mut p, mut q) = (triangle[index], triangle[(index + 1) % 3]);
            if p.y > q.y {
                std::mem::swap(&mut p, &mut q);
            }
            let (py, qy) = (f64::from(p.y), f64::from(q.y));
            if qy < top || py > bottom {
                continue;
            }
            let (px, qx) = (f64::from(p.x), f64::from(q.x));
            let x_at = |y: f64| if qy > py { px + (y - py) * (qx - px) / (qy - py) } else { px };
            let ends = [x_at(py.max(top)), if qy > py { x_at(qy.min(bottom)) } else { qx }];
            low = low.min(ends[0]).min(ends[1]);
            high = high.max(ends[0]).max(ends[1]);
        }
        let side = (1_usize << self.shift) as f64;
        // Half a pixel of slack covers the rounding of the intersections.
        let cell = |x: f64| crate::grid::floor_index(x / side, self.columns - 1);
        (cell(low - 0.5), cell(high + 0.5))
    }
}

/// Whether a point lies in the closed triangle, exactly; the triangle may be flat.
fn contains(&[a, b, c]: &[Corner; 3], p: Corner) -> bool {
    let within = |p: u32, a: u32, b: u32, c: u32| p >= a.min(b).min(c) && p <= a.max(b).max(c);
    if !within(p.x, a.x, b.x, c.x) || !within(p.y, a.y, b.y, c.y) {
        return false;
    }
    let signs = [orient(a, b, p), orient(b, c, p), orient(c, a, p)];
    signs.iter().all(|&s| s >= 0) || signs.iter().all(|&s| s <= 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_a_scan_of_all_corners() {
        let corners: Vec<Corner> =
            (0..200).map(|k| Corner { x: (k * 37) % 101, y: (k * k * 13 + k) % 97 }).collect();
        let mut unique = corners.clone();
        unique.sort_unstable();
        unique.dedup();
        let mut grid = VertexGrid::new(&unique);
        let removed = unique.remove(unique.len() / 2);
        grid.remove(removed);
        for k in 0..unique.len() {
            let pick = |offset: usize| unique[(k * 7 + offset) % unique.len()];
            for triangle in [[pick(0), pick(1), pick(2)], [pick(0), pick(3), pick(50)]] {
                let expected =
                    unique.iter().all(|&c| triangle.contains(&c) || !contains(&triangle, c));
                assert_eq!(grid.is_empty(triangle), expected);
            }
        }
    }
}
