//! Masks laid over each other and pixels given to instances, against plain definitions.

use mapvec_geometry::centre_vectors;
use mapvec_postprocess::{
    BitMask, Centre, CentreConfig, Error, GrowConfig, GrowDistance, PasteConfig, assign_to_centres,
    assign_to_centroids, find_centres, grow_labels, paste_masks, seed_centroids, unite_masks,
};
use mapvec_testkit::{integers, uniform};
use ndarray::{Array2, Array3, Axis};
use proptest::prelude::*;

use crate::naive;

fn numbers(dim: (usize, usize, usize), seed: u64) -> Array3<f32> {
    let values = uniform(dim.0 * dim.1 * dim.2, seed, 0.0, 1.0);
    Array3::from_shape_vec(dim, values.into_iter().map(|v| v as f32).collect()).unwrap()
}

/// The row or column nearest to a place in a small raster.
fn nearest(place: f32) -> usize {
    let gap = |k: usize| (k as f32 - place).abs();
    (0..20).min_by(|a, b| gap(*a).total_cmp(&gap(*b))).unwrap()
}

fn masks(count: usize, seed: u64) -> Vec<Array2<bool>> {
    let shares = uniform(count, seed, 0.0, 1.0);
    let values = numbers((count, 6, 70), seed + 1);
    values.outer_iter().zip(shares).map(|(v, s)| v.mapv(|v| f64::from(v) < s)).collect()
}

