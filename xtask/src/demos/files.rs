//! Output files: enough of each format to tell that it is whole.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// What is recorded about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// PNG or JPEG, by its header.
    Picture { width: u32, height: u32 },
    /// GeoJSON, features counted by type of geometry.
    Features(BTreeMap<String, u64>),
    /// Anything else that is not empty; JSON and SVG are parsed far enough to
    /// know that they are whole.
    Other,
}

/// Reads what is recorded about the file at `path`.
pub(crate) fn inspect(path: &Path) -> Result<Content> {
    let bytes = std::fs::read(path).context("cannot read it")?;
    ensure!(!bytes.is_empty(), "it is empty");
    let text = || std::str::from_utf8(&bytes).context("it is not UTF-8");
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("png") => png_size(&bytes),
        Some("jpg" | "jpeg") => jpeg_size(&bytes),
        Some("geojson") => count_features(text()?),
        Some("json") => {
            serde_json::from_str::<Value>(text()?).context("it is not JSON")?;
            Ok(Content::Other)
        }
        Some("svg") => {
            let text = text()?.trim_end();
            ensure!(text.contains("<svg") && text.ends_with("</svg>"), "it is not a whole SVG");
            Ok(Content::Other)
        }
        _ => Ok(Content::Other),
    }
}

/// Every file below `folder`, sorted.
pub(crate) fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    Ok(files)
}

/// Width and height from the IHDR chunk; the IEND chunk must be there.
fn png_size(bytes: &[u8]) -> Result<Content> {
    let header: Option<&[u8; 24]> = bytes.first_chunk();
    let Some(header) = header.filter(|h| h.starts_with(b"\x89PNG\r\n\x1a\n")) else {
        bail!("it is not a PNG");
    };
    let last = bytes.len().saturating_sub(8);
    ensure!(bytes[last..].starts_with(b"IEND"), "the PNG is cut off");
    let number = |at: usize| {
        u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
    };
    Ok(Content::Picture { width: number(16), height: number(20) })
}

/// Width and height from the first start-of-frame segment.
fn jpeg_size(bytes: &[u8]) -> Result<Content> {
    ensure!(bytes.starts_with(&[0xff, 0xd8]), "it is not a JPEG");
    ensure!(bytes.ends_with(&[0xff, 0xd9]), "the JPEG is cut off");
    let number = |at: usize| -> Result<u16> {
        let pair = bytes.get(at..at + 2).context("the JPEG is cut off")?;
        Ok(u16::from_be_bytes([pair[0], pair[1]]))
    };
    let mut at = 2;
    loop {
        let marker = number(at)?;
        let is_frame =
            matches!(marker, 0xffc0..=0xffcf) && !matches!(marker, 0xffc4 | 0xffc8 | 0xffcc);
        if is_frame {
            let (height, width) = (number(at + 5)?, number(at + 7)?);
            return Ok(Content::Picture { width: width.into(), height: height.into() });
        }
        at += 2 + usize::from(number(at + 2)?);
    }
}

fn count_features(text: &str) -> Result<Content> {
    let collection: Value = serde_json::from_str(text).context("it is not JSON")?;
    ensure!(collection["type"] == "FeatureCollection", "it is not a FeatureCollection");
    let features = collection["features"].as_array().context("it has no features")?;
    let mut counts = BTreeMap::new();
    for feature in features {
        let kind = feature["geometry"]["type"].as_str().context("a feature has no geometry")?;
        *counts.entry(kind.to_owned()).or_insert(0) += 1;
    }
    Ok(Content::Features(counts))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes.extend(b"\x08\x02\0\0\0crc.\0\0\0\0IEND\xae\x42\x60\x82");
        bytes
    }

    #[test]
    fn png_header_is_read_and_a_cut_one_refused() -> Result<()> {
        let bytes = png(640, 480);
        assert_eq!(png_size(&bytes)?, Content::Picture { width: 640, height: 480 });
        assert!(png_size(&bytes[..bytes.len() - 1]).is_err(), "the end is missing");
        assert!(png_size(b"GIF89a").is_err(), "another format");
        Ok(())
    }

    #[test]
    fn jpeg_frame_is_found_behind_other_segments() -> Result<()> {
        let mut bytes = vec![0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 2, 0xff, 0xc0, 0, 11, 8, 0, 3, 0, 5];
        bytes.extend([0xff, 0xd9]);
        assert_eq!(jpeg_size(&bytes)?, Content::Picture { width: 5, height: 3 });
        assert!(jpeg_size(&[0xff, 0xd8, 0xff, 0xd9]).is_err(), "there is no frame");
        Ok(())
    }

    #[test]
    fn features_are_counted_by_geometry() -> Result<()> {
        let text = r#"{"type": "FeatureCollection", "features": [
            {"geometry": {"type": "Polygon"}}, {"geometry": {"type": "Polygon"}},
            {"geometry": {"type": "LineString"}}]}"#;
        let counts = [("LineString".to_owned(), 1), ("Polygon".to_owned(), 2)];
        assert_eq!(count_features(text)?, Content::Features(counts.into()));
        assert!(count_features("{}").is_err(), "not a collection");
        Ok(())
    }
}
