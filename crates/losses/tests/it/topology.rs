//! Thin structures: skeletons, centreline Dice, boundaries that leak.

use candle_core::{DType, Device, Tensor};
use mapvec_losses::{
    Activation, BoundaryAwareConfig, ClDiceConfig, Error, SumOver, boundary_aware, cl_dice,
    dice_cl_dice, soft_skeleton,
};
use mapvec_nn::sigmoid;
use mapvec_testkit::{normal, uniform};

use crate::seeded::{
    Golden, PIXELS, assert_calm, assert_golden, assert_gradient, assert_nothing, descend, logits,
    numbers, scalar, var,
};

/// A thick bar crossed by a thin one, and a frame.
fn lines() -> Tensor {
    let pixel = |i: usize| {
        let (sample, row, column) = (i / 256, i / 16 % 16, i % 16);
        let inside = |from, to| (from..to).contains(&row) && (from..to).contains(&column);
        u8::from(if sample == 0 {
            (4..7).contains(&column) || row == 9
        } else {
            inside(2, 14) && !inside(5, 11)
        })
    };
    let pixels: Vec<u8> = (0..PIXELS).map(pixel).collect();
    Tensor::from_vec(pixels, (2, 1, 16, 16), &Device::Cpu).unwrap()
}

fn first(x: &Tensor) -> Tensor {
    x.narrow(1, 0, 1).unwrap()
}

/// Made with PyTorch in double precision: the published skeleton by its max pooling.
#[test]
fn values_and_gradients_of_pytorch() {
    let y = lines();
    let batch = ClDiceConfig::default();
    let sample = ClDiceConfig { sum_over: SumOver::Sample, ..batch.clone() };
    let along = var(&normal(PIXELS, 50_120), (2, 1, 16, 16), DType::F64);
    let golden =
        Golden::probed(12.614_159_992_415_67, 4.662_138_683_018_846, -3.705_644_861_108_834);
    assert_golden("skeleton", &golden, |x| {
        let skeleton = soft_skeleton(&sigmoid(&first(x))?, 3)?;
        Ok((&skeleton * along.to_dtype(x.dtype())?)?.sum_all()?)
    });
    let golden = Golden::probed(
        0.623_081_896_549_071_6,
        0.015_906_689_917_868_703,
        0.002_471_545_125_282_876_4,
    );
    assert_golden("batch", &golden, |x| Ok(cl_dice(&first(x), &y, &batch)?.loss));
    let golden = Golden::probed(
        0.626_174_895_578_710_5,
        0.016_243_088_021_876_566,
        -0.004_999_004_568_653_015,
    );
    assert_golden("sample", &golden, |x| Ok(cl_dice(&first(x), &y, &sample)?.loss));
    let skeleton = numbers(&soft_skeleton(&y.to_dtype(DType::F64).unwrap(), 3).unwrap());
    assert!((skeleton.iter().sum::<f64>() - 65.0).abs() < 1e-12);
}

#[test]
fn a_line_of_one_pixel_is_its_skeleton_and_a_bar_has_its_middle() {
    let picture = |from: usize, to: usize| -> Vec<f64> {
        (0..15 * 15).map(|i| f64::from(u8::from((from..to).contains(&(i / 15))))).collect()
    };
    let skeleton = |values: &[f64]| {
        numbers(&soft_skeleton(&var(values, (1, 1, 15, 15), DType::F64), 4).unwrap())
    };
    assert_eq!(skeleton(&picture(7, 8)), picture(7, 8));
    assert_eq!(skeleton(&picture(5, 10)), picture(7, 8));
}

#[test]
fn a_gap_costs_its_length_whatever_the_width() {
    let config = ClDiceConfig { activation: Activation::None, ..ClDiceConfig::default() };
    let mut costs = Vec::new();
    for width in [1_usize, 5] {
        let bar = |i: usize| (10..10 + width).contains(&(i / 24));
        let whole: Vec<f64> = (0..24 * 24).map(|i| f64::from(u8::from(bar(i)))).collect();
        let gap = |i: usize| f64::from(u8::from(bar(i) && !(9..15).contains(&(i % 24))));
        let broken: Vec<f64> = (0..24 * 24).map(gap).collect();
        let tensor = |values: &[f64]| var(values, (1, 1, 24, 24), DType::F64);
        let (whole, broken) = (tensor(&whole), tensor(&broken));
        let perfect = scalar(&cl_dice(&whole, &whole, &config).unwrap().loss);
        assert!(perfect.abs() < 1e-12, "{perfect}");
        costs.push(scalar(&cl_dice(&broken, &whole, &config).unwrap().loss));
    }
    assert!(costs[0] > 0.1 && (costs[0] - costs[1]).abs() < 0.05, "{costs:?}");
}

#[test]
fn the_sum_has_its_terms() {
    let y = lines();
    let config = ClDiceConfig { alpha: 0.3, ..ClDiceConfig::default() };
    let x = logits(DType::F64);
    let out = dice_cl_dice(&first(&x), &y, &config).unwrap();
    let (dice, centred) = (out.term("dice").unwrap(), out.term("cl_dice").unwrap());
    assert!((scalar(&out.loss) - 0.7 * dice - 0.3 * centred).abs() < 1e-12);
    assert!((centred - scalar(&cl_dice(&first(&x), &y, &config).unwrap().loss)).abs() < 1e-12);
    assert_gradient("both", x.as_tensor(), |x| Ok(dice_cl_dice(&first(x), &y, &config)?.loss));
}

