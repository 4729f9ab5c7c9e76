//! The look of regions: width of outlines, textures, washes, shaded sides.

use ndarray::Array2;

use crate::border::Borders;
use crate::cast::from_id;
use crate::config::{SheetConfig, SheetStyle};
use crate::draw::Draw;
use crate::noise::smooth_noise;
use crate::picture::{Colour, varied};
use crate::raster::{Plane, convolve};
use crate::regions::{Region, RegionKind, Regions};
use crate::texture::{Hatch, Marks, Texture};

/// How the regions of a sheet are drawn, by region id.
#[derive(Debug)]
pub(crate) struct Looks {
    /// Width of the outline, px at twice the size of the sheet.
    widths: Vec<f32>,
    /// Regions whose outline gives way to that of nobody.
    faint: Vec<bool>,
    /// Texture and its strength.
    pub(crate) textures: Vec<(Texture, f32)>,
    /// Flat colour under the ink.
    pub(crate) washes: Vec<Option<Colour>>,
    /// Regions with a heavy line on their shaded side.
    shaded: Vec<bool>,
    /// Offset of that line, px at twice the size.
    shadow: (isize, isize),
}

/// Patterns drawn once per sheet and used by all regions of a kind.
#[derive(Debug)]
struct Palette {
    building: Texture,
    second: Texture,
    lawn: Texture,
    lawn2: Texture,
    garden: Texture,
    water: Texture,
    wood: Texture,
    field: Texture,
    stairs: (f32, f32),
}

impl Palette {
    fn new(draw: &mut Draw) -> Self {
        let angle = draw.turn();
        let period = draw.log_range(5.2, 12.5) as f32;
        let width = period * draw.range32(0.28, 0.6);
        let other = angle + draw.pick([std::f64::consts::FRAC_PI_2, 0.8, 1.1]);
        let (period2, duty) = (period * draw.range32(0.6, 1.0), draw.range32(0.3, 0.6));
        let hatch = Hatch::new(angle, period, width);
        let hatch2 = Hatch::new(other, period2, period2 * duty);
        let building = match draw.weighted(&[0.84, 0.06, 0.06, 0.04]) {
            0 => Texture::Hatch(hatch),
            1 => Texture::Tone(draw.range32(0.25, 0.6)),
            2 => Texture::Tone(draw.range32(0.8, 1.0)),
            _ => Texture::Cross(hatch, hatch2),
        };
        let water = if draw.chance(0.65) {
            let width = draw.range32(1.3, 3.0);
            Texture::Levels(draw.range32(4.0, 9.0), draw.range32(0.8, 1.0), width)
        } else {
            Texture::Waves(Hatch::new(draw.turn(), draw.range32(8.0, 18.0), draw.range32(1.5, 3.5)))
        };
        Self {
            building,
            second: if draw.chance(0.5) {
                Texture::Hatch(hatch2)
            } else {
                Texture::Cross(hatch, hatch2)
            },
            lawn: light(draw),
            lawn2: light(draw),
            garden: if draw.chance(0.8) {
                Texture::Shrubs(draw.range32(1.0, 2.2))
            } else {
                Texture::Stipple(draw.range32(0.2, 1.0))
            },
            water,
            wood: if draw.chance(0.5) {
                Texture::Shrubs(draw.range32(0.8, 1.6))
            } else {
                light(draw)
            },
            field: if draw.chance(0.5) { light(draw) } else { Texture::Blank },
            stairs: (draw.range32(5.0, 9.0), draw.range32(1.3, 2.4)),
        }
    }
}

/// A light texture: rows of dots or dashes, broken hatching, stipple.
fn light(draw: &mut Draw) -> Texture {
    let angle = draw.turn();
    match draw.weighted(&[0.3, 0.5, 0.2]) {
        0 => {
            let hatch = Hatch::new(angle, draw.range32(5.0, 10.0), draw.range32(1.4, 2.4));
            Texture::Broken(hatch, draw.range32(-0.7, 0.5))
        }
        1 => {
            let period = draw.range32(4.5, 9.0);
            let step = period * draw.range32(1.0, 2.2);
            Texture::Marks(Marks {
                rows: Hatch::new(angle, period, draw.range32(1.3, 2.6)),
                step,
                length: if draw.chance(0.5) { 2.2 } else { step * draw.range32(0.35, 0.65) },
                jitter: draw.range32(0.0, 2.0),
            })
        }
        _ => Texture::Stipple(draw.range32(0.7, 1.8)),
    }
}

