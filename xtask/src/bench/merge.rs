//! Samples of both sides to one row per case.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use super::sample::Sample;

/// One line of the result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Row {
    pub(crate) case: String,
    pub(crate) threads: u32,
    pub(crate) ours_ms: f64,
    pub(crate) peer_ms: Option<f64>,
    /// `ours_ms / peer_ms`: below 1 we are faster.
    pub(crate) ratio: Option<f64>,
    pub(crate) ours_mb: f64,
    pub(crate) peer_mb: Option<f64>,
    /// Page faults per repetition, where a side counts them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ours_faults: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) peer_faults: Option<f64>,
    /// The peer's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
}

/// What stands for the time of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Statistic {
    /// The median over the rounds of the medians.
    Median,
    /// The fastest repetition of all rounds.
    Fastest,
}

impl Row {
    pub(crate) fn to_line(&self) -> Result<String> {
        serde_json::to_string(self).context("cannot write a row")
    }
}

/// One row for every case, in the order in which our side
/// reported them. Without a peer its fields are null; with one, both sides
/// must report the same cases.
pub(crate) fn merge(ours: &[Sample], peer: &[Sample], statistic: Statistic) -> Result<Vec<Row>> {
    let mut keys = Vec::new();
    for sample in ours {
        if !keys.contains(&(&sample.case, sample.threads)) {
            keys.push((&sample.case, sample.threads));
        }
    }
    for sample in peer {
        ensure!(
            keys.contains(&(&sample.case, sample.threads)),
            "the peer reports `{}` with {} threads, our side does not",
            sample.case,
            sample.threads
        );
    }
    keys.into_iter().map(|key| row((key.0, key.1), ours, peer, statistic)).collect()
}

fn row(
    (case, threads): (&str, u32),
    ours: &[Sample],
    peer: &[Sample],
    statistic: Statistic,
) -> Result<Row> {
    let of = |samples: &[Sample]| -> Vec<Sample> {
        let same = |sample: &&Sample| sample.case == case && sample.threads == threads;
        samples.iter().filter(same).cloned().collect()
    };
    let (ours, peers) = (of(ours), of(peer));
    ensure!(
        peer.is_empty() || !peers.is_empty(),
        "our side reports `{case}` with {threads} threads, the peer does not"
    );
    let checks: BTreeSet<u64> = ours.iter().chain(&peers).filter_map(|s| s.check).collect();
    ensure!(checks.len() < 2, "`{case}`: the sides computed on different things: {checks:?}");
    compare_results(case, &ours, &peers)?;
    let middle = |samples: &[Sample], value: fn(&Sample) -> f64| {
        median(samples.iter().map(value).collect()).map(rounded)
    };
    let time = |samples: &[Sample]| match statistic {
        Statistic::Median => middle(samples, |s| s.ms),
        Statistic::Fastest => {
            samples.iter().map(|s| s.fastest.unwrap_or(s.ms)).min_by(f64::total_cmp).map(rounded)
        }
    };
    let faults = |samples: &[Sample]| {
        median(samples.iter().filter_map(|sample| sample.faults).collect()).map(rounded)
    };
    let ours_ms = time(&ours).context("a case without a sample")?;
    let ours_mb = middle(&ours, |s| s.mb).context("a case without a sample")?;
    let peer_ms = time(&peers);
    Ok(Row {
        case: case.to_owned(),
        threads,
        ours_ms,
        peer_ms,
        ratio: peer_ms.map(|peer_ms| rounded(ours_ms / peer_ms)),
        ours_mb,
        peer_mb: middle(&peers, |s| s.mb),
        ours_faults: faults(&ours),
        peer_faults: faults(&peers),
        note: peers.into_iter().find_map(|sample| sample.note),
    })
}

/// Refuses results that lie further apart than our side allows.
fn compare_results(case: &str, ours: &[Sample], peers: &[Sample]) -> Result<()> {
    for our in ours {
        let (Some(result), Some(tolerance)) = (our.result, our.tolerance) else { continue };
        for peer in peers.iter().filter_map(|sample| sample.result) {
            let allowed = tolerance * result.abs().max(peer.abs());
            ensure!(
                (result - peer).abs() <= allowed,
                "`{case}`: our result is {result}, the peer's {peer}; {tolerance} is allowed"
            );
        }
    }
    Ok(())
}

