//! Rows of 16 channels, transposed to pixels of 16 lanes and mapped on the way.
//!
//! # Safety
//!
//! The unsafe functions need the instructions of their `Lanes` type, which an [`Isa`] proves, planes
//! that hold the rows asked for, and a ring of `RING` rows; the safe entry checks both.
#![allow(unsafe_code, reason = "vector loads and stores behind checked lengths")]

use super::super::isa::{Isa, multiversion};
use super::super::lanes::{Lanes, sixteen};
use super::super::norm::{Affine, BackAffine, Planes, mapped, mapped_back};
use super::{BLOCK, Geometry, RING};

/// Tensors joined along the channels without a copy: one, or two of which the
/// second follows the first.
#[derive(Clone, Copy)]
pub(crate) struct Stack<'a> {
    parts: [(&'a [f32], usize); 2],
}

impl<'a> Stack<'a> {
    /// Values and channels of the tensors.
    pub(crate) fn new(first: (&'a [f32], usize), second: Option<(&'a [f32], usize)>) -> Self {
        Self { parts: [first, second.unwrap_or((&[], 0))] }
    }

    /// Channels of all parts.
    pub(crate) fn channels(&self) -> usize {
        self.parts[0].1 + self.parts[1].1
    }

    /// Channels of the first and of the second part.
    pub(super) fn split(&self) -> (usize, usize) {
        (self.parts[0].1, self.parts[1].1)
    }

    /// The values, if there is one part.
    pub(crate) fn single(&self) -> Option<&'a [f32]> {
        (self.parts[1].1 == 0).then_some(self.parts[0].0)
    }

    /// Copies the parts, joined, into a buffer.
    pub(crate) fn copy_to(&self, p: Planes, to: &mut [f32]) {
        assert_eq!((p.channels, p.len()), (self.channels(), to.len()), "sizes");
        for (i, to) in to.chunks_exact_mut(p.pixels).enumerate() {
            to.copy_from_slice(self.plane(i / p.channels, i % p.channels, p.pixels));
        }
    }

    /// A gradient of the joined tensor as gradients of its parts.
    pub(crate) fn parted(&self, p: Planes, joined: Vec<f32>) -> [Vec<f32>; 2] {
        let (first, second) = self.split();
        if second == 0 {
            return [joined, Vec::new()];
        }
        let mut parts = [first, second].map(|c| Vec::with_capacity(p.batch * c * p.pixels));
        for (i, plane) in joined.chunks_exact(p.pixels).enumerate() {
            parts[usize::from(i % p.channels >= first)].extend_from_slice(plane);
        }
        parts
    }

    /// Fails unless every part has the values of `batch` images of `pixels`.
    pub(super) fn check(&self, batch: usize, pixels: usize) {
        for (values, channels) in self.parts {
            assert_eq!(values.len(), batch * channels * pixels, "size of a tensor");
        }
    }

    /// The plane of a channel of an image.
    pub(super) fn plane(&self, image: usize, channel: usize, pixels: usize) -> &'a [f32] {
        let [first, second] = self.parts;
        let (part, channel) =
            if channel < first.1 { (first, channel) } else { (second, channel - first.1) };
        &part.0[(image * part.1 + channel) * pixels..][..pixels]
    }
}

/// What a loader does with the values it reads.
#[derive(Clone, Copy)]
pub(crate) enum Map<'a> {
    /// Nothing.
    Plain,
    /// The batch norm of a layer below, then its `ReLU` if it has one.
    Norm {
        /// One map per channel.
        maps: &'a [Affine],
        /// Whether a `ReLU` follows.
        relu: bool,
    },
    /// Back through the batch norm behind this convolution: what is read is the
    /// gradient of its result.
    Back {
        /// What the convolution gave, of the same shape.
        y: &'a [f32],
        /// Two maps per channel.
        maps: &'a [(Affine, BackAffine)],
        /// Whether a `ReLU` follows the norm.
        relu: bool,
    },
}

/// A tensor as a sweep reads it.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    /// The values.
    pub(crate) stack: Stack<'a>,
    /// What happens to them.
    pub(crate) map: Map<'a>,
}

impl<'a> Source<'a> {
    /// One tensor as it is.
    pub(crate) fn plain(values: &'a [f32], channels: usize) -> Self {
        Self { stack: Stack::new((values, channels), None), map: Map::Plain }
    }

    /// Fails unless everything has the size of `channels` planes of `batch` images.
    pub(super) fn check(&self, batch: usize, channels: usize, pixels: usize) {
        assert_eq!(self.stack.channels(), channels, "channels");
        self.stack.check(batch, pixels);
        match self.map {
            Map::Plain => {}
            Map::Norm { maps, .. } => assert_eq!(maps.len(), channels, "maps"),
            Map::Back { y, maps, .. } => {
                assert_eq!((maps.len(), y.len()), (channels, batch * channels * pixels), "maps");
            }
        }
    }
}

