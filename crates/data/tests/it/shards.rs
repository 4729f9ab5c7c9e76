//! Records in shards: what goes in comes out, whatever happens on the way.

mod damage;
mod foreign;
mod interrupted;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use mapvec_data::{
    Error, Field, Manifest, Progress, Record, Result, ShardFormat, ShardPlan, ShardReadConfig,
    Shards, Silent, Source, sample_rng, write_shard, write_shards,
};
use proptest::prelude::*;
use rand::Rng;
use serde_json::json;

/// Random records of random sizes.
pub(crate) struct Random {
    pub(crate) seed: u64,
    pub(crate) count: usize,
}

impl Source for Random {
    type Sample = Record;

    fn len(&self) -> usize {
        self.count
    }

    fn get(&self, index: usize) -> Result<Record> {
        if index >= self.count {
            return Err(Error::Index { index, len: self.count });
        }
        let mut rng = sample_rng(self.seed, index as u64);
        let mut record = Record::new();
        let (h, w, n) = (rng.random_range(0..9), rng.random_range(1..9), rng.random_range(0..4));
        let pixels = (0..h * w * 3).map(|_| rng.random()).collect::<Vec<u8>>();
        record.insert("inputs.img", Field::new(vec![h, w, 3], pixels)?);
        let boxes = (0..n * 4).map(|_| finite(rng.random())).collect::<Vec<f32>>();
        record.insert("labels.boxes", Field::new(vec![n, 4], boxes)?);
        let classes = (0..n).map(|_| rng.random()).collect::<Vec<i32>>();
        record.insert("labels.classes_2", Field::new(vec![n], classes)?);
        record.insert("number", Field::new(vec![], vec![i32::try_from(index).unwrap()])?);
        Ok(record)
    }
}

/// Any bits but those of NaN, which equals nothing.
fn finite(bits: u32) -> f32 {
    let value = f32::from_bits(bits);
    if value.is_nan() { 0.0 } else { value }
}

pub(crate) fn plan(format: ShardFormat, source: &Random, shards: usize) -> ShardPlan {
    let config = json!({"size": 9, "noise": 0.1, "names": ["b", "a"]});
    ShardPlan::new(format, source.count, shards, source.seed, &config).unwrap()
}

pub(crate) fn open(dir: &Path) -> Result<Shards> {
    Shards::open(dir, &ShardReadConfig::default())
}

/// Names and contents of all files.
pub(crate) fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect()
}

