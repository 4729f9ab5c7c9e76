//! A few smooth polylines over noise, drawn large and reduced: the training data of models that
//! separate touching shapes.

use mapvec_data::{Field, Record, Source, Values, sample_rng};
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::draw::Draw;
use crate::error::Result;
use crate::keys::read_config;
use crate::limits::{in_range, ranges};
use crate::pattern::generator::pick;
use crate::pattern::mask::{BitMask, stack};
use crate::pattern::plane::Point;
use crate::pattern::stroke::{add_stroke, row_range};
use crate::selection::{check_index, check_outputs, check_side, outputs, record, whole};

/// Side of the largest drawing, px.
const LARGEST: usize = 8192;

outputs! {
    /// A label of a picture of polylines, or the picture. `S` is the side of the canvas, `n` the
    /// number of visible shapes, `k` that of the vertices of each.
    ///
    /// Shapes come front to back, and their masks are disjoint: a pixel belongs to the foremost
    /// shape that has a part of it. Positions are `(x, y)` in px, pixel `(row i, column j)`
    /// covering `[j, j + 1) x [i, i + 1)`.
    MiniShapesOutput {
        /// The picture, red, green and blue from 0 to 1: `f32`, `[S, S, 3]`.
        Img = "img",
        /// The pixels of every shape: `u8`, `[n, S, S, 1]`.
        ShapeMasks = "shape_masks",
        /// 1 on pixels without a shape: `u8`, `[S, S, 1]`.
        BackgroundMask = "background_mask",
        /// The colour of the shape of a pixel, 0 on the background: `f32`, `[S, S, 3]`.
        ColorLabel = "color_label",
        /// Vertices of every shape, in their order: `f32`, `[n, k, 2]`.
        Vertices = "vertices",
        /// 1 for every vertex, so that padding shows: `u8`, `[n, k]`.
        VerticesMask = "vertices_mask",
        /// 1 for shapes whose last vertex is joined to the first: `u8`, `[n]`.
        Closed = "closed",
        /// Colours of shapes, red, green and blue from 0 to 1: `f32`, `[n, 3]`.
        Colors = "colors",
        /// Widths of lines, px: `i32`, `[n]`.
        ShapeThickness = "shape_thickness",
    }
}

impl MiniShapesOutput {
    /// The shape with as many entries as any picture of `config` can have.
    #[must_use]
    pub fn padded_shape(self, config: &MiniShapesConfig) -> Vec<usize> {
        let shapes = config.shapes_num_range[1] - 1;
        self.shape(config.size, [shapes, config.points_num_range[1] - 1])
    }

    fn shape(self, s: usize, [n, k]: [usize; 2]) -> Vec<usize> {
        match self {
            Self::Img | Self::ColorLabel => vec![s, s, 3],
            Self::ShapeMasks => vec![n, s, s, 1],
            Self::BackgroundMask => vec![s, s, 1],
            Self::Vertices => vec![n, k, 2],
            Self::VerticesMask => vec![n, k],
            Self::Closed | Self::ShapeThickness => vec![n],
            Self::Colors => vec![n, 3],
        }
    }
}

/// What [`MiniShapesGenerator`] draws. Ranges exclude their upper end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MiniShapesConfig {
    /// Side of the canvas, px, 16 to 1024.
    pub size: usize,
    /// What records hold.
    pub outputs: Vec<MiniShapesOutput>,
    /// Shapes of a picture, 1 to 256.
    pub shapes_num_range: [usize; 2],
    /// Vertices of a shape, the same number for all shapes of a picture, 2 to 256.
    pub points_num_range: [usize; 2],
    /// Widths of lines, px of the canvas, 1 to 64.
    pub thickness_range: [usize; 2],
    /// Levels of the channels of a colour, 0 to 255.
    pub color_range: [usize; 2],
    /// Levels of the channels of the background, 0 to 255.
    pub background_range: [usize; 2],
    /// Binary logarithms of the factor by which a drawing is larger than the canvas, 1 to 5. A
    /// drawing has at most 8192 px a side; on large canvases the factor is lower.
    pub scale_power_range: [usize; 2],
    /// Probability that the last vertex of a shape is joined to the first.
    pub closed_prob: f64,
}

impl Default for MiniShapesConfig {
    fn default() -> Self {
        Self {
            size: 64,
            outputs: MiniShapesOutput::ALL.to_vec(),
            shapes_num_range: [1, 11],
            points_num_range: [2, 7],
            thickness_range: [1, 4],
            color_range: [1, 250],
            background_range: [230, 251],
            scale_power_range: [2, 6],
            closed_prob: 0.0,
        }
    }
}

impl MiniShapesConfig {
    /// Reads a configuration; fields that are left out have their defaults.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownKey`](crate::Error::UnknownKey) names a key that does not exist and the
    /// nearest one that does; [`Error::Json`](crate::Error::Json) for text that is no such
    /// object; those of [`MiniShapesConfig::validate`].
    pub fn from_json(text: &str) -> Result<Self> {
        let config: Self = read_config(text)?;
        config.validate()?;
        Ok(config)
    }