impl Looks {
    pub(crate) fn new(draw: &mut Draw, regions: &Regions, config: &SheetConfig) -> Self {
        let palette = Palette::new(draw);
        let base = draw.range32(0.85, 2.2) * 2.0 * config.outline_width as f32;
        let coloured = draw.chance(if config.style == SheetStyle::Town { 0.15 } else { 0.5 });
        let shading = draw.chance(0.3);
        let shade_blocks = draw.chance(0.3);
        let reach = draw.range(1.5, 4.5);
        let light = draw.pick([0.6_f64, 0.9, 2.2]);
        let tones = (draw.range32(0.75, 1.0), draw.range32(0.55, 1.0));
        let mut looks = Self {
            widths: Vec::new(),
            faint: Vec::new(),
            textures: Vec::new(),
            washes: Vec::new(),
            shaded: Vec::new(),
            shadow: (
                (reach * light.cos()).round() as isize,
                (reach * light.sin()).round() as isize,
            ),
        };
        let washes = Washes::new(draw);
        for region in &regions.table {
            let texture = texture_of(draw, region, &palette, config.textures);
            let textured = texture != Texture::Blank;
            let mut width = base * draw.normal(0.0, 0.22).exp() as f32;
            if draw.chance(0.3) {
                width *= draw.range32(0.45, 0.75);
            }
            let soft = matches!(
                region.kind,
                RegionKind::Lawn
                    | RegionKind::Garden
                    | RegionKind::Water
                    | RegionKind::Wood
                    | RegionKind::Field
            );
            let missing = match region.kind {
                RegionKind::Building => 0.3 * config.missing_outlines,
                _ if soft => config.missing_outlines,
                _ => 0.0,
            };
            let faint = textured && draw.chance(missing);
            if matches!(region.kind, RegionKind::Kerb | RegionKind::Path) {
                width = width.min(base) * 0.85;
            }
            looks.widths.push(if faint { draw.range32(0.0, 0.7) } else { width.max(0.8) });
            looks.faint.push(faint);
            let tone = if region.kind == RegionKind::Building { tones.0 } else { tones.1 };
            looks.textures.push((texture, tone));
            looks.washes.push(if coloured { washes.of(region.kind) } else { None });
            looks.shaded.push(match region.kind {
                RegionKind::Building => shading,
                RegionKind::Block => shading && shade_blocks,
                _ => false,
            });
        }
        looks
    }

    /// Width of the border between two regions, px at twice the size of the sheet.
    pub(crate) fn border_width(&self, a: usize, b: usize) -> f32 {
        if self.faint[a] || self.faint[b] {
            self.widths[a].min(self.widths[b])
        } else {
            (self.widths[a] * self.widths[b]).sqrt()
        }
    }

    /// Ink of outlines at twice the size: strokes along borders, worn and interrupted.
    pub(crate) fn outline_ink(
        &self,
        draw: &mut Draw,
        labels: &Array2<u32>,
        borders: &Borders,
    ) -> Plane {
        let size = labels.dim();
        // A short blur takes the stairs out of the distances; what it adds near the line
        // is taken off again.
        let soft = convolve(&borders.distance, &[0.375, 0.25, 0.0625]);
        let slow = smooth_noise(draw, size, 24.0);
        let mut ink = Array2::from_shape_fn(size, |at| {
            let width = borders.width[at];
            if width <= 0.0 {
                return 0.0;
            }
            let d = soft[at];
            let excess = 0.44 / (1.0 + 40.0 * (d - 0.94).powi(2));
            (0.5 * width * (1.0 + 0.12 * slow[at]) - (d - excess) + 0.5).clamp(0.0, 1.0)
        });
        if draw.chance(0.7) {
            let (close, wide) = (smooth_noise(draw, size, 14.0), smooth_noise(draw, size, 60.0));
            ink.zip_mut_with(&close, |value, n| *value *= 1.25 + 0.33 * n);
            ink.zip_mut_with(&wide, |value, n| {
                *value = (*value * (1.0 + 0.22 * n)).clamp(0.0, 1.0);
            });
        }
        if draw.chance(0.6) {
            let level = draw.range32(2.2, 3.0);
            let gaps = smooth_noise(draw, size, 16.0);
            ink.zip_mut_with(&gaps, |value, &n| {
                *value *= 1.0 - 0.9 * (3.0 * (n - level)).clamp(0.0, 1.0);
            });
        }
        ink
    }

