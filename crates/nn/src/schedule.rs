//! Learning rates over the steps of a run.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// How the learning rate moves. The peak is given at each call, so that one
/// schedule serves several groups of parameters.
///
/// [`Schedule::with_warmup`] puts a linear rise before any of them. Rates are equal bit for bit on
/// every platform.
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
    /// The peak times `factor` for every `step_size` steps that are over.
    Step {
        /// Steps at one rate, at least 1.
        step_size: u64,
        /// Factor of a fall, above 0 and at most 1.
        factor: f64,
    },
    /// The peak times `factor` for every milestone that is reached.
    MultiStep {
        /// First steps at a lower rate, rising.
        milestones: Vec<u64>,
        /// Factor of a fall, above 0 and at most 1.
        factor: f64,
    },
    /// The peak times `factor` to the power of the step.
    Exponential {
        /// Factor of a step, above 0 and at most 1.
        factor: f64,
    },
    /// The peak times `(1 - step / total_steps) ^ power`, as for `DeepLab` with 0.9.
    Polynomial {
        /// Steps to the last rate, at least 1.
        total_steps: u64,
        /// Exponent, positive.
        power: f64,
        /// Last over peak rate, 0 to 1.
        final_factor: f64,
    },
    /// A linear rise to the first rate of another schedule, which follows.
    Warmup {
        /// Steps that rise, at least 1.
        steps: u64,
        /// What follows; its step 0 is the first after the rise.
        then: Box<Self>,
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

    /// The power 0.9 down to zero, without a rise.
    ///
    /// # References
    ///
    /// Chen et al., *`DeepLab`* (2017).
    #[must_use]
    pub fn polynomial(total_steps: u64) -> Self {
        Self::Polynomial { total_steps, power: 0.9, final_factor: 0.0 }
    }

    /// This schedule after a linear rise of that many steps; itself for none.
    #[must_use]
    pub fn with_warmup(self, steps: u64) -> Self {
        if steps == 0 { self } else { Self::Warmup { steps, then: Box::new(self) } }
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
        let share = |field, value: &f64| {
            check((0.0..=1.0).contains(value), field, value.to_string(), "from 0 to 1")
        };
        let positive = |field, value: &f64| {
            check(*value > 0.0 && value.is_finite(), field, value.to_string(), "positive")
        };
        let fall = |value: &f64| {
            let ok = *value > 0.0 && *value <= 1.0;
            check(ok, "factor", value.to_string(), "above 0 and at most 1")
        };
        let some = |field, steps: &u64| check(*steps >= 1, field, steps.to_string(), "at least 1");
        match self {
            Self::Constant => Ok(()),
            Self::OneCycle { total_steps, pct_start, div_factor, final_div_factor } => {
                check(*total_steps >= 2, "total_steps", total_steps.to_string(), "at least 2")?;
                share("pct_start", pct_start)?;
                positive("div_factor", div_factor)?;
                positive("final_div_factor", final_div_factor)
            }
            Self::Cosine { total_steps, warmup_steps, final_factor } => {
                some("total_steps", total_steps)?;
                check(
                    warmup_steps < total_steps,
                    "warmup_steps",
                    warmup_steps.to_string(),
                    "below total_steps",
                )?;
                share("final_factor", final_factor)
            }
            Self::Step { step_size, factor } => {
                some("step_size", step_size)?;
                fall(factor)
            }
            Self::MultiStep { milestones, factor } => {
                let rises = milestones.windows(2).all(|pair| pair[0] < pair[1]);
                check(rises, "milestones", format!("{milestones:?}"), "rising")?;
                fall(factor)
            }
            Self::Exponential { factor } => fall(factor),
            Self::Polynomial { total_steps, power, final_factor } => {
                some("total_steps", total_steps)?;
                positive("power", power)?;
                share("final_factor", final_factor)
            }
            Self::Warmup { steps, then } => {
                some("steps", steps)?;
                then.validate()
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
            Self::Step { step_size, factor } => {
                peak * libm::pow(*factor, as_f64(step / (*step_size).max(1)))
            }
            Self::MultiStep { milestones, factor } => {
                let reached = milestones.iter().filter(|milestone| **milestone <= step).count();
                peak * libm::pow(*factor, as_f64(reached as u64))
            }
            Self::Exponential { factor } => peak * libm::pow(*factor, as_f64(step)),
            Self::Polynomial { total_steps, power, final_factor } => {
                let left = 1.0 - (as_f64(step) / as_f64((*total_steps).max(1))).min(1.0);
                peak * (final_factor + (1.0 - final_factor) * libm::pow(left, *power))
            }
            Self::Warmup { steps, then } => match step.checked_sub(*steps) {
                Some(step) => then.learning_rate(peak, step),
                None => then.learning_rate(peak, 0) * as_f64(step + 1) / as_f64(*steps),
            },
        }
    }
}

/// From `start` to `end` along half a cosine.
fn half_cosine(start: f64, end: f64, share: f64) -> f64 {
    end + (start - end) / 2.0 * (1.0 + libm::cos(PI * share))
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

    /// PyTorch 2.15 with a learning rate of 0.1: the values of `param_groups[0]["lr"]`.
    fn assert_rates(schedule: &Schedule, expected: &[f64]) {
        for (step, expected) in (0_u64..).zip(expected) {
            let rate = schedule.learning_rate(0.1, step);
            assert!((rate - expected).abs() < 1e-15, "{schedule:?}, {step}: {rate}");
        }
    }

    #[test]
    fn falls_are_those_of_pytorch() {
        // StepLR(step_size=3, gamma=0.5).
        let step = Schedule::Step { step_size: 3, factor: 0.5 };
        assert_rates(&step, &[0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025, 0.0125]);
        // MultiStepLR(milestones=[2, 5], gamma=0.1).
        let milestones = Schedule::MultiStep { milestones: vec![2, 5], factor: 0.1 };
        assert_rates(&milestones, &[0.1, 0.1, 0.01, 0.01, 0.01, 0.001, 0.001]);
        // ExponentialLR(gamma=0.9).
        let exponential = Schedule::Exponential { factor: 0.9 };
        assert_rates(&exponential, &[0.1, 0.09, 0.081, 0.0729, 0.06561, 0.059_049]);
        // PolynomialLR(total_iters=5, power=0.9).
        let polynomial = Schedule::polynomial(5);
        let expected = [
            0.1,
            0.081_805_214_605_085_84,
            0.063_144_586_748_935_53,
            0.043_838_329_055_408_694,
            0.023_492_378_861_760_376,
            0.0,
            0.0,
        ];
        assert_rates(&polynomial, &expected);
        // CosineAnnealingLR(T_max=8, eta_min=0.01).
        let cosine = Schedule::Cosine { total_steps: 9, warmup_steps: 0, final_factor: 0.1 };
        let expected = [
            0.1,
            0.096_574_578_963_007_9,
            0.086_819_805_153_394_63,
            0.072_220_754_456_429_05,
            0.055,
            0.037_779_245_543_570_96,
            0.023_180_194_846_605_363,
            0.013_425_421_036_992_097,
            0.01,
        ];
        assert_rates(&cosine, &expected);
    }

    #[test]
    fn every_schedule_rises_linearly_to_its_first_rate() {
        for then in [
            Schedule::Constant,
            Schedule::one_cycle(10),
            Schedule::cosine(10, 0),
            Schedule::polynomial(10),
            Schedule::Step { step_size: 2, factor: 0.1 },
            Schedule::Exponential { factor: 0.5 },
        ] {
            let schedule = then.clone().with_warmup(4);
            assert!(schedule.validate().is_ok(), "{schedule:?}");
            let first = then.learning_rate(0.1, 0);
            assert_rates(&schedule, &[first / 4.0, first / 2.0, first * 0.75, first, first]);
            for step in 0..12 {
                let (late, early) =
                    (schedule.learning_rate(1.0, step + 4), then.learning_rate(1.0, step));
                assert!((late - early).abs() < 1e-15, "{schedule:?}");
            }
        }
        assert_eq!(Schedule::Constant.with_warmup(0), Schedule::Constant);
    }

    #[test]
    fn rates_stay_finite_without_validation() {
        for schedule in [
            Schedule::Step { step_size: 0, factor: 0.5 },
            Schedule::Polynomial { total_steps: 0, power: 0.9, final_factor: 0.0 },
            Schedule::Exponential { factor: 0.5 },
        ] {
            for step in [0, 1, u64::MAX] {
                let rate = schedule.learning_rate(1.0, step);
                assert!((0.0..=1.0).contains(&rate), "{schedule:?}, {step}: {rate}");
            }
        }
    }

    #[test]
    fn bad_fields_are_named() {
        let bad = Schedule::Cosine { total_steps: 5, warmup_steps: 5, final_factor: 0.0 };
        assert!(bad.validate().unwrap_err().to_string().contains("warmup_steps is 5"));
        for bad in [
            Schedule::one_cycle(1),
            Schedule::Step { step_size: 0, factor: 0.5 },
            Schedule::MultiStep { milestones: vec![5, 5], factor: 0.5 },
            Schedule::Exponential { factor: 1.5 },
            Schedule::Polynomial { total_steps: 4, power: f64::NAN, final_factor: 0.0 },
            Schedule::one_cycle(1).with_warmup(3),
        ] {
            assert!(bad.validate().is_err(), "{bad:?}");
        }
        assert!(
            Schedule::one_cycle(100).validate().is_ok() && Schedule::Constant.validate().is_ok()
        );
    }
}