/// Input rows of up to 16 channels of one image.
#[derive(Clone, Copy)]
struct Rows<'a> {
    /// The planes; those of missing channels are empty, their lanes become zero.
    planes: [&'a [f32]; BLOCK],
    /// The same of the convolution's result, for gradients.
    results: [&'a [f32]; BLOCK],
    /// How many channels there are.
    channels: usize,
    /// The maps of these channels.
    map: Map<'a>,
    /// Rows of a plane.
    height: usize,
    /// Columns of a plane.
    width: usize,
    /// First row to load; rows outside the plane are zero.
    first: isize,
    /// Rows to load.
    count: usize,
}

/// Loads rows into the ring: row `y` goes to slot `(y + 1) mod 6`, pixel `x` to
/// position `x + 1`, with zeros around.
fn load(isa: Isa, rows: &Rows<'_>, ring_width: usize, ring: &mut [f32]) {
    let pixels = rows.height * rows.width;
    assert!(rows.channels <= BLOCK, "a block of channels");
    assert!(rows.planes[..rows.channels].iter().all(|p| p.len() >= pixels), "planes");
    match rows.map {
        Map::Plain => {}
        Map::Norm { maps, .. } => assert!(maps.len() >= rows.channels, "maps"),
        Map::Back { maps, .. } => {
            assert!(maps.len() >= rows.channels, "maps");
            assert!(rows.results[..rows.channels].iter().all(|p| p.len() >= pixels), "results");
        }
    }
    assert!(ring_width > rows.width && ring.len() >= RING * ring_width * BLOCK, "ring");
    assert!(rows.first >= -1, "only one row above the image is ever needed");
    // SAFETY: the lengths were checked above.
    unsafe { load_rows(isa, rows, ring_width, ring) }
}

/// A block of channels of one image.
#[derive(Clone, Copy)]
pub(super) struct Block<'a> {
    /// The whole tensor.
    pub(super) source: &'a Source<'a>,
    /// The image.
    pub(super) image: usize,
    /// First channel of the block.
    pub(super) first: usize,
}

/// Loads the rows that tile row `tile_row` needs: all six of them after a jump
/// (`fresh`), else the four that follow the two kept in the ring.
pub(super) fn advance(
    isa: Isa,
    geometry: &Geometry,
    block: &Block<'_>,
    step: (usize, bool),
    ring: &mut [f32],
) {
    let (tile_row, fresh) = step;
    let (stack, first) = (block.source.stack, block.first);
    let (channels, pixels) = ((stack.channels() - first).min(BLOCK), geometry.plane());
    let mut planes: [&[f32]; BLOCK] = [&[]; BLOCK];
    for (j, plane) in planes.iter_mut().enumerate().take(channels) {
        *plane = stack.plane(block.image, first + j, pixels);
    }
    let mut results: [&[f32]; BLOCK] = [&[]; BLOCK];
    let map = match block.source.map {
        Map::Plain => Map::Plain,
        Map::Norm { maps, relu } => Map::Norm { maps: &maps[first..], relu },
        Map::Back { y, maps, relu } => {
            let y_stack = Stack::new((y, stack.channels()), None);
            for (j, plane) in results.iter_mut().enumerate().take(channels) {
                *plane = y_stack.plane(block.image, first + j, pixels);
            }
            Map::Back { y, maps: &maps[first..], relu }
        }
    };
    let top = isize::try_from(tile_row * 4).unwrap_or(isize::MAX);
    let rows = Rows {
        planes,
        results,
        channels,
        map,
        height: geometry.height,
        width: geometry.width,
        first: if fresh { top - 1 } else { top + 1 },
        count: if fresh { 6 } else { 4 },
    };
    load(isa, &rows, geometry.ring_width(), ring);
}

