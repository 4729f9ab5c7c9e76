//! Properties of generated sheets and of the sample source.

mod labels;
mod sheets;
mod source;

use mapvec_data::sample_rng;
use mapvec_synth::{Sheet, SheetConfig, SheetStyle, generate_sheet};
use proptest::prelude::*;

/// A sheet of the given side and style.
fn sheet(size: u32, style: SheetStyle, seed: u64) -> Sheet {
    let config = SheetConfig { size, style, ..SheetConfig::default() };
    generate_sheet(&config, &mut sample_rng(seed, 0)).expect("the settings are valid")
}

fn styles() -> impl Strategy<Value = SheetStyle> {
    prop_oneof![Just(SheetStyle::Town), Just(SheetStyle::Topographic), Just(SheetStyle::Rural)]
}
