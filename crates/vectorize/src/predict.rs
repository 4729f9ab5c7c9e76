//! A network's prediction for a whole picture, tile by tile.

use candle_core::{Device, Tensor};
use mapvec_data::Progress;
use mapvec_geometry::{Tile, TileConfig, tiles};
use mapvec_models::{MapUNet, map_channels};
use ndarray::{Array3, ArrayView3};
use rayon::prelude::*;

use crate::prediction::encode_width;
use crate::{Error, MapPrediction, Result, VectorizeConfig};

/// Predicts every pixel of an RGB picture `[H, W, 3]`.
///
/// The picture is cut into square tiles with a margin that is predicted and thrown
/// away; beyond the picture's edge pixels are mirrored. With
/// `config.predict.rotations` each tile is seen in four orientations and the
/// predictions are averaged.
///
/// # Errors
/// The picture is empty or not RGB, a field of `config` is outside its range, or
/// the network fails.
pub fn predict(
    image: ArrayView3<'_, u8>,
    network: &MapUNet,
    device: &Device,
    config: &VectorizeConfig,
    progress: &dyn Progress,
) -> Result<MapPrediction> {
    config.validate()?;
    let (height, width) = check_image(&image)?;
    let tiles = tiles(width as u32, height as u32, &fitted(width.max(height), &config.tiles()))?;
    let turns: &[u32] = if config.predict.rotations { &[0, 1, 2, 3] } else { &[0] };
    let mut maps = MapPrediction::zeros(height, width);
    progress.begin("predict", tiles.len() as u64);
    for tile in &tiles {
        let pixels = cut(image, tile);
        let mut sums = vec![0.0_f32; map_channels::COUNT * pixels.side * pixels.side];
        for turn in turns {
            let logits = network.forward(&pixels.tensor(*turn, device)?, false)?;
            let logits = logits.to_device(&Device::Cpu)?.flatten_all()?.to_vec1::<f32>()?;
            accumulate(&logits, &mut sums, pixels.side, *turn);
        }
        write_core(&sums, pixels.side, turns.len() as f32, tile, &mut maps);
        progress.advance(1);
    }
    progress.end();
    Ok(maps)
}

/// Tiles of equal size instead of a row of full ones and a narrow rest: the smallest
/// tile with which the longer side takes no more of them.
fn fitted(side: usize, config: &TileConfig) -> TileConfig {
    let core = config.size - 2 * config.margin;
    let side = side as u32;
    let even = side.div_ceil(side.div_ceil(core));
    let size = (even + 2 * config.margin).next_multiple_of(16).min(config.size);
    TileConfig { size, margin: config.margin }
}

fn check_image(image: &ArrayView3<'_, u8>) -> Result<(usize, usize)> {
    let (height, width, channels) = image.dim();
    if channels != 3 {
        return Err(Error::Channels { channels });
    }
    if height == 0 || width == 0 {
        return Err(Error::EmptyImage { width, height });
    }
    Ok((height, width))
}

/// The padded pixels of one tile, channel by channel, in -.5 ..= .5.
pub(crate) struct TilePixels {
    planes: Array3<f32>,
    side: usize,
}

/// Cuts the padded square of a tile, mirroring pixels beyond the picture.
pub(crate) fn cut(image: ArrayView3<'_, u8>, tile: &Tile) -> TilePixels {
    let side = tile.size as usize;
    let (height, width, _) = image.dim();
    let columns: Vec<usize> = (tile.x..).take(side).map(|x| mirror(x, width)).collect();
    let mut planes = Array3::zeros((3, side, side));
    for (i, y) in (tile.y..).take(side).enumerate() {
        let row = mirror(y, height);
        for (j, column) in columns.iter().enumerate() {
            for c in 0..3 {
                planes[[c, i, j]] = f32::from(image[[row, *column, c]]) / 255.0 - 0.5;
            }
        }
    }
    TilePixels { planes, side }
}

/// Index inside `0..len` of a position mirrored at both ends (edge not repeated).
#[expect(
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "picture sides fit i64; rem_euclid is not negative"
)]
fn mirror(position: i64, len: usize) -> usize {
    if len == 1 {
        return 0;
    }
    let last = len as i64 - 1;
    let folded = position.rem_euclid(2 * last);
    (if folded > last { 2 * last - folded } else { folded }) as usize
}

impl TilePixels {
    /// `[1, 3, S, S]`, turned by quarter turns.
    pub(crate) fn tensor(&self, turn: u32, device: &Device) -> Result<Tensor> {
        let side = self.side;
        let mut data = Vec::with_capacity(3 * side * side);
        for c in 0..3 {
            for i in 0..side {
                for j in 0..side {
                    let (y, x) = upright(turn, i, j, side);
                    data.push(self.planes[[c, y, x]]);
                }
            }
        }
        Ok(Tensor::from_vec(data, (1, 3, side, side), device)?)
    }
}

/// Where pixel (i, j) of the picture turned by `turn` quarter turns (counter-clockwise as
/// seen) comes from.
fn upright(turn: u32, i: usize, j: usize, side: usize) -> (usize, usize) {
    match turn % 4 {
        0 => (i, j),
        1 => (j, side - 1 - i),
        2 => (side - 1 - i, side - 1 - j),
        _ => (side - 1 - j, i),
    }
}

