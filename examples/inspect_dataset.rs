//! Says what the shards of a data set hold, looks for damage, and draws some samples.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, ensure};
use clap::Parser;
use mapvec_data::{
    Field, Record, ShardFormat, ShardPlan, ShardReadConfig, Shards, Source, Values, write_png,
    write_shards,
};
use mapvec_examples::progress::{Bar, say};
use mapvec_examples::record_panels::{panel, plane_size};
use mapvec_examples::{make_folder, run, smoke};
use mapvec_synth::{DatasetConfig, Purpose};
use ndarray::{Array3, s};
use serde_json::json;

/// Prints the arrays of a data set with their types, sizes and values, and writes samples.png.
#[derive(Debug, Parser)]
struct Args {
    /// Folder of the data set, or a single tar or TFRecord file.
    #[arg(default_value = "out/dataset")]
    dataset: PathBuf,
    /// Samples whose values are counted, from the first on.
    #[arg(long, default_value_t = 1000)]
    samples: usize,
    /// Samples to draw.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    rows: u16,
    /// Read every byte of all shards, list what is damaged, and print a digest of all samples
    /// that depends on nothing but what they hold.
    #[arg(long)]
    verify: bool,
    /// Folder for the picture.
    #[arg(long, default_value = "out")]
    out: PathBuf,
    /// A small data set made for it, for checks.
    #[arg(long)]
    smoke: bool,
}

/// Pixels of the gap between panels.
const GAP: usize = 6;
/// Side of a panel that is aimed at, px.
const PANEL: usize = 128;

fn main() -> ExitCode {
    run(|args: Args| if args.smoke { check(args) } else { report(&args) })
}

/// Damage is an error of the program.
fn report(args: &Args) -> Result<()> {
    let (_, damaged) = inspect(args)?;
    ensure!(damaged == 0, "{}: damaged in {damaged} places", args.dataset.display());
    Ok(())
}

/// What the samples have under a name.
#[derive(Debug, Default)]
struct Seen {
    kind: &'static str,
    /// Smallest and largest sizes; none if the number of axes differs.
    sizes: Option<(Vec<usize>, Vec<usize>)>,
    low: f64,
    high: f64,
    sum: f64,
    nonzero: u64,
    count: u64,
    /// NaN and infinite values.
    undefined: u64,
}

impl Seen {
    fn add(&mut self, field: &Field) {
        let shape = field.shape();
        if self.count == 0 && self.kind.is_empty() {
            self.sizes = Some((shape.to_vec(), shape.to_vec()));
            (self.low, self.high) = (f64::INFINITY, f64::NEG_INFINITY);
        }
        self.sizes = self.sizes.take().filter(|(low, _)| low.len() == shape.len());
        if let Some((low, high)) = &mut self.sizes {
            low.iter_mut().zip(shape).for_each(|(low, size)| *low = (*low).min(*size));
            high.iter_mut().zip(shape).for_each(|(high, size)| *high = (*high).max(*size));
        }
        match field.values() {
            Values::F32(values) => self.values("f32", values.iter().map(|v| f64::from(*v))),
            Values::I32(values) => self.values("i32", values.iter().map(|v| f64::from(*v))),
            Values::U8(values) => self.values("u8", values.iter().map(|v| f64::from(*v))),
            _ => {}
        }
    }

    fn values(&mut self, kind: &'static str, values: impl Iterator<Item = f64>) {
        self.kind = kind;
        for value in values {
            if !value.is_finite() {
                self.undefined += 1;
                continue;
            }
            self.low = self.low.min(value);
            self.high = self.high.max(value);
            self.sum += value;
            self.nonzero += u64::from(value != 0.0);
            self.count += 1;
        }
    }

    fn row(&self, name: &str) -> String {
        let size = |(low, high): (&usize, &usize)| match low == high {
            true => format!("{low}"),
            false => format!("{low}-{high}"),
        };
        let sizes = match &self.sizes {
            Some((low, high)) => low.iter().zip(high).map(size).collect::<Vec<_>>().join(" x "),
            None => "several numbers of axes".to_owned(),
        };
        if self.count == 0 {
            return format!("{name:28} {:4} {sizes:20}", self.kind);
        }
        let (mean, share) = (self.sum / self.count as f64, self.nonzero as f64 / self.count as f64);
        let undefined = match self.undefined {
            0 => String::new(),
            count => format!(", {count} are NaN or infinite"),
        };
        format!(
            "{name:28} {:4} {sizes:20} {:9.4} to {:9.4}, mean {mean:9.4}, {:5.1} % not 0{undefined}",
            self.kind,
            self.low,
            self.high,
            100.0 * share
        )
    }
}

