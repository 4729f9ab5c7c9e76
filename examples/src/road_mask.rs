//! A mask of roads as lines in world coordinates.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use geo_types::{Coord, Geometry, LineString};
use mapvec_data::{Feature, GeoJsonConfig, to_geojson_with};
use mapvec_geometry::{
    CentrelineConfig, CrossingConfig, Crs, CrsTransform, GapConfig, GroundControlPoint, Stroke,
    Warp, WarpModel, centrelines, fit_ground_control, line_length, stroke_coverage, thin,
    validate_line, widths_along,
};
use ndarray::{Array2, Array3, ArrayView2};
use serde_json::{Map, json};

/// Decimals of longitude and latitude: about a centimetre.
const DECIMALS: u32 = 7;

/// Where the pixels of a picture are in the world.
#[derive(Debug, Clone, PartialEq)]
pub struct ControlPoints {
    /// Pixels and world coordinates.
    pub points: Vec<GroundControlPoint>,
    /// EPSG code of the world coordinates, if the file has one.
    pub epsg: Option<u32>,
}

impl ControlPoints {
    /// Reads a `.points` file of the georeferencer of QGIS.
    ///
    /// The first line names the coordinate reference system as WKT or `EPSG:code`, if any does,
    /// the next the columns. `pixelY` is negative downwards. Points that are not enabled are
    /// left out.
    ///
    /// # Errors
    /// A column is missing, or a number cannot be read.
    pub fn parse(text: &str) -> Result<Self> {
        let system = text.lines().find_map(|line| line.strip_prefix("#CRS:")).unwrap_or("");
        let epsg = epsg_code(system.trim());
        let mut rows = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let names: Vec<&str> = rows.next().context("no control points")?.split(',').collect();
        let column = |name: &str| {
            // Later versions of QGIS call pixels sources.
            let also = name.replace("pixel", "source");
            let found = names.iter().position(|n| n.trim() == name || n.trim() == also);
            found.with_context(|| format!("the control points have no column {name}"))
        };
        let columns = [column("pixelX")?, column("pixelY")?, column("mapX")?, column("mapY")?];
        let enabled = column("enable")?;
        let mut points = Vec::new();
        for row in rows {
            let cells: Vec<&str> = row.split(',').map(str::trim).collect();
            let cell = |k: usize| cells.get(k).with_context(|| format!("too few columns: {row}"));
            if *cell(enabled)? == "0" {
                continue;
            }
            let mut numbers = [0.0; 4];
            for (number, k) in numbers.iter_mut().zip(columns) {
                *number = cell(k)?.parse().with_context(|| format!("no number: {row}"))?;
            }
            let [x, y, east, north] = numbers;
            let pixel = Coord { x, y: -y };
            points.push(GroundControlPoint { pixel, world: Coord { x: east, y: north } });
        }
        Ok(Self { points, epsg })
    }
}

/// The code of a system of coordinates as `EPSG:code` or as WKT, where that of the whole comes
/// last and those of parts have more open brackets.
fn epsg_code(system: &str) -> Option<u32> {
    if let Some(code) = system.strip_prefix("EPSG:") {
        return code.parse().ok();
    }
    let (text, mark) = match system.strip_suffix("\"]]") {
        Some(text) => (text, "AUTHORITY[\"EPSG\",\""),
        None => (system.strip_suffix("]]")?, "ID[\"EPSG\","),
    };
    let (before, code) = text.rsplit_once(mark)?;
    let whole = before.matches('[').count() == before.matches(']').count() + 1;
    if whole { code.parse().ok() } else { None }
}

/// A road in pixels and in the world.
#[derive(Debug, Clone, PartialEq)]
pub struct Road {
    /// In pixels.
    pub line: LineString<f64>,
    /// In the system of the control points.
    pub world: LineString<f64>,
    /// In the unit of that system.
    pub length: f64,
    /// Median width of the mask along the line, in pixels.
    pub width: f64,
}

/// The roads of a mask.
#[derive(Debug, Clone, PartialEq)]
pub struct Roads {
    /// One line between two junctions or free ends; straight through crossings.
    pub roads: Vec<Road>,
    /// Number of places where lines meet.
    pub junctions: usize,
    /// Number of ends that meet no other.
    pub free_ends: usize,
    /// From pixels to the world.
    pub warp: Warp,
}

/// How lines are made of a mask of roads about `width` pixels broad.
#[must_use]
pub fn road_config(width: f64) -> CentrelineConfig {
    CentrelineConfig {
        min_spur: 1.5 * width,
        min_length: 4.0 * width,
        gaps: Some(GapConfig { max_gap: 3.0 * width, ..GapConfig::default() }),
        crossings: Some(CrossingConfig::default()),
        ..CentrelineConfig::default()
    }
}

