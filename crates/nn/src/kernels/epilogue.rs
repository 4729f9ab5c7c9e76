//! What happens to the results of a convolution while they are in the cache.

/// `y = conv * scale + shift + add`, then `max(y, 0)`: batch norm in evaluation,
/// a shortcut, a `ReLU`.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Epilogue<'a> {
    /// A factor per output channel.
    pub(crate) scale: Option<&'a [f32]>,
    /// A term per output channel.
    pub(crate) shift: Option<&'a [f32]>,
    /// A tensor of the shape of the result.
    pub(crate) add: Option<&'a [f32]>,
    /// Whether a `ReLU` follows.
    pub(crate) relu: bool,
}

impl<'a> Epilogue<'a> {
    /// A bias alone.
    pub(crate) fn bias(bias: Option<&'a [f32]>) -> Self {
        Self { shift: bias, ..Self::default() }
    }

    /// Whether nothing happens.
    pub(crate) fn is_empty(&self) -> bool {
        self.scale.is_none() && self.shift.is_none() && self.add.is_none() && !self.relu
    }

    /// Fails unless everything has the size of `channels` and of the result.
    pub(crate) fn check(&self, channels: usize, values: usize) {
        for vector in [self.scale, self.shift].into_iter().flatten() {
            assert_eq!(vector.len(), channels, "one value per output channel");
        }
        if let Some(add) = self.add {
            assert_eq!(add.len(), values, "size of the added tensor");
        }
    }
}
