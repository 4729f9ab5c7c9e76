//! What a `--smoke` run reports, so that a check can compare it.

use std::path::Path;

use mapvec_data::write_atomic;
use serde_json::{Map, Value};

/// Writes named scores and counters as `smoke.json` in `folder`.
///
/// # Errors
/// The file cannot be written.
pub fn write(
    folder: &Path,
    values: impl IntoIterator<Item = (impl Into<String>, Value)>,
) -> anyhow::Result<()> {
    let map: Map<String, Value> = values.into_iter().map(|(k, v)| (k.into(), v)).collect();
    let text = serde_json::to_string_pretty(&Value::Object(map))?;
    Ok(write_atomic(&folder.join("smoke.json"), text.as_bytes())?)
}
