//! What a case has to reach, as `docs/performance.md` states it.

/// The most that our side may take of the peer's time and memory.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Goal {
    /// Name of the case.
    pub(crate) case: &'static str,
    /// Ratio of times with one thread.
    one: f64,
    /// Ratio of times with more threads.
    more: f64,
    /// Ratio of peak memories, where there is a goal.
    pub(crate) memory: Option<f64>,
    /// Another case of ours, and the most of its time that this one may take.
    pub(crate) own: Option<(&'static str, f64)>,
}

impl Goal {
    /// The ratio of times to reach with so many threads; none where nothing was promised.
    pub(crate) fn ratio(&self, threads: u32) -> Option<f64> {
        let ratio = if threads == 1 { self.one } else { self.more };
        ratio.is_finite().then_some(ratio)
    }
}

const fn goal(case: &'static str, ratio: f64) -> Goal {
    Goal { case, one: ratio, more: ratio, memory: None, own: None }
}

const fn training(case: &'static str) -> Goal {
    Goal { case, one: 0.5, more: 0.55, memory: Some(0.2), own: None }
}

/// A case without a goal beside the peer, which is compared with another one of ours.
const fn within_own(case: &'static str, other: &'static str, ratio: f64) -> Goal {
    Goal { case, one: NONE, more: NONE, memory: None, own: Some((other, ratio)) }
}

/// Measured without a goal.
const NONE: f64 = f64::INFINITY;

const NN: [Goal; 21] = [
    training("unet-train"),
    goal("unet-infer", NONE),
    training("unet-512"),
    training("features-train"),
    goal("conv3x3-forward", 0.7),
    goal("conv3x3-grad-x", 0.55),
    goal("conv3x3-grad-w", 0.6),
    goal("conv64-forward", 0.45),
    goal("conv64-grad-x", 0.45),
    goal("conv64-grad-w", 0.45),
    goal("conv-transpose", 0.5),
    goal("max-pool", 0.5),
    goal("resize", 0.5),
    goal("batch-norm", 0.5),
    goal("attention", 1.0),
    goal("attention-train", 1.0),
    goal("roi-align", 0.5),
    goal("nms", 0.5),
    goal("resnet50-infer", 0.8),
    goal("resnet50-train", 0.8),
    goal("deeplab-infer", 0.8),
];

const GEOMETRY: [Goal; 38] = [
    goal("polylines-hard", 1.0),
    goal("polylines-smooth", 1.0),
    goal("stars-hard", 1.0),
    goal("stars-smooth", 1.0),
    goal("intersection-star-10", 1.0),
    goal("union-star-10", 1.0),
    goal("difference-star-10", 1.0),
    goal("xor-star-10", 1.0),
    goal("intersection-star-100", 1.0),
    goal("union-star-100", 1.0),
    goal("difference-star-100", 1.0),
    goal("xor-star-100", 1.0),
    goal("intersection-star-1000", 1.0),
    goal("union-star-1000", 1.0),
    goal("difference-star-1000", 1.0),
    goal("xor-star-1000", 1.0),
    goal("intersection-star-10000", 1.0),
    goal("union-star-10000", 1.0),
    goal("difference-star-10000", 1.0),
    goal("xor-star-10000", 1.0),
    goal("intersection-smooth-100", 1.0),
    goal("union-smooth-100", 1.0),
    goal("difference-smooth-100", 1.0),
    goal("xor-smooth-100", 1.0),
    goal("intersection-smooth-1000", 1.0),
    goal("union-smooth-1000", 1.0),
    goal("difference-smooth-1000", 1.0),
    goal("xor-smooth-1000", 1.0),
    goal("intersection-smooth-10000", 1.0),
    goal("union-smooth-10000", 1.0),
    goal("difference-smooth-10000", 1.0),
    goal("xor-smooth-10000", 1.0),
    goal("union-all", 1.0),
    goal("polygonize-clean", 0.2),
    goal("polygonize-noisy", 0.2),
    goal("distance-stars", 1.0),
    goal("distance-points", 1.0),
    goal("thin-lines", 1.0),
];

