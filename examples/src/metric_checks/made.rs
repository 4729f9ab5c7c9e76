//! Scores of made predictions.

use anyhow::Result;
use geo_types::{Coord, Line, LineString, MultiPolygon, polygon};
use mapvec_geometry::fill_labels;
use mapvec_metrics::{
    AplsConfig, AplsCounts, BinaryCounts, BootstrapConfig, BufferedCounts, CalibrationCounts,
    ChartLineCounts, CocoConfig, CocoDetection, CocoRecords, CocoTruth, DistanceCounts, ErrorSum,
    Report, SegmentErrors, SpacenetConfig, apls, binary_counts, bootstrap, boundary,
    boundary_counts, box_ious, chart_lines, compare_systems, match_polygons, pixel_distances,
    polis_errors, segment_errors,
};
use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use crate::progress::say;

/// Side of a picture, px.
const SIDE: usize = 128;

/// The report of made predictions and the faults that were found in its numbers.
#[derive(Debug)]
pub struct Made {
    /// All scores.
    pub report: Report,
    /// Numbers that are not as they must be.
    pub faults: u64,
}

/// Makes houses and roads, predicts them with some error, and scores the prediction in every
/// way; then checks what must hold whatever the numbers are.
///
/// # Errors
/// A score cannot be taken.
pub fn score_made(seed: u64, pictures: u64) -> Result<Made> {
    let scenes: Vec<Scene> = (0..pictures).map(|index| Scene::new(seed, index, 1.0)).collect();
    let worse: Vec<Scene> = (0..pictures).map(|index| Scene::new(seed, index, 2.5)).collect();
    let all = Sums::of(&scenes)?;
    // Three workers in any order must come to the same.
    let mut workers = (0..3).map(|worker| {
        let own: Vec<Scene> = scenes.iter().skip(worker).step_by(3).cloned().collect();
        Sums::of(&own)
    });
    let mut split = Sums::new()?;
    workers.try_for_each(|worker| split.add(worker?))?;
    let mut faults = all.differences(&split);

    let counts = |scenes: &[Scene]| -> Result<Vec<BinaryCounts>> {
        scenes.iter().map(|scene| Ok(scene.matches()?.counts)).collect()
    };
    let (first, second) = (counts(&scenes)?, counts(&worse)?);
    let f1 = |sum: &BinaryCounts| sum.f_beta(1.0);
    let config = BootstrapConfig { seed, ..BootstrapConfig::default() };
    let interval = bootstrap(&first, f1, &config)?;
    let difference = compare_systems(&first, &second, f1, &config)?;
    let mut report = all.report();
    report.scores.retain(|score| score.name != "polygons F1");
    report.push_interval("polygons F1", interval);
    report.push_interval("polygons F1, less that of a worse one", difference.map(|d| d.difference));
    report.push("p of that difference", difference.map(|d| d.p_value));
    let holds = |holds: bool| u64::from(!holds);
    faults += holds(difference.is_some_and(|d| d.difference.low > 0.0));
    faults += holds(interval.is_some_and(|i| i.low <= i.estimate && i.estimate <= i.high));
    let (iou, dice) = (all.pixels.iou().unwrap_or(0.0), all.pixels.dice().unwrap_or(0.0));
    faults += holds((iou - dice / (2.0 - dice)).abs() < 1e-12);
    let shares = report.scores.iter().filter(|score| score.unit.is_empty());
    let bounded = shares.filter_map(|score| score.value).all(|value| (0.0..=1.0).contains(&value));
    faults += holds(bounded);
    say(&format!("{pictures} made pictures, {faults} faults"));
    Ok(Made { report, faults })
}

/// A made picture.
#[derive(Debug, Clone)]
struct Scene {
    image: u64,
    truth: Vec<[f64; 4]>,
    predicted: Vec<[f64; 4]>,
    /// Place in the truth of every predicted box; none for surplus ones.
    origin: Vec<Option<usize>>,
    confidences: Vec<f64>,
    roads: [Vec<LineString<f64>>; 2],
}