    /// Checks every field against its range.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) or [`Error::Range`](crate::Error::Range) names the
    /// first field that is out of range.
    pub fn validate(&self) -> Result<()> {
        check_side("size", self.size)?;
        check_outputs(&self.outputs)?;
        ranges([
            ("shapes_num_range", &self.shapes_num_range, (1, 256)),
            ("points_num_range", &self.points_num_range, (2, 256)),
            ("thickness_range", &self.thickness_range, (1, 64)),
            ("color_range", &self.color_range, (0, 255)),
            ("background_range", &self.background_range, (0, 255)),
            ("scale_power_range", &self.scale_power_range, (1, 5)),
        ])?;
        in_range("closed_prob", self.closed_prob, (0.0, 1.0), "from 0 to 1")
    }
}

/// Pictures of polylines over noise by index: a record depends on the configuration, the seed and
/// the index alone, and holds the outputs that the configuration names.
///
/// # Examples
///
/// ```
/// use mapvec_data::Source;
/// use mapvec_synth::{MiniShapesConfig, MiniShapesGenerator};
///
/// let record = MiniShapesGenerator::new(&MiniShapesConfig::default(), 1, 1000)?.get(17)?;
/// assert_eq!(record.get("img")?.shape(), &[64, 64, 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct MiniShapesGenerator {
    config: MiniShapesConfig,
    seed: u64,
    len: usize,
}

impl MiniShapesGenerator {
    /// A generator of `len` pictures.
    ///
    /// # Errors
    ///
    /// Those of [`MiniShapesConfig::validate`].
    pub fn new(config: &MiniShapesConfig, seed: u64, len: usize) -> Result<Self> {
        config.validate()?;
        Ok(Self { config: config.clone(), seed, len })
    }
}

impl Source for MiniShapesGenerator {
    type Sample = Record;

    fn len(&self) -> usize {
        self.len
    }

    fn get(&self, index: usize) -> mapvec_data::Result<Record> {
        check_index(index, self.len)?;
        let mut rng = sample_rng(self.seed, index as u64);
        let scene = Scene::draw(&self.config, &mut rng);
        let noise = Draw::from_rng(&mut rng);
        record(&self.config.outputs, MiniShapesOutput::name, |output| {
            let shape = output.shape(scene.size, [scene.shapes.len(), scene.points]);
            Field::new(shape, scene.values(&self.config, output, &noise))
        })
    }
}

/// A visible polyline.
struct Shape {
    vertices: Vec<Point>,
    closed: bool,
    color: [f32; 3],
    thickness: usize,
    /// The pixels that are its own.
    mask: BitMask,
    /// How many visible pixels of the drawing every pixel of the canvas has; none where no
    /// picture is asked for.
    counts: Vec<u32>,
}

/// Polylines, front to back.
struct Scene {
    size: usize,
    /// Vertices of a shape.
    points: usize,
    /// Pixels of the drawing per pixel of the canvas and side.
    scale: usize,
    shapes: Vec<Shape>,
}

impl Scene {
    fn draw(config: &MiniShapesConfig, rng: &mut impl Rng) -> Self {
        let size = config.size;
        let points = pick(rng, config.points_num_range);
        let power = pick(rng, config.scale_power_range);
        let scale = 1 << power.min((LARGEST / size).ilog2() as usize);
        let count = pick(rng, config.shapes_num_range);
        let mut scene = Self { size, points, scale, shapes: Vec::new() };
        let mut covered = BitMask::empty(size, 0..size);
        let pictured = config.outputs.contains(&MiniShapesOutput::Img);
        let rows = if pictured { 0..size * scale } else { 0..0 };
        let mut drawn = BitMask::empty(size * scale, rows);
        for _ in 0..count {
            let side = size as f64;
            let vertices: Vec<Point> = (0..points)
                .map(|_| Point { x: rng.random_range(0.0..side), y: rng.random_range(0.0..side) })
                .collect();
            let closed = points > 2 && rng.random_bool(config.closed_prob);
            let color = std::array::from_fn(|_| level(pick(rng, config.color_range)));
            let thickness = pick(rng, config.thickness_range);
            let mut full = large(&vertices, closed, thickness as f64, (size, scale));
            let mask = pixels(&full, size, scale, &covered);
            if mask.is_empty() {
                continue;
            }
            let mut counts = Vec::new();
            if pictured {
                full.subtract(&drawn);
                counts.resize(size * size, 0);
                full.count_cells(scale, &mut counts);
                drawn.add(&full);
            }
            covered.add(&mask);
            scene.shapes.push(Shape { vertices, closed, color, thickness, mask, counts });
        }
        scene
    }

