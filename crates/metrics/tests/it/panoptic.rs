use std::collections::BTreeSet;

use mapvec_metrics::{PanopticQuality, PqCounts, panoptic_counts};
use ndarray::{Array2, concatenate};
use proptest::prelude::*;

use crate::rasters;

/// The measure by its definition: every pair of instances, as sets of pixels.
fn naive(predicted: &Array2<u32>, truth: &Array2<u32>, mask: &Array2<bool>) -> PqCounts {
    let instances = |map: &Array2<u32>| {
        let ids: BTreeSet<u32> = map.iter().copied().filter(|&id| id > 0).collect();
        let pixels = |id| -> BTreeSet<(usize, usize)> {
            map.indexed_iter().filter(|&(at, &v)| v == id && mask[at]).map(|(at, _)| at).collect()
        };
        ids.into_iter().map(pixels).filter(|pixels| !pixels.is_empty()).collect::<Vec<_>>()
    };
    let (predicted, truth) = (instances(predicted), instances(truth));
    let mut counts = PqCounts {
        false_positives: predicted.len() as u64,
        false_negatives: truth.len() as u64,
        ..PqCounts::default()
    };
    for t in &truth {
        for p in &predicted {
            let iou = t.intersection(p).count() as f64 / t.union(p).count() as f64;
            if iou > 0.5 {
                counts.iou_sum += iou;
                counts.true_positives += 1;
                counts.false_positives -= 1;
                counts.false_negatives -= 1;
            }
        }
    }
    counts
}

fn agree(a: &PqCounts, b: &PqCounts) -> bool {
    let counts = |c: &PqCounts| (c.true_positives, c.false_positives, c.false_negatives);
    counts(a) == counts(b) && (a.iou_sum - b.iou_sum).abs() < 1e-9
}

fn ids() -> impl Strategy<Value = u32> + Clone {
    prop_oneof![2 => Just(0_u32), 4 => Just(u32::MAX), 4 => 1_u32..4]
}

proptest! {
    #[test]
    fn as_counted_over_all_pairs(maps in rasters((ids(), ids(), any::<u8>()), 1)) {
        let predicted = maps[0].mapv(|(id, ..)| id);
        // Half of the pixels agree, so that there are matches.
        let truth = maps[0].mapv(|(p, t, noise)| if noise & 1 == 0 { p } else { t });
        let mask = maps[0].mapv(|(.., noise)| noise < 200);
        let found = panoptic_counts(predicted.view(), truth.view(), Some(mask.view())).unwrap();
        prop_assert!(agree(&found, &naive(&predicted, &truth, &mask)), "{found:?}");
        let PanopticQuality { pq, sq, rq } = found.score();
        let instances = found.true_positives + found.false_positives + found.false_negatives;
        prop_assert_eq!((pq.is_some(), rq.is_some()), (instances > 0, instances > 0));
        prop_assert_eq!(sq.is_some(), found.true_positives > 0);
        if let (Some(pq), Some(rq)) = (pq, rq) {
            prop_assert!((pq - sq.unwrap_or(0.0) * rq).abs() < 1e-12);
        }
    }

    #[test]
    fn counts_of_two_rasters_are_those_of_both(maps in rasters(ids(), 4)) {
        let count = |p: &Array2<u32>, t: &Array2<u32>| panoptic_counts(p.view(), t.view(), None);
        // Ids are free, but must differ between the rasters to be put together.
        let moved = |map: &Array2<u32>| map.mapv(|id| if id == 0 { 0 } else { id / 2 + 10 });
        let (p, t) = (moved(&maps[2]), moved(&maps[3]));
        let sum: PqCounts =
            [count(&maps[0], &maps[1]).unwrap(), count(&p, &t).unwrap()].into_iter().sum();
        let join = |a: &Array2<u32>, b: &Array2<u32>| {
            concatenate(ndarray::Axis(0), &[a.view(), b.view()]).unwrap()
        };
        let both = count(&join(&maps[0], &p), &join(&maps[1], &t)).unwrap();
        prop_assert!(agree(&sum, &both), "{sum:?} {both:?}");
    }

    #[test]
    fn a_map_compared_with_itself_is_perfect(maps in rasters(ids(), 1)) {
        let counts = panoptic_counts(maps[0].view(), maps[0].view(), None).unwrap();
        let instances: BTreeSet<u32> = maps[0].iter().copied().filter(|&id| id > 0).collect();
        let expected = PqCounts {
            iou_sum: instances.len() as f64,
            true_positives: instances.len() as u64,
            ..PqCounts::default()
        };
        prop_assert!(agree(&counts, &expected), "{counts:?}");
    }
}
