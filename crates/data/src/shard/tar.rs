//! Records in tars, as the Python package `webdataset` reads them.
//!
//! Written are POSIX ustar headers with fixed owner, mode and time, so equal records have
//! equal bytes. Read is what such tars hold and what other writers of data sets add
//! harmlessly; whatever could point outside (links, `..`, absolute names) or hide content
//! (long names and sizes in extension headers) is refused. Nothing is ever unpacked.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufReader, Read as _};

use crate::record::Record;

use super::block::Block;
use super::npy;

const BLOCK: usize = 512;
/// Zeros behind the last entry.
const END: usize = 2 * BLOCK;
/// Largest extension header that is looked into.
const MAX_PAX: u64 = 1 << 16;
/// Extension keys that change nothing about names and content.
const HARMLESS: [&str; 8] = ["atime", "comment", "ctime", "gid", "gname", "mtime", "uid", "uname"];

/// The key of a sample.
pub(crate) fn key(index: usize) -> String {
    format!("{index:09}")
}

/// The entries of a record, and the end of the archive behind the last.
pub(crate) fn encode(index: usize, record: &Record, last: bool) -> Vec<u8> {
    let key = key(index);
    let sizes = record.fields().map(|(_, field)| npy::npy_bytes(field).next_multiple_of(512) + 512);
    let mut out = Vec::with_capacity(usize::try_from(sizes.sum::<u64>()).unwrap_or(0) + END);
    for (name, field) in record.fields() {
        put_header(&mut out, &format!("{key}.{name}.npy"), npy::npy_bytes(field));
        npy::put_npy(&mut out, field);
        out.resize(out.len().next_multiple_of(BLOCK), 0);
    }
    if last {
        out.resize(out.len() + END, 0);
    }
    out
}

fn put_header(out: &mut Vec<u8>, name: &str, size: u64) {
    let start = out.len();
    out.resize(start + BLOCK, 0);
    let header = &mut out[start..];
    let mut put = |at: usize, text: &[u8]| header[at..at + text.len()].copy_from_slice(text);
    put(0, name.as_bytes());
    put(100, b"0000644");
    put(108, b"0000000");
    put(116, b"0000000");
    put(124, format!("{size:011o}").as_bytes());
    put(136, b"00000000000");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// What a header announces.
enum Entry {
    /// A file with its name and size.
    File(String, u64),
    /// A folder, which holds nothing by itself.
    Folder,
    /// An extension header and its size.
    Extension(u64),
    /// The end of the archive.
    End,
}

/// Reads a header.
fn parse_header(header: &[u8; BLOCK]) -> Result<Entry, String> {
    if header.iter().all(|byte| *byte == 0) {
        return Ok(Entry::End);
    }
    let posix = &header[257..265] == b"ustar\x0000";
    if !posix && &header[257..265] != b"ustar  \0" {
        return Err("a tar header without the mark \"ustar\"; it is damaged or no tar".to_owned());
    }
    let blank: u32 = header[148..156].iter().map(|byte| u32::from(*byte)).sum();
    let sum = header.iter().map(|byte| u32::from(*byte)).sum::<u32>() - blank + 8 * 32;
    if octal(&header[148..156]) != Some(u64::from(sum)) {
        return Err("a tar header has a wrong checksum".to_owned());
    }
    let text = |bytes: &[u8]| {
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        let text = std::str::from_utf8(&bytes[..end]).map_err(|_| "a name in the tar is not UTF-8");
        text.map(str::to_owned)
    };
    let mut name = text(&header[..100])?;
    if posix && header[345] != 0 {
        name = format!("{}/{name}", text(&header[345..500])?);
    }
    let size = octal(&header[124..136])
        .ok_or_else(|| format!("the size of {name:?} is not an octal number"))?;
    match header[156] {
        b'0' | 0 => Ok(Entry::File(checked_name(&name)?.to_owned(), size)),
        b'5' if size == 0 => {
            checked_name(name.trim_end_matches('/'))?;
            Ok(Entry::Folder)
        }
        b'x' | b'g' => Ok(Entry::Extension(size)),
        kind => {
            let what = match kind {
                b'1' => "a hard link",
                b'2' => "a symbolic link",
                b'3' | b'4' => "a device",
                b'5' => "a folder with content",
                b'6' => "a pipe",
                b'L' | b'K' => "a GNU long name",
                b'S' => "a sparse file",
                _ => "of an unknown kind",
            };
            Err(format!("the entry {name:?} is {what}; only plain files are read"))
        }
    }
}

/// A number in octal digits with spaces around and zeros behind.
fn octal(bytes: &[u8]) -> Option<u64> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let text = std::str::from_utf8(&bytes[..end]).ok()?.trim_matches(' ');
    let valid = !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    valid.then(|| u64::from_str_radix(text, 8).ok()).flatten()
}

