//! `RowTransformer` against the same of PyTorch's layers, closed-form weights.

use candle_core::{DType, Device, Tensor};
use mapvec_models::{RowTransformer, RowTransformerConfig, SequenceNorm, Sequences};
use mapvec_nn::ParameterStore;

use crate::closed_form::{ClosedForm, Shapes, normal};

fn small(sequences: Sequences, norm: SequenceNorm) -> RowTransformerConfig {
    RowTransformerConfig {
        piece: 1,
        features: 24,
        frequency_features: 4,
        position_features: 4,
        heads: 3,
        hidden: 40,
        layers: 3,
        sequences,
        norm,
        ..RowTransformerConfig::default()
    }
}

fn inputs(h: usize, w: usize) -> [Tensor; 2] {
    let wave = normal((2, 1, h, w), 71_001).clamp(-1.0, 1.0).unwrap();
    [normal((2, 3, h, w), 71_000), wave]
}

#[test]
fn logits_agree_with_pytorch() {
    let weights = ClosedForm::new();
    let config = small(Sequences::Alternating, SequenceNorm::Features);
    let net = RowTransformer::new(&config, weights.var_builder()).unwrap();
    let [picture, wave] = inputs(12, 9);
    let expected = [
        ((0, 0, 0, 0), -0.183_363_33),
        ((0, 0, 5, 7), -0.229_536_56),
        ((0, 0, 11, 8), 0.716_530_7),
        ((1, 0, 0, 8), 0.008_248_27),
        ((1, 0, 6, 3), -0.214_320_33),
        ((1, 0, 11, 0), 0.449_205_88),
    ];
    crate::assert_pixels(&net.forward(&picture, &wave).unwrap(), &expected, 1e-5);

    let config = small(Sequences::Rows, SequenceNorm::Sequence);
    let net = RowTransformer::new(&config, ClosedForm::new().var_builder()).unwrap();
    let expected = [
        ((0, 0, 0, 0), -0.828_482_8),
        ((0, 0, 5, 7), -1.109_765_8),
        ((0, 0, 11, 8), 1.182_079_8),
        ((1, 0, 0, 8), 0.652_913_5),
        ((1, 0, 6, 3), 0.799_317_3),
        ((1, 0, 11, 0), -0.955_904_1),
    ];
    crate::assert_pixels(&net.forward(&picture, &wave).unwrap(), &expected, 1e-5);
}

#[test]
fn sizes_and_numbers_of_parameters() {
    let shapes = Shapes::default();
    RowTransformer::new(&RowTransformerConfig::default(), shapes.var_builder()).unwrap();
    assert_eq!(shapes.parameter_count(), 76_460);
    let config = small(Sequences::Alternating, SequenceNorm::Features);
    let store = ParameterStore::new(1, DType::F32, &Device::Cpu);
    let net = RowTransformer::new(&config, store.var_builder()).unwrap();
    assert_eq!(store.parameter_count(), 13_541);
    for (h, w) in [(32, 32), (17, 40), (64, 64)] {
        let [picture, wave] = inputs(h, w);
        assert_eq!(net.forward(&picture, &wave).unwrap().dims4().unwrap(), (2, 1, h, w));
    }
}

#[test]
fn every_parameter_gets_a_gradient() {
    for (sequences, norm) in [
        (Sequences::Rows, SequenceNorm::Features),
        (Sequences::Alternating, SequenceNorm::Features),
        (Sequences::Alternating, SequenceNorm::Sequence),
    ] {
        let weights = ClosedForm::new();
        let net = RowTransformer::new(&small(sequences, norm), weights.var_builder()).unwrap();
        let [picture, wave] = inputs(11, 14);
        let loss = net.forward(&picture, &wave).unwrap().sqr().unwrap().mean_all().unwrap();
        crate::assert_gradients(&loss, &weights.trainable());
    }
}

