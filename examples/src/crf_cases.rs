//! What `bench_crf` times; the peer's side is in `xtask/peers/crf.py`.

use anyhow::{Result, bail};
use mapvec_postprocess::crf::{DenseCrf, DenseCrfConfig, FilterMethod, InferenceConfig};

use crate::crf_scene::DiscScene;
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
    let scene = DiscScene::new((height, width), 201 + classes as u64);
    let whole = scene.whole();
    let image = scene.picture(&whole);
    let unary = scene.unary(&whole, classes, 301 + classes as u64);
    let check = scene.labels(&whole).iter().map(|&label| label as u64).sum();
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
