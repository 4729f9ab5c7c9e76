//! Batches: every sample once an epoch, the same at any number of threads, resumed anywhere.

use std::collections::BTreeSet;

use mapvec_data::{
    Blur, ColorShift, Error, Field, Loader, LoaderConfig, OnError, Position, Record, Result,
    Shapes, Source, Step, Transformed, collate,
};
use proptest::prelude::*;

/// Records with their index and as many points as its last digit.
#[derive(Debug)]
struct Numbers {
    len: usize,
    /// Every so many samples one is damaged.
    damaged: usize,
}

impl Source for Numbers {
    type Sample = Record;

    fn len(&self) -> usize {
        self.len
    }

    fn get(&self, index: usize) -> Result<Record> {
        if index % self.damaged == self.damaged - 1 {
            return Err(Error::Sample { index, reason: "damaged".into() });
        }
        let mut record = Record::new();
        record.insert("index", Field::new(vec![], vec![i32::try_from(index).unwrap()])?);
        let n = index % 10;
        record.insert("points", Field::new(vec![n, 2], vec![1.5_f32; 2 * n])?);
        Ok(record)
    }
}

fn numbers(len: usize) -> Numbers {
    Numbers { len, damaged: usize::MAX }
}

fn config(batch: usize, shuffle: Option<u64>) -> LoaderConfig {
    LoaderConfig { batch, shuffle, threads: 2, ..LoaderConfig::default() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn an_epoch_has_every_sample_once(
        len in 1_usize..60, batch in 1_usize..20, shuffle in any::<Option<u64>>(),
    ) {
        let loader = Loader::new(numbers(len), config(batch, shuffle)).unwrap();
        prop_assert_eq!(loader.batches_per_epoch(), len.div_ceil(batch) as u64);
        let mut at = Position::default();
        for epoch in 0..2 {
            let mut seen = Vec::new();
            while at.epoch == epoch {
                let made = loader.batch(at).unwrap();
                prop_assert_eq!(made.record.get("index").unwrap().shape(), &[made.indices.len()]);
                seen.extend(made.indices);
                at = made.next;
            }
            let set: BTreeSet<usize> = seen.iter().copied().collect();
            prop_assert_eq!((set.len(), seen.len()), (len, len));
        }
    }

    #[test]
    fn a_run_goes_on_where_it_stopped(
        threads in 1_usize..4, prefetch in 1_usize..5, stop in 0_usize..9, remainder: bool,
    ) {
        let config = LoaderConfig {
            epoch: Some(17), threads, prefetch, remainder, ..config(5, Some(3))
        };
        let one = LoaderConfig { threads: 1, prefetch: 1, ..config.clone() };
        let whole: Vec<_> = Loader::new(numbers(50), one)
            .unwrap()
            .batches(Position::default())
            .take(12)
            .map(Result::unwrap)
            .collect();
        let loader = Loader::new(numbers(50), config).unwrap();
        let from = if stop == 0 { Position::default() } else { whole[stop - 1].next };
        let rest: Vec<_> = loader.batches(from).take(12 - stop).map(Result::unwrap).collect();
        prop_assert_eq!(&whole[stop..], &rest[..]);
    }
}

#[test]
fn epochs_walk_through_a_long_source_and_begin_again() {
    let config = LoaderConfig { epoch: Some(4), ..config(4, None) };
    let loader = Loader::new(numbers(10), config).unwrap();
    let seen: Vec<Vec<usize>> =
        loader.batches(Position::default()).take(4).map(|b| b.unwrap().indices).collect();
    assert_eq!(seen, [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 0, 1], [2, 3, 4, 5]]);
}

#[test]
fn orders_differ_by_seed_and_epoch() {
    let order = |seed, epoch| {
        let loader = Loader::new(numbers(50), config(50, Some(seed))).unwrap();
        loader.batch(Position { epoch, batch: 0 }).unwrap().indices
    };
    assert_eq!(order(1, 0), order(1, 0));
    assert_ne!(order(1, 0), order(1, 1));
    assert_ne!(order(1, 0), order(2, 0));
}

