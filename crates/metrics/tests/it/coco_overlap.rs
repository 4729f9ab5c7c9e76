use geo_types::{LineString, MultiPolygon, polygon};
use mapvec_metrics::{Error, RunMask, box_ious, mask_ious, polygon_ious, polygon_runs};
use ndarray::{Array2, array};
use proptest::prelude::*;

use crate::rasters;

/// Run lengths, counted pixel by pixel.
fn runs(mask: &Array2<bool>) -> Vec<u32> {
    let (mut counts, mut inside) = (vec![0], false);
    for &pixel in mask.t().iter() {
        if pixel != inside {
            counts.push(0);
            inside = pixel;
        }
        *counts.last_mut().unwrap() += 1;
    }
    counts
}

fn ready(mask: &Array2<bool>) -> RunMask {
    let (rows, columns) = mask.dim();
    RunMask::new(&runs(mask), rows as u32, columns as u32).unwrap()
}

proptest! {
    #[test]
    fn masks_as_counted_pixel_by_pixel(
        masks in rasters(prop_oneof![2 => Just(false), 1 => Just(true)], 4),
        crowd in prop::collection::vec(any::<bool>(), 2),
    ) {
        let (found, truth) = masks.split_at(2);
        let all = |masks: &[Array2<bool>]| masks.iter().map(ready).collect::<Vec<_>>();
        let ious = mask_ious(&all(found), &all(truth), &crowd).unwrap();
        for ((i, j), iou) in ious.indexed_iter() {
            let count = |f: &dyn Fn(bool, bool) -> bool| {
                found[i].iter().zip(&truth[j]).filter(|(a, b)| f(**a, **b)).count() as f64
            };
            let whole = if crowd[j] { count(&|a, _| a) } else { count(&|a, b| a || b) };
            let expected = if whole > 0.0 { count(&|a, b| a && b) / whole } else { 0.0 };
            prop_assert_eq!(*iou, expected);
        }
        for mask in &masks {
            let (ready, inside) = (ready(mask), mask.iter().filter(|pixel| **pixel).count());
            prop_assert_eq!(ready.area(), inside as u64);
            let [left, top, right, bottom] = ready.bounds().map(|side| side as usize);
            for ((row, column), _) in mask.indexed_iter().filter(|(_, inside)| **inside) {
                prop_assert!((top..bottom).contains(&row) && (left..right).contains(&column));
            }
        }
    }

    #[test]
    fn whole_boxes_as_masks_and_polygons(
        boxes in prop::collection::vec(
            (0_u32..12, 0_u32..12, 1_u32..9, 1_u32..9), 4),
    ) {
        let sides: Vec<[f64; 4]> =
            boxes.iter().map(|&(x, y, w, h)| [x, y, w, h].map(f64::from)).collect();
        let masks: Vec<RunMask> = boxes.iter().map(|&(x, y, w, h)| {
            let inside = |(row, column)| {
                (y..y + h).contains(&(row as u32)) && (x..x + w).contains(&(column as u32))
            };
            ready(&Array2::from_shape_fn((24, 24), inside))
        }).collect();
        let shapes: Vec<MultiPolygon<f64>> = sides.iter().map(|&[x, y, w, h]| {
            polygon![(x: x, y: y), (x: x + w, y: y), (x: x + w, y: y + h), (x: x, y: y + h)].into()
        }).collect();
        let crowd = [false, true];
        let by_boxes = box_ious(&sides[..2], &sides[2..], &crowd).unwrap();
        let by_masks = mask_ious(&masks[..2], &masks[2..], &crowd).unwrap();
        let by_shapes = polygon_ious(&shapes[..2], &shapes[2..], &crowd).unwrap();
        for (at, iou) in by_boxes.indexed_iter() {
            prop_assert!((iou - by_masks[at]).abs() < 1e-12);
            prop_assert!((iou - by_shapes[at]).abs() < 1e-6);
        }
        // Without crowds the sides can be changed.
        let turned = box_ious(&sides[2..], &sides[..2], &[false; 2]).unwrap();
        let straight = box_ious(&sides[..2], &sides[2..], &[false; 2]).unwrap();
        for ((i, j), iou) in straight.indexed_iter() {
            prop_assert!((iou - turned[(j, i)]).abs() < 1e-12);
        }
    }

    #[test]
    fn any_ring_fills_its_mask(
        points in prop::collection::vec((-30.0..60.0, -30.0..60.0), 0..7),
        height in 1_u32..40, width in 1_u32..40,
    ) {
        let counts = polygon_runs(&[LineString::from(points)], height, width).unwrap();
        prop_assert!(RunMask::new(&counts, height, width).is_ok());
        prop_assert!(counts.iter().skip(1).all(|run| *run > 0));
    }
}