/// How much of something a test does; the environment asks for more, as in
/// `SHARD_FLIPS=10000` or `SHARD_SAMPLES=10000`.
pub(crate) fn count_of(variable: &str, usual: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Writes a file anew. To overwrite one makes some file systems wait for the disk.
pub(crate) fn replace(path: &Path, bytes: &[u8]) {
    fs::remove_file(path).unwrap_or_default();
    fs::write(path, bytes).unwrap();
}

pub(crate) fn assert_equal(found: &dyn Source<Sample = Record>, expected: &Random) {
    assert_eq!(found.len(), expected.count);
    for index in 0..expected.count {
        assert_eq!(found.get(index).unwrap(), expected.get(index).unwrap(), "sample {index}");
    }
    assert!(matches!(found.get(expected.count), Err(Error::Index { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn what_goes_in_comes_out(
        seed: u64,
        count in 1_usize..90,
        shards in 1_usize..6,
        format in prop::sample::select(ShardFormat::ALL.to_vec()),
        verify: bool,
    ) {
        let shards = shards.min(count);
        let source = Random { seed, count };
        let dir = tempfile::tempdir().unwrap();
        let reports =
            write_shards(&plan(format, &source, shards), dir.path(), &source, &Silent).unwrap();
        prop_assert_eq!(reports.iter().map(|report| report.samples).sum::<usize>(), count);
        prop_assert!(reports.iter().all(|report| report.written && report.finished));
        let config = ShardReadConfig { verify, cached_groups: 1, ..ShardReadConfig::default() };
        let read = Shards::open(dir.path(), &config).unwrap();
        prop_assert_eq!(read.verify(&Silent).len(), 0);
        assert_equal(&read, &source);
        // From several threads, backwards and with jumps.
        std::thread::scope(|scope| {
            for step in [1, 7, 29] {
                let (read, source) = (&read, &source);
                scope.spawn(move || {
                    for index in (0..count).rev().map(|i| i * step % count) {
                        assert_eq!(read.get(index).unwrap(), source.get(index).unwrap());
                    }
                });
            }
        });
    }
}

#[test]
fn neither_the_cut_nor_the_threads_change_a_sample() {
    let source = Random { seed: 5, count: count_of("SHARD_SAMPLES", 150) };
    for format in ShardFormat::ALL {
        for shards in [1, 2, 4, 16] {
            let mut folders = Vec::new();
            for threads in [1, 2] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let dir = tempfile::tempdir().unwrap();
                let plan = plan(format, &source, shards);
                pool.install(|| write_shards(&plan, dir.path(), &source, &Silent)).unwrap();
                assert_equal(&open(dir.path()).unwrap(), &source);
                folders.push(files(dir.path()));
            }
            assert_eq!(folders[0].len(), 2 * shards + 2);
            assert!(folders[0] == folders[1], "{format}, {shards} shards: equal files");
        }
    }
}

#[test]
fn shards_are_written_one_by_one_in_any_order() {
    let source = Random { seed: 1, count: 50 };
    for format in ShardFormat::ALL {
        let plan = plan(format, &source, 5);
        let (whole, parts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        write_shards(&plan, whole.path(), &source, &Silent).unwrap();
        for (done, shard) in [3, 0, 4, 1, 2].into_iter().enumerate() {
            if done > 0 {
                let error = open(parts.path()).unwrap_err();
                let lacks = 5 - done;
                assert!(
                    matches!(error, Error::Unfinished { missing, shards: 5, .. } if missing == lacks),
                    "{error}"
                );
            }
            let report = write_shard(&plan, parts.path(), shard, &source, &Silent).unwrap();
            assert_eq!((report.shard, report.samples, report.written), (shard, 10, true));
            assert_eq!(report.finished, done == 4);
        }
        assert!(files(whole.path()) == files(parts.path()));
        assert!(write_shard(&plan, parts.path(), 5, &source, &Silent).is_err(), "no such shard");
    }
}

#[test]
fn jobs_write_side_by_side() {
    let source = Random { seed: 2, count: 64 };
    let plan = plan(ShardFormat::Tfrecord, &source, 8);
    let (one, many) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_shards(&plan, one.path(), &source, &Silent).unwrap();
    std::thread::scope(|scope| {
        for shard in 0..8 {
            let (plan, source, dir) = (&plan, &source, many.path());
            scope.spawn(move || write_shard(plan, dir, shard, source, &Silent).unwrap());
        }
    });
    assert!(files(one.path()) == files(many.path()));
}

#[test]
fn a_second_run_writes_only_what_is_missing_or_damaged() {
    let source = Random { seed: 3, count: 40 };
    for format in ShardFormat::ALL {
        let dir = tempfile::tempdir().unwrap();
        let plan = plan(format, &source, 4);
        write_shards(&plan, dir.path(), &source, &Silent).unwrap();
        let first = files(dir.path());
        let again = |expected: [bool; 4]| {
            let reports = write_shards(&plan, dir.path(), &source, &Silent).unwrap();
            let written: Vec<_> = reports.iter().map(|report| report.written).collect();
            assert_eq!(written, expected);
            assert!(files(dir.path()) == first, "equal files");
        };
        again([false; 4]);
        fs::remove_file(dir.path().join(plan.file_name(1))).unwrap();
        fs::remove_file(dir.path().join(plan.index_name(2))).unwrap();
        let spoilt = dir.path().join(plan.file_name(3));
        let mut bytes = fs::read(&spoilt).unwrap();
        bytes[40] ^= 1;
        fs::write(&spoilt, bytes).unwrap();
        fs::remove_file(dir.path().join("manifest.json")).unwrap();
        again([false, true, true, true]);
        // An index whose digests were changed does not vouch for its shard.
        let index = dir.path().join(plan.index_name(0));
        let text = fs::read_to_string(&index).unwrap();
        fs::write(&index, text.replacen("\"blocks\":[[", "\"blocks\":[[1", 1)).unwrap();
        again([true, false, false, false]);
    }
}

#[test]
fn another_plan_is_refused_with_what_differs() {
    let source = Random { seed: 3, count: 20 };
    let dir = tempfile::tempdir().unwrap();
    let first = plan(ShardFormat::Webdataset, &source, 2);
    write_shards(&first, dir.path(), &source, &Silent).unwrap();
    let before = files(dir.path());
    let config = json!({"size": 9, "noise": 0.2, "names": ["b", "a"]});
    let other = |format, count, shards, seed, config| {
        let plan = ShardPlan::new(format, count, shards, seed, config).unwrap();
        write_shards(&plan, dir.path(), &source, &Silent).unwrap_err().to_string()
    };
    let (same, tar) = (&first.config, ShardFormat::Webdataset);
    for (message, field, values) in [
        (other(tar, 20, 2, 4, same), "seed", ["3", "4"]),
        (other(tar, 19, 2, 3, same), "count", ["20", "19"]),
        (other(tar, 20, 4, 3, same), "shards", ["2", "4"]),
        (other(ShardFormat::Parquet, 20, 2, 3, same), "format", ["webdataset", "parquet"]),
        (other(tar, 20, 2, 3, &config), "config.noise", ["0.1", "0.2"]),
    ] {
        assert!(message.contains(&format!(" {field} is ")), "{message}");
        assert!(values.iter().all(|value| message.contains(value)), "{message}");
    }
    assert!(files(dir.path()) == before);
    // Members in another order are the same configuration.
    let config = json!({"names": ["b", "a"], "noise": 0.1, "size": 9});
    let same = ShardPlan::new(tar, 20, 2, 3, &config).unwrap();
    assert_eq!(same, first);
    fs::write(dir.path().join("plan.json"), b"[1]").unwrap();
    assert!(write_shards(&first, dir.path(), &source, &Silent).is_err());
}

#[test]
fn plans_have_ranges() {
    let new = |count, shards| ShardPlan::new(ShardFormat::Parquet, count, shards, 0, &json!({}));
    for (count, shards) in [(0, 1), (1, 0), (3, 4), (usize::MAX, 1), (1_000_000_000, 100_000)] {
        assert!(matches!(new(count, shards), Err(Error::Config { .. })), "{count} {shards}");
    }
    let plan = new(1_000_000_000, 99_999).unwrap();
    let mut next = 0;
    for shard in 0..99_999 {
        let samples = plan.samples(shard).unwrap();
        assert_eq!(samples.start, next);
        assert!((10_000..=10_001).contains(&samples.len()));
        next = samples.end;
    }
    assert_eq!(next, 1_000_000_000);
    let short = Random { seed: 0, count: 5 };
    let dir = tempfile::tempdir().unwrap();
    assert!(write_shards(&new(6, 1).unwrap(), dir.path(), &short, &Silent).is_err());
}

/// A record with the arrays of the given names for every index.
struct Named(Vec<Vec<&'static str>>);

impl Source for Named {
    type Sample = Record;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn get(&self, index: usize) -> Result<Record> {
        let mut record = Record::new();
        for name in &self.0[index] {
            record.insert(*name, Field::new(vec![1], vec![7_u8])?);
        }
        Ok(record)
    }
}

#[test]
fn records_that_do_not_fit_are_refused_by_number() {
    let long: &'static str = Box::leak("a".repeat(81).into_boxed_str());
    let write = |format, names: &[Vec<&'static str>]| {
        let dir = tempfile::tempdir().unwrap();
        let plan = ShardPlan::new(format, names.len(), 1, 0, &json!(null)).unwrap();
        let result = write_shards(&plan, dir.path(), &Named(names.to_vec()), &Silent);
        let left: Vec<_> = files(dir.path()).into_keys().collect();
        assert!(result.is_ok() || left == ["plan.json"], "{left:?}");
        result
    };
    for format in ShardFormat::ALL {
        for bad in ["", "A", "a b", "a/b", "..", "a..b", ".a", "a.", "ä", "a-b", long] {
            let error = write(format, &[vec!["a"], vec!["a", bad], vec![bad]]).unwrap_err();
            assert!(matches!(error, Error::Sample { index: 1, .. }), "{error}");
        }
        let error = write(format, &[vec!["a"], vec![]]).unwrap_err();
        assert!(matches!(error, Error::Sample { index: 1, .. }), "{error}");
        let differing = write(format, &[vec!["a"], vec!["a", "b"]]);
        assert_eq!(differing.is_ok(), format != ShardFormat::Parquet);
        assert_eq!(write(format, &[vec!["index"]]).is_ok(), format != ShardFormat::Parquet);
        assert!(write(format, &[vec![&long[1..]]]).is_ok());
    }
}

/// Counts what it is told.
#[derive(Default)]
struct Count(AtomicU64, AtomicU64);

impl Progress for Count {
    fn begin(&self, _stage: &str, total: u64) {
        self.0.fetch_add(total, Ordering::Relaxed);
    }

    fn advance(&self, steps: u64) {
        self.1.fetch_add(steps, Ordering::Relaxed);
    }

    fn message(&self, _text: &str) {}

    fn end(&self) {}
}

#[test]
fn progress_counts_every_sample() {
    let source = Random { seed: 3, count: 333 };
    let dir = tempfile::tempdir().unwrap();
    let plan = plan(ShardFormat::Parquet, &source, 3);
    for _ in 0..2 {
        let count = Count::default();
        write_shards(&plan, dir.path(), &source, &count).unwrap();
        assert_eq!((count.0.into_inner(), count.1.into_inner()), (333, 333));
    }
    let count = Count::default();
    write_shard(&plan, dir.path(), 1, &source, &count).unwrap();
    assert_eq!((count.0.into_inner(), count.1.into_inner()), (111, 111));
}

#[test]
fn the_manifest_tells_what_there_is() {
    let source = Random { seed: u64::MAX, count: 11 };
    let dir = tempfile::tempdir().unwrap();
    let plan = plan(ShardFormat::Tfrecord, &source, 3);
    write_shards(&plan, dir.path(), &source, &Silent).unwrap();
    let manifest = Manifest::read(dir.path()).unwrap();
    assert_eq!(manifest.plan, plan);
    assert_eq!(manifest.samples, 11);
    for (number, shard) in manifest.shards.iter().enumerate() {
        let bytes = fs::read(dir.path().join(&shard.file)).unwrap();
        assert_eq!(shard.file, format!("shard-{number:05}-of-00003.tfrecord"));
        assert_eq!(shard.blake3, blake3::hash(&bytes).to_string());
        assert_eq!(shard.bytes, bytes.len() as u64);
    }
    let read = open(dir.path()).unwrap();
    assert_eq!(read.manifest(), Some(&manifest));
    assert_eq!((read.format(), read.key(10).unwrap()), (ShardFormat::Tfrecord, "000000010".into()));
    assert!(read.key(11).is_err());
    let zero = ShardReadConfig { cached_groups: 0, ..ShardReadConfig::default() };
    assert!(Shards::open(dir.path(), &zero).is_err());
    assert!(matches!(open(&dir.path().join("nothing")), Err(Error::Io { .. })));
    for format in ShardFormat::ALL {
        assert_eq!(format.name().parse::<ShardFormat>().unwrap(), format);
        assert_eq!(serde_json::to_value(format).unwrap(), json!(format.name()));
    }
    assert!("zip".parse::<ShardFormat>().is_err());
}

#[test]
fn a_shard_that_was_cut_short_keeps_the_dataset_unfinished() {
    let source = Random { seed: 8, count: 40 };
    let dir = tempfile::tempdir().unwrap();
    let plan = plan(ShardFormat::Webdataset, &source, 4);
    for shard in 0..3 {
        write_shard(&plan, dir.path(), shard, &source, &Silent).unwrap();
    }
    let path = dir.path().join(plan.file_name(1));
    let whole = fs::read(&path).unwrap();
    replace(&path, &whole[..whole.len() - 512]);
    let last = write_shard(&plan, dir.path(), 3, &source, &Silent).unwrap();
    assert!(!last.finished && !dir.path().join("manifest.json").exists());
    let error = open(dir.path()).unwrap_err();
    assert!(
        matches!(&error, Error::Unfinished { missing: 1, first, .. } if *first == plan.file_name(1))
    );
    assert!(write_shard(&plan, dir.path(), 1, &source, &Silent).unwrap().finished);
    assert_equal(&open(dir.path()).unwrap(), &source);
}

#[test]
fn a_list_that_is_missing_has_its_own_message_and_stale_files_are_removed() {
    let source = Random { seed: 9, count: 12 };
    let dir = tempfile::tempdir().unwrap();
    let plan = plan(ShardFormat::Webdataset, &source, 2);
    write_shards(&plan, dir.path(), &source, &Silent).unwrap();
    fs::remove_file(dir.path().join("manifest.json")).unwrap();
    let error = open(dir.path()).unwrap_err();
    assert!(matches!(error, Error::NoManifest { shards: 2, .. }), "{error}");
    write_shards(&plan, dir.path(), &source, &Silent).unwrap();
    let names: Vec<String> = files(dir.path()).into_keys().collect();
    for stale in [".plan.json.tmp", ".manifest.json.tmp"] {
        fs::write(dir.path().join(stale), b"half").unwrap();
    }
    write_shards(&plan, dir.path(), &source, &Silent).unwrap();
    assert_eq!(files(dir.path()).into_keys().collect::<Vec<_>>(), names);
}
