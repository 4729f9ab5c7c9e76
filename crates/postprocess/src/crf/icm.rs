//! Iterated conditional modes.

use ndarray::ArrayView3;

use super::grid::{GridCrf, GridLabels};
use crate::Result;

impl GridCrf {
    /// Gives each pixel in turn the label that costs least with its neighbours as they are,
    /// until nothing changes or `sweeps` are done. The energy never rises.
    ///
    /// Fast, and stuck in the nearest minimum: see [`GridCrf::expansion`].
    ///
    /// # Shapes
    /// `unary` [K, H, W].
    ///
    /// # Errors
    /// [`Error::LengthMismatch`](crate::Error::LengthMismatch) for another size;
    /// [`Error::InvalidUnary`](crate::Error::InvalidUnary) for an energy that is not finite.
    ///
    /// # References
    /// J. Besag, On the Statistical Analysis of Dirty Pictures, Journal of the Royal
    /// Statistical Society B 48(3), 1986.
    pub fn iterated_modes(&self, unary: ArrayView3<'_, f32>, sweeps: usize) -> Result<GridLabels> {
        let unary = self.checked(unary)?;
        let mut labels = Self::start(&unary);
        let mut energies = vec![self.energy_of(&unary, &labels)];
        let classes = unary.nrows();
        let mut costs = vec![0.0; classes];
        for _ in 0..sweeps {
            let mut moved = false;
            for point in 0..labels.len() {
                for (class, cost) in costs.iter_mut().enumerate() {
                    *cost = unary[(class, point)];
                }
                // Each neighbour makes its own label cheaper by its weight.
                for &(other, weight) in self.around(point) {
                    costs[labels[other as usize]] -= weight;
                }
                let mut best = labels[point];
                for class in 0..classes {
                    if costs[class] < costs[best] {
                        best = class;
                    }
                }
                moved |= best != labels[point];
                labels[point] = best;
            }
            energies.push(self.energy_of(&unary, &labels));
            if !moved {
                break;
            }
        }
        Ok(self.labelled(labels, energies))
    }
}
