//! Shapes to a raster and back: what polygons, contours, regularized outlines and
//! centrelines keep of the truth, and a georeferenced file of the result.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Parser;
use geo_types::{Geometry, LineString, MultiPolygon, Polygon};
use mapvec_data::{Feature, GeoJsonConfig, to_geojson_with, write_atomic};
use mapvec_examples::canvas::{BLACK, BLUE, COLOURS, Canvas, GREEN, ORANGE, RED, bounds, rings};
use mapvec_examples::plan::{Plan, ROAD, plan};
use mapvec_examples::progress::say;
use mapvec_examples::{make_folder, run, smoke};
use mapvec_geometry::{
    Affine, Cap, CentrelineConfig, CrossingConfig, Drawing, FitConfig, FittedPart, Primitive,
    RegularizeConfig, Stroke, centrelines, contour_polygons, directed_hausdorff, draw_labels,
    fill_coverage, fit_primitives, hausdorff, polygon_area, polygon_iou, polygonize, regularize,
    thin, validate_polygon,
};
use ndarray::Array2;
use serde_json::{Map, Value, json};

/// Writes roundtrip.geojson in metres, roundtrip.png and roundtrip.svg.
#[derive(Debug, Parser)]
struct Args {
    /// Side of the raster in pixels, at least 160.
    #[arg(long, default_value_t = 640)]
    size: u16,
    /// How far vertices may move where outlines are simplified, in pixels.
    #[arg(long, default_value_t = 0.9)]
    tolerance: f64,
    /// Folder for the results.
    #[arg(long, default_value = "out")]
    out: PathBuf,
    /// A small raster, for checks.
    #[arg(long)]
    smoke: bool,
}

/// Half a metre a pixel, north up, in metres of a national grid.
const GEOTRANSFORM: [f64; 6] = [2_600_000.0, 0.5, 0.0, 1_200_000.0, 0.0, -0.5];

fn main() -> ExitCode {
    run(|args: Args| round_trip(&args))
}

fn round_trip(args: &Args) -> Result<()> {
    let side = if args.smoke { 480 } else { args.size };
    ensure!(side >= 160, "--size is {side}; the plan needs at least 160 pixels");
    make_folder(&args.out)?;
    let truth = plan(f64::from(side));
    let labels = draw(&truth, side.into())?;
    let found = trace(&truth, &labels, args.tolerance)?;
    let scores = found.report(&truth)?;
    let affine = Affine::from_gdal(GEOTRANSFORM)?;
    let features = found.features(&affine);
    let members = json!({
        "unit": "metre",
        "axes": "x east, y north",
        "geotransform": GEOTRANSFORM,
    });
    let members = Map::from_iter([("coordinates_of".to_owned(), members)]);
    let text = to_geojson_with(&features, &members, &GeoJsonConfig { decimals: 3 })?;
    write_atomic(&args.out.join("roundtrip.geojson"), text.as_bytes())?;
    picture(&truth, &labels, &found)?.write(&args.out, "roundtrip")?;
    say(&format!("{} features in {}", features.len(), args.out.display()));
    if args.smoke {
        smoke::write(&args.out, scores)?;
    }
    Ok(())
}

/// Lakes, then buildings, then roads over them: one label each.
fn draw(truth: &Plan, side: usize) -> Result<Array2<u32>> {
    let stroke = Stroke { width: ROAD, cap: Cap::Round, ..Stroke::default() };
    let areas = truth.lakes.iter().chain(&truth.buildings).map(Drawing::Area);
    let roads = truth.roads.iter().map(|road| Drawing::Line(road, &stroke));
    let drawings: Vec<_> = areas.chain(roads).zip(1..).collect();
    let mut labels = Array2::zeros((side, side));
    draw_labels(&drawings, &mut labels)?;
    Ok(labels)
}

/// What was found in the raster, in the order of the truth.
struct Found {
    /// Areas with the stairs of the pixels.
    exact: Vec<Polygon<f64>>,
    simple: Vec<Polygon<f64>>,
    /// From the exact coverage of the lakes, with sub-pixel vertices.
    contours: Vec<MultiPolygon<f64>>,
    /// The buildings with straight walls.
    regular: Vec<Polygon<f64>>,
    /// Lines through all pixels, and what stands for each.
    roads: Vec<LineString<f64>>,
    fits: Vec<Vec<FittedPart>>,
    /// Pixels of each area.
    pixels: Vec<usize>,
}

