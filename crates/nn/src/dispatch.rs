//! Which kernel runs a convolution.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::kernels::im2col::Geometry;
use crate::kernels::isa::Isa;

static EXACT: AtomicBool = AtomicBool::new(false);

/// Sets, for the whole process, whether convolutions avoid the Winograd kernel.
///
/// Winograd is two to three times faster on wide 3x3 layers and has about three
/// times the rounding error of the direct sum (relative error of about 1e-6
/// against 3e-7). Operations that were recorded before keep their kernel.
pub fn set_exact(exact: bool) {
    EXACT.store(exact, Ordering::Relaxed);
}

thread_local! {
    static FORCED: Cell<Option<ConvKernel>> = const { Cell::new(None) };
}

/// Runs `body`, in which convolutions recorded by this thread use `kernel` wherever it can
/// compute them ([`ConvShape::fits`]), whatever would be faster, and keep it for their
/// gradients.
pub fn with_conv_kernel<R>(kernel: ConvKernel, body: impl FnOnce() -> R) -> R {
    /// Puts the former choice back, after a panic as well.
    struct Restore(Option<ConvKernel>);
    impl Drop for Restore {
        fn drop(&mut self) {
            FORCED.set(self.0);
        }
    }
    let _restore = Restore(FORCED.replace(Some(kernel)));
    body()
}

/// The kernel of a convolution that is recorded now.
pub(crate) fn chosen(shape: &ConvShape, isa: Isa) -> ConvKernel {
    match FORCED.get() {
        Some(kernel) if shape.fits(kernel) => kernel,
        _ => shape.kernel(isa, is_exact()),
    }
}

/// Whether convolutions avoid the Winograd kernel, see [`set_exact`].
#[must_use]
pub fn is_exact() -> bool {
    EXACT.load(Ordering::Relaxed)
}

/// How a convolution is computed on the CPU in `f32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConvKernel {
    /// One matrix product; 1x1 kernels.
    Pointwise,
    /// Winograd F(4x4, 3x3).
    Winograd,
    /// The same on every `dilation`-th row and column, for dilated kernels.
    WinogradSubGrids,
    /// Patches of all images to one column matrix, then one product; small maps.
    SmallMaps,
    /// Patches to columns, then matrix products; everything else.
    Im2col,
}

/// Sizes of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvShape {
    /// Images.
    pub batch: usize,
    /// Input channels.
    pub in_channels: usize,
    /// Output channels.
    pub out_channels: usize,
    /// Rows and columns of the input.
    pub size: (usize, usize),
    /// Rows and columns of the kernel.
    pub kernel: (usize, usize),
    /// Stride: rows, columns.
    pub stride: (usize, usize),
    /// Zeros around the input: rows above and below, columns left and right.
    pub padding: (usize, usize),
    /// Dilation: rows, columns.
    pub dilation: (usize, usize),
    /// Groups.
    pub groups: usize,
}

impl ConvShape {
    /// The kernel for these sizes on a processor with `isa`. A pure function.
    #[must_use]
    pub fn kernel(&self, isa: Isa, exact: bool) -> ConvKernel {
        if self.fits(ConvKernel::Winograd) && !exact && self.winograd_pays(isa) {
            ConvKernel::Winograd
        } else if !exact && self.sub_grid().is_some_and(|grid| grid.winograd_pays(isa)) {
            ConvKernel::WinogradSubGrids
        } else if self.is_small() {
            ConvKernel::SmallMaps
        } else if self.fits(ConvKernel::Pointwise) {
            ConvKernel::Pointwise
        } else {
            ConvKernel::Im2col
        }
    }

    /// Whether a kernel can compute such a convolution at all.
    #[must_use]
    pub fn fits(&self, kernel: ConvKernel) -> bool {
        let plain = self.stride == (1, 1) && self.groups == 1;
        let keeps = self.kernel == (3, 3) && self.padding == self.dilation;
        match kernel {
            ConvKernel::Pointwise => plain && self.kernel == (1, 1) && self.padding == (0, 0),
            ConvKernel::Winograd => plain && keeps && self.dilation == (1, 1),
            ConvKernel::WinogradSubGrids => {
                // A dilation beyond the picture leaves one tap of nine.
                let side = self.size.0.max(self.size.1);
                let d = self.dilation.0;
                plain && keeps && d == self.dilation.1 && (2..=side).contains(&d)
            }
            ConvKernel::SmallMaps => self.groups == 1,
            ConvKernel::Im2col => true,
        }
    }

    /// The plain convolution of a dilated one's sub-grids, if they fill their images well.
    fn sub_grid(&self) -> Option<Self> {
        if !self.fits(ConvKernel::WinogradSubGrids) {
            return None;
        }
        let d = self.dilation.0;
        let tiles = |side: usize| side.div_ceil(d).next_multiple_of(4) * d;
        let waste = tiles(self.size.0) * tiles(self.size.1);
        let filled = waste * 2 <= self.size.0 * self.size.1 * 3;
        filled.then(|| Self {
            batch: self.batch * d * d,
            size: (self.size.0.div_ceil(d), self.size.1.div_ceil(d)),
            padding: (1, 1),
            dilation: (1, 1),
            ..*self
        })
    }

    /// Whether the maps are small and the layer wide, so that a product per image would
    /// mostly read weights.
    fn is_small(&self) -> bool {
        let (down, across) = (self.stride.0.max(1), self.stride.1.max(1));
        let pixels = self.size.0.div_ceil(down) * self.size.1.div_ceil(across);
        let depth = self.in_channels * self.kernel.0 * self.kernel.1;
        self.groups == 1
            && pixels <= 256
            && depth * self.out_channels >= 1 << 14
            && depth * pixels * self.batch <= 1 << 22
    }

