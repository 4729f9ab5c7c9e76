//! How much a line bends on its way from one end to another.

use geo_types::Coord;

use super::fragment::Arm;

/// Turns of a line that leaves by one arm and goes on by another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bend {
    /// Into the way between, and out of it, signed (radians).
    turns: [f64; 2],
}

impl Bend {
    /// Turns at ends without a direction are 0.
    pub(super) fn between(p: &Arm, q: &Arm) -> Self {
        let chord = q.foot - p.foot;
        let into = p.direction.map_or(0.0, |direction| turn(direction, chord));
        let out = q.direction.map_or(0.0, |direction| turn(chord, Coord::zero() - direction));
        Self { turns: [into, out] }
    }

    /// Whether no turn is larger than `single`, and both together not than `both`.
    pub(super) fn within(self, single: f64, both: f64) -> bool {
        let [into, out] = self.turns;
        into.abs() <= single && out.abs() <= single && (into + out).abs() <= both
    }

    /// A turn that stands for both: that of a circular arc, more for an S.
    ///
    /// The energy of the cubic that leaves and arrives in the given directions is
    /// 4 (a^2 - a b + b^2) over the length of its chord.
    pub(super) fn mean(self) -> f64 {
        let [a, b] = self.turns;
        (a * a - a * b + b * b).sqrt()
    }
}

/// The signed angle from one direction to another, in [-pi, pi]; 0 if one has no length.
fn turn(from: Coord<f64>, to: Coord<f64>) -> f64 {
    (from.x * to.y - from.y * to.x).atan2(from.x * to.x + from.y * to.y)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The bending energy of the cubic with the given slopes at 0 and 1, added up.
        #[test]
        fn the_mean_is_the_energy_of_a_cubic(into in -1.0..1.0_f64, out in -1.0..1.0_f64) {
            // Slopes to the chord; small angles are their own tangents.
            let (start, end) = (-into, out);
            let second = |t: f64| (6.0 * t - 4.0) * start + (6.0 * t - 2.0) * end;
            let steps = 2000;
            let sum: f64 = (0..steps)
                .map(|k| second((f64::from(k) + 0.5) / f64::from(steps)).powi(2))
                .sum();
            let energy = sum / f64::from(steps);
            let mean = Bend { turns: [into, out] }.mean();
            prop_assert!((energy - 4.0 * mean * mean).abs() < 1e-4);
        }
    }

    #[test]
    fn turns_have_signs() {
        let arm = |foot: (f64, f64), direction: (f64, f64)| Arm {
            tip: foot.into(),
            foot: foot.into(),
            direction: Some(direction.into()),
        };
        let arc = Bend::between(&arm((0.0, 0.0), (1.0, 1.0)), &arm((9.0, 0.0), (-1.0, 1.0)));
        let s = Bend::between(&arm((0.0, 0.0), (1.0, 1.0)), &arm((9.0, 0.0), (-1.0, -1.0)));
        let quarter = std::f64::consts::FRAC_PI_4;
        assert!((arc.mean() - quarter).abs() < 1e-12);
        assert!((s.mean() - quarter * 3.0_f64.sqrt()).abs() < 1e-12);
        assert!(s.within(0.8, 0.1) && !arc.within(0.8, 0.1), "an S comes back to its direction");
    }
}
