//! Features of boxes.

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use serde::{Deserialize, Serialize};

use crate::host::{
    constant, doubles, is_fast, is_half_on_cpu, not_empty, read, single, slice, tensor,
};
use crate::kernels::isa::Isa;
use crate::kernels::roi_align::{Bin, MapSize, Roi, align, gradient};

/// Samples per bin and axis above which a box is refused.
const MAX_SAMPLES: f64 = 4096.0;

/// How boxes are cut into bins.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RoiAlignConfig {
    /// Rows and columns of bins, at least 1.
    pub output: (usize, usize),
    /// From units of the boxes to pixels of the map; positive.
    pub spatial_scale: f64,
    /// Samples per bin and axis; as many as a bin has pixels, rounded up, without.
    pub sampling_ratio: Option<usize>,
    /// Whether a pixel's centre is at +0.5, as everywhere here; otherwise at its corner,
    /// and no box is smaller than a pixel (the first published form).
    pub aligned: bool,
}

impl Default for RoiAlignConfig {
    /// 7 x 7 bins of a map at the scale of the boxes, aligned.
    fn default() -> Self {
        Self { output: (7, 7), spatial_scale: 1.0, sampling_ratio: None, aligned: true }
    }
}

/// Features of boxes at a fixed size: means of bilinear samples in every bin.
///
/// Samples more than a pixel outside the map count as zero. Gradients go to `x`; the
/// boxes are constants. The semantics of torchvision's `roi_align`.
///
/// # Shapes
///
/// `x`: `[B, C, H, W]`; `boxes`: `[N, 5]` with image, x1, y1, x2, y2 in rows; result:
/// `[N, C, output.0, output.1]`.
///
/// # Errors
///
/// Boxes of another shape, that are not finite, name no image of the batch or are so
/// large that a bin would need more than 4096 samples; a setting out of its range;
/// tensors without values.
///
/// # References
///
/// He, Gkioxari, Dollar and Girshick, *Mask R-CNN* (2017).
pub fn roi_align(x: &Tensor, boxes: &Tensor, config: &RoiAlignConfig) -> Result<Tensor> {
    not_empty(x, "roi_align")?;
    let size = x.dims4()?;
    let rois = cut(boxes, size, config)?;
    let shape = (rois.len(), size.1, config.output.0, config.output.1);
    if rois.is_empty() {
        return Tensor::zeros(shape, x.dtype(), x.device());
    }
    if is_half_on_cpu(x) {
        return roi_align(&single(x)?, boxes, config)?.to_dtype(x.dtype());
    }
    if is_fast(x) {
        let op = RoiAlign { rois: Arc::new(rois), size, output: config.output };
        return x.contiguous()?.apply_op1(op);
    }
    // A product with a dense matrix from each side.
    let features = rois.iter().map(|roi| {
        let matrix = |bins: &[Bin], pixels: usize| {
            let mut values = vec![0.0_f64; bins.len() * pixels];
            for (line, bin) in values.chunks_exact_mut(pixels).zip(bins) {
                for (value, weight) in line[bin.first..].iter_mut().zip(&bin.weights) {
                    *value = f64::from(*weight);
                }
            }
            constant(values, (bins.len(), pixels), x)
        };
        let map = x.get(roi.image)?;
        let rows = matrix(&roi.rows, size.2)?.broadcast_matmul(&map)?;
        rows.broadcast_matmul(&matrix(&roi.columns, size.3)?.t()?)
    });
    Tensor::stack(&features.collect::<Result<Vec<_>>>()?, 0)
}

