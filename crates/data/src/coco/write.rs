//! Vectors out: COCO.

use std::collections::BTreeSet;

use geo_types::{Geometry, LineString, MultiPolygon, Polygon};
use mapvec_geometry::{fill_labels, polygon_area};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::check::CocoFault;
use super::draw::bounds;
use super::format::{CocoAnnotation, CocoCategory, CocoDataset, CocoImage};
use super::segmentation::Segmentation;
use crate::error::{Error, Result};
use crate::feature::Feature;
use crate::limits::ImageLimits;
use crate::rle::Rle;

/// A picture and its vectors.
#[derive(Debug, Clone, PartialEq)]
pub struct CocoPicture<'a> {
    /// Path below the folder of the pictures, with `/` between its parts.
    pub file_name: String,
    /// Width, px.
    pub width: u32,
    /// Height, px.
    pub height: u32,
    /// Vectors in px.
    pub features: &'a [Feature],
}

/// How vectors become a COCO data set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CocoWriteConfig {
    /// Property that holds the name of the class. Default `class`.
    pub class_key: String,
    /// Names of the classes in their order; the ids are 1, 2 and so on. Empty (the default)
    /// takes the names that occur, sorted.
    pub categories: Vec<String>,
    /// Property of a confidence, 0 to 1, written as `score` where it is a number. Default
    /// `confidence`.
    pub score_key: String,
    /// Property of the width of a line, px, written as `width` where it is a number above 0.
    /// Default `width`.
    pub width_key: String,
    /// Decimals of a coordinate, 0 to 15. Default 2.
    pub decimals: u32,
    /// Largest picture; areas with holes are drawn on it.
    pub limits: ImageLimits,
}

impl Default for CocoWriteConfig {
    fn default() -> Self {
        Self {
            class_key: "class".into(),
            categories: Vec::new(),
            score_key: "confidence".into(),
            width_key: "width".into(),
            decimals: 2,
            limits: ImageLimits::default(),
        }
    }
}

impl CocoWriteConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for `decimals` above 15 and for a category that is named twice.
    pub fn validate(&self) -> Result<()> {
        self.limits.validate()?;
        let wrong = |field, value, expected| Err(Error::Config { field, value, expected });
        if self.decimals > 15 {
            return wrong("decimals", self.decimals.to_string(), "0 to 15");
        }
        let mut seen = BTreeSet::new();
        match self.categories.iter().find(|name| !seen.insert(name.as_str())) {
            Some(twice) => wrong("categories", twice.clone(), "names that differ"),
            None => Ok(()),
        }
    }
}

