//! A short line and its copies at equal steps, made by shifts of phase: the training data of
//! models that propose copies of a pattern.

use std::f64::consts::{PI, TAU};

use mapvec_data::{Field, Record, Source, Values, sample_rng};
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::keys::read_config;
use crate::limits::{counts, in_range, ranges};
use crate::noise::add_noise;
use crate::pattern::color::Palette;
use crate::pattern::generator::pick;
use crate::pattern::plane::{Point, direction};
use crate::phase_shift::{PhaseShift, Spectrum};
use crate::selection::{check_index, check_outputs, check_side, outputs, record, whole};

/// Steps that are drawn for one with which all copies fit and do not touch.
const ATTEMPTS: usize = 50;

outputs! {
    /// A label of a picture of shifted lines, or the picture. `S` is the side of the canvas, `n`
    /// the number of lines, the first one included, `P` the side of a patch.
    ///
    /// Lines come in the order of their shifts. Positions are `(x, y)` in px, pixel
    /// `(row i, column j)` covering `[j, j + 1) x [i, i + 1)`. With
    /// [`ShiftsConfig::circular`] lines may reach over the border; they are drawn as if the
    /// canvas were repeated on all sides.
    ShiftsOutput {
        /// The picture, red, green and blue from 0 to 1: `f32`, `[S, S, 3]`.
        Img = "img",
        /// Opacity of every line, 0 to 1: `f32`, `[n, S, S, 1]`.
        Proposals = "proposals",
        /// The pixels of every line, those with at least half of its largest opacity; where two
        /// have it the more opaque one owns the pixel, so that the masks are disjoint: `u8`,
        /// `[n, S, S, 1]`.
        ProposalMasks = "proposal_masks",
        /// The picture around the middle of every line, 0 outside of the canvas: `f32`,
        /// `[n, P, P, 3]`.
        Patches = "patches",
        /// The upper left pixel of every patch, `(x, y)`: `i32`, `[n, 2]`.
        PatchCorners = "patch_corners",
        /// Opacity of all lines together, 0 to 1: `f32`, `[S, S, 1]`.
        Opacity = "opacity",
        /// Way from the first line to every line, `(x, y)` in px: `f32`, `[n, 2]`.
        Shifts = "shifts",
        /// Way from a line to the next one, `(x, y)` in px: `f32`, `[2]`.
        Step = "step",
        /// Ends of lines, on their axes: `f32`, `[n, 2, 2]`.
        Vecs = "vecs",
        /// 1 for every line, so that padding shows: `u8`, `[n]`.
        VecsMask = "vecs_mask",
        /// Undirected direction of the lines, radians in `[0, pi)`: `f32`, `[1]`.
        Angle = "angle",
        /// Width of the lines, px: `i32`, `[1]`.
        Thickness = "thickness",
    }
}

impl ShiftsOutput {
    /// The shape with as many entries as any picture of `config` can have.
    #[must_use]
    pub fn padded_shape(self, config: &ShiftsConfig) -> Vec<usize> {
        self.shape(config, config.shifts_num_range[1])
    }

    fn shape(self, config: &ShiftsConfig, n: usize) -> Vec<usize> {
        let (s, p) = (config.size, config.patch_size);
        match self {
            Self::Img => vec![s, s, 3],
            Self::Proposals | Self::ProposalMasks => vec![n, s, s, 1],
            Self::Patches => vec![n, p, p, 3],
            Self::Opacity => vec![s, s, 1],
            Self::PatchCorners | Self::Shifts => vec![n, 2],
            Self::Step => vec![2],
            Self::Vecs => vec![n, 2, 2],
            Self::VecsMask => vec![n],
            Self::Angle | Self::Thickness => vec![1],
        }
    }
}

