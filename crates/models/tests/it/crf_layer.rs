//! The trainable random field against the fixed one, and its gradients.

use candle_core::{DType, Device, Tensor};
use mapvec_models::{CrfKernels, CrfLayer, CrfLayerConfig, Error};
use mapvec_nn::{GradcheckConfig, ParameterStore, gradcheck, softmax};
use mapvec_postprocess::crf::{
    Compatibility, DenseCrf, DenseCrfConfig, FilterMethod, InferenceConfig, KernelShape,
    Normalization, PairwiseTerm,
};
use ndarray::Array3;

const SIZE: (usize, usize) = (11, 8);

fn values(count: usize, seed: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * i * 7 + i * 37 + seed * 53) % 101) as f32 / 101.0).collect()
}

fn picture(seed: usize) -> Array3<f32> {
    let (h, w) = SIZE;
    Array3::from_shape_vec((3, h, w), values(3 * h * w, seed)).unwrap() * 60.0
}

/// Two kernels with every kind of weights that a layer takes.
fn config(method: FilterMethod, normalization: Normalization) -> CrfLayerConfig {
    let gaussian = KernelShape::Gaussian { sigma: [2.0, 3.0] };
    let bilateral = KernelShape::Bilateral { sigma: [5.0, 4.0], color_sigma: vec![20.0] };
    let potts = PairwiseTerm::potts(gaussian, 1.5);
    let per_class = PairwiseTerm {
        compatibility: Compatibility::PerClass(vec![2.0, 0.5, 1.0]),
        ..PairwiseTerm::potts(bilateral, 1.0)
    };
    let terms = [potts, per_class].map(|term| PairwiseTerm { method, normalization, ..term });
    let crf = DenseCrfConfig { terms: terms.to_vec() };
    CrfLayerConfig { classes: 3, crf, ..CrfLayerConfig::default() }
}

fn logits(pictures: usize) -> Tensor {
    let (h, w) = SIZE;
    let values = values(pictures * 3 * h * w, 9).into_iter().map(|v| 3.0 * v).collect();
    Tensor::from_vec(values, (pictures, 3, h, w), &Device::Cpu).unwrap()
}

#[test]
fn a_new_layer_is_the_dense_crf() {
    for method in [FilterMethod::Lattice, FilterMethod::Exact] {
        for normalization in [
            Normalization::None,
            Normalization::Before,
            Normalization::After,
            Normalization::Symmetric,
        ] {
            let mut config = config(method, normalization);
            if normalization == Normalization::None {
                // Sums over all pixels are large: with less weight the result is no hard one.
                for term in &mut config.crf.terms {
                    term.compatibility = Compatibility::Potts(0.05);
                }
            }
            let store = ParameterStore::new(1, DType::F32, &Device::Cpu);
            let layer = CrfLayer::new(&config, store.var_builder()).unwrap();
            let kernels = [4, 5].map(|s| CrfKernels::new(picture(s).view(), &config.crf).unwrap());
            let found = softmax(&layer.forward(&logits(2), &kernels).unwrap(), 1).unwrap();
            for (index, seed) in [4, 5].into_iter().enumerate() {
                let crf = DenseCrf::new(picture(seed).view(), &config.crf).unwrap();
                let own = logits(2).get(index).unwrap();
                let unary = own.flatten_all().unwrap().to_vec1::<f32>().unwrap();
                let unary = Array3::from_shape_vec((3, SIZE.0, SIZE.1), unary).unwrap();
                let expected = crf.infer((-&unary).view(), &InferenceConfig::default()).unwrap();
                let found = found.get(index).unwrap().flatten_all().unwrap();
                let pairs = found.to_vec1::<f32>().unwrap().into_iter();
                let worst = pairs
                    .zip(&expected.probabilities)
                    .map(|(a, b)| (a - b).abs())
                    .fold(0.0, f32::max);
                assert!(worst < 1e-4, "{method:?} {normalization:?}: {worst}");
            }
        }
    }
}

