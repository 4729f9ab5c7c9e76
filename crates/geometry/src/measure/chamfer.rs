//! Chamfer distances between lines.

use super::{between, check_lines, check_step};
use crate::{Error, Result, SegmentIndex, grid::ceil_index};
use geo_types::LineString;

/// Largest number of samples.
const LIMIT: usize = 10_000_000;

/// Mean distance from the points of `from` to the nearest points of `to`.
///
/// Every segment of `from` is cut into equal pieces not longer than `step` (in the
/// unit of the coordinates, above 0), whose midpoints are measured and weighted with
/// the lengths; the result differs from the mean over the continuous curve by at
/// most `step / 4`. Lines without length count by their points. Several lines count
/// as one set.
///
/// # Errors
/// [`Error::Parameter`] for the step, [`Error::Empty`] for lines without points,
/// [`Error::Item`] with the index of a line that has bad coordinates, and
/// [`Error::TooManySteps`] for more than ten million samples.
pub fn directed_chamfer(
    from: &[LineString<f64>],
    to: &[LineString<f64>],
    step: f64,
) -> Result<f64> {
    check_step("step", step)?;
    check_lines("the first set of lines", from)?;
    check_lines("the second set of lines", to)?;
    let segments = || from.iter().flat_map(LineString::lines);
    let pieces = |length: f64| (length / step).ceil().max(1.0);
    let count: f64 = segments().map(|s| pieces(between(s.start, s.end))).sum();
    if count > LIMIT as f64 {
        let limit = LIMIT as f64;
        return Err(Error::TooManySteps { what: "Chamfer distance", count, limit });
    }
    let index = SegmentIndex::new(to)?;
    let distance = |p| index.nearest(p).map_or(0.0, |near| near.distance);
    let (mut total, mut sum) = (0.0, 0.0);
    for segment in segments() {
        let length = between(segment.start, segment.end);
        let count = pieces(length);
        let weight = length / count;
        for k in 0..ceil_index(count, LIMIT) {
            let t = (k as f64 + 0.5) / count;
            sum += weight * distance(segment.start + segment.delta() * t);
        }
        total += length;
    }
    if total > 0.0 {
        return Ok(sum / total);
    }
    let points: Vec<_> = from.iter().flat_map(LineString::coords).collect();
    Ok(points.iter().map(|&&p| distance(p)).sum::<f64>() / points.len() as f64)
}

/// Mean of the two directed Chamfer distances.
///
/// Literature on point sets often takes their sum, which is twice this value.
///
/// # Errors
/// Those of [`directed_chamfer`].
///
/// # References
/// H. Barrow et al., *Parametric correspondence and chamfer matching*, 1977.
pub fn chamfer(a: &[LineString<f64>], b: &[LineString<f64>], step: f64) -> Result<f64> {
    Ok(0.5 * (directed_chamfer(a, b, step)? + directed_chamfer(b, a, step)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parallel_and_tilted_lines() {
        let flat = [LineString::from(vec![(0.0, 0.0), (10.0, 0.0)])];
        let above = [LineString::from(vec![(0.0, 3.0), (10.0, 3.0)])];
        assert!((chamfer(&flat, &above, 0.7).unwrap() - 3.0).abs() < 1e-12);
        let tilted = [LineString::from(vec![(0.0, 0.0), (10.0, 4.0)])];
        // Heights over the flat line grow evenly from 0 to 4.
        assert!((directed_chamfer(&tilted, &flat, 0.1).unwrap() - 2.0).abs() < 0.025);
    }

    #[test]
    fn points_and_bad_input() {
        let point = [LineString::from(vec![(0.0, 0.0)])];
        let other = [LineString::from(vec![(3.0, 4.0)])];
        assert!((chamfer(&point, &other, 1.0).unwrap() - 5.0).abs() < 1e-12);
        let long = [LineString::from(vec![(0.0, 0.0), (1e99, 0.0)])];
        assert!(matches!(chamfer(&long, &point, 1.0), Err(Error::TooManySteps { .. })));
        assert!(matches!(chamfer(&point, &[], 1.0), Err(Error::Empty { .. })));
        assert!(matches!(chamfer(&point, &point, f64::NAN), Err(Error::Parameter { .. })));
    }

    #[test]
    fn more_samples_than_end_soon_are_refused() {
        let line = [LineString::from(vec![(0.0, 0.0), (1e6, 0.0)])];
        let refused = chamfer(&line, &line, 0.06);
        assert!(matches!(refused, Err(Error::TooManySteps { .. })), "{refused:?}");
        assert!(chamfer(&line, &line, 100.0).unwrap() <= 0.0);
    }
}
