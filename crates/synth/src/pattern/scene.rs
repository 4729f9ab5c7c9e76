//! What is visible of patterns that lie over each other.

use super::color::Color;
use super::config::{PatternFamily, VectorMode};
use super::mask::BitMask;
use super::plane::{Point, direction};
use crate::cast::to_index;

/// A component as it is drawn where nothing hides it.
#[derive(Debug)]
pub(super) struct Part {
    /// All its pixels.
    pub(super) full: BitMask,
    /// Those of its border, for symbols that have one of another colour.
    pub(super) border: Option<BitMask>,
    /// The axis of a line.
    pub(super) vector: Option<[Point; 2]>,
}

/// A pattern as it is drawn where nothing hides it.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) components: Vec<Part>,
    /// The line through the centres of symbols.
    pub(super) axis: Option<[Point; 2]>,
    /// The direction of the whole, in `[0, pi)`.
    pub(super) angle: Option<f64>,
    /// Width of its lines, px.
    pub(super) thickness: usize,
}

/// A visible line or symbol.
#[derive(Debug, Clone, PartialEq)]
pub struct Component {
    /// Its visible pixels.
    pub mask: BitMask,
    /// Those that have the colour of borders.
    pub border: Option<BitMask>,
    /// Pixels it would have if nothing hid it.
    pub full_pixels: usize,
    /// The axis of a line where nothing hides it.
    axis: Option<[Point; 2]>,
    /// Width of a line, the larger side of the visible box of a symbol; px.
    pub thickness: u32,
    /// First and last row, first and last column of the visible pixels.
    pub extent: [usize; 4],
    /// Index of its pattern in [`PatternScene::patterns`].
    pub pattern: usize,
}

impl Component {
    /// Whether it is a line and not a symbol.
    #[must_use]
    pub fn is_line(&self) -> bool {
        self.axis.is_some()
    }

    /// The ends of a line in px, `[x, y]` each: centres of two visible pixels. Looks at all pixels
    /// of the mask at every call.
    #[must_use]
    pub fn vector(&self) -> Option<[[f32; 2]; 2]> {
        self.axis.map(|axis| points(ends(&self.mask, axis)))
    }

    /// The undirected direction of the [vector](Self::vector) of a line, radians in `[0, pi)`
    /// from +x towards +y.
    #[must_use]
    pub fn angle(&self) -> Option<f32> {
        let [a, b] = ends(&self.mask, self.axis?);
        Some(direction(a, b))
    }
}

/// A visible pattern.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern {
    /// What kind of pattern.
    pub family: PatternFamily,
    /// Its visible pixels.
    pub mask: BitMask,
    /// Colour of lines and fillings and colour of borders, red, green and blue from 0 to 1.
    pub colors: [Color; 2],
    /// The visible ends of the line through the centres of its symbols, px, `[x, y]` each.
    pub axis: Option<[[f32; 2]; 2]>,
    /// Its components in [`PatternScene::components`].
    pub components: std::ops::Range<usize>,
}

/// Patterns from front to back, and what is visible of them.
#[derive(Debug, Clone, PartialEq)]
pub struct PatternScene {
    /// Side of the canvas, px.
    pub size: usize,
    /// Colour where nothing is drawn, red, green and blue from 0 to 1.
    pub background: [f32; 3],
    /// The visible patterns, front to back. Their pixels are disjoint.
    pub patterns: Vec<Pattern>,
    /// The visible components of all patterns in the order of these. Those of one pattern may
    /// share pixels.
    pub components: Vec<Component>,
}

/// When a component counts as visible.
#[derive(Debug, Clone, Copy)]
pub(super) struct Visibility {
    /// A line has more pixels.
    pub(super) line_pixels: f64,
    /// A symbol has as many.
    pub(super) symbol_pixels: usize,
    /// More than this share is visible.
    pub(super) share: f64,
    pub(super) mode: VectorMode,
    /// Whether symbols have the line of their row as a vector.
    pub(super) axes: bool,
}

impl PatternScene {
    pub(super) fn new(size: usize, background: Color) -> Self {
        Self { size, background, patterns: Vec::new(), components: Vec::new() }
    }

