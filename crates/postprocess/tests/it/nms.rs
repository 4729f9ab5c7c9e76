//! Suppression of shapes against its definition: all pairs, no index, no bounds.

use geo_types::{Coord, LineString, Polygon, coord};
use mapvec_geometry::{OrientedBox, polygon_iou};
use mapvec_postprocess::{
    BitMask, Detections, Error, GaussianOverlap, MatrixDecay, MatrixNmsConfig, Rescored, Shapes,
    SoftDecay, SoftNmsConfig, batched_nms, hard_nms, matrix_nms, nms, soft_nms,
};
use mapvec_testkit::{integers, uniform};
use ndarray::Array2;
use proptest::prelude::*;

/// Shapes of all kinds, with distinct scores and few classes.
#[derive(Debug, Clone)]
struct Case {
    boxes: Vec<[f32; 4]>,
    turned: Vec<OrientedBox>,
    corners: Vec<[Coord<f64>; 4]>,
    masks: Vec<Array2<bool>>,
    scores: Vec<f32>,
    classes: Vec<u32>,
}

const KINDS: [&str; 6] = ["boxes", "oriented", "hellinger", "bhattacharyya", "corners", "masks"];

impl Case {
    fn new(count: usize, seed: u64) -> Self {
        let draw = |k: u64, low, high| uniform(count, seed * 16 + k, low, high);
        let (x, y) = (draw(0, 2.0, 40.0), draw(1, 2.0, 100.0));
        let (w, h, angle) = (draw(2, 0.0, 24.0), draw(3, 0.5, 24.0), draw(4, -4.0, 4.0));
        let turned: Vec<OrientedBox> = (0..count)
            .map(|k| OrientedBox {
                centre: coord! { x: x[k], y: y[k] },
                width: w[k],
                height: h[k],
                angle: angle[k],
            })
            .collect();
        let boxes = turned.iter().map(|b| {
            let (u, v) = (0.5 * b.width, 0.5 * b.height);
            [b.centre.x - u, b.centre.y - v, b.centre.x + u, b.centre.y + v].map(|v| v as f32)
        });
        let inside = |b: &OrientedBox, row: usize, column: usize| {
            let d = coord! { x: column as f64, y: row as f64 } - b.centre;
            let (sin, cos) = b.angle.sin_cos();
            (d.x * cos + d.y * sin).abs() < 0.5 * b.width
                && (d.y * cos - d.x * sin).abs() < 0.5 * b.height
        };
        let masks = turned
            .iter()
            .map(|b| Array2::from_shape_fn((90, 130), |(r, c)| inside(b, r, c.saturating_sub(30))));
        let mut scores: Vec<f32> = draw(5, 0.0, 1.0).iter().map(|v| *v as f32).collect();
        // A permutation changes nothing only where no two scores are equal.
        for k in 0..count {
            while scores[..k].contains(&scores[k]) {
                scores[k] += 0.001;
            }
        }
        let classes = integers(count, seed * 16 + 6, 0, 3);
        Self {
            boxes: boxes.collect(),
            masks: masks.collect(),
            corners: turned.iter().map(corners_reversed).collect(),
            turned,
            scores,
            classes: classes.into_iter().map(|c| u32::try_from(c).unwrap()).collect(),
        }
    }

    fn pick(&self, indices: &[usize]) -> Self {
        Self {
            boxes: indices.iter().map(|&k| self.boxes[k]).collect(),
            turned: indices.iter().map(|&k| self.turned[k]).collect(),
            corners: indices.iter().map(|&k| self.corners[k]).collect(),
            masks: indices.iter().map(|&k| self.masks[k].clone()).collect(),
            scores: indices.iter().map(|&k| self.scores[k]).collect(),
            classes: indices.iter().map(|&k| self.classes[k]).collect(),
        }
    }

