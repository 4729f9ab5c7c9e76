//! Named arrays: a sample of any kind, as it goes into shards and batches.

use std::collections::BTreeMap;

use crate::error::{Error, Result};

/// Values of an array, row by row.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Values {
    /// Real numbers.
    F32(Vec<f32>),
    /// Whole numbers.
    I32(Vec<i32>),
    /// Bytes.
    U8(Vec<u8>),
}

impl Values {
    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::I32(values) => values.len(),
            Self::U8(values) => values.len(),
        }
    }

    /// Real numbers, if that is what they are.
    #[must_use]
    pub fn as_f32(&self) -> Option<&[f32]> {
        if let Self::F32(values) = self { Some(values) } else { None }
    }

    /// Whole numbers, if that is what they are.
    #[must_use]
    pub fn as_i32(&self) -> Option<&[i32]> {
        if let Self::I32(values) = self { Some(values) } else { None }
    }

    /// Bytes, if that is what they are.
    #[must_use]
    pub fn as_u8(&self) -> Option<&[u8]> {
        if let Self::U8(values) = self { Some(values) } else { None }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl From<Vec<f32>> for Values {
    fn from(values: Vec<f32>) -> Self {
        Self::F32(values)
    }
}

impl From<Vec<i32>> for Values {
    fn from(values: Vec<i32>) -> Self {
        Self::I32(values)
    }
}

impl From<Vec<u8>> for Values {
    fn from(values: Vec<u8>) -> Self {
        Self::U8(values)
    }
}

/// An array of a [`Record`].
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    shape: Vec<usize>,
    values: Values,
}

impl Field {
    /// Values, row by row, of an array of a shape.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] when their number is not the product of the sizes.
    pub fn new(shape: Vec<usize>, values: impl Into<Values>) -> Result<Self> {
        let values = values.into();
        let count = shape.iter().try_fold(1_usize, |n, size| n.checked_mul(*size));
        if count != Some(values.len()) {
            return Err(Error::Config {
                field: "shape",
                value: format!("{shape:?} for {} values", values.len()),
                expected: "sizes whose product is the number of values",
            });
        }
        Ok(Self { shape, values })
    }

    /// Sizes, the outermost first.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Values, row by row.
    #[must_use]
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// Sizes and values, for reuse.
    #[must_use]
    pub fn into_parts(self) -> (Vec<usize>, Values) {
        (self.shape, self.values)
    }

    /// Zeros added behind the values of every dimension up to a larger shape.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for a shape of another rank, or one that is smaller somewhere.
    pub fn padded(&self, shape: &[usize]) -> Result<Self> {
        let fits = shape.len() == self.shape.len()
            && shape.iter().zip(&self.shape).all(|(new, old)| new >= old);
        if !fits {
            return Err(Error::Config {
                field: "shape",
                value: format!("{shape:?} for an array of {:?}", self.shape),
                expected: "as many sizes, none of them smaller",
            });
        }
        let values = match &self.values {
            Values::F32(values) => Values::F32(pad(values, &self.shape, shape)),
            Values::I32(values) => Values::I32(pad(values, &self.shape, shape)),
            Values::U8(values) => Values::U8(pad(values, &self.shape, shape)),
        };
        Ok(Self { shape: shape.to_vec(), values })
    }
}

/// An array of `from` inside zeros of `to`.
fn pad<T: Copy + Default>(values: &[T], from: &[usize], to: &[usize]) -> Vec<T> {
    let mut out = vec![T::default(); to.iter().product()];
    let Some((&width, outer)) = from.split_last() else { return values.to_vec() };
    if width == 0 {
        return out;
    }
    let mut index = vec![0; outer.len()];
    for line in values.chunks_exact(width) {
        let row = index.iter().zip(to).fold(0, |at, (i, size)| at * size + i);
        out[row * to[outer.len()]..][..width].copy_from_slice(line);
        for (i, size) in index.iter_mut().zip(outer).rev() {
            *i += 1;
            if *i < *size {
                break;
            }
            *i = 0;
        }
    }
    out
}

/// Arrays by their names.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Record {
    fields: BTreeMap<String, Field>,
}

impl Record {
    /// Without arrays.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an array; one of the same name is replaced.
    pub fn insert(&mut self, name: impl Into<String>, field: Field) {
        self.fields.insert(name.into(), field);
    }

    /// An array.
    ///
    /// # Errors
    ///
    /// [`Error::Field`] names what there is instead.
    pub fn get(&self, name: &str) -> Result<&Field> {
        self.fields.get(name).ok_or_else(|| self.missing(name))
    }

    /// That there is no array of a name.
    pub(crate) fn missing(&self, name: &str) -> Error {
        let present = self.fields.keys().cloned().collect::<Vec<_>>().join(", ");
        Error::Field { name: name.into(), present }
    }

    /// Takes an array out.
    ///
    /// # Errors
    ///
    /// As [`Record::get`].
    pub fn remove(&mut self, name: &str) -> Result<Field> {
        self.fields.remove(name).ok_or_else(|| self.missing(name))
    }

    /// Whether there is an array of this name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// Names and arrays in the order of the names.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &Field)> {
        self.fields.iter().map(|(name, field)| (name.as_str(), field))
    }

    /// The arrays of some names alone.
    ///
    /// # Errors
    ///
    /// As [`Record::get`].
    pub fn selected(mut self, names: &[impl AsRef<str>]) -> Result<Self> {
        for name in names {
            self.get(name.as_ref())?;
        }
        self.fields.retain(|name, _| names.iter().any(|n| n.as_ref() == name));
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_are_padded_behind() {
        let field = Field::new(vec![2, 2], vec![1_i32, 2, 3, 4]).unwrap();
        let padded = field.padded(&[3, 4]).unwrap();
        assert_eq!(padded.values(), &Values::I32(vec![1, 2, 0, 0, 3, 4, 0, 0, 0, 0, 0, 0]));
        assert!(field.padded(&[3, 1]).is_err() && field.padded(&[3]).is_err());
        let deep = Field::new(vec![1, 2, 1], vec![1.0_f32, 2.0]).unwrap();
        let padded = deep.padded(&[2, 2, 2]).unwrap();
        assert_eq!(padded.values(), &Values::F32(vec![1.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0]));
        let empty = Field::new(vec![0, 2], Vec::<u8>::new()).unwrap();
        assert_eq!(empty.padded(&[1, 2]).unwrap().values(), &Values::U8(vec![0, 0]));
        assert!(Field::new(vec![3], vec![1_u8]).is_err());
    }

    #[test]
    fn a_missing_name_lists_those_there_are() {
        let mut record = Record::new();
        record.insert("img", Field::new(vec![1], vec![0_u8]).unwrap());
        record.insert("vecs", Field::new(vec![0], Vec::<f32>::new()).unwrap());
        let message = record.get("boxes").unwrap_err().to_string();
        assert!(message.contains("boxes") && message.contains("img, vecs"), "{message}");
        assert_eq!(record.selected(&["vecs"]).unwrap().fields().count(), 1);
    }
}
