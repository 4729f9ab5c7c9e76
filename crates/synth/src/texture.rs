//! Textures of areas: hatching, regular marks, stipple, shrubs, water lines.

use ndarray::Array2;

use crate::draw::Draw;
use crate::noise::smooth_noise;
use crate::raster::Plane;

/// Parallel lines; lengths in px at twice the size of the sheet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Hatch {
    cos: f32,
    sin: f32,
    period: f32,
    width: f32,
}

impl Hatch {
    pub(crate) fn new(angle: f64, period: f32, width: f32) -> Self {
        Self { cos: angle.cos() as f32, sin: angle.sin() as f32, period, width }
    }

    fn ink(&self, x: f32, y: f32) -> f32 {
        let phase = (x * self.cos + y * self.sin) / self.period;
        let distance = (phase - phase.round()).abs() * self.period;
        (0.5 * self.width - distance + 0.5).clamp(0.0, 1.0)
    }
}

/// Rows of short marks, every other row shifted by half a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Marks {
    pub(crate) rows: Hatch,
    pub(crate) step: f32,
    pub(crate) length: f32,
    pub(crate) jitter: f32,
}

/// What fills an area.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Texture {
    Blank,
    Hatch(Hatch),
    Cross(Hatch, Hatch),
    Marks(Marks),
    /// Hatching interrupted at random.
    Broken(Hatch, f32),
    /// Random dots.
    Stipple(f32),
    /// Curly shrubs.
    Shrubs(f32),
    /// Lines parallel to the banks: period, exponent of the distance, width.
    Levels(f32, f32, f32),
    /// Wavy parallel lines.
    Waves(Hatch),
    /// Even ink.
    Tone(f32),
}

/// Random fields shared by the textures of a sheet, at twice its size.
#[derive(Debug)]
pub(crate) struct Fields {
    wobble: Plane,
    wobble_size: f32,
    fine: Plane,
    jitter: Plane,
    clumps: Plane,
    /// Level of `clumps` from which lawns carry trees.
    clumpy: f32,
    waves: Plane,
    /// Distance from borders at the size of the sheet, px.
    pub(crate) depth: Plane,
}

impl Fields {
    pub(crate) fn new(draw: &mut Draw, size: (usize, usize), depth: Plane) -> Self {
        let fine = draw.range(1.8, 4.5);
        Self {
            wobble: smooth_noise(draw, size, 250.0),
            wobble_size: if draw.chance(0.8) { draw.range32(0.0, 3.0) } else { 0.0 },
            fine: smooth_noise(draw, size, fine),
            jitter: smooth_noise(draw, size, 17.0),
            clumps: smooth_noise(draw, size, 36.0),
            clumpy: if draw.chance(0.5) { draw.range32(0.7, 1.8) } else { f32::INFINITY },
            waves: smooth_noise(draw, size, 110.0),
            depth,
        }
    }

    /// Ink of `texture` at a pixel of the double-size plane.
    fn ink(&self, texture: &Texture, y: usize, x: usize) -> f32 {
        let at = (y, x);
        let shift = self.wobble_size * self.wobble[at];
        let (u, v) = (x as f32 + shift, y as f32 - shift);
        match *texture {
            Texture::Blank => 0.0,
            Texture::Hatch(hatch) => hatch.ink(u, v),
            Texture::Cross(a, b) => a.ink(u, v).max(b.ink(u, v)),
            Texture::Marks(marks) => self.marks(&marks, at, (u, v)).max(self.thicket(at)),
            Texture::Broken(hatch, level) => {
                let drawn = (2.0 * (self.fine[at] - level)).clamp(0.0, 1.0);
                (hatch.ink(u + 3.0 * self.jitter[at], v) * drawn).max(self.thicket(at))
            }
            Texture::Stipple(level) => (1.6 * self.fine[at] - level).clamp(0.0, 1.0),
            Texture::Shrubs(level) => {
                (level - 2.5 * self.fine[at].abs()).clamp(0.0, 1.0)
                    * (self.clumps[at] + 1.2).clamp(0.2, 1.0)
            }
            Texture::Levels(period, power, width) => {
                let (rows, columns) = self.depth.dim();
                let depth = self.depth[((y / 2).min(rows - 1), (x / 2).min(columns - 1))];
                let distance = 2.0 * depth + 1.5 * self.waves[at];
                if distance < 0.5 * period {
                    return 0.0;
                }
                let phase = distance.powf(power) / period;
                let slope = power * distance.powf(power - 1.0) / period;
                let off = (phase - phase.round()).abs() / slope;
                (0.5 * width - off + 0.5).clamp(0.0, 1.0)
            }
            Texture::Waves(hatch) => hatch.ink(u, v + 4.0 * self.waves[at]),
            Texture::Tone(level) => level,
        }
    }

    /// Clumps of trees on lawns.
    fn thicket(&self, at: (usize, usize)) -> f32 {
        if self.clumps[at] > self.clumpy {
            (1.5 - 2.5 * self.fine[at].abs()).clamp(0.0, 1.0)
        } else {
            0.0
        }
    }

    fn marks(&self, marks: &Marks, at: (usize, usize), (u, v): (f32, f32)) -> f32 {
        let shift = marks.jitter * self.jitter[at];
        let (u, v) = (u + shift, v - shift);
        let rows = marks.rows.ink(u, v);
        if rows <= 0.0 {
            return 0.0;
        }
        let row = ((u * marks.rows.cos + v * marks.rows.sin) / marks.rows.period).round();
        let along = (v * marks.rows.cos - u * marks.rows.sin) / marks.step + 0.5 * (row % 2.0);
        let distance = (along - along.round()).abs() * marks.step;
        rows * (0.5 * marks.length - distance + 0.5).clamp(0.0, 1.0)
    }
}

/// Ink of all textured regions, at twice the size of the sheet.
pub(crate) fn texture_ink(
    labels: &Array2<u32>,
    textures: &[(Texture, f32)],
    fields: &Fields,
) -> Plane {
    let mut ink: Plane = Array2::zeros(labels.dim());
    for ((y, x), &id) in labels.indexed_iter() {
        let (texture, strength) = &textures[crate::cast::from_id(id)];
        if *texture != Texture::Blank {
            ink[(y, x)] = strength * fields.ink(texture, y, x);
        }
    }
    ink
}