    /// Runs something on the shapes of a kind.
    fn with<T>(&self, kind: &str, classed: bool, f: impl Fn(&Detections<'_>) -> T) -> T {
        let packed: Vec<BitMask> = self.masks.iter().map(|m| BitMask::new(m.view())).collect();
        let shapes = match kind {
            "boxes" => Shapes::Boxes(&self.boxes),
            "oriented" => Shapes::Oriented(&self.turned),
            "hellinger" => Shapes::Gaussian(&self.turned, GaussianOverlap::Hellinger),
            "bhattacharyya" => Shapes::Gaussian(&self.turned, GaussianOverlap::Bhattacharyya),
            "corners" => Shapes::Quadrilaterals(&self.corners),
            _ => Shapes::Masks(&packed),
        };
        let classes = classed.then_some(&self.classes[..]);
        f(&Detections { shapes, scores: &self.scores, classes })
    }

    /// The overlap of two shapes by its definition.
    fn overlap(&self, kind: &str, a: usize, b: usize) -> f64 {
        match kind {
            "boxes" => {
                let upright = |b: &[f32; 4]| {
                    let [x1, y1, x2, y2] = b.map(f64::from);
                    OrientedBox {
                        centre: coord! { x: 0.5 * (x1 + x2), y: 0.5 * (y1 + y2) },
                        width: x2 - x1,
                        height: y2 - y1,
                        angle: 0.0,
                    }
                };
                upright(&self.boxes[a]).iou(&upright(&self.boxes[b])).unwrap()
            }
            "oriented" | "corners" => self.turned[a].iou(&self.turned[b]).unwrap(),
            "masks" => {
                let pairs = || self.masks[a].iter().zip(&self.masks[b]);
                let shared = pairs().filter(|(p, q)| **p && **q).count() as f64;
                let all = pairs().filter(|(p, q)| **p || **q).count() as f64;
                if shared > 0.0 { shared / all } else { 0.0 }
            }
            _ => gaussian(&self.turned[a], &self.turned[b], kind == "hellinger"),
        }
    }

    fn same_class(&self, classed: bool, a: usize, b: usize) -> bool {
        !classed || self.classes[a] == self.classes[b]
    }

    fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.scores.len()).collect();
        order.sort_by(|a, b| self.scores[*b].total_cmp(&self.scores[*a]));
        order
    }
}

/// The corners of a box from another one on, the other way round.
fn corners_reversed(b: &OrientedBox) -> [Coord<f64>; 4] {
    let [p, q, r, s] = b.corners();
    [q, p, s, r]
}

/// Bhattacharyya coefficient by the integral of the root of the product of both densities,
/// in closed form with matrices written out.
fn gaussian(a: &OrientedBox, b: &OrientedBox, hellinger: bool) -> f64 {
    let matrix = |o: &OrientedBox| {
        let (sin, cos) = o.angle.sin_cos();
        let (u, v) = (o.width.powi(2) / 12.0, o.height.powi(2) / 12.0);
        // R diag(u, v) R^T.
        let r = [[cos, -sin], [sin, cos]];
        let mut m = [[0.0; 2]; 2];
        for i in 0..2 {
            for j in 0..2 {
                m[i][j] = r[i][0] * u * r[j][0] + r[i][1] * v * r[j][1];
            }
        }
        m
    };
    let det = |m: &[[f64; 2]; 2]| m[0][0] * m[1][1] - m[0][1] * m[1][0];
    let (p, q) = (matrix(a), matrix(b));
    let mut m = [[0.0; 2]; 2];
    for i in 0..2 {
        for j in 0..2 {
            m[i][j] = 0.5 * (p[i][j] + q[i][j]);
        }
    }
    let d = [a.centre.x - b.centre.x, a.centre.y - b.centre.y];
    let inverse = [[m[1][1], -m[0][1]], [-m[1][0], m[0][0]]];
    let mut square = 0.0;
    for i in 0..2 {
        for j in 0..2 {
            square += d[i] * inverse[i][j] * d[j] / det(&m);
        }
    }
    let c = (det(&p) * det(&q)).powf(0.25) / det(&m).sqrt() * (-0.125 * square).exp();
    let value = if hellinger { 1.0 - (1.0 - c.min(1.0)).sqrt() } else { c };
    if value >= 0.01 { value } else { 0.0 }
}

