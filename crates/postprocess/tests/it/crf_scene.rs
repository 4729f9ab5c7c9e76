//! What tests of the dense CRF look at.

use mapvec_postprocess::crf::{
    DenseCrfConfig, ExactCrf, ExactTerm, FilterMethod, InferenceConfig, KernelShape,
};
use mapvec_testkit::{integers, normal, uniform};
use ndarray::{Array2, Array3};

/// A picture of discs with noise, and the disc of each pixel.
pub(crate) fn scene(height: usize, width: usize, seed: u64) -> (Array3<f32>, Array2<usize>) {
    let mut image = Array3::<f64>::zeros((3, height, width));
    let mut labels = Array2::zeros((height, width));
    let p = uniform(24 * 6, seed, 0.0, 1.0);
    for (k, p) in p.chunks_exact(6).enumerate() {
        let (cx, cy) = (p[0] * width as f64, p[1] * height as f64);
        let radius = (0.05 + 0.18 * p[2]) * height.min(width) as f64;
        for y in 0..height {
            for x in 0..width {
                if (x as f64 - cx).powi(2) + (y as f64 - cy).powi(2) < radius * radius {
                    labels[(y, x)] = k + 1;
                    (0..3).for_each(|c| image[(c, y, x)] = 255.0 * p[3 + c]);
                }
            }
        }
    }
    let noise = normal(height * width * 3, seed + 1);
    let image = Array3::from_shape_fn((3, height, width), |(c, y, x)| {
        let value = image[(c, y, x)] + 12.0 * noise[(y * width + x) * 3 + c];
        (value + 0.5).floor().clamp(0.0, 255.0) as f32
    });
    (image, labels)
}

/// Labels of which a quarter is noise, as energies.
pub(crate) fn noisy_unary(labels: &Array2<usize>, classes: usize, seed: u64) -> Array3<f32> {
    let (height, width) = labels.dim();
    let noise = uniform(height * width, seed, 0.0, 1.0);
    let random = integers(height * width, seed + 1, 0, i64::try_from(classes).unwrap());
    Array3::from_shape_fn((classes, height, width), |(class, y, x)| {
        let i = y * width + x;
        let label = if noise[i] < 0.25 {
            usize::try_from(random[i]).unwrap()
        } else {
            labels[(y, x)] % classes
        };
        let p: f64 = if class == label { 0.6 } else { 0.4 / (classes - 1) as f64 };
        -p.ln() as f32
    })
}

/// The published setting with one of its kernels or both, summed in a given way.
pub(crate) fn published(variant: &str, method: FilterMethod) -> DenseCrfConfig {
    let mut config = DenseCrfConfig::default();
    match variant {
        "gauss" => config.terms.truncate(1),
        "bilat" => drop(config.terms.remove(0)),
        _ => {}
    }
    config.terms.iter_mut().for_each(|term| term.method = method);
    config
}

/// The same for the exact twin.
pub(crate) fn twin(image: &Array3<f32>, config: &DenseCrfConfig) -> ExactCrf {
    let (_, height, width) = image.dim();
    let terms: Vec<_> = config
        .terms
        .iter()
        .map(|term| {
            let (sigma, color_sigma) = match &term.kernel {
                KernelShape::Gaussian { sigma } => (sigma, &Vec::new()),
                KernelShape::Bilateral { sigma, color_sigma } => (sigma, color_sigma),
            };
            let colors = if color_sigma.is_empty() { 0 } else { 3 };
            let features = Array2::from_shape_fn((2 + colors, height * width), |(d, i)| {
                let (y, x) = (i / width, i % width);
                match d {
                    0 => x as f64 / sigma[1],
                    1 => y as f64 / sigma[0],
                    d => f64::from(image[(d - 2, y, x)]) / color_sigma[(d - 2) % color_sigma.len()],
                }
            });
            ExactTerm {
                features,
                compatibility: term.compatibility.clone(),
                normalization: term.normalization,
            }
        })
        .collect();
    ExactCrf::new(height * width, &terms).unwrap()
}

pub(crate) fn iterations(iterations: usize) -> InferenceConfig {
    InferenceConfig { iterations, ..InferenceConfig::default() }
}

pub(crate) fn flat(unary: &Array3<f32>) -> Array2<f64> {
    let (k, h, w) = unary.dim();
    unary.mapv(f64::from).into_shape_with_order((k, h * w)).unwrap()
}

/// Mean and largest difference.
pub(crate) fn apart(a: impl Iterator<Item = f64>, b: impl Iterator<Item = f64>) -> (f64, f64) {
    let (mut sum, mut count, mut largest) = (0.0, 0.0, 0.0_f64);
    for (a, b) in a.zip(b) {
        sum += (a - b).abs();
        count += 1.0;
        largest = largest.max((a - b).abs());
    }
    (sum / count, largest)
}
