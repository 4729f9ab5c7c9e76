//! Steps on a source.

use mapvec_data::{
    Blur, LineFeatures, RandomFlip, Record, Result, Select, Source, Step, Transformed,
};

use super::{Sizes, reals, record};

/// Records by index.
struct Records(Sizes);

impl Source for Records {
    type Sample = Record;

    fn len(&self) -> usize {
        10
    }

    fn get(&self, index: usize) -> Result<Record> {
        Ok(record(self.0, index as u64))
    }
}

#[test]
fn a_source_is_transformed_by_index() {
    let sizes = Sizes { height: 5, width: 5, patterns: 1, vecs: 1, boxes: 1 };
    let chain = || {
        vec![
            Step::RandomFlip(RandomFlip::default()),
            Step::Blur(Blur::default()),
            Step::LineFeatures(LineFeatures::default()),
            Step::Select(Select {
                keep: ["inputs", "labels", "weights"].map(str::to_owned).to_vec(),
                drop: Vec::new(),
            }),
        ]
    };
    let source = |seed| Transformed::new(Records(sizes), chain(), seed).unwrap();
    let (a, b) = (source(1), source(1));
    let forwards: Vec<Record> = (0..10).map(|i| a.get(i).unwrap()).collect();
    let backwards: Vec<Record> = (0..10).rev().map(|i| b.get(i).unwrap()).collect();
    assert!(forwards.iter().eq(backwards.iter().rev()));
    assert_eq!((a.len(), forwards[0].fields().count()), (10, 9));
    let img = |record: &Record| reals(record, "inputs.img").to_vec();
    assert_ne!(img(&forwards[0]), img(&source(2).get(0).unwrap()), "another seed");
    // Two samples of the same record have noise of their own.
    let steps = vec![Step::Blur(Blur { ratio: [0.0; 2], ..Blur::default() })];
    let blurred = Transformed::new(Records(sizes), steps, 1).unwrap();
    let noise = |index: usize| {
        let [old, new] = [blurred.source().get(index), blurred.get(index)].map(Result::unwrap);
        reals(&new, "img")[0] - reals(&old, "img")[0]
    };
    assert!((noise(0) - noise(1)).abs() > 1e-6);
    let bad = vec![Step::Blur(Blur { kernel: 2, ..Blur::default() })];
    assert!(Transformed::new(Records(sizes), bad, 1).is_err());
}
