//! Labels of pixels.

use mapvec_data::{Error, LineFeatures, PixelSimilarity, PixelSimilarityShapes};
use proptest::prelude::*;

use super::{apply, bytes, is_mean_one, reals, record, shape, sizes};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn line_features_are_the_labels_with_weights(sizes in sizes(), seed in any::<u64>()) {
        let record = record(sizes, seed);
        let made = apply(&LineFeatures::default(), &record, seed).unwrap();
        let (line, shapes) = (bytes(&record, "line_label"), bytes(&record, "shape_label"));
        for (pixel, classes) in reals(&made, "labels.shape_class").chunks(3).enumerate() {
            prop_assert_eq!(classes.iter().sum::<f32>(), 1.0);
            prop_assert_eq!(classes[0] == 1.0, line[pixel] == 0 && shapes[pixel] == 0);
            prop_assert_eq!(classes[2] == 1.0, shapes[pixel] != 0);
            prop_assert_eq!(reals(&made, "weights.angle")[pixel] > 0.0, line[pixel] != 0);
            let any = line[pixel] != 0 || shapes[pixel] != 0;
            prop_assert_eq!(reals(&made, "weights.thickness")[pixel] > 0.0, any);
            prop_assert_eq!(reals(&made, "labels.thickness")[pixel] > 0.0, any);
        }
        for name in ["weights.angle", "weights.thickness", "weights.center_vec"] {
            prop_assert!(is_mean_one(reals(&made, name)), "{}", name);
            prop_assert_eq!(shape(&made, name), &[sizes.height, sizes.width, 1]);
        }
        prop_assert_eq!(reals(&made, "labels.angle"), reals(&record, "angle_label"));
        prop_assert_eq!(reals(&made, "labels.center_vec"), reals(&record, "center_vec_label"));
        prop_assert!(reals(&made, "weights.shape_class").iter().all(|w| *w == 1.0));
    }

    #[test]
    fn similarities_sum_to_one(sizes in sizes(), seed in any::<u64>()) {
        let record = record(sizes, seed);
        let pixels = sizes.height * sizes.width;
        let patterns = apply(&PixelSimilarity { patterns: 5 }, &record, seed).unwrap();
        let shapes = apply(&PixelSimilarityShapes { components: 9 }, &record, seed).unwrap();
        for (made, masks, most) in [(&patterns, "pattern_masks", 5), (&shapes, "shape_masks", 9)] {
            let label = reals(made, "labels.dot_similarity");
            prop_assert_eq!(label.len(), (most + 1) * pixels);
            for pixel in 0..pixels {
                let of = |stack: &[u8]| -> Vec<u8> {
                    stack.iter().skip(pixel).step_by(pixels).copied().collect()
                };
                let inside = of(bytes(&record, masks));
                let count: u8 = inside.iter().sum();
                let values: Vec<f32> = label.iter().skip(pixel).step_by(pixels).copied().collect();
                prop_assert!((values.iter().sum::<f32>() - 1.0).abs() < 1e-6);
                prop_assert_eq!(values[0] == 1.0, count == 0);
                for (index, value) in values[1..].iter().enumerate() {
                    let on = inside.get(index) == Some(&1);
                    let wanted = if on { 1.0 / f32::from(count) } else { 0.0 };
                    prop_assert!((value - wanted).abs() < 1e-6);
                    prop_assert!(masks == "shape_masks" || *value == 0.0 || *value == 1.0);
                }
            }
        }
        if sizes.patterns > 0 {
            let few = PixelSimilarity { patterns: sizes.patterns - 1 };
            prop_assert!(matches!(apply(&few, &record, seed), Err(Error::Config { .. })), "too few");
        }
    }
}
