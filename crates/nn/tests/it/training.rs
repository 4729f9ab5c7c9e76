//! Parameters on disk, the optimiser and clipping.

use candle_core::{DType, Device, Tensor, Var};
use mapvec_nn::{
    AdamWConfig, Conv2d, Conv2dConfig, ConvBnRelu, Error, GradcheckConfig, Optimizer,
    ParameterStore, clip_gradients, gradcheck, gradient_norm,
};

use crate::{random, random32, worse};

fn store(seed: u64, width: usize) -> ParameterStore {
    let store = ParameterStore::new(seed, DType::F32, &Device::Cpu);
    let vb = store.var_builder();
    let _ = ConvBnRelu::new(3, width, 3, &Conv2dConfig::same(3), vb.pp("stem")).unwrap();
    let _ = Conv2d::new(width, 2, 1, &Conv2dConfig::default(), vb.pp("head")).unwrap();
    store
}

#[test]
fn seeds_give_bytes_in_any_order_of_creation() {
    let bytes = store(5, 8).to_bytes().unwrap();
    assert_eq!(bytes, store(5, 8).to_bytes().unwrap());
    assert_ne!(bytes, store(6, 8).to_bytes().unwrap());
    let reversed = ParameterStore::new(5, DType::F32, &Device::Cpu);
    let vb = reversed.var_builder();
    let _ = Conv2d::new(8, 2, 1, &Conv2dConfig::default(), vb.pp("head")).unwrap();
    let _ = ConvBnRelu::new(3, 8, 3, &Conv2dConfig::same(3), vb.pp("stem")).unwrap();
    assert_eq!(bytes, reversed.to_bytes().unwrap());
}

