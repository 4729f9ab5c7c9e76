//! The table of scores in `docs/results.md`, made anew from runs.

use std::path::Path;

use anyhow::{Context, Result};
use mapvec_data::{Progress, write_atomic};
use mapvec_vectorize::{Find, VectorizeConfig, Vectorizer};

use crate::evaluation::{
    Scores, city_shapes, on_city_sheet, on_road_patches, on_sample, otsu_ink, otsu_shapes,
    patch_lines,
};
use crate::spread::spread;

/// Seeds of the tiles on which batch-norm statistics are re-estimated.
const SEEDS: [u64; 3] = [0, 1, 2];
/// Number of those tiles on the city sheet.
const TILES: u32 = 60;

/// Re-estimated statistics make borders stronger, so merging goes on longer.
const ADAPTED_THRESHOLD: f32 = 2.5;

/// How the network is used.
#[derive(Debug, Clone, Copy)]
struct Mode {
    name: &'static str,
    rotations: bool,
    adapt: bool,
}

const MODES: [Mode; 4] = [
    Mode { name: "one pass", rotations: false, adapt: false },
    Mode { name: "4 rotations", rotations: true, adapt: false },
    Mode { name: "re-estimated batch norm, merging to 2.5", rotations: false, adapt: true },
    Mode {
        name: "re-estimated batch norm, merging to 2.5, 4 rotations",
        rotations: true,
        adapt: true,
    },
];

/// Runs every row and puts the tables between the markers of `file`.
///
/// # Errors
/// A sheet is missing, the pipeline fails, or the file has no markers.
pub fn write(
    file: &Path,
    (city, roads): (&Path, &Path),
    vectorizer: &Vectorizer,
    progress: &dyn Progress,
) -> Result<()> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let tables = tables((city, roads), vectorizer, progress)?;
    write_atomic(file, replaced(&text, "scores", &tables)?.as_bytes())?;
    Ok(())
}

fn tables(
    (city, roads): (&Path, &Path),
    vectorizer: &Vectorizer,
    progress: &dyn Progress,
) -> Result<String> {
    let run =
        |sheet: &dyn Fn(&VectorizeConfig) -> Result<Scores>, mode: Mode| -> Result<Vec<Scores>> {
            let seeds = if mode.adapt { &SEEDS[..] } else { &SEEDS[..1] };
            let config = |seed: &u64| {
                let mut config = VectorizeConfig::default();
                config.predict.rotations = mode.rotations;
                config.predict.adapt_tiles = if mode.adapt { TILES } else { 0 };
                config.predict.seed = *seed;
                if mode.adapt {
                    config.shapes.merge.threshold = ADAPTED_THRESHOLD;
                }
                config
            };
            seeds.iter().map(|seed| sheet(&config(seed))).collect()
        };
    let mut text = String::from("Weights (BLAKE3):");
    for (purpose, hash) in vectorizer.weights() {
        text += &format!(" {purpose} `{}`", &hash[..16]);
    }
    text.push('\n');
    text += &heading("Closed shapes of the Paris sheet, inside the content mask", &SHAPES);
    text += &row(
        "Otsu, components of at least 300 px",
        &SHAPES,
        &[on_city_sheet(city, |i| Ok((otsu_shapes(i), None)))?],
    );
    let sheet = |config: &VectorizeConfig| {
        let config = &VectorizeConfig { find: Find::Shapes, ..config.clone() };
        on_city_sheet(city, |i| city_shapes(i, vectorizer, config, progress))
    };
    for mode in MODES {
        text += &row(mode.name, &SHAPES, &run(&sheet, mode)?);
    }
    text += &heading("Centrelines of the road patches, within 3 px", &LINES);
    text += &row("skeleton of Otsu's ink", &LINES, &[on_road_patches(roads, |i| Ok(otsu_ink(i)))?]);
    let patches = |config: &VectorizeConfig| {
        let config = &VectorizeConfig { find: Find::Lines, ..config.clone() };
        on_road_patches(roads, |i| patch_lines(i, vectorizer, config, progress))
    };
    for mode in &MODES[..2] {
        text += &row(mode.name, &LINES, &run(&patches, *mode)?);
    }
    let both = [SHAPES[0], LINES[2]];
    text += &heading("The sample sheet", &both);
    for mode in &MODES[..2] {
        text += &row(mode.name, &both, &run(&|c| on_sample(vectorizer, c, progress), *mode)?);
    }
    Ok(text)
}

/// Scores of a table: name in the results, name in the heading.
type Columns<'a> = [(&'a str, &'a str)];

const SHAPES: [(&str, &str); 7] = [
    ("shapes_pq", "PQ"),
    ("polygons_pq", "PQ of the polygons"),
    ("shapes_sq", "SQ"),
    ("shapes_rq", "RQ"),
    ("shapes_true_positives", "found"),
    ("shapes_false_positives", "invented"),
    ("shapes_false_negatives", "missed"),
];
const LINES: [(&str, &str); 3] =
    [("lines_precision", "precision"), ("lines_recall", "recall"), ("lines_f1", "line F1")];

fn heading(title: &str, columns: &Columns<'_>) -> String {
    let names: Vec<&str> = columns.iter().map(|c| c.1).collect();
    format!(
        "\n{title}:\n\n| method | {} |\n|---{}|\n",
        names.join(" | "),
        "|---".repeat(names.len())
    )
}

/// One row: the mean over the runs, and the half range if there are several.
fn row(name: &str, columns: &Columns<'_>, runs: &[Scores]) -> String {
    let cell = |key: &str| {
        let values: Vec<f64> = runs.iter().filter_map(|s| s.get(key).copied()).collect();
        let digits = if values.iter().any(|value| *value > 1.0) { 0 } else { 3 };
        spread(&values, digits)
    };
    let cells: Vec<String> = columns.iter().map(|c| cell(c.0)).collect();
    format!("| {name} | {} |\n", cells.join(" | "))
}

/// `text` with everything between `<!-- name -->` and `<!-- /name -->` replaced.
///
/// # Errors
/// The markers are missing.
pub fn replaced(text: &str, name: &str, content: &str) -> Result<String> {
    let (open, close) = (format!("<!-- {name} -->"), format!("<!-- /{name} -->"));
    let missing = || format!("the file needs the lines {open} and {close}");
    let (before, rest) = text.split_once(&open).with_context(missing)?;
    let (_, after) = rest.split_once(&close).with_context(missing)?;
    Ok(format!("{before}{open}\n\n{content}\n{close}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_marked_part_changes() {
        let text = "a\n<!-- scores -->\nold\n<!-- /scores -->\nb";
        let new = replaced(text, "scores", "new\n").unwrap();
        assert_eq!(new, "a\n<!-- scores -->\n\nnew\n\n<!-- /scores -->\nb");
        assert!(replaced("no markers", "scores", "new").is_err(), "markers are needed");
    }

    #[test]
    fn several_runs_become_mean_and_half_range() {
        let runs = [0.5, 0.6].map(|pq| Scores::from([("shapes_pq".to_owned(), pq)]));
        assert_eq!(row("x", &SHAPES[..1], &runs), "| x | 0.550 ± 0.050 |\n");
        assert_eq!(row("x", &SHAPES[..1], &runs[..1]), "| x | 0.500 |\n");
    }
}
