//! Optimisers against `PyTorch`, saved state, groups, half precision, averages.

use candle_core::backprop::GradStore;
use candle_core::{DType, Device, Tensor, Var};
use mapvec_nn::{
    AdamConfig, AdamWConfig, Ema, EmaConfig, Error, GroupConfig, Optimizer, OptimizerConfig,
    SgdConfig, clip_gradient_values, clip_gradients,
};

use crate::{random, random32};

/// Gradients with these values.
fn gradients(pairs: &[(&Var, &Tensor)]) -> GradStore {
    // A store can be made by a backward pass only.
    let unit = Var::zeros((), DType::F32, &Device::Cpu).unwrap();
    let mut grads = unit.backward().unwrap();
    for (var, gradient) in pairs {
        grads.insert(var, gradient.to_dtype(var.dtype()).unwrap());
    }
    grads
}

fn values(tensor: &Tensor) -> Vec<f64> {
    tensor.detach().to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

fn bits(tensor: &Tensor) -> Vec<u32> {
    let values: Vec<f32> = tensor.detach().flatten_all().unwrap().to_vec1().unwrap();
    values.into_iter().map(f32::to_bits).collect()
}

fn parameter(name: &str, shape: &[usize], dtype: DType, seed: u64) -> (String, Var) {
    let start = random(shape, seed).to_dtype(dtype).unwrap();
    (name.to_owned(), Var::from_tensor(&start).unwrap())
}

/// Every optimiser, with all of its terms.
fn configs() -> [OptimizerConfig; 5] {
    let sgd = SgdConfig { learning_rate: 0.1, weight_decay: 0.05, ..SgdConfig::default() };
    let momentum = SgdConfig { momentum: 0.9, dampening: 0.3, ..sgd };
    let nesterov = SgdConfig { momentum: 0.9, nesterov: true, ..sgd };
    let adam = AdamConfig {
        learning_rate: 0.1,
        beta1: 0.8,
        beta2: 0.95,
        eps: 1e-6,
        weight_decay: 0.05,
        decay_vectors: true,
    };
    let adamw = AdamWConfig {
        learning_rate: 0.1,
        beta1: 0.8,
        beta2: 0.95,
        eps: 1e-6,
        weight_decay: 0.05,
        decay_vectors: true,
    };
    [(&sgd).into(), (&momentum).into(), (&nesterov).into(), (&adam).into(), (&adamw).into()]
}

#[test]
fn four_steps_are_those_of_pytorch() {
    // PyTorch 2.15, float64: torch.optim.{SGD, SGD, SGD, Adam, AdamW} with the settings of
    // `configs` on a parameter with these values and gradients.
    let expected = [
        [0.455_049_501_562_499_96, -1.200_534_505_781_250_2, 1.920_995_254_999_999_8],
        [0.450_734_790_285_937_5, -1.108_126_914_607_968_6, 1.790_215_508_465],
        [0.408_422_668_268_906_3, -1.081_107_449_744_953, 1.707_628_472_610_499_8],
        [0.367_482_962_128_301_7, -1.052_018_794_160_512, 1.757_748_249_350_355_8],
        [0.395_149_676_690_441_65, -1.085_588_280_384_619_7, 1.754_986_370_721_249],
    ];
    let steps = [[0.1_f64, -0.4, 0.3], [-0.2, 0.25, 0.6], [0.05, 0.0, -0.7], [0.4, -0.1, 0.2]];
    for (dtype, tolerance) in [(DType::F64, 1e-14), (DType::F32, 5e-7)] {
        for (config, expected) in configs().into_iter().zip(&expected) {
            let start = Tensor::new(&[0.5_f64, -1.25, 2.0], &Device::Cpu).unwrap();
            let var = Var::from_tensor(&start.to_dtype(dtype).unwrap()).unwrap();
            let mut optimizer = Optimizer::new(vec![("p".into(), var.clone())], config).unwrap();
            for gradient in &steps {
                let gradient = Tensor::new(gradient, &Device::Cpu).unwrap();
                optimizer.step(&gradients(&[(&var, &gradient)])).unwrap();
            }
            for (got, expected) in values(&var).iter().zip(expected) {
                let gap = (got - expected).abs();
                assert!(gap < tolerance, "{config:?} {dtype:?}: {got} for {expected}");
            }
        }
    }
}

#[test]
fn saved_state_goes_on_bit_for_bit() {
    for dtype in [DType::F32, DType::F64, DType::BF16] {
        for config in configs() {
            let run = |optimizer: &mut Optimizer, vars: &[Var], steps: std::ops::Range<u64>| {
                for step in steps {
                    let a = random(vars[0].dims(), 100 + step);
                    let b = random(vars[1].dims(), 200 + step);
                    // The second parameter has its first gradient late.
                    let all = [(&vars[0], &a), (&vars[1], &b)];
                    let count = if step < 2 { 1 } else { 2 };
                    optimizer.step(&gradients(&all[..count])).unwrap();
                }
            };
            let start = |seed: u64| {
                let all = vec![
                    parameter("a", &[3, 5], dtype, seed),
                    parameter("b", &[7], dtype, seed + 1),
                ];
                let vars = all.iter().map(|(_, var)| var.clone()).collect::<Vec<_>>();
                (Optimizer::new(all, config).unwrap(), vars)
            };
            let (mut whole, vars) = start(1);
            run(&mut whole, &vars, 0..10);

            let (mut first, first_vars) = start(1);
            run(&mut first, &first_vars, 0..5);
            let state = first.state_bytes().unwrap();
            let (mut second, second_vars) = start(50);
            for (to, from) in second_vars.iter().zip(&first_vars) {
                to.set(&from.as_detached_tensor()).unwrap();
            }
            second.load_state_bytes(&state).unwrap();
            run(&mut second, &second_vars, 5..10);
            assert_eq!(second.steps(), 10);
            assert_eq!(whole.state_bytes().unwrap(), second.state_bytes().unwrap(), "{config:?}");
            for (a, b) in vars.iter().zip(&second_vars) {
                assert_eq!(values(a), values(b), "{config:?} {dtype:?}");
            }
        }
    }
}

#[test]
fn foreign_state_is_refused_whole() {
    let [sgd, momentum, .., adamw] = configs();
    let state = |dtype: DType, config: OptimizerConfig, name: &str| {
        let all = vec![parameter(name, &[4], dtype, 1)];
        Optimizer::new(all, config).unwrap().state_bytes().unwrap()
    };
    let (name, var) = parameter("p", &[4], DType::F32, 1);
    let mut optimizer = Optimizer::new(vec![(name, var.clone())], adamw).unwrap();
    optimizer.step(&gradients(&[(&var, &random(&[4], 2))])).unwrap();
    let before = optimizer.state_bytes().unwrap();
    let Err(Error::ParameterMismatch(mismatch)) =
        optimizer.load_state_bytes(&state(DType::F32, momentum, "q"))
    else {
        panic!("another optimiser of another parameter");
    };
    assert_eq!(mismatch.missing, ["p.step", "p.exp_avg", "p.exp_avg_sq"]);
    assert_eq!(mismatch.unexpected, ["q.momentum", "q.step"]);
    let error = optimizer.load_state_bytes(&state(DType::F64, adamw, "p")).unwrap_err();
    assert!(matches!(error, Error::StateType { .. }), "{error}");
    assert!(optimizer.load_state_bytes(&before[..40]).is_err(), "truncated");
    assert_eq!(optimizer.state_bytes().unwrap(), before);
    assert_eq!(optimizer.steps(), 1);
    assert_ne!(state(DType::F32, sgd, "p"), state(DType::F32, momentum, "p"));
}

#[test]
fn groups_have_their_own_rate_and_decay() {
    let config = SgdConfig { learning_rate: 0.5, ..SgdConfig::default() };
    let names = ["encoder.a", "encoder.b", "head.a"];
    let all: Vec<_> = names
        .iter()
        .map(|name| {
            let one = Tensor::ones(2, DType::F64, &Device::Cpu).unwrap();
            ((*name).to_owned(), Var::from_tensor(&one).unwrap())
        })
        .collect();
    let mut optimizer = Optimizer::new(all.clone(), &config).unwrap();
    let slow = GroupConfig { rate_factor: 0.1, weight_decay: Some(2.0) };
    assert_eq!(optimizer.set_group(|name| name.starts_with("encoder."), &slow).unwrap(), 2);
    let still = GroupConfig { rate_factor: 0.0, weight_decay: None };
    assert_eq!(optimizer.set_group(|name| name == "encoder.b", &still).unwrap(), 1);
    let error = optimizer.set_group(|name| name == "absent", &still).unwrap_err();
    assert!(error.to_string().contains("group is empty"), "{error}");
    let bad = GroupConfig { rate_factor: -1.0, weight_decay: None };
    assert!(optimizer.set_group(|_| true, &bad).is_err(), "negative factor");

    let gradient = Tensor::ones(2, DType::F64, &Device::Cpu).unwrap();
    let pairs: Vec<_> = all.iter().map(|(_, var)| (var, &gradient)).collect();
    optimizer.step(&gradients(&pairs)).unwrap();
    // 1 - 0.05 (1 + 2 * 1), 1, 1 - 0.5.
    for ((name, var), expected) in all.iter().zip([0.85, 1.0, 0.5]) {
        assert!((values(var)[0] - expected).abs() < 1e-15, "{name}: {:?}", values(var));
    }
}

#[test]
fn small_steps_are_not_lost_in_half_precision() {
    let config = SgdConfig { learning_rate: 1e-4, ..SgdConfig::default() };
    for dtype in [DType::BF16, DType::F16] {
        let one = Tensor::ones(3, dtype, &Device::Cpu).unwrap();
        let var = Var::from_tensor(&one).unwrap();
        let mut optimizer = Optimizer::new(vec![("p".into(), var.clone())], &config).unwrap();
        let grads = gradients(&[(&var, &one)]);
        for _ in 0..500 {
            optimizer.step(&grads).unwrap();
        }
        // Each step alone is less than half a unit in the last place.
        assert!((values(&var)[0] - 0.95).abs() < 0.002, "{dtype:?}: {:?}", values(&var));
        // Values from outside are taken over.
        var.set(&(one.ones_like().unwrap() * 2.0).unwrap()).unwrap();
        optimizer.step(&grads).unwrap();
        assert!((values(&var)[0] - 2.0).abs() < 0.01, "{dtype:?}: {:?}", values(&var));
    }
}

#[test]
fn wrong_parameters_and_gradients_are_refused() {
    let (name, var) = parameter("p", &[2, 3], DType::F32, 1);
    let twice = vec![(name.clone(), var.clone()), (name.clone(), var.clone())];
    let config = OptimizerConfig::default();
    assert!(Optimizer::new(twice, config).unwrap_err().to_string().contains("parameter is p"));
    let counts = Var::zeros(3, DType::U32, &Device::Cpu).unwrap();
    assert!(Optimizer::new(vec![("n".into(), counts)], config).is_err(), "integers");
    let mut optimizer = Optimizer::new(vec![(name, var.clone())], config).unwrap();
    let before = bits(&var);
    let error = optimizer.step(&gradients(&[(&var, &random(&[3, 2], 1))])).unwrap_err();
    assert!(matches!(error, Error::GradientShape { .. }), "{error}");
    assert_eq!((bits(&var), optimizer.steps()), (before, 0));
    // A transposed gradient of the right shape is fine.
    let (wide, tall) = (random(&[2, 3], 2), random(&[2, 3], 2).t().unwrap().contiguous().unwrap());
    let (_, other) = parameter("p", &[2, 3], DType::F32, 1);
    let mut second = Optimizer::new(vec![("p".into(), other.clone())], config).unwrap();
    optimizer.step(&gradients(&[(&var, &wide)])).unwrap();
    second.step(&gradients(&[(&other, &tall.t().unwrap())])).unwrap();
    assert_eq!(bits(&var), bits(&other));
}

#[test]
fn settings_out_of_range_are_named() {
    let sgd = SgdConfig::default();
    for (config, field) in [
        (SgdConfig { learning_rate: f64::NAN, ..sgd }, "learning_rate"),
        (SgdConfig { momentum: 1.0, ..sgd }, "momentum"),
        (SgdConfig { nesterov: true, ..sgd }, "momentum"),
        (SgdConfig { nesterov: true, momentum: 0.9, dampening: 0.1, ..sgd }, "dampening"),
    ] {
        let error = config.validate().unwrap_err().to_string();
        assert!(error.starts_with(field), "{error}");
    }
    let adam = AdamConfig { eps: 0.0, ..AdamConfig::default() };
    assert!(adam.validate().unwrap_err().to_string().starts_with("eps"));
    assert!(EmaConfig { decay: 1.0, warm_up: true }.validate().is_err());
}

#[test]
fn averages_follow_and_swap_in_and_out() {
    // PyTorch 2.15: AveragedModel with get_ema_multi_avg_fn(0.9) and weights 1, 2, -1, 4 gives
    // 1.201.
    for dtype in [DType::F32, DType::F64, DType::BF16] {
        let weight = |value: f64| {
            Tensor::new(&[value, value], &Device::Cpu).unwrap().to_dtype(dtype).unwrap()
        };
        let var = Var::from_tensor(&weight(1.0)).unwrap();
        let parameters = vec![("p".to_owned(), var.clone())];
        let config = EmaConfig { decay: 0.9, warm_up: false };
        let mut ema = Ema::new(parameters.clone(), &config).unwrap();
        for value in [2.0, -1.0] {
            var.set(&weight(value)).unwrap();
            ema.update().unwrap();
        }
        let state = ema.state_bytes().unwrap();
        var.set(&weight(4.0)).unwrap();
        ema.update().unwrap();
        ema.swap_in().unwrap();
        let tolerance = if dtype == DType::BF16 { 4e-3 } else { 1e-6 };
        assert!((values(&var)[0] - 1.201).abs() < tolerance, "{dtype:?}: {:?}", values(&var));
        assert!(matches!(ema.update(), Err(Error::EmaSwapped { swapped: true })));
        assert!(ema.swap_in().is_err() && ema.load_state_bytes(&state).is_err());
        ema.swap_out().unwrap();
        assert_eq!(values(&var), [4.0, 4.0]);
        assert!(matches!(ema.swap_out(), Err(Error::EmaSwapped { swapped: false })));

        let mut resumed = Ema::new(parameters, &config).unwrap();
        resumed.load_state_bytes(&state).unwrap();
        assert_eq!(resumed.steps(), 2);
        resumed.update().unwrap();
        assert_eq!(resumed.state_bytes().unwrap(), ema.state_bytes().unwrap());
    }
}

#[test]
fn a_clipped_step_is_a_step_along_clipped_gradients() {
    let configs: [OptimizerConfig; 4] = [
        (&SgdConfig { weight_decay: 0.1, ..SgdConfig::default() }).into(),
        (&SgdConfig { momentum: 0.9, nesterov: true, ..SgdConfig::default() }).into(),
        (&AdamConfig { weight_decay: 0.1, ..AdamConfig::default() }).into(),
        (&AdamWConfig::default()).into(),
    ];
    for config in configs {
        for dtype in [DType::F32, DType::F64, DType::BF16] {
            for (limit, bits) in [(0.5, false), (1e6, true)] {
                let run = |folded: bool| {
                    let start = random(&[3, 5], 3).to_dtype(dtype).unwrap();
                    let var = Var::from_tensor(&start).unwrap();
                    let parameters = vec![("w".to_owned(), var.clone())];
                    let mut optimizer = Optimizer::new(parameters.clone(), config).unwrap();
                    let mut norms = Vec::new();
                    for _ in 0..3 {
                        let loss = (var.sqr().unwrap() * 4.0).unwrap().sum_all().unwrap();
                        let mut grads = loss.backward().unwrap();
                        if folded {
                            norms.push(optimizer.step_clipped(&grads, limit).unwrap());
                        } else {
                            norms.push(clip_gradients(&mut grads, &parameters, limit).unwrap());
                            optimizer.step(&grads).unwrap();
                        }
                    }
                    (values(&var), norms)
                };
                let ((a, a_norms), (b, b_norms)) = (run(true), run(false));
                let tolerance = if bits {
                    0.0
                } else if dtype == DType::BF16 {
                    2e-2
                } else {
                    1e-6
                };
                let near = |a: &[f64], b: &[f64]| {
                    a.iter().zip(b).all(|(a, b)| (a - b).abs() <= tolerance * b.abs())
                };
                assert!(near(&a, &b) && near(&a_norms, &b_norms), "{config:?} {dtype:?} {limit}");
                assert!(a_norms[0] > 1.0, "the limit is reached");
            }
        }
    }
    let var = Var::from_tensor(&random32(&[3], 3)).unwrap();
    let before = values(&var);
    let config = SgdConfig::default();
    let mut optimizer = Optimizer::new(vec![("w".to_owned(), var.clone())], &config).unwrap();
    let mut grads = var.sqr().unwrap().sum_all().unwrap().backward().unwrap();
    assert!(optimizer.step_clipped(&grads, 0.0).is_err(), "no room");
    grads.insert(&var, Tensor::new(&[1.0_f32, f32::NAN, 0.0], &Device::Cpu).unwrap());
    let error = optimizer.step_clipped(&grads, 1.0).unwrap_err();
    assert!(error.to_string().contains("gradient of w"), "{error}");
    assert!(values(&var) == before && optimizer.steps() == 0, "nothing is changed");
}

#[test]
fn clipping_by_value_bounds_every_value() {
    let (name, var) = parameter("p", &[4], DType::F32, 1);
    let parameters = vec![(name, var.clone())];
    let gradient = Tensor::new(&[3.0_f32, -0.2, -7.0, 0.5], &Device::Cpu).unwrap();
    let mut grads = gradients(&[(&var, &gradient)]);
    clip_gradient_values(&mut grads, &parameters, 0.5).unwrap();
    let clipped = values(grads.get(&var).unwrap());
    assert_eq!(clipped, [0.5, f64::from(-0.2_f32), -0.5, 0.5]);
    assert!(clip_gradient_values(&mut grads, &parameters, 0.0).is_err(), "no room");
    let bad = Tensor::new(&[f32::INFINITY, 0.0, 0.0, 0.0], &Device::Cpu).unwrap();
    let mut grads = gradients(&[(&var, &bad)]);
    let error = clip_gradient_values(&mut grads, &parameters, 1.0).unwrap_err();
    assert!(matches!(error, Error::NonFiniteGradient { .. }), "{error}");
}

#[test]
fn a_configuration_survives_text() {
    for config in configs() {
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<OptimizerConfig>(&text).unwrap(), config, "{text}");
    }
    let short: OptimizerConfig =
        serde_json::from_str(r#"{"kind": "adamw", "learning_rate": 0.01}"#).unwrap();
    assert!((short.learning_rate() - 0.01).abs() < 1e-15);
    let typo = serde_json::from_str::<OptimizerConfig>(r#"{"kind": "sgd", "momentm": 0.9}"#);
    assert!(typo.unwrap_err().to_string().contains("momentm"));
}
