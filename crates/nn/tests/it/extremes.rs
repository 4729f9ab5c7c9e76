//! Values near the ends of what a float holds: results and gradients stay finite wherever
//! the sums do.

use candle_core::{DType, Device, Result, Tensor, Var};
use mapvec_nn::{
    Conv2dConfig, ConvTranspose2dConfig, FftNorm, Interpolation, Pool2dConfig, RoiAlignConfig,
    avg_pool2d, conv_transpose2d, conv2d, fft2, group_norm, layer_norm, linear, resize, rms_norm,
    roi_align, to_complex,
};

use crate::random;

type Operation = fn(&[Tensor]) -> Result<Tensor>;

/// Result and gradients of the sum of the result, of inputs that are `scale` large.
fn check(name: &str, shapes: &[&[usize]], scales: &[f64], f: Operation) {
    for scale in scales {
        for dtype in [DType::F32, DType::F64] {
            let vars: Vec<Var> = (1..)
                .zip(shapes)
                .map(|(seed, shape)| {
                    let values = (random(shape, seed) * *scale).unwrap();
                    Var::from_tensor(&values.to_dtype(dtype).unwrap()).unwrap()
                })
                .collect();
            let tensors: Vec<Tensor> = vars.iter().map(|var| var.as_tensor().clone()).collect();
            let y = f(&tensors).unwrap();
            let gradients = y.sum_all().unwrap().backward().unwrap();
            let of_vars = vars.iter().map(|var| gradients.get(var).unwrap().clone());
            for (index, tensor) in std::iter::once(y).chain(of_vars).enumerate() {
                let values = tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap();
                let values = values.to_vec1::<f64>().unwrap();
                assert!(
                    values.iter().all(|v| v.is_finite()),
                    "{name}, {dtype:?}, scale {scale}, tensor {index}"
                );
            }
        }
    }
}

#[test]
fn sums_of_large_and_tiny_values() {
    // Products of two inputs and their sums stay below 3e38.
    let scales = [0.0, 1e-38, 1e-20, 1e15];
    let convolutions: [(&str, &[&[usize]], Operation); 5] = [
        ("conv2d by Winograd", &[&[2, 32, 16, 16], &[32, 32, 3, 3]], |v| {
            conv2d(&v[0], &v[1], None, &Conv2dConfig::same(3))
        }),
        ("conv2d with a stride", &[&[2, 3, 17, 11], &[5, 3, 5, 5]], |v| {
            conv2d(&v[0], &v[1], None, &Conv2dConfig::square(2, 2, 1))
        }),
        ("conv2d of a point", &[&[2, 8, 5, 6], &[4, 8, 1, 1]], |v| {
            conv2d(&v[0], &v[1], None, &Conv2dConfig::default())
        }),
        ("conv_transpose2d", &[&[2, 6, 5, 7], &[6, 4, 2, 2]], |v| {
            conv_transpose2d(&v[0], &v[1], None, &ConvTranspose2dConfig::upsampling(2))
        }),
        ("linear", &[&[9, 20], &[7, 20], &[7]], |v| linear(&v[0], &v[1], Some(&v[2]))),
    ];
    for (name, shapes, f) in convolutions {
        check(name, shapes, &scales, f);
    }
}

#[test]
fn means_of_large_and_tiny_values() {
    let scales = [0.0, 1e-38, 1e-20, 1e35];
    let maps: [(&str, Operation); 5] = [
        ("avg_pool2d", |v| avg_pool2d(&v[0], Pool2dConfig::square(3, 2, 1), true)),
        ("enlarged", |v| resize(&v[0], (21, 20), Interpolation::Bilinear { align_corners: false })),
        ("reduced", |v| resize(&v[0], (4, 5), Interpolation::Bilinear { align_corners: true })),
        ("roi_align", |v| {
            let boxes = Tensor::new(&[[0.0_f32, 1.0, 1.0, 8.0, 7.0]], &Device::Cpu)?;
            roi_align(&v[0], &boxes.to_dtype(v[0].dtype())?, &RoiAlignConfig::default())
        }),
        ("fft2", |v| fft2(&to_complex(&v[0])?, FftNorm::Ortho)),
    ];
    for (name, f) in maps {
        check(name, &[&[2, 3, 9, 10]], &scales, f);
    }
}

#[test]
fn norms_of_large_tiny_and_equal_values() {
    // Squares of more do not fit into single precision.
    let scales = [0.0, 1e-38, 1e-20, 1e15];
    check("layer_norm", &[&[5, 40], &[40], &[40]], &scales, |v| {
        layer_norm(&v[0], &v[1], &v[2], 1e-5)
    });
    check("rms_norm", &[&[5, 40], &[40]], &scales, |v| rms_norm(&v[0], &v[1], 1e-5));
    check("group_norm", &[&[3, 8, 4, 5], &[8], &[8]], &scales, |v| {
        group_norm(&v[0], 2, &v[1], &v[2], 1e-5)
    });
    // Equal values far from zero have no variance.
    check("layer_norm of equal values", &[&[1, 1], &[40], &[40]], &[1e6, 1e15], |v| {
        layer_norm(&v[0].broadcast_as((5, 40))?, &v[1], &v[2], 1e-5)
    });
}
