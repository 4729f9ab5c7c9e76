//! Datasets in a store and back; a folder stands for the store.

use std::fs;

use mapvec_data::{
    DatasetStore, Error, Field, Record, Result, ShardFormat, ShardPlan, ShardReadConfig, Shards,
    Silent, Source, write_shard, write_shards,
};
use serde_json::json;

/// Large enough for uploads in several parts.
struct Large;

impl Source for Large {
    type Sample = Record;

    fn len(&self) -> usize {
        6
    }

    fn get(&self, index: usize) -> Result<Record> {
        let mut record = Record::new();
        let values = (0..2_500_000).map(|i| (i * 31 + index) as f32).collect::<Vec<f32>>();
        record.insert("img", Field::new(vec![values.len()], values)?);
        Ok(record)
    }
}

fn address(dir: &tempfile::TempDir) -> String {
    format!("file://{}/sets/one", dir.path().display())
}

#[test]
fn a_dataset_goes_there_and_back() {
    let (here, there, back) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let plan = ShardPlan::new(ShardFormat::Webdataset, 6, 3, 1, &json!({"a": 1})).unwrap();
    let store = DatasetStore::open(&address(&there), &[]).unwrap();
    assert!(matches!(store.download(back.path(), &Silent), Err(Error::Store { .. })), "empty");
    assert!(store.upload(here.path(), &Silent).is_err(), "nothing to send");
    write_shards(&plan, here.path(), &Large, &Silent).unwrap();
    let sent = store.upload(here.path(), &Silent).unwrap();
    assert_eq!((sent.copied, sent.present), (3, 0));
    assert!(sent.bytes > 60_000_000);
    let folder = there.path().join("sets/one");
    for entry in fs::read_dir(here.path()).unwrap() {
        let name = entry.unwrap().file_name();
        let equal =
            fs::read(here.path().join(&name)).unwrap() == fs::read(folder.join(&name)).unwrap();
        assert!(equal, "{name:?}");
    }
    // Again: nothing is sent but what is missing.
    assert_eq!(store.upload(here.path(), &Silent).unwrap().copied, 0);
    fs::remove_file(folder.join(plan.file_name(1))).unwrap();
    fs::remove_file(folder.join(plan.index_name(2))).unwrap();
    fs::remove_file(folder.join("manifest.json")).unwrap();
    assert!(store.download(back.path(), &Silent).is_err(), "not complete");
    assert_eq!(store.upload(here.path(), &Silent).unwrap().copied, 2);
    let got = store.download(back.path(), &Silent).unwrap();
    assert_eq!((got.copied, got.present, got.bytes), (3, 0, sent.bytes));
    assert_eq!(store.download(back.path(), &Silent).unwrap().present, 3);
    let read = Shards::open(back.path(), &ShardReadConfig::default()).unwrap();
    assert!((0..6).all(|index| read.get(index).unwrap() == Large.get(index).unwrap()));
    // What changed in the store is not let in.
    let fresh = tempfile::tempdir().unwrap();
    let path = folder.join(plan.file_name(2));
    let mut bytes = fs::read(&path).unwrap();
    bytes[18_000_000] ^= 4;
    fs::write(&path, bytes).unwrap();
    let error = store.download(fresh.path(), &Silent).unwrap_err();
    assert!(matches!(error, Error::Damaged { first: 4, samples: 2, .. }), "{error}");
    assert!(!fresh.path().join(plan.file_name(2)).exists());
    assert!(!fresh.path().join("manifest.json").exists());
    // What changed in the folder is not let out.
    let path = here.path().join(plan.file_name(0));
    let mut bytes = fs::read(&path).unwrap();
    bytes[18_000_000] ^= 4;
    fs::write(&path, bytes).unwrap();
    let empty = tempfile::tempdir().unwrap();
    let other = DatasetStore::open(&address(&empty), &[]).unwrap();
    assert!(matches!(other.upload(here.path(), &Silent), Err(Error::Damaged { .. })));
    assert!(!empty.path().join("sets/one").join(plan.file_name(0)).exists());
}

#[test]
fn jobs_send_their_own_shards() {
    let (whole, there, back) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let plan = ShardPlan::new(ShardFormat::Webdataset, 6, 3, 1, &json!({"a": 1})).unwrap();
    let store = DatasetStore::open(&address(&there), &[]).unwrap();
    for shard in [2, 0, 1] {
        assert!(!store.complete(&plan).unwrap(), "not all are there");
        let own = tempfile::tempdir().unwrap();
        let error = store.upload_shard(&plan, own.path(), shard).unwrap_err();
        assert!(error.to_string().contains("not finished"), "{error}");
        write_shard(&plan, own.path(), shard, &Large, &Silent).unwrap();
        let sent = store.upload_shard(&plan, own.path(), shard).unwrap();
        assert_eq!((sent.copied, sent.present), (1, 0));
        assert_eq!(store.upload_shard(&plan, own.path(), shard).unwrap().present, 1);
        assert!(store.upload_shard(&plan, own.path(), 3).is_err(), "no such shard");
    }
    assert!(store.complete(&plan).unwrap() && store.complete(&plan).unwrap());
    // The same as what one job writes and sends whole.
    write_shards(&plan, whole.path(), &Large, &Silent).unwrap();
    assert_eq!(store.upload(whole.path(), &Silent).unwrap().present, 3);
    assert_eq!(store.download(back.path(), &Silent).unwrap().copied, 3);
    // Another plan does not mix with it.
    let other = ShardPlan::new(ShardFormat::Webdataset, 6, 3, 2, &json!({"a": 1})).unwrap();
    let own = tempfile::tempdir().unwrap();
    write_shard(&other, own.path(), 0, &Large, &Silent).unwrap();
    let error = store.upload_shard(&other, own.path(), 0).unwrap_err();
    assert!(error.to_string().contains("another dataset"), "{error}");
    assert!(matches!(store.complete(&other), Err(Error::Store { .. })));
}

#[test]
fn a_store_holds_one_dataset() {
    let (first, second, there) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = DatasetStore::open(&address(&there), &[]).unwrap();
    for (dir, seed) in [(&first, 1), (&second, 2)] {
        let plan = ShardPlan::new(ShardFormat::Webdataset, 1, 1, seed, &json!(null)).unwrap();
        write_shards(&plan, dir.path(), &Large, &Silent).unwrap();
    }
    store.upload(first.path(), &Silent).unwrap();
    let error = store.upload(second.path(), &Silent).unwrap_err();
    assert!(error.to_string().contains("another dataset"), "{error}");
    assert!(matches!(store.download(second.path(), &Silent), Err(Error::OtherPlan { .. })));
    for url in ["", "nothing", "ftp://a/b", "s3:"] {
        let error = DatasetStore::open(url, &[]).unwrap_err();
        assert!(matches!(error, Error::Store { .. }), "{error}");
    }
}