/// At least one and a half times as fast.
const ASSIGNMENT: [Goal; 5] = [
    goal("uniform-100", 2.0 / 3.0),
    goal("uniform-1000", 2.0 / 3.0),
    goal("uniform-2000", 2.0 / 3.0),
    goal("distances-1000", 2.0 / 3.0),
    goal("batch-300x40", 2.0 / 3.0),
];

const LOSSES: [Goal; 11] = [
    goal("cross-entropy", 1.0),
    goal("weighted-cross-entropy", 1.0),
    goal("partial-cross-entropy", 1.0),
    goal("dice", 1.0),
    goal("single-cross-entropy", 1.0),
    goal("single-dice", 1.0),
    goal("single-bce-dice", 1.0),
    goal("single-angle", 1.0),
    goal("single-thickness", 1.0),
    goal("discriminative", 1.0),
    within_own("discriminative-train", "discriminative", 3.0),
];

/// DBSCAN takes at most a tenth.
const CLUSTERING: [Goal; 7] = [
    goal("dbscan-2d", 0.1),
    goal("dbscan-8d", 0.1),
    goal("hdbscan-4d", 0.5),
    goal("mean-shift-4d", 0.1),
    goal("k-means", 1.0),
    goal("k-means-drawn", 1.0),
    goal("gaussian-mixture", 1.0),
];

/// At least as fast at every size.
const FOURIER: [Goal; 21] = [
    goal("real-64", 1.0),
    goal("real-128", 1.0),
    goal("real-256", 1.0),
    goal("real-512", 1.0),
    goal("real-1000", 1.0),
    goal("real-1024", 1.0),
    goal("real-2048", 1.0),
    goal("inverse-64", 1.0),
    goal("inverse-128", 1.0),
    goal("inverse-256", 1.0),
    goal("inverse-512", 1.0),
    goal("inverse-1000", 1.0),
    goal("inverse-1024", 1.0),
    goal("inverse-2048", 1.0),
    goal("complex-64", 1.0),
    goal("complex-128", 1.0),
    goal("complex-256", 1.0),
    goal("complex-512", 1.0),
    goal("complex-1000", 1.0),
    goal("complex-1024", 1.0),
    goal("complex-2048", 1.0),
];

/// On more threads four times as fast as the peer, which has one.
const CRF: [Goal; 2] = [
    Goal { case: "dense-512x512x5", one: 0.4, more: 0.25, memory: None, own: None },
    Goal { case: "dense-320x240x21", one: 0.4, more: 0.25, memory: None, own: None },
];

/// The cases of an area in the order of its table; none for an area without goals.
pub(crate) fn of_area(area: &str) -> &'static [Goal] {
    match area {
        "nn" => &NN,
        "geometry" => &GEOMETRY,
        "assignment" => &ASSIGNMENT,
        "clustering" => &CLUSTERING,
        "fourier" => &FOURIER,
        "losses" => &LOSSES,
        "crf" => &CRF,
        _ => &[],
    }
}

/// Whether the peers draw inputs of the area that both sides read.
pub(crate) fn has_inputs(area: &str) -> bool {
    area == "geometry"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn training_may_take_half_on_one_thread_and_a_little_more_on_two() {
        let goal = of_area("nn")[0];
        assert_eq!((goal.ratio(1), goal.ratio(2), goal.memory), (Some(0.5), Some(0.55), Some(0.2)));
    }

    #[test]
    fn a_gradient_may_take_three_times_its_own_value() {
        let goal = of_area("losses").iter().find(|goal| goal.case == "discriminative-train");
        assert_eq!(goal.and_then(|goal| goal.own), Some(("discriminative", 3.0)));
    }

    #[test]
    fn some_cases_and_areas_have_no_goal() {
        assert_eq!(of_area("nn")[1].ratio(1), None);
        assert!(of_area("watershed").is_empty(), "it has no goals");
    }
}
