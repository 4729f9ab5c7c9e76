//! Properties against naive twins and invariants on small random rasters.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod components;
mod hysteresis;
mod learned_merge;
mod lines;
mod merge;
mod naive;
mod split;
mod watershed;
