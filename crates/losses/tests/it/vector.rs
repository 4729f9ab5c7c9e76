//! Angles, vectors, boxes as diagonals, features of pixels.
//!
//! The expected numbers are `torch` 2.15 in double precision on the same inputs.

use candle_core::{D, DType, Device, Tensor};
use mapvec_losses::{
    AbsoluteErrorConfig, AngleDistanceConfig, AngleForm, AngleLengthConfig, EndpointConfig, Error,
    FeatureClassLoss, FeatureLossConfig, FeatureTargets, FeatureWeights, Features, Pooling,
    ProposalConfig, Reduction, absolute_error, angle_distance, angle_length, candidate_distance,
    diagonal_distance, direction_distance, endpoint_distance, feature_loss, mixed_distance,
    proposal_loss,
};
use proptest::prelude::*;

use crate::support::{
    DTYPES, assert_finite, assert_first_gradient, assert_golden, assert_gradient, assert_near,
    assert_nothing, bell, even, gradient, scalar, tensor, values, var, whole,
};

type Loss = fn(&Tensor, &Tensor, Option<&Tensor>, &EndpointConfig) -> mapvec_losses::Result<Tensor>;

const SINE: AngleDistanceConfig =
    AngleDistanceConfig { form: AngleForm::Sine, gamma: 1.0, reduction: Reduction::Mean };
const COSINE: AngleDistanceConfig =
    AngleDistanceConfig { form: AngleForm::DoubledCosine, gamma: 1.0, reduction: Reduction::Mean };

/// Candidates of a line: the first vector of every element twice.
fn halves(points: &Tensor) -> Tensor {
    points.narrow(D::Minus2, 0, 2).unwrap().contiguous().unwrap()
}

#[test]
fn angles_equal_the_golden_values() {
    let a = var(&even(64, 50200, -1.5, 1.5));
    let b = even(64, 50201, -1.5, 1.5);
    let loss = angle_distance(&a, &b, None, &SINE).unwrap();
    assert_golden(&loss, &a, 6.736375050889912e-1, 8.563938494069355e-2, -4.574611374036387e-2);
    let weights = even(64, 60000, 0.0, 1.0);
    let steep = AngleDistanceConfig { gamma: 1.5, ..SINE };
    let loss = angle_distance(&a, &b, Some(&weights), &steep).unwrap();
    assert_golden(&loss, &a, 5.975928255669983e-1, 1.047948974455711e-1, -2.104416041722455e-2);
    let loss = angle_distance(&a, &b, None, &COSINE).unwrap();
    assert_golden(&loss, &a, 1.061234655613403, 1.851884299156093e-1, -9.445458058378427e-2);
    let vectors = var(&bell((64, 2), 60001));
    let loss = direction_distance(&vectors, &b, None, &SINE).unwrap();
    assert_golden(
        &loss,
        &vectors,
        6.716770442029699e-1,
        1.308619202147236e-1,
        1.596220503946179e-1,
    );
}

