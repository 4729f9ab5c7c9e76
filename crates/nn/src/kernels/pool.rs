//! The largest value of windows, by the place where it stands.

use rayon::prelude::*;

use super::output::{fill_parts, part};

/// The windows along one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Windows {
    /// Values along the axis.
    pub(crate) size: usize,
    /// Values of a window.
    pub(crate) kernel: usize,
    /// Distance between windows.
    pub(crate) stride: usize,
    /// How far the first window starts before the first value.
    pub(crate) padding: usize,
    /// Distance between the values of a window.
    pub(crate) dilation: usize,
    /// Windows.
    pub(crate) count: usize,
}

impl Windows {
    /// The values of window `i` that exist.
    pub(crate) fn of(&self, i: usize) -> impl Iterator<Item = usize> + Clone + use<> {
        let Self { size, kernel, stride, padding, dilation, .. } = *self;
        (0..kernel)
            .filter_map(move |k| (i * stride + k * dilation).checked_sub(padding))
            .filter(move |at| *at < size)
    }
}

/// Where the first largest value of every window stands in its plane; the first
/// NaN wins over all.
#[expect(clippy::cast_possible_truncation, reason = "planes have fewer than 2^32 values, checked")]
pub(crate) fn largest(rows: &Windows, columns: &Windows, x: &[f32]) -> Vec<u32> {
    let plane = rows.size * columns.size;
    let windows = rows.count * columns.count;
    assert!(u32::try_from(plane).is_ok(), "a plane is too large");
    let across: Vec<Vec<usize>> = (0..columns.count).map(|j| columns.of(j).collect()).collect();
    let mut out = vec![0; x.len() / plane * windows];
    out.par_chunks_mut(windows).zip(x.par_chunks(plane)).for_each(|(out, plane)| {
        for (i, line) in out.chunks_exact_mut(columns.count).enumerate() {
            for (to, across) in line.iter_mut().zip(&across) {
                let (mut best, mut place) = (f32::NEG_INFINITY, None);
                for y in rows.of(i) {
                    let row = &plane[y * columns.size..][..columns.size];
                    for x in across {
                        let value = row[*x];
                        let better = value > best || (value.is_nan() && !best.is_nan());
                        if better || place.is_none() {
                            (best, place) = (value, Some(y * columns.size + x));
                        }
                    }
                }
                *to = place.unwrap_or(0) as u32;
            }
        }
    });
    out
}

/// The values at `places` (`to` per plane of `from` values).
pub(crate) fn pick(x: &[f32], places: &[u32], (from, to): (usize, usize)) -> Vec<f32> {
    fill_parts(places.len(), to, |index, out| {
        let plane = part(x, from, index);
        for (out, place) in out.iter_mut().zip(&places[index * to..]) {
            *out = plane[*place as usize];
        }
    })
}

/// The adjoint of [`pick`]: values added at their places, zero elsewhere.
pub(crate) fn put(x: &[f32], places: &[u32], (from, to): (usize, usize)) -> Vec<f32> {
    fill_parts(x.len() / to * from, from, |index, plane| {
        let x = part(x, to, index);
        for (value, place) in x.iter().zip(&places[index * to..]) {
            plane[*place as usize] += value;
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_largest_value_of_a_window_is_picked_and_put_back() {
        let rows = Windows { size: 3, kernel: 2, stride: 1, padding: 0, dilation: 2, count: 1 };
        let columns = Windows { size: 4, kernel: 3, stride: 2, padding: 1, dilation: 1, count: 2 };
        let x = [
            [1.0, 5.0, 5.0, 2.0, 9.0, 9.0, 9.0, 9.0, 5.0, 0.0, 0.0, 7.0],
            [1.0, f32::NAN, 3.0, 4.0, 0.0, 0.0, 0.0, 0.0, f32::NAN, 1.0, 2.0, 3.0],
        ]
        .concat();
        // The windows are columns 0 and 1, and 1 to 3, of the first and the last row.
        let places = largest(&rows, &columns, &x);
        assert_eq!(places, [1, 11, 1, 1]);
        let y = pick(&x, &places, (12, 2));
        assert!(y[..2] == [5.0, 7.0] && y[2].is_nan() && y[3].is_nan(), "{y:?}");
        let dx = put(&[1.0, 2.0, 3.0, 4.0], &places, (12, 2));
        let found: Vec<_> = dx.iter().enumerate().filter(|(_, v)| **v != 0.0).collect();
        assert_eq!(found, [(1, &1.0), (11, &2.0), (13, &7.0)]);
    }
}
