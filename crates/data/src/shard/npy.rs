//! Arrays as NumPy's .npy files.

use std::fmt::Write as _;

use crate::error::{Error, Result};
use crate::record::Field;

use super::MAX_RECORD_BYTES;
use super::little_endian::{self, Kind};

const MAGIC: &[u8; 8] = b"\x93NUMPY\x01\x00";
/// Magic, version and length of the header.
const PREFIX: usize = 10;
/// Header and prefix together are a multiple of this.
const ALIGNMENT: usize = 64;
/// NumPy's own limit.
const MAX_RANK: usize = 64;

/// An array as the bytes of a .npy file: version 1.0, C order, `<f4`, `<i4` or `|u1`.
///
/// # References
///
/// NumPy Enhancement Proposal 1, "A Simple File Format for NumPy Arrays".
///
/// # Examples
///
/// ```
/// use mapvec_data::{Field, decode_npy, encode_npy};
///
/// let field = Field::new(vec![2, 3], vec![1_i32, 2, 3, 4, 5, 6])?;
/// assert_eq!(decode_npy(&encode_npy(&field))?, field);
/// # Ok::<(), mapvec_data::Error>(())
/// ```
#[must_use]
pub fn encode_npy(field: &Field) -> Vec<u8> {
    let kind = Kind::of(field.values());
    let mut out = Vec::with_capacity(2 * ALIGNMENT + field.values().len() * kind.width());
    put_npy(&mut out, field);
    out
}

/// Appends what [`encode_npy`] makes.
pub(crate) fn put_npy(out: &mut Vec<u8>, field: &Field) {
    let header = header(field);
    out.extend_from_slice(MAGIC);
    // At most 64 sizes of 20 digits: the length fits.
    let length = u16::try_from(header.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(header.as_bytes());
    little_endian::put(out, field.values());
}

/// Bytes of [`encode_npy`].
#[cfg(feature = "webdataset")]
pub(crate) fn npy_bytes(field: &Field) -> u64 {
    let values = field.values().len() as u64 * Kind::of(field.values()).width() as u64;
    (PREFIX + header(field).len()) as u64 + values
}

fn header(field: &Field) -> String {
    let descr = match Kind::of(field.values()) {
        Kind::F32 => "<f4",
        Kind::I32 => "<i4",
        Kind::U8 => "|u1",
    };
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': (");
    for (at, size) in field.shape().iter().enumerate() {
        // Writing to a string cannot fail.
        let written = if at == 0 { write!(text, "{size},") } else { write!(text, " {size},") };
        written.unwrap_or_default();
    }
    if field.shape().len() > 1 {
        text.pop(); // NumPy writes (2, 3), but (2,).
    }
    text.push_str("), }");
    let length = (PREFIX + text.len() + 1).next_multiple_of(ALIGNMENT) - PREFIX;
    while text.len() + 1 < length {
        text.push(' ');
    }
    text.push('\n');
    text
}

/// The array in the bytes of a .npy file.
///
/// # Errors
///
/// [`Error::Decode`] unless the file has version 1.0, C order, values of kind `<f4`,
/// `<i4`, `|u1` or `|b1` (read as bytes), at most 64 dimensions and 1 GiB, and exactly the
/// bytes that its shape says.
pub fn decode_npy(bytes: &[u8]) -> Result<Field> {
    decode(bytes).map_err(|reason| Error::Decode { name: "npy array".to_owned(), reason })
}

/// As [`decode_npy`]; the error is the reason alone.
pub(crate) fn decode(bytes: &[u8]) -> std::result::Result<Field, String> {
    let Some(rest) = bytes.strip_prefix(MAGIC) else {
        return Err("it is not an npy file of version 1.0".to_owned());
    };
    let Some((length, rest)) = rest.split_first_chunk::<2>() else {
        return Err("the npy header is cut short".to_owned());
    };
    let length = usize::from(u16::from_le_bytes(*length));
    let Some((header, data)) = rest.split_at_checked(length) else {
        return Err("the npy header is cut short".to_owned());
    };
    let header = std::str::from_utf8(header).map_err(|_| "the npy header is no text")?;
    let (kind, shape) = parse_header(header)?;
    let count = shape.iter().try_fold(1_usize, |n, size| n.checked_mul(*size));
    let needed = count.and_then(|count| count.checked_mul(kind.width()));
    if needed != Some(data.len()) {
        return Err(format!("the npy shape {shape:?} does not fit {} bytes", data.len()));
    }
    if data.len() as u64 > MAX_RECORD_BYTES {
        return Err(format!("{} bytes in an array, more than {MAX_RECORD_BYTES}", data.len()));
    }
    Field::new(shape, little_endian::take(kind, data)).map_err(|error| error.to_string())
}

/// Reads the header, a Python dictionary with three keys in any order.
fn parse_header(header: &str) -> std::result::Result<(Kind, Vec<usize>), String> {
    let wrong = || format!("the npy header {:?} cannot be read", header.trim_end());
    let inner = header.trim().strip_prefix('{').and_then(|text| text.strip_suffix('}'));
    let mut rest = inner.ok_or_else(wrong)?.trim();
    let (mut kind, mut order, mut shape) = (None, None, None);
    while !rest.is_empty() {
        let (key, after) = quoted(rest).ok_or_else(wrong)?;
        let value = after.trim_start().strip_prefix(':').ok_or_else(wrong)?.trim_start();
        let after = match key {
            "descr" if kind.is_none() => {
                let (descr, after) = quoted(value).ok_or_else(wrong)?;
                kind = Some(parse_kind(descr)?);
                after
            }
            "fortran_order" if order.is_none() => {
                let after = value.strip_prefix("False").ok_or("npy arrays must be in C order")?;
                order = Some(());
                after
            }
            "shape" if shape.is_none() => {
                let inside = value.strip_prefix('(').ok_or_else(wrong)?;
                let (sizes, after) = inside.split_once(')').ok_or_else(wrong)?;
                shape = Some(parse_shape(sizes).ok_or_else(wrong)?);
                after
            }
            _ => return Err(wrong()),
        };
        let after = after.trim_start();
        rest = match after.strip_prefix(',') {
            Some(after) => after.trim_start(),
            None if after.is_empty() => after,
            None => return Err(wrong()),
        };
    }
    match (kind, order, shape) {
        (Some(kind), Some(()), Some(shape)) => Ok((kind, shape)),
        _ => Err(wrong()),
    }
}

/// The text between quotes at the start, and what follows.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    text[1..].split_once(quote)
}