#[test]
fn vectors_equal_the_golden_values() {
    let p = var(&bell((40, 2), 60010));
    let (t, w) = (bell((40, 2), 60011), even(40, 60012, 0.0, 1.0));
    let config = AngleLengthConfig::default();
    let loss = angle_length(&p, &t, Some(&w), &config).unwrap();
    assert_golden(&loss, &p, 1.302843020785329, 1.371233010916481e-1, -1.331977682923466e-1);
    let config = AngleLengthConfig { distance_gamma: 3.0, ..config };
    let loss = angle_length(&p, &t, Some(&w), &config).unwrap();
    assert_golden(&loss, &p, 1.247535620303267, 1.334829214641418e-1, -1.409537506318127e-1);

    let p = even((30, 4, 2), 60020, 0.0, 32.0);
    let t = even((30, 4, 2), 60021, 0.0, 32.0);
    let w = even(30, 60022, 0.0, 1.0);
    let golden: [(f64, Loss, bool, bool, [f64; 3]); 8] = [
        (
            1.0,
            endpoint_distance,
            true,
            true,
            [2.151980404205402e1, 2.201433389401462e-1, 4.898864178583467e-2],
        ),
        (
            1.0,
            diagonal_distance,
            true,
            true,
            [2.097003938103051e1, 2.201433389401462e-1, 1.110655448710221e-1],
        ),
        (
            1.0,
            mixed_distance,
            false,
            false,
            [3.965241943423248e1, 3.113296955952519e-1, -1.179155761690479e-2],
        ),
        (
            1.0,
            candidate_distance,
            true,
            false,
            [1.546049525087167e1, 2.201433389401462e-1, -5.610616648671639e-2],
        ),
        (
            2.0,
            endpoint_distance,
            true,
            true,
            [3.39369743164307e2, 5.861160271884717, -2.593096972739475],
        ),
        (
            2.0,
            diagonal_distance,
            true,
            true,
            [3.123358301265542e2, 5.641851073839922, -4.57162477724526e-1],
        ),
        (
            2.0,
            mixed_distance,
            false,
            false,
            [5.791541523843287e2, 7.722715935358689, -8.538047297702152e-1],
        ),
        (
            2.0,
            candidate_distance,
            true,
            false,
            [1.876445098505365e2, 4.225391245922498, -1.476738430434806],
        ),
    ];
    for (gamma, loss, half_prediction, half_target, [value, norm, product]) in golden {
        let config = EndpointConfig { gamma, ..EndpointConfig::default() };
        let p = var(&p);
        let prediction = if half_prediction { halves(&p) } else { p.as_tensor().clone() };
        let target = if half_target { halves(&t) } else { t.clone() };
        let loss = loss(&prediction, &target, Some(&w), &config).unwrap();
        assert_golden(&loss, &p, value, norm, product);
    }
}

#[test]
fn proposals_equal_the_golden_values() {
    let (n, k) = (30, 5);
    let truth = even((n, 2, 2), 60030, 4.0, 28.0);
    let spread = tensor(vec![0.2, 0.9, 1.6, 2.3, 3.0], (1, k, 1, 1));
    let noise = bell((n, k, 2, 2), 60031).broadcast_mul(&spread).unwrap();
    let p = var(&noise.broadcast_add(&truth.unsqueeze(1).unwrap()).unwrap());
    let t = Tensor::cat(&[truth, even((n, 2, 2), 60032, 4.0, 28.0)], 1).unwrap();
    let z = var(&bell((n, k), 60033));
    let w = even(n, 60034, 0.0, 1.0);
    let golden = [
        (Pooling::Min, 8.542478545633832e-3, [3.929130699428823e-3, -1.293740109104284e-3]),
        (Pooling::Weighted, 8.347279439528626e-2, [2.237325001489596e-3, 1.991105262825706e-3]),
        (Pooling::Best, 8.694071128244023e-2, [3.929130699428823e-3, 6.03096618264121e-3]),
    ];
    for (pooling, vector, [norm, product]) in golden {
        let config = ProposalConfig { size: 32.0, pooling, ..ProposalConfig::default() };
        let composite = proposal_loss(&p, &z, &t, Some(&w), &config).unwrap();
        assert_near(composite.term("vector").unwrap(), vector, 1e-10);
        let confidence = 8.052628036882815e-1;
        assert_near(composite.term("confidence").unwrap(), confidence, 1e-10);
        let total = 0.6 * vector + 0.4 * confidence;
        assert_golden(&composite.loss, &p, total, norm, product);
        assert_golden(&composite.loss, &z, total, 1.720602133716873e-2, 5.633314070354345e-3);
    }
}

#[test]
fn proposals_have_the_gradients_of_finite_differences() {
    let (p, z) = (bell((4, 3, 2, 2), 11), bell((4, 3), 12));
    let (t, w) = ((bell((4, 4, 2), 13) * 2.0).unwrap(), even(4, 14, 0.1, 1.0));
    for pooling in [Pooling::Min, Pooling::Weighted, Pooling::Best] {
        for gamma in [1.0, 1.5] {
            let of = |vector_weight| ProposalConfig {
                gamma,
                size: 3.0,
                pooling,
                vector_weight,
                ..ProposalConfig::default()
            };
            // The aims of the confidences and the shares of the pool are data.
            assert_first_gradient(&[p.clone(), t.clone()], |x| {
                Ok(proposal_loss(&x[0], &z, &x[1], Some(&w), &of(1.0))?.loss)
            });
            assert_gradient(std::slice::from_ref(&z), |x| {
                Ok(proposal_loss(&p, &x[0], &t, Some(&w), &of(0.0))?.loss)
            });
        }
    }
}

