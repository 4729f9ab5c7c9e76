//! Where the pixels of a picture are in the world.

use std::path::Path;

use anyhow::{Context, Result, bail};
use geo_types::Geometry;
use mapvec_geometry::{Affine, Crs, CrsTransform, Warp, WarpModel, fit_ground_control};
use serde_json::{Map, Value, json};

use crate::road_mask::ControlPoints;

/// From pixels of a picture to longitude and latitude, which GeoJSON is in (RFC 7946).
#[derive(Debug)]
pub struct Georeference {
    place: Place,
    to_degrees: CrsTransform,
    epsg: u32,
}

#[derive(Debug)]
enum Place {
    Affine(Affine),
    Warp(Warp),
}

impl Georeference {
    /// Reads a world file, whose system of coordinates `epsg` names, or a `.points` file of QGIS,
    /// which names its own.
    ///
    /// # Errors
    /// The file cannot be read, the system is missing, named twice or not known, or the control
    /// points leave the transform open.
    pub fn read(path: &Path, epsg: Option<u32>) -> Result<Self> {
        let shown = path.display();
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {shown}"))?;
        let text = String::from_utf8(bytes).ok().with_context(|| {
            format!("{shown} is no text; `gdal_translate -co TFW=YES` writes the world file of a GeoTIFF")
        })?;
        let text = text.trim_start_matches('\u{feff}');
        let (place, epsg) = if text.contains("mapX") {
            let control = ControlPoints::parse(text).with_context(|| shown.to_string())?;
            if epsg.is_some() {
                bail!("{shown} names EPSG:{} itself; leave out --epsg", control.epsg);
            }
            let warp = fit_ground_control(&control.points, &WarpModel::default())
                .with_context(|| shown.to_string())?;
            (Place::Warp(warp), control.epsg)
        } else {
            let affine = world_file(text).with_context(|| {
                format!("{shown} is no world file (six numbers) and no .points file of QGIS")
            })?;
            let epsg = epsg.context(
                "a world file does not say its system of coordinates; give --epsg, e.g. 2154",
            )?;
            (Place::Affine(affine), epsg)
        };
        let to_degrees = CrsTransform::new(Crs::from_epsg(epsg)?, Crs::from_epsg(4326)?)?;
        Ok(Self { place, to_degrees, epsg })
    }

    /// A shape in px as one in degrees.
    ///
    /// # Errors
    /// It leaves the domain of the system.
    pub fn degrees(&self, shape: &Geometry<f64>) -> Result<Geometry<f64>> {
        let world = match &self.place {
            Place::Affine(affine) => affine.apply_shape(shape),
            Place::Warp(warp) => warp.apply_shape(shape),
        };
        Ok(self.to_degrees.apply_shape(&world)?)
    }

    /// Members that say what the coordinates of a GeoJSON file are.
    #[must_use]
    pub fn members(&self) -> Map<String, Value> {
        let coordinates = json!({
            "unit": "degree",
            "axes": "longitude, latitude (WGS 84)",
            "placed_in": format!("EPSG:{}", self.epsg),
        });
        Map::from_iter([("coordinates_of".to_owned(), coordinates)])
    }
}

fn world_file(text: &str) -> Option<Affine> {
    let numbers: Option<Vec<f64>> = text.split_whitespace().map(|word| word.parse().ok()).collect();
    let six = <[f64; 6]>::try_from(numbers?).ok()?;
    // Only what can be turned back tells pixels apart.
    Affine::from_world_file(six).ok().filter(|affine| affine.inverse().is_ok())
}

#[cfg(test)]
mod tests {
    use geo_types::point;

    use super::*;

    const POINTS: &str = "#CRS: EPSG:21781\nmapX,mapY,pixelX,pixelY,enable\n\
                          600000,200000,0,0,1\n600500,200000,100,0,1\n600000,199500,0,-100,1\n";

    fn read(text: &str, epsg: Option<u32>) -> Result<Georeference> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.wld");
        std::fs::write(&path, text).unwrap();
        Georeference::read(&path, epsg)
    }

    #[test]
    fn world_files_and_control_points_place_a_pixel_alike() {
        // 5 m a pixel; a world file names the centre of the first pixel.
        let world = read("5\n0\n0\n-5\n600002.5\n199997.5\n", Some(21781)).unwrap();
        // Later versions of QGIS call pixels sources.
        let later = POINTS.replace("pixel", "source");
        let points = read(&later, None).unwrap();
        for at in [point!(x: 0.0, y: 0.0), point!(x: 40.0, y: 70.0)] {
            let places = [&world, &points].map(|by| by.degrees(&at.into()).unwrap());
            let [Geometry::Point(a), Geometry::Point(b)] = places else { panic!("points") };
            assert!((a.x() - b.x()).abs() < 1e-9 && (a.y() - b.y()).abs() < 1e-9, "{a:?} {b:?}");
            // The old observatory of Bern, the zero of the grid (swisstopo), and 350 m south of it.
            assert!((a.x() - 7.4386).abs() < 0.003 && (a.y() - 46.951).abs() < 0.004, "{a:?}");
        }
    }

    #[test]
    fn what_is_missing_is_said() {
        let error = |text: &str, epsg| format!("{:#}", read(text, epsg).unwrap_err());
        assert!(error("5\n0\n0\n-5\n1\n2\n", None).contains("--epsg"));
        assert!(error(POINTS, Some(21781)).contains("--epsg"));
        for text in ["", "5 0 0 -5 1", "0 0 0 0 1 2", "a map", "1 0 0 NaN 0 0", "5 0 0 -5 1 2 x"] {
            assert!(error(text, Some(21781)).contains("no world file"), "{text}");
        }
        assert!(error("5\n0\n0\n-5\n1\n2\n", Some(1)).contains("EPSG:1"));
    }
}
