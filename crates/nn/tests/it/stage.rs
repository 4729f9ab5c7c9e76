//! Stages of convolutions with norms as one operation.

use candle_core::{DType, Device, Result, Tensor, Var};
use mapvec_nn::{Conv2dConfig, StageLayer, Statistics, compare_precisions, conv_stage};
use proptest::prelude::*;

use crate::{random, random32};

/// What a stage is made of.
#[derive(Clone, Debug)]
struct Plan {
    /// Channels of the inputs.
    inputs: Vec<usize>,
    /// Outputs, kernel and stride of the layers.
    layers: Vec<(usize, usize, usize)>,
    /// Statistics of the batch.
    batch: bool,
    /// A `ReLU` behind the last layer, a shortcut.
    end: (bool, bool),
}

impl Plan {
    /// Result channels and size for inputs of `size`.
    fn result(&self, size: (usize, usize)) -> (usize, usize, usize) {
        let (mut h, mut w) = size;
        let mut channels = 0;
        for (outputs, _, stride) in &self.layers {
            (h, w) = (h.div_ceil(*stride), w.div_ceil(*stride));
            channels = *outputs;
        }
        (channels, h, w)
    }

    /// Inputs, then weight, gamma and beta of every layer, then the shortcut.
    fn tensors(&self, batch: usize, size: (usize, usize), seed: u64) -> Vec<Tensor> {
        let (h, w) = size;
        let mut all: Vec<Tensor> = (0..)
            .zip(&self.inputs)
            .map(|(i, c)| random(&[batch, *c, h, w], seed + 100 + i))
            .collect();
        let mut channels = self.inputs.iter().sum();
        for (i, (outputs, kernel, _)) in (0..).zip(&self.layers) {
            let o = *outputs;
            all.push(random(&[o, channels, *kernel, *kernel], seed + 200 + i));
            all.push((random(&[o], seed + 300 + i).abs().unwrap() + 0.5).unwrap());
            // Shifted so that no value is near the kink but some lie on either side.
            all.push((random(&[o], seed + 400 + i).sign().unwrap() * 20.0).unwrap());
            channels = o;
        }
        if self.end.1 {
            let (c, h, w) = self.result(size);
            all.push(random(&[batch, c, h, w], seed + 500));
        }
        all
    }

    fn run(&self, tensors: &[Tensor]) -> Result<Tensor> {
        let (xs, rest) = tensors.split_at(self.inputs.len());
        let given: Vec<(Tensor, Tensor)> = (0..)
            .zip(&self.layers)
            .map(|(i, (o, _, _))| {
                (random(&[*o], i), (random(&[*o], 50 + i).abs().unwrap() + 0.5).unwrap())
            })
            .collect();
        let layers: Vec<StageLayer<'_>> = self
            .layers
            .iter()
            .enumerate()
            .map(|(i, (_, kernel, stride))| StageLayer {
                weight: &rest[3 * i],
                config: Conv2dConfig::square(*stride, kernel / 2, 1),
                gamma: &rest[3 * i + 1],
                beta: &rest[3 * i + 2],
                statistics: if self.batch {
                    Statistics::Batch
                } else {
                    Statistics::Given { mean: &given[i].0, variance: &given[i].1 }
                },
                eps: 1e-5,
                relu: self.end.0 || i + 1 < self.layers.len(),
            })
            .collect();
        let shortcut = self.end.1.then(|| &rest[3 * self.layers.len()]);
        let xs: Vec<&Tensor> = xs.iter().collect();
        Ok(conv_stage(&xs, &layers, shortcut)?.0)
    }
}

fn plans() -> impl Strategy<Value = Plan> {
    // A norm behind a single channel takes away all that its weight could do: a gradient of zero.
    let layer = (2_usize..36, prop_oneof![3 => Just(3_usize), 1 => Just(1)], 1_usize..3);
    (
        prop::collection::vec(2_usize..20, 1..4),
        prop::collection::vec(layer, 1..4),
        (any::<bool>(), any::<bool>(), any::<bool>()),
    )
        .prop_map(|(inputs, layers, (batch, last_relu, shortcut))| {
            // A kernel of one pixel has no use for a stride here.
            let layers = layers.into_iter().map(|(o, k, s)| (o, k, if k == 1 { 1 } else { s }));
            Plan { inputs, layers: layers.collect(), batch, end: (last_relu, shortcut) }
        })
}

fn values(t: &Tensor) -> Vec<f32> {
    t.flatten_all().unwrap().to_vec1().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn stages_have_right_gradients(
        plan in plans(),
        (b, h, w) in (1_usize..3, 4_usize..12, 4_usize..24),
        seed in 0_u64..1000,
    ) {
        let inputs = plan.tensors(b, (h, w), seed);
        let f = |v: &[Tensor]| plan.run(v);
        // The f64 side composes operations that are checked by finite differences elsewhere.
        let error = compare_precisions(&inputs, f, seed).unwrap();
        prop_assert!(error < 1e-4, "kernels: {error}");
    }

    #[test]
    fn nothing_is_recorded_without_variables(
        plan in plans(),
        (h, w) in (4_usize..12, 4_usize..24),
        seed in 0_u64..1000,
    ) {
        let single: Vec<Tensor> = plan
            .tensors(2, (h, w), seed)
            .iter()
            .map(|t| t.to_dtype(DType::F32).unwrap())
            .collect();
        let plain = plan.run(&single).unwrap();
        prop_assert!(!plain.track_op());
        let mut tracked = single.clone();
        tracked[0] = Var::from_tensor(&single[0]).unwrap().into_inner();
        let recorded = plan.run(&tracked).unwrap();
        prop_assert!(recorded.track_op());
        for (a, b) in values(&plain).iter().zip(values(&recorded)) {
            prop_assert!((a - b).abs() <= 1e-4 * (1.0 + b.abs()), "{} {}", a, b);
        }
    }
}

