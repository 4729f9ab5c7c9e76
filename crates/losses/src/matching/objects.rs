//! The predicted objects of a batch, a tensor for each of their properties.

use candle_core::{DType, Device, Tensor};
use ndarray::{Array2, ArrayView2};

use crate::error::{Error, Result};
use crate::precision::widen;

/// Predicted objects: `N` slots (queries) for each of `B` pictures.
///
/// Properties that a task does not have are `None`. [`TrueObjects`](crate::TrueObjects) are what
/// they are compared with.
#[derive(Debug, Clone, Default)]
pub struct Objects {
    /// `[B, N, K]`: logits; in the truth of [`MatchedObjects`](crate::MatchedObjects), the share
    /// of each class.
    pub classes: Option<Tensor>,
    /// `[B, N, 4]`: boxes.
    pub boxes: Option<Tensor>,
    /// `[B, N, H, W]`: logits; in the truth of [`MatchedObjects`](crate::MatchedObjects), 0 to 1.
    pub masks: Option<Tensor>,
    /// `[B, N, 2, 2]`: two endpoints each.
    pub vectors: Option<Tensor>,
}

impl Objects {
    /// Names and tensors of the properties.
    pub(crate) fn properties(&self) -> [(&'static str, Option<&Tensor>); 4] {
        [
            ("classes", self.classes.as_ref()),
            ("boxes", self.boxes.as_ref()),
            ("masks", self.masks.as_ref()),
            ("vectors", self.vectors.as_ref()),
        ]
    }

    /// Pictures and slots, the same for all properties; `None` without any.
    pub(crate) fn slots(&self) -> Result<Option<(usize, usize)>> {
        let mut found: Option<(usize, usize)> = None;
        for (field, tensor) in self.properties() {
            let Some(tensor) = tensor else { continue };
            let rank = if matches!(field, "masks" | "vectors") { 4 } else { 3 };
            let dims = tensor.dims();
            let tail: &[usize] = match field {
                "boxes" => &[4],
                "vectors" => &[2, 2],
                _ => &[],
            };
            let (b, n) = match (found, dims) {
                (Some(known), _) => known,
                (None, &[b, n, ..]) => (b, n),
                (None, _) => (0, 0),
            };
            if dims.len() != rank || dims[..2] != [b, n] || !dims.ends_with(tail) {
                let inner = match field {
                    "boxes" => "4",
                    "vectors" => "2, 2",
                    "masks" => "H, W",
                    _ => "K",
                };
                return Err(Error::Shape {
                    field,
                    expected: format!("[{b}, {n}, {inner}] (pictures, objects, ..)"),
                    found: format!("{dims:?}"),
                });
            }
            found = Some((b, n));
        }
        Ok(found)
    }

    /// The same in single or double precision.
    pub(crate) fn widened(&self) -> Result<Self> {
        let wide = |tensor: &Option<Tensor>| tensor.as_ref().map(widen).transpose();
        Ok(Self {
            classes: wide(&self.classes)?,
            boxes: wide(&self.boxes)?,
            masks: wide(&self.masks)?,
            vectors: wide(&self.vectors)?,
        })
    }

    /// The objects at `places` (counted over the whole batch), `slots` for each picture.
    pub(crate) fn gather(&self, places: &[u32], slots: usize) -> Result<Self> {
        let gather = |tensor: &Option<Tensor>| -> Result<Option<Tensor>> {
            let Some(tensor) = tensor else { return Ok(None) };
            let mut dims = tensor.dims().to_vec();
            dims[1] = slots;
            let index = Tensor::from_slice(places, places.len(), tensor.device())?;
            let flat = tensor.flatten(0, 1)?.contiguous()?;
            Ok(Some(flat.index_select(&index, 0)?.reshape(dims)?))
        };
        Ok(Self {
            classes: gather(&self.classes)?,
            boxes: gather(&self.boxes)?,
            masks: gather(&self.masks)?,
            vectors: gather(&self.vectors)?,
        })
    }
}

/// One `[N, D]` array per picture of a `[B, N, ..]` tensor, without its gradient.
pub(crate) fn arrays(tensor: &Tensor) -> Result<Vec<Array2<f64>>> {
    let dims = tensor.dims();
    let (n, d) = (dims[1], dims[2..].iter().product::<usize>());
    let flat = tensor.detach().to_device(&Device::Cpu)?.to_dtype(DType::F64)?.flatten_all()?;
    let values = flat.to_vec1::<f64>()?;
    let sample = |b: usize| {
        let values = values.get(b * n * d..(b + 1) * n * d).unwrap_or_default();
        ArrayView2::from_shape((n, d), values).map(|view| view.to_owned())
    };
    let arrays = (0..dims[0]).map(sample).collect::<std::result::Result<_, _>>();
    Ok(arrays.map_err(candle_core::Error::wrap)?)
}