impl Scene {
    /// Houses in the cells of a grid and roads between them; `error` in pixels.
    fn new(seed: u64, image: u64, error: f64) -> Self {
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

    fn matches(&self) -> Result<mapvec_metrics::PolygonMatches> {
        let [predicted, truth] = self.shapes();
        Ok(match_polygons(&predicted, &self.confidences, &truth, &SpacenetConfig::default())?)
    }

    fn shapes(&self) -> [Vec<MultiPolygon<f64>>; 2] {
        [&self.predicted, &self.truth].map(|boxes| boxes.iter().copied().map(shape).collect())
    }

    /// The houses as masks.
    fn masks(&self) -> [Array2<bool>; 2] {
        self.shapes().map(|shapes| {
            let mut labels = Array2::zeros((SIDE, SIDE));
            for part in shapes.iter().flatten() {
                fill_labels(part, 1, &mut labels);
            }
            labels.mapv(|label: u32| label > 0)
        })
    }

    /// The diagonals of the houses that were predicted, and what they should be.
    fn diagonals(&self) -> [Vec<Line<f64>>; 2] {
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

/// All counts of some pictures.
struct Sums {
    polygons: BinaryCounts,
    polis: ErrorSum,
    pixels: BinaryCounts,
    borders: BufferedCounts,
    distances: DistanceCounts,
    diagonals: SegmentErrors,
    charts: ChartLineCounts,
    roads: AplsCounts,
    calibration: CalibrationCounts,
    coco: CocoRecords,
}

impl Sums {
    fn new() -> Result<Self> {
        Ok(Self {
            polygons: BinaryCounts::default(),
            polis: ErrorSum::default(),
            pixels: BinaryCounts::default(),
            borders: BufferedCounts::default(),
            distances: DistanceCounts::default(),
            diagonals: SegmentErrors::default(),
            charts: ChartLineCounts::default(),
            roads: AplsCounts::default(),
            calibration: CalibrationCounts::new(10)?,
            coco: CocoRecords::new(&CocoConfig::default())?,
        })
    }

    fn of(scenes: &[Scene]) -> Result<Self> {
        let mut sums = Self::new()?;
        scenes.iter().try_for_each(|scene| sums.push(scene))?;
        Ok(sums)
    }

    fn push(&mut self, scene: &Scene) -> Result<()> {
        let matches = scene.matches()?;
        let [predicted, truth] = scene.shapes();
        self.polygons += matches.counts;
        self.polis += polis_errors(&predicted, &truth, &matches.pairs)?;
        let [found, expected] = scene.masks();
        self.pixels += binary_counts(found.view(), expected.view(), None)?;
        self.borders += boundary_counts(found.view(), expected.view(), 1.0)?;
        let borders = [&found, &expected].map(|mask| boundary(mask.view()));
        self.distances += pixel_distances(borders[0].view(), borders[1].view())?;
        let [own, others] = scene.diagonals();
        self.diagonals += segment_errors(&own, &others)?;
        let [roads, true_roads] = &scene.roads;
        // As lines of a chart, those that go across.
        let [curves, true_curves] =
            [roads, true_roads].map(|roads| roads.iter().step_by(2).cloned().collect::<Vec<_>>());
        self.charts += chart_lines(&curves, &true_curves)?;
        self.roads +=
            apls(roads, true_roads, &AplsConfig { spacing: 30.0, ..AplsConfig::default() })?;
        let mut right = vec![false; scene.predicted.len()];
        matches.pairs.iter().for_each(|pair| right[pair.predicted] = true);
        self.calibration.extend(&scene.confidences, &right)?;
        let crowd = vec![false; scene.truth.len()];
        let ious = box_ious(&scene.predicted, &scene.truth, &crowd)?;
        let area = |shape: &[f64; 4]| shape[2] * shape[3];
        let truths: Vec<CocoTruth> = scene
            .truth
            .iter()
            .map(|shape| CocoTruth { area: area(shape), ..CocoTruth::default() })
            .collect();
        let detections: Vec<CocoDetection> = scene
            .predicted
            .iter()
            .zip(&scene.confidences)
            .map(|(shape, &score)| CocoDetection { score, area: area(shape) })
            .collect();
        Ok(self.coco.add(scene.image, 1, &truths, &detections, ious.view())?)
    }

    fn add(&mut self, other: Self) -> Result<()> {
        self.polygons += other.polygons;
        self.polis += other.polis;
        self.pixels += other.pixels;
        self.borders += other.borders;
        self.distances += other.distances;
        self.diagonals += other.diagonals;
        self.charts += other.charts;
        self.roads += other.roads;
        self.calibration.add(&other.calibration)?;
        Ok(self.coco.merge(other.coco)?)
    }

    fn report(&self) -> Report {
        let mut report = Report::new("Made houses and roads");
        for (name, value) in self.coco.score().summary() {
            report.push(&format!("boxes {name}"), value);
        }
        let score = self.polygons.score();
        report.push("polygons precision", score.precision);
        report.push("polygons recall", score.recall);
        report.push("polygons F1", score.f1);
        report.push("pixels IoU", self.pixels.iou());
        report.push("pixels Dice", self.pixels.dice());
        report.push("boundary F1", Some(self.borders.score().f1));
        report.push("lines 6a", self.charts.score().task_6a);
        report.push("roads APLS", self.roads.score().apls);
        report.push("calibration error", self.calibration.expected_error());
        report.push("Brier score", self.calibration.brier());
        report.push_measure("Hausdorff 95", self.distances.hausdorff_95(), "px");
        report.push_measure("PoLiS, mean", self.polis.mean(), "px");
        report.push_measure("PoLiS, median", self.polis.quantile(0.5), "px");
        report.push_measure("ends of diagonals, mean", self.diagonals.endpoint.mean(), "px");
        report.push_measure("angle of diagonals, mean", self.diagonals.angle.mean(), "rad");
        report
    }

    /// Scores that differ by more than rounding.
    fn differences(&self, other: &Self) -> u64 {
        let (own, others) = (self.report(), other.report());
        let pairs = own.scores.iter().zip(&others.scores);
        let differ = |a: Option<f64>, b: Option<f64>| match (a, b) {
            (Some(a), Some(b)) => (a - b).abs() > 1e-12 * a.abs().max(1.0),
            (a, b) => a.is_some() != b.is_some(),
        };
        pairs.filter(|(a, b)| differ(a.value, b.value)).count() as u64
    }
}