    /// Adds heavy lines on the shaded sides of buildings.
    pub(crate) fn add_shadows(&self, labels: &Array2<u32>, ink: &mut Plane) {
        if !self.shaded.contains(&true) {
            return;
        }
        let (rows, columns) = labels.dim();
        let (dx, dy) = self.shadow;
        for y in 0..rows {
            for x in 0..columns {
                let id = labels[(y, x)];
                if !self.shaded[from_id(id)] {
                    continue;
                }
                let beyond = y
                    .checked_add_signed(dy)
                    .zip(x.checked_add_signed(dx))
                    .and_then(|at| labels.get(at));
                if beyond.is_some_and(|&other| other != id) {
                    ink[(y, x)] = 1.0;
                }
            }
        }
    }
}

fn texture_of(draw: &mut Draw, region: &Region, palette: &Palette, keep: f64) -> Texture {
    let axis = region.axis;
    let (period, width) = palette.stairs;
    let texture = match region.kind {
        RegionKind::Building => match draw.weighted(&[0.84, 0.09, 0.07]) {
            0 => palette.building,
            1 => palette.second,
            _ => Texture::Blank,
        },
        RegionKind::Lawn if draw.chance(0.7) => palette.lawn,
        RegionKind::Lawn => palette.lawn2,
        RegionKind::Garden => palette.garden,
        RegionKind::Water => palette.water,
        RegionKind::Wood => palette.wood,
        RegionKind::Field if draw.chance(0.5) => palette.field,
        RegionKind::Field if draw.chance(0.3) => Texture::Broken(Hatch::new(axis, 9.0, 1.6), -0.9),
        RegionKind::Stairs if draw.chance(0.8) => Texture::Hatch(Hatch::new(axis, period, width)),
        RegionKind::House => Texture::Tone(1.0),
        RegionKind::Island if draw.chance(0.12) => palette.lawn,
        RegionKind::Quay if draw.chance(0.15) => palette.lawn2,
        RegionKind::Parcel if draw.chance(0.04) => palette.lawn2,
        _ => Texture::Blank,
    };
    let fixed = matches!(region.kind, RegionKind::House);
    if fixed || draw.chance(keep) { texture } else { Texture::Blank }
}

/// Flat colours of a coloured edition.
#[derive(Debug)]
struct Washes {
    building: Colour,
    water: Colour,
    green: Colour,
    field: Option<Colour>,
    block: Option<Colour>,
}

impl Washes {
    fn new(draw: &mut Draw) -> Self {
        let building = draw.pick([
            [226.0, 170.0, 150.0],
            [215.0, 150.0, 140.0],
            [190.0, 180.0, 170.0],
            [235.0, 200.0, 130.0],
        ]);
        let field = [232.0, 222.0, 178.0];
        let block = [238.0, 214.0, 184.0];
        Self {
            building: varied(draw, building, 8.0),
            water: varied(draw, [168.0, 200.0, 212.0], 10.0),
            green: varied(draw, [190.0, 208.0, 156.0], 12.0),
            field: draw.chance(0.4).then_some(field),
            block: draw.chance(0.4).then_some(block),
        }
    }

    fn of(&self, kind: RegionKind) -> Option<Colour> {
        match kind {
            RegionKind::Building => Some(self.building),
            RegionKind::Water => Some(self.water),
            RegionKind::Lawn | RegionKind::Garden | RegionKind::Wood => Some(self.green),
            RegionKind::Field => self.field,
            RegionKind::Block => self.block,
            _ => None,
        }
    }
}
