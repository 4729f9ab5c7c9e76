//! What leaving out strokes does to the lines of a map with hachures.

use std::path::Path;

use anyhow::{Context, Result};
use geo_types::LineString;
use mapvec_data::{ImageLimits, Progress, read_image};
use mapvec_geometry::{distance_transform, thin};
use mapvec_metrics::buffered_lines;
use mapvec_vectorize::{Find, HatchingConfig, VectorizeConfig, Vectorizer};
use ndarray::{Array2, Axis};

use crate::evaluation::{draw, patches};

/// Distance from the middle of a road, px, within which a line finds it: roads are drawn as double
/// lines about 8 px wide.
const ROAD: f64 = 5.0;

/// Distance from a mask, px, from which on lines are not on its roads.
const AWAY: f32 = 3.0;

/// Lines of a patch before and after strokes are left out.
#[derive(Debug, Clone)]
pub struct HachuresCounts {
    name: String,
    before: LineCounts,
    after: LineCounts,
}

/// Lines of one run.
#[derive(Debug, Clone, Copy)]
struct LineCounts {
    lines: usize,
    /// Share of the roads' middles that lines find.
    found: Option<f64>,
    /// Length on roads and away from them, px.
    on_roads: f64,
    elsewhere: f64,
}

/// Runs the pipeline on all patches of `folder`, `image/*.jpeg` with `truth/*.png`, without
/// hatching and with that of `config`, or [`HatchingConfig::hachures`] where it has none.
///
/// # Errors
/// A file is missing or the pipeline fails.
pub fn on_hachures(
    folder: &Path,
    vectorizer: &Vectorizer,
    config: &VectorizeConfig,
    progress: &dyn Progress,
) -> Result<Vec<HachuresCounts>> {
    let limits = ImageLimits::default();
    let mut counts = Vec::new();
    for path in patches(&folder.join("image"), "jpeg")? {
        let name =
            path.file_stem().context("a patch without a name")?.to_string_lossy().into_owned();
        let image = read_image(&path, &limits)?;
        let truth = read_image(&folder.join("truth").join(format!("{name}.png")), &limits)?;
        let truth = truth.map_axis(Axis(2), |pixel| pixel.iter().any(|value| *value > 127));
        let run = |hatching| -> Result<LineCounts> {
            let config = VectorizeConfig { find: Find::Lines, hatching, ..config.clone() };
            let found = vectorizer.run(image.view(), &config, progress)?;
            let lines: Vec<&LineString<f64>> = found.lines.iter().map(|line| &line.line).collect();
            count(&lines, &truth)
        };
        let hatching = config.hatching.clone().unwrap_or_else(HatchingConfig::hachures);
        let (before, after) = (run(None)?, run(Some(hatching))?);
        counts.push(HachuresCounts { name, before, after });
    }
    Ok(counts)
}

fn count(lines: &[&LineString<f64>], roads: &Array2<bool>) -> Result<LineCounts> {
    let middles = thin(roads.view());
    let drawn = draw(lines.iter().copied(), roads.dim());
    let found = buffered_lines(drawn.view(), middles.view(), ROAD)?.score().recall;
    let away = distance_transform(roads.view());
    let (mut on_roads, mut elsewhere) = (0.0, 0.0);
    for part in lines.iter().flat_map(|line| line.lines()) {
        let step = part.end - part.start;
        let length = step.x.hypot(step.y);
        let samples = length.ceil().max(1.0);
        let mut k = 0.5;
        while k < samples {
            let at = part.start + step * (k / samples);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "lines lie in the picture"
            )]
            let away = away.get((at.y.max(0.0) as usize, at.x.max(0.0) as usize)).copied();
            match away {
                Some(away) if away <= 0.0 => on_roads += length / samples,
                Some(away) if away > AWAY => elsewhere += length / samples,
                _ => {}
            }
            k += 1.0;
        }
    }
    Ok(LineCounts { lines: lines.len(), found, on_roads, elsewhere })
}

/// The counts as a Markdown table.
#[must_use]
pub fn hachures_table(counts: &[HachuresCounts]) -> String {
    let mut text = String::from(
        "| patch | lines | left out | roads found before | and after | length on roads left out | \
         elsewhere left out |\n|---|---|---|---|---|---|---|\n",
    );
    let percent = |share: Option<f64>| {
        share.map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", 100.0 * share))
    };
    let left_out = |before: f64, after: f64| percent((before > 0.0).then(|| 1.0 - after / before));
    for HachuresCounts { name, before, after } in counts {
        text += &format!(
            "| `{name}` | {} | {} | {} | {} | {} | {} |\n",
            before.lines,
            before.lines - after.lines,
            percent(before.found),
            percent(after.found),
            left_out(before.on_roads, after.on_roads),
            left_out(before.elsewhere, after.elsewhere),
        );
    }
    text
}
