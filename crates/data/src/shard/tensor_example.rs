//! Records as messages `tf.train.Example`, every array a serialized `TensorProto`.
//!
//! # References
//!
//! TensorFlow, `core/example/example.proto`, `core/framework/tensor.proto`.

use crate::record::{Field, Record};

use super::little_endian::{self, Kind};
use super::protobuf::{Content, Members, member_bytes, put_start, put_varint};

const DT_FLOAT: u64 = 1;
const DT_INT32: u64 = 3;
const DT_UINT8: u64 = 4;
/// TensorFlow's own limit.
const MAX_RANK: usize = 254;

/// The message of a record. Members are in the order of the names, so equal records have
/// equal bytes.
pub(crate) fn encode_example(record: &Record) -> Vec<u8> {
    let entries: Vec<_> = record.fields().map(|(name, field)| Entry::new(name, field)).collect();
    let features = entries.iter().map(|entry| member_bytes(entry.bytes())).sum();
    let mut out = Vec::with_capacity(member_bytes(features));
    put_start(&mut out, 1, features);
    for entry in &entries {
        entry.put(&mut out);
    }
    out
}

/// An array on its way into the message. Sizes are stated before contents, so they are
/// computed first, from the inside out.
struct Entry<'a> {
    name: &'a str,
    field: &'a Field,
    /// Kind and shape.
    head: Vec<u8>,
    content: usize,
}

impl<'a> Entry<'a> {
    fn new(name: &'a str, field: &'a Field) -> Self {
        let kind = Kind::of(field.values());
        let mut shape = Vec::new();
        for size in field.shape() {
            let mut dim = vec![1 << 3];
            put_varint(&mut dim, *size as u64);
            put_start(&mut shape, 2, dim.len());
            shape.extend(dim);
        }
        let mut head = vec![1 << 3];
        put_varint(
            &mut head,
            match kind {
                Kind::F32 => DT_FLOAT,
                Kind::I32 => DT_INT32,
                Kind::U8 => DT_UINT8,
            },
        );
        put_start(&mut head, 2, shape.len());
        head.extend(shape);
        Self { name, field, head, content: field.values().len() * kind.width() }
    }

    fn tensor(&self) -> usize {
        self.head.len() + member_bytes(self.content)
    }

    fn bytes(&self) -> usize {
        let list = member_bytes(self.tensor());
        member_bytes(self.name.len()) + member_bytes(member_bytes(list))
    }

    fn put(&self, out: &mut Vec<u8>) {
        let list = member_bytes(self.tensor());
        put_start(out, 1, self.bytes());
        put_start(out, 1, self.name.len());
        out.extend_from_slice(self.name.as_bytes());
        put_start(out, 2, member_bytes(list)); // Feature
        put_start(out, 1, list); // BytesList
        put_start(out, 1, self.tensor());
        out.extend_from_slice(&self.head);
        put_start(out, 4, self.content);
        little_endian::put(out, self.field.values());
    }
}

/// The record of a message; features named in `skip` are passed over.
pub(crate) fn decode_example(bytes: &[u8], skip: &[String]) -> Result<Record, String> {
    let mut record = Record::new();
    let mut example = Members(bytes);
    while let Some((number, content)) = example.next()? {
        let (1, Content::Bytes(features)) = (number, content) else { continue };
        let mut features = Members(features);
        while let Some((number, content)) = features.next()? {
            let (1, Content::Bytes(entry)) = (number, content) else { continue };
            let (name, feature) = decode_entry(entry)?;
            if skip.iter().any(|skipped| skipped == name) {
                continue;
            }
            if record.contains(name) {
                return Err(format!("the feature {name:?} is there twice"));
            }
            let tensor = single_bytes(feature)?.ok_or_else(|| {
                format!(
                    "the feature {name:?} is not one serialized tensor; list it in \
                     ShardReadConfig::skip to pass over it"
                )
            })?;
            let field = decode_tensor(tensor).map_err(|reason| format!("{name}: {reason}"))?;
            record.insert(name, field);
        }
    }
    if record.fields().next().is_none() {
        return Err("the example has no arrays".to_owned());
    }
    Ok(record)
}

/// Key and value of an entry of a map.
fn decode_entry(bytes: &[u8]) -> Result<(&str, &[u8]), String> {
    let (mut key, mut value) = (&b""[..], &b""[..]);
    let mut entry = Members(bytes);
    while let Some((number, content)) = entry.next()? {
        match (number, content) {
            (1, Content::Bytes(bytes)) => key = bytes,
            (2, Content::Bytes(bytes)) => value = bytes,
            _ => {}
        }
    }
    let key = std::str::from_utf8(key).map_err(|_| "the name of a feature is not UTF-8")?;
    Ok((key, value))
}

/// The only value of a feature, if it is a list of bytes.
fn single_bytes(feature: &[u8]) -> Result<Option<&[u8]>, String> {
    let mut found = None;
    let mut feature = Members(feature);
    while let Some((number, content)) = feature.next()? {
        let (1, Content::Bytes(list)) = (number, content) else { return Ok(None) };
        let mut list = Members(list);
        while let Some((number, content)) = list.next()? {
            match (number, content, found) {
                (1, Content::Bytes(bytes), None) => found = Some(bytes),
                _ => return Ok(None),
            }
        }
    }
    Ok(found)
}

/// The array of a `TensorProto` with all values in `tensor_content`.
fn decode_tensor(bytes: &[u8]) -> Result<Field, String> {
    let (mut kind, mut shape, mut content) = (None, Vec::new(), &b""[..]);
    let mut tensor = Members(bytes);
    while let Some((number, member)) = tensor.next()? {
        match (number, member) {
            (1, Content::Varint(DT_FLOAT)) => kind = Some(Kind::F32),
            (1, Content::Varint(DT_INT32)) => kind = Some(Kind::I32),
            (1, Content::Varint(DT_UINT8)) => kind = Some(Kind::U8),
            (1, _) => return Err("a tensor of another kind than float, int32, uint8".to_owned()),
            (2, Content::Bytes(bytes)) => shape = decode_shape(bytes)?,
            (4, Content::Bytes(bytes)) => content = bytes,
            (3, _) => {} // version
            _ => return Err("a tensor with values outside `tensor_content`".to_owned()),
        }
    }
    let kind = kind.ok_or("a tensor without kind")?;
    let count = shape.iter().try_fold(1_usize, |n, size| n.checked_mul(*size));
    if count.and_then(|count| count.checked_mul(kind.width())) != Some(content.len()) {
        return Err(format!("the shape {shape:?} does not fit {} bytes", content.len()));
    }
    Field::new(shape, little_endian::take(kind, content)).map_err(|error| error.to_string())
}

fn decode_shape(bytes: &[u8]) -> Result<Vec<usize>, String> {
    let mut sizes = Vec::new();
    let mut shape = Members(bytes);
    while let Some((number, content)) = shape.next()? {
        match (number, content) {
            (2, Content::Bytes(bytes)) if sizes.len() < MAX_RANK => {
                let mut size = 0; // A size of 0 may be left out.
                let mut dim = Members(bytes);
                while let Some((number, content)) = dim.next()? {
                    if let (1, Content::Varint(value)) = (number, content) {
                        size = usize::try_from(value).map_err(|_| "a size of a tensor")?;
                    }
                }
                sizes.push(size);
            }
            (3, Content::Varint(0)) => {}
            _ => return Err("a tensor of unknown or too high rank".to_owned()),
        }
    }
    Ok(sizes)
}