/// What [`ShiftsGenerator`] draws. Ranges exclude their upper end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShiftsConfig {
    /// Side of the canvas, px, 16 to 1024.
    pub size: usize,
    /// What records hold.
    pub outputs: Vec<ShiftsOutput>,
    /// Shifts, one less than there are lines, 0 to 64; fewer where they do not fit.
    pub shifts_num_range: [usize; 2],
    /// Lengths of lines, px, 1 up to the size; any real number of the range.
    pub length_range: [usize; 2],
    /// Widths of lines, px, 1 to 64.
    pub thickness_range: [usize; 2],
    /// Lengths of the step from a line to the next, px, 1 up to the size; any real number of the
    /// range.
    pub step_range: [usize; 2],
    /// Gap between lines at least, px, 0 to 64, if one of many random steps has it.
    pub min_gap: f64,
    /// Deviation of the Gaussian blur of lines, px, 0.3 to 8. It keeps shifts by parts of pixels
    /// from ringing: at 0.7 px opacities are off by at most 0.02.
    pub softness: f64,
    /// Whether lines that leave the canvas come in on the other side; otherwise all lines are
    /// inside, as far as one line fits.
    pub circular: bool,
    /// Every channel of every pixel of the background changes by at most this, 0 to 1.
    pub noise: f64,
    /// Least difference in some channel between line and background, 0 to 0.5.
    pub min_contrast: f64,
    /// Side of a patch, px, 1 up to the size.
    pub patch_size: usize,
}

impl Default for ShiftsConfig {
    fn default() -> Self {
        Self {
            size: 32,
            outputs: ShiftsOutput::ALL.to_vec(),
            shifts_num_range: [2, 6],
            length_range: [5, 13],
            thickness_range: [1, 4],
            step_range: [3, 9],
            min_gap: 1.0,
            softness: 0.7,
            circular: false,
            noise: 0.1,
            min_contrast: 0.2,
            patch_size: 16,
        }
    }
}

impl ShiftsConfig {
    /// Reads a configuration; fields that are left out have their defaults.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownKey`](crate::Error::UnknownKey) names a key that does not exist and the
    /// nearest one that does; [`Error::Json`](crate::Error::Json) for text that is no such
    /// object; those of [`ShiftsConfig::validate`].
    pub fn from_json(text: &str) -> Result<Self> {
        let config: Self = read_config(text)?;
        config.validate()?;
        Ok(config)
    }

    /// Checks every field against its range.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config), [`Error::Range`](crate::Error::Range) or
    /// [`Error::Count`](crate::Error::Count) names the first field that is out of range.
    pub fn validate(&self) -> Result<()> {
        check_side("size", self.size)?;
        check_outputs(&self.outputs)?;
        ranges([
            ("shifts_num_range", &self.shifts_num_range, (0, 64)),
            ("length_range", &self.length_range, (1, self.size)),
            ("thickness_range", &self.thickness_range, (1, 64)),
            ("step_range", &self.step_range, (1, self.size)),
        ])?;
        counts([("patch_size", self.patch_size, (1, self.size))])?;
        in_range("min_gap", self.min_gap, (0.0, 64.0), "from 0 to 64 px")?;
        in_range("softness", self.softness, (0.3, 8.0), "from 0.3 to 8 px")?;
        in_range("noise", self.noise, (0.0, 1.0), "from 0 to 1")?;
        in_range("min_contrast", self.min_contrast, (0.0, 0.5), "from 0 to 0.5")
    }
}

/// Pictures of a line and its copies by index: a record depends on the configuration, the seed
/// and the index alone, and holds the outputs that the configuration names.
///
/// The copies are made in the frequency domain: the spectrum of the line is multiplied by the sum
/// of the phases of all shifts, so that they lie at any fraction of a pixel.
///
/// # Examples
///
/// ```
/// use mapvec_data::Source;
/// use mapvec_synth::{ShiftsConfig, ShiftsGenerator};
///
/// let record = ShiftsGenerator::new(&ShiftsConfig::default(), 1, 1000)?.get(17)?;
/// assert_eq!(record.get("img")?.shape(), &[32, 32, 3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct ShiftsGenerator {
    config: ShiftsConfig,
    seed: u64,
    len: usize,
    shift: PhaseShift,
}

