//! Pictures in and out, good and bad.

use std::fs;
use std::io::Cursor;
use std::path::PathBuf;

use image::{DynamicImage, ImageFormat};
use mapvec_data::{
    Error, ImageLimits, decode_image, encode_png, read_image, read_window, write_png,
};
use mapvec_geometry::Window;
use ndarray::{Array3, s};
use proptest::prelude::*;

fn picture(height: usize, width: usize) -> Array3<u8> {
    Array3::from_shape_fn((height, width, 3), |(i, j, c)| ((i * 37 + j * 11 + c * 90) % 256) as u8)
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn rgb(picture: &Array3<u8>) -> DynamicImage {
    let (height, width, _) = picture.dim();
    let pixels = picture.iter().copied().collect();
    image::RgbImage::from_raw(width as u32, height as u32, pixels).unwrap().into()
}

/// A PNG that ends after a header of this size.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut header = b"IHDR".to_vec();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    let crc = header.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(
            crc ^ u32::from(byte),
            |c, _| if c & 1 == 1 { c >> 1 ^ 0xedb8_8320 } else { c >> 1 },
        )
    });
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    bytes.extend(header);
    bytes.extend((!crc).to_be_bytes());
    bytes
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn png_comes_back(h in 1_usize..20, w in 1_usize..20, grey: bool) {
        let full = picture(h, w);
        let channels = if grey { 1 } else { 3 };
        let bytes = encode_png(full.slice(s![.., .., ..channels])).unwrap();
        let back = decode_image(&bytes, &ImageLimits::default()).unwrap();
        prop_assert_eq!(back.dim(), (h, w, 3));
        for ((i, j, c), value) in back.indexed_iter() {
            prop_assert_eq!(*value, full[[i, j, if grey { 0 } else { c }]]);
        }
    }

    #[test]
    fn damaged_bytes_are_an_error_or_a_picture(at in 0_usize..2000, byte: u8, jpeg: bool) {
        let format = if jpeg { ImageFormat::Jpeg } else { ImageFormat::Tiff };
        let mut bytes = encoded(&rgb(&picture(16, 16)), format);
        let at = at % bytes.len();
        bytes[at] = byte;
        // Must return; small limits keep a changed header from asking for much.
        let limits = ImageLimits { max_pixels: 1 << 20, ..ImageLimits::default() };
        if let Ok(back) = decode_image(&bytes, &limits) {
            prop_assert!(back.len() <= 3 << 20);
        }
    }
}

#[test]
fn every_layout_becomes_rgb() {
    let source = rgb(&picture(9, 7));
    let limits = ImageLimits::default();
    for format in [ImageFormat::Png, ImageFormat::Tiff] {
        let wide = DynamicImage::from(source.to_rgb16());
        let grey = DynamicImage::from(source.to_luma8());
        let grey16 = DynamicImage::from(grey.to_luma16());
        for (kind, expected) in
            [(&source, &source), (&wide, &source), (&grey, &grey), (&grey16, &grey)]
        {
            let back = decode_image(&encoded(kind, format), &limits).unwrap();
            let expected = expected.to_rgb8().into_raw();
            assert_eq!(
                back.iter().copied().collect::<Vec<_>>(),
                expected,
                "{format:?} {:?}",
                kind.color()
            );
        }
    }
    let back = decode_image(&encoded(&source, ImageFormat::Jpeg), &limits).unwrap();
    assert_eq!(back.dim(), (9, 7, 3));
}

#[test]
fn transparency_shows_white_paper() {
    let pixels = vec![10, 20, 30, 255, 10, 20, 30, 0, 0, 100, 200, 128];
    let source = DynamicImage::from(image::RgbaImage::from_raw(3, 1, pixels).unwrap());
    for format in [ImageFormat::Png, ImageFormat::Tiff] {
        let back = decode_image(&encoded(&source, format), &ImageLimits::default()).unwrap();
        let expected = [10, 20, 30, 255, 255, 255, 127, 177, 227];
        assert_eq!(back.iter().copied().collect::<Vec<_>>(), expected, "{format:?}");
    }
}

