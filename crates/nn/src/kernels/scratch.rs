//! Buffers that a thread keeps between calls, so that kernels do not allocate.

use std::cell::RefCell;

/// Kept bytes per thread above which a buffer is given back.
const KEPT_BYTES: usize = 64 << 20;

thread_local! {
    static POOL: RefCell<Vec<Vec<f32>>> = const { RefCell::new(Vec::new()) };
}

/// Runs `body` with `N` buffers of the given lengths. Their contents are
/// whatever an earlier call left behind.
///
/// The buffers are taken out of the pool while `body` runs, so calls may nest.
pub(crate) fn with_scratch<const N: usize, R>(
    lengths: [usize; N],
    body: impl FnOnce([&mut [f32]; N]) -> R,
) -> R {
    let mut buffers: [Vec<f32>; N] = lengths.map(|len| {
        let mut buffer = POOL.with_borrow_mut(|pool| take(pool, len));
        if buffer.len() < len {
            buffer.clear();
            buffer.resize(len, 0.0);
        }
        // Poison: a value that a kernel forgets to write shows up in every test.
        #[cfg(test)]
        buffer.fill(f32::NAN);
        buffer
    });
    let mut index = 0;
    let slices = buffers.each_mut().map(|buffer| {
        index += 1;
        &mut buffer[..lengths[index - 1]]
    });
    let result = body(slices);
    POOL.with_borrow_mut(|pool| {
        pool.extend(buffers);
        pool.sort_by_key(Vec::len);
        let mut kept = pool.iter().map(|b| b.len() * size_of::<f32>()).sum::<usize>();
        while kept > KEPT_BYTES || pool.len() > 32 {
            let Some(largest) = pool.pop() else { break };
            kept -= largest.len() * size_of::<f32>();
        }
    });
    result
}

/// The smallest kept buffer that is long enough, else the longest one there is.
fn take(pool: &mut Vec<Vec<f32>>, len: usize) -> Vec<f32> {
    match pool.iter().position(|b| b.len() >= len) {
        Some(index) => pool.remove(index),
        None => pool.pop().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_have_their_lengths_and_are_kept() {
        let first = with_scratch([100, 7], |[a, b]| {
            a.fill(1.0_f32);
            b.fill(2.0);
            assert_eq!((a.len(), b.len()), (100, 7));
            with_scratch([100], |[c]| c.fill(3.0));
            assert!(
                a.iter().all(|v| v.to_bits() == 1.0_f32.to_bits())
                    && b.iter().all(|v| v.to_bits() == 2.0_f32.to_bits()),
                "nested buffers are others"
            );
            a.as_ptr() as usize
        });
        let second =
            with_scratch([100, 7, 100], |[a, _, b]| [a.as_ptr() as usize, b.as_ptr() as usize]);
        assert!(second.contains(&first), "the buffer is used again");
    }
}
