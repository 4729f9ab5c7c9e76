//! Weights of pixels from labels and instances.

use mapvec_data::{
    BoundaryWeightConfig, BoundaryWeights, Error, Field, InstanceWeightConfig, InstanceWeights,
    LineFeatures, Record, Result, Step, boundary_weights, instance_weights,
};
use ndarray::Array2;
use proptest::prelude::*;

use super::{Sizes, apply, bytes, reals, record, shape, sizes};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// The step is the function on the classes of the pixels, whichever way they are written.
    #[test]
    fn steps_are_the_functions(sizes in sizes(), seed in any::<u64>(), sigma in 0.5..6.0_f64) {
        let record = record(sizes, seed);
        let size = (sizes.height, sizes.width);
        let labelled = apply(&LineFeatures::default(), &record, 0).unwrap();
        let map = BoundaryWeightConfig { sigma, ignore: None, ..BoundaryWeightConfig::default() };
        let step = BoundaryWeights { map: map.clone(), ..BoundaryWeights::default() };
        let made = apply(&step, &labelled, 0).unwrap();
        let (line, shapes) = (bytes(&record, "line_label"), bytes(&record, "shape_label"));
        let class = |(&line, &shape): (&u8, &u8)| if shape != 0 { 2 } else { line };
        let classes: Vec<u8> = line.iter().zip(shapes).map(class).collect();
        let classes = Array2::from_shape_vec(size, classes).unwrap();
        let expected = boundary_weights(classes.view(), &map).unwrap();
        prop_assert_eq!(shape(&made, "weights.shape_class"), &[size.0, size.1]);
        prop_assert!(reals(&made, "weights.shape_class").iter().eq(&expected));
        // Of ids, under another name.
        let mut ids = record.clone();
        let field = Field::new(vec![size.0, size.1, 1], classes.iter().copied().collect::<Vec<_>>());
        ids.insert("class", field.unwrap());
        let named = BoundaryWeights { labels: "class".into(), weights: "weights.class".into(), map };
        let made = apply(&named, &ids, 0).unwrap();
        prop_assert!(reals(&made, "weights.class").iter().eq(&expected));

        // Masks front to back, and the same as ids.
        let step = InstanceWeights {
            map: InstanceWeightConfig { sigma, ..InstanceWeightConfig::default() },
            ..InstanceWeights::default()
        };
        let made = apply(&step, &record, 0).unwrap();
        let masks = bytes(&record, "shape_masks");
        let pixels = size.0 * size.1;
        let first = |pixel: usize| {
            let mut on = masks.iter().skip(pixel).step_by(pixels);
            on.position(|on| *on != 0).map_or(0, |index| i32::try_from(index).unwrap() + 1)
        };
        let ids: Vec<i32> = (0..pixels).map(first).collect();
        let instances = Array2::from_shape_vec(size, ids.iter().map(|&id| id as u32).collect());
        let expected = instance_weights(instances.unwrap().view(), &step.map).unwrap();
        prop_assert!(reals(&made, "weights.shape_class").iter().eq(&expected));
        let mut by_id = record.clone();
        by_id.insert("instance_map", Field::new(vec![size.0, size.1, 1], ids).unwrap());
        let named = InstanceWeights { instances: "instance_map".into(), ..step };
        let made = apply(&named, &by_id, 0).unwrap();
        prop_assert!(reals(&made, "weights.shape_class").iter().eq(&expected));
    }
}

#[test]
fn weights_of_two_steps_are_multiplied() {
    let record = record(Sizes { height: 7, width: 8, patterns: 0, vecs: 2, boxes: 2 }, 3);
    let labelled = apply(&LineFeatures::default(), &record, 0).unwrap();
    let alone = |step: &Step| apply(step, &labelled, 0).unwrap();
    let boundary = Step::BoundaryWeights(BoundaryWeights::default());
    let gaps = Step::InstanceWeights(InstanceWeights::default());
    let both = apply(&gaps, &alone(&boundary), 0).unwrap();
    let (a, b) = (alone(&boundary), alone(&gaps));
    let name = "weights.shape_class";
    let pairs = reals(&a, name).iter().zip(reals(&b, name));
    assert!(reals(&both, name).iter().zip(pairs).all(|(both, (a, b))| *both == a * b));
    assert!(reals(&both, name).iter().any(|weight| *weight > 1.0));
}

#[test]
fn unknown_pixels_have_no_weight() {
    let mut record = Record::new();
    record.insert("class", Field::new(vec![1, 5, 1], vec![0_u8, 0, 1, 255, 0]).unwrap());
    record.insert("ids", Field::new(vec![1, 5, 1], vec![1_i32, 0, 2, 9, 0]).unwrap());
    let run = |text: &str| -> Result<Record> {
        apply(&serde_json::from_str::<Step>(text).unwrap(), &record, 0)
    };
    let made = run(r#"{ "op": "boundary_weights", "labels": "class", "weights": "w" }"#).unwrap();
    let weights = reals(&made, "w");
    assert_eq!((weights[1], weights[2], weights[3]), (11.0, 11.0, 0.0));
    let text = r#"{ "op": "instance_weights", "instances": "ids", "weights": "w",
                    "map": { "ignore": 9, "sigma": 1.0 } }"#;
    let weights = reals(&run(text).unwrap(), "w").to_vec();
    assert_eq!((weights[0], weights[2], weights[3]), (1.0, 1.0, 0.0));
    assert!(weights[1] > 1.0 && weights[4] > 1.0, "{weights:?}");
    for (text, array) in [
        (r#"{ "op": "boundary_weights", "labels": "ids" }"#, "ids"),
        (r#"{ "op": "boundary_weights", "labels": "nothing" }"#, "nothing"),
        (r#"{ "op": "instance_weights", "instances": "nothing" }"#, "nothing"),
    ] {
        let text = run(text).unwrap_err().to_string();
        assert!(text.contains(array), "{text}");
    }
    let negative = Field::new(vec![1, 1, 1], vec![-1_i32]).unwrap();
    record.insert("ids", negative);
    let step = InstanceWeights { instances: "ids".into(), ..InstanceWeights::default() };
    assert!(matches!(apply(&step, &record, 0), Err(Error::FieldValue { .. })));
    let map = BoundaryWeightConfig { sigma: 0.0, ..BoundaryWeightConfig::default() };
    let step = Step::BoundaryWeights(BoundaryWeights { map, ..BoundaryWeights::default() });
    assert!(matches!(step.validate(), Err(Error::Config { field: "sigma", .. })));
}
