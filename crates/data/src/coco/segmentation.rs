//! The area of an annotation, in one of the three forms of COCO.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::error::Result;
use crate::limits::ImageLimits;
use crate::rle::Rle;

/// The area of an annotation.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Segmentation {
    /// Rings as x, y, x, y and so on, px. The area is the union of the rings, each filled by the
    /// even-odd rule. Files that hold a single ring without a list around it are read, too.
    Polygons(Vec<Vec<f64>>),
    /// Run lengths.
    Rle {
        /// Rows and columns, px.
        size: [u32; 2],
        /// The runs.
        counts: RleCounts,
    },
}

impl Default for Segmentation {
    fn default() -> Self {
        Self::Polygons(Vec::new())
    }
}

impl Segmentation {
    /// Run lengths in their compressed form.
    #[must_use]
    pub fn from_rle(rle: &Rle) -> Self {
        let counts = RleCounts::Compressed(rle.to_compressed());
        Self::Rle { size: [rle.height(), rle.width()], counts }
    }

    /// The run lengths; none for polygons.
    ///
    /// # Errors
    ///
    /// As [`Rle::new`] and [`Rle::from_compressed`].
    pub fn rle(&self, limits: &ImageLimits) -> Result<Option<Rle>> {
        let Self::Rle { size: [height, width], counts } = self else { return Ok(None) };
        let rle = match counts {
            RleCounts::Compressed(text) => Rle::from_compressed(*height, *width, text, limits),
            RleCounts::Runs(runs) => Rle::new(*height, *width, runs.clone(), limits),
        };
        rle.map(Some)
    }
}

/// Run lengths as text or as a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum RleCounts {
    /// The compressed form (see [`Rle::from_compressed`]).
    Compressed(String),
    /// The lengths of runs, column by column.
    Runs(Vec<u32>),
}

// The readers below do without serde's untagged enums, which hold the whole value in a slow
// and large form first: data sets have hundreds of megabytes.

impl<'de> Deserialize<'de> for Segmentation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Area)
    }
}

struct Area;

impl<'de> Visitor<'de> for Area {
    type Value = Segmentation;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rings as lists of numbers, or an object with `size` and `counts`")
    }

    fn visit_unit<E>(self) -> Result<Segmentation, E> {
        Ok(Segmentation::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Segmentation, A::Error> {
        lists(seq).map(Segmentation::Polygons)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Segmentation, A::Error> {
        #[derive(Deserialize)]
        struct Runs {
            size: [u32; 2],
            counts: RleCounts,
        }
        let Runs { size, counts } = Runs::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Segmentation::Rle { size, counts })
    }
}

impl<'de> Deserialize<'de> for RleCounts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Counts;
        impl<'de> Visitor<'de> for Counts {
            type Value = RleCounts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("run lengths as text or as a list of whole numbers")
            }

            fn visit_str<E>(self, text: &str) -> Result<RleCounts, E> {
                Ok(RleCounts::Compressed(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<RleCounts, A::Error> {
                let mut runs = Vec::new();
                while let Some(run) = seq.next_element()? {
                    runs.push(run);
                }
                Ok(RleCounts::Runs(runs))
            }
        }
        deserializer.deserialize_any(Counts)
    }
}

/// Lists of numbers, or a single one without a list around it.
pub(super) fn read_lists<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<Vec<f64>>, D::Error> {
    struct Lists;
    impl<'de> Visitor<'de> for Lists {
        type Value = Vec<Vec<f64>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("lists of numbers")
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Vec::new())
        }

        fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
            lists(seq)
        }
    }
    deserializer.deserialize_any(Lists)
}

fn lists<'de, A: SeqAccess<'de>>(mut seq: A) -> Result<Vec<Vec<f64>>, A::Error> {
    let (mut lists, mut flat) = (Vec::new(), Vec::new());
    while let Some(item) = seq.next_element()? {
        match item {
            Item::Number(number) => flat.push(number),
            Item::List(list) => lists.push(list),
        }
    }
    if flat.is_empty() {
        return Ok(lists);
    }
    if lists.is_empty() { Ok(vec![flat]) } else { Err(A::Error::custom("numbers beside lists")) }
}

enum Item {
    Number(f64),
    List(Vec<f64>),
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct One;
        impl<'de> Visitor<'de> for One {
            type Value = Item;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number or a list of numbers")
            }

            fn visit_f64<E>(self, value: f64) -> Result<Item, E> {
                Ok(Item::Number(value))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Item, E> {
                Ok(Item::Number(value as f64))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Item, E> {
                Ok(Item::Number(value as f64))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Item, A::Error> {
                let mut list = Vec::new();
                while let Some(value) = seq.next_element()? {
                    list.push(value);
                }
                Ok(Item::List(list))
            }
        }
        deserializer.deserialize_any(One)
    }
}
