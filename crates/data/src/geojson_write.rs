//! Features out: GeoJSON.

use geo_types::{Coord, Geometry, LineString, Polygon};
use geojson::{FeatureCollection, GeometryValue, Position};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::feature::Feature;

/// How coordinates are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GeoJsonConfig {
    /// Decimals of a coordinate, 0 to 15. Default 2: a hundredth of a pixel. Pixel corners
    /// (whole numbers) and centres (halves) are exact from 1 decimal on.
    pub decimals: u32,
}

impl Default for GeoJsonConfig {
    fn default() -> Self {
        Self { decimals: 2 }
    }
}

impl GeoJsonConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] when `decimals` is above 15, the most a coordinate can hold.
    pub fn validate(&self) -> Result<()> {
        if self.decimals > 15 {
            return Err(Error::Config {
                field: "decimals",
                value: self.decimals.to_string(),
                expected: "0 to 15",
            });
        }
        Ok(())
    }
}

/// Names that RFC 7946 gives a meaning to, here or in another object (section 7.1).
const RESERVED: [&str; 8] =
    ["type", "features", "bbox", "geometry", "properties", "coordinates", "geometries", "crs"];

/// The text of a `FeatureCollection`, with 2 decimals (see [`to_geojson_with`]).
///
/// # Examples
///
/// ```
/// use geo_types::{Geometry, polygon};
/// let feature = mapvec_data::Feature {
///     geometry: Geometry::Polygon(polygon![(x: 0., y: 0.), (x: 4., y: 0.), (x: 4., y: 3.)]),
///     properties: [("class".to_owned(), "shape".into())].into_iter().collect(),
/// };
/// let members = [("coordinates_unit".to_owned(), "pixel".into())].into_iter().collect();
/// let text = mapvec_data::to_geojson(&[feature], &members)?;
/// assert!(text.contains(r#""coordinates_unit":"pixel""#));
/// # Ok::<(), mapvec_data::Error>(())
/// ```
///
/// # Errors
///
/// As [`to_geojson_with`].
pub fn to_geojson(features: &[Feature], members: &Map<String, Value>) -> Result<String> {
    to_geojson_with(features, members, &GeoJsonConfig::default())
}

/// The text of a `FeatureCollection`, with foreign `members` beside the features.
///
/// Coordinates are written in the unit given, as x, y. Rings follow the right-hand rule
/// of RFC 7946 in those numbers: the sum of `x_i * y_{i+1} - x_{i+1} * y_i` is positive for
/// exterior rings and negative for holes. For pixel coordinates, where y points down,
/// an exterior ring therefore looks clockwise on a screen; a reader that takes y as up
/// sees the rule kept. Rings that are open are closed.
///
/// Rounding drops repeated points. A geometry that rounding would make invalid (a ring
/// that collapses or crosses itself, a line of one point) is written unrounded.
/// Rectangles, triangles and single segments become polygons and lines. An empty
/// point-free geometry is written as RFC 7946 has it, with empty coordinates.
///
/// # Errors
///
/// [`Error::NonFinite`] with the feature's index, [`Error::ReservedMember`] for a member
/// that RFC 7946 forbids or defines, [`Error::Config`] from the configuration.
///
/// # References
///
/// RFC 7946, The GeoJSON Format, sections 3.1.6 (rings), 6.1 and 7.1 (members).
pub fn to_geojson_with(
    features: &[Feature],
    members: &Map<String, Value>,
    config: &GeoJsonConfig,
) -> Result<String> {
    config.validate()?;
    if let Some(member) = members.keys().find(|name| RESERVED.contains(&name.as_str())) {
        return Err(Error::ReservedMember { member: member.clone() });
    }
    let scale = 10_f64.powi(i32::try_from(config.decimals).unwrap_or_default());
    let features = features.iter().enumerate().map(|(index, feature)| {
        let writer = Writer { feature: index, scale };
        Ok(geojson::Feature {
            geometry: Some(geojson::Geometry::new(writer.geometry(&feature.geometry)?)),
            properties: Some(feature.properties.clone()),
            ..geojson::Feature::default()
        })
    });
    let collection = FeatureCollection {
        bbox: None,
        features: features.collect::<Result<_>>()?,
        foreign_members: Some(members.clone()),
    };
    serde_json::to_string(&collection)
        .map_err(|error| Error::Serialize { reason: error.to_string() })
}

