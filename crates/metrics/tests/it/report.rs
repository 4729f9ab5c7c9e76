use mapvec_metrics::{Interval, Report};
use proptest::prelude::*;

fn example() -> Report {
    let mut report = Report::new("Roads & <houses>");
    report.push("precision", Some(0.8125));
    report.push("recall | of all", None);
    let interval = Interval { estimate: 0.5, low: 0.4, high: 0.625, resamples: 100 };
    report.push_interval("F1", Some(interval));
    report.push_measure("mean error", Some(1.25), "px");
    report
}

#[test]
fn json_reads_back() {
    let report = example();
    let text = report.to_json();
    assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
    assert!(text.contains("\"value\": null") && text.contains("\"unit\": \"px\""));
    assert!(serde_json::from_str::<Report>("{\"title\":\"\",\"scores\":[],\"more\":1}").is_err());
}

#[test]
fn markdown_is_a_table() {
    let expected = "## Roads & <houses>\n\n\
        | score | value | interval |\n|---|---:|---|\n\
        | precision | 0.8125 | |\n\
        | recall \\| of all | - | |\n\
        | F1 | 0.5000 | 0.4000 to 0.6250 |\n\
        | mean error | 1.2500 px | |\n";
    assert_eq!(example().to_markdown(), expected);
}

#[test]
fn huge_and_undefined_numbers_are_shown() {
    let mut report = Report::new("");
    report.push("low", Some(-1.7e308));
    report.push("high", Some(1.7e308));
    let svg = report.to_svg();
    assert!(svg.contains("-1.700e308") && svg.contains(">0.000<"), "{svg}");
    // Half of the axis each.
    assert_eq!(svg.matches("width=\"170.0\" height=\"14\"").count(), 2, "{svg}");
    report.push("nothing", Some(f64::NAN));
    let interval = Interval { estimate: 0.5, low: f64::NEG_INFINITY, high: 1.0, resamples: 1 };
    report.push_interval("endless", Some(interval));
    let table = report.to_markdown();
    assert!(table.contains("| nothing | - | |\n| endless | 0.5000 | |\n"), "{table}");
}

#[test]
fn bars_are_as_long_as_the_scores() {
    let svg = example().to_svg();
    // The axis is 340 px long.
    assert!(svg.contains("width=\"276.2\" height=\"14\""), "{svg}");
    assert!(svg.contains("width=\"170.0\" height=\"14\""));
    assert_eq!(svg.matches("height=\"14\"").count(), 2, "one bar per score that is a share");
    assert!(svg.contains("Roads &amp; &lt;houses&gt;") && svg.contains("undefined"));
    assert!(!svg.contains("mean error"));
}

proptest! {
    #[test]
    fn any_text_and_number_is_well_formed(
        names in prop::collection::vec(any::<String>(), 0..4),
        value in prop_oneof![any::<f64>(), Just(f64::NAN), 0.0..1.0],
        ends in any::<[f64; 2]>(),
    ) {
        let mut report = Report::new(names.first().map_or("", String::as_str));
        for name in &names {
            report.push(name, Some(value));
            let interval = Interval { estimate: value, low: ends[0], high: ends[1], resamples: 1 };
            report.push_interval(name, Some(interval));
        }
        let svg = report.to_svg();
        let (open, close) = (svg.matches('<').count(), svg.matches('>').count());
        prop_assert_eq!(open, close);
        prop_assert!(!svg.contains("NaN") && !svg.contains("inf\""));
        let rows = report.to_markdown().lines().filter(|line| line.starts_with('|')).count();
        prop_assert_eq!(rows, 2 + report.scores.len());
        prop_assert!(serde_json::from_str::<serde_json::Value>(&report.to_json()).is_ok());
    }
}
