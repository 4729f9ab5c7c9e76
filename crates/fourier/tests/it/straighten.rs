use mapvec_fourier::{PlaneWave, Pose, quarter_turn, quarter_turn_back, straighten, unstraighten};
use ndarray::{Array3, Axis};
use proptest::prelude::*;

use crate::{channel, gap, noise};

proptest! {
    /// Whole cycles along the columns, any number along the rows.
    #[test]
    fn straightened_waves_are_constant_along_x(
        n in 8_usize..65, u in -4.0..4.0_f64, v in 4_i32..12, phase in -3.0..3.0_f64, sign in prop::bool::ANY,
    ) {
        let v = if sign { f64::from(v) } else { -f64::from(v) };
        prop_assume!(v.abs() < n as f64 / 2.0);
        let wave = PlaneWave::from_bin((n, n), [u, v], phase);
        let straight = straighten(channel(&wave.field((n, n))).view(), &wave, 0.0).unwrap();
        prop_assert!(!straight.pose.turned);
        prop_assert_eq!(straight.wave.frequency[0], 0.0);
        let plane = straight.planes.index_axis(Axis(0), 0).to_owned();
        for row in plane.rows() {
            prop_assert!(row.iter().all(|value| (value - row[0]).abs() < 1e-12));
        }
        prop_assert!(gap(&plane, &straight.wave.field((n, n))) < 1e-11);
    }

    #[test]
    fn steep_waves_are_turned_first(h in 8_usize..40, w in 20_usize..40, u in 4_i32..9, v in -3.9..3.9_f64) {
        let wave = PlaneWave::from_bin((h, w), [u.into(), v * h as f64 / w as f64], 1.0);
        let straight = straighten(channel(&wave.field((h, w))).view(), &wave, 0.0).unwrap();
        prop_assert!(straight.pose.turned);
        prop_assert_eq!(straight.planes.dim(), (1, w, h));
        let plane = straight.planes.index_axis(Axis(0), 0).to_owned();
        prop_assert!(gap(&plane, &straight.wave.field((w, h))) < 1e-11);
    }

    #[test]
    fn pictures_come_back(
        h in 1_usize..40, w in 1_usize..40, angle in 0.0..std::f64::consts::PI, jitter in -0.2..0.2_f64, seed in 0_u64..500,
    ) {
        let picture = channel(&noise((h, w), seed));
        let wave = PlaneWave::from_crests(angle, 5.0, 0.0);
        let straight = straighten(picture.view(), &wave, jitter).unwrap();
        let back = unstraighten(straight.planes.view(), straight.pose).unwrap();
        prop_assert!((back - &picture).iter().all(|gap| gap.abs() < 1e-10));
    }

    #[test]
    fn slopes_are_at_most_one(angle in 0.0..std::f64::consts::PI) {
        let pose = Pose::of(&PlaneWave::from_crests(angle, 4.0, 0.0)).unwrap();
        prop_assert!(pose.slope.abs() <= 1.0 + 1e-9);
    }

    /// Also where columns came around the border in the middle of a cycle.
    #[test]
    fn fields_are_those_of_the_places_that_pixels_came_from(
        u in -4.0..4.0_f64, v in 4.0..9.0_f64, phase in -3.0..3.0_f64, turn in prop::bool::ANY,
    ) {
        let bins = if turn { [v, u] } else { [u, v] };
        let wave = PlaneWave::from_bin((48, 48), bins, phase);
        let straight = straighten(channel(&wave.field((48, 48))).view(), &wave, 0.0).unwrap();
        let (moved, field) = (straight.planes.index_axis(Axis(0), 0), straight.field());
        // Columns ring beside the seam.
        let off = moved.iter().zip(&field).filter(|(a, b)| (*a - *b).abs() > 0.2).count();
        prop_assert!(off < 48 * 48 / 10, "{off} pixels");
        let back = unstraighten(channel(&field).view(), straight.pose).unwrap();
        let truth = wave.field((48, 48));
        let off = back.iter().zip(&truth).filter(|(a, b)| (*a - *b).abs() > 0.2).count();
        prop_assert!(off < 48 * 48 / 10, "{off} pixels after the way back");
    }

    /// With jitter the wave is that of the picture, too.
    #[test]
    fn jitter_leaves_a_known_slope(jitter in -0.2..0.2_f64) {
        let wave = PlaneWave::from_bin((32, 32), [2.3, 7.0], 0.5);
        let straight = straighten(channel(&wave.field((32, 32))).view(), &wave, jitter).unwrap();
        let plane = straight.planes.index_axis(Axis(0), 0).to_owned();
        prop_assert!(gap(&plane, &straight.wave.field((32, 32))) < 1e-11);
    }
}

#[test]
fn a_quarter_turn_takes_the_right_column_up() {
    let planes = Array3::from_shape_fn((1, 2, 3), |(_, y, x)| 10 * y + x);
    let turned = quarter_turn(planes.view());
    assert_eq!(turned.dim(), (1, 3, 2));
    assert_eq!(turned.iter().copied().collect::<Vec<_>>(), [2, 12, 1, 11, 0, 10]);
    assert_eq!(quarter_turn_back(turned.view()), planes);
}
