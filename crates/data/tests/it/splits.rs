//! Splits: partitions, shares, and that the same sample always has the same part.

use std::collections::{BTreeMap, BTreeSet};

use mapvec_data::{
    Error, Field, HashSplit, Part, Record, Result, Source, Subset, k_fold, split_by_content,
    split_by_key, stratified_k_fold,
};
use proptest::prelude::*;

/// Records of one number each.
struct Numbers(Vec<i32>);

impl Source for Numbers {
    type Sample = Record;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn get(&self, index: usize) -> Result<Record> {
        let value = *self.0.get(index).ok_or(Error::Index { index, len: self.0.len() })?;
        let mut record = Record::new();
        record.insert("value", Field::new(vec![1], vec![value])?);
        Ok(record)
    }
}

fn sorted(parts: &[&[usize]]) -> Vec<usize> {
    let mut all = parts.concat();
    all.sort_unstable();
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn folds_are_partitions(len in 2_usize..200, k in 2_usize..9, seed: u64) {
        prop_assume!(k <= len);
        let folds: Vec<_> = (0..k).map(|fold| k_fold(len, k, fold, seed).unwrap()).collect();
        let all: Vec<usize> = (0..len).collect();
        for fold in &folds {
            prop_assert_eq!(&sorted(&[&fold.train, &fold.validation]), &all);
            prop_assert!(fold.train.is_sorted() && fold.validation.is_sorted());
            prop_assert!((len / k..=len.div_ceil(k)).contains(&fold.validation.len()));
        }
        let validations: Vec<&[usize]> = folds.iter().map(|fold| &fold.validation[..]).collect();
        prop_assert_eq!(sorted(&validations), all);
        prop_assert_eq!(&k_fold(len, k, 0, seed).unwrap(), &folds[0]);
    }

    #[test]
    fn classes_have_their_share_in_every_fold(
        classes in proptest::collection::vec(0_i32..5, 10..200), k in 2_usize..6, seed: u64
    ) {
        let mut seen = Vec::new();
        for fold in 0..k {
            let fold = stratified_k_fold(&classes, k, fold, seed).unwrap();
            let count = |class: i32| fold.validation.iter().filter(|i| classes[**i] == class).count();
            for class in 0..5 {
                let all = classes.iter().filter(|c| **c == class).count();
                prop_assert!((all / k..=all.div_ceil(k)).contains(&count(class)));
            }
            prop_assert!((classes.len() / k..=classes.len().div_ceil(k)).contains(&fold.validation.len()));
            seen.push(fold.validation);
        }
        let parts: Vec<&[usize]> = seen.iter().map(|part| &part[..]).collect();
        prop_assert_eq!(sorted(&parts), (0..classes.len()).collect::<Vec<_>>());
    }

    #[test]
    fn the_part_of_a_sample_does_not_depend_on_the_others(
        (values, shuffled) in proptest::collection::vec(0_i32..40, 1..60)
            .prop_flat_map(|values| (Just(values.clone()), Just(values).prop_shuffle())),
        seed: u64,
    ) {
        let split = HashSplit { train: 0.5, validation: 0.3, test: 0.2, seed };
        let part_of = |values: &[i32]| {
            let parts = split_by_content(&Numbers(values.to_vec()), &split).unwrap();
            let mut found: BTreeMap<i32, BTreeSet<Part>> = BTreeMap::new();
            for part in [Part::Train, Part::Validation, Part::Test] {
                for &index in parts.indices(part) {
                    found.entry(values[index]).or_default().insert(part);
                }
            }
            let all = [&parts.train[..], &parts.validation, &parts.test];
            assert_eq!(sorted(&all), (0..values.len()).collect::<Vec<_>>());
            found
        };
        let found = part_of(&values);
        prop_assert!(found.values().all(|parts| parts.len() == 1), "duplicates straddle: {:?}", found);
        prop_assert_eq!(&part_of(&shuffled), &found);
        let mut longer = values.clone();
        longer.extend(100..120);
        let longer = part_of(&longer);
        prop_assert!(found.iter().all(|(value, part)| longer[value] == *part));
    }
}

