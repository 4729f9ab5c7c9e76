//! Pictures of the labels of records of waves, single lines, mini shapes, matching patterns and
//! shifted lines.

use anyhow::{Result, bail};
use geo_types::{Coord, LineString};
use mapvec_data::{Record, Values};
use mapvec_geometry::{Stroke, stroke_labels};
use ndarray::{Array2, Array3};

use crate::canvas::{BLACK, BLUE, Colour, ORANGE, RED};
use crate::pattern_panels::{byte, hue};

const WHITE: Colour = [255; 3];

/// Picture, classes, directions, patterns, lines, the wave of the first pattern, all crests, and
/// vectors over the picture.
///
/// # Errors
/// The record lacks an output.
pub fn wave_panels(record: &Record, scale: usize) -> Result<Vec<Array3<u8>>> {
    let view = View::new(record, scale)?;
    let (classes, angles) = (bytes(record, "classes")?, reals(record, "angle_label")?);
    let field = reals(record, "fields")?;
    Ok(vec![
        view.picture("img")?,
        view.panel(&|at| [WHITE, BLUE, ORANGE][usize::from(classes[at]).min(2)]),
        view.panel(&|at| match classes[at] {
            0 => WHITE,
            _ => hue(angles[at] / std::f32::consts::PI),
        }),
        view.masks("pattern_masks")?,
        view.masks("vecs_masks")?,
        view.panel(&|at| [byte(0.5 + field.get(at).unwrap_or(&0.0) / 2.0); 3]),
        view.lines(&segments(record, "crest_lines")?, BLUE)?,
        view.lines(&segments(record, "vecs")?, RED)?,
    ])
}

/// Picture, line and distractors, and ends and sample point over the picture.
///
/// # Errors
/// The record lacks an output.
pub fn single_line_panels(record: &Record, scale: usize) -> Result<Vec<Array3<u8>>> {
    let view = View::new(record, scale)?;
    let [line, others] = [bytes(record, "line_mask")?, bytes(record, "distractor_mask")?];
    let mut over = view.lines(&segments(record, "endpoints")?, RED)?;
    view.dots(reals(record, "sample_point")?, BLUE, &mut over);
    Ok(vec![
        view.picture("img")?,
        view.panel(&|at| match (line[at], others[at]) {
            (1, _) => RED,
            (_, 1) => ORANGE,
            _ => WHITE,
        }),
        over,
    ])
}

/// Picture, shapes, background, colours, and vertices over the picture.
///
/// # Errors
/// The record lacks an output.
pub fn mini_shapes_panels(record: &Record, scale: usize) -> Result<Vec<Array3<u8>>> {
    let view = View::new(record, scale)?;
    let background = bytes(record, "background_mask")?;
    let vertices = reals(record, "vertices")?;
    let count = record.get("vertices")?.shape()[1];
    let lines: Vec<Vec<[f32; 2]>> = vertices
        .chunks_exact(count * 2)
        .map(|line| line.chunks_exact(2).map(|p| [p[0], p[1]]).collect())
        .collect();
    let mut over = view.lines(&lines, RED)?;
    view.dots(vertices, BLUE, &mut over);
    Ok(vec![
        view.picture("img")?,
        view.masks("shape_masks")?,
        view.panel(&|at| [255 * background[at]; 3]),
        view.picture("color_label")?,
        over,
    ])
}

/// Picture, classes, dominant pixels, patterns, what all patterns cover, and boxes and
/// directions over the picture.
///
/// # Errors
/// The record lacks an output.
pub fn matching_panels(record: &Record, scale: usize) -> Result<Vec<Array3<u8>>> {
    let view = View::new(record, scale)?;
    let classes = bytes(record, "classes")?;
    let dominant = bytes(record, "dominant_mask")?;
    let alphas = reals(record, "alpha_masks")?;
    let area = view.rows * view.columns;
    let mut lines = Vec::new();
    let angles = reals(record, "angles")?.iter().zip(bytes(record, "angles_mask")?);
    for (corners, (angle, known)) in reals(record, "bboxes")?.chunks_exact(8).zip(angles) {
        let mut ring: Vec<[f32; 2]> = corners.chunks_exact(2).map(|p| [p[0], p[1]]).collect();
        ring.push(ring[0]);
        lines.push(ring);
        if *known == 1 {
            let [x, y] = [(corners[0] + corners[4]) / 2.0, (corners[1] + corners[5]) / 2.0];
            let (dy, dx) = angle.sin_cos();
            lines.push(vec![[x - 8.0 * dx, y - 8.0 * dy], [x + 8.0 * dx, y + 8.0 * dy]]);
        }
    }
    Ok(vec![
        view.picture("img")?,
        view.panel(&|at| [WHITE, BLUE, ORANGE][usize::from(classes[at]).min(2)]),
        view.panel(&|at| if dominant[at] == 1 { BLACK } else { WHITE }),
        view.masks("masks")?,
        view.panel(&|at| {
            let sum: f32 = alphas.chunks_exact(area).map(|plane| plane[at]).sum();
            [byte(1.0 - sum); 3]
        }),
        view.lines(&lines, RED)?,
    ])
}

