//! Coordinate reference systems, by EPSG code or PROJ string.

use super::Shape;
use crate::{Error, Result};
use geo_types::Coord;
use proj4rs::{Proj, adaptors::transform_vertex_2d};
use std::{fmt, str::FromStr};

/// A coordinate reference system.
///
/// Coordinates are (x, y) = (easting, northing) in the unit of the system, or
/// (longitude, latitude) in degrees if it [is geographic](Crs::is_geographic),
/// whatever order of axes the EPSG registry states.
///
/// Known by code: 4326 (WGS 84), 4258 (ETRS89), 4171 (RGF93), 4269 (NAD83), 4149
/// and 4150 (CH1903, CH1903+), 3857 (Web Mercator), 3395 (World Mercator), 3034 and
/// 3035 (Europe, LCC and LAEA), 32601-32660 and 32701-32760 (UTM on WGS 84),
/// 25828-25838 (UTM on ETRS89), 26901-26923 (UTM on NAD83), 2154 (Lambert-93),
/// 3942-3950 (RGF93 CC42 to CC50), 21781 (Swiss LV03), 2056 (Swiss LV95) and 2180
/// (Poland CS92). Any other system is given by its PROJ string.
///
/// # Accuracy
/// Without a change of datum, results agree with PROJ 9.5 within 0.1 centimetres
/// over the area of use. A change of datum uses three or seven parameters and no
/// grids, so its error is that of the parameters:
/// - WGS 84, ETRS89 and RGF93 are taken as one; they differ by up to 100
///   centimetres, growing with the years since 1989. NAD83 and WGS 84 are taken as
///   one, too (up to 200 centimetres).
/// - Swiss LV95 to WGS 84 or ETRS89: 100 centimetres as EPSG states it; LV03: 150
///   centimetres, because its local distortions need a grid.
#[derive(Debug)]
pub struct Crs {
    proj: Proj,
    definition: String,
}

impl Crs {
    /// The system with an EPSG code out of the list above.
    ///
    /// # Errors
    /// [`Error::Crs`] for any other code.
    pub fn from_epsg(code: u32) -> Result<Self> {
        let definition = format!("EPSG:{code}");
        let Some(text) = proj_string(code) else {
            let reason = "it is not in the list of codes; give its PROJ string".to_owned();
            return Err(Error::Crs { definition, reason });
        };
        Self::new(&text, definition)
    }

    /// The system of a PROJ string, such as `+proj=utm +zone=32 +datum=WGS84`.
    ///
    /// # Errors
    /// [`Error::Crs`] if the string is malformed or the projection not supported.
    pub fn from_proj(text: &str) -> Result<Self> {
        Self::new(text, text.to_owned())
    }

    fn new(text: &str, definition: String) -> Result<Self> {
        match Proj::from_proj_string(text) {
            Ok(proj) => Ok(Self { proj, definition }),
            Err(error) => Err(Error::Crs { definition, reason: error.to_string() }),
        }
    }

    /// Whether coordinates are longitude and latitude in degrees.
    #[must_use]
    pub fn is_geographic(&self) -> bool {
        self.proj.is_latlong()
    }
}

/// Reads `EPSG:` with a code, or a PROJ string.
impl FromStr for Crs {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        let code = text.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("epsg"));
        match code.map(|(_, code)| code.trim().parse()) {
            Some(Ok(code)) => Self::from_epsg(code),
            Some(Err(_)) => {
                let reason = "the EPSG code is not a number".to_owned();
                Err(Error::Crs { definition: text.to_owned(), reason })
            }
            None => Self::from_proj(text),
        }
    }
}

/// The code or string that the system was made from.
impl fmt::Display for Crs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.definition)
    }
}

/// A change from one coordinate reference system to another.
#[derive(Debug)]
pub struct CrsTransform {
    from: Crs,
    to: Crs,
}

impl CrsTransform {
    /// The change between two systems; [`Crs`] states its accuracy.
    ///
    /// # Errors
    /// [`Error::Crs`] if one of the projections lacks the direction that is needed.
    pub fn new(from: Crs, to: Crs) -> Result<Self> {
        let lacking = |crs: &Crs, reason: &str| Error::Crs {
            definition: crs.definition.clone(),
            reason: reason.to_owned(),
        };
        if !from.proj.has_inverse() {
            return Err(lacking(&from, "the projection has no way back to longitude and latitude"));
        }
        if !to.proj.has_forward() {
            return Err(lacking(&to, "the projection has no way from longitude and latitude"));
        }
        Ok(Self { from, to })
    }

