//! The scorer of waves: shapes, gradients, the frozen backbone, order and filling of proposals.

use candle_core::{DType, Device, Tensor};
use mapvec_models::{UNet, UNetConfig, WaveProposals, WaveScorer, WaveScorerConfig};
use mapvec_nn::{AdamWConfig, Optimizer, ParameterStore};

use crate::assert_gradients;
use crate::closed_form::normal;

fn backbone_config() -> UNetConfig {
    UNetConfig { widths: vec![4, 6, 8], convolutions: 1, ..UNetConfig::default() }
}

fn config() -> WaveScorerConfig {
    WaveScorerConfig {
        features: 16,
        heads: 2,
        hidden: 24,
        numbers: 2,
        ..WaveScorerConfig::default()
    }
}

/// A scorer, the store of its parameters and that of its backbone.
fn scorer(config: &WaveScorerConfig) -> (WaveScorer, ParameterStore, ParameterStore) {
    let [own, of_backbone] = [1, 2].map(|seed| ParameterStore::new(seed, DType::F32, &Device::Cpu));
    let backbone = UNet::new(&backbone_config(), of_backbone.var_builder()).unwrap();
    (WaveScorer::new(config, backbone, own.var_builder()).unwrap(), own, of_backbone)
}

/// Waves, masks and numbers of `k` proposals of `b` pictures; the last two of each fill up.
fn proposals(b: usize, k: usize, seed: u64) -> [Tensor; 3] {
    let waves = (normal((b, k, 3, 1), seed) * 4.0).unwrap().reshape((b, k, 3)).unwrap();
    let mask: Vec<u8> = (0..b * k).map(|i| u8::from(i % k + 2 < k)).collect();
    let mask = Tensor::from_vec(mask, (b, k), &Device::Cpu).unwrap();
    [waves, mask, normal((b, k, 2, 1), seed + 1).reshape((b, k, 2)).unwrap()]
}

fn qualities(
    scorer: &WaveScorer,
    pictures: &Tensor,
    [waves, mask, numbers]: &[Tensor; 3],
) -> Vec<Vec<f32>> {
    let proposals = WaveProposals { waves, mask, numbers: Some(numbers) };
    scorer.forward(pictures, &proposals).unwrap().to_vec2().unwrap()
}

#[test]
fn there_is_a_quality_for_each_proposal_and_none_for_what_fills_up() {
    let (scorer, own, _) = scorer(&config());
    for (h, w) in [(32, 32), (24, 40)] {
        let found = qualities(&scorer, &normal((2, 3, h, w), 5), &proposals(2, 6, 7));
        assert_eq!((found.len(), found[0].len()), (2, 6));
        for row in found {
            assert!(row[..4].iter().all(|q| *q > 0.0 && *q < 1.0), "{row:?}");
            assert_eq!(row[4..], [0.0, 0.0]);
        }
    }
    // Levels of 8 x 8 x 4, 4 x 4 x 6 and 2 x 2 x 8 values, maps of 8 x 8, 2 numbers; layers of
    // 4 d^2 for the attention, three linear ones, norms of 2 d each; norm and head.
    let d = 16_usize;
    let linear = |i: usize, o: usize| i * o + o;
    let inner = 5 * linear(d, d) + linear(d, 24) + linear(24, d) + 2 * 2 * d;
    let inputs = linear(256, d) + linear(96, d) + linear(32, d) + linear(64, d) + linear(2, d);
    let expected = inputs + 2 * (inner + 2 * d) + inner + 2 * d + linear(d, 1);
    assert_eq!(own.parameter_count(), expected);
}

#[test]
fn training_reaches_every_parameter_but_those_of_the_backbone() {
    let (scorer, own, of_backbone) = scorer(&config());
    let [waves, mask, numbers] = proposals(2, 6, 11);
    let pictures = normal((2, 3, 32, 32), 12);
    let loss = || {
        let proposals = WaveProposals { waves: &waves, mask: &mask, numbers: Some(&numbers) };
        scorer.forward(&pictures, &proposals).unwrap().sqr().unwrap().sum_all().unwrap()
    };
    assert_gradients(&loss(), &own.trainable());
    let gradients = loss().backward().unwrap();
    for (name, var) in of_backbone.trainable() {
        assert!(gradients.get(&var).is_none(), "{name} has a gradient");
    }
    // An optimiser of everything.
    let (before, own_before) = (of_backbone.to_bytes().unwrap(), own.to_bytes().unwrap());
    let named = |(name, var)| (format!("backbone.{name}"), var);
    let all = own.trainable().into_iter().chain(of_backbone.trainable().into_iter().map(named));
    let settings = AdamWConfig { weight_decay: 0.0, ..AdamWConfig::default() };
    let mut optimizer = Optimizer::new(all.collect(), &settings).unwrap();
    let first = loss().to_scalar::<f32>().unwrap();
    for _ in 0..3 {
        optimizer.step(&loss().backward().unwrap()).unwrap();
    }
    assert!(loss().to_scalar::<f32>().unwrap() < first);
    assert!(
        before == of_backbone.to_bytes().unwrap(),
        "weights or statistics of the backbone moved"
    );
    assert!(own_before != own.to_bytes().unwrap());
}

