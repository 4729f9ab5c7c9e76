//! Records joined into batches.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::record::{Field, Record, Values};

/// Shapes by the names of fields, without the axis of the batch.
pub type Shapes = BTreeMap<String, Vec<usize>>;

/// Joins records along a new first axis, `B`.
///
/// Every record has the same fields of the same types. Arrays that differ in size are padded with
/// zeros behind their values: to the shape that `padded` gives for their name, otherwise to the
/// largest size of the batch along each axis.
///
/// # Shapes
///
/// A field of shape `[a, b, …]` becomes `[B, a, b, …]`.
///
/// # Errors
///
/// [`Error::Config`] for no record at all, for a field that is not of one type and one number of
/// axes, or larger than `padded` allows; [`Error::Field`] for a field that a record lacks.
///
/// # Examples
///
/// ```
/// use mapvec_data::{Field, Record, Shapes, collate};
///
/// let record = |n: usize| -> mapvec_data::Result<Record> {
///     let mut record = Record::new();
///     record.insert("vecs", Field::new(vec![n, 2], vec![1.0_f32; n * 2])?);
///     Ok(record)
/// };
/// let batch = collate(&[record(3)?, record(1)?], &Shapes::new())?;
/// assert_eq!(batch.get("vecs")?.shape(), &[2, 3, 2]);
/// # Ok::<(), mapvec_data::Error>(())
/// ```
pub fn collate(records: &[Record], padded: &Shapes) -> Result<Record> {
    let Some(first) = records.first() else {
        return Err(Error::Config {
            field: "records",
            value: "none".to_owned(),
            expected: "at least one record",
        });
    };
    let names: Vec<&str> = first.fields().map(|(name, _)| name).collect();
    for record in records {
        // A field that the first record lacks would be lost without a word.
        if let Some((extra, _)) = record.fields().find(|(name, _)| !names.contains(name)) {
            first.get(extra)?;
        }
    }
    let mut batch = Record::new();
    for name in names {
        let fields = records.iter().map(|r| r.get(name)).collect::<Result<Vec<_>>>()?;
        batch.insert(name, stack(name, &fields, padded.get(name))?);
    }
    Ok(batch)
}

/// Arrays of one name, one behind the other.
fn stack(name: &str, fields: &[&Field], padded: Option<&Vec<usize>>) -> Result<Field> {
    let mut largest = fields.first().map_or_else(Vec::new, |f| f.shape().to_vec());
    for field in fields {
        if field.shape().len() != largest.len() {
            return Err(mixed(name, &format!("of {:?} beside {largest:?}", field.shape())));
        }
        for (most, size) in largest.iter_mut().zip(field.shape()) {
            *most = (*most).max(*size);
        }
    }
    let shape = padded.unwrap_or(&largest);
    let padded = fields
        .iter()
        .map(|field| match field.shape() == shape.as_slice() {
            true => Ok(Cow::Borrowed(*field)),
            false => field.padded(shape).map(Cow::Owned),
        })
        .collect::<Result<Vec<_>>>()?;
    let types = || mixed(name, "of several types");
    let values = match padded.first().map(|field| field.values()) {
        Some(Values::F32(_)) => Values::F32(join(&padded, Values::as_f32).ok_or_else(types)?),
        Some(Values::I32(_)) => Values::I32(join(&padded, Values::as_i32).ok_or_else(types)?),
        Some(Values::U8(_)) | None => Values::U8(join(&padded, Values::as_u8).ok_or_else(types)?),
    };
    Field::new([&[fields.len()], shape.as_slice()].concat(), values)
}

/// The values of all fields, if they are of one type.
fn join<T: Copy>(fields: &[Cow<'_, Field>], of: fn(&Values) -> Option<&[T]>) -> Option<Vec<T>> {
    let all: Vec<&[T]> = fields.iter().map(|field| of(field.values())).collect::<Option<_>>()?;
    Some(all.concat())
}

fn mixed(name: &str, what: &str) -> Error {
    Error::Config {
        field: "records",
        value: format!("arrays {name} {what}"),
        expected: "arrays of one type and one number of axes under one name",
    }
}