#[test]
fn parameters_survive_the_disk() {
    let folder = std::env::temp_dir().join(format!("mapvec-nn-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("model.safetensors");
    let (saved, loaded) = (store(1, 8), store(2, 8));
    saved.save(&path).unwrap();
    loaded.load(&path).unwrap();
    assert_eq!(saved.to_bytes().unwrap(), loaded.to_bytes().unwrap());
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "no temporary file is left");
    let missing = loaded.load(&folder.join("absent")).unwrap_err();
    assert!(missing.to_string().contains("absent"), "{missing}");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_mismatch_lists_all_names_and_changes_nothing() {
    let target = store(1, 8);
    let before = target.to_bytes().unwrap();
    let other = store(2, 16);
    let _ = other.var_builder().get_with_hints(3, "extra", candle_nn::Init::Const(1.0)).unwrap();
    let _ = target.var_builder().get_with_hints(3, "absent", candle_nn::Init::Const(1.0)).unwrap();
    let before_absent = target.to_bytes().unwrap();
    let Err(Error::ParameterMismatch(mismatch)) = target.load_bytes(&other.to_bytes().unwrap())
    else {
        panic!("a mismatch is expected");
    };
    assert_eq!(
        (mismatch.missing, mismatch.unexpected),
        (vec!["absent".to_owned()], vec!["extra".to_owned()])
    );
    assert!(mismatch.misshaped.iter().any(|(name, ..)| name == "stem.conv.weight"));
    assert_eq!(target.to_bytes().unwrap(), before_absent);
    assert!(matches!(target.load_bytes(&before[..before.len() / 2]), Err(Error::Safetensors(_))));
    assert!(
        target.var_builder().get_with_hints(4, "absent", candle_nn::Init::Const(1.0)).is_err(),
        "other shape"
    );
}

/// `AdamW` by the book, in `f64`.
fn twin(parameter: &mut [f64], gradients: &[Vec<f64>], c: &AdamWConfig, decays: bool) {
    let (mut m, mut v) = (vec![0.0; parameter.len()], vec![0.0; parameter.len()]);
    for (t, gradient) in gradients.iter().enumerate() {
        let t = i32::try_from(t).unwrap() + 1;
        for i in 0..parameter.len() {
            m[i] = c.beta1 * m[i] + (1.0 - c.beta1) * gradient[i];
            v[i] = c.beta2 * v[i] + (1.0 - c.beta2) * gradient[i].powi(2);
            let (mh, vh) = (m[i] / (1.0 - c.beta1.powi(t)), v[i] / (1.0 - c.beta2.powi(t)));
            if decays {
                parameter[i] -= c.learning_rate * c.weight_decay * parameter[i];
            }
            parameter[i] -= c.learning_rate * mh / (vh.sqrt() + c.eps);
        }
    }
}

#[test]
fn adamw_follows_its_definition() {
    let config = AdamWConfig { learning_rate: 0.05, weight_decay: 0.1, ..AdamWConfig::default() };
    for (dtype, tolerance) in [(DType::F32, 2e-6), (DType::F64, 1e-12)] {
        for shape in [vec![6, 5], vec![30]] {
            let start = random(&shape, 1);
            let var = Var::from_tensor(&start.to_dtype(dtype).unwrap()).unwrap();
            let mut optimiser = Optimizer::new(vec![("p".into(), var.clone())], &config).unwrap();
            let mut gradients = Vec::new();
            for seed in 0..20 {
                let factor = random(&shape, 50 + seed);
                gradients.push(factor.flatten_all().unwrap().to_vec1::<f64>().unwrap());
                let loss =
                    (var.as_tensor() * factor.to_dtype(dtype).unwrap()).unwrap().sum_all().unwrap();
                optimiser.step(&loss.backward().unwrap()).unwrap();
            }
            let mut expected = start.flatten_all().unwrap().to_vec1::<f64>().unwrap();
            twin(&mut expected, &gradients, &config, shape.len() > 1);
            let got =
                var.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
            let gap = got.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, worse);
            assert!(gap < tolerance, "{dtype:?} {shape:?}: {gap}");
        }
    }
}

#[test]
fn training_resumes_bit_for_bit() {
    let x = random32(&[2, 3, 8, 8], 1);
    let train = |store: &ParameterStore, optimiser: &mut Optimizer, steps: usize| {
        let block =
            ConvBnRelu::new(3, 8, 3, &Conv2dConfig::same(3), store.var_builder().pp("stem"))
                .unwrap();
        for _ in 0..steps {
            let loss = block.forward(&x, true).unwrap().sqr().unwrap().mean_all().unwrap();
            optimiser.step(&loss.backward().unwrap()).unwrap();
        }
    };
    let config = AdamWConfig::default();
    let whole = store(1, 8);
    let mut optimiser = Optimizer::new(whole.trainable(), &config).unwrap();
    train(&whole, &mut optimiser, 3);
    let (parameters, state) = (whole.to_bytes().unwrap(), optimiser.state_bytes().unwrap());
    train(&whole, &mut optimiser, 3);

    let resumed = store(9, 8);
    resumed.load_bytes(&parameters).unwrap();
    let mut second = Optimizer::new(resumed.trainable(), &config).unwrap();
    second.load_state_bytes(&state).unwrap();
    assert_eq!(second.steps(), 3);
    train(&resumed, &mut second, 3);
    assert_eq!(whole.to_bytes().unwrap(), resumed.to_bytes().unwrap());
    assert_eq!(optimiser.state_bytes().unwrap(), second.state_bytes().unwrap());

    let mut other = Optimizer::new(store(1, 16).trainable(), &config).unwrap();
    assert!(matches!(other.load_state_bytes(&state), Err(Error::ParameterMismatch(_))));
    assert_eq!(other.steps(), 0);
}

#[test]
fn counters_of_pytorch_are_skipped_where_that_is_asked_for() {
    use candle_nn::Init::Const;
    use mapvec_nn::LoadConfig;

    let (saved, loaded) = (store(1, 8), store(2, 8));
    let plain = saved.to_bytes().unwrap();
    // A counter of PyTorch is one integer beside every running variance.
    let names = saved
        .names()
        .into_iter()
        .filter_map(|name| Some(name.strip_suffix("running_var")?.to_owned()));
    let mut counters: Vec<String> = names.map(|name| name + "num_batches_tracked").collect();
    counters.sort();
    assert!(!counters.is_empty());
    let mut tensors: std::collections::HashMap<String, Tensor> =
        candle_core::safetensors::load_buffer(&plain, &Device::Cpu).unwrap();
    for name in &counters {
        tensors
            .insert(name.clone(), Tensor::new(&[7_i64], &Device::Cpu).unwrap().squeeze(0).unwrap());
    }
    let bytes = safetensors::serialize(tensors.iter(), None).unwrap();

    let Err(Error::ParameterMismatch(mismatch)) = loaded.load_bytes(&bytes) else {
        panic!("strict without a rule");
    };
    assert_eq!(mismatch.unexpected, counters);
    assert_eq!(loaded.to_bytes().unwrap(), store(2, 8).to_bytes().unwrap(), "nothing is changed");
    assert_eq!(loaded.load_bytes_with(&bytes, &LoadConfig::pytorch()).unwrap(), counters);
    assert_eq!(loaded.to_bytes().unwrap(), plain);

    // Other names stay errors, and a variable is never skipped.
    let extra = saved.var_builder();
    let _ = extra.get_with_hints(1, "num_batches_tracked.weight", Const(1.0)).unwrap();
    let bytes = saved.to_bytes().unwrap();
    let error = loaded.load_bytes_with(&bytes, &LoadConfig::pytorch()).unwrap_err();
    assert!(error.to_string().contains("unexpected: num_batches_tracked.weight"), "{error}");
    let _ = loaded.var_builder().get_with_hints(1, "a.num_batches_tracked", Const(0.0)).unwrap();
    let error = loaded.load_bytes_with(&plain, &LoadConfig::pytorch()).unwrap_err();
    assert!(error.to_string().contains("missing: a.num_batches_tracked"), "{error}");
    for part in ["", "bn.num_batches_tracked"] {
        let config = LoadConfig { skip: vec![part.to_owned()] };
        assert!(loaded.load_bytes_with(&plain, &config).is_err(), "{part:?}");
    }
}

#[test]
fn clipping_bounds_the_common_norm() {
    let (a, b) = (
        Var::from_tensor(&random32(&[4], 1)).unwrap(),
        Var::from_tensor(&random32(&[2, 3], 2)).unwrap(),
    );
    let loss = ((a.sqr().unwrap().sum_all().unwrap() + b.sqr().unwrap().sum_all().unwrap())
        .unwrap()
        * 50.0)
        .unwrap();
    let parameters = vec![("a".to_owned(), a.clone()), ("b".to_owned(), b.clone())];
    let mut grads = loss.backward().unwrap();
    let before = gradient_norm(&grads, &parameters).unwrap();
    assert!(
        (clip_gradients(&mut grads, &parameters, 2.0).unwrap() - before).abs() < 1e-9
            && before > 2.0
    );
    assert!((gradient_norm(&grads, &parameters).unwrap() - 2.0).abs() < 1e-5);
    clip_gradients(&mut grads, &parameters, 1e3).unwrap();
    assert!(
        (gradient_norm(&grads, &parameters).unwrap() - 2.0).abs() < 1e-5,
        "a small norm is left alone"
    );

    let bad = Tensor::new(&[f32::NAN, 0.0, 0.0, 0.0], &Device::Cpu).unwrap();
    grads.insert(&a, bad);
    let error = clip_gradients(&mut grads, &parameters, 1.0).unwrap_err();
    assert!(error.to_string().contains("gradient of a"), "{error}");
}

#[test]
fn bad_settings_are_named() {
    let config = AdamWConfig { beta2: 1.0, ..AdamWConfig::default() };
    let error = Optimizer::new(Vec::new(), &config).unwrap_err();
    assert!(error.to_string().contains("beta2 is 1"), "{error}");
    let error = Optimizer::new(Vec::new(), &AdamWConfig::default()).unwrap_err();
    assert!(error.to_string().contains("parameters is none"), "{error}");
}

#[test]
fn a_frozen_model_has_the_parameters_of_its_store_and_no_others() {
    let store = store(1, 4);
    let vb = store.frozen_var_builder();
    let config = Conv2dConfig::default();
    assert!(Conv2d::new(4, 2, 1, &config, vb.pp("head")).is_ok());
    let error = Conv2d::new(4, 2, 1, &config, vb.pp("heads")).unwrap_err();
    assert!(error.to_string().contains("heads.weight"), "{error}");
    assert!(!store.names().iter().any(|name| name.starts_with("heads")));
}

#[test]
fn gradients_of_nothing_are_no_gradients() {
    let config = GradcheckConfig::default();
    assert!(gradcheck(&[], |_| Tensor::new(1.0, &Device::Cpu), &config).is_err());
    let whole = Tensor::new(&[1_u32, 2], &Device::Cpu).unwrap();
    assert!(gradcheck(&[whole], |x| x[0].sqr(), &config).is_err());
}
