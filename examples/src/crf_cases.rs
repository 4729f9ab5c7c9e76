//! What `bench_crf` times; the peer's side is in `xtask/peers/crf.py`.

use std::f64::consts::TAU;

use anyhow::{Result, bail};
use mapvec_postprocess::crf::{DenseCrf, DenseCrfConfig, FilterMethod, InferenceConfig};
use ndarray::Array3;

use crate::geometry_cases::inputs::uniform;
use crate::timed_case::Case;

/// Names of all cases.
pub const NAMES: [&str; 2] = ["dense-512x512x5", "dense-320x240x21"];

/// Makes the inputs of a case: preparation of both kernels of the published setting and five
/// iterations.
///
/// # Errors
/// There is no such case.
pub fn case(name: &str, small: bool) -> Result<Case> {
    let (height, width, classes) = match name {
        "dense-512x512x5" => (512, 512, 5),
        "dense-320x240x21" => (240, 320, 21),
        _ => bail!("there is no case `{name}`; cases: {}", NAMES.join(", ")),
    };
    let (height, width) = if small { (height / 8, width / 8) } else { (height, width) };
    let (image, labels) = scene(height, width, 201 + classes as u64);
    let unary = unary(&labels, classes, (height, width));
    let check = labels.iter().map(|&label| label as u64).sum();
    let mut config = DenseCrfConfig::default();
    // As for larger pictures, also where the input is small.
    config.terms[1].method = FilterMethod::Lattice;
    let work = move || {
        let crf = DenseCrf::new(image.view(), &config)?;
        let result = crf.infer(unary.view(), &InferenceConfig::default())?;
        // The mean of the largest probability.
        let sum: f64 = (result.labels.indexed_iter())
            .map(|((y, x), &label)| f64::from(result.probabilities[(label, y, x)]))
            .sum();
        Ok(sum / (height * width) as f64)
    };
    Ok(Case { check, runs: (2, 15), work: Box::new(work) })
}

const UNIT: (f64, f64) = (0.0, 1.0);

/// Discs of one colour on black, with noise, and the disc of each pixel.
fn scene(height: usize, width: usize, seed: u64) -> (Array3<f32>, Vec<usize>) {
    let draw = |index: usize| uniform(seed, index, UNIT);
    let noise = |index: usize| {
        let unit = |i: usize| uniform(seed + 1, i, UNIT);
        (-2.0 * (1.0 - unit(2 * index)).ln()).sqrt() * (TAU * unit(2 * index + 1)).cos()
    };
    let mut labels = vec![0; height * width];
    for disc in 0..24 {
        let (cx, cy) = (draw(6 * disc) * width as f64, draw(6 * disc + 1) * height as f64);
        let radius = (0.05 + 0.18 * draw(6 * disc + 2)) * height.min(width) as f64;
        for (index, label) in labels.iter_mut().enumerate() {
            let (y, x) = ((index / width) as f64, (index % width) as f64);
            if (x - cx).powi(2) + (y - cy).powi(2) < radius * radius {
                *label = disc + 1;
            }
        }
    }
    let image = Array3::from_shape_fn((3, height, width), |(channel, y, x)| {
        let index = y * width + x;
        let color = match labels[index] {
            0 => 0.0,
            disc => 255.0 * draw(6 * (disc - 1) + 3 + channel),
        };
        (color + 12.0 * noise(index * 3 + channel) + 0.5).floor().clamp(0.0, 255.0) as f32
    });
    (image, labels)
}

/// Energies of labels of which a quarter is noise.
fn unary(labels: &[usize], classes: usize, (height, width): (usize, usize)) -> Array3<f32> {
    let seed = 301 + classes as u64;
    let label_of = |index: usize| {
        if uniform(seed, index, UNIT) < 0.25 {
            (0..classes)
                .rev()
                .find(|&k| uniform(seed + 1, index, UNIT) * classes as f64 >= k as f64)
                .unwrap_or(0)
        } else {
            labels[index] % classes
        }
    };
    let noisy: Vec<usize> = (0..labels.len()).map(label_of).collect();
    Array3::from_shape_fn((classes, height, width), |(class, y, x)| {
        let own = class == noisy[y * width + x];
        let p: f64 = if own { 0.6 } else { 0.4 / (classes - 1) as f64 };
        -p.ln() as f32
    })
}