/// A stage of two layers with statistics of the batch.
fn two_layers(weights: [&Tensor; 2], x: &Tensor) -> Tensor {
    let ones = Tensor::ones(16, DType::F32, &Device::Cpu).unwrap();
    let layer = |weight| StageLayer {
        weight,
        config: Conv2dConfig::same(3),
        gamma: &ones,
        beta: &ones,
        statistics: Statistics::Batch,
        eps: 1e-5,
        relu: true,
    };
    conv_stage(&[x], &weights.map(layer), None).unwrap().0
}

#[test]
fn only_what_wants_a_gradient_gets_one_and_twice_the_same() {
    let (x, first) = (random32(&[1, 16, 8, 8], 1), random32(&[16, 16, 3, 3], 2));
    let second = Var::from_tensor(&random32(&[16, 16, 3, 3], 3)).unwrap();
    let y = two_layers([&first, &second], &x);
    let loss = (y * random32(&[1, 16, 8, 8], 4)).unwrap().sum_all().unwrap();
    let grads = [loss.backward().unwrap(), loss.backward().unwrap()];
    let [a, b] = grads.map(|g| values(g.get(&second).unwrap()));
    assert!(a.iter().any(|v| v.abs() > 1e-3), "a gradient that is zero");
    assert_eq!(a, b, "a second backward pass gives the same");
}

#[test]
fn one_weight_in_two_layers_gets_the_sum() {
    let x = random32(&[1, 16, 8, 8], 1);
    let start = random32(&[16, 16, 3, 3], 2);
    let factor = random32(&[1, 16, 8, 8], 4);
    let gradient = |first: &Tensor, second: &Tensor, of: &[&Tensor]| {
        let loss = (two_layers([first, second], &x) * &factor).unwrap().sum_all().unwrap();
        let grads = loss.backward().unwrap();
        let mut sum = vec![0.0; start.elem_count()];
        for var in of {
            for (s, v) in sum.iter_mut().zip(values(grads.get(var).unwrap())) {
                *s += v;
            }
        }
        sum
    };
    let shared = Var::from_tensor(&start).unwrap();
    let one = gradient(&shared, &shared, &[shared.as_tensor()]);
    let (a, b) =
        (Var::from_tensor(&start).unwrap(), Var::from_tensor(&start.copy().unwrap()).unwrap());
    let two = gradient(&a, &b, &[a.as_tensor(), b.as_tensor()]);
    for (one, two) in one.iter().zip(&two) {
        assert!((one - two).abs() <= 1e-5 * (1.0 + two.abs()), "{one} {two}");
    }
}

#[test]
fn statistics_survive_a_large_offset() {
    // The first channel alone carries 1000; a kernel of ones passes it on.
    let x = random32(&[2, 16, 12, 12], 5);
    let offset = Tensor::full(1000.0_f32, (2, 1, 12, 12), &Device::Cpu).unwrap();
    let x = Tensor::cat(&[&offset, &x.narrow(1, 1, 15).unwrap()], 1).unwrap();
    let weight = (random32(&[16, 16, 1, 1], 6) * 0.1).unwrap();
    // One tap in the middle, so that borders see the offset as well.
    let weight = weight.pad_with_zeros(2, 1, 1).unwrap().pad_with_zeros(3, 1, 1).unwrap();
    let (ones, zeros) = (
        Tensor::ones(16, DType::F32, &Device::Cpu).unwrap(),
        Tensor::zeros(16, DType::F32, &Device::Cpu).unwrap(),
    );
    let run = |dtype| {
        let [x, weight, gamma, beta] =
            [&x, &weight, &ones, &zeros].map(|t| t.to_dtype(dtype).unwrap());
        let layer = StageLayer {
            weight: &weight,
            config: Conv2dConfig::same(3),
            gamma: &gamma,
            beta: &beta,
            statistics: Statistics::Batch,
            eps: 1e-5,
            relu: false,
        };
        conv_stage(&[&x], &[layer], None).unwrap().1.remove(0).unwrap()
    };
    let (got, want) = (run(DType::F32), run(DType::F64));
    for (got, want) in got.variance.iter().zip(&want.variance) {
        assert!((got - want).abs() < 2e-3 * want, "variance {got}, exactly {want}");
    }
}

#[test]
fn wrong_shapes_are_refused() {
    let x = random32(&[1, 16, 8, 8], 1);
    let weight = random32(&[16, 16, 3, 3], 2);
    let ones = Tensor::ones(16, DType::F32, &Device::Cpu).unwrap();
    let layer = StageLayer {
        weight: &weight,
        config: Conv2dConfig::same(3),
        gamma: &ones,
        beta: &ones,
        statistics: Statistics::Batch,
        eps: 1e-5,
        relu: true,
    };
    assert!(conv_stage(&[], &[layer], None).is_err(), "no input");
    assert!(conv_stage(&[&x], &[], None).is_err(), "no layer");
    assert!(conv_stage(&[&x, &x], &[layer], None).is_err(), "too many channels");
    let other = random32(&[1, 16, 8, 9], 1);
    assert!(conv_stage(&[&x, &other], &[layer], None).is_err(), "other size");
    let message = conv_stage(&[&x], &[layer], Some(&other)).unwrap_err().to_string();
    assert!(message.contains("shortcut"), "{message}");
    assert!(conv_stage(&[&x], &[layer, StageLayer { gamma: &x, ..layer }], None).is_err(), "gamma");
}
