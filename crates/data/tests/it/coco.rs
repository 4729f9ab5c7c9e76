//! COCO data sets: what comes out against masks drawn by hand, and files that mean harm.

use std::fs;
use std::path::Path;

use geo_types::{Geometry, LineString, MultiPolygon, Polygon, polygon};
use mapvec_data::{
    CocoConfig, CocoDataset, CocoFault, CocoOutput, CocoPicture, CocoSource, CocoWriteConfig,
    Error, Feature, Field, ImageLimits, PictureValues, Record, Source, Values, to_coco, write_png,
};
use ndarray::Array3;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A picture of 6 x 8 px and a file with every kind of annotation.
fn dataset() -> Value {
    json!({
        "info": {"description": "test"},
        "images": [
            {"id": 7, "file_name": "sub/a.png", "width": 8, "height": 6, "license": 3},
            {"id": 3, "file_name": "b.png", "width": 8, "height": 6},
        ],
        "categories": [
            {"id": 90, "name": "house", "supercategory": "area"},
            {"id": 4, "name": 1.5},
            {"id": 5, "name": "road"},
        ],
        "annotations": [
            // Two parts that overlap: a union, not even-odd.
            {"id": 1, "image_id": 7, "category_id": 90, "iscrowd": 0, "segmentation":
                [[0, 0, 4, 0, 4, 3, 0, 3], [2, 1, 6, 1, 6, 4, 2, 4, 2, 1]]},
            // Columns 6 and 7, as a list; over what is before.
            {"id": 2, "image_id": 7, "category_id": 4, "iscrowd": 1, "bbox": [6, 0, 2, 6],
                "segmentation": {"size": [6, 8], "counts": [36, 12]}},
            // A line along row 5.
            {"id": 3, "image_id": 7, "category_id": 5, "polyline": [[0, 5.5, 3, 5.5, 3, 5.5, 8, 5.5]],
                "segmentation": []},
            // A single ring without a list around it.
            {"id": 4, "image_id": 7, "category_id": 90, "segmentation": [0, 5, 1, 5, 1, 6, 0, 6]},
        ],
    })
}

fn picture(height: usize, width: usize) -> Array3<u8> {
    Array3::from_shape_fn((height, width, 3), |(i, j, c)| (i * 40 + j * 5 + c) as u8)
}

/// A folder `images` with both pictures, and a file beside it that must never be read.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("images/sub")).unwrap();
    for name in ["images/sub/a.png", "images/b.png", "canary.png"] {
        write_png(&folder.path().join(name), picture(6, 8).view()).unwrap();
    }
    folder
}

fn parse(value: &Value) -> Result<CocoDataset, Error> {
    CocoDataset::parse(value.to_string().as_bytes(), "test")
}

fn source(value: &Value, folder: &Path, config: &CocoConfig) -> Result<CocoSource, Error> {
    CocoSource::new(parse(value)?, &folder.join("images"), config)
}

fn bytes<'a>(record: &'a Record, name: &str) -> &'a [u8] {
    match record.get(name).unwrap().values() {
        Values::U8(values) => values,
        other => panic!("{other:?}"),
    }
}

fn wholes<'a>(record: &'a Record, name: &str) -> &'a [i32] {
    match record.get(name).unwrap().values() {
        Values::I32(values) => values,
        other => panic!("{other:?}"),
    }
}

