//! Choice of arrays.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Transform;
use crate::error::{Error, Result};
use crate::record::Record;

/// Keeps some arrays and drops the others.
///
/// An entry is the name of an array, or of a group: `labels` stands for `labels.angle`,
/// `labels.vecs` and whatever else starts with `labels.`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Select {
    /// Arrays and groups to keep; none keeps all. Default none.
    pub keep: Vec<String>,
    /// Arrays and groups to drop, of those that are kept. Default none.
    pub drop: Vec<String>,
}

impl Transform for Select {
    fn apply(&self, mut record: Record, _: &mut ChaCha8Rng) -> Result<Record> {
        let names: Vec<String> = record.fields().map(|(name, _)| name.to_owned()).collect();
        let every = self.keep.iter().chain(&self.drop);
        if let Some(entry) = every.clone().find(|entry| !names.iter().any(|n| names_it(entry, n))) {
            return Err(Error::Field { name: entry.clone(), present: names.join(", ") });
        }
        for name in &names {
            let listed = |entries: &[String]| entries.iter().any(|entry| names_it(entry, name));
            if (!self.keep.is_empty() && !listed(&self.keep)) || listed(&self.drop) {
                record.remove(name)?;
            }
        }
        Ok(record)
    }
}

/// Whether an entry is a name or the group of a name.
fn names_it(entry: &str, name: &str) -> bool {
    name.strip_prefix(entry).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Field;
    use crate::source::sample_rng;

    #[test]
    fn names_and_groups_are_chosen() {
        let mut record = Record::new();
        for name in ["img", "labels.angle", "labels.vecs", "labelsx"] {
            record.insert(name, Field::new(vec![0], Vec::<u8>::new()).unwrap());
        }
        let chosen = |keep: &[&str], drop: &[&str]| {
            let [keep, drop] = [keep, drop].map(|l| l.iter().map(|s| (*s).to_owned()).collect());
            let record = Select { keep, drop }.apply(record.clone(), &mut sample_rng(0, 0))?;
            let names: Vec<String> = record.fields().map(|(name, _)| name.to_owned()).collect();
            Ok::<_, Error>(names.join(" "))
        };
        assert_eq!(chosen(&[], &[]).unwrap(), "img labels.angle labels.vecs labelsx");
        assert_eq!(chosen(&["labels", "img"], &["labels.vecs"]).unwrap(), "img labels.angle");
        assert_eq!(chosen(&[], &["labels"]).unwrap(), "img labelsx");
        assert!(matches!(chosen(&["lab"], &[]), Err(Error::Field { name, .. }) if name == "lab"));
        assert!(chosen(&[], &["weights"]).is_err());
    }
}
