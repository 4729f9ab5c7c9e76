//! Made pictures of houses and roads with their predictions.

use anyhow::Result;
use geo_types::{Coord, Line, LineString, MultiPolygon, polygon};
use mapvec_geometry::fill_labels;
use mapvec_metrics::{SpacenetConfig, match_polygons};
use ndarray::{Array2, Array3};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use crate::evaluation::draw;

/// Side of a picture, px.
pub(super) const SIDE: usize = 128;
/// Side of the legend in a corner, px.
pub(super) const LEGEND: usize = 5;
/// Area from which on a house is large, px^2.
const LARGE: f64 = 280.0;

/// Below this probability a prediction says that there is no house.
const UNSURE: f64 = 0.35;

/// A made picture.
#[derive(Debug, Clone)]
pub(super) struct Scene {
    pub(super) image: u64,
    /// Left, top, width and height of the houses, px.
    pub(super) truth: Vec<[f64; 4]>,
    pub(super) predicted: Vec<[f64; 4]>,
    /// Place in the truth of every predicted box; none for surplus ones.
    pub(super) origin: Vec<Option<usize>>,
    pub(super) confidences: Vec<f64>,
    /// Predicted and true ones.
    pub(super) roads: [Vec<LineString<f64>>; 2],
}

impl Scene {
    /// Houses in the cells of a grid and roads between them; `error` in pixels.
    pub(super) fn new(seed: u64, image: u64, error: f64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed.wrapping_mul(1 << 20).wrapping_add(image));
        let mut draw = |low: f64, high: f64| {
            low + (high - low) * (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
        };
        let mut scene = Self {
            image,
            truth: Vec::new(),
            predicted: Vec::new(),
            origin: Vec::new(),
            confidences: Vec::new(),
            roads: [Vec::new(), Vec::new()],
        };
        for cell in 0..9_u8 {
            let (x, y) = (f64::from(cell % 3) * 42.0 + 6.0, f64::from(cell / 3) * 42.0 + 6.0);
            let house = [x + draw(0.0, 6.0), y + draw(0.0, 6.0), draw(8.0, 26.0), draw(8.0, 26.0)];
            let found = house.map(|value| value + draw(-2.0, 2.0) * error);
            let chance = draw(0.0, 1.0);
            if chance < 0.85 {
                scene.truth.push(house);
            }
            if chance > 0.1 {
                scene.origin.push((chance < 0.85).then(|| scene.truth.len() - 1));
                scene.predicted.push(found);
                scene.confidences.push(draw(0.3, 1.0) - if chance < 0.85 { 0.0 } else { 0.2 });
            }
        }
        for at in [40.0, 82.0] {
            let shift = draw(-1.0, 1.0) * error;
            let (across, down) = (draw(90.0, 128.0), draw(60.0, 128.0));
            let way = |points: [(f64, f64); 4]| LineString::from(points.to_vec());
            scene.roads[1].push(way([(0.0, at), (40.0, at), (82.0, at), (128.0, at)]));
            scene.roads[1].push(way([(at, 0.0), (at, 40.0), (at, 82.0), (at, 128.0)]));
            let y = at + shift;
            scene.roads[0].push(way([(0.0, y), (40.0, y), (82.0, y), (across, y)]));
            scene.roads[0].push(way([
                (at, 0.0),
                (at, 40.0 + shift),
                (at, 82.0 + shift),
                (at, down.max(84.0 + shift)),
            ]));
        }
        scene
    }

    pub(super) fn matches(&self) -> Result<mapvec_metrics::PolygonMatches> {
        let [predicted, truth] = self.shapes();
        Ok(match_polygons(&predicted, &self.confidences, &truth, &SpacenetConfig::default())?)
    }

    pub(super) fn shapes(&self) -> [Vec<MultiPolygon<f64>>; 2] {
        [&self.predicted, &self.truth].map(|boxes| boxes.iter().copied().map(shape).collect())
    }

    /// The houses as masks.
    pub(super) fn masks(&self) -> [Array2<bool>; 2] {
        self.shapes().map(|shapes| {
            let mut labels = Array2::zeros((SIDE, SIDE));
            for part in shapes.iter().flatten() {
                fill_labels(part, 1, &mut labels);
            }
            labels.mapv(|label: u32| label > 0)
        })
    }

    /// The houses as instances, 1 for the first.
    pub(super) fn instances(&self) -> [Array2<u32>; 2] {
        self.shapes().map(|shapes| {
            let mut labels = Array2::zeros((SIDE, SIDE));
            for (id, part) in (1..).zip(shapes.iter().flatten()) {
                fill_labels(part, id, &mut labels);
            }
            labels
        })
    }

