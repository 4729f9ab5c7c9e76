//! Whatever stops a writer, a later run gives the same bytes and leaves nothing behind.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use mapvec_data::{
    Error, Progress, Record, Result, ShardFormat, Silent, Source, sample_rng, write_shards,
};
use rand::Rng;

use super::{Random, assert_equal, files, open, plan};

/// Tells the child process where to write; without it the child's test does nothing.
const FOLDER: &str = "MAPVEC_SHARD_FOLDER";
const FORMAT: &str = "MAPVEC_SHARD_FORMAT";
const SOURCE: Random = Random { seed: 77, count: 300 };
const SHARDS: usize = 3;
const KILLS: usize = 50;

/// Past the harness, which keeps what tests print.
fn say(word: &str) {
    std::io::stdout().write_all(format!("{word}\n").as_bytes()).unwrap();
}

/// Prints a line for every step, so that the parent can choose the moment.
struct Lines;

impl Progress for Lines {
    fn begin(&self, _stage: &str, _total: u64) {
        say("begin");
    }

    fn advance(&self, _steps: u64) {
        say("advance");
    }

    fn message(&self, _text: &str) {}

    fn end(&self) {
        say("end");
    }
}

/// Prints a line for every sixteenth sample.
struct Talking;

impl Source for Talking {
    type Sample = Record;

    fn len(&self) -> usize {
        SOURCE.count
    }

    fn get(&self, index: usize) -> Result<Record> {
        if index.is_multiple_of(16) {
            say("sample");
        }
        SOURCE.get(index)
    }
}

/// The process that is killed; an ordinary test run has nothing to do here.
#[test]
fn child_that_writes() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let format = std::env::var(FORMAT).unwrap().parse().unwrap();
    let plan = plan(format, &SOURCE, SHARDS);
    write_shards(&plan, Path::new(&folder), &Talking, &Lines).unwrap();
}

/// Starts a writer and kills it after some lines and some turns of a loop.
fn start_and_kill(folder: &Path, format: ShardFormat, lines: usize, turns: u32) -> bool {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["shards::interrupted::child_that_writes", "--exact", "--nocapture"])
        .env(FOLDER, folder)
        .env(FORMAT, format.name())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let read = output.lines().take(lines).map_while(std::result::Result::ok).count();
    // Not at the moment of a line alone.
    std::hint::black_box((0..turns).fold(0_u32, |a, b| std::hint::black_box(a ^ b)));
    let running = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    read == lines && running
}

#[test]
fn a_killed_writer_is_made_good_by_the_next() {
    for format in ShardFormat::ALL {
        let plan = plan(format, &SOURCE, SHARDS);
        let whole = tempfile::tempdir().unwrap();
        write_shards(&plan, whole.path(), &SOURCE, &Silent).unwrap();
        let expected = files(whole.path());
        let mut rng = sample_rng(31, 0);
        let (mut killed, mut halves) = (0, 0);
        let mut dir = tempfile::tempdir().unwrap();
        for round in 0..KILLS.div_ceil(3) {
            // The harness prints three lines before; the child some thirty.
            let (lines, turns) = (rng.random_range(3..36), rng.random_range(0..2_000_000));
            killed += usize::from(start_and_kill(dir.path(), format, lines, turns));
            let left = files(dir.path());
            halves += usize::from(left.keys().any(|name| name.ends_with(".tmp")));
            for (name, bytes) in left.iter().filter(|file| !file.0.ends_with(".tmp")) {
                assert!(expected[name] == *bytes, "{name} is there, so it is whole");
            }
            if round % 2 == 1 {
                continue; // The next one is killed in the same folder.
            }
            write_shards(&plan, dir.path(), &SOURCE, &Silent).unwrap();
            assert!(files(dir.path()) == expected, "{format}: equal files, none left over");
            dir = tempfile::tempdir().unwrap();
        }
        assert!(killed > 5, "{format}: only {killed} were killed while at work");
        assert!(halves > 0, "{format}: no kill hit a half-written file");
    }
}

/// Fails at one sample.
struct Failing(usize);

impl Source for Failing {
    type Sample = Record;

    fn len(&self) -> usize {
        SOURCE.count
    }

    fn get(&self, index: usize) -> Result<Record> {
        if index == self.0 {
            return Err(Error::Sample { index, reason: "out of luck".to_owned() });
        }
        SOURCE.get(index)
    }
}

#[test]
fn a_source_that_fails_leaves_whole_shards_only() {
    let mut rng = sample_rng(32, 0);
    for format in ShardFormat::ALL {
        let plan = plan(format, &SOURCE, SHARDS);
        let dir = tempfile::tempdir().unwrap();
        for _ in 0..6 {
            let at = rng.random_range(100..SOURCE.count);
            let error = write_shards(&plan, dir.path(), &Failing(at), &Silent).err();
            if let Some(error) = error {
                assert!(matches!(error, Error::Sample { index, .. } if index == at), "{error}");
            }
            assert!(!files(dir.path()).keys().any(|name| name.ends_with(".tmp")));
        }
        write_shards(&plan, dir.path(), &SOURCE, &Silent).unwrap();
        assert_equal(&open(dir.path()).unwrap(), &SOURCE);
    }
}
