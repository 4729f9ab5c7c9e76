//! The blocks of a shard and the index that lists them.

use blake3::Hash;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::plan::VERSION;
use super::sealed::Sealed;

/// A part of a shard that is read and checked as a whole.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Block {
    /// Where it begins in the shard.
    pub(crate) offset: u64,
    /// Its size.
    pub(crate) bytes: u64,
    /// Its first sample.
    pub(crate) first: usize,
    /// How many samples it holds; none in the footer of a Parquet file.
    pub(crate) samples: usize,
    /// Digest of its bytes, where it is known.
    pub(crate) hash: Option<Hash>,
}

/// The index of a shard. Blocks follow each other without gaps, so their offsets and
/// first samples are not stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShardIndex {
    version: u32,
    pub(crate) shard: usize,
    pub(crate) first: usize,
    pub(crate) samples: usize,
    pub(crate) bytes: u64,
    pub(crate) blake3: String,
    digest: String,
    blocks: Vec<StoredBlock>,
}

/// Bytes, samples and digest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct StoredBlock(u64, usize, #[serde(with = "hex")] Hash);

mod hex {
    use super::{Deserialize, Deserializer, Hash, Serializer};

    pub(super) fn serialize<S: Serializer>(hash: &Hash, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(hash.to_hex().as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Hash, D::Error> {
        let text = String::deserialize(deserializer)?;
        Hash::from_hex(text).map_err(serde::de::Error::custom)
    }
}

impl Sealed for ShardIndex {
    const PRETTY: bool = false;

    fn digest(&mut self) -> &mut String {
        &mut self.digest
    }
}

impl ShardIndex {
    /// The index of a shard with these blocks.
    pub(crate) fn new(
        shard: usize,
        first: usize,
        blocks: &[(u64, usize, Hash)],
        whole: &Hash,
    ) -> Self {
        Self {
            version: VERSION,
            shard,
            first,
            samples: blocks.iter().map(|block| block.1).sum(),
            bytes: blocks.iter().map(|block| block.0).sum(),
            blake3: whole.to_string(),
            digest: String::new(),
            blocks: blocks.iter().map(|block| StoredBlock(block.0, block.1, block.2)).collect(),
        }
    }

    /// The blocks with their places.
    pub(crate) fn blocks(&self) -> Result<Vec<Block>, String> {
        if self.version != VERSION {
            return Err(format!("the index has the layout {}; {VERSION} is read", self.version));
        }
        let (mut offset, mut first) = (0_u64, self.first);
        let mut blocks = Vec::with_capacity(self.blocks.len());
        for StoredBlock(bytes, samples, hash) in &self.blocks {
            let (bytes, samples) = (*bytes, *samples);
            blocks.push(Block { offset, bytes, first, samples, hash: Some(*hash) });
            offset = offset.checked_add(bytes).ok_or("the blocks are too large")?;
            first = first.checked_add(samples).ok_or("there are too many samples")?;
        }
        if offset != self.bytes || Some(first) != self.first.checked_add(self.samples) {
            return Err("the blocks do not add up to the shard".to_owned());
        }
        Ok(blocks)
    }
}