/// Unknown pixels are as those of a picture where nothing is predicted and nothing is there.
#[test]
fn unknown_pixels_of_centrelines() {
    let config = ClDiceConfig::default();
    let hidden = |i: usize| i % 16 > 11;
    let pixels = lines().flatten_all().unwrap().to_vec1::<u8>().unwrap();
    let masked = |unknown: u8| {
        let pixel = |(i, &y): (usize, &u8)| if hidden(i) { unknown } else { y };
        let pixels: Vec<u8> = pixels.iter().enumerate().map(pixel).collect();
        Tensor::from_vec(pixels, (2, 1, 16, 16), &Device::Cpu).unwrap()
    };
    let x = first(&logits(DType::F64));
    let far: Vec<f64> = numbers(&x)
        .into_iter()
        .enumerate()
        .map(|(i, x)| if hidden(i) { -1e4 } else { x })
        .collect();
    let far = var(&far, (2, 1, 16, 16), DType::F64);
    let found = scalar(&cl_dice(&x, &masked(255), &config).unwrap().loss);
    let expected = scalar(&cl_dice(&far, &masked(0), &config).unwrap().loss);
    assert!((found - expected).abs() < 1e-12, "{found} and {expected}");
    assert_gradient("unknown", &x, |x| Ok(cl_dice(x, &masked(255), &config)?.loss));
    let twos = (lines() * 2.0).unwrap();
    assert!(matches!(cl_dice(&x, &twos, &config), Err(Error::Target { .. })));
}

#[test]
fn limits_of_centrelines() {
    let y = lines();
    let config = ClDiceConfig::default();
    assert_calm("both", |x| Ok(dice_cl_dice(&first(x), &y, &config)?.loss));
    let none = y.zeros_like().unwrap();
    assert_nothing("both", |x| Ok(dice_cl_dice(&first(x), &none, &config)?.loss));
    let x = first(&logits(DType::F32));
    for (field, config) in [
        ("iterations", ClDiceConfig { iterations: 1 << 40, ..config.clone() }),
        ("smooth", ClDiceConfig { smooth: 0.0, ..config.clone() }),
        ("alpha", ClDiceConfig { alpha: -0.1, ..config.clone() }),
        ("activation", ClDiceConfig { activation: Activation::Softmax, ..config }),
    ] {
        let error = cl_dice(&x, &y, &config).unwrap_err().to_string();
        assert!(error.contains(field), "{error}");
    }
}

/// Two halves of a picture, 1 and 2, with a boundary between them.
fn halves(pixels: usize, side: usize) -> Vec<u32> {
    (0..pixels)
        .map(|i| match (i % side).cmp(&(side / 2)) {
            std::cmp::Ordering::Less => 1,
            std::cmp::Ordering::Equal => 0,
            std::cmp::Ordering::Greater => 2,
        })
        .collect()
}

#[test]
fn a_leak_gets_all_of_the_gradient() {
    let side = 9;
    let mut values = vec![-3.0; 81];
    for row in 0..side {
        values[row * side + 4] = 3.0;
    }
    // The leak lies one pixel beside the true boundary: the wall makes a bend there.
    values[5 * side + 4] = -1.0;
    let x = var(&values, (1, 1, side, side), DType::F64);
    let regions = halves(81, side);
    let config = BoundaryAwareConfig::default();
    let (value, gradient) = descend(&x, |x| boundary_aware(x, &regions, &config));
    let s = |x: f64| 1.0 / (1.0 + (-x).exp());
    let expected = (1.0 - (s(-1.0) - s(-3.0))).powi(2);
    assert!((value - expected).abs() < 1e-12, "{value} for {expected}");
    let touched: Vec<usize> = (0..81).filter(|&i| gradient[i].abs() > 0.0).collect();
    assert!(touched.len() == 2 && touched.contains(&(5 * side + 4)), "{touched:?}");
    assert!(gradient[5 * side + 4] < 0.0, "descent closes the leak");
    values[5 * side + 4] = 3.0;
    let closed = var(&values, (1, 1, side, side), DType::F64);
    let closed = scalar(&boundary_aware(&closed, &regions, &config).unwrap());
    assert!(closed < 0.02 && closed < value, "{closed}");
}

#[test]
fn boundaries_may_lie_within_the_margin() {
    let side = 15;
    let wall = |column: usize| -> Vec<f64> {
        (0..side * side).map(|i| if i % side == column { 6.0 } else { -6.0 }).collect()
    };
    let regions = halves(side * side, side);
    let value = |column, margin| {
        let x = var(&wall(column), (1, 1, side, side), DType::F64);
        let config = BoundaryAwareConfig { margin, ..BoundaryAwareConfig::default() };
        scalar(&boundary_aware(&x, &regions, &config).unwrap())
    };
    assert!(value(7, 2) < 0.01 && value(9, 2) < 0.01, "within");
    assert!(value(11, 2) > 0.9 && value(9, 0) > 0.9, "beyond");
}

#[test]
fn gradients_and_limits_of_boundaries() {
    let regions = halves(PIXELS, 16);
    let config = BoundaryAwareConfig::default();
    let noise = var(&uniform(PIXELS, 5, -2.0, 2.0), (2, 1, 16, 16), DType::F64);
    assert_gradient("noise", noise.as_tensor(), |x| boundary_aware(x, &regions, &config));
    assert_calm("boundary", |x| boundary_aware(&first(x), &regions, &config));
    for id in [0, 3] {
        assert_nothing("one", |x| boundary_aware(&first(x), &vec![id; PIXELS], &config));
    }
    let x = logits(DType::F32);
    assert!(matches!(boundary_aware(&x, &regions, &config), Err(Error::Shape { .. })));
    let short = &regions[1..];
    assert!(matches!(boundary_aware(&first(&x), short, &config), Err(Error::Length { .. })));
}
