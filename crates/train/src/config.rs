//! Settings of a training run.

use mapvec_nn::Schedule;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Settings of [`Trainer`](crate::Trainer).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Number of optimiser steps, 1 or more.
    pub steps: u64,
    /// Samples per step, 1 or more.
    pub batch: usize,
    /// Peak learning rate, above 0.
    pub learning_rate: f64,
    /// Decoupled weight decay of matrices and kernels, 0 or more.
    pub weight_decay: f64,
    /// How the learning rate moves over the run.
    pub schedule: ScheduleKind,
    /// Gradients are scaled down to this global norm; 0 leaves them alone.
    pub clip_norm: f64,
    /// A line of history is kept every this many steps (mean since the last).
    pub log_every: u64,
    /// Seed of initialisation and data.
    pub seed: u64,
    /// What else decides the steps, for example the settings of data and loss as JSON.
    /// A run goes on from a checkpoint only if this is the same.
    pub task: String,
}

/// How the learning rate moves over a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleKind {
    /// Always the peak.
    Constant,
    /// Up over a tenth of the run, then down to nearly nothing (Smith 2018).
    OneCycle,
    /// Half a cosine from the peak to zero after a warm-up of a twentieth.
    Cosine,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            steps: 3000,
            batch: 8,
            learning_rate: 3e-3,
            weight_decay: 1e-3,
            schedule: ScheduleKind::OneCycle,
            clip_norm: 0.0,
            log_every: 20,
            seed: 1,
            task: String::new(),
        }
    }
}

impl TrainConfig {
    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Config`] names the first field outside its range.
    pub fn validate(&self) -> Result<()> {
        check(self.steps > 0, "steps", self.steps, "1 or more")?;
        check(self.batch > 0, "batch", self.batch, "1 or more")?;
        check(self.log_every > 0, "log_every", self.log_every, "1 or more")?;
        let positive = self.learning_rate.is_finite() && self.learning_rate > 0.0;
        check(positive, "learning_rate", self.learning_rate, "above 0")?;
        let decay = self.weight_decay;
        check(decay.is_finite() && decay >= 0.0, "weight_decay", decay, "0 or more")?;
        let clip = self.clip_norm;
        check(clip.is_finite() && clip >= 0.0, "clip_norm", clip, "0 or more")
    }

    /// The schedule over the whole run.
    #[must_use]
    pub fn schedule(&self) -> Schedule {
        match self.schedule {
            ScheduleKind::Constant => Schedule::Constant,
            ScheduleKind::OneCycle => Schedule::OneCycle {
                total_steps: self.steps,
                pct_start: 0.1,
                div_factor: 25.0,
                final_div_factor: 1e4,
            },
            ScheduleKind::Cosine => Schedule::cosine(self.steps, self.steps / 20),
        }
    }
}

fn check(
    ok: bool,
    field: &'static str,
    value: impl Copy + ToString,
    allowed: &'static str,
) -> Result<()> {
    if ok { Ok(()) } else { Err(Error::Config { field, value: value.to_string(), allowed }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_fields_are_named() {
        assert!(TrainConfig::default().validate().is_ok(), "the default must be valid");
        for (config, field) in [
            (TrainConfig { steps: 0, ..Default::default() }, "steps"),
            (TrainConfig { batch: 0, ..Default::default() }, "batch"),
            (TrainConfig { learning_rate: f64::NAN, ..Default::default() }, "learning_rate"),
            (TrainConfig { weight_decay: -1.0, ..Default::default() }, "weight_decay"),
        ] {
            let message = config.validate().unwrap_err().to_string();
            assert!(message.starts_with(field), "{message}");
        }
    }
}
