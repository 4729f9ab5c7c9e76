//! From centreline probabilities to line strings.

use geo_types::LineString;
use mapvec_geometry::{centrelines, thin};
use mapvec_postprocess::hysteresis;

use crate::prediction::decode_width;
use crate::{LineConfig, MapPrediction, Result};

/// A line feature of the map.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Its axis, in pixels.
    pub line: LineString<f64>,
    /// Mean drawn width in pixels.
    pub width: f64,
    /// Mean probability along the axis, 0 to 1.
    pub confidence: f64,
}

/// Line features of a predicted map.
///
/// Pixels of sufficient probability are thinned to a skeleton, the skeleton becomes
/// a graph, short spurs and specks go, and every edge becomes one line string. Lines
/// that meet share the coordinate of the junction.
///
/// # Errors
/// A field of `config` is outside its range.
pub fn extract_lines(maps: &MapPrediction, config: &LineConfig) -> Result<Vec<Line>> {
    let probability = maps.centreline.mapv(|code| f32::from(code) / 255.0);
    let mask = hysteresis(probability.view(), config.low, config.high)?;
    drop(probability);
    let thinned = thin(mask.view());
    drop(mask);
    let mut lines = Vec::new();
    for found in centrelines(thinned.view(), &config.centreline)? {
        let mut width = 0.0;
        let mut confidence = 0.0;
        for &(row, column) in &found.pixels {
            let at = [row as usize, column as usize];
            width += f64::from(decode_width(maps.thickness[at]));
            confidence += f64::from(maps.centreline[at]) / 255.0;
        }
        let count = found.pixels.len().max(1) as f64;
        lines.push(Line { line: found.line, width: width / count, confidence: confidence / count });
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prediction::encode_width;

    fn stripe() -> MapPrediction {
        let mut maps = MapPrediction::zeros(40, 80);
        for x in 5..75 {
            for y in 19..22 {
                maps.centreline[[y, x]] = 230;
                maps.thickness[[y, x]] = encode_width(4.0);
            }
        }
        maps.centreline[[5, 5]] = 255;
        maps
    }

    #[test]
    fn a_stripe_is_one_line_and_a_speck_none() {
        let found = extract_lines(&stripe(), &LineConfig::default()).unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        let line = &found[0];
        assert!((line.width - 4.0).abs() < 1e-6, "width {}", line.width);
        assert!((line.confidence - 230.0 / 255.0).abs() < 1e-6, "confidence {}", line.confidence);
        assert!(line.line.0.iter().all(|c| (c.y - 20.5).abs() < 0.01), "{:?}", line.line);
        let xs: Vec<f64> = line.line.0.iter().map(|c| c.x).collect();
        let (first, last) = (xs[0].min(xs[xs.len() - 1]), xs[0].max(xs[xs.len() - 1]));
        assert!(first < 8.0 && last > 72.0, "{first} {last}");
    }

    #[test]
    fn weak_lines_are_left_out() {
        let mut maps = stripe();
        maps.centreline.mapv_inplace(|v| v / 2);
        assert!(
            extract_lines(&maps, &LineConfig::default()).unwrap().is_empty(),
            "p below the seed"
        );
    }
}
