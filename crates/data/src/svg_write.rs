//! Features out: SVG.

use std::fmt::Write as _;

use geo_types::{Coord, Geometry, LineString, Polygon};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::feature::Feature;

/// How the features of one class are drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SvgClass {
    /// The value of the class property.
    pub class: String,
    /// CSS colour inside polygons and of points, or "none".
    pub fill: String,
    /// Opacity of the fill, 0 to 1.
    pub fill_opacity: f64,
    /// CSS colour of outlines and lines, or "none".
    pub stroke: String,
    /// Width of outlines, and of lines without a width of their own, px.
    pub stroke_width: f64,
}

impl Default for SvgClass {
    /// Grey, for classes that the style does not name.
    fn default() -> Self {
        Self {
            class: String::new(),
            fill: "#9e9e9e".to_owned(),
            fill_opacity: 0.4,
            stroke: "#424242".to_owned(),
            stroke_width: 1.0,
        }
    }
}

/// How features are drawn.
///
/// Classes are drawn in the order given, later ones on top; features of other classes
/// come last, in grey. The default has blue shapes below red lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SvgStyle {
    /// Property that holds the class of a feature. Default "class".
    pub class_property: String,
    /// Numeric property that holds the width of a line, px. Default "width".
    pub width_property: String,
    /// CSS colour behind the features; `None` for a transparent drawing. Default white.
    pub background: Option<String>,
    /// Decimals of coordinates and widths, 0 to 15. Default 2.
    pub decimals: u32,
    /// The classes, bottom first.
    pub classes: Vec<SvgClass>,
}

impl Default for SvgStyle {
    fn default() -> Self {
        let shape = SvgClass {
            class: "shape".to_owned(),
            fill: "#90caf9".to_owned(),
            fill_opacity: 0.5,
            stroke: "#0d47a1".to_owned(),
            stroke_width: 1.0,
        };
        let line = SvgClass {
            class: "line".to_owned(),
            fill: "#c62828".to_owned(),
            fill_opacity: 1.0,
            stroke: "#c62828".to_owned(),
            stroke_width: 1.5,
        };
        Self {
            class_property: "class".to_owned(),
            width_property: "width".to_owned(),
            background: Some("#ffffff".to_owned()),
            decimals: 2,
            classes: vec![shape, line],
        }
    }
}

impl SvgStyle {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names a field that is out of range.
    pub fn validate(&self) -> Result<()> {
        let wrong = |field, value: String, expected| Err(Error::Config { field, value, expected });
        if self.decimals > 15 {
            return wrong("decimals", self.decimals.to_string(), "0 to 15");
        }
        for class in &self.classes {
            if !(0.0..=1.0).contains(&class.fill_opacity) {
                return wrong("fill_opacity", class.fill_opacity.to_string(), "0 to 1");
            }
            if !(class.stroke_width.is_finite() && class.stroke_width >= 0.0) {
                return wrong("stroke_width", class.stroke_width.to_string(), "finite, 0 or more");
            }
        }
        Ok(())
    }
}

/// Draws features as an SVG of `width` x `height` px, in the default style.
///
/// # Errors
///
/// As [`to_svg_with`].
pub fn to_svg(features: &[Feature], width: u32, height: u32) -> Result<String> {
    to_svg_with(features, width, height, &SvgStyle::default())
}

