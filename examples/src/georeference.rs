//! Where the pixels of a picture are in the world.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use geo_types::{Coord, Geometry};
use mapvec_geometry::{Affine, Crs, CrsTransform, Warp, WarpModel, Window, fit_ground_control};
use serde_json::{Map, Value, json};

use crate::output;
use crate::road_mask::ControlPoints;

/// Flags that say where a picture is in the world.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct GeoreferenceArgs {
    /// Where the picture is: a world file (with --crs) or a .points file of QGIS.
    #[arg(long, value_name = "FILE")]
    georeference: Option<PathBuf>,
    /// System of coordinates of that file, for .points files instead of the one they name: a
    /// PROJ string or EPSG:CODE with 4326, 3857, 2154, 3942 to 3950, 25828 to 25838, 32601 to
    /// 32660, 32701 to 32760, 21781, 2056 or another code of `geometry::Crs`.
    #[arg(long, value_name = "SYSTEM", requires = "georeference")]
    crs: Option<String>,
}

impl GeoreferenceArgs {
    /// Reads what the flags name, for a picture or a part of it.
    ///
    /// # Errors
    /// There is no picture to place, or as [`Georeference::read`].
    pub fn placement(&self, picture: Option<&Path>, window: Option<Window>) -> Result<Placement> {
        let georeference = match &self.georeference {
            Some(path) => {
                ensure!(picture.is_some(), "--georeference places a picture; give one");
                Some(Georeference::read(path, self.crs.as_deref())?)
            }
            None => None,
        };
        let corner = window.map_or([0.0; 2], |window| [window.x, window.y].map(f64::from));
        let shift = Affine::new([1.0, 0.0, corner[0]], [0.0, 1.0, corner[1]])?;
        Ok(Placement { shift, georeference })
    }
}

/// What becomes of coordinates in a part of a picture.
#[derive(Debug)]
pub struct Placement {
    /// From the part to the whole.
    shift: Affine,
    georeference: Option<Georeference>,
}

impl Placement {
    /// A shape in the pixels of the part as one in those of the whole picture, or in degrees.
    ///
    /// # Errors
    /// It leaves the domain of the system.
    pub fn place(&self, shape: &Geometry<f64>) -> Result<Geometry<f64>> {
        let whole = self.shift.apply_shape(shape);
        match &self.georeference {
            Some(georeference) => georeference.degrees(&whole),
            None => Ok(whole),
        }
    }

    /// Members that say what the coordinates of a GeoJSON file are, for a whole picture of a width
    /// and a height.
    #[must_use]
    pub fn members(&self, width: usize, height: usize) -> Map<String, Value> {
        match &self.georeference {
            Some(georeference) => georeference.members(),
            None => output::members(width, height),
        }
    }

    /// Decimals of coordinates that are worth writing: of a degree, a hundred-millionth is a
    /// millimetre.
    #[must_use]
    pub fn decimals(&self) -> u32 {
        if self.georeference.is_some() { 8 } else { 2 }
    }

    /// How well control points fit, and what looks wrong, for a whole picture of a width and a
    /// height.
    #[must_use]
    pub fn remarks(&self, width: usize, height: usize) -> Vec<String> {
        self.georeference.as_ref().map_or(Vec::new(), |found| found.remarks(width, height))
    }
}

/// From pixels of a picture to longitude and latitude, which GeoJSON is in (RFC 7946).
#[derive(Debug)]
pub struct Georeference {
    place: Place,
    to_degrees: CrsTransform,
    system: String,
    /// What the file names, where the system is another.
    instead_of: Option<String>,
}

#[derive(Debug)]
enum Place {
    Affine(Affine),
    /// With the pixels of its control points.
    Warp(Warp, Vec<Coord<f64>>),
}

