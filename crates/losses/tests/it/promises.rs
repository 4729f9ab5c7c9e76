//! What every loss promises: wrong shapes are refused by name, targets are data, and a loss can be
//! differentiated again.

use candle_core::{D, DType, Device, Tensor, Var};
use mapvec_losses::{CrossEntropyConfig, Error, cross_entropy};

use crate::every_loss::{Argument, Case, PREDICTION, Role, all, in_precision};
use crate::support::{DTYPES, scalar, values};

/// Versions of an argument that do not fit.
fn wrong(argument: &Argument) -> Vec<Tensor> {
    let (rank, size) = argument.fixed;
    let x = &argument.value;
    let mut wrong = Vec::new();
    if rank && !argument.ones {
        wrong.push(x.unsqueeze(0).unwrap());
    }
    if rank && x.rank() > 1 {
        wrong.push(x.flatten(0, 1).unwrap());
    }
    if size && x.rank() > 0 {
        let last = x.dim(D::Minus1).unwrap() - 1;
        let more = x.narrow(D::Minus1, last, 1).unwrap();
        wrong.push(Tensor::cat(&[x, &more], D::Minus1).unwrap());
    }
    wrong
}

fn named(error: &Error) -> Option<&'static str> {
    match error {
        Error::Shape { field, .. } => Some(*field),
        Error::Length { task, .. } => Some(*task),
        _ => None,
    }
}

fn is_called(argument: &Argument, name: &str) -> bool {
    argument.name == name || argument.name == PREDICTION && matches!(name, "logits" | "prediction")
}

#[test]
fn wrong_ranks_and_sizes_are_refused_by_name() {
    for Case { name, arguments, loss } in all() {
        let good: Vec<Tensor> = arguments.iter().map(|argument| argument.value.clone()).collect();
        for (i, argument) in arguments.iter().enumerate() {
            for wrong in wrong(argument) {
                let context = format!("{name}, `{}` {:?}", argument.name, wrong.dims());
                let mut x = good.clone();
                x[i] = wrong;
                let error = match loss(&x) {
                    Ok(loss) => panic!("{context}: {loss}"),
                    Err(error) => error,
                };
                let found = named(&error).unwrap_or_else(|| panic!("{context}: {error}"));
                // Of a prediction that does not fit its target either may be named.
                let right = match argument.role {
                    Role::Learns => arguments.iter().any(|other| is_called(other, found)),
                    Role::Data | Role::Slice => found == argument.name,
                };
                assert!(right, "{context}: {error}");
                let message = error.to_string();
                assert!(message.contains("expected"), "{context}: {message}");
            }
        }
    }
}

#[test]
fn no_gradient_reaches_targets_and_weights() {
    for dtype in DTYPES {
        for case in all() {
            let vars: Vec<Var> =
                in_precision(&case, dtype).iter().map(|x| Var::from_tensor(x).unwrap()).collect();
            let x: Vec<Tensor> = vars.iter().map(|x| x.as_tensor().clone()).collect();
            let loss = (case.loss)(&x).unwrap_or_else(|error| panic!("{}: {error}", case.name));
            assert!(scalar(&loss).is_finite(), "{}: {loss}", case.name);
            let gradients = loss.backward().unwrap();
            for (argument, x) in case.arguments.iter().zip(&vars) {
                let steep = gradients.get(x).is_some_and(|g| values(g).iter().any(|g| *g != 0.0));
                let expected = argument.role == Role::Learns;
                assert_eq!(steep, expected, "{} in {dtype:?}: `{}`", case.name, argument.name);
            }
        }
    }
}

#[test]
fn a_second_backward_pass_gives_the_same_gradient() {
    for dtype in [DType::F32, DType::F64] {
        for case in all() {
            let vars: Vec<Var> =
                in_precision(&case, dtype).iter().map(|x| Var::from_tensor(x).unwrap()).collect();
            let x: Vec<Tensor> = vars.iter().map(|x| x.as_tensor().clone()).collect();
            let loss = (case.loss)(&x).unwrap();
            let bits = |loss: &Tensor| -> Vec<Option<Vec<u64>>> {
                let gradients = loss.backward().unwrap();
                let bits = |x: &Var| {
                    let gradient = gradients.get(x)?;
                    Some(values(gradient).into_iter().map(f64::to_bits).collect())
                };
                vars.iter().map(bits).collect()
            };
            let first = bits(&loss);
            assert!(first == bits(&loss), "{} in {dtype:?}", case.name);
            // Scaled afterwards, and then as it was.
            let twice = bits(&(&loss * 2.0).unwrap());
            assert_eq!(twice.len(), first.len());
            assert!(first == bits(&loss), "{} in {dtype:?}, after a scaled pass", case.name);
        }
    }
}

