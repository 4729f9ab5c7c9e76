//! Affine transforms from pixels to the world.

use super::Shape;
use crate::{Error, Result};
use geo_types::Coord;
use serde::{Deserialize, Serialize};
use std::convert::Infallible;

/// Smallest determinant, relative to its two products, that can be inverted.
const SINGULAR: f64 = 1e-14;

/// Which point of a pixel has whole coordinates in the file that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PixelAnchor {
    /// Its corner with the smallest row and column (`RasterPixelIsArea`).
    #[default]
    Corner,
    /// Its centre (`RasterPixelIsPoint`).
    Centre,
}

/// An affine transform, `x' = a x + b y + c` and `y' = d x + e y + f`.
///
/// Pixel coordinates follow the convention of this crate, which is GeoTIFF's
/// `RasterPixelIsArea`: (0, 0) is the outer corner of the first pixel and its
/// centre is at (0.5, 0.5). World coordinates usually have y upwards; a ring then
/// keeps the order of its vertices while the sign of its area changes.
///
/// In files it is written as the six numbers of [`Affine::to_gdal`].
///
/// # Examples
/// ```
/// use mapvec_geometry::{Affine, PixelAnchor};
/// // Pixels of half a metre, the first corner at (700 000, 6 600 000).
/// let world = Affine::from_geotiff_scale(
///     [0.5, 0.5, 0.0],
///     [0.0, 0.0, 0.0, 700_000.0, 6_600_000.0, 0.0],
///     PixelAnchor::Corner,
/// )?;
/// let corner = world.apply((2.0, 4.0).into());
/// assert_eq!((corner.x, corner.y), (700_001.0, 6_599_998.0));
/// assert_eq!(world.inverse()?.apply(corner), (2.0, 4.0).into());
/// # Ok::<(), mapvec_geometry::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "[f64; 6]", into = "[f64; 6]")]
pub struct Affine {
    /// `[a, b, c]`.
    x: [f64; 3],
    /// `[d, e, f]`.
    y: [f64; 3],
}

impl Default for Affine {
    fn default() -> Self {
        Self::IDENTITY
    }
}

impl TryFrom<[f64; 6]> for Affine {
    type Error = Error;

    fn try_from(numbers: [f64; 6]) -> Result<Self> {
        Self::from_gdal(numbers)
    }
}

impl From<Affine> for [f64; 6] {
    fn from(affine: Affine) -> Self {
        affine.to_gdal()
    }
}

impl Affine {
    /// The transform that changes nothing.
    pub const IDENTITY: Self = Self { x: [1.0, 0.0, 0.0], y: [0.0, 1.0, 0.0] };

    /// The transform with rows `[a, b, c]` and `[d, e, f]`.
    ///
    /// # Errors
    /// [`Error::Parameter`] if a number is infinite or not a number.
    pub fn new(x: [f64; 3], y: [f64; 3]) -> Result<Self> {
        let names = ["affine.a", "affine.b", "affine.c", "affine.d", "affine.e", "affine.f"];
        for (field, value) in names.into_iter().zip(x.into_iter().chain(y)) {
            if !value.is_finite() {
                return Err(Error::Parameter { field, value, allowed: "finite" });
            }
        }
        Ok(Self { x, y })
    }

    /// From GDAL's geotransform `[c, a, b, f, d, e]`.
    ///
    /// # Errors
    /// [`Error::Parameter`] if a number is infinite or not a number.
    pub fn from_gdal([c, a, b, f, d, e]: [f64; 6]) -> Result<Self> {
        Self::new([a, b, c], [d, e, f])
    }

    /// GDAL's geotransform `[c, a, b, f, d, e]`.
    #[must_use]
    pub fn to_gdal(&self) -> [f64; 6] {
        let ([a, b, c], [d, e, f]) = (self.x, self.y);
        [c, a, b, f, d, e]
    }

    /// From the six lines of a world file, `[a, d, b, e, c, f]`.
    ///
    /// There (0, 0) is the centre of the first pixel.
    ///
    /// # Errors
    /// [`Error::Parameter`] if a number is infinite or not a number.
    pub fn from_world_file([a, d, b, e, c, f]: [f64; 6]) -> Result<Self> {
        Ok(Self::new([a, b, c], [d, e, f])?.anchored(PixelAnchor::Centre))
    }

