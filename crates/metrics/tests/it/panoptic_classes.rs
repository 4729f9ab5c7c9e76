use mapvec_metrics::{
    Error, InstanceMap, PanopticQuality, PqClasses, panoptic_classes, panoptic_counts,
};
use ndarray::{Array2, array};
use proptest::prelude::*;

use crate::rasters;

type Pixel = (u32, u8);

/// Ids and classes.
type Side = (Array2<u32>, Array2<u8>);

fn maps() -> impl Strategy<Value = Vec<Array2<(Pixel, Pixel, u8)>>> {
    let pixel = || (prop_oneof![1 => Just(0_u32), 3 => 1_u32..4], 0_u8..3);
    rasters((pixel(), pixel(), any::<u8>()).boxed(), 2)
}

/// The prediction and the truth, and the mask. Half of the pixels agree.
fn parts(map: &Array2<(Pixel, Pixel, u8)>) -> ([Side; 2], Array2<bool>) {
    let truth = map.mapv(|(p, t, noise)| if noise & 1 == 0 { p } else { t });
    let predicted = map.mapv(|(p, ..)| p);
    let split = |map: Array2<Pixel>| (map.mapv(|pixel| pixel.0), map.mapv(|pixel| pixel.1));
    ([split(predicted), split(truth)], map.mapv(|(.., noise)| noise < 200))
}

fn count(map: &Array2<(Pixel, Pixel, u8)>) -> PqClasses {
    let (sides, mask) = parts(map);
    let [predicted, truth] =
        [0, 1].map(|k| InstanceMap { ids: sides[k].0.view(), classes: sides[k].1.view() });
    panoptic_classes(&predicted, &truth, 4, Some(mask.view())).unwrap()
}

proptest! {
    #[test]
    fn as_each_class_on_its_own(maps in maps()) {
        let found = count(&maps[0]);
        let ([predicted, truth], mask) = parts(&maps[0]);
        let mut qualities = Vec::new();
        for class in 0..4_u8 {
            let own = |side: &Side| {
                let mut ids = side.0.clone();
                ids.zip_mut_with(&side.1, |id, &other| *id = if other == class { *id } else { 0 });
                ids
            };
            let (p, t) = (own(&predicted), own(&truth));
            let expected = panoptic_counts(p.view(), t.view(), Some(mask.view())).unwrap();
            prop_assert_eq!(found.counts()[usize::from(class)], expected);
            qualities.extend(found.class_score(usize::from(class)).pq);
        }
        let count = qualities.len() as f64;
        let mean = found.score();
        match (mean.pq, mean.sq, mean.rq) {
            (Some(pq), Some(sq), Some(rq)) => {
                prop_assert!((pq - qualities.iter().sum::<f64>() / count).abs() < 1e-12);
                prop_assert!(pq <= sq + 1e-12 && pq <= rq + 1e-12);
            }
            parts => prop_assert!(qualities.is_empty() && parts == (None, None, None)),
        }
        // Pictures in either order, one of them from another worker.
        let other = count_of_text(&maps[1]);
        let (mut a, mut b) = (found.clone(), other.clone());
        a += other;
        b += found;
        prop_assert_eq!(a, b);
    }
}

#[test]
fn a_sum_has_the_classes_of_whoever_has_more() {
    let (ids, classes) = (array![[1_u32, 0]], array![[2_u8, 9]]);
    let map = InstanceMap { ids: ids.view(), classes: classes.view() };
    let three = panoptic_classes(&map, &map, 3, None).unwrap();
    let five = panoptic_classes(&map, &map, 5, None).unwrap();
    for pair in [[three.clone(), five.clone()], [five, three.clone()]] {
        let sum: PqClasses = pair.into_iter().sum();
        let found: Vec<u64> = sum.counts().iter().map(|counts| counts.true_positives).collect();
        assert_eq!(found, [0, 0, 2, 0, 0]);
    }
    assert_eq!([PqClasses::default(), three.clone()].into_iter().sum::<PqClasses>(), three);
    assert_eq!(PqClasses::default().score(), PanopticQuality::default());
}

fn count_of_text(map: &Array2<(Pixel, Pixel, u8)>) -> PqClasses {
    serde_json::from_str(&serde_json::to_string(&count(map)).unwrap()).unwrap()
}

#[test]
fn bad_input_is_refused() {
    let (ids, classes) = (array![[1_u32, 0]], array![[2_u8, 9]]);
    let map = InstanceMap { ids: ids.view(), classes: classes.view() };
    let refused = panoptic_classes(&map, &map, 2, None).unwrap_err().to_string();
    assert!(refused.contains("class 2 at row 0, column 0"), "{refused}");
    // Pixels without an instance or outside the mask have no class.
    let mask = array![[false, true]];
    assert!(panoptic_classes(&map, &map, 2, Some(mask.view())).is_ok());
    let three = panoptic_classes(&map, &map, 3, None).unwrap();
    assert_eq!(three.score().pq, Some(1.0));
    assert!(matches!(panoptic_classes(&map, &map, 0, None), Err(Error::InvalidSetting { .. })));
    let other = array![[1_u8]];
    let wrong = InstanceMap { ids: ids.view(), classes: other.view() };
    assert!(matches!(panoptic_classes(&map, &wrong, 3, None), Err(Error::ShapeMismatch { .. })));
}