    /// Whether padding to whole tiles and to blocks of 16 channels leaves a gain.
    fn winograd_pays(&self, isa: Isa) -> bool {
        let padded = |channels: usize| channels.next_multiple_of(16);
        let work = padded(self.in_channels) * padded(self.out_channels);
        let waste = work * self.size.0.next_multiple_of(4) * self.size.1.next_multiple_of(4);
        let useful = self.in_channels * self.out_channels * self.size.0 * self.size.1;
        // Without vector registers only wide layers gain.
        let wide_enough = isa.is_wide() || work >= 32 * 32;
        // Transformed weights are four times as large; beyond the second-level cache it
        // takes many tiles until they have paid for themselves.
        let tiles = self.batch * self.size.0.div_ceil(4) * self.size.1.div_ceil(4);
        let enough_tiles = tiles >= if work > 96 * 96 { 48 } else { 12 };
        wide_enough && enough_tiles && waste * 2 <= useful * 3
    }
}

impl From<&Geometry> for ConvShape {
    fn from(g: &Geometry) -> Self {
        Self {
            batch: g.batch,
            in_channels: g.inputs,
            out_channels: g.outputs,
            size: g.size,
            kernel: g.kernel,
            stride: g.stride,
            padding: g.padding,
            dilation: g.dilation,
            groups: g.groups,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(in_channels: usize, out_channels: usize, side: usize) -> ConvShape {
        ConvShape {
            batch: 1,
            in_channels,
            out_channels,
            size: (side, side),
            kernel: (3, 3),
            stride: (1, 1),
            padding: (1, 1),
            dilation: (1, 1),
            groups: 1,
        }
    }

    #[test]
    fn wide_3x3_layers_take_winograd_and_nothing_else_does() {
        let isa = Isa::detect();
        let wide = shape(64, 64, 32);
        assert_eq!(wide.kernel(isa, false), ConvKernel::Winograd);
        assert_eq!(wide.kernel(isa, true), ConvKernel::Im2col);
        let others = [
            (ConvShape { stride: (1, 2), ..wide }, "stride"),
            (ConvShape { dilation: (2, 2), ..wide }, "a dilation that shrinks"),
            (ConvShape { groups: 2, ..wide }, "groups"),
            (shape(3, 16, 128), "a stem would be mostly padding"),
            (shape(64, 64, 1), "one pixel is not a tile"),
        ];
        for (shape, why) in others {
            assert_ne!(shape.kernel(isa, false), ConvKernel::Winograd, "{why}");
        }
    }

    #[test]
    fn dilated_layers_take_winograd_where_their_sub_grids_fill_tiles() {
        let isa = Isa::detect();
        let dilated = |d| ConvShape { dilation: (d, d), padding: (d, d), ..shape(256, 256, 32) };
        assert_eq!(dilated(2).kernel(isa, false), ConvKernel::WinogradSubGrids);
        assert_eq!(dilated(4).kernel(isa, false), ConvKernel::WinogradSubGrids);
        assert_eq!(dilated(4).kernel(isa, true), ConvKernel::Im2col, "exact");
        assert_eq!(dilated(12).kernel(isa, false), ConvKernel::Im2col, "3 x 3 in tiles of 4 x 4");
        for far in [33, 1 << 30, 1 << 40] {
            let shape = ConvShape { padding: (far, far), ..dilated(far) };
            assert_eq!(shape.kernel(isa, false), ConvKernel::Im2col, "dilation {far}");
            assert!(!shape.fits(ConvKernel::WinogradSubGrids), "dilation {far}");
        }
        let none = ConvShape { dilation: (0, 0), padding: (0, 0), ..dilated(2) };
        assert_eq!(none.kernel(isa, false), ConvKernel::Im2col, "no convolution at all");
        let grouped = ConvShape { groups: 2, ..dilated(2) };
        assert_eq!(grouped.kernel(isa, false), ConvKernel::Im2col);
    }

    #[test]
    fn small_wide_maps_take_one_product() {
        let isa = Isa::detect();
        let deep = ConvShape { batch: 4, ..shape(512, 512, 7) };
        assert_eq!(deep.kernel(isa, false), ConvKernel::SmallMaps, "too few tiles");
        assert_eq!(ConvShape { stride: (2, 2), ..deep }.kernel(isa, false), ConvKernel::SmallMaps);
        assert_eq!(ConvShape { groups: 2, ..deep }.kernel(isa, false), ConvKernel::Im2col);
        assert_eq!(ConvShape { batch: 16, ..deep }.kernel(isa, false), ConvKernel::Winograd);
        assert_eq!(shape(64, 64, 56).kernel(isa, true), ConvKernel::Im2col, "a large map");
    }

    #[test]
    fn kernels_of_one_pixel_are_products() {
        let point = ConvShape { kernel: (1, 1), padding: (0, 0), ..shape(8, 4, 9) };
        assert_eq!(point.kernel(Isa::detect(), false), ConvKernel::Pointwise);
        assert_eq!(point.kernel(Isa::detect(), true), ConvKernel::Pointwise);
        assert_eq!(
            ConvShape { padding: (1, 1), ..point }.kernel(Isa::detect(), false),
            ConvKernel::Im2col
        );
    }
}
