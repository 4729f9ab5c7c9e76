//! Transforms: round trips, exactness and agreement of the models.

use geo_types::{Coord, LineString};
use mapvec_geometry::{
    Affine, ControlPointFault, Error, GroundControlPoint, Warp, WarpModel, fit_ground_control,
};
use proptest::prelude::*;

fn coord(range: f64) -> impl Strategy<Value = Coord<f64>> {
    (-range..range, -range..range).prop_map(|(x, y)| Coord { x, y })
}

/// Scale, rotation, shear and an offset of any size.
fn affine() -> impl Strategy<Value = Affine> {
    let scales = (-6.0..4.0_f64, 0.5..2.0_f64, any::<bool>());
    (scales, 0.0..6.2_f64, -0.9..0.9_f64, coord(1e7)).prop_map(
        |((log, ratio, flip), angle, shear, offset)| {
            let (sx, sy) = (10_f64.powf(log), 10_f64.powf(log) * ratio);
            let sy = if flip { -sy } else { sy };
            let (s, c) = angle.sin_cos();
            let (a, b) = (sx * c, -sy * (s - shear * c));
            let (d, e) = (sx * s, sy * (c + shear * s));
            Affine::new([a, b, offset.x], [d, e, offset.y]).unwrap_or_default()
        },
    )
}

fn distance(p: Coord<f64>, q: Coord<f64>) -> f64 {
    (p.x - q.x).hypot(p.y - q.y)
}

/// Points on a jittered grid: never on one curve of low order.
fn pixels(side: usize) -> impl Strategy<Value = Vec<Coord<f64>>> {
    proptest::collection::vec(coord(0.3), side * side).prop_map(move |jitter| {
        let place = |(k, shift): (usize, Coord<f64>)| Coord {
            x: 700.0 * ((k % side) as f64 + shift.x),
            y: 500.0 * ((k / side) as f64 + shift.y),
        };
        jitter.into_iter().enumerate().map(place).collect()
    })
}

fn pair(
    pixels: &[Coord<f64>],
    world: impl Fn(Coord<f64>) -> Coord<f64>,
) -> Vec<GroundControlPoint> {
    pixels.iter().map(|&pixel| GroundControlPoint { pixel, world: world(pixel) }).collect()
}

/// A cubic in metres, mild enough to be one to one around the points.
fn cubic(c: &[f64], p: Coord<f64>, order: usize) -> Coord<f64> {
    let (x, y) = (p.x / 3000.0, p.y / 3000.0);
    let terms = [x * x, x * y, y * y, x * x * x, x * x * y, x * y * y, y * y * y];
    let count = [0, 0, 3, 7][order];
    let bend = |shift: usize| -> f64 {
        let bent = terms[..count].iter().enumerate().map(|(k, t)| c[(k + shift) % c.len()] * t);
        100.0 * bent.sum::<f64>()
    };
    Coord { x: 7e5 + 1.5 * p.x - 0.2 * p.y + bend(0), y: 6.6e6 + 0.1 * p.x - 1.4 * p.y + bend(3) }
}