/// Thins a mask, follows its lines and places them in the world.
///
/// # Errors
/// The control points leave the transform open, or a setting is out of range.
pub fn trace_roads(
    mask: ArrayView2<'_, bool>,
    points: &[GroundControlPoint],
    config: &CentrelineConfig,
) -> Result<Roads> {
    let warp = fit_ground_control(points, &WarpModel::default())?;
    let lines = centrelines(thin(mask).view(), config)?;
    let widths = widths_along(&lines, mask);
    let junctions: BTreeSet<usize> =
        lines.iter().flat_map(|l| [l.start, l.end]).flatten().collect();
    let free_ends = lines.iter().filter(|l| l.line.0.first() != l.line.0.last());
    let free_ends =
        free_ends.map(|l| usize::from(l.start.is_none()) + usize::from(l.end.is_none())).sum();
    let roads = lines.iter().zip(widths).map(|(line, widths)| {
        let world = warp.apply_shape(&line.line);
        let length = line_length(&world);
        Road { line: line.line.clone(), world, length, width: f64::from(median(widths)) }
    });
    Ok(Roads { roads: roads.collect(), junctions: junctions.len(), free_ends, warp })
}

fn median(mut values: Vec<f32>) -> f32 {
    values.sort_by(f32::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

impl Roads {
    /// Sum of the lengths, in the unit of the control points.
    #[must_use]
    pub fn length(&self) -> f64 {
        self.roads.iter().map(|road| road.length).sum()
    }

    /// Vertices of all lines.
    #[must_use]
    pub fn vertices(&self) -> usize {
        self.roads.iter().map(|road| road.line.0.len()).sum()
    }

    /// Number of lines that are invalid.
    #[must_use]
    pub fn invalid(&self) -> usize {
        self.roads.iter().filter(|road| validate_line(&road.world).is_err()).count()
    }

    /// The lines as GeoJSON, which is in longitude and latitude (RFC 7946).
    ///
    /// # Errors
    /// The system is not known, or a line leaves its domain.
    pub fn to_geojson(&self, epsg: u32) -> Result<String> {
        let change = CrsTransform::new(Crs::from_epsg(epsg)?, Crs::from_epsg(4326)?)?;
        let feature = |(id, road): (u32, &Road)| -> Result<Feature> {
            let properties = json!({
                "id": id,
                "length": (road.length * 100.0).round() / 100.0,
                "width_in_pixels": (road.width * 100.0).round() / 100.0,
            });
            let properties = properties.as_object().cloned().unwrap_or_default();
            let line = change.apply_shape(&road.world)?;
            Ok(Feature { geometry: Geometry::LineString(line), properties })
        };
        let features: Vec<Feature> = (1..).zip(&self.roads).map(feature).collect::<Result<_>>()?;
        let members = Map::from_iter([("lengths_measured_in".to_owned(), json!(epsg_name(epsg)))]);
        Ok(to_geojson_with(&features, &members, &GeoJsonConfig { decimals: DECIMALS })?)
    }

    /// The lines over the pale mask, neighbours in different colours, ends as dots.
    ///
    /// # Errors
    /// A line cannot be drawn.
    pub fn picture(&self, mask: ArrayView2<'_, bool>) -> Result<Array3<u8>> {
        const COLOURS: [[f32; 3]; 6] = [
            [214.0, 39.0, 40.0],
            [31.0, 90.0, 200.0],
            [20.0, 140.0, 60.0],
            [150.0, 60.0, 180.0],
            [220.0, 120.0, 0.0],
            [0.0, 140.0, 150.0],
        ];
        let (height, width) = mask.dim();
        let pale = |set| if set { 205_u8 } else { 255 };
        let mut picture = Array3::from_shape_fn((height, width, 3), |(i, j, _)| pale(mask[(i, j)]));
        for (k, colour) in COLOURS.into_iter().enumerate() {
            let mut ink = Array2::zeros((height, width));
            for road in self.roads.iter().skip(k).step_by(COLOURS.len()) {
                stroke_coverage(&road.line, &Stroke { width: 2.0, ..Stroke::default() }, &mut ink)?;
            }
            blend(&mut picture, &ink, colour);
        }
        let mut ink = Array2::zeros((height, width));
        for end in self.roads.iter().flat_map(|r| [r.line.0.first(), r.line.0.last()]).flatten() {
            let dot = LineString(vec![
                Coord { x: end.x - 2.0, y: end.y },
                Coord { x: end.x + 2.0, y: end.y },
            ]);
            stroke_coverage(&dot, &Stroke { width: 4.0, ..Stroke::default() }, &mut ink)?;
        }
        blend(&mut picture, &ink, [0.0; 3]);
        Ok(picture)
    }
}

fn epsg_name(epsg: u32) -> String {
    format!("EPSG:{epsg}")
}

#[expect(
    clippy::cast_sign_loss,
    clippy::cast_possible_truncation,
    reason = "a mean of bytes is a byte"
)]
fn blend(picture: &mut Array3<u8>, ink: &Array2<f32>, colour: [f32; 3]) {
    for ((i, j), &share) in ink.indexed_iter().filter(|(_, share)| **share > 0.0) {
        for (c, tone) in colour.into_iter().enumerate() {
            let value = &mut picture[[i, j, c]];
            *value = (f32::from(*value) * (1.0 - share) + tone * share).round() as u8;
        }
    }
}

