//! Datasets in object stores: S3, Google Cloud Storage, or a folder that stands for one.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::Path;

use blake3::Hasher;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt as _, PutPayload};
use tokio::runtime::{Builder, Runtime};
use url::Url;

use crate::atomic_file::{AtomicFile, write_in_turn};
use crate::error::{Error, Result};
use crate::progress::Progress;

use super::MAX_BLOCK_BYTES;
use super::block::ShardIndex;
use super::manifest::{self, Manifest, ManifestShard};
use super::plan::{self, ShardPlan};
use super::sealed::unseal;
use super::write::finished_index;

/// Bytes of a request. Stores want parts of at least 5 MiB.
const PART_BYTES: usize = 16 << 20;

/// Why a dataset is not sent to a place.
const OTHER: &str = "another dataset is there";

/// A place in an object store that holds one dataset.
///
/// Its methods wait for the store on a runtime of their own. Called from a task of another
/// `tokio` runtime they panic: put them into `tokio::task::spawn_blocking`.
#[derive(Debug)]
pub struct DatasetStore {
    url: String,
    store: Box<dyn ObjectStore>,
    prefix: Key,
    runtime: Runtime,
}

/// What an upload or a download did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Transfer {
    /// Shards that were copied.
    pub copied: usize,
    /// Shards that were there already.
    pub present: usize,
    /// Bytes of the shards that were copied.
    pub bytes: u64,
}

