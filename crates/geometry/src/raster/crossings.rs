//! Crossings of edges with pixel rows.

/// Sorts crossings, as (row, x), by rows and then by x.
///
/// They are dealt out by rows, each of which has few.
pub(super) fn sort_by_row(crossings: &mut Vec<(usize, f64)>) {
    let rows = crossings.iter().fold((usize::MAX, 0), |rows: (usize, usize), &(row, _)| {
        (rows.0.min(row), rows.1.max(row))
    });
    let (first, last) = rows;
    if first > last || last - first > 4 * crossings.len() {
        crossings.sort_unstable_by(|p, q| p.0.cmp(&q.0).then(p.1.total_cmp(&q.1)));
        return;
    }
    let mut ends = vec![0_u32; last - first + 2];
    for &(row, _) in &*crossings {
        ends[row - first + 1] += 1;
    }
    for index in 1..ends.len() {
        ends[index] += ends[index - 1];
    }
    // The begin of each row becomes its end while it is filled.
    let mut sorted = vec![(0, 0.0); crossings.len()];
    for &crossing in &*crossings {
        let end = &mut ends[crossing.0 - first];
        sorted[*end as usize] = crossing;
        *end += 1;
    }
    let mut start = 0;
    for &end in &ends[..=last - first] {
        let row = &mut sorted[start..end as usize];
        match row {
            [p, q] => {
                if p.1.total_cmp(&q.1).is_gt() {
                    std::mem::swap(p, q);
                }
            }
            row => row.sort_unstable_by(|p, q| p.1.total_cmp(&q.1)),
        }
        start = end as usize;
    }
    *crossings = sorted;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn order_is_that_of_a_sort(
            mut crossings in proptest::collection::vec((3_usize..40, -9.0..9.0_f64), 0..60),
            far in proptest::option::of((0_usize..9999, -1.0..1.0_f64)),
        ) {
            crossings.extend(far);
            let mut expected = crossings.clone();
            expected.sort_by(|p, q| p.0.cmp(&q.0).then(p.1.total_cmp(&q.1)));
            sort_by_row(&mut crossings);
            prop_assert_eq!(crossings, expected);
        }
    }
}
