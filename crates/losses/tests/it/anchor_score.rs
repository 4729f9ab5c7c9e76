//! Confidence of anchors: golden values of `torch` 2.15 in double precision, properties.

use candle_core::{DType, Device, Tensor};
use mapvec_losses::{AnchorScoreConfig, AnchorScoreForm, Error, Reduction, anchor_score_loss};

use crate::support::{
    DTYPES, assert_finite, assert_golden, assert_gradient, assert_near, assert_nothing, even,
    gradient, scalar, tensor, values, var,
};

/// Boxes in the unit square.
fn boxes(n: usize, seed: u64) -> Tensor {
    let corner = even((n, 2), seed, 0.0, 0.6);
    let other = (&corner + even((n, 2), seed + 1, 0.05, 0.4)).unwrap();
    Tensor::cat(&[corner, other], 1).unwrap()
}

fn scene() -> (Tensor, Tensor, [Tensor; 2]) {
    let proposed = Tensor::stack(&[boxes(12, 64000), boxes(12, 64002)], 0).unwrap();
    (even((2, 12), 64008, 0.0, 1.0), proposed, [boxes(3, 64004), boxes(5, 64006)])
}

#[test]
fn losses_equal_the_golden_values() {
    let (confidence, proposed, truth) = scene();
    let (c, p) = (var(&confidence), var(&proposed));
    let golden = [
        (false, 2.364621820416432e-1, [2.041241452319315e-1, 1.231738813154048e-1]),
        (true, 4.0203422456877e-1, [2.041241452319315e-1, 2.075809104538636e-2]),
    ];
    for (normalize, value, [norm, product]) in golden {
        let config = AnchorScoreConfig { normalize, ..AnchorScoreConfig::default() };
        let loss = anchor_score_loss(&c, &p, &truth, None, &config).unwrap();
        assert_golden(&loss, &c, value, norm, product);
        assert!(gradient(&loss, &p).iter().all(|g| *g == 0.0));
        // The scores are the target, so that the boxes are data.
        assert_gradient(std::slice::from_ref(&confidence), |x| {
            anchor_score_loss(&x[0], &proposed, &truth, None, &config)
        });
    }
    let golden = [
        (
            false,
            4.903470865574217e-1,
            [
                [3.614619153450314e-2, -9.888247608112764e-3],
                [2.977390491362313e-1, -4.212479196837384e-2],
            ],
        ),
        (
            true,
            1.043901115817494e-1,
            [
                [3.845917938296015e-2, -1.794951169269545e-2],
                [8.547193759305428e-1, -8.098043047013735e-1],
            ],
        ),
    ];
    for (normalize, value, gradients) in golden {
        let form = AnchorScoreForm::Boxes;
        let config = AnchorScoreConfig { form, normalize, ..AnchorScoreConfig::default() };
        let loss = anchor_score_loss(&c, &p, &truth, None, &config).unwrap();
        for (x, [norm, product]) in [&c, &p].into_iter().zip(gradients) {
            assert_golden(&loss, x, value, norm, product);
        }
        assert_gradient(&[confidence.clone(), proposed.clone()], |x| {
            anchor_score_loss(&x[0], &x[1], &truth, None, &config)
        });
    }
}

#[test]
fn a_box_on_its_object_is_certain() {
    let truth = [boxes(4, 1)];
    let proposed = truth[0].unsqueeze(0).unwrap();
    let ones = Tensor::ones((1, 4), DType::F64, &Device::Cpu).unwrap();
    for form in [AnchorScoreForm::Confidence, AnchorScoreForm::Boxes] {
        let config = AnchorScoreConfig { form, ..AnchorScoreConfig::default() };
        let loss = scalar(&anchor_score_loss(&ones, &proposed, &truth, None, &config).unwrap());
        assert_near(loss.abs(), 1e-3, 1e-9);
    }
}

#[test]
fn nothing_to_find_and_nothing_proposed() {
    for dtype in DTYPES {
        let zeros = |shape: &[usize]| Tensor::zeros(shape, dtype, &Device::Cpu).unwrap();
        let c = var(&even((1, 5), 2, 0.0, 1.0).to_dtype(dtype).unwrap());
        let p = boxes(5, 3).unsqueeze(0).unwrap().to_dtype(dtype).unwrap();
        let none = [zeros(&[0, 4])];
        for form in [AnchorScoreForm::Confidence, AnchorScoreForm::Boxes] {
            let config = AnchorScoreConfig { form, ..AnchorScoreConfig::default() };
            let loss = anchor_score_loss(&c, &p, &none, None, &config).unwrap();
            assert_finite(&loss, &c);
            if form == AnchorScoreForm::Boxes {
                assert_nothing(&loss, &c);
            }
            let empty = var(&zeros(&[1, 0]));
            let truth = [boxes(2, 4).to_dtype(dtype).unwrap()];
            let loss =
                anchor_score_loss(&empty, &zeros(&[1, 0, 4]), &truth, None, &config).unwrap();
            assert_nothing(&loss, &empty);
            let empty = var(&zeros(&[0, 5]));
            let loss = anchor_score_loss(&empty, &zeros(&[0, 5, 4]), &[], None, &config).unwrap();
            assert_nothing(&loss, &empty);
            // No confidence at all.
            let zero = var(&zeros(&[1, 5]));
            let truth = [boxes(2, 4).to_dtype(dtype).unwrap()];
            assert_finite(&anchor_score_loss(&zero, &p, &truth, None, &config).unwrap(), &zero);
            let mut broken = values(&p);
            broken[6] = f64::NAN;
            let broken = tensor(broken, (1, 5, 4)).to_dtype(dtype).unwrap();
            let loss = anchor_score_loss(&c, &broken, &truth, None, &config).unwrap();
            assert!(scalar(&loss).is_nan(), "{loss}");
        }
    }
}

#[test]
fn pictures_have_weights() {
    let (c, p, truth) = scene();
    let config = AnchorScoreConfig::default();
    let each = AnchorScoreConfig { reduction: Reduction::None, ..config.clone() };
    let each = values(&anchor_score_loss(&c, &p, &truth, None, &each).unwrap());
    let weights = tensor(vec![3.0, 1.0], 2);
    let loss = scalar(&anchor_score_loss(&c, &p, &truth, Some(&weights), &config).unwrap());
    assert_near(loss, 0.75 * each[0] + 0.25 * each[1], 1e-12);
    for weight in [-1.0, f64::NAN, f64::INFINITY] {
        let weights = tensor(vec![1.0, weight], 2);
        let wrong = anchor_score_loss(&c, &p, &truth, Some(&weights), &config);
        assert!(matches!(wrong, Err(Error::Target { index: 1, .. })), "{wrong:?}");
    }
    let wrong = anchor_score_loss(&c, &p, &truth[..1], None, &config);
    assert!(matches!(wrong, Err(Error::Length { task: "truth", .. })), "{wrong:?}");
    let wrong = AnchorScoreConfig { iou_weight: 1.5, ..config };
    assert!(wrong.validate().is_err());
}
