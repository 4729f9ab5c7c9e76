//! Winograd F(4x4, 3x3): 3x3 convolutions of stride 1 and padding 1 with 2.25
//! products per pixel and channel pair instead of 9.
//!
//! Tiles of 4x4 outputs are computed from 6x6 inputs at the points
//! 0, +-1/sqrt 2, +-sqrt 2 and infinity, whose rounding error is a quarter of
//! that of the usual 0, +-1, +-2. Vectors run over 16 channels; channels are
//! padded with zeros to a multiple of 16 on the way in and cut on the way out,
//! so every size works.
//!
//! # References
//!
//! Lavin and Gray, *Fast Algorithms for Convolutional Neural Networks* (2016).
//! Barabasz, Anderson, Soodhalter and Gregg, *Error Analysis and Improving the
//! Accuracy of Winograd Convolution for Deep Neural Networks* (2020).

pub(crate) mod backward;
pub(crate) mod forward;
pub(crate) mod load;
pub(super) mod product;
pub(crate) mod store;
mod transform;
mod weights;

/// Channels per block.
const BLOCK: usize = 16;
/// Frequencies of a tile: 6 x 6.
const FREQUENCIES: usize = 36;
/// Extra values between frequencies or tiles, against power-of-two strides.
const SKEW: usize = 16;
/// Rows of the ring of transposed input rows.
const RING: usize = 6;
/// Parts that run in parallel. Fixed, so that results do not depend on threads.
const PARTS: usize = 8;

/// Sizes of a 3x3 convolution of stride 1 and padding 1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Geometry {
    /// Images.
    pub(crate) batch: usize,
    /// Input channels.
    pub(crate) inputs: usize,
    /// Output channels.
    pub(crate) outputs: usize,
    /// Rows of an image.
    pub(crate) height: usize,
    /// Columns of an image.
    pub(crate) width: usize,
}

impl Geometry {
    /// Pixels of a plane.
    fn plane(&self) -> usize {
        self.height * self.width
    }

    /// Rows of tiles in an image.
    fn tile_rows(&self) -> usize {
        self.height.div_ceil(4)
    }

    /// Tiles in a row.
    fn tiles(&self) -> usize {
        self.width.div_ceil(4)
    }

    /// Input channels with padding.
    fn padded_inputs(&self) -> usize {
        self.inputs.next_multiple_of(BLOCK)
    }

    /// Output channels with padding.
    fn padded_outputs(&self) -> usize {
        self.outputs.next_multiple_of(BLOCK)
    }

    /// Pixels of a transposed row: a margin of one on both sides of the tiles.
    fn ring_width(&self) -> usize {
        self.tiles() * 4 + 2
    }

    /// The convolution that carries gradients back: channels change roles.
    fn swapped(&self) -> Self {
        Self { inputs: self.outputs, outputs: self.inputs, ..*self }
    }

    /// Distance between the frequencies of the weights.
    fn weight_stride(&self) -> usize {
        self.padded_inputs() * self.padded_outputs() + SKEW
    }

    /// Consecutive ranges of tile rows (over the whole batch), at most `parts`.
    fn ranges(&self, parts: usize) -> Vec<(usize, usize)> {
        let rows = self.batch * self.tile_rows();
        let parts = parts.min(rows);
        (0..parts).map(|i| (i * rows / parts, (i + 1) * rows / parts)).collect()
    }

    /// Whether the transformed weights exceed the second-level cache.
    fn is_wide(&self) -> bool {
        self.padded_inputs() * self.padded_outputs() >= WIDE
    }
}

/// Products of input and output channels from which a layer is wide.
const WIDE: usize = 128 * 128;

/// How a sweep over tile rows is cut. Depends on sizes only, so that results do not
/// depend on threads.
#[derive(Clone, Copy, Debug)]
struct Plan {
    /// Ranges of tile rows that go their own way from the first transform to the last.
    parts: usize,
    /// Tile rows whose frequencies are held at once.
    rows: usize,
    /// Ranges into which the transforms of a block are cut.
    split: usize,
    /// Whether the products of a block are spread over threads by frequency.
    spread: bool,
}

impl Plan {
    /// Blocks that stay in the second-level cache, many parts.
    fn narrow(g: &Geometry, parts: usize, tiles: usize) -> Self {
        Self { parts, rows: (tiles / g.tiles()).max(1), split: 1, spread: false }
    }

