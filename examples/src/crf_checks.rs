//! How near the dense CRF is to its exact twin and to a peer, and what tiles cost.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use mapvec_data::{Field, decode_npy};
use mapvec_postprocess::crf::{
    DenseCrf, DenseCrfConfig, ExactCrf, ExactTerm, FilterMethod, InferenceConfig, KernelShape,
    TileConfig, infer_tiles,
};
use ndarray::{Array2, Array3, ArrayView3, ArrayView4, Axis, Ix3, Ix4, s};

use crate::crf_scene::DiscScene;
use crate::measure::peak_megabytes;

/// Up to so many pixels the exact result is computed too.
const FEW: usize = 4096;
/// Iterations after which results are compared.
const ITERATIONS: usize = 5;
/// Pixels from a seam that count as near.
const NEAR: usize = 8;

/// How far results lie apart.
#[derive(Debug, Clone, Copy, Default)]
pub struct Distance {
    /// Share of pixels with the same class.
    pub same: f64,
    /// Mean absolute difference of probabilities.
    pub mean: f64,
    /// Largest one.
    pub largest: f64,
}

impl Distance {
    fn between(one: ArrayView3<'_, f32>, other: ArrayView3<'_, f32>) -> Self {
        let (mut sum, mut largest) = (0.0, 0.0_f64);
        for (a, b) in one.iter().zip(other) {
            let apart = f64::from((a - b).abs());
            sum += apart;
            largest = largest.max(apart);
        }
        let (one_labels, other_labels) = (labels(one), labels(other));
        let same = one_labels.iter().zip(&other_labels).filter(|(a, b)| a == b).count();
        let pixels = one_labels.len().max(1) as f64;
        Self { same: same as f64 / pixels, mean: sum / one.len().max(1) as f64, largest }
    }

    /// The worse of both in each value.
    #[must_use]
    pub fn worse(self, other: Self) -> Self {
        Self {
            same: self.same.min(other.same),
            mean: self.mean.max(other.mean),
            largest: self.largest.max(other.largest),
        }
    }
}

/// One case.
#[derive(Debug, Clone)]
pub struct Agreement {
    /// Which.
    pub name: String,
    /// All kernels on the lattice, against the peer: the worst of all iterations.
    pub lattice: Option<Distance>,
    /// The default ways of summing, against the peer.
    pub automatic: Option<Distance>,
    /// Peer, lattice and default against the exact result, where it is computed.
    pub exact: Option<[Option<Distance>; 3]>,
}

fn labels(q: ArrayView3<'_, f32>) -> Array2<usize> {
    q.map_axis(Axis(0), |values| {
        let best = values.iter().enumerate().rev().max_by(|a, b| a.1.total_cmp(b.1));
        best.map_or(0, |(class, _)| class)
    })
}

fn published(method: FilterMethod) -> DenseCrfConfig {
    let mut config = DenseCrfConfig::default();
    config.terms.iter_mut().for_each(|term| term.method = method);
    config
}

fn prepared(image: ArrayView3<'_, f32>) -> Result<[DenseCrf; 2]> {
    let crf = |method| DenseCrf::new(image, &published(method));
    Ok([crf(FilterMethod::Lattice)?, crf(FilterMethod::Auto)?])
}

fn infer(crf: &DenseCrf, unary: ArrayView3<'_, f32>, iterations: usize) -> Result<Array3<f32>> {
    let config = InferenceConfig { iterations, ..InferenceConfig::default() };
    Ok(crf.infer(unary, &config)?.probabilities)
}

/// The published setting with the matrices of its kernels in double precision.
fn exact(image: ArrayView3<'_, f32>, unary: ArrayView3<'_, f32>) -> Result<Array3<f32>> {
    let (_, height, width) = image.dim();
    let term = |term: &mapvec_postprocess::crf::PairwiseTerm| {
        let (sigma, colors) = match &term.kernel {
            KernelShape::Gaussian { sigma } => (*sigma, None),
            KernelShape::Bilateral { sigma, color_sigma } => (*sigma, Some(color_sigma[0])),
        };
        let dimensions = if colors.is_some() { 5 } else { 2 };
        let features = Array2::from_shape_fn((dimensions, height * width), |(d, i)| {
            let (y, x) = (i / width, i % width);
            match (d, colors) {
                (0, _) => x as f64 / sigma[1],
                (1, _) => y as f64 / sigma[0],
                (d, color_sigma) => f64::from(image[(d - 2, y, x)]) / color_sigma.unwrap_or(1.0),
            }
        });
        let (compatibility, normalization) = (term.compatibility.clone(), term.normalization);
        ExactTerm { features, compatibility, normalization }
    };
    let terms: Vec<ExactTerm> = DenseCrfConfig::default().terms.iter().map(term).collect();
    let flat = unary.mapv(f64::from).into_shape_with_order((unary.dim().0, height * width))?;
    let q = ExactCrf::new(height * width, &terms)?.infer(flat.view(), ITERATIONS)?;
    Ok(q.mapv(|q| q as f32).into_shape_with_order(unary.dim())?)
}

