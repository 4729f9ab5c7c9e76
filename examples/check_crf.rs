//! Compares the dense CRF with its exact twin and with pydensecrf, and tiles with the whole.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Parser;
use mapvec_examples::crf_checks::{
    Agreement, Distance, against_exact, against_peer, compare_tiles, run_tiles,
};
use mapvec_examples::output::write_json;
use mapvec_examples::progress::say;
use mapvec_examples::{make_folder, run, smoke};
use mapvec_postprocess::crf::TileConfig;
use serde_json::{Value, json};

/// Checks the dense CRF in its published setting after five iterations and writes report.json.
#[derive(Debug, Parser)]
struct Args {
    /// Folder that `xtask/peers/crf_values.py` has written; without it drawn pictures are
    /// compared with the exact result alone.
    #[arg(long)]
    values: Option<PathBuf>,
    /// Drawn pictures of each size.
    #[arg(long, default_value_t = 4)]
    pictures: u64,
    /// Infer a square picture in tiles, and a quarter of it in tiles and whole.
    #[arg(long)]
    large: bool,
    /// Side of that picture, pixels.
    #[arg(long, default_value_t = 4096, value_parser = clap::value_parser!(u32).range(256..=16384))]
    side: u32,
    /// Its classes.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(2..=64))]
    classes: u32,
    /// One picture of each size and small tiles.
    #[arg(long)]
    smoke: bool,
    /// Folder of the report.
    #[arg(long, default_value = "out")]
    out: PathBuf,
}

/// Least share of pixels with the same class as the peer, and the most that probabilities may
/// differ in the mean.
const SAME: f64 = 0.995;
const MEAN: f64 = 0.002;
/// The most that probabilities may differ from the exact ones in the mean.
const EXACT: f64 = 0.01;
/// Tiles may differ more from the whole near seams, but not visibly: share of other classes.
const SEAMS: f64 = 0.005;

fn main() -> ExitCode {
    run(|args: Args| check(&args))
}

fn check(args: &Args) -> Result<()> {
    make_folder(&args.out)?;
    let mut cases = against_exact(if args.smoke { 1 } else { args.pictures })?;
    if let Some(folder) = &args.values {
        cases.extend(against_peer(folder)?);
    }
    say(&format!(
        "{:<24} {:>9} {:>22} {:>22} {:>32}",
        "case",
        "",
        "lattice to the peer",
        "default to the peer",
        "to the exact: peer, lattice, default"
    ));
    let mut report = Vec::new();
    for case in &cases {
        say(&row(case));
        report.push(entry(case));
    }
    let mut values = vec![("cases".to_owned(), Value::from(report))];
    if args.large || args.smoke {
        values.push(("tiles".to_owned(), tiles(args)?));
    }
    write_json(&args.out.join("report.json"), &values.iter().cloned().collect())?;
    if args.smoke {
        smoke::write(&args.out, recorded(&cases, &values))?;
    }
    cases.iter().try_for_each(judge)
}

/// What a check compares: times and distances near rounding are left out.
fn recorded(cases: &[Agreement], values: &[(String, Value)]) -> Vec<(String, Value)> {
    let exact = |case: &Agreement| {
        let [_, lattice, _] = case.exact?;
        Some((format!("{} lattice", case.name), json!(lattice?.mean)))
    };
    let tiles = values.iter().filter(|(key, _)| key == "tiles");
    let tiles = tiles.flat_map(|(_, tiles)| {
        let keys = ["right_before", "right_after", "mean_near"];
        keys.map(|key| (key.to_owned(), tiles[key].clone()))
    });
    cases.iter().filter_map(exact).chain(tiles).collect()
}

/// Time and memory of a large picture, and the seams of a smaller one.
fn tiles(args: &Args) -> Result<Value> {
    let (side, classes) =
        (if args.smoke { 160 } else { args.side as usize }, args.classes as usize);
    let mut config = TileConfig::default();
    if args.smoke {
        (config.size, config.overlap) = (48, 24);
    }
    let run = run_tiles(side, classes, &config)?;
    say(&format!(
        "{side} x {side} x {classes} in tiles of {} + {} pixels: {:.1} s, peak {:.0} MB; \
         right pixels {:.2} % before, {:.2} % after",
        config.size,
        config.overlap,
        run.seconds,
        run.peak_megabytes,
        100.0 * run.right[0],
        100.0 * run.right[1]
    ));
    let seams = compare_tiles(side / 2, classes, &config)?;
    let half = side / 2;
    for (place, [mean, changed]) in [("near seams", seams.near), ("elsewhere", seams.elsewhere)] {
        say(&format!(
            "{half} x {half} x {classes}, tiles to whole, {place}: mean |dQ| {mean:.6}, \
             other class {:.4} %",
            100.0 * changed
        ));
    }
    let [tiled, whole] = seams.jumps;
    say(&format!("mean jump across seams: {tiled:.6} in tiles, {whole:.6} in the whole"));
    ensure!(
        args.smoke || seams.near[1] <= SEAMS,
        "{:.3} % of the pixels near seams have another class",
        100.0 * seams.near[1]
    );
    Ok(json!({
        "seconds": run.seconds,
        "peak_mb": run.peak_megabytes,
        "right_before": run.right[0],
        "right_after": run.right[1],
        "whole_seconds": seams.seconds,
        "mean_near": seams.near[0],
        "changed_near": seams.near[1],
        "mean_elsewhere": seams.elsewhere[0],
        "changed_elsewhere": seams.elsewhere[1],
        "jump_tiles": tiled,
        "jump_whole": whole,
    }))
}

fn row(case: &Agreement) -> String {
    let peer = |distance: Option<Distance>| match distance {
        Some(d) => format!("{:>9.3} % {:>9.6}", 100.0 * d.same, d.mean),
        None => String::new(),
    };
    let exact = case.exact.map_or(String::new(), |exact| {
        let mean = |d: Option<Distance>| d.map_or("-".to_owned(), |d| format!("{:.6}", d.mean));
        exact.map(mean).join(", ")
    });
    format!("{:<34} {:>22} {:>22} {exact:>32}", case.name, peer(case.lattice), peer(case.automatic))
}

fn entry(case: &Agreement) -> Value {
    let of = |d: Option<Distance>| {
        d.map(|d| json!({"same": d.same, "mean": d.mean, "largest": d.largest}))
    };
    let [peer, lattice, automatic] = case.exact.unwrap_or_default().map(of);
    json!({
        "name": case.name,
        "lattice_to_peer": of(case.lattice),
        "default_to_peer": of(case.automatic),
        "peer_to_exact": peer,
        "lattice_to_exact": lattice,
        "default_to_exact": automatic,
    })
}

fn judge(case: &Agreement) -> Result<()> {
    let name = &case.name;
    // Where the exact result is known, the default may leave the peer for it.
    let automatic = case.automatic.filter(|_| case.exact.is_none());
    for distance in [case.lattice, automatic].into_iter().flatten() {
        ensure!(
            distance.same >= SAME && distance.mean <= MEAN,
            "{name}: {:.3} % of the classes as the peer, mean |dQ| {:.5}; at least {} % and at most \
             {MEAN} are wanted",
            100.0 * distance.same,
            distance.mean,
            100.0 * SAME
        );
    }
    if let Some([peer, _, Some(own)]) = case.exact {
        ensure!(own.mean <= EXACT, "{name}: mean |dQ| to the exact result {:.5}", own.mean);
        if let Some(peer) = peer {
            ensure!(own.mean <= peer.mean, "{name}: farther from the exact result than the peer");
        }
    }
    Ok(())
}
