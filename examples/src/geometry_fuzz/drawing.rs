//! Targets that draw, measure and hide shapes.

use super::shapes::{parts, total};
use super::{Bytes, Finding, ensure};
use geo_types::{Line, LineString, Polygon};
use mapvec_geometry::{
    Cap, Dash, Drawing, Hiders, Join, Occlusion, Stroke, VisibleVector, chamfer, dash_line,
    discrete_frechet, draw_labels, fill_coverage, fill_labels, frechet, hausdorff, line_distance,
    orientation_field, point_polygon_distance, polis, polygon_distance, polygon_iou,
    segment_distance, stroke_coverage, stroke_labels, turning_distance, union_all,
    validate_polygon, visible_polygons, visible_regions, visible_runs, visible_vector,
    visible_vertices,
};
use ndarray::Array2;

fn stroke(bytes: &mut Bytes<'_>) -> Stroke {
    Stroke {
        width: bytes.length(),
        cap: [Cap::Butt, Cap::Round, Cap::Square][bytes.below(3)],
        join: [Join::Round, Join::Bevel, Join::Miter][bytes.below(3)],
        dash: bytes.flag().then(|| Dash {
            on: bytes.length(),
            off: bytes.length(),
            offset: bytes.length(),
        }),
    }
}

/// Largest coordinate, in which errors of drawing are counted.
fn far(polygon: &Polygon<f64>) -> f64 {
    polygon.exterior().coords().map(|p| p.x.abs().max(p.y.abs())).fold(0.0, f64::max)
}

