//! Arrays of records with the type and the sizes that a step needs.

use crate::error::{Error, Result};
use crate::record::{Field, Record, Values};

/// A size that may be any.
pub(super) const ANY: usize = usize::MAX;

/// The most values of an array that a step makes: 256 MiB of `f32`.
pub(super) const MAX_VALUES: usize = 1 << 26;

/// Sizes and values of an array of `f32`.
pub(super) fn reals<'a, const N: usize>(
    record: &'a Record,
    name: &str,
    sizes: [usize; N],
) -> Result<([usize; N], &'a [f32])> {
    let field = record.get(name)?;
    match field.values() {
        Values::F32(values) => Ok((fit(name, field.shape(), sizes)?, values)),
        other => Err(wrong_type(name, other, "f32")),
    }
}

/// Sizes and values of an array of `i32`.
pub(super) fn wholes<'a, const N: usize>(
    record: &'a Record,
    name: &str,
    sizes: [usize; N],
) -> Result<([usize; N], &'a [i32])> {
    let field = record.get(name)?;
    match field.values() {
        Values::I32(values) => Ok((fit(name, field.shape(), sizes)?, values)),
        other => Err(wrong_type(name, other, "i32")),
    }
}

/// Sizes and values of an array of `u8`.
pub(super) fn bytes<'a, const N: usize>(
    record: &'a Record,
    name: &str,
    sizes: [usize; N],
) -> Result<([usize; N], &'a [u8])> {
    let field = record.get(name)?;
    match field.values() {
        Values::U8(values) => Ok((fit(name, field.shape(), sizes)?, values)),
        other => Err(wrong_type(name, other, "u8")),
    }
}

/// The picture: its height and width.
pub(super) fn canvas(record: &Record) -> Result<[usize; 2]> {
    let ([height, width, _], _) = reals(record, "img", [ANY, ANY, ANY])?;
    Ok([height, width])
}

/// Takes an array of `f32` out of a record, to change its values.
pub(super) fn take_reals(record: &mut Record, name: &str) -> Result<(Vec<usize>, Vec<f32>)> {
    if let other @ (Values::I32(_) | Values::U8(_)) = record.get(name)?.values() {
        return Err(wrong_type(name, other, "f32"));
    }
    match record.remove(name)?.into_parts() {
        (shape, Values::F32(values)) => Ok((shape, values)),
        (_, other) => Err(wrong_type(name, &other, "f32")),
    }
}

/// Adds an array that must be new.
pub(super) fn add(
    record: &mut Record,
    name: &str,
    shape: &[usize],
    values: impl Into<Values>,
) -> Result<()> {
    if record.contains(name) {
        return Err(Error::FieldExists { name: name.into() });
    }
    record.insert(name, Field::new(shape.to_vec(), values)?);
    Ok(())
}

/// Multiplies weights of pixels, `[H, W]`, or adds them where there are none.
pub(super) fn multiply_weights(
    record: &mut Record,
    name: &str,
    weights: &ndarray::Array2<f32>,
) -> Result<()> {
    let shape = weights.shape().to_vec();
    let mut product: Vec<f32> = weights.iter().copied().collect();
    if record.contains(name) {
        let (_, known) = reals(record, name, [shape[0], shape[1]])?;
        product.iter_mut().zip(known).for_each(|(product, known)| *product *= known);
    }
    record.insert(name, Field::new(shape, product)?);
    Ok(())
}

/// Gives the picture to the model, if nothing was given before.
pub(super) fn add_picture(record: &mut Record) -> Result<()> {
    if !record.contains("inputs.img") {
        let picture = record.get("img")?.clone();
        record.insert("inputs.img", picture);
    }
    Ok(())
}

/// Zeros for an array of a shape.
pub(super) fn zeros(name: &str, shape: &[usize]) -> Result<Vec<f32>> {
    Ok(vec![0.0; count(name, shape)?])
}

/// The number of values of an array of a shape.
pub(super) fn count(name: &str, shape: &[usize]) -> Result<usize> {
    let count = shape.iter().try_fold(1_usize, |n, size| n.checked_mul(*size));
    match count.unwrap_or(usize::MAX) {
        values if values <= MAX_VALUES => Ok(values),
        values => Err(Error::FieldTooLarge { name: name.into(), values, allowed: MAX_VALUES }),
    }
}

/// An array whose sizes are not those that are needed.
pub(super) fn wrong_shape(name: &str, found: &[usize], expected: &[usize]) -> Error {
    let sizes = expected.iter().map(|size| match *size {
        ANY => "_".to_owned(),
        size => size.to_string(),
    });
    let expected = format!("[{}]", sizes.collect::<Vec<_>>().join(", "));
    Error::FieldShape { name: name.into(), found: found.to_vec(), expected }
}

pub(super) fn wrong_type(name: &str, values: &Values, expected: &'static str) -> Error {
    let found = match values {
        Values::F32(_) => "f32",
        Values::I32(_) => "i32",
        Values::U8(_) => "u8",
    };
    Error::FieldType { name: name.into(), found, expected }
}

fn fit<const N: usize>(name: &str, found: &[usize], sizes: [usize; N]) -> Result<[usize; N]> {
    match <[usize; N]>::try_from(found) {
        Ok(found) if found.iter().zip(sizes).all(|(f, s)| s == ANY || *f == s) => Ok(found),
        _ => Err(wrong_shape(name, found, &sizes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_array_and_what_is_needed() {
        let mut record = Record::new();
        record.insert("a", Field::new(vec![2, 3], vec![0_u8; 6]).unwrap());
        assert_eq!(bytes(&record, "a", [ANY, 3]).unwrap().0, [2, 3]);
        let message = |error: Error| error.to_string();
        let shape = message(bytes(&record, "a", [ANY, 4]).unwrap_err());
        assert!(shape.contains("`a`") && shape.contains("[_, 4]"), "{shape}");
        assert!(message(bytes(&record, "a", [6]).unwrap_err()).contains("[6]"), "another rank");
        let kind = message(reals(&record, "a", [2, 3]).unwrap_err());
        assert!(kind.contains("u8") && kind.contains("f32"), "{kind}");
        assert!(matches!(wholes(&record, "b", [1]), Err(Error::Field { .. })));
        assert!(matches!(add(&mut record, "a", &[1], vec![0_u8]), Err(Error::FieldExists { .. })));
        assert!(matches!(take_reals(&mut record, "a"), Err(Error::FieldType { .. })));
        assert!(record.contains("a"), "it stays where it cannot be taken");
        let huge = zeros("a", &[usize::MAX, 2]);
        assert!(matches!(huge, Err(Error::FieldTooLarge { .. })));
        assert!(zeros("a", &[MAX_VALUES + 1]).is_err());
    }
}
