//! Scores of proposals as tables.

use super::batch::TARGETS;
use super::judged::{DECISIONS, Outcome, SCORES};
use super::study::{RATIOS, Run};
use super::training::Variant;
use crate::spread::{signed_spread, spread};

/// Place of the learned score, and of the one that it is compared with.
const LEARNED: usize = 3;
const STRENGTH: usize = 0;

/// How a ratio is called.
#[must_use]
pub fn ratio_name(ratio: Option<f64>) -> String {
    ratio.map_or("none".to_owned(), |decibels| format!("{decibels} dB"))
}

/// All tables of some runs.
#[must_use]
pub fn tables(runs: &[Run]) -> String {
    let mut text = String::new();
    for (target, decision) in DECISIONS.iter().enumerate() {
        let learned = TARGETS[target].name;
        text += &format!(
            "Right: {decision}. Learned: quality by {learned}. Average precision over all \
             proposals of all pictures:\n\n"
        );
        text += &precision(runs, target, |outcome, d| outcome.precision[d]);
        text += "\nThe same, mean of the average precisions in single pictures:\n\n";
        text += &precision(runs, target, |outcome, d| outcome.in_picture[d]);
        text += "\nF1 at the threshold that is best on other pictures, and mean absolute error of \
                 the quality:\n\n";
        text += &decisions(runs, target);
        text.push('\n');
    }
    text += &parts(runs);
    text
}

fn each(runs: &[Run], of: impl Fn(&Run) -> f64) -> Vec<f64> {
    runs.iter().map(of).collect()
}

fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut text = format!("| {} |\n|{}\n", head.join(" | "), "---|".repeat(head.len()));
    rows.for_each(|row| text += &format!("| {} |\n", row.join(" | ")));
    text
}

fn precision(runs: &[Run], target: usize, of: fn(&Outcome, usize) -> [f64; 4]) -> String {
    let mut head = vec!["SNR", "right of all"];
    head.extend(SCORES);
    head.extend(["learned - strength", "learned - best other"]);
    let row = |(place, ratio): (usize, &Option<f64>)| {
        let outcome = |run: &Run| run.outcomes[0][target][place].clone();
        let score = |run: &Run, kind: usize| of(&outcome(run), target)[kind];
        let mut row = vec![ratio_name(*ratio)];
        row.push(spread(&each(runs, |run| outcome(run).share[target]), 3));
        row.extend((0..SCORES.len()).map(|kind| spread(&each(runs, |run| score(run, kind)), 3)));
        let best = |run: &Run| (0..LEARNED).map(|kind| score(run, kind)).fold(0.0, f64::max);
        row.push(signed_spread(&each(runs, |run| score(run, LEARNED) - score(run, STRENGTH)), 3));
        row.push(signed_spread(&each(runs, |run| score(run, LEARNED) - best(run)), 3));
        row
    };
    table(&head, RATIOS.iter().enumerate().map(row))
}

fn decisions(runs: &[Run], target: usize) -> String {
    let head = [
        "SNR",
        "F1, strength",
        "F1, strength, suppressed",
        "F1, learned",
        "error, learned",
        "error, median of other pictures",
        "F1 of the backbone's lines",
    ];
    let row = |(place, ratio): (usize, &Option<f64>)| {
        let outcome = |run: &Run| run.outcomes[0][target][place].clone();
        let mut row = vec![ratio_name(*ratio)];
        row.extend(
            [STRENGTH, 2, LEARNED]
                .map(|kind| spread(&each(runs, |run| outcome(run).f1[target][kind]), 3)),
        );
        row.extend([0, 1].map(|i| spread(&each(runs, |run| outcome(run).error[i]), 3)));
        row.push(spread(&each(runs, |run| run.lines[place]), 3));
        row
    };
    table(&head, RATIOS.iter().enumerate().map(row))
}

/// What scorers reach that see less.
fn parts(runs: &[Run]) -> String {
    let runs = || runs.iter().filter(|run| run.outcomes.len() == Variant::ALL.len());
    if runs().count() == 0 {
        return String::new();
    }
    let mut text = String::from(
        "What the scorer needs: average precision over all proposals, as in the first table of \
         each target; ",
    );
    text += &match runs().count() {
        1 => "the first seed:\n\n".to_owned(),
        count => format!("the first {count} seeds:\n\n"),
    };
    let mut head = vec!["target".to_owned(), "scorer".to_owned()];
    head.extend(RATIOS.map(ratio_name));
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    let mut rows = Vec::new();
    for (target, about) in TARGETS.iter().enumerate() {
        for (number, variant) in Variant::ALL.iter().enumerate() {
            let mut row = vec![about.name.to_owned(), variant.name().to_owned()];
            row.extend((0..RATIOS.len()).map(|place| {
                let of = |run: &Run| run.outcomes[number][target][place].precision[target][LEARNED];
                spread(&runs().map(of).collect::<Vec<_>>(), 3)
            }));
            rows.push(row);
        }
    }
    text += &table(&head, rows.into_iter());
    text
}
