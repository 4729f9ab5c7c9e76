//! Points of label rasters, for training point by point.

use std::collections::BTreeMap;

use mapvec_geometry::distance_transform;
use ndarray::{Array2, ArrayView2};
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A pixel and its class.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LabelPoint {
    /// Horizontal position of the middle of the pixel, px.
    pub x: f32,
    /// Vertical position of the middle of the pixel, px.
    pub y: f32,
    /// Class of the pixel.
    pub class: u8,
}

/// How points are chosen.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PointStrategy {
    /// Every pixel with the same probability.
    #[default]
    Uniform,
    /// A number of points for each class, in the order of the classes.
    ///
    /// A class that is absent, or has too few pixels, gives what it cannot use to the others in
    /// proportion to their shares.
    Stratified {
        /// Share of each class, above 0, to be taken relative to the sum of those present; other
        /// classes get no points. Empty: the same for all classes of the raster.
        #[serde(default)]
        shares: BTreeMap<u8, f64>,
    },
    /// More points near boundaries between classes, these first.
    ///
    /// Where one side has too few pixels, the other gives more.
    Boundary {
        /// Share of points near boundaries, 0 to 1.
        share: f64,
        /// Distance that is near, px from the middle of a pixel to the middle of the nearest one
        /// that has another class above, below, left or right; 0 or more.
        distance: f64,
    },
}

/// How many points are chosen, and where.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PointConfig {
    /// Number of points, at least 1. Default 1024.
    pub count: usize,
    /// How they are chosen.
    pub strategy: PointStrategy,
    /// Classes that stand for "unknown": never chosen, and no boundary runs beside them.
    /// Default none.
    pub ignore: Vec<u8>,
}

impl Default for PointConfig {
    fn default() -> Self {
        Self { count: 1024, strategy: PointStrategy::default(), ignore: Vec::new() }
    }
}

impl PointConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names one that is out of its range.
    pub fn validate(&self) -> Result<()> {
        let wrong = |field, value: String, expected| Err(Error::Config { field, value, expected });
        if self.count == 0 {
            return wrong("count", "0".into(), "at least 1");
        }
        match &self.strategy {
            PointStrategy::Uniform => Ok(()),
            PointStrategy::Stratified { shares } => {
                let bad = |share: &&f64| !(share.is_finite() && **share > 0.0 && **share <= 1e9);
                match shares.values().find(bad) {
                    Some(share) => wrong("shares", share.to_string(), "above 0, at most 1e9"),
                    None => Ok(()),
                }
            }
            PointStrategy::Boundary { share, .. } if !(0.0..=1.0).contains(share) => {
                wrong("share", share.to_string(), "0 to 1")
            }
            PointStrategy::Boundary { distance, .. }
                if !(distance.is_finite() && *distance >= 0.0) =>
            {
                wrong("distance", distance.to_string(), "finite, 0 or more")
            }
            PointStrategy::Boundary { .. } => Ok(()),
        }
    }
}

