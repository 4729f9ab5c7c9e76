//! What a run has measured so far, as numbers and as a picture.

use std::collections::{BTreeMap, BTreeSet};

use plotters::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Means over a few steps of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Last step that is part of the means; the first step is 1.
    pub step: u64,
    /// Learning rate of that step.
    pub learning_rate: f64,
    /// Mean of the loss.
    pub loss: f64,
    /// Means of the loss's terms by name.
    pub terms: BTreeMap<String, f64>,
}

/// The course of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// Entries in the order of their steps.
    pub entries: Vec<Entry>,
    /// Sums since the last entry.
    pending: Pending,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Pending {
    count: u64,
    loss: f64,
    terms: BTreeMap<String, f64>,
}

impl History {
    /// Adds one step; with `close` the means since the last entry become an entry.
    pub fn record(
        &mut self,
        (step, learning_rate): (u64, f64),
        loss: f64,
        terms: impl IntoIterator<Item = (String, f64)>,
        close: bool,
    ) {
        self.pending.count += 1;
        self.pending.loss += loss;
        for (name, value) in terms {
            *self.pending.terms.entry(name).or_insert(0.0) += value;
        }
        if close {
            let Pending { count, loss, mut terms } = std::mem::take(&mut self.pending);
            let count = count as f64;
            terms.values_mut().for_each(|v| *v /= count);
            self.entries.push(Entry { step, learning_rate, loss: loss / count, terms });
        }
    }

    /// One JSON object per line and entry.
    ///
    /// # Errors
    /// The entries cannot be encoded.
    pub fn to_json_lines(&self) -> Result<String> {
        let mut text = String::new();
        for entry in &self.entries {
            text.push_str(&serde_json::to_string(entry)?);
            text.push('\n');
        }
        Ok(text)
    }

    /// Loss and terms over the steps as an SVG picture, logarithmic upwards.
    ///
    /// # Errors
    /// There is nothing to draw, or drawing failed.
    pub fn to_svg(&self, width: u32, height: u32) -> Result<String> {
        let series = self.series();
        let values = || series.iter().flat_map(|(_, points)| points.iter().map(|p| p.1));
        let low = values().fold(f64::INFINITY, f64::min).max(1e-4);
        let high = values().fold(low * 1.01, f64::max);
        let last = self.entries.last().map_or(0, |e| e.step).max(1);
        if series.iter().all(|(_, points)| points.is_empty()) {
            return Err(Error::Plot("no entry yet".to_owned()));
        }
        let mut text = String::new();
        let plot = |e: &dyn std::fmt::Display| Error::Plot(e.to_string());
        {
            let root = SVGBackend::with_string(&mut text, (width, height)).into_drawing_area();
            root.fill(&WHITE).map_err(|e| plot(&e))?;
            let mut chart = ChartBuilder::on(&root)
                .margin(12)
                .x_label_area_size(36)
                .y_label_area_size(56)
                .build_cartesian_2d(0..last, (low * 0.9..high * 1.1).log_scale())
                .map_err(|e| plot(&e))?;
            chart.configure_mesh().x_desc("step").y_desc("loss").draw().map_err(|e| plot(&e))?;
            for (index, (name, points)) in series.into_iter().enumerate() {
                let color = Palette99::pick(index).stroke_width(if index == 0 { 2 } else { 1 });
                let line = LineSeries::new(points, color);
                chart
                    .draw_series(line)
                    .map_err(|e| plot(&e))?
                    .label(name)
                    .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], color));
            }
            chart
                .configure_series_labels()
                .background_style(WHITE.mix(0.8))
                .border_style(BLACK.mix(0.3))
                .draw()
                .map_err(|e| plot(&e))?;
            root.present().map_err(|e| plot(&e))?;
        }
        Ok(text)
    }

    /// The loss, then every term, with the values a logarithm can show.
    fn series(&self) -> Vec<(String, Vec<(u64, f64)>)> {
        let names: BTreeSet<&String> = self.entries.iter().flat_map(|e| e.terms.keys()).collect();
        let points = |value: &dyn Fn(&Entry) -> Option<f64>| {
            let pairs = self.entries.iter().filter_map(|e| Some((e.step, value(e)?)));
            pairs.filter(|p| p.1.is_finite() && p.1 > 0.0).collect::<Vec<_>>()
        };
        let total = ("loss".to_owned(), points(&|e| Some(e.loss)));
        let terms = names.into_iter().map(|n| (n.clone(), points(&|e| e.terms.get(n).copied())));
        std::iter::once(total).chain(terms).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled() -> History {
        let mut history = History::default();
        for step in 1..=20 {
            let terms = [("dice".to_owned(), 0.5 / step as f64)];
            history.record((step, 1e-3), 1.0 / step as f64, terms, step % 5 == 0);
        }
        history
    }

    #[test]
    fn entries_are_means() {
        let history = filled();
        assert_eq!(history.entries.len(), 4);
        let expected = (1.0 + 0.5 + 1.0 / 3.0 + 0.25 + 0.2) / 5.0;
        assert!((history.entries[0].loss - expected).abs() < 1e-12, "{:?}", history.entries[0]);
        assert!((history.entries[0].terms["dice"] - expected / 2.0).abs() < 1e-12, "terms too");
        assert_eq!(history.to_json_lines().unwrap().lines().count(), 4);
    }

    #[test]
    fn the_picture_has_a_line_per_series() {
        let svg = filled().to_svg(640, 400).unwrap();
        assert!(svg.starts_with("<svg"), "{}", &svg[..40]);
        assert!(svg.contains("dice") && svg.matches("<polyline").count() >= 2, "loss and dice");
        assert!(History::default().to_svg(100, 100).is_err(), "nothing to draw");
    }
}