#[test]
fn confidences_aim_at_pixels_whatever_the_exponent() {
    let points = |shift: f64| vec![shift, 0.0, 10.0 + shift, 7.0];
    for (shift, aim) in [(0.4, 1.0), (3.0, (-2.5_f64).exp()), (6.0, 0.0)] {
        let p = tensor(points(shift), (1, 1, 2, 2));
        let t = tensor([points(0.0), points(0.0)].concat(), (1, 4, 2));
        let z = tensor(vec![1.0], (1, 1));
        for gamma in [0.5, 1.0, 2.0] {
            let config = ProposalConfig { gamma, ..ProposalConfig::default() };
            let composite = proposal_loss(&p, &z, &t, None, &config).unwrap();
            assert_near(composite.term("vector").unwrap(), shift.powf(gamma), 1e-9);
            let expected = 1.0_f64.exp().ln_1p() - aim;
            assert_near(composite.term("confidence").unwrap(), expected, 1e-9);
        }
    }
}

struct Maps {
    prediction: [Tensor; 4],
    target: [Tensor; 4],
    weights: [Tensor; 2],
}

impl Maps {
    fn new() -> Self {
        let (b, h, w) = (2, 5, 6);
        let ids = whole(b * h * w, 60044, 0, 3);
        let one_hot = ids.iter().flat_map(|&id| (0..3).map(move |k| f64::from(u8::from(k == id))));
        let class = tensor(one_hot.collect(), (b, h, w, 3)).permute((0, 3, 1, 2)).unwrap();
        let mask = |seed, share: f64| {
            let u = even((b, 1, h, w), seed, 0.0, 1.0);
            u.lt(share).unwrap().to_dtype(DType::F64).unwrap()
        };
        Self {
            prediction: [
                (bell((b, 3, h, w), 60040) * 2.0).unwrap(),
                bell((b, 2, h, w), 60041),
                bell((b, 1, h, w), 60042),
                (bell((b, 2, h, w), 60043) * 4.0).unwrap(),
            ],
            target: [
                class.contiguous().unwrap(),
                even((b, 1, h, w), 60045, 0.0, std::f64::consts::PI),
                even((b, 1, h, w), 60046, 0.0, 4.0),
                (bell((b, 2, h, w), 60047) * 4.0).unwrap(),
            ],
            weights: [mask(60048, 0.5), mask(60049, 0.7)],
        }
    }

    fn run(&self, x: &[Tensor], class: FeatureClassLoss) -> mapvec_losses::Composite {
        let prediction =
            Features { class: &x[0], direction: &x[1], thickness: &x[2], center: &x[3] };
        let [class_target, angle, thickness, center] = &self.target;
        let target = FeatureTargets { class: class_target, angle, thickness, center };
        let weights = FeatureWeights {
            class: None,
            angle: Some(&self.weights[0]),
            thickness: Some(&self.weights[1]),
            center: Some(&self.weights[1]),
        };
        let config = FeatureLossConfig { class, ..FeatureLossConfig::default() };
        feature_loss(&prediction, &target, &weights, &config).unwrap()
    }
}