fn reals<'a>(record: &'a Record, name: &str) -> &'a [f32] {
    match record.get(name).unwrap().values() {
        Values::F32(values) => values,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_kind_of_annotation_is_read() {
    let folder = folder();
    let path = folder.path().join("data.json");
    fs::write(&path, dataset().to_string()).unwrap();
    let images = folder.path().join("images");
    let source = CocoSource::open(&path, &images, &CocoConfig::default()).unwrap();
    assert_eq!(source.class_names().collect::<Vec<_>>(), ["house", "1.5", "road"]);
    assert_eq!((source.len(), source.image(0).unwrap().id), (2, 7));
    let record = source.get(0).unwrap();
    assert_eq!(record, source.get(0).unwrap());
    let rows = [
        [1, 1, 1, 1, 0, 0, 2, 2],
        [1, 1, 1, 1, 1, 1, 2, 2],
        [1, 1, 1, 1, 1, 1, 2, 2],
        [0, 0, 1, 1, 1, 1, 2, 2],
        [0, 0, 0, 0, 0, 0, 2, 2],
        [4, 3, 3, 3, 3, 3, 3, 3],
    ];
    assert_eq!(wholes(&record, "instance_map"), rows.concat());
    let class = |id: i32| [0, 1, 2, 3, 1][id as usize];
    let classes: Vec<u8> = rows.concat().into_iter().map(class).collect();
    assert_eq!(bytes(&record, "class_map"), classes);
    let masks = record.get("masks").unwrap();
    assert_eq!(masks.shape(), [4, 6, 8, 1]);
    let areas: Vec<u32> =
        bytes(&record, "masks").chunks(48).map(|m| m.iter().map(|&v| u32::from(v)).sum()).collect();
    assert_eq!(areas, [20, 12, 8, 1]);
    assert_eq!(wholes(&record, "classes"), [1, 2, 3, 1]);
    assert_eq!(bytes(&record, "crowd"), [0, 1, 0, 0]);
    assert_eq!(reals(&record, "bboxes")[..8], [6.0, 4.0, 6.0, 0.0, 0.0, 0.0, 0.0, 4.0]);
    assert_eq!(reals(&record, "bboxes")[8..16], [8.0, 6.0, 8.0, 0.0, 6.0, 0.0, 6.0, 6.0]);
    assert_eq!(record.get("vertices").unwrap().shape(), [4, 4, 2]);
    // The second part repeats its first vertex in the file.
    assert_eq!(reals(&record, "vertices")[8..16], [2.0, 1.0, 6.0, 1.0, 6.0, 4.0, 2.0, 4.0]);
    assert_eq!(wholes(&record, "vertex_counts"), [4, 4, 4, 4]);
    assert_eq!(wholes(&record, "vertex_instances"), [0, 0, 2, 3]);
    assert_eq!(bytes(&record, "vertex_closed"), [1, 1, 0, 1]);
    let expected: Vec<f32> = picture(6, 8).iter().map(|&v| f32::from(v) / 255.0).collect();
    assert_eq!(record.get("img").unwrap(), &Field::new(vec![6, 8, 3], expected).unwrap());

    let empty = source.get(1).unwrap();
    assert_eq!(empty.get("masks").unwrap().shape(), [0, 6, 8, 1]);
    assert_eq!(empty.get("vertices").unwrap().shape(), [0, 0, 2]);
    assert!(bytes(&empty, "class_map").iter().all(|&class| class == 0));
    assert!(matches!(source.get(2), Err(Error::Index { index: 2, len: 2 })));
}

#[test]
fn only_what_is_asked_for_is_made() {
    let folder = folder();
    let mut config = CocoConfig {
        outputs: vec![CocoOutput::Img, CocoOutput::Crowd],
        picture: PictureValues::Bytes,
        skip_empty: true,
        skip_crowd: true,
        ..CocoConfig::default()
    };
    let source = source(&dataset(), folder.path(), &config).unwrap();
    assert_eq!(source.len(), 1);
    let record = source.get(0).unwrap();
    assert_eq!(record.fields().map(|(name, _)| name).collect::<Vec<_>>(), ["crowd", "img"]);
    assert_eq!(bytes(&record, "crowd"), [0, 0, 0]);
    assert_eq!(bytes(&record, "img"), picture(6, 8).as_slice().unwrap());
    // Labels alone need no pictures.
    fs::remove_dir_all(folder.path().join("images/sub")).unwrap();
    config.outputs = vec![CocoOutput::ClassMap];
    assert!(self::source(&dataset(), folder.path(), &config).unwrap().get(0).is_ok());
}

#[test]
fn many_categories_need_whole_numbers() {
    let folder = folder();
    let mut value = dataset();
    let more = (1000..1260).map(|id| json!({"id": id, "name": id.to_string()}));
    value["categories"].as_array_mut().unwrap().extend(more);
    value["annotations"][0]["category_id"] = json!(1259);
    let source = source(&value, folder.path(), &CocoConfig::default()).unwrap();
    assert_eq!(wholes(&source.get(0).unwrap(), "class_map")[0], 263);
}

#[test]
fn shapes_without_extent_mark_nothing() {
    let folder = folder();
    let mut value = dataset();
    value["annotations"][2]["polyline"] = json!([[1, 1, 1, 1], [-9, -9, -9, -5]]);
    value["annotations"][0]["segmentation"] = json!([[2, 2, 2, 2, 2, 2], [90, 90, 99, 90, 99, 99]]);
    let source = source(&value, folder.path(), &CocoConfig::default()).unwrap();
    let record = source.get(0).unwrap();
    let found: std::collections::BTreeSet<i32> =
        wholes(&record, "instance_map").iter().copied().collect();
    assert_eq!(found, [0, 2, 4].into_iter().collect());
}

#[test]
fn classes_may_have_a_given_order() {
    let folder = folder();
    let names = |names: &[&str]| CocoConfig {
        categories: names.iter().map(|&name| name.to_owned()).collect(),
        ..CocoConfig::default()
    };
    let all = source(&dataset(), folder.path(), &names(&["road", "1.5", "tree", "house"])).unwrap();
    assert_eq!(wholes(&all.get(0).unwrap(), "classes"), [4, 2, 1, 4]);
    assert_eq!(all.class_names().nth(2), Some("tree"));
    let error = source(&dataset(), folder.path(), &names(&["road", "1.5"])).unwrap_err();
    assert!(error.to_string().contains("house"), "{error}");
    let error = source(&dataset(), folder.path(), &names(&["road", "road"])).unwrap_err();
    assert!(matches!(error, Error::Config { field: "categories", .. }), "{error}");
}

#[test]
fn what_is_written_is_read_again() {
    let dataset = parse(&dataset()).unwrap();
    let text = dataset.to_json().unwrap();
    assert_eq!(CocoDataset::parse(text.as_bytes(), "again").unwrap(), dataset);
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["annotations"][1]["iscrowd"], json!(1));
    assert_eq!(value["annotations"][3]["segmentation"][0][2], json!(1.0));
}

