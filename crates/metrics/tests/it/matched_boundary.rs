//! Border pixels paired one to one.

use mapvec_metrics::{Error, boundary, boundary_counts, matched_boundary_counts};
use ndarray::{Array2, s};
use proptest::prelude::*;

use crate::rasters;

fn pixels(mask: &Array2<bool>) -> Vec<(usize, usize)> {
    let border = boundary(mask.view());
    border.indexed_iter().filter(|(_, inside)| **inside).map(|(at, _)| at).collect()
}

/// Finds a partner for one pixel, moving others on: the plain search.
fn moved(
    pixel: usize,
    near: &dyn Fn(usize, usize) -> bool,
    seen: &mut [bool],
    partner: &mut [Option<usize>],
) -> bool {
    for truth in 0..partner.len() {
        if near(pixel, truth) && !seen[truth] {
            seen[truth] = true;
            if partner[truth].is_none_or(|other| moved(other, near, seen, partner)) {
                partner[truth] = Some(pixel);
                return true;
            }
        }
    }
    false
}

proptest! {
    #[test]
    fn as_many_pairs_as_a_plain_search_finds(
        masks in rasters(any::<bool>(), 2), tolerance in prop_oneof![Just(0.0), Just(1.0), 0.0..5.0],
    ) {
        let (own, others) = (pixels(&masks[0]), pixels(&masks[1]));
        let near = |a: usize, b: usize| {
            let ((r, c), (y, x)) = (own[a], others[b]);
            ((r as f64 - y as f64).powi(2) + (c as f64 - x as f64).powi(2)).sqrt() <= tolerance
        };
        let mut partner = vec![None; others.len()];
        let pairs = (0..own.len())
            .filter(|&pixel| moved(pixel, &near, &mut vec![false; others.len()], &mut partner))
            .count() as u64;
        let counts = matched_boundary_counts(masks[0].view(), masks[1].view(), tolerance).unwrap();
        prop_assert_eq!(counts.true_positives, pairs);
        prop_assert_eq!(counts.true_positives + counts.false_positives, own.len() as u64);
        prop_assert_eq!(counts.true_positives + counts.false_negatives, others.len() as u64);
        let both = boundary_counts(masks[0].view(), masks[1].view(), tolerance).unwrap();
        prop_assert!(pairs <= both.predicted_near.min(both.truth_near));
        let turned = matched_boundary_counts(masks[1].view(), masks[0].view(), tolerance).unwrap();
        prop_assert_eq!(turned.true_positives, pairs);
    }
}

/// What tells the two measures apart.
#[test]
fn a_doubled_border_costs_precision_only_one_to_one() {
    let mut truth = Array2::from_elem((40, 40), false);
    truth.slice_mut(s![10..30, 10..30]).fill(true);
    // The border once more, 2 px inside: a hole that leaves a frame.
    let mut predicted = truth.clone();
    predicted.slice_mut(s![13..27, 13..27]).fill(false);
    let near = boundary_counts(predicted.view(), truth.view(), 3.0).unwrap();
    assert_eq!(near.score().precision, Some(1.0));
    let paired = matched_boundary_counts(predicted.view(), truth.view(), 3.0).unwrap();
    // 76 pixels outside, and 60 around the hole of 14 x 14 less its corners.
    assert_eq!((paired.true_positives, paired.false_positives), (76, 56));
    assert_eq!(paired.recall(), Some(1.0));
}

#[test]
fn long_borders_and_bad_input() {
    let disc = |radius: f64| {
        Array2::from_shape_fn((400, 400), |(row, column)| {
            (row as f64 - 200.0).hypot(column as f64 - 200.0) < radius
        })
    };
    let (a, b) = (disc(150.0), disc(152.0));
    let counts = matched_boundary_counts(a.view(), b.view(), 3.0).unwrap();
    // All but a few find one of their own.
    assert!(counts.f_beta(1.0).unwrap() > 0.98, "{counts:?}");
    assert_eq!(matched_boundary_counts(a.view(), b.view(), 1.0).unwrap().true_positives, 0);
    for tolerance in [-1.0, f64::NAN, f64::INFINITY] {
        let refused = matched_boundary_counts(a.view(), b.view(), tolerance);
        assert!(matches!(refused, Err(Error::InvalidSetting { field: "tolerance", .. })));
    }
    let small = Array2::default((3, 4));
    let refused = matched_boundary_counts(a.view(), small.view(), 1.0);
    assert!(matches!(refused, Err(Error::ShapeMismatch { field: "truth", .. })));
    // A tolerance beyond the picture.
    let counts = matched_boundary_counts(small.view(), small.view(), 1e300).unwrap();
    assert_eq!(counts.true_positives, 0);
}
