//! Arrays of records as slices.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what is absent fails the test")]

use mapvec_data::{Record, Values};

/// Real numbers of an array.
pub(crate) fn reals<'a>(record: &'a Record, name: &str) -> &'a [f32] {
    match record.get(name).unwrap().values() {
        Values::F32(values) => values,
        other => panic!("{name} is {other:?}"),
    }
}

/// Bytes of an array.
pub(crate) fn bytes<'a>(record: &'a Record, name: &str) -> &'a [u8] {
    match record.get(name).unwrap().values() {
        Values::U8(values) => values,
        other => panic!("{name} is {other:?}"),
    }
}

/// Whole numbers of an array.
pub(crate) fn wholes<'a>(record: &'a Record, name: &str) -> &'a [i32] {
    match record.get(name).unwrap().values() {
        Values::I32(values) => values,
        other => panic!("{name} is {other:?}"),
    }
}

/// Points of an array of pairs.
pub(crate) fn points(record: &Record, name: &str) -> Vec<[f64; 2]> {
    reals(record, name).chunks_exact(2).map(|p| [p[0].into(), p[1].into()]).collect()
}

/// Pairs of points.
pub(crate) fn segments(record: &Record, name: &str) -> Vec<[[f64; 2]; 2]> {
    points(record, name).chunks_exact(2).map(|p| [p[0], p[1]]).collect()
}

/// Where the pixel of a point is in a plane of some width.
#[expect(clippy::cast_sign_loss, reason = "points of the canvas are not negative")]
pub(crate) fn at([x, y]: [f64; 2], width: usize) -> usize {
    y as usize * width + x as usize
}

/// Angle between two undirected lines.
pub(crate) fn turn(a: f64, b: f64) -> f64 {
    let d = (a - b).rem_euclid(std::f64::consts::PI);
    d.min(std::f64::consts::PI - d)
}

/// Distance of a point from a segment.
pub(crate) fn distance([a, b]: [[f64; 2]; 2], p: [f64; 2]) -> f64 {
    let d = [b[0] - a[0], b[1] - a[1]];
    let length = d[0] * d[0] + d[1] * d[1];
    let t = ((p[0] - a[0]) * d[0] + (p[1] - a[1]) * d[1]) / length.max(1e-12);
    let t = t.clamp(0.0, 1.0);
    (p[0] - a[0] - t * d[0]).hypot(p[1] - a[1] - t * d[1])
}

/// Fails if two of the planes have a pixel in common.
pub(crate) fn assert_disjoint(masks: &[u8], area: usize, index: usize) {
    for pixel in 0..area {
        let owners = masks.chunks_exact(area).filter(|mask| mask[pixel] == 1).count();
        assert!(owners <= 1, "record {index}: {owners} masks have pixel {pixel}");
    }
}
