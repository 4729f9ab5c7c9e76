//! An allocator that keeps the large buffers of tensors for the next step.
//!
//! # Safety
//!
//! A block of the pool starts with a header of `ALIGN` bytes, which its user does not see. It
//! holds the class of the block, with whose layout the block was made and goes back to the system,
//! and, while the block is kept and nobody else has its address, the next kept one of its class.
#![allow(unsafe_code, reason = "an allocator")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::null_mut;
use std::sync::Mutex;

/// Smallest size that is kept, in bytes; a power of two.
const SMALLEST: usize = 1 << 15;
/// Classes between a power of two and the next.
const STEPS: usize = 8;
/// Classes; the last one ends at 64 GiB on a 64-bit machine.
const CLASSES: usize = 21 * STEPS + 1;
/// Classes above its own in which a size looks for a kept block: up to twice as large.
const REACH: usize = STEPS;
/// Alignment of every block of the pool, a cache line and a vector; bytes of its header.
const ALIGN: usize = 64;

/// What stands before a block.
struct Header {
    class: usize,
    next: *mut Self,
}

/// A global allocator that keeps freed blocks of 32 KiB and more and hands them out
/// again.
///
/// A training step allocates and frees the same few hundred large tensors. The
/// allocators of most systems give such blocks back at once, and the kernel then
/// clears every page anew when it is touched: a quarter of the time of a step. A
/// library cannot choose the allocator of a program, so a program that trains or
/// infers asks for it:
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: mapvec_nn::BufferPool = mapvec_nn::BufferPool::new(1 << 30);
/// # fn main() {}
/// ```
///
/// Sizes are rounded up by an eighth at most; what is not touched costs no memory.
/// Smaller blocks go straight to the system's allocator.
#[derive(Debug)]
pub struct BufferPool {
    free: Mutex<Free>,
    limit: usize,
}

/// First kept block of every class, and the bytes of all.
#[derive(Debug)]
struct Free {
    heads: [*mut Header; CLASSES],
    bytes: usize,
}

// SAFETY: the blocks belong to the pool alone, wherever it is used.
unsafe impl Send for Free {}

impl BufferPool {
    /// A pool that keeps at most `limit` bytes that nobody uses.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self { free: Mutex::new(Free { heads: [null_mut(); CLASSES], bytes: 0 }), limit }
    }

    /// Bytes that are kept and that nobody uses.
    #[must_use]
    pub fn kept_bytes(&self) -> usize {
        self.free.lock().map_or(0, |free| free.bytes)
    }

    /// Gives all kept blocks back to the system.
    pub fn clear(&self) {
        for class in 0..CLASSES {
            while let Some(header) = self.take(class, class) {
                // SAFETY: blocks of a class have its layout.
                unsafe { System.dealloc(header.cast(), class_layout(class)) }
            }
        }
    }

    /// A kept block of one of these classes, the smallest there is.
    fn take(&self, from: usize, to: usize) -> Option<*mut Header> {
        let mut free = self.free.lock().ok()?;
        let class = (from..=to.min(CLASSES - 1)).find(|class| !free.heads[*class].is_null())?;
        let header = free.heads[class];
        // SAFETY: kept blocks have a header, and nobody else has their address.
        free.heads[class] = unsafe { (*header).next };
        free.bytes -= class_size(class);
        Some(header)
    }

    /// Keeps a block; false if there is no room.
    fn keep(&self, header: *mut Header) -> bool {
        let Ok(mut free) = self.free.lock() else { return false };
        // SAFETY: the block has a header, and its user is done with it.
        let class = unsafe { (*header).class };
        let size = class_size(class);
        if free.bytes + size > self.limit {
            return false;
        }
        // SAFETY: as above.
        unsafe { (*header).next = free.heads[class] };
        free.heads[class] = header;
        free.bytes += size;
        true
    }

    /// A block of `class` or a little larger; whether it is fresh from the system, and
    /// cleared if `zeroed`. Null if there is no memory.
    fn block(&self, class: usize, zeroed: bool) -> (*mut u8, bool) {
        let kept = self.take(class, class + REACH);
        let header = kept.unwrap_or_else(|| {
            let layout = class_layout(class);
            // SAFETY: the layout is not empty; the header fits, see `class_layout`.
            unsafe {
                let header: *mut Header =
                    if zeroed { System.alloc_zeroed(layout) } else { System.alloc(layout) }.cast();
                if !header.is_null() {
                    header.write(Header { class, next: null_mut() });
                }
                header
            }
        });
        if header.is_null() {
            return (null_mut(), true);
        }
        // The user's bytes start behind the header, inside the block.
        (header.cast::<u8>().wrapping_add(ALIGN), kept.is_none())
    }
}

/// The header of a block of the pool.
fn header_of(block: *mut u8) -> *mut Header {
    block.wrapping_sub(ALIGN).cast()
}

/// The class of a layout, if its blocks are kept.
fn class_of(layout: &Layout) -> Option<usize> {
    let size = layout.size();
    if size < SMALLEST || layout.align() > ALIGN {
        return None;
    }
    // Sizes in (2^e, 2^(e + 1)] fall into `STEPS` equal ranges.
    let exponent = (size - 1).ilog2();
    let base = 1_usize << exponent;
    let step = (size - base).div_ceil(base / STEPS);
    let class = (exponent as usize + 1 - SMALLEST.ilog2() as usize) * STEPS + step - STEPS;
    (class < CLASSES).then_some(class)
}