    #[expect(clippy::cast_possible_truncation, reason = "labels are f32")]
    fn values(&self, config: &MiniShapesConfig, output: MiniShapesOutput, noise: &Draw) -> Values {
        let (area, shapes) = (self.size * self.size, &self.shapes);
        match output {
            MiniShapesOutput::Img => Values::F32(self.image(config, noise.clone())),
            MiniShapesOutput::ShapeMasks => {
                Values::U8(stack(self.size, shapes.iter().map(|s| &s.mask)))
            }
            MiniShapesOutput::BackgroundMask => {
                let mut plane = vec![1; area];
                shapes.iter().for_each(|s| s.mask.paint(0, &mut plane));
                Values::U8(plane)
            }
            MiniShapesOutput::ColorLabel => {
                let mut colors = vec![0.0; area * 3];
                for s in shapes {
                    s.mask.each(|y, x| {
                        colors[(y * self.size + x) * 3..][..3].copy_from_slice(&s.color);
                    });
                }
                Values::F32(colors)
            }
            MiniShapesOutput::Vertices => {
                let points = shapes.iter().flat_map(|s| &s.vertices);
                Values::F32(points.flat_map(|p| [p.x as f32, p.y as f32]).collect())
            }
            MiniShapesOutput::VerticesMask => Values::U8(vec![1; shapes.len() * self.points]),
            MiniShapesOutput::Closed => {
                Values::U8(shapes.iter().map(|s| u8::from(s.closed)).collect())
            }
            MiniShapesOutput::Colors => Values::F32(shapes.iter().flat_map(|s| s.color).collect()),
            MiniShapesOutput::ShapeThickness => {
                Values::I32(shapes.iter().map(|s| whole(s.thickness)).collect())
            }
        }
    }

    /// The mean of the pixels of the drawing in every pixel. Its background has random levels,
    /// whose mean is nearly normal.
    #[expect(clippy::cast_precision_loss, reason = "counts up to 1024 and levels up to 255")]
    fn image(&self, config: &MiniShapesConfig, mut noise: Draw) -> Vec<f32> {
        let [low, high] = [config.background_range[0], config.background_range[1] - 1];
        let levels = (high - low + 1) as f32;
        let cell = (self.scale * self.scale) as f32;
        let mean = (low + high) as f32 / 2.0;
        let mut left = vec![cell; self.size * self.size];
        for shape in &self.shapes {
            left.iter_mut().zip(&shape.counts).for_each(|(left, count)| *left -= *count as f32);
        }
        let mut image = vec![0.0_f32; self.size * self.size * 3];
        noise.fill_normal(&mut image);
        let deviation = ((levels * levels - 1.0) / 12.0).sqrt();
        for (pixel, left) in image.chunks_exact_mut(3).zip(&left) {
            for value in pixel {
                // The sum of the levels of what is left.
                let sum = *left * mean + left.sqrt() * deviation * *value;
                *value = (sum / (cell * 255.0)).clamp(0.0, 1.0);
            }
        }
        for shape in &self.shapes {
            for (pixel, count) in image.chunks_exact_mut(3).zip(&shape.counts) {
                if *count > 0 {
                    let share = *count as f32 / cell;
                    for (value, color) in pixel.iter_mut().zip(shape.color) {
                        *value = (*value + share * color).min(1.0);
                    }
                }
            }
        }
        image
    }
}

/// A channel of a colour.
fn level(value: usize) -> f32 {
    f32::from(u8::try_from(value).unwrap_or(u8::MAX)) / 255.0
}

/// The pixels of the drawing of a polyline.
fn large(
    vertices: &[Point],
    closed: bool,
    thickness: f64,
    (size, scale): (usize, usize),
) -> BitMask {
    let (side, factor) = (size * scale, scale as f64);
    // Strokes have the centre of the first pixel at the origin.
    let place = |p: &Point| Point { x: p.x * factor - 0.5, y: p.y * factor - 0.5 };
    let mut line: Vec<Point> = vertices.iter().map(place).collect();
    if closed {
        line.extend(line.first().copied());
    }
    let width = thickness * factor;
    let low = line.iter().map(|p| p.y).fold(f64::INFINITY, f64::min);
    let high = line.iter().map(|p| p.y).fold(f64::NEG_INFINITY, f64::max);
    let rows = row_range(low - width / 2.0, high + width / 2.0, side);
    let mut mask = BitMask::empty(side, rows);
    for pair in line.windows(2) {
        add_stroke(&mut mask, [pair[0], pair[1]], width);
    }
    mask
}

/// The pixels of the canvas that have a part of a drawing and are not covered.
fn pixels(drawing: &BitMask, size: usize, scale: usize, covered: &BitMask) -> BitMask {
    let mut counts = vec![0; size * size];
    drawing.count_cells(scale, &mut counts);
    let rows = drawing.rows();
    let mut mask = BitMask::empty(size, rows.start / scale..rows.end.div_ceil(scale));
    for (y, row) in counts.chunks_exact(size).enumerate() {
        for (x, _) in row.iter().enumerate().filter(|(_, count)| **count > 0) {
            let (y, x) = (i64::from(whole(y)), i64::from(whole(x)));
            mask.add_span(y, x, x);
        }
    }
    mask.subtract(covered);
    mask
}
