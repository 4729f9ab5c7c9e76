//! The row groups of Parquet files that were read last.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Result;

use super::row_groups::Group;

/// Shard and block.
type Place = (usize, usize);
/// A row group, or a place for it while it is read.
type Slot = Arc<Mutex<Option<Arc<Group>>>>;

/// Keeps a fixed number of row groups. Threads that want the same one wait for the first
/// of them instead of reading it again; others are not held up.
#[derive(Debug)]
pub(crate) struct GroupCache {
    capacity: usize,
    slots: Mutex<VecDeque<(Place, Slot)>>,
}

impl GroupCache {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, slots: Mutex::default() }
    }

    /// The row group at a place, read if it is not here.
    pub(crate) fn find(
        &self,
        place: Place,
        read: impl FnOnce() -> Result<Group>,
    ) -> Result<Arc<Group>> {
        let slot = self.slot(place);
        let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(group) = &*slot {
            return Ok(Arc::clone(group));
        }
        let group = Arc::new(read()?);
        *slot = Some(Arc::clone(&group));
        Ok(group)
    }

    fn slot(&self, place: Place) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let known = slots.iter().position(|(known, _)| *known == place);
        let slot =
            known.and_then(|at| slots.remove(at)).map_or_else(Slot::default, |(_, slot)| slot);
        slots.push_front((place, Arc::clone(&slot)));
        slots.truncate(self.capacity);
        slot
    }
}
