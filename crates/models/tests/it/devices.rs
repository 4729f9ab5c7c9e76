//! The kernels of the processor against what other devices run.
//!
//! With the feature `cuda` and a GPU the other side runs there in `f32`. Elsewhere it runs
//! on the processor in `f64`, which takes the same composition of operations as a GPU.

use candle_core::{DType, Device, Result, Tensor, Var};
use mapvec_models::{UNet, UNetConfig};
use mapvec_nn::{
    AdamWConfig, AttentionConfig, Conv2dConfig, ConvTranspose2dConfig, FftNorm, GridSampleConfig,
    Interpolation, Optimizer, Pool2dConfig, RoiAlignConfig, Statistics, adaptive_avg_pool2d,
    avg_pool2d, batch_norm2d, bce_with_logits, conv_transpose2d, conv2d, drop_path, dropout, fft2,
    gather, gelu, gelu_tanh, grid_sample, group_norm, layer_norm, leaky_relu, linear, log_sigmoid,
    log_softmax, log_sum_exp, max_pool2d, max_pool2d_with_indices, max_unpool2d, pixel_shuffle,
    pixel_unshuffle, relu, resize, rms_norm, roi_align, scaled_dot_product_attention, scatter_add,
    sigmoid, silu, softmax, softplus, to_complex, top_k, upsample_nearest2d,
};

use crate::closed_form::{ClosedForm, normal};

/// Relative error in the l2 norm that is allowed to single operations and their gradients.
const OPERATION: f64 = 1e-5;
/// The same for the logits of a network.
const LOGITS: f64 = 1e-4;
/// The same for the gradients of a network, where rounding turns the sign of a few pixels
/// before a `ReLU`.
const GRADIENTS: f64 = 5e-2;

type Operation = fn(&[Var]) -> Result<Tensor>;

fn other() -> (Device, DType) {
    match Device::new_cuda(0) {
        Ok(device) => (device, DType::F32),
        // No GPU, or built without `cuda`; not one that fails.
        Err(error) => {
            let broken = candle_core::utils::cuda_is_available()
                && std::path::Path::new("/dev/nvidia0").exists();
            assert!(!broken, "there is a GPU, but it does not start: {error}");
            (Device::Cpu, DType::F64)
        }
    }
}

fn relative_error(found: &Tensor, expected: &Tensor) -> Result<f64> {
    let host = |x: &Tensor| x.detach().to_device(&Device::Cpu)?.to_dtype(DType::F64)?.flatten_all();
    let (found, expected) = (host(found)?, host(expected)?);
    let norm = |x: Tensor| x.sqr()?.sum_all()?.sqrt()?.to_scalar::<f64>();
    Ok(norm((found - &expected)?)? / norm(expected)?)
}

/// Result and gradients of the inputs.
fn run(
    (device, dtype): (&Device, DType),
    shapes: &[(usize, usize, usize, usize)],
    operation: Operation,
) -> Result<Vec<Tensor>> {
    let vars = shapes
        .iter()
        .zip(1..)
        .map(|(shape, seed)| {
            Var::from_tensor(&normal(*shape, seed).to_dtype(dtype)?.to_device(device)?)
        })
        .collect::<Result<Vec<_>>>()?;
    let y = operation(&vars)?;
    // Not the sum of squares, which a batch norm fixes.
    let gradients = (y.sqr()? * &y)?.sum_all()?.backward()?;
    let found = vars.iter().map(|var| gradients.get(var).cloned().unwrap());
    Ok(std::iter::once(y.clone()).chain(found).collect())
}

fn agrees(shapes: &[(usize, usize, usize, usize)], operation: Operation) {
    let (device, dtype) = other();
    let here = run((&Device::Cpu, DType::F32), shapes, operation).unwrap();
    let there = run((&device, dtype), shapes, operation).unwrap();
    for (index, (found, expected)) in here.iter().zip(&there).enumerate() {
        let error = relative_error(found, expected).unwrap();
        assert!(error < OPERATION, "tensor {index}: relative error {error:e} on {device:?}");
    }
}