impl ShiftsGenerator {
    /// A generator of `len` pictures.
    ///
    /// # Errors
    ///
    /// Those of [`ShiftsConfig::validate`].
    pub fn new(config: &ShiftsConfig, seed: u64, len: usize) -> Result<Self> {
        config.validate()?;
        Ok(Self { config: config.clone(), seed, len, shift: PhaseShift::new(config.size) })
    }
}

impl Source for ShiftsGenerator {
    type Sample = Record;

    fn len(&self) -> usize {
        self.len
    }

    fn get(&self, index: usize) -> mapvec_data::Result<Record> {
        use ShiftsOutput::{Img, Opacity, Patches, ProposalMasks, Proposals};
        check_index(index, self.len)?;
        let (config, mut rng) = (&self.config, sample_rng(self.seed, index as u64));
        let lines = Lines::draw(config, &mut rng);
        let palette = Palette::new(&mut rng, false, config.min_contrast);
        let [color, _] = palette.pair(&mut rng);
        let noise = rng.random();
        // Shared by several outputs, so they are made once, but only where one needs them.
        let asks = |some: &[ShiftsOutput]| config.outputs.iter().any(|o| some.contains(o));
        let drawn = asks(&[Img, Patches, Opacity, Proposals, ProposalMasks]);
        let spectrum = drawn.then(|| self.spectrum(&lines));
        let spectrum = spectrum.as_ref();
        let ways = lines.ways(config.size);
        let opacity =
            spectrum.filter(|_| asks(&[Img, Patches, Opacity])).map(|s| self.opacity(s, &ways));
        let image = opacity
            .as_ref()
            .filter(|_| asks(&[Img, Patches]))
            .map(|opacity| blend(&background(config, palette.background, noise), opacity, color));
        let proposals = spectrum
            .filter(|_| asks(&[Proposals, ProposalMasks]))
            .map(|s| ways.iter().flat_map(|way| self.opacity(s, &[*way])).collect::<Vec<_>>());
        record(&config.outputs, ShiftsOutput::name, |output| {
            let values = match output {
                Img => Values::F32(image.clone().unwrap_or_default()),
                Opacity => Values::F32(opacity.clone().unwrap_or_default()),
                Proposals => Values::F32(proposals.clone().unwrap_or_default()),
                ProposalMasks => {
                    let all = proposals.as_deref().unwrap_or_default();
                    Values::U8(owners(all, config.size * config.size))
                }
                Patches => Values::F32(lines.patches(config, image.as_deref().unwrap_or_default())),
                other => lines.values(config, other),
            };
            Field::new(output.shape(config, lines.shifts.len()), values)
        })
    }
}

impl ShiftsGenerator {
    /// The blurred line in the middle of the canvas. There it is whole, also where the first line
    /// reaches over the border.
    fn spectrum(&self, lines: &Lines) -> Spectrum {
        let size = self.config.size;
        let middle = size as f64 / 2.0;
        let [a, b] = lines.first;
        let length = a.distance(b);
        let (cos, sin) = ((b.x - a.x) / length, (b.y - a.y) / length);
        let blur = self.config.softness;
        let half = [length / 2.0, lines.thickness as f64 / 2.0];
        // The integral of the blur over an interval around the middle; beyond four deviations
        // it is nothing that counts.
        let share = |at: f64, half: f64| {
            if at.abs() > half + 4.0 * blur {
                return 0.0;
            }
            let side = |to: f64| libm::erf(to / (blur * std::f64::consts::SQRT_2));
            (side(at + half) - side(at - half)) / 2.0
        };
        let pixel = |at: usize| {
            let x = (at % size) as f64 + 0.5 - middle;
            let y = (at / size) as f64 + 0.5 - middle;
            let across = share(y * cos - x * sin, half[1]);
            if across > 0.0 { across * share(x * cos + y * sin, half[0]) } else { 0.0 }
        };
        self.shift.spectrum(&(0..size * size).map(pixel).collect::<Vec<f64>>())
    }

