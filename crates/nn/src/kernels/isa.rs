//! Which instructions the processor has, found once at run time.
//!
//! # Safety
//!
//! A function that `multiversion!` makes has the contract of its body; the macro adds only that the
//! instructions are there, which the [`Isa`] argument proves.

use std::sync::OnceLock;

/// The environment variable that names the set to use.
const VARIABLE: &str = "MAPVEC_ISA";

/// An instruction set the running processor is known to have.
///
/// Only [`Isa::detect`] and [`Isa::available`] make one, so a value is a proof.
/// Different sets round differently: results are equal bit for bit between
/// runs and thread counts on one set, not between sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isa(Level);

/// Plain loops that [`Isa::run`] compiles once for every instruction set.
pub trait Loops {
    /// What they compute.
    type Output;

    /// Runs the loops. Mark it and all that it calls `#[inline(always)]`: what is not inlined
    /// keeps the plain instructions of the target.
    fn run(self) -> Self::Output;
}

/// The sets with an own implementation of the 16-lane block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// Plain arrays.
    Portable,
    /// NEON.
    #[cfg(target_arch = "aarch64")]
    Neon,
    /// AVX2 and FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512F.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Isa {
    /// The best instruction set of this processor, or the one that the environment variable
    /// `MAPVEC_ISA` names (`portable`, `neon`, `avx2` or `avx512`) where the processor has
    /// it: for tests, and for the same bits on different machines.
    #[must_use]
    pub fn detect() -> Self {
        static BEST: OnceLock<Isa> = OnceLock::new();
        *BEST.get_or_init(|| {
            let wanted = std::env::var(VARIABLE).ok();
            let all = Self::available();
            let named = all.iter().find(|isa| wanted.as_deref() == Some(isa.name()));
            named.or(all.last()).copied().unwrap_or(Self(Level::Portable))
        })
    }

    /// The name of the set: `portable`, `neon`, `avx2` or `avx512`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.0 {
            Level::Portable => "portable",
            #[cfg(target_arch = "aarch64")]
            Level::Neon => "neon",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => "avx512",
        }
    }

    /// Every instruction set this processor can run, the plainest first.
    #[must_use]
    pub fn available() -> Vec<Self> {
        #[cfg_attr(
            not(any(target_arch = "aarch64", target_arch = "x86_64")),
            expect(unused_mut, reason = "one set only")
        )]
        let mut all = vec![Self(Level::Portable)];
        // Miri interprets the portable path only: it knows few of the instructions.
        if cfg!(miri) {
            return all;
        }
        #[cfg(target_arch = "aarch64")]
        if std::arch::is_aarch64_feature_detected!("neon") {
            all.push(Self(Level::Neon));
        }
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                all.push(Self(Level::Avx2));
            }
            if is_x86_feature_detected!("avx512f") {
                all.push(Self(Level::Avx512));
            }
        }
        all
    }

    /// Whether kernels run on vector registers of this processor.
    #[must_use]
    pub fn is_wide(self) -> bool {
        self.0 != Level::Portable
    }

    /// Runs `work` compiled for this set.
    ///
    /// The compiler does not fuse products into sums, so plain loops give the same bits on
    /// every set.
    #[inline]
    #[expect(unsafe_code, reason = "functions with other target features")]
    pub fn run<W: Loops>(self, work: W) -> W::Output {
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f")]
        fn avx512<W: Loops>(work: W) -> W::Output {
            work.run()
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma")]
        fn avx2<W: Loops>(work: W) -> W::Output {
            work.run()
        }
        match self.0 {
            // SAFETY: an `Isa` exists only for instructions found on this processor.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => unsafe { avx512(work) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => unsafe { avx2(work) },
            // NEON belongs to the plain instructions of its target.
            _ => work.run(),
        }
    }

    pub(crate) fn level(self) -> Level {
        self.0
    }
}

/// Makes `fn name(isa, ...)` out of a generic `body::<L: Lanes>(...)`: one copy
/// per instruction set, compiled with its features.
macro_rules! multiversion {
    ($(#[$meta:meta])* $vis:vis unsafe fn $name:ident = $body:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)?) => {
        $(#[$meta])*
        #[inline]
        $vis unsafe fn $name(isa: $crate::kernels::isa::Isa, $($arg: $ty),*) $(-> $ret)? {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f")]
            unsafe fn avx512($($arg: $ty),*) $(-> $ret)? {
                // SAFETY: the features are enabled here; the rest is the caller's promise.
                unsafe { $body::<$crate::kernels::lanes_x86::Avx512>($($arg),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            unsafe fn avx2($($arg: $ty),*) $(-> $ret)? {
                // SAFETY: as above.
                unsafe { $body::<$crate::kernels::lanes_x86::Avx2>($($arg),*) }
            }
            #[cfg(target_arch = "aarch64")]
            #[target_feature(enable = "neon")]
            unsafe fn neon($($arg: $ty),*) $(-> $ret)? {
                // SAFETY: as above.
                unsafe { $body::<$crate::kernels::lanes_neon::Neon>($($arg),*) }
            }
            #[inline(never)]
            unsafe fn portable($($arg: $ty),*) $(-> $ret)? {
                // SAFETY: plain arrays need no features; the rest is the caller's promise.
                unsafe { $body::<$crate::kernels::lanes::Portable>($($arg),*) }
            }
            // SAFETY: an `Isa` exists only for instructions found on this processor;
            // the caller promises the rest.
            unsafe {
                match isa.level() {
                    #[cfg(target_arch = "aarch64")]
                    $crate::kernels::isa::Level::Neon => neon($($arg),*),
                    #[cfg(target_arch = "x86_64")]
                    $crate::kernels::isa::Level::Avx512 => avx512($($arg),*),
                    #[cfg(target_arch = "x86_64")]
                    $crate::kernels::isa::Level::Avx2 => avx2($($arg),*),
                    $crate::kernels::isa::Level::Portable => portable($($arg),*),
                }
            }
        }
    };
}
pub(crate) use multiversion;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_set_is_an_available_one() {
        let all = Isa::available();
        assert_eq!(all[0].level(), Level::Portable);
        let wanted = std::env::var(VARIABLE).unwrap_or_default();
        let named = all.iter().find(|isa| isa.name() == wanted);
        assert_eq!(named.or(all.last()), Some(&Isa::detect()));
    }

    struct Sum<'a>(&'a [f32]);

    impl Loops for Sum<'_> {
        type Output = f32;

        #[inline(always)]
        fn run(self) -> f32 {
            self.0.iter().map(|x| x * 1.1 + 0.3).sum()
        }
    }

    #[test]
    fn plain_loops_have_the_same_bits_on_every_set() {
        let values: Vec<f32> = (0..1000).map(|i| (i as f32).sin()).collect();
        let expected = Sum(&values).run();
        for isa in Isa::available() {
            assert_eq!(isa.run(Sum(&values)).to_bits(), expected.to_bits(), "{}", isa.name());
        }
    }
}
