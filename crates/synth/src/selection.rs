//! Outputs of generators by their names, and records of them.

use mapvec_data::{Field, Record};

use crate::error::{Error, Result};
use crate::limits::{SIZES, refuse};

/// An enum of outputs whose names are those of configurations and records.
macro_rules! outputs {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$about])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize,
        )]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// All outputs.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Its name in records and configurations.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }
    };
}
pub(crate) use outputs;

/// Refuses a canvas of another size than allowed.
pub(crate) fn check_side(field: &'static str, side: usize) -> Result<()> {
    if SIZES.contains(&side) { Ok(()) } else { refuse(field, side, "from 16 to 1024 px") }
}

/// Refuses an empty list of outputs.
pub(crate) fn check_outputs<O>(outputs: &[O]) -> Result<()> {
    if outputs.is_empty() {
        return Err(Error::Config {
            field: "outputs",
            value: "[]".to_owned(),
            expected: "at least one output; leave the field out for all of them",
        });
    }
    Ok(())
}

/// Refuses an index beyond the end of a source.
pub(crate) fn check_index(index: usize, len: usize) -> mapvec_data::Result<()> {
    if index < len { Ok(()) } else { Err(mapvec_data::Error::Index { index, len }) }
}

/// A record of some outputs.
pub(crate) fn record<O: Copy>(
    outputs: &[O],
    name: impl Fn(O) -> &'static str,
    field: impl Fn(O) -> mapvec_data::Result<Field>,
) -> mapvec_data::Result<Record> {
    let mut record = Record::new();
    for output in outputs {
        record.insert(name(*output), field(*output)?);
    }
    Ok(record)
}

/// A whole number of a label; saturates, which no canvas of allowed size reaches.
pub(crate) fn whole(value: usize) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}
