//! The pixels of the lines between regions and what they see.

use crate::merge::graph::{RegionGraph, Rule};
use crate::{Result, relabel};

/// Calls `visit(row, column, near)` for the line pixels that have a region in
/// their 3 x 3 neighbourhood, with the labels there in ascending order.
pub(crate) fn for_each_line_pixel(
    labels: &[u32],
    columns: usize,
    mut visit: impl FnMut(usize, usize, &[u32]) -> Result<()>,
) -> Result<()> {
    if columns == 0 {
        return Ok(());
    }
    for (row, values) in labels.chunks_exact(columns).enumerate() {
        let first = row.saturating_sub(1) * columns;
        let last = labels.len().min((row + 2) * columns);
        for (column, _) in values.iter().enumerate().filter(|(_, label)| **label == 0) {
            let (left, right) = (column.saturating_sub(1), (column + 2).min(columns));
            // The pixel itself is 0, so at most eight labels are there.
            let (mut seen, mut count) = ([0_u32; 8], 0);
            for near in labels[first..last].chunks_exact(columns) {
                for label in near[left..right].iter().filter(|label| **label > 0) {
                    if !seen[..count].contains(label) {
                        seen[count] = *label;
                        count += 1;
                    }
                }
            }
            if count > 0 {
                seen[..count].sort_unstable();
                visit(row, column, &seen[..count])?;
            }
        }
    }
    Ok(())
}

/// Adds the line pixels to the borders of a graph.
///
/// A pixel between two regions belongs to their border; `pixel` looks at it and `add` takes it
/// in. A pixel that sees three regions or more is a corner: it belongs to no border, since the
/// regions on its two sides may touch nowhere else. Only regions that would be left without
/// any border have their corners as borders, one to every region there.
pub(crate) fn add_borders<R: Rule, P: Copy>(
    graph: &mut RegionGraph<R>,
    (labels, columns, bound): (&[u32], usize, usize),
    pixel: impl Fn(usize, usize) -> Result<P>,
    new: impl Fn() -> R::Border,
    add: impl Fn(&mut R::Border, P),
) -> Result<()> {
    let mut bordered = vec![false; bound];
    let mut corners: Vec<(P, Vec<u32>)> = Vec::new();
    for_each_line_pixel(labels, columns, |row, column, near| {
        if near.len() < 2 {
            return Ok(());
        }
        let value = pixel(row, column)?;
        if let [low, high] = *near {
            add(graph.border(low, high, &new), value);
            bordered[low as usize] = true;
            bordered[high as usize] = true;
        } else {
            corners.push((value, near.to_vec()));
        }
        Ok(())
    })?;
    for (value, near) in corners {
        for (index, &low) in near.iter().enumerate() {
            for &high in &near[index + 1..] {
                if !(bordered[low as usize] && bordered[high as usize]) {
                    add(graph.border(low, high, &new), value);
                }
            }
        }
    }
    Ok(())
}

/// Gives every region the label that it went into, line pixels that see only one region
/// around them get its label, and labels become 1, 2, ... in scan order.
pub(crate) fn joined(flat: &mut [u32], columns: usize, bound: usize, roots: &[u32]) -> Result<()> {
    flat.iter_mut().for_each(|label| *label = roots[*label as usize]);
    let mut inner = Vec::new();
    for_each_line_pixel(flat, columns, |row, column, near| {
        if let [label] = *near {
            inner.push((row * columns + column, label));
        }
        Ok(())
    })?;
    for (pixel, label) in inner {
        flat[pixel] = label;
    }
    relabel::scan_order(flat, bound);
    Ok(())
}
