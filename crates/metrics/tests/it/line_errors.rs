use std::f64::consts::PI;

use geo_types::{Coord, Line, MultiPolygon, polygon};
use mapvec_metrics::{
    Error, ErrorSum, PolygonMatch, SegmentErrors, angle_error, angle_errors, endpoint_error,
    polis_errors, segment_errors, thickness_errors,
};
use ndarray::{Array2, array};
use proptest::prelude::*;

fn line() -> impl Strategy<Value = Line<f64>> {
    let point = || (-20.0..20.0, -20.0..20.0).prop_map(|(x, y)| Coord { x, y });
    (point(), point()).prop_map(|(start, end)| Line::new(start, end))
}

fn reversed(line: Line<f64>) -> Line<f64> {
    Line::new(line.end, line.start)
}

proptest! {
    #[test]
    fn angles_have_the_period_pi(a in -9.0..9.0, b in -9.0..9.0, turns in -4_i8..4) {
        let error = angle_error(a, b).unwrap();
        prop_assert!((0.0..=PI / 2.0 + 1e-12).contains(&error));
        let other = angle_error(b, a + f64::from(turns) * PI).unwrap();
        prop_assert!((error - other).abs() < 1e-9);
        // As the angle between the directions.
        let cosine = (a.cos() * b.cos() + a.sin() * b.sin()).abs().min(1.0);
        prop_assert!((error.cos() - cosine).abs() < 1e-9);
    }

    #[test]
    fn segments_have_no_direction(pairs in prop::collection::vec((line(), line()), 0..9), cut in 0_usize..9) {
        let (a, b): (Vec<_>, Vec<_>) = pairs.iter().copied().unzip();
        let errors = segment_errors(&a, &b).unwrap();
        let backwards: Vec<_> = a.iter().copied().map(reversed).collect();
        let other = segment_errors(&backwards, &b).unwrap();
        prop_assert_eq!(errors.endpoint.histogram.clone(), other.endpoint.histogram);
        prop_assert!((errors.angle.sum - other.angle.sum).abs() < 1e-9);
        prop_assert_eq!(errors.length.count, pairs.len() as u64);
        let cut = cut.min(pairs.len());
        let parts = [segment_errors(&a[cut..], &b[cut..]).unwrap(), segment_errors(&a[..cut], &b[..cut]).unwrap()];
        let sum: SegmentErrors = parts.into_iter().sum();
        prop_assert_eq!(&sum.length.histogram, &errors.length.histogram);
        prop_assert!((sum.length.sum - errors.length.sum).abs() < 1e-9);
        for (&a, &b) in a.iter().zip(&b) {
            let direct = endpoint_error(a, b).unwrap();
            prop_assert!((direct - endpoint_error(b, reversed(a)).unwrap()).abs() < 1e-12);
            prop_assert!(endpoint_error(a, reversed(a)).unwrap() == 0.0);
        }
    }

    #[test]
    fn sums_and_quantiles(values in prop::collection::vec(prop_oneof![0.0..1e-3, 0.0..10.0, 1e3..1e6, Just(0.0)], 1..60), share in 0.0..=1.0) {
        let sum: ErrorSum = values.iter().copied().map(Some).collect();
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let place = (1..=sorted.len()).find(|k| *k as f64 >= share * sorted.len() as f64).unwrap();
        let (exact, found) = (sorted[place - 1], sum.quantile(share).unwrap());
        prop_assert!((found - exact).abs() <= 0.005_1 * exact + 1e-12, "{} {}", found, exact);
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        prop_assert!((sum.mean().unwrap() - mean).abs() < 1e-9 * (1.0 + mean));
        prop_assert!(sum.root_mean_square().unwrap() >= sum.mean().unwrap() * (1.0 - 1e-12));
        prop_assert_eq!(sum.largest, sorted[sorted.len() - 1]);
    }
}

#[test]
fn undefined_cases_do_not_count() {
    let at = |x: f64, y: f64| Coord { x, y };
    let truth = Line::new(at(0.0, 0.0), at(3.0, 4.0));
    let point = Line::new(at(1.0, 1.0), at(1.0, 1.0));
    let broken = Line::new(at(f64::NAN, 0.0), at(1.0, 1.0));
    let errors =
        segment_errors(&[truth, point, truth, broken], &[truth, truth, point, truth]).unwrap();
    assert_eq!((errors.angle.count, errors.angle.undefined), (1, 3));
    assert_eq!((errors.endpoint.count, errors.endpoint.undefined), (3, 1));
    assert_eq!((errors.relative_length.count, errors.relative_length.undefined), (2, 2));
    assert_eq!(errors.length.largest, 5.0);
    assert!(matches!(segment_errors(&[truth], &[]), Err(Error::LengthMismatch { .. })));
    let nothing = ErrorSum::default();
    assert_eq!((nothing.mean(), nothing.quantile(0.5)), (None, None));
    assert_eq!(angle_error(f64::NAN, 0.0), None);
    assert_eq!(angle_error(f64::INFINITY, 0.0), None);
}

#[test]
fn rasters() {
    let predicted = array![[0.1, 3.1, f64::NAN, 9.0]];
    let truth = array![[0.0, 0.0, 1.0, 0.0]];
    let mask = array![[true, true, true, false]];
    let errors = angle_errors(predicted.view(), truth.view(), Some(mask.view())).unwrap();
    assert_eq!((errors.count, errors.undefined), (2, 1));
    assert!((errors.sum - (0.1 + PI - 3.1)).abs() < 1e-12);
    // Widths exist where the truth has one.
    let widths = thickness_errors(predicted.view(), truth.view(), None).unwrap();
    assert_eq!((widths.count, widths.undefined), (0, 4));
    let widths =
        thickness_errors(truth.view(), array![[2.0, 1.5, -1.0, 3.0]].view(), None).unwrap();
    assert_eq!((widths.count, widths.sum, widths.largest), (3, 6.5, 3.0));
    let small = Array2::zeros((1, 3));
    assert!(matches!(
        angle_errors(predicted.view(), small.view(), None),
        Err(Error::ShapeMismatch { .. })
    ));
}

#[test]
fn polis_of_matches() {
    let square = |x: f64| -> MultiPolygon<f64> {
        polygon![(x: x, y: 0.0), (x: x + 10.0, y: 0.0), (x: x + 10.0, y: 10.0), (x: x, y: 10.0)]
            .into()
    };
    let pair = |predicted, truth| PolygonMatch { predicted, truth, iou: 0.8 };
    let (found, truth) = ([square(1.0), square(40.0)], [square(40.0), square(0.0)]);
    let errors = polis_errors(&found, &truth, &[pair(0, 1), pair(1, 0)]).unwrap();
    // Two of the four corners are off by the shift of 1, both ways.
    assert_eq!(errors.count, 2);
    assert!((errors.sum - 0.5).abs() < 1e-12);
    assert!(matches!(
        polis_errors(&found, &truth, &[pair(0, 7)]),
        Err(Error::InvalidEntry { field: "pairs", .. })
    ));
}
