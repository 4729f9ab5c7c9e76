//! Small dense least squares by Householder reflections.

/// A column whose part that is new to the columns before it is smaller than this,
/// relative to its length, counts as a combination of them.
const RANK: f64 = 1e-10;

/// A matrix stored by columns.
#[derive(Debug, Clone)]
pub(super) struct Matrix {
    pub(super) columns: Vec<Vec<f64>>,
}

/// The `x` that minimises `|A x - b|` for each column `b` of `right`.
///
/// `None` if a column of `A` is a combination of the others, or if `A` has fewer
/// rows than columns. All columns have the same length.
pub(super) fn least_squares(mut matrix: Matrix, mut right: [Vec<f64>; 2]) -> Option<[Vec<f64>; 2]> {
    let count = matrix.columns.len();
    if count == 0 || right[0].len() < count {
        return None;
    }
    let norms: Vec<f64> = matrix.columns.iter().map(|column| norm(column)).collect();
    let mut diagonal = vec![0.0; count];
    for k in 0..count {
        let (head, tail) = matrix.columns.split_at_mut(k + 1);
        let reflector = &mut head[k][k..];
        let length = norm(reflector);
        if length.is_nan() || length <= RANK * norms[k] {
            return None;
        }
        // The sign that avoids cancellation.
        let turned = if reflector[0] > 0.0 { -length } else { length };
        reflector[0] -= turned;
        diagonal[k] = turned;
        let square = reflector.iter().map(|v| v * v).sum::<f64>();
        for column in tail.iter_mut().chain(&mut right) {
            let column = &mut column[k..];
            let factor = 2.0 * dot(reflector, column) / square;
            for (value, &v) in column.iter_mut().zip(reflector.iter()) {
                *value -= factor * v;
            }
        }
    }
    // Row k of the triangle is spread over the columns behind k.
    Some(right.map(|b| {
        let mut x = vec![0.0; count];
        for k in (0..count).rev() {
            let known: f64 = (k + 1..count).map(|j| matrix.columns[j][k] * x[j]).sum();
            x[k] = (b[k] - known) / diagonal[k];
        }
        x
    }))
}

fn norm(values: &[f64]) -> f64 {
    dot(values, values).sqrt()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(p, q)| p * q).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regression_line() {
        let (xs, ys) = ([0.0, 1.0, 2.0, 3.0], [1.0, 2.0, 2.0, 4.0]);
        let matrix = Matrix { columns: vec![vec![1.0; 4], xs.to_vec()] };
        let [line, other] = least_squares(matrix, [ys.to_vec(), xs.to_vec()]).unwrap();
        // By the textbook formulas: slope 4.5 / 5, intercept 2.25 - 0.9 * 1.5.
        assert!((line[1] - 0.9).abs() < 1e-12 && (line[0] - 0.9).abs() < 1e-12);
        assert!(other[0].abs() < 1e-12 && (other[1] - 1.0).abs() < 1e-12);
    }

    #[test]
    fn rank_is_checked() {
        let twice = Matrix { columns: vec![vec![1.0, 2.0, 3.0], vec![2.0, 4.0, 6.0]] };
        assert!(least_squares(twice, [vec![0.0; 3], vec![0.0; 3]]).is_none());
        let zero = Matrix { columns: vec![vec![0.0; 3]] };
        assert!(least_squares(zero, [vec![0.0; 3], vec![0.0; 3]]).is_none());
        let wide = Matrix { columns: vec![vec![1.0], vec![2.0]] };
        assert!(least_squares(wide, [vec![0.0], vec![0.0]]).is_none());
    }
}