/// A mask of broad lines.
///
/// # Errors
/// A line cannot be drawn.
pub fn drawn_roads(
    lines: &[LineString<f64>],
    width: f64,
    size: (usize, usize),
) -> Result<Array2<bool>> {
    let mut ink = Array2::zeros(size);
    for line in lines {
        stroke_coverage(line, &Stroke { width, ..Stroke::default() }, &mut ink)?;
    }
    Ok(ink.mapv(|share| share >= 0.5))
}

/// Mean width of a mask: its pixels over those of its skeleton.
///
/// # Errors
/// The mask is empty.
pub fn mean_width(mask: ArrayView2<'_, bool>) -> Result<f64> {
    let count = |mask: ArrayView2<'_, bool>| mask.iter().filter(|set| **set).count();
    let skeleton = count(thin(mask).view());
    ensure!(skeleton > 0, "the mask is empty");
    Ok(count(mask) as f64 / skeleton as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINTS: &str = "#CRS: PROJCRS[\"x\",ID[\"EPSG\",1],ID[\"EPSG\",21781]]\n\
        mapX,mapY,pixelX,pixelY,enable,dX,dY,residual\n\
        600000,200000,0,0,1,0,0,0\n\
        600500,200000,100,0,1,0,0,0\n\
        1,2,3,4,0,0,0,0\n\
        600000,199500,0,-100,1,0,0,0\n";

    #[test]
    fn a_crossing_becomes_two_roads_in_the_world() {
        let control = ControlPoints::parse(POINTS).unwrap();
        assert_eq!((control.epsg, control.points.len()), (Some(21781), 3));
        let lines = [vec![(5.0, 40.5), (95.0, 40.5)], vec![(50.5, 5.0), (50.5, 95.0)]];
        let lines = lines.map(LineString::from);
        let mask = drawn_roads(&lines, 5.0, (100, 100)).unwrap();
        let width = mean_width(mask.view()).unwrap();
        assert!((width - 5.0).abs() < 0.5, "{width}");
        let roads = trace_roads(mask.view(), &control.points, &road_config(width)).unwrap();
        assert_eq!((roads.roads.len(), roads.junctions, roads.invalid()), (2, 0, 0));
        assert_eq!(roads.free_ends, 4);
        // Thinning takes up to half the width off each end; a pixel is 5 m.
        assert!((roads.length() - 900.0).abs() < 60.0, "{}", roads.length());
        let text = roads.to_geojson(21781).unwrap();
        let map: geojson::FeatureCollection = serde_json::from_str(&text).unwrap();
        // The zero of the Swiss grid, moved by the datum shift.
        for feature in map.features {
            let line = Geometry::<f64>::try_from(feature.geometry.unwrap()).unwrap();
            let Geometry::LineString(line) = line else { panic!("a line") };
            for p in line.coords() {
                assert!((p.x - 7.44).abs() < 0.01 && (p.y - 46.95).abs() < 0.01, "{p:?}");
            }
        }
    }

    #[test]
    fn damaged_control_points_are_refused() {
        for (old, new) in [("pixelX", "column"), ("100,0", "x,0")] {
            assert!(ControlPoints::parse(&POINTS.replace(old, new)).is_err(), "{new}");
        }
        for (system, code) in [
            ("PROJCRS[\"a\",BASEGEOGCRS[\"b\",ID[\"EPSG\",4149]],ID[\"EPSG\",21781]]", Some(21781)),
            (
                "PROJCS[\"a\",GEOGCS[\"b\",AUTHORITY[\"EPSG\",\"4149\"]],AUTHORITY[\"EPSG\",\"21781\"]]",
                Some(21781),
            ),
            // Of parts only.
            ("PROJCRS[\"a\",BASEGEOGCRS[\"b\",ID[\"EPSG\",4326]],UNIT[\"metre\",1]]", None),
            ("PROJCRS[\"a\",UNIT[\"metre\",1],BASEGEOGCRS[\"b\",ID[\"EPSG\",4326]]]", None),
            ("PROJCS[\"a\",GEOGCS[\"b\",AUTHORITY[\"EPSG\",\"4326\"]]]", None),
            ("ID[\"EPSG\",x]]", None),
            ("]]", None),
        ] {
            let text = POINTS.replace("PROJCRS[\"x\",ID[\"EPSG\",1],ID[\"EPSG\",21781]]", system);
            assert_eq!(ControlPoints::parse(&text).unwrap().epsg, code, "{system}");
        }
        for (old, new) in [("#CRS:", "#"), ("EPSG", "ESRI")] {
            assert_eq!(
                ControlPoints::parse(&POINTS.replace(old, new)).unwrap().epsg,
                None,
                "{new}"
            );
        }
    }
}
