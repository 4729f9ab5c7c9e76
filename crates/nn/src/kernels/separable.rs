//! Linear maps that act on rows and columns alike: average pooling, resizing.
//!
//! Every output row is a weighted sum of a few neighbouring input rows, every
//! output column one of input columns.

use super::output::{fill_parts, part};
use super::scratch::with_scratch;

/// The weights of one axis: output `i` is the sum over `k` of
/// `weights[i * count + k]` times input `first[i] + k`.
#[derive(Clone, Debug)]
pub(crate) struct Taps {
    input: usize,
    count: usize,
    first: Vec<usize>,
    weights: Vec<f32>,
}

impl Taps {
    /// From the inputs of every output with their weights; at least one each.
    #[expect(clippy::cast_possible_truncation, reason = "the kernels run in f32")]
    pub(crate) fn new(input: usize, outputs: &[Vec<(usize, f64)>]) -> Self {
        let low = |taps: &[(usize, f64)]| taps.iter().map(|t| t.0).min().unwrap_or(0);
        let high = |taps: &[(usize, f64)]| taps.iter().map(|t| t.0).max().unwrap_or(0);
        assert!(outputs.iter().all(|taps| high(taps) < input), "inputs of an axis");
        let count = outputs.iter().map(|taps| high(taps) - low(taps) + 1).max().unwrap_or(1);
        let first: Vec<usize> = outputs.iter().map(|taps| low(taps).min(input - count)).collect();
        let mut weights = vec![0.0; outputs.len() * count];
        for ((taps, first), weights) in
            outputs.iter().zip(&first).zip(weights.chunks_exact_mut(count))
        {
            for (index, weight) in taps {
                weights[index - first] += *weight as f32;
            }
        }
        Self { input, count, first, weights }
    }

    /// Inputs.
    pub(crate) fn inputs(&self) -> usize {
        self.input
    }

    /// Outputs.
    pub(crate) fn outputs(&self) -> usize {
        self.first.len()
    }

    /// The weights of output `i` and its first input.
    fn of(&self, i: usize) -> (usize, &[f32]) {
        (self.first[i], &self.weights[i * self.count..][..self.count])
    }

    /// The map as a matrix `[outputs][inputs]`.
    pub(crate) fn matrix(&self) -> Vec<f64> {
        let mut matrix = vec![0.0; self.outputs() * self.input];
        for (i, row) in matrix.chunks_exact_mut(self.input).enumerate() {
            let (first, weights) = self.of(i);
            for (value, weight) in row[first..].iter_mut().zip(weights) {
                *value = f64::from(*weight);
            }
        }
        matrix
    }

    /// The outputs of a line.
    fn gather(&self, line: &[f32], to: &mut [f32]) {
        match self.count {
            1 => {
                for ((to, first), weight) in to.iter_mut().zip(&self.first).zip(&self.weights) {
                    *to = line[*first] * weight;
                }
            }
            2 => {
                let weights = self.weights.as_chunks::<2>().0;
                for ((to, first), [a, b]) in to.iter_mut().zip(&self.first).zip(weights) {
                    let pair = &line[*first..][..2];
                    *to = pair[0] * a + pair[1] * b;
                }
            }
            _ => {
                for (i, to) in to.iter_mut().enumerate() {
                    let (first, weights) = self.of(i);
                    *to = line[first..].iter().zip(weights).map(|(v, w)| v * w).sum();
                }
            }
        }
    }

    /// The adjoint: adds the gradients of a line's outputs to those of its inputs.
    fn scatter(&self, gradient: &[f32], to: &mut [f32]) {
        if self.count == 2 {
            let weights = self.weights.as_chunks::<2>().0;
            for ((g, first), [a, b]) in gradient.iter().zip(&self.first).zip(weights) {
                let pair = &mut to[*first..][..2];
                pair[0] += g * a;
                pair[1] += g * b;
            }
            return;
        }
        for (i, g) in gradient.iter().enumerate() {
            let (first, weights) = self.of(i);
            for (to, weight) in to[first..].iter_mut().zip(weights) {
                *to += g * weight;
            }
        }
    }
}

