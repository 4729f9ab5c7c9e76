//! Files that others wrote, friendly and hostile.

use std::fs;
use std::path::PathBuf;

use mapvec_data::{
    Error, Field, Record, Result, ShardFormat, ShardReadConfig, Shards, Silent, Source, encode_npy,
    sample_rng, write_shards,
};
use rand::Rng;

use super::{Random, assert_equal, plan, replace};

fn open_bytes(extension: &str, bytes: &[u8], skip: &[&str]) -> Result<Shards> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(format!("foreign.{extension}"));
    replace(&path, bytes);
    let skip = skip.iter().map(|&name| name.to_owned()).collect();
    let shards = Shards::open_file(&path, &ShardReadConfig { skip, ..Default::default() })?;
    // The file is open; its name is not needed after the first read.
    if !shards.is_empty() {
        let _first = shards.get(0);
    }
    Ok(shards)
}

fn reason(result: Result<Shards>) -> String {
    match result {
        Err(Error::Refused { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

/// An entry of a tar.
struct Entry {
    name: Vec<u8>,
    kind: u8,
    size: String,
    link: &'static str,
    data: Vec<u8>,
    gnu: bool,
}

fn entry(name: &str, data: &[u8]) -> Entry {
    Entry {
        name: name.into(),
        kind: b'0',
        size: format!("{:011o}", data.len()),
        link: "",
        data: data.to_vec(),
        gnu: false,
    }
}

fn tar(entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in entries {
        let mut header = [0_u8; 512];
        let mut put = |at: usize, text: &[u8]| header[at..at + text.len()].copy_from_slice(text);
        put(0, &entry.name);
        put(100, b"0000644\x000000000\x000000000\0");
        put(124, entry.size.as_bytes());
        put(136, b"14000000000\0        ");
        put(156, &[entry.kind]);
        put(157, entry.link.as_bytes());
        put(257, if entry.gnu { b"ustar  \0" } else { b"ustar\x0000" });
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        out.extend_from_slice(&header);
        out.extend_from_slice(&entry.data);
        out.resize(out.len().next_multiple_of(512), 0);
    }
    out.extend_from_slice(&[0; 10_240]);
    out
}

fn npy(value: u8) -> Vec<u8> {
    encode_npy(&Field::new(vec![1], vec![value]).unwrap())
}

#[test]
fn our_own_files_open_without_a_manifest() {
    let source = Random { seed: 4, count: 33 };
    for format in [ShardFormat::Webdataset, ShardFormat::Tfrecord] {
        let dir = tempfile::tempdir().unwrap();
        let plan = plan(format, &source, 1);
        write_shards(&plan, dir.path(), &source, &Silent).unwrap();
        let path = dir.path().join(plan.file_name(0));
        let read = Shards::open_file(&path, &ShardReadConfig::default()).unwrap();
        assert!(read.manifest().is_none());
        assert_equal(&read, &source);
        assert_eq!(read.key(32).unwrap(), "000000032");
        assert_eq!(read.verify(&Silent).len(), 0);
    }
    let parquet = PathBuf::from("x.parquet");
    assert!(reason(Shards::open_file(&parquet, &ShardReadConfig::default())).contains(".tar"));
}

#[test]
fn tars_of_other_writers_are_read() {
    let mut times = entry("././@PaxHeader", b"28 mtime=1700000000.1234567\n");
    times.kind = b'x';
    let mut folder = entry("./train/", b"");
    folder.kind = b'5';
    let mut gnu = entry("./train/b.img.npy", &npy(3));
    gnu.gnu = true;
    let bytes = tar(&[
        folder,
        times,
        entry("train/a.img.npy", &npy(1)),
        entry("train/a.labels.boxes.npy", &npy(2)),
        entry("train/a.json", b"{}"),
        gnu,
        entry("train/c.json", b"{}"),
    ]);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("foreign.tar");
    replace(&path, &bytes);
    let config = ShardReadConfig { skip: vec!["json".into()], ..Default::default() };
    let read = Shards::open_file(&path, &config).unwrap();
    assert_eq!((read.len(), read.key(0).unwrap()), (2, "train/a".to_owned()));
    let first = read.get(0).unwrap();
    assert_eq!(first.fields().map(|f| f.0).collect::<Vec<_>>(), ["img", "labels.boxes"]);
    let mut second = Record::new();
    second.insert("img", Field::new(vec![1], vec![3_u8]).unwrap());
    assert_eq!(read.get(1).unwrap(), second);
    assert!(reason(open_bytes("tar", &bytes, &[])).contains("json"));
}

#[test]
fn hostile_names_are_refused() {
    for name in [
        "/etc/passwd.img.npy",
        "../a.img.npy",
        "x/../../a.img.npy",
        "x/./a.img.npy",
        "x//a.img.npy",
        "..",
        "C:/a.img.npy",
        "x\\..\\a.img.npy",
        "\u{1}\n/../a.img.npy",
        "",
        "a",
        ".img.npy",
        "a.npy",
        "a.img.npy/",
    ] {
        let message = reason(open_bytes("tar", &tar(&[entry(name, &npy(1))]), &[]));
        assert!(message.contains(&format!("{name:?}")), "{message}");
    }
    let mut latin = entry("", &npy(1));
    latin.name = b"\xE4.img.npy".to_vec();
    assert!(reason(open_bytes("tar", &tar(&[latin]), &[])).contains("UTF-8"));
}

#[test]
fn links_devices_and_extensions_are_refused() {
    for (kind, word) in [
        (b'1', "hard link"),
        (b'2', "symbolic link"),
        (b'3', "device"),
        (b'4', "device"),
        (b'6', "pipe"),
        (b'7', "unknown"),
        (b'L', "long name"),
        (b'K', "long name"),
        (b'S', "sparse"),
        (b'V', "unknown"),
        (0xFF, "unknown"),
    ] {
        let mut bad = entry("a.img.npy", b"");
        (bad.kind, bad.link) = (kind, "/etc/passwd");
        let message = reason(open_bytes("tar", &tar(&[bad]), &[]));
        assert!(message.contains(word), "{message}");
    }
    for record in [
        "22 path=/etc/passwd.a\n",
        "12 size=999\n",
        "21 GNU.sparse.major=1\n",
        "nonsense",
        "0 a=b\n",
        "99 mtime=1\n",
        "18446744073709551616 mtime=1\n",
    ] {
        let mut extension = entry("x", record.as_bytes());
        extension.kind = b'x';
        let message = reason(open_bytes("tar", &tar(&[extension, entry("a.i.npy", &npy(1))]), &[]));
        assert!(message.contains("extension header"), "{message}");
    }
    let mut huge = entry("x", &vec![b' '; 1 << 17]);
    huge.kind = b'g';
    assert!(reason(open_bytes("tar", &tar(&[huge]), &[])).contains("131072"));
}

#[test]
fn wrong_sizes_repetitions_and_cuts_are_refused() {
    for size in [
        "77777777777",
        "00001000000",
        "-0000000001",
        "0000000009",
        "\u{7f}\0\0\0\0\0\0\0\0",
        "           ",
    ] {
        let mut bad = entry("a.img.npy", &npy(1));
        bad.size = size.to_owned();
        let message = reason(open_bytes("tar", &tar(&[bad]), &[]));
        assert!(message.contains("size") || message.contains("reaches past"), "{message}");
    }
    let one = || entry("a.img.npy", &npy(1));
    let apart = tar(&[one(), entry("b.img.npy", &npy(2)), entry("a.more.npy", &npy(3))]);
    assert!(reason(open_bytes("tar", &apart, &[])).contains("not together"));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("twice.tar");
    fs::write(&path, tar(&[one(), one()])).unwrap();
    let twice = Shards::open_file(&path, &ShardReadConfig::default()).unwrap().get(0);
    assert!(twice.unwrap_err().to_string().contains("twice"));
    let whole = tar(&[one(), entry("b.img.npy", &npy(2))]);
    for cut in [1, 100, 511, 512, 600, 1024, 1500, 2000, 2048] {
        let message = reason(open_bytes("tar", &whole[..cut], &[]));
        assert!(!message.is_empty(), "cut at {cut}");
    }
    assert_eq!(open_bytes("tar", &whole[..2560], &[]).unwrap().len(), 2);
    let mut unsound = whole;
    unsound[20] ^= 1;
    assert!(reason(open_bytes("tar", &unsound, &[])).contains("checksum"));
    assert!(reason(open_bytes("tar", b"", &[])).contains("cut short"));
    assert!(reason(open_bytes("tar", &[b'x'; 2000], &[])).contains("no tar"));
}

#[test]
fn random_changes_of_single_files_never_panic() {
    let source = Random { seed: 6, count: 6 };
    for format in [ShardFormat::Webdataset, ShardFormat::Tfrecord] {
        let dir = tempfile::tempdir().unwrap();
        let plan = plan(format, &source, 1);
        write_shards(&plan, dir.path(), &source, &Silent).unwrap();
        let path = dir.path().join(plan.file_name(0));
        let bytes = fs::read(&path).unwrap();
        let mut rng = sample_rng(41, 0);
        for _ in 0..400 {
            let mut spoilt = bytes.clone();
            for _ in 0..rng.random_range(1..4) {
                let at = rng.random_range(0..spoilt.len());
                spoilt[at] = rng.random();
            }
            spoilt.truncate(rng.random_range(spoilt.len() / 2..spoilt.len() * 2));
            replace(&path, &spoilt);
            if let Ok(read) = Shards::open_file(&path, &ShardReadConfig::default()) {
                let _records: Vec<_> = (0..read.len()).map(|index| read.get(index).ok()).collect();
            }
        }
    }
}

/// Frames a message as a record with the right checksums.
fn frame(message: &[u8]) -> Vec<u8> {
    let masked = |bytes: &[u8]| {
        let sum = crc32c::crc32c(bytes);
        sum.rotate_right(15).wrapping_add(0xA282_EAD8).to_le_bytes()
    };
    let length = (message.len() as u64).to_le_bytes();
    [&length[..], &masked(&length), message, &masked(message)].concat()
}

#[test]
fn messages_with_right_checksums_and_hostile_content_never_panic() {
    let source = Random { seed: 6, count: 1 };
    let dir = tempfile::tempdir().unwrap();
    let plan = plan(ShardFormat::Tfrecord, &source, 1);
    write_shards(&plan, dir.path(), &source, &Silent).unwrap();
    let path = dir.path().join(plan.file_name(0));
    let bytes = fs::read(&path).unwrap();
    let message = &bytes[12..bytes.len() - 4];
    assert_eq!(frame(message), bytes, "the frame here is the frame there");
    let read_one = |message: &[u8]| {
        replace(&path, &frame(message));
        Shards::open_file(&path, &ShardReadConfig::default()).unwrap().get(0)
    };
    let mut rng = sample_rng(42, 0);
    let mut refused = 0;
    for _ in 0..800 {
        let mut spoilt = message.to_vec();
        for _ in 0..rng.random_range(1..4) {
            let at = rng.random_range(0..spoilt.len());
            spoilt[at] = if rng.random() { rng.random() } else { 0xFF };
        }
        refused += usize::from(read_one(&spoilt).is_err());
    }
    assert!(refused > 150, "{refused} of 800 were refused");
    assert!(read_one(b"").is_err());
    // A shape of 2^62 x 8 whose product is nothing after overflow.
    let dim = |size: &[u8]| [&[0x12, 1 + size.len() as u8, 0x08], size].concat();
    let big = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40];
    let shape = [dim(&big), dim(&[8])].concat();
    let tensor = [&[0x08, 4, 0x12, shape.len() as u8], &shape[..], &[0x22, 0]].concat();
    let nest = |number: u8, inner: &[u8]| [&[number << 3 | 2, inner.len() as u8], inner].concat();
    let feature = nest(1, &nest(1, &tensor));
    let entry = [nest(1, b"img"), nest(2, &feature)].concat();
    let error = read_one(&nest(1, &nest(1, &entry))).unwrap_err();
    assert!(error.to_string().contains("does not fit"), "{error}");
    let twice = [nest(1, &entry), nest(1, &entry)].concat();
    assert!(read_one(&nest(1, &twice)).is_err());
}
