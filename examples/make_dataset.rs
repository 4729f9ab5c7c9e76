//! Writes a generated data set as shards: one of them, or all that are missing.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow};
use clap::{Parser, ValueEnum};
use mapvec_data::{
    ShardFormat, ShardPlan, ShardReadConfig, ShardReport, Shards, Source, shard_index, write_shard,
    write_shards,
};
use mapvec_examples::progress::{Bar, say};
use mapvec_examples::{make_folder, run, smoke};
use mapvec_synth::{DatasetConfig, Purpose};
use serde_json::json;

/// Writes shards of a data set, an index beside each, and, with the last one, a manifest. What
/// is there already is checked and left alone, so a run that was stopped is simply run again.
#[derive(Debug, Parser)]
struct Args {
    /// Settings of the data set, JSON, as those under `datasets`; what is left out has its
    /// default. Scenes of patterns if there is no file.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Number of samples.
    #[arg(long, default_value_t = 2048)]
    count: usize,
    /// Seed of the samples.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Format of the shards.
    #[arg(long, value_enum, default_value = "webdataset")]
    format: Format,
    /// Number of shards.
    #[arg(long, default_value_t = 1)]
    shards: usize,
    /// The shard to write, from 0, or `all`; without it the variable of a scheduler decides
    /// (`SLURM_ARRAY_TASK_ID`, `AWS_BATCH_JOB_ARRAY_INDEX`, `JOB_COMPLETION_INDEX`,
    /// `CLOUD_RUN_TASK_INDEX`).
    #[arg(long)]
    shard: Option<Shard>,
    /// For measuring models: without the augmentation of the configuration.
    #[arg(long)]
    evaluation: bool,
    /// Threads, 0 for as many as there are cores. The bytes do not depend on it.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=1024))]
    threads: u16,
    /// Folder of the data set.
    #[arg(long, default_value = "out/dataset")]
    out: PathBuf,
    /// A small data set in all formats, for checks.
    #[arg(long)]
    smoke: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Webdataset,
    Tfrecord,
    Parquet,
}

impl From<Format> for ShardFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Webdataset => Self::Webdataset,
            Format::Tfrecord => Self::Tfrecord,
            Format::Parquet => Self::Parquet,
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Shard {
    All,
    One(usize),
}

impl std::str::FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(Self::All),
            number => number.parse().map(Self::One).map_err(|_| "a number or `all`".to_owned()),
        }
    }
}

impl Args {
    fn purpose(&self) -> Purpose {
        if self.evaluation { Purpose::Evaluation } else { Purpose::Training }
    }
}

fn main() -> ExitCode {
    run(|args: Args| if args.smoke { check(&args) } else { make(&args) })
}

fn make(args: &Args) -> Result<()> {
    let config = match &args.config {
        Some(file) => {
            let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
            DatasetConfig::from_json(&text).with_context(|| file.display().to_string())?
        }
        None => DatasetConfig::default(),
    };
    // Before anything is made: a job without its number must not start.
    let shard = match args.shard {
        Some(Shard::All) => None,
        Some(Shard::One(index)) => Some(shard_index(Some(index), args.shards)?),
        None => {
            let all = |error| anyhow!("{error}; `--shard all` writes all of them");
            Some(shard_index(None, args.shards).map_err(all)?)
        }
    };
    // What the steps of a configuration cannot do shows here, before the folder has a plan.
    let name = || args.config.as_ref().map_or("settings".into(), |f| f.display().to_string());
    config.source(args.seed, 1, args.purpose())?.get(0).with_context(name)?;
    let threads = rayon::ThreadPoolBuilder::new().num_threads(args.threads.into()).build()?;
    for report in threads.install(|| write(args, &config, args.format.into(), shard))? {
        let state = if report.written { "written" } else { "was there" };
        let (name, megabytes) = (report.path.display(), report.bytes as f64 / 1e6);
        say(&format!("{name}: {} samples, {megabytes:.1} MB, {state}", report.samples));
        if report.finished {
            say(&format!("{}: complete", args.out.display()));
        }
    }
    Ok(())
}

/// Writes a shard, or all.
fn write(
    args: &Args,
    config: &DatasetConfig,
    format: ShardFormat,
    shard: Option<usize>,
) -> Result<Vec<ShardReport>> {
    let purpose = args.purpose();
    let source = config.source(args.seed, args.count, purpose)?;
    let config = json!({ "dataset": config, "purpose": purpose });
    let plan = ShardPlan::new(format, args.count, args.shards, args.seed, &config)?;
    make_folder(&args.out)?;
    let progress = Bar::default();
    let mut reports = match shard {
        Some(shard) => vec![write_shard(&plan, &args.out, shard, &*source, &progress)?],
        None => write_shards(&plan, &args.out, &*source, &progress)?,
    };
    // That all is there is said once.
    if let Some((_, others)) = reports.split_last_mut() {
        others.iter_mut().for_each(|report| report.finished = false);
    }
    Ok(reports)
}

/// Writes and reads back the same samples in all formats, in one go and shard by shard.
fn check(args: &Args) -> Result<()> {
    make_folder(&args.out)?;
    let config = DatasetConfig::default();
    let (count, shards) = (60, 3);
    let expected = config.source(args.seed, count, Purpose::Training)?;
    let mut values = vec![("samples".to_owned(), json!(count))];
    for format in [ShardFormat::Webdataset, ShardFormat::Tfrecord, ShardFormat::Parquet] {
        let folder = tempfile::tempdir_in(&args.out)?;
        let args = Args {
            count,
            shards,
            out: folder.path().to_owned(),
            config: None,
            shard: None,
            ..*args
        };
        for shard in (0..shards).rev() {
            write(&args, &config, format, Some(shard))?;
        }
        let reports = write(&args, &config, format, None)?;
        anyhow::ensure!(reports.iter().all(|r| !r.written), "{format:?}: written twice");
        let read = Shards::open(folder.path(), &ShardReadConfig::default())?;
        for index in 0..count {
            let (read, made) = (read.get(index)?, expected.get(index)?);
            anyhow::ensure!(read == made, "{format:?}: sample {index} is another one");
        }
        values.push((
            format!("{} bytes", format.name()),
            json!(reports.iter().map(|r| r.bytes).sum::<u64>()),
        ));
    }
    smoke::write(&args.out, values)
}