#[test]
fn shares_are_met_within_chance() {
    for seed in 0..5 {
        let split = HashSplit { train: 0.7, validation: 0.2, test: 0.1, seed };
        let keys = (0..20_000_u32).map(|key| key.to_string());
        let parts = split_by_key(keys, &split).unwrap();
        for (part, share) in [(Part::Train, 0.7), (Part::Validation, 0.2), (Part::Test, 0.1_f64)] {
            let found = parts.indices(part).len() as f64;
            let deviation = (20_000.0 * share * (1.0 - share)).sqrt();
            assert!((found - 20_000.0 * share).abs() < 4.5 * deviation, "{part:?}: {found}");
        }
    }
    let other =
        |seed| split_by_key((0..100_u8).map(|k| [k]), &HashSplit { seed, ..HashSplit::default() });
    assert_ne!(other(1).unwrap(), other(2).unwrap());
}

#[test]
fn changed_shares_move_few() {
    let part = |train: f64, validation: f64, key: u32| {
        let split = HashSplit { train, validation, test: 0.1, seed: 3 };
        split.part(&key.to_le_bytes()).unwrap()
    };
    for key in 0..2000 {
        let moved = (part(0.8, 0.1, key), part(0.6, 0.3, key));
        assert!(moved.0 == moved.1 || moved == (Part::Train, Part::Validation), "{moved:?}");
    }
}

#[test]
fn groups_stay_together() {
    let sheets = ["a", "b", "a", "c", "b", "a"];
    let parts = split_by_key(sheets, &HashSplit::default()).unwrap();
    for part in [&parts.train, &parts.validation, &parts.test] {
        for (index, sheet) in sheets.iter().enumerate() {
            let together = part.iter().any(|i| sheets[*i] == *sheet);
            assert_eq!(part.contains(&index), together);
        }
    }
}

#[test]
fn parts_of_share_0_are_empty() {
    for (train, validation, test) in
        [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.5, 0.5, 0.0)]
    {
        let split = HashSplit { train, validation, test, seed: 0 };
        let parts = split_by_key((0..3000_u32).map(u32::to_le_bytes), &split).unwrap();
        for (share, part) in
            [(train, &parts.train), (validation, &parts.validation), (test, &parts.test)]
        {
            assert_eq!(share == 0.0, part.is_empty());
        }
    }
}

#[test]
fn bad_settings_are_refused() {
    for (len, k, fold) in [(10, 0, 0), (10, 1, 0), (3, 4, 0), (10, 5, 5), (0, 2, 0)] {
        assert!(matches!(k_fold(len, k, fold, 0), Err(Error::Config { .. })));
        assert!(stratified_k_fold(&vec![0; len], k, fold, 0).is_err());
    }
    for (train, validation, test) in [(0.5, 0.2, 0.2), (1.2, -0.1, -0.1), (f64::NAN, 0.5, 0.5)] {
        let split = HashSplit { train, validation, test, seed: 0 };
        assert!(matches!(split.part(b"key"), Err(Error::Config { .. })));
        assert!(split_by_key(["key"], &split).is_err());
    }
}

#[test]
fn a_subset_is_a_source() {
    let subset = Subset::new(Numbers(vec![10, 11, 12]), vec![2, 0, 2]).unwrap();
    let values: Vec<_> = (0..subset.len()).map(|i| subset.get(i).unwrap()).collect();
    let whole = Numbers(vec![12, 10, 12]);
    let expected: Vec<_> = (0..3).map(|i| whole.get(i).unwrap()).collect();
    assert_eq!(values, expected);
    assert!(matches!(subset.get(3), Err(Error::Index { index: 3, len: 3 })));
    assert!(matches!(
        Subset::new(Numbers(vec![1]), vec![1]),
        Err(Error::Index { index: 1, len: 1 })
    ));
}
