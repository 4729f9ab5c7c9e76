//! Records of pictures with lines and symbols as batches of objects.

use anyhow::{Context, Result, ensure};
use candle_core::{Device, Tensor};
use mapvec_data::{Record, Source};
use mapvec_losses::TrueObjects;

/// Lines and symbols.
pub const CLASSES: usize = 2;
/// The class of a line; the other is that of a symbol.
pub const LINE: usize = 0;

/// Pictures with what is in them.
#[derive(Debug)]
pub struct Batch {
    /// `[B, 3, S, S]`, 0 to 1.
    pub pictures: Tensor,
    /// Classes, boxes by center and size, and vectors, positions (x, y) in shares of the picture.
    /// The vector of a symbol is a diagonal of its box.
    pub truth: Vec<TrueObjects>,
    /// Class of each pixel: background, line, shape; empty where the records have none.
    pub classes: Vec<u8>,
    /// What each pixel counts; empty: 1 each.
    pub weights: Vec<f32>,
}

impl Batch {
    /// Samples `first`, `first + 1`, ...
    ///
    /// # Errors
    /// The source fails, or its records have other arrays than `img`, `vecs` and `bboxes`.
    pub fn of(
        source: &dyn Source<Sample = Record>,
        first: usize,
        count: usize,
        device: &Device,
    ) -> Result<Self> {
        let (mut planes, mut truth) = (Vec::<f32>::new(), Vec::new());
        let (mut classes, mut weights, mut side) = (Vec::new(), Vec::<f32>::new(), 0);
        for index in first..first + count {
            let record = source.get(index)?;
            let img = record.get("img")?;
            let &[height, width, 3] = img.shape() else {
                anyhow::bail!("`img` must be [S, S, 3], but is {:?}", img.shape());
            };
            ensure!(height == width && height.is_multiple_of(4), "the side must be 4, 8, 12, ...");
            let values = img.values().as_f32().context("`img` must be f32")?;
            for channel in 0..3 {
                planes.extend(values.iter().skip(channel).step_by(3));
            }
            truth.push(objects(&record, width as f32, device)?);
            if record.contains("labels.shape_class") {
                let shares = record.get("labels.shape_class")?.values();
                let shares = shares.as_f32().context("labels must be f32")?;
                classes.extend(shares.chunks_exact(3).map(largest));
                if record.contains("weights.shape_class") {
                    let own = record.get("weights.shape_class")?.values();
                    weights.extend(own.as_f32().context("weights must be f32")?);
                }
            }
            side = width;
        }
        let pictures = Tensor::from_vec(planes, (count, 3, side, side), device)?;
        Ok(Self { pictures, truth, classes, weights })
    }
}

fn largest(shares: &[f32]) -> u8 {
    (1..3).fold(0, |best, class| if shares[class] > shares[best] { class } else { best }) as u8
}

/// Lines, then symbols.
fn objects(record: &Record, side: f32, device: &Device) -> Result<TrueObjects> {
    let reals = |name: &str| {
        record.get(name)?.values().as_f32().with_context(|| format!("`{name}` must be f32"))
    };
    let (mut classes, mut boxes, mut vectors) = (Vec::new(), Vec::new(), Vec::new());
    let mut add = |class: usize, corners: [f32; 4], vector: [f32; 4]| {
        let [left, top, right, bottom] = corners;
        classes.push(class);
        boxes.extend([left + right, top + bottom].map(|sum| sum / 2.0 / side));
        // A line along an axis still has a width.
        boxes.extend([right - left, bottom - top].map(|length| length.max(1.0) / side));
        vectors.extend(vector.map(|x| x / side));
    };
    for ends in reals("vecs")?.chunks_exact(4) {
        let &[x0, y0, x1, y1] = ends else { continue };
        add(LINE, [x0.min(x1), y0.min(y1), x0.max(x1), y0.max(y1)], [x0, y0, x1, y1]);
    }
    for corners in reals("bboxes")?.chunks_exact(8) {
        let bound = |axis: usize, most: bool| {
            let values = corners.iter().skip(axis).step_by(2).copied();
            if most { values.fold(f32::MIN, f32::max) } else { values.fold(f32::MAX, f32::min) }
        };
        let [left, top, right, bottom] =
            [bound(0, false), bound(1, false), bound(0, true), bound(1, true)];
        add(1 - LINE, [left, top, right, bottom], [left, top, right, bottom]);
    }
    let count = classes.len();
    if count == 0 {
        return Ok(TrueObjects::default());
    }
    Ok(TrueObjects {
        classes: Some(classes),
        boxes: Some(Tensor::from_vec(boxes, (count, 4), device)?),
        vectors: Some(Tensor::from_vec(vectors, (count, 2, 2), device)?),
        masks: None,
    })
}
