//! Bad input is refused with a message that names it.

use candle_core::{DType, Device, Tensor};
use mapvec_losses::{DenseLossConfig, Error, Targets, cross_entropy, dense_map_loss};

use crate::batch::Batch;

fn refusal(batch: &Batch, config: &DenseLossConfig) -> Error {
    dense_map_loss(&batch.var(DType::F32), &batch.targets(), config).unwrap_err()
}

#[test]
fn wrong_targets_are_named_with_their_place() {
    let good = Batch::new(1, (1, 12, 20, 20), 5);
    let config = DenseLossConfig::default();
    for (which, name, value) in [(0, "boundary", 2), (2, "class", 3), (3, "distractor", 254)] {
        let mut batch = good.clone();
        batch.bytes[which][317] = value;
        let message = refusal(&batch, &config).to_string();
        for part in [name, "317", &value.to_string()] {
            assert!(message.contains(part), "{part} missing in {message}");
        }
    }
    for (which, value) in [(0, f32::INFINITY), (1, 0.0), (1, -2.0), (1, f32::INFINITY)] {
        let mut batch = good.clone();
        batch.floats[which][31] = value;
        let error = refusal(&batch, &config);
        assert!(matches!(error, Error::Target { index: 31, .. }), "{error}");
    }
    let mut batch = good.clone();
    batch.bytes[1].pop();
    let error = refusal(&batch, &config);
    let expected = Error::Length { task: "centreline", expected: 400, found: 399 };
    assert_eq!(error.to_string(), expected.to_string());
}

#[test]
fn wrong_channels_are_refused() {
    let batch = Batch::new(1, (1, 11, 3, 3), 0);
    let error = refusal(&batch, &DenseLossConfig::default());
    assert!(matches!(error, Error::Channels { task: "distractor", end: 12, .. }), "{error}");
    let batch = Batch::new(1, (1, 12, 3, 3), 0);
    let mut config = DenseLossConfig::default();
    config.heads.angle = 4;
    let error = refusal(&batch, &config);
    assert!(matches!(error, Error::Overlap { first: "class", second: "angle" }), "{error}");
    config.heads.angle = usize::MAX;
    assert!(matches!(refusal(&batch, &config), Error::Channels { .. }));
    let flat = Tensor::zeros((12, 3, 3), DType::F32, &Device::Cpu).unwrap();
    let targets: Targets<'_> = batch.targets();
    let error = dense_map_loss(&flat, &targets, &DenseLossConfig::default()).unwrap_err();
    assert!(matches!(error, Error::Shape { field: "logits", .. }), "{error}");
}

/// A field and what breaks it.
type Change = (&'static str, fn(&mut DenseLossConfig));

#[test]
fn wrong_settings_are_named() {
    let batch = Batch::new(1, (1, 12, 3, 3), 0);
    let changes: [Change; 6] = [
        ("positive_weight", |config| config.boundary.positive_weight = f64::NAN),
        ("smooth", |config| config.centreline.smooth = 0.0),
        ("class_weights", |config| config.class.class_weights = vec![1.0]),
        ("class_weights", |config| config.distractor.class_weights[2] = -1.0),
        ("beta", |config| config.thickness.beta = 0.0),
        ("weights.angle", |config| config.weights.angle = f64::INFINITY),
    ];
    for (field, change) in changes {
        let mut config = DenseLossConfig::default();
        change(&mut config);
        let message = refusal(&batch, &config).to_string();
        assert!(message.contains(field), "{field} missing in {message}");
    }
    let zero = Tensor::zeros((1, 3, 1, 1), DType::F32, &Device::Cpu).unwrap();
    let uniform = mapvec_losses::CrossEntropyConfig::uniform(1);
    let error = cross_entropy(&zero, &[0], &uniform).unwrap_err();
    assert!(matches!(error, Error::Config { .. }), "{error}");
}