/// Adds one orientation: probabilities for the two ribbons, logits for the rest.
fn accumulate(logits: &[f32], sums: &mut [f32], side: usize, turn: u32) {
    let plane = side * side;
    sums.par_chunks_mut(plane).enumerate().for_each(|(channel, out)| {
        let values = &logits[channel * plane..][..plane];
        let ribbon = channel == map_channels::BOUNDARY || channel == map_channels::CENTRELINE;
        // A quarter turn adds pi to the doubled angle: both components change sign.
        let sign = if map_channels::ANGLE.contains(&channel) && turn % 2 == 1 { -1.0 } else { 1.0 };
        for i in 0..side {
            for j in 0..side {
                let (y, x) = upright(turn, i, j, side);
                let value = values[i * side + j];
                out[y * side + x] +=
                    if ribbon { 1.0 / (1.0 + (-value).exp()) } else { sign * value };
            }
        }
    });
}

/// Writes the core of a tile into the maps.
#[expect(clippy::cast_sign_loss, reason = "the core lies inside the padded square")]
fn write_core(sums: &[f32], side: usize, turns: f32, tile: &Tile, maps: &mut MapPrediction) {
    let core = tile.core;
    let (left, top) =
        ((i64::from(core.x) - tile.x) as usize, (i64::from(core.y) - tile.y) as usize);
    for y in 0..core.height as usize {
        for x in 0..core.width as usize {
            let at = (top + y) * side + left + x;
            let value = |channel: usize| sums[channel * side * side + at] / turns;
            let to = [core.y as usize + y, core.x as usize + x];
            maps.boundary[to] = byte(value(map_channels::BOUNDARY) * 255.0);
            maps.centreline[to] = byte(value(map_channels::CENTRELINE) * 255.0);
            maps.class[to] = argmax(map_channels::CLASS, value);
            maps.angle[to] =
                angle(value(map_channels::ANGLE.start), value(map_channels::ANGLE.start + 1));
            maps.thickness[to] = encode_width(value(map_channels::THICKNESS).exp2());
            maps.distractor[to] = argmax(map_channels::DISTRACTOR, value);
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=255")]
fn byte(value: f32) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}

#[expect(clippy::cast_possible_truncation, reason = "at most four classes")]
fn argmax(channels: std::ops::Range<usize>, value: impl Fn(usize) -> f32) -> u8 {
    let first = channels.start;
    let mut best = first;
    for channel in channels {
        if value(channel) > value(best) {
            best = channel;
        }
    }
    (best - first) as u8
}

/// Undirected angle of a (cos 2t, sin 2t) pair in steps of pi / 256.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "taken modulo 256")]
fn angle(cosine: f32, sine: f32) -> u8 {
    let turn = sine.atan2(cosine) / std::f32::consts::TAU;
    ((turn.rem_euclid(1.0) * 256.0).round() as u32 % 256) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mirroring_folds_at_the_edges() {
        let folded: Vec<usize> = (-3..8).map(|p| mirror(p, 4)).collect();
        assert_eq!(folded, [3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1]);
        assert_eq!(mirror(-7, 1), 0);
    }

    #[test]
    fn tiles_fit_the_picture() {
        let size = |side| fitted(side, &TileConfig { size: 512, margin: 32 }).size;
        assert_eq!(size(1024), 416, "three tiles, as with 512");
        assert_eq!(size(256), 320, "one tile");
        assert_eq!(size(448), 512, "one full tile");
        assert_eq!(size(9000), 496, "21 tiles, as with 512");
    }

    /// Logits of a perfect network for a 3 x 3 map turned by `turn` quarter turns.
    fn logits_of_turned(turn: u32, angle: f32) -> Vec<f32> {
        let mut logits = vec![0.0; map_channels::COUNT * 9];
        // One corner pixel is a border; seen counter-clockwise, it goes from the top left
        // to the bottom left, the bottom right and the top right.
        let corner = [0, 6, 8, 2][turn as usize];
        logits[map_channels::BOUNDARY * 9 + corner] = 20.0;
        logits[map_channels::THICKNESS * 9 + corner] = 3.0;
        let turned = angle - turn as f32 * std::f32::consts::FRAC_PI_2;
        for pixel in 0..9 {
            logits[map_channels::ANGLE.start * 9 + pixel] = (2.0 * turned).cos();
            logits[(map_channels::ANGLE.start + 1) * 9 + pixel] = (2.0 * turned).sin();
        }
        logits
    }

    #[test]
    fn four_orientations_agree_on_place_and_angle() {
        let degrees = 30.0_f32;
        let mut sums = vec![0.0; map_channels::COUNT * 9];
        for turn in 0..4 {
            accumulate(&logits_of_turned(turn, degrees.to_radians()), &mut sums, 3, turn);
        }
        let core = mapvec_geometry::Window { x: 0, y: 0, width: 3, height: 3 };
        let mut maps = MapPrediction::zeros(3, 3);
        write_core(&sums, 3, 4.0, &Tile { core, x: 0, y: 0, size: 3 }, &mut maps);
        assert_eq!(maps.boundary[[0, 0]], 255, "all four see the corner");
        assert_eq!(maps.boundary[[1, 1]], 128, "a logit of 0 is a probability of one half");
        assert_eq!(maps.thickness[[0, 0]], encode_width(8.0));
        let seen = f32::from(maps.angle[[1, 1]]) * 180.0 / 256.0;
        assert!((seen - degrees).abs() < 0.5, "{seen} degrees");
    }

    #[test]
    fn angles_are_undirected() {
        for degrees in [0.0_f32, 30.0, 90.0, 135.0, 179.0] {
            let doubled = 2.0 * degrees.to_radians();
            let code = f32::from(angle(doubled.cos(), doubled.sin())) * 180.0 / 256.0;
            let gap = (code - degrees).rem_euclid(180.0);
            assert!(gap.min(180.0 - gap) < 0.5, "{degrees} became {code}");
        }
    }
}
