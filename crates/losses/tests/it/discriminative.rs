//! The discriminative loss: golden values, both paths, properties.

use candle_core::{DType, Device, Tensor, Var};
use mapvec_losses::{Composite, DiscriminativeConfig, Error, discriminative};
use mapvec_testkit::{integers, normal};
use proptest::prelude::*;

use crate::support::{
    DTYPES, assert_finite, assert_golden, assert_gradient, assert_near, assert_nothing, bell,
    gradient, scalar, tensor, values, var,
};

fn ids(n: usize, seed: u64, below: i64) -> Vec<u32> {
    integers(n, seed, 0, below).into_iter().map(|id| u32::try_from(id).unwrap()).collect()
}

fn run(x: &Tensor, ids: &[u32]) -> Composite {
    discriminative(x, ids, None, &DiscriminativeConfig::default()).unwrap()
}

/// 8 channels of 16 x 16 pixels around the centres of 5 instances and the background.
fn scene() -> (Tensor, Vec<u32>) {
    let (d, pixels, c) = (8, 256, 6);
    let mut values: Vec<f64> = normal(d * pixels, 50000).into_iter().map(|v| 0.8 * v).collect();
    let ids = ids(pixels, 50001, 6);
    let centres = normal(d * c, 50002);
    for (i, value) in values.iter_mut().enumerate() {
        *value += 1.2 * centres[i / pixels * c + ids[i % pixels] as usize];
    }
    (tensor(values, (1, d, 16, 16)), ids)
}

#[test]
fn value_and_gradient_equal_the_golden_ones() {
    let (x, ids) = scene();
    let x = var(&x);
    let composite = run(&x, &ids);
    let terms = [
        ("variance", 3.22399499528519),
        ("distance", 0.16031039072005016),
        ("regularization", 2.6741354967996323),
    ];
    for (name, value) in terms {
        assert_near(composite.term(name).unwrap(), value, 1e-12);
    }
    assert_golden(
        &composite.loss,
        &x,
        3.38697952150204,
        2.566147195537585e-1,
        -4.28491480357294e-2,
    );
    let fused = var(&x.to_dtype(DType::F32).unwrap());
    let composite = run(&fused, &ids);
    assert_near(scalar(&composite.loss), 3.38697952150204, 1e-6);
    for (name, value) in terms {
        assert_near(composite.term(name).unwrap(), value, 1e-6);
    }
}

#[test]
fn finite_differences() {
    let x = bell((2, 3, 4, 5), 70);
    let ids = ids(40, 71, 4);
    assert_gradient(std::slice::from_ref(&x), |x| Ok(run(&x[0], &ids).loss));
    let config = DiscriminativeConfig {
        delta_v: 0.1,
        delta_d: 0.7,
        variance_weight: 0.3,
        distance_weight: 2.0,
        regularization_weight: 0.5,
    };
    let valid: Vec<bool> = (0..40).map(|i| i % 7 != 3).collect();
    assert_gradient(&[x], |x| Ok(discriminative(&x[0], &ids, Some(&valid), &config)?.loss));
}

#[test]
fn pictures_without_instances_count_as_zero() {
    for dtype in DTYPES {
        let x = var(&bell((2, 3, 4, 4), 80).to_dtype(dtype).unwrap());
        assert_nothing(&run(&x, &[0; 32]).loss, &x);
        let mut half = vec![0; 16];
        half.extend(ids(16, 81, 3));
        let first = x.narrow(0, 1, 1).unwrap().contiguous().unwrap();
        let alone = run(&first, &half[16..]);
        let both = run(&x, &half);
        assert_near(scalar(&both.loss), scalar(&alone.loss) / 2.0, 1e-6);
        let gradient = gradient(&both.loss, &x);
        assert!(gradient[..48].iter().all(|g| g.abs() < 1e-30));
        // One instance has no distance to another; equal pixels no direction.
        let flat = var(&Tensor::zeros((1, 3, 4, 4), dtype, &Device::Cpu).unwrap());
        assert_nothing(&run(&flat, &[7; 16]).loss, &flat);
        let two = run(&flat, &half[16..]);
        assert_finite(&two.loss, &flat);
        assert_near(two.term("distance").unwrap(), 9.0, 1e-6);
    }
    let none = Tensor::zeros((0, 3, 4, 4), DType::F32, &Device::Cpu).unwrap();
    assert!(scalar(&run(&none, &[]).loss).abs() < 1e-30);
}

#[test]
fn large_embeddings_stay_finite_and_nan_shows() {
    for dtype in DTYPES {
        let x = bell((1, 4, 6, 6), 90).sign().unwrap();
        let ids = ids(36, 91, 4);
        let x = var(&(x * 200.0).unwrap().to_dtype(dtype).unwrap());
        assert_finite(&run(&x, &ids).loss, &x);
        let mut numbers = values(&x);
        let member = ids.iter().position(|&id| id > 0).unwrap();
        let outsider = ids.iter().position(|&id| id == 0).unwrap();
        let mut broken = |at: usize| {
            let before = numbers[36 + at];
            numbers[36 + at] = f64::NAN;
            let x = var(&tensor(numbers.clone(), (1, 4, 6, 6)).to_dtype(dtype).unwrap());
            numbers[36 + at] = before;
            x
        };
        let x = broken(member);
        assert!(scalar(&run(&x, &ids).loss).is_nan(), "{dtype:?}");
        let x = broken(outsider);
        assert_finite(&run(&x, &ids).loss, &x);
    }
}