/// A COCO data set of the vectors on some pictures.
///
/// Polygons become rings; with a hole, for which COCO has no rings, an annotation becomes run
/// lengths of the picture's size. Lines go under `polyline` (see [`CocoAnnotation`]) with their
/// area 0. Every feature is one annotation, in the order given, with ids from 1.
///
/// # Examples
///
/// ```
/// use geo_types::{Geometry, polygon};
/// use mapvec_data::{CocoPicture, CocoWriteConfig, Feature, to_coco};
/// let features = [Feature {
///     geometry: Geometry::Polygon(polygon![(x: 0., y: 0.), (x: 4., y: 0.), (x: 4., y: 3.)]),
///     properties: [("class".to_owned(), "shape".into())].into_iter().collect(),
/// }];
/// let picture =
///     CocoPicture { file_name: "map.png".into(), width: 8, height: 8, features: &features };
/// let dataset = to_coco(&[picture], &CocoWriteConfig::default())?;
/// assert_eq!(dataset.annotations[0].bbox, Some([0.0, 0.0, 4.0, 3.0]));
/// # Ok::<(), mapvec_data::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::NonFinite`] with the feature's index; [`Error::Coco`] for a class that is missing or
/// not among the categories, and for points; [`Error::ImageTooLarge`]; those of
/// [`CocoWriteConfig::validate`] and [`CocoDataset::check`].
pub fn to_coco(pictures: &[CocoPicture<'_>], config: &CocoWriteConfig) -> Result<CocoDataset> {
    config.validate()?;
    let names = categories(pictures, config)?;
    let mut dataset = CocoDataset::default();
    for (picture, image_id) in pictures.iter().zip(1..) {
        let (width, height) = (picture.width, picture.height);
        config.limits.check(width, height, &picture.file_name)?;
        let file_name = picture.file_name.clone();
        dataset.images.push(CocoImage { id: image_id, file_name, width, height });
        for (index, feature) in picture.features.iter().enumerate() {
            let writer = Writer { picture, index, config };
            let class = writer.class()?;
            let id = dataset.annotations.len() as u64 + 1;
            let Some(category) = names.iter().position(|name| name == class) else {
                let fault = CocoFault::UnknownClass { class: class.into() };
                return Err(writer.wrong(fault));
            };
            let category_id = category as u64 + 1;
            let mut annotation = CocoAnnotation { id, image_id, category_id, ..writer.shape()? };
            annotation.score = number(feature, &config.score_key);
            dataset.annotations.push(annotation);
        }
    }
    let categories = names.into_iter().zip(1..);
    dataset.categories =
        categories.map(|(name, id)| CocoCategory { id, name, supercategory: None }).collect();
    dataset.check()?;
    Ok(dataset)
}

/// Names of the classes in their order.
fn categories(pictures: &[CocoPicture<'_>], config: &CocoWriteConfig) -> Result<Vec<String>> {
    if !config.categories.is_empty() {
        return Ok(config.categories.clone());
    }
    let mut names = BTreeSet::new();
    for picture in pictures {
        for index in 0..picture.features.len() {
            names.insert(Writer { picture, index, config }.class()?.to_owned());
        }
    }
    Ok(names.into_iter().collect())
}

/// A property that is a number of 0 or more.
fn number(feature: &Feature, key: &str) -> Option<f64> {
    feature.properties.get(key)?.as_f64().filter(|value| value.is_finite() && *value >= 0.0)
}

/// Writes one feature.
struct Writer<'a> {
    picture: &'a CocoPicture<'a>,
    index: usize,
    config: &'a CocoWriteConfig,
}

impl<'a> Writer<'a> {
    fn wrong(&self, fault: CocoFault) -> Error {
        Error::Coco { item: format!("{}: feature {}", self.picture.file_name, self.index), fault }
    }

    fn feature(&self) -> &'a Feature {
        &self.picture.features[self.index]
    }

    fn class(&self) -> Result<&'a str> {
        let key = &self.config.class_key;
        let class = self.feature().properties.get(key).and_then(|value| value.as_str());
        class.ok_or_else(|| self.wrong(CocoFault::NoClass { key: key.clone() }))
    }

    /// Area, lines and box.
    fn shape(&self) -> Result<CocoAnnotation> {
        let mut annotation = CocoAnnotation::default();
        let mut runs = None;
        match &self.feature().geometry {
            Geometry::Polygon(polygon) => {
                runs = self.fill(&mut annotation, std::slice::from_ref(polygon))?;
            }
            Geometry::MultiPolygon(MultiPolygon(polygons)) => {
                runs = self.fill(&mut annotation, polygons)?;
            }
            Geometry::Rect(rect) => runs = self.fill(&mut annotation, &[rect.to_polygon()])?,
            Geometry::Triangle(triangle) => {
                runs = self.fill(&mut annotation, &[triangle.to_polygon()])?;
            }
            Geometry::Line(line) => {
                let line = LineString::new(vec![line.start, line.end]);
                self.stroke(&mut annotation, &[line])?;
            }
            Geometry::LineString(line) => {
                self.stroke(&mut annotation, std::slice::from_ref(line))?;
            }
            Geometry::MultiLineString(lines) => self.stroke(&mut annotation, &lines.0)?,
            Geometry::Point(_) => return Err(self.wrong(CocoFault::Geometry { kind: "point" })),
            Geometry::MultiPoint(_) => {
                return Err(self.wrong(CocoFault::Geometry { kind: "set of points" }));
            }
            Geometry::GeometryCollection(_) => {
                return Err(self.wrong(CocoFault::Geometry { kind: "collection" }));
            }
        }
        annotation.bbox = bounds(&annotation, runs.as_ref())
            .map(|[x0, y0, x1, y1]| [x0, y0, x1 - x0, y1 - y0].map(|value| self.round(value)));
        Ok(annotation)
    }

    fn fill(
        &self,
        annotation: &mut CocoAnnotation,
        polygons: &[Polygon<f64>],
    ) -> Result<Option<Rle>> {
        for polygon in polygons {
            for ring in std::iter::once(polygon.exterior()).chain(polygon.interiors()) {
                self.check_finite(ring)?;
            }
        }
        if polygons.iter().all(|polygon| polygon.interiors().is_empty()) {
            let rings = polygons.iter().map(|polygon| {
                let ring = polygon.exterior();
                self.numbers(&ring.0[..ring.0.len().saturating_sub(1)])
            });
            annotation.segmentation = Segmentation::Polygons(rings.collect());
            let area = polygons.iter().map(polygon_area).sum();
            annotation.area = Some(self.round(area));
            return Ok(None);
        }
        let size = (self.picture.height as usize, self.picture.width as usize);
        let mut canvas = Array2::<u32>::zeros(size);
        for polygon in polygons {
            fill_labels(polygon, 1, &mut canvas);
        }
        let rle = Rle::encode(canvas.mapv(|id| u8::from(id > 0)).view())?;
        annotation.segmentation = Segmentation::from_rle(&rle);
        annotation.area = Some(rle.area() as f64);
        Ok(Some(rle))
    }

    fn stroke(&self, annotation: &mut CocoAnnotation, lines: &[LineString<f64>]) -> Result<()> {
        lines.iter().try_for_each(|line| self.check_finite(line))?;
        annotation.polyline = lines.iter().map(|line| self.numbers(&line.0)).collect();
        annotation.area = Some(0.0);
        annotation.width =
            number(self.feature(), &self.config.width_key).filter(|&width| width > 0.0);
        Ok(())
    }

    fn check_finite(&self, line: &LineString<f64>) -> Result<()> {
        match line.coords().find(|p| !(p.x.is_finite() && p.y.is_finite())) {
            Some(p) => Err(Error::NonFinite { feature: self.index, x: p.x, y: p.y }),
            None => Ok(()),
        }
    }

    fn numbers(&self, points: &[geo_types::Coord<f64>]) -> Vec<f64> {
        points.iter().flat_map(|p| [self.round(p.x), self.round(p.y)]).collect()
    }

    fn round(&self, value: f64) -> f64 {
        let scale = 10_f64.powi(i32::try_from(self.config.decimals).unwrap_or_default());
        // The product of a huge number may overflow; it has no decimals to lose.
        let scaled = (value * scale).round() / scale + 0.0;
        if scaled.is_finite() { scaled } else { value }
    }
}
