//! Numbers that describe a border between two regions, for a learned rule.

use crate::merge::edge_logit;
use crate::merge::evidence::{BINS, BorderSums, RegionSums};
use crate::merge::graph::Side;

/// Numbers that do not depend on further maps.
const PLAIN: usize = 12;
/// Numbers per further map.
const PER_CHANNEL: usize = 5;

/// How many numbers describe a border in maps with so many channels beside the edge map.
#[must_use]
pub const fn border_feature_count(channels: usize) -> usize {
    PLAIN + PER_CHANNEL * channels
}

/// The numbers of a border. They do not change when the two sides change places.
pub(crate) fn border_features(
    border: &BorderSums,
    sides: &[Side<'_, RegionSums>; 2],
    channels: usize,
    out: &mut Vec<f32>,
) {
    out.clear();
    let count = f64::from(border.count.max(1));
    let mut push = |value: f64| out.push(value as f32);
    push(border.logits / count);
    for share in [0.1, 0.25, 0.5, 0.75] {
        push(quantile(border, share));
    }
    let (length, breadth) = axes(border);
    push(count.ln());
    push(breadth / length.max(breadth));
    // A winding border has more pixels than its extent.
    push((count / (12.0_f64.sqrt() * length).max(1.0)).ln());
    let mut areas = sides.each_ref().map(|side| side.area.max(1) as f64);
    let mut rims = sides.each_ref().map(|side| side.region.perimeter.max(1) as f64);
    if areas[1].total_cmp(&areas[0]).then(rims[1].total_cmp(&rims[0])).is_lt() {
        areas.reverse();
        rims.reverse();
    }
    push(areas[0].ln());
    push(areas[1].ln());
    push((count / rims[0]).min(1.0));
    push((count / areas[0].sqrt()).ln());
    for channel in 0..channels {
        let here = border.channels[channel] as f64 / count / 255.0;
        let means = sides
            .each_ref()
            .map(|side| side.region.sums[channel] as f64 / side.area.max(1) as f64 / 255.0);
        let spread = sides.each_ref().map(|side| {
            let area = side.area.max(1) as f64;
            let mean = side.region.sums[channel] as f64 / area;
            (side.region.squares[channel] as f64 / area - mean * mean).max(0.0).sqrt() / 255.0
        });
        push(here);
        push((means[0] - means[1]).abs());
        push(means[0].min(means[1]));
        push(means[0].max(means[1]));
        push(f64::midpoint(spread[0], spread[1]));
    }
}

/// Logit below which a share of the border's pixels lies, to the width of a bin.
fn quantile(border: &BorderSums, share: f64) -> f64 {
    let rank = share * f64::from(border.count);
    let mut below = 0.0;
    for (bin, &count) in border.bins.iter().enumerate() {
        let next = below + f64::from(count);
        if next > rank {
            let code = 256 / BINS * bin + 128 / BINS;
            return f64::from(edge_logit(code as u8));
        }
        below = next;
    }
    f64::from(edge_logit(u8::MAX))
}

/// Standard deviations of the border's pixels along its main direction and across; those of a
/// single pixel are those of its area.
fn axes(border: &BorderSums) -> (f64, f64) {
    let count = f64::from(border.count.max(1));
    let [x, y, xx, xy, yy] = border.moments.map(|sum| sum / count);
    let (a, b, c) = (xx - x * x + 1.0 / 12.0, xy - x * y, yy - y * y + 1.0 / 12.0);
    let root = ((a - c) * (a - c) + 4.0 * b * b).sqrt();
    (((a + c + root) / 2.0).max(0.0).sqrt(), ((a + c - root) / 2.0).max(0.0).sqrt())
}
