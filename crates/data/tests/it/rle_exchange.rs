//! Run lengths exchanged with `pycocotools` through files; `xtask/peers/rle.py` is the other side.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use mapvec_data::{ImageLimits, Rle, Segmentation, sample_rng};
use ndarray::Array2;
use rand::Rng;

/// Names a folder to exchange 10 000 masks through.
const FOLDER: &str = "MAPVEC_RLE_FOLDER";

/// A mask of one of four kinds: noise, rectangles, stripes, or all the same.
fn mask(index: usize) -> Array2<u8> {
    let mut rng = sample_rng(2027, index as u64);
    let (h, w) = (rng.random_range(1..=64), rng.random_range(1..=64));
    match index % 4 {
        0 => {
            let share = rng.random_range(0.0..1.0);
            Array2::from_shape_simple_fn((h, w), || u8::from(rng.random_bool(share)))
        }
        1 => {
            let mut mask = Array2::zeros((h, w));
            for _ in 0..rng.random_range(1..5) {
                let (y, x) = (rng.random_range(0..h), rng.random_range(0..w));
                let (bottom, right) = (rng.random_range(y..h) + 1, rng.random_range(x..w) + 1);
                mask.slice_mut(ndarray::s![y..bottom, x..right]).fill(1);
            }
            mask
        }
        2 => {
            let (step, side) = (rng.random_range(2..20), rng.random_range(1..19));
            Array2::from_shape_fn((h, w), |(i, j)| u8::from((i + 3 * j) % step < side))
        }
        _ => Array2::from_elem((h, w), rng.random_range(0..2)),
    }
}

/// Writes masks as bytes and as a COCO file.
fn write(folder: &Path, count: usize) {
    let (mut pixels, mut lines) = (Vec::new(), String::new());
    for index in 0..count {
        let mask = mask(index);
        pixels.extend(mask.iter());
        let rle = Rle::encode(mask.view()).unwrap();
        let text = serde_json::to_string(&Segmentation::from_rle(&rle)).unwrap();
        let runs = rle.counts();
        writeln!(lines, r#"{{"rle":{text},"runs":{runs:?},"area":{}}}"#, rle.area()).unwrap();
    }
    fs::write(folder.join("masks.bin"), pixels).unwrap();
    fs::write(folder.join("ours.jsonl"), lines).unwrap();
}

/// Reads run lengths of all masks, and the IoU of each with the one before if that has its size.
fn check(folder: &Path, name: &str, count: usize) {
    let text = fs::read_to_string(folder.join(name)).unwrap();
    assert_eq!(text.lines().count(), count);
    let limits = ImageLimits::default();
    for (index, line) in text.lines().enumerate() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let area: Segmentation = serde_json::from_value(line["rle"].clone()).unwrap();
        let rle = area.rle(&limits).unwrap().unwrap();
        let mask = mask(index);
        assert_eq!(rle.decode(), mask, "mask {index}");
        assert_eq!(Some(rle.area()), line["area"].as_u64(), "mask {index}");
        // The other mask of the comparison is this one turned by half.
        if let Some(expected) = line["iou"].as_f64() {
            let turned = Rle::encode(mask.slice(ndarray::s![..;-1, ..;-1])).unwrap();
            let iou = rle.iou(&turned, false).unwrap();
            assert!((iou - expected).abs() < 1e-12, "mask {index}: {iou}, {expected}");
        }
    }
}

/// Without the other side, what is written is read again.
#[test]
fn masks_are_equal_on_both_sides() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), 200);
        check(folder.path(), "ours.jsonl", 200);
        return;
    };
    let folder = Path::new(&folder);
    write(folder, 10_000);
    if folder.join("theirs.jsonl").exists() {
        check(folder, "theirs.jsonl", 10_000);
    }
}