multiversion! {
    unsafe fn load_rows = load_rows_body(rows: &Rows<'_>, ring_width: usize, ring: &mut [f32])
}

/// Reads 16 or the first `n` values of one channel.
#[inline(always)]
unsafe fn some<L: Lanes>(from: *const f32, n: usize) -> L {
    // SAFETY: the caller passes a plane that holds them.
    unsafe { if n == BLOCK { L::load(from) } else { L::load_first(from, n) } }
}

/// `n` values of channel `j` from position `at`, mapped.
#[inline(always)]
unsafe fn value<L: Lanes>(rows: &Rows<'_>, j: usize, at: usize, n: usize) -> L {
    // SAFETY: `j < rows.channels`, and the planes, results and maps of those channels
    // were checked by `load`; `at + n` is at most their length.
    unsafe {
        let x = some::<L>(rows.planes.get_unchecked(j).as_ptr().add(at), n);
        match rows.map {
            Map::Plain => x,
            Map::Norm { maps, relu } => {
                let map = maps.get_unchecked(j);
                let floor = L::splat(if relu { 0.0 } else { f32::NEG_INFINITY });
                mapped(x, (L::splat(map.mean), L::splat(map.scale), L::splat(map.shift), floor))
            }
            Map::Back { maps, relu, .. } => {
                let y = some::<L>(rows.results.get_unchecked(j).as_ptr().add(at), n);
                let (map, back) = maps.get_unchecked(j);
                mapped_back(y, x, map, back, relu)
            }
        }
    }
}

/// Loads rows whose values go through `rows.map`; a copy per kind of map.
#[inline(always)]
unsafe fn load_rows_body<L: Lanes>(rows: &Rows<'_>, ring_width: usize, ring: &mut [f32]) {
    // SAFETY: the caller's promise. Maps are taken apart here, so that each
    // copy of the loop is compiled for one kind.
    unsafe {
        match rows.map {
            Map::Plain => each_row::<L>(&Rows { map: Map::Plain, ..*rows }, ring_width, ring),
            Map::Norm { maps, relu: true } => {
                each_row::<L>(
                    &Rows { map: Map::Norm { maps, relu: true }, ..*rows },
                    ring_width,
                    ring,
                );
            }
            Map::Norm { maps, relu: false } => {
                each_row::<L>(
                    &Rows { map: Map::Norm { maps, relu: false }, ..*rows },
                    ring_width,
                    ring,
                );
            }
            Map::Back { y, maps, relu: true } => {
                each_row::<L>(
                    &Rows { map: Map::Back { y, maps, relu: true }, ..*rows },
                    ring_width,
                    ring,
                );
            }
            Map::Back { y, maps, relu: false } => {
                each_row::<L>(
                    &Rows { map: Map::Back { y, maps, relu: false }, ..*rows },
                    ring_width,
                    ring,
                );
            }
        }
    }
}

#[inline(always)]
unsafe fn each_row<L: Lanes>(rows: &Rows<'_>, ring_width: usize, ring: &mut [f32]) {
    for i in 0..rows.count {
        let y = rows.first + i.cast_signed();
        let slot = (y + 1).cast_unsigned() % RING;
        let row = &mut ring[slot * ring_width * BLOCK..][..ring_width * BLOCK];
        if y < 0 || y.cast_unsigned() >= rows.height {
            row.fill(0.0);
            continue;
        }
        row[..BLOCK].fill(0.0);
        row[(rows.width + 1) * BLOCK..].fill(0.0);
        let offset = y.cast_unsigned() * rows.width;
        let to = row[BLOCK..].as_mut_ptr();
        let mut x = 0;
        while x < rows.width {
            let n = (rows.width - x).min(BLOCK);
            // SAFETY: lane j reads `n` values of row y of plane j < channels, pixels
            // x .. x + n of the row are written; both lie inside by `load`'s checks.
            unsafe {
                let at = offset + x;
                let mut square: [L; 16] = if rows.channels == BLOCK && n == BLOCK {
                    sixteen!(j => value::<L>(rows, j, at, BLOCK))
                } else {
                    sixteen!(j => if j < rows.channels { value::<L>(rows, j, at, n) } else { L::splat(0.0) })
                };
                L::transpose(&mut square);
                let to = to.add(x * BLOCK);
                if n == BLOCK {
                    let _ = sixteen!(j => square[j].store(to.add(j * BLOCK)));
                } else {
                    let _ = sixteen!(j => if j < n { square[j].store(to.add(j * BLOCK)) });
                }
            }
            x += BLOCK;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_transposed_with_zeros_around() {
        for isa in Isa::available() {
            for (width, channels) in [(1_usize, 1), (5, 16), (16, 3), (37, 16)] {
                let height = 3;
                let planes: Vec<f32> =
                    (0..channels * height * width).map(|v| v as f32 + 1.0).collect();
                let ring_width = width.next_multiple_of(4) + 2;
                let mut ring = vec![f32::NAN; RING * ring_width * BLOCK];
                let g = Geometry { batch: 1, inputs: channels, outputs: 1, height, width };
                let source = Source::plain(&planes, channels);
                let block = Block { source: &source, image: 0, first: 0 };
                assert_eq!(g.ring_width(), ring_width, "the ring is as wide as the tiles");
                advance(isa, &g, &block, (0, true), &mut ring);
                for slot in 0..5 {
                    for x in 0..ring_width {
                        for c in 0..BLOCK {
                            let inside =
                                (1..=3).contains(&slot) && (1..=width).contains(&x) && c < channels;
                            let want = if inside {
                                planes[(c * height + slot - 1) * width + x - 1]
                            } else {
                                0.0
                            };
                            let got = ring[(slot * ring_width + x) * BLOCK + c];
                            assert_eq!(
                                got.to_bits(),
                                want.to_bits(),
                                "{isa:?} width {width} at {slot} {x} {c}"
                            );
                        }
                    }
                }
            }
        }
    }
}
