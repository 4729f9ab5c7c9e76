//! All counts of some made pictures.

use anyhow::Result;
use geo_types::LineString;
use mapvec_metrics::{
    Ai4cmaAreaCounts, Ai4cmaPixelCounts, AplsConfig, AplsCounts, BinaryCounts, BufferedCounts,
    CalibrationCounts, ChartLineCounts, CocoConfig, CocoDetection, CocoRecords, CocoTruth,
    Confusion, DistanceCounts, ErrorSum, InstanceMap, LineDistances, MatchedClasses,
    MatchedClassesConfig, PqClasses, PqCounts, RunMask, SegmentErrors, WeightedCounts,
    WeightedMean, ai4cma_areas, ai4cma_pixels, angle_errors, apls, binary_counts, boundary,
    boundary_counts, box_ious, buffered_lines, calibration, chart_lines, confusion, legend_pixels,
    line_distances, mask_ious, matched_boundary_counts, matched_classes, mean_box_iou,
    panoptic_classes, panoptic_counts, pixel_distances, pixel_similarity, polis_errors,
    polygon_ious, polygon_runs, segment_errors, soft_counts, thickness_errors, weighted_counts,
    weighted_mean,
};
use ndarray::Array2;

use super::scene::{LEGEND, SIDE, Scene};
use crate::evaluation::draw;

/// Counts of every metric.
#[derive(Debug, Clone, Default)]
pub(super) struct Sums {
    pub(super) polygons: BinaryCounts,
    pub(super) polis: ErrorSum,
    pub(super) pixels: BinaryCounts,
    pub(super) weighted: WeightedCounts,
    pub(super) soft: WeightedCounts,
    pub(super) borders: BufferedCounts,
    pub(super) border_pairs: BinaryCounts,
    pub(super) distances: DistanceCounts,
    pub(super) classes: Confusion,
    pub(super) shapes: PqCounts,
    pub(super) shape_classes: PqClasses,
    pub(super) paired: MatchedClasses,
    pub(super) similarity: BinaryCounts,
    pub(super) calibration: CalibrationCounts,
    pub(super) pixel_calibration: CalibrationCounts,
    pub(super) areas: Ai4cmaAreaCounts,
    pub(super) points: Ai4cmaPixelCounts,
    pub(super) boxes: WeightedMean,
    pub(super) losses: WeightedMean,
    pub(super) diagonals: SegmentErrors,
    pub(super) angles: ErrorSum,
    pub(super) sides: ErrorSum,
    pub(super) charts: ChartLineCounts,
    pub(super) roads: AplsCounts,
    pub(super) road_pixels: BufferedCounts,
    pub(super) road_distances: LineDistances,
}

impl Sums {
    /// The counts of one picture.
    pub(super) fn of(scene: &Scene) -> Result<Self> {
        let mut sums = Self::default();
        sums.count_pixels(scene)?;
        sums.count_instances(scene)?;
        sums.count_shapes(scene)?;
        sums.count_lines(scene)?;
        Ok(sums)
    }

