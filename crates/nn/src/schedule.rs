//! Learning rates over the steps of a run.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// How the learning rate moves. The peak is given at each call, so that one
/// schedule serves several groups of parameters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Schedule {
    /// The peak throughout.
    #[default]
    Constant,
    /// Up to the peak and down to nearly nothing, both along half a cosine; step
    /// by step the values of `PyTorch`'s `OneCycleLR`.
    OneCycle {
        /// Steps of the run, at least 2.
        total_steps: u64,
        /// Share of the steps that rise, between 0 and 1.
        pct_start: f64,
        /// Peak over first rate, positive.
        div_factor: f64,
        /// First over last rate, positive.
        final_div_factor: f64,
    },
    /// A linear rise, then down along half a cosine.
    Cosine {
        /// Steps of the run, at least 1.
        total_steps: u64,
        /// Steps that rise; less than `total_steps`.
        warmup_steps: u64,
        /// Last over peak rate, 0 to 1.
        final_factor: f64,
    },
}

impl Schedule {
    /// One cycle with the usual factors: 30 % rising, from 1/25 of the peak, to
    /// 1e-4 of that.
    ///
    /// # References
    ///
    /// Smith and Topin, *Super-Convergence* (2018).
    #[must_use]
    pub fn one_cycle(total_steps: u64) -> Self {
        Self::OneCycle { total_steps, pct_start: 0.3, div_factor: 25.0, final_div_factor: 1e4 }
    }

    /// A cosine to zero after a linear rise.
    #[must_use]
    pub fn cosine(total_steps: u64, warmup_steps: u64) -> Self {
        Self::Cosine { total_steps, warmup_steps, final_factor: 0.0 }
    }

    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names the field that is out of range.
    pub fn validate(&self) -> Result<()> {
        let check = |ok: bool, field, value: String, expected| {
            if ok { Ok(()) } else { Err(Error::Config { field, value, expected }) }
        };
        match self {
            Self::Constant => Ok(()),
            Self::OneCycle { total_steps, pct_start, div_factor, final_div_factor } => {
                check(*total_steps >= 2, "total_steps", total_steps.to_string(), "at least 2")?;
                check(
                    (0.0..=1.0).contains(pct_start),
                    "pct_start",
                    pct_start.to_string(),
                    "from 0 to 1",
                )?;
                check(*div_factor > 0.0, "div_factor", div_factor.to_string(), "positive")?;
                check(
                    *final_div_factor > 0.0,
                    "final_div_factor",
                    final_div_factor.to_string(),
                    "positive",
                )
            }
            Self::Cosine { total_steps, warmup_steps, final_factor } => {
                check(*total_steps >= 1, "total_steps", total_steps.to_string(), "at least 1")?;
                check(
                    warmup_steps < total_steps,
                    "warmup_steps",
                    warmup_steps.to_string(),
                    "below total_steps",
                )?;
                check(
                    (0.0..=1.0).contains(final_factor),
                    "final_factor",
                    final_factor.to_string(),
                    "from 0 to 1",
                )
            }
        }
    }

    /// The rate of a step, counted from 0. Steps after the last have its rate.
    #[must_use]
    pub fn learning_rate(&self, peak: f64, step: u64) -> f64 {
        match self {
            Self::Constant => peak,
            Self::OneCycle { total_steps, pct_start, div_factor, final_div_factor } => {
                let last = as_f64(total_steps.saturating_sub(1));
                let step = as_f64(step).min(last);
                let top = pct_start * as_f64(*total_steps) - 1.0;
                let start = peak / div_factor;
                if step <= top {
                    half_cosine(start, peak, step / top.max(f64::MIN_POSITIVE))
                } else {
                    half_cosine(
                        peak,
                        start / final_div_factor,
                        (step - top) / (last - top).max(f64::MIN_POSITIVE),
                    )
                }
            }
            Self::Cosine { total_steps, warmup_steps, final_factor } => {
                if step < *warmup_steps {
                    return peak * as_f64(step + 1) / as_f64(*warmup_steps);
                }
                let length = as_f64(total_steps.saturating_sub(*warmup_steps + 1).max(1));
                half_cosine(
                    peak,
                    peak * final_factor,
                    (as_f64(step - warmup_steps) / length).min(1.0),
                )
            }
        }
    }
}

/// From `start` to `end` along half a cosine.
fn half_cosine(start: f64, end: f64, share: f64) -> f64 {
    end + (start - end) / 2.0 * (1.0 + (PI * share).cos())
}

#[expect(clippy::cast_precision_loss, reason = "steps are far below 2^52")]
fn as_f64(steps: u64) -> f64 {
    steps as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_cycle_has_the_rates_of_pytorch() {
        // torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=10): the
        // rises end at step 0.3 * 10 - 1 = 2, halfway between 0.004 and 0.1 at step 1.
        let schedule = Schedule::one_cycle(10);
        let rates: Vec<f64> = (0..10).map(|step| schedule.learning_rate(0.1, step)).collect();
        assert!((rates[0] - 0.004).abs() < 1e-12, "{rates:?}");
        assert!((rates[1] - 0.052).abs() < 1e-12, "{rates:?}");
        assert!((rates[2] - 0.1).abs() < 1e-12, "{rates:?}");
        assert!((rates[9] - 4e-7).abs() < 1e-12, "{rates:?}");
        assert!(rates[2..].windows(2).all(|w| w[0] > w[1]), "{rates:?}");
    }

    #[test]
    fn cosine_rises_then_falls() {
        let schedule = Schedule::cosine(20, 5);
        assert!((schedule.learning_rate(1.0, 0) - 0.2).abs() < 1e-12, "first step");
        assert!((schedule.learning_rate(1.0, 5) - 1.0).abs() < 1e-12, "peak");
        assert!(schedule.learning_rate(1.0, 19).abs() < 1e-12, "last step");
        assert!(schedule.learning_rate(1.0, 1000).abs() < 1e-12, "beyond the end");
    }

    #[test]
    fn bad_fields_are_named() {
        let bad = Schedule::Cosine { total_steps: 5, warmup_steps: 5, final_factor: 0.0 };
        assert!(bad.validate().unwrap_err().to_string().contains("warmup_steps is 5"));
        assert!(Schedule::one_cycle(1).validate().is_err());
        assert!(
            Schedule::one_cycle(100).validate().is_ok() && Schedule::Constant.validate().is_ok()
        );
    }
}
