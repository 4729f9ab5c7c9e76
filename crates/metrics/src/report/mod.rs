//! Scores with their names, as JSON, Markdown and a picture, and plots of counts.

mod curves;
mod frame;
mod heat_map;
mod markdown;
mod reliability;
mod svg;

use serde::{Deserialize, Serialize};

use crate::Interval;
pub use curves::{CurvePoint, PrecisionRecall, plot_precision_recall};
pub use heat_map::plot_confusion;
pub use reliability::plot_reliability;

/// A score of a [`Report`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedScore {
    /// What it is.
    pub name: String,
    /// The score; none where it is undefined.
    pub value: Option<f64>,
    /// Ends of its confidence interval, where one was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<[f64; 2]>,
    /// What is measured in, such as `px`; empty for a share.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
}

/// Scores of an evaluation in their order.
///
/// # Examples
/// ```
/// use mapvec_metrics::Report;
/// let mut report = Report::new("Roads");
/// report.push("precision", Some(0.8125));
/// report.push("recall", None);
/// assert!(report.to_markdown().contains("| precision | 0.8125 |"));
/// let again: Report = serde_json::from_str(&report.to_json()).unwrap();
/// assert_eq!(again, report);
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Its title.
    pub title: String,
    /// The scores.
    pub scores: Vec<NamedScore>,
}

impl Report {
    /// A report without scores.
    #[must_use]
    pub fn new(title: &str) -> Self {
        Self { title: title.to_owned(), scores: Vec::new() }
    }

    /// Adds a score in [0, 1] or another number without a unit.
    pub fn push(&mut self, name: &str, value: Option<f64>) {
        self.scores.push(NamedScore { name: name.to_owned(), value, ..NamedScore::default() });
    }

    /// Adds a number with a unit.
    pub fn push_measure(&mut self, name: &str, value: Option<f64>, unit: &str) {
        self.push(name, value);
        if let Some(score) = self.scores.last_mut() {
            unit.clone_into(&mut score.unit);
        }
    }

    /// Adds a score with its interval.
    pub fn push_interval(&mut self, name: &str, interval: Option<Interval>) {
        self.push(name, interval.map(|interval| interval.estimate));
        if let Some(score) = self.scores.last_mut() {
            score.interval = interval.map(|interval| [interval.low, interval.high]);
        }
    }

    /// The report as indented JSON. Numbers that are not finite become `null`.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Strings and numbers can always be written.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// The report as a Markdown table, numbers to four digits behind the point.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        markdown::table(self)
    }

    /// The report as an SVG picture: a bar per score without a unit, with its interval. The
    /// axis begins at 0, or below the least score, and ends at 1, or above the largest.
    #[must_use]
    pub fn to_svg(&self) -> String {
        svg::bars(self)
    }
}