#[test]
fn convolutions_agree() {
    agrees(&[(2, 16, 12, 20), (32, 16, 3, 3)], |v| {
        conv2d(&v[0], &v[1], None, &Conv2dConfig::same(3))
    });
    agrees(&[(2, 4, 11, 13), (6, 2, 5, 5)], |v| {
        let config = Conv2dConfig { groups: 2, ..Conv2dConfig::square(2, 2, 1) };
        conv2d(&v[0], &v[1], None, &config)
    });
    agrees(&[(2, 8, 6, 7), (8, 4, 2, 2)], |v| {
        conv_transpose2d(&v[0], &v[1], None, &ConvTranspose2dConfig::upsampling(2))
    });
}

#[test]
fn pooling_and_resizing_agree() {
    agrees(&[(2, 3, 9, 14)], |v| max_pool2d(&v[0], Pool2dConfig::square(3, 2, 1)));
    let bilinear =
        |v: &[Var]| resize(&v[0], (13, 20), Interpolation::Bilinear { align_corners: false });
    agrees(&[(2, 3, 9, 14)], bilinear);
}

#[test]
fn norm_and_attention_agree() {
    agrees(&[(3, 5, 6, 7), (1, 1, 1, 5), (1, 1, 1, 5)], |v| {
        let affine = (&v[1].flatten_all()?, &v[2].flatten_all()?);
        Ok(batch_norm2d(&v[0], affine, &Statistics::Batch, 1e-5, false)?.0)
    });
    agrees(&[(2, 2, 33, 8), (2, 2, 21, 8), (2, 2, 21, 6)], |v| {
        scaled_dot_product_attention(&v[0], &v[1], &v[2], None, &AttentionConfig::default())
    });
}

#[test]
fn rows_and_values_agree() {
    let shape = (2, 4, 6, 9);
    agrees(&[shape, (1, 1, 1, 9), (1, 1, 1, 9)], |v| {
        layer_norm(&v[0], &v[1].flatten_all()?, &v[2].flatten_all()?, 1e-5)
    });
    agrees(&[shape, (1, 1, 1, 9)], |v| rms_norm(&v[0], &v[1].flatten_all()?, 1e-5));
    agrees(&[shape, (1, 1, 1, 4), (1, 1, 1, 4)], |v| {
        group_norm(&v[0], 2, &v[1].flatten_all()?, &v[2].flatten_all()?, 1e-5)
    });
    agrees(&[shape, (1, 1, 5, 9), (1, 1, 1, 5)], |v| {
        linear(&v[0], &v[1].reshape((5, 9))?, Some(&v[2].flatten_all()?))
    });
    let values: [Operation; 11] = [
        |v| softmax(&v[0], 3),
        |v| log_softmax(&v[0], 1),
        |v| log_sum_exp(&v[0], 3),
        |v| relu(&v[0]),
        |v| gelu(&v[0]),
        |v| silu(&v[0]),
        |v| sigmoid(&v[0]),
        |v| softplus(&v[0]),
        |v| dropout(&v[0], 0.4, 7),
        |v| Ok(top_k(&v[0], 3, 3, true)?.0),
        |v| fft2(&to_complex(&v[0])?, FftNorm::Ortho),
    ];
    for operation in values {
        agrees(&[shape], operation);
    }
}

#[test]
fn samples_of_maps_agree() {
    let shape = (2, 3, 9, 14);
    let maps: [Operation; 3] = [
        |v| avg_pool2d(&v[0], Pool2dConfig::square(3, 2, 1), true),
        |v| {
            let (values, places) = max_pool2d_with_indices(&v[0], Pool2dConfig::square(2, 2, 0))?;
            max_unpool2d(&values, &places, (9, 14))
        },
        |v| {
            let boxes = [[0.0_f32, 1.0, 1.5, 8.0, 7.0], [1.0, -2.0, 3.0, 12.5, 8.5]];
            let boxes = Tensor::new(&boxes, v[0].device())?.to_dtype(v[0].dtype())?;
            roi_align(&v[0], &boxes, &RoiAlignConfig::default())
        },
    ];
    for operation in maps {
        agrees(&[shape], operation);
    }
    agrees(&[shape, (2, 5, 6, 2)], |v| {
        grid_sample(&v[0], &(v[1].as_tensor() * 0.3)?, &GridSampleConfig::default())
    });
}

