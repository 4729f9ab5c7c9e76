//! Numbers of instances that agree between tiles.

use crate::union_find::{root, unite};
use crate::{
    Error, Result, Window,
    box_tree::{Bounds, BoxTree},
};
use geo_types::Coord;
use ndarray::{ArrayView2, s};
use std::collections::{BTreeMap, HashMap};

/// The label map of one tile with its halo.
#[derive(Debug, Clone, Copy)]
pub struct TileLabels<'a> {
    /// Where the map lies on the page; windows of neighbours overlap.
    pub window: Window,
    /// Labels that count in this tile only, of shape (height, width); 0 is nothing.
    pub labels: ArrayView2<'a, u32>,
}

/// Finds which labels of overlapping tiles mean the same thing.
///
/// Two labels of two tiles are one where, among the pixels that both tiles see, those with
/// both labels are at least the share `min_iou` of those with either. Above 0.5 a label
/// has at most one partner in each other tile. What is linked over several tiles is one,
/// too.
///
/// Returns for each tile the number of each of its labels on the page, counted from 1 in
/// the order of tiles and labels. With these numbers the cores can be polygonized and
/// joined by [`merge_polygons`](crate::merge_polygons). If each tile sees the connected
/// regions of one map of the page, with a halo of at least a pixel, the numbers are
/// those of its regions, whatever the labels are. Linear in the number of pixels that
/// overlap.
///
/// # Errors
/// [`Error::Parameter`] unless `min_iou` is above 0 and at most 1, and where a label map
/// has another size than its window.
pub fn match_labels(tiles: &[TileLabels<'_>], min_iou: f64) -> Result<Vec<BTreeMap<u32, u32>>> {
    if !(min_iou > 0.0 && min_iou <= 1.0) {
        let allowed = "above 0 and at most 1";
        return Err(Error::Parameter { field: "min_iou", value: min_iou, allowed });
    }
    let mut ids: Vec<BTreeMap<u32, u32>> = Vec::with_capacity(tiles.len());
    let mut count = 0;
    for tile in tiles {
        check_size(tile)?;
        let mut own: BTreeMap<u32, u32> = BTreeMap::new();
        own.extend(tile.labels.iter().filter(|&&label| label > 0).map(|&label| (label, 0)));
        for id in own.values_mut() {
            *id = count;
            count += 1;
        }
        ids.push(own);
    }
    let mut parent: Vec<usize> = (0..count as usize).collect();
    for (a, b) in neighbours(tiles) {
        for [la, lb] in same([&tiles[a], &tiles[b]], min_iou) {
            unite(&mut parent, ids[a][&la] as usize, ids[b][&lb] as usize);
        }
    }
    let mut numbers: HashMap<usize, u32> = HashMap::new();
    for id in ids.iter_mut().flat_map(BTreeMap::values_mut) {
        let next = numbers.len() as u32 + 1;
        *id = *numbers.entry(root(&mut parent, *id as usize)).or_insert(next);
    }
    Ok(ids)
}

fn check_size(tile: &TileLabels<'_>) -> Result<()> {
    let (height, width) = tile.labels.dim();
    for (field, side, expected) in
        [("labels.height", height, tile.window.height), ("labels.width", width, tile.window.width)]
    {
        if side != expected as usize {
            let allowed = "that of the window";
            return Err(Error::Parameter { field, value: side as f64, allowed });
        }
    }
    Ok(())
}

/// Pairs of tiles whose windows share pixels.
fn neighbours(tiles: &[TileLabels<'_>]) -> Vec<(usize, usize)> {
    let bounds = |tile: &TileLabels<'_>| {
        let [x0, x1] = range(tile.window.x, tile.window.width);
        let [y0, y1] = range(tile.window.y, tile.window.height);
        // Pixels as points: windows that only touch do not meet.
        let point = |x: u64, y: u64| Coord { x: x as f64, y: y as f64 };
        Bounds::of(point(x0, y0), point(x1.saturating_sub(1), y1.saturating_sub(1)))
    };
    let tree = BoxTree::new(tiles.iter().map(bounds).collect());
    let mut pairs = Vec::new();
    for (index, tile) in tiles.iter().enumerate() {
        tree.visit(&bounds(tile), |other| {
            if other > index {
                pairs.push((index, other));
            }
            true
        });
    }
    pairs
}

fn range(start: u32, length: u32) -> [u64; 2] {
    [u64::from(start), u64::from(start) + u64::from(length)]
}

/// Pairs of labels of two tiles that cover the same pixels.
fn same([a, b]: [&TileLabels<'_>; 2], min_iou: f64) -> Vec<[u32; 2]> {
    let shared = |a: [u64; 2], b: [u64; 2]| [a[0].max(b[0]), a[1].min(b[1])];
    let [wa, wb] = [a.window, b.window];
    let rows = shared(range(wa.y, wa.height), range(wb.y, wb.height));
    let columns = shared(range(wa.x, wa.width), range(wb.x, wb.width));
    if rows[0] >= rows[1] || columns[0] >= columns[1] {
        return Vec::new();
    }
    let (first, second) = (part(a, rows, columns), part(b, rows, columns));
    let mut both: BTreeMap<[u32; 2], u64> = BTreeMap::new();
    let mut single: [HashMap<u32, u64>; 2] = [HashMap::new(), HashMap::new()];
    for (&la, &lb) in first.iter().zip(&second) {
        *single[0].entry(la).or_default() += 1;
        *single[1].entry(lb).or_default() += 1;
        if la > 0 && lb > 0 {
            *both.entry([la, lb]).or_default() += 1;
        }
    }
    let is_same = |(labels, count): &([u32; 2], u64)| {
        let of = |side: usize| single[side].get(&labels[side]).copied().unwrap_or(0);
        *count as f64 >= min_iou * (of(0) + of(1) - count) as f64
    };
    both.into_iter().filter(is_same).map(|(labels, _)| labels).collect()
}

/// The labels in some rows and columns of the page.
fn part<'a>(tile: &TileLabels<'a>, rows: [u64; 2], columns: [u64; 2]) -> ArrayView2<'a, u32> {
    let inside = |[low, high]: [u64; 2], start: u32| {
        (low - u64::from(start)) as usize..(high - u64::from(start)) as usize
    };
    let (rows, columns) = (inside(rows, tile.window.y), inside(columns, tile.window.x));
    tile.labels.slice_move(s![rows, columns])
}