impl Georeference {
    /// Reads a world file, whose system of coordinates `crs` says (`EPSG:` with a code, or a PROJ
    /// string), or a `.points` file of QGIS, for which it stands before the one that it names.
    ///
    /// # Errors
    /// The file cannot be read, the system is missing or not known, or the control points leave
    /// the transform open.
    pub fn read(path: &Path, crs: Option<&str>) -> Result<Self> {
        let shown = path.display();
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {shown}"))?;
        let text = String::from_utf8(bytes).ok().with_context(|| {
            format!("{shown} is no text; `gdal_translate -co TFW=YES` writes the world file of a GeoTIFF")
        })?;
        let text = text.trim_start_matches('\u{feff}');
        let (place, named) = if text.contains("mapX") {
            let control = ControlPoints::parse(text).with_context(|| shown.to_string())?;
            let warp = fit_ground_control(&control.points, &WarpModel::default())
                .with_context(|| shown.to_string())?;
            let pixels = control.points.iter().map(|point| point.pixel).collect();
            (Place::Warp(warp, pixels), control.epsg.map(|code| format!("EPSG:{code}")))
        } else {
            let affine = world_file(text).with_context(|| {
                format!(
                    "{shown} is no world file (six numbers that tell pixels apart) and no .points \
                     file of QGIS"
                )
            })?;
            (Place::Affine(affine), None)
        };
        let instead_of = named.clone().filter(|named| crs.is_some_and(|crs| crs != named));
        let system = crs.map(str::to_owned).or(named).with_context(|| {
            format!(
                "{shown} does not say the EPSG code of its system of coordinates; give --crs, e.g. \
                 EPSG:2154"
            )
        })?;
        ensure!(
            system.starts_with("EPSG:") || system.starts_with('+'),
            "--crs must be EPSG: with a code, e.g. EPSG:2154, or a PROJ string, e.g. \
             \"+proj=utm +zone=32 +ellps=GRS80\", not {:?}",
            system.chars().take(40).collect::<String>()
        );
        let to_degrees = CrsTransform::new(system.parse()?, Crs::from_epsg(4326)?)?;
        Ok(Self { place, to_degrees, system, instead_of })
    }

    /// A shape in px as one in degrees.
    ///
    /// # Errors
    /// It leaves the domain of the system.
    pub fn degrees(&self, shape: &Geometry<f64>) -> Result<Geometry<f64>> {
        let world = match &self.place {
            Place::Affine(affine) => affine.apply_shape(shape),
            Place::Warp(warp, _) => warp.apply_shape(shape),
        };
        Ok(self.to_degrees.apply_shape(&world)?)
    }

    /// Members that say what the coordinates of a GeoJSON file are.
    #[must_use]
    pub fn members(&self) -> Map<String, Value> {
        let coordinates = json!({
            "unit": "degree",
            "axes": "longitude, latitude (WGS 84)",
            "placed_in": self.system,
        });
        Map::from_iter([("coordinates_of".to_owned(), coordinates)])
    }

    fn remarks(&self, width: usize, height: usize) -> Vec<String> {
        let Place::Warp(warp, pixels) = &self.place else { return Vec::new() };
        let lengths = warp.residuals().iter().map(|r| r.x.hypot(r.y));
        let largest = lengths.fold(0.0, f64::max);
        let mut remarks = vec![format!(
            "{} control points, off by {:.3} (root mean square) and at most {largest:.3} in the \
             units of {}",
            pixels.len(),
            warp.rmse(),
            self.system
        )];
        // Points are set by hand, at times a little beside the edge.
        let beside = |at: f64, side: usize| at < -0.05 * side as f64 || at > 1.05 * side as f64;
        let outside =
            pixels.iter().filter(|at| beside(at.x, width) || beside(at.y, height)).count();
        if outside > 0 {
            remarks.push(format!(
                "warning: {outside} of them lie outside of the picture of {width} x {height} \
                 pixels; are they those of another one?"
            ));
        }
        if let Some(named) = &self.instead_of {
            let system = &self.system;
            remarks
                .push(format!("warning: --crs {system} instead of {named}, which the file names"));
        }
        remarks
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
    const WORLD: &str = "5\n0\n0\n-5\n600002.5\n199997.5\n";

    fn placement(text: &str, crs: Option<&str>, window: Option<Window>) -> Result<Placement> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.wld");
        std::fs::write(&path, text).unwrap();
        let crs = crs.map(str::to_owned);
        GeoreferenceArgs { georeference: Some(path), crs }
            .placement(Some(Path::new("map.png")), window)
    }