#[test]
fn features_equal_the_golden_values() {
    let maps = Maps::new();
    let vars: Vec<_> = maps.prediction.iter().map(var).collect();
    let x: Vec<Tensor> = vars.iter().map(|var| var.as_tensor().clone()).collect();
    let composite = maps.run(&x, FeatureClassLoss::Binary);
    let terms = [
        ("class", 1.200721964544401),
        ("angle", 6.1675306394358e-1),
        ("thickness", 2.222164505034069),
        ("center", 4.412052144611469),
    ];
    for (name, value) in terms {
        assert_near(composite.term(name).unwrap(), value, 1e-10);
    }
    let gradients = [
        [1.80796263078432e-2, 2.409273627029055e-3],
        [5.469653243895202e-2, 8.521718682239627e-3],
        [3.812464258315117e-2, -1.306312997581189e-2],
        [2.69119406766336e-2, -1.736234313346188e-2],
    ];
    for (var, [norm, product]) in vars.iter().zip(gradients) {
        assert_golden(&composite.loss, var, 2.11292291953338, norm, product);
    }
    let proper = maps.run(&x, FeatureClassLoss::CrossEntropy);
    assert_near(proper.term("class").unwrap(), 2.202054787634439, 1e-10);
    assert_gradient(&maps.prediction, |x| Ok(maps.run(x, FeatureClassLoss::Binary).loss));
    assert_gradient(&maps.prediction, |x| Ok(maps.run(x, FeatureClassLoss::CrossEntropy).loss));
}

#[test]
fn confident_classes_stay_finite() {
    let mut maps = Maps::new();
    maps.prediction[0] = (maps.prediction[0].sign().unwrap() * 200.0).unwrap();
    for dtype in DTYPES {
        for class in [FeatureClassLoss::Binary, FeatureClassLoss::CrossEntropy] {
            let x: Vec<_> =
                maps.prediction.iter().map(|x| var(&x.to_dtype(dtype).unwrap())).collect();
            let tensors: Vec<Tensor> = x.iter().map(|x| x.as_tensor().clone()).collect();
            let composite = maps.run(&tensors, class);
            for x in &x {
                assert_finite(&composite.loss, x);
            }
            assert!(composite.term("class").unwrap() > 10.0, "{composite:?}");
        }
    }
}

#[test]
fn finite_differences() {
    let (a, b) = (even(20, 1, -1.5, 1.5), even(20, 2, -1.5, 1.5));
    for config in [SINE, COSINE, AngleDistanceConfig { gamma: 2.0, ..SINE }] {
        assert_first_gradient(&[a.clone(), b.clone()], |x| {
            angle_distance(&x[0], &x[1], None, &config)
        });
        assert_first_gradient(&[bell((20, 2), 3), b.clone()], |x| {
            direction_distance(&x[0], &x[1], None, &config)
        });
    }
    for gamma in [1.0, 2.0, 3.5] {
        let config = AngleLengthConfig { distance_gamma: gamma, ..AngleLengthConfig::default() };
        assert_first_gradient(&[bell((12, 2), 4), bell((12, 2), 5)], |x| {
            angle_length(&x[0], &x[1], None, &config)
        });
    }
    let config = EndpointConfig { gamma: 1.5, size: 3.0, reduction: Reduction::None };
    let (p, t) = (bell((6, 4, 2), 6), bell((6, 4, 2), 7));
    assert_first_gradient(&[p.clone(), t.clone()], |x| mixed_distance(&x[0], &x[1], None, &config));
    assert_first_gradient(&[halves(&p), t], |x| candidate_distance(&x[0], &x[1], None, &config));
    assert_first_gradient(&[p.clone(), bell((6, 4, 2), 8)], |x| {
        absolute_error(&x[0], &x[1], None, &AbsoluteErrorConfig::default())
    });
}

