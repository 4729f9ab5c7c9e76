//! Precision over recall.

use serde::{Deserialize, Serialize};

use super::frame::{Frame, colour, place};
use super::svg::escaped;
use crate::BinaryCounts;

/// Height of a line of the legend, px.
const LINE: f64 = 18.0;

/// A place on a [`PrecisionRecall`] curve.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CurvePoint {
    /// Recall, in [0, 1].
    pub recall: f64,
    /// Precision, in [0, 1].
    pub precision: f64,
    /// Ends of an interval of the precision, where one was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<[f64; 2]>,
}

/// A curve of precision over recall with its name.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrecisionRecall {
    /// What it is.
    pub name: String,
    /// Its points; they are drawn by ascending recall.
    pub points: Vec<CurvePoint>,
}

impl PrecisionRecall {
    /// The curve of precisions at equally spaced recalls from 0 to 1, such as
    /// [`CocoScores::curve`](crate::CocoScores::curve).
    #[must_use]
    pub fn at_equal_recalls(name: &str, precisions: &[f64]) -> Self {
        let last = precisions.len().saturating_sub(1).max(1) as f64;
        let point = |(k, &precision): (usize, &f64)| CurvePoint {
            recall: k as f64 / last,
            precision,
            interval: None,
        };
        Self { name: name.to_owned(), points: precisions.iter().enumerate().map(point).collect() }
    }

    /// The curve of counts at several thresholds, such as
    /// [`CalibrationCounts::thresholded`](crate::CalibrationCounts::thresholded). Counts without a
    /// precision or recall have no point.
    #[must_use]
    pub fn of_counts(name: &str, counts: &[BinaryCounts]) -> Self {
        let point = |counts: &BinaryCounts| {
            let (recall, precision) = (counts.recall()?, counts.precision()?);
            Some(CurvePoint { recall, precision, interval: None })
        };
        Self { name: name.to_owned(), points: counts.iter().filter_map(point).collect() }
    }
}

/// Curves of precision over recall as an SVG picture with a legend: steps, as a precision holds
/// from the recall before up to its own. Points that are not finite are left out.
#[must_use]
pub fn plot_precision_recall(title: &str, curves: &[PrecisionRecall]) -> String {
    let extra = LINE * curves.len() as f64 + 12.0;
    let mut frame = Frame::new(title, ["recall", "precision"], extra);
    for (index, curve) in curves.iter().enumerate() {
        let colour = colour(index);
        let finite = |point: &&CurvePoint| point.recall.is_finite() && point.precision.is_finite();
        let mut points: Vec<&CurvePoint> = curve.points.iter().filter(finite).collect();
        let down = |a: &CurvePoint, b: &CurvePoint| b.precision.total_cmp(&a.precision);
        points.sort_by(|a, b| a.recall.total_cmp(&b.recall).then_with(|| down(a, b)));
        let mut path = String::new();
        for point in &points {
            let [x, y] = place([point.recall, point.precision]);
            path += &if path.is_empty() {
                format!("M{x:.2} {y:.2}")
            } else {
                format!("V{y:.2}H{x:.2}")
            };
        }
        if !path.is_empty() {
            frame.push(&format!(
                "<path d=\"{path}\" stroke=\"{colour}\" stroke-width=\"2\" fill=\"none\" \
                 stroke-linejoin=\"round\"/>\n"
            ));
        }
        for point in points {
            let interval = point.interval.filter(|ends| ends.iter().all(|end| end.is_finite()));
            if let Some(interval) = interval {
                frame.interval(point.recall, interval, colour);
                frame.dot([point.recall, point.precision], colour);
            }
        }
        let (x, y) = (place([0.0, 0.0])[0], Frame::bottom() + LINE * (index as f64 + 0.5));
        frame.push(&format!(
            "<path d=\"M{x} {y}h22\" stroke=\"{colour}\" stroke-width=\"3\"/>\n\
             <text x=\"{}\" y=\"{}\">{}</text>\n",
            x + 30.0,
            y + 4.0,
            escaped(&curve.name)
        ));
    }
    frame.svg()
}