    /// What each house has, in its pixels; NaN elsewhere.
    pub(super) fn painted(&self, of: fn(&[f64; 4]) -> f64) -> [Array2<f64>; 2] {
        let [predicted, truth] = self.instances();
        [(predicted, &self.predicted), (truth, &self.truth)].map(|(ids, boxes)| {
            ids.mapv(|id| match id {
                0 => f64::NAN,
                id => boxes.get(id as usize - 1).map_or(f64::NAN, of),
            })
        })
    }

    /// 0 is ground, 1 a small and 2 a large house, 3 a road.
    #[expect(clippy::cast_sign_loss, reason = "classes are 0 to 3")]
    pub(super) fn classes(&self) -> [Array2<u8>; 2] {
        let mut sides = self.painted(|&[_, _, w, h]| if w * h < LARGE { 1.0 } else { 2.0 });
        for (side, roads) in sides.iter_mut().zip(&self.roads) {
            let drawn = draw(roads.iter(), (SIDE, SIDE));
            side.zip_mut_with(&drawn, |class, &road| {
                if class.is_nan() {
                    *class = if road { 3.0 } else { 0.0 };
                }
            });
        }
        sides.map(|side| side.mapv(|class| class as u8))
    }

    /// Of each house, 0 if it is small and 1 if it is large; none for a prediction that is not sure.
    pub(super) fn house_classes(&self) -> (Vec<Option<usize>>, Vec<usize>) {
        let class = |&[_, _, w, h]: &[f64; 4]| usize::from(w * h >= LARGE);
        let sure = self.predicted.iter().zip(&self.confidences);
        let predicted = sure.map(|(house, &p)| (p >= UNSURE).then(|| class(house))).collect();
        (predicted, self.truth.iter().map(class).collect())
    }

    /// How sure the prediction is that a pixel is of a house.
    pub(super) fn probabilities(&self) -> Array2<f32> {
        let [predicted, _] = self.instances();
        predicted.mapv(|id| match id {
            0 => 0.02,
            id => self.confidences[id as usize - 1] as f32,
        })
    }

    /// The scan: houses in a colour with hatches, on white; the colour again in the corner as
    /// the entry of a legend.
    pub(super) fn scan(&self) -> Array3<u8> {
        let [_, truth] = self.masks();
        Array3::from_shape_fn((SIDE, SIDE, 3), |(row, column, channel)| {
            let legend = row < LEGEND && column < LEGEND;
            match (legend || truth[(row, column)], !legend && column % 5 == 0) {
                (true, false) => [200, 60, 50][channel],
                (true, true) => 30,
                (false, _) => 255,
            }
        })
    }

    /// Corners of the houses as pixels.
    #[expect(clippy::cast_sign_loss, reason = "corners outside go to the edge")]
    pub(super) fn corners(&self) -> [Array2<bool>; 2] {
        [&self.predicted, &self.truth].map(|boxes| {
            let mut mask = Array2::from_elem((SIDE, SIDE), false);
            for &[x, y, ..] in boxes {
                if let Some(pixel) = mask.get_mut((y.max(0.0) as usize, x.max(0.0) as usize)) {
                    *pixel = true;
                }
            }
            mask
        })
    }

    /// Every 16th pixel: whether two have one predicted house, and the true patterns, the ground
    /// first.
    pub(super) fn patterns(&self) -> (Array2<f32>, Array2<bool>) {
        let sampled = self.instances().map(|ids| {
            ids.slice(ndarray::s![8..;16, 8..;16]).iter().copied().collect::<Vec<u32>>()
        });
        let [predicted, truth] = sampled;
        let pixels = predicted.len();
        let alike = Array2::from_shape_fn((pixels, pixels), |(a, b)| {
            if predicted[a] > 0 && predicted[a] == predicted[b] { 1.0 } else { 0.0 }
        });
        let patterns = Array2::from_shape_fn((self.truth.len() + 1, pixels), |(pattern, pixel)| {
            truth[pixel] as usize == pattern
        });
        (alike, patterns)
    }

    /// The diagonals of the houses that were predicted, and what they should be.
    pub(super) fn diagonals(&self) -> [Vec<Line<f64>>; 2] {
        let side = |[x, y, w, h]: [f64; 4]| Line::new(Coord { x, y }, Coord { x: x + w, y: y + h });
        let pairs = self.predicted.iter().zip(&self.origin);
        let pairs =
            pairs.filter_map(|(&found, origin)| Some((side(found), side(self.truth[(*origin)?]))));
        let (predicted, truth) = pairs.unzip();
        [predicted, truth]
    }
}

fn shape([x, y, w, h]: [f64; 4]) -> MultiPolygon<f64> {
    polygon![(x: x, y: y), (x: x + w, y: y), (x: x + w, y: y + h), (x: x, y: y + h)].into()
}
