//! What holds for every loss of the classes of pixels.

use candle_core::{DType, Device, Tensor};
use mapvec_losses::{
    AbsentClasses, Activation, CeDiceConfig, CrossEntropyConfig, LovaszConfig, OverlapConfig,
    Result, SoftDiceConfig, SoftmaxFocalConfig, SumOver, TverskyConfig, ce_dice, cross_entropy,
    jaccard, lovasz_softmax, soft_dice, softmax_focal, tversky,
};
use mapvec_testkit::{normal, uniform};
use proptest::prelude::*;

use crate::seeded::{numbers, scalar, some_ids, var};

type Loss = fn(&Tensor, &[u8]) -> Result<Tensor>;

fn per_sample() -> OverlapConfig {
    OverlapConfig {
        smooth: 0.0,
        sum_over: SumOver::Sample,
        absent: AbsentClasses::Include,
        ..OverlapConfig::default()
    }
}

/// Names, losses, and the largest value that each can have.
const LOSSES: [(&str, Loss, f64); 10] = [
    ("cross-entropy", |x, ids| cross_entropy(x, ids, &CrossEntropyConfig::default()), f64::MAX),
    ("focal", |x, ids| softmax_focal(x, ids, &SoftmaxFocalConfig::default()), f64::MAX),
    ("dice", |x, ids| Ok(soft_dice(x, ids, &SoftDiceConfig::default())?.loss), 1.0),
    (
        "squared dice",
        |x, ids| {
            let config = SoftDiceConfig { squared: true, overlap: per_sample() };
            Ok(soft_dice(x, ids, &config)?.loss)
        },
        1.0,
    ),
    ("jaccard", |x, ids| Ok(jaccard(x, ids, &OverlapConfig::default())?.loss), 1.0),
    ("jaccard per sample", |x, ids| Ok(jaccard(x, ids, &per_sample())?.loss), 1.0),
    ("tversky", |x, ids| Ok(tversky(x, ids, &TverskyConfig::default())?.loss), 1.0),
    ("focal tversky", |x, ids| Ok(tversky(x, ids, &TverskyConfig::focal())?.loss), 1.0),
    ("lovasz", |x, ids| Ok(lovasz_softmax(x, ids, &LovaszConfig::default())?.loss), 1.0),
    ("both", |x, ids| Ok(ce_dice(x, ids, &CeDiceConfig::default())?.loss), f64::MAX),
];

/// Places in a random order.
fn shuffled(n: usize, seed: u64) -> Vec<u32> {
    let keys = uniform(n, seed, 0.0, 1.0);
    let mut order: Vec<u32> = (0..n as u32).collect();
    order.sort_by(|&a, &b| keys[a as usize].total_cmp(&keys[b as usize]));
    order
}

fn turned(x: &Tensor, order: &[u32], dim: usize) -> Tensor {
    x.index_select(&Tensor::new(order, &Device::Cpu).unwrap(), dim).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn order_and_names_mean_nothing(
        seed in 0_u64..1 << 40, b in 1_usize..4, classes in 2_u8..6, n in 1_usize..60, double: bool,
    ) {
        let k = usize::from(classes);
        let (dtype, tolerance) = if double { (DType::F64, 1e-9) } else { (DType::F32, 2e-5) };
        let values: Vec<f64> = normal(b * k * n, seed).iter().map(|value| 3.0 * value).collect();
        let x = var(&values, (b, k, n), dtype).as_detached_tensor();
        let ids = some_ids(b * n, seed + 1, classes);

        let pixels = shuffled(n, seed + 2);
        let of_pixels: Vec<u8> = ids
            .chunks(n)
            .flat_map(|row| pixels.iter().map(|&pixel| row[pixel as usize]))
            .collect();
        let samples = shuffled(b, seed + 3);
        let of_samples: Vec<u8> =
            samples.iter().flat_map(|&sample| &ids[sample as usize * n..][..n]).copied().collect();
        let names = shuffled(k, seed + 4);
        let name = |id: u8| names.iter().position(|&old| old == u32::from(id)).map(|id| id as u8);
        let of_names: Vec<u8> = ids.iter().map(|&id| name(id).unwrap_or(255)).collect();
        // Other logits where nothing is known.
        let known: Vec<u8> = ids.iter().map(|&id| u8::from(id != 255)).collect();
        let known = Tensor::from_vec(known, (b, 1, n), &Device::Cpu).unwrap();
        let known = known.broadcast_as((b, k, n)).unwrap().contiguous().unwrap();
        let hidden = known.where_cond(&x, &x.affine(-2.0, 5.0).unwrap()).unwrap();

        let changed = [
            ("pixels", turned(&x, &pixels, 2), &of_pixels),
            ("samples", turned(&x, &samples, 0), &of_samples),
            ("names", turned(&x, &names, 1), &of_names),
            ("unknown", hidden, &ids),
        ];
        for (loss, f, most) in LOSSES {
            let value = scalar(&f(&x, &ids).unwrap());
            prop_assert!(value >= -tolerance && value <= most + tolerance, "{loss}: {value}");
            for (change, x, ids) in &changed {
                let other = scalar(&f(x, ids).unwrap());
                let near = (other - value).abs() <= tolerance * value.abs().max(1.0);
                prop_assert!(near, "{loss}, {change}: {other} and {value}");
            }
        }
    }

    #[test]
    fn jaccard_follows_from_dice(
        seed in 0_u64..1 << 40, b in 1_usize..4, classes in 2_u8..6, n in 1_usize..60,
        samples: bool,
    ) {
        let k = usize::from(classes);
        let x = var(&normal(b * k * n, seed), (b, k, n), DType::F64);
        let p = mapvec_nn::softmax(&x, 1).unwrap();
        let ids = some_ids(b * n, seed + 1, classes);
        let sum_over = if samples { SumOver::Sample } else { SumOver::Batch };
        let activation = Activation::None;
        let overlap = OverlapConfig { activation, smooth: 0.0, sum_over, ..Default::default() };
        // A sample alone is a group alone.
        for sample in 0..b {
            let p = p.narrow(0, sample, 1).unwrap().contiguous().unwrap();
            let ids = &ids[sample * n..(sample + 1) * n];
            let jaccard = jaccard(&p, ids, &overlap).unwrap().classes;
            let config = SoftDiceConfig { squared: false, overlap: overlap.clone() };
            let dice = soft_dice(&p, ids, &config).unwrap().classes;
            for (j, d) in jaccard.into_iter().zip(dice) {
                prop_assert_eq!(j.is_some(), d.is_some());
                if let (Some(j), Some(d)) = (j, d) {
                    let (j, d) = (1.0 - j, 1.0 - d);
                    prop_assert!((j - d / (2.0 - d)).abs() < 1e-9, "{j} and {d}");
                }
            }
        }
        prop_assert!(numbers(&p).iter().all(|p| (0.0..=1.0).contains(p)));
    }
}
