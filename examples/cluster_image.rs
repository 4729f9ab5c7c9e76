//! Splits a picture into clusters of similar colours and draws their masks.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, ValueEnum};
use mapvec_data::{ImageLimits, encode_png, read_image, sample_rng, write_all_atomic};
use mapvec_examples::progress::say;
use mapvec_examples::{cluster_panels, make_folder, run, smoke};
use mapvec_postprocess::{
    DbscanConfig, GaussianMixtureConfig, ImageClusters, KMeansConfig, SmoothedClustersConfig,
    choose_components, color_points, dbscan, k_means,
};
use mapvec_synth::{SheetConfig, SheetStyle, generate_sheet};
use ndarray::{Array2, Array3};
use serde_json::json;

/// Writes clusters.png, the picture beside its clusters in their mean colours, and masks.png,
/// the clusters one by one, the largest first.
#[derive(Debug, Parser)]
struct Args {
    /// A PNG, JPEG or TIFF picture; without one a sheet is drawn.
    image: Option<PathBuf>,
    /// How clusters are found.
    #[arg(long, value_enum, default_value = "k-means")]
    method: Method,
    /// Number of clusters of K-means, and the most components of a mixture, of which the
    /// Bayesian information criterion chooses the number.
    #[arg(long, default_value_t = 8)]
    clusters: usize,
    /// DBSCAN: largest distance of neighbours; colours go from 0 to 1.
    #[arg(long, default_value_t = 0.008)]
    eps: f64,
    /// DBSCAN: neighbours of a core point.
    #[arg(long, default_value_t = 60)]
    min_samples: usize,
    /// Seed of the sheet and of the clusters.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Side of the sheet in pixels.
    #[arg(long, default_value_t = 768)]
    size: u32,
    /// Folder for the results.
    #[arg(long, default_value = "out")]
    out: PathBuf,
    /// A small sheet, for checks.
    #[arg(long)]
    smoke: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Method {
    /// Lloyd's algorithm.
    KMeans,
    /// Normal distributions.
    GaussianMixture,
    /// Dense parts of the colour space; what lies between is noise.
    Dbscan,
}

/// Most clusters that get a mask.
const MOST: usize = 32;

fn main() -> ExitCode {
    run(|args: Args| cluster(&args))
}

fn cluster(args: &Args) -> Result<()> {
    let image = picture(args)?;
    let (rows, columns, _) = image.dim();
    let mut labels = keep_large(labels(&image, args)?).into_iter();
    let labels = Array2::from_shape_simple_fn((rows, columns), || labels.next().flatten());
    let clusters = ImageClusters::from_labels(labels.view());
    let mut areas: Vec<(usize, usize)> = clusters
        .masks()
        .outer_iter()
        .map(|mask| mask.iter().filter(|value| **value > 0.0).count())
        .zip(0..)
        .collect();
    areas.sort_unstable_by_key(|&(area, index)| (std::cmp::Reverse(area), index));
    let similar = if rows.min(columns) < 7 {
        clusters.clone()
    } else {
        clusters.smoothed(&SmoothedClustersConfig::default())?
    };
    make_folder(&args.out)?;
    let order: Vec<usize> = areas.iter().map(|&(_, index)| index).collect();
    let flat = cluster_panels::flat(&image, labels.view());
    let masks = cluster_panels::masks(clusters.masks(), &order);
    write_all_atomic(&[
        (&args.out.join("clusters.png"), &encode_png(flat.view())?),
        (&args.out.join("masks.png"), &encode_png(masks.view())?),
    ])?;
    let noise = labels.iter().filter(|label| label.is_none()).count();
    say(&format!(
        "{} clusters and {noise} pixels of noise in {} x {} pixels; {} after smoothing",
        clusters.len(),
        columns,
        rows,
        similar.len()
    ));
    let centroids = clusters.centroids();
    for &(area, index) in areas.iter().take(12) {
        if let Some((x, y)) = centroids[index] {
            say(&format!("{area:>8} pixels around ({x:.1}, {y:.1})"));
        }
    }
    if args.smoke {
        smoke::write(
            &args.out,
            [
                ("clusters", json!(clusters.len())),
                ("smoothed", json!(similar.len())),
                ("noise", json!(noise)),
                ("largest", json!(areas.first().map(|area| area.0))),
                ("smallest", json!(areas.last().map(|area| area.0))),
            ],
        )?;
    }
    Ok(())
}

/// Makes noise of all clusters but the largest ones: every mask takes the room of the picture.
fn keep_large(mut labels: Vec<Option<u32>>) -> Vec<Option<u32>> {
    let count = labels.iter().flatten().max().map_or(0, |label| *label as usize + 1);
    let mut areas: Vec<(usize, usize)> = (0..count).map(|label| (0, label)).collect();
    labels.iter().flatten().for_each(|&label| areas[label as usize].0 += 1);
    areas.sort_unstable_by_key(|&(area, label)| (std::cmp::Reverse(area), label));
    let mut kept = vec![false; count];
    areas.iter().take(MOST).for_each(|&(_, label)| kept[label] = true);
    for label in &mut labels {
        *label = label.filter(|&label| kept[label as usize]);
    }
    labels
}

fn picture(args: &Args) -> Result<Array3<u8>> {
    if let Some(path) = &args.image {
        return Ok(read_image(path, &ImageLimits::default())?);
    }
    let size = if args.smoke { 192 } else { args.size };
    let config = SheetConfig { size, style: SheetStyle::Topographic, ..SheetConfig::default() };
    Ok(generate_sheet(&config, &mut sample_rng(args.seed, 0))?.sample.image)
}

fn labels(image: &Array3<u8>, args: &Args) -> Result<Vec<Option<u32>>> {
    let points = color_points(image.view());
    let some = |labels: Vec<u32>| labels.into_iter().map(Some).collect();
    Ok(match args.method {
        Method::KMeans => {
            let config = KMeansConfig {
                clusters: args.clusters,
                seed: args.seed,
                runs: 3,
                ..KMeansConfig::default()
            };
            some(k_means(points.view(), &config)?.labels)
        }
        Method::GaussianMixture => {
            let config =
                GaussianMixtureConfig { seed: args.seed, ..GaussianMixtureConfig::default() };
            let choice = choose_components(points.view(), 1..=args.clusters, &config)?;
            for (components, criterion) in &choice.criteria {
                say(&format!("{components:>4} components: criterion {criterion:.0}"));
            }
            some(choice.mixture.predict(points.view())?)
        }
        Method::Dbscan => {
            let config =
                DbscanConfig { eps: args.eps, min_samples: args.min_samples, normalize: false };
            dbscan(points.view(), &config)?.labels
        }
    })
}