/// The fault of a file with one change.
fn fault(change: impl Fn(&mut Value)) -> (String, CocoFault) {
    let mut value = dataset();
    change(&mut value);
    match parse(&value) {
        Err(Error::Coco { item, fault }) => (item, fault),
        other => panic!("{other:?}"),
    }
}

#[test]
fn broken_rules_are_named() {
    let (item, found) = fault(|v| v["annotations"][2]["image_id"] = json!(99));
    assert_eq!(item, "annotation 3");
    assert_eq!(found, CocoFault::UnknownId { key: "image_id", id: 99 });
    let (_, found) = fault(|v| v["annotations"][2]["category_id"] = json!(99));
    assert_eq!(found, CocoFault::UnknownId { key: "category_id", id: 99 });
    for (list, item) in
        [("images", "image 7"), ("categories", "category 90"), ("annotations", "annotation 1")]
    {
        let (named, found) = fault(|v| v[list][1]["id"] = v[list][0]["id"].clone());
        assert_eq!((named.as_str(), found), (item, CocoFault::DuplicateId));
    }
    let (_, found) = fault(|v| v["images"][0]["width"] = json!(0));
    assert_eq!(found, CocoFault::Size { width: 0, height: 6 });
    let (_, found) = fault(|v| v["annotations"][1]["segmentation"]["size"] = json!([8, 6]));
    assert!(matches!(found, CocoFault::MaskSize { height: 8, .. }), "{found}");
    for numbers in [json!([[0, 0, 1, 1]]), json!([[0, 0, 1, 1, 2, 2, 3]]), json!([[]])] {
        let (_, found) = fault(|v| v["annotations"][0]["segmentation"] = numbers.clone());
        assert!(matches!(found, CocoFault::Points { part: 0, least: 3, .. }), "{found}");
    }
    let (_, found) = fault(|v| v["annotations"][2]["polyline"] = json!([[1, 2]]));
    assert!(matches!(found, CocoFault::Points { numbers: 2, least: 2, .. }), "{found}");
    let (_, found) = fault(|v| v["annotations"][0]["segmentation"][0][3] = json!(1e8));
    assert_eq!(found, CocoFault::Number { key: "segmentation", value: 1e8 });
    let (_, found) = fault(|v| v["annotations"][1]["bbox"] = json!([0, 0, -1, 2]));
    assert!(matches!(found, CocoFault::Range { key: "bbox", .. }), "{found}");
    for (key, value) in [("area", -1.0), ("width", 0.0), ("score", -0.1)] {
        let (_, found) = fault(|v| v["annotations"][2][key] = json!(value));
        assert!(matches!(found, CocoFault::Range { .. }), "{found}");
    }
    let mut broken = parse(&dataset()).unwrap();
    broken.annotations[2].polyline[0][1] = f64::NAN;
    assert!(matches!(broken.check(), Err(Error::Coco { fault: CocoFault::Number { .. }, .. })));
    assert!(broken.to_json().is_err());
}

