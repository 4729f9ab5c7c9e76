//! Blocks of pixels: small enough for the first-level cache, with sums in double.

/// Pixels handled at once. The intermediate values of a block stay in the cache.
pub(crate) const BLOCK: usize = 256;

/// A row of intermediate values, one per pixel of a block.
pub(crate) type Row = [f32; BLOCK];

/// Starts and ends of the blocks of `pixels` pixels.
pub(crate) fn blocks(pixels: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    (0..pixels).step_by(BLOCK).map(move |start| start..(start + BLOCK).min(pixels))
}

/// Pixels of a chunk, the work of one thread: many blocks, and few enough that the chunks of one
/// picture keep all threads busy.
pub(crate) const CHUNK: usize = 1 << 14;

/// Starts and ends of the chunks of `pixels` pixels.
pub(crate) fn chunks(pixels: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    (0..pixels).step_by(CHUNK).map(move |start| start..(start + CHUNK).min(pixels))
}

/// A range of pixels of every plane.
pub(crate) fn part(values: &[f32], pixels: usize, range: std::ops::Range<usize>) -> Vec<&[f32]> {
    values.chunks_exact(pixels).map(|plane| &plane[range.clone()]).collect()
}

/// The chunks of planes of `pixels` pixels, to be written; for each, its part of every plane.
pub(crate) fn parts_mut(values: &mut [f32], pixels: usize) -> Vec<Vec<&mut [f32]>> {
    let mut planes: Vec<_> =
        values.chunks_exact_mut(pixels).map(|plane| plane.chunks_mut(CHUNK)).collect();
    let chunk = |_| planes.iter_mut().filter_map(Iterator::next).collect();
    chunks(pixels).map(chunk).collect()
}

/// The sum in double precision. Eight partial sums, in a fixed order, let the loop become
/// vector instructions.
#[inline(always)]
pub(crate) fn sum(values: &[f32]) -> f64 {
    let (octets, rest) = values.as_chunks::<8>();
    let mut partial = [0.0_f64; 8];
    for octet in octets {
        for (total, value) in partial.iter_mut().zip(octet) {
            *total += f64::from(*value);
        }
    }
    let rest: f64 = rest.iter().copied().map(f64::from).sum();
    partial.iter().sum::<f64>() + rest
}

/// How many entries equal `value`.
#[inline(always)]
pub(crate) fn count(target: &[u8], value: u8) -> usize {
    // A chunk of 255 fits a byte counter, which becomes one vector add per 16 entries.
    let in_chunk =
        |chunk: &[u8]| usize::from(chunk.iter().map(|&entry| u8::from(entry == value)).sum::<u8>());
    target.chunks(255).map(in_chunk).sum()
}

/// How often each value occurs. Four tables, because the counts of equal neighbours would wait
/// for each other in one.
pub(crate) fn histogram(target: &[u8]) -> [usize; 256] {
    let mut tables = [[0_usize; 256]; 4];
    let (quads, rest) = target.as_chunks::<4>();
    for quad in quads {
        for (table, &entry) in tables.iter_mut().zip(quad) {
            table[usize::from(entry)] += 1;
        }
    }
    for &entry in rest {
        tables[0][usize::from(entry)] += 1;
    }
    std::array::from_fn(|value| tables.iter().map(|table| table[value]).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_counts_match_the_plain_ones() {
        for length in [0, 1, 7, 8, 255, 256, 1000] {
            let values: Vec<f32> = (0..length).map(|i| (i % 17) as f32 * 0.25 - 1.0).collect();
            let plain: f64 = values.iter().map(|&value| f64::from(value)).sum();
            assert!((sum(&values) - plain).abs() < 1e-9, "length {length}");
            let target: Vec<u8> = (0..length).map(|i| (i % 3) as u8).collect();
            let plain = target.iter().filter(|&&entry| entry == 1).count();
            assert_eq!(count(&target, 1), plain, "length {length}");
            assert_eq!(histogram(&target)[1], plain, "length {length}");
            let covered: usize = blocks(length).map(|block| block.len()).sum();
            assert_eq!(covered, length, "blocks");
        }
        assert_eq!(count(&[1; 1000], 1), 1000, "no overflow");
    }
}
