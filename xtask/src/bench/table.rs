//! The rows as a table for people.

use super::goals::Goal;
use super::merge::Row;

/// A Markdown table, one line per row.
pub(crate) fn table(rows: &[Row], goals: &[Goal]) -> String {
    let mut text = String::from(
        "| case | threads | ours, ms | peer, ms | ratio | goal | | ours, MB | peer, MB | ratio | goal | |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let goal = goals.iter().find(|goal| goal.case == row.case);
        let time = verdict(row.ratio, goal.and_then(|goal| goal.ratio(row.threads)));
        let memory = row.peer_mb.map(|peer| row.ours_mb / peer);
        let mut case = match &row.note {
            Some(note) => format!("`{}` ({note})", row.case),
            None => format!("`{}`", row.case),
        };
        if let Some((other, most)) = goal.and_then(|goal| goal.own) {
            case += &beside(row, rows, other, most);
        }
        text += &format!(
            "| {case} | {} | {} | {} | {time} | {} | {} | {} |\n",
            row.threads,
            number(Some(row.ours_ms)),
            number(row.peer_ms),
            number(Some(row.ours_mb)),
            number(row.peer_mb),
            verdict(memory, goal.and_then(|goal| goal.memory)),
        );
    }
    text
}

/// The time of a row beside that of another case of ours, with as many threads.
fn beside(row: &Row, rows: &[Row], other: &str, most: f64) -> String {
    let other = rows.iter().find(|o| o.case == other && o.threads == row.threads);
    other.map_or_else(String::new, |other| {
        let ratio = row.ours_ms / other.ours_ms;
        let word = if ratio <= most { "reached" } else { "**not reached**" };
        format!(", {ratio:.2} of our `{}`, goal {most:.2}: {word}", other.case)
    })
}

/// Ratio, goal, and whether it is reached.
fn verdict(ratio: Option<f64>, goal: Option<f64>) -> String {
    let word = match (ratio, goal) {
        (Some(ratio), Some(goal)) if ratio <= goal => "reached",
        (Some(_), Some(_)) => "**not reached**",
        _ => "",
    };
    let two = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.2}"));
    format!("{} | {} | {word}", two(ratio), two(goal))
}

/// Three digits that count.
fn number(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if value < 10.0 => format!("{value:.2}"),
        Some(value) if value < 100.0 => format!("{value:.1}"),
        Some(value) => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::goals::of_area;
    use super::*;

    fn row(case: &str, ratio: Option<f64>) -> Row {
        Row {
            case: case.to_owned(),
            threads: 1,
            ours_ms: 105.3,
            peer_ms: ratio.map(|ratio| 105.3 / ratio),
            ratio,
            ours_mb: 99.96,
            peer_mb: ratio.map(|_| 880.0),
            ours_faults: None,
            peer_faults: None,
            note: ratio.map(|_| "channels_last".to_owned()),
        }
    }

    #[test]
    fn a_reader_sees_what_is_reached() {
        let rows = [row("unet-train", Some(0.45)), row("conv-transpose", Some(0.51))];
        let text = table(&rows, of_area("nn"));
        let lines: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(
            lines[0],
            "| `unet-train` (channels_last) | 1 | 105 | 234 | 0.45 | 0.50 | reached | 100.0 | 880 | 0.11 | 0.20 | reached |"
        );
        assert!(lines[1].contains("| 0.51 | 0.50 | **not reached** |"), "{}", lines[1]);
    }

    #[test]
    fn a_case_is_compared_with_another_one_of_ours() {
        let of = |case: &str, ours_ms| Row { ours_ms, ..row(case, None) };
        let train = |ours_ms| {
            let rows = [of("discriminative", 1.0), of("discriminative-train", ours_ms)];
            table(&rows, of_area("losses"))
        };
        let text = train(2.5);
        assert!(text.contains("2.50 of our `discriminative`, goal 3.00: reached"), "{text}");
        assert!(train(3.5).contains("goal 3.00: **not reached**"), "{text}");
        // Nothing to compare with.
        let alone = table(&[of("discriminative-train", 1.0)], of_area("losses"));
        assert!(!alone.contains("of our"), "{alone}");
    }

    #[test]
    fn without_peer_or_goal_there_is_no_verdict() {
        let text = table(&[row("unet-infer", None)], of_area("nn"));
        let line = text.lines().nth(2);
        let expected = "| `unet-infer` | 1 | 105 | - | - | - |  | 100.0 | - | - | - |  |";
        assert_eq!(line, Some(expected));
    }
}
