//! What is read has the fields that were written and no others.

use mapvec_metrics::{
    Ai4cmaAreaCounts, Ai4cmaPixelCounts, Ai4cmaScore, AplsConfig, AplsCounts, AplsScore, AreaRange,
    BinaryCounts, BinaryScore, BootstrapConfig, BufferedCounts, BufferedScore, CalibrationBin,
    CalibrationCounts, ChartLineCounts, ChartLineScore, CocoConfig, CocoDetection, CocoRecords,
    CocoSelection, CocoTruth, Comparison, Confusion, CurvePoint, DistanceCounts, ErrorSum,
    Interval, LineDistances, MatchedClasses, MatchedClassesConfig, NamedScore, PanopticQuality,
    PolygonMatch, PolygonMatches, PqClasses, PqCounts, PrecisionRecall, Report, SegmentErrors,
    SpacenetConfig, WeightedCounts, WeightedMean, binary_counts, calibration, confusion,
    line_distances, paired_classes, panoptic_classes, pixel_distances,
};
use ndarray::{Array2, array};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Every way to put an unknown field into an object, at any depth that is one of a struct.
fn spoiled(value: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    if let Value::Object(fields) = value {
        let mut one = fields.clone();
        one.insert("unknown".to_owned(), json!(1));
        all.push(Value::Object(one));
        for (name, inner) in fields {
            // The keys of these are data.
            if matches!(name.as_str(), "histogram" | "predicted" | "truth" | "records") {
                continue;
            }
            for inner in spoiled(inner) {
                let mut one = fields.clone();
                one.insert(name.clone(), inner);
                all.push(Value::Object(one));
            }
        }
    }
    if let Value::Array(entries) = value {
        for (place, inner) in entries.iter().enumerate() {
            for inner in spoiled(inner) {
                let mut one = entries.clone();
                one[place] = inner;
                all.push(Value::Array(one));
            }
        }
    }
    all
}

fn faults<T: Serialize + DeserializeOwned>(value: &T) -> Vec<String> {
    let name = std::any::type_name::<T>();
    let written = serde_json::to_value(value).unwrap();
    let mut faults = Vec::new();
    match serde_json::from_value::<T>(written.clone()) {
        Ok(again) if serde_json::to_value(&again).unwrap() == written => {}
        Ok(_) => faults.push(format!("{name}: reads another value than was written")),
        Err(error) => faults.push(format!("{name}: {error}")),
    }
    let spoiled = spoiled(&written);
    assert!(!spoiled.is_empty(), "{name} has no fields");
    for wrong in spoiled {
        if serde_json::from_value::<T>(wrong.clone()).is_ok() {
            faults.push(format!("{name}: {wrong} is read"));
        }
    }
    faults
}

fn default<T: Serialize + DeserializeOwned + Default>() -> Vec<String> {
    faults(&T::default())
}

#[test]
fn unknown_fields_are_refused() {
    let interval = Interval { estimate: 0.5, low: 0.4, high: 0.6, resamples: 100 };
    let mut report = Report::new("x");
    report.push("a", Some(1.0));
    report.push_interval("b", Some(interval));
    let mut records = CocoRecords::new(&CocoConfig::default()).unwrap();
    let truth = [CocoTruth { area: 4.0, ..CocoTruth::default() }];
    records.update(1, 1, &truth, &[], Array2::zeros((0, 1)).view()).unwrap();
    let ids = array![[1_u32, 0]];
    let classes = array![[1_u8, 0]];
    let map = mapvec_metrics::InstanceMap { ids: ids.view(), classes: classes.view() };
    let mask = array![[true, false]];
    let found = [
        default::<Ai4cmaAreaCounts>(),
        default::<Ai4cmaPixelCounts>(),
        default::<Ai4cmaScore>(),
        default::<AplsConfig>(),
        default::<AplsCounts>(),
        default::<AplsScore>(),
        faults(&AreaRange { name: "all".into(), low: 0.0, high: 1.0 }),
        faults(&binary_counts(mask.view(), mask.view(), None).unwrap()),
        default::<BinaryCounts>(),
        default::<BinaryScore>(),
        default::<BootstrapConfig>(),
        default::<BufferedCounts>(),
        default::<BufferedScore>(),
        default::<CalibrationBin>(),
        default::<CalibrationCounts>(),
        faults(&calibration(&[0.5], &[true], 2).unwrap()),
        default::<ChartLineCounts>(),
        default::<ChartLineScore>(),
        default::<CocoConfig>(),
        default::<CocoDetection>(),
        faults(&records),
        default::<CocoSelection>(),
        default::<CocoTruth>(),
        faults(&Comparison { difference: interval, p_value: 0.5 }),
        faults(&confusion(classes.view(), classes.view(), 2, None).unwrap()),
        default::<Confusion>(),
        faults(&CurvePoint { recall: 0.5, precision: 0.5, interval: None }),
        default::<DistanceCounts>(),
        faults(&pixel_distances(mask.view(), mask.view()).unwrap()),
        default::<ErrorSum>(),
        faults(&interval),
        default::<LineDistances>(),
        faults(&line_distances(&[], &[], 1.0).unwrap()),
        default::<MatchedClasses>(),
        faults(&paired_classes(&[Some(1), None], &[0, 1], &[(0, 0)], 2).unwrap()),
        default::<MatchedClassesConfig>(),
        faults::<NamedScore>(&report.scores[0]),
        default::<PanopticQuality>(),
        faults(&PolygonMatch { predicted: 0, truth: 0, iou: 1.0 }),
        default::<PolygonMatches>(),
        default::<PqClasses>(),
        faults(&panoptic_classes(&map, &map, 2, None).unwrap()),
        default::<PqCounts>(),
        faults(&PrecisionRecall { name: String::new(), points: Vec::new() }),
        faults(&report),
        default::<SegmentErrors>(),
        default::<SpacenetConfig>(),
        default::<WeightedCounts>(),
        default::<WeightedMean>(),
    ];
    let found: Vec<String> = found.into_iter().flatten().collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn records_of_images_are_strict_too() {
    let mut records = CocoRecords::new(&CocoConfig::default()).unwrap();
    records.update(1, 1, &[], &[], Array2::zeros((0, 0)).view()).unwrap();
    let mut written = serde_json::to_value(&records).unwrap();
    let record = written.pointer_mut("/records/1/1").unwrap();
    record["unknown"] = json!(1);
    assert!(serde_json::from_value::<CocoRecords>(written).is_err());
}
