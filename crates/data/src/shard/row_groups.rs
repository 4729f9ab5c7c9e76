//! Records in Parquet: a row per sample, the bytes of an npy file in each cell.

use std::io::{self, Read};
use std::sync::Arc;

use ::parquet::basic::{Compression, Encoding, Repetition, Type as PhysicalType};
use ::parquet::column::page::{Page, PageReader as _};
use ::parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use ::parquet::errors::{ParquetError, Result as ParquetResult};
use ::parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use ::parquet::file::properties::{EnabledStatistics, WriterProperties};
use ::parquet::file::reader::{ChunkReader, Length};
use ::parquet::file::serialized_reader::SerializedPageReader;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::types::Type;
use bytes::{Buf as _, Bytes};

use crate::record::Record;

use super::MAX_RECORD_BYTES;
use super::block::Block;
use super::npy;

/// Rows that are written, read and checked together. A reader that jumps about reads all
/// of them for one, so they are few.
const ROWS: usize = 32;
/// The column with the number of the sample.
const INDEX: &str = "index";
const MAGIC: &[u8; 4] = b"PAR1";

/// Gathers rows and makes the bytes of row groups and footer of them.
#[derive(Default)]
pub(crate) struct RowGroupWriter {
    writer: Option<SerializedFileWriter<Vec<u8>>>,
    names: Vec<String>,
    indices: Vec<i64>,
    rows: Vec<Vec<Vec<u8>>>,
    bytes: u64,
}

impl RowGroupWriter {
    /// Takes a row; the bytes of a row group when one is full, and how many rows it has.
    pub(crate) fn push(
        &mut self,
        index: usize,
        cells: Vec<(String, Vec<u8>)>,
    ) -> Result<Option<(Vec<u8>, usize)>, String> {
        let (names, cells): (Vec<String>, Vec<Vec<u8>>) = cells.into_iter().unzip();
        if self.writer.is_none() {
            self.writer = Some(open(&names).map_err(|error| error.to_string())?);
            self.names.clone_from(&names);
        }
        if names != self.names {
            return Err(format!(
                "it has the arrays {}, but the first of the shard has {}; records in Parquet must \
                 have the same arrays",
                names.join(", "),
                self.names.join(", ")
            ));
        }
        if names.iter().any(|name| name == INDEX) {
            return Err("an array may not be named `index` in Parquet".to_owned());
        }
        let bytes: u64 = cells.iter().map(|cell| cell.len() as u64).sum();
        // Rows of this size are rare; they get groups of their own.
        let crowded = !self.rows.is_empty() && self.bytes + bytes > MAX_RECORD_BYTES;
        let full = if crowded { Some(self.group()?) } else { None };
        self.indices.push(i64::try_from(index).map_err(|error| error.to_string())?);
        self.rows.push(cells);
        self.bytes += bytes;
        if self.rows.len() >= ROWS && full.is_none() {
            return self.group().map(Some);
        }
        Ok(full)
    }

    /// The bytes of the rest, with the footer as the last part.
    pub(crate) fn finish(mut self) -> Result<Vec<(Vec<u8>, usize)>, String> {
        let mut parts = Vec::new();
        if !self.rows.is_empty() {
            parts.push(self.group()?);
        }
        let mut writer = self.writer.ok_or("a shard without records")?;
        writer.finish().map_err(|error| error.to_string())?;
        writer.flush().map_err(|error| error.to_string())?;
        parts.push((std::mem::take(writer.inner_mut()), 0));
        Ok(parts)
    }

    /// The bytes of a group of the rows at hand.
    fn group(&mut self) -> Result<(Vec<u8>, usize), String> {
        let writer = self.writer.as_mut().ok_or("a row group without columns")?;
        let indices = std::mem::take(&mut self.indices);
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        let samples = rows.len();
        put_group(writer, &indices, rows).map_err(|error| error.to_string())?;
        // The writer counts what it wrote itself, so its buffer may be taken away.
        Ok((std::mem::take(writer.inner_mut()), samples))
    }
}