fn trace(truth: &Plan, labels: &Array2<u32>, tolerance: f64) -> Result<Found> {
    let areas = truth.lakes.len() + truth.buildings.len();
    let of = |faces: Vec<(u32, Polygon<f64>)>| -> Vec<Polygon<f64>> {
        let only = faces.into_iter().filter(|(id, _)| (*id as usize) <= areas);
        only.map(|(_, polygon)| polygon).collect()
    };
    let coverage = polygonize(labels.view());
    let mut exact = coverage.polygons();
    exact.sort_by_key(|(id, _)| *id);
    let mut simple = coverage.simplify(tolerance)?.polygons();
    simple.sort_by_key(|(id, _)| *id);
    let (exact, simple) = (of(exact), of(simple));
    ensure!(exact.len() == areas, "{} faces stand for {areas} areas", exact.len());
    simple.iter().try_for_each(validate_polygon)?;
    let contours = truth.lakes.iter().map(|lake| {
        let mut share = Array2::zeros(labels.dim());
        fill_coverage(lake, &mut share);
        Ok(contour_polygons(share.mapv(f64::from).view(), 0.5)?)
    });
    let config = RegularizeConfig { tolerance: 2.0 * tolerance, ..RegularizeConfig::default() };
    let regular = exact[truth.lakes.len()..].iter().map(|house| regularize(house, &config));
    let mask = labels.mapv(|label| label as usize > areas);
    let crossings = CrossingConfig { max_length: 4.0 * ROAD, ..CrossingConfig::default() };
    let config = CentrelineConfig {
        tolerance: 0.0,
        crossings: Some(crossings),
        ..CentrelineConfig::default()
    };
    let lines = centrelines(thin(mask.view()).view(), &config)?;
    let roads: Vec<_> = lines.into_iter().map(|centreline| centreline.line).collect();
    let config = FitConfig { tolerance: 1.25, ..FitConfig::default() };
    let fits = roads.iter().map(|line| fit_primitives(line, &config));
    Ok(Found {
        contours: contours.collect::<Result<_>>()?,
        regular: regular.collect::<Result<_, _>>()?,
        fits: fits.collect::<Result<_, _>>()?,
        pixels: (1..=areas)
            .map(|id| labels.iter().filter(|&&label| label as usize == id).count())
            .collect(),
        exact,
        simple,
        roads,
    })
}

impl Found {
    /// Says how near the shapes are to the truth; the figures by name.
    fn report(&self, truth: &Plan) -> Result<Vec<(&'static str, Value)>> {
        let lakes = truth.lakes.len();
        let equal = self.exact.iter().zip(&self.pixels);
        let equal = equal.filter(|&(polygon, &n)| (polygon_area(polygon) - n as f64).abs() < 1e-9);
        let equal = equal.count();
        say(&format!("areas equal to their pixels: {equal} of {}", self.exact.len()));
        say(&format!("{:<34} {:>9} {:>9} {:>10}", "", "vertices", "mean IoU", "Hausdorff"));
        let as_set = |polygon: &Polygon<f64>| vec![polygon.clone()];
        let multi = |m: &MultiPolygon<f64>| m.0.clone();
        let sets = |polygons: &[Polygon<f64>]| polygons.iter().map(as_set).collect::<Vec<_>>();
        let rows = [
            ("lakes, pixel outlines", sets(&self.exact[..lakes]), &truth.lakes),
            ("lakes, simplified", sets(&self.simple[..lakes]), &truth.lakes),
            (
                "lakes, contours of coverage",
                self.contours.iter().map(multi).collect(),
                &truth.lakes,
            ),
            ("buildings, pixel outlines", sets(&self.exact[lakes..]), &truth.buildings),
            ("buildings, simplified", sets(&self.simple[lakes..]), &truth.buildings),
            ("buildings, regularized", sets(&self.regular), &truth.buildings),
        ];
        for (name, shapes, expected) in &rows {
            let (iou, distance) = compare(shapes, expected)?;
            let count: usize = shapes.iter().flatten().map(vertices).sum();
            say(&format!("{name:<34} {count:>9} {iou:>9.4} {distance:>7.2} px"));
        }
        let count = |polygons: &[Polygon<f64>]| polygons.iter().map(vertices).sum::<usize>();
        say(&format!(
            "{:<34} {:>9}",
            "the truth: lakes; buildings",
            format!("{}; {}", count(&truth.lakes), count(&truth.buildings))
        ));
        let mut worst = 0.0_f64;
        for (line, fits) in self.roads.iter().zip(&self.fits) {
            let curves: Vec<_> = fits.iter().map(|part| part.primitive.flatten(0.01)).collect();
            let distance = directed_hausdorff(&curves, &truth.roads, 0.01)?;
            worst = worst.max(distance);
            let kinds: Vec<&str> = fits.iter().map(kind).collect();
            say(&format!(
                "road of {} pixels: {}; at most {distance:.2} px off the true axis",
                line.0.len(),
                kinds.join(", ")
            ));
        }
        let iou = |k: usize| compare(&rows[k].1, rows[k].2).map(|(iou, _)| json!(iou));
        Ok(vec![
            ("areas_equal", json!(equal)),
            ("simplified_lake_iou", iou(1)?),
            ("contour_lake_iou", iou(2)?),
            ("simplified_building_iou", iou(4)?),
            ("regularized_building_iou", iou(5)?),
            ("regularized_building_vertices", json!(count(&self.regular))),
            ("roads", json!(self.roads.len())),
            ("road_off_axis_within_3_px", json!(worst < 3.0)),
        ])
    }

