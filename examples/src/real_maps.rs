//! Scores of the geometry on real maps, as the tables of `docs/results.md`.

use std::path::Path;

use anyhow::{Context, Result};
use geo_types::Polygon;
use mapvec_data::{ImageLimits, read_image, write_atomic, write_png};
use mapvec_geometry::{CentrelineConfig, RegularizeConfig, centrelines};
use mapvec_metrics::{BufferedScore, PanopticQuality, buffered_lines};
use ndarray::{Array2, ArrayView2, Axis};

use crate::edge_map::{EdgeMapScores, RasterizedPolygons, flood, score_edge_map, shapes_between};
use crate::evaluation::draw;
use crate::footprints::{FootprintScores, footprints_in_pixels, mean_area, score_footprints};
use crate::road_mask::{ControlPoints, Roads, mean_width, road_config, trace_roads};

/// Zoom level of the footprints' pixels: 0.15 m at the equator.
const ZOOM: u32 = 20;
/// Distances in pixels within which a line pixel counts as found.
const BUFFERS: [f64; 2] = [1.5, 3.0];

/// A published edge map with the settings of its flood, chosen on this sheet.
const EDGE_MAPS: [(&str, &str, u32, u8); 3] = [
    ("U-Net", "val_epm_unet.png", 50, 0),
    ("BDCN", "val_epm_bdcn.png", 50, 0),
    ("BDCN", "val_epm_bdcn.png", 250, 10),
];

/// Scores both published edge maps of the Paris atlas sheet (Chen et al. 2021), by name.
///
/// # Errors
/// A file is missing.
pub fn paris(folder: &Path) -> Result<Vec<(String, EdgeMapScores)>> {
    let edges = byte_raster(&folder.join("val_edge_target.png"))?.mapv(|v| v > 0);
    let mask = byte_raster(&folder.join("val_mask_content.png"))?.mapv(|v| v == 255);
    let truth = shapes_between(edges.view(), 0);
    drop(edges);
    let score = |(name, file, area, dynamics)| {
        let map = byte_raster(&folder.join(file))?;
        let scores =
            score_edge_map(map.view(), &flood(area, dynamics), truth.view(), Some(mask.view()))?;
        Ok((format!("{name}, area {area}, depth {dynamics}"), scores))
    };
    EDGE_MAPS.into_iter().map(score).collect()
}

/// The tables of [`paris`].
#[must_use]
pub fn paris_tables(scores: &[(String, EdgeMapScores)]) -> String {
    let tolerance = scores.first().map_or(0.0, |(_, score)| score.tolerance);
    let mut text = format!(
        "Closed shapes of two published edge maps of the Paris sheet, inside the content mask; \
         polygons simplified by {tolerance} px:\n\n\
         | edge map | step | PQ | cost | SQ | RQ | found | invented | missed |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for (name, score) in scores {
        let steps = [
            ("watershed", &score.regions),
            ("polygons with the lines between", &score.outlines.quality),
            ("polygons that share edges", &score.partition.quality),
        ];
        let first = score.regions.score().pq;
        for (step, counts) in steps {
            let PanopticQuality { pq, sq, rq } = counts.score();
            let cost = first.zip(pq).map(|(first, pq)| first - pq);
            text += &format!(
                "| {name} | {step} | {} | {} | {} | {} | {} | {} | {} |\n",
                number(pq, 4),
                number(cost, 4),
                number(sq, 3),
                number(rq, 3),
                counts.true_positives,
                counts.false_positives,
                counts.false_negatives
            );
        }
    }
    text += "\n| edge map | polygons | number | invalid | vertices traced | simplified |\n\
             |---|---|---|---|---|---|\n";
    for (name, score) in scores {
        let kinds =
            [("with the lines between", &score.outlines), ("that share edges", &score.partition)];
        for (kind, of) in kinds {
            let RasterizedPolygons { polygons, invalid, traced_vertices, vertices, .. } = of;
            text += &format!(
                "| {name} | {kind} | {polygons} | {invalid} | {traced_vertices} | {vertices} |\n"
            );
        }
    }
    text
}

/// Footprints of `labels.geojson` at zoom 20, and what comes back from their pixels.
///
/// # Errors
/// The file is missing or holds no polygons.
pub fn kampala(folder: &Path) -> Result<(Vec<Polygon<f64>>, FootprintScores)> {
    let path = folder.join("labels.geojson");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let truth = footprints_in_pixels(&text, ZOOM)?;
    let (scores, _) = score_footprints(&truth, &RegularizeConfig::default())?;
    Ok((truth, scores))
}

