//! Alpha-expansion by graph cuts.

use ndarray::{Array2, ArrayView3};

use super::grid::{GridCrf, GridLabels};
use super::max_flow::FlowGraph;
use crate::Result;

impl GridCrf {
    /// Lets each label in turn take any set of pixels at once, the best one, until no label
    /// gains or `rounds` are done. The energy never rises; with two labels the result is a
    /// global minimum, with more it is at most twice as high.
    ///
    /// # Shapes
    /// `unary` [K, H, W].
    ///
    /// # Errors
    /// [`Error::LengthMismatch`](crate::Error::LengthMismatch) for another size;
    /// [`Error::InvalidUnary`](crate::Error::InvalidUnary) for an energy that is not finite.
    ///
    /// # References
    /// Y. Boykov, O. Veksler and R. Zabih, Fast Approximate Energy Minimization via Graph Cuts,
    /// IEEE TPAMI 23(11), 2001.
    pub fn expansion(&self, unary: ArrayView3<'_, f32>, rounds: usize) -> Result<GridLabels> {
        let unary = self.checked(unary)?;
        let mut labels = Self::start(&unary);
        let mut energies = vec![self.energy_of(&unary, &labels)];
        for _ in 0..rounds {
            let before = energies.last().copied().unwrap_or(f64::INFINITY);
            let mut energy = before;
            for alpha in 0..unary.nrows() {
                let expanded = self.expand(&unary, &labels, alpha);
                let found = self.energy_of(&unary, &expanded);
                if found < energy {
                    (labels, energy) = (expanded, found);
                }
            }
            energies.push(energy);
            if energy >= before {
                break;
            }
        }
        Ok(self.labelled(labels, energies))
    }

    /// The best labels among those where any pixels turn to `alpha`.
    fn expand(&self, unary: &Array2<f64>, labels: &[usize], alpha: usize) -> Vec<usize> {
        // The side of the source keeps its label.
        let mut graph = FlowGraph::new(labels.len());
        for (point, &label) in labels.iter().enumerate() {
            if label != alpha {
                graph.add_terminal(point, unary[(alpha, point)] - unary[(label, point)]);
            }
        }
        for &(a, b, weight) in &self.edges {
            let (a, b) = (a as usize, b as usize);
            match (labels[a] == alpha, labels[b] == alpha) {
                (true, true) => {}
                // Keeping the label next to alpha costs the weight.
                (true, false) => graph.add_terminal(b, -weight),
                (false, true) => graph.add_terminal(a, -weight),
                (false, false) if labels[a] == labels[b] => graph.add_arcs(a, b, weight, weight),
                (false, false) => {
                    // Both keep: weight; one turns: weight; both turn: nothing.
                    graph.add_terminal(a, -weight);
                    graph.add_arcs(a, b, 0.0, weight);
                }
            }
        }
        let keep = graph.cut();
        let turned = |(&label, keep): (&usize, bool)| if keep { label } else { alpha };
        labels.iter().zip(keep).map(turned).collect()
    }
}
