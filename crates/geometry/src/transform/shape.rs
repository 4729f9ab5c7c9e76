//! Shapes whose coordinates can be replaced one by one.

use geo::MapCoords;
use geo_types::{
    Coord, Geometry, GeometryCollection, Line, LineString, MultiLineString, MultiPoint,
    MultiPolygon, Point, Polygon, Triangle,
};

/// A shape that a transform can be applied to: the types of `geo-types`.
///
/// Vertices are mapped and edges stay straight, so long edges should be cut first
/// where the transform bends. A box turned by a transform is no box any more:
/// [`geo_types::Rect`] is left out, and inside a [`Geometry`] it becomes a polygon.
pub trait Shape: Sized {
    /// The shape with every coordinate replaced by what `map` gives for it.
    ///
    /// # Errors
    /// The first error of `map`.
    fn try_map<E>(
        &self,
        map: impl Fn(Coord<f64>) -> Result<Coord<f64>, E> + Copy,
    ) -> Result<Self, E>;
}

macro_rules! map_with_geo {
    ($($shape:ty),*) => {$(
                impl Shape for $shape {
            fn try_map<E>(
                &self,
                map: impl Fn(Coord<f64>) -> Result<Coord<f64>, E> + Copy,
            ) -> Result<Self, E> {
                self.try_map_coords(map)
            }
        }
    )*};
}

map_with_geo!(
    Point<f64>,
    Line<f64>,
    LineString<f64>,
    Polygon<f64>,
    Triangle<f64>,
    MultiPoint<f64>,
    MultiLineString<f64>,
    MultiPolygon<f64>
);

impl Shape for GeometryCollection<f64> {
    fn try_map<E>(
        &self,
        map: impl Fn(Coord<f64>) -> Result<Coord<f64>, E> + Copy,
    ) -> Result<Self, E> {
        let members = self.0.iter().map(|member| member.try_map(map));
        members.collect::<Result<Vec<_>, E>>().map(GeometryCollection)
    }
}

impl Shape for Geometry<f64> {
    fn try_map<E>(
        &self,
        map: impl Fn(Coord<f64>) -> Result<Coord<f64>, E> + Copy,
    ) -> Result<Self, E> {
        Ok(match self {
            Self::Rect(shape) => Self::Polygon(shape.to_polygon().try_map(map)?),
            Self::Point(shape) => Self::Point(shape.try_map(map)?),
            Self::Line(shape) => Self::Line(shape.try_map(map)?),
            Self::LineString(shape) => Self::LineString(shape.try_map(map)?),
            Self::Polygon(shape) => Self::Polygon(shape.try_map(map)?),
            Self::Triangle(shape) => Self::Triangle(shape.try_map(map)?),
            Self::MultiPoint(shape) => Self::MultiPoint(shape.try_map(map)?),
            Self::MultiLineString(shape) => Self::MultiLineString(shape.try_map(map)?),
            Self::MultiPolygon(shape) => Self::MultiPolygon(shape.try_map(map)?),
            Self::GeometryCollection(shape) => Self::GeometryCollection(shape.try_map(map)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use geo_types::{Rect, polygon};
    use std::convert::Infallible;

    fn turn(p: Coord<f64>) -> Result<Coord<f64>, Infallible> {
        Ok(Coord { x: -p.y, y: p.x })
    }

    #[test]
    fn boxes_become_polygons_at_any_depth() {
        let unit = Rect::new(Coord { x: 0.0, y: 0.0 }, Coord { x: 2.0, y: 1.0 });
        let inner = GeometryCollection(vec![Geometry::Rect(unit)]);
        let outer = Geometry::GeometryCollection(inner);
        let Ok(Geometry::GeometryCollection(turned)) = outer.try_map(turn) else {
            panic!("a collection stays a collection")
        };
        let expected = Geometry::Polygon(unit.to_polygon().try_map(turn).unwrap());
        assert_eq!(turned.0, [expected]);
    }

    #[test]
    fn holes_are_mapped_and_errors_pass_through() {
        let square = polygon!(
            exterior: [(x: 0.0, y: 0.0), (x: 4.0, y: 0.0), (x: 4.0, y: 4.0)],
            interiors: [[(x: 2.0, y: 1.0), (x: 3.0, y: 1.0), (x: 3.0, y: 2.0)]],
        );
        let turned = square.try_map(turn).unwrap();
        assert_eq!(turned.interiors()[0].0[0], Coord { x: -1.0, y: 2.0 });
        let refuse = |p: Coord<f64>| if p.x > 3.5 { Err(p) } else { Ok(p) };
        assert_eq!(square.try_map(refuse), Err(Coord { x: 4.0, y: 0.0 }));
    }
}