#[test]
fn damaged_samples_fail_or_are_left_out_and_reported() {
    let source = || Numbers { len: 12, damaged: 5 };
    let loader = Loader::new(source(), config(6, None)).unwrap();
    let mut batches = loader.batches(Position::default());
    let error = batches.next().unwrap().unwrap_err();
    assert!(matches!(error, Error::Sample { index: 4, .. }), "{error}");
    // The next batch has the other damaged sample; a third one begins the next epoch.
    assert!(batches.next().unwrap().is_err());
    let skip = LoaderConfig { on_error: OnError::Skip, ..config(6, None) };
    let loader = Loader::new(source(), skip.clone()).unwrap();
    let batch = loader.batch(Position::default()).unwrap();
    assert_eq!(batch.indices, [0, 1, 2, 3, 5]);
    assert_eq!(batch.skipped.len(), 1);
    assert!(batch.skipped[0].0 == 4 && batch.skipped[0].1.contains("damaged"));
    let all = Loader::new(Numbers { len: 3, damaged: 1 }, skip).unwrap();
    let error = all.batch(Position::default()).unwrap_err().to_string();
    assert!(error.contains("whole epoch"), "{error}");
}

#[test]
fn batches_without_a_sample_are_passed_over_and_the_rest_is_made_once() {
    // Batches of one sample; 1 of 2 is damaged.
    let source = || Numbers { len: 6, damaged: 2 };
    let skip = LoaderConfig { on_error: OnError::Skip, ..config(1, None) };
    let loader = Loader::new(source(), skip).unwrap();
    let at = |epoch, batch| Position { epoch, batch };
    let batch = loader.batch(at(0, 5)).unwrap();
    assert_eq!((batch.position, batch.next, &batch.indices[..]), (at(1, 0), at(1, 1), &[0][..]));
    assert_eq!(batch.skipped.iter().map(|s| s.0).collect::<Vec<_>>(), [5]);
    let mut batches = loader.batches(Position::default());
    let seen: Vec<_> = batches.by_ref().take(5).map(Result::unwrap).collect();
    assert_eq!(seen.iter().map(|b| b.indices[0]).collect::<Vec<_>>(), [0, 2, 4, 0, 2]);
    assert_eq!(seen.iter().map(|b| b.skipped.len()).collect::<Vec<_>>(), [0, 1, 1, 1, 1]);
    assert_eq!(batches.position(), seen[4].next);
    // After an error, too, it is known where to go on.
    let loader = Loader::new(source(), config(1, None)).unwrap();
    let mut batches = loader.batches(at(0, 1));
    assert_eq!(batches.position(), at(0, 1));
    assert!(batches.next().unwrap().is_err());
    assert_eq!(batches.position(), at(0, 2));
}

/// Grey pictures, all the same.
struct Grey;

impl Source for Grey {
    type Sample = Record;

    fn len(&self) -> usize {
        8
    }

    fn get(&self, _: usize) -> Result<Record> {
        let mut record = Record::new();
        record.insert("img", Field::new(vec![1, 1, 3], vec![0.5_f32; 3])?);
        Ok(record)
    }
}

