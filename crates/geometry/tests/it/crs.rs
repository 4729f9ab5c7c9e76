//! Reference systems against published coordinates and PROJ 9.5.1.

use geo_types::{Coord, LineString};
use mapvec_geometry::{Crs, CrsTransform, Error};
use proptest::prelude::*;

type Case = (u32, u32, (f64, f64), (f64, f64));

fn transform(from: u32, to: u32) -> Result<CrsTransform, Error> {
    CrsTransform::new(Crs::from_epsg(from)?, Crs::from_epsg(to)?)
}

fn assert_close(cases: &[Case], metres: f64) -> Result<(), Error> {
    for &(from, to, source, target) in cases {
        let forth = transform(from, to)?.apply(source.into())?;
        let miss = (forth.x - target.0).hypot(forth.y - target.1);
        assert!(miss <= metres, "{from} -> {to} {source:?}: {forth:?}, {miss} m off");
        let back = transform(to, from)?.apply(forth)?;
        let miss = (back.x - source.0).hypot(back.y - source.1);
        // A change of datum drops the height and with it up to 2 millimetres.
        let limit = if source.0.abs() > 360.0 { 2e-3 } else { 2e-8 };
        assert!(miss < limit, "{to} -> {from}: {back:?}, {miss} off");
    }
    Ok(())
}

fn degrees(whole: f64, minutes: f64, seconds: f64) -> f64 {
    whole + minutes / 60.0 + seconds / 3600.0
}

/// Published to the centimetre or better.
#[test]
fn published_coordinates() -> Result<(), Error> {
    // EPSG guidance note 7-2: pseudo-Mercator; Lambert azimuthal equal area.
    let mercator = (-degrees(100.0, 20.0, 0.0), degrees(24.0, 22.0, 54.433));
    assert_close(&[(4326, 3857, mercator, (-11_169_055.58, 2_800_000.00))], 0.01)?;
    assert_close(&[(4258, 3035, (5.0, 50.0), (3_962_799.45, 2_999_718.85))], 0.01)?;
    // swisstopo, formulas and constants of the Swiss projection: Rigi.
    let rigi = (degrees(8.0, 29.0, 11.111_271_54), degrees(47.0, 3.0, 28.956_592_33));
    assert_close(&[(4150, 2056, rigi, (2_679_520.05, 1_212_273.44))], 0.01)?;
    assert_close(&[(4149, 21781, rigi, (679_520.05, 212_273.44))], 0.01)?;
    // swisstopo, approximate formulas: the rigorous values of the example, whose
    // angles are rounded to 0.01 seconds (0.3 m). Through the change of datum.
    let example = (degrees(8.0, 43.0, 49.79), degrees(46.0, 2.0, 38.87));
    assert_close(&[(4326, 21781, example, (700_000.0, 100_000.0))], 0.3)?;
    assert_close(&[(4326, 2056, example, (2_700_000.0, 1_100_000.0))], 0.3)?;
    // By definition: false origins.
    assert_close(&[(4171, 2154, (3.0, 46.5), (700_000.0, 6_600_000.0))], 0.001)?;
    let bern = (degrees(7.0, 26.0, 22.5), degrees(46.0, 57.0, 8.66));
    assert_close(&[(4150, 2056, bern, (2_600_000.0, 1_200_000.0))], 0.001)
}

/// PROJ 9.5.1 to 0.1 centimetres, without a change of datum.
#[test]
fn projections_agree_with_proj() -> Result<(), Error> {
    assert_close(
        &[
            (4326, 3857, (179.9, -84.9), (20_026_376.394, -19_845_401.336)),
            (4326, 3395, (12.5, 55.7), (1_391_493.635, 7_463_598.141)),
            (4326, 32638, (44.4, 33.3), (444_140.545, 3_684_706.356)),
            (4326, 32631, (2.2945, 48.8583), (448_251.898, 5_411_943.794)),
            (4326, 32733, (18.4, -33.9), (814_420.331, 6_243_724.840)),
            (4326, 32720, (-66.1, -17.4), (170_601.073, 8_073_527.452)),
            (4258, 25832, (5.9, 51.3), (283_902.948, 5_687_751.261)),
            (4258, 25833, (16.2, 69.5), (546_898.525, 7_710_576.065)),
            (4269, 26915, (-93.3, 45.0), (476_355.411, 4_982_994.171)),
            (4171, 2154, (2.2945, 48.8583), (648_237.202, 6_862_260.562)),
            (4171, 2154, (-4.5, 48.4), (145_709.789, 6_837_422.083)),
            (4171, 2154, (9.45, 42.7), (1_228_546.045, 6_199_420.644)),
            (4171, 3943, (3.9, 43.6), (1_772_665.137, 2_267_043.906)),
            (4171, 3949, (2.3, 48.9), (1_648_682.313, 8_189_116.663)),
            (4258, 3035, (-9.1, 38.7), (2_668_283.441, 1_943_501.024)),
            (4258, 3034, (24.9, 60.2), (4_804_122.851, 3_767_723.046)),
            (4258, 2180, (21.0, 52.2), (636_640.467, 483_432.201)),
            (4258, 2180, (14.3, 53.4), (187_699.203, 625_286.264)),
            (4149, 21781, (5.97, 46.2), (486_582.808, 117_430.654)),
            (4150, 2056, (10.45, 46.8), (2_829_729.573, 1_187_469.706)),
        ],
        0.001,
    )
}

