//! Sets of objects, one query each.
//!
//! The expected numbers are `torch` 2.15 and its `torchvision` in double precision on the
//! same inputs.

use candle_core::{Device, Tensor};
use mapvec_losses::{
    Composite, Error, Objects, SetPredictionConfig, TrueObjects, set_prediction_loss,
};

use crate::support::{
    DTYPES, assert_finite, assert_golden, assert_gradient, assert_near, assert_nothing, bell, even,
    gradient, scalar, var,
};

fn queries(logits: &Tensor, boxes: &Tensor) -> Objects {
    Objects { classes: Some(logits.clone()), boxes: Some(boxes.clone()), ..Objects::default() }
}

struct Sets {
    logits: Tensor,
    boxes: Tensor,
    truth: [Tensor; 2],
    matches: Vec<Vec<(usize, usize)>>,
}

impl Sets {
    fn new() -> Self {
        let rows = |dims: &[usize], seed, size_seed| {
            let last = dims.len() - 1;
            let place = even(dims.to_vec(), seed, 0.2, 0.8);
            Tensor::cat(&[place, even(dims.to_vec(), size_seed, 0.05, 0.3)], last).unwrap()
        };
        Self {
            logits: (bell((2, 10, 5), 61070) * 2.0).unwrap(),
            boxes: rows(&[2, 10, 2], 61071, 61072),
            truth: [rows(&[3, 2], 61073, 61075), rows(&[2, 2], 61074, 61076)],
            matches: vec![vec![(7, 1), (2, 0), (4, 2)], vec![(0, 1), (9, 0)]],
        }
    }

    fn run(&self, x: &[Tensor]) -> mapvec_losses::Result<Composite> {
        let truth = |classes: &[usize], boxes: &Tensor| TrueObjects {
            classes: Some(classes.to_vec()),
            boxes: Some(boxes.clone()),
            ..TrueObjects::default()
        };
        let truth = [truth(&[0, 3, 1], &self.truth[0]), truth(&[2, 2], &self.truth[1])];
        let config = SetPredictionConfig::default();
        set_prediction_loss(&queries(&x[0], &x[1]), &truth, &self.matches, &config)
    }
}

#[test]
fn sets_equal_the_golden_values() {
    let mut sets = Sets::new();
    let (logits, boxes) = (var(&sets.logits), var(&sets.boxes));
    let x = [logits.as_tensor().clone(), boxes.as_tensor().clone()];
    let composite = sets.run(&x).unwrap();
    let terms =
        [("class", 3.270095090248812), ("l1", 4.327566792378977e-1), ("overlap", 1.35634633684264)];
    for (name, value) in terms {
        assert_near(composite.term(name).unwrap(), value, 1e-10);
    }
    let total = 8.14657116012358;
    assert_golden(&composite.loss, &logits, total, 4.002586033163371e-1, 3.027213896735778e-1);
    assert_golden(&composite.loss, &boxes, total, 7.182536727963833, 6.249426904667505);
    assert_gradient(&[sets.logits.clone(), sets.boxes.clone()], |x| Ok(sets.run(x)?.loss));
    // The order of the pairs means nothing.
    sets.matches[0].reverse();
    assert_near(scalar(&sets.run(&x).unwrap().loss), total, 1e-12);
    for pairs in [vec![(7, 1), (7, 0)], vec![(1, 1), (2, 1)], vec![(10, 0)], vec![(0, 3)]] {
        sets.matches[0] = pairs;
        assert!(matches!(sets.run(&x), Err(Error::Target { .. })));
    }
    sets.matches.pop();
    assert!(matches!(sets.run(&x), Err(Error::Length { task: "pairs", .. })));
}

#[test]
fn sets_without_objects_teach_that_there_are_none() {
    for dtype in DTYPES {
        let none = Tensor::zeros((0, 4), dtype, &Device::Cpu).unwrap();
        let truth = [TrueObjects {
            classes: Some(Vec::new()),
            boxes: Some(none),
            ..TrueObjects::default()
        }];
        let config = SetPredictionConfig::default();
        let logits = var(&(bell((1, 4, 3), 1) * 200.0).unwrap().to_dtype(dtype).unwrap());
        let boxes = var(&even((1, 4, 4), 2, 0.1, 0.9).to_dtype(dtype).unwrap());
        let composite =
            set_prediction_loss(&queries(&logits, &boxes), &truth, &[vec![]], &config).unwrap();
        assert_finite(&composite.loss, &logits);
        assert!(composite.term("class").unwrap() > 0.0);
        assert!(gradient(&composite.loss, &boxes).iter().all(|g| g.abs() < 1e-30));
        // A weight of 0 leaves nothing to divide by.
        let config = SetPredictionConfig { no_object_weight: 0.0, ..config };
        let composite =
            set_prediction_loss(&queries(&logits, &boxes), &truth, &[vec![]], &config).unwrap();
        assert_nothing(&composite.loss, &logits);
    }
}