/// A row that is seen alone has the logits that it has among others, and so has a picture.
#[test]
fn sequences_and_pictures_are_independent() {
    let config = small(Sequences::Rows, SequenceNorm::Features);
    let net = RowTransformer::new(&config, ClosedForm::new().var_builder()).unwrap();
    let [picture, wave] = inputs(6, 10);
    let all = net.forward(&picture, &wave).unwrap();
    let second = |x: &Tensor| x.narrow(0, 1, 1).unwrap();
    let alone = net.forward(&second(&picture), &second(&wave)).unwrap();
    let values = |x: &Tensor| x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    // Products of other sizes round differently.
    let pairs = values(&second(&all)).into_iter().zip(values(&alone));
    let gap = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(gap < 1e-5, "{gap}");

    // Another wave in one row changes that row, and along columns the others, too.
    let other = Tensor::cat(&[wave.narrow(2, 0, 5).unwrap(), wave.narrow(2, 0, 1).unwrap()], 2);
    let upper = |x: &Tensor| values(&x.narrow(2, 0, 5).unwrap());
    let changed = net.forward(&picture, &other.unwrap()).unwrap();
    assert_eq!(upper(&all), upper(&changed));
    assert_ne!(values(&all), values(&changed));
}

#[test]
fn brightness_and_contrast_play_no_part() {
    let config = small(Sequences::Alternating, SequenceNorm::Features);
    let net = RowTransformer::new(&config, ClosedForm::new().var_builder()).unwrap();
    let [picture, wave] = inputs(8, 8);
    let other = picture.affine(0.3, 0.5).unwrap();
    let [a, b] = [&picture, &other].map(|picture| net.forward(picture, &wave).unwrap());
    let gap = (a - b).unwrap().abs().unwrap().max_all().unwrap().to_scalar::<f32>().unwrap();
    assert!(gap < 1e-3, "{gap}");
}

#[test]
fn threads_change_no_bit() {
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let store = ParameterStore::new(4, DType::F32, &Device::Cpu);
            let config = RowTransformerConfig::default();
            let net = RowTransformer::new(&config, store.var_builder()).unwrap();
            let [picture, wave] = inputs(32, 32);
            let logits = net.forward(&picture, &wave).unwrap();
            let gradients = logits.sqr().unwrap().mean_all().unwrap().backward().unwrap();
            let mut bits: Vec<u32> = Vec::new();
            let mut keep = |x: &Tensor| {
                let values = x.flatten_all().unwrap().to_vec1::<f32>().unwrap();
                bits.extend(values.into_iter().map(f32::to_bits));
            };
            keep(&logits);
            store.trainable().iter().for_each(|(_, var)| keep(gradients.get(var).unwrap()));
            bits
        })
    };
    assert!(run(1) == run(3), "another number of threads, other bits");
}

#[test]
fn bad_configurations_and_inputs_are_refused() {
    let usual = RowTransformerConfig::default;
    for (config, field) in [
        (RowTransformerConfig { in_channels: 0, ..usual() }, "in_channels"),
        (RowTransformerConfig { in_channels: usize::MAX, ..usual() }, "in_channels"),
        (RowTransformerConfig { frequency_features: 0, ..usual() }, "frequency_features"),
        (RowTransformerConfig { position_features: 5, ..usual() }, "position_features"),
        (
            RowTransformerConfig { position_features: usize::MAX - 1, ..usual() },
            "position_features",
        ),
        (RowTransformerConfig { hidden: usize::MAX, ..usual() }, "hidden"),
        (RowTransformerConfig { features: usize::MAX / 4 * 4, ..usual() }, "features"),
        (RowTransformerConfig { heads: 0, ..usual() }, "heads"),
        (RowTransformerConfig { heads: 5, ..usual() }, "features"),
        (RowTransformerConfig { features: 24, ..usual() }, "features"),
        (RowTransformerConfig { layers: 0, ..usual() }, "layers"),
        (RowTransformerConfig { hidden: 0, ..usual() }, "hidden"),
    ] {
        let message = config.validate().unwrap_err().to_string();
        assert!(message.starts_with(field), "{message}");
    }
    let config = small(Sequences::Rows, SequenceNorm::Features);
    let net = RowTransformer::new(&config, ClosedForm::new().var_builder()).unwrap();
    let [picture, wave] = inputs(6, 10);
    let [_, narrow] = inputs(6, 9);
    assert!(net.forward(&picture, &narrow).is_err() && net.forward(&wave, &wave).is_err());
    assert!(
        net.forward(&picture.narrow(0, 0, 0).unwrap(), &wave.narrow(0, 0, 0).unwrap()).is_err()
    );
}