/// Made by `xtask/peers/metrics.py` with pycocotools 2.0.11.
#[test]
fn polygons_are_drawn_as_pycocotools_draws_them() {
    let rings = [
        LineString::from(vec![(10.2, 3.1), (31.7, 8.4), (25.0, 30.6), (12.5, 21.9)]),
        LineString::from(vec![(-4.0, 20.0), (18.3, 24.5), (5.5, 44.0)]),
    ];
    let drawn = |rings: &[LineString<f64>]| polygon_runs(rings, 36, 40).unwrap();
    assert_eq!(
        drawn(&rings[..1]),
        [
            363, 2, 34, 10, 27, 17, 19, 19, 17, 19, 17, 20, 17, 20, 16, 20, 16, 21, 15, 22, 15, 21,
            15, 22, 14, 23, 13, 23, 14, 23, 13, 22, 14, 19, 17, 15, 22, 11, 25, 8, 28, 5, 31, 1,
            315
        ]
    );
    assert_eq!(
        drawn(&rings[1..]),
        [
            21, 10, 26, 12, 24, 15, 21, 15, 22, 14, 22, 14, 22, 14, 22, 14, 23, 13, 23, 13, 23, 13,
            23, 12, 24, 10, 27, 8, 28, 6, 30, 5, 31, 3, 33, 2, 802
        ]
    );
    assert_eq!(
        drawn(&rings),
        [
            21, 10, 26, 12, 24, 15, 21, 15, 22, 14, 22, 14, 22, 14, 22, 14, 23, 13, 23, 13, 3, 2,
            18, 13, 3, 10, 10, 12, 5, 17, 2, 10, 7, 19, 1, 8, 8, 19, 1, 6, 10, 25, 12, 22, 14, 21,
            15, 21, 15, 22, 15, 21, 15, 22, 14, 23, 13, 23, 14, 23, 13, 22, 14, 19, 17, 15, 22, 11,
            25, 8, 28, 5, 31, 1, 315
        ]
    );
    // A closed ring is the same as an open one.
    let mut closed = rings[0].clone();
    closed.close();
    assert_eq!(drawn(&[closed]), drawn(&rings[..1]));
    assert_eq!(polygon_runs(&[], 3, 4).unwrap(), [12]);
}

#[test]
fn bad_shapes_are_refused() {
    assert!(matches!(RunMask::new(&[3, 4], 2, 3), Err(Error::Runs { found: 7, .. })));
    assert!(matches!(RunMask::new(&[], 70_000, 70_000), Err(Error::Runs { .. })));
    assert_eq!(RunMask::new(&[], 0, 5).unwrap().area(), 0);
    let (small, large) =
        (RunMask::new(&[0, 6], 2, 3).unwrap(), RunMask::new(&[0, 6], 3, 2).unwrap());
    assert!(matches!(
        mask_ious(std::slice::from_ref(&small), std::slice::from_ref(&large), &[false]),
        Err(Error::ShapeMismatch { .. })
    ));
    assert!(matches!(mask_ious(&[small], &[], &[true]), Err(Error::LengthMismatch { .. })));
    let bad = [[0.0, f64::NAN, 1.0, 1.0]];
    assert!(matches!(box_ious(&bad, &[], &[]), Err(Error::InvalidEntry { index: 0, .. })));
    for value in [f64::NAN, f64::INFINITY, 1e300] {
        let ring = LineString::from(vec![(0.0, 0.0), (value, 1.0), (3.0, 3.0)]);
        assert!(matches!(polygon_runs(&[ring], 4, 4), Err(Error::TooLong { ring: 0, .. })));
    }
    // An empty box covers nothing, even itself.
    let none = [[1.0, 1.0, 0.0, 0.0]];
    assert_eq!(box_ious(&none, &none, &[false]).unwrap(), array![[0.0]]);
}

#[test]
fn boxes_of_any_size_have_numbers_for_overlaps() {
    let refused = box_ious(&[[0.0, 0.0, 1e200, 1e200]], &[[0.0; 4]], &[false]);
    assert!(matches!(refused, Err(Error::InvalidEntry { field: "detections", index: 0, .. })));
    let refused = box_ious(&[], &[[0.0; 4], [-1e101, 0.0, 1.0, 1.0]], &[false; 2]);
    assert!(matches!(refused, Err(Error::InvalidEntry { field: "truths", index: 1, .. })));
    // Areas that overflow in nothing, and areas that are 0 though the sides are not.
    let sizes = [1e100, 1.0, 1e-200, 1e-300];
    let boxes = sizes.map(|side| [0.0, 0.0, side, side]);
    let ious = box_ious(&boxes, &boxes, &[false, false, false, true]).unwrap();
    assert!(ious.iter().all(|iou| (0.0..=1.0).contains(iou)), "{ious}");
    assert_eq!((ious[(0, 0)], ious[(1, 1)], ious[(2, 2)]), (1.0, 1.0, 0.0));
    // Beside such a number a side of 1 px is rounded away, or to 2 px.
    let far = [[1e16, 1e16, 1.0, 1.0], [1e16 + 2.0, 1e16 + 2.0, 1.0, 1.0]];
    let ious = box_ious(&far, &far, &[false, true]).unwrap();
    assert!(ious.iter().all(|iou| (0.0..=1.0).contains(iou)), "{ious}");
}
