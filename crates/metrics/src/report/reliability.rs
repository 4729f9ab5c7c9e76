//! Calibration as a reliability diagram.

use super::frame::{Frame, place};
use crate::CalibrationCounts;

/// Height of the bars that say how many statements there are, px.
const COUNTS: f64 = 56.0;

/// A reliability diagram as an SVG picture: per bin the share of statements that are right, at
/// their mean probability, and below how the statements are spread over the bins. Statements
/// on the dashed line are right as often as they say.
///
/// `intervals` has the ends of an interval of that share for each bin, where one was taken; it
/// may be shorter than the bins.
///
/// # References
/// A. H. Murphy and R. L. Winkler, Reliability of subjective probability forecasts of
/// precipitation and temperature, 1977.
#[must_use]
pub fn plot_reliability(
    title: &str,
    counts: &CalibrationCounts,
    intervals: &[Option<[f64; 2]>],
) -> String {
    let names = ["probability", "share that is right"];
    let mut frame = Frame::new(title, names, COUNTS + 60.0);
    let bins = counts.bins();
    let ends = |k: usize| [k as f64 / bins.len() as f64, (k + 1) as f64 / bins.len() as f64];
    let share = |right: u64, count: u64| right as f64 / count.max(1) as f64;
    for (k, bin) in bins.iter().enumerate().filter(|(_, bin)| bin.count > 0) {
        frame.bar(ends(k), share(bin.right, bin.count), "#c6dbef");
    }
    let ([x, y], [to_x, to_y]) = (place([0.0, 0.0]), place([1.0, 1.0]));
    frame.push(&format!(
        "<path d=\"M{x} {y}L{to_x} {to_y}\" stroke=\"#888\" stroke-dasharray=\"5 4\"/>\n"
    ));
    for (k, bin) in bins.iter().enumerate().filter(|(_, bin)| bin.count > 0) {
        let at = [bin.probability / bin.count as f64, share(bin.right, bin.count)];
        let interval = intervals.get(k).copied().flatten();
        if let Some(interval) = interval.filter(|ends| ends.iter().all(|end| end.is_finite())) {
            frame.interval(at[0], interval, "#1b3a5c");
        }
        frame.dot(at, "#1b3a5c");
    }
    let largest = bins.iter().map(|bin| bin.count).max().unwrap_or(0);
    let base = Frame::bottom() + COUNTS + 14.0;
    for (k, bin) in bins.iter().enumerate().filter(|(_, bin)| bin.count > 0) {
        let [left, right] = ends(k).map(|end| place([end, 0.0])[0]);
        let height = COUNTS * share(bin.count, largest);
        frame.push(&format!(
            "<rect x=\"{left:.2}\" y=\"{:.2}\" width=\"{:.2}\" height=\"{height:.2}\" \
             fill=\"#bbb\" stroke=\"#fff\" stroke-width=\"0.5\"/>\n",
            base - height,
            right - left
        ));
    }
    let score = |name: &str, value: Option<f64>| {
        value.map_or_else(|| format!("{name} undefined"), |value| format!("{name} {value:.4}"))
    };
    frame.push(&format!(
        "<path d=\"M{x} {base}H{to_x}\" stroke=\"#888\"/>\n\
         <text x=\"{x}\" y=\"{}\" fill=\"#555\">{} statements, {largest} in the fullest bin</text>\n\
         <text x=\"{x}\" y=\"{}\">{}, {}</text>\n",
        base + 18.0,
        counts.count(),
        base + 36.0,
        score("calibration error", counts.expected_error()),
        score("Brier score", counts.brier())
    ));
    frame.svg()
}