/// Coverage is a share, labels are those drawn, and a batch is what its parts are.
pub(super) fn draw(bytes: &mut Bytes<'_>) -> Finding {
    let size = (bytes.below(40), bytes.below(40));
    let (polygons, line, stroke) = (parts(bytes), bytes.line(), stroke(bytes));
    let shares = |what: &str, coverage: &Array2<f32>| {
        let are = coverage.iter().all(|share| (0.0..=1.0).contains(share));
        ensure(are, || format!("{what}: {coverage}"))
    };
    let mut single = Array2::<u32>::zeros(size);
    let mut drawings: Vec<(Drawing<'_>, u32)> = Vec::new();
    for (polygon, id) in polygons.iter().zip(1..) {
        let mut coverage = Array2::<f32>::zeros(size);
        fill_coverage(polygon, &mut coverage);
        shares("fill", &coverage).map_err(|e| format!("{e} {polygon:?}"))?;
        if far(polygon) < 1e6 && validate_polygon(polygon).is_ok() {
            let sum: f64 = coverage.iter().map(|&share| f64::from(share)).sum();
            let area = total(std::slice::from_ref(polygon));
            ensure(sum <= area + 1e-2, || format!("{sum} of {area}: {polygon:?}"))?;
        }
        fill_labels(polygon, id, &mut single);
        drawings.push((Drawing::Area(polygon), id));
    }
    let mut coverage = Array2::<f32>::zeros(size);
    let smooth = stroke_coverage(&line, &stroke, &mut coverage).is_ok();
    shares("stroke", &coverage).map_err(|e| format!("{e} {line:?} {stroke:?}"))?;
    let hard = stroke_labels(&line, &stroke, 99, &mut single).is_ok();
    ensure(smooth == hard, || format!("only one is drawn: {line:?} {stroke:?}"))?;
    drawings.push((Drawing::Line(&line, &stroke), 99));
    let mut batch = Array2::<u32>::zeros(size);
    if draw_labels(&drawings, &mut batch).is_ok() {
        ensure(batch == single, || format!("{batch} {single} {polygons:?} {line:?} {stroke:?}"))?;
    }
    if let Some(dash) = &stroke.dash {
        let _ = dash_line(&line, dash);
    }
    let _ = orientation_field(&[(&line, bytes.length())], size);
    Ok(())
}

/// Measures of finite shapes are not negative, and keep their order.
pub(super) fn measure(bytes: &mut Bytes<'_>) -> Finding {
    let (a, b) = (bytes.line(), bytes.line());
    let tolerance = bytes.length();
    let [one, two] = [&a, &b].map(std::slice::from_ref);
    let coarse = frechet(&a, &b, tolerance);
    for (what, value) in [
        ("hausdorff", hausdorff(one, two, tolerance)),
        ("chamfer", chamfer(one, two, tolerance)),
        ("frechet", coarse.clone()),
        ("discrete", discrete_frechet(&a, &b)),
        ("distance", line_distance(&a, &b)),
        ("turning", turning_distance(&a, &b)),
    ] {
        let Ok(value) = value else { continue };
        ensure(value >= 0.0, || format!("{what} {value}: {a:?} {b:?} {tolerance}"))?;
    }
    let size = a.coords().chain(b.coords()).map(|p| p.x.abs().max(p.y.abs()));
    let slack = 1e-9 * (1.0 + size.fold(0.0, f64::max));
    if let (Ok(fine), Ok(coarse)) = (discrete_frechet(&a, &b), coarse) {
        let ordered = coarse <= fine + tolerance + slack;
        ensure(ordered, || format!("{coarse} above {fine}: {a:?} {b:?}"))?;
    }
    for (s, t) in a.lines().zip(b.lines()) {
        let _ = segment_distance(s, t);
    }
    let (a, b) = (parts(bytes), parts(bytes));
    if let Ok(share) = polygon_iou(&a, &b) {
        ensure((0.0..=1.0).contains(&share), || format!("iou {share}: {a:?} {b:?}"))?;
    }
    for (a, b) in a.iter().zip(&b) {
        let point = b.exterior().0.first().copied().unwrap_or_default();
        let values = [polis(a, b), polygon_distance(a, b), point_polygon_distance(point, a)];
        for value in values.into_iter().flatten() {
            ensure(value >= 0.0, || format!("{value}: {a:?} {b:?}"))?;
        }
    }
    Ok(())
}

/// Visible parts are valid and cover what the shapes cover; runs are in order.
pub(super) fn visible(bytes: &mut Bytes<'_>) -> Finding {
    let polygons = parts(bytes);
    if let Ok(seen) = visible_polygons(&polygons) {
        for polygon in seen.iter().flatten() {
            validate_polygon(polygon).map_err(|e| format!("{e}: {polygons:?}"))?;
        }
        let far = polygons.iter().map(far).fold(0.0, f64::max);
        let area = seen.iter().map(|shape| total(&shape.0)).sum::<f64>();
        if let Ok(whole) = union_all(&polygons) {
            let vertices: usize = polygons.iter().map(|p| p.exterior().0.len() + 20).sum();
            let slack = (vertices + 1).pow(2) as f64 * far * far * 1e-8;
            let whole = total(&whole.0);
            let same = (area - whole).abs() <= slack;
            ensure(same, || format!("{area} of {whole}: {polygons:?}"))?;
        }
    }
    let line: LineString<f64> = bytes.line();
    let labels = bytes.labels();
    let mask = labels.mapv(|label| label > 0);
    let _ = visible_vertices(&line, mask.view());
    let hiders = Hiders::new(&polygons);
    for segment in line.lines() {
        runs(segment, visible_runs(segment, mask.view()))?;
        if let Ok(hiders) = &hiders {
            runs(segment, hiders.visible_runs(segment))?;
        }
    }
    let pixels: usize = visible_regions(labels.view()).iter().map(|(_, count, _)| count).sum();
    let expected = mask.iter().filter(|&&is| is).count();
    ensure(pixels == expected, || format!("{pixels} of {expected} pixels"))?;
    let mut occlusion = Occlusion::new(bytes.below(30), bytes.below(30));
    for id in 0..4 {
        let at = (i64::from(bytes.byte()) - 128, i64::from(bytes.byte()) - 128);
        let before = occlusion.visible(mask.view(), at).area;
        if occlusion.cover(id, mask.view(), at).is_ok() {
            let added = occlusion.owners().iter().filter(|&&owner| owner == id).count();
            ensure(added == before, || format!("{added} of {before} pixels of {id}"))?;
        }
    }
    Ok(())
}

fn runs(segment: Line<f64>, runs: mapvec_geometry::Result<Vec<[f64; 2]>>) -> Finding {
    let Ok(runs) = runs else { return Ok(()) };
    let flat: Vec<f64> = runs.iter().flatten().copied().collect();
    let ordered = flat.windows(2).all(|pair| pair[0] <= pair[1]);
    let inside = flat.iter().all(|t| (0.0..=1.0).contains(t));
    ensure(ordered && inside, || format!("{runs:?} of {segment:?}"))?;
    for rule in [VisibleVector::LongestRun, VisibleVector::Extremes] {
        let found = visible_vector(segment, &runs, rule).is_some();
        ensure(found != runs.is_empty(), || format!("{rule:?} of {runs:?}"))?;
    }
    Ok(())
}