fn open(names: &[String]) -> ParquetResult<SerializedFileWriter<Vec<u8>>> {
    let column = |name: &str, kind| {
        let column = Type::primitive_type_builder(name, kind);
        column.with_repetition(Repetition::REQUIRED).build().map(Arc::new)
    };
    let mut columns = vec![column(INDEX, PhysicalType::INT64)?];
    for name in names {
        columns.push(column(name, PhysicalType::BYTE_ARRAY)?);
    }
    let schema = Type::group_type_builder("record").with_fields(columns).build()?;
    let properties = WriterProperties::builder()
        .set_created_by("mapvec-data".to_owned())
        .set_compression(Compression::UNCOMPRESSED)
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_write_batch_size(1) // A page ends after the cell that fills it.
        .build();
    SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties))
}

fn put_group(
    writer: &mut SerializedFileWriter<Vec<u8>>,
    indices: &[i64],
    rows: Vec<Vec<Vec<u8>>>,
) -> ParquetResult<()> {
    let mut columns: Vec<Vec<ByteArray>> = Vec::new();
    for row in rows {
        columns.resize_with(row.len(), Vec::new);
        for (column, cell) in columns.iter_mut().zip(row) {
            column.push(cell.into());
        }
    }
    let mut group = writer.next_row_group()?;
    if let Some(mut column) = group.next_column()? {
        column.typed::<Int64Type>().write_batch(indices, None, None)?;
        column.close()?;
    }
    for cells in columns {
        if let Some(mut column) = group.next_column()? {
            column.typed::<ByteArrayType>().write_batch(&cells, None, None)?;
            column.close()?;
        }
    }
    group.close()?;
    writer.flush()?;
    Ok(())
}

/// What the end of a Parquet file says about the rest.
#[derive(Debug)]
pub(crate) struct Footer {
    metadata: ParquetMetaData,
    names: Vec<String>,
}

impl Footer {
    /// Reads the last block of a shard; `blocks` are those before it.
    pub(crate) fn parse(bytes: &[u8], blocks: &[Block]) -> Result<Self, String> {
        let parts = bytes.strip_suffix(MAGIC).and_then(|rest| rest.split_last_chunk::<4>());
        let (rest, length) = parts.ok_or("the Parquet file ends without its mark")?;
        let length = u32::from_le_bytes(*length) as usize;
        let start = rest.len().checked_sub(length).ok_or("the Parquet footer is cut short")?;
        let metadata = ParquetMetaDataReader::decode_metadata(&rest[start..])
            .map_err(|error| error.to_string())?;
        let schema = metadata.file_metadata().schema_descr();
        let mut names = Vec::new();
        for (number, column) in schema.columns().iter().enumerate() {
            let kind = if number == 0 { PhysicalType::INT64 } else { PhysicalType::BYTE_ARRAY };
            let flat = column.path().parts().len() == 1;
            if column.physical_type() != kind || !flat || column.max_def_level() != 0 {
                return Err(format!("the Parquet column {} is not as written here", column.path()));
            }
            if number > 0 {
                names.push(column.name().to_owned());
            }
        }
        if metadata.num_row_groups() != blocks.len() || names.is_empty() {
            return Err("the Parquet footer has other row groups than the index".to_owned());
        }
        for (group, block) in metadata.row_groups().iter().zip(blocks) {
            check_group(group, block, names.len() + 1)?;
        }
        Ok(Self { metadata, names })
    }

    /// The cells of a row group.
    pub(crate) fn group(
        &self,
        number: usize,
        block: &Block,
        bytes: Vec<u8>,
    ) -> Result<Group, String> {
        let window = Arc::new(Window { start: block.offset, bytes: bytes.into() });
        let metadata =
            self.metadata.row_groups().get(number).ok_or("there is no such row group")?;
        let rows = block.samples;
        let mut columns = Vec::with_capacity(self.names.len());
        for (number, column) in metadata.columns().iter().enumerate() {
            let pages = SerializedPageReader::new(Arc::clone(&window), column, rows, None)
                .map_err(|error| error.to_string())?;
            if number == 0 {
                let indices = values(pages, rows, |_| Some((0, 8)))?;
                let equal =
                    |(value, index): (&Bytes, usize)| value[..] == (index as u64).to_le_bytes();
                if !indices.iter().zip(block.first..).all(equal) {
                    return Err("the row group holds other samples".to_owned());
                }
            } else {
                columns.push(values(pages, rows, split_cell)?);
            }
        }
        Ok(Group { names: self.names.clone(), columns })
    }
}

