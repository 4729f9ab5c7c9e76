//! Which pixels belong to which instance.

use crate::error::{Error, Result};

/// Most instances of one picture: the work for pairs of them grows with the square.
const MOST: usize = 4096;

/// The instances of one picture, numbered from 0.
#[derive(Debug)]
pub(crate) struct Instances {
    /// The instance of every pixel; `counts.len()` for pixels that belong to none.
    pub(crate) labels: Vec<u32>,
    /// Pixels of every instance, 1 or more.
    pub(crate) counts: Vec<u32>,
}

impl Instances {
    /// From ids of any size, 0 for none; pixels that are not valid belong to none.
    pub(crate) fn new(ids: &[u32], valid: Option<&[bool]>) -> Result<Self> {
        // A pixel that does not count is as good as background.
        let own: Vec<u32> = match valid {
            Some(valid) => {
                ids.iter().zip(valid).map(|(&id, &valid)| if valid { id } else { 0 }).collect()
            }
            None => ids.to_vec(),
        };
        let largest = own.iter().copied().max().unwrap_or(0) as usize;
        let (labels, counts) =
            if largest < 1 << 20 { by_table(&own, largest) } else { by_search(&own) };
        if counts.len() > MOST {
            return Err(Error::TooMany {
                field: "instances of one picture",
                found: counts.len(),
                allowed: MOST,
            });
        }
        Ok(Self { labels, counts })
    }
}

/// Numbers for ids small enough for a table.
fn by_table(ids: &[u32], largest: usize) -> (Vec<u32>, Vec<u32>) {
    let mut table = vec![0_u32; largest + 1];
    for &id in ids {
        table[id as usize] += 1;
    }
    table[0] = 0;
    let counts: Vec<u32> = table.iter().copied().filter(|&count| count > 0).collect();
    let none = counts.len() as u32;
    let mut next = 0;
    for entry in &mut table {
        if *entry > 0 {
            *entry = next;
            next += 1;
        } else {
            *entry = none;
        }
    }
    (ids.iter().map(|&id| table[id as usize]).collect(), counts)
}

/// Numbers for any ids.
fn by_search(ids: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let mut known: Vec<u32> = ids.iter().copied().filter(|&id| id > 0).collect();
    known.sort_unstable();
    known.dedup();
    let mut counts = vec![0; known.len() + 1];
    let labels: Vec<u32> = ids
        .iter()
        .map(|id| {
            let label = known.binary_search(id).unwrap_or(known.len());
            counts[label] += 1;
            label as u32
        })
        .collect();
    counts.truncate(known.len());
    (labels, counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_searches_agree() {
        let ids = [0, 7, 3, 3, 0, 9, 7, 7];
        let (labels, counts) = by_table(&ids, 9);
        assert_eq!(labels, [3, 1, 0, 0, 3, 2, 1, 1]);
        assert_eq!(counts, [2, 3, 1]);
        assert_eq!(by_search(&ids), (labels, counts));
        let far: Vec<u32> = ids.iter().map(|id| id * 0x0fff_ffff).collect();
        let instances = Instances::new(&far, None).unwrap();
        assert_eq!(instances.counts, [2, 3, 1]);
        let valid = [true, true, false, false, true, true, true, false];
        let instances = Instances::new(&far, Some(&valid)).unwrap();
        assert_eq!(instances.counts, [2, 1]);
        assert_eq!(instances.labels, [2, 0, 2, 2, 2, 1, 0, 2]);
    }

    #[test]
    fn nothing_and_too_much() {
        let instances = Instances::new(&[], None).unwrap();
        assert!(instances.labels.is_empty() && instances.counts.is_empty());
        let ids: Vec<u32> = (1..6000).collect();
        assert!(matches!(Instances::new(&ids, None), Err(Error::TooMany { found: 5999, .. })));
    }
}
