use geo_types::LineString;
use mapvec_metrics::{ChartLineCounts, Error, chart_lines};
use mapvec_testkit::{integers, uniform};
use proptest::prelude::*;

/// The lines of `xtask/peers/metrics.py`, from the same numbers.
fn chart(seed: u64, lines: u64) -> Vec<LineString<f64>> {
    let line = |index: u64| {
        let count = integers(1, seed + index, 3, 8)[0] as usize;
        let x = uniform(count, seed + 100 + index, 0.0, 300.0);
        let y = uniform(count, seed + 200 + index, 20.0, 200.0);
        LineString::from(x.into_iter().zip(y).collect::<Vec<_>>())
    };
    (0..lines).map(line).collect()
}

/// Made by `xtask/peers/metrics.py` with numpy's `interp` and scipy's assignment.
#[test]
fn as_by_numpy_and_scipy() {
    for (seed, predicted, truth, expected) in [
        (1000, 3, 3, 0.597_983_739_310_099_4),
        (2000, 2, 4, 0.332_370_750_465_857_07),
        (3000, 4, 2, 0.530_639_048_252_961_7),
    ] {
        let counts = chart_lines(&chart(seed, predicted), &chart(seed + 500, truth)).unwrap();
        let score = counts.score();
        assert!((score.task_6a.unwrap() - expected).abs() < 1e-12, "{seed}");
        let larger = predicted.max(truth) as f64;
        assert!((score.balanced.unwrap() - expected * truth as f64 / larger).abs() < 1e-12);
    }
}

#[test]
fn lines_without_extent() {
    let line = |points: &[(f64, f64)]| LineString::from(points.to_vec());
    let score = |p: &[(f64, f64)], t: &[(f64, f64)]| {
        chart_lines(&[line(p)], &[line(t)]).unwrap().score().task_6a.unwrap()
    };
    let upright = [(5.0, 1.0), (5.0, 9.0)];
    assert_eq!(score(&upright, &upright), 0.0);
    assert_eq!(score(&[(5.0, 3.0)], &[(5.0, 3.0)]), 1.0);
    // A level line at 0 equals itself.
    assert_eq!(score(&[(0.0, 0.0), (4.0, 0.0)], &[(0.0, 0.0), (4.0, 0.0)]), 1.0);
    assert_eq!(score(&[(0.0, 1.0), (4.0, 1.0)], &[(0.0, 0.0), (4.0, 0.0)]), 0.0);
    assert_eq!((score(&[], &[]), score(&[], &[(5.0, 3.0)])), (1.0, 0.0));
    let none = chart_lines(&[], &[]).unwrap();
    assert_eq!(none, ChartLineCounts::default());
    assert_eq!(none.score().f1, None);
    let surplus = chart_lines(&[line(&upright)], &[]).unwrap().score();
    assert_eq!((surplus.precision, surplus.recall, surplus.task_6a), (Some(0.0), None, None));
    let wrong = [line(&[(0.0, 1.0), (f64::INFINITY, 2.0)])];
    assert!(matches!(chart_lines(&[], &wrong), Err(Error::InvalidEntry { index: 0, .. })));
    // Differences of such would be infinite, and shares of them no numbers.
    let huge = [LineString::from(vec![(-1.7e308, 1.7e308), (1.7e308, -1.7e308)])];
    assert!(matches!(chart_lines(&huge, &huge), Err(Error::InvalidEntry { index: 0, .. })));
    let large = [LineString::from(vec![(-1e100, 1e100), (1e100, -1e100)])];
    assert_eq!(chart_lines(&large, &large).unwrap().score().task_6a, Some(1.0));
}

/// A slope that is infinite must not turn an error into none.
#[test]
fn steep_lines() {
    let line = |points: &[(f64, f64)]| LineString::from(points.to_vec());
    let steep = [line(&[(0.0, 0.0), (1e-300, 1e100)])];
    let level = [line(&[(0.0, 50.0), (1e-300, 50.0)])];
    // The truth's first point has 50 where the line starts at 0, its last 1e100.
    assert_eq!(chart_lines(&steep, &level).unwrap().score().task_6a, Some(0.0));
    assert_eq!(chart_lines(&steep, &steep).unwrap().score().task_6a, Some(1.0));
}

fn lines() -> impl Strategy<Value = Vec<Vec<(f64, f64)>>> {
    let line = prop::collection::vec((0.0..100.0, 0.0..80.0), 1..6);
    prop::collection::vec(line, 0..4)
}

/// The largest sum of similarities over all assignments.
fn largest(similarities: &[Vec<f64>], row: usize, taken: &mut [bool]) -> f64 {
    let Some(own) = similarities.get(row) else { return 0.0 };
    let mut best = largest(similarities, row + 1, taken);
    for (column, similarity) in own.iter().enumerate() {
        if !taken[column] {
            taken[column] = true;
            best = best.max(similarity + largest(similarities, row + 1, taken));
            taken[column] = false;
        }
    }
    best
}

proptest! {
    #[test]
    fn the_best_of_all_assignments(predicted in lines(), truth in lines(), turn in 0_usize..4) {
        let all = |lines: &[Vec<(f64, f64)>]| -> Vec<LineString<f64>> {
            lines.iter().cloned().map(LineString::from).collect()
        };
        let (predicted, truth) = (all(&predicted), all(&truth));
        let counts = chart_lines(&predicted, &truth).unwrap();
        let one = |p: &LineString<f64>, t: &LineString<f64>| {
            chart_lines(std::slice::from_ref(p), std::slice::from_ref(t)).unwrap().similarity
        };
        let similarities: Vec<Vec<f64>> =
            predicted.iter().map(|p| truth.iter().map(|t| one(p, t)).collect()).collect();
        let expected = largest(&similarities, 0, &mut vec![false; truth.len()]);
        prop_assert!((counts.similarity - expected).abs() < 1e-9);
        // Neither the order of the lines nor that of their points matters.
        let mut other: Vec<LineString<f64>> = predicted.clone();
        other.iter_mut().for_each(|line| line.0.reverse());
        let count = other.len().max(1);
        other.rotate_left(turn % count);
        let turned = chart_lines(&other, &truth).unwrap();
        prop_assert!((turned.similarity - counts.similarity).abs() < 1e-9);
        let score = counts.score();
        let shares = [score.precision, score.recall, score.f1, score.task_6a, score.balanced];
        prop_assert!(shares.into_iter().flatten().all(|share| (0.0..=1.0 + 1e-12).contains(&share)));
        if let (Some(p), Some(r), Some(f)) = (score.precision, score.recall, score.f1) {
            prop_assert!(p + r == 0.0 || (f - 2.0 * p * r / (p + r)).abs() < 1e-9);
        }
    }
}
