//! One line amid distractors: the training data of models that trace a line from a point on it.

use mapvec_data::{Field, Record, Source, Values, sample_rng};
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::keys::read_config;
use crate::limits::{in_range, ranges};
use crate::noise::add_noise;
use crate::pattern::generator::pick;
use crate::pattern::mask::{BitMask, stack};
use crate::pattern::plane::{Point, direction};
use crate::pattern::stroke::add_stroke;
use crate::selection::{check_index, check_outputs, check_side, outputs, record, whole};

/// Pairs of ends that are drawn for one that is far enough apart.
const ATTEMPTS: usize = 100;

outputs! {
    /// A label of a picture of one line, or the picture. `S` is the side of the canvas.
    ///
    /// The line lies over the distractors, so all of it is visible. Positions are `(x, y)` in px,
    /// pixel `(row i, column j)` covering `[j, j + 1) x [i, i + 1)`.
    SingleLineOutput {
        /// The picture with its noise, red, green and blue from 0 to 1: `f32`, `[S, S, 3]`.
        Img = "img",
        /// 1 on the line: `u8`, `[S, S, 1]`.
        LineMask = "line_mask",
        /// 1 where a distractor is visible: `u8`, `[S, S, 1]`. All of them share this mask and
        /// one colour.
        DistractorMask = "distractor_mask",
        /// The centre of a random pixel of the line: `f32`, `[2]`.
        SamplePoint = "sample_point",
        /// The ends of the line: centres of its pixels if its width is odd, corners of them if it
        /// is even. `f32`, `[2, 2]`.
        Endpoints = "endpoints",
        /// Undirected direction of the line, radians in `[0, pi)`: `f32`, `[1]`.
        Angle = "angle",
        /// Width of the line, px: `i32`, `[1]`.
        Thickness = "thickness",
    }
}

impl SingleLineOutput {
    /// The shape, which is that of all samples.
    #[must_use]
    pub fn padded_shape(self, config: &SingleLineConfig) -> Vec<usize> {
        let s = config.size;
        match self {
            Self::Img => vec![s, s, 3],
            Self::LineMask | Self::DistractorMask => vec![s, s, 1],
            Self::SamplePoint => vec![2],
            Self::Endpoints => vec![2, 2],
            Self::Angle | Self::Thickness => vec![1],
        }
    }
}

/// What [`SingleLineGenerator`] draws. Ranges exclude their upper end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SingleLineConfig {
    /// Side of the canvas, px, 16 to 1024.
    pub size: usize,
    /// What records hold.
    pub outputs: Vec<SingleLineOutput>,
    /// Other lines, 0 to 256.
    pub distractors_num_range: [usize; 2],
    /// Widths of lines, px, 1 to 64.
    pub thickness_range: [usize; 2],
    /// Distance between the ends of a line at least, px, 1 to half the size.
    pub min_length: f64,
    /// Every channel of every pixel changes by at most this, 0 to 1.
    pub noise: f64,
}

impl Default for SingleLineConfig {
    fn default() -> Self {
        Self {
            size: 32,
            outputs: SingleLineOutput::ALL.to_vec(),
            distractors_num_range: [1, 4],
            thickness_range: [1, 3],
            min_length: 4.0,
            noise: 0.1,
        }
    }
}

impl SingleLineConfig {
    /// Reads a configuration; fields that are left out have their defaults.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownKey`](crate::Error::UnknownKey) names a key that does not exist and the
    /// nearest one that does; [`Error::Json`](crate::Error::Json) for text that is no such
    /// object; those of [`SingleLineConfig::validate`].
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
            ("distractors_num_range", &self.distractors_num_range, (0, 256)),
            ("thickness_range", &self.thickness_range, (1, 64)),
        ])?;
        let half = self.size as f64 / 2.0;
        in_range("min_length", self.min_length, (1.0, half), "from 1 px to half the size")?;
        in_range("noise", self.noise, (0.0, 1.0), "from 0 to 1")
    }
}

/// Pictures of one line amid distractors by index: a record depends on the configuration, the
/// seed and the index alone, and holds the outputs that the configuration names.
///
/// # Examples
///
/// ```
/// use mapvec_data::Source;
/// use mapvec_synth::{SingleLineConfig, SingleLineGenerator};
///
/// let record = SingleLineGenerator::new(&SingleLineConfig::default(), 1, 1000)?.get(17)?;
/// assert_eq!(record.get("endpoints")?.shape(), &[2, 2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct SingleLineGenerator {
    config: SingleLineConfig,
    seed: u64,
    len: usize,
}

