//! `examples/expected/NAME.json`: what an example must produce.
//!
//! ```json
//! {
//!   "stdout_contains": ["shapes"],
//!   "files": {
//!     "map.geojson": { "features": { "Polygon": 412, "LineString": [80, 0.1] } },
//!     "overlay.png": { "width": 1024, "height": 1024 },
//!     "map.svg": {}
//!   },
//!   "values": { "/pq": 0.63, "/seed": 7, "report.json#/features/line": [80, 0.1] }
//! }
//! ```
//!
//! A key of `values` is a JSON pointer into `smoke.json`, or into another file
//! as `FILE#POINTER`. Numbers may differ by 2 % unless `[value, tolerance]`
//! says otherwise; the rest must be equal.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::compare::{Recorded, is_measured};
use super::files::{Content, inspect, list};
use super::relative;

/// The file of named scores that every example writes.
const SCORES: &str = "smoke.json";

/// The record of one example.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Expectation {
    /// Pieces that the standard output must contain.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stdout_contains: Vec<String>,
    /// Every file the example writes, `smoke.json` left out.
    files: BTreeMap<String, Map<String, Value>>,
    /// Values by JSON pointer.
    values: BTreeMap<String, Value>,
}

impl Expectation {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("{} is not a record", path.display()))
    }

    pub(crate) fn to_text(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// What differs in `folder` and `stdout` from this record.
    pub(crate) fn problems(&self, folder: &Path, stdout: &str) -> Result<Vec<String>> {
        let absent = self.stdout_contains.iter().filter(|piece| !stdout.contains(piece.as_str()));
        let mut problems: Vec<String> =
            absent.map(|piece| format!("the output does not contain {piece:?}")).collect();
        let written: BTreeSet<String> = written_files(folder)?;
        for name in written.iter().filter(|name| !self.files.contains_key(*name)) {
            problems.push(format!("{name} is not recorded"));
        }
        for (name, expected) in &self.files {
            match inspect(&folder.join(name)) {
                Ok(content) => problems.extend(file_problems(name, expected, &content)),
                Err(error) => problems.push(format!("{name}: {error:#}")),
            }
        }
        problems.extend(self.value_problems(folder)?);
        Ok(problems)
    }

    fn value_problems(&self, folder: &Path) -> Result<Vec<String>> {
        let mut problems = Vec::new();
        for (key, expected) in &self.values {
            match lookup(folder, key)? {
                None => problems.push(format!("{key} is missing")),
                Some(actual) if !Recorded::parse(expected).admits(&actual) => {
                    problems.push(format!("{key} is {actual}, {expected} is recorded"));
                }
                Some(_) => {}
            }
        }
        let keys = compared_keys(folder)?;
        let new = keys.iter().filter(|key| !self.values.contains_key(*key));
        problems.extend(new.map(|key| format!("{key} is not recorded")));
        Ok(problems)
    }

    /// The record of what is in `folder` now; tolerances and chosen pointers
    /// of this one are kept.
    pub(crate) fn renewed(&self, folder: &Path, stdout: &str) -> Result<Self> {
        let kept = self.stdout_contains.iter().filter(|piece| stdout.contains(piece.as_str()));
        let mut new = Self { stdout_contains: kept.cloned().collect(), ..Self::default() };
        for name in written_files(folder)? {
            let content = inspect(&folder.join(&name)).with_context(|| name.clone())?;
            let old = self.files.get(&name);
            new.files.insert(name, describe(&content, old));
        }
        let mut keys = compared_keys(folder)?;
        keys.extend(self.values.keys().cloned());
        for key in keys {
            if let Some(value) = lookup(folder, &key)? {
                let recorded = renewed_value(self.values.get(&key), value);
                new.values.insert(key, recorded);
            }
        }
        Ok(new)
    }
}

fn written_files(folder: &Path) -> Result<BTreeSet<String>> {
    let names = list(folder)?.into_iter().map(|path| relative(&path, folder));
    Ok(names.filter(|name| name != SCORES).collect())
}

/// Pointers to everything in `smoke.json` that is not a measurement.
fn compared_keys(folder: &Path) -> Result<BTreeSet<String>> {
    let scores = read_json(&folder.join(SCORES))?;
    let scores = scores.as_object().with_context(|| format!("{SCORES} is not an object"))?;
    let pointer = |key: &String| format!("/{}", key.replace('~', "~0").replace('/', "~1"));
    Ok(scores.keys().filter(|key| !is_measured(key)).map(pointer).collect())
}

fn lookup(folder: &Path, key: &str) -> Result<Option<Value>> {
    let (file, pointer) = key.split_once('#').unwrap_or((SCORES, key));
    Ok(read_json(&folder.join(file))?.pointer(pointer).cloned())
}

fn read_json(path: &Path) -> Result<Value> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))
}

fn file_problems(name: &str, expected: &Map<String, Value>, content: &Content) -> Vec<String> {
    let actual = describe(content, None);
    let mut problems = Vec::new();
    compare_members(name, expected, &actual, &mut problems);
    problems
}

