//! Transforms fitted to ground control points.

use super::{
    Affine, ControlPointFault, GroundControlPoint, Shape,
    control_points::{Frame, check},
    polynomial::{Polynomial, Sample, terms},
    thin_plate::ThinPlate,
};
use crate::{Error, Result, error::check_non_negative};
use geo_types::Coord;
use serde::{Deserialize, Serialize};
use std::convert::Infallible;

/// Largest number of points of a thin-plate spline, whose cost is cubic.
const MAX_SPLINE_POINTS: usize = 2000;
/// Steps of the inverse.
const MAX_STEPS: usize = 60;
/// Times that one step is halved.
const MAX_HALVINGS: usize = 40;
/// Largest error of an inverse and of an exact spline, relative to the extent of
/// the points.
const CLOSE: f64 = 1e-9;

/// The form of a transform that is fitted to ground control points.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum WarpModel {
    /// Polynomials, by least squares.
    Polynomial {
        /// 1 (affine, 3 points), 2 (6 points) or 3 (10 points).
        order: usize,
    },
    /// A thin-plate spline (3 points): the least bent transform through the points.
    ThinPlate {
        /// 0 passes through the points exactly; larger values bend less, and the
        /// limit is the affine fit. Added to the diagonal of the kernel matrix
        /// (`r^2 ln r^2`) of pixel coordinates scaled so that the point farthest
        /// from the mean has distance 1. At least 0.
        smoothing: f64,
    },
}

impl Default for WarpModel {
    /// The affine fit.
    fn default() -> Self {
        Self::Polynomial { order: 1 }
    }
}

impl WarpModel {
    /// Checks the ranges of the fields.
    ///
    /// # Errors
    /// [`Error::Parameter`] names the field out of range.
    pub fn validate(&self) -> Result<()> {
        match *self {
            Self::Polynomial { order: 1..=3 } => Ok(()),
            Self::Polynomial { order } => Err(Error::Parameter {
                field: "warp.order",
                value: order as f64,
                allowed: "1, 2 or 3",
            }),
            Self::ThinPlate { smoothing } => check_non_negative("warp.smoothing", smoothing),
        }
    }

    /// The least number of points that determines the transform.
    fn required(&self) -> usize {
        match *self {
            Self::Polynomial { order } => terms(order),
            Self::ThinPlate { .. } => 3,
        }
    }
}

/// A transform from pixels to the world that was fitted to points.
#[derive(Debug, Clone, PartialEq)]
pub struct Warp {
    surface: Surface,
    pixels: Frame,
    world: Frame,
    /// The affine fit between the frames, from which the inverse starts.
    linear: Polynomial,
    /// The control points within the frames.
    pairs: Vec<[Coord<f64>; 2]>,
    residuals: Vec<Coord<f64>>,
}

#[derive(Debug, Clone, PartialEq)]
enum Surface {
    Polynomial(Polynomial),
    ThinPlate(ThinPlate),
}

/// Fits a transform from pixels to the world to ground control points.
///
/// Polynomials are fitted by least squares (Householder QR) in coordinates that
/// are centred and scaled, so metric world coordinates lose no digits. Polynomials
/// of order 2 and 3 swing beyond the points; the spline does not, but follows
/// every error of a point unless it is smoothed. The cost is linear in the number
/// of points for polynomials and cubic for the spline.
///
/// # Errors
/// [`Error::Parameter`] for a field of `model` out of range;
/// [`Error::ControlPoints`] for points that are too few, too many (more than 2000
/// for the spline), not finite (or beyond 1e150), duplicate or on one line or
/// curve.
///
/// # References
/// F. L. Bookstein, *Principal warps: thin-plate splines and the decomposition of
/// deformations*, 1989.
pub fn fit_ground_control(points: &[GroundControlPoint], model: &WarpModel) -> Result<Warp> {
    model.validate()?;
    check(points, model.required())?;
    let pixels = Frame::new(points.iter().map(|point| point.pixel));
    let world = Frame::new(points.iter().map(|point| point.world));
    let enter = |point: &GroundControlPoint| [pixels.enter(point.pixel), world.enter(point.world)];
    let pairs: Vec<_> = points.iter().map(enter).collect();
    let fit_polynomial = |order| {
        Polynomial::fit(&pairs, order).ok_or(Error::from(ControlPointFault::Degenerate { order }))
    };
    let linear = fit_polynomial(1)?;
    let surface = match *model {
        WarpModel::Polynomial { order: 1 } => Surface::Polynomial(linear.clone()),
        WarpModel::Polynomial { order } => Surface::Polynomial(fit_polynomial(order)?),
        WarpModel::ThinPlate { smoothing } => Surface::ThinPlate(fit_spline(&pairs, smoothing)?),
    };
    let residual = |point: &GroundControlPoint| {
        world.leave(surface.sample(pixels.enter(point.pixel)).value) - point.world
    };
    let residuals = points.iter().map(residual).collect();
    Ok(Warp { surface, pixels, world, linear, pairs, residuals })
}