/// Chooses distinct pixels of a raster of classes, (rows, columns).
///
/// # Examples
///
/// ```
/// use mapvec_data::{PointConfig, PointStrategy, sample_points, sample_rng};
/// let classes = ndarray::Array2::from_shape_fn((8, 8), |(_, column)| u8::from(column > 6));
/// let strategy = PointStrategy::Stratified { shares: Default::default() };
/// let config = PointConfig { count: 8, strategy, ..PointConfig::default() };
/// let points = sample_points(classes.view(), &config, &mut sample_rng(1, 0))?;
/// assert_eq!(points.iter().filter(|point| point.class == 1).count(), 4);
/// # Ok::<(), mapvec_data::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::TooFewPixels`] when fewer pixels than `count` may be chosen; those of
/// [`PointConfig::validate`].
pub fn sample_points(
    classes: ArrayView2<'_, u8>,
    config: &PointConfig,
    rng: &mut impl Rng,
) -> Result<Vec<LabelPoint>> {
    config.validate()?;
    let usable = |class: u8| !config.ignore.contains(&class);
    // Groups of pixels with the weights of their shares.
    let mut groups: Vec<(f64, Vec<[usize; 2]>)> = Vec::new();
    let pixels = classes.indexed_iter().filter(|(_, class)| usable(**class));
    match &config.strategy {
        PointStrategy::Uniform => {
            groups.push((1.0, pixels.map(|((row, column), _)| [row, column]).collect()));
        }
        PointStrategy::Stratified { shares } => {
            let mut strata: BTreeMap<u8, Vec<[usize; 2]>> = BTreeMap::new();
            for ((row, column), &class) in pixels {
                if shares.is_empty() || shares.contains_key(&class) {
                    strata.entry(class).or_default().push([row, column]);
                }
            }
            let share = |class: u8| shares.get(&class).copied().unwrap_or(1.0);
            groups.extend(strata.into_iter().map(|(class, stratum)| (share(class), stratum)));
        }
        PointStrategy::Boundary { share, distance } => {
            let from_boundary = distance_transform(boundary(classes, &usable).view());
            let (mut near, mut far) = (Vec::new(), Vec::new());
            for ((row, column), _) in pixels {
                let is_near = f64::from(from_boundary[[row, column]]) <= *distance;
                if is_near { &mut near } else { &mut far }.push([row, column]);
            }
            groups.extend([(*share, near), (1.0 - share, far)]);
        }
    }
    let sizes: Vec<_> = groups.iter().map(|(share, pixels)| (*share, pixels.len())).collect();
    let found = sizes.iter().map(|(_, size)| size).sum();
    if found < config.count {
        return Err(Error::TooFewPixels { needed: config.count, found });
    }
    let mut points = Vec::with_capacity(config.count);
    for ((_, mut pixels), quota) in groups.into_iter().zip(quotas(&sizes, config.count)) {
        for place in 0..quota {
            let other = rng.random_range(place..pixels.len());
            pixels.swap(place, other);
            let [row, column] = pixels[place];
            let class = classes[[row, column]];
            points.push(LabelPoint { x: column as f32 + 0.5, y: row as f32 + 0.5, class });
        }
    }
    Ok(points)
}

/// Pixels with another usable class above, below, left or right.
fn boundary(classes: ArrayView2<'_, u8>, usable: &impl Fn(u8) -> bool) -> Array2<bool> {
    let (height, width) = classes.dim();
    let mut boundary = Array2::from_elem((height, width), false);
    let mut compare = |a: (usize, usize), b: (usize, usize)| {
        if classes[a] != classes[b] && usable(classes[a]) && usable(classes[b]) {
            (boundary[a], boundary[b]) = (true, true);
        }
    };
    for row in 0..height {
        for column in 0..width {
            if column + 1 < width {
                compare((row, column), (row, column + 1));
            }
            if row + 1 < height {
                compare((row, column), (row + 1, column));
            }
        }
    }
    boundary
}

/// How many of `count` each group gives, from shares and sizes; at most its size.
///
/// The sizes must add up to `count` or more. Whole numbers come from the largest remainders.
fn quotas(groups: &[(f64, usize)], count: usize) -> Vec<usize> {
    let mut quotas = vec![0; groups.len()];
    let mut left = count;
    while left > 0 {
        let mut open: Vec<usize> = (0..groups.len()).filter(|&g| quotas[g] < groups[g].1).collect();
        let mut weights: Vec<f64> = open.iter().map(|&g| groups[g].0).collect();
        let mut sum: f64 = weights.iter().sum();
        if open.is_empty() {
            break;
        }
        if sum <= 0.0 {
            // Only groups of share 0 have pixels left.
            weights.fill(1.0);
            sum = weights.len() as f64;
        }
        let ideal: Vec<f64> = weights.iter().map(|weight| left as f64 * weight / sum).collect();
        // Groups that cannot give their share give all; the rest is shared anew.
        let short: Vec<usize> = (0..open.len())
            .filter(|&i| (groups[open[i]].1 - quotas[open[i]]) as f64 <= ideal[i])
            .collect();
        if !short.is_empty() {
            for i in short {
                let group = open[i];
                left = left.saturating_sub(groups[group].1 - quotas[group]);
                quotas[group] = groups[group].1;
            }
            continue;
        }
        let floors: Vec<usize> = ideal.iter().map(|value| whole(*value)).collect();
        for (&group, floor) in open.iter().zip(&floors) {
            quotas[group] += floor;
            left -= floor;
        }
        let mut order: Vec<usize> = (0..open.len()).collect();
        let rest = |i: usize| ideal[i] - floors[i] as f64;
        order.sort_by(|&a, &b| rest(b).total_cmp(&rest(a)).then(a.cmp(&b)));
        open = order.into_iter().map(|i| open[i]).collect();
        for group in open.into_iter().take(left) {
            quotas[group] += 1;
        }
        break;
    }
    quotas
}

/// The whole part of a number of 0 or more.
#[expect(clippy::cast_sign_loss, reason = "0 or more")]
fn whole(value: f64) -> usize {
    value.floor() as usize
}
