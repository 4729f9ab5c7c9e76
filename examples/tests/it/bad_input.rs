//! Bad input gets one clear line, exit code 2, and leaves existing results alone.

use std::path::Path;

use crate::example;

/// Runs `vectorize` with results of an earlier run in the output folder.
fn refused(arguments: &[&str], out: &Path, pieces: &[&str]) {
    std::fs::create_dir_all(out).unwrap();
    let names = ["map.geojson", "map.svg", "overlay.png", "report.json"];
    for name in names {
        std::fs::write(out.join(name), b"earlier result").unwrap();
    }
    let out_text = out.to_str().unwrap();
    let output = example("vectorize", "2", &[arguments, &["--out", out_text]].concat());
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
    assert_eq!(message.trim_end().lines().count(), 1, "one line: {message}");
    for piece in pieces {
        assert!(message.contains(piece), "{piece:?} is missing: {message}");
    }
    for name in names {
        let kept = std::fs::read(out.join(name)).unwrap();
        assert_eq!(kept, b"earlier result", "{name} must stay as it was");
    }
    assert_eq!(std::fs::read_dir(out).unwrap().count(), names.len(), "no temporary file stays");
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |c, _| {
            if c & 1 == 1 { 0xEDB8_8320 ^ (c >> 1) } else { c >> 1 }
        })
    })
}

/// A PNG that ends after its header.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut chunk = b"IHDR".to_vec();
    chunk.extend(width.to_be_bytes());
    chunk.extend(height.to_be_bytes());
    chunk.extend([8, 2, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    file.extend(13_u32.to_be_bytes());
    file.extend(&chunk);
    file.extend(crc32(&chunk).to_be_bytes());
    file
}

/// A small picture with a pattern, as a PNG file.
fn picture() -> Vec<u8> {
    let pixels =
        ndarray::Array3::from_shape_fn((80, 96, 3), |(y, x, c)| ((x * y + 31 * c) % 256) as u8);
    mapvec_data::encode_png(pixels.view()).unwrap()
}

#[test]
fn pictures_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let missing = folder.path().join("missing.png");
    refused(&[missing.to_str().unwrap()], &out, &["missing.png"]);
    refused(
        &[&file("text.png", b"this is no picture")],
        &out,
        &["text.png", "not a PNG, JPEG or TIFF"],
    );
    let whole = picture();
    refused(&[&file("half.png", &whole[..whole.len() / 2])], &out, &["half.png"]);
    refused(&[&file("empty.png", &png_header(0, 10))], &out, &["empty.png"]);
    let huge = file("huge.png", &png_header(100_000, 100_000));
    refused(&[&huge], &out, &["huge.png", "100000 x 100000", "--max-pixels"]);
    let ordinary = file("ordinary.png", &whole);
    refused(&[&ordinary, "--max-pixels", "1000"], &out, &["max_pixels", "1000"]);
    refused(&[&ordinary, "--window", "60,0,64,64"], &out, &["60", "96"]);
    refused(&[&ordinary, "--window", "a,b"], &out, &["X,Y,WIDTH,HEIGHT"]);
    refused(&[folder.path().to_str().unwrap()], &out, &["folder"]);
}

#[test]
fn weights_that_do_not_fit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.safetensors");
    let other =
        mapvec_nn::ParameterStore::new(1, candle_core::DType::F32, &candle_core::Device::Cpu);
    let config = mapvec_models::MapUNetConfig { in_channels: 3, widths: vec![4, 4] };
    mapvec_models::MapUNet::new(&config, other.var_builder()).unwrap();
    other.save(&path).unwrap();
    let out = folder.path().join("out");
    refused(&["--weights", path.to_str().unwrap()], &out, &["missing", "encoder.2.0.conv.weight"]);
    std::fs::write(&path, b"no tensors").unwrap();
    refused(&["--weights", path.to_str().unwrap()], &out, &["weights"]);
}

#[test]
fn a_folder_that_cannot_be_made() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, b"a file").unwrap();
    let below = file.join("out");
    let output = example("vectorize", "2", &["--smoke", "--out", below.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(message.trim_end().lines().count(), 1, "one line: {message}");
    assert!(message.contains("cannot make the folder"), "{message}");
    assert_eq!(std::fs::read(&file).unwrap(), b"a file");
}
