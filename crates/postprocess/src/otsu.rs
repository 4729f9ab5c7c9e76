//! Threshold between two grey classes.

use ndarray::ArrayView2;

/// Otsu's threshold: grey values up to it are one class, those above it the
/// other, with the largest variance between the classes.
///
/// Of several equal thresholds (an empty range of grey values between the
/// classes) the lowest. `None` if the picture is empty or has one value only.
///
/// # Examples
/// ```
/// use mapvec_postprocess::otsu_threshold;
/// use ndarray::array;
///
/// assert_eq!(otsu_threshold(array![[10, 12, 200, 210_u8]].view()), Some(12));
/// assert_eq!(otsu_threshold(array![[7, 7_u8]].view()), None);
/// ```
///
/// # References
/// N. Otsu, A threshold selection method from gray-level histograms, IEEE
/// Transactions on Systems, Man, and Cybernetics 9(1), 1979.
#[must_use]
pub fn otsu_threshold(grey: ArrayView2<'_, u8>) -> Option<u8> {
    let mut histogram = [0_u64; 256];
    grey.iter().for_each(|&value| histogram[usize::from(value)] += 1);
    let total = grey.len() as f64;
    let sum: f64 = histogram.iter().zip(0_u32..).map(|(&n, v)| n as f64 * f64::from(v)).sum();
    let (mut below, mut sum_below) = (0.0, 0.0);
    let (mut best, mut threshold) = (0.0, None);
    for (value, &count) in (0..=u8::MAX).zip(&histogram) {
        below += count as f64;
        sum_below += count as f64 * f64::from(value);
        let above = total - below;
        if below > 0.0 && above > 0.0 {
            let gap = sum_below / below - (sum - sum_below) / above;
            let variance = below * above * gap * gap;
            if variance > best {
                best = variance;
                threshold = Some(value);
            }
        }
    }
    threshold
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;

    #[test]
    fn extremes_and_empty_pictures() {
        let mut grey = Array2::from_elem((4, 4), 0_u8);
        assert_eq!(otsu_threshold(grey.view()), None);
        grey[(2, 1)] = 255;
        assert_eq!(otsu_threshold(grey.view()), Some(0));
        assert_eq!(otsu_threshold(Array2::default((0, 0)).view()), None);
    }

    #[test]
    fn two_uneven_humps_are_split_between_them() {
        // Triangles around 60 (1 part) and 180 (3 parts).
        let hump = |centre: u8, weight: usize| {
            (0..=20_u8).flat_map(move |d| {
                let count = weight * usize::from(21 - d);
                [centre - d, centre + d].into_iter().flat_map(move |v| vec![v; count])
            })
        };
        let values: Vec<u8> = hump(60, 1).chain(hump(180, 3)).collect();
        let grey = Array2::from_shape_vec((1, values.len()), values).unwrap();
        assert_eq!(otsu_threshold(grey.view()), Some(80));
    }
}