/// A name that stays inside any folder on any system; a leading `./` is dropped.
fn checked_name(name: &str) -> Result<&str, String> {
    let inner = name.strip_prefix("./").unwrap_or(name);
    if name == "." || name == "./" {
        return Ok(name);
    }
    let drive = inner.as_bytes().get(1) == Some(&b':');
    let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
    if drive || inner.contains(['\\', '\0']) || !inner.split('/').all(plain) {
        return Err(format!("the name {name:?} is absolute, leaves its folder or is empty"));
    }
    Ok(inner)
}

/// Key and extension of a name: the first dot of its last part is between them.
fn split_name(name: &str) -> Result<(&str, &str), String> {
    let base = name.rfind('/').map_or(0, |at| at + 1);
    match name[base..].find('.') {
        Some(dot) if dot > 0 => Ok((&name[..base + dot], &name[base + dot + 1..])),
        _ => Err(format!("the name {name:?} is not KEY.NAME.npy")),
    }
}

/// Name of the array in an entry, none if the entry is to be passed over.
fn array_name<'a>(
    name: &'a str,
    extension: &'a str,
    skip: &[String],
) -> Result<Option<&'a str>, String> {
    let last = extension.rsplit('.').next().unwrap_or(extension);
    if skip.iter().any(|skipped| skipped == extension || skipped == last) {
        return Ok(None);
    }
    match extension.strip_suffix(".npy") {
        Some(array) if !array.is_empty() => Ok(Some(array)),
        _ => Err(format!(
            "the entry {name:?} is not KEY.NAME.npy; list {last:?} in ShardReadConfig::skip to \
             pass over such entries"
        )),
    }
}

/// The records of an extension header change nothing.
fn check_extension(bytes: &[u8]) -> Result<(), String> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let space = rest.iter().position(|byte| *byte == b' ').unwrap_or(0);
        let length: Option<usize> =
            std::str::from_utf8(&rest[..space]).ok().and_then(|text| text.parse().ok());
        let record = length.filter(|n| *n > space).and_then(|n| rest.split_at_checked(n));
        let Some((record, after)) = record else {
            return Err("an extension header of the tar cannot be read".to_owned());
        };
        let key = record[space + 1..].split(|byte| *byte == b'=').next().unwrap_or_default();
        let key = String::from_utf8_lossy(key);
        if !HARMLESS.contains(&key.as_ref()) {
            return Err(format!("an extension header of the tar sets {key:?}; such are not read"));
        }
        rest = after;
    }
    Ok(())
}

/// The record in the bytes of a sample. With `key` given, nothing else may be there.
pub(crate) fn decode(bytes: &[u8], key: Option<&str>, skip: &[String]) -> Result<Record, String> {
    let short = || "the tar ends within an entry".to_owned();
    let mut record = Record::new();
    let mut names = HashSet::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (header, after) = rest.split_first_chunk::<BLOCK>().ok_or_else(short)?;
        let entry = parse_header(header)?;
        let size = match &entry {
            Entry::File(_, size) | Entry::Extension(size) => *size,
            Entry::Folder => 0,
            Entry::End => break,
        };
        let size = usize::try_from(size).map_err(|_| short())?;
        let data = after.get(..size).ok_or_else(short)?;
        rest = after.get(size.next_multiple_of(BLOCK)..).ok_or_else(short)?;
        match entry {
            Entry::Extension(_) => check_extension(data)?,
            Entry::File(name, _) => {
                let (found, extension) = split_name(&name)?;
                if key.is_some_and(|key| key != found) {
                    return Err(format!("the entry {name:?} belongs to another sample"));
                }
                let Some(array) = array_name(&name, extension, skip)? else { continue };
                if !names.insert(array.to_owned()) {
                    return Err(format!("the entry {name:?} is there twice"));
                }
                let field = npy::decode(data).map_err(|reason| format!("{name}: {reason}"))?;
                record.insert(array, field);
            }
            Entry::Folder | Entry::End => {}
        }
    }
    if names.is_empty() {
        return Err("the sample has no arrays".to_owned());
    }
    Ok(record)
}

