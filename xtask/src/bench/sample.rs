//! Lines that a side of a benchmark prints.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// One case of one run.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub(crate) struct Sample {
    pub(crate) case: String,
    pub(crate) threads: u32,
    /// Milliseconds, the median of the process's own repetitions.
    pub(crate) ms: f64,
    /// Milliseconds of the fastest repetition.
    #[serde(default)]
    pub(crate) fastest: Option<f64>,
    /// Peak of the resident memory while the case ran, in units of 10^6 bytes.
    pub(crate) mb: f64,
    /// Page faults per repetition.
    #[serde(default)]
    pub(crate) faults: Option<f64>,
    /// What a reader must know, such as the layout of memory that was chosen.
    #[serde(default)]
    pub(crate) note: Option<String>,
    /// Tells what was computed on; equal on both sides where both state it.
    #[serde(default)]
    pub(crate) check: Option<u64>,
    /// A number that came out, such as an area.
    #[serde(default)]
    pub(crate) result: Option<f64>,
    /// How far the results of both sides may lie apart, as a share of the larger one.
    #[serde(default)]
    pub(crate) tolerance: Option<f64>,
}

/// Reads every line that starts as a JSON object.
pub(crate) fn parse_samples(text: &str) -> Result<Vec<Sample>> {
    let lines = text.lines().map(str::trim).filter(|line| line.starts_with('{'));
    lines
        .map(|line| {
            let sample: Sample =
                serde_json::from_str(line).with_context(|| format!("not a case: {line}"))?;
            let sane = |value: f64| value.is_finite() && value > 0.0;
            ensure!(sane(sample.ms) && sane(sample.mb), "ms and mb must be above 0: {line}");
            Ok(sample)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_read_between_other_lines() -> Result<()> {
        let text = "warming up\n{\"case\": \"step\", \"threads\": 2, \"ms\": 1.5, \"mb\": 20}\n";
        let samples = parse_samples(text)?;
        assert_eq!(samples.len(), 1);
        assert_eq!((samples[0].threads, samples[0].check), (2, None));
        Ok(())
    }

    #[test]
    fn incomplete_or_impossible_lines_are_errors() {
        assert!(parse_samples("{\"case\": \"step\"}").is_err(), "no time");
        let zero = "{\"case\": \"step\", \"threads\": 1, \"ms\": 0.0, \"mb\": 1}";
        assert!(parse_samples(zero).is_err(), "no time passed");
    }
}
