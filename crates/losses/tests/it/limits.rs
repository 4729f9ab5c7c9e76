//! Confident logits, empty masks, absent classes, NaN.

use candle_core::{DType, Device, Tensor, Var};
use mapvec_losses::{DenseLossConfig, dense_map_loss};

use crate::batch::Batch;

const TYPES: [DType; 2] = [DType::F32, DType::F64];

#[test]
fn confident_logits_stay_finite_and_right() {
    let mut batch = Batch::new(1, (2, 12, 8, 9), 6);
    for (index, value) in batch.logits.iter_mut().enumerate() {
        *value = if index * 7 % 11 < 5 { 200.0 } else { -200.0 };
    }
    let config = DenseLossConfig::default();
    let (fused, gradient, _) = batch.run(DType::F32, &config);
    let (composed, exact, _) = batch.run(DType::F64, &config);
    assert!(fused.is_finite() && composed.is_finite(), "{fused} and {composed}");
    assert!((fused - composed).abs() < 1e-5 * composed, "{fused} and {composed}");
    for (a, b) in gradient.iter().zip(&exact) {
        assert!(a.is_finite() && b.is_finite(), "{a} and {b}");
        assert!((a - b).abs() < 1e-4 * b.abs().max(1e-3), "{a} and {b}");
    }
}

#[test]
fn nothing_known_is_no_loss_and_no_gradient() {
    let mut batch = Batch::new(2, (2, 12, 4, 4), 0);
    batch.bytes.iter_mut().for_each(|target| target.fill(255));
    batch.floats.iter_mut().for_each(|target| target.fill(f32::NAN));
    for dtype in TYPES {
        let (value, gradient, terms) = batch.run(dtype, &DenseLossConfig::default());
        // A sample without a positive pixel has no Dice term.
        assert_eq!(value.to_bits(), 0.0_f64.to_bits(), "{terms:?}");
        assert!(gradient.iter().all(|&g| g == 0.0 || g.to_bits() == (-0.0_f64).to_bits()));
    }
}

#[test]
fn absent_classes_and_empty_masks_are_finite() {
    let mut batch = Batch::new(3, (1, 12, 5, 5), 0);
    batch.bytes.iter_mut().for_each(|target| target.fill(0));
    batch.floats.iter_mut().for_each(|target| target.fill(f32::NAN));
    let mut config = DenseLossConfig::default();
    // The only class that occurs weighs nothing.
    config.class.class_weights = vec![0.0, 1.0, 1.0];
    for dtype in TYPES {
        let (value, gradient, terms) = batch.run(dtype, &config);
        assert!(value.is_finite() && gradient.iter().all(|g| g.is_finite()), "{terms:?}");
        for name in ["class", "angle", "thickness"] {
            assert!(terms.term(name).unwrap().abs() < 1e-30, "{name}: {terms:?}");
        }
        for name in ["boundary_bce", "distractor"] {
            assert!(terms.term(name).unwrap() > 0.0, "{name}: {terms:?}");
        }
    }
}

#[test]
fn a_batch_without_pixels_is_no_loss() {
    let batch = Batch::new(4, (0, 12, 5, 5), 0);
    let logits = Tensor::zeros((0, 12, 5, 5), DType::F32, &Device::Cpu).unwrap();
    let config = DenseLossConfig::default();
    let loss = dense_map_loss(&logits, &batch.targets(), &config).unwrap().loss;
    assert_eq!(loss.to_scalar::<f32>().unwrap().to_bits(), 0);
}

#[test]
fn nan_in_any_channel_shows() {
    let batch = Batch::new(5, (1, 12, 3, 3), 0);
    for channel in 0..12 {
        let mut broken = batch.clone();
        broken.logits[channel * 9 + 4] = f32::NAN;
        let (value, _, _) = broken.run(DType::F32, &DenseLossConfig::default());
        assert!(value.is_nan(), "channel {channel}: {value}");
    }
}

#[test]
fn a_task_of_weight_0_is_skipped() {
    let batch = Batch::new(6, (1, 12, 4, 4), 0);
    let mut config = DenseLossConfig::default();
    config.weights.distractor = 0.0;
    let targets = mapvec_losses::Targets { distractor: &[], ..batch.targets() };
    let var: Var = batch.var(DType::F32);
    let composite = dense_map_loss(&var, &targets, &config).unwrap();
    assert!(composite.term("distractor").unwrap().abs() < 1e-30, "{composite:?}");
    let grads = composite.loss.backward().unwrap();
    let unused = grads.get(&var).unwrap().narrow(1, 8, 4).unwrap();
    let unused = unused.abs().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap();
    assert_eq!(unused.to_bits(), 0, "unused channels have no gradient");
}
