//! Labels per pixel, derived from the plan and from what was drawn.

use geo_types::LineString;
use mapvec_data::PixelLabels;
use mapvec_geometry::orientation_field;
use ndarray::Array2;

use crate::cast::from_id;
use crate::error::Result;
use crate::raster::Plane;
use crate::regions::Regions;

/// Half width of the ribbons around outlines and axes, px.
pub(crate) const RIBBON: f32 = 1.25;
/// Narrowest outline that has a width, px.
pub(crate) const MIN_WIDTH: f32 = 0.3;
/// Ink from which a distractor counts.
const DISTRACTOR_INK: f32 = 0.3;

/// Nearest road axis per pixel.
#[derive(Debug)]
pub(crate) struct Axes {
    distance: Plane,
    angle: Plane,
    width: Plane,
}

impl Axes {
    /// Notes roads, each with its width: pixels within the drawn width or the ribbon.
    pub(crate) fn new(size: usize, roads: &[(LineString<f64>, f64)]) -> Result<Self> {
        let reach = |width: f64| (0.5 * width).max(f64::from(RIBBON));
        let lines: Vec<_> = roads.iter().map(|(line, width)| (line, reach(*width))).collect();
        let field = orientation_field(&lines, (size, size))?;
        let width = field.line.mapv(|line| match line {
            0 => 0.0,
            _ => roads[from_id(line - 1)].1 as f32,
        });
        Ok(Self { distance: field.distance, angle: field.angle, width })
    }
}

/// An angle in [0, pi).
pub(crate) fn undirected(angle: f32) -> f32 {
    let turned = angle.rem_euclid(std::f32::consts::PI);
    if turned >= std::f32::consts::PI { 0.0 } else { turned }
}

/// Ink of what is no map feature, at the size of the sheet.
#[derive(Debug)]
pub(crate) struct Marks {
    pub(crate) text: Plane,
    pub(crate) hatch: Plane,
    pub(crate) dash: Plane,
}

/// Puts all labels together. `distance` and `width` belong to the borders between
/// regions, in px of the sheet; `ids` are region ids at its size.
pub(crate) fn labels(
    (regions, ids): (&Regions, &Array2<u32>),
    (distance, width): (&Plane, &Plane),
    axes: &Axes,
    marks: &Marks,
) -> PixelLabels {
    let (rows, columns) = ids.dim();
    let mut labels = PixelLabels::empty(rows, columns);
    for ((y, x), &id) in ids.indexed_iter() {
        let at = (y, x);
        let kind = regions.table[from_id(id)].kind;
        let on_road = axes.distance[at] <= 0.5 * axes.width[at];
        // Houses cover the roads they stand on.
        labels.class[at] = if kind.is_shape() { 2 } else { u8::from(on_road) };
        if axes.distance[at] <= RIBBON {
            labels.centreline[at] = 1;
        }
        if distance[at] <= RIBBON {
            labels.boundary[at] = 1;
            labels.angle[at] = direction(distance, at);
            // Outlines too faint to be seen have no width that could be learnt.
            labels.thickness[at] = if width[at] >= MIN_WIDTH { width[at] } else { f32::NAN };
        }
        let line = labels.centreline[at] == 1 || labels.class[at] == 1;
        if line && axes.angle[at].is_finite() {
            labels.angle[at] = axes.angle[at];
            labels.thickness[at] = axes.width[at];
        }
        labels.distractor[at] = if marks.text[at] > DISTRACTOR_INK {
            1
        } else if marks.dash[at] > DISTRACTOR_INK {
            3
        } else {
            2 * u8::from(marks.hatch[at] > DISTRACTOR_INK)
        };
    }
    labels
}

/// Direction of the border near a pixel: across the strongest mean change of distance.
fn direction(distance: &Plane, (y, x): (usize, usize)) -> f32 {
    let (rows, columns) = distance.dim();
    let (mut xx, mut yy, mut xy) = (0.0_f32, 0.0_f32, 0.0_f32);
    for v in y.saturating_sub(2)..(y + 3).min(rows) {
        for u in x.saturating_sub(2)..(x + 3).min(columns) {
            let (up, down) = (v.saturating_sub(1), (v + 1).min(rows - 1));
            let (left, right) = (u.saturating_sub(1), (u + 1).min(columns - 1));
            let gx = distance[(v, right)] - distance[(v, left)];
            let gy = distance[(down, u)] - distance[(up, u)];
            xx += gx * gx;
            yy += gy * gy;
            xy += gx * gy;
        }
    }
    let normal = 0.5 * (2.0 * xy).atan2(xx - yy);
    undirected(normal + std::f32::consts::FRAC_PI_2)
}

#[cfg(test)]
mod tests {
    use super::{Axes, undirected};
    use crate::planar::point;

    #[test]
    fn axes_know_distance_direction_and_width() {
        let road = vec![point(-5.0, 10.0), point(25.0, 10.0)];
        let axes = Axes::new(20, &[(road.into(), 6.0)]).unwrap();
        assert!((axes.distance[(11, 4)] - 1.5).abs() < 1e-6, "{}", axes.distance[(11, 4)]);
        assert!(axes.angle[(11, 4)].abs() < 1e-6 && axes.angle[(15, 4)].is_nan(), "angles");
        assert!((axes.width[(8, 19)] - 6.0).abs() < 1e-6, "width");
    }

    #[test]
    fn undirected_angles_stay_below_pi() {
        for angle in [-1e-9_f32, 0.0, 3.2, -3.2, std::f32::consts::PI, 100.0] {
            let turned = undirected(angle);
            assert!((0.0..std::f32::consts::PI).contains(&turned), "{angle} became {turned}");
        }
    }
}
