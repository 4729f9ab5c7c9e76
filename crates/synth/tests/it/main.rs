//! Properties of generated sheets and of the sample source.

mod arrays;
mod datasets;
mod labels;
mod matching;
mod mini_shapes;
mod pattern_records;
mod patterns;
mod sheets;
mod shifts;
mod siblings;
mod single_lines;
mod source;
mod straight_waves;
mod transforms;
mod wave_proposals;
mod waves;

use mapvec_data::sample_rng;
use mapvec_synth::{Sheet, SheetConfig, SheetStyle, generate_sheet};
use proptest::prelude::*;

/// A sheet of the given side and style.
fn sheet(size: u32, style: SheetStyle, seed: u64) -> Sheet {
    drawn(&SheetConfig { size, style, ..SheetConfig::default() }, seed)
}

/// A sheet with the given settings.
#[expect(clippy::expect_used, reason = "a sheet that cannot be made fails the test")]
fn drawn(config: &SheetConfig, seed: u64) -> Sheet {
    generate_sheet(config, &mut sample_rng(seed, 0)).expect("the settings are valid")
}

fn styles() -> impl Strategy<Value = SheetStyle> {
    prop_oneof![Just(SheetStyle::Town), Just(SheetStyle::Topographic), Just(SheetStyle::Rural)]
}

/// Row and column of the pixel that holds a point of the page.
#[expect(clippy::cast_sign_loss, reason = "points of the page are not negative")]
fn pixel(p: geo_types::Coord<f64>) -> (usize, usize) {
    (p.y.floor() as usize, p.x.floor() as usize)
}