/// Drawn pictures of a few sizes against the exact result.
///
/// # Errors
/// The field refuses its input.
pub fn against_exact(count: u64) -> Result<Vec<Agreement>> {
    let sizes = [((24, 32), 4), ((30, 30), 3), ((48, 64), 5)];
    let mut out = Vec::new();
    for seed in 0..count {
        for ((height, width), classes) in sizes {
            let scene = DiscScene::new((height, width), 101 + 10 * seed);
            let whole = scene.whole();
            let image = scene.picture(&whole);
            let unary = scene.unary(&whole, classes, 103 + 10 * seed);
            let exact = exact(image.view(), unary.view())?;
            let [lattice, automatic] = prepared(image.view())?;
            let apart = |crf: &DenseCrf| -> Result<Option<Distance>> {
                let q = infer(crf, unary.view(), ITERATIONS)?;
                Ok(Some(Distance::between(q.view(), exact.view())))
            };
            out.push(Agreement {
                name: format!("drawn-{width}x{height}x{classes}-{seed}"),
                lattice: None,
                automatic: None,
                exact: Some([None, apart(&lattice)?, apart(&automatic)?]),
            });
        }
    }
    Ok(out)
}

/// All cases of a folder that `xtask/peers/crf_values.py` has written.
///
/// # Errors
/// There are none, or a file cannot be read or does not fit the others.
pub fn against_peer(folder: &Path) -> Result<Vec<Agreement>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        names.extend(name.strip_suffix("_q.npy").map(str::to_owned));
    }
    names.sort_unstable();
    ensure!(!names.is_empty(), "{}: no file NAME_q.npy", folder.display());
    names.into_iter().map(|name| compare(folder, name)).collect()
}

fn compare(folder: &Path, name: String) -> Result<Agreement> {
    let read = |part: &str| -> Result<Field> {
        let file = folder.join(format!("{name}_{part}.npy"));
        let shown = || file.display().to_string();
        decode_npy(&std::fs::read(&file).with_context(shown)?).with_context(shown)
    };
    let wrong = || format!("{name}: float32 or bytes of another rank");
    let (image, unary, q) = (read("image")?, read("unary")?, read("q")?);
    let image =
        ndarray::ArrayView::from_shape(image.shape(), image.values().as_u8().with_context(wrong)?)?;
    let image = image.into_dimensionality::<Ix3>()?.permuted_axes([2, 0, 1]).mapv(f32::from);
    let unary = floats(&unary).with_context(wrong)?.into_dimensionality::<Ix3>()?;
    let q: ArrayView4<'_, f32> = floats(&q).with_context(wrong)?.into_dimensionality::<Ix4>()?;
    ensure!(q.dim().0 == ITERATIONS + 1, "{name}: results after 0 to {ITERATIONS} iterations");
    ensure!(q.shape()[1..] == *unary.shape(), "{name}: sizes differ");
    let crfs = prepared(image.view())?;
    let mut worst = [Distance { same: 1.0, ..Distance::default() }; 2];
    let mut last = Vec::new();
    for (crf, worst) in crfs.iter().zip(&mut worst) {
        for (iterations, peer) in q.outer_iter().enumerate() {
            let own = infer(crf, unary.view(), iterations)?;
            *worst = worst.worse(Distance::between(own.view(), peer));
            if iterations == ITERATIONS {
                last.push(own);
            }
        }
    }
    let exact = if unary.dim().1 * unary.dim().2 <= FEW {
        let exact = exact(image.view(), unary.view())?;
        let apart = |q: ArrayView3<'_, f32>| Some(Distance::between(q, exact.view()));
        let peer = apart(q.index_axis(Axis(0), ITERATIONS));
        Some([peer, apart(last[0].view()), apart(last[1].view())])
    } else {
        None
    };
    Ok(Agreement { name, lattice: Some(worst[0]), automatic: Some(worst[1]), exact })
}

fn floats(field: &Field) -> Option<ndarray::ArrayViewD<'_, f32>> {
    ndarray::ArrayView::from_shape(field.shape(), field.values().as_f32()?).ok()
}

/// What a picture in tiles took.
#[derive(Debug, Clone, Copy)]
pub struct TiledRun {
    /// Seconds, without those that make the inputs.
    pub seconds: f64,
    /// Most memory that the process has had, with the labels of all pixels, megabytes.
    pub peak_megabytes: f64,
    /// Share of pixels with the true class, before and after.
    pub right: [f64; 2],
}