    /// Features in world coordinates.
    fn features(&self, affine: &Affine) -> Vec<Feature> {
        let feature = |geometry: Geometry<f64>, class: &str| Feature {
            geometry: affine.apply_shape(&geometry),
            properties: Map::from_iter([("class".to_owned(), json!(class))]),
        };
        let lakes = self.contours.iter().map(|lake| feature(lake.clone().into(), "lake"));
        let houses = self.regular.iter().map(|house| feature(house.clone().into(), "building"));
        let roads = self.fits.iter().map(|parts| {
            let mut line = LineString(Vec::new());
            for part in parts {
                let joint = usize::from(!line.0.is_empty());
                line.0.extend(part.primitive.flatten(0.05).0.into_iter().skip(joint));
            }
            feature(line.into(), "road")
        });
        lakes.chain(houses).chain(roads).collect()
    }
}

fn vertices(polygon: &Polygon<f64>) -> usize {
    rings(polygon).map(|ring| ring.0.len() - 1).sum()
}

fn kind(part: &FittedPart) -> &'static str {
    match part.primitive {
        Primitive::Line(_) => "line",
        Primitive::Arc(_) => "arc",
        _ => "cubic",
    }
}

/// Mean IoU and largest Hausdorff distance of the outlines.
fn compare(shapes: &[Vec<Polygon<f64>>], truth: &[Polygon<f64>]) -> Result<(f64, f64)> {
    let (mut iou, mut distance) = (0.0, 0.0_f64);
    for (shape, truth) in shapes.iter().zip(truth) {
        let expected: Vec<_> = rings(truth).cloned().collect();
        let outlines: Vec<_> = shape.iter().flat_map(rings).cloned().collect();
        iou += polygon_iou(shape, std::slice::from_ref(truth))?;
        distance = distance.max(hausdorff(&outlines, &expected, 0.01)?);
    }
    Ok((iou / truth.len() as f64, distance))
}

/// The raster, the shapes found, and a corner of both enlarged.
fn picture(truth: &Plan, labels: &Array2<u32>, found: &Found) -> Result<Canvas> {
    let side = labels.nrows() as f64;
    let mut canvas = Canvas::new(2, [420.0, 420.0]);
    canvas.panel("The raster: a label for each lake, building and road", side)?;
    canvas.cells(labels.view(), 0.8);
    canvas.panel("Contours, regularized buildings, fitted roads", side)?;
    shapes(&mut canvas, found, 2.0);
    canvas.note("roads: straight red, arcs green, cubic curves orange")?;
    // One building with a courtyard, large.
    let index = 5;
    let house = &truth.buildings[index];
    let (low, high) = bounds(&house.clone().into(), 3.0);
    let corner = [low.x, low.y].map(|v| v.floor().max(0.0));
    let width = (high.x - low.x).max(high.y - low.y).ceil();
    let shift = Affine::new([1.0, 0.0, -corner[0]], [0.0, 1.0, -corner[1]])?;
    canvas.panel("A building: its pixels, their outline and the truth (black)", width)?;
    let exact = shift.apply_shape(&found.exact[truth.lakes.len() + index]);
    let (house, regular) = (shift.apply_shape(house), shift.apply_shape(&found.regular[index]));
    canvas.area(&exact, BLUE, 0.3);
    canvas.outline(&exact, BLUE, 1.5);
    canvas.outline(&house, BLACK, 1.5);
    canvas.note(&format!("outline {} vertices, truth {}", vertices(&exact), vertices(&house)))?;
    canvas.panel("The same building regularized", width)?;
    canvas.area(&regular, BLUE, 0.25);
    canvas.outline(&regular, BLUE, 2.0);
    canvas.outline(&house, BLACK, 1.0);
    for ring in rings(&regular) {
        canvas.dots(ring.coords(), RED, 3.5);
    }
    let iou = polygon_iou(std::slice::from_ref(&regular), std::slice::from_ref(&house))?;
    canvas.note(&format!("{} vertices, IoU with the truth {iou:.3}", vertices(&regular)))?;
    Ok(canvas)
}

fn shapes(canvas: &mut Canvas, found: &Found, width: f64) {
    for (k, lake) in found.contours.iter().enumerate() {
        for part in lake {
            canvas.area(part, COLOURS[k], 0.35);
            canvas.outline(part, COLOURS[k], width);
        }
    }
    for house in &found.regular {
        canvas.area(house, [120, 94, 60], 0.35);
        canvas.outline(house, [120, 94, 60], width);
    }
    for part in found.fits.iter().flatten() {
        let colour = match part.primitive {
            Primitive::Line(_) => RED,
            Primitive::Arc(_) => GREEN,
            _ => ORANGE,
        };
        canvas.line(&part.primitive.flatten(0.1), colour, 2.0 * width);
    }
}
