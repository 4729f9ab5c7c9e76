//! The framing of TensorFlow's record files: length, checksum, message, checksum.
//!
//! # References
//!
//! TensorFlow, "TFRecord and tf.train.Example", section on the file format.

use std::fs::File;
use std::io::{BufReader, Read as _};

use crate::record::Record;

use super::block::Block;
use super::tensor_example::{decode_example, encode_example};

/// Length and its checksum.
const HEAD: usize = 12;
/// Checksum of the message.
const TAIL: usize = 4;

/// The frame of a record.
pub(crate) fn encode(record: &Record) -> Vec<u8> {
    let message = encode_example(record);
    let length = (message.len() as u64).to_le_bytes();
    let mut out = Vec::with_capacity(HEAD + message.len() + TAIL);
    out.extend_from_slice(&length);
    out.extend_from_slice(&masked(&length).to_le_bytes());
    out.extend_from_slice(&message);
    out.extend_from_slice(&masked(&message).to_le_bytes());
    out
}

/// The record in a frame.
pub(crate) fn decode(bytes: &[u8], skip: &[String]) -> Result<Record, String> {
    let (head, rest) = bytes.split_first_chunk::<HEAD>().ok_or("a record is cut short")?;
    let length = message_length(head)?;
    let (message, sum) = rest.split_last_chunk::<TAIL>().ok_or("a record is cut short")?;
    if message.len() as u64 != length {
        return Err("a record has another length than it states".to_owned());
    }
    if masked(message) != u32::from_le_bytes(*sum) {
        return Err("a record has a wrong checksum".to_owned());
    }
    decode_example(message, skip)
}

/// The length of the message behind a head.
fn message_length(head: &[u8; HEAD]) -> Result<u64, String> {
    let (length, sum) = head.split_at(8);
    let stated: [u8; 4] = sum.try_into().map_err(|_| "a record is cut short")?;
    if masked(length) != u32::from_le_bytes(stated) {
        return Err("the length of a record has a wrong checksum".to_owned());
    }
    let length: [u8; 8] = length.try_into().map_err(|_| "a record is cut short")?;
    Ok(u64::from_le_bytes(length))
}

/// The Castagnoli checksum, turned so that checksums of checksums are not trivial.
fn masked(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xA282_EAD8)
}

/// Places of the records of a file that has no index.
pub(crate) fn scan(file: &File, length: u64) -> Result<Vec<Block>, String> {
    let mut reader = BufReader::with_capacity(4096, file);
    let mut blocks = Vec::new();
    let mut at = 0_u64;
    while at < length {
        let failed =
            |error: std::io::Error| format!("the records cannot be read at byte {at}: {error}");
        let mut head = [0; HEAD];
        reader.read_exact(&mut head).map_err(failed)?;
        let bytes = message_length(&head)?.checked_add((HEAD + TAIL) as u64);
        let end = bytes.and_then(|bytes| bytes.checked_add(at)).filter(|end| *end <= length);
        let end = end.ok_or_else(|| format!("the record at byte {at} is cut short"))?;
        let (offset, first) = (at, blocks.len());
        blocks.push(Block { offset, bytes: end - at, first, samples: 1, hash: None });
        let unread = end - at - HEAD as u64;
        reader.seek_relative(i64::try_from(unread).unwrap_or(i64::MAX)).map_err(failed)?;
        at = end;
    }
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_published_one() {
        // RFC 3720, appendix B.4: 32 bytes of zeros.
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8A91_36AA);
        // The text of the format: ((crc >> 15) | (crc << 17)) + 0xa282ead8.
        assert_eq!(masked(&[0; 32]), 0x6D55_1522_u32.wrapping_add(0xA282_EAD8));
    }
}
