//! The fuzz targets of the example `fuzz_geometry`, for `libFuzzer`.

#[path = "../../examples/src/geometry_fuzz/mod.rs"]
pub mod geometry_fuzz;

use geometry_fuzz::{Bytes, TARGETS};

/// Runs a target.
///
/// # Panics
/// The target found something wrong, or there is none of this name.
pub fn check(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|(known, _)| *known == name);
    let (_, target) = target.expect("the binaries are named after the targets");
    if let Err(finding) = target(&mut Bytes::new(data)) {
        panic!("{name}: {finding}");
    }
}
