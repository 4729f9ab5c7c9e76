//! Changed bytes are found, and cost no more samples than they must.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use mapvec_data::{
    Error, Loader, LoaderConfig, OnError, Position, Record, ShardFormat, ShardReadConfig, Shards,
    Silent, Source, sample_rng, write_shards,
};
use rand::Rng;

use super::{Random, count_of, files, open, plan, replace};

fn written(format: ShardFormat, source: &Random, shards: usize) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    write_shards(&plan(format, source, shards), dir.path(), source, &Silent).unwrap();
    dir
}

/// Reads everything. Says how many samples are lost; the others are as they were.
fn lost(dir: &Path, source: &Random) -> Result<usize, Error> {
    let read = open(dir)?;
    let mut lost = 0;
    for index in 0..source.count {
        match read.get(index) {
            Ok(record) => assert_eq!(record, source.get(index).unwrap(), "sample {index}"),
            Err(Error::Damaged { first, samples, .. }) => {
                assert!((first..first + samples).contains(&index), "{first} {samples} {index}");
                lost += 1;
            }
            Err(other) => panic!("{other}"),
        }
    }
    Ok(lost)
}

#[test]
fn every_flipped_bit_is_found() {
    let source = Random { seed: 8, count: 40 };
    for format in ShardFormat::ALL {
        let dir = written(format, &source, 2);
        let all: Vec<_> = files(dir.path()).into_iter().filter(|f| f.0 != "plan.json").collect();
        assert_eq!(lost(dir.path(), &source).unwrap(), 0);
        let mut rng = sample_rng(21, 0);
        for _ in 0..count_of("SHARD_FLIPS", 150) {
            let (name, bytes) = &all[rng.random_range(0..all.len())];
            let bit = rng.random_range(0..bytes.len() * 8);
            let mut spoilt = bytes.clone();
            spoilt[bit / 8] ^= 1 << (bit % 8);
            let path = dir.path().join(name);
            replace(&path, &spoilt);
            match lost(dir.path(), &source) {
                Ok(lost) => {
                    assert!(lost > 0, "{name}: bit {bit} was not found");
                    assert_eq!(open(dir.path()).unwrap().verify(&Silent).len(), 1, "{name}");
                    // A sample of a tar or of TFRecord stands for itself.
                    let single = !name.ends_with(".json") && format != ShardFormat::Parquet;
                    assert!(!single || lost == 1, "{name}: bit {bit} costs {lost} samples");
                }
                Err(error) => assert!(matches!(error, Error::Damaged { .. }), "{error}"),
            }
            replace(&path, bytes);
        }
        assert_eq!(lost(dir.path(), &source).unwrap(), 0);
    }
}

#[test]
fn cut_and_lengthened_files_are_found() {
    let source = Random { seed: 9, count: 40 };
    for format in ShardFormat::ALL {
        let dir = written(format, &source, 1);
        for (name, bytes) in files(dir.path()).into_iter().filter(|file| file.0 != "plan.json") {
            let path = dir.path().join(&name);
            for kept in [0, 1, bytes.len() / 2, bytes.len() - 1] {
                replace(&path, &bytes[..kept]);
                let result = lost(dir.path(), &source);
                assert!(result.as_ref().map_or(true, |n| *n > 0), "{name} cut to {kept}");
            }
            replace(&path, &bytes);
            OpenOptions::new().append(true).open(&path).unwrap().write_all(b"\0").unwrap();
            let result = lost(dir.path(), &source);
            assert!(result.as_ref().map_or(true, |n| *n > 0), "{name} lengthened");
            fs::remove_file(&path).unwrap();
            let gone = open(dir.path()).and_then(|read| read.get(0));
            let found = matches!(gone, Err(Error::Io { .. } | Error::NoManifest { .. }));
            assert!(found, "{name}");
            replace(&path, &bytes);
        }
    }
}