#[test]
fn what_is_no_coco_file_is_refused() {
    let annotation = |text: &str| {
        format!(
            r#"{{"images":[{{"id":1,"file_name":"a","width":2,"height":2}}],"categories":[{{"id":1,
            "name":"a"}}],"annotations":[{{"id":1,"image_id":1,"category_id":1,{text}}}]}}"#
        )
    };
    assert!(CocoDataset::parse(annotation(r#""iscrowd":0"#).as_bytes(), "fine").is_ok());
    for text in [
        r#""bbox":[NaN,0,1,1]"#,
        r#""bbox":[1e999,0,1,1]"#,
        r#""bbox":[0,0,1]"#,
        r#""segmentation":[[0,0,1,0,1,Infinity]]"#,
        r#""segmentation":[0,1,[2]]"#,
        r#""segmentation":{"size":[2,2],"counts":[-1,5]}"#,
        r#""segmentation":{"size":[2,2],"counts":[99999999999]}"#,
        r#""segmentation":{"size":[2,2]}"#,
        r#""segmentation":"text""#,
        r#""iscrowd":2"#,
        r#""polyline":{}"#,
    ] {
        let error = CocoDataset::parse(annotation(text).as_bytes(), "bad").unwrap_err();
        assert!(matches!(error, Error::Json { .. }), "{text}: {error}");
    }
    for text in ["", "[]", "{", "{\"images\":[]", &"[".repeat(100_000)] {
        assert!(matches!(CocoDataset::parse(text.as_bytes(), "bad"), Err(Error::Json { .. })));
    }
}

#[test]
fn sizes_beyond_the_limits_are_refused_before_they_are_made() {
    let folder = folder();
    let open = |value: &Value, config: CocoConfig| source(value, folder.path(), &config);
    let labels = || CocoConfig { outputs: vec![CocoOutput::Masks], ..CocoConfig::default() };
    let error = open(&dataset(), CocoConfig { max_instances: 3, ..labels() }).unwrap_err();
    assert!(matches!(error, Error::Coco { fault: CocoFault::Instances { found: 4, .. }, .. }));
    let small = open(&dataset(), CocoConfig { max_array_bytes: 191, ..labels() }).unwrap();
    assert!(matches!(small.get(0), Err(Error::ArrayTooLarge { bytes: 192, .. })));
    for output in [CocoOutput::Masks, CocoOutput::ClassMap] {
        let few =
            CocoConfig { outputs: vec![output], max_drawn_pixels: 2, ..CocoConfig::default() };
        let error = open(&dataset(), few).unwrap().get(0).unwrap_err();
        assert!(matches!(error, Error::TooMuchDrawn { allowed: 2, .. }), "{error}");
    }
    let mut huge = dataset();
    huge["images"][0]["width"] = json!(10_000_000);
    huge["annotations"][1]["segmentation"] = json!([]);
    let error = open(&huge, labels()).unwrap().get(0).unwrap_err();
    assert!(matches!(error, Error::ImageTooLarge { .. }), "{error}");
    // One long ring among many short ones would be padded to the square of the file's size.
    let mut ragged = dataset();
    let ring: Vec<u32> = (0..4000).flat_map(|i| [i % 8, i % 5]).collect();
    let mut rings = vec![json!(ring)];
    rings.extend((0..4000).map(|_| json!([0, 0, 1, 0, 1, 1])));
    ragged["annotations"][0]["segmentation"] = json!(rings);
    let vertices = CocoConfig {
        outputs: vec![CocoOutput::Vertices],
        max_array_bytes: 100_000_000,
        ..CocoConfig::default()
    };
    let error = open(&ragged, vertices).unwrap().get(0).unwrap_err();
    assert!(matches!(error, Error::ArrayTooLarge { field: "vertices", .. }), "{error}");
    let mut runs = dataset();
    runs["annotations"][1]["segmentation"]["counts"] =
        json!([4_294_967_295_u32, 4_294_967_295_u32]);
    let error = open(&runs, labels()).unwrap().get(0).unwrap_err();
    assert!(matches!(error, Error::Coco { fault: CocoFault::Rle(_), .. }), "{error}");
    let path = folder.path().join("long.json");
    fs::write(&path, dataset().to_string()).unwrap();
    let error = CocoDataset::read(&path, 100).unwrap_err();
    assert!(matches!(error, Error::FileTooLarge { allowed: 100, .. }), "{error}");
    assert!(matches!(CocoDataset::read(folder.path(), 100), Err(Error::NoFile { .. })));
    for bad in [
        CocoConfig { line_width: 0.0, ..CocoConfig::default() },
        CocoConfig { outputs: vec![], ..CocoConfig::default() },
        CocoConfig {
            limits: ImageLimits { max_width: 0, ..ImageLimits::default() },
            ..CocoConfig::default()
        },
    ] {
        assert!(matches!(open(&dataset(), bad), Err(Error::Config { .. })));
    }
}

#[test]
fn pictures_that_are_missing_or_differ_are_refused() {
    let folder = folder();
    let open = |value: &Value| source(value, folder.path(), &CocoConfig::default());
    let mut missing = dataset();
    missing["images"][0]["file_name"] = json!("none.png");
    let error = open(&missing).unwrap_err();
    assert!(matches!(&error, Error::Io { path, .. } if path.ends_with("none.png")), "{error}");
    let mut folder_named = dataset();
    folder_named["images"][0]["file_name"] = json!("sub");
    assert!(matches!(open(&folder_named), Err(Error::NoFile { .. })));
    let other = open(&dataset()).unwrap();
    write_png(&folder.path().join("images/b.png"), picture(6, 9).view()).unwrap();
    let error = other.get(1).unwrap_err();
    let expected = CocoFault::PictureSize { expected: (6, 8), found: (6, 9) };
    assert!(matches!(&error, Error::Coco { fault, .. } if *fault == expected), "{error}");
    fs::remove_file(folder.path().join("images/b.png")).unwrap();
    assert!(matches!(other.get(1), Err(Error::Io { .. })));
}

#[test]
fn nothing_outside_the_folder_is_read() {
    let folder = folder();
    let canary = folder.path().join("canary.png");
    let names = [
        canary.to_str().unwrap(),
        "../canary.png",
        "sub/../../canary.png",
        "sub/../b.png",
        "..",
        "",
        "sub\\a.png",
    ];
    for name in names {
        let mut value = dataset();
        value["images"][1]["file_name"] = json!(name);
        let error = source(&value, folder.path(), &CocoConfig::default()).unwrap_err();
        assert!(matches!(error, Error::OutsideFolder { .. }), "{name}: {error}");
        // Not even where no picture is asked for.
        let config = CocoConfig { outputs: vec![CocoOutput::Crowd], ..CocoConfig::default() };
        assert!(source(&value, folder.path(), &config).is_err());
    }
}

#[cfg(unix)]
#[test]
fn links_are_followed_inside_only() {
    use std::os::unix::fs::symlink;
    let folder = folder();
    let images = folder.path().join("images");
    fs::create_dir(folder.path().join("outside")).unwrap();
    write_png(&folder.path().join("outside/c.png"), picture(6, 8).view()).unwrap();
    symlink(images.join("b.png"), images.join("inside.png")).unwrap();
    symlink(folder.path().join("canary.png"), images.join("out.png")).unwrap();
    symlink("../canary.png", images.join("relative.png")).unwrap();
    symlink(folder.path().join("outside"), images.join("linked")).unwrap();
    symlink("loop.png", images.join("loop.png")).unwrap();
    let open = |name: &str| {
        let mut value = dataset();
        value["images"][1]["file_name"] = json!(name);
        source(&value, folder.path(), &CocoConfig::default())
    };
    for name in ["out.png", "relative.png", "linked/c.png"] {
        let error = open(name).unwrap_err();
        assert!(matches!(error, Error::OutsideFolder { .. }), "{name}: {error}");
    }
    assert!(matches!(open("loop.png"), Err(Error::Io { .. })));
    assert!(open("inside.png").unwrap().get(1).is_ok());
    // A file that becomes a link after it was looked up.
    let changed = open("b.png").unwrap();
    fs::remove_file(images.join("b.png")).unwrap();
    symlink(folder.path().join("canary.png"), images.join("b.png")).unwrap();
    assert!(matches!(changed.get(1), Err(Error::OutsideFolder { .. })));
    // The folder itself may be a link.
    symlink(&images, folder.path().join("alias")).unwrap();
    let alias = folder.path().join("alias");
    let mut value = dataset();
    value["images"][1]["file_name"] = json!("inside.png");
    fs::remove_file(images.join("b.png")).unwrap();
    write_png(&images.join("b.png"), picture(6, 8).view()).unwrap();
    assert!(CocoSource::new(parse(&value).unwrap(), &alias, &CocoConfig::default()).is_ok());
}

fn feature(geometry: impl Into<Geometry<f64>>, class: &str) -> Feature {
    let properties = json!({"class": class, "confidence": 0.75, "width": 2.0});
    Feature { geometry: geometry.into(), properties: properties.as_object().unwrap().clone() }
}

fn drawn_on(features: &[Feature]) -> CocoPicture<'_> {
    CocoPicture { file_name: "a.png".into(), width: 8, height: 6, features }
}

fn square(x: f64, y: f64, side: f64) -> Polygon<f64> {
    polygon![(x: x, y: y), (x: x + side, y: y), (x: x + side, y: y + side), (x: x, y: y + side)]
}

#[test]
fn vectors_become_annotations() {
    let holed = Polygon::new(
        square(0.0, 0.0, 6.0).exterior().clone(),
        vec![square(1.0, 1.0, 3.0).exterior().clone()],
    );
    let features = [
        feature(square(1.004, 2.0, 3.0), "shape"),
        feature(MultiPolygon(vec![square(0.0, 0.0, 1.0), square(3.0, 3.0, 2.0)]), "shape"),
        feature(holed.clone(), "lake"),
        feature(LineString::from(vec![(0.0, 0.0), (5.0, 4.0)]), "line"),
    ];
    let dataset = to_coco(&[drawn_on(&features)], &CocoWriteConfig::default()).unwrap();
    let names: Vec<&str> = dataset.categories.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["lake", "line", "shape"]);
    let value: Value = serde_json::from_str(&dataset.to_json().unwrap()).unwrap();
    let annotations = &value["annotations"];
    assert_eq!(annotations[0]["segmentation"], json!([[1.0, 2.0, 4.0, 2.0, 4.0, 5.0, 1.0, 5.0]]));
    assert_eq!(annotations[0]["area"], json!(9.0));
    assert_eq!(annotations[1]["bbox"], json!([0.0, 0.0, 5.0, 5.0]));
    assert_eq!(annotations[1]["area"], json!(5.0));
    assert_eq!(annotations[2]["area"], json!(27.0));
    assert_eq!(annotations[2]["bbox"], json!([0.0, 0.0, 6.0, 6.0]));
    assert_eq!(annotations[3]["polyline"], json!([[0.0, 0.0, 5.0, 4.0]]));
    assert_eq!((&annotations[3]["width"], &annotations[3]["score"]), (&json!(2.0), &json!(0.75)));
    let mask = dataset.annotations[2].segmentation.rle(&ImageLimits::default()).unwrap().unwrap();
    let mut drawn = ndarray::Array2::<u32>::zeros((6, 8));
    mapvec_geometry::fill_labels(&holed, 1, &mut drawn);
    assert_eq!(mask.decode().mapv(u32::from), drawn);

    let fixed = CocoWriteConfig {
        categories: vec!["line".into(), "shape".into()],
        ..CocoWriteConfig::default()
    };
    let error = to_coco(&[drawn_on(&features)], &fixed).unwrap_err();
    assert!(error.to_string().contains("a.png: feature 2") && error.to_string().contains("lake"));
    for (geometry, class) in [
        (Geometry::Point((1.0, 1.0).into()), "shape"),
        (square(f64::NAN, 0.0, 1.0).into(), "shape"),
        (LineString::from(vec![(0.0, 0.0), (f64::INFINITY, 4.0)]).into(), "line"),
        (LineString::from(vec![(0.0, 0.0)]).into(), "line"),
        (square(1e12, 0.0, 1.0).into(), "shape"),
    ] {
        let features = [feature(geometry, class)];
        let error = to_coco(&[drawn_on(&features)], &fixed).unwrap_err();
        assert!(
            matches!(error, Error::Coco { .. } | Error::NonFinite { feature: 0, .. }),
            "{error}"
        );
    }
    let nameless =
        [Feature { geometry: square(0.0, 0.0, 1.0).into(), properties: serde_json::Map::new() }];
    assert!(matches!(to_coco(&[drawn_on(&nameless)], &fixed), Err(Error::Coco { .. })));
    let twice =
        CocoWriteConfig { categories: vec!["a".into(), "a".into()], ..CocoWriteConfig::default() };
    assert!(matches!(to_coco(&[], &twice), Err(Error::Config { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A mask of an annotation is the union of its rings, each by the even-odd rule at pixel
    /// centres; what goes out as vectors comes back as the same mask.
    #[test]
    fn masks_are_unions_of_rings(
        rings in proptest::collection::vec(proptest::collection::vec((-8_i32..24, -8_i32..24), 3..7), 1..4)
    ) {
        // Quarters that avoid the centres of pixels.
        let at = |v: i32| f64::from(v) / 2.0 + 0.25;
        let rings: Vec<Vec<(f64, f64)>> =
            rings.iter().map(|r| r.iter().map(|&(x, y)| (at(x), at(y))).collect()).collect();
        let inside = |ring: &[(f64, f64)], x: f64, y: f64| {
            let edges = ring.iter().zip(ring.iter().cycle().skip(1));
            edges.filter(|(a, b)| (a.1 > y) != (b.1 > y) && x < a.0 + (y - a.1) / (b.1 - a.1) * (b.0 - a.0)).count() % 2 == 1
        };
        let polygons = rings.iter().map(|ring| Polygon::new(ring.clone().into(), vec![]));
        let features = [feature(MultiPolygon(polygons.collect()), "shape")];
        let picture = CocoPicture { file_name: "a.png".into(), width: 12, height: 10, features: &features };
        let dataset = to_coco(&[picture], &CocoWriteConfig::default()).unwrap();
        let config = CocoConfig { outputs: vec![CocoOutput::Masks], ..CocoConfig::default() };
        let folder = tempfile::tempdir().unwrap();
        let source = CocoSource::new(dataset, folder.path(), &config).unwrap();
        let record = source.get(0).unwrap();
        for (index, &value) in bytes(&record, "masks").iter().enumerate() {
            let (x, y) = ((index % 12) as f64 + 0.5, (index / 12) as f64 + 0.5);
            prop_assert_eq!(value > 0, rings.iter().any(|ring| inside(ring, x, y)), "({}, {})", x, y);
        }
    }

    /// A file with a few bytes changed is read or refused, and so are its samples.
    #[test]
    fn changed_files_do_no_harm(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), prop::sample::select(b"0123456789-.eE[]{},:\"ao".to_vec())), 1..4)
    ) {
        let mut text = dataset().to_string().into_bytes();
        for (place, byte) in changes {
            let at = place.index(text.len());
            text[at] = byte;
        }
        let folder = tempfile::tempdir().unwrap();
        if let Ok(dataset) = CocoDataset::parse(&text, "changed") {
            let config = CocoConfig {
                outputs: CocoOutput::ALL[1..].to_vec(),
                max_array_bytes: 1 << 20,
                ..CocoConfig::default()
            };
            if let Ok(source) = CocoSource::new(dataset.clone(), folder.path(), &config) {
                for index in 0..source.len() {
                    if let Ok(record) = source.get(index) {
                        let image = source.image(index).unwrap();
                        let size = [image.height as usize, image.width as usize, 1];
                        prop_assert_eq!(record.get("class_map").unwrap().shape(), size);
                    }
                }
            }
            let again = dataset.to_json().unwrap();
            prop_assert_eq!(CocoDataset::parse(again.as_bytes(), "again").unwrap(), dataset);
        }
    }
}
