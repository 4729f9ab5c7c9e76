//! Candidate pixels of lines to one ordered path per line.

mod bend;
mod bridges;
mod chains;
mod config;
mod cover;
mod crossings;
mod evidence;
mod fragment;
mod links;
mod regions;

pub use config::{LineBridgeConfig, LineCrossingConfig, LineGroupConfig};
pub use evidence::{LineEvidence, PixelSimilarity, embedding_similarity};

use std::collections::BTreeMap;

use geo_types::LineString;
use mapvec_geometry::simplify_line;
use ndarray::{Array2, ArrayView2};

use crate::{Error, Result};
use chains::Chain;
use cover::{Course, cover, support};
use fragment::Fragment;
use links::Links;

/// Lines and the pixels that they cover.
#[derive(Debug, Clone, PartialEq)]
pub struct LineGroups {
    /// The line of each candidate pixel (shape (H, W)): its `id`, 0 for none. A pixel that
    /// several lines share has the one whose path is nearest.
    pub labels: Array2<u32>,
    /// The lines, `lines[k]` with id k + 1.
    pub lines: Vec<LineGroup>,
}

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct LineGroup {
    /// Its number, from 1.
    pub id: u32,
    /// The group that most of its length has; 0 without groups.
    pub group: u32,
    /// From end to end in pixels, (x, y), through the middle of the line. The first point
    /// comes again at the end of a ring.
    pub path: LineString<f64>,
    /// Share of the path on candidate pixels, in [0, 1]; the rest are gaps.
    pub score: f64,
    /// Median width of the candidates along it (pixels).
    pub width: f64,
    /// Row and column of its candidates, in the order of the raster. Pixels at crossings
    /// belong to all lines that pass there.
    pub pixels: Vec<(u32, u32)>,
}

/// Groups the candidate pixels of lines (shape (H, W)) to lines, each an ordered path.
///
/// 1. Small pieces of groups are given to the groups around them, small holes are filled.
/// 2. The skeleton of each group is cut at its junctions (without groups that of the whole
///    mask).
/// 3. At each junction the ends that bend least go on into each other. Junctions with a
///    short stretch between, as two lines at a small angle make them, are one crossing.
/// 4. Free ends that point at each other are joined over gaps, the best fitting first: near,
///    with little turn, of the same group. Pieces without a direction (dots) get one with
///    their first neighbour. An R-tree finds the ends around an end.
/// 5. Linked pieces become paths. Short ones go, and those of which longer ones cover most.
///    Candidates under a path belong to it, at crossings to several.
///
/// The cost is about linear in the pixels of the bounds of all groups, and n log n in the
/// pieces.
///
/// # Errors
/// [`Error::ShapeMismatch`] for groups of another size than the mask,
/// [`Error::InvalidSetting`] for a setting out of range, [`Error::TooManyPixels`] for a side
/// of more than 2^32 - 1 pixels.
///
/// # Examples
/// ```
/// use mapvec_postprocess::{LineEvidence, LineGroupConfig, group_lines};
/// use ndarray::Array2;
///
/// // Two lines that cross, one with a gap.
/// let on = |row: usize, column: usize| {
///     row == 20 && !(30..36).contains(&column) || row == column
/// };
/// let mask = Array2::from_shape_fn((60, 60), |(row, column)| on(row, column));
/// let found = group_lines(mask.view(), LineEvidence::Continuity, &LineGroupConfig::default())?;
/// assert_eq!(found.lines.len(), 2);
/// assert!(found.lines.iter().all(|line| line.pixels.contains(&(20, 20))));
/// # Ok::<(), mapvec_postprocess::Error>(())
/// ```
pub fn group_lines(
    mask: ArrayView2<'_, bool>,
    evidence: LineEvidence<'_>,
    config: &LineGroupConfig,
) -> Result<LineGroups> {
    config.validate()?;
    let (rows, columns) = mask.dim();
    if rows.max(columns) > u32::MAX as usize {
        return Err(Error::TooManyPixels { rows, columns, limit: u32::MAX as usize });
    }
    let mask = regions::without_specks(mask, config.min_pixels);
    let solid = regions::without_holes(mask.view(), config.min_hole);
    let (groups, grouped, alike) = match evidence {
        LineEvidence::Continuity => (solid.mapv(u32::from), false, None),
        LineEvidence::Similarity(alike) => (solid.mapv(u32::from), false, Some(alike)),
        LineEvidence::Groups(groups) if groups.dim() == mask.dim() => {
            (regions::settle(solid.view(), groups, config.min_pixels), true, None)
        }
        LineEvidence::Groups(groups) => {
            let (expected, found) = (mask.dim(), groups.dim());
            return Err(Error::ShapeMismatch { field: "groups", expected, found });
        }
    };
    let fragments = fragment::fragments(solid.view(), groups.view(), config.min_spur)?;
    let mut links = Links::new(&fragments, config, alike, grouped);
    if let Some(crossings) = &config.crossings {
        crossings::pass_crossings(&mut links, crossings);
    }
    if let Some(bridges) = &config.bridges {
        bridges::bridge_gaps(&mut links, bridges)?;
    }
    let chains: Vec<Chain> = chains::chains(&links)
        .into_iter()
        .filter(|chain| chain.path.len() > 1 && chain.length() >= config.min_length)
        .filter(|chain| chain.members.iter().any(|&id| fragments[id].group > 0))
        .collect();
    let courses = chains.iter().map(|chain| Course {
        path: &chain.path,
        width: width(&fragments, chain),
        length: chain.length(),
    });
    let courses: Vec<Course<'_>> = courses.collect();
    let covered = cover(mask.view(), groups.view(), &courses, config.max_shared);
    let mut lines = Vec::with_capacity(covered.lines.len());
    for (id, (course, pixels)) in (1_u32..).zip(covered.lines) {
        let (chain, width) = (&chains[course], courses[course].width);
        let path = simplify_line(&LineString(chain.path.clone()), config.tolerance)?;
        let group = if grouped { group(&fragments, chain) } else { 0 };
        let score = support(mask.view(), &chain.path);
        lines.push(LineGroup { id, group, path, score, width, pixels });
    }
    Ok(LineGroups { labels: covered.labels, lines })
}

/// The width that half of the length of a chain does not exceed.
fn width(fragments: &[Fragment], chain: &Chain) -> f64 {
    let mut parts: Vec<(f64, f64)> = chain
        .members
        .iter()
        // Dots have no length.
        .map(|&id| (fragments[id].width, fragments[id].length.max(1.0)))
        .collect();
    parts.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = 0.5 * parts.iter().map(|part| part.1).sum::<f64>();
    let mut passed = 0.0;
    let middle = parts.iter().find(|part| {
        passed += part.1;
        passed >= half
    });
    middle.map_or(1.0, |part| part.0)
}

/// The known group of most of the length of a chain, of equal ones the lower.
fn group(fragments: &[Fragment], chain: &Chain) -> u32 {
    let mut lengths: BTreeMap<u32, f64> = BTreeMap::new();
    for fragment in chain.members.iter().map(|&id| &fragments[id]) {
        if fragment.group > 0 {
            *lengths.entry(fragment.group).or_default() += fragment.length.max(1.0);
        }
    }
    let longest = lengths.into_iter().rev().max_by(|a, b| a.1.total_cmp(&b.1));
    longest.map_or(0, |(group, _)| group)
}
