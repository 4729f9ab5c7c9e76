//! What `vectorize` writes is what it says.

use geojson::{Feature, FeatureCollection, GeoJson};
use mapvec_geometry::{validate_line, validate_polygon};

use crate::example;

fn class(feature: &Feature) -> &str {
    feature.property("class").and_then(|v| v.as_str()).unwrap()
}

#[test]
fn every_geometry_is_valid_at_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let mut texts = Vec::new();
    for threads in ["1", "4"] {
        let out = folder.path().join(threads);
        let output = example("vectorize", threads, &["--smoke", "--out", out.to_str().unwrap()]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        texts.push(std::fs::read_to_string(out.join("map.geojson")).unwrap());
    }
    assert_eq!(texts[0], texts[1], "the same input gives the same file");

    let GeoJson::FeatureCollection(map) = texts[0].parse().unwrap() else {
        panic!("a FeatureCollection")
    };
    let FeatureCollection { features, foreign_members, .. } = map;
    let members = foreign_members.unwrap();
    assert_eq!(members["coordinates_of"]["unit"], "pixel");
    // Of the whole sheet, of which a part is looked at.
    let side = |name: &str| members["coordinates_of"][name].as_f64().unwrap();
    assert!(side("width") >= 576.0 && side("height") >= 512.0, "{members:?}");
    assert!(!features.is_empty(), "something is found on the sample sheet");
    for feature in features {
        let class = class(&feature).to_owned();
        let inside = |at: &geo_types::Coord| {
            assert!((256.0..=576.0).contains(&at.x) && (256.0..=512.0).contains(&at.y), "{at:?}");
        };
        match geo_types::Geometry::<f64>::try_from(feature.geometry.unwrap()).unwrap() {
            geo_types::Geometry::Polygon(polygon) => {
                validate_polygon(&polygon).unwrap();
                polygon.exterior().coords().for_each(inside);
                assert!(["shape", "background"].contains(&class.as_str()), "{class}");
            }
            geo_types::Geometry::LineString(line) => {
                validate_line(&line).unwrap();
                line.coords().for_each(inside);
                assert_eq!(class, "line");
            }
            other => panic!("unexpected geometry {other:?}"),
        }
    }
}