#[test]
fn gradients_are_those_of_finite_differences() {
    for normalization in [Normalization::After, Normalization::Symmetric] {
        let config = CrfLayerConfig { iterations: 3, ..config(FilterMethod::Exact, normalization) };
        let kernels = [CrfKernels::new(picture(4).view(), &config.crf).unwrap()];
        let check = |name: &str| {
            let store = ParameterStore::new(1, DType::F64, &Device::Cpu);
            CrfLayer::new(&config, store.var_builder()).unwrap();
            let start = store.get(name).map_or_else(
                || logits(1).to_dtype(DType::F64).unwrap(),
                |var| (var.as_detached_tensor() + 0.1).unwrap(),
            );
            let others = logits(1).to_dtype(DType::F64).unwrap();
            let run = |inputs: &[Tensor]| {
                let mut parameters = std::collections::HashMap::new();
                for (other, var) in store.variables() {
                    let own =
                        if other == name { inputs[0].clone() } else { var.as_detached_tensor() };
                    parameters.insert(other, own);
                }
                let vb = candle_nn::VarBuilder::from_tensors(parameters, DType::F64, &Device::Cpu);
                let layer = CrfLayer::new(&config, vb).map_err(candle_core::Error::wrap)?;
                layer.forward(if name == "logits" { &inputs[0] } else { &others }, &kernels)
            };
            let worst = gradcheck(&[start], run, &GradcheckConfig::default()).unwrap();
            assert!(worst < 1e-5, "{name}, {normalization:?}: {worst}");
        };
        ["logits", "weights", "compatibility"].into_iter().for_each(check);
    }
}

#[test]
fn every_parameter_gets_a_gradient_and_is_used_after_a_step() {
    let config = config(FilterMethod::Lattice, Normalization::Symmetric);
    let store = ParameterStore::new(1, DType::F32, &Device::Cpu);
    let layer = CrfLayer::new(&config, store.var_builder()).unwrap();
    assert_eq!(store.parameter_count(), 2 * 3 + 3 * 3);
    let kernels = [CrfKernels::new(picture(4).view(), &config.crf).unwrap()];
    let before = layer.forward(&logits(1), &kernels).unwrap();
    crate::assert_gradients(&before.sqr().unwrap().mean_all().unwrap(), &store.trainable());
    for (_, var) in store.trainable() {
        var.set(&(var.as_detached_tensor() + 0.5).unwrap()).unwrap();
    }
    let after = layer.forward(&logits(1), &kernels).unwrap();
    let frozen = CrfLayer::new(&config, store.frozen_var_builder()).unwrap();
    let same = frozen.forward(&logits(1), &kernels).unwrap();
    let flat = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert_ne!(flat(&before), flat(&after));
    assert_eq!(flat(&same), flat(&after));
}

#[test]
fn wrong_shapes_and_settings_are_refused() {
    let config = config(FilterMethod::Lattice, Normalization::Symmetric);
    let store = ParameterStore::new(1, DType::F32, &Device::Cpu);
    let layer = CrfLayer::new(&config, store.var_builder()).unwrap();
    let kernels = CrfKernels::new(picture(4).view(), &config.crf).unwrap();
    let message = |logits: &Tensor, kernels: &[CrfKernels]| {
        layer.forward(logits, kernels).unwrap_err().to_string()
    };
    let two = logits(1).narrow(1, 0, 2).unwrap();
    assert!(message(&two, std::slice::from_ref(&kernels)).contains("2 classes"));
    assert!(message(&logits(2), std::slice::from_ref(&kernels)).contains("there are 2"));
    let narrow = logits(1).narrow(3, 0, 7).unwrap();
    assert!(message(&narrow, std::slice::from_ref(&kernels)).contains("of 11 x 7"));

    let matrix = Compatibility::Matrix(vec![vec![0.0; 3]; 3]);
    let mut wrong = config.clone();
    wrong.crf.terms[0].compatibility = matrix;
    let cases = [
        CrfLayerConfig { classes: 0, ..config.clone() },
        CrfLayerConfig { classes: 4, ..config.clone() },
        CrfLayerConfig { iterations: 0, ..config.clone() },
        CrfLayerConfig { iterations: 51, ..config.clone() },
        CrfLayerConfig { crf: DenseCrfConfig { terms: Vec::new() }, ..config.clone() },
        wrong,
    ];
    for case in cases {
        let store = ParameterStore::new(1, DType::F32, &Device::Cpu);
        assert!(CrfLayer::new(&case, store.var_builder()).is_err(), "{case:?}");
    }
    let mut holed = picture(4);
    holed[(0, 0, 0)] = f32::NAN;
    let refused = CrfKernels::new(holed.view(), &config.crf);
    assert!(matches!(refused, Err(Error::Postprocess(_))), "{refused:?}");
    let exact = self::config(FilterMethod::Exact, Normalization::None).crf;
    let refused = CrfKernels::new(Array3::zeros((3, 91, 91)).view(), &exact);
    assert!(matches!(refused, Err(Error::Config { .. })), "too many pixels for all pairs");
}