#[test]
fn shards_of_another_dataset_are_not_taken_for_ours() {
    let (source, other) = (Random { seed: 9, count: 20 }, Random { seed: 10, count: 20 });
    for format in ShardFormat::ALL {
        let (dir, strange) = (written(format, &source, 2), written(format, &other, 2));
        let plan = plan(format, &source, 2);
        for name in [plan.file_name(1), plan.index_name(1)] {
            fs::copy(strange.path().join(&name), dir.path().join(&name)).unwrap();
            assert_eq!(lost(dir.path(), &source).unwrap(), 10);
        }
        // The shard of the same dataset under another number.
        let dir = written(format, &source, 2);
        fs::copy(dir.path().join(plan.file_name(0)), dir.path().join(plan.file_name(1))).unwrap();
        fs::copy(dir.path().join(plan.index_name(0)), dir.path().join(plan.index_name(1))).unwrap();
        assert_eq!(lost(dir.path(), &source).unwrap(), 10);
    }
}

#[test]
fn a_manifest_that_contradicts_itself_is_refused() {
    let source = Random { seed: 9, count: 20 };
    let dir = written(ShardFormat::Webdataset, &source, 2);
    let path = dir.path().join("manifest.json");
    let text = fs::read_to_string(&path).unwrap();
    for (from, to) in [
        ("shard-00001-of-00002.tar", "../../../../etc/passwd"),
        ("\"samples\": 10", "\"samples\": 11"),
        ("\"count\": 20", "\"count\": 200000"),
        ("\"noise\": 0.1", "\"noise\": 0.10"),
        ("\"seed\": 9", "\"seed\": 9, \"more\": 1"),
    ] {
        assert!(text.contains(from), "{from} is in the manifest");
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
        assert!(matches!(open(dir.path()), Err(Error::Damaged { .. })), "{to}");
    }
}

#[test]
fn without_checks_damage_is_an_error_or_another_record_but_no_panic() {
    let source = Random { seed: 11, count: 40 };
    let config = ShardReadConfig { verify: false, ..ShardReadConfig::default() };
    for format in ShardFormat::ALL {
        let dir = written(format, &source, 1);
        let name = plan(format, &source, 1).file_name(0);
        let path = dir.path().join(name);
        let bytes = fs::read(&path).unwrap();
        let mut rng = sample_rng(22, 0);
        for round in 0..count_of("SHARD_FLIPS", 200) {
            let mut spoilt = bytes.clone();
            for _ in 0..rng.random_range(1..6) {
                // Half of the changes near the end, where Parquet has its footer.
                let near = if round % 2 == 0 { spoilt.len() } else { spoilt.len().min(3000) };
                let at = spoilt.len() - rng.random_range(1..=near);
                spoilt[at] = match rng.random_range(0..3) {
                    0 => 0xFF,
                    1 => rng.random(),
                    _ => spoilt[at] ^ 1 << rng.random_range(0..8),
                };
            }
            replace(&path, &spoilt);
            let read = Shards::open(dir.path(), &config).unwrap();
            let _records: Vec<Option<Record>> = (0..40).map(|i| read.get(i).ok()).collect();
            if spoilt != bytes {
                assert!(!read.verify(&Silent).is_empty(), "a full check finds it");
            }
        }
    }
}

#[test]
fn a_loader_stops_at_damage_or_goes_on_and_reports_it() {
    let source = Random { seed: 12, count: 24 };
    for format in ShardFormat::ALL {
        let dir = written(format, &source, 2);
        let (name, mut bytes) = files(dir.path())
            .into_iter()
            .find(|f| f.0.contains("shard-00001") && !f.0.ends_with("json"))
            .unwrap();
        bytes[10] ^= 1;
        fs::write(dir.path().join(name), bytes).unwrap();
        let damaged = lost(dir.path(), &source).unwrap();
        assert!(damaged > 0, "{format}");
        let batches = |on_error: OnError| {
            let config =
                LoaderConfig { batch: 24, threads: 2, on_error, ..LoaderConfig::default() };
            Loader::new(open(dir.path()).unwrap(), config).unwrap().batch(Position::default())
        };
        assert!(matches!(batches(OnError::Fail), Err(Error::Damaged { .. })), "{format}");
        let batch = batches(OnError::Skip).unwrap();
        assert_eq!(batch.skipped.len(), damaged, "{format}");
        assert_eq!(batch.indices.len(), 24 - damaged, "{format}");
        assert!(batch.skipped.iter().all(|(index, why)| *index >= 12 && why.contains("shard")));
    }
}