    /// The six lines of a world file.
    #[must_use]
    pub fn to_world_file(&self) -> [f64; 6] {
        let centre = self.apply(Coord { x: 0.5, y: 0.5 });
        let ([a, b, _], [d, e, _]) = (self.x, self.y);
        [a, d, b, e, centre.x, centre.y]
    }

    /// From the GeoTIFF tags `ModelPixelScaleTag` `[sx, sy, sz]` and the first
    /// tie point `[i, j, k, x, y, z]` of `ModelTiepointTag`.
    ///
    /// Positive `sy` means that y decreases from row to row. Heights are ignored.
    ///
    /// # Errors
    /// [`Error::Parameter`] if a number is infinite or not a number.
    ///
    /// # References
    /// OGC 19-008r4, *GeoTIFF standard*, 7.1.2 and annex B.6.
    pub fn from_geotiff_scale(
        [sx, sy, _]: [f64; 3],
        [i, j, _, x, y, _]: [f64; 6],
        anchor: PixelAnchor,
    ) -> Result<Self> {
        Ok(Self::new([sx, 0.0, x - i * sx], [0.0, -sy, y + j * sy])?.anchored(anchor))
    }

    /// From the 4 x 4 matrix of the GeoTIFF tag `ModelTransformationTag`, by rows.
    ///
    /// The third row and column, which concern heights, are ignored.
    ///
    /// # Errors
    /// [`Error::Parameter`] if a number that is used is infinite or not a number, or
    /// if the last row is not `[0, 0, 0, 1]`.
    ///
    /// # References
    /// OGC 19-008r4, *GeoTIFF standard*, 7.1.2 and annex B.6.
    pub fn from_geotiff_matrix(matrix: &[f64; 16], anchor: PixelAnchor) -> Result<Self> {
        let names = ["matrix[12]", "matrix[13]", "matrix[14]", "matrix[15]"];
        for ((field, &value), expected) in names.into_iter().zip(&matrix[12..]).zip([0, 0, 0, 1]) {
            if (value - f64::from(expected)).abs() > 0.0 || value.is_nan() {
                let allowed = "0, 0, 0, 1 in the last row";
                return Err(Error::Parameter { field, value, allowed });
            }
        }
        let [a, b, _, c, d, e, _, f, ..] = *matrix;
        Ok(Self::new([a, b, c], [d, e, f])?.anchored(anchor))
    }

    /// The transform of corner coordinates, given one of `anchor` coordinates.
    fn anchored(self, anchor: PixelAnchor) -> Self {
        match anchor {
            PixelAnchor::Corner => self,
            PixelAnchor::Centre => {
                let origin = self.apply(Coord { x: -0.5, y: -0.5 });
                let ([a, b, _], [d, e, _]) = (self.x, self.y);
                Self { x: [a, b, origin.x], y: [d, e, origin.y] }
            }
        }
    }

    /// Signed area in the world of one pixel; negative where y turns upwards.
    #[must_use]
    pub fn determinant(&self) -> f64 {
        self.x[0] * self.y[1] - self.x[1] * self.y[0]
    }

    /// The transform back, from the world to pixels.
    ///
    /// # Errors
    /// [`Error::SingularTransform`] if the transform maps the plane to a line or a
    /// point, or if the numbers of the inverse are too large.
    pub fn inverse(&self) -> Result<Self> {
        let ([a, b, c], [d, e, f]) = (self.x, self.y);
        let determinant = self.determinant();
        let singular = Error::SingularTransform { determinant };
        if !determinant.is_finite()
            || determinant.abs() <= SINGULAR * ((a * e).abs() + (b * d).abs())
        {
            return Err(singular);
        }
        let (ra, rb) = (e / determinant, -b / determinant);
        let (rd, re) = (-d / determinant, a / determinant);
        Self::new([ra, rb, -(ra * c + rb * f)], [rd, re, -(rd * c + re * f)]).map_err(|_| singular)
    }

    /// This transform followed by `next`.
    #[must_use]
    pub fn then(&self, next: &Self) -> Self {
        let row = |[a, b, c]: [f64; 3]| {
            [
                a * self.x[0] + b * self.y[0],
                a * self.x[1] + b * self.y[1],
                a * self.x[2] + b * self.y[2] + c,
            ]
        };
        Self { x: row(next.x), y: row(next.y) }
    }

