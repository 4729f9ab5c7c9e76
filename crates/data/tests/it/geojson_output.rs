//! GeoJSON: read back with a reader of its own and checked against RFC 7946.

use geo_types::{Coord, Geometry, LineString, MultiPolygon, Point, Polygon, line_string, polygon};
use geojson::{FeatureCollection, GeometryValue, Position};
use mapvec_data::{Error, Feature, GeoJsonConfig, to_geojson, to_geojson_with};
use proptest::prelude::*;
use serde_json::Map;

fn feature(geometry: impl Into<Geometry<f64>>) -> Feature {
    Feature { geometry: geometry.into(), properties: Map::new() }
}

fn back(text: &str) -> FeatureCollection {
    text.parse().unwrap()
}

fn polygon_of(text: &str) -> Vec<Vec<Position>> {
    let collection = back(text);
    match collection.features[0].geometry.as_ref().unwrap().value.clone() {
        GeometryValue::Polygon { coordinates } => coordinates,
        other => panic!("{other:?}"),
    }
}

fn shoelace(ring: &[Position]) -> f64 {
    ring.windows(2)
        .map(|pair| {
            let (a, b) = (pair[0].as_slice(), pair[1].as_slice());
            0.5 * (a[0] * b[1] - b[0] * a[1])
        })
        .sum()
}

fn star(count: usize, radii: &[f64], cx: f64, cy: f64, reverse: bool) -> LineString<f64> {
    let mut points: Vec<_> = (0..count)
        .map(|k| {
            let angle = std::f64::consts::TAU * k as f64 / count as f64;
            Coord { x: cx + radii[k] * angle.cos(), y: cy + radii[k] * angle.sin() }
        })
        .collect();
    if reverse {
        points.reverse();
    }
    LineString::new(points)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rings_follow_the_right_hand_rule(
        radii in prop::collection::vec(2.0_f64..9.0, 3..12),
        decimals in 0_u32..5,
        (outer, inner) in any::<(bool, bool)>(),
    ) {
        let exterior = star(radii.len(), &radii, 20.0, 30.0, outer);
        let small: Vec<_> = radii.iter().map(|radius| radius * 0.1).collect();
        let hole = star(radii.len(), &small, 20.0, 30.0, inner);
        let polygon = Polygon::new(exterior, vec![hole]);
        prop_assume!(mapvec_geometry::validate_polygon(&polygon).is_ok());
        let text = to_geojson_with(
            &[feature(polygon.clone())], &Map::new(), &GeoJsonConfig { decimals },
        ).unwrap();
        let rings = polygon_of(&text);
        prop_assert_eq!(rings.len(), 2);
        prop_assert!(shoelace(&rings[0]) > 0.0);
        prop_assert!(shoelace(&rings[1]) < 0.0);
        for ring in &rings {
            prop_assert_eq!(ring.first(), ring.last());
            prop_assert!(ring.len() >= 4);
        }
        // Whatever rounding does, what is written is valid and close by.
        let line = |ring: &[Position]| -> LineString<f64> {
            ring.iter().map(|p| Coord { x: p.as_slice()[0], y: p.as_slice()[1] }).collect()
        };
        let written = Polygon::new(line(&rings[0]), vec![line(&rings[1])]);
        prop_assert!(mapvec_geometry::validate_polygon(&written).is_ok(), "{text}");
        let step = 0.5_f64.mul_add(10_f64.powi(-decimals.cast_signed()), 1e-9);
        for point in written.exterior().coords() {
            let close = polygon.exterior().coords().any(|original| {
                (original.x - point.x).abs() <= step && (original.y - point.y).abs() <= step
            });
            prop_assert!(close, "{point:?} is no rounded vertex");
        }
    }
}

#[test]
fn members_and_properties_are_kept_and_guarded() {
    let mut shape = feature(Point::new(1.0, 2.5));
    shape.properties.insert("class".to_owned(), "sh\"ape".into());
    let mut members = Map::new();
    members.insert("coordinates_unit".to_owned(), "pixel".into());
    let collection = back(&to_geojson(&[shape.clone()], &members).unwrap());
    assert_eq!(collection.foreign_members, Some(members));
    assert_eq!(collection.features[0].properties, Some(shape.properties));
    for name in ["coordinates", "type", "features", "geometry", "properties"] {
        let members = [(name.to_owned(), "pixel".into())].into_iter().collect();
        let error = to_geojson(&[], &members).unwrap_err();
        assert!(matches!(error, Error::ReservedMember { .. }), "{error}");
        assert!(error.to_string().contains(name), "{error}");
    }
    let empty = back(&to_geojson(&[], &Map::new()).unwrap());
    assert!(empty.features.is_empty(), "{empty:?}");
}

#[test]
fn corners_and_centres_are_exact_and_the_rest_rounded() {
    let line = line_string![(x: 0.5, y: 3.0), (x: 1.23456, y: -0.0001), (x: 1.2341, y: 0.0), (x: 9.0, y: 1e300)];
    let text = to_geojson(&[feature(line)], &Map::new()).unwrap();
    assert!(
        text.contains("[[0.5,3.0],[1.23,0.0],[9.0,1e300]]")
            || text.contains("[[0.5,3.0],[1.23,0.0],[9.0,1e+300]]"),
        "{text}"
    );
}

#[test]
fn a_collapsing_geometry_is_written_unrounded() {
    let sliver = polygon![(x: 0., y: 0.), (x: 9., y: 0.001), (x: 9., y: 0.004)];
    let rings = polygon_of(&to_geojson(&[feature(sliver)], &Map::new()).unwrap());
    assert!(shoelace(&rings[0]) > 0.0, "{rings:?}");
    let short = line_string![(x: 1.001, y: 1.0), (x: 1.002, y: 1.0)];
    let text = to_geojson(&[feature(short)], &Map::new()).unwrap();
    assert!(text.contains("[[1.001,1.0],[1.002,1.0]]"), "{text}");
}

#[test]
fn non_finite_coordinates_are_refused_in_every_geometry() {
    let bad = Coord { x: 1.0, y: f64::INFINITY };
    let ring = LineString::new(vec![Coord { x: 0., y: 0. }, Coord { x: 1., y: 0. }, bad]);
    let polygon = Polygon::new(ring.clone(), Vec::new());
    let geometries: [Geometry<f64>; 5] = [
        Point(bad).into(),
        ring.into(),
        polygon.clone().into(),
        MultiPolygon::new(vec![polygon.clone()]).into(),
        Geometry::GeometryCollection(vec![Geometry::Polygon(polygon)].into()),
    ];
    for geometry in geometries {
        let error =
            to_geojson(&[feature(Point::new(0., 0.)), feature(geometry)], &Map::new()).unwrap_err();
        assert!(matches!(error, Error::NonFinite { feature: 1, .. }), "{error}");
    }
    let error = to_geojson_with(&[], &Map::new(), &GeoJsonConfig { decimals: 16 }).unwrap_err();
    assert!(matches!(error, Error::Config { field: "decimals", .. }), "{error}");
}
