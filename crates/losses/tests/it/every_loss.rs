//! Every public loss with arguments that fit, for tests of what all of them promise.

use candle_core::{DType, Device, Tensor};
use mapvec_losses::Result;

use crate::support::values;

mod pixels;
mod vectors;

/// The name of an argument that some losses call `logits` and some `prediction`.
pub(crate) const PREDICTION: &str = "logits or prediction";

/// What an argument is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A gradient reaches it.
    Learns,
    /// A tensor that none may reach.
    Data,
    /// A slice, passed here as a tensor of its numbers.
    Slice,
}

/// An argument of a loss.
#[derive(Debug, Clone)]
pub(crate) struct Argument {
    pub(crate) name: &'static str,
    pub(crate) role: Role,
    pub(crate) value: Tensor,
    /// Whether another rank, or one more entry in the last dimension, is wrong.
    pub(crate) fixed: (bool, bool),
    /// Whether an axis of size 1 may be there or not.
    pub(crate) ones: bool,
    /// Whether it is the same for any number of pictures.
    pub(crate) shared: bool,
}

impl Argument {
    /// Any rank is right.
    fn any_rank(mut self) -> Self {
        self.fixed.0 = false;
        self
    }

    /// An axis of size 1 more is right.
    fn any_ones(mut self) -> Self {
        self.ones = true;
        self
    }

    /// It has no axis of pictures.
    fn for_all(mut self) -> Self {
        self.shared = true;
        self
    }

    /// Any size is right.
    fn any_size(mut self) -> Self {
        self.fixed.1 = false;
        self
    }
}

fn of(name: &'static str, role: Role, value: Tensor) -> Argument {
    Argument { name, role, value, fixed: (true, true), ones: false, shared: false }
}

fn learns(name: &'static str, value: Tensor) -> Argument {
    of(name, Role::Learns, value)
}

fn data(name: &'static str, value: Tensor) -> Argument {
    of(name, Role::Data, value)
}

fn slice(name: &'static str, values: impl IntoIterator<Item = usize>) -> Argument {
    let values: Vec<f64> = values.into_iter().map(|value| value as f64).collect();
    let value = Tensor::new(values, &Device::Cpu).unwrap();
    of(name, Role::Slice, value).any_rank()
}

/// As many of the same as `x` has pictures.
fn per_picture<T: Clone>(x: &Tensor, one: T) -> Vec<T> {
    vec![one; x.dim(0).unwrap()]
}

type Loss = Box<dyn Fn(&[Tensor]) -> Result<Tensor>>;

/// A loss and arguments that fit it.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) arguments: Vec<Argument>,
    pub(crate) loss: Loss,
}

fn case(
    name: &'static str,
    arguments: impl Into<Vec<Argument>>,
    loss: impl Fn(&[Tensor]) -> Result<Tensor> + 'static,
) -> Case {
    Case { name, arguments: arguments.into(), loss: Box::new(loss) }
}

/// All losses, and the measures that they are made of.
pub(crate) fn all() -> Vec<Case> {
    [
        pixels::of_tasks(),
        pixels::of_classes(),
        pixels::of_shares(),
        pixels::of_pixels(),
        vectors::of_vectors(),
        vectors::of_boxes(),
        vectors::of_heads(),
        vectors::of_sets(),
        vectors::of_waves(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn bytes(x: &Tensor) -> Vec<u8> {
    ids(x).into_iter().map(|value| u8::try_from(value).unwrap()).collect()
}

fn singles(x: &Tensor) -> Vec<f32> {
    values(x).into_iter().map(|value| value as f32).collect()
}

fn places(x: &Tensor) -> Vec<usize> {
    ids(x).into_iter().map(|value| value as usize).collect()
}

fn ids(x: &Tensor) -> Vec<u32> {
    x.to_dtype(DType::U32).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// The arguments of a case in a precision; slices stay as they are.
pub(crate) fn in_precision(case: &Case, dtype: DType) -> Vec<Tensor> {
    let convert = |argument: &Argument| match argument.role {
        Role::Slice => argument.value.clone(),
        _ => argument.value.to_dtype(dtype).unwrap(),
    };
    case.arguments.iter().map(convert).collect()
}
