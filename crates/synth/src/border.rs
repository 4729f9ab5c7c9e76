//! Distances from the borders between regions, and the width each border is drawn with.

use ndarray::Array2;

use crate::cast::from_id;
use crate::raster::Plane;

/// Distances beyond this, at twice the size of the sheet, are not told apart.
const REACH: usize = 4;

/// Half widths of a disc of radius 4.5, row by row from its middle.
const CIRCLE: [usize; REACH + 1] = [4, 4, 4, 3, 2];

/// The neighbourhood of all borders, at twice the size of the sheet.
#[derive(Debug)]
pub(crate) struct Borders {
    /// Distance from the nearest border line, px at twice the size, at most 5.
    pub(crate) distance: Plane,
    /// Width of the nearest border, px at twice the size; 0 where none is near.
    pub(crate) width: Plane,
}

/// Measures borders; `width(a, b)` is the width drawn between regions `a` and `b`.
pub(crate) fn borders(labels: &Array2<u32>, width: impl Fn(usize, usize) -> f32) -> Borders {
    let (rows, columns) = labels.dim();
    let mut stamps: Vec<(usize, usize, f32)> = Vec::new();
    for y in 0..rows {
        for x in 0..columns {
            let here = labels[(y, x)];
            let mut widest: Option<f32> = None;
            let mut meet = |other: u32| {
                if other != here {
                    let w = width(from_id(here), from_id(other));
                    widest = Some(widest.map_or(w, |seen| seen.max(w)));
                }
            };
            if x > 0 {
                meet(labels[(y, x - 1)]);
            }
            if x + 1 < columns {
                meet(labels[(y, x + 1)]);
            }
            if y > 0 {
                meet(labels[(y - 1, x)]);
            }
            if y + 1 < rows {
                meet(labels[(y + 1, x)]);
            }
            if let Some(w) = widest {
                stamps.push((y, x, w));
            }
        }
    }
    let far = (REACH as f32 + 0.5) * (REACH as f32 + 0.5);
    let mut squared = Array2::from_elem((rows, columns), far);
    let mut widths: Plane = Array2::zeros((rows, columns));
    for (y, x, w) in stamps {
        for v in y.saturating_sub(REACH)..(y + REACH + 1).min(rows) {
            let dy = v.abs_diff(y);
            let reach = CIRCLE[dy];
            for u in x.saturating_sub(reach)..(x + reach + 1).min(columns) {
                let dx = u.abs_diff(x);
                let d = (dx * dx + dy * dy) as f32;
                let best = &mut squared[(v, u)];
                if d < *best {
                    *best = d;
                    widths[(v, u)] = w;
                }
            }
        }
    }
    // The border line runs half a pixel beside the centres of the pixels that touch it.
    squared.mapv_inplace(|d| d.sqrt() + 0.5);
    Borders { distance: squared, width: widths }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::borders;

    #[test]
    fn distances_count_from_the_line_between_two_pixels() {
        let labels = Array2::from_shape_fn((20, 20), |(_, x)| if x < 8 { 1 } else { 2 });
        let found = borders(&labels, |a, b| (a + b) as f32);
        for (x, expected) in [(7, 0.5), (8, 0.5), (9, 1.5), (5, 2.5)] {
            let d = found.distance[(10, x)];
            assert!((d - expected).abs() < 1e-6, "{d} at {x}");
            assert!((found.width[(10, x)] - 3.0).abs() < 1e-6, "width at {x}");
        }
        assert!(found.width[(10, 19)] < 1e-6, "no border is near");
    }
}
