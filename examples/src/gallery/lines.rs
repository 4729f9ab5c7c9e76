//! Rasters to centrelines, and centrelines to primitives.

use anyhow::Result;
use geo_types::LineString;
use mapvec_geometry::{
    Cap, Centreline, CentrelineConfig, CrossingConfig, Drawing, FitConfig, GapConfig, Primitive,
    Stroke, centrelines, draw_labels, fit_primitives, thin, widths_along,
};
use ndarray::Array2;
use std::f64::consts::PI;

use super::{at, line};
use crate::canvas::{BLACK, COLOURS, Canvas, GREEN, GREY, ORANGE, PANEL, RED};

pub(super) fn centreline_fits() -> Result<Canvas> {
    let mask = roads()?;
    let shape = mask.mapv(u32::from);
    let skeleton = thin(mask.view());
    let plain = centrelines(skeleton.view(), &CentrelineConfig::default())?;
    let config = CentrelineConfig {
        gaps: Some(GapConfig::default()),
        // The bow turns on its way through the crossing.
        crossings: Some(CrossingConfig { max_length: 8.0, max_angle: 0.8, reach: 8.0, join: true }),
        ..CentrelineConfig::default()
    };
    let repaired = centrelines(skeleton.view(), &config)?;
    let mut canvas = Canvas::new(2, PANEL);
    canvas.panel("Lines in a raster, one with a gap, and their skeleton", 84.0)?;
    canvas.cells(shape.view(), 0.3);
    canvas.cells(skeleton.mapv(u32::from).view(), 1.0);
    canvas.note("thin: one pixel wide, same topology")?;
    canvas.panel("centrelines: a line from junction to junction", 84.0)?;
    canvas.cells(shape.view(), 0.12);
    draw(&mut canvas, &plain);
    canvas.note(&format!("{} lines, dots at their ends", plain.len()))?;
    canvas.panel("The same, gaps bridged, lines led through crossings", 84.0)?;
    canvas.cells(shape.view(), 0.12);
    draw(&mut canvas, &repaired);
    let widths: Vec<String> =
        widths_along(&repaired, mask.view()).iter().map(|w| median(w)).collect();
    canvas.note(&format!("{} lines, widths {}", repaired.len(), widths.join(", ")))?;
    canvas.panel("fit_primitives: lines red, arcs green, cubic curves orange", 84.0)?;
    canvas.cells(shape.view(), 0.12);
    let config = FitConfig { tolerance: 1.0, ..FitConfig::default() };
    let mut vertices = 0;
    let mut parts = 0;
    for centreline in &repaired {
        vertices += centreline.line.0.len();
        for part in fit_primitives(&centreline.line, &config)? {
            let colour = match part.primitive {
                Primitive::Line(_) => RED,
                Primitive::Arc(_) => GREEN,
                _ => ORANGE,
            };
            canvas.line(&part.primitive.flatten(0.02), colour, 3.0);
            canvas.dots(&[part.primitive.start(), part.primitive.end()], BLACK, 3.0);
            parts += 1;
        }
    }
    canvas.note(&format!("{vertices} vertices become {parts} parts, at most 1 pixel off"))?;
    Ok(canvas)
}

fn roads() -> Result<Array2<bool>> {
    let arc: LineString<f64> = (0..=40)
        .map(|k| PI * (0.82 + 0.38 * f64::from(k) / 40.0))
        .map(|angle| at(100.0 + 44.0 * angle.cos(), 30.0 + 44.0 * angle.sin()))
        .collect();
    let wave: LineString<f64> = (0..=60)
        .map(|k| f64::from(k) / 60.0)
        .map(|t| at(6.0 + 40.0 * t, 10.0 + 5.0 * (7.0 * t).sin()))
        .collect();
    let lines = [
        (line(&[(6.0, 50.0), (36.0, 39.2)]), 4.0),
        (line(&[(43.0, 36.7), (79.0, 23.7)]), 4.0),
        (arc, 5.0),
        (wave, 3.0),
        (line(&[(20.0, 45.0), (24.0, 27.0)]), 3.0),
    ];
    let strokes =
        lines.each_ref().map(|&(_, width)| Stroke { width, cap: Cap::Round, ..Stroke::default() });
    let drawings: Vec<_> = lines
        .iter()
        .zip(&strokes)
        .map(|((line, _), stroke)| (Drawing::Line(line, stroke), 1))
        .collect();
    let mut labels = Array2::zeros((60, 84));
    draw_labels(&drawings, &mut labels)?;
    Ok(labels.mapv(|label| label > 0))
}

fn draw(canvas: &mut Canvas, lines: &[Centreline]) {
    for (centreline, colour) in lines.iter().zip(COLOURS.iter().cycle()) {
        canvas.line(&centreline.line, *colour, 3.0);
    }
    for centreline in lines {
        let ends = [
            (centreline.start, centreline.line.0.first()),
            (centreline.end, centreline.line.0.last()),
        ];
        for (junction, end) in ends {
            let colour = if junction.is_some() { BLACK } else { GREY };
            canvas.dots(end, colour, 4.0);
        }
    }
}

fn median(widths: &[f32]) -> String {
    let mut widths = widths.to_vec();
    widths.sort_by(f32::total_cmp);
    widths.get(widths.len() / 2).map_or_else(String::new, |w| format!("{w:.1}"))
}