    /// Where a point goes.
    #[must_use]
    pub fn apply(&self, p: Coord<f64>) -> Coord<f64> {
        let row = |[a, b, c]: [f64; 3]| a * p.x + b * p.y + c;
        Coord { x: row(self.x), y: row(self.y) }
    }

    /// Where a shape goes; exact up to rounding, since edges stay straight.
    #[must_use]
    pub fn apply_shape<S: Shape>(&self, shape: &S) -> S {
        let mapped = shape.try_map(|p| Ok::<_, Infallible>(self.apply(p)));
        match mapped {
            Ok(mapped) => mapped,
            Err(never) => match never {},
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo_types::{Geometry, Point, polygon};

    /// The same sheet in all notations: pixels of 2 x 4, first centre at (101, 898).
    #[test]
    fn notations_agree() {
        let gdal = Affine::from_gdal([100.0, 2.0, 0.0, 900.0, 0.0, -4.0]).unwrap();
        let tie = [0.0, 0.0, 0.0, 100.0, 900.0, 0.0];
        let scale = [2.0, 4.0, 0.0];
        assert_eq!(Affine::from_geotiff_scale(scale, tie, PixelAnchor::Corner), Ok(gdal));
        let far_tie = [10.0, 20.0, 0.0, 120.0, 820.0, 7.0];
        assert_eq!(Affine::from_geotiff_scale(scale, far_tie, PixelAnchor::Corner), Ok(gdal));
        let centre_tie = [0.0, 0.0, 0.0, 101.0, 898.0, 0.0];
        assert_eq!(Affine::from_geotiff_scale(scale, centre_tie, PixelAnchor::Centre), Ok(gdal));
        let mut matrix = [0.0; 16];
        (matrix[0], matrix[3], matrix[5], matrix[7], matrix[15]) = (2.0, 100.0, -4.0, 900.0, 1.0);
        assert_eq!(Affine::from_geotiff_matrix(&matrix, PixelAnchor::Corner), Ok(gdal));
        let lines = [2.0, 0.0, 0.0, -4.0, 101.0, 898.0];
        assert_eq!(Affine::from_world_file(lines), Ok(gdal));
        assert_eq!(Affine::from_world_file(gdal.to_world_file()), Ok(gdal));
        assert_eq!(gdal.apply(Coord { x: 0.5, y: 0.5 }), Coord { x: 101.0, y: 898.0 });
        assert!((gdal.determinant() + 8.0).abs() < 1e-12);
    }

    #[test]
    fn bad_numbers_are_refused() {
        let nan = Affine::from_gdal([0.0, f64::NAN, 0.0, 0.0, 0.0, 1.0]);
        assert!(matches!(nan, Err(Error::Parameter { field: "affine.a", .. })));
        let mut matrix = [0.0; 16];
        (matrix[0], matrix[5]) = (1.0, 1.0);
        let last = Affine::from_geotiff_matrix(&matrix, PixelAnchor::Corner);
        assert!(matches!(last, Err(Error::Parameter { field: "matrix[15]", .. })));
        let flat = Affine::new([1.0, 3.0, 5.0], [0.1, 0.3, 0.0]).unwrap();
        assert!(matches!(flat.inverse(), Err(Error::SingularTransform { .. })));
        assert!(Affine::new([0.0; 3], [0.0; 3]).unwrap().inverse().is_err());
        let tiny = Affine::new([1e-9, 0.0, 7.0], [0.0, -1e-9, 45.0]).unwrap();
        assert!(tiny.inverse().is_ok());
        let huge = Affine::new([1e300, 0.0, 0.0], [0.0, 1e300, 0.0]).unwrap();
        assert!(huge.inverse().is_err());
    }

    #[test]
    fn shapes_follow() {
        let double = Affine::new([2.0, 0.0, 1.0], [0.0, 2.0, -1.0]).unwrap();
        let square = polygon![(x: 0.0, y: 0.0), (x: 1.0, y: 0.0), (x: 1.0, y: 1.0)];
        let expected = polygon![(x: 1.0, y: -1.0), (x: 3.0, y: -1.0), (x: 3.0, y: 1.0)];
        assert_eq!(double.apply_shape(&square), expected);
        assert_eq!(double.apply_shape(&Geometry::Polygon(square)), Geometry::Polygon(expected));
        assert_eq!(double.apply_shape(&Point::new(1.0, 1.0)), Point::new(3.0, 1.0));
    }
}
