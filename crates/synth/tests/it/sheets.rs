//! Geometry: valid rings, a partition of the page, lines inside it, repeatability.

use geo_types::{Coord, Polygon};
use mapvec_data::sample_rng;
use mapvec_geometry::{signed_area, validate_line, validate_polygon};
use mapvec_synth::{Sheet, SheetConfig, SheetStyle, generate_sheet};
use proptest::prelude::*;

use crate::{sheet, styles};

fn area(polygon: &Polygon<f64>) -> f64 {
    let rings = std::iter::once(polygon.exterior()).chain(polygon.interiors());
    rings.map(signed_area).sum()
}

fn inside(p: &Coord<f64>, side: f64) -> bool {
    (-1e-9..=side + 1e-9).contains(&p.x) && (-1e-9..=side + 1e-9).contains(&p.y)
}

/// Edges of all rings of a polygon.
fn edges(polygon: &Polygon<f64>) -> impl Iterator<Item = (Coord<f64>, Coord<f64>)> {
    std::iter::once(polygon.exterior())
        .chain(polygon.interiors())
        .flat_map(|ring| ring.0.windows(2).map(|pair| (pair[0], pair[1])))
}

/// Whether a point lies inside, by the even-odd rule: a ray towards +x crosses the rings
/// an odd number of times.
fn holds(polygon: &Polygon<f64>, p: Coord<f64>) -> bool {
    let crossed = |&(a, b): &(Coord<f64>, Coord<f64>)| {
        (a.y > p.y) != (b.y > p.y) && a.x + (p.y - a.y) / (b.y - a.y) * (b.x - a.x) > p.x
    };
    edges(polygon).filter(crossed).count() % 2 == 1
}

fn on_an_edge(polygon: &Polygon<f64>, p: Coord<f64>) -> bool {
    edges(polygon).any(|(a, b)| {
        let (along, to) = (b - a, p - a);
        let t = (to.x * along.x + to.y * along.y) / (along.x * along.x + along.y * along.y);
        let off = to - along * t.clamp(0.0, 1.0);
        off.x.hypot(off.y) < 1e-9
    })
}

/// A digest of everything on a sheet; NaN compares by its bits.
fn digest(sheet: &Sheet) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    let labels = &sheet.sample.labels;
    hasher.update(&sheet.sample.image.iter().copied().collect::<Vec<u8>>());
    for plane in [&labels.boundary, &labels.centreline, &labels.class, &labels.distractor] {
        hasher.update(&plane.iter().copied().collect::<Vec<u8>>());
    }
    for plane in [&labels.angle, &labels.thickness] {
        plane.iter().for_each(|value| {
            hasher.update(&value.to_bits().to_le_bytes());
        });
    }
    hasher.update(format!("{:?}{:?}{:?}", sheet.regions, sheet.shapes, sheet.lines).as_bytes());
    hasher.finalize()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn shapes_are_valid_and_partition_the_page(
        size in 64_u32..160, style in styles(), seed in any::<u64>(),
    ) {
        let sheet = sheet(size, style, seed);
        let side = f64::from(size);
        let mut total = 0.0;
        for shape in &sheet.shapes {
            prop_assert!(validate_polygon(&shape.polygon).is_ok(), "{:?}", shape);
            prop_assert!(shape.polygon.exterior().0.iter().all(|p| inside(p, side)), "outside");
            prop_assert!(area(&shape.polygon) > 0.0, "a shape without area");
            total += area(&shape.polygon);
        }
        // Simplified corners of the page may lose a fraction of a pixel.
        prop_assert!((total - side * side).abs() < 2.0, "areas sum to {total}, page {}", side * side);
    }

    #[test]
    fn a_pixel_belongs_to_the_shape_around_its_centre(
        size in 64_u32..160, style in styles(), seed in any::<u64>(),
    ) {
        let sheet = sheet(size, style, seed);
        prop_assert!(sheet.regions.iter().all(|&id| id >= 1), "a pixel without region");
        let (mut judged, mut sampled) = (0, 0);
        for (at, &id) in sheet.regions.indexed_iter().step_by(37) {
            sampled += 1;
            let centre = Coord { x: at.1 as f64 + 0.5, y: at.0 as f64 + 0.5 };
            // An edge through the centre leaves the choice open.
            if sheet.shapes.iter().any(|shape| on_an_edge(&shape.polygon, centre)) {
                continue;
            }
            judged += 1;
            let around: Vec<u32> = (1..)
                .zip(&sheet.shapes)
                .filter(|(_, shape)| holds(&shape.polygon, centre))
                .map(|(id, _)| id)
                .collect();
            prop_assert_eq!(around, vec![id], "at {:?}", at);
        }
        prop_assert!(10 * judged > 9 * sampled, "{judged} of {sampled} pixels judged");
    }

    #[test]
    fn lines_are_valid_and_inside(size in 64_u32..160, style in styles(), seed in any::<u64>()) {
        let sheet = sheet(size, style, seed);
        if style == SheetStyle::Town {
            prop_assert!(sheet.lines.is_empty(), "tram tracks are no line features");
        }
        for line in &sheet.lines {
            prop_assert!(validate_line(&line.line).is_ok(), "{:?}", line.line);
            prop_assert!(line.line.0.iter().all(|p| inside(p, f64::from(size))), "outside");
            prop_assert!(line.width > 0.3 && line.width < 40.0, "width {}", line.width);
        }
    }
}

#[test]
fn equal_seeds_give_equal_bytes_at_any_number_of_threads() {
    let pool = |threads| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool of threads")
    };
    for style in [SheetStyle::Town, SheetStyle::Topographic, SheetStyle::Rural] {
        let one = pool(1).install(|| digest(&sheet(150, style, 5)));
        let four = pool(4).install(|| digest(&sheet(150, style, 5)));
        assert_eq!(one, four, "{style:?} depends on the number of threads");
        assert_ne!(one, digest(&sheet(150, style, 6)), "{style:?} ignores the seed");
    }
}

#[test]
fn settings_out_of_range_are_refused() {
    let config = SheetConfig { size: 63, ..SheetConfig::default() };
    let message = generate_sheet(&config, &mut sample_rng(0, 0)).unwrap_err().to_string();
    assert!(message.contains("size = 63"), "{message}");
}

#[test]
fn extremes_of_the_settings_give_sheets() {
    for style in [SheetStyle::Town, SheetStyle::Topographic, SheetStyle::Rural] {
        let none = SheetConfig {
            size: 64,
            style,
            text: 0.0,
            distractors: 0.0,
            textures: 0.0,
            outline_width: 0.3,
            missing_outlines: 0.0,
            degradation: 0.0,
            tolerance: 0.0,
        };
        let all = SheetConfig {
            size: 96,
            text: 4.0,
            distractors: 4.0,
            textures: 1.0,
            outline_width: 3.0,
            missing_outlines: 1.0,
            degradation: 2.0,
            tolerance: 2.0,
            ..none.clone()
        };
        for config in [none, all] {
            for seed in 0..4 {
                let sheet = generate_sheet(&config, &mut sample_rng(seed, 1));
                assert!(sheet.is_ok(), "{config:?}, seed {seed}: {:?}", sheet.err());
            }
        }
    }
}