    fn opacity(&self, spectrum: &Spectrum, ways: &[[f64; 2]]) -> Vec<f32> {
        let mut sum = self.shift.copies(spectrum, ways);
        sum.iter_mut().for_each(|v| *v = v.clamp(0.0, 1.0));
        sum
    }
}

/// A line and where its copies are.
struct Lines {
    first: [Point; 2],
    thickness: usize,
    step: [f64; 2],
    shifts: Vec<[f64; 2]>,
}

impl Lines {
    fn draw(config: &ShiftsConfig, rng: &mut impl Rng) -> Self {
        let real = |range: [usize; 2], rng: &mut dyn rand::RngCore| {
            rng.random_range(range[0] as f64..range[1] as f64)
        };
        let side = config.size as f64;
        let angle = rng.random_range(0.0..PI);
        let thickness = pick(rng, config.thickness_range);
        let length = real(config.length_range, rng);
        let (sin, cos) = angle.sin_cos();
        // Half the box of a line with its blur, and the room for its middle.
        let margin = 3.0 * config.softness + thickness as f64 / 2.0;
        let room = [cos, sin].map(|part| (side - length * part.abs() - 2.0 * margin).max(0.0));
        let mut count = pick(rng, config.shifts_num_range);
        let mut step = [0.0; 2];
        while count > 0 {
            let mut best = f64::NEG_INFINITY;
            for _ in 0..ATTEMPTS {
                let (turn, far) = (rng.random_range(0.0..TAU), real(config.step_range, rng));
                let way = [far * turn.cos(), far * turn.sin()];
                let fits = (0..2).all(|axis| way[axis].abs() * count as f64 <= room[axis]);
                let along = (way[0] * cos + way[1] * sin).abs() - length;
                let across = (way[1] * cos - way[0] * sin).abs() - thickness as f64;
                let gap = along.max(across);
                if (config.circular || fits) && gap > best {
                    (best, step) = (gap, way);
                }
                if best >= config.min_gap {
                    break;
                }
            }
            if best >= 0.0 {
                break;
            }
            count -= 1;
            step = [0.0; 2];
        }
        let reach = step.map(|part| part * count as f64);
        let middle: [f64; 2] = std::array::from_fn(|axis| {
            if config.circular {
                return rng.random_range(0.0..side);
            }
            // All middles from the first to the last lie in the room.
            let free = (room[axis] - reach[axis].abs()).max(0.0);
            let low = (side - room[axis]) / 2.0 + (-reach[axis]).max(0.0);
            low + free * rng.random_range(0.0..1.0)
        });
        let end = |t: f64| Point { x: middle[0] + t * cos, y: middle[1] + t * sin };
        let shifts = (0..=count).map(|p| step.map(|part| part * p as f64)).collect();
        Self { first: [end(-length / 2.0), end(length / 2.0)], thickness, step, shifts }
    }

    /// Ways from the line in the middle of the canvas to all lines.
    fn ways(&self, size: usize) -> Vec<[f64; 2]> {
        let [a, b] = self.first;
        let way = [(a.x + b.x - size as f64) / 2.0, (a.y + b.y - size as f64) / 2.0];
        self.shifts.iter().map(|[x, y]| [way[0] + x, way[1] + y]).collect()
    }

    /// The upper left pixel of the patch of a line.
    #[expect(clippy::cast_possible_truncation, reason = "positions near a canvas of 1024 pixels")]
    fn corner(&self, config: &ShiftsConfig, [x, y]: [f64; 2]) -> [i64; 2] {
        let [a, b] = self.first;
        let half = config.patch_size as f64 / 2.0;
        [(a.x + b.x) / 2.0 + x, (a.y + b.y) / 2.0 + y].map(|middle| (middle - half).round() as i64)
    }