/// The table of [`kampala`].
#[must_use]
pub fn kampala_table(truth: &[Polygon<f64>], scores: &FootprintScores) -> String {
    let ratio = |vertices: usize| vertices as f64 / scores.truth_vertices.max(1) as f64;
    format!(
        "{} footprints in Kampala at 0.15 m, {:.0} pixels on average, {} of them repaired:\n\n\
         | polygons | number | invalid | vertices | times the truth's | mean IoU | smallest IoU |\n\
         |---|---|---|---|---|---|---|\n\
         | truth | {} | - | {} | 1 | 1 | 1 |\n\
         | traced | {} | {} | {} | {:.2} | {:.4} | - |\n\
         | regularized | {} | {} | {} | {:.2} | {:.4} | {:.4} |\n",
        scores.footprints,
        mean_area(truth),
        scores.repaired,
        scores.footprints,
        scores.truth_vertices,
        scores.polygons,
        scores.traced_invalid,
        scores.traced_vertices,
        ratio(scores.traced_vertices),
        scores.traced_iou,
        scores.polygons,
        scores.invalid,
        scores.vertices,
        ratio(scores.vertices),
        scores.mean_iou,
        scores.min_iou,
    )
}

/// What the published road prediction of the Dufour map becomes.
#[derive(Debug, Clone)]
pub struct DufourScores {
    /// Lines with their transform.
    pub roads: Roads,
    /// EPSG code of the world coordinates.
    pub epsg: u32,
    /// Mean width of the mask in pixels.
    pub width: f64,
    /// The lines against the published skeleton, per buffer.
    pub published: Vec<(f64, BufferedScore)>,
    /// The lines without pruning, bridging and simplification against it.
    pub unpruned: Vec<(f64, BufferedScore)>,
}

/// Roads of `Full_image.png` as lines in the world, compared with `sk_Full_image.png`.
///
/// Writes `roads.geojson` and `roads.png` to `out`.
///
/// # Errors
/// A file is missing or cannot be written.
pub fn dufour(folder: &Path, out: &Path) -> Result<DufourScores> {
    let mask = byte_raster(&folder.join("Full_image.png"))?.mapv(|v| v > 127);
    let skeleton = byte_raster(&folder.join("sk_Full_image.png"))?.mapv(|v| v > 127);
    let path = folder.join("Final_line.points");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let control = ControlPoints::parse(&text)?;
    let epsg = control.epsg.context("the control points name no system with an EPSG code")?;
    let width = mean_width(mask.view())?;
    let roads = trace_roads(mask.view(), &control.points, &road_config(width))?;
    write_atomic(&out.join("roads.geojson"), roads.to_geojson(epsg)?.as_bytes())?;
    write_png(&out.join("roads.png"), roads.picture(mask.view())?.view())?;
    let lines = draw(roads.roads.iter().map(|road| &road.line), mask.dim());
    let plain = CentrelineConfig {
        min_spur: 0.0,
        min_length: 0.0,
        tolerance: 0.0,
        ..CentrelineConfig::default()
    };
    let all = centrelines(mask.view(), &plain)?;
    let all = draw(all.iter().map(|line| &line.line), mask.dim());
    let published = near(lines.view(), skeleton.view())?;
    let unpruned = near(all.view(), skeleton.view())?;
    Ok(DufourScores { roads, epsg, width, published, unpruned })
}

fn near(
    lines: ArrayView2<'_, bool>,
    skeleton: ArrayView2<'_, bool>,
) -> Result<Vec<(f64, BufferedScore)>> {
    let score = |buffer| Ok((buffer, buffered_lines(lines, skeleton, buffer)?.score()));
    BUFFERS.into_iter().map(score).collect()
}

/// The tables of [`dufour`].
#[must_use]
pub fn dufour_tables(scores: &DufourScores) -> String {
    let DufourScores { roads, epsg, width, published, unpruned } = scores;
    let mut text = format!(
        "Roads of a published prediction on the Dufour map (mean width {width:.1} px) as lines in \
         EPSG:{epsg}:\n\n\
         | lines | invalid | vertices | junctions | free ends | length | control points, rmse |\n\
         |---|---|---|---|---|---|---|\n| {} | {} | {} | {} | {} | {:.2} km | {:.4} m |\n\n\
         | against the published skeleton | buffer | precision | recall | F1 |\n|---|---|---|---|---|\n",
        roads.roads.len(),
        roads.invalid(),
        roads.vertices(),
        roads.junctions,
        roads.free_ends,
        roads.length() / 1000.0,
        roads.warp.rmse(),
    );
    let rows = [("lines", published), ("unpruned centrelines", unpruned)];
    for (name, scores) in rows {
        for (buffer, BufferedScore { precision, recall, f1 }) in scores {
            let [precision, recall, f1] = [precision, recall, f1].map(|value| number(*value, 4));
            text += &format!("| {name} | {buffer} px | {precision} | {recall} | {f1} |\n");
        }
    }
    text
}

/// A score for a table, a dash where it is undefined.
fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

/// The first channel of a picture.
fn byte_raster(path: &Path) -> Result<Array2<u8>> {
    Ok(read_image(path, &ImageLimits::default())?.index_axis(Axis(2), 0).to_owned())
}