/// Draws features as an SVG of `width` x `height` px.
///
/// There is one group per class, with the class for its `id`. A polygon is one path
/// filled by the even-odd rule, so holes stay open whatever way their rings run; a line
/// is a polyline with round joins, as wide as its width property says; a point is a
/// small circle. No text is drawn, so no font is needed.
///
/// # Errors
///
/// [`Error::NonFinite`] with the feature's index, [`Error::Config`] from the style.
pub fn to_svg_with(
    features: &[Feature],
    width: u32,
    height: u32,
    style: &SvgStyle,
) -> Result<String> {
    style.validate()?;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\">\n"
    );
    if let Some(colour) = &style.background {
        let colour = escape(colour);
        push(
            &mut text,
            format_args!("<rect width=\"{width}\" height=\"{height}\" fill=\"{colour}\"/>\n"),
        );
    }
    for (class, members) in grouped(features, style) {
        push(
            &mut text,
            format_args!(
                "<g id=\"{}\" fill=\"{}\" fill-opacity=\"{}\" fill-rule=\"evenodd\" \
                 stroke=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\">\n",
                escape(&class.class),
                escape(&class.fill),
                class.fill_opacity,
                escape(&class.stroke),
                class.stroke_width,
            ),
        );
        for index in members {
            let feature = &features[index];
            let width = feature.properties.get(&style.width_property).and_then(Value::as_f64);
            let width = width.filter(|width| *width > 0.0);
            let decimals = style.decimals as usize;
            Pen { text: &mut text, feature: index, width, decimals }.draw(&feature.geometry)?;
        }
        text.push_str("</g>\n");
    }
    text.push_str("</svg>\n");
    Ok(text)
}

/// The classes that occur, in drawing order, each with the indices of its features.
fn grouped(features: &[Feature], style: &SvgStyle) -> Vec<(SvgClass, Vec<usize>)> {
    let mut groups: Vec<(SvgClass, Vec<usize>)> =
        style.classes.iter().map(|class| (class.clone(), Vec::new())).collect();
    for (index, feature) in features.iter().enumerate() {
        let class = match feature.properties.get(&style.class_property) {
            Some(Value::String(class)) => class.clone(),
            None | Some(Value::Null) => "none".to_owned(),
            Some(other) => other.to_string(),
        };
        if let Some((_, members)) = groups.iter_mut().find(|(known, _)| known.class == class) {
            members.push(index);
        } else {
            groups.push((SvgClass { class, ..SvgClass::default() }, vec![index]));
        }
    }
    groups.retain(|(_, members)| !members.is_empty());
    groups
}

/// Writes the geometry of one feature.
struct Pen<'a> {
    text: &'a mut String,
    feature: usize,
    /// Width of a line, px, where the feature has one.
    width: Option<f64>,
    decimals: usize,
}

impl Pen<'_> {
    fn draw(&mut self, geometry: &Geometry<f64>) -> Result<()> {
        match geometry {
            Geometry::Point(point) => self.point(point.0),
            Geometry::MultiPoint(points) => points.iter().try_for_each(|p| self.point(p.0)),
            Geometry::Line(line) => self.line(&LineString::new(vec![line.start, line.end])),
            Geometry::LineString(line) => self.line(line),
            Geometry::MultiLineString(lines) => lines.iter().try_for_each(|l| self.line(l)),
            Geometry::Polygon(polygon) => self.polygon(polygon),
            Geometry::Rect(rect) => self.polygon(&rect.to_polygon()),
            Geometry::Triangle(triangle) => self.polygon(&triangle.to_polygon()),
            Geometry::MultiPolygon(polygons) => polygons.iter().try_for_each(|p| self.polygon(p)),
            Geometry::GeometryCollection(parts) => parts.iter().try_for_each(|p| self.draw(p)),
        }
    }

    fn point(&mut self, point: Coord<f64>) -> Result<()> {
        let (x, y) = (self.number(point.x, point)?, self.number(point.y, point)?);
        push(self.text, format_args!("<circle cx=\"{x}\" cy=\"{y}\" r=\"2\"/>\n"));
        Ok(())
    }

    fn line(&mut self, line: &LineString<f64>) -> Result<()> {
        let points = self.points(line, " ")?;
        push(self.text, format_args!("<polyline fill=\"none\" points=\"{points}\""));
        if let Some(width) = self.width {
            let width = trimmed(width, self.decimals);
            push(self.text, format_args!(" stroke-width=\"{width}\""));
        }
        self.text.push_str("/>\n");
        Ok(())
    }

    fn polygon(&mut self, polygon: &Polygon<f64>) -> Result<()> {
        self.text.push_str("<path d=\"");
        for ring in std::iter::once(polygon.exterior()).chain(polygon.interiors()) {
            // The closing point is implied by Z.
            let mut open = ring.clone();
            if open.is_closed() {
                open.0.pop();
            }
            let points = self.points(&open, "L")?;
            if !points.is_empty() {
                push(self.text, format_args!("M{points}Z"));
            }
        }
        self.text.push_str("\"/>\n");
        Ok(())
    }

    fn points(&self, line: &LineString<f64>, separator: &str) -> Result<String> {
        let points = line.coords().map(|&point| {
            Ok(format!("{},{}", self.number(point.x, point)?, self.number(point.y, point)?))
        });
        Ok(points.collect::<Result<Vec<_>>>()?.join(separator))
    }

    fn number(&self, value: f64, point: Coord<f64>) -> Result<String> {
        if !value.is_finite() {
            return Err(Error::NonFinite { feature: self.feature, x: point.x, y: point.y });
        }
        Ok(trimmed(value, self.decimals))
    }
}