#[test]
fn proposals_in_another_order_have_the_same_qualities() {
    let (scorer, ..) = scorer(&config());
    let pictures = normal((2, 3, 32, 32), 21);
    let all = proposals(2, 6, 22);
    let order = [3_u32, 0, 5, 1, 4, 2];
    let index = Tensor::new(&order, &Device::Cpu).unwrap();
    let turned = all.each_ref().map(|part| part.index_select(&index, 1).unwrap());
    let (plain, turned) =
        (qualities(&scorer, &pictures, &all), qualities(&scorer, &pictures, &turned));
    for (plain, turned) in plain.iter().zip(&turned) {
        for (place, &from) in order.iter().enumerate() {
            assert!((turned[place] - plain[from as usize]).abs() < 1e-5, "{plain:?} {turned:?}");
        }
    }
    let others = qualities(&scorer, &pictures, &proposals(2, 6, 23));
    assert!((others[0][0] - plain[0][0]).abs() > 1e-4, "the waves do not matter");
    let elsewhere = qualities(&scorer, &normal((2, 3, 32, 32), 24), &all);
    assert!((elsewhere[0][0] - plain[0][0]).abs() > 1e-4, "the picture does not matter");
}

#[test]
fn what_fills_up_does_not_matter() {
    let (scorer, ..) = scorer(&config());
    let pictures = normal((2, 3, 32, 32), 31);
    let all = proposals(2, 6, 32);
    let short = all.each_ref().map(|part| part.narrow(1, 0, 4).unwrap().contiguous().unwrap());
    let other = proposals(2, 6, 33);
    let filled = [0, 1, 2]
        .map(|i| Tensor::cat(&[&short[i], &other[i].narrow(1, 4, 2).unwrap()], 1).unwrap());
    let (short, filled) =
        (qualities(&scorer, &pictures, &short), qualities(&scorer, &pictures, &filled));
    for (short, filled) in short.iter().zip(&filled) {
        for (a, b) in short.iter().zip(filled) {
            assert!((a - b).abs() < 1e-5, "{short:?} {filled:?}");
        }
    }
    // A picture without any proposal.
    let [waves, mask, numbers] = all;
    let none = [waves, mask.zeros_like().unwrap(), numbers];
    assert_eq!(qualities(&scorer, &pictures, &none), vec![vec![0.0; 6]; 2]);
}

#[test]
fn a_wave_and_its_other_form_are_the_same() {
    let (scorer, ..) = scorer(&config());
    let pictures = normal((2, 3, 32, 32), 41);
    let [waves, mask, numbers] = proposals(2, 6, 42);
    let turned = [waves.neg().unwrap(), mask.clone(), numbers.clone()];
    let a = qualities(&scorer, &pictures, &[waves, mask, numbers]);
    let b = qualities(&scorer, &pictures, &turned);
    for (a, b) in a.iter().flatten().zip(b.iter().flatten()) {
        assert!((a - b).abs() < 1e-5, "{a} {b}");
    }
}

#[test]
fn bad_settings_and_shapes_are_refused() {
    for (wrong, field) in [
        (WaveScorerConfig { patch: 0, ..config() }, "patch"),
        (WaveScorerConfig { patch: 6, ..config() }, "patch"),
        (WaveScorerConfig { features: 18, ..config() }, "features"),
        (WaveScorerConfig { heads: 0, ..config() }, "heads"),
        (WaveScorerConfig { heads: 3, ..config() }, "features"),
        (WaveScorerConfig { hidden: 0, ..config() }, "hidden"),
        (WaveScorerConfig { hidden: usize::MAX, ..config() }, "hidden"),
        (WaveScorerConfig { features: usize::MAX / 4 * 4, ..config() }, "features"),
        (WaveScorerConfig { numbers: usize::MAX, ..config() }, "numbers"),
        (WaveScorerConfig { layers: 0, ..config() }, "layers"),
        (WaveScorerConfig { context_layers: 17, ..config() }, "context_layers"),
    ] {
        let store = ParameterStore::new(1, DType::F32, &Device::Cpu);
        let backbone = UNet::new(&backbone_config(), store.var_builder()).unwrap();
        let message =
            WaveScorer::new(&wrong, backbone, store.var_builder()).unwrap_err().to_string();
        assert!(message.starts_with(field), "{message}");
    }
    let (scorer, ..) = scorer(&config());
    let [waves, mask, numbers] = &proposals(2, 6, 51);
    let pictures = &normal((2, 3, 32, 32), 52);
    let refused = |pictures: &Tensor, waves: &Tensor, numbers: Option<&Tensor>| {
        scorer.forward(pictures, &WaveProposals { waves, mask, numbers }).unwrap_err().to_string()
    };
    let text = refused(&normal((2, 3, 36, 32), 53), waves, Some(numbers));
    assert!(text.contains("multiples of 8"), "{text}");
    assert!(refused(pictures, waves, None).contains("made for 2"));
    let text = refused(pictures, &waves.narrow(1, 0, 5).unwrap(), Some(numbers));
    assert!(text.contains("must be [2, K, 3]"), "{text}");
}
