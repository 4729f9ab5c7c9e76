//! The study as tables.

use mapvec_metrics::Confusion;

use super::study::{Outcome, RATIOS, Scores};
use crate::spread::spread;

/// A variant and its outcomes, one for each seed.
#[derive(Debug)]
pub struct Row {
    /// How tables call it.
    pub name: String,
    /// In the order of the seeds.
    pub outcomes: Vec<Outcome>,
}

/// F1 of both classes, weighted by their pixels.
#[must_use]
pub fn weighted(counts: &Confusion) -> f64 {
    counts.weighted_f1().unwrap_or(f64::NAN)
}

/// F1 of lines.
#[must_use]
pub fn line(counts: &Confusion) -> f64 {
    counts.class_counts(1).dice().unwrap_or(f64::NAN)
}

/// Both scores of all rows at all ratios.
#[must_use]
pub fn scores(rows: &[(String, Vec<&Scores>)]) -> String {
    let mut text = heading("variant", &["weighted F1", "F1 of lines"]);
    for (name, runs) in rows {
        text += &format!("| {name} |");
        for score in [weighted, line] {
            for at in 0..RATIOS.len() {
                text += &cell(runs.iter().map(|run| score(&run[at])));
            }
        }
        text.push('\n');
    }
    text
}

/// How much the first row is better than the others, seed by seed.
#[must_use]
pub fn gains(rows: &[Row]) -> String {
    let mut text =
        heading("what the first row has and this one lacks", &["weighted F1", "F1 of lines"]);
    let Some((full, others)) = rows.split_first() else { return text };
    for other in others {
        text += &format!("| {} |", other.name);
        for score in [weighted, line] {
            for at in 0..RATIOS.len() {
                let pairs = full.outcomes.iter().zip(&other.outcomes);
                text += &cell(pairs.map(|(a, b)| score(&a.truth[at]) - score(&b.truth[at])));
            }
        }
        text.push('\n');
    }
    text
}

/// F1 of lines by where the wave is from, of the rows that have it.
#[must_use]
pub fn proposals(rows: &[Row]) -> String {
    let columns = ["true wave", "proposal", "proposal, moved to its own mask"];
    let mut text = heading("variant", &columns);
    for row in rows {
        let runs: Option<Vec<[&Scores; 3]>> = row.outcomes.iter().map(by_wave).collect();
        let Some(runs) = runs else { continue };
        text += &format!("| {} |", row.name);
        for part in 0..columns.len() {
            for at in 0..RATIOS.len() {
                text += &cell(runs.iter().map(|run| line(&run[part][at])));
            }
        }
        text.push('\n');
    }
    text
}

fn by_wave(outcome: &Outcome) -> Option<[&Scores; 3]> {
    let [found, moved] = outcome.found.as_ref()?;
    Some([&outcome.truth, found, moved])
}

fn heading(first: &str, groups: &[&str]) -> String {
    let mut text = format!("| {first} |");
    for group in groups {
        for ratio in RATIOS {
            text += &format!(" {group}, {ratio} dB |");
        }
    }
    text + "\n" + &"|---".repeat(1 + groups.len() * RATIOS.len()) + "|\n"
}

fn cell(values: impl Iterator<Item = f64>) -> String {
    format!(" {} |", spread(&values.collect::<Vec<_>>(), 3))
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn rows_have_mean_and_half_range() {
        let counts = |p: [u8; 4]| {
            let truth = array![[1, 1, 0, 0]];
            mapvec_metrics::confusion(array![p].view(), truth.view(), 2, None).unwrap()
        };
        let all = |p| -> Scores { [counts(p), counts(p), counts(p)] };
        let (good, bad) = (all([1, 1, 0, 0]), all([1, 0, 1, 0]));
        let text = scores(&[("x".to_owned(), vec![&good, &bad])]);
        let last = text.lines().last().unwrap();
        assert_eq!(last, "| x |".to_owned() + &" 0.750 ± 0.250 |".repeat(6));
        let row = |scores: &Scores| Row {
            name: "y".to_owned(),
            outcomes: vec![Outcome { truth: scores.clone(), ..Outcome::default() }],
        };
        let text = gains(&[row(&good), row(&bad)]);
        assert_eq!(text.lines().last().unwrap(), "| y |".to_owned() + &" 0.500 |".repeat(6));
    }
}