/// Half precision computes in single: the value is that of the same numbers in single, whatever
/// else is data.
#[test]
fn half_precision_computes_in_single() {
    for half in [DType::F16, DType::BF16] {
        for case in all() {
            let of = |rounded: bool| {
                let convert = |argument: &Argument| match argument.role {
                    Role::Learns if rounded => {
                        let half = argument.value.to_dtype(half).unwrap();
                        half.to_dtype(DType::F32).unwrap()
                    }
                    Role::Learns => argument.value.to_dtype(half).unwrap(),
                    _ => argument.value.clone(),
                };
                let vars: Vec<Var> = case
                    .arguments
                    .iter()
                    .map(|argument| Var::from_tensor(&convert(argument)).unwrap())
                    .collect();
                let x: Vec<Tensor> = vars.iter().map(|x| x.as_tensor().clone()).collect();
                let loss = (case.loss)(&x).unwrap_or_else(|error| panic!("{}: {error}", case.name));
                let steep = loss.backward().unwrap();
                let slopes: Vec<f64> =
                    vars.iter().filter_map(|x| steep.get(x)).flat_map(values).collect();
                (loss, slopes)
            };
            let ((loss, slopes), (single, exact)) = (of(false), of(true));
            let name = format!("{} in {half:?}", case.name);
            assert!(!matches!(loss.dtype(), DType::F16 | DType::BF16), "{name}: {loss}");
            let (found, expected) = (scalar(&loss), scalar(&single));
            let near = (found - expected).abs() <= 1e-6 * expected.abs().max(1e-3);
            assert!(near, "{name}: {found} instead of {expected}");
            // Slopes arrive in half precision.
            let most = exact.iter().fold(1e-3_f64, |most, slope| most.max(slope.abs()));
            assert_eq!(slopes.len(), exact.len(), "{name}");
            for (a, b) in slopes.iter().zip(&exact) {
                assert!((a - b).abs() <= 1e-2 * most, "{name}: slope {a} instead of {b}");
            }
        }
    }
}

/// As many values in another order of axes are other pixels.
#[test]
fn targets_with_axes_in_another_order_are_refused() {
    for case in all() {
        let good = in_precision(&case, DType::F32);
        for (i, argument) in case.arguments.iter().enumerate() {
            if argument.role != Role::Data || argument.value.rank() < 3 {
                continue;
            }
            let last = argument.value.rank() - 1;
            let turned = argument.value.transpose(1, last).unwrap().contiguous().unwrap();
            if turned.dims() == argument.value.dims() || case.name == "mask_head_loss" {
                continue;
            }
            let mut x = good.clone();
            x[i] = turned;
            let found = (case.loss)(&x);
            assert!(found.is_err(), "{}, `{}`: {found:?}", case.name, argument.name);
        }
    }
    let logits = Tensor::zeros((2, 3, 4, 5), DType::F32, &Device::Cpu).unwrap();
    let ids = Tensor::zeros((2, 5, 4), DType::U32, &Device::Cpu).unwrap();
    let config = CrossEntropyConfig::default();
    let error = cross_entropy(&logits, &ids, &config).unwrap_err();
    assert!(matches!(error, Error::Shape { field: "target", .. }), "{error}");
    let ids = Tensor::zeros((2, 1, 4, 5), DType::U32, &Device::Cpu).unwrap();
    assert!(cross_entropy(&logits, &ids, &config).is_ok());
}

/// Nothing costs nothing: batches without a picture, lists without an entry.
#[test]
fn an_empty_batch_is_no_loss() {
    // Sums of terms have no batch, and a measure refuses nothing to measure.
    let apart = ["soft_skeleton", "adaptive_sum", "uncertainty_sum"];
    let (mut count, mut wrong) = (0, Vec::new());
    for dtype in DTYPES {
        for case in all().into_iter().filter(|case| !apart.contains(&case.name)) {
            let empty = |argument: &Argument| {
                let mut dims = argument.value.dims().to_vec();
                let dtype = if argument.role == Role::Slice { DType::F64 } else { dtype };
                if argument.shared {
                    return Var::from_tensor(&argument.value.to_dtype(dtype).unwrap()).unwrap();
                }
                dims[0] = 0;
                Var::zeros(dims, dtype, &Device::Cpu).unwrap()
            };
            let vars: Vec<Var> = case.arguments.iter().map(empty).collect();
            let x: Vec<Tensor> = vars.iter().map(|x| x.as_tensor().clone()).collect();
            let run = std::panic::AssertUnwindSafe(|| match (case.loss)(&x) {
                Ok(loss) => scalar(&loss).abs().to_bits() == 0 && loss.backward().is_ok(),
                Err(_) => false,
            });
            if !std::panic::catch_unwind(run).unwrap_or(false) {
                wrong.push((case.name, dtype));
            }
            count += 1;
        }
    }
    assert!(wrong.is_empty() && count > 60, "{count} cases, wrong: {wrong:?}");
}