/// PROJ 9.5.1 with the same parameters of the datum, to 1 centimetre.
#[test]
fn datum_changes_agree_with_proj() -> Result<(), Error> {
    assert_close(
        &[
            (4326, 2056, (8.730497222222223, 46.044130555555554), (2_700_000.018, 1_100_000.036)),
            (4326, 21781, (6.14, 46.2), (499_760.952, 117_336.098)),
            (4258, 2056, (9.5, 47.1), (2_756_470.566, 1_218_610.554)),
            (4326, 2154, (2.2945, 48.8583), (648_237.202, 6_862_260.562)),
            (32632, 2056, (480_000.0, 5_190_000.0), (2_699_042.269, 1_191_053.719)),
        ],
        0.01,
    )
}

proptest! {
    #[test]
    fn round_trips(x in 0.0..1.0_f64, y in 0.0..1.0_f64) {
        // Code and area of use.
        let areas = [
            (2154, (-4.5, 9.4), (41.5, 51.0)), (2056, (6.0, 10.4), (45.9, 47.7)),
            (21781, (6.0, 10.4), (45.9, 47.7)), (3857, (-180.0, 180.0), (-85.0, 85.0)),
            (32633, (12.0, 18.0), (0.0, 84.0)), (32719, (-72.0, -66.0), (-80.0, 0.0)),
            (3035, (-10.0, 30.0), (35.0, 70.0)), (3034, (-10.0, 30.0), (35.0, 70.0)),
            (2180, (14.2, 24.1), (49.0, 54.8)), (3395, (-180.0, 180.0), (-80.0, 84.0)),
        ];
        for (code, lon, lat) in areas {
            let p = Coord { x: lon.0 + x * (lon.1 - lon.0), y: lat.0 + y * (lat.1 - lat.0) };
            let there = transform(4326, code)?.apply(p)?;
            let back = transform(code, 4326)?.apply(there)?;
            // 1e-9 degrees are 0.1 millimetres. A change of datum drops the height and
            // with it up to 2 millimetres.
            let limit = if matches!(code, 2056 | 21781) { 2e-8 } else { 1e-9 };
            prop_assert!((back.x - p.x).hypot(back.y - p.y) < limit, "{code}: {p:?} {back:?}");
        }
    }

    #[test]
    fn any_point_is_projected_or_refused(
        x in prop_oneof![-1e8..1e8, -400.0..400.0, Just(f64::NAN), Just(f64::INFINITY), Just(1e300)],
        y in prop_oneof![-1e8..1e8, -100.0..100.0, Just(f64::NAN), Just(-1e300)],
        codes in (0_usize..10, 0_usize..10),
    ) {
        let known = [4326, 3857, 3395, 2154, 2056, 3035, 32633, 32719, 2180, 4150];
        if let Ok(p) = transform(known[codes.0], known[codes.1])?.apply(Coord { x, y }) {
            prop_assert!(p.x.is_finite() && p.y.is_finite());
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[a-z0-9:=+., _-]{0,40}", code in any::<u32>()) {
        let read = text.parse::<Crs>().is_ok() || Crs::from_epsg(code).is_ok();
        prop_assert!(!read || text.contains("proj") || code < 40_000);
    }
}

#[test]
fn systems_are_read() {
    let utm: Crs = " epsg:32631 ".parse().unwrap();
    assert!(!utm.is_geographic());
    assert_eq!(utm.to_string(), "EPSG:32631");
    let text = "+proj=utm +zone=31 +datum=WGS84 +units=m";
    let same = CrsTransform::new(utm, Crs::from_proj(text).unwrap()).unwrap();
    let line = LineString::from(vec![(448_000.0, 5_411_000.0), (449_000.0, 5_412_000.0)]);
    let moved = same.apply_shape(&line).unwrap();
    for (p, q) in line.coords().zip(moved.coords()) {
        assert!((p.x - q.x).hypot(p.y - q.y) < 1e-6);
    }
    assert!(Crs::from_epsg(4326).unwrap().is_geographic());
    for bad in ["EPSG:1", "EPSG:x", "", "+proj=nothing", "+zone=3"] {
        assert!(matches!(bad.parse::<Crs>(), Err(Error::Crs { .. })), "{bad}");
    }
    // Latitude and longitude the wrong way round.
    let swapped = transform(4326, 3857).unwrap().apply(Coord { x: 48.0, y: 139.0 });
    assert!(matches!(swapped, Err(Error::Projection { .. })));
}
