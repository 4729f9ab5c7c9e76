//! Skeletons keep the topology; centrelines follow them.

use mapvec_geometry::{CentrelineConfig, centrelines, thin, validate_line};
use ndarray::Array2;
use proptest::prelude::*;
use std::collections::HashMap;

fn mask() -> impl Strategy<Value = Array2<bool>> {
    (1_usize..30, 1_usize..30, 1_usize..5, 2_u32..6).prop_flat_map(
        |(height, width, block, rarity)| {
            proptest::collection::vec(0..rarity, height * width).prop_map(move |cells| {
                Array2::from_shape_fn((height, width), |(i, j)| {
                    cells[(i / block) * width + j / block] == 0
                })
            })
        },
    )
}

/// Number of connected parts of the pixels equal to `value`.
fn parts(mask: &Array2<bool>, value: bool, diagonal: bool) -> usize {
    // A frame of background joins everything outside.
    let (height, width) = (mask.nrows() + 2, mask.ncols() + 2);
    let at = |i: usize, j: usize| {
        i > 0 && j > 0 && i < height - 1 && j < width - 1 && mask[[i - 1, j - 1]]
    };
    let mut seen = Array2::from_elem((height, width), false);
    let mut count = 0;
    for start in (0..height).flat_map(|i| (0..width).map(move |j| (i, j))) {
        if seen[start] || at(start.0, start.1) != value {
            continue;
        }
        count += 1;
        seen[start] = true;
        let mut stack = vec![start];
        while let Some((i, j)) = stack.pop() {
            for y in i.saturating_sub(1)..(i + 2).min(height) {
                for x in j.saturating_sub(1)..(j + 2).min(width) {
                    let near = diagonal || y == i || x == j;
                    if near && !seen[[y, x]] && at(y, x) == value {
                        seen[[y, x]] = true;
                        stack.push((y, x));
                    }
                }
            }
        }
    }
    count
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn thinning_keeps_components_and_holes(mask in mask()) {
        let skeleton = thin(mask.view());
        prop_assert!(skeleton.iter().zip(&mask).all(|(&thin, &thick)| thick || !thin));
        prop_assert_eq!(parts(&skeleton, true, true), parts(&mask, true, true));
        prop_assert_eq!(parts(&skeleton, false, false), parts(&mask, false, false));
        prop_assert_eq!(thin(skeleton.view()), skeleton);
    }

    #[test]
    fn centrelines_are_valid_and_meet_at_junctions(
        mask in mask(),
        min_spur in prop_oneof![Just(0.0), 0.0..12.0],
        min_length in prop_oneof![Just(0.0), 0.0..12.0],
        tolerance in 0.0..3.0,
    ) {
        let skeleton = thin(mask.view());
        let config = CentrelineConfig { min_spur, min_length, tolerance, ..CentrelineConfig::default() };
        let lines = centrelines(skeleton.view(), &config)?;
        let mut junctions = HashMap::new();
        for line in &lines {
            prop_assert_eq!(validate_line(&line.line), Ok(()));
            prop_assert!(line.pixels.iter().all(|&(i, j)| skeleton[[i as usize, j as usize]]));
            let adjacent = |p: &[(u32, u32)]| {
                p[0].0.abs_diff(p[1].0).max(p[0].1.abs_diff(p[1].1)) == 1
            };
            prop_assert!(line.pixels.windows(2).all(adjacent), "{:?}", line.pixels);
            prop_assert!(line.pixels.windows(3).all(|p| p[0] != p[2]), "{:?}", line.pixels);
            let points = &line.line.0;
            for (junction, point) in [(line.start, points[0]), (line.end, points[points.len() - 1])] {
                if let Some(junction) = junction {
                    let entry = junctions.entry(junction).or_insert((point, 0));
                    prop_assert_eq!(entry.0, point);
                    entry.1 += 1;
                }
            }
            if line.start.is_some() != line.end.is_some() {
                let step = |p: &[(u32, u32)]| {
                    f64::from(p[0].0.abs_diff(p[1].0)).hypot(f64::from(p[0].1.abs_diff(p[1].1)))
                };
                prop_assert!(line.pixels.windows(2).map(step).sum::<f64>() >= min_spur);
            }
        }
        prop_assert!(junctions.values().all(|&(_, count)| count >= 3));
    }
}
