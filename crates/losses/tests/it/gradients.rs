//! Values and gradients: fused against composed, composed against finite differences.

use candle_core::{DType, Device, Tensor, Var};
use mapvec_losses::{
    BceDiceConfig, CrossEntropyConfig, DenseLossConfig, ThicknessConfig, angle, bce_dice,
    cross_entropy, dense_map_loss, thickness,
};
use proptest::prelude::*;

use crate::batch::{Batch, total, uneven};

fn assert_close(fused: &[f64], exact: &[f64], tolerance: f64) {
    let scale = exact.iter().fold(1e-12_f64, |largest, value| largest.max(value.abs()));
    assert_eq!(fused.len(), exact.len());
    for (index, (a, b)) in fused.iter().zip(exact).enumerate() {
        assert!((a - b).abs() <= tolerance * scale, "entry {index}: {a} and {b}, scale {scale}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn fused_equals_composed_in_double(
        seed: u64, b in 1_usize..4, h in 1_usize..24, w in 1_usize..24, unknown in 0_u64..5,
    ) {
        let batch = Batch::new(seed, (b, 14, h, w), unknown);
        for config in [DenseLossConfig::default(), uneven()] {
            let (value, gradient, terms) = batch.run(DType::F32, &config);
            let (exact, exact_gradient, exact_terms) = batch.run(DType::F64, &config);
            assert_close(&[value], &[exact], 1e-6);
            assert_close(&gradient, &exact_gradient, 2e-6);
            for (&(name, a), &(_, b)) in terms.terms.iter().zip(&exact_terms.terms) {
                prop_assert!((a - b).abs() <= 2e-6 * b.abs().max(1.0), "{name}: {a} and {b}");
            }
            prop_assert!((total(&terms, &config) - value).abs() <= 1e-6 * value.abs());
        }
    }
}

#[test]
fn composed_equals_finite_differences() {
    let batch = Batch::new(5, (2, 14, 3, 4), 4);
    let config = uneven();
    let (_, gradient, _) = batch.run(DType::F64, &config);
    let exact: Vec<f64> = batch.logits.iter().map(|&value| f64::from(value)).collect();
    let value = |logits: &[f64]| {
        let tensor = Tensor::from_slice(logits, batch.shape, &Device::Cpu).unwrap();
        total(&dense_map_loss(&tensor, &batch.targets(), &config).unwrap(), &config)
    };
    let step = 1e-5;
    let differences: Vec<f64> = (0..exact.len())
        .map(|index| {
            let mut moved = exact.clone();
            moved[index] += step;
            let above = value(&moved);
            moved[index] -= 2.0 * step;
            (above - value(&moved)) / (2.0 * step)
        })
        .collect();
    assert_close(&gradient, &differences, 1e-7);
    assert!(gradient.iter().any(|value| value.abs() > 1e-3), "the gradient is not all zero");
}

#[test]
fn zero_logits_have_the_gradient_of_the_formula() {
    // At 0 the derivatives of |x| and of a ramp are one-sided; the loss is smooth.
    let target = [1, 0, 255, 0];
    let config = BceDiceConfig { dice_weight: 0.0, ..BceDiceConfig::default() };
    for dtype in [DType::F32, DType::F64] {
        let logits = Var::zeros((1, 1, 2, 2), dtype, &Device::Cpu).unwrap();
        let loss = bce_dice(&logits, 0, &target, &config).unwrap().loss;
        let grads = loss.backward().unwrap();
        let gradient = grads.get(&logits).unwrap().to_dtype(DType::F64).unwrap();
        let gradient = gradient.flatten_all().unwrap().to_vec1::<f64>().unwrap();
        assert_close(&gradient, &[-1.0 / 3.0, 0.5 / 3.0, 0.0, 0.5 / 3.0], 1e-6);
        let value = loss.to_dtype(DType::F64).unwrap().to_scalar::<f64>().unwrap();
        assert!((value - 4.0 / 3.0 * 2_f64.ln()).abs() < 1e-6, "{value}");
    }
}

#[test]
fn values_by_hand() {
    let scalar = |loss: Tensor| f64::from(loss.to_scalar::<f32>().unwrap());
    let logits = |values: &[f32], c| {
        Tensor::from_slice(values, (1, c, 1, values.len() / c), &Device::Cpu).unwrap()
    };
    // Dice alone, of hard predictions: 2 of 3 positives found, none wrong.
    let config = BceDiceConfig { positive_weight: 1.0, dice_weight: 1.0, smooth: 1.0 };
    let x = logits(&[60.0, 60.0, -60.0, -60.0], 1);
    let out = bce_dice(&x, 0, &[1, 1, 1, 0], &config).unwrap();
    assert!((out.term("bce").unwrap() - 15.0).abs() < 1e-5, "{out:?}");
    assert!((out.term("dice").unwrap() - (1.0 - 5.0 / 6.0)).abs() < 1e-5, "{out:?}");
    let value = scalar(out.loss);
    assert!((value - (15.0 + 1.0 - 5.0 / 6.0)).abs() < 1e-5, "{value}");
    // Two pixels, classes 0 and 1, odds of 3 to 1 for class 0.
    let x = logits(&[3_f32.ln(), 3_f32.ln(), 0.0, 0.0], 2);
    let config =
        CrossEntropyConfig { class_weights: vec![1.0, 3.0], ..CrossEntropyConfig::default() };
    let value = scalar(cross_entropy(&x, &[0, 1], &config).unwrap());
    let expected = ((4.0_f64 / 3.0).ln() + 3.0 * 4_f64.ln()) / 4.0;
    assert!((value - expected).abs() < 1e-6, "{value} and {expected}");
    // A horizontal line predicted vertical is at distance 2; an unknown pixel is free.
    let x = logits(&[-1.0, 7.0, 0.0, 7.0], 2);
    let value = scalar(angle(&x, 0, &[0.0, f32::NAN]).unwrap());
    assert!((value - 2.0).abs() < 1e-6, "{value}");
    // 1 px for 8 px is 3 octaves; 4.5 px for 4 px is inside beta.
    let x = logits(&[0.0, 2.25], 1);
    let value = scalar(thickness(&x, 0, &[8.0, 4.0], &ThicknessConfig::default()).unwrap());
    assert!((value - (3.0 - 0.25 + 0.0625) / 2.0).abs() < 1e-6, "{value}");
}

#[test]
fn the_parts_make_the_whole() {
    let batch = Batch::new(11, (2, 12, 9, 31), 6);
    let config = DenseLossConfig::default();
    let targets = batch.targets();
    let logits = batch.var(DType::F32);
    let scalar = |loss: Tensor| f64::from(loss.to_scalar::<f32>().unwrap());
    let narrow = |first, count| logits.narrow(1, first, count).unwrap();
    let parts = [
        scalar(bce_dice(&logits, 0, targets.boundary, &config.boundary).unwrap().loss),
        scalar(bce_dice(&logits, 1, targets.centreline, &config.centreline).unwrap().loss),
        scalar(cross_entropy(&narrow(2, 3), targets.class, &config.class).unwrap()) * 0.5,
        scalar(angle(&logits, 5, targets.angle).unwrap()) * 0.25,
        scalar(thickness(&logits, 7, targets.thickness, &config.thickness).unwrap()) * 0.1,
        scalar(cross_entropy(&narrow(8, 4), targets.distractor, &config.distractor).unwrap())
            * 0.25,
    ];
    let whole = scalar(dense_map_loss(&logits, &targets, &config).unwrap().loss);
    assert!((parts.iter().sum::<f64>() - whole).abs() < 1e-5, "{parts:?} and {whole}");
}

#[test]
fn strided_and_half_precision_logits_work() {
    let batch = Batch::new(3, (2, 12, 5, 7), 5);
    let config = DenseLossConfig::default();
    let (value, gradient, _) = batch.run(DType::F32, &config);
    let var = batch.var(DType::F32);
    let permuted = Var::from_tensor(&var.permute((0, 2, 3, 1)).unwrap().contiguous().unwrap());
    let permuted = permuted.unwrap();
    let back = permuted.permute((0, 3, 1, 2)).unwrap();
    let loss = dense_map_loss(&back, &batch.targets(), &config).unwrap().loss;
    let moved = f64::from(loss.to_scalar::<f32>().unwrap());
    assert!((moved - value).abs() < 1e-6, "{moved} and {value}");
    let grads = loss.backward().unwrap();
    let moved = grads.get(&permuted).unwrap().permute((0, 3, 1, 2)).unwrap();
    let moved = moved.to_dtype(DType::F64).unwrap().flatten_all().unwrap();
    assert_close(&moved.to_vec1::<f64>().unwrap(), &gradient, 1e-9);
    let (half, half_gradient, _) = batch.run(DType::BF16, &config);
    assert!((half - value).abs() < 0.02 * value, "{half} and {value}");
    assert_close(&half_gradient, &gradient, 0.05);
}

#[test]
fn scaled_losses_scale_the_gradient() {
    let batch = Batch::new(8, (1, 12, 6, 6), 0);
    let config = DenseLossConfig::default();
    let (_, gradient, _) = batch.run(DType::F32, &config);
    let var = batch.var(DType::F32);
    let loss = dense_map_loss(&var, &batch.targets(), &config).unwrap().loss;
    let scaled = (loss * 4.0).unwrap();
    let grads = scaled.backward().unwrap();
    let got = grads.get(&var).unwrap().to_dtype(DType::F64).unwrap().flatten_all().unwrap();
    let expected: Vec<f64> = gradient.iter().map(|value| 4.0 * value).collect();
    assert_close(&got.to_vec1::<f64>().unwrap(), &expected, 1e-12);
}

#[test]
fn the_same_bits_at_any_thread_count() {
    let batch = Batch::new(21, (3, 12, 37, 41), 7);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let (value, gradient, _) =
            pool.install(|| batch.run(DType::F32, &DenseLossConfig::default()));
        (value.to_bits(), gradient.into_iter().map(f64::to_bits).collect::<Vec<_>>())
    };
    let one = run(1);
    assert!(one == run(2) && one == run(5), "bits differ between thread counts");
}