#[test]
fn files_are_read_by_content_and_windows_cropped() {
    let folder = Folder::new();
    let full = picture(12, 10);
    let path = folder.0.path().join("map.jpg");
    write_png(&path, full.view()).unwrap();
    let limits = ImageLimits::default();
    assert_eq!(read_image(&path, &limits).unwrap(), full);
    let window = Window { x: 3, y: 4, width: 5, height: 8 };
    let part = read_window(&path, Some(window), &limits).unwrap();
    assert_eq!(part, full.slice(s![4..12, 3..8, ..]));
    let window = Window { x: 3, y: 5, width: 5, height: 8 };
    let message = read_window(&path, Some(window), &limits).unwrap_err().to_string();
    for part in ["map.jpg", "x 3, y 5, 5 x 8", "10 x 12"] {
        assert!(message.contains(part), "{part} missing in {message}");
    }
}

#[test]
fn a_large_header_is_refused_at_once() {
    let limits = ImageLimits::default();
    let folder = Folder::new();
    for (size, limit) in [(100_000, "max_width"), (50_000, "max_pixels")] {
        let path = folder.file("bomb.png", &png_header(size, size));
        let error = read_image(&path, &limits).unwrap_err();
        assert!(matches!(error, Error::ImageTooLarge { .. }), "{error}");
        for part in ["bomb.png", limit, "raise"] {
            assert!(error.to_string().contains(part), "{part} missing in {error}");
        }
    }
    // With the limit raised it is the missing pixels that count.
    let limits = ImageLimits { max_width: 2, max_height: 2, ..ImageLimits::default() };
    let bytes = encode_png(picture(3, 2).view()).unwrap();
    assert!(matches!(
        decode_image(&bytes, &limits),
        Err(Error::ImageTooLarge { limit: "max_height", .. })
    ));
    let limits = ImageLimits { max_height: 3, ..limits };
    assert!(decode_image(&bytes, &limits).is_ok(), "the limit is inclusive");
    let limits = ImageLimits { max_pixels: 0, ..limits };
    assert!(matches!(
        decode_image(&bytes, &limits),
        Err(Error::Config { field: "max_pixels", .. })
    ));
}

#[test]
fn a_picture_without_pixels_is_named_so() {
    for (width, height) in [(0, 5), (5, 0), (0, 0)] {
        let error = decode_image(&png_header(width, height), &ImageLimits::default()).unwrap_err();
        assert!(matches!(error, Error::EmptyImage { .. }), "{error}");
    }
    assert!(matches!(encode_png(Array3::zeros((0, 5, 3)).view()), Err(Error::Encode { .. })));
    assert!(matches!(encode_png(Array3::zeros((5, 5, 2)).view()), Err(Error::Encode { .. })));
}

#[test]
fn truncated_pictures_are_errors() {
    // Noise does not compress, so every part of the file carries pixels.
    let noisy = Array3::from_shape_fn((40, 40, 3), |(i, j, c)| {
        ((i * 7919 + j * 104_729 + c * 1_299_709) * (i * j + 17) % 251) as u8
    });
    for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Tiff] {
        let bytes = encoded(&rgb(&noisy), format);
        // The last bytes of a PNG are its end chunk, without pixels.
        for length in (8..bytes.len() - 20).step_by(bytes.len() / 40) {
            let error = decode_image(&bytes[..length], &ImageLimits::default()).unwrap_err();
            let expected = matches!(error, Error::Truncated { .. } | Error::Decode { .. });
            assert!(expected, "{format:?} cut to {length}: {error:?}");
        }
        let folder = Folder::new();
        let path = folder.file("half", &bytes[..bytes.len() / 2]);
        let error = read_image(&path, &ImageLimits::default()).unwrap_err();
        assert!(error.to_string().contains("half"), "{error}");
        if format != ImageFormat::Tiff {
            assert!(matches!(error, Error::Truncated { .. }), "{format:?}: {error:?}");
        }
    }
}

#[test]
fn other_files_are_named_in_the_error() {
    let folder = Folder::new();
    let limits = ImageLimits::default();
    for (name, bytes) in
        [("notes.png", &b"just some text"[..]), ("empty.tif", b""), ("short.jpg", b"\xff")]
    {
        let error = read_image(&folder.file(name, bytes), &limits).unwrap_err();
        assert!(matches!(error, Error::NotAnImage { .. }), "{error}");
        assert!(error.to_string().contains(name), "{error}");
    }
    let missing = folder.0.path().join("missing.png");
    let error = read_image(&missing, &limits).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
    assert!(error.to_string().contains("missing.png"), "{error}");
    let error = read_image(folder.0.path(), &limits).unwrap_err();
    assert!(matches!(error, Error::IsFolder { .. }), "{error}");
}
