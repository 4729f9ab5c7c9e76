//! Pictures turned and sheared so that the lines of a pattern become level.

use ndarray::{Array2, Array3, ArrayView3, ArrayViewMut2, Axis};
use rayon::prelude::*;
use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::plane_wave::PlaneWave;
use crate::shift::line_factors;

/// How a picture was brought into the position in which a pattern's lines are level.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Pose {
    /// Whether it was turned by a quarter first, so that no line is steeper than half a right
    /// angle.
    pub turned: bool,
    /// The slope `dy / dx` that was taken out then.
    pub slope: f64,
}

impl Pose {
    /// The pose that makes the crests of a wave level.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] for a wave without a frequency.
    pub fn of(wave: &PlaneWave) -> Result<Self> {
        let [u, v] = wave.frequency;
        if !(wave.norm() > 0.0 && wave.norm().is_finite()) {
            let expected = "above 0 cycles per px";
            return Err(Error::Setting { field: "wave.frequency", value: wave.norm(), expected });
        }
        let turned = u.abs() > v.abs();
        // After a quarter turn the frequency is (v, -u).
        Ok(Self { turned, slope: if turned { v / u } else { -u / v } })
    }
}

/// A picture in a [`Pose`].
#[derive(Debug, Clone, PartialEq)]
pub struct Straightened {
    /// `[C, H, W]`, or `[C, W, H]` if turned.
    pub planes: Array3<f64>,
    /// The wave there.
    pub wave: PlaneWave,
    /// How the picture came there.
    pub pose: Pose,
}

impl Straightened {
    /// The values of the wave at the places from which the pixels came, `[H, W]`, or `[W, H]` if
    /// turned.
    ///
    /// They are those of the wave that is level now, but for pixels that came around the border:
    /// where the wave has no whole number of cycles per column, its phase jumps there.
    #[must_use]
    pub fn field(&self) -> Array2<f64> {
        let (_, height, width) = self.planes.dim();
        Array2::from_shape_fn((height, width), |(y, x)| {
            let (x, y, around) = (x as f64 + 0.5, y as f64 + 0.5, height as f64);
            let times = ((y + self.pose.slope * x) / around).floor();
            self.wave.value([x, y - times * around])
        })
    }
}

/// Makes the crests of a wave level: turns the picture by a quarter if they are steep, then moves
/// every column up or down by the slope that is left.
///
/// Columns move around by phases of their spectra, so nothing is blurred and
/// [`unstraighten`] gives the picture back. A wave with a whole number of cycles per column
/// becomes constant along the rows; of other patterns, what comes around the border does not fit.
/// `jitter` is added to the slope, as augmentation for a network that has to bear slopes that are
/// not known exactly.
///
/// # Shapes
///
/// `planes`: `[C, H, W]`.
///
/// # Errors
///
/// [`Error::Setting`] for a wave without a frequency and a jitter that is not finite;
/// [`Error::Shape`] for planes without pixels.
///
/// # Examples
///
/// ```
/// use mapvec_fourier::{PlaneWave, straighten};
/// use ndarray::Axis;
///
/// let wave = PlaneWave::from_bin((32, 32), [-2.4, 5.0], 0.3);
/// let picture = wave.field((32, 32)).insert_axis(Axis(0));
/// let straight = straighten(picture.view(), &wave, 0.0)?;
/// let row = straight.planes.index_axis(Axis(0), 0).row(7).to_owned();
/// assert!(row.iter().all(|value| (value - row[0]).abs() < 1e-12));
/// # Ok::<(), mapvec_fourier::Error>(())
/// ```
pub fn straighten(
    planes: ArrayView3<'_, f64>,
    wave: &PlaneWave,
    jitter: f64,
) -> Result<Straightened> {
    check_planes(planes)?;
    let pose = Pose::of(wave)?;
    let pose = Pose { slope: pose.slope + jitter, ..pose };
    let width = planes.dim().2;
    let (mut planes, wave) = if pose.turned {
        (quarter_turn(planes), wave.quarter_turned(width))
    } else {
        (planes.to_owned(), *wave)
    };
    Shear::new(planes.dim().1)?.level(&mut planes, pose.slope)?;
    let [u, v] = wave.frequency;
    let level = if jitter == 0.0 { 0.0 } else { u + v * pose.slope };
    Ok(Straightened { planes, wave: PlaneWave { frequency: [level, v], ..wave }, pose })
}

