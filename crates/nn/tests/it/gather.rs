//! Picking by index, adding back and the largest of a line, against plain loops and finite
//! differences.

use candle_core::{DType, Device, Tensor, Var};
use mapvec_nn::{GradcheckConfig, gather, gradcheck, scatter_add, top_k};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::random;

fn flat(t: &Tensor) -> Vec<f64> {
    t.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

fn indices(shape: &[usize], below: usize, dtype: DType, seed: u64) -> Tensor {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let values: Vec<u32> =
        (0..shape.iter().product()).map(|_| rng.random_range(0..below) as u32).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap().to_dtype(dtype).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn gather_and_scatter_follow_their_definitions(
        (a, b, c) in (1_usize..6, 1_usize..6, 1_usize..6),
        (smaller, count) in (0_usize..3, 1_usize..8),
        (dim, seed) in (0_usize..3, 0_u64..1000),
    ) {
        let sizes = [a, b, c];
        let mut shape = sizes.map(|s| s.saturating_sub(smaller).max(1));
        shape[dim] = count;
        let dtype = if seed % 2 == 0 { DType::U32 } else { DType::I64 };
        let index = indices(&shape, sizes[dim], dtype, seed);
        let x = random(&[c, b, a], seed).permute((2, 1, 0)).unwrap();
        let src = random(&shape, seed + 1);
        let picked = flat(&gather(&x, dim, &index).unwrap());
        let added = flat(&scatter_add(&x, dim, &index, &src).unwrap());
        let (values, mut sums) = (flat(&x), flat(&x));
        let places = index.to_dtype(DType::U32).unwrap().flatten_all().unwrap();
        let (places, src_values) = (places.to_vec1::<u32>().unwrap(), flat(&src));
        for (i, place) in places.iter().enumerate() {
            let mut at = [i / (shape[1] * shape[2]), i / shape[2] % shape[1], i % shape[2]];
            at[dim] = *place as usize;
            let offset = (at[0] * b + at[1]) * c + at[2];
            prop_assert!((picked[i] - values[offset]).abs() < 1e-15);
            sums[offset] += src_values[i];
        }
        prop_assert!(added.iter().zip(&sums).all(|(a, b)| (a - b).abs() < 1e-12));
        let config = GradcheckConfig { max_entries: 12, ..GradcheckConfig::default() };
        let error = gradcheck(std::slice::from_ref(&x), |x| gather(&x[0], dim, &index), &config).unwrap();
        prop_assert!(error < 1e-6, "gather: {error}");
        let f = |x: &[Tensor]| scatter_add(&x[0], dim, &index, &x[1]);
        let error = gradcheck(&[x, src], f, &config).unwrap();
        prop_assert!(error < 1e-6, "scatter: {error}");
    }

    #[test]
    fn top_k_is_the_front_of_a_stable_sort(
        (a, n, c) in (1_usize..4, 1_usize..20, 1_usize..4), largest in any::<bool>(),
        seed in 0_u64..1000,
    ) {
        // Few values, so that there are ties.
        let x = (random(&[a, c, n], seed) * 3.0).unwrap().round().unwrap().transpose(1, 2).unwrap();
        let k = 1 + seed as usize % n;
        let (values, index) = top_k(&x, k, 1, largest).unwrap();
        prop_assert_eq!(values.dims(), &[a, k, c]);
        prop_assert_eq!(index.dtype(), DType::U32);
        for i in 0..a {
            for j in 0..c {
                let line = |t: &Tensor| flat(&t.get(i).unwrap().narrow(1, j, 1).unwrap());
                let all = line(&x);
                let mut order: Vec<usize> = (0..n).collect();
                order.sort_by(|p, q| {
                    let rank = all[*p].total_cmp(&all[*q]);
                    // Rounding makes zeros of both signs, which are equal.
                    let rank = if all[*p].abs() + all[*q].abs() <= 0.0 { std::cmp::Ordering::Equal } else { rank };
                    if largest { rank.reverse() } else { rank }
                });
                let want: Vec<f64> = order[..k].iter().map(|v| *v as f64).collect();
                prop_assert_eq!(line(&index), want);
            }
        }
        let x = random(&[a, n, c], seed);
        let f = |x: &[Tensor]| Ok(top_k(&x[0], k, 1, largest)?.0);
        prop_assert!(gradcheck(&[x], f, &GradcheckConfig::default()).unwrap() < 1e-6);
    }
}

#[test]
fn nan_is_the_largest_and_the_gradient_goes_to_the_first_of_a_tie() {
    let x = Tensor::new(&[1.0_f32, f32::NAN, f32::INFINITY, 1.0], &Device::Cpu).unwrap();
    let order = |largest: bool| top_k(&x, 4, 0, largest).unwrap().1.to_vec1::<u32>().unwrap();
    assert_eq!(order(true), [1, 2, 0, 3]);
    assert_eq!(order(false), [0, 3, 2, 1]);
    let x = Var::from_tensor(&Tensor::new(&[2.0_f32, 5.0, 5.0], &Device::Cpu).unwrap()).unwrap();
    let grads = top_k(&x, 1, 0, true).unwrap().0.sum_all().unwrap().backward().unwrap();
    assert_eq!(flat(grads.get(&x).unwrap()), [0.0, 1.0, 0.0]);
}

#[test]
fn bad_arguments_are_errors() {
    let x = random(&[3, 4], 1);
    let index = |v: &[i64]| Tensor::from_slice(v, (1, v.len()), &Device::Cpu).unwrap();
    assert!(gather(&x, 1, &index(&[0, 3])).is_ok());
    for bad in [4, -1, i64::MAX, i64::MIN] {
        assert!(gather(&x, 1, &index(&[0, bad])).is_err(), "{bad}");
        assert!(scatter_add(&x, 1, &index(&[bad]), &random(&[1, 1], 2)).is_err(), "{bad}");
    }
    let none = Tensor::full(u32::MAX, (1, 2), &Device::Cpu).unwrap();
    assert!(gather(&x, 1, &none).is_err(), "no index is a hole");
    assert!(gather(&x, 2, &index(&[0])).is_err() && gather(&x, 0, &index(&[0; 5])).is_err());
    assert!(gather(&x, 1, &index(&[0]).to_dtype(DType::U8).unwrap()).is_err());
    assert!(scatter_add(&x, 1, &index(&[0]), &random(&[1, 2], 2)).is_err());
    assert!(top_k(&x, 0, 1, true).is_err() && top_k(&x, 5, 1, true).is_err());
    assert!(top_k(&x, 1, 2, true).is_err());
    assert!(top_k(&Tensor::zeros((0, 2), DType::F32, &Device::Cpu).unwrap(), 1, 1, true).is_err());
}
