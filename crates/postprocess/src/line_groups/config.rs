//! Settings of the grouping of line pixels.

use std::f64::consts::{FRAC_PI_2, PI};

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Settings of [`group_lines`](crate::group_lines). The lengths fit lines a few pixels wide.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LineGroupConfig {
    /// Pieces of a group with fewer pixels are given to the groups around them; pieces of the
    /// mask with fewer are left out (default 6).
    pub min_pixels: usize,
    /// Holes of the mask with fewer pixels are filled before it is thinned (default 6): each
    /// would become a ring.
    pub min_hole: usize,
    /// Branches of a skeleton that are shorter are removed (pixels, at least 0, default 6).
    /// About the width of the lines is a good value.
    pub min_spur: f64,
    /// Lines that are shorter, bridged gaps included, are left out (pixels, at least 0,
    /// default 20).
    pub min_length: f64,
    /// Largest share of the pixels of a line that longer lines cover, too (0 to 1, default
    /// 0.6); with more it is left out.
    pub max_shared: f64,
    /// Length that the direction of an end is measured over (pixels, above 0, default 12).
    pub reach: f64,
    /// Least mean similarity of two pieces of a line (0 to 1, default 0.5); only for
    /// [`LineEvidence::Similarity`](crate::LineEvidence::Similarity).
    pub min_similarity: f64,
    /// Largest distance between a dropped vertex and its path (pixels, at least 0, default
    /// 0.75).
    pub tolerance: f64,
    /// How lines go on through crossings; without it each ends there.
    pub crossings: Option<LineCrossingConfig>,
    /// How gaps are bridged; without it each piece is a line.
    pub bridges: Option<LineBridgeConfig>,
}

/// How lines go on where they meet others: the straightest pairs are one line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LineCrossingConfig {
    /// Longest stretch that two crossing lines run as one (pixels, at least 0, default 16).
    /// Lines of width w that cross at an angle need about w / tan(angle / 2).
    pub max_length: f64,
    /// Largest turn into and out of a crossing and over both (radians, 0 to pi / 2, default
    /// 0.7).
    pub max_turn: f64,
}

/// How ends that point at each other are joined.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LineBridgeConfig {
    /// Largest distance between the ends (pixels, at least 0, default 30).
    pub max_gap: f64,
    /// The same between pieces of one group (pixels, at least 0, default 60).
    pub max_gap_in_group: f64,
    /// Largest turn from one line into the gap and from the gap into the other line (radians,
    /// 0 to pi / 2, default 0.5), from line to line half as much again.
    pub max_turn: f64,
    /// The same between pieces of one group (radians, 0 to pi, default pi / 2), from line to
    /// line twice as much: a line may have a corner in its gap.
    pub max_turn_in_group: f64,
    /// Whether pieces of different groups may be one line (default true): groups that
    /// something in front splits, or that a clustering took apart.
    pub rejoin: bool,
}

impl Default for LineGroupConfig {
    fn default() -> Self {
        Self {
            min_pixels: 6,
            min_hole: 6,
            min_spur: 6.0,
            min_length: 20.0,
            max_shared: 0.6,
            reach: 12.0,
            min_similarity: 0.5,
            tolerance: 0.75,
            crossings: Some(LineCrossingConfig::default()),
            bridges: Some(LineBridgeConfig::default()),
        }
    }
}

impl Default for LineCrossingConfig {
    fn default() -> Self {
        Self { max_length: 16.0, max_turn: 0.7 }
    }
}

impl Default for LineBridgeConfig {
    fn default() -> Self {
        Self {
            max_gap: 30.0,
            max_gap_in_group: 60.0,
            max_turn: 0.5,
            max_turn_in_group: FRAC_PI_2,
            rejoin: true,
        }
    }
}

impl LineGroupConfig {
    /// Checks the ranges of the fields.
    ///
    /// # Errors
    /// [`Error::InvalidSetting`] names the first field out of range.
    pub fn validate(&self) -> Result<()> {
        let length = "finite and at least 0";
        check("min_spur", self.min_spur, 0.0..=f64::MAX, length)?;
        check("min_length", self.min_length, 0.0..=f64::MAX, length)?;
        check("max_shared", self.max_shared, 0.0..=1.0, "from 0 to 1")?;
        check("reach", self.reach, f64::MIN_POSITIVE..=f64::MAX, "finite and above 0")?;
        check("min_similarity", self.min_similarity, 0.0..=1.0, "from 0 to 1")?;
        check("tolerance", self.tolerance, 0.0..=f64::MAX, length)?;
        if let Some(crossings) = &self.crossings {
            check("crossings.max_length", crossings.max_length, 0.0..=f64::MAX, length)?;
            let quarter = "from 0 to pi / 2";
            check("crossings.max_turn", crossings.max_turn, 0.0..=FRAC_PI_2, quarter)?;
        }
        if let Some(bridges) = &self.bridges {
            check("bridges.max_gap", bridges.max_gap, 0.0..=f64::MAX, length)?;
            let gap = bridges.max_gap_in_group;
            check("bridges.max_gap_in_group", gap, 0.0..=f64::MAX, length)?;
            check("bridges.max_turn", bridges.max_turn, 0.0..=FRAC_PI_2, "from 0 to pi / 2")?;
            let turn = bridges.max_turn_in_group;
            check("bridges.max_turn_in_group", turn, 0.0..=PI, "from 0 to pi")?;
        }
        Ok(())
    }
}

fn check(
    field: &'static str,
    value: f64,
    range: std::ops::RangeInclusive<f64>,
    expected: &'static str,
) -> Result<()> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(Error::InvalidSetting { field, value, expected })
}
