//! `DeepLabV3`.

use candle_core::{DType, Device};
use mapvec_models::{DeepLabV3, DeepLabV3Config, ResNetConfig};
use mapvec_nn::ParameterStore;

use crate::closed_form::{ClosedForm, Shapes, normal};

#[test]
fn parameters_are_those_of_torchvision() {
    let config = DeepLabV3Config { classes: 10, ..DeepLabV3Config::default() };
    let shapes = Shapes::default();
    DeepLabV3::new(&config, shapes.var_builder()).unwrap();
    assert_eq!(shapes.parameter_count(), 39_636_042);

    let shapes = Shapes::default();
    let config = DeepLabV3Config { auxiliary: true, ..config };
    DeepLabV3::new(&config, shapes.var_builder()).unwrap();
    let names = shapes.names();
    let auxiliary: Vec<&str> =
        names.iter().filter_map(|name| name.strip_prefix("aux_classifier.")).collect();
    let expected =
        ["0.weight", "1.weight", "1.bias", "1.running_mean", "1.running_var", "4.weight", "4.bias"];
    assert_eq!(auxiliary, expected);
    assert_eq!(shapes.parameter_count(), 39_636_042 + 9 * 1024 * 256 + 2 * 256 + 257 * 10);
}

/// `torchvision.models.segmentation.deeplabv3_resnet50(num_classes=10).eval()` with
/// closed-form weights on `normal((1, 3, 256, 256), 60000)`. The largest logit is 1.41.
#[test]
fn deeplab_agrees_with_torchvision() {
    let config = DeepLabV3Config { classes: 10, ..DeepLabV3Config::default() };
    let net = DeepLabV3::new(&config, ClosedForm::new().var_builder()).unwrap();
    let output = net.forward(&normal((1, 3, 256, 256), 60_000), false).unwrap();
    let expected = [
        ((0, 0, 0, 0), 0.209_625_54),
        ((0, 1, 40, 200), 0.117_073_98),
        ((0, 2, 252, 252), -0.069_223_16),
        ((0, 3, 124, 128), 1.089_815_3),
        ((0, 4, 20, 0), 0.727_002),
        ((0, 5, 0, 252), -0.443_002_37),
        ((0, 7, 160, 52), -0.865_533_35),
        ((0, 9, 252, 0), -0.448_831_92),
    ];
    crate::assert_pixels(&output.out, &expected, 2e-5);
    let best = output.out.argmax(1).unwrap().flatten_all().unwrap().to_vec1::<u32>().unwrap();
    let counts = [3, 4, 8].map(|class| best.iter().filter(|&&b| b == class).count());
    for (found, expected) in counts.into_iter().zip([13_896_usize, 48_987, 2_617]) {
        assert!(found.abs_diff(expected) <= 3, "{counts:?}");
    }
}

#[test]
fn every_parameter_gets_a_gradient_and_sizes_are_kept() {
    let backbone = ResNetConfig {
        width: 4,
        depths: [1; 4],
        dilate: [false, true, true],
        ..ResNetConfig::default()
    };
    let config = DeepLabV3Config { backbone, dilations: vec![2, 3], auxiliary: true, classes: 3 };
    let store = ParameterStore::new(2, DType::F32, &Device::Cpu);
    let net = DeepLabV3::new(&config, store.var_builder()).unwrap();
    let output = net.forward(&normal((1, 3, 33, 50), 4), false).unwrap();
    assert_eq!(output.out.dims(), [1, 3, 33, 50]);
    assert!(output.auxiliary.is_none(), "inference does without");
    let output = net.forward(&normal((2, 3, 48, 40), 5), true).unwrap();
    let auxiliary = output.auxiliary.unwrap();
    assert_eq!(auxiliary.dims(), [2, 3, 48, 40]);
    let loss = (output.out.sqr().unwrap() + auxiliary.sqr().unwrap()).unwrap();
    crate::assert_gradients(&loss.mean_all().unwrap(), &store.trainable());
}

#[test]
fn bad_configurations_are_refused() {
    let wrong = [
        DeepLabV3Config { dilations: vec![12, 0], ..DeepLabV3Config::default() },
        DeepLabV3Config { classes: 0, ..DeepLabV3Config::default() },
        DeepLabV3Config {
            backbone: ResNetConfig { in_channels: 0, ..ResNetConfig::default() },
            ..DeepLabV3Config::default()
        },
    ];
    for config in wrong {
        assert!(DeepLabV3::new(&config, Shapes::default().var_builder()).is_err(), "{config:?}");
    }
}