    fn count_pixels(&mut self, scene: &Scene) -> Result<()> {
        let [found, expected] = scene.masks();
        self.pixels = binary_counts(found.view(), expected.view(), None)?;
        // A pixel of a house weighs as three of the ground.
        let weights = expected.mapv(|inside| if inside { 3.0 } else { 1.0 });
        self.weighted = weighted_counts(found.view(), expected.view(), Some(weights.view()))?;
        let probabilities = scene.probabilities();
        let truth = expected.mapv(|inside| if inside { 1.0 } else { 0.0 });
        self.soft = soft_counts(probabilities.view(), truth.view(), None)?;
        let probabilities: Vec<f64> = probabilities.iter().map(|&p| f64::from(p)).collect();
        let right: Vec<bool> = expected.iter().copied().collect();
        self.pixel_calibration = calibration(&probabilities, &right, 50)?;
        self.borders = boundary_counts(found.view(), expected.view(), 1.0)?;
        self.border_pairs = matched_boundary_counts(found.view(), expected.view(), 1.0)?;
        let borders = [&found, &expected].map(|mask| boundary(mask.view()));
        self.distances = pixel_distances(borders[0].view(), borders[1].view())?;
        let [predicted, truth] = scene.classes();
        self.classes = confusion(predicted.view(), truth.view(), 4, None)?;
        let coloured = legend_pixels(scene.scan().view(), [0, 0, LEGEND, LEGEND], 4)?;
        self.areas = ai4cma_areas(found.view(), expected.view(), coloured.view())?;
        let [predicted, truth] = scene.corners();
        self.points = ai4cma_pixels(predicted.view(), truth.view(), 3.0)?;
        let (alike, patterns) = scene.patterns();
        self.similarity = pixel_similarity(alike.view(), patterns.view(), 0.5)?;
        let angle: fn(&[f64; 4]) -> f64 = |&[_, _, w, h]| h.atan2(w);
        let [predicted, truth] = scene.painted(angle);
        self.angles = angle_errors(predicted.view(), truth.view(), Some(expected.view()))?;
        let [predicted, truth] = scene.painted(|&[_, _, w, h]| w.min(h));
        self.sides = thickness_errors(predicted.view(), truth.view(), Some(expected.view()))?;
        Ok(())
    }

    fn count_instances(&mut self, scene: &Scene) -> Result<()> {
        let [predicted, truth] = scene.instances();
        self.shapes = panoptic_counts(predicted.view(), truth.view(), None)?;
        let [own, others] = scene.classes();
        let predicted = InstanceMap { ids: predicted.view(), classes: own.view() };
        let truth = InstanceMap { ids: truth.view(), classes: others.view() };
        self.shape_classes = panoptic_classes(&predicted, &truth, 4, None)?;
        let crowd = vec![false; scene.truth.len()];
        let costs = box_ious(&scene.predicted, &scene.truth, &crowd)?.mapv(|iou| 1.0 - iou);
        let (predicted, truth) = scene.house_classes();
        let config = MatchedClassesConfig { classes: 2, max_cost: 0.7 };
        self.paired = matched_classes(costs.view(), &predicted, &truth, &config)?;
        Ok(())
    }

    fn count_shapes(&mut self, scene: &Scene) -> Result<()> {
        let matches = scene.matches()?;
        let [predicted, truth] = scene.shapes();
        self.polygons = matches.counts;
        self.polis = polis_errors(&predicted, &truth, &matches.pairs)?;
        let mut right = vec![false; scene.predicted.len()];
        matches.pairs.iter().for_each(|pair| right[pair.predicted] = true);
        self.calibration = calibration(&scene.confidences, &right, 10)?;
        let loss = |(&p, &right): (&f64, &bool)| -if right { p } else { 1.0 - p }.ln();
        let losses: Vec<f64> = scene.confidences.iter().zip(&right).map(loss).collect();
        let sizes: Vec<f64> = scene.predicted.iter().map(|[_, _, w, h]| (w * h).max(0.0)).collect();
        self.losses = weighted_mean(&losses, Some(&sizes))?;
        let pairs = scene.predicted.iter().zip(&scene.origin);
        let pairs = pairs.filter_map(|(&own, origin)| Some((own, scene.truth[(*origin)?])));
        let (own, others): (Vec<[f64; 4]>, Vec<[f64; 4]>) = pairs.unzip();
        self.boxes = mean_box_iou(&own, &others, None)?;
        let [own, others] = scene.diagonals();
        self.diagonals = segment_errors(&own, &others)?;
        Ok(())
    }

    fn count_lines(&mut self, scene: &Scene) -> Result<()> {
        let [roads, true_roads] = &scene.roads;
        // As lines of a chart, those that go across.
        let [curves, true_curves] =
            [roads, true_roads].map(|roads| roads.iter().step_by(2).cloned().collect::<Vec<_>>());
        self.charts = chart_lines(&curves, &true_curves)?;
        self.roads =
            apls(roads, true_roads, &AplsConfig { spacing: 30.0, ..AplsConfig::default() })?;
        let drawn = |roads: &[LineString<f64>]| draw(roads.iter(), (SIDE, SIDE));
        self.road_pixels = buffered_lines(drawn(roads).view(), drawn(true_roads).view(), 1.0)?;
        self.road_distances = line_distances(roads, true_roads, 1.0)?;
        Ok(())
    }
}

