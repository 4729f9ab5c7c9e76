//! Dropout, and the layers of norms, dropout and attention.

use candle_core::{DType, Device, Tensor, Var};
use mapvec_nn::{
    AttentionConfig, DropPath, Dropout, GroupNorm, LayerNorm, MultiHeadAttention,
    MultiHeadAttentionConfig, ParameterStore, RmsNorm, compare_precisions, drop_path, dropout,
};

use crate::{random, random32, worse};

fn flat(t: &Tensor) -> Vec<f64> {
    t.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn masks_have_the_right_share_and_depend_on_the_seed() {
    let ones = Tensor::ones((300, 200), DType::F32, &Device::Cpu).unwrap();
    for p in [0.1, 0.5, 0.9] {
        let y = flat(&dropout(&ones, p, 7).unwrap());
        let kept = y.iter().filter(|v| **v > 0.0).count() as f64 / y.len() as f64;
        // Six standard deviations of a share of 60 000 draws.
        let bound = 6.0 * (p * (1.0 - p) / 60_000.0).sqrt();
        assert!((kept - (1.0 - p)).abs() < bound, "{p}: {kept}");
        assert!(y.iter().all(|v| *v <= 0.0 || (v * (1.0 - p) - 1.0).abs() < 1e-6), "{p}");
        let other = flat(&dropout(&ones, p, 8).unwrap());
        let equal = y.iter().zip(&other).filter(|(a, b)| (*a > &0.0) == (*b > &0.0)).count();
        let share = equal as f64 / y.len() as f64;
        assert!((share - (p * p + (1.0 - p) * (1.0 - p))).abs() < 0.02, "{p}: seeds {share}");
    }
    assert!(flat(&dropout(&ones, 1.0, 7).unwrap()).iter().all(|v| *v <= 0.0), "all");
    assert_eq!(flat(&dropout(&ones, 0.0, 7).unwrap()), flat(&ones));
}

#[test]
fn the_gradient_has_the_mask_of_the_forward_pass() {
    for seed in 0..4 {
        let x = random(&[5, 7, 3], seed);
        let error =
            compare_precisions(std::slice::from_ref(&x), |x| dropout(&x[0], 0.4, seed), 1).unwrap();
        assert!(error < 1e-6, "{error}");
        let error = compare_precisions(&[x], |x| drop_path(&x[0], 0.4, seed), 1).unwrap();
        assert!(error < 1e-6, "{error}");
    }
    let x = Var::from_tensor(&Tensor::ones((64, 10), DType::F32, &Device::Cpu).unwrap()).unwrap();
    let y = drop_path(&x, 0.5, 3).unwrap();
    let grads = y.sum_all().unwrap().backward().unwrap();
    assert_eq!(flat(&y), flat(grads.get(&x).unwrap()));
    let rows: Vec<Vec<f32>> = y.to_vec2().unwrap();
    assert!(rows.iter().all(|r| r.iter().all(|v| v.to_bits() == r[0].to_bits())), "whole samples");
    let kept = rows.iter().filter(|r| r[0] > 0.0).count();
    assert!((10..54).contains(&kept), "{kept}");
}

#[test]
fn any_number_of_threads_gives_the_same_mask() {
    let x = random32(&[70_000], 1);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| flat(&dropout(&x, 0.3, 5).unwrap()))
    };
    let one = run(1);
    assert!(run(2) == one && run(3) == one, "threads");
}

#[test]
fn layers_draw_new_masks_and_can_be_set_back() {
    let x = Tensor::ones((40, 40), DType::F32, &Device::Cpu).unwrap();
    let layer = Dropout::new(0.5, 1).unwrap();
    let (first, second) =
        (flat(&layer.forward(&x, true).unwrap()), flat(&layer.forward(&x, true).unwrap()));
    assert!(first != second, "masks are new");
    assert_eq!(layer.step(), 2);
    layer.set_step(0);
    assert_eq!(flat(&layer.forward(&x, true).unwrap()), first);
    assert_eq!(flat(&layer.forward(&x, false).unwrap()), flat(&x));
    let path = DropPath::new(0.5, 1).unwrap();
    assert_eq!(flat(&path.forward(&x, false).unwrap()), flat(&x));
    for p in [-0.1, 1.1, f64::NAN] {
        assert!(Dropout::new(p, 1).is_err() && DropPath::new(p, 1).is_err());
        assert!(dropout(&x, p, 1).is_err() && drop_path(&x, p, 1).is_err());
    }
}