    #[test]
    fn world_files_and_control_points_place_a_pixel_alike() {
        // 5 m a pixel; a world file names the centre of the first pixel.
        let world = placement(WORLD, Some("EPSG:21781"), None).unwrap();
        // Later versions of QGIS call pixels sources.
        let later = placement(&POINTS.replace("pixel", "source"), None, None).unwrap();
        // A system that the file does not name, as PROJ has LV03.
        let unnamed = POINTS.replace("#CRS: EPSG:21781\n", "");
        let lv03 = "+proj=somerc +lat_0=46.9524055555556 +lon_0=7.43958333333333 +k_0=1 \
                    +x_0=600000 +y_0=200000 +ellps=bessel \
                    +towgs84=674.374,15.056,405.346,0,0,0,0 +units=m";
        let proj = placement(&unnamed, Some(lv03), None).unwrap();
        let window = Window { x: 30, y: 50, width: 9, height: 9 };
        let part = placement(POINTS, None, Some(window)).unwrap();
        for (x, y) in [(0.0, 0.0), (40.0, 70.0)] {
            let at = |placement: &Placement, x: f64, y: f64| match placement
                .place(&point!(x: x, y: y).into())
                .unwrap()
            {
                Geometry::Point(point) => point,
                other => panic!("{other:?}"),
            };
            let a = at(&world, x, y);
            for b in [at(&later, x, y), at(&part, x - 30.0, y - 50.0)] {
                assert!(
                    (a.x() - b.x()).abs() < 1e-9 && (a.y() - b.y()).abs() < 1e-9,
                    "{a:?} {b:?}"
                );
            }
            let c = at(&proj, x, y);
            // Datum shifts of the list of codes and of PROJ differ by a metre or two.
            assert!((a.x() - c.x()).abs() < 1e-4 && (a.y() - c.y()).abs() < 1e-4, "{a:?} {c:?}");
            // The old observatory of Bern, the zero of the grid (swisstopo), and 350 m south of it.
            assert!((a.x() - 7.4386).abs() < 0.003 && (a.y() - 46.951).abs() < 0.004, "{a:?}");
        }
        assert!(world.remarks(100, 100).is_empty());
        let remarks = later.remarks(100, 100);
        assert!(remarks.len() == 1 && remarks[0].starts_with("3 control points, off by 0.000"));
        let small = later.remarks(100, 60);
        assert!(small.len() == 2 && small[1].contains("1 of them"), "{small:?}");
        let other = placement(POINTS, Some("EPSG:2056"), None).unwrap().remarks(100, 100);
        assert!(other.len() == 2 && other[1].contains("EPSG:21781"), "{other:?}");
    }

    #[test]
    fn without_a_file_pixels_are_those_of_the_whole_picture() {
        let window = Window { x: 7, y: 9, width: 3, height: 3 };
        let placement = GeoreferenceArgs::default().placement(None, Some(window)).unwrap();
        let placed = placement.place(&point!(x: 1.0, y: 2.5).into()).unwrap();
        assert_eq!(placed, point!(x: 8.0, y: 11.5).into());
        assert_eq!(placement.members(20, 10)["coordinates_of"]["unit"], "pixel");
    }

    #[test]
    fn what_is_missing_is_said() {
        let error = |text: &str, crs| format!("{:#}", placement(text, crs, None).unwrap_err());
        assert!(error(WORLD, None).contains("--crs"));
        assert!(error(&POINTS.replace("#CRS", "#"), None).contains("--crs"));
        let code = Some("EPSG:21781");
        for text in ["", "5 0 0 -5 1", "0 0 0 0 1 2", "a map", "1 0 0 NaN 0 0", "5 0 0 -5 1 2 x"] {
            assert!(error(text, code).contains("no world file"), "{text}");
        }
        assert!(error(WORLD, Some("EPSG:1")).contains("EPSG:1"));
        assert!(error(WORLD, Some("21781")).contains("21781"));
        let flags = GeoreferenceArgs { georeference: Some("map.wld".into()), crs: None };
        assert!(flags.placement(None, None).unwrap_err().to_string().contains("give one"));
    }
}
