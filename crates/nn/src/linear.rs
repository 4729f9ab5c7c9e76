//! Products with a matrix of weights.

use candle_core::{D, Result, Shape, Tensor, bail};

use crate::host::{add_repeated, is_fast, is_half_on_cpu, not_empty, single};
use crate::kernels::{linear::product, matmul::Matrix};
use crate::weighted::{Weighted, record};

/// `x weight' + bias`, the product along the last dimension of `x`.
///
/// # Shapes
///
/// `x`: `[..., I]`; `weight`: `[O, I]`; `bias`: `[O]`; the result: `[..., O]`.
///
/// # Errors
///
/// Shapes that do not fit each other, tensors without values.
pub fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    not_empty(x, "linear")?;
    not_empty(weight, "linear")?;
    let inputs = x.dim(D::Minus1)?;
    let &[outputs, columns] = weight.dims() else {
        bail!("linear: the weight {:?} must be [outputs, inputs]", weight.shape())
    };
    if inputs != columns {
        bail!(
            "linear: the weight {:?} takes {columns} inputs, but the last dimension of {:?} is {inputs}",
            weight.shape(),
            x.shape()
        );
    }
    if let Some(bias) = bias
        && bias.dims() != [outputs]
    {
        bail!("linear: the bias {:?} must be [{outputs}]", bias.shape());
    }
    if is_half_on_cpu(x) {
        let bias = bias.map(single).transpose()?;
        return linear(&single(x)?, &single(weight)?, bias.as_ref())?.to_dtype(x.dtype());
    }
    let mut shape = x.dims().to_vec();
    shape[x.rank() - 1] = outputs;
    let rows = x.elem_count() / inputs;
    let x = x.contiguous()?.reshape((rows, inputs))?;
    let y = if is_fast(&x) && is_fast(weight) && bias.is_none_or(is_fast) {
        record(&x, weight, bias, Linear { rows, inputs, outputs })?
    } else {
        let y = x.matmul(&weight.t()?)?;
        match bias {
            Some(bias) => add_repeated(&y, bias)?,
            None => y,
        }
    };
    y.reshape(shape)
}

/// A recorded product.
struct Linear {
    rows: usize,
    inputs: usize,
    outputs: usize,
}

impl Weighted for Linear {
    const NAME: &'static str = "linear";

    fn out_shape(&self) -> Shape {
        (self.rows, self.outputs).into()
    }

    fn forward(&self, x: &[f32], weight: &[f32], bias: Option<&[f32]>) -> Vec<f32> {
        let Self { rows, inputs, outputs } = *self;
        let x = Matrix { data: x, row: inputs, column: 1 };
        let weight = Matrix { data: weight, row: 1, column: inputs };
        product((rows, inputs, outputs), x, weight, bias)
    }

    fn gradients(
        &self,
        (x, wants_x): (&[f32], bool),
        (weight, wants_weight): (&[f32], bool),
        dy: &[f32],
    ) -> (Option<Vec<f32>>, Option<Vec<f32>>) {
        let Self { rows, inputs, outputs } = *self;
        let matrix = |data, row| Matrix { data, row, column: 1 };
        let turned = Matrix { data: dy, row: 1, column: outputs };
        (
            wants_x.then(|| {
                product((rows, outputs, inputs), matrix(dy, outputs), matrix(weight, inputs), None)
            }),
            wants_weight.then(|| product((outputs, rows, inputs), turned, matrix(x, inputs), None)),
        )
    }

    fn bias_gradient(&self, dy: &[f32]) -> Vec<f32> {
        let Self { rows, outputs, .. } = *self;
        let ones = vec![1.0; rows];
        let ones = Matrix { data: &ones, row: rows, column: 1 };
        product((1, rows, outputs), ones, Matrix { data: dy, row: outputs, column: 1 }, None)
    }
}
