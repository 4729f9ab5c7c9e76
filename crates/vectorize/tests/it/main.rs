//! Properties of the pipeline on arbitrary predictions and pictures.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use candle_core::{DType, Device};
use mapvec_data::{Progress, Silent};
use mapvec_geometry::{signed_area, validate_line, validate_polygon};
use mapvec_models::{MapUNet, MapUNetConfig};
use mapvec_nn::ParameterStore;
use mapvec_vectorize::{
    Find, HatchingConfig, LineConfig, MapPrediction, OverlayStyle, Report, ShapeConfig,
    VectorizeConfig, Vectorizer, draw_overlay, extract_lines, extract_shapes,
};
use ndarray::{Array2, Array3};
use proptest::prelude::*;

/// Maps of smooth random blobs or of plain noise.
fn maps() -> impl Strategy<Value = MapPrediction> {
    (4_usize..48, 4_usize..48, any::<u64>(), 1_usize..9).prop_map(|(height, width, seed, cell)| {
        let layer = |salt: u64| {
            Array2::from_shape_fn((height, width), |(y, x)| {
                let cell_seed = seed ^ salt ^ ((y / cell) as u64) << 20 ^ (x / cell) as u64;
                (cell_seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8
            })
        };
        let mut maps = MapPrediction::zeros(height, width);
        maps.boundary = layer(1);
        maps.centreline = layer(2);
        maps.class = layer(3).mapv(|v| v % 3);
        maps.thickness = layer(4);
        maps
    })
}

fn polygon_area(polygon: &geo_types::Polygon<f64>) -> f64 {
    let holes: f64 = polygon.interiors().iter().map(signed_area).sum();
    signed_area(polygon.exterior()) + holes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn shapes_are_valid_and_tile_the_page(maps in maps(), tolerance in 0.0..4.0) {
        let (height, width) = maps.boundary.dim();
        let mut config = ShapeConfig { tolerance, ..ShapeConfig::default() };
        config.merge.min_area = 4;
        config.watershed.area = 2;
        let found = extract_shapes(&maps, &config).unwrap();
        for shape in &found.shapes {
            prop_assert!(validate_polygon(&shape.polygon).is_ok(), "{:?}", shape.polygon);
            prop_assert!((0.0..=1.0).contains(&shape.confidence), "{}", shape.confidence);
        }
        let area: f64 = found.shapes.iter().map(|s| polygon_area(&s.polygon)).sum();
        prop_assert!((area - (height * width) as f64).abs() < 1e-6, "{} of {}", area, height * width);
    }

    #[test]
    fn lines_are_valid_and_inside_the_page(maps in maps(), low in 0.0_f32..1.0) {
        let (height, width) = maps.boundary.dim();
        let mut config = LineConfig { low, high: low.max(0.5), ..LineConfig::default() };
        config.centreline.min_length = 3.0;
        for line in extract_lines(&maps, &config).unwrap() {
            prop_assert!(validate_line(&line.line).is_ok(), "{:?}", line.line);
            prop_assert!((0.0..=1.0).contains(&line.confidence), "{}", line.confidence);
            for point in &line.line.0 {
                prop_assert!(point.x >= 0.0 && point.x <= width as f64, "{:?}", point);
                prop_assert!(point.y >= 0.0 && point.y <= height as f64, "{:?}", point);
            }
        }
    }
}

fn picture(height: usize, width: usize) -> Array3<u8> {
    Array3::from_shape_fn((height, width, 3), |(y, x, c)| {
        let wall = x % 40 < 2 || y % 30 < 2;
        if wall { 30 } else { (200 + (x * 7 + y * 3 + c) % 20) as u8 }
    })
}

fn untrained() -> (Vectorizer, MapUNetConfig) {
    let shape = MapUNetConfig { in_channels: 3, widths: vec![4, 4] };
    let store = ParameterStore::new(9, DType::F32, &Device::Cpu);
    MapUNet::new(&shape, store.var_builder()).unwrap();
    (Vectorizer::new(&store.to_bytes().unwrap(), &shape, &Device::Cpu).unwrap(), shape)
}

fn small_tiles() -> VectorizeConfig {
    let mut config = VectorizeConfig::default();
    (config.predict.tile, config.predict.margin) = (64, 16);
    config
}

#[test]
fn pictures_of_any_size_go_through() {
    let (vectorizer, _) = untrained();
    for (height, width) in [(1, 1), (1, 70), (33, 5), (100, 131)] {
        let image = picture(height, width);
        let found = vectorizer.run(image.view(), &small_tiles(), &Silent).unwrap();
        assert_eq!(found.shapes.regions.dim(), (height, width));
        let overlay = draw_overlay(image.view(), &found, &OverlayStyle::default()).unwrap();
        assert_eq!(overlay.dim(), image.dim());
        let report = Report::new("test", &found, &small_tiles(), vectorizer.weights());
        assert_eq!(report.features.values().sum::<usize>(), found.features().len());
    }
    let empty = Array3::zeros((0, 5, 3));
    assert!(vectorizer.run(empty.view(), &small_tiles(), &Silent).is_err(), "no pixels");
    let grey = Array3::zeros((5, 5, 1));
    assert!(vectorizer.run(grey.view(), &small_tiles(), &Silent).is_err(), "not RGB");
}

/// Whatever shapes a network finds, on a page of hatching they are hatched.
#[test]
fn hatching_reaches_features() {
    let (vectorizer, _) = untrained();
    // Strokes at 40 degrees, 6 px apart.
    let (sin, cos) = 40.0_f64.to_radians().sin_cos();
    let page = Array3::from_shape_fn((120, 150, 3), |(y, x, _)| {
        let across = (x as f64 * sin - y as f64 * cos).rem_euclid(6.0);
        if across < 2.0 { 20_u8 } else { 230 }
    });
    let plain = vectorizer.run(page.view(), &small_tiles(), &Silent).unwrap();
    assert!(plain.shapes.shapes.iter().all(|shape| shape.hatching.is_none()));
    let config = VectorizeConfig { hatching: Some(HatchingConfig::default()), ..small_tiles() };
    let found = vectorizer.run(page.view(), &config, &Silent).unwrap();
    assert_eq!(found.shapes.regions, plain.shapes.regions, "shapes are the same");
    let hatched: Vec<_> = found.shapes.shapes.iter().filter_map(|shape| shape.hatching).collect();
    assert!(!hatched.is_empty(), "no shape is hatched");
    for hatching in &hatched {
        assert!((hatching.angle.to_degrees() - 40.0).abs() < 1.0, "{hatching:?}");
        assert!((hatching.spacing - 6.0).abs() < 0.1, "{hatching:?}");
    }
    let told = |name: &str| {
        found.features().iter().filter(|feature| feature.properties.contains_key(name)).count()
    };
    for name in ["hatched", "hatching_angle_degrees", "hatching_spacing"] {
        assert_eq!(told(name), hatched.len(), "{name}");
    }
}

#[test]
fn adapting_to_a_picture_leaves_the_weights_alone() {
    let (vectorizer, _) = untrained();
    let image = picture(90, 120);
    let plain = || vectorizer.predict(image.view(), &small_tiles(), &Silent).unwrap();
    let before = plain();
    let mut adapted = small_tiles();
    adapted.predict.adapt_tiles = 3;
    let other = vectorizer.predict(image.view(), &adapted, &Silent).unwrap();
    assert_ne!(before.boundary, other.boundary, "the statistics matter");
    assert_eq!(before, plain(), "and are forgotten afterwards");
    assert_eq!(
        other,
        vectorizer.predict(image.view(), &adapted, &Silent).unwrap(),
        "same seed, same maps"
    );
}

#[test]
fn lines_come_from_the_second_network() {
    let (one, shape) = untrained();
    let other = {
        let store = ParameterStore::new(77, DType::F32, &Device::Cpu);
        MapUNet::new(&shape, store.var_builder()).unwrap();
        store.to_bytes().unwrap()
    };
    let image = picture(70, 90);
    let maps = |v: &Vectorizer| v.predict(image.view(), &small_tiles(), &Silent).unwrap();
    let (first, second) =
        (maps(&one), maps(&Vectorizer::new(&other, &shape, &Device::Cpu).unwrap()));
    let both = one.with_lines(&other, &shape, &Device::Cpu).unwrap();
    let joined = maps(&both);
    assert_eq!((&joined.boundary, &joined.class), (&first.boundary, &first.class));
    assert_eq!((&joined.centreline, &joined.thickness), (&second.centreline, &second.thickness));
    assert_ne!(both.weights()["shapes"], both.weights()["lines"]);

    let only = |find| {
        let config = VectorizeConfig { find, ..small_tiles() };
        both.run(image.view(), &config, &Silent).unwrap()
    };
    let (all, shapes, lines) = (only(Find::All), only(Find::Shapes), only(Find::Lines));
    assert_eq!((&all.shapes, &all.lines), (&shapes.shapes, &lines.lines));
    assert!(shapes.lines.is_empty() && lines.shapes.shapes.is_empty(), "only what was asked for");
}

/// Counts stages and steps.
#[derive(Default)]
struct Counter(std::sync::Mutex<Vec<(String, u64, u64)>>);

impl Progress for Counter {
    fn begin(&self, stage: &str, total: u64) {
        self.0.lock().unwrap().push((stage.to_owned(), total, 0));
    }
    fn advance(&self, steps: u64) {
        self.0.lock().unwrap().last_mut().unwrap().2 += steps;
    }
    fn message(&self, _text: &str) {}
    fn end(&self) {}
}

#[test]
fn progress_reaches_its_total() {
    let (vectorizer, _) = untrained();
    let counter = Counter::default();
    vectorizer.run(picture(70, 90).view(), &small_tiles(), &counter).unwrap();
    let stages = counter.0.into_inner().unwrap();
    assert_eq!(stages.len(), 2, "{stages:?}");
    assert!(stages.iter().all(|(_, total, done)| total == done && *total > 0), "{stages:?}");
}

#[test]
fn other_weights_are_refused_in_one_error() {
    let (_, shape) = untrained();
    let bytes = {
        let store = ParameterStore::new(1, DType::F32, &Device::Cpu);
        let other = MapUNetConfig { in_channels: 3, widths: vec![4, 4, 4] };
        MapUNet::new(&other, store.var_builder()).unwrap();
        store.to_bytes().unwrap()
    };
    let message = Vectorizer::new(&bytes, &shape, &Device::Cpu).unwrap_err().to_string();
    assert!(message.contains("encoder.2.0"), "{message}");
}
