//! Scenes of waves: runs of crests drawn as lines, front to back.

use std::f64::consts::PI;

use mapvec_fourier::PlaneWave;
use rand::Rng;

use super::config::WaveConfig;
use crate::draw::Draw;
use crate::pattern::color::{Color, Palette};
use crate::pattern::generator::pick;
use crate::pattern::mask::BitMask;
use crate::pattern::plane::Point;
use crate::pattern::stroke::{add_stroke, row_range};

/// A drawn crest.
#[derive(Debug)]
pub(super) struct Line {
    /// The visible ends on the axis, px.
    pub(super) ends: [[f32; 2]; 2],
    /// The visible pixels.
    pub(super) mask: BitMask,
    /// Index of its pattern.
    pub(super) pattern: usize,
}

/// A visible pattern.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) wave: PlaneWave,
    /// The visible pixels of all its lines.
    pub(super) mask: BitMask,
    pub(super) color: Color,
    /// Width of its lines, px.
    pub(super) thickness: usize,
}

/// Patterns and lines, front to back.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) size: usize,
    pub(super) background: Color,
    pub(super) patterns: Vec<Pattern>,
    pub(super) lines: Vec<Line>,
}

/// Scenes that are drawn for one that has a line.
const ATTEMPTS: usize = 10;

impl Scene {
    /// The first scene that has a line.
    pub(super) fn with_lines(config: &WaveConfig, rng: &mut impl Rng) -> Self {
        let mut scene = Self::draw(config, rng);
        for _ in 1..ATTEMPTS {
            if !scene.lines.is_empty() {
                break;
            }
            scene = Self::draw(config, rng);
        }
        scene
    }

    /// A scene, which may be empty.
    pub(super) fn draw(config: &WaveConfig, rng: &mut impl Rng) -> Self {
        let size = config.size;
        let palette = Palette::new(rng, config.grayscale, config.min_contrast);
        let mut scene =
            Self { size, background: palette.background, patterns: Vec::new(), lines: Vec::new() };
        let mut covered = BitMask::empty(size, 0..size);
        let count = pick(rng, config.patterns_num_range);
        for frequency in frequencies(config, count, &mut Draw::from_rng(rng)) {
            let frequency = frequency.map(|cycles| cycles / size as f64);
            let wave = PlaneWave { frequency, phase: rng.random_range(-PI..PI) };
            let [color, _] = palette.pair(rng);
            // As many steps as there are whole pixels below half the spacing.
            let most = crate::cast::to_index(wave.spacing() / 2.0).max(2);
            let thickness = rng.random_range(1..most);
            let mut mask = BitMask::empty(size, 0..size);
            let first = scene.lines.len();
            for segment in run(config, &wave, rng) {
                let Some(line) = visible(config, segment, thickness, &covered) else { continue };
                mask.add(&line.mask);
                scene.lines.push(Line { pattern: scene.patterns.len(), ..line });
            }
            if scene.lines.len() > first {
                covered.add(&mask);
                scene.patterns.push(Pattern { wave, mask, color, thickness });
            }
        }
        scene
    }
}

/// Frequencies of a scene: of a larger number the first one, then always the one whose direction
/// is farthest from those before.
fn frequencies(config: &WaveConfig, count: usize, draw: &mut Draw) -> Vec<[f64; 2]> {
    let mut left: Vec<[f64; 2]> =
        (0..count * config.oversampling).map(|_| frequency(config, draw)).collect();
    let mut chosen: Vec<[f64; 2]> = Vec::new();
    while chosen.len() < count && !left.is_empty() {
        // The sine of the angle to the nearest one.
        let apart = |[u, v]: &[f64; 2]| {
            let sine = |[a, b]: &[f64; 2]| (a * v - b * u).abs() / (a.hypot(*b) * u.hypot(*v));
            chosen.iter().map(sine).fold(f64::INFINITY, f64::min)
        };
        let mut best = 0;
        if config.oversampling > 1 {
            for index in 1..left.len() {
                if apart(&left[index]) > apart(&left[best]) {
                    best = index;
                }
            }
        }
        chosen.push(left.remove(best));
    }
    chosen
}

