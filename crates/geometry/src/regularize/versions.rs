//! Old and new rings of a polygon that can stand side by side.

use super::with_rings;
use crate::validate::{RingForm, RingMeeting, ring_meetings};
use crate::validate_polygon;
use geo_types::{LineString, Polygon};
use std::ops::Range;

/// Polygons that are validated at most to find the new rings that may touch others.
const MOST_TRIES: usize = 32;

/// Whether a new ring may touch others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Touching {
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

    /// The valid polygon with new rings that agree with each other and the old ones; none
    /// if that is none of those tried.
    ///
    /// Where new rings only touch others, that may be right or not. If not all may, they are
    /// added to those that do not touch, in halves of halves of all rings.
    pub(super) fn valid_mix(&self) -> Option<Polygon<f64>> {
        let count = self.old.len();
        let valid = |taken: &[bool]| {
            let mix = self.mix(taken);
            validate_polygon(&mix).is_ok().then_some(mix)
        };
        let none = vec![false; count];
        if let Some(mix) = valid(&self.agreeing(&none, 0..count, Touching::Allowed)) {
            return Some(mix);
        }
        let mut taken = self.agreeing(&none, 0..count, Touching::Refused);
        let mut best = valid(&taken)?;
        let (mut groups, mut tries) = (vec![count / 2..count, 0..count / 2], 0);
        while let Some(group) = groups.pop().filter(|_| tries < MOST_TRIES) {
            let more = self.agreeing(&taken, group.clone(), Touching::Allowed);
            if more == taken {
                continue;
            }
            tries += 1;
            if let Some(mix) = valid(&more) {
                (taken, best) = (more, mix);
            } else if group.len() > 1 {
                let middle = group.start + group.len() / 2;
                groups.extend([middle..group.end, group.start..middle]);
            }
        }
        Some(best)
    }

    /// With those of a group of rings, in order, whose new form agrees with what the others
    /// are then.
    fn agreeing(&self, taken: &[bool], group: Range<usize>, touching: Touching) -> Vec<bool> {
        let mut taken = taken.to_vec();
        for ring in group {
            let agrees = |&(other, is_new, touch_only): &(usize, bool, bool)| {
                taken[other] != is_new || touch_only && touching == Touching::Allowed
            };
            taken[ring] |= self.new[ring].is_some() && self.in_the_way[ring].iter().all(agrees);
        }
        taken
    }

    /// The polygon with some of the new rings.
    fn mix(&self, taken: &[bool]) -> Polygon<f64> {
        let forms = self.old.iter().zip(self.new).zip(taken);
        let chosen = forms.map(|((old, new), taken)| match new {
            Some(new) if *taken => new.clone(),
            _ => (*old).clone(),
        });
        with_rings(chosen.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rectangle([x0, y0, x1, y1]: [f64; 4]) -> LineString<f64> {
        vec![(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)].into()
    }

    /// With its corners in the middles of the sides of a rectangle.
    fn diamond([x0, y0, x1, y1]: [f64; 4]) -> LineString<f64> {
        let (x, y) = (0.5 * (x0 + x1), 0.5 * (y0 + y1));
        vec![(x, y0), (x1, y), (x, y1), (x0, y), (x, y0)].into()
    }

    /// A page with three small holes.
    fn page() -> Vec<LineString<f64>> {
        let holes = [[2.0, 2.0, 3.0, 3.0], [6.0, 6.0, 7.0, 7.0], [9.0, 3.0, 10.0, 4.0]];
        std::iter::once([0.0, 0.0, 12.0, 12.0]).chain(holes).map(rectangle).collect()
    }

    /// Which new forms are taken.
    fn taken(new: &[Option<LineString<f64>>; 4]) -> [bool; 4] {
        let old = page();
        let old: Vec<&LineString<f64>> = old.iter().collect();
        let mix = Versions::new(&old, new).valid_mix().expect("the old rings are valid");
        let rings: Vec<&LineString<f64>> = crate::ring::rings(&mix).collect();
        std::array::from_fn(|ring| new[ring].as_ref() == Some(rings[ring]))
    }

    #[test]
    fn rings_that_may_stay() {
        // It touches the page in a point.
        let touching = diamond([0.0, 1.0, 4.0, 5.0]);
        assert_eq!(taken(&[None, Some(touching.clone()), None, None]), [false, true, false, false]);
        // The page shrinks, and a hole gets out of its way, at once.
        let smaller = rectangle([1.0, 1.0, 11.0, 11.0]);
        let apart = diamond([5.0, 5.0, 8.0, 8.0]);
        let all = [Some(smaller), None, Some(apart.clone()), None];
        assert_eq!(taken(&all), [true, false, true, false]);
        let chain = diamond([4.0, 1.0, 8.0, 5.0]);
        let chained = [None, Some(touching), Some(apart), Some(chain)];
        assert_eq!(taken(&chained), [false, true, true, true]);
    }

    #[test]
    fn rings_that_must_be_refused() {
        let fine = diamond([5.0, 5.0, 8.0, 8.0]);
        let touching = diamond([8.0, 2.0, 12.0, 5.0]);
        for wrong in [
            // Across the border of the page, along it, outside, around another hole.
            diamond([-1.0, 1.0, 3.0, 5.0]),
            rectangle([0.0, 1.0, 3.0, 4.0]),
            diamond([13.0, 1.0, 15.0, 3.0]),
            rectangle([1.0, 1.0, 8.5, 8.5]),
            // It cuts the page apart: it touches the border twice.
            vec![(0.0, 4.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)].into(),
        ] {
            let new = [None, Some(wrong.clone()), Some(fine.clone()), Some(touching.clone())];
            assert_eq!(taken(&new), [false, false, true, true], "{wrong:?}");
        }
    }

    fn form() -> impl Strategy<Value = Option<LineString<f64>>> {
        let form = (0..11_u8, 0..11_u8, 1..6_u8, 1..6_u8, any::<bool>());
        proptest::option::weighted(0.8, form).prop_map(|form| {
            let (x, y, width, height, is_diamond) = form?;
            let bounds = [x, y, x + width, y + height].map(f64::from);
            Some(if is_diamond { diamond(bounds) } else { rectangle(bounds) })
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1500))]
        /// The validator as a twin: rings in each other's way make a polygon invalid, and
        /// those that do not meet leave it valid.
        #[test]
        fn all_mixes_are_judged_as_the_validator_does(
            shrunk in proptest::option::of((0..3_u8, 0..3_u8, 9..13_u8, 9..13_u8)),
            holes in proptest::array::uniform3(form()),
        ) {
            let shrunk = shrunk.map(|(x0, y0, x1, y1)| rectangle([x0, y0, x1, y1].map(f64::from)));
            let [a, b, c] = holes;
            let new = [shrunk, a, b, c];
            let old = page();
            let old: Vec<&LineString<f64>> = old.iter().collect();
            let versions = Versions::new(&old, &new);
            for bits in 0..16_u32 {
                let taken: [bool; 4] = std::array::from_fn(|ring| bits >> ring & 1 == 1);
                if (0..4).any(|ring| taken[ring] && new[ring].is_none()) {
                    continue;
                }
                let met = || {
                    let rings = (0..4).filter(|&ring| taken[ring]);
                    let met = rings.flat_map(|ring| &versions.in_the_way[ring]);
                    met.filter(|(other, is_new, _)| taken[*other] == *is_new)
                };
                let result = validate_polygon(&versions.mix(&taken));
                if met().any(|(.., touch_only)| !touch_only) {
                    prop_assert!(result.is_err(), "{:?} {:?}", taken, new);
                } else if met().next().is_none() {
                    prop_assert_eq!(result, Ok(()), "{:?} {:?}", taken, new);
                }
            }
            let mix = versions.valid_mix();
            prop_assert!(mix.is_some_and(|mix| validate_polygon(&mix).is_ok()), "{:?}", new);
        }
    }
}
