//! Residual networks.

use candle_core::{DType, Device};
use mapvec_models::{ResNet, ResNetBlock, ResNetConfig};
use mapvec_nn::ParameterStore;

use crate::closed_form::{ClosedForm, Shapes, normal};

#[test]
fn parameter_counts_are_those_published() {
    let published = [
        (ResNetConfig::resnet18(), 11_689_512),
        (ResNetConfig::resnet34(), 21_797_672),
        (ResNetConfig::resnet50(), 25_557_032),
        (ResNetConfig::resnet101(), 44_549_160),
    ];
    for (config, count) in published {
        let shapes = Shapes::default();
        ResNet::new(&config, shapes.var_builder()).unwrap();
        assert_eq!(shapes.parameter_count(), count, "{config:?}");
    }
}

/// `torchvision.models.resnet50(weights=None).eval()` with closed-form weights on
/// `normal((1, 3, 224, 224), 60002)`: the first 16 logits. Weights depend on their names, so
/// this holds for all names.
#[test]
fn resnet50_agrees_with_torchvision() {
    let expected = [
        -0.814_052_9,
        -1.690_788_6,
        1.107_498_3,
        -2.051_365_9,
        -3.418_513,
        2.553_526_4,
        0.328_197_57,
        2.501_436,
        3.088_777_5,
        -0.536_957_6,
        -0.570_287_2,
        -1.043_510_9,
        0.200_451_75,
        1.912_478_9,
        0.221_822_11,
        1.551_315_5_f32,
    ];
    let net = ResNet::new(&ResNetConfig::resnet50(), ClosedForm::new().var_builder()).unwrap();
    let logits = net.forward(&normal((1, 3, 224, 224), 60_002), false).unwrap();
    let logits = logits.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    for (found, expected) in logits.iter().zip(expected) {
        assert!((found - expected).abs() < 5e-5, "{found} instead of {expected}");
    }
    let sum: f64 = logits.iter().map(|v| f64::from(*v)).sum();
    assert!((sum + 42.028_736).abs() < 5e-3, "sum {sum}");
}

#[test]
fn sizes_follow_strides_and_dilation() {
    let small =
        ResNetConfig { width: 4, depths: [1, 2, 1, 1], classes: 5, ..ResNetConfig::default() };
    for (dilate, layer4) in [([false; 3], (2, 3)), ([false, true, true], (6, 10))] {
        let config = ResNetConfig { dilate, ..small.clone() };
        let store = ParameterStore::new(1, DType::F32, &Device::Cpu);
        let net = mapvec_models::ResNetBackbone::new(&config, store.var_builder()).unwrap();
        let features = net.forward(&normal((2, 3, 43, 77), 1), false).unwrap();
        assert_eq!(features.layer1.dims(), [2, 16, 11, 20]);
        assert_eq!(features.layer2.dims(), [2, 32, 6, 10]);
        assert_eq!(features.layer4.dims(), [2, 128, layer4.0, layer4.1]);
    }
    let store = ParameterStore::new(1, DType::F32, &Device::Cpu);
    let net = ResNet::new(&small, store.var_builder()).unwrap();
    for side in [32, 45] {
        let logits = net.forward(&normal((2, 3, side, side), 2), true).unwrap();
        assert_eq!(logits.dims(), [2, 5]);
    }
}

#[test]
fn every_parameter_gets_a_gradient() {
    let basic = ResNetConfig { block: ResNetBlock::Basic, width: 8, ..ResNetConfig::resnet18() };
    let bottleneck = ResNetConfig { width: 4, depths: [2, 1, 1, 2], ..ResNetConfig::default() };
    for config in [basic, bottleneck] {
        let store = ParameterStore::new(2, DType::F32, &Device::Cpu);
        let net = ResNet::new(&config, store.var_builder()).unwrap();
        let loss = net.forward(&normal((2, 3, 64, 48), 3), true).unwrap().sqr().unwrap();
        crate::assert_gradients(&loss.mean_all().unwrap(), &store.trainable());
    }
}

#[test]
fn bad_configurations_are_refused() {
    let wrong = [
        ResNetConfig { width: 0, ..ResNetConfig::default() },
        ResNetConfig { depths: [1, 0, 1, 1], ..ResNetConfig::default() },
        ResNetConfig { dilate: [false, true, true], ..ResNetConfig::resnet18() },
    ];
    for config in wrong {
        assert!(ResNet::new(&config, Shapes::default().var_builder()).is_err(), "{config:?}");
    }
}
