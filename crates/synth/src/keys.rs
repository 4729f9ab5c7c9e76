//! Keys of a configuration that do not exist, and those that were meant.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};

/// Fails at the first key that `known` does not have.
fn check_keys(path: &str, value: &serde_json::Value, known: &serde_json::Value) -> Result<()> {
    let (Some(value), Some(known)) = (value.as_object(), known.as_object()) else {
        return Ok(());
    };
    for (key, inner) in value {
        let Some(known) = known.get(key) else {
            let nearest = known.keys().min_by_key(|name| edits(name, key));
            let nearest = nearest.cloned().unwrap_or_default();
            return Err(Error::UnknownKey { key: format!("{path}{key}"), nearest });
        };
        check_keys(&format!("{path}{key}."), inner, known)?;
    }
    Ok(())
}

/// Reads a configuration; fields that are left out have their defaults, keys that do not exist
/// are refused. The values are not checked.
pub(crate) fn read_config<C: Serialize + DeserializeOwned + Default>(text: &str) -> Result<C> {
    read_known(text, &serde_json::to_value(C::default())?)
}

/// Reads a configuration that may have the keys of `known`.
pub(crate) fn read_known<C: DeserializeOwned>(text: &str, known: &serde_json::Value) -> Result<C> {
    let value: serde_json::Value = serde_json::from_str(text)?;
    if !value.is_object() {
        // A list would be taken for the fields in their order.
        return Err(Error::Json(serde::de::Error::custom("expected an object")));
    }
    check_keys("", &value, known)?;
    Ok(serde_json::from_value(value)?)
}

/// Letters to change, add or leave out between two words.
///
/// # References
///
/// Levenshtein, *Binary codes capable of correcting deletions, insertions, and reversals* (1966).
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = i;
        row[0] = i + 1;
        for (j, y) in b.chars().enumerate() {
            let change = corner + usize::from(x != y);
            corner = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(corner + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_as_far_apart_as_their_letters() {
        for (a, b, count) in [("", "abc", 3), ("size", "sise", 1), ("abc", "cab", 2), ("a", "a", 0)]
        {
            assert_eq!(edits(a, b), count, "{a} {b}");
            assert_eq!(edits(b, a), count, "{b} {a}");
        }
    }
}
