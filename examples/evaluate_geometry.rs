//! Scores of the geometry on real maps: shapes of edge maps, footprints, roads.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use mapvec_data::write_atomic;
use mapvec_examples::edge_map::{drawn_edges, flood, score_edge_map, shapes_between};
use mapvec_examples::footprints::{drawn_footprints, score_footprints};
use mapvec_examples::progress::say;
use mapvec_examples::real_maps::{
    dufour, dufour_tables, kampala, kampala_table, paris, paris_tables,
};
use mapvec_examples::road_mask::{drawn_roads, mean_width, road_config, trace_roads};
use mapvec_examples::{make_folder, run, sample, smoke, table};
use mapvec_geometry::{GroundControlPoint, RegularizeConfig, fill_labels};
use ndarray::Array2;
use serde_json::{Value, json};

/// Scores rasters that become shapes and shapes that become rasters, on real maps.
#[derive(Debug, Parser)]
struct Args {
    /// What to score; drawn shapes and the sample sheet if left out.
    #[command(subcommand)]
    map: Option<RealMap>,
    /// Score drawn shapes and the sample sheet, for checks.
    #[arg(long, global = true)]
    smoke: bool,
    /// Folder of smoke.json, roads.geojson and roads.png.
    #[arg(long, global = true, default_value = "out")]
    out: PathBuf,
}

#[derive(Debug, Subcommand)]
enum RealMap {
    /// Shapes of the edge maps of the Paris atlas: edge maps, edge target, content mask.
    Paris { folder: PathBuf },
    /// Footprints of labels.geojson, rasterized at zoom 20 and regularized.
    Kampala { folder: PathBuf },
    /// Roads of the Dufour map: prediction, its skeleton, control points.
    Dufour { folder: PathBuf },
    /// All of them, as the tables of a Markdown file (docs/results.md).
    Table { paris: PathBuf, kampala: PathBuf, dufour: PathBuf, file: PathBuf },
}

fn main() -> ExitCode {
    run(|args: Args| evaluate(&args))
}

fn evaluate(args: &Args) -> Result<()> {
    let shapes = |folder: &PathBuf| Ok::<_, anyhow::Error>(paris_tables(&paris(folder)?));
    let footprints = |folder: &PathBuf| {
        let (truth, scores) = kampala(folder)?;
        Ok::<_, anyhow::Error>(kampala_table(&truth, &scores))
    };
    let roads = |folder: &PathBuf| {
        make_folder(&args.out)?;
        Ok::<_, anyhow::Error>(dufour_tables(&dufour(folder, &args.out)?))
    };
    match &args.map {
        None => return on_own_shapes(args),
        Some(RealMap::Paris { folder }) => say(&shapes(folder)?),
        Some(RealMap::Kampala { folder }) => say(&footprints(folder)?),
        Some(RealMap::Dufour { folder }) => say(&roads(folder)?),
        Some(RealMap::Table { paris, kampala, dufour, file }) => {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("cannot read {}", file.display()))?;
            let tables = [shapes(paris)?, footprints(kampala)?, roads(dufour)?].join("\n");
            let new = table::replaced(&text, "geometry", &tables)?;
            write_atomic(file, new.as_bytes())?;
        }
    }
    Ok(())
}

/// The same steps on the sample sheet and on drawn buildings.
fn on_own_shapes(args: &Args) -> Result<()> {
    let sample::Truth { shapes, lines } = sample::truth()?;
    let (height, width, _) = sample::picture()?.dim();
    let mut labels = Array2::zeros((height, width));
    for (id, shape) in (1..).zip(&shapes) {
        fill_labels(shape, id, &mut labels);
    }
    let (edges, map) = drawn_edges(labels.view());
    let truth = shapes_between(edges.view(), 50);
    let closed = score_edge_map(map.view(), &flood(50, 0), truth.view(), None)?;

    let footprints = drawn_footprints();
    let (regular, _) = score_footprints(&footprints, &RegularizeConfig::default())?;

    let mask = drawn_roads(&lines, 6.0, (height, width))?;
    let points = [(0.0, 0.0), (1024.0, 0.0), (0.0, 1024.0), (1024.0, 1024.0)].map(|(x, y)| {
        let world = (600_000.0 + 5.0 * x, 200_000.0 - 5.0 * y).into();
        GroundControlPoint { pixel: (x, y).into(), world }
    });
    let roads = trace_roads(mask.view(), &points, &road_config(mean_width(mask.view())?))?;
    make_folder(&args.out)?;
    write_atomic(&args.out.join("roads.geojson"), roads.to_geojson(21781)?.as_bytes())?;

    let values: Vec<(&str, Value)> = vec![
        ("shapes_pq", json!(closed.regions.score().pq)),
        ("outlines_pq", json!(closed.outlines.quality.score().pq)),
        ("partition_pq", json!(closed.partition.quality.score().pq)),
        ("invalid", json!(closed.outlines.invalid + closed.partition.invalid + regular.invalid)),
        ("footprints_iou", json!(regular.mean_iou)),
        ("footprints_vertices", json!(regular.vertices)),
        ("footprints_truth_vertices", json!(regular.truth_vertices)),
        ("roads", json!(roads.roads.len())),
        ("roads_km", json!(roads.length() / 1000.0)),
        ("roads_rmse", json!(roads.warp.rmse())),
    ];
    for (name, value) in &values {
        say(&format!("{name:<26} {:>10.4}", value.as_f64().unwrap_or(f64::NAN)));
    }
    if args.smoke {
        smoke::write(&args.out, values)?;
    }
    Ok(())
}
