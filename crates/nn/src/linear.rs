//! Products with a matrix of weights.

use candle_core::{CpuStorage, CustomOp2, CustomOp3, D, Layout, Result, Shape, Tensor, bail};

use crate::host::{is_fast, not_empty, read_all, slice, tensor};
use crate::kernels::{linear::product, matmul::Matrix};

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
    let mut shape = x.dims().to_vec();
    shape[x.rank() - 1] = outputs;
    let rows = x.elem_count() / inputs;
    let x = x.contiguous()?.reshape((rows, inputs))?;
    let y = if is_fast(&x) && is_fast(weight) && bias.is_none_or(is_fast) {
        let op = Linear { rows, inputs, outputs };
        let weight = weight.contiguous()?;
        match bias {
            Some(bias) => x.apply_op3(&weight, &bias.contiguous()?, op)?,
            None => x.apply_op2(&weight, op)?,
        }
    } else {
        let y = x.matmul(&weight.t()?)?;
        match bias {
            Some(bias) => y.broadcast_add(bias)?,
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

impl Linear {
    fn forward(
        &self,
        x: (&CpuStorage, &Layout),
        weight: (&CpuStorage, &Layout),
        bias: Option<(&CpuStorage, &Layout)>,
    ) -> Result<(CpuStorage, Shape)> {
        let Self { rows, inputs, outputs } = *self;
        let bias = bias.map(|(storage, layout)| slice(storage, layout)).transpose()?;
        let x = Matrix { data: slice(x.0, x.1)?, row: inputs, column: 1 };
        let weight = Matrix { data: slice(weight.0, weight.1)?, row: 1, column: inputs };
        let y = product((rows, inputs, outputs), x, weight, bias);
        Ok((CpuStorage::F32(y), (rows, outputs).into()))
    }

    fn backward(&self, x: &Tensor, weight: &Tensor, g: &Tensor) -> Result<[Option<Tensor>; 2]> {
        let Self { rows, inputs, outputs } = *self;
        let (wants_x, wants_weight) = (x.track_op(), weight.track_op());
        let [dx, dw] = read_all([x, weight, g], |[x, weight, g]| {
            let matrix = |data, row| Matrix { data, row, column: 1 };
            let turned = Matrix { data: g, row: 1, column: outputs };
            [
                wants_x.then(|| {
                    let size = (rows, outputs, inputs);
                    product(size, matrix(g, outputs), matrix(weight, inputs), None)
                }),
                wants_weight
                    .then(|| product((outputs, rows, inputs), turned, matrix(x, inputs), None)),
            ]
        })?;
        Ok([
            dx.map(|values| tensor(values, x)).transpose()?,
            dw.map(|values| tensor(values, weight)).transpose()?,
        ])
    }

    fn bias_gradient(&self, bias: &Tensor, g: &Tensor) -> Result<Option<Tensor>> {
        let Self { rows, outputs, .. } = *self;
        if !bias.track_op() {
            return Ok(None);
        }
        let ones = vec![1.0; rows];
        let [sums] = read_all([g], |[g]| {
            let ones = Matrix { data: &ones, row: rows, column: 1 };
            let g = Matrix { data: g, row: outputs, column: 1 };
            [product((1, rows, outputs), ones, g, None)]
        })?;
        Ok(Some(tensor(sums, bias)?))
    }
}

impl CustomOp2 for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.forward((s1, l1), (s2, l2), None)
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _: &Tensor,
        g: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        Ok(self.backward(x, weight, g)?.into())
    }
}

impl CustomOp3 for Linear {
    fn name(&self) -> &'static str {
        "linear-bias"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        self.forward((s1, l1), (s2, l2), Some((s3, l3)))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _: &Tensor,
        g: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let [dx, dw] = self.backward(x, weight, g)?;
        Ok((dx, dw, self.bias_gradient(bias, g)?))
    }
}
