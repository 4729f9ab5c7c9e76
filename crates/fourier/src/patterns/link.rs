//! Windows of one pattern.

use std::f64::consts::{PI, TAU};

use super::config::PatternConfig;
use super::windows::LocalWave;
use crate::plane_wave::PlaneWave;

/// Waves of neighbouring windows that continue each other, as lists of indices with the sign that
/// makes all waves of a list point to the same side. In the order of their first waves.
pub(super) fn link(
    waves: &[LocalWave],
    corners: [&[usize]; 2],
    config: &PatternConfig,
) -> Vec<Vec<(usize, PlaneWave)>> {
    // The first wave of every window; waves of a window follow each other.
    let (rows, columns) = (corners[0].len(), corners[1].len());
    let mut first = vec![waves.len(); rows * columns + 1];
    for (index, wave) in waves.iter().enumerate().rev() {
        first[wave.window.0 * columns + wave.window.1] = index;
    }
    for at in (0..rows * columns).rev() {
        first[at] = first[at].min(first[at + 1]);
    }
    let mut seen = vec![false; waves.len()];
    let mut groups = Vec::new();
    for root in 0..waves.len() {
        if seen[root] {
            continue;
        }
        seen[root] = true;
        let mut group = vec![(root, waves[root].wave)];
        let mut next = 0;
        while let Some(&(index, wave)) = group.get(next) {
            next += 1;
            let (row, column) = waves[index].window;
            for k in 0..9 {
                let (Some(row), Some(column)) =
                    ((row + k / 3).checked_sub(1), (column + k % 3).checked_sub(1))
                else {
                    continue;
                };
                if row >= rows || column >= columns {
                    continue;
                }
                let at = row * columns + column;
                for other in first[at]..first[at + 1] {
                    if seen[other] || waves[other].window == waves[index].window {
                        continue;
                    }
                    let middle = middle(&waves[index], &waves[other], corners, config.window);
                    if let Some(same) = continued(&wave, &waves[other].wave, middle, config) {
                        seen[other] = true;
                        group.push((other, same));
                    }
                }
            }
        }
        groups.push(group);
    }
    groups
}

/// The point midway between two windows.
fn middle(a: &LocalWave, b: &LocalWave, [rows, columns]: [&[usize]; 2], side: usize) -> [f64; 2] {
    let between = |a: usize, b: usize| (a + b + side) as f64 / 2.0;
    [between(columns[a.window.1], columns[b.window.1]), between(rows[a.window.0], rows[b.window.0])]
}

/// The second wave, pointing to the side of the first, if it continues it.
fn continued(
    a: &PlaneWave,
    b: &PlaneWave,
    middle: [f64; 2],
    config: &PatternConfig,
) -> Option<PlaneWave> {
    let ([u, v], [s, t]) = (a.frequency, b.frequency);
    let along = u * s + v * t;
    let b = b.towards(a);
    let turn = (u * t - v * s).abs().atan2(along.abs());
    let (f, g) = (a.norm(), b.norm());
    let slip = (a.phase_at(middle) - b.phase_at(middle) + PI).rem_euclid(TAU) - PI;
    let fits = turn <= config.max_turn
        && f.max(g) <= config.max_stretch * f.min(g)
        && slip.abs() <= config.max_slip;
    fits.then_some(b)
}