/// Bytes for the users of the blocks of a class.
fn class_size(class: usize) -> usize {
    let base = SMALLEST << (class / STEPS);
    base + base / STEPS * (class % STEPS)
}

/// The layout of the blocks of a class, with their header.
fn class_layout(class: usize) -> Layout {
    let size = class_size(class) + ALIGN;
    // SAFETY: the alignment is a power of two, and the largest class is far below `isize::MAX`.
    unsafe { Layout::from_size_align_unchecked(size, ALIGN) }
}

// SAFETY: a block is at least as large and as aligned as asked: it comes from the system's
// allocator with a layout that holds its class behind a header. It has one user at a time. Whether a
// block is the pool's depends on its layout alone, which its user keeps.
unsafe impl GlobalAlloc for BufferPool {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match class_of(&layout) {
            Some(class) => self.block(class, false).0,
            // SAFETY: the caller's promise is the one the system wants.
            None => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let Some(class) = class_of(&layout) else {
            // SAFETY: as above.
            return unsafe { System.alloc_zeroed(layout) };
        };
        let (block, fresh) = self.block(class, true);
        if !fresh {
            // SAFETY: a kept block holds `layout.size()` bytes, and nobody else has it.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if class_of(&layout).is_none() {
            // SAFETY: the block is the system's, with this layout.
            return unsafe { System.dealloc(block, layout) };
        }
        let header = header_of(block);
        if !self.keep(header) {
            // SAFETY: the block was made with the layout of the class in its header.
            unsafe { System.dealloc(header.cast(), class_layout((*header).class)) }
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller promises that `size` is not zero and fits a layout.
        let new = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        match (class_of(&layout), class_of(&new)) {
            (Some(from), Some(to)) if from == to => block,
            // SAFETY: both layouts are the system's own.
            (None, None) => unsafe { System.realloc(block, layout, size) },
            _ => {
                // SAFETY: the blocks do not overlap, and both hold the smaller size.
                unsafe {
                    let moved = self.alloc(new);
                    if !moved.is_null() {
                        moved.copy_from_nonoverlapping(block, layout.size().min(size));
                        self.dealloc(block, layout);
                    }
                    moved
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(size: usize) -> Layout {
        Layout::from_size_align(size, 4).unwrap()
    }

    #[test]
    fn classes_hold_their_sizes_with_little_waste() {
        let sizes = (15..34).flat_map(|e| [0, 1, 7, 1000, 20_000].map(|d| (1_usize << e) + d));
        let mut last = 0;
        for size in sizes {
            let class = class_of(&layout(size)).unwrap();
            assert!(class_size(class) >= size, "{size} does not fit class {class}");
            assert!(class_size(class) - size <= size / 8 + 1, "{size} wastes in class {class}");
            assert!(class >= last, "classes grow with sizes");
            last = class;
        }
        assert_eq!(class_of(&layout(SMALLEST - 1)), None);
        assert_eq!(class_of(&layout(SMALLEST)), Some(0));
        assert_eq!(class_of(&Layout::from_size_align(1 << 20, 4096).unwrap()), None);
    }

    #[test]
    fn a_freed_block_comes_back_cleared_where_that_is_asked_for() {
        let pool = BufferPool::new(1 << 20);
        let size = layout(100_000);
        // SAFETY: every block is used within its layout and freed once.
        unsafe {
            let first = pool.alloc(size);
            first.write_bytes(7, 100_000);
            pool.dealloc(first, size);
            assert!(pool.kept_bytes() >= 100_000, "the block is kept");
            let second = pool.alloc_zeroed(size);
            assert_eq!(first, second, "the same block");
            // The interpreter is slow.
            let mut bytes = (0..100_000).step_by(if cfg!(miri) { 1009 } else { 1 });
            assert!(bytes.all(|i| second.add(i).read() == 0), "cleared");
            assert_eq!(pool.kept_bytes(), 0);
            let other = pool.alloc(size);
            assert_ne!(other, second, "a block has one user");
            pool.dealloc(second, size);
            pool.dealloc(other, size);
            pool.clear();
            assert_eq!(pool.kept_bytes(), 0);
        }
    }

    #[test]
    fn no_more_than_the_limit_is_kept() {
        let pool = BufferPool::new(100_000);
        let size = layout(70_000);
        // SAFETY: as above.
        unsafe {
            let blocks = [pool.alloc(size), pool.alloc(size)];
            for block in blocks {
                pool.dealloc(block, size);
            }
        }
        assert!(pool.kept_bytes() <= 100_000);
        pool.clear();
    }

    #[test]
    fn values_move_when_a_block_grows_or_shrinks() {
        let pool = BufferPool::new(1 << 20);
        // SAFETY: every block is used within its layout and freed once.
        unsafe {
            let mut block = pool.alloc(layout(1000));
            for i in 0..1000 {
                block.add(i).write((i % 251) as u8);
            }
            let mut size = 1000;
            for next in [40_000, 40_001, 200_000, 33_000, 500, 1000] {
                block = pool.realloc(block, layout(size), next);
                size = next;
                assert!((0..500).all(|i| block.add(i).read() == (i % 251) as u8), "{next}");
            }
            pool.dealloc(block, layout(size));
        }
        pool.clear();
    }
}