impl std::ops::AddAssign for Sums {
    fn add_assign(&mut self, other: Self) {
        self.polygons += other.polygons;
        self.polis += other.polis;
        self.pixels += other.pixels;
        self.weighted += other.weighted;
        self.soft += other.soft;
        self.borders += other.borders;
        self.border_pairs += other.border_pairs;
        self.distances += other.distances;
        self.classes += other.classes;
        self.shapes += other.shapes;
        self.shape_classes += other.shape_classes;
        self.paired += other.paired;
        self.similarity += other.similarity;
        self.calibration += other.calibration;
        self.pixel_calibration += other.pixel_calibration;
        self.areas += other.areas;
        self.points += other.points;
        self.boxes += other.boxes;
        self.losses += other.losses;
        self.diagonals += other.diagonals;
        self.angles += other.angles;
        self.sides += other.sides;
        self.charts += other.charts;
        self.roads += other.roads;
        self.road_pixels += other.road_pixels;
        self.road_distances += other.road_distances;
    }
}

impl std::iter::Sum for Sums {
    fn sum<I: Iterator<Item = Self>>(sums: I) -> Self {
        sums.fold(Self::default(), |mut sum, next| {
            sum += next;
            sum
        })
    }
}

/// Average precision of boxes, of their pixels and of their areas.
#[derive(Debug, Clone)]
pub(super) struct Ranked {
    pub(super) boxes: CocoRecords,
    pub(super) masks: CocoRecords,
    pub(super) polygons: CocoRecords,
}

impl Ranked {
    pub(super) fn of<'a>(
        scenes: impl Iterator<Item = &'a Scene>,
        config: &CocoConfig,
    ) -> Result<Self> {
        let none = CocoRecords::new(config)?;
        let mut ranked = Self { boxes: none.clone(), masks: none.clone(), polygons: none };
        for scene in scenes {
            ranked.update(scene)?;
        }
        Ok(ranked)
    }

    fn update(&mut self, scene: &Scene) -> Result<()> {
        let crowd = vec![false; scene.truth.len()];
        let area = |shape: &[f64; 4]| shape[2] * shape[3];
        let truth = |shape: &[f64; 4]| CocoTruth { area: area(shape), ..CocoTruth::default() };
        let truths: Vec<CocoTruth> = scene.truth.iter().map(truth).collect();
        let sure = scene.predicted.iter().zip(&scene.confidences);
        let detections: Vec<CocoDetection> =
            sure.map(|(shape, &score)| CocoDetection { score, area: area(shape) }).collect();
        let [predicted, expected] = scene.shapes();
        let side = u32::try_from(SIDE)?;
        let mask = |shape: &geo_types::MultiPolygon<f64>| -> Result<RunMask> {
            let rings: Vec<LineString<f64>> =
                shape.iter().map(|part| part.exterior().clone()).collect();
            Ok(RunMask::new(&polygon_runs(&rings, side, side)?, side, side)?)
        };
        let masks = |shapes: &[geo_types::MultiPolygon<f64>]| -> Result<Vec<RunMask>> {
            shapes.iter().map(mask).collect()
        };
        let kinds: [(&mut CocoRecords, Array2<f64>); 3] = [
            (&mut self.boxes, box_ious(&scene.predicted, &scene.truth, &crowd)?),
            (&mut self.masks, mask_ious(&masks(&predicted)?, &masks(&expected)?, &crowd)?),
            (&mut self.polygons, polygon_ious(&predicted, &expected, &crowd)?),
        ];
        for (records, ious) in kinds {
            records.update(scene.image, 1, &truths, &detections, ious.view())?;
        }
        Ok(())
    }

    pub(super) fn merge(&mut self, other: Self) -> Result<()> {
        self.boxes.merge(other.boxes)?;
        self.masks.merge(other.masks)?;
        Ok(self.polygons.merge(other.polygons)?)
    }
}