#[test]
fn the_same_bits_at_any_thread_count() {
    let x = bell((2, 5, 150, 151), 100).to_dtype(DType::F32).unwrap();
    let ids = ids(2 * 150 * 151, 101, 9);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let x = var(&x);
            let composite = run(&x, &ids);
            let gradient = gradient(&composite.loss, &x);
            (scalar(&composite.loss).to_bits(), gradient.into_iter().map(f64::to_bits).collect())
        })
    };
    let one: (u64, Vec<u64>) = run(1);
    assert!(one == run(2) && one == run(5), "bits differ between thread counts");
}

#[test]
fn without_a_variable_there_is_the_same_value() {
    let (x, ids) = scene();
    let x = x.to_dtype(DType::F32).unwrap();
    let value = run(&x, &ids);
    let learnt = run(&Var::from_tensor(&x).unwrap(), &ids);
    assert_eq!(scalar(&value.loss).to_bits(), scalar(&learnt.loss).to_bits());
    assert_eq!(value.terms, learnt.terms);
}

#[test]
fn what_does_not_fit_is_refused() {
    let x = bell((1, 2, 3, 3), 1);
    let config = DiscriminativeConfig::default();
    let wrong = discriminative(&x, &[1; 8], None, &config);
    assert!(matches!(wrong, Err(Error::Length { task: "instances", .. })), "{wrong:?}");
    let wrong = discriminative(&x, &[1; 9], Some(&[true; 10]), &config);
    assert!(matches!(wrong, Err(Error::Length { task: "valid", .. })), "{wrong:?}");
    let config = DiscriminativeConfig { delta_v: -1.0, ..config };
    assert!(matches!(discriminative(&x, &[1; 9], None, &config), Err(Error::Config { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn fused_equals_composed(
        seed: u32, b in 1_usize..3, d in 1_usize..6, h in 1_usize..24, w in 1_usize..24,
        instances in 1_i64..9, delta_v in 0.0_f64..1.0,
    ) {
        let seed = u64::from(seed);
        let x = bell((b, d, h, w), seed).to_dtype(DType::F32).unwrap();
        let ids = ids(b * h * w, seed + 1, instances);
        let valid: Vec<bool> = integers(b * h * w, seed + 2, 0, 5).iter().map(|&v| v > 0).collect();
        let config = DiscriminativeConfig { delta_v, ..DiscriminativeConfig::default() };
        let run = |dtype| {
            let x = var(&x.to_dtype(dtype).unwrap());
            let composite = discriminative(&x, &ids, Some(&valid), &config).unwrap();
            let gradient = gradient(&composite.loss, &x);
            (composite, gradient)
        };
        let ((fused, fast), (composed, slow)) = (run(DType::F32), run(DType::F64));
        for ((name, a), (_, b)) in fused.terms.iter().zip(&composed.terms) {
            prop_assert!((a - b).abs() <= 1e-5 * b.abs().max(1e-2), "{name}: {a} and {b}");
        }
        let scale = slow.iter().fold(1e-6_f64, |most, g| most.max(g.abs()));
        for (a, b) in fast.iter().zip(&slow) {
            prop_assert!((a - b).abs() <= 1e-4 * scale, "{a} and {b}, largest {scale}");
        }
    }

    #[test]
    fn names_of_instances_and_rotations_mean_nothing(seed: u32) {
        let seed = u64::from(seed);
        let x = bell((1, 2, 5, 7), seed);
        let ids = ids(35, seed + 1, 4);
        let value = scalar(&run(&x, &ids).loss);
        let renamed: Vec<u32> =
            ids.iter().map(|&id| if id == 0 { 0 } else { 4_000_000_000 - id }).collect();
        prop_assert!((scalar(&run(&x, &renamed).loss) - value).abs() < 1e-10 * value.max(1.0));
        let turned = Tensor::cat(
            &[x.narrow(1, 1, 1).unwrap(), x.narrow(1, 0, 1).unwrap().neg().unwrap()], 1,
        ).unwrap();
        prop_assert!((scalar(&run(&turned, &ids).loss) - value).abs() < 1e-10 * value.max(1.0));
        prop_assert!(value >= 0.0);
    }
}

#[test]
fn thousands_of_instances_need_no_tensor_of_all_pairs() {
    // 3000 instances of a pixel each in 8 channels: all pairs are 576 MB, those that are near few.
    let x = var(&(bell((1, 8, 50, 60), 5) * 100.0).unwrap());
    let ids: Vec<u32> = (1..=3000).collect();
    let composite = run(&x, &ids);
    let single = var(&x.to_dtype(DType::F32).unwrap());
    let fused = run(&single, &ids);
    assert_near(scalar(&composite.loss), scalar(&fused.loss), 1e-5);
    let (exact, steep) = (gradient(&composite.loss, &x), gradient(&fused.loss, &single));
    let most = exact.iter().fold(0.0_f64, |most, g| most.max(g.abs()));
    assert!(exact.iter().zip(&steep).all(|(a, b)| (a - b).abs() <= 1e-4 * most));
}
