//! The content of a record as bytes, and their hash.

use crate::record::{Record, Values};

/// First bytes of the form; the number changes when the form does.
const MAGIC: &[u8] = b"mapvec record 1\0";
/// Bytes that go to a hash at a time.
const CHUNK: usize = 1 << 14;

impl Record {
    /// All names, shapes and values in one order of bytes.
    ///
    /// `mapvec record 1` and a zero byte, then the number of arrays; for each array, in the order
    /// of the names: the length of the name, the name, a letter for the type of values (`f`
    /// for `f32`, `i` for `i32`, `u` for `u8`), the number of dimensions, their sizes, the
    /// values. Numbers other than values are `u64`; all are little-endian. Real numbers keep
    /// their bits: 0 and -0 differ.
    #[must_use]
    pub fn canonical_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write_canonical(|part| bytes.extend_from_slice(part));
        bytes
    }

    /// The BLAKE3 hash of [`Record::canonical_bytes`], which are not stored for it.
    ///
    /// Records are equal, bit for bit, where their hashes are.
    #[must_use]
    pub fn content_hash(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        self.write_canonical(|part| {
            hasher.update(part);
        });
        hasher.finalize().into()
    }

    fn write_canonical(&self, mut write: impl FnMut(&[u8])) {
        write(MAGIC);
        write(&(self.fields().count() as u64).to_le_bytes());
        for (name, field) in self.fields() {
            write(&(name.len() as u64).to_le_bytes());
            write(name.as_bytes());
            let kind = match field.values() {
                Values::F32(_) => b"f",
                Values::I32(_) => b"i",
                Values::U8(_) => b"u",
            };
            write(kind);
            write(&(field.shape().len() as u64).to_le_bytes());
            for &size in field.shape() {
                write(&(size as u64).to_le_bytes());
            }
            match field.values() {
                Values::F32(values) => write_words(values, |v| v.to_le_bytes(), &mut write),
                Values::I32(values) => write_words(values, |v| v.to_le_bytes(), &mut write),
                Values::U8(values) => write(values),
            }
        }
    }
}

fn write_words<T>(values: &[T], bytes: impl Fn(&T) -> [u8; 4], write: &mut impl FnMut(&[u8])) {
    let mut buffer = Vec::with_capacity(4 * CHUNK.min(values.len()));
    for chunk in values.chunks(CHUNK) {
        buffer.clear();
        buffer.extend(chunk.iter().flat_map(&bytes));
        write(&buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Field;

    #[test]
    fn the_bytes_are_those_of_the_documentation() {
        let mut record = Record::new();
        record.insert("b", Field::new(vec![2, 1], vec![1.0_f32, -0.0]).unwrap());
        record.insert("a", Field::new(vec![], vec![-2_i32]).unwrap());
        let word = |n: u64| n.to_le_bytes().to_vec();
        let expected = [
            b"mapvec record 1\0".to_vec(),
            word(2),
            [word(1), b"ai".to_vec(), word(0), (-2_i32).to_le_bytes().to_vec()].concat(),
            [word(1), b"bf".to_vec(), word(2), word(2), word(1)].concat(),
            vec![0, 0, 0x80, 0x3f, 0, 0, 0, 0x80],
        ];
        assert_eq!(record.canonical_bytes(), expected.concat());
        assert_eq!(record.content_hash(), *blake3::hash(&expected.concat()).as_bytes());
    }

    #[test]
    fn long_arrays_are_hashed_in_parts() {
        let values: Vec<f32> = (0..3 * CHUNK + 5).map(|i| i as f32).collect();
        let mut record = Record::new();
        record.insert("x", Field::new(vec![values.len()], values).unwrap());
        let hash = blake3::hash(&record.canonical_bytes());
        assert_eq!(record.content_hash(), *hash.as_bytes());
    }

    #[test]
    fn shape_type_and_name_matter() {
        let one = |name: &str, field: Field| {
            let mut record = Record::new();
            record.insert(name, field);
            record.content_hash()
        };
        let bytes = || vec![1_u8, 2, 3, 4];
        let hashes = [
            one("a", Field::new(vec![4], bytes()).unwrap()),
            one("b", Field::new(vec![4], bytes()).unwrap()),
            one("a", Field::new(vec![2, 2], bytes()).unwrap()),
            one("a", Field::new(vec![1], vec![0x0403_0201_i32]).unwrap()),
            one("a", Field::new(vec![1], vec![f32::from_bits(0x0403_0201)]).unwrap()),
        ];
        for (index, hash) in hashes.iter().enumerate() {
            assert!(!hashes[..index].contains(hash), "hash {index} repeats");
        }
    }
}
