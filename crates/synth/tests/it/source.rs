//! The sample source: repeatable, whatever the order and the number of threads.

use mapvec_data::{MapSample, Source};
use mapvec_synth::{SheetConfig, SheetSource, SourceConfig};
use rayon::prelude::*;

fn config() -> SourceConfig {
    SourceConfig {
        seed: 3,
        sheets: 5,
        crops_per_sheet: 4,
        crop: 48,
        interleave: 2,
        sheet: SheetConfig { size: 80, ..SheetConfig::default() },
        ..SourceConfig::default()
    }
}

fn bytes(sample: &MapSample) -> Vec<u8> {
    let labels = &sample.labels;
    let angles = labels.angle.iter().flat_map(|value| value.to_bits().to_le_bytes());
    sample
        .image
        .iter()
        .chain(&labels.boundary)
        .chain(&labels.class)
        .copied()
        .chain(angles)
        .collect()
}

#[test]
fn samples_depend_on_seed_and_index_only() {
    let source = SheetSource::new(config()).expect("the settings are valid");
    assert_eq!(source.len(), 20);
    let forwards: Vec<Vec<u8>> =
        (0..20).map(|index| bytes(&source.get(index).expect("a sample"))).collect();
    let other = SheetSource::new(config()).expect("the settings are valid");
    let backwards: Vec<Vec<u8>> =
        (0..20).rev().map(|index| bytes(&other.get(index).expect("a sample"))).collect();
    assert!(forwards.iter().eq(backwards.iter().rev()), "the order of requests matters");
    let third = SheetSource::new(config()).expect("the settings are valid");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().expect("a pool");
    let parallel: Vec<Vec<u8>> = pool.install(|| {
        (0..20).into_par_iter().map(|index| bytes(&third.get(index).expect("a sample"))).collect()
    });
    assert_eq!(forwards, parallel, "the number of threads matters");
    let reseeded = SheetSource::new(SourceConfig { seed: 4, ..config() }).expect("valid");
    assert_ne!(forwards[0], bytes(&reseeded.get(0).expect("a sample")), "the seed is ignored");
    assert_ne!(forwards[0], forwards[2], "crops repeat");
}

#[test]
fn samples_have_the_crop_size() {
    let source = SheetSource::new(config()).expect("the settings are valid");
    let sample = source.get(7).expect("a sample");
    assert_eq!(sample.size(), (48, 48));
    assert!(sample.labels.check_size((48, 48)).is_ok(), "labels differ in size");
}

#[test]
fn wrong_requests_are_refused() {
    let source = SheetSource::new(config()).expect("the settings are valid");
    let message = source.get(20).unwrap_err().to_string();
    assert!(message.contains("20"), "{message}");
    for (field, wrong) in [
        ("crop", SourceConfig { crop: 81, ..config() }),
        ("sheets", SourceConfig { sheets: 0, ..config() }),
        ("town + ", SourceConfig { town: 0.0, topographic: 0.0, rural: 0.0, ..config() }),
        (
            "size",
            SourceConfig { sheet: SheetConfig { size: 1, ..SheetConfig::default() }, ..config() },
        ),
    ] {
        let message = SheetSource::new(wrong).unwrap_err().to_string();
        assert!(message.starts_with(field), "{message}");
    }
}