/// A number without trailing zeros.
fn trimmed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text.as_str()
    };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Text that can stand in a quoted attribute. Characters that XML forbids become "?".
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push('?'),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Appends to text, which cannot fail.
fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use geo_types::{line_string, point, polygon};

    use super::*;

    fn feature(class: &str, geometry: impl Into<Geometry<f64>>) -> Feature {
        let properties = [("class".to_owned(), class.into()), ("width".to_owned(), 2.5.into())];
        Feature { geometry: geometry.into(), properties: properties.into_iter().collect() }
    }

    #[test]
    fn draws_each_kind_in_its_class() {
        let square = polygon!(
            exterior: [(x: 0., y: 0.), (x: 4., y: 0.), (x: 4., y: 4.), (x: 0., y: 4.)],
            interiors: [[(x: 1., y: 1.), (x: 2., y: 1.), (x: 2., y: 2.)]],
        );
        let features = [
            feature("line", line_string![(x: 0.123, y: -0.001), (x: 9., y: 9.5)]),
            feature("shape", square),
            feature("a<b>&\"c\"", point!(x: 1., y: 2.)),
        ];
        let svg = to_svg(&features, 20, 10).unwrap();
        let expected = [
            "width=\"20\" height=\"10\" viewBox=\"0 0 20 10\"",
            "<g id=\"shape\"",
            "<path d=\"M0,0L4,0L4,4L0,4ZM1,1L2,1L2,2Z\"/>",
            "<g id=\"line\"",
            "<polyline fill=\"none\" points=\"0.12,0 9,9.5\" stroke-width=\"2.5\"/>",
            "<g id=\"a&lt;b&gt;&amp;&quot;c&quot;\"",
            "<circle cx=\"1\" cy=\"2\" r=\"2\"/>",
        ];
        let mut rest = svg.as_str();
        for part in expected {
            let at = rest.find(part).unwrap_or_else(|| panic!("{part} missing in order in {svg}"));
            rest = &rest[at..];
        }
        assert_eq!(svg.matches("<g ").count(), svg.matches("</g>").count());
    }

    #[test]
    fn refuses_what_cannot_be_drawn() {
        let bad =
            [feature("shape", point!(x: 0., y: 0.)), feature("line", point!(x: 1., y: f64::NAN))];
        let message = to_svg(&bad, 4, 4).unwrap_err().to_string();
        assert!(message.contains("feature 1"), "{message}");
        let style = SvgStyle { decimals: 16, ..SvgStyle::default() };
        let message = to_svg_with(&[], 4, 4, &style).unwrap_err().to_string();
        assert!(message.contains("decimals = 16"), "{message}");
    }
}
