//! Masks as run lengths: hostile counts and texts, and sets of pixels.

use super::{Bytes, Finding, ensure};
use mapvec_data::{ImageLimits, Rle};
use mapvec_metrics::{RunMask, mask_ious, polygon_runs};
use ndarray::Array2;

/// Masks of more pixels are not read.
const LIMITS: ImageLimits = ImageLimits { max_width: 4096, max_height: 4096, max_pixels: 1 << 16 };

/// A side, now and then one that no mask can have.
fn side(bytes: &mut Bytes<'_>) -> u32 {
    match bytes.below(16) {
        0 => 0,
        1 => [u32::MAX, 1 << 31, 65_536, 4097][bytes.below(4)],
        _ => u32::from(bytes.byte()) / 8 + 1,
    }
}

/// Runs of any length; often they add up to the size.
fn counts(bytes: &mut Bytes<'_>, pixels: u64) -> Vec<u32> {
    let wild = bytes.below(4) == 0;
    let mut rest = pixels;
    let mut counts: Vec<u32> = (0..bytes.below(40))
        .map(|_| match bytes.below(if wild { 4 } else { 16 }) {
            0 if wild => [u32::MAX, u32::MAX - 1, 1 << 31, 0x7fff_ffff][bytes.below(4)],
            0 | 1 => 0,
            _ => {
                let run = u64::from(bytes.byte()).min(rest);
                rest -= run;
                u32::try_from(run).unwrap_or(u32::MAX)
            }
        })
        .collect();
    if bytes.below(8) > 0 {
        counts.push(u32::try_from(rest).unwrap_or(u32::MAX));
    }
    counts
}

/// A text of the compressed form, with characters in it that do not belong there in one of 4.
fn text(bytes: &mut Bytes<'_>) -> String {
    let wild = bytes.below(4) == 0;
    let length = bytes.below(48);
    (0..length)
        .map(|_| char::from(if wild { bytes.byte() } else { b'0' + bytes.byte() % 64 }))
        .collect()
}

/// Bounds and area by looking at every pixel.
fn measured(mask: &Array2<u8>) -> (u64, [u32; 4]) {
    let (mut area, mut bounds) = (0, [u32::MAX, u32::MAX, 0, 0]);
    for ((row, column), _) in mask.indexed_iter().filter(|(_, value)| **value > 0) {
        let at = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
        let [left, top, right, bottom] = bounds;
        area += 1;
        bounds = [
            left.min(at(column)),
            top.min(at(row)),
            right.max(at(column) + 1),
            bottom.max(at(row) + 1),
        ];
    }
    (area, if area == 0 { [0; 4] } else { bounds })
}

/// A mask that was accepted comes back from pixels and from text, and both readers agree on it.
fn check(rle: &Rle) -> Result<RunMask, String> {
    let mask = rle.decode();
    let again = Rle::encode(mask.view()).map_err(|e| e.to_string())?;
    ensure(again == *rle, || format!("{rle:?} is {again:?} from pixels"))?;
    let (height, width) = (rle.height(), rle.width());
    let read = Rle::from_compressed(height, width, &rle.to_compressed(), &LIMITS);
    ensure(read.as_ref().ok() == Some(rle), || format!("{rle:?} is {read:?} from text"))?;
    let runs = RunMask::new(rle.counts(), height, width).map_err(|e| format!("{e}: {rle:?}"))?;
    let found = (runs.area(), runs.bounds());
    ensure(found == measured(&mask), || format!("{found:?} of {rle:?}"))?;
    Ok(runs)
}

/// What is read is a mask of its size, and sets of pixels are those of the pixels.
pub(super) fn runs(bytes: &mut Bytes<'_>) -> Finding {
    let (height, width) = (side(bytes), side(bytes));
    let pixels = u64::from(height) * u64::from(width);
    let first = counts(bytes, pixels);
    let (one, other) =
        (Rle::new(height, width, first.clone(), &LIMITS), RunMask::new(&first, height, width));
    let fits = height.min(width) > 0
        && height <= LIMITS.max_height
        && width <= LIMITS.max_width
        && pixels <= LIMITS.max_pixels;
    ensure(one.is_ok() == (other.is_ok() && fits), || {
        format!("only one reads {first:?} as {height} x {width}")
    })?;
    let two = if bytes.flag() {
        Rle::from_compressed(height, width, &text(bytes), &LIMITS)
    } else {
        Rle::new(height, width, counts(bytes, pixels), &LIMITS)
    };
    let two_runs = two.as_ref().ok().map(check).transpose()?;
    let Ok(one) = one else { return drawn(bytes, height.min(256), width.min(256)) };
    let one_runs = check(&one)?;
    if let (Ok(two), Some(two_runs)) = (two, two_runs) {
        let pairs = one.decode().into_iter().zip(two.decode());
        let (mut both, mut either) = (0_u64, 0_u64);
        for (a, b) in pairs {
            (both, either) = (both + u64::from(a & b), either + u64::from(a | b));
        }
        let iou = if both == 0 { 0.0 } else { both as f64 / either as f64 };
        let found = one.iou(&two, false).map_err(|e| e.to_string())?;
        let ious = mask_ious(&[one_runs], &[two_runs], &[false]).map_err(|e| e.to_string())?;
        let same = [found, ious[(0, 0)]].iter().all(|value| (value - iou).abs() < 1e-12);
        ensure(same, || format!("{found} and {ious}, not {iou}: {one:?} {two:?}"))?;
        for (set, area) in [(one.union(&two), either), (one.intersection(&two), both)] {
            let set = set.map_err(|e| e.to_string())?;
            check(&set)?;
            ensure(set.area() == area, || format!("{set:?} of {one:?} {two:?}"))?;
        }
    }
    drawn(bytes, one.height(), one.width())
}

/// Rings of any coordinates are refused or drawn as runs of their mask.
fn drawn(bytes: &mut Bytes<'_>, height: u32, width: u32) -> Finding {
    let rings: Vec<_> = (0..=bytes.below(2)).map(|_| bytes.line()).collect();
    if let Ok(runs) = polygon_runs(&rings, height, width) {
        let mask = RunMask::new(&runs, height, width);
        ensure(mask.is_ok(), || format!("{runs:?} of {rings:?} in {height} x {width}"))?;
    }
    Ok(())
}