fn frequency(config: &WaveConfig, draw: &mut Draw) -> [f64; 2] {
    let side = config.size as f64;
    let mut f: [f64; 2] = std::array::from_fn(|_| {
        let part = draw.normal(config.frequency_mean, config.frequency_deviation);
        let part = part.clamp(-side / 2.0, side / 2.0);
        if draw.chance(0.5) { -part } else { part }
    });
    if f[0].abs() + f[1].abs() < config.min_frequency {
        f = f.map(|part| part + (config.min_frequency * 2.0 / 3.0).copysign(part));
    }
    let norm = f[0].hypot(f[1]);
    let most = side / config.min_spacing;
    if norm > most { f.map(|part| part * most / norm) } else { f }
}

/// Neighbouring crests, cut at both ends.
fn run(config: &WaveConfig, wave: &PlaneWave, rng: &mut impl Rng) -> Vec<[Point; 2]> {
    let canvas = (config.size, config.size);
    let crests = wave.crests(canvas).into_iter();
    let mut crests: Vec<[Point; 2]> =
        crests.map(|ends| ends.map(|[x, y]| Point { x, y })).collect();
    crests.retain(|[a, b]| a.distance(*b) >= config.min_length);
    let most = crests.len().min(config.max_lines);
    if most == 0 {
        return Vec::new();
    }
    let count = rng.random_range(config.min_lines.min(most)..=most);
    let first = rng.random_range(0..=crests.len() - count);
    let crests = &crests[first..first + count];
    let between =
        |[a, b]: [Point; 2], t: f64| Point { x: a.x + t * (b.x - a.x), y: a.y + t * (b.y - a.y) };
    // Crests are equally spaced, so they cut the diagonal into equal parts.
    let diagonal =
        [crests[0], crests[count - 1]].map(|crest| between(crest, rng.random_range(0.0..1.0)));
    let last = (count - 1).max(1) as f64;
    crests
        .iter()
        .enumerate()
        .map(|(i, crest)| {
            let on_diagonal = between(diagonal, i as f64 / last);
            crest.map(|end| {
                let share =
                    config.min_width + (1.0 - config.min_width) * rng.random_range(0.0..1.0);
                between([on_diagonal, end], share)
            })
        })
        .collect()
}

/// What is visible of a line, if it is enough.
fn visible(
    config: &WaveConfig,
    segment: [Point; 2],
    thickness: usize,
    covered: &BitMask,
) -> Option<Line> {
    let width = thickness as f64;
    // Strokes have the centre of the first pixel at the origin.
    let [a, b] = segment.map(|p| Point { x: p.x - 0.5, y: p.y - 0.5 });
    let (low, high) = (a.y.min(b.y) - width / 2.0, a.y.max(b.y) + width / 2.0);
    let mut mask = BitMask::empty(config.size, row_range(low, high, config.size));
    add_stroke(&mut mask, [a, b], width);
    let full = mask.count();
    mask.subtract(covered);
    if mask.count() as f64 <= config.min_visible * full as f64 {
        return None;
    }
    let ends = visible_ends(&mask, segment)?;
    let [[ax, ay], [bx, by]] = ends.map(|end| end.map(f64::from));
    ((bx - ax).hypot(by - ay) >= config.min_length).then_some(Line { ends, mask, pattern: 0 })
}

/// The first and the last point of a segment on a pixel of a mask, to an eighth of a pixel.
#[expect(clippy::cast_possible_truncation, reason = "labels are f32")]
fn visible_ends(mask: &BitMask, [a, b]: [Point; 2]) -> Option<[[f32; 2]; 2]> {
    let steps = (a.distance(b) * 8.0).ceil().max(1.0);
    let point = |step: usize| {
        let t = step as f64 / steps;
        [(a.x + t * (b.x - a.x)) as f32, (a.y + t * (b.y - a.y)) as f32]
    };
    let on_mask = |[x, y]: &[f32; 2]| {
        let [row, column] = [*y, *x].map(|v| crate::cast::to_index(v.into()));
        mask.contains(row, column)
    };
    let last = crate::cast::to_index(steps);
    let first = (0..=last).map(point).find(on_mask)?;
    let end = (0..=last).rev().map(point).find(on_mask)?;
    Some([first, end])
}