#[test]
fn steps_of_a_loader_differ_by_epoch_and_are_repeatable() {
    let steps = vec![Step::ColorShift(ColorShift::default())];
    let config = |seed, shuffle, threads| LoaderConfig {
        steps: steps.clone(),
        seed,
        shuffle,
        threads,
        ..config(8, None)
    };
    let pictures = |config: LoaderConfig, epoch| {
        let batch = Loader::new(Grey, config).unwrap().batch(Position { epoch, batch: 0 }).unwrap();
        let values = batch.record.get("img").unwrap().values().as_f32().unwrap().to_vec();
        let pictures = values.chunks(3).map(|c| c.iter().map(|v| v.to_bits()).collect::<Vec<_>>());
        batch.indices.iter().copied().zip(pictures).collect::<BTreeSet<_>>()
    };
    let first = pictures(config(1, None, 1), 0);
    assert_eq!(first, pictures(config(1, None, 3), 0), "the same at any number of threads");
    assert_eq!(first, pictures(config(1, Some(4), 2), 0), "the order does not matter");
    let all = [first, pictures(config(1, None, 1), 1), pictures(config(2, None, 1), 0)];
    let different: BTreeSet<_> = all.iter().flatten().map(|(_, picture)| picture).collect();
    assert_eq!(different.len(), 24, "every sample, epoch and seed has its own numbers");
    let bad = Step::Blur(Blur { kernel: 0, ..Blur::default() });
    assert!(LoaderConfig { steps: vec![bad], ..LoaderConfig::default() }.validate().is_err());
    let old: LoaderConfig = serde_json::from_str(r#"{ "batch": 4 }"#).unwrap();
    assert!(old.steps.is_empty());
}

#[test]
fn nested_steps_with_one_seed_draw_different_numbers() {
    let shift = || vec![Step::ColorShift(ColorShift::default())];
    let bits = |source: &dyn Source<Sample = Record>| {
        let record = source.get(3).unwrap();
        record.get("img").unwrap().values().as_f32().unwrap().to_vec()
    };
    let once = Transformed::new(Grey, shift(), 7).unwrap();
    let shifted = bits(&once);
    let boxed: Box<dyn Source<Sample = Record>> = Box::new(once);
    let twice = Transformed::new(boxed, shift(), 7).unwrap();
    assert_eq!(twice.stages(), 2);
    // The second shift would be the same as the first.
    for (once, twice) in shifted.iter().zip(bits(&twice)) {
        let steps = [once - 0.5, twice - once].map(|step: f32| step.rem_euclid(256.0 / 255.0));
        assert!((steps[0] - steps[1]).abs() > 0.01, "{steps:?}");
    }
}

struct Panics;

impl Source for Panics {
    type Sample = Record;

    fn len(&self) -> usize {
        10
    }

    fn get(&self, index: usize) -> Result<Record> {
        assert!(index < 2, "a source that breaks its promise");
        numbers(10).get(index)
    }
}

#[test]
fn a_source_that_panics_is_an_error_of_the_loader() {
    let loader = Loader::new(Panics, config(2, None)).unwrap();
    let mut batches = loader.batches(Position::default());
    assert!(batches.next().unwrap().is_ok());
    assert!(matches!(batches.next().unwrap(), Err(Error::Threads { .. })));
    assert!(batches.next().is_none());
}

#[test]
fn what_cannot_be_loaded_is_refused_at_once() {
    let refused = |len, config| Loader::new(numbers(len), config).unwrap_err().to_string();
    assert!(refused(5, config(0, None)).contains("batch"));
    assert!(refused(0, config(1, None)).contains("epoch"));
    let long = LoaderConfig { epoch: Some(6), ..config(2, None) };
    assert!(refused(5, long).contains("epoch"));
    let whole = LoaderConfig { remainder: false, ..config(6, None) };
    assert!(refused(5, whole).contains("epoch"));
    let loader = Loader::new(numbers(5), config(2, None)).unwrap();
    assert!(loader.batch(Position { epoch: 0, batch: 3 }).is_err());
    let fields = LoaderConfig { fields: Some(vec!["index".into()]), ..config(2, None) };
    let kept = Loader::new(numbers(5), fields).unwrap().batch(Position::default()).unwrap();
    assert_eq!(kept.record.fields().count(), 1);
    let fields = LoaderConfig { fields: Some(vec!["boxes".into()]), ..config(2, None) };
    let missing = Loader::new(numbers(5), fields).unwrap().batch(Position::default());
    assert!(matches!(missing, Err(Error::Field { .. })));
}

#[test]
fn arrays_of_a_batch_are_padded_to_the_largest_or_as_told() {
    let records: Vec<_> = [3, 1, 0].iter().map(|i| numbers(10).get(*i).unwrap()).collect();
    let batch = collate(&records, &Shapes::new()).unwrap();
    let points = batch.get("points").unwrap();
    assert_eq!(points.shape(), &[3, 3, 2]);
    let mut expected = vec![1.5_f32; 6];
    expected.extend([1.5, 1.5, 0.0, 0.0, 0.0, 0.0]);
    expected.extend([0.0; 6]);
    assert_eq!(points.values(), &expected.into());
    let told = Shapes::from([("points".to_owned(), vec![4, 2])]);
    assert_eq!(collate(&records, &told).unwrap().get("points").unwrap().shape(), &[3, 4, 2]);
    let small = Shapes::from([("points".to_owned(), vec![2, 2])]);
    assert!(collate(&records, &small).is_err(), "nothing is cut off");
}

#[test]
fn records_that_do_not_fit_together_are_refused() {
    let one = |name: &str, field: Field| {
        let mut record = Record::new();
        record.insert(name, field);
        record
    };
    let f32s = || Field::new(vec![1], vec![1.0_f32]).unwrap();
    let bytes = Field::new(vec![1], vec![1_u8]).unwrap();
    let flat = Field::new(vec![], vec![1.0_f32]).unwrap();
    for other in [one("a", bytes), one("a", flat), one("b", f32s()), Record::new()] {
        assert!(collate(&[one("a", f32s()), other.clone()], &Shapes::new()).is_err());
        assert!(collate(&[other, one("a", f32s())], &Shapes::new()).is_err());
    }
    assert!(collate(&[], &Shapes::new()).is_err());
}
