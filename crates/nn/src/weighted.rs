//! Operations on an input, weights and perhaps a bias, as Candle records them.

use candle_core::{CpuStorage, CustomOp2, CustomOp3, Layout, Result, Shape, Tensor};

use crate::host::{read_all, slice, tensor};

/// An operation on slices, linear in the input and in the weights.
pub(crate) trait Weighted: Send + Sync + 'static {
    /// What Candle calls it.
    const NAME: &'static str;

    /// The shape of its result.
    fn out_shape(&self) -> Shape;

    /// Its result.
    fn forward(&self, x: &[f32], weight: &[f32], bias: Option<&[f32]>) -> Vec<f32>;

    /// Gradients of the input and of the weights from that of the result; each
    /// argument comes with whether its gradient is wanted.
    fn gradients(
        &self,
        x: (&[f32], bool),
        weight: (&[f32], bool),
        dy: &[f32],
    ) -> (Option<Vec<f32>>, Option<Vec<f32>>);

    /// The gradient of the bias.
    fn bias_gradient(&self, dy: &[f32]) -> Vec<f32>;
}

/// Runs an operation on `f32` tensors of the processor and records it.
pub(crate) fn record(
    x: &Tensor,
    weight: &Tensor,
    bias: Option<&Tensor>,
    operation: impl Weighted,
) -> Result<Tensor> {
    let (x, weight) = (x.contiguous()?, weight.contiguous()?);
    match bias {
        Some(bias) => x.apply_op3(&weight, &bias.contiguous()?, Recorded(operation)),
        None => x.apply_op2(&weight, Recorded(operation)),
    }
}

struct Recorded<T>(T);

impl<T: Weighted> Recorded<T> {
    fn backward(
        &self,
        x: &Tensor,
        weight: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (dx, dw) = read_all([x, weight, gradient], |[xs, w, dy]| {
            self.0.gradients((xs, x.track_op()), (w, weight.track_op()), dy)
        })?;
        Ok((dx.map(|v| tensor(v, x)).transpose()?, dw.map(|v| tensor(v, weight)).transpose()?))
    }
}

impl<T: Weighted> CustomOp2 for Recorded<T> {
    fn name(&self) -> &'static str {
        T::NAME
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let out = self.0.forward(slice(s1, l1)?, slice(s2, l2)?, None);
        Ok((CpuStorage::F32(out), self.0.out_shape()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        self.backward(x, weight, gradient)
    }
}

impl<T: Weighted> CustomOp3 for Recorded<T> {
    fn name(&self) -> &'static str {
        T::NAME
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
        let out = self.0.forward(slice(s1, l1)?, slice(s2, l2)?, Some(slice(s3, l3)?));
        Ok((CpuStorage::F32(out), self.0.out_shape()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (dx, dw) = self.backward(x, weight, gradient)?;
        let db = bias
            .track_op()
            .then(|| read_all([gradient], |[dy]| self.0.bias_gradient(dy)))
            .transpose()?;
        Ok((dx, dw, db.map(|v| tensor(v, bias)).transpose()?))
    }
}