#[test]
fn equal_and_zero_vectors_have_no_gradient() {
    for dtype in DTYPES {
        let zero = var(&Tensor::zeros((3, 2), dtype, &Device::Cpu).unwrap());
        let config = AngleLengthConfig::default();
        let loss = angle_length(&zero, &zero.as_detached_tensor(), None, &config).unwrap();
        assert_nothing(&loss, &zero);
        let other = Tensor::new(&[[3.0_f32, 4.0]; 3], &Device::Cpu).unwrap();
        let loss = angle_length(&zero, &other, None, &config).unwrap();
        assert_finite(&loss, &zero);
        let expected = 0.15 * (0.5 * 0.6_f64.acos()).sin() + 0.35 * 5.0 + 0.5 * 5.0;
        assert_near(scalar(&loss), expected, 1e-6);
        let angles = Tensor::new(&[0.0_f32, 1.0, 2.0], &Device::Cpu).unwrap();
        let loss = direction_distance(&zero, &angles, None, &SINE).unwrap();
        assert!(gradient(&loss, &zero).iter().all(|g| g.abs() < 1e-30));
        let points = var(&bell((5, 4, 2), 9).to_dtype(dtype).unwrap());
        let flat = EndpointConfig { gamma: 0.5, ..EndpointConfig::default() };
        assert_nothing(&mixed_distance(&points, &points.detach(), None, &flat).unwrap(), &points);
        let same = var(&Tensor::ones(4, dtype, &Device::Cpu).unwrap());
        let rough = AngleDistanceConfig { gamma: 0.5, ..SINE };
        let loss = angle_distance(&same, &same.as_detached_tensor(), None, &rough).unwrap();
        assert_nothing(&loss, &same);
    }
}

#[test]
fn nothing_to_learn_is_no_loss() {
    let config = EndpointConfig::default();
    for dtype in DTYPES {
        let none = var(&Tensor::zeros((0, 4, 2), dtype, &Device::Cpu).unwrap());
        assert_nothing(&mixed_distance(&none, &none.detach(), None, &config).unwrap(), &none);
        let none = var(&Tensor::zeros((0, 3, 2, 2), dtype, &Device::Cpu).unwrap());
        let doubt = Tensor::zeros((0, 3), dtype, &Device::Cpu).unwrap();
        let target = Tensor::zeros((0, 4, 2), dtype, &Device::Cpu).unwrap();
        for pooling in [Pooling::Min, Pooling::Weighted, Pooling::Best] {
            let config = ProposalConfig { pooling, ..ProposalConfig::default() };
            let composite = proposal_loss(&none, &doubt, &target, None, &config).unwrap();
            assert_nothing(&composite.loss, &none);
        }
        let some = var(&bell((3, 4, 2), 1).to_dtype(dtype).unwrap());
        let weights = Tensor::zeros(3, dtype, &Device::Cpu).unwrap();
        let loss = mixed_distance(&some, &bell((3, 4, 2), 2), Some(&weights), &config).unwrap();
        assert_nothing(&loss, &some);
    }
}

