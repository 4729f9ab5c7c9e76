//! Errors as sums.

use mapvec_metrics::ErrorSum;

/// Sums stay finite, so that they can be written and read again.
#[test]
fn huge_errors_are_undefined() {
    let errors =
        [Some(1e200), Some(f64::MAX), Some(f64::NAN), Some(f64::INFINITY), None, Some(2.0)];
    let mut sum = ErrorSum::from_iter(errors);
    assert_eq!((sum.count, sum.undefined, sum.root_mean_square()), (1, 5, Some(2.0)));
    sum.extend([Some(1e100), Some(-1e100)]);
    assert_eq!((sum.count, sum.largest), (3, 1e100));
    assert!(sum.root_mean_square().is_some_and(f64::is_finite));
    let text = serde_json::to_string(&sum).unwrap();
    assert_eq!(serde_json::from_str::<ErrorSum>(&text).unwrap(), sum);
}