/// What was found: arrays, and damaged samples.
fn inspect(args: &Args) -> Result<(usize, usize)> {
    ensure!(
        args.dataset.exists(),
        "{}: there is no such file or folder; make_dataset writes one",
        args.dataset.display()
    );
    let config = ShardReadConfig::default();
    let shards = if args.dataset.is_dir() {
        Shards::open(&args.dataset, &config)?
    } else {
        Shards::open_file(&args.dataset, &config)?
    };
    let name = args.dataset.display();
    say(&format!("{name}: {} samples, {}", shards.len(), shards.format().name()));
    if let Some(manifest) = shards.manifest() {
        let (count, megabytes) = (manifest.shards.len(), manifest.bytes as f64 / 1e6);
        let (seed, hash) = (manifest.plan.seed, &manifest.plan.config_hash);
        say(&format!("{count} shard(s), {megabytes:.1} MB, seed {seed}, configuration {hash:.16}"));
    }
    let progress = Bar::default();
    let mut damage: Vec<String> = Vec::new();
    if args.verify {
        damage.extend(shards.verify(&progress).iter().map(ToString::to_string));
        if damage.is_empty() {
            say(&read_all(&shards)?);
        }
    }
    let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
    let mut drawn: Vec<(usize, Record)> = Vec::new();
    for index in 0..shards.len().min(args.samples.max(args.rows.into())) {
        match shards.get(index) {
            Ok(record) => {
                if index < args.samples {
                    for (name, field) in record.fields() {
                        seen.entry(name.to_owned()).or_default().add(field);
                    }
                }
                if drawn.len() < args.rows.into() {
                    drawn.push((index, record));
                }
            }
            Err(error) if !args.verify => {
                // A missing file or a block of many samples is told once.
                let text = error.to_string();
                if damage.last() != Some(&text) {
                    damage.push(text);
                }
            }
            Err(_) => {}
        }
    }
    for (name, seen) in &seen {
        say(&seen.row(name));
    }
    for line in &damage {
        say(&format!("damaged: {line}"));
    }
    draw(args, &drawn)?;
    Ok((seen.len(), damage.len()))
}

/// Reads all samples: how fast, and the digest of their digests in their order.
fn read_all(shards: &Shards) -> Result<String> {
    let (mut all, mut bytes, mut seconds) = (blake3::Hasher::new(), 0, 0.0);
    for index in 0..shards.len() {
        let start = Instant::now();
        let record = shards.get(index)?;
        seconds += start.elapsed().as_secs_f64();
        for (_, field) in record.fields() {
            let values = field.values();
            bytes += values.len() * if values.as_u8().is_some() { 1 } else { 4 };
        }
        all.update(&record.content_hash());
    }
    let rate = bytes as f64 / 1e6 / seconds.max(1e-9);
    Ok(format!("read at {rate:.0} MB/s, BLAKE3 of all samples {}", all.finalize()))
}

/// A contact sheet: a row for every sample, a column for every array that is a picture.
fn draw(args: &Args, drawn: &[(usize, Record)]) -> Result<()> {
    let Some((_, first)) = drawn.first() else { return Ok(()) };
    let planes: Vec<(&str, (usize, usize))> =
        first.fields().filter_map(|(name, field)| Some((name, plane_size(field)?))).collect();
    let Some(side) = planes.iter().map(|(_, (h, w))| *h.max(w)).max() else { return Ok(()) };
    let scale = (PANEL / side).max(1);
    let cell = side * scale + GAP;
    let mut sheet =
        Array3::from_elem((drawn.len() * cell + GAP, planes.len() * cell + GAP, 3), 200_u8);
    for (row, (_, record)) in drawn.iter().enumerate() {
        for (column, (name, _)) in planes.iter().enumerate() {
            // A sample may lack an array, or have a larger one than the first.
            let Some(panel) = record.get(name).ok().and_then(|field| panel(field, scale)) else {
                continue;
            };
            let panel = panel.slice(s![
                ..panel.dim().0.min(side * scale),
                ..panel.dim().1.min(side * scale),
                ..
            ]);
            let (height, width, _) = panel.dim();
            let (y, x) = (GAP + row * cell, GAP + column * cell);
            sheet.slice_mut(s![y..y + height, x..x + width, ..]).assign(&panel);
        }
    }
    make_folder(&args.out)?;
    let file = args.out.join("samples.png");
    write_png(&file, sheet.view())?;
    let names: Vec<&str> = planes.iter().map(|(name, _)| *name).collect();
    say(&format!("{}, from the left: {}", file.display(), names.join(", ")));
    Ok(())
}

/// Makes a data set, damages a bit of it, and looks at it.
fn check(args: Args) -> Result<()> {
    make_folder(&args.out)?;
    let folder = tempfile::tempdir_in(&args.out)?;
    let (config, count) = (DatasetConfig::default(), 40);
    let settings = serde_json::to_value(&config)?;
    let plan = ShardPlan::new(ShardFormat::Webdataset, count, 2, 1, &settings)?;
    write_shards(
        &plan,
        folder.path(),
        &*config.source(1, count, Purpose::Training)?,
        &Bar::default(),
    )?;
    let args = Args { dataset: folder.path().to_owned(), verify: true, ..args };
    let (arrays, sound) = inspect(&args)?;
    let shard = folder.path().join(plan.file_name(1));
    let mut bytes = std::fs::read(&shard)?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(&shard, bytes)?;
    let (_, damaged) = inspect(&args)?;
    smoke::write(
        &args.out,
        [("arrays", json!(arrays)), ("damaged before", json!(sound)), ("damaged", json!(damaged))],
    )
}