/// The middle value, or the mean of the two middle ones.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = *values.get(values.len() / 2)?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    Some(f64::midpoint(values[values.len() / 2 - 1], upper))
}

/// Three decimals: a line that people read.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(case: &str, threads: u32, ms: f64) -> Sample {
        Sample { case: case.to_owned(), threads, ms, mb: 10.0 * ms, ..Sample::default() }
    }

    #[test]
    fn the_median_is_the_middle_of_the_sorted_values() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0, 1.0, 200.0]), Some(3.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 100.0]), Some(3.0));
    }

    #[test]
    fn rows_are_medians_per_case_and_threads() -> Result<()> {
        let ours = [
            sample("b", 1, 2.0),
            sample("a", 1, 1.0),
            sample("b", 2, 1.5),
            sample("b", 1, 9.0),
            sample("b", 1, 3.0),
        ];
        let peer = [sample("a", 1, 4.0), sample("b", 1, 6.0), sample("b", 2, 3.0)];
        let rows = merge(&ours, &peer, Statistic::Median)?;
        let keys: Vec<_> = rows.iter().map(|row| (row.case.as_str(), row.threads)).collect();
        assert_eq!(keys, [("b", 1), ("a", 1), ("b", 2)]);
        assert_eq!((rows[0].ours_ms, rows[0].peer_ms, rows[0].ratio), (3.0, Some(6.0), Some(0.5)));
        assert_eq!((rows[0].ours_mb, rows[0].peer_mb), (30.0, Some(60.0)));
        Ok(())
    }

    #[test]
    fn without_a_peer_its_fields_are_null() -> Result<()> {
        let line = merge(&[sample("a", 1, 1.0)], &[], Statistic::Median)?[0].to_line()?;
        let expected = r#"{"case":"a","threads":1,"ours_ms":1.0,"peer_ms":null,"ratio":null,"ours_mb":10.0,"peer_mb":null}"#;
        assert_eq!(line, expected);
        Ok(())
    }

    #[test]
    fn cases_on_one_side_only_are_errors() {
        let (a, b) = (sample("a", 1, 1.0), sample("b", 1, 1.0));
        let merged = |ours: &[Sample], peer: &[Sample]| merge(ours, peer, Statistic::Median);
        assert!(merged(&[a.clone(), b.clone()], std::slice::from_ref(&a)).is_err(), "peer lacks b");
        assert!(merged(std::slice::from_ref(&a), &[a.clone(), b]).is_err(), "we lack b");
    }

    #[test]
    fn different_inputs_are_an_error() {
        let checked = |check| Sample { check: Some(check), ..sample("a", 1, 1.0) };
        let merged = |ours, peer| merge(&[ours], &[peer], Statistic::Median);
        assert!(merged(checked(1), checked(1)).is_ok(), "the same input");
        assert!(merged(checked(1), checked(2)).is_err(), "another input");
        assert!(merged(checked(1), sample("a", 1, 1.0)).is_ok(), "one side is silent");
    }

    #[test]
    fn results_too_far_apart_are_an_error() {
        let our = |tolerance| Sample {
            result: Some(100.0),
            tolerance: Some(tolerance),
            ..sample("a", 1, 1.0)
        };
        let peer = Sample { result: Some(102.0), ..sample("a", 1, 1.0) };
        let merged = |ours: Sample, peer: &Sample| {
            merge(&[ours], std::slice::from_ref(peer), Statistic::Median)
        };
        assert!(merged(our(0.03), &peer).is_ok(), "2 in 102");
        assert!(merged(our(0.01), &peer).is_err(), "more than one percent");
        assert!(merged(our(0.0), &sample("a", 1, 1.0)).is_ok(), "the peer is silent");
    }

    #[test]
    fn the_fastest_repetition_of_all_rounds_counts_if_asked_for() -> Result<()> {
        let with = |fastest| Sample { fastest: Some(fastest), ..sample("a", 1, 9.0) };
        let rows = merge(&[with(3.0), with(2.0)], &[with(5.0), with(4.0)], Statistic::Fastest)?;
        assert_eq!((rows[0].ours_ms, rows[0].peer_ms), (2.0, Some(4.0)));
        Ok(())
    }
}
