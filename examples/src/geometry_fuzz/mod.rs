//! Functions over shapes, rasters and run lengths driven by arbitrary bytes.
//!
//! Each target reads its arguments from bytes, calls what it is named after and says
//! what is wrong with the result. The example `fuzz_geometry` and the `libFuzzer` binaries
//! in `fuzz/` share them, so this module uses no other one of this crate.

mod bytes;
mod drawing;
mod fans;
mod rasters;
mod runs;
mod seams;
mod shapes;

pub use bytes::Bytes;

/// What a target found wrong.
pub type Finding = Result<(), String>;

/// A function that must return without panic for any bytes.
pub type Target = fn(&mut Bytes<'_>) -> Finding;

/// All targets by name.
pub const TARGETS: [(&str, Target); 13] = [
    ("polygonize", rasters::polygonize),
    ("lines", rasters::lines),
    ("contours", rasters::contours),
    ("booleans", shapes::booleans),
    ("repair", shapes::repair),
    ("regularize", shapes::regularize),
    ("offset", shapes::offset),
    ("merge", seams::merge),
    ("draw", drawing::draw),
    ("measure", drawing::measure),
    ("visible", drawing::visible),
    ("fans", fans::fans),
    ("runs", runs::runs),
];

/// Fails with a text unless a condition holds.
fn ensure(holds: bool, text: impl FnOnce() -> String) -> Finding {
    if holds { Ok(()) } else { Err(text()) }
}
