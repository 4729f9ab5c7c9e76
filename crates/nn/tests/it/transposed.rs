//! Transposed convolutions.

use candle_core::Tensor;
use mapvec_nn::{
    ConvTranspose2dConfig, GradcheckConfig, compare_precisions, conv_transpose2d, gradcheck,
};
use proptest::prelude::*;

use crate::{random, random32};

/// The transposed convolution by its definition.
fn plain(x: &Tensor, w: &Tensor, c: &ConvTranspose2dConfig, size: (usize, usize)) -> Vec<f64> {
    let (b, inputs, h, wd) = x.dims4().unwrap();
    let (_, per_group, kh, kw) = w.dims4().unwrap();
    let (outputs, group_inputs) = (per_group * c.groups, inputs / c.groups);
    let (rows, columns) = size;
    let x: Vec<f64> = x.flatten_all().unwrap().to_vec1().unwrap();
    let w: Vec<f64> = w.flatten_all().unwrap().to_vec1().unwrap();
    let mut y = vec![0.0; b * outputs * rows * columns];
    for (at, value) in x.iter().enumerate() {
        let (j, i) = (at % wd, at / wd % h);
        let (channel, image) = (at / (wd * h) % inputs, at / (wd * h * inputs));
        for o in 0..per_group {
            let out = channel / group_inputs * per_group + o;
            for ky in 0..kh {
                for kx in 0..kw {
                    let (r, s) = (i * c.stride + ky * c.dilation, j * c.stride + kx * c.dilation);
                    if r >= c.padding && s >= c.padding {
                        let (r, s) = (r - c.padding, s - c.padding);
                        if r < rows && s < columns {
                            y[((image * outputs + out) * rows + r) * columns + s] +=
                                value * w[((channel * per_group + o) * kh + ky) * kw + kx];
                        }
                    }
                }
            }
        }
    }
    y
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn transposed_convolutions_and_their_gradients_are_right(
        (b, i, o, h, w) in (1_usize..3, 1_usize..5, 1_usize..20, 1_usize..7, 1_usize..9),
        ((kh, kw), stride, padding, extra, dilation) in
            ((1_usize..4, 1_usize..4), 1_usize..4, 0_usize..3, 0_usize..3, 1_usize..3),
        (groups, seed) in (1_usize..3, 0_u64..1000),
    ) {
        let output_padding = extra % stride.max(dilation);
        let c = ConvTranspose2dConfig { stride, padding, output_padding, dilation, groups };
        let inputs = [
            random(&[b, i * groups, h, w], seed),
            random(&[i * groups, o, kh, kw], seed + 1),
            random(&[o * groups], seed + 2),
        ];
        let f = |v: &[Tensor]| conv_transpose2d(&v[0], &v[1], Some(&v[2]), &c);
        // Without room for a result there is an error.
        let Ok(y) = conv_transpose2d(&inputs[0], &inputs[1], None, &c) else { return Ok(()) };
        let (_, _, rows, columns) = y.dims4().unwrap();
        let want = plain(&inputs[0], &inputs[1], &c, (rows, columns));
        let y: Vec<f64> = y.flatten_all().unwrap().to_vec1().unwrap();
        for (y, want) in y.iter().zip(&want) {
            prop_assert!((y - want).abs() < 1e-12, "{} {}", y, want);
        }
        let few = GradcheckConfig { max_entries: 12, ..GradcheckConfig::default() };
        let error = gradcheck(&inputs, f, &few).unwrap();
        prop_assert!(error < 1e-5, "differences: {error}");
        let error = compare_precisions(&inputs, f, seed).unwrap();
        prop_assert!(error < 1e-5, "kernels: {error}");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let (x, w) = (random32(&[1, 4, 5, 5], 1), random32(&[4, 2, 2, 2], 2));
    let plain = ConvTranspose2dConfig::upsampling(2);
    assert_eq!(conv_transpose2d(&x, &w, None, &plain).unwrap().dims(), &[1, 2, 10, 10]);
    let wrong = [
        ConvTranspose2dConfig { stride: 0, ..plain },
        ConvTranspose2dConfig { groups: 3, ..plain },
        ConvTranspose2dConfig { output_padding: 2, ..plain },
        ConvTranspose2dConfig { padding: 5, ..plain },
        ConvTranspose2dConfig { padding: usize::MAX, ..plain },
        ConvTranspose2dConfig { stride: usize::MAX, ..plain },
    ];
    for config in wrong {
        assert!(conv_transpose2d(&x, &w, None, &config).is_err(), "{config:?}");
    }
    assert!(conv_transpose2d(&x, &w.narrow(0, 0, 3).unwrap(), None, &plain).is_err(), "weight");
    assert!(conv_transpose2d(&x, &w, Some(&random32(&[3], 1)), &plain).is_err(), "bias");
}