/// Turns the geometry of one feature into GeoJSON's form.
struct Writer {
    feature: usize,
    /// 10 to the number of decimals.
    scale: f64,
}

impl Writer {
    fn geometry(&self, geometry: &Geometry<f64>) -> Result<GeometryValue> {
        Ok(match geometry {
            Geometry::Point(point) => {
                GeometryValue::Point { coordinates: position(self.round(point.0)?) }
            }
            Geometry::MultiPoint(points) => GeometryValue::MultiPoint {
                coordinates: points
                    .iter()
                    .map(|point| self.round(point.0).map(position))
                    .collect::<Result<_>>()?,
            },
            Geometry::Line(line) => {
                let line = LineString::new(vec![line.start, line.end]);
                GeometryValue::LineString { coordinates: self.line(&line)? }
            }
            Geometry::LineString(line) => {
                GeometryValue::LineString { coordinates: self.line(line)? }
            }
            Geometry::MultiLineString(lines) => GeometryValue::MultiLineString {
                coordinates: lines.iter().map(|line| self.line(line)).collect::<Result<_>>()?,
            },
            Geometry::Polygon(polygon) => {
                GeometryValue::Polygon { coordinates: self.polygon(polygon)? }
            }
            Geometry::Rect(rect) => {
                GeometryValue::Polygon { coordinates: self.polygon(&rect.to_polygon())? }
            }
            Geometry::Triangle(triangle) => {
                GeometryValue::Polygon { coordinates: self.polygon(&triangle.to_polygon())? }
            }
            Geometry::MultiPolygon(polygons) => GeometryValue::MultiPolygon {
                coordinates: polygons
                    .iter()
                    .map(|polygon| self.polygon(polygon))
                    .collect::<Result<_>>()?,
            },
            Geometry::GeometryCollection(parts) => GeometryValue::GeometryCollection {
                geometries: parts
                    .iter()
                    .map(|part| self.geometry(part).map(geojson::Geometry::new))
                    .collect::<Result<_>>()?,
            },
        })
    }

    fn line(&self, line: &LineString<f64>) -> Result<Vec<Position>> {
        let rounded = self.points(line)?;
        Ok(if rounded.0.len() < 2 { positions(line) } else { positions(&rounded) })
    }

    fn polygon(&self, polygon: &Polygon<f64>) -> Result<Vec<Vec<Position>>> {
        let exterior = self.points(polygon.exterior())?;
        let holes =
            polygon.interiors().iter().map(|ring| self.points(ring)).collect::<Result<Vec<_>>>()?;
        let rounded = Polygon::new(exterior, holes);
        // Whole numbers and halves come through unchanged, so the costly check is rare.
        let usable = rounded == *polygon || mapvec_geometry::validate_polygon(&rounded).is_ok();
        let polygon = if usable { &rounded } else { polygon };
        Ok(std::iter::once(oriented(polygon.exterior(), true))
            .filter(|ring| !ring.is_empty())
            .chain(polygon.interiors().iter().map(|ring| oriented(ring, false)))
            .collect())
    }

    /// Rounded points, without those that fall on the one before.
    fn points(&self, line: &LineString<f64>) -> Result<LineString<f64>> {
        let mut points =
            line.coords().map(|&point| self.round(point)).collect::<Result<Vec<_>>>()?;
        points.dedup();
        Ok(LineString::new(points))
    }

    fn round(&self, point: Coord<f64>) -> Result<Coord<f64>> {
        let Coord { x, y } = point;
        if !(x.is_finite() && y.is_finite()) {
            return Err(Error::NonFinite { feature: self.feature, x, y });
        }
        // The product of a huge coordinate may overflow; it has no decimals to lose.
        // Adding 0 turns -0 into 0.
        let round = |value: f64| {
            let scaled = (value * self.scale).round() / self.scale + 0.0;
            if scaled.is_finite() { scaled } else { value }
        };
        Ok(Coord { x: round(x), y: round(y) })
    }
}

/// A closed ring with positive shoelace area, or negative.
fn oriented(ring: &LineString<f64>, positive: bool) -> Vec<Position> {
    let mut ring = ring.clone();
    ring.close();
    if (mapvec_geometry::signed_area(&ring) < 0.0) == positive {
        ring.0.reverse();
    }
    positions(&ring)
}

fn positions(line: &LineString<f64>) -> Vec<Position> {
    line.coords().copied().map(position).collect()
}

fn position(point: Coord<f64>) -> Position {
    Position::from([point.x, point.y])
}
