//! `find_patterns` on the command line: what it refuses, and where its coordinates are.

use std::path::Path;

use geojson::{Feature, FeatureCollection};
use mapvec_fourier::PlaneWave;
use ndarray::Array3;

use crate::example;

/// A picture of 160 x 120 px, hatched in the window 64,32,80,72, as a file.
fn hatched(folder: &Path) -> String {
    let wave = PlaneWave::from_crests(0.8, 5.0, 0.0);
    let picture = Array3::from_shape_fn((120, 160, 3), |(y, x, _)| {
        let inside = (64..144).contains(&x) && (32..104).contains(&y);
        if inside && wave.value([x as f64 + 0.5, y as f64 + 0.5]) > 0.4 { 60 } else { 220 }
    });
    write(folder, "map.png", &mapvec_data::encode_png(picture.view()).unwrap())
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> String {
    std::fs::write(folder.join(name), bytes).unwrap();
    folder.join(name).to_str().unwrap().to_owned()
}

/// The features of a run, and what it said.
fn found(folder: &Path, arguments: &[&str]) -> (Vec<Feature>, String) {
    let out = folder.join("found");
    let output =
        example("find_patterns", "1", &[arguments, &["--out", out.to_str().unwrap()]].concat());
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
    assert!(output.status.success(), "{said}");
    let text = std::fs::read_to_string(out.join("patterns.geojson")).unwrap();
    let map: FeatureCollection = serde_json::from_str(&text).unwrap();
    (map.features, said)
}

/// Least and largest coordinates.
fn bounds(features: &[Feature]) -> [f64; 4] {
    let mut bounds = [f64::MAX, f64::MAX, f64::MIN, f64::MIN];
    for feature in features {
        let geometry = feature.geometry.clone().unwrap();
        let text = serde_json::to_value(&geometry).unwrap()["coordinates"].to_string();
        let numbers = text.split(|c| "[],".contains(c)).filter(|word| !word.is_empty());
        for (k, number) in numbers.enumerate() {
            let value: f64 = number.parse().unwrap();
            bounds[k % 2] = bounds[k % 2].min(value);
            bounds[2 + k % 2] = bounds[2 + k % 2].max(value);
        }
    }
    bounds
}

#[test]
fn wrong_arguments_are_refused_by_their_flags_and_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let image = hatched(folder.path());
    let cases: [(&[&str], &[&str]); 13] = [
        (&[&image, "--smoke"], &["--smoke"]),
        (&[&image, "--side", "4"], &["--side", "8..=512"]),
        (&[&image, "--side", "-4"], &["--side", "8..=512"]),
        (&[&image, "--share", "1.5"], &["--share", "0 to 1"]),
        (&[&image, "--share", "-1"], &["--share", "0 to 1"]),
        (&[&image, "--confidence", "nan"], &["--confidence", "0 to 1"]),
        (&[&image, "--spacing", "-1", "5"], &["--spacing", "2 to 256"]),
        (&[&image, "--spacing", "6", "3"], &["--spacing", "first"]),
        (&[&image, "--spacing", "3", "20"], &["--spacing", "--side 40"]),
        (&["--noise", "nan"], &["--noise", "0 to 255"]),
        (&["--noise", "-3"], &["--noise", "0 to 255"]),
        (&[&image, "--crs", "EPSG:2154"], &["--georeference"]),
        (&["--georeference", &image], &["--georeference", "give one"]),
    ];
    let out = folder.path().join("out");
    for (arguments, pieces) in cases {
        let all = [arguments, &["--out", out.to_str().unwrap()]].concat();
        let output = example("find_patterns", "1", &all);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
        assert_eq!(message.trim_end().lines().count(), 1, "one line: {message}");
        for piece in pieces {
            assert!(message.contains(piece), "{piece:?} is missing: {message}");
        }
        assert!(!out.exists(), "{arguments:?} left files");
    }
    // A folder that is a file is noticed before the picture is opened.
    let output = example("find_patterns", "1", &["missing.png", "--out", &image]);
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("cannot make the folder"), "{message}");
}

#[test]
fn coordinates_are_those_of_the_whole_picture_or_of_the_world() {
    let folder = tempfile::tempdir().unwrap();
    let image = hatched(folder.path());
    let (whole, said) = found(folder.path(), &[&image]);
    assert!(said.contains("  1: "), "{said}");
    assert_eq!(whole[0].property("pattern").unwrap(), 1);
    let (part, _) = found(folder.path(), &[&image, "--window", "40,20,116,96"]);
    for (a, b) in bounds(&whole).into_iter().zip(bounds(&part)) {
        assert!((a - b).abs() < 2.0, "{:?} {:?}", bounds(&whole), bounds(&part));
    }
    // 100 m a pixel in the pseudo-Mercator system, whose metres are those of the equator.
    let world = write(folder.path(), "map.wld", b"100\n0\n0\n-100\n1000050\n-50\n");
    let place = ["--georeference", &world, "--crs", "EPSG:3857"];
    let (placed, _) = found(folder.path(), &[&[image.as_str()], &place[..]].concat());
    let metre = 180.0 / (std::f64::consts::PI * 6_378_137.0);
    let [left, top, right, bottom] = bounds(&whole);
    let expected = [
        (1e6 + 100.0 * left) * metre,
        -100.0 * bottom * metre,
        (1e6 + 100.0 * right) * metre,
        -100.0 * top * metre,
    ];
    for (a, b) in bounds(&placed).into_iter().zip(expected) {
        // Mercator's latitudes depart from this by some 1e-8 degrees here.
        assert!((a - b).abs() < 1e-5, "{:?} {expected:?}", bounds(&placed));
    }
}

#[test]
fn nothing_found_has_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let empty = Array3::from_elem((60, 80, 3), 200_u8);
    let image = write(folder.path(), "e.png", &mapvec_data::encode_png(empty.view()).unwrap());
    let (features, said) = found(folder.path(), &[&image]);
    assert!(features.is_empty());
    for flag in ["--spacing", "--side", "--share", "--light"] {
        assert!(said.contains(flag), "{flag}: {said}");
    }
    let (_, said) = found(folder.path(), &[&image, "--side", "64"]);
    assert!(said.contains("below 64"), "{said}");
}
