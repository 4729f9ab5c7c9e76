//! Colours, noise and blur of pictures.

use std::collections::BTreeSet;

use mapvec_data::{Blur, ColorShift, Error, ImageAutoencoder};
use proptest::prelude::*;

use super::{Sizes, apply, reals, record, sizes};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn colours_shift_by_one_number_per_channel(sizes in sizes(), seed in any::<u64>()) {
        let record = record(sizes, seed);
        let made = apply(&ColorShift::default(), &record, seed).unwrap();
        let [old, new] = [&record, &made].map(|r| reals(r, "img"));
        let period = 256.0 / 255.0;
        let shift = |index: usize| (new[index] - old[index]).rem_euclid(period);
        for (index, value) in new.iter().enumerate() {
            prop_assert!((0.0..=1.0).contains(value));
            let apart = (shift(index) - shift(index % 3)).abs();
            // What is cut off at 1 lacks less than a level of a byte.
            let cut = *value >= 1.0 || new[index % 3] >= 1.0;
            let allowed = if cut { 1.0 / 255.0 + 1e-5 } else { 1e-5 };
            prop_assert!(apart.min(period - apart) < allowed, "{index}: {apart}");
        }
        prop_assert!(new.len() < 3 || (shift(0) - shift(1)).abs() > 1e-7);
    }

    #[test]
    fn blur_is_the_mean_of_neighbours_after_noise(
        sizes in sizes(), seed in any::<u64>(), reach in 0_usize..5, ratio in 0.0..=1.0_f64,
    ) {
        let record = record(sizes, seed);
        let blur = |ratio: f64, noise| Blur {
            ratio: [ratio; 2], kernel: 2 * reach + 1, noise, ..Blur::default()
        };
        let noisy = apply(&blur(0.0, 0.1), &record, seed).unwrap();
        for (old, new) in reals(&record, "img").iter().zip(reals(&noisy, "img")) {
            prop_assert!((0.0..=1.0).contains(new) && (old - new).abs() <= 0.1 + 1e-6);
        }
        // The same noise comes first, whatever the share of the mean.
        let made = apply(&blur(ratio, 0.1), &record, seed).unwrap();
        let (noisy, made) = (reals(&noisy, "img"), reals(&made, "img"));
        let (h, w) = (sizes.height, sizes.width);
        for (index, value) in made.iter().enumerate() {
            let (y, x, c) = (index / 3 / w, index / 3 % w, index % 3);
            let (mut sum, mut count) = (0.0, 0.0);
            for i in y.saturating_sub(reach)..=(y + reach).min(h - 1) {
                for j in x.saturating_sub(reach)..=(x + reach).min(w - 1) {
                    sum += f64::from(noisy[(i * w + j) * 3 + c]);
                    count += 1.0;
                }
            }
            let wanted = ratio * sum / count + (1.0 - ratio) * f64::from(noisy[index]);
            prop_assert!((f64::from(*value) - wanted).abs() < 1e-5);
        }
    }
}

#[test]
fn an_autoencoder_sees_one_channel() {
    let record = record(Sizes { height: 6, width: 8, patterns: 0, vecs: 0, boxes: 0 }, 5);
    let mut seen = BTreeSet::new();
    for seed in 0..40 {
        let made = apply(&ImageAutoencoder { center_shift: 2.0 }, &record, seed).unwrap();
        let plane = reals(&made, "inputs.img");
        assert_eq!(plane, reals(&made, "labels.target_img"));
        let img = reals(&record, "img");
        let channel = (0..3).find(|c| plane.iter().eq(img.iter().skip(*c).step_by(3))).unwrap();
        seen.insert(channel);
        let center = reals(&made, "inputs.center_points");
        assert!((center[0] - 4.0).abs() <= 2.0 && (center[1] - 3.0).abs() <= 2.0);
    }
    assert_eq!(seen.len(), 3, "any channel");
    let made = apply(&ImageAutoencoder::default(), &record, 0).unwrap();
    assert_eq!(reals(&made, "inputs.center_points"), [4.0, 3.0]);
    let again = apply(&ImageAutoencoder::default(), &made, 0);
    assert!(matches!(again, Err(Error::FieldExists { .. })), "labels are not replaced unseen");
}