/// Places and keys of the samples of a tar that has no index.
pub(crate) fn scan(
    file: &File,
    length: u64,
    skip: &[String],
) -> Result<(Vec<Block>, Vec<String>), String> {
    let mut reader = BufReader::with_capacity(4096, file);
    let mut scan = Scan { blocks: Vec::new(), keys: Vec::new(), seen: HashSet::new(), arrays: 0 };
    let (mut at, mut start) = (0_u64, None);
    let mut header = [0; BLOCK];
    loop {
        if at == length {
            return Err("the tar ends without its end mark; it is cut short".to_owned());
        }
        let failed =
            |error: std::io::Error| format!("the tar cannot be read at byte {at}: {error}");
        reader.read_exact(&mut header).map_err(failed)?;
        let entry = parse_header(&header)?;
        let size = match &entry {
            Entry::File(_, size) | Entry::Extension(size) => *size,
            Entry::Folder => 0,
            Entry::End => break,
        };
        let padded = size.checked_next_multiple_of(BLOCK as u64);
        let end = padded.and_then(|padded| padded.checked_add(at + BLOCK as u64));
        let Some(end) = end.filter(|end| *end <= length) else {
            return Err(format!("an entry of {size} bytes reaches past the end of the tar"));
        };
        let begun = *start.get_or_insert(at);
        let mut unread = end - at - BLOCK as u64;
        match entry {
            Entry::Extension(_) => {
                if size > MAX_PAX {
                    return Err(format!("an extension header of {size} bytes in the tar"));
                }
                let mut data = vec![0; usize::try_from(size).unwrap_or(0)];
                reader.read_exact(&mut data).map_err(failed)?;
                check_extension(&data)?;
                unread -= size;
            }
            Entry::File(name, _) => {
                scan.file(&name, begun, end, skip)?;
                start = None;
            }
            Entry::Folder | Entry::End => start = None,
        }
        reader.seek_relative(i64::try_from(unread).unwrap_or(i64::MAX)).map_err(failed)?;
        at = end;
    }
    scan.close();
    Ok((scan.blocks, scan.keys))
}

/// What a scan has found.
struct Scan {
    blocks: Vec<Block>,
    keys: Vec<String>,
    seen: HashSet<String>,
    /// Arrays of the last sample so far.
    arrays: usize,
}

impl Scan {
    /// An entry from `start` to `end`.
    fn file(&mut self, name: &str, start: u64, end: u64, skip: &[String]) -> Result<(), String> {
        let (key, extension) = split_name(name)?;
        let array = array_name(name, extension, skip)?;
        if self.keys.last().is_none_or(|last| last != key) {
            self.close();
            if !self.seen.insert(key.to_owned()) {
                return Err(format!("the entries of the sample {key:?} are not together"));
            }
            self.keys.push(key.to_owned());
            let first = self.blocks.len();
            self.blocks.push(Block { offset: start, bytes: 0, first, samples: 1, hash: None });
        }
        self.arrays += usize::from(array.is_some());
        if let Some(block) = self.blocks.last_mut() {
            block.bytes = end - block.offset;
        }
        Ok(())
    }

    /// Forgets the last sample if nothing of it is to be read.
    fn close(&mut self) {
        if self.arrays == 0 {
            self.blocks.pop();
            self.keys.pop();
        }
        self.arrays = 0;
    }
}
