//! Values of several runs as one cell of a table.

/// Mean and half range of values: of one value the mean alone, of none a dash.
#[must_use]
pub fn spread(values: &[f64], digits: usize) -> String {
    let Some(mean) = mean(values) else { return "-".to_owned() };
    format!("{mean:.digits$}{}", half_range(values, digits))
}

/// The same with the sign of the mean.
#[must_use]
pub fn signed_spread(values: &[f64], digits: usize) -> String {
    let Some(mean) = mean(values) else { return "-".to_owned() };
    format!("{mean:+.digits$}{}", half_range(values, digits))
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn half_range(values: &[f64], digits: usize) -> String {
    if values.len() < 2 {
        return String::new();
    }
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    format!(" ± {:.digits$}", (high - low) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_runs_become_mean_and_half_range() {
        assert_eq!(spread(&[0.5, 0.75], 3), "0.625 ± 0.125");
        assert_eq!(signed_spread(&[0.5, 0.75], 3), "+0.625 ± 0.125");
        assert_eq!(signed_spread(&[-0.5], 1), "-0.5");
        assert_eq!(spread(&[2.0], 0), "2");
        assert_eq!(spread(&[], 3), "-");
    }
}