impl DatasetStore {
    /// Names a place: `s3://BUCKET/FOLDER` (feature `s3`), `gs://BUCKET/FOLDER` (feature
    /// `gcs`) or `file:///FOLDER`. Nothing is read yet.
    ///
    /// `options` are settings of the store, such as `aws_region`. Programs that want the
    /// usual variables to count pass the environment; names that mean nothing to the store
    /// are ignored.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] for an address that is not understood, or whose feature is off.
    pub fn open(url: &str, options: &[(String, String)]) -> Result<Self> {
        let failed =
            |reason: String| Error::Store { location: url.to_owned(), action: "open", reason };
        let parsed = Url::parse(url).map_err(|error| failed(error.to_string()))?;
        let options =
            options.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.as_str()));
        let (store, prefix) = object_store::parse_url_opts(&parsed, options).map_err(|error| {
            failed(format!("{error}; s3:// needs the feature `s3`, gs:// the feature `gcs`"))
        })?;
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| failed(error.to_string()))?;
        Ok(Self { url: url.trim_end_matches('/').to_owned(), store, prefix, runtime })
    }

    /// Copies a complete dataset from a folder into the store.
    ///
    /// Each shard is checked against the manifest while it is sent, its index follows it,
    /// and the manifest comes last, so a dataset in the store is complete or not there.
    /// What an earlier upload brought is not sent again. A shard counts as brought if the object
    /// has its size and the object of its index the same bytes; the contents of the shard are
    /// trusted, and checked where it is read or downloaded.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] when a file of the folder is not as it was written,
    /// [`Error::Store`] when the store refuses or holds another dataset, [`Error::Io`].
    pub fn upload(&self, dir: &Path, progress: &dyn Progress) -> Result<Transfer> {
        let manifest = Manifest::read(dir)?;
        let stated = read(dir, manifest::FILE_NAME)?;
        if self.find(manifest::FILE_NAME)?.is_some_and(|there| there != stated) {
            return Err(self.error(manifest::FILE_NAME, "upload", OTHER));
        }
        progress.begin("shards to the store", manifest.shards.len() as u64);
        let mut transfer = Transfer::default();
        for (number, shard) in manifest.shards.iter().enumerate() {
            let index_name = manifest.plan.index_name(number);
            let index = read(dir, &index_name)?;
            check(&dir.join(&index_name), shard, &index, &shard.index_blake3)?;
            if self.size(&shard.file)? == Some(shard.bytes)
                && self.find(&index_name)?.as_ref() == Some(&index)
            {
                transfer.present += 1;
            } else {
                self.send(&dir.join(&shard.file), shard)?;
                self.put(&index_name, index)?;
                transfer.copied += 1;
                transfer.bytes += shard.bytes;
            }
            progress.advance(1);
        }
        progress.end();
        self.put(plan::FILE_NAME, read(dir, plan::FILE_NAME)?)?;
        self.put(manifest::FILE_NAME, stated)?;
        Ok(transfer)
    }

    /// Sends one shard from the folder where [`write_shard`](super::write_shard) has finished
    /// it, for jobs without a disk that all share: each writes and sends its own shard.
    /// [`DatasetStore::complete`] then writes the manifest.
    ///
    /// The index follows the shard. What is there already is not sent again.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] when the shard is not finished in the folder, or the store refuses or
    /// holds shards of another plan; [`Error::Config`] for a shard that the plan does not have;
    /// [`Error::Damaged`], [`Error::Io`].
    pub fn upload_shard(&self, plan: &ShardPlan, dir: &Path, shard: usize) -> Result<Transfer> {
        let (file, index_name) = (plan.file_name(shard), plan.index_name(shard));
        let Some(index) = finished_index(plan, dir, shard)? else {
            return Err(self.error(&file, "upload", "it is not finished in the folder"));
        };
        self.put_once(plan::FILE_NAME, plan.text()?)?;
        let bytes = read(dir, &index_name)?;
        let shard = ManifestShard::of(plan, shard, index, &bytes);
        if self.size(&file)? == Some(shard.bytes)
            && self.find(&index_name)?.as_ref() == Some(&bytes)
        {
            return Ok(Transfer { present: 1, ..Transfer::default() });
        }
        self.send(&dir.join(&file), &shard)?;
        self.put(&index_name, bytes)?;
        Ok(Transfer { copied: 1, present: 0, bytes: shard.bytes })
    }

    /// Writes the manifest if all shards of a plan have been sent, and says whether they have.
    /// Every job may call it after its shard: the last one finds them all.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] for an index that is not as it was written, [`Error::Store`] when the
    /// store refuses or holds another dataset.
    pub fn complete(&self, plan: &ShardPlan) -> Result<bool> {
        self.put_once(plan::FILE_NAME, plan.text()?)?;
        let mut shards = Vec::with_capacity(plan.shards);
        for number in 0..plan.shards {
            let index_name = plan.index_name(number);
            let Some(bytes) = self.find(&index_name)? else { return Ok(false) };
            let index: ShardIndex = unseal(&bytes).map_err(|reason| Error::Damaged {
                path: self.location(&index_name).into(),
                first: 0,
                samples: 0,
                reason,
            })?;
            if self.size(&plan.file_name(number))? != Some(index.bytes) {
                return Ok(false);
            }
            shards.push(ManifestShard::of(plan, number, index, &bytes));
        }
        let place = self.location(manifest::FILE_NAME);
        let text = Manifest::text(plan, shards, Path::new(&place))?;
        self.put_once(manifest::FILE_NAME, text)?;
        Ok(true)
    }

    /// Copies a dataset from the store into a folder, where
    /// [`Shards::open`](super::Shards::open) reads it.
    ///
    /// Each shard is checked against the manifest before it takes its name. Shards that
    /// are in the folder already, byte for byte, are not fetched again.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] when the store holds other bytes than the manifest says,
    /// [`Error::OtherPlan`] when the folder has another dataset, [`Error::Store`],
    /// [`Error::Io`].
    pub fn download(&self, dir: &Path, progress: &dyn Progress) -> Result<Transfer> {
        let stated = self.find(manifest::FILE_NAME)?.ok_or_else(|| {
            self.error(manifest::FILE_NAME, "download", "no complete dataset is there")
        })?;
        let manifest = Manifest::parse(&stated).map_err(|reason| Error::Damaged {
            path: self.location(manifest::FILE_NAME).into(),
            first: 0,
            samples: 0,
            reason,
        })?;
        manifest.plan.settle(dir)?;
        progress.begin("shards from the store", manifest.shards.len() as u64);
        let mut transfer = Transfer::default();
        for (number, shard) in manifest.shards.iter().enumerate() {
            let here = finished_index(&manifest.plan, dir, number)?;
            if here.is_some_and(|index| index.blake3 == shard.blake3) {
                transfer.present += 1;
            } else {
                let index_name = manifest.plan.index_name(number);
                self.fetch(&dir.join(&shard.file), shard)?;
                let index = self.find(&index_name)?.unwrap_or_default();
                let place = self.location(&index_name);
                check(Path::new(&place), shard, &index, &shard.index_blake3)?;
                write_in_turn(&dir.join(&index_name), &index)?;
                transfer.copied += 1;
                transfer.bytes += shard.bytes;
            }
            progress.advance(1);
        }
        progress.end();
        write_in_turn(&dir.join(manifest::FILE_NAME), &stated)?;
        Ok(transfer)
    }

    /// Sends a shard in parts. The object appears when the last part is there, which is
    /// not before the digest was found right.
    fn send(&self, path: &Path, shard: &ManifestShard) -> Result<()> {
        let failed = |error| self.failed(&shard.file, "upload", &error);
        let mut file = File::open(path).map_err(Error::io(path, "open"))?;
        let key = self.key(&shard.file);
        let mut hasher = Hasher::new();
        let mut part = next_part(&mut file, path, &mut hasher)?;
        if part.len() < PART_BYTES {
            check_digest(path, shard, &hasher)?;
            return self.put(&shard.file, part);
        }
        let upload = self.runtime.block_on(self.store.put_multipart(&key));
        let mut upload = upload.map_err(failed)?;
        let sent = loop {
            if part.is_empty() {
                break check_digest(path, shard, &hasher);
            }
            let sent = self.runtime.block_on(upload.put_part(PutPayload::from(part)));
            if let Err(error) = sent {
                break Err(failed(error));
            }
            match next_part(&mut file, path, &mut hasher) {
                Ok(next) => part = next,
                Err(error) => break Err(error),
            }
        };
        if let Err(error) = sent {
            // The first error counts; a store forgets abandoned parts in time.
            self.runtime.block_on(upload.abort()).unwrap_or_default();
            return Err(error);
        }
        self.runtime.block_on(upload.complete()).map_err(failed)?;
        Ok(())
    }

    fn fetch(&self, path: &Path, shard: &ManifestShard) -> Result<()> {
        let key = self.key(&shard.file);
        let mut file = AtomicFile::create(path)?;
        let mut hasher = Hasher::new();
        let mut at = 0;
        while at < shard.bytes {
            let end = shard.bytes.min(at + PART_BYTES as u64);
            let bytes = self.runtime.block_on(self.store.get_range(&key, at..end));
            let bytes = bytes.map_err(|error| self.failed(&shard.file, "download", &error))?;
            if bytes.len() as u64 != end - at {
                return Err(self.error(&shard.file, "download", "the object ends early"));
            }
            hasher.update(&bytes);
            file.write_all(&bytes).map_err(Error::io(path, "write"))?;
            at = end;
        }
        check_digest(Path::new(&self.location(&shard.file)), shard, &hasher)?;
        file.commit()
    }

    /// A small object, none if there is no such.
    fn find(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let Some(size) = self.size(name)? else { return Ok(None) };
        if size > MAX_BLOCK_BYTES {
            return Err(self.error(name, "download", "the object is too large"));
        }
        let key = self.key(name);
        let bytes = self.runtime.block_on(async { self.store.get(&key).await?.bytes().await });
        bytes
            .map(|bytes| Some(bytes.to_vec()))
            .map_err(|error| self.failed(name, "download", &error))
    }

    fn size(&self, name: &str) -> Result<Option<u64>> {
        match self.runtime.block_on(self.store.head(&self.key(name))) {
            Ok(meta) => Ok(Some(meta.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.failed(name, "look for", &error)),
        }
    }

    fn put(&self, name: &str, bytes: Vec<u8>) -> Result<()> {
        let sent = self.runtime.block_on(self.store.put(&self.key(name), PutPayload::from(bytes)));
        sent.map(|_| ()).map_err(|error| self.failed(name, "upload", &error))
    }

    /// Writes a small object, which may be there already, but not with other bytes.
    fn put_once(&self, name: &str, bytes: Vec<u8>) -> Result<()> {
        match self.find(name)? {
            Some(there) if there != bytes => Err(self.error(name, "upload", OTHER)),
            Some(_) => Ok(()),
            None => self.put(name, bytes),
        }
    }

    fn key(&self, name: &str) -> Key {
        self.prefix.clone().join(name)
    }

    fn location(&self, name: &str) -> String {
        format!("{}/{name}", self.url)
    }

    fn failed(&self, name: &str, action: &'static str, error: &object_store::Error) -> Error {
        self.error(name, action, &error.to_string())
    }

    fn error(&self, name: &str, action: &'static str, reason: &str) -> Error {
        Error::Store { location: self.location(name), action, reason: reason.to_owned() }
    }
}

fn read(dir: &Path, name: &str) -> Result<Vec<u8>> {
    let path = dir.join(name);
    fs::read(&path).map_err(Error::io(&path, "read"))
}

/// The next bytes of a file, fewer than asked for at its end only.
fn next_part(file: &mut File, path: &Path, hasher: &mut Hasher) -> Result<Vec<u8>> {
    let mut part = Vec::new();
    file.take(PART_BYTES as u64).read_to_end(&mut part).map_err(Error::io(path, "read"))?;
    hasher.update(&part);
    Ok(part)
}

fn check(path: &Path, shard: &ManifestShard, bytes: &[u8], digest: &str) -> Result<()> {
    compare(path, shard, &blake3::hash(bytes).to_string(), digest)
}

fn check_digest(path: &Path, shard: &ManifestShard, hasher: &Hasher) -> Result<()> {
    compare(path, shard, &hasher.finalize().to_string(), &shard.blake3)
}

fn compare(path: &Path, shard: &ManifestShard, found: &str, stated: &str) -> Result<()> {
    if found == stated {
        return Ok(());
    }
    Err(Error::Damaged {
        path: path.to_owned(),
        first: shard.first,
        samples: shard.samples,
        reason: "its bytes are not those that the manifest states".to_owned(),
    })
}
