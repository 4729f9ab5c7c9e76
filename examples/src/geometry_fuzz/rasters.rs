//! Targets that read rasters.

use super::{Bytes, Finding, ensure};
use mapvec_geometry::{
    CentrelineConfig, Connectivity, ContourBorder, ContourConfig, CrossingConfig, FitConfig,
    GapConfig, Simplification, centrelines, contour_polygons, fit_primitives, polygonize_with,
    signed_area, simplify_line, thin, validate_multi_polygon, validate_polygon, widths_along,
};

/// Polygons of a label map are valid and have its area, simplified or not.
pub(super) fn polygonize(bytes: &mut Bytes<'_>) -> Finding {
    let labels = bytes.labels();
    let connectivity = if bytes.flag() { Connectivity::Eight } else { Connectivity::Four };
    let coverage = polygonize_with(labels.view(), connectivity);
    let mut total = 0.0;
    for (_, feature) in coverage.multi_polygons() {
        validate_multi_polygon(&feature).map_err(|e| format!("{e}: {feature:?}"))?;
        for polygon in &feature {
            total += signed_area(polygon.exterior());
            total += polygon.interiors().iter().map(signed_area).sum::<f64>();
        }
    }
    let pixels = labels.iter().filter(|&&label| label > 0).count() as f64;
    ensure((total - pixels).abs() <= 0.0, || format!("area {total} of {pixels} pixels"))?;
    let method = match bytes.below(3) {
        0 => Simplification::Distance { tolerance: bytes.length() },
        1 => Simplification::DouglasPeucker { tolerance: bytes.length() },
        _ => Simplification::Visvalingam { area: bytes.length() },
    };
    let Ok(simple) = coverage.simplify_with(method) else { return Ok(()) };
    ensure(simple.len() == coverage.len(), || format!("{method:?} loses faces"))?;
    for (_, feature) in simple.multi_polygons() {
        validate_multi_polygon(&feature).map_err(|e| format!("{method:?}: {e}: {feature:?}"))?;
    }
    for (_, polygon) in simple.polygons() {
        validate_polygon(&polygon).map_err(|e| format!("{method:?}: {e}: {polygon:?}"))?;
    }
    Ok(())
}

/// Skeletons do not change when thinned again; centrelines are lines inside the raster.
pub(super) fn lines(bytes: &mut Bytes<'_>) -> Finding {
    let mask = bytes.labels().mapv(|label| label > 0);
    let skeleton = thin(mask.view());
    ensure(thin(skeleton.view()) == skeleton, || "the skeleton can be thinned".to_owned())?;
    let config = CentrelineConfig {
        min_spur: bytes.length(),
        min_length: bytes.length(),
        tolerance: bytes.length(),
        gaps: bytes.flag().then(|| GapConfig {
            max_gap: bytes.length(),
            max_angle: bytes.length() / 10.0,
            max_offset: bytes.length() / 10.0,
            reach: bytes.length(),
        }),
        crossings: bytes.flag().then(|| CrossingConfig {
            max_length: bytes.length(),
            max_angle: bytes.length() / 10.0,
            reach: bytes.length(),
            join: bytes.flag(),
        }),
    };
    let Ok(found) = centrelines(skeleton.view(), &config) else { return Ok(()) };
    let (height, width) = (mask.nrows() as f64, mask.ncols() as f64);
    let _ = widths_along(&found, mask.view());
    let fit = FitConfig { tolerance: bytes.length(), arcs: bytes.flag(), cubics: bytes.flag() };
    for line in found {
        let inside = line
            .line
            .coords()
            .all(|p| (0.0..=width).contains(&p.x) && (0.0..=height).contains(&p.y));
        ensure(inside && line.line.0.len() > 1, || format!("{:?}", line.line))?;
        let _ = simplify_line(&line.line, bytes.number());
        if let Ok(parts) = fit_primitives(&line.line, &fit) {
            let most = parts.iter().map(|part| part.error).fold(0.0, f64::max);
            ensure(most <= fit.tolerance * (1.0 + 1e-9) + 1e-9, || format!("{most} off"))?;
        }
    }
    let _ = fit_primitives(&bytes.line(), &fit);
    Ok(())
}

/// Contours are finite and the areas above a level valid.
pub(super) fn contours(bytes: &mut Bytes<'_>) -> Finding {
    let field = bytes.field();
    let level = if bytes.flag() { bytes.length() } else { field.first().copied().unwrap_or(0.0) };
    for border in [ContourBorder::Open, ContourBorder::Closed] {
        let config = ContourConfig { border };
        let Ok(lines) = mapvec_geometry::contours(field.view(), level, &config) else { continue };
        for line in lines {
            let finite = line.coords().all(|p| p.x.is_finite() && p.y.is_finite());
            let closed = line.is_closed() || border == ContourBorder::Open;
            ensure(finite && closed && line.0.len() > 1, || format!("{line:?}"))?;
        }
    }
    let finite = field.iter().all(|v| v.is_finite()) && level.is_finite();
    match contour_polygons(field.view(), level) {
        Ok(areas) => validate_multi_polygon(&areas).map_err(|e| format!("{e}: {areas:?}")),
        Err(error) => ensure(!finite, || format!("{error}: {field} at {level}")),
    }
}