    /// Where the weights exceed the cache: as many tiles as fit the last one, so that
    /// the weights are read few times, and all threads on a block. `channels` of a tile are held.
    fn wide(g: &Geometry, channels: usize) -> Self {
        let tiles = ((4 << 20) / (FREQUENCIES * channels)).clamp(64, 512);
        Self { parts: 1, rows: (tiles / g.tiles()).max(1), split: PARTS, spread: true }
    }

    /// Cuts a block of `rows` tile rows: at most so many in a range.
    fn share(&self, rows: usize) -> usize {
        rows.div_ceil(self.split)
    }
}

/// Two sums per channel.
pub(crate) type Sums = Vec<(f64, f64)>;

/// The sums of the parts, added in index order.
fn add_sums(parts: Vec<Sums>) -> Sums {
    let mut parts = parts.into_iter();
    let mut total = parts.next().unwrap_or_default();
    for part in parts {
        for (t, p) in total.iter_mut().zip(part) {
            *t = (t.0 + p.0, t.1 + p.1);
        }
    }
    total
}

/// Tiles per block, so that the transforms of `channels` stay in the second-level cache.
fn tiles_per_block(channels: usize) -> usize {
    (50_000 / (FREQUENCIES * channels)).clamp(16, 64)
}

#[cfg(test)]
mod tests {
    use super::super::epilogue::Epilogue;
    use super::super::im2col;
    use super::super::isa::Isa;
    use super::load::Source;
    use super::store::Finish;
    use super::*;

    const NOTHING: Finish<'static> =
        Finish::Map(Epilogue { scale: None, shift: None, add: None, relu: false });

    /// Fixed values from -1 to 1.
    fn values(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        (0..count)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / (1 << 23) as f32 - 1.0
            })
            .collect()
    }

    /// Relative l2 distance.
    fn distance(a: &[f32], b: &[f32]) -> f64 {
        assert_eq!(a.len(), b.len(), "lengths");
        let square = |v: f64| v * v;
        let diff: f64 = a.iter().zip(b).map(|(a, b)| square(f64::from(*a) - f64::from(*b))).sum();
        (diff / b.iter().map(|b| square(f64::from(*b))).sum::<f64>()).sqrt()
    }

    #[test]
    fn every_instruction_set_agrees_with_the_direct_sum() {
        let sizes = [
            (1, 16, 16, 8, 8),
            (2, 16, 32, 13, 22),
            (1, 5, 7, 6, 5),
            (3, 20, 33, 1, 17),
            (1, 48, 16, 33, 3),
            // Wide layers: a small map, and one of two blocks.
            (2, 120, 130, 7, 9),
            (1, 128, 128, 64, 128),
        ];
        // One odd size is enough, and slow enough, for the interpreter.
        let sizes = if cfg!(miri) { &sizes[2..3] } else { &sizes[..] };
        for &(batch, inputs, outputs, height, width) in sizes {
            let g = Geometry { batch, inputs, outputs, height, width };
            let direct = im2col::Geometry {
                batch,
                inputs,
                outputs,
                size: (height, width),
                kernel: (3, 3),
                padding: (1, 1),
                stride: (1, 1),
                dilation: (1, 1),
                groups: 1,
            };
            let x = values(batch * inputs * height * width, 1);
            let w = values(outputs * inputs * 9, 2);
            let bias = values(outputs, 3);
            let dy = values(batch * outputs * height * width, 4);
            for isa in Isa::available() {
                let at = format!("{isa:?} {g:?}");
                let (xs, dys) = (Source::plain(&x, inputs), Source::plain(&dy, outputs));
                let y = forward::convolve(isa, &g, &xs, &w, &Epilogue::bias(Some(&bias)));
                assert!(
                    distance(&y, &im2col::convolve(&direct, &x, &w, &Epilogue::bias(Some(&bias))))
                        < 3e-6,
                    "forward {at}"
                );
                let both = backward::gradients(isa, &g, &xs, &dys, (&w, NOTHING), (true, true));
                let expected = im2col::weight_gradient(isa, &direct, &x, &dy);
                assert!(distance(&both.weight.unwrap(), &expected) < 3e-6, "weight {at}");
                let expected = im2col::input_gradient(&direct, &dy, &w);
                assert!(distance(&both.input.unwrap()[0], &expected) < 3e-6, "input {at}");
                let one = backward::gradients(isa, &g, &xs, &dys, (&w, NOTHING), (true, false));
                assert!(distance(&one.input.unwrap()[0], &expected) < 3e-6, "input alone {at}");
            }
        }
    }
}