/// Whether some overlap lies so near a threshold that rounding decides.
fn on_edge(case: &Case, kind: &str, threshold: f64) -> bool {
    let n = case.scores.len();
    let near = |a: usize, b: usize| (case.overlap(kind, a, b) - threshold).abs() < 1e-5;
    (0..n).any(|a| (0..a).any(|b| near(a, b)))
}

fn same(found: &[Rescored], expected: &[(usize, f64)]) -> Result<(), TestCaseError> {
    prop_assert_eq!(found.len(), expected.len());
    let mut indices: Vec<usize> = found.iter().map(|kept| kept.index).collect();
    let mut others: Vec<usize> = expected.iter().map(|kept| kept.0).collect();
    prop_assert!(found.windows(2).all(|pair| pair[0].score >= pair[1].score));
    indices.sort_unstable();
    others.sort_unstable();
    prop_assert_eq!(indices, others);
    for kept in found {
        let score = expected.iter().find(|other| other.0 == kept.index).unwrap().1;
        prop_assert!((f64::from(kept.score) - score).abs() < 1e-4, "{:?} {}", kept, score);
    }
    Ok(())
}

fn cases() -> impl Strategy<Value = (Case, &'static str, bool)> {
    (1_usize..24, 0_u64..1_000_000, proptest::sample::select(&KINDS[..]), any::<bool>())
        .prop_map(|(count, seed, kind, classed)| (Case::new(count, seed), kind, classed))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn hard_is_greedy((case, kind, classed) in cases(), threshold in 0.01..0.9_f64) {
        prop_assume!(!on_edge(&case, kind, threshold));
        let found = case.with(kind, classed, |d| hard_nms(d, threshold)).unwrap();
        let mut expected: Vec<usize> = Vec::new();
        for index in case.order() {
            let hit = |&k: &usize| {
                case.same_class(classed, k, index) && case.overlap(kind, k, index) > threshold
            };
            if !expected.iter().any(hit) {
                expected.push(index);
            }
        }
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn hard_twice_is_hard_once((case, kind, classed) in cases(), threshold in 0.0..1.0_f64) {
        let kept = case.with(kind, classed, |d| hard_nms(d, threshold)).unwrap();
        let again = case.pick(&kept).with(kind, classed, |d| hard_nms(d, threshold)).unwrap();
        prop_assert_eq!(again, (0..kept.len()).collect::<Vec<_>>());
    }

    #[test]
    fn order_of_input_does_not_matter(
        (case, kind, classed) in cases(),
        turn in 0_usize..24,
        threshold in 0.0..1.0_f64,
    ) {
        let n = case.scores.len();
        let places: Vec<usize> = (0..n).rev().map(|k| (k + turn) % n).collect();
        let moved = case.pick(&places);
        let back = |kept: Vec<usize>| kept.into_iter().map(|k| places[k]).collect::<Vec<_>>();
        let hard = |case: &Case| case.with(kind, classed, |d| hard_nms(d, threshold)).unwrap();
        prop_assert_eq!(back(hard(&moved)), hard(&case));
        let soft = |case: &Case| {
            let config = SoftNmsConfig::default();
            let kept = case.with(kind, classed, |d| soft_nms(d, &config)).unwrap();
            kept.iter().map(|k| k.index).collect::<Vec<_>>()
        };
        prop_assert_eq!(back(soft(&moved)), soft(&case));
        let matrix = |case: &Case| {
            let config = MatrixNmsConfig { min_score: 0.0, ..MatrixNmsConfig::default() };
            let mut kept = case.with(kind, classed, |d| matrix_nms(d, &config)).unwrap();
            // Two that an equal copy suppresses whole end as a tie.
            kept.retain(|k| k.score > 0.0);
            kept.iter().map(|k| k.index).collect::<Vec<_>>()
        };
        prop_assert_eq!(back(matrix(&moved)), matrix(&case));
    }

    #[test]
    fn soft_takes_the_best_and_lowers_the_rest(
        (case, kind, classed) in cases(),
        linear in any::<bool>(),
        parameter in 0.1..0.9_f64,
    ) {
        let decay = if linear {
            SoftDecay::Linear { threshold: parameter }
        } else {
            SoftDecay::Gaussian { sigma: parameter }
        };
        prop_assume!(!linear || !on_edge(&case, kind, parameter));
        let config = SoftNmsConfig { decay, min_score: 0.05, top_k: None };
        let mut left: Vec<(usize, f64)> =
            case.scores.iter().map(|s| f64::from(*s)).enumerate().collect();
        let mut expected = Vec::new();
        while let Some(place) = (0..left.len()).max_by(|a, b| left[*a].1.total_cmp(&left[*b].1)) {
            let (best, score) = left.swap_remove(place);
            prop_assume!((score - 0.05).abs() > 1e-5);
            if score < 0.05 {
                break;
            }
            expected.push((best, score));
            for (other, score) in &mut left {
                let overlap = case.overlap(kind, best, *other);
                if case.same_class(classed, best, *other) {
                    *score *= match decay {
                        SoftDecay::Linear { threshold } if overlap <= threshold => 1.0,
                        SoftDecay::Linear { .. } => 1.0 - overlap,
                        SoftDecay::Gaussian { sigma } => (-overlap * overlap / sigma).exp(),
                    };
                }
            }
        }
        let found = case.with(kind, classed, |d| soft_nms(d, &config)).unwrap();
        same(&found, &expected)?;
    }

    #[test]
    fn matrix_is_the_formula_over_the_whole_matrix(
        (case, kind, classed) in cases(),
        linear in any::<bool>(),
        sigma in 0.5..4.0_f64,
        top in 1_usize..30,
    ) {
        let decay =
            if linear { MatrixDecay::Linear } else { MatrixDecay::Gaussian { sigma } };
        let config = MatrixNmsConfig { decay, min_score: 0.0, top_k: Some(top) };
        let mut order = case.order();
        order.truncate(top);
        let overlap = |i: usize, j: usize| {
            let (a, b) = (order[i], order[j]);
            if case.same_class(classed, a, b) { case.overlap(kind, a, b) } else { 0.0 }
        };
        let f = |v: f64| if linear { 1.0 - v } else { (-sigma * v * v).exp() };
        let expected: Vec<(usize, f64)> = (0..order.len()).map(|j| {
            let compensation = |i: usize| (0..i).map(|k| overlap(k, i)).fold(0.0, f64::max);
            let decays = (0..j).map(|i| f(overlap(i, j)) / f(compensation(i)));
            let decay = decays.filter(|d| d.is_finite()).fold(1.0, f64::min);
            (order[j], decay * f64::from(case.scores[order[j]]))
        }).collect();
        let found = case.with(kind, classed, |d| matrix_nms(d, &config)).unwrap();
        same(&found, &expected)?;
    }

    #[test]
    fn quadrilaterals_overlap_as_polygons(seed in 0_u64..1_000_000) {
        // Corners at rising angles on an ellipse: convex. Offsets far away lose nothing.
        let make = |seed: u64| -> [Coord<f64>; 4] {
            let v = uniform(8, seed, 0.0, 1.0);
            std::array::from_fn(|k| {
                let angle = 1.5 * (k as f64 + 0.9 * v[k]);
                coord! {
                    x: 1e6 + 6.0 * v[4] + (1.0 + 4.0 * v[5]) * angle.cos(),
                    y: 6.0 * v[6] + (1.0 + 4.0 * v[7]) * angle.sin(),
                }
            })
        };
        let pair = [make(2 * seed), make(2 * seed + 1)];
        let polygon =
            |q: &[Coord<f64>; 4]| Polygon::new(LineString(q.to_vec()), Vec::new());
        let iou = polygon_iou(&[polygon(&pair[0])], &[polygon(&pair[1])]).unwrap();
        let drops = |threshold: f64| {
            let shapes = Shapes::Quadrilaterals(&pair);
            let d = Detections { shapes, scores: &[0.5, 0.4], classes: None };
            hard_nms(&d, threshold).unwrap().len() == 1
        };
        // Overlay snaps to a grid of its own.
        prop_assert!(iou < 1e-4 || drops((iou - 1e-4).max(0.0)), "{}", iou);
        prop_assert!(!drops((iou + 1e-4).min(1.0)), "{}", iou);
    }

    #[test]
    fn packed_masks_are_the_masks(
        rows in 1_usize..6,
        columns in 1_usize..200,
        seed in 0_u64..1000,
        share in 0.0..1.0_f64,
    ) {
        let make = |seed| {
            let v = uniform(rows * columns, seed, 0.0, 1.0);
            Array2::from_shape_fn((rows, columns), |(r, c)| v[r * columns + c] < share)
        };
        let (a, b) = (make(2 * seed), make(2 * seed + 1));
        let (p, q) = (BitMask::new(a.view()), BitMask::new(b.view()));
        prop_assert_eq!(p.to_array(), a.clone());
        prop_assert_eq!(p.area() as usize, a.iter().filter(|v| **v).count());
        let shared = a.iter().zip(&b).filter(|(x, y)| **x && **y).count();
        prop_assert_eq!(p.shared(&q) as usize, shared);
        prop_assert_eq!(q.shared(&p) as usize, shared);
        let [top, left, bottom, right] = p.bounds();
        for pixel in p.pixels() {
            prop_assert!((top..bottom).contains(&pixel.0) && (left..right).contains(&pixel.1));
        }
    }
}

#[test]
fn upright_boxes_are_suppressed_as_by_nms() {
    let case = Case::new(300, 7);
    let plain = case.with("boxes", false, |d| hard_nms(d, 0.3)).unwrap();
    assert_eq!(plain, nms(&case.boxes, &case.scores, 0.3).unwrap());
    let classed = case.with("boxes", true, |d| hard_nms(d, 0.3)).unwrap();
    assert_eq!(classed, batched_nms(&case.boxes, &case.scores, &case.classes, 0.3).unwrap());
    assert!(plain.len() < classed.len() && classed.len() < 300);
}

#[test]
fn ties_go_to_the_lower_index_and_nothing_is_filled_up() {
    let mut case = Case::new(1, 3).pick(&[0, 0, 0]);
    case.scores = vec![0.5; 3];
    for kind in ["oriented", "hellinger", "corners", "masks"] {
        // A copy overlaps wholly, up to rounding.
        assert_eq!(case.with(kind, false, |d| hard_nms(d, 0.99)).unwrap(), [0], "{kind}");
    }
    let config = MatrixNmsConfig { decay: MatrixDecay::Linear, ..MatrixNmsConfig::default() };
    let kept = case.with("masks", false, |d| matrix_nms(d, &config)).unwrap();
    assert_eq!(kept, [Rescored { index: 0, score: 0.5 }]);
    let kept = case.with("masks", false, |d| soft_nms(d, &SoftNmsConfig::default())).unwrap();
    let indices: Vec<usize> = kept.iter().map(|k| k.index).collect();
    assert_eq!(indices, [0, 1, 2]);
    // exp(-2) of the score for one better copy, exp(-4) for two.
    assert!((f64::from(kept[1].score) - 0.5 * (-2.0_f64).exp()).abs() < 1e-6);
    assert!((f64::from(kept[2].score) - 0.5 * (-4.0_f64).exp()).abs() < 1e-6);
}

#[test]
fn empty_input_and_shapes_without_area() {
    let none = Case::new(0, 1);
    let mut flat = Case::new(2, 1).pick(&[0, 0]);
    flat.turned.iter_mut().for_each(|b| b.width = 0.0);
    flat.corners = vec![[flat.corners[0][0]; 4]; 2];
    flat.masks.iter_mut().for_each(|mask| mask.fill(false));
    flat.boxes = vec![[1.0; 4]; 2];
    for kind in KINDS {
        assert_eq!(none.with(kind, true, |d| hard_nms(d, 0.5)).unwrap(), [0; 0]);
        assert_eq!(none.with(kind, true, |d| soft_nms(d, &SoftNmsConfig::default())).unwrap(), []);
        let config = MatrixNmsConfig { min_score: 0.0, ..MatrixNmsConfig::default() };
        assert_eq!(none.with(kind, true, |d| matrix_nms(d, &config)).unwrap(), []);
        assert_eq!(flat.with(kind, false, |d| hard_nms(d, 0.0)).unwrap().len(), 2, "{kind}");
        let kept = flat.with(kind, false, |d| matrix_nms(d, &config)).unwrap();
        assert!(kept.iter().all(|k| (k.score - flat.scores[k.index]).abs() < 1e-9), "{kind}");
    }
}

#[test]
fn bad_input_is_refused() {
    let case = Case::new(4, 1);
    for (score, decays) in [(f32::NAN, true), (f32::INFINITY, false), (-0.5, false)] {
        let mut bad = case.clone();
        bad.scores[2] = score;
        for kind in KINDS {
            let hard = bad.with(kind, false, |d| hard_nms(d, 0.5));
            assert_eq!(hard.is_err(), decays, "{kind} {score}");
            let soft = bad.with(kind, false, |d| soft_nms(d, &SoftNmsConfig::default()));
            assert!(soft.is_err(), "{kind} {score}");
            let matrix = bad.with(kind, false, |d| matrix_nms(d, &MatrixNmsConfig::default()));
            assert_eq!(matrix.is_err(), soft.is_err(), "{kind} {score}");
        }
    }
    let mut bad = case.clone();
    bad.scores.pop();
    assert!(bad.with("masks", false, |d| hard_nms(d, 0.5)).is_err());
    bad = case.clone();
    bad.classes.pop();
    assert!(bad.with("masks", true, |d| hard_nms(d, 0.5)).is_err());
    bad = case.clone();
    bad.turned[1].width = -1.0;
    bad.corners[1] = [(0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0)].map(Coord::from);
    for kind in ["oriented", "hellinger", "corners"] {
        let error = bad.with(kind, false, |d| hard_nms(d, 0.5)).unwrap_err();
        assert!(matches!(error, Error::InvalidShape { index: 1, .. }), "{kind}: {error}");
    }
    bad.corners[1][0].x = f64::NAN;
    assert!(bad.with("corners", false, |d| hard_nms(d, 0.5)).is_err());
    assert!(case.with("masks", false, |d| hard_nms(d, 1.1)).is_err());
    let soft = |decay| SoftNmsConfig { decay, ..SoftNmsConfig::default() }.validate();
    assert!(soft(SoftDecay::Gaussian { sigma: 0.0 }).is_err());
    assert!(soft(SoftDecay::Linear { threshold: f64::NAN }).is_err());
    let decay = MatrixDecay::Gaussian { sigma: f64::INFINITY };
    assert!(MatrixNmsConfig { decay, ..MatrixNmsConfig::default() }.validate().is_err());
    assert!(MatrixNmsConfig { min_score: -1.0, ..MatrixNmsConfig::default() }.validate().is_err());
}
