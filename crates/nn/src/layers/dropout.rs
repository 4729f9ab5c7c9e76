//! Dropout with a seed and a counter of steps.

use std::sync::atomic::{AtomicU64, Ordering};

use candle_core::{Result, Tensor};

use crate::dropout::{check_probability, drop_path, dropout};

/// The seed of a layer and how many masks it has drawn.
#[derive(Debug)]
struct Draws {
    p: f64,
    seed: u64,
    step: AtomicU64,
}

impl Draws {
    fn new(name: &str, p: f64, seed: u64) -> Result<Self> {
        check_probability(name, p)?;
        Ok(Self { p, seed, step: AtomicU64::new(0) })
    }

    /// The seed of the next mask.
    fn next(&self) -> u64 {
        // Multiples of an odd number differ for all steps.
        let step = self.step.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        self.seed.wrapping_add(step.wrapping_mul(0xd134_2543_de82_ef95))
    }
}

macro_rules! layer {
    ($(#[$meta:meta])* $name:ident, $function:ident) => {
        $(#[$meta])*
        #[derive(Debug)]
        pub struct $name(Draws);

        impl $name {
            /// A layer that drops with probability `p`. Layers of one model need different
            /// seeds.
            ///
            /// # Errors
            ///
            /// A probability outside 0 to 1.
            pub fn new(p: f64, seed: u64) -> Result<Self> {
                Ok(Self(Draws::new(stringify!($name), p, seed)?))
            }

            /// Drops while training, with a new mask every time; else gives `x` back.
            ///
            /// # Errors
            ///
            #[doc = concat!("Those of [`", stringify!($function), "`].")]
            pub fn forward(&self, x: &Tensor, train: bool) -> Result<Tensor> {
                if train { $function(x, self.0.p, self.0.next()) } else { Ok(x.clone()) }
            }

            /// How many masks were drawn: what a checkpoint keeps.
            #[must_use]
            pub fn step(&self) -> u64 {
                self.0.step.load(Ordering::Relaxed)
            }

            /// Goes on after `step` masks.
            pub fn set_step(&self, step: u64) {
                self.0.step.store(step, Ordering::Relaxed);
            }
        }
    };
}

layer! {
    /// Drops single values, see [`dropout`].
    Dropout, dropout
}

layer! {
    /// Drops whole samples, see [`drop_path`].
    DropPath, drop_path
}