    /// Adds what is visible of a pattern behind all others. `covered` are the pixels of those
    /// before, to which its own are added.
    pub(super) fn add(
        &mut self,
        draft: Draft,
        (family, colors): (PatternFamily, [Color; 2]),
        covered: &mut BitMask,
        rule: Visibility,
    ) {
        let first = self.components.len();
        let mut all = BitMask::empty(self.size, 0..self.size);
        for part in draft.components {
            let Some(component) = visible(part, covered, draft.thickness, rule) else {
                continue;
            };
            all.add(&component.mask);
            self.components.push(Component { pattern: self.patterns.len(), ..component });
        }
        let components = first..self.components.len();
        if components.is_empty() {
            return;
        }
        covered.add(&all);
        let wanted = rule.axes && components.len() > 2;
        let axis = draft.axis.filter(|_| wanted).map(|axis| ends(&all, axis));
        let axis = axis.filter(|[a, b]| a != b).map(points);
        self.patterns.push(Pattern { family, mask: all, colors, axis, components });
    }
}

/// What is visible of a part, if it is enough.
fn visible(part: Part, covered: &BitMask, width: usize, rule: Visibility) -> Option<Component> {
    let full_pixels = part.full.count();
    let mut mask = part.full;
    mask.subtract(covered);
    if part.vector.is_some() && rule.mode == VectorMode::Fragment {
        mask = largest_fragment(mask);
    }
    let count = mask.count();
    let enough = if part.vector.is_some() {
        count as f64 > rule.line_pixels
    } else {
        count >= rule.symbol_pixels
    };
    if !enough || count as f64 <= rule.share * full_pixels as f64 {
        return None;
    }
    if part.vector.is_some_and(|axis| is_point(&mask, axis, width)) {
        return None;
    }
    let extent = mask.extent()?;
    let [top, bottom, left, right] = extent;
    let axis = part.vector;
    let thickness = if axis.is_some() { width } else { (bottom - top).max(right - left) + 1 };
    let border = part.border.map(|border| border.intersection(&mask));
    #[expect(clippy::cast_possible_truncation, reason = "at most the side of a canvas")]
    let thickness = thickness as u32;
    Some(Component { mask, border, full_pixels, axis, thickness, extent, pattern: 0 })
}

/// Centres of pixels in the convention of the project: pixel `j` covers `[j, j + 1)`.
#[expect(clippy::cast_possible_truncation, reason = "labels are f32")]
fn points(ends: [Point; 2]) -> [[f32; 2]; 2] {
    ends.map(|p| [p.x as f32 + 0.5, p.y as f32 + 0.5])
}

/// Whether both ends of a line of some width are one pixel, which has no direction.
fn is_point(mask: &BitMask, axis: [Point; 2], width: usize) -> bool {
    let [a, b] = axis;
    let visible = |p: Point| mask.contains(to_index(p.y), to_index(p.x));
    // Most lines are long and show their ends, which no pixel beside them is preferred to then.
    if visible(a) && visible(b) && a.distance(b) > width as f64 {
        return false;
    }
    let [first, last] = ends(mask, axis);
    first == last
}

/// The pixels of a mask at both ends of an axis: for each end that which is farthest from the
/// other one, less the square of its distance from the axis.
fn ends(mask: &BitMask, [a, b]: [Point; 2]) -> [Point; 2] {
    let (dx, dy) = (b.x - a.x, b.y - a.y);
    let length = dx * dx + dy * dy;
    let mut best = [(f64::NEG_INFINITY, a), (f64::NEG_INFINITY, b)];
    let length = if length > 0.0 { length.sqrt() } else { 1.0 };
    let (ux, uy) = (dx / length, dy / length);
    mask.each(|y, x| {
        let p = Point { x: x as f64, y: y as f64 };
        let (px, py) = (p.x - a.x, p.y - a.y);
        let (along, across) = (px * ux + py * uy, px * uy - py * ux);
        let off = across * across;
        // The first end is far from the second and the other way round.
        for (best, along) in best.iter_mut().zip([length - along, along]) {
            // The root is at most `|along| + |across|`, and `|across| - off` at most a quarter.
            if along.abs() + 0.25 <= best.0 {
                continue;
            }
            let score = (along * along + off).sqrt() - off;
            if score > best.0 {
                *best = (score, p);
            }
        }
    });
    [best[0].1, best[1].1]
}

