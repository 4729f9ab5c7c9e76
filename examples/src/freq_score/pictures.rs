//! Proposals drawn over pictures as the crests of their waves.

use anyhow::{Context, Result};
use geo_types::{Coord, LineString};
use mapvec_data::{Record, encode_png};
use mapvec_fourier::PlaneWave;
use mapvec_geometry::{Stroke, fill_coverage, stroke_coverage};
use ndarray::{Array2, Array3, s};

use super::judged::{Seen, TestSet};
use crate::canvas::{BLACK, Colour};
use crate::lettering::letters;

/// Pixels of the sheet for a pixel of a picture.
const SCALE: usize = 7;
/// Pixels between panels, and of the line of captions.
const GAP: usize = 10;
const CAPTION: usize = 26;
/// Width of a crest, px of the sheet.
const WIDTH: f64 = 3.0;
const CAPTIONS: [&str; 5] = [
    "picture",
    "true crests",
    "learned: its quality",
    "learned: true quality",
    "strength: true quality",
];

/// A PNG with a row for each of the first pictures: the picture, the crests of its true waves, as
/// many proposals of highest learned quality coloured by it and by their true quality, and as many
/// of highest strength, coloured by their true quality: red for 0.4 and less, over yellow, to green
/// for 1.
///
/// # Errors
/// A record lacks its picture, or a line cannot be drawn.
pub fn sheet(test: &TestSet, learned: &[Vec<f64>], rows: usize) -> Result<Vec<u8>> {
    let rows = rows.min(test.records.len());
    let side = test.records.first().context("no picture")?.get("img")?.shape()[0];
    let panel = side * SCALE;
    let (height, width) = (rows * (panel + GAP) + CAPTION, CAPTIONS.len() * (panel + GAP) + GAP);
    let mut sheet = Array3::from_elem((height, width, 3), 255);
    let left = |column: usize| GAP + column * (panel + GAP);
    for (column, text) in CAPTIONS.iter().enumerate() {
        caption(&mut sheet, text, left(column))?;
    }
    for row in 0..rows {
        let plain = enlarged(&test.records[row])?;
        let faint = plain.mapv(|tone| tone / 3 + 170);
        let (seen, truth, learned) = (&test.seen[row], &test.truth[row], &learned[row]);
        let by = |score: &dyn Fn(usize) -> f64| -> Vec<usize> {
            let mut order: Vec<usize> = (0..seen.len()).collect();
            order.sort_by(|&a, &b| score(b).total_cmp(&score(a)));
            order.truncate(truth.len());
            // The best is drawn last, on top.
            order.reverse();
            order
        };
        let (best, strong) = (by(&|i| learned[i]), by(&|i| seen[i].strength));
        let of =
            |order: &[usize], value: &dyn Fn(usize, &Seen) -> f64| -> Vec<(PlaneWave, Colour)> {
                order.iter().map(|&i| (seen[i].wave, colour(value(i, &seen[i])))).collect()
            };
        let panels = [
            vec![],
            truth.iter().map(|wave| (*wave, colour(1.0))).collect(),
            of(&best, &|i, _| learned[i]),
            of(&best, &|_, seen| seen.quality),
            of(&strong, &|_, seen| seen.quality),
        ];
        for (column, waves) in panels.iter().enumerate() {
            let mut view = if column == 0 { plain.clone() } else { faint.clone() };
            for (wave, colour) in waves {
                crests(&mut view, wave, side, *colour)?;
            }
            let (y, x) = (CAPTION + row * (panel + GAP), left(column));
            sheet.slice_mut(s![y..y + panel, x..x + panel, ..]).assign(&view);
        }
    }
    Ok(encode_png(sheet.view())?)
}

/// The picture of a record, every pixel a square.
#[expect(clippy::cast_sign_loss, reason = "clamped")]
fn enlarged(record: &Record) -> Result<Array3<u8>> {
    let field = record.get("img")?;
    let (side, values) = (field.shape()[0], field.values().as_f32().context("reals")?);
    Ok(Array3::from_shape_fn((side * SCALE, side * SCALE, 3), |(y, x, channel)| {
        let value = values[(y / SCALE * side + x / SCALE) * 3 + channel];
        (255.0 * value.clamp(0.0, 1.0)).round() as u8
    }))
}

/// Red up to 0.4, yellow at 0.7, green at 1.
#[expect(clippy::cast_sign_loss, reason = "between 0 and 1")]
fn colour(quality: f64) -> Colour {
    let share = ((quality - 0.4) / 0.6).clamp(0.0, 1.0);
    let tone = |share: f64| (share.clamp(0.0, 1.0) * 200.0).round() as u8;
    [tone(2.0 - 2.0 * share) + 20, tone(2.0 * share), 30]
}

fn crests(view: &mut Array3<u8>, wave: &PlaneWave, side: usize, colour: Colour) -> Result<()> {
    let (height, width, _) = view.dim();
    let mut coverage = Array2::<f32>::zeros((height, width));
    let scale = SCALE as f64;
    let stroke = Stroke { width: WIDTH, ..Stroke::default() };
    for ends in wave.crests((side, side)) {
        let [a, b] = ends.map(|[x, y]| Coord { x: x * scale, y: y * scale });
        // A crest may touch a corner only.
        if (b.x - a.x).hypot(b.y - a.y) > 1.0 {
            stroke_coverage(&LineString(vec![a, b]), &stroke, &mut coverage)?;
        }
    }
    blend(view, &coverage, colour);
    Ok(())
}

fn caption(sheet: &mut Array3<u8>, text: &str, left: usize) -> Result<()> {
    let (height, width, _) = sheet.dim();
    let mut coverage = Array2::<f32>::zeros((height, width));
    for letter in letters(text, 15.0, Coord { x: left as f64, y: 18.0 })? {
        fill_coverage(&letter, &mut coverage);
    }
    blend(sheet, &coverage, BLACK);
    Ok(())
}

#[expect(clippy::cast_sign_loss, reason = "between two tones")]
fn blend(view: &mut Array3<u8>, coverage: &Array2<f32>, colour: Colour) {
    for ((y, x, channel), tone) in view.indexed_iter_mut() {
        let share = coverage[(y, x)].clamp(0.0, 1.0);
        *tone =
            (f32::from(*tone) * (1.0 - share) + f32::from(colour[channel]) * share).round() as u8;
    }
}
