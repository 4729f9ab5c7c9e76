//! Operations on run lengths beside those of pycocotools.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use geo_types::LineString;
use mapvec_data::{ImageLimits, Rle};
use mapvec_metrics::polygon_runs;
use ndarray::Array2;
use serde_json::{Value, from_value};

use crate::progress::say;

/// Masks of one size and what pycocotools makes of them.
#[derive(Debug)]
struct Group {
    height: u32,
    width: u32,
    texts: Vec<String>,
    areas: Vec<u64>,
    union: String,
    intersection: String,
    /// x, y, x, y and so on, px.
    polygons: Vec<Vec<f64>>,
    polygon_texts: Vec<String>,
    /// The fastest of its runs by operation, s.
    seconds: BTreeMap<String, f64>,
}

/// Runs from pixels, pixels, areas, sets and polygons of the masks in `operations.json`, each from
/// and to compressed text as pycocotools has them. Prints the fastest of 30 runs beside that of
/// pycocotools, and gives the least ratio of all.
///
/// # Errors
/// The file cannot be read, or a result is another.
pub fn time_run_lengths(folder: &Path) -> Result<f64> {
    let path = folder.join("operations.json");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let groups: Vec<Value> = serde_json::from_str(&text)?;
    ensure!(!groups.is_empty(), "{} has no masks", path.display());
    let mut least = f64::INFINITY;
    for group in groups {
        least = least.min(Group::new(group)?.compare()?);
    }
    say(&format!("least ratio {least:.2}"));
    Ok(least)
}

impl Group {
    fn new(mut all: Value) -> Result<Self> {
        let mut field = |name: &str| all[name].take();
        Ok(Self {
            height: from_value(field("height"))?,
            width: from_value(field("width"))?,
            texts: from_value(field("texts"))?,
            areas: from_value(field("areas"))?,
            union: from_value(field("union"))?,
            intersection: from_value(field("intersection"))?,
            polygons: from_value(field("polygons"))?,
            polygon_texts: from_value(field("polygon_texts"))?,
            seconds: from_value(field("seconds"))?,
        })
    }

    fn seconds(&self, name: &str) -> Result<f64> {
        self.seconds.get(name).copied().with_context(|| format!("no time of {name}"))
    }

    fn compare(&self) -> Result<f64> {
        let (height, width) = (self.height, self.width);
        say(&format!("{} masks of {height} x {width}:", self.texts.len()));
        let masks: Vec<Array2<u8>> = self.read()?.iter().map(Rle::decode).collect();
        let columns: Vec<Array2<u8>> =
            masks.iter().map(|mask| mask.t().as_standard_layout().into_owned()).collect();
        let text = |mask| Ok(Rle::encode(mask)?.to_compressed());
        let set = |two: fn(&Rle, &Rle) -> mapvec_data::Result<Rle>| {
            let (first, rest) = self.texts.split_first().context("no masks")?;
            let mut sum = self.rle(first)?;
            for text in rest {
                sum = two(&sum, &self.rle(text)?)?;
            }
            Ok(sum.to_compressed())
        };
        let decode = || Ok(self.read()?.iter().map(Rle::decode).collect::<Vec<_>>());
        let ratios = [
            ratio("encode, by columns", self.seconds("encode")?, &self.texts, || {
                columns.iter().map(|mask| text(mask.t())).collect::<Result<Vec<_>>>()
            })?,
            ratio("encode, by rows", self.seconds("encode_rows")?, &self.texts, || {
                masks.iter().map(|mask| text(mask.view())).collect::<Result<Vec<_>>>()
            })?,
            ratio("decode, theirs by columns", self.seconds("decode")?, &masks, decode)?,
            ratio("decode, by rows", self.seconds("decode_rows")?, &masks, decode)?,
            ratio("area", self.seconds("area")?, &self.areas, || {
                Ok(self.read()?.iter().map(Rle::area).collect::<Vec<_>>())
            })?,
            ratio("union", self.seconds("union")?, &self.union, || set(Rle::union))?,
            ratio("intersection", self.seconds("intersection")?, &self.intersection, || {
                set(Rle::intersection)
            })?,
            ratio("polygons", self.seconds("polygons")?, &self.polygon_texts, || self.draw())?,
        ];
        Ok(ratios.into_iter().fold(f64::INFINITY, f64::min))
    }

    fn rle(&self, text: &str) -> Result<Rle> {
        Ok(Rle::from_compressed(self.height, self.width, text, &ImageLimits::default())?)
    }

    fn read(&self) -> Result<Vec<Rle>> {
        self.texts.iter().map(|text| self.rle(text)).collect()
    }

    fn draw(&self) -> Result<Vec<String>> {
        let limits = ImageLimits::default();
        let one = |points: &Vec<f64>| {
            let ring: LineString<f64> =
                points.chunks_exact(2).map(|point| (point[0], point[1])).collect();
            let runs = polygon_runs(&[ring], self.height, self.width)?;
            Ok(Rle::new(self.height, self.width, runs, &limits)?.to_compressed())
        };
        self.polygons.iter().map(one).collect()
    }
}

/// How many times as fast as `theirs` the work is; its result must be that expected.
fn ratio<T: PartialEq>(
    name: &str,
    theirs: f64,
    expected: &T,
    work: impl Fn() -> Result<T>,
) -> Result<f64> {
    ensure!(work()? == *expected, "{name} differs from pycocotools");
    let mut best = f64::INFINITY;
    for _ in 0..30 {
        let start = Instant::now();
        black_box(work()?);
        best = best.min(start.elapsed().as_secs_f64());
    }
    let ratio = theirs / best;
    say(&format!("  {name}: {:.3} ms, {:.3} ms there, {ratio:.2} times", best * 1e3, theirs * 1e3));
    Ok(ratio)
}