/// The largest part of a mask whose pixels touch, also at corners; of equal ones the first in
/// reading order.
fn largest_fragment(mask: BitMask) -> BitMask {
    let mut left = mask.clone();
    let mut best: Option<(usize, BitMask)> = None;
    while let Some((y, x)) = first_pixel(&left) {
        let mut fragment = BitMask::empty(mask.size(), mask.rows());
        let mut stack = vec![(y, x)];
        fragment.add_span(signed(y), signed(x), signed(x));
        let mut count = 0;
        while let Some((y, x)) = stack.pop() {
            count += 1;
            for (i, j) in (0..9).map(|k| (y + k / 3, x + k % 3)) {
                let (Some(i), Some(j)) = (i.checked_sub(1), j.checked_sub(1)) else { continue };
                if left.contains(i, j) && !fragment.contains(i, j) {
                    fragment.add_span(signed(i), signed(j), signed(j));
                    stack.push((i, j));
                }
            }
        }
        left.subtract(&fragment);
        if best.as_ref().is_none_or(|(most, _)| count > *most) {
            best = Some((count, fragment));
        }
    }
    best.map_or(mask, |(_, fragment)| fragment)
}

fn first_pixel(mask: &BitMask) -> Option<(usize, usize)> {
    let [top, ..] = mask.extent()?;
    (0..mask.size()).find(|x| mask.contains(top, *x)).map(|x| (top, x))
}

#[expect(clippy::cast_possible_wrap, reason = "columns and rows of a canvas")]
fn signed(v: usize) -> i64 {
    v as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(size: usize, y: i64, from: i64, to: i64) -> BitMask {
        let mut mask = BitMask::empty(size, 0..size);
        mask.add_span(y, from, to);
        mask
    }

    #[test]
    fn a_gap_is_bridged_or_the_larger_part_stays() {
        let at = |x: f64| Point { x, y: 5.0 };
        let part =
            || Part { full: bar(32, 5, 2, 29), border: None, vector: Some([at(2.0), at(29.0)]) };
        let mut covered = bar(32, 5, 8, 11);
        covered.add(&bar(32, 6, 0, 31));
        let rule =
            |mode| Visibility { line_pixels: 3.0, symbol_pixels: 1, share: 0.5, mode, axes: false };
        let bridged = visible(part(), &covered, 1, rule(VectorMode::Bridged)).unwrap();
        assert_eq!(bridged.vector(), Some([[2.5, 5.5], [29.5, 5.5]]));
        assert_eq!((bridged.mask.count(), bridged.full_pixels), (24, 28));
        let fragment = visible(part(), &covered, 1, rule(VectorMode::Fragment)).unwrap();
        assert_eq!(fragment.vector(), Some([[12.5, 5.5], [29.5, 5.5]]));
        assert_eq!(fragment.mask.count(), 18);
        // Hidden by half, it is gone.
        let covered = bar(32, 5, 0, 15);
        assert!(visible(part(), &covered, 1, rule(VectorMode::Bridged)).is_none());
    }

    #[test]
    fn a_line_of_which_one_pixel_is_both_ends_is_gone() {
        let (at, on) = (Point { x: 5.0, y: 5.0 }, BitMask::empty(32, 0..32));
        let mut disc = on.clone();
        for y in 4..7 {
            disc.add_span(y, 4, 6);
        }
        // A line of no length, and one of which only a piece across it is left.
        let far = Point { x: 20.0, ..at };
        let mut piece = on.clone();
        piece.add_span(5, 9, 9);
        piece.add_span(6, 9, 9);
        for (full, vector) in [(disc, [at, at]), (piece, [at, far])] {
            for mode in [VectorMode::Bridged, VectorMode::Fragment] {
                let part = Part { full: full.clone(), border: None, vector: Some(vector) };
                let rule =
                    Visibility { line_pixels: 0.0, symbol_pixels: 1, share: 0.5, mode, axes: true };
                assert!(visible(part, &on, 3, rule).is_none(), "{vector:?}");
            }
        }
    }
}