/// Compares member by member, objects within objects.
fn compare_members(
    place: &str,
    expected: &Map<String, Value>,
    actual: &Map<String, Value>,
    problems: &mut Vec<String>,
) {
    let keys: BTreeSet<&String> = expected.keys().chain(actual.keys()).collect();
    for key in keys {
        let place = format!("{place}: {key}");
        match (expected.get(key), actual.get(key)) {
            (Some(Value::Object(expected)), Some(Value::Object(actual))) => {
                compare_members(&place, expected, actual, problems);
            }
            (Some(expected), Some(actual)) if Recorded::parse(expected).admits(actual) => {}
            (expected, actual) => {
                let show =
                    |value: Option<&Value>| value.map_or("nothing".to_owned(), Value::to_string);
                problems.push(format!(
                    "{place} is {}, {} is recorded",
                    show(actual),
                    show(expected)
                ));
            }
        }
    }
}

/// The record of a file's content, with the tolerances of the old record.
fn describe(content: &Content, old: Option<&Map<String, Value>>) -> Map<String, Value> {
    let mut members = Map::new();
    match content {
        Content::Picture { width, height } => {
            members.insert("width".to_owned(), json!(width));
            members.insert("height".to_owned(), json!(height));
        }
        Content::Features(counts) => {
            let old = old.and_then(|old| old.get("features"));
            let renew = |(kind, count): (&String, &u64)| {
                let old = old.and_then(|old| old.get(kind));
                (kind.clone(), renewed_value(old, json!(count)))
            };
            let counts: Map<String, Value> = counts.iter().map(renew).collect();
            members.insert("features".to_owned(), Value::Object(counts));
        }
        Content::Other => {}
    }
    members
}

fn renewed_value(old: Option<&Value>, value: Value) -> Value {
    let tolerance = old.and_then(|old| Recorded::parse(old).tolerance);
    Recorded { value, tolerance }.to_value()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// A folder as an example leaves it, removed at the end of the test.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("xtask-{}-{name}", std::process::id()));
            std::fs::create_dir_all(&path).expect("the temporary folder is writable");
            let folder = Self(path);
            folder.write(
                "smoke.json",
                r#"{"pq": 0.5, "seed": 7, "total_ms": 12.5, "style": "town"}"#,
            );
            folder.write("report.json", r#"{"features": {"line": 40}}"#);
            folder.write("map.geojson", &collection(50));
            folder
        }

        fn write(&self, name: &str, text: &str) {
            std::fs::write(self.0.join(name), text).expect("the temporary folder is writable");
        }

        fn problems(&self, record: &Expectation) -> Vec<String> {
            record.problems(&self.0, "12 shapes\n").expect("the outputs can be read")
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).ok();
        }
    }

    fn collection(count: usize) -> String {
        let feature = json!({ "geometry": { "type": "LineString" } });
        json!({ "type": "FeatureCollection", "features": vec![feature; count] }).to_string()
    }

    fn record() -> Expectation {
        let record = json!({
            "stdout_contains": ["shapes"],
            "files": { "map.geojson": { "features": { "LineString": [40, 0.1] } } },
            "values": { "/pq": [0.1, 0.5], "report.json#/features/line": 0 },
        });
        serde_json::from_value(record).expect("a record")
    }

    #[test]
    fn blessed_outputs_pass_and_keep_tolerances() {
        let folder = Folder::new("bless");
        let new = record().renewed(&folder.0, "12 shapes\n").expect("the outputs can be read");
        assert_eq!(folder.problems(&new), Vec::<String>::new());
        assert_eq!(new.values["/pq"], json!([0.5, 0.5]));
        assert_eq!(new.values["report.json#/features/line"], json!(40));
        assert_eq!(new.files["map.geojson"]["features"]["LineString"], json!([50, 0.1]));
        assert!(!new.values.contains_key("/total_ms"), "times are not recorded");
    }

    #[test]
    fn changed_values_counts_and_texts_are_found() {
        let folder = Folder::new("changed");
        let new = record().renewed(&folder.0, "12 shapes\n").expect("the outputs can be read");
        folder.write("smoke.json", r#"{"pq": 0.2, "seed": 8, "style": "rural", "total_ms": 99}"#);
        folder.write("map.geojson", &collection(44));
        let found = folder.problems(&new);
        assert_eq!(found.len(), 4, "{found:?}");
        let found = new.problems(&folder.0, "nothing").expect("the outputs can be read");
        assert_eq!(found.len(), 5, "{found:?}");
    }

    #[test]
    fn unrecorded_and_missing_outputs_are_found() {
        let folder = Folder::new("missing");
        let new = record().renewed(&folder.0, "12 shapes\n").expect("the outputs can be read");
        folder.write("extra.txt", "x");
        folder.write("smoke.json", r#"{"pq": 0.5, "seed": 7, "new": 1}"#);
        std::fs::remove_file(folder.0.join("map.geojson")).expect("it was written");
        let found = folder.problems(&new);
        assert_eq!(found.len(), 4, "{found:?}");
    }
}