/// Picture, opacity, lines, patches, and vectors over the picture.
///
/// # Errors
/// The record lacks an output.
pub fn shifts_panels(record: &Record, scale: usize) -> Result<Vec<Array3<u8>>> {
    let view = View::new(record, scale)?;
    let opacity = reals(record, "opacity")?;
    let patches = reals(record, "patches")?;
    let side = record.get("patches")?.shape()[1];
    // As many patches as there is room for.
    let across = (view.columns / side).max(1);
    let patch = |at: usize| {
        let (row, column) = (at / view.columns, at % view.columns);
        let (i, j) = (row / side, column / side);
        let from = (((i * across + j) * side + row % side) * side + column % side) * 3;
        match patches.get(from..from + 3) {
            Some(pixel) if j < across => [byte(pixel[0]), byte(pixel[1]), byte(pixel[2])],
            _ => WHITE,
        }
    };
    Ok(vec![
        view.picture("img")?,
        view.panel(&|at| [byte(1.0 - opacity[at]); 3]),
        view.masks("proposal_masks")?,
        view.panel(&patch),
        view.lines(&segments(record, "vecs")?, RED)?,
    ])
}

/// A record whose pixels are drawn `scale` x `scale` pixels large.
struct View<'a> {
    record: &'a Record,
    rows: usize,
    columns: usize,
    scale: usize,
}

impl<'a> View<'a> {
    fn new(record: &'a Record, scale: usize) -> Result<Self> {
        let &[rows, columns, 3] = record.get("img")?.shape() else { bail!("img is no picture") };
        Ok(Self { record, rows, columns, scale })
    }

    fn panel(&self, colour: &dyn Fn(usize) -> Colour) -> Array3<u8> {
        let (rows, columns) = (self.rows * self.scale, self.columns * self.scale);
        Array3::from_shape_fn((rows, columns, 3), |(y, x, c)| {
            colour(y / self.scale * self.columns + x / self.scale)[c]
        })
    }

    fn picture(&self, name: &str) -> Result<Array3<u8>> {
        let image = reals(self.record, name)?;
        Ok(self.panel(&|at| [0, 1, 2].map(|c| byte(image[at * 3 + c]))))
    }

    /// Masks in different colours.
    fn masks(&self, name: &str) -> Result<Array3<u8>> {
        let planes = bytes(self.record, name)?;
        let area = self.rows * self.columns;
        Ok(self.panel(&|at| {
            let owner = planes.chunks_exact(area).position(|plane| plane[at] == 1);
            owner.map_or(WHITE, |index| hue(index as f32 * 0.381_966))
        }))
    }

    /// Lines over the pale picture.
    fn lines(&self, lines: &[Vec<[f32; 2]>], colour: Colour) -> Result<Array3<u8>> {
        let image = reals(self.record, "img")?;
        let mut panel = self.panel(&|at| [0, 1, 2].map(|c| 128 + byte(image[at * 3 + c]) / 2));
        let mut map = Array2::<u32>::zeros((self.rows * self.scale, self.columns * self.scale));
        let stroke = Stroke { width: 2.0, ..Stroke::default() };
        let scale = self.scale as f64;
        for line in lines {
            let points = line
                .iter()
                .map(|[x, y]| Coord { x: f64::from(*x) * scale, y: f64::from(*y) * scale });
            stroke_labels(&LineString(points.collect()), &stroke, 1, &mut map)?;
        }
        for ((y, x), _) in map.indexed_iter().filter(|(_, id)| **id > 0) {
            for (c, value) in colour.into_iter().enumerate() {
                panel[[y, x, c]] = value;
            }
        }
        Ok(panel)
    }

    /// Squares around points.
    #[expect(clippy::cast_sign_loss, reason = "negative numbers become 0")]
    fn dots(&self, points: &[f32], colour: Colour, panel: &mut Array3<u8>) {
        let (rows, columns, _) = panel.dim();
        for p in points.chunks_exact(2) {
            let [x, y] = [p[0], p[1]].map(|v| (v * self.scale as f32) as usize);
            for (row, column) in (0..49).map(|k| (y + k / 7, x + k % 7)) {
                let (row, column) = (row.saturating_sub(3), column.saturating_sub(3));
                if row < rows && column < columns {
                    for (c, value) in colour.into_iter().enumerate() {
                        panel[[row, column, c]] = value;
                    }
                }
            }
        }
    }
}

fn segments(record: &Record, name: &str) -> Result<Vec<Vec<[f32; 2]>>> {
    let ends = reals(record, name)?.chunks_exact(4);
    Ok(ends.map(|e| vec![[e[0], e[1]], [e[2], e[3]]]).collect())
}

fn reals<'a>(record: &'a Record, name: &str) -> Result<&'a [f32]> {
    match record.get(name)?.values() {
        Values::F32(values) => Ok(values),
        _ => bail!("{name} is not real"),
    }
}

fn bytes<'a>(record: &'a Record, name: &str) -> Result<&'a [u8]> {
    match record.get(name)?.values() {
        Values::U8(values) => Ok(values),
        _ => bail!("{name} is not bytes"),
    }
}
