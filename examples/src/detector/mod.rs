//! A small detector of lines and symbols, trained as a set of objects.

pub mod batch;
pub mod network;
pub mod picture;
pub mod scores;