#[test]
fn parameters_have_the_names_of_pytorch_and_all_get_gradients() {
    let store = ParameterStore::new(1, DType::F32, &Device::Cpu);
    let vb = store.var_builder();
    let config = MultiHeadAttentionConfig { features: 12, heads: 3, bias: true };
    let attention = MultiHeadAttention::new(&config, vb.pp("attention")).unwrap();
    let layer = LayerNorm::new(12, 1e-5, vb.pp("layer")).unwrap();
    let rms = RmsNorm::new(12, 1e-6, vb.pp("rms")).unwrap();
    let group = GroupNorm::new(2, 4, 1e-5, vb.pp("group")).unwrap();
    let (x, memory) = (random32(&[2, 4, 12], 1), random32(&[2, 9, 12], 2));
    let y = layer.forward(&x).unwrap();
    let y = attention.forward(&y, &memory, &memory, None, &AttentionConfig::default()).unwrap();
    let y = group.forward(&rms.forward(&y).unwrap()).unwrap();
    assert_eq!(y.dims(), [2, 4, 12]);
    let grads = (y * random32(&[2, 4, 12], 3)).unwrap().sum_all().unwrap().backward().unwrap();
    let mut names = Vec::new();
    for (name, var) in store.trainable() {
        let gradient = flat(grads.get(&var).unwrap());
        assert!(gradient.iter().any(|v| v.abs() > 0.0), "{name}");
        names.push(name);
    }
    names.sort();
    let want = [
        "attention.in_proj_bias",
        "attention.in_proj_weight",
        "attention.out_proj.bias",
        "attention.out_proj.weight",
        "group.bias",
        "group.weight",
        "layer.bias",
        "layer.weight",
        "rms.weight",
    ];
    assert_eq!(names, want);
    assert!(
        attention
            .forward(&memory.narrow(2, 0, 6).unwrap(), &x, &x, None, &AttentionConfig::default())
            .is_err()
    );
    let bad = MultiHeadAttentionConfig { heads: 5, ..config };
    assert!(MultiHeadAttention::new(&bad, vb.pp("bad")).is_err());
    assert!(GroupNorm::new(3, 4, 1e-5, vb.pp("bad")).is_err());
    assert!(LayerNorm::new(4, 0.0, vb.pp("bad")).is_err());
}

#[test]
fn heads_of_a_layer_agree_with_plain_attention() {
    // With projections that copy and one head, the layer is the function.
    let store = ParameterStore::new(1, DType::F64, &Device::Cpu);
    let config = MultiHeadAttentionConfig { features: 6, heads: 1, bias: true };
    let layer = MultiHeadAttention::new(&config, store.var_builder()).unwrap();
    let eye = Tensor::eye(6, DType::F64, &Device::Cpu).unwrap();
    let copies = Tensor::cat(&[&eye, &eye, &eye], 0).unwrap();
    store.get("in_proj_weight").unwrap().set(&copies).unwrap();
    store.get("out_proj.weight").unwrap().set(&(&eye * 2.0).unwrap()).unwrap();
    let (x, memory) = (random(&[2, 4, 6], 1), random(&[2, 5, 6], 2));
    let config = AttentionConfig::default();
    let y = layer.forward(&x, &memory, &memory, None, &config).unwrap();
    let (q, k) = (x.unsqueeze(1).unwrap(), memory.unsqueeze(1).unwrap());
    let want = mapvec_nn::scaled_dot_product_attention(&q, &k, &k, None, &config).unwrap();
    let worst = flat(&y).iter().zip(flat(&want)).map(|(a, b)| (a - 2.0 * b).abs()).fold(0.0, worse);
    assert!(worst < 1e-12, "{worst}");
}
