//! JSON files that hold their own digest.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Error, Result};

/// A value that is stored as JSON together with its digest.
pub(crate) trait Sealed: Serialize + DeserializeOwned {
    /// Whether the file is laid out for people.
    const PRETTY: bool;

    /// Where the digest is kept.
    fn digest(&mut self) -> &mut String;
}

/// Sets the digest and gives the bytes of the file.
pub(crate) fn seal<T: Sealed>(value: &mut T) -> Result<Vec<u8>> {
    value.digest().clear();
    let digest = blake3::hash(&to_json(value, false)?).to_string();
    *value.digest() = digest;
    let mut bytes = to_json(value, T::PRETTY)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The value in a file that was written by [`seal`], every byte of it as it was.
pub(crate) fn unseal<T: Sealed>(bytes: &[u8]) -> std::result::Result<T, String> {
    let mut value: T = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let again = seal(&mut value).map_err(|error| error.to_string())?;
    if again != bytes {
        return Err("its content does not have the digest that it states".to_owned());
    }
    Ok(value)
}

fn to_json<T: Serialize>(value: &T, pretty: bool) -> Result<Vec<u8>> {
    let json = if pretty { serde_json::to_vec_pretty(value) } else { serde_json::to_vec(value) };
    json.map_err(|error| Error::Serialize { reason: error.to_string() })
}

/// The value with the members of all objects in the order of their names.
///
/// Depending on how `serde_json` is built, objects keep the order of insertion; equal
/// values must have equal bytes.
pub(crate) fn canonical(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(canonical).collect()),
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by(|a, b| a.0.cmp(b.0));
            let sorted = members.into_iter().map(|(name, value)| (name.clone(), canonical(value)));
            Value::Object(sorted.collect())
        }
        other => other.clone(),
    }
}

/// Path and both values of the first place where two values differ.
pub(crate) fn first_difference(path: &str, a: &Value, b: &Value) -> Option<(String, Value, Value)> {
    if a == b {
        return None;
    }
    if let (Value::Object(one), Value::Object(other)) = (a, b) {
        let mut names: Vec<_> = one.keys().chain(other.keys()).collect();
        names.sort();
        let path = |name: &str| {
            if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
        };
        let nothing = Value::Null;
        return names.into_iter().find_map(|name| {
            let (x, y) = (one.get(name), other.get(name));
            first_difference(&path(name), x.unwrap_or(&nothing), y.unwrap_or(&nothing))
        });
    }
    Some((path.to_owned(), a.clone(), b.clone()))
}