impl SingleLineGenerator {
    /// A generator of `len` pictures.
    ///
    /// # Errors
    ///
    /// Those of [`SingleLineConfig::validate`].
    pub fn new(config: &SingleLineConfig, seed: u64, len: usize) -> Result<Self> {
        config.validate()?;
        Ok(Self { config: config.clone(), seed, len })
    }
}

impl Source for SingleLineGenerator {
    type Sample = Record;

    fn len(&self) -> usize {
        self.len
    }

    fn get(&self, index: usize) -> mapvec_data::Result<Record> {
        check_index(index, self.len)?;
        let mut rng = sample_rng(self.seed, index as u64);
        let scene = Scene::draw(&self.config, &mut rng);
        // Noise comes last and has its own seed, so that a picture without it needs no numbers.
        let noise = rng.random();
        record(&self.config.outputs, SingleLineOutput::name, |output| {
            let values = scene.values(&self.config, output, noise);
            Field::new(output.padded_shape(&self.config), values)
        })
    }
}

/// A line over its distractors.
struct Scene {
    line: BitMask,
    distractors: BitMask,
    /// Pixels, or corners of them.
    ends: [Point; 2],
    thickness: usize,
    /// Row and column of a pixel of the line.
    sample: [usize; 2],
    /// Background, distractors, line.
    colors: [[f32; 3]; 3],
}

impl Scene {
    fn draw(config: &SingleLineConfig, rng: &mut impl Rng) -> Self {
        let size = config.size;
        let colors = std::array::from_fn(|_| std::array::from_fn(|_| rng.random_range(0.0..1.0)));
        let mut line = BitMask::empty(size, 0..size);
        let (ends, thickness) = add_line(&mut line, config, rng);
        let mut distractors = BitMask::empty(size, 0..size);
        for _ in 0..pick(rng, config.distractors_num_range) {
            add_line(&mut distractors, config, rng);
        }
        distractors.subtract(&line);
        let mut left = rng.random_range(0..line.count());
        let mut sample = [0; 2];
        line.each(|y, x| {
            if left == 0 {
                sample = [y, x];
            }
            left = left.wrapping_sub(1);
        });
        Self { line, distractors, ends, thickness, sample, colors }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "f32 labels")]
    fn values(&self, config: &SingleLineConfig, output: SingleLineOutput, noise: u64) -> Values {
        let [a, b] = self.ends;
        match output {
            SingleLineOutput::Img => Values::F32(self.image(config, noise)),
            SingleLineOutput::LineMask => Values::U8(stack(config.size, [&self.line].into_iter())),
            SingleLineOutput::DistractorMask => {
                Values::U8(stack(config.size, [&self.distractors].into_iter()))
            }
            SingleLineOutput::SamplePoint => {
                let [row, column] = self.sample.map(|v| v as f32 + 0.5);
                Values::F32(vec![column, row])
            }
            SingleLineOutput::Endpoints => {
                Values::F32([a.x, a.y, b.x, b.y].map(|v| v as f32 + 0.5).to_vec())
            }
            SingleLineOutput::Angle => Values::F32(vec![direction(a, b)]),
            SingleLineOutput::Thickness => Values::I32(vec![whole(self.thickness)]),
        }
    }

    fn image(&self, config: &SingleLineConfig, noise: u64) -> Vec<f32> {
        let size = config.size;
        let [background, distractor, line] = self.colors;
        let mut image = background.repeat(size * size);
        for (mask, color) in [(&self.distractors, distractor), (&self.line, line)] {
            mask.each(|y, x| image[(y * size + x) * 3..][..3].copy_from_slice(&color));
        }
        add_noise(&mut image, config.noise, noise);
        image
    }
}

/// Adds a random line and says where and how wide it is. It ends on centres of pixels if its width
/// is odd and on corners of four pixels if it is even: with as many pixels on either side, a line
/// along rows or columns has exactly its width.
fn add_line(
    mask: &mut BitMask,
    config: &SingleLineConfig,
    rng: &mut impl Rng,
) -> ([Point; 2], usize) {
    let thickness = pick(rng, config.thickness_range);
    let (places, shift) =
        if thickness % 2 == 1 { (config.size, 0.0) } else { (config.size - 1, 0.5) };
    let mut place = || rng.random_range(0..places) as f64 + shift;
    let mut point = || Point { x: place(), y: place() };
    let mut ends = [point(), point()];
    for _ in 1..ATTEMPTS {
        if ends[0].distance(ends[1]) >= config.min_length {
            break;
        }
        let other = [point(), point()];
        if other[0].distance(other[1]) > ends[0].distance(ends[1]) {
            ends = other;
        }
    }
    add_stroke(mask, ends, thickness as f64);
    (ends, thickness)
}