/// Planes in a pose brought back, `[C, H, W]`: the inverse of [`straighten`].
///
/// # Errors
///
/// [`Error::Setting`] for a slope that is not finite; [`Error::Shape`] for planes without pixels.
pub fn unstraighten(planes: ArrayView3<'_, f64>, pose: Pose) -> Result<Array3<f64>> {
    check_planes(planes)?;
    let mut planes = planes.to_owned();
    Shear::new(planes.dim().1)?.level(&mut planes, -pose.slope)?;
    Ok(if pose.turned { quarter_turn_back(planes.view()) } else { planes })
}

/// Refuses planes without pixels, turned or not; there may be no planes.
fn check_planes(planes: ArrayView3<'_, f64>) -> Result<()> {
    let (_, height, width) = planes.dim();
    if height > 0 && width > 0 {
        return Ok(());
    }
    let expected = "[C, H, W] with H and W of 1 or more".to_owned();
    Err(Error::Shape { field: "planes", found: planes.shape().to_vec(), expected })
}

/// Planes turned a quarter counter-clockwise on the screen: the right column becomes the top row.
#[must_use]
pub fn quarter_turn<A: Clone>(planes: ArrayView3<'_, A>) -> Array3<A> {
    let mut turned = planes;
    turned.swap_axes(1, 2);
    turned.invert_axis(Axis(1));
    turned.as_standard_layout().into_owned()
}

/// The inverse of [`quarter_turn`].
#[must_use]
pub fn quarter_turn_back<A: Clone>(planes: ArrayView3<'_, A>) -> Array3<A> {
    let mut turned = planes;
    turned.invert_axis(Axis(1));
    turned.swap_axes(1, 2);
    turned.as_standard_layout().into_owned()
}

/// Shears columns of one height, which come around at the border.
#[derive(Clone)]
pub struct Shear {
    height: usize,
    forward: Arc<dyn Fft<f64>>,
    inverse: Arc<dyn Fft<f64>>,
}

impl std::fmt::Debug for Shear {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shear").field("height", &self.height).finish_non_exhaustive()
    }
}

impl Shear {
    /// Plans shears of columns of `height` pixels.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] for a height of 0 or more than 2^28.
    pub fn new(height: usize) -> Result<Self> {
        if height == 0 || height > 1 << 28 {
            let expected = "from 1 to 2^28";
            return Err(Error::Setting { field: "height", value: height as f64, expected });
        }
        let mut planner = FftPlanner::new();
        let (forward, inverse) =
            (planner.plan_fft_forward(height), planner.plan_fft_inverse(height));
        Ok(Self { height, forward, inverse })
    }

    /// Takes a slope `dy / dx` out of planes `[C, H, W]`: the value at `(x, y + slope x)` comes to
    /// `(x, y)`. Crests of that slope become level, and their heights at the left border stay.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] for a slope that is not finite or moves a column by more than 2^32 px;
    /// [`Error::Shape`] for another height.
    pub fn level(&self, planes: &mut Array3<f64>, slope: f64) -> Result<()> {
        // Beyond, phases have no digits left.
        let largest = slope.abs() * planes.dim().2 as f64;
        if !slope.is_finite() || largest > f64::from(u32::MAX) {
            let expected = "finite, at most 2^32 px over the width";
            return Err(Error::Setting { field: "slope", value: slope, expected });
        }
        if planes.dim().1 != self.height {
            let expected = format!("[C, {}, W]", self.height);
            return Err(Error::Shape { field: "planes", found: planes.shape().to_vec(), expected });
        }
        let width = planes.dim().2;
        // The columns of all planes, each with the distance that it moves.
        let mut columns: Vec<(f64, ArrayViewMut2<'_, f64>)> = Vec::new();
        for (x, columns_at) in (0..width).zip(planes.axis_chunks_iter_mut(Axis(2), 1)) {
            columns.push((slope * (x as f64 + 0.5), columns_at.remove_axis(Axis(2))));
        }
        let buffers = || {
            let most = self.forward.get_inplace_scratch_len();
            let scratch = most.max(self.inverse.get_inplace_scratch_len());
            (vec![Complex::new(0.0, 0.0); self.height], vec![Complex::new(0.0, 0.0); scratch])
        };
        columns.into_par_iter().for_each_init(buffers, |(line, scratch), (up, mut columns)| {
            let factors = line_factors(self.height, -up);
            for mut column in columns.rows_mut() {
                for (to, from) in line.iter_mut().zip(&column) {
                    *to = Complex::new(*from, 0.0);
                }
                self.forward.process_with_scratch(line, scratch);
                line.iter_mut().zip(&factors).for_each(|(value, factor)| *value *= factor);
                self.inverse.process_with_scratch(line, scratch);
                for (to, from) in column.iter_mut().zip(&*line) {
                    *to = from.re / self.height as f64;
                }
            }
        });
        Ok(())
    }
}
