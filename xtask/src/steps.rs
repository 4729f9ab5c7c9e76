//! Named, timed steps and their summary.

use std::time::{Duration, Instant};

use anyhow::Result;

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    Failed,
    /// Not run, and why.
    Skipped(&'static str),
}

/// Steps in the order in which they ran.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    done: Vec<(&'static str, Outcome, Duration)>,
}

impl Steps {
    /// Runs one step; an error counts as a failure and is printed, so that the
    /// steps after it still report.
    pub(crate) fn run(&mut self, name: &'static str, step: impl FnOnce() -> Result<Outcome>) {
        println!("==> {name}");
        let start = Instant::now();
        let outcome = step().unwrap_or_else(|error| {
            eprintln!("error: {name}: {error:#}");
            Outcome::Failed
        });
        self.done.push((name, outcome, start.elapsed()));
    }

    /// True when no step failed.
    pub(crate) fn passed(&self) -> bool {
        self.done.iter().all(|(_, outcome, _)| *outcome != Outcome::Failed)
    }

    /// One line per step: name, outcome, seconds.
    pub(crate) fn summary(&self) -> String {
        let width = self.done.iter().map(|(name, ..)| name.len()).max().unwrap_or(0);
        self.done
            .iter()
            .map(|(name, outcome, time)| {
                let outcome = match outcome {
                    Outcome::Passed => "passed".to_owned(),
                    Outcome::Failed => "FAILED".to_owned(),
                    Outcome::Skipped(why) => format!("skipped: {why}"),
                };
                format!("{name:width$}  {:7.1} s  {outcome}\n", time.as_secs_f64())
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn an_error_fails_the_run_and_later_steps_still_run() {
        let mut steps = Steps::default();
        steps.run("first", || Err(anyhow!("broken")));
        steps.run("second", || Ok(Outcome::Skipped("not installed")));
        assert!(!steps.passed(), "an error is a failure");
        let summary = steps.summary();
        assert!(summary.contains("FAILED"), "{summary}");
        assert!(summary.contains("skipped: not installed"), "{summary}");
    }

    #[test]
    fn a_skipped_step_does_not_fail_the_run() {
        let mut steps = Steps::default();
        steps.run("only", || Ok(Outcome::Skipped("asked for")));
        assert!(steps.passed(), "skipping is no failure");
    }
}
