//! Output buffers that several threads fill at once, each its own part.
#![allow(unsafe_code, reason = "disjoint writes from several threads into one fresh buffer")]

use std::marker::PhantomData;
use std::mem::MaybeUninit;

use rayon::prelude::*;

/// A buffer of `len` values whose parts of `part` values `body` fills, each in one job
/// with its index.
///
/// A part is cleared just before, where its processor finds it again: to clear the
/// whole buffer takes a pass over the memory on one thread.
pub(crate) fn fill_parts(
    len: usize,
    part: usize,
    body: impl Fn(usize, &mut [f32]) + Sync,
) -> Vec<f32> {
    let mut out: Vec<f32> = Vec::with_capacity(len);
    let room = &mut out.spare_capacity_mut()[..len];
    room.par_chunks_mut(part).enumerate().for_each(|(index, part)| {
        part.fill(MaybeUninit::new(0.0));
        // SAFETY: all values of the part were written just now.
        body(index, unsafe { part.assume_init_mut() });
    });
    // SAFETY: the parts cover the first `len` values, and each was cleared.
    unsafe { out.set_len(len) };
    out
}

/// The same for a `body` that writes every value of its part, given by where it starts:
/// nothing is cleared first.
///
/// # Safety
///
/// `body` writes all values of its part (`part` of them, or what is left for the last one)
/// and no others.
pub(crate) unsafe fn write_parts(
    len: usize,
    part: usize,
    body: impl Fn(usize, *mut f32) + Sync,
) -> Vec<f32> {
    let mut out = Output::new(len);
    let to = out.shared();
    (0..len.div_ceil(part)).into_par_iter().for_each(|index| {
        let first = index * part;
        body(index, to.range(first, part.min(len - first)));
    });
    // SAFETY: the parts cover all values, and the caller answers for each.
    unsafe { out.filled() }
}

/// The `index`-th part of `size` values; the last one may be shorter.
pub(crate) fn part(values: &[f32], size: usize, index: usize) -> &[f32] {
    &values[index * size..values.len().min((index + 1) * size)]
}

/// A fresh buffer that is written before it is read: it is not cleared first.
pub(crate) struct Output {
    buffer: Vec<f32>,
    len: usize,
}

impl Output {
    /// Room for `len` values.
    pub(crate) fn new(len: usize) -> Self {
        let buffer = Vec::with_capacity(len);
        #[cfg(test)]
        let buffer = {
            // Poison: a value that a kernel forgets shows up in every test.
            let mut buffer: Vec<f32> = buffer;
            buffer.resize(len, f32::NAN);
            buffer.clear();
            buffer
        };
        Self { buffer, len }
    }

    /// The handle through which threads write.
    pub(crate) fn shared(&mut self) -> SharedOut<'_> {
        SharedOut { start: self.buffer.as_mut_ptr(), len: self.len, life: PhantomData }
    }

    /// The filled buffer.
    ///
    /// # Safety
    ///
    /// Every one of the `len` values has been written.
    pub(crate) unsafe fn filled(mut self) -> Vec<f32> {
        // SAFETY: the capacity is `len`, and the caller has written every value.
        unsafe { self.buffer.set_len(self.len) };
        self.buffer
    }
}

/// A pointer that may be written from several threads.
#[derive(Clone, Copy)]
pub(crate) struct SharedOut<'a> {
    start: *mut f32,
    len: usize,
    life: PhantomData<&'a mut [f32]>,
}

// SAFETY: the handle itself only hands out pointers after a bounds check; those who
// write through them promise disjoint ranges (`SharedOut::range`).
unsafe impl Send for SharedOut<'_> {}
// SAFETY: as above.
unsafe impl Sync for SharedOut<'_> {}

impl<'a> SharedOut<'a> {
    /// A handle on a buffer that holds values already.
    pub(crate) fn new(buffer: &'a mut [f32]) -> Self {
        Self { start: buffer.as_mut_ptr(), len: buffer.len(), life: PhantomData }
    }

    /// The address of `from .. from + count`, which is checked to lie inside.
    ///
    /// Whoever writes there promises that no other thread reads or writes the range.
    #[inline]
    pub(crate) fn range(&self, from: usize, count: usize) -> *mut f32 {
        assert!(from + count <= self.len, "output range {from} + {count} exceeds {}", self.len);
        // `from` is inside the allocation.
        self.start.wrapping_add(from)
    }
}
