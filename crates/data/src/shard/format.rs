//! The formats of shards.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The format of a shard. Each needs the feature of `mapvec-data` of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ShardFormat {
    /// A tar as the Python package `webdataset` reads it: one entry `KEY.NAME.npy` per
    /// array; the key is the index of the sample with nine digits.
    Webdataset,
    /// TensorFlow's records of `tf.train.Example`: one bytes feature per array, which
    /// `tf.io.parse_tensor` reads.
    Tfrecord,
    /// Apache Parquet: the column `index` and one binary column per array, with the bytes
    /// of an npy file in each cell; uncompressed.
    Parquet,
}

impl ShardFormat {
    /// All formats, with or without their features.
    pub const ALL: [Self; 3] = [Self::Webdataset, Self::Tfrecord, Self::Parquet];

    /// The name in configurations, and of the feature.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Webdataset => "webdataset",
            Self::Tfrecord => "tfrecord",
            Self::Parquet => "parquet",
        }
    }

    /// The end of file names.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Webdataset => "tar",
            Self::Tfrecord => "tfrecord",
            Self::Parquet => "parquet",
        }
    }

    /// Whether this build has the format.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Self::Webdataset => cfg!(feature = "webdataset"),
            Self::Tfrecord => cfg!(feature = "tfrecord"),
            Self::Parquet => cfg!(feature = "parquet"),
        }
    }

    /// An error unless this build has the format.
    pub(crate) fn check_available(self) -> Result<()> {
        if self.is_available() { Ok(()) } else { Err(self.unavailable()) }
    }

    pub(crate) fn unavailable(self) -> Error {
        Error::FormatFeature { format: self.name() }
    }

    /// The format that the end of a file name says.
    pub(crate) fn of_path(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?;
        Self::ALL.into_iter().find(|format| {
            format.extension() == extension
                || (*format == Self::Tfrecord && matches!(extension, "tfrecords" | "record"))
        })
    }
}

impl fmt::Display for ShardFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ShardFormat {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let format = Self::ALL.into_iter().find(|format| format.name() == text);
        format.ok_or_else(|| Error::Config {
            field: "format",
            value: text.to_owned(),
            expected: "webdataset, tfrecord or parquet",
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::{Error, Record, ShardPlan, Silent, Source};

    use super::*;

    struct Nothing;

    impl Source for Nothing {
        type Sample = Record;

        fn len(&self) -> usize {
            1
        }

        fn get(&self, index: usize) -> Result<Record> {
            Err(Error::Sample { index, reason: "there is nothing".to_owned() })
        }
    }

    #[test]
    fn a_format_that_is_not_built_names_its_feature() {
        for format in ShardFormat::ALL {
            let dir = tempfile::tempdir().unwrap();
            let plan = ShardPlan::new(format, 1, 1, 0, &serde_json::Value::Null).unwrap();
            let error = crate::write_shards(&plan, dir.path(), &Nothing, &Silent).unwrap_err();
            if format.is_available() {
                assert!(matches!(error, Error::Sample { .. }), "{error}");
            } else {
                assert!(error.to_string().contains(&format!("feature `{format}`")), "{error}");
                assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing begun");
            }
        }
    }
}
