//! The wire format of Protocol Buffers, as far as TensorFlow's records need it.
//!
//! # References
//!
//! Protocol Buffers, "Encoding", <https://protobuf.dev/programming-guides/encoding/>.

/// Appends a variable-length number.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7F) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Bytes of a variable-length number.
pub(crate) fn varint_bytes(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// Appends the start of a member of `length` bytes.
pub(crate) fn put_start(out: &mut Vec<u8>, number: u8, length: usize) {
    out.push(number << 3 | 2);
    put_varint(out, length as u64);
}

/// Bytes of a member with a content of `length` bytes and a number below 16.
pub(crate) fn member_bytes(length: usize) -> usize {
    1 + varint_bytes(length as u64) + length
}

/// The content of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    Fixed,
}

/// The members of a message, one after the other.
#[derive(Debug)]
pub(crate) struct Members<'a>(pub(crate) &'a [u8]);

impl<'a> Members<'a> {
    /// Number and content of the next member, none at the end.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, Content<'a>)>, String> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let content = match tag & 7 {
            0 => Content::Varint(self.varint()?),
            1 => self.take(8).map(|_| Content::Fixed)?,
            2 => {
                let length = self.varint()?;
                let length = usize::try_from(length).map_err(|_| short())?;
                Content::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Content::Fixed)?,
            kind => return Err(format!("a message has a member of the wire type {kind}")),
        };
        match tag >> 3 {
            0 => Err("a message has a member without number".to_owned()),
            number => Ok(Some((number, content))),
        }
    }

    fn varint(&mut self) -> Result<u64, String> {
        let mut value = 0_u64;
        for (at, byte) in self.0.iter().take(10).enumerate() {
            let part = u64::from(byte & 0x7F);
            if at == 9 && part > 1 {
                break;
            }
            value |= part << (7 * at);
            if byte & 0x80 == 0 {
                self.0 = &self.0[at + 1..];
                return Ok(value);
            }
        }
        Err("a message has a number without end".to_owned())
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or_else(short)?;
        self.0 = rest;
        Ok(taken)
    }
}

fn short() -> String {
    "a message ends within a member".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        for value in [0, 1, 127, 128, 300, 1 << 35, u64::MAX - 1, u64::MAX] {
            let mut bytes = vec![8];
            put_varint(&mut bytes, value);
            assert_eq!(bytes.len() - 1, varint_bytes(value));
            let mut members = Members(&bytes);
            assert_eq!(members.next().unwrap(), Some((1, Content::Varint(value))));
            assert_eq!(members.next().unwrap(), None);
            for cut in 1..bytes.len() {
                assert!(Members(&bytes[..cut]).next().is_err(), "{value} cut at {cut}");
            }
        }
        // The example of the specification.
        assert_eq!(Members(&[0x08, 0x96, 0x01]).next().unwrap(), Some((1, Content::Varint(150))));
    }

    #[test]
    fn nonsense_is_refused() {
        for bytes in [
            &[0x0A, 5, 1][..],
            &[0x0B],
            &[0x08],
            &[0x00, 1],
            &[0x0A, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1],
            &[0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1],
        ] {
            assert!(Members(bytes).next().is_err(), "{bytes:?}");
        }
    }
}