#[test]
fn other_samplings_agree() {
    let shape = (2, 4, 6, 8);
    let maps: [Operation; 6] = [
        |v| resize(&v[0], (13, 5), Interpolation::Nearest),
        |v| adaptive_avg_pool2d(&v[0], (4, 3)),
        |v| upsample_nearest2d(&v[0], 2),
        |v| pixel_shuffle(&v[0], 2),
        |v| pixel_unshuffle(&v[0], 2),
        |v| drop_path(&v[0], 0.5, 3),
    ];
    let values: [Operation; 5] = [
        |v| leaky_relu(&v[0], 0.1),
        |v| gelu_tanh(&v[0]),
        |v| log_sigmoid(&v[0]),
        |v| bce_with_logits(&v[0], &v[0].detach().ge(0.0)?.to_dtype(v[0].dtype())?),
        |v| gather(&v[0], 3, &Tensor::zeros((2, 4, 6, 3), DType::U32, v[0].device())?),
    ];
    for operation in maps.into_iter().chain(values) {
        agrees(&[shape], operation);
    }
    agrees(&[shape, (2, 4, 6, 3)], |v| {
        let index = Tensor::ones((2, 4, 6, 3), DType::U32, v[0].device())?;
        scatter_add(&v[0], 3, &index, &v[1])
    });
}

#[test]
fn given_statistics_and_masks_agree() {
    agrees(&[(3, 5, 6, 7), (1, 1, 1, 5), (1, 1, 1, 5)], |v| {
        let affine = (&v[1].flatten_all()?, &v[2].flatten_all()?);
        let mean = affine.0.detach();
        let variance = (affine.1.detach().sqr()? + 0.5)?;
        let given = Statistics::Given { mean: &mean, variance: &variance };
        Ok(batch_norm2d(&v[0], affine, &given, 1e-5, true)?.0)
    });
    let heads = [(2, 2, 9, 8), (2, 2, 11, 8), (2, 2, 11, 6)];
    agrees(&heads, |v| {
        let config = AttentionConfig { causal: true, ..AttentionConfig::default() };
        let hidden = Tensor::arange(0_u32, 11, v[0].device())?.ne(10_u32)?;
        scaled_dot_product_attention(&v[0], &v[1], &v[2], Some(&hidden), &config)
    });
    agrees(&[heads[0], heads[1], heads[2], (1, 2, 9, 11)], |v| {
        let config = AttentionConfig::default();
        scaled_dot_product_attention(&v[0], &v[1], &v[2], Some(&v[3]), &config)
    });
}

#[test]
fn optimiser_steps_agree() {
    let step = |device: &Device, dtype: DType| -> Result<Vec<Tensor>> {
        let start = normal((2, 3, 4, 5), 3).to_dtype(dtype)?.to_device(device)?;
        let var = Var::from_tensor(&start)?;
        let config = AdamWConfig::default();
        let mut optimizer = Optimizer::new(vec![("w".into(), var.clone())], &config).unwrap();
        for _ in 0..3 {
            let gradients = var.sqr()?.sum_all()?.backward()?;
            optimizer.step_clipped(&gradients, 0.5).unwrap();
        }
        Ok(vec![(var.as_tensor() - start)?])
    };
    let (device, dtype) = other();
    let (here, there) = (step(&Device::Cpu, DType::F32).unwrap(), step(&device, dtype).unwrap());
    let error = relative_error(&here[0], &there[0]).unwrap();
    assert!(error < 1e-4, "relative error {error:e} of three steps on {device:?}");
}

#[test]
fn a_network_agrees() {
    let step = |device: &Device, dtype: DType| -> Result<Vec<Tensor>> {
        let weights = ClosedForm::new();
        let config = UNetConfig { widths: vec![16, 32], convolutions: 2, ..UNetConfig::default() };
        let net = UNet::new(&config, weights.var_builder_on(dtype, device)).unwrap();
        let xs = normal((2, 3, 32, 32), 9).to_dtype(dtype)?.to_device(device)?;
        let logits = net.forward(&xs, true)?;
        let gradients = logits.sqr()?.mean_all()?.backward()?;
        let vars = weights.trainable();
        let found = vars.iter().map(|(_, var)| gradients.get(var).cloned().unwrap());
        Ok(std::iter::once(logits.clone()).chain(found).collect())
    };
    let (device, dtype) = other();
    let (here, there) = (step(&Device::Cpu, DType::F32).unwrap(), step(&device, dtype).unwrap());
    for (index, (found, expected)) in here.iter().zip(&there).enumerate() {
        let error = relative_error(found, expected).unwrap();
        let allowed = if index == 0 { LOGITS } else { GRADIENTS };
        assert!(error < allowed, "tensor {index}: relative error {error:e} on {device:?}");
    }
}