/// `to += line * weight`.
#[inline]
fn add_scaled(line: &[f32], weight: f32, to: &mut [f32]) {
    for (to, v) in to.iter_mut().zip(line) {
        *to += v * weight;
    }
}

/// Every plane of `x` through the maps of its rows and columns.
pub(crate) fn apply(rows: &Taps, columns: &Taps, x: &[f32]) -> Vec<f32> {
    let fine = rows.outputs() * columns.outputs();
    let plane = rows.inputs() * columns.inputs();
    fill_parts(x.len() / plane * fine, fine, |index, out| {
        let plane = part(x, plane, index);
        let width = columns.outputs();
        with_scratch([rows.inputs() * width], |[lines]| {
            for (line, from) in
                lines.chunks_exact_mut(width).zip(plane.chunks_exact(columns.inputs()))
            {
                columns.gather(from, line);
            }
            for (i, to) in out.chunks_exact_mut(width).enumerate() {
                let (first, weights) = rows.of(i);
                if let [a, b] = weights {
                    let (one, other) = lines[first * width..][..2 * width].split_at(width);
                    for ((to, one), other) in to.iter_mut().zip(one).zip(other) {
                        *to = one * a + other * b;
                    }
                    continue;
                }
                for (line, weight) in lines[first * width..].chunks_exact(width).zip(weights) {
                    add_scaled(line, *weight, to);
                }
            }
        });
    })
}

/// The gradient of [`apply`].
pub(crate) fn gradient(rows: &Taps, columns: &Taps, g: &[f32]) -> Vec<f32> {
    let fine = rows.outputs() * columns.outputs();
    let plane = rows.inputs() * columns.inputs();
    fill_parts(g.len() / fine * plane, plane, |index, out| {
        let g = part(g, fine, index);
        let width = columns.outputs();
        with_scratch([rows.inputs() * width], |[lines]| {
            lines.fill(0.0);
            for (i, from) in g.chunks_exact(width).enumerate() {
                let (first, weights) = rows.of(i);
                for (line, weight) in lines[first * width..].chunks_exact_mut(width).zip(weights) {
                    add_scaled(from, *weight, line);
                }
            }
            for (to, line) in out.chunks_exact_mut(columns.inputs()).zip(lines.chunks_exact(width))
            {
                columns.scatter(line, to);
            }
        });
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_go_through_both_matrices() {
        let rows = Taps::new(4, &[vec![(0, 0.5), (1, 0.5)], vec![(1, 1.0)], vec![(3, 2.0)]]);
        let columns = Taps::new(3, &[vec![(0, 1.0), (2, 3.0)], vec![(2, 0.25)]]);
        let x: Vec<f32> = (0..24).map(|v| (v * 7 % 11) as f32).collect();
        let (r, c) = (rows.matrix(), columns.matrix());
        let y = apply(&rows, &columns, &x);
        let g: Vec<f32> = (0..12).map(|v| (v * 5 % 7) as f32).collect();
        let dx = gradient(&rows, &columns, &g);
        for plane in 0..2 {
            for i in 0..3 {
                for j in 0..2 {
                    let mut want = 0.0;
                    for a in 0..4 {
                        for b in 0..3 {
                            want +=
                                r[i * 4 + a] * c[j * 3 + b] * f64::from(x[plane * 12 + a * 3 + b]);
                        }
                    }
                    assert!((f64::from(y[plane * 6 + i * 2 + j]) - want).abs() < 1e-5);
                }
            }
            for a in 0..4 {
                for b in 0..3 {
                    let mut want = 0.0;
                    for i in 0..3 {
                        for j in 0..2 {
                            want +=
                                r[i * 4 + a] * c[j * 3 + b] * f64::from(g[plane * 6 + i * 2 + j]);
                        }
                    }
                    assert!((f64::from(dx[plane * 12 + a * 3 + b]) - want).abs() < 1e-5);
                }
            }
        }
    }
}
