//! What filtered probabilities add to the logits: the compatibility of labels.

use super::config::Compatibility;

/// What the labels of others add to the logits of a block of points.
#[derive(Debug)]
pub(crate) enum Coupling {
    /// What every class saves where others have it.
    Saving(f32),
    /// What each class saves where others have it, repeated for all points of a block.
    Savings(Vec<f32>),
    /// For each class of others a row with the energy that it costs each class.
    Matrix(Vec<f32>),
}

impl Coupling {
    /// For rows of `lanes` values and blocks of so many `points`.
    pub(crate) fn new(
        compatibility: &Compatibility,
        classes: usize,
        lanes: usize,
        points: usize,
    ) -> Self {
        let padded = |row: &[f32]| {
            let mut padded = row.to_vec();
            padded.resize(lanes, 0.0);
            padded
        };
        match (compatibility, compatibility.diagonal(classes)) {
            (Compatibility::Potts(weight), _) => Self::Saving(*weight),
            (_, Some(savings)) => Self::Savings(padded(&savings).repeat(points)),
            _ => {
                let matrix = compatibility.matrix(classes);
                Self::Matrix(matrix.chunks_exact(classes).flat_map(padded).collect())
            }
        }
    }

    /// Adds what the filtered values save, or subtracts what they cost.
    #[inline(always)]
    pub(crate) fn apply(&self, filtered: &[f32], lanes: usize, added: &mut [f32]) {
        match self {
            Self::Saving(saving) => {
                for (added, value) in added.iter_mut().zip(filtered) {
                    *added += saving * value;
                }
            }
            Self::Savings(savings) => {
                for ((added, value), saving) in added.iter_mut().zip(filtered).zip(savings) {
                    *added += saving * value;
                }
            }
            Self::Matrix(rows) => {
                let points = added.chunks_exact_mut(lanes).zip(filtered.chunks_exact(lanes));
                for (added, values) in points {
                    for (value, row) in values.iter().zip(rows.chunks_exact(lanes)) {
                        for (added, energy) in added.iter_mut().zip(row) {
                            *added -= value * energy;
                        }
                    }
                }
            }
        }
    }
}
