//! Loopy belief propagation.

use ndarray::ArrayView3;
use serde::{Deserialize, Serialize};

use super::grid::{GridCrf, GridLabels};
use crate::{Error, Result};

/// Settings of [`GridCrf::belief_propagation`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BeliefPropagationConfig {
    /// Largest number of iterations, at most 10000.
    pub iterations: usize,
    /// Share of the old messages that stays, from 0 to below 1; without any, messages may
    /// swing to and fro.
    pub damping: f64,
    /// Stop when no message changes by more; 0 or more.
    pub tolerance: f64,
}

impl Default for BeliefPropagationConfig {
    fn default() -> Self {
        Self { iterations: 50, damping: 0.5, tolerance: 1e-4 }
    }
}

impl BeliefPropagationConfig {
    /// Checks the ranges of the fields.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`].
    pub fn validate(&self) -> Result<()> {
        let check = |field, value, valid, expected| {
            if valid { Ok(()) } else { Err(Error::InvalidSetting { field, value, expected }) }
        };
        let iterations = self.iterations as f64;
        check("iterations", iterations, iterations <= 1e4, "at most 10000")?;
        let valid = (0.0..1.0).contains(&self.damping);
        check("damping", self.damping, valid, "from 0 to below 1")?;
        check("tolerance", self.tolerance, self.tolerance >= 0.0, "0 or more")
    }
}

impl GridCrf {
    /// Sends messages between neighbours about what each label costs (min-sum), all at once,
    /// and gives each pixel the label of the least belief. The best labels of all iterations
    /// are the result.
    ///
    /// # Shapes
    /// `unary` [K, H, W].
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] as [`BeliefPropagationConfig::validate`]; otherwise as
    /// [`GridCrf::iterated_modes`].
    ///
    /// # References
    /// P. F. Felzenszwalb and D. P. Huttenlocher, Efficient Belief Propagation for Early Vision,
    /// International Journal of Computer Vision 70(1), 2006.
    pub fn belief_propagation(
        &self,
        unary: ArrayView3<'_, f32>,
        config: &BeliefPropagationConfig,
    ) -> Result<GridLabels> {
        config.validate()?;
        let unary = self.checked(unary)?;
        let classes = unary.nrows();
        let points = unary.ncols();
        let mut labels = Self::start(&unary);
        let mut energies = vec![self.energy_of(&unary, &labels)];
        let mut least = energies[0];
        // Two messages per edge: to its second pixel, and to its first.
        let mut messages = vec![0.0; self.edges.len() * 2 * classes];
        let mut beliefs = vec![0.0; points * classes];
        let mut sent = vec![0.0; classes];
        for _ in 0..config.iterations {
            for (point, beliefs) in beliefs.chunks_exact_mut(classes).enumerate() {
                for (class, belief) in beliefs.iter_mut().enumerate() {
                    *belief = unary[(class, point)];
                }
            }
            for (&(a, b, _), pair) in self.edges.iter().zip(messages.chunks_exact(2 * classes)) {
                for (to, message) in [b, a].into_iter().zip(pair.chunks_exact(classes)) {
                    let beliefs = &mut beliefs[to as usize * classes..][..classes];
                    beliefs.iter_mut().zip(message).for_each(|(b, m)| *b += m);
                }
            }
            let mut largest = 0.0_f64;
            for (&(a, b, weight), pair) in
                self.edges.iter().zip(messages.chunks_exact_mut(2 * classes))
            {
                let old = pair.to_vec();
                for (side, from) in [a, b].into_iter().enumerate() {
                    let beliefs = &beliefs[from as usize * classes..][..classes];
                    // What the receiver told the sender is left out.
                    let told = &old[(1 - side) * classes..][..classes];
                    sent.iter_mut()
                        .zip(beliefs.iter().zip(told))
                        .for_each(|(s, (b, t))| *s = b - t);
                    let smallest = sent.iter().copied().fold(f64::INFINITY, f64::min);
                    let message = &mut pair[side * classes..][..classes];
                    for (message, sent) in message.iter_mut().zip(&sent) {
                        let new = (sent - smallest).min(weight);
                        let damped = config.damping * *message + (1.0 - config.damping) * new;
                        largest = largest.max((damped - *message).abs());
                        *message = damped;
                    }
                }
            }
            let found: Vec<usize> = beliefs
                .chunks_exact(classes)
                .map(|b| (1..classes).fold(0, |best, k| if b[k] < b[best] { k } else { best }))
                .collect();
            let energy = self.energy_of(&unary, &found);
            energies.push(energy);
            if energy < least {
                (labels, least) = (found, energy);
            }
            if largest <= config.tolerance {
                break;
            }
        }
        Ok(self.labelled(labels, energies))
    }
}
