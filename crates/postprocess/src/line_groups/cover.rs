//! Which candidate pixels each line covers.

use geo_types::Coord;
use ndarray::{Array2, ArrayView2};

use super::fragment::{distance, pixel_at, whole};
use super::regions::spread;

/// Pixels per step along a path.
const STEP: f64 = 0.5;

/// A path, and the width and length of its line.
pub(super) struct Course<'a> {
    pub(super) path: &'a [Coord<f64>],
    pub(super) width: f64,
    pub(super) length: f64,
}

/// The line of each candidate pixel, and the candidates of each line, shared ones included.
#[derive(Debug)]
pub(super) struct Cover {
    pub(super) labels: Array2<u32>,
    /// Which courses are lines of their own, ascending, and the pixels of each.
    pub(super) lines: Vec<(usize, Vec<(u32, u32)>)>,
}

/// A pixel and how far it is from the path.
type Covered = ((usize, usize), f64);

/// Gives candidates to the lines that run over them; what is left goes to a line that it is
/// connected with through its own group. Of a line that is no line of its own, longer ones
/// have more than the share `max_shared`.
pub(super) fn cover(
    mask: ArrayView2<'_, bool>,
    groups: ArrayView2<'_, u32>,
    courses: &[Course<'_>],
    max_shared: f64,
) -> Cover {
    let mut covered: Vec<(usize, Vec<Covered>)> =
        courses.iter().map(|course| candidates(mask, course)).enumerate().collect();
    // Stable: of equal lengths the first comes first.
    covered.sort_by(|a, b| courses[b.0].length.total_cmp(&courses[a.0].length));
    let mut taken = Array2::from_elem(mask.dim(), false);
    covered.retain(|(_, own)| {
        let shared = own.iter().filter(|(pixel, _)| taken[*pixel]).count();
        let keeps = !own.is_empty() && shared as f64 <= max_shared * own.len() as f64;
        if keeps {
            own.iter().for_each(|(pixel, _)| taken[*pixel] = true);
        }
        keeps
    });
    covered.sort_by_key(|(course, _)| *course);
    let mut labels = Array2::zeros(mask.dim());
    let mut nearest = Array2::from_elem(mask.dim(), f64::INFINITY);
    for (id, (_, own)) in (1_u32..).zip(&covered) {
        for &(pixel, gap) in own {
            if gap < nearest[pixel] {
                nearest[pixel] = gap;
                labels[pixel] = id;
            }
        }
    }
    spread(&mut labels, |from, to| mask[to] && groups[from] == groups[to]);
    let place = |(row, column): (usize, usize)| (row as u32, column as u32);
    let mut lines: Vec<(usize, Vec<(u32, u32)>)> = covered
        .into_iter()
        .map(|(course, own)| (course, own.into_iter().map(|(pixel, _)| place(pixel)).collect()))
        .collect();
    for (pixel, &id) in labels.indexed_iter().filter(|(_, id)| **id > 0) {
        lines[id as usize - 1].1.push(place(pixel));
    }
    for (_, own) in &mut lines {
        own.sort_unstable();
        own.dedup();
    }
    Cover { labels, lines }
}

/// The candidates under a course, in the order of the raster.
fn candidates(mask: ArrayView2<'_, bool>, course: &Course<'_>) -> Vec<Covered> {
    let reach = 0.5 * course.width + 0.5;
    let mut found = Vec::new();
    for centre in samples(course.path) {
        let near = disc(centre, reach, mask.dim()).filter(|&pixel| mask[pixel]);
        found.extend(near.map(|pixel| (pixel, distance(centre, middle(pixel)))));
    }
    found.sort_by(|a: &Covered, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    found.dedup_by_key(|(pixel, _)| *pixel);
    found
}

/// Share of a path that lies on candidates.
pub(super) fn support(mask: ArrayView2<'_, bool>, path: &[Coord<f64>]) -> f64 {
    let (mut on, mut all) = (0_u64, 0_u64);
    for point in samples(path) {
        let inside = mask.get(pixel_at(point));
        on += u64::from(inside.copied().unwrap_or(false));
        all += 1;
    }
    if all > 0 { on as f64 / all as f64 } else { 0.0 }
}

/// Points along a path, `STEP` apart.
fn samples(path: &[Coord<f64>]) -> impl Iterator<Item = Coord<f64>> + '_ {
    let along = path.windows(2).flat_map(|pair| {
        let steps = (distance(pair[0], pair[1]) / STEP).ceil().max(1.0);
        let (from, by) = (pair[0], (pair[1] - pair[0]) / steps);
        (0..whole(steps)).map(move |k| from + by * k as f64)
    });
    along.chain(path.last().copied())
}

/// Pixels whose centres are at most `reach` away.
fn disc(
    centre: Coord<f64>,
    reach: f64,
    (rows, columns): (usize, usize),
) -> impl Iterator<Item = (usize, usize)> {
    let range = |at: f64, size: usize| {
        let first = whole((at - 0.5 - reach).ceil());
        first..whole((at + 0.5 + reach).floor()).min(size)
    };
    let across = range(centre.x, columns);
    range(centre.y, rows)
        .flat_map(move |row| across.clone().map(move |column| (row, column)))
        .filter(move |&pixel| distance(centre, middle(pixel)) <= reach)
}

fn middle((row, column): (usize, usize)) -> Coord<f64> {
    Coord { x: column as f64 + 0.5, y: row as f64 + 0.5 }
}
