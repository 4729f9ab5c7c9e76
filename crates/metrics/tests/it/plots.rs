use mapvec_metrics::{
    BinaryCounts, CalibrationCounts, Confusion, CurvePoint, PrecisionRecall, calibration,
    confusion, plot_confusion, plot_precision_recall, plot_reliability,
};
use ndarray::array;
use proptest::prelude::*;

/// The square between the axes: left, top and side, px.
const SQUARE: (f64, f64, f64) = (64.0, 48.0, 360.0);

/// The numbers of an attribute of all elements of a kind.
fn numbers(svg: &str, element: &str, attribute: &str) -> Vec<f64> {
    let elements = svg.split('<').filter(|part| part.split(' ').next() == Some(element));
    let value = |part: &str| {
        let value = part.split(&format!(" {attribute}=\"")).nth(1)?.split('"').next()?;
        value.parse().ok()
    };
    elements.filter_map(value).collect()
}

/// Every element is closed and every number a number.
fn is_well_formed(svg: &str) -> bool {
    let opened = svg.matches("<text").count() == svg.matches("</text>").count();
    let others = ["<rect", "<path", "<circle"].iter().map(|kind| svg.matches(kind).count());
    opened
        && svg.starts_with("<svg ")
        && svg.ends_with("</svg>\n")
        && svg.matches("/>").count() == others.sum::<usize>()
        && !svg.contains("NaN")
        && !svg.contains("inf")
}

#[test]
fn dots_of_a_reliability_diagram_are_where_they_belong() {
    let counts = calibration(&[0.2, 0.4, 0.75, 0.85], &[false, true, true, true], 2).unwrap();
    let svg = plot_reliability("<of> houses", &counts, &[Some([0.25, 0.75]), None]);
    assert!(is_well_formed(&svg) && svg.contains("&lt;of&gt; houses"), "{svg}");
    let (left, top, side) = SQUARE;
    let near = |found: Vec<f64>, expected: [f64; 2]| {
        found.len() == 2 && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 0.01)
    };
    assert!(near(numbers(&svg, "circle", "cx"), [left + 0.3 * side, left + 0.8 * side]), "{svg}");
    assert!(near(numbers(&svg, "circle", "cy"), [top + 0.5 * side, top]), "{svg}");
    // One interval, from 0.25 to 0.75.
    let upright = format!("M{:.2} {:.2}V{:.2}", left + 0.3 * side, top + 270.0, top + 90.0);
    assert_eq!(svg.matches(&upright).count(), 1, "{svg}");
    assert!(svg.contains("calibration error 0.2000") && svg.contains("4 statements, 2 in"));
    let none = plot_reliability("", &CalibrationCounts::default(), &[]);
    assert!(is_well_formed(&none) && none.contains("calibration error undefined"));
}

#[test]
fn curves_have_their_points_and_intervals() {
    let mut curve = PrecisionRecall::at_equal_recalls("a & b", &[1.0, 0.5, f64::NAN, 0.0, 0.0]);
    assert_eq!(curve.points[3], CurvePoint { recall: 0.75, precision: 0.0, interval: None });
    curve.points[1].interval = Some([0.4, 0.7]);
    curve.points[3].interval = Some([0.0, f64::INFINITY]);
    let svg = plot_precision_recall("", &[curve, PrecisionRecall::default()]);
    assert!(is_well_formed(&svg) && svg.contains("a &amp; b"), "{svg}");
    assert!(svg.contains("M64.00 48.00V228.00H154.00V408.00H334.00V408.00H424.00"), "{svg}");
    assert_eq!(numbers(&svg, "circle", "cx"), [154.0]);
}

#[test]
fn cells_of_a_confusion_are_shades_of_their_rows() {
    let truth = array![[0, 0, 0, 0, 1, 1]];
    let predicted = array![[0, 0, 0, 1, 1, 1]];
    let counts = confusion(predicted.view(), truth.view(), 3, None).unwrap();
    let svg = plot_confusion("Classes", &counts, &["ground", "house"]);
    assert!(is_well_formed(&svg), "{svg}");
    for text in ["75.0 %", "25.0 %", "100.0 %", "0.0 %", "ground", "house", ">2<", "83.33 % right"]
    {
        assert!(svg.contains(text), "{text}: {svg}");
    }
    // The third class has no pixels.
    assert_eq!(svg.matches("fill=\"#eee\"").count(), 3, "{svg}");
    let many = confusion(predicted.view(), truth.view(), 256, None).unwrap();
    for counts in [many, Confusion::default()] {
        assert!(is_well_formed(&plot_confusion("", &counts, &[])));
    }
}

proptest! {
    /// Taking all from a probability on for true is counted as by hand.
    #[test]
    fn thresholds_of_counts(
        statements in prop::collection::vec((0.0..=1.0, any::<bool>()), 0..30), bins in 1_usize..9,
    ) {
        let (p, right): (Vec<f64>, Vec<bool>) = statements.iter().copied().unzip();
        let counts = calibration(&p, &right, bins).unwrap().thresholded();
        prop_assert_eq!(counts.len(), bins);
        for (k, found) in counts.iter().enumerate() {
            let mut expected = BinaryCounts::default();
            for &(p, right) in &statements {
                let taken = p >= k as f64 / bins as f64;
                expected.true_positives += u64::from(taken && right);
                expected.false_positives += u64::from(taken && !right);
                expected.false_negatives += u64::from(!taken && right);
            }
            prop_assert_eq!(*found, expected);
        }
        let curve = PrecisionRecall::of_counts("", &counts);
        prop_assert!(curve.points.len() <= bins);
        prop_assert!(curve.points.windows(2).all(|pair| pair[0].recall >= pair[1].recall));
        prop_assert!(is_well_formed(&plot_precision_recall("", &[curve])));
    }
}
