//! Folders of pictures and masks: pairs, classes, and links that mean harm.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use mapvec_data::{
    Colour, Error, Field, FolderConfig, FolderSource, MaskFault, MaskFolder, MaskKind,
    PictureValues, Source, encode_png, write_png,
};
use ndarray::{Array3, Axis, concatenate};

/// A grey picture whose values tell its name apart.
fn grey(height: usize, width: usize, salt: usize) -> Array3<u8> {
    Array3::from_shape_fn((height, width, 1), |(i, j, _)| ((i * 3 + j + salt) % 7) as u8)
}

fn triple(grey: &Array3<u8>) -> Array3<u8> {
    concatenate![Axis(2), *grey, *grey, *grey]
}

/// `images` and `masks` with three pairs, written in no order.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (salt, name) in ["c", "a", "b"].into_iter().enumerate() {
        let picture = triple(&grey(5, 6, salt + 1));
        write(&folder.path().join(format!("images/{name}.png")), &picture);
        write(&folder.path().join(format!("masks/{name}.png")), &grey(5, 6, salt));
    }
    folder
}

fn write(path: &Path, picture: &Array3<u8>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    write_png(path, picture.view()).unwrap();
}

fn labels(salt: usize) -> Field {
    Field::new(vec![5, 6, 1], grey(5, 6, salt).into_iter().collect::<Vec<_>>()).unwrap()
}

fn one_mask(mask: MaskFolder) -> FolderConfig {
    FolderConfig { masks: vec![mask], ..FolderConfig::default() }
}

#[test]
fn files_pair_by_stem_in_the_order_of_names() {
    let folder = folder();
    // What is hidden, a folder, or no picture, is no sample.
    fs::write(folder.path().join("images/.hidden.png"), b"x").unwrap();
    fs::write(folder.path().join("images/notes.txt"), b"x").unwrap();
    fs::create_dir(folder.path().join("images/d.png")).unwrap();
    let config = FolderConfig { picture: PictureValues::Bytes, ..FolderConfig::default() };
    let source = FolderSource::open(folder.path(), &config).unwrap();
    let stems: Vec<_> = (0..source.len()).map(|i| source.stem(i).unwrap()).collect();
    assert_eq!(stems, ["a", "b", "c"]);
    for (index, salt) in [(0, 1), (1, 2), (2, 0)] {
        let record = source.get(index).unwrap();
        assert_eq!(record.get("class_map").unwrap(), &labels(salt));
        let picture: Vec<u8> = triple(&grey(5, 6, salt + 1)).into_iter().collect();
        assert_eq!(record.get("img").unwrap(), &Field::new(vec![5, 6, 3], picture).unwrap());
    }
    assert!(matches!(source.get(3), Err(Error::Index { index: 3, len: 3 })));
}