fn parse_kind(descr: &str) -> std::result::Result<Kind, String> {
    match descr {
        "<f4" => Ok(Kind::F32),
        "<i4" => Ok(Kind::I32),
        "|u1" | "|b1" => Ok(Kind::U8),
        _ => Err(format!("npy values of kind {descr:?}; <f4, <i4 and |u1 are read")),
    }
}

/// Sizes between commas; the last comma is free.
fn parse_shape(text: &str) -> Option<Vec<usize>> {
    let text = text.trim();
    let text = text.strip_suffix(',').unwrap_or(text);
    if text.is_empty() {
        return Some(Vec::new());
    }
    let digits = |size: &str| {
        let size = size.trim();
        let valid = !size.is_empty() && size.bytes().all(|b| b.is_ascii_digit());
        valid.then(|| size.parse().ok()).flatten()
    };
    let sizes: Vec<usize> = text.split(',').map(digits).collect::<Option<_>>()?;
    (sizes.len() <= MAX_RANK).then_some(sizes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_numpys() {
        let field = Field::new(vec![2, 3], vec![0_u8; 6]).unwrap();
        let bytes = encode_npy(&field);
        let text = b"{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }";
        assert_eq!(&bytes[PREFIX..PREFIX + text.len()], text);
        assert_eq!((bytes.len() - 6) % 64, 0);
        assert_eq!(bytes[bytes.len() - 7], b'\n');
        for (shape, shown) in [(vec![], "()"), (vec![4], "(4,)"), (vec![0, 7, 1], "(0, 7, 1)")] {
            let count = shape.iter().product();
            let field = Field::new(shape, vec![1.5_f32; count]).unwrap();
            assert!(header(&field).contains(&format!("'shape': {shown}, }}")));
            assert_eq!(decode_npy(&encode_npy(&field)).unwrap(), field);
        }
    }

    #[test]
    fn bits_of_odd_numbers_survive() {
        let odd =
            [f32::NAN, -0.0, f32::INFINITY, f32::MIN_POSITIVE / 2.0, f32::from_bits(0xFFC0_0001)];
        let back = decode_npy(&encode_npy(&Field::new(vec![5], odd.to_vec()).unwrap())).unwrap();
        let crate::Values::F32(values) = back.values() else { panic!("another kind") };
        assert!(values.iter().zip(odd).all(|(a, b)| a.to_bits() == b.to_bits()));
    }

    #[test]
    fn hostile_headers_are_refused() {
        let with = |header: &str, data: &[u8]| {
            let mut bytes = MAGIC.to_vec();
            bytes.extend_from_slice(&(header.len() as u16).to_le_bytes());
            bytes.extend_from_slice(header.as_bytes());
            bytes.extend_from_slice(data);
            decode_npy(&bytes)
        };
        let good = "{\"shape\":(2,),'descr':'<i4','fortran_order':False}";
        assert!(with(good, &[0; 8]).is_ok(), "any order, any quotes");
        assert!(with(good, &[0; 7]).is_err() && with(good, &[0; 9]).is_err());
        for header in [
            "",
            "{}",
            "{'descr': '<i4', 'fortran_order': True, 'shape': (2,), }",
            "{'descr': '>i4', 'fortran_order': False, 'shape': (2,), }",
            "{'descr': '|O', 'fortran_order': False, 'shape': (1,), }",
            "{'descr': '<i4', 'fortran_order': False, 'shape': (-2,), }",
            "{'descr': '<i4', 'fortran_order': False, 'shape': (+2,), }",
            "{'descr': '<i4', 'fortran_order': False, 'shape': (18446744073709551615, 3), }",
            "{'descr': '<i4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 2), }",
            "{'descr': '<i4', 'fortran_order': False, 'shape': (99999999999999999999999), }",
            "{'descr': '<i4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,), }",
            "{'descr': '<i4', 'fortran_order': False, 'shape': (2,), 'more': 1}",
            "{'descr': '<i4' 'fortran_order': False, 'shape': (2,)",
        ] {
            assert!(with(header, &[0; 8]).is_err(), "{header}");
        }
        assert!(decode_npy(MAGIC).is_err() && decode_npy(b"\x93NUMPY\x02\x00").is_err());
    }
}