proptest! {
    #[test]
    fn affine_round_trip(affine in affine(), p in coord(5000.0), q in coord(5000.0)) {
        let back = affine.inverse()?;
        let world = affine.apply(p);
        // What the world coordinate can hold limits the way back.
        let scale = affine.determinant().abs().sqrt();
        let limit = 1e-9 + 1e-14 * (1e7 + 5000.0 * scale) / scale;
        prop_assert!(distance(back.apply(world), p) <= limit);
        let both = affine.then(&back);
        prop_assert!(distance(both.apply(p), p) <= limit);
        let again = Affine::from_gdal(affine.to_gdal())?;
        prop_assert_eq!(again, affine);
        let file = Affine::from_world_file(affine.to_world_file())?;
        prop_assert!(distance(file.apply(p), world) <= 1e-8 * (1.0 + scale));
        let line = affine.apply_shape(&LineString(vec![p, q]));
        prop_assert_eq!(line, LineString(vec![world, affine.apply(q)]));
    }

    #[test]
    fn polynomials_reproduce_polynomials(
        pixels in pixels(4),
        c in proptest::collection::vec(-1.0..1.0_f64, 7),
        p in (0.0..2000.0_f64, 0.0..1500.0_f64),
        true_order in 1_usize..=3,
    ) {
        let p = Coord::from(p);
        let points = pair(&pixels, |p| cubic(&c, p, true_order));
        for order in true_order..=3 {
            let warp = fit_ground_control(&points, &WarpModel::Polynomial { order })?;
            prop_assert!(warp.rmse() < 1e-7, "{}", warp.rmse());
            let world = warp.apply(p);
            prop_assert!(distance(world, cubic(&c, p, true_order)) < 1e-6);
            prop_assert!(distance(warp.inverse(world)?, p) < 1e-6);
        }
    }

    #[test]
    fn splines_are_exact_at_their_points_and_invert(
        pixels in pixels(4),
        noise in proptest::collection::vec(coord(30.0), 16),
        c in proptest::collection::vec(-1.0..1.0_f64, 7),
        p in (0.0..2000.0_f64, 0.0..1500.0_f64),
    ) {
        let p = Coord::from(p);
        let mut points = pair(&pixels, |p| cubic(&c, p, 3));
        for (point, shift) in points.iter_mut().zip(noise) {
            point.world = point.world + shift;
        }
        let exact = fit_ground_control(&points, &WarpModel::ThinPlate { smoothing: 0.0 })?;
        for point in &points {
            prop_assert!(distance(exact.apply(point.pixel), point.world) < 1e-7);
        }
        let back = exact.inverse(exact.apply(p))?;
        prop_assert!(distance(exact.apply(back), exact.apply(p)) < 1e-5);
        // More smoothing, larger residuals, up to those of the affine fit.
        let rmse = |smoothing| -> Result<f64, Error> {
            Ok(fit_ground_control(&points, &WarpModel::ThinPlate { smoothing })?.rmse())
        };
        let affine = fit_ground_control(&points, &WarpModel::default())?;
        let (small, large, huge) = (rmse(0.01)?, rmse(1.0)?, rmse(1e9)?);
        prop_assert!(exact.rmse() < small && small < large && large < affine.rmse());
        prop_assert!((huge - affine.rmse()).abs() < 1e-5 * affine.rmse());
    }

    #[test]
    fn least_squares_residuals_are_orthogonal(
        pixels in pixels(4),
        noise in proptest::collection::vec(coord(30.0), 16),
    ) {
        let mut points = pair(&pixels, |p| cubic(&[0.0], p, 1));
        for (point, shift) in points.iter_mut().zip(noise) {
            point.world = point.world + shift;
        }
        for order in 1..=3 {
            let warp = fit_ground_control(&points, &WarpModel::Polynomial { order })?;
            let monomials: [fn(f64, f64) -> f64; 6] =
                [|_, _| 1.0, |x, _| x, |_, y| y, |x, _| x * x, |x, y| x * y, |_, y| y * y];
            for monomial in monomials.iter().take((order + 1) * (order + 2) / 2) {
                let mut sum = Coord::zero();
                for (point, &residual) in points.iter().zip(warp.residuals()) {
                    sum = sum + residual * monomial(point.pixel.x / 2000.0, point.pixel.y / 2000.0);
                }
                prop_assert!(sum.x.hypot(sum.y) < 1e-5, "order {}: {:?}", order, sum);
            }
        }
    }

    #[test]
    fn bad_points_give_errors(
        points in proptest::collection::vec(
            (coord(3.0), coord(3.0)).prop_map(|(p, q)| (p.x.round(), p.y.round(), q)), 0..14),
        spoil in prop_oneof![Just(0.0), Just(f64::NAN), Just(f64::INFINITY), Just(1e300)],
        order in 0_usize..5,
    ) {
        let mut points: Vec<_> = points.into_iter().map(|(x, y, world)| {
            GroundControlPoint { pixel: Coord { x, y }, world }
        }).collect();
        if let Some(last) = points.last_mut() {
            last.world.x += spoil;
        }
        for model in [WarpModel::Polynomial { order }, WarpModel::ThinPlate { smoothing: 0.0 }] {
            if let Ok(warp) = fit_ground_control(&points, &model) {
                prop_assert!(warp.rmse().is_finite());
                // An inverse is found or refused, but never wrong.
                let target = Coord { x: 0.7, y: -0.3 };
                if let Ok(pixel) = warp.inverse(target) {
                    prop_assert!(distance(warp.apply(pixel), target) < 1e-7);
                }
            }
        }
    }
}

fn fault(points: &[GroundControlPoint], model: &WarpModel) -> Option<ControlPointFault> {
    match fit_ground_control(points, model) {
        Err(Error::ControlPoints(fault)) => Some(fault),
        _ => None,
    }
}

#[test]
fn faults_are_named() {
    let same = |p| p;
    let line: Vec<_> = (0..12).map(|k| Coord { x: f64::from(k), y: 2.0 * f64::from(k) }).collect();
    let circle: Vec<_> = (0..12).map(f64::from).map(|k| Coord { x: k.cos(), y: k.sin() }).collect();
    let affine = WarpModel::default();
    let spline = WarpModel::ThinPlate { smoothing: 0.0 };
    assert_eq!(
        fault(&pair(&line, same), &affine),
        Some(ControlPointFault::Degenerate { order: 1 })
    );
    assert_eq!(
        fault(&pair(&line, same), &spline),
        Some(ControlPointFault::Degenerate { order: 1 })
    );
    let quadratic = WarpModel::Polynomial { order: 2 };
    assert_eq!(
        fault(&pair(&circle, same), &quadratic),
        Some(ControlPointFault::Degenerate { order: 2 })
    );
    assert_eq!(
        fault(&pair(&circle[..5], same), &quadratic),
        Some(ControlPointFault::TooFew { count: 5, required: 6 })
    );
    let mut twice = circle.clone();
    twice.push(circle[3]);
    assert_eq!(
        fault(&pair(&twice, same), &affine),
        Some(ControlPointFault::Duplicate { first: 3, second: 12 })
    );
    let mut nan = pair(&circle, same);
    nan[4].world.y = f64::NAN;
    assert_eq!(fault(&nan, &spline), Some(ControlPointFault::NonFinite { index: 4 }));
    let order = fit_ground_control(&pair(&circle, same), &WarpModel::Polynomial { order: 4 });
    assert!(matches!(order, Err(Error::Parameter { field: "warp.order", .. })));
}

#[test]
fn affine_fit_is_an_affine() {
    let truth = Affine::new([0.5, 0.1, 7e5], [0.1, -0.5, 6.6e6]).unwrap();
    let pixels = [(0.0, 0.0), (900.0, 10.0), (880.0, 700.0), (20.0, 680.0)].map(Coord::from);
    let warp: Warp =
        fit_ground_control(&pair(&pixels, |p| truth.apply(p)), &WarpModel::default()).unwrap();
    let affine = warp.to_affine().unwrap();
    for (got, expected) in affine.to_gdal().into_iter().zip(truth.to_gdal()) {
        assert!((got - expected).abs() < 1e-8 * (1.0 + expected.abs()), "{got} {expected}");
    }
}
