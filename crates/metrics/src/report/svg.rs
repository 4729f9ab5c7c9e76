//! A report as bars.

use super::frame::opening;
use super::{NamedScore, Report};

/// Width of the bars and of the column of numbers, px.
const COLUMNS: [f64; 2] = [340.0, 175.0];
/// Least and largest width of the column of names, px; a letter takes about 7.
const NAMES: [f64; 2] = [120.0, 900.0];
/// Height of a row, px.
const ROW: f64 = 26.0;
/// Height of the title, and of the axis below the bars, px.
const ENDS: [f64; 2] = [44.0, 34.0];

pub(super) fn bars(report: &Report) -> String {
    let rows: Vec<&NamedScore> =
        report.scores.iter().filter(|score| score.unit.is_empty()).collect();
    let [width, numbers] = COLUMNS;
    let letters = rows.iter().map(|score| score.name.chars().count()).max().unwrap_or(0);
    let names = (letters as f64 * 7.0 + 24.0).clamp(NAMES[0], NAMES[1]);
    let (low, high) = range(&rows);
    // Halves, as the difference of two large numbers may be infinite.
    let span = high / 2.0 - low / 2.0;
    let at = |value: f64| names + width * ((value / 2.0 - low / 2.0) / span).clamp(0.0, 1.0);
    let bottom = ENDS[0] + ROW * rows.len() as f64;
    let (full, height) = (names + width + numbers, bottom + ENDS[1]);
    let mut svg = opening([full, height]);
    svg += &format!(
        "<text x=\"12\" y=\"26\" font-size=\"15\" font-weight=\"bold\">{}</text>\n",
        escaped(&report.title)
    );
    for tick in 0..=4_u8 {
        let share = f64::from(tick) / 4.0;
        let value = low * (1.0 - share) + high * share;
        let (x, label) = (at(value), bottom + 18.0);
        svg += &format!(
            "<line x1=\"{x:.1}\" y1=\"{}\" x2=\"{x:.1}\" y2=\"{bottom}\" stroke=\"#ddd\"/>\n\
             <text x=\"{x:.1}\" y=\"{label}\" text-anchor=\"middle\" fill=\"#666\">{}</text>\n",
            ENDS[0],
            number(value)
        );
    }
    for (index, score) in rows.iter().enumerate() {
        let top = ENDS[0] + ROW * index as f64;
        svg += &row(score, [names, top], &at, low);
    }
    svg += "</svg>\n";
    svg
}

/// What the axis spans.
fn range(rows: &[&NamedScore]) -> (f64, f64) {
    let ends =
        rows.iter().flat_map(|score| score.interval.into_iter().flatten().chain(score.value));
    let (low, high) = ends
        .filter(|value| value.is_finite())
        .fold((0.0_f64, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
    // A share is shown on the whole of its range; other numbers get what they need.
    let high = if high <= 1.0 && (high > 0.0 || low >= 0.0) { 1.0 } else { high };
    (low, if high > low { high } else { low + 1.0 })
}

/// A row whose bars begin at a corner.
fn row(score: &NamedScore, corner: [f64; 2], at: &impl Fn(f64) -> f64, low: f64) -> String {
    let ([names, top], [width, _]) = (corner, COLUMNS);
    let middle = top + ROW / 2.0;
    let base = middle + 4.0;
    let mut svg = format!(
        "<text x=\"{}\" y=\"{base}\" text-anchor=\"end\">{}</text>\n",
        names - 10.0,
        escaped(&score.name)
    );
    let Some(value) = score.value.filter(|value| value.is_finite()) else {
        return svg
            + &format!("<text x=\"{names}\" y=\"{base}\" fill=\"#888\">&#160;undefined</text>\n");
    };
    let zero = at(low.max(0.0));
    let (left, right) = (zero.min(at(value)), zero.max(at(value)));
    svg += &format!(
        "<rect x=\"{left:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"14\" fill=\"#7aa6d1\"/>\n",
        middle - 7.0,
        right - left
    );
    let mut label = number(value);
    if let Some([low, high]) = score.interval.filter(|ends| ends.iter().all(|end| end.is_finite()))
    {
        let (a, b) = (at(low), at(high));
        svg += &format!(
            "<path d=\"M{a:.1} {middle}H{b:.1}M{a:.1} {:.1}v8M{b:.1} {:.1}v8\" stroke=\"#1b3a5c\" \
             stroke-width=\"1.5\" fill=\"none\"/>\n",
            middle - 4.0,
            middle - 4.0
        );
        label += &format!(" ({} to {})", number(low), number(high));
    }
    svg + &format!("<text x=\"{}\" y=\"{base}\">{label}</text>\n", names + width + 10.0)
}

/// Three digits behind the point, or fewer for large numbers.
fn number(value: f64) -> String {
    if value.abs() >= 1e9 {
        return format!("{value:.3e}");
    }
    let digits = if value.abs() < 10.0 { 3 } else { 1 };
    format!("{value:.digits$}")
}

/// Text that is no markup; control characters are left out.
pub(super) fn escaped(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