fn fit_spline(pairs: &[[Coord<f64>; 2]], smoothing: f64) -> Result<ThinPlate> {
    let (count, limit) = (pairs.len(), MAX_SPLINE_POINTS);
    if count > limit {
        return Err(ControlPointFault::TooMany { count, limit }.into());
    }
    let spline = ThinPlate::fit(pairs, smoothing).filter(|spline| {
        let miss = |pair: &[Coord<f64>; 2]| length(spline.sample(pair[0]).value - pair[1]);
        smoothing > 0.0 || pairs.iter().all(|pair| miss(pair) < CLOSE)
    });
    spline.ok_or(ControlPointFault::Degenerate { order: 1 }.into())
}

impl Surface {
    fn sample(&self, p: Coord<f64>) -> Sample {
        match self {
            Self::Polynomial(polynomial) => polynomial.sample(p),
            Self::ThinPlate(spline) => spline.sample(p),
        }
    }
}

impl Warp {
    /// Where a pixel position lies in the world.
    #[must_use]
    pub fn apply(&self, pixel: Coord<f64>) -> Coord<f64> {
        self.world.leave(self.surface.sample(self.pixels.enter(pixel)).value)
    }

    /// Where the vertices of a shape lie in the world.
    #[must_use]
    pub fn apply_shape<S: Shape>(&self, shape: &S) -> S {
        match shape.try_map(|p| Ok::<_, Infallible>(self.apply(p))) {
            Ok(mapped) => mapped,
            Err(never) => match never {},
        }
    }

    /// The pixel position of a point in the world.
    ///
    /// Newton's method with halved steps, from the affine fit and then from the
    /// nearest control point; the result maps back to `world` within 1e-9 of the
    /// extent of the points. Where the transform folds, one of several positions is
    /// returned, always the same.
    ///
    /// # Errors
    /// [`Error::NoInverse`] if no position was found: the point may lie beyond a
    /// fold of the transform.
    pub fn inverse(&self, world: Coord<f64>) -> Result<Coord<f64>> {
        let target = self.world.enter(world);
        let starts = [self.linear_start(target), self.nearest_start(target)];
        let found = starts.into_iter().flatten().find_map(|start| self.solve(start, target));
        let found = found.map(|p| self.pixels.leave(p));
        found.ok_or(Error::NoInverse { x: world.x, y: world.y })
    }

    fn linear_start(&self, target: Coord<f64>) -> Option<Coord<f64>> {
        let origin = self.linear.sample(Coord::zero());
        newton_step(&origin, target - origin.value)
    }

    fn nearest_start(&self, target: Coord<f64>) -> Option<Coord<f64>> {
        let distance = |pair: &&[Coord<f64>; 2]| length(pair[1] - target);
        let nearest = self.pairs.iter().min_by(|p, q| distance(p).total_cmp(&distance(q)));
        nearest.map(|pair| pair[0])
    }

    fn solve(&self, start: Coord<f64>, target: Coord<f64>) -> Option<Coord<f64>> {
        let mut at = start;
        let mut sample = self.surface.sample(at);
        let mut miss = length(target - sample.value);
        for _ in 0..MAX_STEPS {
            let Some(step) = newton_step(&sample, target - sample.value) else { break };
            let mut share = 1.0;
            let better = (0..MAX_HALVINGS).find_map(|_| {
                let next = at + step * share;
                share *= 0.5;
                let sample = self.surface.sample(next);
                let shorter = length(target - sample.value);
                (shorter < miss).then_some((next, sample, shorter))
            });
            let Some(better) = better else { break };
            (at, sample, miss) = better;
        }
        (miss <= CLOSE * (1.0 + length(target))).then_some(at)
    }

    /// The fit as an affine transform; `None` for models that bend.
    #[must_use]
    pub fn to_affine(&self) -> Option<Affine> {
        let Surface::Polynomial(polynomial) = &self.surface else { return None };
        if polynomial.coefficients[0].len() > terms(1) {
            return None;
        }
        let Sample { dx, dy, .. } = polynomial.sample(Coord::zero());
        let scale = self.world.scale() / self.pixels.scale();
        let origin = self.apply(Coord::zero());
        Affine::new([dx.x * scale, dy.x * scale, origin.x], [dx.y * scale, dy.y * scale, origin.y])
            .ok()
    }

    /// Per control point, its position by the transform minus the given one (world
    /// units).
    #[must_use]
    pub fn residuals(&self) -> &[Coord<f64>] {
        &self.residuals
    }

    /// Root of the mean squared length of the residuals (world units).
    #[must_use]
    pub fn rmse(&self) -> f64 {
        let squares: f64 = self.residuals.iter().map(|r| r.x * r.x + r.y * r.y).sum();
        (squares / self.residuals.len() as f64).sqrt()
    }
}

/// Solves for the step that changes the value by `change`, to first order.
fn newton_step(sample: &Sample, change: Coord<f64>) -> Option<Coord<f64>> {
    let (u, v) = (sample.dx, sample.dy);
    let determinant = u.x * v.y - u.y * v.x;
    let step = Coord {
        x: (change.x * v.y - change.y * v.x) / determinant,
        y: (u.x * change.y - u.y * change.x) / determinant,
    };
    (step.x.is_finite() && step.y.is_finite()).then_some(step)
}

fn length(v: Coord<f64>) -> f64 {
    v.x.hypot(v.y)
}
