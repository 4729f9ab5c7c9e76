//! Only the outputs that are asked for are made, seen from the memory they take; in a process of
//! its own: the allocator counts for all threads.
#![allow(clippy::unwrap_used, reason = "a failed test is to panic")]

use mapvec_data::Source;
use mapvec_synth::{PatternConfig, PatternOutput, PatternRecords};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Most bytes that are held while a record with some outputs is made.
fn peak(config: &PatternConfig, outputs: &[PatternOutput]) -> usize {
    let config = PatternConfig { outputs: outputs.to_vec(), ..config.clone() };
    let records = PatternRecords::new(&config, 1, 100).unwrap();
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let made = records.get(3).unwrap().fields().count();
    assert_eq!(made, outputs.len(), "one field for an output");
    ALLOCATOR.peak_usage() - before
}

#[test]
fn an_output_takes_its_own_memory_and_no_more() {
    let size = 256;
    let config = PatternConfig { size, ..PatternConfig::default() };
    // A single number per vector is next to nothing: what is left is the scene.
    let scene = peak(&config, &[PatternOutput::VecsMask]);
    let all = peak(&config, PatternOutput::ALL);
    let record = PatternRecords::new(&config, 1, 100).unwrap().get(3).unwrap();
    let planes = record.get("shape_masks").unwrap().values().len();
    assert!(all > 2 * planes, "{all} bytes for all, {planes} for the masks of components");
    for output in PatternOutput::ALL.iter().copied() {
        let values = record.get(output.name()).unwrap().values();
        let own = values.len() * if values.as_u8().is_some() { 1 } else { 4 };
        let alone = peak(&config, &[output]);
        // Lists grow by doubling, and directions need lists of pixels that components share.
        let most = scene + own + own / 8 + size * size;
        assert!(alone <= most, "{output:?}: {alone} bytes, its own {own}, the scene {scene}");
        assert!(alone < all, "{output:?}: {alone} bytes, {all} for all outputs");
    }
}
