//! Data sets as configurations: those that come with the project, and keys that do not exist.
#![expect(clippy::unwrap_used, reason = "what cannot be made fails the test")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use mapvec_data::{ShardReadConfig, Shards, Silent, Source, Values};
use mapvec_synth::{DatasetConfig, GeneratorConfig, PatternConfig, PatternOutput, Purpose};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets")
}

/// The configurations of the project by name.
fn configurations() -> Vec<(String, DatasetConfig)> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "json"));
    files.sort();
    files
        .into_iter()
        .map(|file| {
            let text = std::fs::read_to_string(&file).unwrap();
            let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, DatasetConfig::from_json(&text).unwrap())
        })
        .collect()
}

#[test]
fn the_ready_configurations_make_samples_and_have_a_card() {
    let all = configurations();
    assert!(all.len() >= 10, "{} configurations", all.len());
    for (name, config) in all {
        assert!(folder().join(format!("{name}.md")).is_file(), "{name} has no card");
        let source = config.source(1, 3, Purpose::Training).unwrap();
        let names = |index: usize| -> BTreeSet<String> {
            source.get(index).unwrap().fields().map(|(name, _)| name.to_owned()).collect()
        };
        assert!(!names(0).is_empty(), "{name} makes nothing");
        assert_eq!(names(0), names(2), "{name}: samples of different arrays");
        // Undefined values are NaN, which equals nothing: hashes do.
        let hash = |index: usize| source.get(index).unwrap().content_hash();
        assert_eq!(hash(2), hash(2), "{name} is not repeatable");
        // What is given to a model looks otherwise in training, unless there is no augmentation.
        let plain = config.source(1, 3, Purpose::Evaluation).unwrap();
        let same = plain.get(1).unwrap().content_hash() == hash(1);
        assert_eq!(same, config.augmentation.is_empty(), "{name}");
        let text = serde_json::to_string(&config).unwrap();
        assert_eq!(DatasetConfig::from_json(&text).unwrap(), config, "{name}");
    }
}

#[test]
fn samples_do_not_depend_on_how_many_there_are() {
    for (name, config) in configurations() {
        let hash = |len: usize, index: usize| {
            let source = config.source(5, len, Purpose::Training).unwrap();
            source.get(index).unwrap().content_hash()
        };
        assert_eq!(hash(3, 2), hash(40, 2), "{name}");
    }
}

#[test]
fn the_reference_is_the_default() {
    let all = configurations();
    let (_, reference) = all.iter().find(|(name, _)| name == "reference").unwrap();
    assert_eq!(*reference, DatasetConfig::default(), "as published");
}

#[test]
fn unknown_keys_name_the_nearest() {
    for (text, key, nearest) in [
        (r#"{"generater": {}}"#, "generater", "`generator`"),
        (r#"{"generator": {"paterns": {}}}"#, "generator.paterns", "`patterns`"),
        (r#"{"generator": {"patterns": {"sise": 32}}}"#, "generator.patterns.sise", "`size`"),
        (r#"{"generator": {"waves": {"sizes": 32}}}"#, "generator.waves.sizes", "`size`"),
    ] {
        let message = DatasetConfig::from_json(text).unwrap_err().to_string();
        assert!(message.contains(key) && message.contains(nearest), "{message}");
    }
    for text in [
        r#"{"steps": [{"op": "blurr"}]}"#,
        r#"{"steps": [{"op": "blur", "kernels": 3}]}"#,
        r#"{"steps": [{"op": "blur", "kernel": 0}]}"#,
        r#"{"generator": {"patterns": {}, "waves": {}}}"#,
        r#"{"generator": {"patterns": {"size": 8}}}"#,
        "[]",
    ] {
        assert!(DatasetConfig::from_json(text).is_err(), "{text}");
    }
}

#[test]
fn the_small_data_set_is_what_is_made() {
    let shards = Shards::open(&folder().join("patterns"), &ShardReadConfig::default()).unwrap();
    assert_eq!(shards.len(), 24);
    assert!(shards.verify(&Silent).is_empty(), "damaged");
    let outputs = ["img", "line_label", "shape_label", "vecs", "bboxes"];
    let outputs = PatternOutput::ALL.iter().filter(|o| outputs.contains(&o.name())).copied();
    let config = PatternConfig { outputs: outputs.collect(), ..PatternConfig::default() };
    let generator = GeneratorConfig::Patterns(config);
    let made = DatasetConfig { generator, ..DatasetConfig::default() };
    let made = made.source(1, 24, Purpose::Training).unwrap();
    for index in 0..24 {
        let (stored, made) = (shards.get(index).unwrap(), made.get(index).unwrap());
        assert_eq!(stored.fields().count(), made.fields().count(), "sample {index}");
        for (name, field) in made.fields() {
            let kept = stored.get(name).unwrap();
            let what = format!("{name} of sample {index} is drawn otherwise by now");
            assert_eq!(kept.shape(), field.shape(), "{what}");
            match (kept.values(), field.values()) {
                // Sines differ in their last bit between machines.
                (Values::F32(kept), Values::F32(made)) => {
                    assert!(kept.iter().zip(made).all(|(a, b)| (a - b).abs() <= 1e-6), "{what}");
                }
                (kept, made) => assert_eq!(kept, made, "{what}"),
            }
        }
    }
}