    fn patches(&self, config: &ShiftsConfig, image: &[f32]) -> Vec<f32> {
        let (side, size) = (config.patch_size, i64::from(whole(config.size)));
        let mut patches = vec![0.0; self.shifts.len() * side * side * 3];
        let pixels = patches.chunks_exact_mut(3).enumerate();
        let inside = |at: i64| {
            let at = if config.circular { at.rem_euclid(size) } else { at };
            usize::try_from(at).ok().filter(|at| *at < config.size)
        };
        for (at, pixel) in pixels {
            let [x, y] = self.corner(config, self.shifts[at / (side * side)]);
            let row = inside(y + i64::from(whole(at / side % side)));
            let column = inside(x + i64::from(whole(at % side)));
            if let (Some(row), Some(column)) = (row, column) {
                pixel.copy_from_slice(&image[(row * config.size + column) * 3..][..3]);
            }
        }
        patches
    }

    #[expect(clippy::cast_possible_truncation, reason = "labels are f32 and i32")]
    fn values(&self, config: &ShiftsConfig, output: ShiftsOutput) -> Values {
        let shifts = self.shifts.iter();
        match output {
            ShiftsOutput::PatchCorners => Values::I32(
                shifts.flat_map(|s| self.corner(config, *s).map(|v| v as i32)).collect(),
            ),
            ShiftsOutput::Shifts => Values::F32(shifts.flatten().map(|v| *v as f32).collect()),
            ShiftsOutput::Step => Values::F32(self.step.map(|v| v as f32).to_vec()),
            ShiftsOutput::Vecs => {
                let ends = shifts.flat_map(|[x, y]| self.first.map(|p| [p.x + x, p.y + y]));
                Values::F32(ends.flatten().map(|v| v as f32).collect())
            }
            ShiftsOutput::VecsMask => Values::U8(vec![1; self.shifts.len()]),
            ShiftsOutput::Angle => {
                let [a, b] = self.first;
                Values::F32(vec![direction(a, b)])
            }
            ShiftsOutput::Thickness => Values::I32(vec![whole(self.thickness)]),
            // Those that are made from planes.
            _ => Values::F32(Vec::new()),
        }
    }
}

/// A colour with noise.
fn background(config: &ShiftsConfig, color: [f32; 3], noise: u64) -> Vec<f32> {
    let mut image = color.repeat(config.size * config.size);
    add_noise(&mut image, config.noise, noise);
    image
}

/// A picture under a colour of some opacity.
fn blend(image: &[f32], opacity: &[f32], color: [f32; 3]) -> Vec<f32> {
    let pixels = image.chunks_exact(3).zip(opacity);
    pixels.flat_map(|(pixel, a)| [0, 1, 2].map(|c| pixel[c] + a * (color[c] - pixel[c]))).collect()
}

/// The plane of every line with 1 where it is the most opaque one and has at least half of its
/// largest opacity.
fn owners(proposals: &[f32], area: usize) -> Vec<u8> {
    let planes: Vec<&[f32]> = proposals.chunks_exact(area).collect();
    let half: Vec<f32> =
        planes.iter().map(|plane| plane.iter().copied().fold(0.0, f32::max) / 2.0).collect();
    let mut masks = vec![0; proposals.len()];
    for at in 0..area {
        let mut best: Option<(f32, usize)> = None;
        for (index, plane) in planes.iter().enumerate() {
            let value = plane[at];
            if value > 0.0 && value >= half[index] && best.is_none_or(|(most, _)| value > most) {
                best = Some((value, index));
            }
        }
        if let Some((_, index)) = best {
            masks[index * area + at] = 1;
        }
    }
    masks
}
