//! Paper under the ink, and what a scanner makes of it.

use image::codecs::jpeg::{JpegDecoder, JpegEncoder};
use image::{DynamicImage, ExtendedColorType};
use ndarray::{Array2, Array3};

use crate::cast::to_byte;
use crate::draw::Draw;
use crate::error::Result;
use crate::noise::smooth_noise;
use crate::picture::{Colour, Picture};
use crate::raster::{Plane, convolve, gaussian};

/// Tint, clouds and fibres of the paper, sometimes a fold or a stain.
pub(crate) fn age(draw: &mut Draw, picture: &mut Picture, strength: f64) {
    let (rows, columns) = picture.pixels.dim();
    let size = (rows, columns);
    let mut light = smooth_noise(draw, size, 120.0) * (draw.range32(0.0, 5.0) * strength as f32);
    let fibre = draw.range32(0.0, 2.5) * strength as f32;
    light.scaled_add(fibre, &smooth_noise(draw, size, 2.5));
    let mut shade: Plane = Array2::ones(size);
    if draw.chance(0.15 * strength) {
        let (at, width) = (draw.range32(0.0, columns as f32), draw.range32(2.0, 40.0));
        let (depth, upright) = (0.3 * draw.range32(0.2, 1.0), draw.chance(0.5));
        for ((y, x), value) in shade.indexed_iter_mut() {
            let offset = (if upright { x } else { y } as f32 - at) / width;
            if offset.abs() < 4.0 {
                *value *= 1.0 - depth * (-offset * offset).exp();
            }
        }
    }
    if draw.chance(0.15 * strength) {
        let centre = (draw.range32(0.0, columns as f32), draw.range32(0.0, rows as f32));
        let (radius, depth) = (draw.range32(20.0, 150.0), draw.range32(0.05, 0.18));
        let edge = smooth_noise(draw, size, 30.0);
        for ((y, x), value) in shade.indexed_iter_mut() {
            let r = (x as f32 - centre.0).hypot(y as f32 - centre.1);
            *value *= 1.0 - depth * ((radius - r) / 8.0 + 2.0 * edge[(y, x)]).clamp(0.0, 1.0);
        }
    }
    if draw.chance(0.2 * strength) {
        // The light of a camera falls off towards a corner.
        let (cx, cy) = (draw.range32(-0.3, 1.3), draw.range32(-0.3, 1.3));
        let fall = draw.range32(0.02, 0.14);
        for ((y, x), value) in shade.indexed_iter_mut() {
            let (u, v) = (x as f32 / columns as f32 - cx, y as f32 / rows as f32 - cy);
            *value *= 1.0 - fall * (u * u + v * v).min(1.5);
        }
    }
    for (pixel, (&add, &factor)) in picture.pixels.iter_mut().zip(light.iter().zip(&shade)) {
        for value in pixel.iter_mut() {
            *value = (*value + add) * factor;
        }
    }
}

/// Specks of dust and of missing ink.
pub(crate) fn specks(draw: &mut Draw, picture: &mut Picture, strength: f64) {
    let (rows, columns) = picture.pixels.dim();
    let count = draw.some(0.0, 0.0003, strength * (rows * columns) as f64);
    for _ in 0..count {
        let (y, x) = (draw.count(0, rows - 1), draw.count(0, columns - 1));
        let factor = draw.range32(0.5, 0.85);
        for (v, u) in [(y, x), (y + 1, x), (y, x + 1), (y + 1, x + 1)] {
            if let Some(pixel) = picture.pixels.get_mut((v, u)) {
                *pixel = pixel.map(|value| value * factor);
            }
        }
    }
}

/// Blur, sharpening, grain and compression; returns the bytes of the scan.
///
/// `harsh` raises grain and sharpening beyond what `strength` gives.
pub(crate) fn scan(
    draw: &mut Draw,
    picture: &Picture,
    (strength, harsh): (f64, f32),
) -> Result<Array3<u8>> {
    let (rows, columns) = picture.pixels.dim();
    let kernel = gaussian(draw.range(0.35, 1.0) * strength.max(0.1));
    let sharpen =
        if draw.chance(0.5) { harsh * draw.range32(0.0, 1.2) * strength as f32 } else { 0.0 };
    let wide = gaussian(draw.range(1.1, 1.6));
    let mut planes: Vec<Plane> = (0..3)
        .map(|channel| {
            let plane = convolve(&picture.pixels.mapv(|pixel: Colour| pixel[channel]), &kernel);
            if sharpen > 0.0 {
                let blurred = convolve(&plane, &wide);
                &plane + &((&plane - &blurred) * sharpen)
            } else {
                plane
            }
        })
        .collect();
    let (grain, tint) =
        (harsh * draw.range32(0.0, 5.5) * strength as f32, harsh * 1.5 * strength as f32);
    let mut common = vec![0.0_f32; rows * columns];
    draw.fill_normal(&mut common);
    let mut own = vec![0.0_f32; rows * columns];
    for plane in &mut planes {
        draw.fill_normal(&mut own);
        for ((value, a), b) in plane.iter_mut().zip(&common).zip(&own) {
            *value += grain * a + tint * b;
        }
    }
    let mut scan = Array3::zeros((rows, columns, 3));
    for ((y, x, channel), value) in scan.indexed_iter_mut() {
        *value = to_byte(planes[channel][(y, x)]);
    }
    if draw.chance(0.85 * strength) {
        let quality = draw.count(55, 96);
        scan = recompressed(&scan, u8::try_from(quality).unwrap_or(90))?;
    }
    Ok(scan)
}

/// The picture after a round trip through JPEG.
fn recompressed(picture: &Array3<u8>, quality: u8) -> Result<Array3<u8>> {
    let (rows, columns, _) = picture.dim();
    let bytes: Vec<u8> = picture.iter().copied().collect();
    let mut packed = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut packed, quality);
    let (width, height) = (crate::cast::to_id(columns), crate::cast::to_id(rows));
    encoder.encode(&bytes, width, height, ExtendedColorType::Rgb8)?;
    let decoder = JpegDecoder::new(std::io::Cursor::new(packed))?;
    let unpacked = DynamicImage::from_decoder(decoder)?.into_rgb8();
    let same = Array3::from_shape_vec((rows, columns, 3), unpacked.into_raw());
    Ok(same.unwrap_or_else(|_| picture.clone()))
}
