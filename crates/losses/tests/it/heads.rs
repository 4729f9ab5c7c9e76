//! Heads of detectors: classes, boxes and masks of proposals.
//!
//! The expected numbers are `torch` 2.15 and its `torchvision` in double precision on the
//! same inputs.

use candle_core::{DType, Device, Tensor};
use mapvec_losses::{BoxHeadConfig, MaskHeadTargets, box_head_loss, mask_head_loss};

use crate::support::{
    DTYPES, assert_golden, assert_golden_within, assert_gradient, assert_near, assert_nothing,
    bell, boxes, even, gradient, var, whole,
};

#[test]
fn heads_equal_the_golden_values() {
    let (n, k) = (14, 5);
    let logits = (bell((n, k), 61050) * 2.0).unwrap();
    let deltas = bell((n, 4 * k), 61051);
    let labels = whole(n, 61052, 0, 5);
    let targets = bell((n, 4), 61053);
    let run = |x: &[Tensor]| {
        box_head_loss(&x[0], &x[1], &labels, &targets, &BoxHeadConfig::default()).unwrap()
    };
    let (l, d) = (var(&logits), var(&deltas));
    let composite = run(&[l.as_tensor().clone(), d.as_tensor().clone()]);
    let (class, apart) = (2.71510176686503, 4.223185665205869);
    assert_near(composite.term("class").unwrap(), class, 1e-10);
    assert_near(composite.term("boxes").unwrap(), apart, 1e-10);
    let total = class + apart;
    assert_golden(&composite.loss, &l, total, 2.887450150935956e-1, -1.152339977668319e-1);
    assert_golden(&composite.loss, &d, total, 4.774244169265385e-1, 1.533432505482769e-1);
    assert_gradient(&[logits, deltas], |x| Ok(run(x).loss));

    let (n, m) = (6, 7);
    let logits = (bell((n, k, m, m), 61060) * 2.0).unwrap();
    let (classes, matched) = (whole(n, 61063, 1, 5), whole(n, 61064, 0, 3));
    let labels: Vec<usize> = matched.iter().map(|&mask| classes[mask]).collect();
    let masks = even((3, 48, 50), 61065, 0.0, 1.0).lt(0.5).unwrap().to_dtype(DType::F64).unwrap();
    let regions = &boxes(n, 61061, 20.0);
    let targets = MaskHeadTargets { regions, labels: &labels, matched: &matched, masks: &masks };
    let x = var(&logits);
    let loss = mask_head_loss(&x, &targets).unwrap();
    // Regions are rounded to single precision.
    let golden = [1.109358179862129, 2.23318642674256e-2, -2.298713035821549e-2];
    assert_golden_within(&loss, &x, golden, 1e-8);
    assert_gradient(&[logits], |x| mask_head_loss(&x[0], &targets));
}

#[test]
fn heads_without_proposals() {
    for dtype in DTYPES {
        let zeros = |shape: &[usize]| Tensor::zeros(shape, dtype, &Device::Cpu).unwrap();
        let (logits, deltas) = (var(&zeros(&[0, 3])), zeros(&[0, 12]));
        let config = BoxHeadConfig::default();
        let loss = box_head_loss(&logits, &deltas, &[], &zeros(&[0, 4]), &config).unwrap().loss;
        assert_nothing(&loss, &logits);
        let (regions, masks) = (zeros(&[0, 4]), zeros(&[0, 8, 8]));
        let targets =
            MaskHeadTargets { regions: &regions, labels: &[], matched: &[], masks: &masks };
        let logits = var(&zeros(&[0, 3, 7, 7]));
        assert_nothing(&mask_head_loss(&logits, &targets).unwrap(), &logits);
        // All background: nothing to say of boxes; confident logits.
        let logits = var(&(zeros(&[2, 3]) + 200.0).unwrap());
        let deltas = var(&(zeros(&[2, 12]) - 200.0).unwrap());
        let composite = box_head_loss(&logits, &deltas, &[0, 0], &zeros(&[2, 4]), &config).unwrap();
        assert_near(composite.term("class").unwrap(), 3.0_f64.ln(), 1e-6);
        assert!(gradient(&composite.loss, &deltas).iter().all(|g| g.abs() < 1e-30));
    }
}