    /// The same point in the other system.
    ///
    /// # Errors
    /// [`Error::Projection`] for a point outside the domain of the projections, or
    /// one that is not finite.
    pub fn apply(&self, p: Coord<f64>) -> Result<Coord<f64>> {
        let refuse = |reason: String| Error::Projection { x: p.x, y: p.y, reason };
        if !(p.x.is_finite() && p.y.is_finite()) {
            return Err(refuse("the point is not finite".to_owned()));
        }
        let geographic = self.from.is_geographic();
        if geographic && !(p.x.abs() <= 720.0 && p.y.abs() <= 90.0) {
            return Err(refuse("longitude or latitude is out of range".to_owned()));
        }
        let source = if geographic { (p.x.to_radians(), p.y.to_radians()) } else { p.into() };
        let (x, y) = transform_vertex_2d(&self.from.proj, &self.to.proj, source)
            .map_err(|error| refuse(error.to_string()))?;
        if !(x.is_finite() && y.is_finite()) {
            return Err(refuse("the result is not finite".to_owned()));
        }
        let geographic = self.to.is_geographic();
        Ok(if geographic { Coord { x: x.to_degrees(), y: y.to_degrees() } } else { Coord { x, y } })
    }

    /// The same shape in the other system, vertex by vertex.
    ///
    /// # Errors
    /// [`Error::Projection`] for the first vertex that has no image.
    pub fn apply_shape<S: Shape>(&self, shape: &S) -> Result<S> {
        shape.try_map(|p| self.apply(p))
    }
}

/// The PROJ string of a known code.
fn proj_string(code: u32) -> Option<String> {
    const GRS80: &str = "+ellps=GRS80 +towgs84=0,0,0 +units=m +no_defs";
    const SWISS: &str = "+ellps=bessel +towgs84=674.374,15.056,405.346 +no_defs";
    Some(match code {
        4326 => "+proj=longlat +datum=WGS84 +no_defs".to_owned(),
        4258 | 4171 | 4269 => "+proj=longlat +ellps=GRS80 +towgs84=0,0,0 +no_defs".to_owned(),
        4149 | 4150 => format!("+proj=longlat {SWISS}"),
        // On the sphere, with latitudes of the ellipsoid taken as they are.
        3857 => "+proj=merc +a=6378137 +b=6378137 +lat_ts=0 +lon_0=0 +x_0=0 +y_0=0 +k=1 \
                 +units=m +nadgrids=@null +no_defs"
            .to_owned(),
        3395 => "+proj=merc +lon_0=0 +k=1 +x_0=0 +y_0=0 +datum=WGS84 +units=m".to_owned(),
        3034 => format!(
            "+proj=lcc +lat_0=52 +lon_0=10 +lat_1=35 +lat_2=65 +x_0=4000000 +y_0=2800000 {GRS80}"
        ),
        3035 => format!("+proj=laea +lat_0=52 +lon_0=10 +x_0=4321000 +y_0=3210000 {GRS80}"),
        32601..=32660 => format!("+proj=utm +zone={} +datum=WGS84 +units=m", code - 32600),
        32701..=32760 => format!("+proj=utm +zone={} +south +datum=WGS84 +units=m", code - 32700),
        25828..=25838 => format!("+proj=utm +zone={} {GRS80}", code - 25800),
        26901..=26923 => format!("+proj=utm +zone={} {GRS80}", code - 26900),
        2154 => format!(
            "+proj=lcc +lat_0=46.5 +lon_0=3 +lat_1=49 +lat_2=44 +x_0=700000 +y_0=6600000 {GRS80}"
        ),
        // Zone N is centred on N degrees, between parallels 0.75 degrees away.
        3942..=3950 => {
            let zone = code - 3900;
            let (middle, north) = (f64::from(zone), 200_000 + 1_000_000 * (zone - 41));
            format!(
                "+proj=lcc +lat_0={middle} +lon_0=3 +lat_1={} +lat_2={} +x_0=1700000 \
                 +y_0={north} {GRS80}",
                middle - 0.75,
                middle + 0.75
            )
        }
        21781 => swiss_oblique(600_000, 200_000, SWISS),
        2056 => swiss_oblique(2_600_000, 1_200_000, SWISS),
        2180 => {
            format!("+proj=tmerc +lat_0=0 +lon_0=19 +k=0.9993 +x_0=500000 +y_0=-5300000 {GRS80}")
        }
        _ => return None,
    })
}

/// The Swiss projection, centred on the old observatory in Bern.
fn swiss_oblique(x: u32, y: u32, datum: &str) -> String {
    format!(
        "+proj=somerc +lat_0=46.952405555555556 +lon_0=7.439583333333333 +k_0=1 +x_0={x} \
         +y_0={y} +units=m {datum}"
    )
}