/// Infers a drawn square picture in tiles, each made when it is needed.
///
/// # Errors
/// The field refuses its input, or the system does not tell the peak memory.
pub fn run_tiles(side: usize, classes: usize, config: &TileConfig) -> Result<TiledRun> {
    let scene = DiscScene::new((side, side), 401);
    let (mut made, mut taken) = (0.0, 0.0);
    let (mut likely, mut right) = (0_usize, 0_usize);
    let mut kept = Array2::<u8>::zeros((side, side));
    let start = Instant::now();
    infer_tiles(
        (side, side),
        config,
        |tile| {
            let start = Instant::now();
            let part = (tile.padded_rows.clone(), tile.padded_columns.clone());
            let inputs = (scene.picture(&part), scene.unary(&part, classes, 402));
            let own = (tile.rows.clone(), tile.columns.clone());
            let truth = scene.labels(&own);
            let (y, x) = (own.0.start - part.0.start, own.1.start - part.1.start);
            for ((row, column), disc) in truth.indexed_iter() {
                // The likeliest class has an energy below that of even odds.
                likely += usize::from(inputs.1[(disc % classes, y + row, x + column)] < 0.69);
            }
            made += start.elapsed().as_secs_f64();
            Ok(inputs)
        },
        |tile, part| {
            let start = Instant::now();
            let own = (tile.rows.clone(), tile.columns.clone());
            let truth = scene.labels(&own);
            let pairs = truth.iter().zip(&part.labels);
            right += pairs.filter(|(disc, label)| *disc % classes == **label).count();
            kept.slice_mut(s![own.0, own.1]).assign(&part.labels.mapv(|label| label as u8));
            taken += start.elapsed().as_secs_f64();
        },
    )?;
    let seconds = start.elapsed().as_secs_f64() - made - taken;
    let right = [likely, right].map(|right| right as f64 / kept.len().max(1) as f64);
    Ok(TiledRun { seconds, peak_megabytes: peak_megabytes()?, right })
}

/// How a result in tiles differs from that of the whole: mean difference of probabilities and
/// share of pixels with another class, near seams and elsewhere.
#[derive(Debug, Clone, Copy)]
pub struct Seams {
    /// Near a seam: at most eight pixels away.
    pub near: [f64; 2],
    /// Elsewhere.
    pub elsewhere: [f64; 2],
    /// Mean jump of probabilities from pixel to pixel across seams, in tiles and in the whole.
    pub jumps: [f64; 2],
    /// Seconds of the whole picture at once.
    pub seconds: f64,
}

/// Infers a drawn square picture in tiles and whole.
///
/// # Errors
/// The field refuses its input.
pub fn compare_tiles(side: usize, classes: usize, config: &TileConfig) -> Result<Seams> {
    let scene = DiscScene::new((side, side), 411);
    let whole = scene.whole();
    let (image, unary) = (scene.picture(&whole), scene.unary(&whole, classes, 412));
    let mut tiled = Array3::<f32>::zeros(unary.dim());
    infer_tiles(
        (side, side),
        config,
        |tile| {
            let (y, x) = (tile.padded_rows.clone(), tile.padded_columns.clone());
            let part = |of: &Array3<f32>| of.slice(s![.., y.clone(), x.clone()]).to_owned();
            Ok((part(&image), part(&unary)))
        },
        |tile, part| {
            let (y, x) = (tile.rows.clone(), tile.columns.clone());
            tiled.slice_mut(s![.., y, x]).assign(&part.probabilities);
        },
    )?;
    let start = Instant::now();
    let crf = DenseCrf::new(image.view(), &config.crf)?;
    let q = crf.infer(unary.view(), &config.inference)?.probabilities;
    let seconds = start.elapsed().as_secs_f64();
    let (one, other) = (labels(tiled.view()), labels(q.view()));
    let away = |at: usize| {
        let into = at % config.size;
        let before = if at < config.size { usize::MAX } else { into };
        let last = at / config.size * config.size + config.size >= side;
        before.min(if last { usize::MAX } else { config.size - 1 - into })
    };
    let mut sums = [[0.0; 3]; 2];
    for y in 0..side {
        for x in 0..side {
            let near = away(y).min(away(x)) < NEAR;
            let sum = &mut sums[usize::from(!near)];
            let apart = |class: usize| f64::from((tiled[(class, y, x)] - q[(class, y, x)]).abs());
            sum[0] += (0..classes).map(apart).sum::<f64>() / classes as f64;
            sum[1] += f64::from(u8::from(one[(y, x)] != other[(y, x)]));
            sum[2] += 1.0;
        }
    }
    let [near, elsewhere] =
        sums.map(|[mean, changed, n]| [mean / n.max(1.0), changed / n.max(1.0)]);
    let jumps = [&tiled, &q].map(|q| {
        let (mut sum, mut count) = (0.0, 0.0_f64);
        for at in (config.size..side).step_by(config.size) {
            let (left, right) = (q.slice(s![.., .., at - 1]), q.slice(s![.., .., at]));
            sum += left.iter().zip(right).map(|(a, b)| f64::from((a - b).abs())).sum::<f64>();
            count += left.len() as f64;
        }
        sum / count.max(1.0)
    });
    Ok(Seams { near, elsewhere, jumps, seconds })
}
