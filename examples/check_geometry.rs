//! Polygonizes random masks, simplifies random label maps, merges the tiles of generated
//! sheets, and counts every fault.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Parser;
use mapvec_examples::geometry_checks::{
    Faults, SMALL_MASKS, check_map, check_mask, random_map, random_mask, small_mask, write_shapes,
};
use mapvec_examples::progress::say;
use mapvec_examples::sheet_checks::{Seams, check_sheet};
use mapvec_examples::{make_folder, run, smoke};
use rayon::prelude::*;
use serde_json::json;

/// Counts invalid polygons, wrong areas, gaps, overlaps and breaks of random rasters.
#[derive(Debug, Parser)]
struct Args {
    /// Number of random masks up to 64 x 64, besides all of 4 x 4.
    #[arg(long, default_value_t = 1_000_000)]
    masks: u64,
    /// Number of random label maps up to 64 x 64, each with three tolerances.
    #[arg(long, default_value_t = 10_000)]
    maps: u64,
    /// Number of generated sheets, each cut into tiles.
    #[arg(long, default_value_t = 1000)]
    sheets: u64,
    /// Seed of the masks, maps and sheets.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Count nothing, but write the shapes of masks and maps to shapes.wkt for another judge:
    /// about 6 kB a mask and 50 kB a map; a named pipe of that name saves the space.
    #[arg(long)]
    shapes: bool,
    /// Check 2000 random masks, 100 maps and 6 sheets.
    #[arg(long)]
    smoke: bool,
    /// Folder of smoke.json and shapes.wkt.
    #[arg(long, default_value = "out")]
    out: PathBuf,
}

/// In pixels; the square is the largest triangle of Visvalingam and Whyatt.
const TOLERANCES: [f64; 3] = [0.75, 2.0, 8.0];

fn main() -> ExitCode {
    run(|args: Args| check(&args))
}

fn check(args: &Args) -> Result<()> {
    let (masks, maps) = if args.smoke { (2000, 100) } else { (args.masks, args.maps) };
    if args.shapes {
        make_folder(&args.out)?;
        return write_shapes(&args.out.join("shapes.wkt"), args.seed, (masks, maps), &TOLERANCES);
    }
    let of_small = (0..SMALL_MASKS)
        .into_par_iter()
        .map(|bits| check_mask(&small_mask(bits)))
        .reduce(Faults::default, Faults::plus);
    report(&format!("{SMALL_MASKS} masks of 4 x 4 pixels, 4 and 8 neighbours"), &of_small);
    let of_masks = (0..masks)
        .into_par_iter()
        .map(|index| check_mask(&random_mask(args.seed, index)))
        .reduce(Faults::default, Faults::plus);
    report(&format!("{masks} masks, 4 and 8 neighbours"), &of_masks);
    let of_maps = (0..maps)
        .into_par_iter()
        .map(|index| {
            let map = random_map(args.seed, index);
            TOLERANCES.into_iter().try_fold(Faults::default(), |sum, tolerance| {
                anyhow::Ok(sum.plus(check_map(&map, tolerance)?))
            })
        })
        .try_reduce(Faults::default, |a, b| Ok(a.plus(b)))?;
    report(&format!("{maps} maps, 3 tolerances, 3 methods"), &of_maps);
    let sheets = if args.smoke { 6 } else { args.sheets };
    let seams = (0..sheets)
        .into_par_iter()
        .map(|index| check_sheet(args.seed, index))
        .try_reduce(Seams::default, |a, b| Ok(a.plus(b)))?;
    report_seams(sheets, &seams);
    let faults = of_small.total() + of_masks.total() + of_maps.total() + seams.faults();
    if args.smoke {
        make_folder(&args.out)?;
        let counts = [
            ("small_mask_shapes", of_small.shapes),
            ("mask_shapes", of_masks.shapes),
            ("map_shapes", of_maps.shapes),
            ("sheet_polygons", seams.polygons),
            ("sheet_lines", seams.lines),
            ("faults", faults),
        ];
        smoke::write(&args.out, counts.map(|(name, count)| (name, json!(count))))?;
    }
    ensure!(faults == 0, "{faults} faults");
    Ok(())
}

fn report(what: &str, faults: &Faults) {
    let Faults { shapes, invalid, area, raster, gaps, overlaps, coverages } = faults;
    say(&format!(
        "{what}: {shapes} shapes, {invalid} invalid, {area} wrong areas, {raster} wrong rasters, \
         {gaps} gaps, {overlaps} overlaps, {coverages} wrong coverages"
    ));
}

fn report_seams(sheets: u64, seams: &Seams) {
    let Seams { polygons, invalid, other_polygons, other_pixels, area_error, .. } = seams;
    let Seams { lines, breaks, other_lines, .. } = seams;
    say(&format!(
        "{sheets} sheets in tiles: {polygons} polygons, {invalid} invalid, {other_polygons} maps \
         other than whole, {other_pixels} other pixels, area error {area_error:e}; {lines} lines, {breaks} breaks, \
         {other_lines} sets other than whole"
    ));
}