#[test]
fn nan_shows() {
    let mut numbers = values(&bell((3, 4, 2), 1));
    numbers[11] = f64::NAN;
    let broken = tensor(numbers, (3, 4, 2));
    let good = bell((3, 4, 2), 2);
    let config = EndpointConfig::default();
    for (p, t) in [(&broken, &good), (&good, &broken)] {
        assert!(scalar(&mixed_distance(p, t, None, &config).unwrap()).is_nan());
        assert!(scalar(&candidate_distance(&halves(p), t, None, &config).unwrap()).is_nan());
        let config = AngleLengthConfig::default();
        assert!(scalar(&angle_length(p, t, None, &config).unwrap()).is_nan());
        let config = AbsoluteErrorConfig::default();
        assert!(scalar(&absolute_error(p, t, None, &config).unwrap()).is_nan());
        assert!(scalar(&angle_distance(p, t, None, &SINE).unwrap()).is_nan());
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let points = bell((3, 4, 2), 1);
    let config = EndpointConfig::default();
    let wrong = endpoint_distance(&points, &points, None, &config);
    assert!(matches!(wrong, Err(Error::Shape { field: "prediction", .. })), "{wrong:?}");
    let wrong = mixed_distance(&points, &halves(&points), None, &config);
    assert!(matches!(wrong, Err(Error::Shape { field: "target", .. })), "{wrong:?}");
    let weights = bell(4, 2);
    let wrong = mixed_distance(&points, &points, Some(&weights), &config);
    assert!(matches!(wrong, Err(Error::Shape { field: "weights", .. })), "{wrong:?}");
    for weight in [-1.0, f64::NAN, f64::INFINITY] {
        let weights = tensor(vec![1.0, 0.0, weight], 3);
        let wrong = mixed_distance(&points, &points, Some(&weights), &config);
        assert!(matches!(wrong, Err(Error::Target { index: 2, .. })), "{wrong:?}");
    }
    for gamma in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let config = EndpointConfig { gamma, ..config.clone() };
        assert!(mixed_distance(&points, &points, None, &config).is_err());
        let config = AngleDistanceConfig { gamma, ..SINE };
        assert!(angle_distance(&points, &points, None, &config).is_err());
        let config = AngleLengthConfig { distance_gamma: gamma, ..AngleLengthConfig::default() };
        assert!(angle_length(&points, &points, None, &config).is_err());
        assert!(ProposalConfig { size: gamma, ..ProposalConfig::default() }.validate().is_err());
    }
    let nothing = AngleLengthConfig {
        angle_weight: 0.0,
        length_weight: 0.0,
        distance_weight: 0.0,
        ..AngleLengthConfig::default()
    };
    assert!(nothing.validate().is_err());
    assert!(FeatureLossConfig { center_weight: -1.0, ..Default::default() }.validate().is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn angles_are_symmetric_periodic_and_bounded(seed: u32) {
        let seed = u64::from(seed);
        let (a, b) = (even(9, seed, -4.0, 4.0), even(9, seed + 1, -4.0, 4.0));
        for config in [SINE, COSINE] {
            let config = AngleDistanceConfig { reduction: Reduction::None, ..config };
            let forth = values(&angle_distance(&a, &b, None, &config).unwrap());
            let back = values(&angle_distance(&b, &a, None, &config).unwrap());
            let turned = (&a + std::f64::consts::PI).unwrap();
            let turned = values(&angle_distance(&turned, &b, None, &config).unwrap());
            let vectors = Tensor::stack(&[a.cos().unwrap(), a.sin().unwrap()], 1).unwrap();
            let vectors = (vectors * 3.0).unwrap();
            let vectors = values(&direction_distance(&vectors, &b, None, &config).unwrap());
            for i in 0..9 {
                prop_assert!((forth[i] - back[i]).abs() < 1e-12);
                prop_assert!((forth[i] - turned[i]).abs() < 1e-12);
                prop_assert!((forth[i] - vectors[i]).abs() < 1e-12);
                prop_assert!((0.0..=2.0).contains(&forth[i]));
            }
        }
    }

    #[test]
    fn ends_and_corners_have_no_order(seed: u32) {
        let seed = u64::from(seed);
        let (p, t) = (even((5, 2, 2), seed, 0.0, 9.0), even((5, 2, 2), seed + 1, 0.0, 9.0));
        let config = EndpointConfig { reduction: Reduction::None, ..EndpointConfig::default() };
        let order = Tensor::new(&[1_u32, 0], &Device::Cpu).unwrap();
        let swapped = t.index_select(&order, 1).unwrap();
        let line = values(&endpoint_distance(&p, &t, None, &config).unwrap());
        let back = values(&endpoint_distance(&p, &swapped, None, &config).unwrap());
        let turned = values(&endpoint_distance(&t, &p, None, &config).unwrap());
        let diagonal = values(&diagonal_distance(&p, &t, None, &config).unwrap());
        // The other diagonal of the same box.
        let y = t.narrow(2, 1, 1).unwrap().contiguous().unwrap().index_select(&order, 1).unwrap();
        let other = Tensor::cat(&[t.narrow(2, 0, 1).unwrap(), y], 2).unwrap();
        let crossed = values(&diagonal_distance(&p, &other, None, &config).unwrap());
        let both = Tensor::cat(&[&t, &other], 1).unwrap();
        let candidates = values(&candidate_distance(&p, &both, None, &config).unwrap());
        for i in 0..5 {
            prop_assert!((line[i] - back[i]).abs() < 1e-12);
            prop_assert!((line[i] - turned[i]).abs() < 1e-12);
            prop_assert!(diagonal[i] <= line[i]);
            prop_assert!((diagonal[i] - crossed[i]).abs() < 1e-12);
            prop_assert!((diagonal[i] - candidates[i]).abs() < 1e-12);
        }
    }
}
