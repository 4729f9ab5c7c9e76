use std::f64::consts::PI;

use mapvec_fourier::PlaneWave;
use proptest::prelude::*;

use crate::gap;

fn apart(a: f64, b: f64) -> f64 {
    let d = (a - b).rem_euclid(PI);
    d.min(PI - d)
}

proptest! {
    #[test]
    fn crests_lie_on_maxima_at_their_spacing(
        h in 16_usize..200, w in 16_usize..300, angle in 0.0..PI, spacing in 2.0_f64..40.0, phase in -PI..PI,
    ) {
        let wave = PlaneWave::from_crests(angle, spacing, phase);
        prop_assert!(apart(wave.angle(), angle) < 1e-9);
        prop_assert!((wave.spacing() - spacing).abs() < 1e-9);
        let crests = wave.crests((h, w));
        let span = (w as f64 * angle.sin().abs() + h as f64 * angle.cos().abs()) / spacing;
        prop_assert!((crests.len() as f64 - span).abs() <= 1.0, "{} of {span}", crests.len());
        for pair in crests.windows(2) {
            let ([a, _], [b, _]) = (pair[0], pair[1]);
            let across = (b[0] - a[0]) * angle.sin() - (b[1] - a[1]) * angle.cos();
            prop_assert!((across.abs() - spacing).abs() < 1e-6, "{across}");
        }
        for [a, b] in crests {
            let middle = [0.3 * a[0] + 0.7 * b[0], 0.3 * a[1] + 0.7 * b[1]];
            for at in [a, b, middle] {
                prop_assert!(wave.value(at) > 1.0 - 1e-9, "{}", wave.value(at));
                prop_assert!((0.0..=w as f64).contains(&at[0]) && (0.0..=h as f64).contains(&at[1]));
            }
            if (b[0] - a[0]).hypot(b[1] - a[1]) > 1e-3 {
                prop_assert!(apart((b[1] - a[1]).atan2(b[0] - a[0]), angle) < 1e-6);
            }
        }
    }

    #[test]
    fn other_forms_of_a_wave_have_its_values(
        u in -0.5..0.5_f64, v in -0.5..0.5_f64, phase in -9.0..9.0_f64, x in -9.0..9.0_f64, y in -9.0..9.0_f64,
    ) {
        let (h, w) = (7, 9);
        let wave = PlaneWave { frequency: [u, v], phase };
        let field = wave.field((h, w));
        for ((i, j), value) in field.indexed_iter() {
            prop_assert!((value - wave.value([j as f64 + 0.5, i as f64 + 0.5])).abs() < 1e-12);
        }
        let canonical = wave.canonical();
        prop_assert!(canonical.frequency[1] > 0.0 || (canonical.frequency[1] == 0.0 && canonical.frequency[0] >= 0.0));
        prop_assert!(canonical.phase > -PI && canonical.phase <= PI);
        prop_assert!(gap(&canonical.field((h, w)), &field) < 1e-12);
        let at = [3.0, -2.0];
        let moved = wave.moved([x, y]);
        prop_assert!((moved.value([at[0] + x, at[1] + y]) - wave.value(at)).abs() < 1e-12);
        let turned = wave.quarter_turned(w);
        prop_assert!((turned.value([at[1], w as f64 - at[0]]) - wave.value(at)).abs() < 1e-12);
        let bins = wave.bins((h, w));
        let corner = wave.phase + PI * (u + v);
        prop_assert!(gap(&PlaneWave::from_bin((h, w), bins, corner).field((h, w)), &field) < 1e-12);
    }
}

#[test]
fn a_constant_has_no_crests() {
    for frequency in [[0.0; 2], [f64::NAN, 0.1], [f64::INFINITY, 0.1], [1e9, 0.0]] {
        let wave = PlaneWave { frequency, phase: 0.0 };
        assert!(wave.crests((32, 32)).is_empty(), "{frequency:?}");
    }
}

#[test]
fn of_both_forms_the_nearer_one_is_chosen() {
    let wave = PlaneWave { frequency: [0.2, -0.1], phase: 0.7 };
    let other = PlaneWave { frequency: [-0.18, 0.12], phase: -0.6 };
    let turned = wave.towards(&other);
    assert_eq!(turned, PlaneWave { frequency: [-0.2, 0.1], phase: -0.7 });
    assert_eq!(turned.towards(&other), turned);
    assert_eq!(turned.towards(&wave), wave);
    assert!((wave.value([3.0, 4.0]) - turned.value([3.0, 4.0])).abs() < 1e-15);
}
