//! Single values: what is compared, and how closely.

use serde_json::Value;

/// Relative tolerance of numbers for which the record states none: kernels
/// differ in the last bits between processors, and scores follow them.
pub(crate) const TOLERANCE: f64 = 2e-2;

/// Endings of keys that hold a time or an amount of memory: these differ
/// between runs and are not compared.
const MEASURED: [&str; 5] = ["_ms", "_s", "_mb", "_seconds", "_per_second"];

/// Whether the value under this key is a measurement of the run itself.
pub(crate) fn is_measured(key: &str) -> bool {
    MEASURED.iter().any(|ending| key.ends_with(ending))
}

/// A recorded value, `[number, tolerance]` where a tolerance is stated.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Recorded {
    pub(crate) value: Value,
    pub(crate) tolerance: Option<f64>,
}

impl Recorded {
    pub(crate) fn parse(value: &Value) -> Self {
        if let Some([number, tolerance]) = value.as_array().map(Vec::as_slice)
            && let (true, Some(tolerance)) = (number.is_number(), tolerance.as_f64())
        {
            return Self { value: number.clone(), tolerance: Some(tolerance) };
        }
        Self { value: value.clone(), tolerance: None }
    }

    pub(crate) fn to_value(&self) -> Value {
        match self.tolerance {
            Some(tolerance) => serde_json::json!([self.value, tolerance]),
            None => self.value.clone(),
        }
    }

    /// Whether `actual` is near enough: numbers within the relative tolerance,
    /// everything else equal.
    pub(crate) fn admits(&self, actual: &Value) -> bool {
        match (self.value.as_f64(), actual.as_f64()) {
            (Some(expected), Some(actual)) => {
                let tolerance = self.tolerance.unwrap_or(TOLERANCE);
                (actual - expected).abs() <= tolerance * expected.abs() + f64::EPSILON
            }
            _ => self.value == *actual,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_have_a_default_and_a_stated_tolerance() {
        let plain = Recorded::parse(&json!(100.0));
        assert!(plain.admits(&json!(101.9)), "within 2 %");
        assert!(!plain.admits(&json!(102.1)), "beyond 2 %");
        let wide = Recorded::parse(&json!([100, 0.5]));
        assert!(wide.admits(&json!(149)), "within the stated half");
        assert!(!wide.admits(&json!(151)), "beyond the stated half");
        assert_eq!(wide.to_value(), json!([100, 0.5]));
        let zero = Recorded::parse(&json!(0));
        assert!(zero.admits(&json!(0)) && !zero.admits(&json!(1)), "nothing is near zero");
    }

    #[test]
    fn other_values_are_equal_or_not() {
        let text = Recorded::parse(&json!("abc"));
        assert!(text.admits(&json!("abc")) && !text.admits(&json!("abd")), "texts are exact");
        assert!(!Recorded::parse(&json!(1)).admits(&json!("1")), "kinds differ");
        assert!(!Recorded::parse(&json!(1)).admits(&Value::Null), "nothing is not a number");
    }

    #[test]
    fn measurements_are_known_by_their_key() {
        assert!(is_measured("total_ms") && is_measured("peak_mb"), "measured");
        assert!(!is_measured("pq") && !is_measured("lines"), "compared");
    }
}
