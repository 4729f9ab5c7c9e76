//! What every loss promises: wrong shapes are refused by name, targets are data, and a loss can be
//! differentiated again.

use candle_core::{D, DType, Tensor, Var};
use mapvec_losses::Error;

use crate::every_loss::{Argument, Case, PREDICTION, Role, all, in_precision};
use crate::support::{DTYPES, scalar, values};

/// Versions of an argument that do not fit.
fn wrong(argument: &Argument) -> Vec<Tensor> {
    let (rank, size) = argument.fixed;
    let x = &argument.value;
    let mut wrong = Vec::new();
    if rank {
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
