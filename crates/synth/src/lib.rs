//! Seeded generators of map-like sheets and of scenes of patterns, with labels per pixel and
//! vector truth.
//!
//! - [`generate_sheet`] draws one sheet of a [`SheetStyle`]: town plan, topographic
//!   sheet or a rural mixture, with outlines, textures, lettering, relief and the defects
//!   of paper and scanner.
//! - [`Sheet`] carries the picture, the labels of [`mapvec_data::PixelLabels`], the
//!   regions as polygons and the roads as lines.
//! - [`SheetSource`] cuts training samples from a pool of sheets.
//! - [`PatternGenerator`] draws small [`PatternScene`]s of line bundles, polylines and symbols;
//!   [`PatternOutput`] names their labels, [`PatternRecords`] is a source of some of them.
//! - [`WaveGenerator`], [`SingleLineGenerator`], [`MiniShapesGenerator`], [`MatchingGenerator`]
//!   and [`ShiftsGenerator`] are sources of records: bundles of lines on the crests of a
//!   [`PlaneWave`](mapvec_fourier::PlaneWave), one line amid distractors, a few smooth polylines, patterns that share a
//!   shape, and copies of a line at equal steps. Their configurations name the outputs.
//! - [`WaveProposalGenerator`] takes proposals of waves from noisy scenes of waves and says how good
//!   each is.
//! - [`StraightWaveGenerator`] takes the patterns of scenes of waves one by one and makes them
//!   level.
//! - [`DatasetConfig`] names one of these generators and what is done to its records.
//!
//! A sheet is planned as a map of regions at twice its size; distances from the borders
//! between regions drive outlines, water lines and tree rows. Lines and letters are drawn
//! with exact coverage at the size of the sheet. Everything comes from one stream of
//! random numbers, so a seed gives the same bytes at any number of threads.

mod artist;
mod blocks;
mod border;
mod cast;
mod components;
mod config;
mod dataset;
mod distractors;
mod draw;
mod error;
mod gardens;
mod glyphs;
mod inking;
mod keys;
mod labels;
mod layout;
mod lettering;
mod limits;
mod matching;
mod mini_shapes;
mod names;
mod noise;
mod paper;
mod pattern;
mod phase_shift;
mod picture;
mod planar;
mod polyline;
mod raster;
mod regions;
mod relief;
mod roads;
mod rural;
mod selection;
mod sheet;
mod shifts;
mod signature;
mod single_line;
mod source;
mod texture;
mod topographic;
mod town;
mod waves;
mod words;

pub use config::{SHEET_SIZES, SheetConfig, SheetStyle};
pub use dataset::{DatasetConfig, GeneratorConfig, Purpose};
pub use error::{Error, Result};
pub use matching::{DominantPlacement, MatchingConfig, MatchingGenerator, MatchingOutput};
pub use mini_shapes::{MiniShapesConfig, MiniShapesGenerator, MiniShapesOutput};
pub use pattern::{
    BitMask, BundleConfig, Component, LineConfig, Pattern, PatternConfig, PatternFamily,
    PatternGenerator, PatternOutput, PatternRecords, PatternScene, PolylineConfig, RowConfig,
    ScatterConfig, SymbolConfig, SymbolKind, VectorMode,
};
pub use regions::RegionKind;
pub use roads::LineClass;
pub use sheet::{LineTruth, ShapeTruth, Sheet, generate_sheet};
pub use shifts::{ShiftsConfig, ShiftsGenerator, ShiftsOutput};
pub use single_line::{SingleLineConfig, SingleLineGenerator, SingleLineOutput};
pub use source::{Augmentation, SheetSource, SourceConfig};
pub use waves::{
    SeenWave, StraightOutput, StraightWaveConfig, StraightWaveGenerator, WaveConfig, WaveError,
    WaveGenerator, WaveOutput, WaveProposalConfig, WaveProposalGenerator, WaveProposalOutput,
};