/// The boxes with the pixels and weights of their bins.
fn cut(boxes: &Tensor, size: MapSize, config: &RoiAlignConfig) -> Result<Vec<Roi>> {
    let (count, columns) = boxes.dims2()?;
    let (rows, across) = config.output;
    if columns != 5 {
        bail!("roi_align: boxes {:?} must be [N, 5]: image, x1, y1, x2, y2", boxes.shape());
    }
    let scale = config.spatial_scale;
    let side = 1..=1 << 16;
    let fits = side.contains(&rows)
        && side.contains(&across)
        && config.sampling_ratio != Some(0)
        && scale.is_finite()
        && scale > 0.0;
    if !fits {
        bail!(
            "roi_align: {config:?}: output and sampling_ratio must be at least 1, spatial_scale positive"
        );
    }
    let values = doubles(boxes)?;
    let mut rois = Vec::with_capacity(count);
    for (index, line) in values.chunks_exact(5).enumerate() {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked just below"
        )]
        let image = line[0] as usize;
        #[expect(clippy::cast_precision_loss, reason = "a count of images")]
        let named = image as f64;
        let whole = (named - line[0]).abs() < f64::EPSILON && image < size.0;
        if !whole || line.iter().any(|v| !v.is_finite()) {
            bail!(
                "roi_align: box {index} is {line:?}; it must be finite and name one of {} images",
                size.0
            );
        }
        let axis = |from: f64, to: f64, bins: usize, pixels: usize| {
            bins_of((from, to), bins, pixels, config)
        };
        let parts = (axis(line[2], line[4], rows, size.2), axis(line[1], line[3], across, size.3));
        let (Some(rows), Some(columns)) = parts else {
            bail!(
                "roi_align: box {index} is {line:?}, too large for {MAX_SAMPLES} samples per bin"
            );
        };
        rois.push(Roi { image, rows, columns });
    }
    Ok(rois)
}

/// The bins of a box along one axis of a map; nothing if they need too many samples.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "positions inside the map, counts of samples below the limit"
)]
fn bins_of(
    (from, to): (f64, f64),
    bins: usize,
    pixels: usize,
    config: &RoiAlignConfig,
) -> Option<Vec<Bin>> {
    let offset = if config.aligned { 0.5 } else { 0.0 };
    let start = from * config.spatial_scale - offset;
    let mut length = (to - from) * config.spatial_scale;
    if !config.aligned {
        length = length.max(1.0);
    }
    let bin = length / bins as f64;
    let samples = config.sampling_ratio.map_or_else(|| bin.ceil(), |ratio| ratio as f64);
    if samples > MAX_SAMPLES {
        return None;
    }
    let samples = samples.max(0.0) as usize;
    let one = |index: usize| {
        let mut taps: Vec<(usize, f64)> = Vec::with_capacity(2 * samples);
        for k in 0..samples {
            let at = start + (index as f64 + (k as f64 + 0.5) / samples as f64) * bin;
            if at < -1.0 || at > pixels as f64 {
                continue;
            }
            let at = at.clamp(0.0, (pixels - 1) as f64);
            let low = at as usize;
            let part = at - low as f64;
            taps.extend([(low, 1.0 - part), ((low + 1).min(pixels - 1), part)]);
        }
        let Some(first) = taps.iter().map(|t| t.0).min() else { return Bin::default() };
        let last = taps.iter().map(|t| t.0).max().unwrap_or(first);
        let mut weights = vec![0.0; last - first + 1];
        for (at, weight) in taps {
            weights[at - first] += (weight / samples as f64) as f32;
        }
        // Samples on pixel centres leave a last pixel of no weight.
        while weights.last() == Some(&0.0) {
            weights.pop();
        }
        Bin { first, weights }
    };
    Some((0..bins).map(one).collect())
}

/// Recorded features of boxes.
struct RoiAlign {
    rois: Arc<Vec<Roi>>,
    size: MapSize,
    output: (usize, usize),
}

impl CustomOp1 for RoiAlign {
    fn name(&self) -> &'static str {
        "roi-align"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (rows, columns) = self.output;
        let x = slice(storage, layout)?;
        let out = align(Isa::detect(), x, self.size, &self.rois, rows * columns);
        Ok((CpuStorage::F32(out), (self.rois.len(), self.size.1, rows, columns).into()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        let bins = self.output.0 * self.output.1;
        let out = read(g, |g| gradient(Isa::detect(), g, self.size, &self.rois, bins))?;
        Ok(Some(tensor(out, x)?))
    }
}
