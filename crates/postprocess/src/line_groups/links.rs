//! Which ends of fragments go on into which.

use super::LineGroupConfig;
use super::evidence::{PixelSimilarity, similarity};
use super::fragment::{Arm, End, Fragment};

/// Fragments and the links between their ends.
pub(super) struct Links<'a> {
    pub(super) fragments: &'a [Fragment],
    pub(super) config: &'a LineGroupConfig,
    pub(super) alike: Option<PixelSimilarity<'a>>,
    /// Whether groups say which fragments belong together.
    pub(super) grouped: bool,
    /// The end that each end goes on into.
    pub(super) next: Vec<[Option<End>; 2]>,
    /// How much of each end the line does not follow (pixels).
    pub(super) inner: Vec<[f64; 2]>,
    /// Fragments that lines only pass over.
    pub(super) passed: Vec<bool>,
}

impl<'a> Links<'a> {
    pub(super) fn new(
        fragments: &'a [Fragment],
        config: &'a LineGroupConfig,
        alike: Option<PixelSimilarity<'a>>,
        grouped: bool,
    ) -> Self {
        let count = fragments.len();
        let (next, inner) = (vec![[None; 2]; count], vec![[0.0; 2]; count]);
        Self { fragments, config, alike, grouped, next, inner, passed: vec![false; count] }
    }

    /// The arm of an end of which `inner` pixels are skipped. A dot that is linked already
    /// goes on in the direction of that link.
    pub(super) fn arm(&self, (id, side): End, inner: f64) -> Arm {
        let fragment = &self.fragments[id];
        let mut arm = fragment.arm(side, inner, self.config.reach);
        if arm.direction.is_none()
            && let Some((other, other_side)) = self.next[id][1 - side]
        {
            let from = self.fragments[other].arm(other_side, 0.0, self.config.reach).foot;
            arm.direction = Some(arm.foot - from);
        }
        arm
    }

    pub(super) fn join(&mut self, p: End, q: End, inner: [f64; 2]) {
        self.next[p.0][p.1] = Some(q);
        self.next[q.0][q.1] = Some(p);
        self.inner[p.0][p.1] = self.fragments[p.0].skipped(inner[0]);
        self.inner[q.0][q.1] = self.fragments[q.0].skipped(inner[1]);
    }

    /// What unlike pixels cost: 0 to 1, `None` for pieces that must not be joined.
    pub(super) fn strangeness(&self, p: End, q: End, inner: f64) -> Option<f64> {
        let Some(alike) = self.alike else { return Some(0.0) };
        let ends = [p, q].map(|(id, side)| (&self.fragments[id], side));
        let alike = similarity(alike, ends, (inner, self.config.reach));
        (alike >= self.config.min_similarity).then_some(1.0 - alike)
    }
}