#[test]
fn several_folders_suffixes_and_kinds() {
    let folder = folder();
    let root = folder.path();
    write(&root.join("flat/t1_sat.png"), &triple(&grey(2, 2, 0)));
    write(&root.join("flat/t1_mask.png"), &grey(2, 2, 4));
    let colours = Array3::from_shape_fn((2, 2, 3), |(i, j, c)| if c == i { 255 } else { j as u8 });
    write(&root.join("flat/t1_colour.png"), &colours);
    let mask = |field: &str, suffix: &str, kind| MaskFolder {
        folder: "flat".into(),
        field: field.into(),
        suffix: suffix.into(),
        kind,
    };
    let classes: BTreeMap<Colour, u8> =
        [(Colour([255, 0, 0]), 1), (Colour([0, 255, 0]), 2)].into_iter().collect();
    let mut config = FolderConfig {
        images: "flat".into(),
        image_suffix: "_sat".into(),
        masks: vec![
            mask("labels.class", "_mask", MaskKind::Labels),
            mask(
                "colour",
                "_colour",
                MaskKind::Colours { classes: classes.clone(), other: Some(9) },
            ),
            mask("inputs.nir", "_mask", MaskKind::Picture),
        ],
        ..FolderConfig::default()
    };
    let record = FolderSource::open(root, &config).unwrap().get(0).unwrap();
    let expected = Field::new(vec![2, 2, 1], vec![1_u8, 9, 2, 9]).unwrap();
    assert_eq!(record.get("colour").unwrap(), &expected);
    assert_eq!(record.get("inputs.nir").unwrap().shape(), [2, 2, 3]);
    assert_eq!(record.get("labels.class").unwrap().shape(), [2, 2, 1]);

    config.masks[1].kind = MaskKind::Colours { classes, other: None };
    let error = FolderSource::open(root, &config).unwrap().get(0).unwrap_err();
    let fault = MaskFault::UnknownColour { x: 1, y: 0, colour: Colour([255, 1, 1]) };
    assert!(matches!(&error, Error::Mask { fault: found, .. } if *found == fault), "{error}");
    let text = serde_json::to_string(&config).unwrap();
    assert!(text.contains(r##""#ff0000":1"##), "{text}");
    assert_eq!(serde_json::from_str::<FolderConfig>(&text).unwrap(), config);
    for bad in ["ff0000", "#ff000", "#ff00zz", "#+f0000", ""] {
        let text = text.replace("#ff0000", bad);
        assert!(serde_json::from_str::<FolderConfig>(&text).is_err(), "{bad}");
    }
}

/// Grey PNGs of any depth, written by the encoder of the `image` crate or by hand.
#[test]
fn labels_are_the_numbers_that_are_stored() {
    let folder = folder();
    let mask = folder.path().join("masks/a.png");
    let read = || {
        let source = FolderSource::open(folder.path(), &FolderConfig::default()).unwrap();
        source.get(0).map(|record| record.get("class_map").unwrap().clone())
    };
    let deep: Vec<u16> = grey(5, 6, 3).into_iter().map(u16::from).collect();
    let deep = image::ImageBuffer::<image::Luma<u16>, _>::from_raw(6, 5, deep).unwrap();
    deep.save(&mask).unwrap();
    assert_eq!(read().unwrap(), labels(3));
    let mut high = deep.clone();
    high.put_pixel(2, 1, image::Luma([300]));
    high.save(&mask).unwrap();
    let fault = MaskFault::Label { x: 2, y: 1, label: 300 };
    assert!(matches!(read(), Err(Error::Mask { fault: found, .. }) if found == fault));
    // Grey that is stored as three channels.
    write(&mask, &triple(&grey(5, 6, 2)));
    assert_eq!(read().unwrap(), labels(2));
    let mut coloured = triple(&grey(5, 6, 2));
    coloured[[4, 5, 1]] = 99;
    write(&mask, &coloured);
    assert!(matches!(
        read(),
        Err(Error::Mask { fault: MaskFault::NotGrey { x: 5, y: 4, .. }, .. })
    ));
    let wide = image::ImageBuffer::<image::Rgb<u16>, _>::from_pixel(6, 5, image::Rgb([1, 1, 1]));
    wide.save(&mask).unwrap();
    assert!(matches!(read(), Err(Error::Mask { fault: MaskFault::Layout { .. }, .. })));
    write(&mask, &grey(6, 5, 0));
    let fault = MaskFault::Size { expected: (5, 6), found: (6, 5) };
    assert!(matches!(read(), Err(Error::Mask { fault: found, .. }) if found == fault));
    // Four bits a pixel: 6 values in 3 bytes a row.
    let rows: Vec<u8> = (0..5).flat_map(|_| [0, 0x01, 0x2f, 0x30]).collect();
    fs::write(&mask, png(6, 5, 4, 0, &rows)).unwrap();
    let expected = Field::new(vec![5, 6, 1], [0_u8, 1, 2, 15, 3, 0].repeat(5)).unwrap();
    assert_eq!(read().unwrap(), expected);
    let rows: Vec<u8> = (0..5).flat_map(|_| [0, 0b0110_1000]).collect();
    fs::write(&mask, png(6, 5, 1, 0, &rows)).unwrap();
    let expected = Field::new(vec![5, 6, 1], [0_u8, 1, 1, 0, 1, 0].repeat(5)).unwrap();
    assert_eq!(read().unwrap(), expected);
}

/// A PNG of filtered rows, stored without compression.
fn png(width: u32, height: u32, bits: u8, colour: u8, rows: &[u8]) -> Vec<u8> {
    let crc = |bytes: &[u8]| {
        !bytes.iter().fold(u32::MAX, |crc, &byte| {
            (0..8).fold(crc ^ u32::from(byte), |c, _| {
                (c >> 1) ^ if c & 1 == 1 { 0xedb8_8320 } else { 0 }
            })
        })
    };
    let chunk = |kind: &[u8], data: &[u8]| {
        let body = [kind, data].concat();
        [
            (data.len() as u32).to_be_bytes().to_vec(),
            body.clone(),
            crc(&body).to_be_bytes().to_vec(),
        ]
        .concat()
    };
    let header =
        [&width.to_be_bytes()[..], &height.to_be_bytes(), &[bits, colour, 0, 0, 0]].concat();
    let (a, b) = rows.iter().fold((1_u32, 0_u32), |(a, b), &byte| {
        let a = (a + u32::from(byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    let length = rows.len() as u16;
    let data = [
        &[0x78, 0x01, 1][..],
        &length.to_le_bytes(),
        &(!length).to_le_bytes(),
        rows,
        &((b << 16) | a).to_be_bytes(),
    ];
    [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        chunk(b"IHDR", &header),
        chunk(b"IDAT", &data.concat()),
        chunk(b"IEND", b""),
    ]
    .concat()
}

#[test]
fn files_without_a_counterpart_are_listed() {
    let folder = folder();
    let open = || FolderSource::open(folder.path(), &FolderConfig::default()).unwrap_err();
    for name in ["p", "q", "r", "s", "t", "u"] {
        write(&folder.path().join(format!("masks/{name}.png")), &grey(1, 1, 0));
    }
    let error = open();
    assert!(matches!(&error, Error::Unpaired { count: 6, .. }), "{error}");
    assert!(error.to_string().ends_with("p, q, r, s, t, ..."), "{error}");
    fs::remove_dir_all(folder.path().join("masks")).unwrap();
    assert!(matches!(open(), Error::Io { .. }));
    write(&folder.path().join("masks/a.png"), &grey(5, 6, 0));
    let error = open();
    assert!(
        matches!(&error, Error::Unpaired { count: 2, names, .. } if names == "b, c"),
        "{error}"
    );
    write(&folder.path().join("images/a.jpg"), &triple(&grey(5, 6, 0)));
    assert!(matches!(open(), Error::SameStem { .. }));
}

#[test]
fn bad_settings_are_named() {
    let folder = folder();
    let open = |config: &FolderConfig| FolderSource::open(folder.path(), config).unwrap_err();
    for field in ["", "Img", "a..b", ".a", "a b", "img"] {
        let error = open(&one_mask(MaskFolder { field: field.into(), ..MaskFolder::default() }));
        assert!(matches!(error, Error::Config { field: "masks.field", .. }), "{field}: {error}");
    }
    let twice = FolderConfig { masks: vec![MaskFolder::default(); 2], ..FolderConfig::default() };
    assert!(matches!(open(&twice), Error::Config { .. }));
    let kind = MaskKind::Colours { classes: BTreeMap::new(), other: Some(0) };
    assert!(matches!(
        open(&one_mask(MaskFolder { kind, ..MaskFolder::default() })),
        Error::Config { .. }
    ));
    for outside in ["..", "../x", "/", "", "masks/.."] {
        let error = open(&one_mask(MaskFolder { folder: outside.into(), ..MaskFolder::default() }));
        assert!(matches!(error, Error::OutsideFolder { .. }), "{outside}: {error}");
    }
    let file = folder.path().join("masks/a.png");
    assert!(matches!(FolderSource::open(&file, &FolderConfig::default()), Err(Error::Io { .. })));
}

#[cfg(unix)]
#[test]
fn links_are_followed_inside_only() {
    use std::os::unix::fs::symlink;
    let outside = folder();
    let folder = folder();
    let canary = outside.path().join("masks/a.png");
    fs::write(&canary, encode_png(grey(5, 6, 6).view()).unwrap()).unwrap();
    let mask = folder.path().join("masks/a.png");
    let open = || FolderSource::open(folder.path(), &FolderConfig::default());
    let before = open().unwrap();
    fs::remove_file(&mask).unwrap();
    symlink(&canary, &mask).unwrap();
    assert!(matches!(open(), Err(Error::OutsideFolder { .. })));
    // Also where the link came after the listing.
    assert!(matches!(before.get(0), Err(Error::OutsideFolder { .. })));
    fs::remove_file(&mask).unwrap();
    symlink("b.png", &mask).unwrap();
    assert_eq!(open().unwrap().get(0).unwrap().get("class_map").unwrap(), &labels(2));
    symlink(outside.path().join("masks"), folder.path().join("linked")).unwrap();
    let linked = one_mask(MaskFolder { folder: "linked".into(), ..MaskFolder::default() });
    assert!(matches!(FolderSource::open(folder.path(), &linked), Err(Error::OutsideFolder { .. })));
    // An outside folder is not even listed: without that, its lack of files would be the error.
    fs::create_dir(outside.path().join("empty")).unwrap();
    symlink(outside.path().join("empty"), folder.path().join("empty")).unwrap();
    let empty = one_mask(MaskFolder { folder: "empty".into(), ..MaskFolder::default() });
    let error = FolderSource::open(folder.path(), &empty).unwrap_err();
    assert!(matches!(error, Error::OutsideFolder { .. }), "{error}");
    // A pipe would never end.
    fs::remove_file(&mask).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&mask).status();
    if made.is_ok_and(|status| status.success()) {
        assert!(matches!(open(), Err(Error::NoFile { .. })));
    }
}
