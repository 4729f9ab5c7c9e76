//! Old and new rings of a polygon that can stand side by side.

use super::with_rings;
use crate::validate::{RingForm, RingMeeting, ring_meetings};
use geo_types::{LineString, Polygon};

/// Whether a new ring may touch others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Touching {
    Allowed,
    Refused,
}

/// The rings of a valid polygon, the exterior first, and new ones for some of them.
pub(super) struct Versions<'a> {
    old: &'a [&'a LineString<f64>],
    new: &'a [Option<LineString<f64>>],
    /// For the new form of each ring, what it is in the way of: a ring, whether its new
    /// form is meant, and whether the two only touch.
    in_the_way: Vec<Vec<(usize, bool, bool)>>,
}

impl<'a> Versions<'a> {
    /// Compares every new ring with both forms of all others, in one go.
    pub(super) fn new(old: &'a [&'a LineString<f64>], new: &'a [Option<LineString<f64>>]) -> Self {
        let both = |(ring, (&old, new)): (usize, (&&'a LineString<f64>, &'a Option<_>))| {
            let new = new.iter().map(move |line| RingForm { ring, is_new: true, line });
            std::iter::once(RingForm { ring, is_new: false, line: old }).chain(new)
        };
        let forms: Vec<RingForm<'_>> = old.iter().zip(new).enumerate().flat_map(both).collect();
        let mut in_the_way = vec![Vec::new(); old.len()];
        for RingMeeting { lines: [a, b], touch_only } in ring_meetings(&forms) {
            for [form, other] in [[forms[a], forms[b]], [forms[b], forms[a]]] {
                if form.is_new {
                    in_the_way[form.ring].push((other.ring, other.is_new, touch_only));
                }
            }
        }
        Self { old, new, in_the_way }
    }

    /// The polygon with each new ring, in order, that agrees with what the others are then.
    pub(super) fn agreeing(&self, touching: Touching) -> Polygon<f64> {
        let mut taken = vec![false; self.old.len()];
        for ring in 0..taken.len() {
            let agrees = |&(other, is_new, touch_only): &(usize, bool, bool)| {
                taken[other] != is_new || touch_only && touching == Touching::Allowed
            };
            taken[ring] = self.new[ring].is_some() && self.in_the_way[ring].iter().all(agrees);
        }
        let forms = self.old.iter().zip(self.new).zip(taken);
        let chosen = forms.map(|((old, new), taken)| match new {
            Some(new) if taken => new.clone(),
            _ => (*old).clone(),
        });
        with_rings(chosen.collect())
    }
}