fn pack(masks: &[Array2<bool>]) -> Vec<BitMask> {
    masks.iter().map(|mask| BitMask::new(mask.view())).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pasted_masks_have_their_free_pixels(
        count in 0_usize..8,
        seed in 0_u64..10_000,
        min_visible in 0.0..1.0_f64,
        min_area in 0_u64..40,
    ) {
        let masks = masks(count, 3 * seed);
        let scores: Vec<f32> =
            integers(count, 3 * seed + 2, 0, 6).iter().map(|&v| v as f32 / 5.0).collect();
        let config = PasteConfig { min_score: 0.3, min_visible, min_area };
        let found = paste_masks(&pack(&masks), &scores, (6, 70), &config).unwrap();
        let mut labels = Array2::<u32>::zeros((6, 70));
        let mut kept = Vec::new();
        for level in (0..6_u8).rev().map(|v| f32::from(v) / 5.0).filter(|v| *v >= 0.3) {
            for k in (0..count).filter(|&k| (scores[k] - level).abs() < 1e-6) {
                let area = masks[k].iter().filter(|v| **v).count();
                let free = masks[k].indexed_iter().filter(|(p, v)| **v && labels[*p] == 0);
                let free: Vec<_> = free.map(|(p, _)| p).collect();
                let share = free.len() as f64 / area as f64;
                if !free.is_empty() && share >= min_visible && free.len() as u64 >= min_area {
                    kept.push(k);
                    free.into_iter().for_each(|p| labels[p] = kept.len() as u32);
                }
            }
        }
        prop_assert_eq!(found.labels, labels);
        prop_assert_eq!(found.kept, kept);
    }

    #[test]
    fn masks_are_united_along_chains_of_overlaps(
        count in 0_usize..7,
        seed in 0_u64..10_000,
        threshold in 0.2..0.8_f64,
    ) {
        let masks = numbers((count, 2, 3), seed);
        let overlap = |a: usize, b: usize| {
            let pairs = || {
                let (a, b) = (masks.index_axis(Axis(0), a), masks.index_axis(Axis(0), b));
                a.iter().zip(b.iter()).map(|(p, q)| (*p, *q)).collect::<Vec<_>>()
            };
            let low: f64 = pairs().iter().map(|(p, q)| f64::from(p.min(*q))).sum();
            let high: f64 = pairs().iter().map(|(p, q)| f64::from(p.max(*q))).sum();
            low / high
        };
        // Whether a chain leads from one to the other (Warshall).
        let mut joined = Array2::from_shape_fn((count, count), |(a, b)| {
            a == b || overlap(a, b) > threshold
        });
        for k in 0..count {
            for a in 0..count {
                for b in 0..count {
                    joined[(a, b)] |= joined[(a, k)] && joined[(k, b)];
                }
            }
        }
        let found = unite_masks(masks.view(), threshold).unwrap();
        let mut expected: Vec<Vec<usize>> =
            (0..count).map(|a| (0..count).filter(|&b| joined[(a, b)]).collect()).collect();
        expected.dedup();
        expected.sort();
        expected.dedup();
        prop_assert_eq!(&found.members, &expected);
        for (mask, members) in found.masks.outer_iter().zip(&expected) {
            for (pixel, &value) in mask.indexed_iter() {
                let values = members.iter().map(|&k| masks[(k, pixel.0, pixel.1)]);
                prop_assert_eq!(value.to_bits(), values.fold(0.0, f32::max).to_bits());
            }
        }
    }

    #[test]
    fn each_pixel_goes_to_the_nearest_centroid(
        count in 0_usize..6,
        seed in 0_u64..10_000,
        margin in 0.0..1.0_f32,
    ) {
        let embeddings = numbers((3, 5, 6), 3 * seed);
        let centroids = numbers((1, count, 3), 3 * seed + 1).index_axis_move(Axis(0), 0);
        let mask = numbers((1, 5, 6), 3 * seed + 2).index_axis_move(Axis(0), 0).mapv(|v| v < 0.7);
        let found =
            assign_to_centroids(embeddings.view(), mask.view(), centroids.view(), margin).unwrap();
        for (pixel, &label) in found.indexed_iter() {
            let distance = |k: usize| {
                let square = |d: usize| (centroids[(k, d)] - embeddings[(d, pixel.0, pixel.1)]).powi(2);
                (0..3).map(square).sum::<f32>().sqrt()
            };
            let near = (0..count).filter(|&k| distance(k) <= margin);
            let nearest = near.min_by(|a, b| distance(*a).total_cmp(&distance(*b)));
            let expected = nearest.filter(|_| mask[pixel]).map_or(0, |k| k as u32 + 1);
            prop_assert_eq!(label, expected);
        }
    }

    #[test]
    fn seeds_have_the_mean_of_their_pixels(
        seeds in naive::raster(0_u32..4),
        seed in 0_u64..10_000,
    ) {
        prop_assume!(seeds.len() > 3);
        let embeddings = numbers((2, seeds.nrows(), seeds.ncols()), seed);
        let found = seed_centroids(embeddings.view(), seeds.view()).unwrap();
        prop_assert_eq!(found.nrows(), *seeds.iter().max().unwrap() as usize);
        for (k, centroid) in found.outer_iter().enumerate() {
            for (d, &value) in centroid.iter().enumerate() {
                let own = seeds.indexed_iter().filter(|(_, id)| **id as usize == k + 1);
                let own: Vec<f64> =
                    own.map(|((r, c), _)| f64::from(embeddings[(d, r, c)])).collect();
                let mean = own.iter().sum::<f64>() / own.len() as f64;
                prop_assert!(own.is_empty() == value.is_nan());
                prop_assert!(own.is_empty() || (f64::from(value) - mean).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn labels_grow_as_by_relaxing_all_steps(
        labels in naive::raster(prop_oneof![8 => Just(0_u32), 1 => 1_u32..4]),
        share in 0.3..1.0_f32,
        seed in 0_u64..10_000,
        limit in proptest::option::of(0.0..9.0_f64),
    ) {
        let (rows, columns) = labels.dim();
        let within = numbers((1, rows, columns), seed).index_axis_move(Axis(0), 0);
        let within = within.mapv(|v| v < share);
        let config = GrowConfig { max_distance: limit, ..GrowConfig::default() };
        let found = grow_labels(labels.view(), within.view(), &config).unwrap();
        // Distance to each label, by Bellman and Ford.
        let farthest = limit.unwrap_or(f64::INFINITY);
        let distances: Vec<Array2<f64>> = (1..4).map(|id| {
            let mut d = labels.mapv(|l| if l == id { 0.0 } else { f64::INFINITY });
            for _ in 0..rows * columns {
                for pixel in ndarray::indices((rows, columns)) {
                    if labels[pixel] > 0 || !within[pixel] {
                        continue;
                    }
                    for near in naive::neighbours(pixel, (rows, columns), mapvec_postprocess::Connectivity::Eight) {
                        let corner = near.0 != pixel.0 && near.1 != pixel.1;
                        let step = if corner { 2.0_f64.sqrt() } else { 1.0 };
                        d[pixel] = d[pixel].min(d[near] + step);
                    }
                }
            }
            d
        }).collect();
        for (pixel, &label) in found.indexed_iter() {
            if labels[pixel] > 0 || !within[pixel] {
                prop_assert_eq!(label, labels[pixel]);
                continue;
            }
            let least = distances.iter().map(|d| d[pixel]).fold(f64::INFINITY, f64::min);
            prop_assume!((least - farthest).abs() > 1e-9);
            if least.is_infinite() || least > farthest {
                prop_assert_eq!(label, 0);
            } else {
                let first = distances.iter().position(|d| d[pixel] <= least + 1e-9).unwrap();
                prop_assert_eq!(label as usize, first + 1);
            }
        }
    }

    #[test]
    fn straight_growth_takes_a_nearest_label(
        labels in naive::raster(prop_oneof![8 => Just(0_u32), 1 => 1_u32..4]),
        limit in proptest::option::of(0.5..9.0_f64),
    ) {
        let within = Array2::from_elem(labels.dim(), true);
        let config = GrowConfig { distance: GrowDistance::Euclidean, max_distance: limit };
        let found = grow_labels(labels.view(), within.view(), &config).unwrap();
        for (pixel, &label) in found.indexed_iter() {
            let distance = |site: (usize, usize)| {
                (site.0.abs_diff(pixel.0) as f64).hypot(site.1.abs_diff(pixel.1) as f64)
            };
            let sites = || labels.indexed_iter().filter(|(_, l)| **l > 0);
            let least = sites().map(|(s, _)| distance(s)).fold(f64::INFINITY, f64::min);
            if least.is_infinite() || limit.is_some_and(|limit| least > limit) {
                prop_assert_eq!(label, labels[pixel]);
            } else {
                prop_assert!(sites().any(|(s, l)| *l == label && distance(s) <= least + 1e-9));
            }
        }
    }

    #[test]
    fn centres_are_the_tops_of_their_windows(
        heat in naive::raster(0_u8..6),
        window in proptest::sample::select(vec![1_usize, 3, 5, 21]),
    ) {
        let heat = heat.mapv(|v| f32::from(v) / 5.0);
        let config = CentreConfig { window, threshold: 0.1, top_k: None };
        let found = find_centres(heat.view(), &config).unwrap();
        prop_assert!(found.windows(2).all(|w| w[0].score >= w[1].score));
        let near = |a: (usize, usize), b: (usize, usize)| {
            a.0.abs_diff(b.0) <= window / 2 && a.1.abs_diff(b.1) <= window / 2
        };
        for (pixel, &score) in heat.indexed_iter() {
            let mut others = heat.indexed_iter().filter(|(p, _)| *p != pixel && near(*p, pixel));
            let top = others.all(|(p, v)| *v < score || *v <= score && p > pixel);
            let is_centre = found.iter().any(|c| (c.row, c.column) == pixel);
            prop_assert_eq!(is_centre, top && score > 0.1);
        }
        let best = find_centres(heat.view(), &CentreConfig { top_k: Some(2), ..config }).unwrap();
        prop_assert_eq!(&best[..], &found[..found.len().min(2)]);
    }

    #[test]
    fn vectors_to_centres_give_the_instances_back(labels in naive::raster(0_u32..4)) {
        let vectors = centre_vectors(labels.view());
        let mask = labels.mapv(|id| id > 0);
        // The centres that the vectors of the first pixel of each instance lead to.
        let ids: Vec<u32> = (1..4).filter(|id| labels.iter().any(|l| l == id)).collect();
        let ends: Vec<[f32; 2]> = ids.iter().map(|id| {
            let ((r, c), _) = labels.indexed_iter().find(|(_, l)| *l == id).unwrap();
            [c as f32 + vectors[(0, r, c)], r as f32 + vectors[(1, r, c)]]
        }).collect();
        let centres: Vec<Centre> = ends
            .iter()
            .map(|&[x, y]| Centre { row: nearest(y), column: nearest(x), score: 1.0 })
            .collect();
        let found = assign_to_centres(&centres, vectors.view(), mask.view(), 2.0).unwrap();
        let distance = |k: usize, end: [f32; 2]| {
            (centres[k].column as f32 - end[0]).hypot(centres[k].row as f32 - end[1])
        };
        for (pixel, &label) in found.indexed_iter().filter(|(p, _)| mask[*p]) {
            let own = ids.iter().position(|id| *id == labels[pixel]).unwrap();
            let taken = label as usize - 1;
            // Rounded centres may be nearer to the centre of another instance.
            prop_assert!(distance(taken, ends[own]) <= distance(own, ends[own]) + 1e-4);
        }
        prop_assert!(found.iter().zip(&mask).all(|(l, m)| (*l > 0) == *m));
    }
}

#[test]
fn empty_and_bad_input() {
    let none = paste_masks(&[], &[], (2, 3), &PasteConfig::default()).unwrap();
    assert_eq!((none.labels, none.kept), (Array2::zeros((2, 3)), vec![]));
    let mask = pack(&[Array2::from_elem((2, 3), true)]);
    let config = PasteConfig::default();
    assert!(paste_masks(&mask, &[0.9], (3, 2), &config).is_err(), "size");
    assert!(paste_masks(&mask, &[], (2, 3), &config).is_err(), "scores");
    assert!(paste_masks(&mask, &[f32::NAN], (2, 3), &config).is_err(), "NaN");
    assert!(PasteConfig { min_visible: 1.5, ..config }.validate().is_err());

    let mut soft = Array3::zeros((2, 2, 2));
    assert!(unite_masks(soft.view(), f64::NAN).is_err());
    soft[(1, 0, 0)] = f32::NAN;
    let error = unite_masks(soft.view(), 0.5).unwrap_err();
    assert!(matches!(error, Error::InvalidShape { index: 1, .. }), "{error}");

    let embeddings = Array3::from_elem((2, 2, 2), f32::NAN);
    let all = Array2::from_elem((2, 2), true);
    let centroids = Array2::zeros((1, 2));
    let near =
        |margin| assign_to_centroids(embeddings.view(), all.view(), centroids.view(), margin);
    assert_eq!(near(f32::INFINITY).unwrap(), Array2::<u32>::zeros((2, 2)));
    assert!(near(-1.0).is_err() && near(f32::NAN).is_err());
    let seeds = Array2::from_elem((2, 2), u32::MAX);
    assert!(seed_centroids(embeddings.view(), seeds.view()).is_err());

    let heat = Array2::from_elem((2, 2), f32::NAN);
    assert!(find_centres(heat.view(), &CentreConfig::default()).is_err());
    assert!(CentreConfig { window: 4, ..CentreConfig::default() }.validate().is_err());
    let vectors = Array3::from_elem((2, 2, 2), f32::NAN);
    let centre = [Centre { row: 0, column: 0, score: 1.0 }];
    let found = assign_to_centres(&centre, vectors.view(), all.view(), f32::INFINITY).unwrap();
    assert_eq!(found, Array2::<u32>::zeros((2, 2)), "they point nowhere");
    assert!(assign_to_centres(&centre, vectors.view(), all.view(), f32::NAN).is_err());
    let other = Array3::zeros((3, 2, 2));
    assert!(assign_to_centres(&centre, other.view(), all.view(), 1.0).is_err());

    let config = GrowConfig { max_distance: Some(f64::NAN), ..GrowConfig::default() };
    let labels = Array2::zeros((2, 2));
    assert!(grow_labels(labels.view(), all.view(), &config).is_err());
    let wide = Array2::from_elem((2, 3), true);
    assert!(grow_labels(labels.view(), wide.view(), &GrowConfig::default()).is_err());
}
