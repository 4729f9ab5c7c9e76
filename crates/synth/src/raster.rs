//! Small filters on planes of pixels.

use ndarray::{Array2, Zip};

/// One value per pixel of a sheet.
pub(crate) type Plane = Array2<f32>;

/// Means of 2 x 2 pixels: from twice the size to the size of a sheet.
pub(crate) fn halve(plane: &Plane) -> Plane {
    let (rows, columns) = (plane.nrows() / 2, plane.ncols() / 2);
    Array2::from_shape_fn((rows, columns), |(y, x)| {
        0.25 * (plane[(2 * y, 2 * x)]
            + plane[(2 * y, 2 * x + 1)]
            + plane[(2 * y + 1, 2 * x)]
            + plane[(2 * y + 1, 2 * x + 1)])
    })
}

/// The larger of both, pixel by pixel, into `target`.
pub(crate) fn max_into(target: &mut Plane, other: &Plane) {
    Zip::from(target).and(other).for_each(|a, &b| *a = a.max(b));
}

/// Convolves rows and columns with a symmetric kernel given from its centre outwards;
/// edges repeat.
pub(crate) fn convolve(plane: &Plane, kernel: &[f32]) -> Plane {
    let (rows, columns) = plane.dim();
    if rows == 0 || columns == 0 || kernel.is_empty() {
        return plane.clone();
    }
    let radius = kernel.len() - 1;
    let mut across = Array2::zeros((rows, columns));
    let mut padded = vec![0.0_f32; columns + 2 * radius];
    for (source, mut target) in plane.rows().into_iter().zip(across.rows_mut()) {
        for (x, value) in padded.iter_mut().enumerate() {
            *value = source[x.saturating_sub(radius).min(columns - 1)];
        }
        for (x, value) in target.iter_mut().enumerate() {
            *value = kernel[0] * padded[x + radius];
        }
        for (k, &weight) in kernel.iter().enumerate().skip(1) {
            let (left, right) = (&padded[radius - k..], &padded[radius + k..]);
            for ((value, a), b) in target.iter_mut().zip(left).zip(right) {
                *value += weight * (a + b);
            }
        }
    }
    let mut result = Array2::zeros((rows, columns));
    for (y, mut target) in result.rows_mut().into_iter().enumerate() {
        target.zip_mut_with(&across.row(y), |value, a| *value = kernel[0] * a);
        for (k, &weight) in kernel.iter().enumerate().skip(1) {
            let (above, below) = (y.saturating_sub(k), (y + k).min(rows - 1));
            Zip::from(&mut target)
                .and(&across.row(above))
                .and(&across.row(below))
                .for_each(|value, a, b| *value += weight * (a + b));
        }
    }
    result
}

/// The half of a normalised Gaussian kernel, centre first, cut at 3 sigma.
pub(crate) fn gaussian(sigma: f64) -> Vec<f32> {
    let radius = crate::cast::to_index((3.0 * sigma).ceil()).max(1);
    let half: Vec<f64> =
        (0..=radius).map(|k| (-0.5 * (k as f64 / sigma.max(1e-3)).powi(2)).exp()).collect();
    let sum = half[0] + 2.0 * half[1..].iter().sum::<f64>();
    half.iter().map(|value| (value / sum) as f32).collect()
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::{convolve, gaussian, halve};

    #[test]
    fn a_blur_keeps_the_sum_of_an_inner_spot() {
        let mut plane = Array2::zeros((21, 17));
        plane[(10, 8)] = 5.0;
        let blurred = convolve(&plane, &gaussian(1.2));
        assert!((blurred.sum() - 5.0).abs() < 1e-4, "sum {}", blurred.sum());
        assert!((blurred[(10, 6)] - blurred[(10, 10)]).abs() < 1e-6, "not symmetric");
        assert!((blurred[(8, 8)] - blurred[(10, 10)]).abs() < 1e-6, "rows differ from columns");
    }

    #[test]
    fn halving_takes_means() {
        let plane = Array2::from_shape_fn((4, 6), |(y, x)| (y * 6 + x) as f32);
        assert!((halve(&plane)[(1, 2)] - 19.5).abs() < 1e-6, "{}", halve(&plane)[(1, 2)]);
    }
}
