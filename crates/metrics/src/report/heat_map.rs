//! A confusion matrix as a heat map.

use super::frame::opening;
use super::svg::escaped;
use crate::Confusion;

/// Largest and least side of a cell, px.
const CELLS: [f64; 2] = [60.0, 4.0];
/// Side that all cells of a row take at most, px.
const WHOLE: f64 = 720.0;
/// Side of a cell from which on it has its numbers, and from which on classes have names, px.
const LABELLED: [f64; 2] = [44.0, 11.0];
/// Room for the title and the names of the columns' axis, px.
const TOP: f64 = 66.0;

/// A confusion matrix as an SVG picture. A row is a true class; each cell is as dark as the
/// share of the row that was predicted as its class, and says that share in percent and the
/// pixels. Rows without pixels are grey.
///
/// Classes are named by `names`, those beyond by their number.
#[must_use]
pub fn plot_confusion(title: &str, counts: &Confusion, names: &[&str]) -> String {
    let classes = counts.classes();
    let cell = (WHOLE / classes.max(1) as f64).clamp(CELLS[1], CELLS[0]);
    let named = cell >= LABELLED[1];
    let name = |class: usize| {
        names.get(class).map_or_else(|| class.to_string(), |name| (*name).to_owned())
    };
    let letters = (0..classes).map(|class| name(class).chars().count()).max().unwrap_or(0);
    let label = if named { (letters as f64 * 7.0 + 12.0).clamp(24.0, 240.0) } else { 8.0 };
    // Without a class there is room for the names of the axes.
    let (left, side) = (36.0 + label, (cell * classes as f64).max(80.0));
    // Names that are wider than a cell are turned.
    let turned = letters as f64 * 7.0 > cell - 4.0;
    let below = if !named {
        30.0
    } else if turned {
        label + 24.0
    } else {
        48.0
    };
    let width = (left + side + 20.0).max(title.chars().count() as f64 * 9.0 + 40.0).max(260.0);
    let mut svg = opening([width, TOP + side + below]);
    svg += &format!(
        "<text x=\"12\" y=\"26\" font-size=\"15\" font-weight=\"bold\">{}</text>\n\
         <text x=\"12\" y=\"46\" fill=\"#555\">{}</text>\n\
         <text transform=\"translate(20 {}) rotate(-90)\" text-anchor=\"middle\">true class</text>\n\
         <text x=\"{}\" y=\"{}\" text-anchor=\"middle\">predicted class</text>\n",
        escaped(title),
        counts.accuracy().map_or_else(
            || "nothing was counted".to_owned(),
            |accuracy| format!("{:.2} % right", 100.0 * accuracy)
        ),
        TOP + side / 2.0,
        left + side / 2.0,
        TOP + side + below - 10.0
    );
    for class in 0..classes {
        let all: u64 = (0..classes).map(|other| counts.count(class, other)).sum();
        let y = TOP + cell * class as f64;
        for other in 0..classes {
            let corner = [left + cell * other as f64, y];
            svg += &square(corner, cell, (all > 0).then_some((counts.count(class, other), all)));
        }
        if named {
            let (middle, text) = (cell * (class as f64 + 0.5), escaped(&name(class)));
            svg += &format!(
                "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>\n",
                left - 6.0,
                TOP + middle + 4.0
            );
            let at = format!("{:.1} {}", left + middle + 4.0, TOP + side + 8.0);
            svg += &if turned {
                format!(
                    "<text transform=\"translate({at}) rotate(-90)\" text-anchor=\"end\">{text}</text>\n"
                )
            } else {
                format!(
                    "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{text}</text>\n",
                    left + middle,
                    TOP + side + 17.0
                )
            };
        }
    }
    svg + "</svg>\n"
}

/// A cell with its pixels and those of its row, where the row has any.
fn square([x, y]: [f64; 2], cell: f64, counts: Option<(u64, u64)>) -> String {
    let share = counts.map(|(count, all)| count as f64 / all as f64);
    let colour = share.map_or_else(|| "#eee".to_owned(), shade);
    let mut svg = format!(
        "<rect x=\"{x:.2}\" y=\"{y:.2}\" width=\"{cell:.2}\" height=\"{cell:.2}\" \
         fill=\"{colour}\" stroke=\"#fff\"/>\n"
    );
    if let (Some(share), Some((count, _)), true) = (share, counts, cell >= LABELLED[0]) {
        let ink = if share > 0.55 { "#fff" } else { "#222" };
        let (x, y) = (x + cell / 2.0, y + cell / 2.0);
        svg += &format!(
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"{ink}\">{:.1} %</text>\n\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"{ink}\" font-size=\"10\">{}</text>\n",
            y - 1.0,
            100.0 * share,
            y + 13.0,
            short(count)
        );
    }
    svg
}

/// A number in at most five letters.
fn short(count: u64) -> String {
    let value = count as f64;
    let steps = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")];
    match steps.into_iter().find(|(least, _)| value >= *least) {
        Some((_, "k")) => format!("{:.0}k", value / 1e3),
        Some((least, unit)) => format!("{:.1}{unit}", value / least),
        None => count.to_string(),
    }
}

/// White for 0 to dark blue for 1.
fn shade(share: f64) -> String {
    let part = |from: f64, to: f64| (from + (to - from) * share.clamp(0.0, 1.0)).round();
    format!("rgb({},{},{})", part(247.0, 8.0), part(251.0, 48.0), part(255.0, 107.0))
}
