//! The cases: data sets and how long and on what their networks are trained.

use anyhow::{Result, ensure};
use mapvec_data::Progress;

use super::scenes::{PatternKind, Patterns, Scene, Target, pattern_scenes, quarter};
use super::study::{Seen, Trial, look};
use super::training::{PointTraining, train};

/// Pattern scenes for a network and its CRF.
#[derive(Debug, Clone, Copy)]
pub struct PatternCase {
    /// In the table.
    pub name: &'static str,
    /// Noise of the pictures, grey levels.
    pub noise: f32,
    /// Labelled points in each scene; none for all pixels.
    pub points: Option<usize>,
    /// Scenes that the network is trained on.
    pub scenes: usize,
    /// Steps of the optimiser.
    pub steps: u64,
    /// Scenes to choose on, and as many to score on.
    pub held_back: usize,
}

/// The pattern scenes of the table.
pub const PATTERNS: [PatternCase; 3] = [
    PatternCase {
        name: "few points",
        noise: 30.0,
        points: Some(50),
        scenes: 128,
        steps: 400,
        held_back: 32,
    },
    PatternCase {
        name: "few points, hardly any noise",
        noise: 4.0,
        points: Some(50),
        scenes: 128,
        steps: 400,
        held_back: 32,
    },
    PatternCase {
        name: "all pixels labelled",
        noise: 30.0,
        points: None,
        scenes: 192,
        steps: 600,
        held_back: 32,
    },
];

/// Side of pattern scenes in pixels.
pub const SIDE: usize = 64;

/// Trains a network and lets it look at scenes that it has not seen.
///
/// # Errors
/// A setting is out of range, or the training diverges.
pub fn pattern_trial(case: &PatternCase, seed: u64, progress: &dyn Progress) -> Result<Trial> {
    let (kind, target) = (PatternKind::Any, Target::Classes);
    let patterns = Patterns { size: SIDE, noise: case.noise, kind, target };
    let draw = |part: u64, count| pattern_scenes(3 * seed + part, count, patterns);
    let &PatternCase { points, steps, .. } = case;
    let training = PointTraining { classes: 3, points, steps, batch: 8, crop: SIDE, seed };
    let network = train(&draw(0, case.scenes)?, &training, progress)?;
    let held_back = |part| look(&network, &draw(part, case.held_back)?);
    Ok(Trial { classes: 3, validation: held_back(1)?, test: held_back(2)? })
}

/// Aerial land cover for a network and its CRF.
#[derive(Debug, Clone, Copy)]
pub struct LandCoverCase {
    /// In the table.
    pub name: &'static str,
    /// Labelled points in each quarter; none for all pixels.
    pub points: Option<usize>,
    /// Steps of the optimiser.
    pub steps: u64,
}

/// The land cover of the table.
pub const LAND_COVER: [LandCoverCase; 2] = [
    LandCoverCase { name: "few points", points: Some(20), steps: 120 },
    LandCoverCase { name: "all pixels labelled", points: None, steps: 200 },
];

/// Groups of patches; parameters are chosen on two of them and scored on the third.
const GROUPS: usize = 3;

/// Four networks, each trained on three quarters of every patch, look at the fourth; then one
/// trial for each group of patches.
///
/// # Errors
/// There are too few patches, or the training diverges.
pub fn land_cover_trials(
    case: &LandCoverCase,
    patches: &[Scene],
    seed: u64,
    progress: &dyn Progress,
) -> Result<Vec<Trial>> {
    ensure!(patches.len() >= GROUPS, "{} patches; {GROUPS} or more are needed", patches.len());
    let &LandCoverCase { points, steps, .. } = case;
    // By group: what was seen of its patches.
    let mut seen: [Vec<Seen>; GROUPS] = Default::default();
    for held_back in 0..4 {
        let others = (0..4).filter(|part| *part != held_back);
        let quarters: Vec<Scene> =
            others.flat_map(|part| patches.iter().map(move |p| quarter(p, part))).collect();
        let seed = 4 * seed + held_back as u64;
        let training = PointTraining { classes: 2, points, steps, batch: 8, crop: 64, seed };
        let network = train(&quarters, &training, progress)?;
        let quarters: Vec<Scene> = patches.iter().map(|p| quarter(p, held_back)).collect();
        for (patch, seen_quarter) in look(&network, &quarters)?.into_iter().enumerate() {
            seen[patch * GROUPS / patches.len()].push(seen_quarter);
        }
    }
    let trial = |test: usize| Trial {
        classes: 2,
        validation: (0..GROUPS).filter(|g| *g != test).flat_map(|g| seen[g].clone()).collect(),
        test: seen[test].clone(),
    };
    Ok((0..GROUPS).map(trial).collect())
}
