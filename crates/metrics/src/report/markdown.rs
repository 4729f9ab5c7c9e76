//! A report as a Markdown table.

use super::{NamedScore, Report};

pub(super) fn table(report: &Report) -> String {
    let intervals = report.scores.iter().any(|score| score.interval.is_some());
    let mut text = String::new();
    if !report.title.is_empty() {
        text += &format!("## {}\n\n", one_line(&report.title));
    }
    let (head, rule) = if intervals { (" interval |", "---|") } else { ("", "") };
    text += &format!("| score | value |{head}\n|---|---:|{rule}\n");
    for score in &report.scores {
        text += &row(score, intervals);
    }
    text
}

fn row(score: &NamedScore, intervals: bool) -> String {
    let unit =
        if score.unit.is_empty() { String::new() } else { format!(" {}", cell(&score.unit)) };
    let value = score.value.filter(|value| value.is_finite());
    let value = value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}{unit}"));
    let finite = |ends: &[f64; 2]| ends.iter().all(|end| end.is_finite());
    let interval = match score.interval.filter(finite) {
        Some([low, high]) => format!(" {low:.4} to {high:.4} |"),
        None if intervals => " |".to_owned(),
        None => String::new(),
    };
    format!("| {} | {value} |{interval}\n", cell(&score.name))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Text that does not end a cell.
fn cell(text: &str) -> String {
    one_line(text).replace('\\', "\\\\").replace('|', "\\|")
}
