//! The Gaussian along one axis of a picture, by way of nodes some pixels apart.

use std::ops::Range;

/// Standard deviations after which a Gaussian is cut off: what is lost is below 10^-5.
const REACH: f64 = 4.45;
/// Deviations of the kernel per pixel between nodes: the sum over nodes differs from the
/// Gaussian by `2 exp(-pi^2 s^2 / 2)` of its value, 3 x 10^-5.
const FINENESS: f64 = 1.5;

/// The Gaussian along one axis: from pixels to nodes, and back.
///
/// Pixels with the same place between nodes lie side by side, so that sums over neighbours are
/// sums over shifted runs of values.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    /// Pixels between nodes, as many as places.
    pub(crate) stride: usize,
    pub(crate) nodes: usize,
    /// Where the first pixel lies, counted from the first that reaches the first node.
    pub(crate) start: usize,
    /// Weights of the pixels that reach a node.
    pub(crate) gather: Vec<f32>,
    /// For each place the weights of the nodes that reach it.
    pub(crate) scatter: Vec<Vec<f32>>,
    /// For each pixel the first node that reaches it, and its place.
    pub(crate) places: Vec<(usize, usize)>,
    /// Sum of the kernel at each pixel.
    pub(crate) sums: Vec<f64>,
}

impl Axis {
    /// The axis of so many pixels, of which the first has number `origin` in the whole picture:
    /// nodes have the same places in all its parts.
    pub(crate) fn new(size: usize, origin: usize, sigma: f64) -> Self {
        let stride = ((sigma / FINENESS) as i64).max(1).cast_unsigned() as usize;
        let (narrow, scale) = match stride {
            // Nodes are the pixels.
            1 => (sigma, 1.0),
            _ => {
                let scale = stride as f64 / (sigma * std::f64::consts::FRAC_PI_2.sqrt());
                (sigma / std::f64::consts::SQRT_2, scale.sqrt())
            }
        };
        // Up to the middle between two pixels.
        let reach = ((REACH * narrow - 0.5).ceil() as i64).max(0).cast_unsigned() as usize;
        let back = if stride == 1 { 0 } else { reach };
        let weight = |t: usize| scale * (-0.5 * (t as f64 / narrow).powi(2)).exp();
        let gather: Vec<f64> = (0..=2 * reach).map(|i| weight(i.abs_diff(reach))).collect();
        // Nodes before a place that reach it, and those after.
        let before = |place: usize| back.saturating_sub(place) / stride;
        let weights = |place: usize| -> Vec<f64> {
            let own = place + before(place) * stride;
            let count = before(place) + (place + back) / stride + 1;
            (0..count)
                .map(|i| if back == 0 { 1.0 } else { weight(own.abs_diff(i * stride)) })
                .collect()
        };
        let scatter: Vec<Vec<f64>> = (0..stride).map(weights).collect();
        let (shift, lead) = (origin % stride, back / stride);
        let nodes = lead + (shift + size + back) / stride + 1;
        let places: Vec<(usize, usize)> = (shift..shift + size)
            .map(|x| (x / stride + lead - before(x % stride), x % stride))
            .collect();
        let start = shift + lead * stride + reach;
        let mut ones = vec![0.0; nodes * stride + gather.len()];
        ones[start..start + size].fill(1.0);
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let at_nodes: Vec<f64> = (0..nodes).map(|i| dot(&gather, &ones[i * stride..])).collect();
        let sums = places.iter().map(|&(first, p)| dot(&scatter[p], &at_nodes[first..])).collect();
        let single = |weights: &Vec<f64>| weights.iter().map(|&w| w as f32).collect::<Vec<f32>>();
        let scatter = scatter.iter().map(single).collect();
        Self { stride, nodes, start, gather: single(&gather), scatter, places, sums }
    }

    /// Pixels of one place, with the zeros at both ends.
    pub(crate) fn run(&self) -> usize {
        self.nodes + self.gather.len() / self.stride
    }

    /// The pixels that reach some nodes.
    pub(crate) fn reach(&self, nodes: &Range<usize>) -> Range<usize> {
        let first = (nodes.start * self.stride).saturating_sub(self.start);
        let last = (nodes.end - 1) * self.stride + self.gather.len();
        let size = self.places.len();
        first.min(size)..last.saturating_sub(self.start).min(size)
    }

    /// The weight of a pixel in the sum of a node.
    pub(crate) fn weight(&self, pixel: usize, node: usize) -> f32 {
        let at = (pixel + self.start).checked_sub(node * self.stride);
        at.and_then(|at| self.gather.get(at)).copied().unwrap_or(0.0)
    }
}