/// The plain values of a column: `split` says how many bytes the next one has in front of
/// it and how many it takes itself.
///
/// The library's own reader of values panics where a damaged page names an encoding
/// that needs a dictionary, so values are taken from the pages here.
fn values(
    mut pages: SerializedPageReader<Window>,
    rows: usize,
    split: impl Fn(&[u8]) -> Option<(usize, usize)>,
) -> Result<Vec<Bytes>, String> {
    let mut values = Vec::with_capacity(rows);
    while let Some(page) = pages.get_next_page().map_err(|error| error.to_string())? {
        let Page::DataPage { mut buf, num_values, encoding: Encoding::PLAIN, .. } = page else {
            return Err("a page of the row group is not plain".to_owned());
        };
        for _ in 0..num_values {
            let (skipped, taken) = split(&buf).ok_or("a page of the row group is cut short")?;
            let end = skipped.checked_add(taken).filter(|end| *end <= buf.len());
            let end = end.ok_or("a value of the row group reaches out of its page")?;
            let value = buf.split_to(end).slice(skipped..);
            if values.len() == rows {
                return Err("the row group has more rows than it states".to_owned());
            }
            values.push(value);
        }
    }
    if values.len() != rows {
        return Err("a column of the row group is cut short".to_owned());
    }
    Ok(values)
}

/// A cell of a binary column: its length in four bytes before it.
fn split_cell(bytes: &[u8]) -> Option<(usize, usize)> {
    let length = u32::from_le_bytes(*bytes.first_chunk::<4>()?);
    Some((4, usize::try_from(length).ok()?))
}

/// The columns lie in their block, plain: the Parquet library trusts these numbers.
fn check_group(group: &RowGroupMetaData, block: &Block, columns: usize) -> Result<(), String> {
    let wrong = || Err("the Parquet footer and the index contradict each other".to_owned());
    if usize::try_from(group.num_rows()) != Ok(block.samples) || group.columns().len() != columns {
        return wrong();
    }
    for column in group.columns() {
        let start = u64::try_from(column.data_page_offset());
        let length = u64::try_from(column.compressed_size());
        let (Ok(start), Ok(length)) = (start, length) else { return wrong() };
        let inside = start >= block.offset
            && start.checked_add(length).is_some_and(|end| end <= block.offset + block.bytes);
        let plain = column.compression() == Compression::UNCOMPRESSED
            && column.dictionary_page_offset().is_none()
            && column.file_path().is_none();
        if !inside || !plain || usize::try_from(column.num_values()) != Ok(block.samples) {
            return wrong();
        }
    }
    Ok(())
}

/// The cells of a row group, column by column.
#[derive(Debug)]
pub(crate) struct Group {
    names: Vec<String>,
    columns: Vec<Vec<Bytes>>,
}

impl Group {
    /// The record of a row.
    pub(crate) fn record(&self, row: usize) -> Result<Record, String> {
        let mut record = Record::new();
        for (name, cells) in self.names.iter().zip(&self.columns) {
            let cell = cells.get(row).ok_or("there is no such row")?;
            let field = npy::decode(cell).map_err(|reason| format!("{name}: {reason}"))?;
            record.insert(name.as_str(), field);
        }
        Ok(record)
    }
}

/// A part of a file in memory, read by places in the file.
#[derive(Debug)]
struct Window {
    start: u64,
    bytes: Bytes,
}

impl Window {
    fn at(&self, start: u64) -> ParquetResult<Bytes> {
        let inside = start.checked_sub(self.start).and_then(|at| usize::try_from(at).ok());
        match inside.filter(|at| *at <= self.bytes.len()) {
            Some(at) => Ok(self.bytes.slice(at..)),
            None => Err(ParquetError::EOF("a column lies outside its row group".to_owned())),
        }
    }
}

impl Length for Window {
    fn len(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

impl ChunkReader for Window {
    type T = WindowReader;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        self.at(start).map(WindowReader)
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        let bytes = self.at(start)?;
        if length > bytes.len() {
            return Err(ParquetError::EOF("a page reaches out of its row group".to_owned()));
        }
        Ok(bytes.slice(..length))
    }
}

/// Reads a [`Window`] from a place on.
#[derive(Debug)]
pub(crate) struct WindowReader(Bytes);

impl Read for WindowReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min(self.0.len());
        self.0.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}
