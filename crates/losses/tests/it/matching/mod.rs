//! Matching of predicted with true objects, and the loss of the pairs.

mod costs;
mod hungarian_loss;
mod pairs;
mod refusals;
mod true_objects;

use candle_core::{DType, Device, Tensor};
use mapvec_losses::{HungarianLossConfig, MatchedLoss, Objects, TrueObjects, hungarian_loss};
use mapvec_testkit::{integers, normal, uniform};

use crate::support::{tensor, values};

const CPU: Device = Device::Cpu;

fn one_hot(classes: &[i64], k: usize) -> Vec<f64> {
    let share = |&class: &i64| (0_i64..).take(k).map(move |c| f64::from(u8::from(c == class)));
    classes.iter().flat_map(share).collect()
}

/// Random objects; predictions are logits.
fn objects(seed: u64, (b, n): (usize, usize), side: usize, predicted: bool) -> Objects {
    let corners = |place: usize| {
        let u = uniform(4 * b * n, seed + 1, 0.0, 1.0);
        let [y, x, h, w] = [0, 1, 2, 3].map(|k| u[4 * place + k]);
        [0.5 * y, 0.5 * x, 0.5 * y + 0.1 + 0.4 * h, 0.5 * x + 0.1 + 0.4 * w]
    };
    let cells = b * n * side * side;
    let (classes, masks) = if predicted {
        let masks = normal(cells, seed + 2).into_iter().map(|x| 2.0 * x).collect();
        (normal(b * n * 3, seed), masks)
    } else {
        let masks = uniform(cells, seed + 2, 0.0, 1.0);
        let masks = masks.into_iter().map(|u| f64::from(u8::from(u < 0.4))).collect();
        (one_hot(&integers(b * n, seed + 3, 0, 3), 3), masks)
    };
    Objects {
        classes: Some(tensor(classes, &[b, n, 3])),
        boxes: Some(tensor((0..b * n).flat_map(corners).collect(), &[b, n, 4])),
        masks: Some(tensor(masks, &[b, n, side, side])),
        vectors: Some(tensor(uniform(b * n * 4, seed + 4, 0.0, 1.0), &[b, n, 2, 2])),
    }
}

fn all_terms() -> HungarianLossConfig {
    HungarianLossConfig { vector_weight: 0.5, ..HungarianLossConfig::default() }
}

fn run(prediction: &Objects, truth: &Objects) -> MatchedLoss {
    hungarian_loss(prediction, &listed(truth), &all_terms()).unwrap()
}

/// The objects of every sample in another order.
fn permuted(objects: &Objects, order: &[u32]) -> Objects {
    let index = Tensor::new(order, &CPU).unwrap();
    let turn = |tensor: &Option<Tensor>| {
        tensor.as_ref().map(|tensor| tensor.index_select(&index, 1).unwrap())
    };
    Objects {
        classes: turn(&objects.classes),
        boxes: turn(&objects.boxes),
        masks: turn(&objects.masks),
        vectors: turn(&objects.vectors),
    }
}

/// The same objects in another type.
fn converted(objects: &Objects, dtype: DType) -> Objects {
    let to =
        |tensor: &Option<Tensor>| tensor.as_ref().map(|tensor| tensor.to_dtype(dtype).unwrap());
    Objects {
        classes: to(&objects.classes),
        boxes: to(&objects.boxes),
        masks: to(&objects.masks),
        vectors: to(&objects.vectors),
    }
}

/// The objects of each picture as a list of those that are picked.
fn picked(objects: &Objects, picks: &[&[u32]]) -> Vec<TrueObjects> {
    let picture = |(index, picks): (usize, &&[u32])| {
        let rows = |tensor: &Option<Tensor>| {
            let all = tensor.as_ref()?.get(index).unwrap();
            if picks.is_empty() {
                let mut dims = all.dims().to_vec();
                dims[0] = 0;
                return Some(Tensor::zeros(dims, all.dtype(), &CPU).unwrap());
            }
            Some(all.index_select(&Tensor::new(*picks, &CPU).unwrap(), 0).unwrap())
        };
        let classes = rows(&objects.classes).map(|shares| {
            let k = shares.dims()[1];
            let class = |row: &[f64]| row.iter().position(|&share| share > 0.5).unwrap_or(0);
            values(&shares).chunks_exact(k).map(class).collect()
        });
        TrueObjects {
            classes,
            boxes: rows(&objects.boxes),
            masks: rows(&objects.masks),
            vectors: rows(&objects.vectors),
        }
    };
    picks.iter().enumerate().map(picture).collect()
}

/// The objects of each picture as a list of all.
fn listed(objects: &Objects) -> Vec<TrueObjects> {
    let all = [&objects.classes, &objects.boxes, &objects.masks, &objects.vectors];
    let dims = all.into_iter().flatten().next().unwrap().dims();
    let every: Vec<u32> = (0..dims[1] as u32).collect();
    picked(objects, &vec![&every[..]; dims[0]])
}
