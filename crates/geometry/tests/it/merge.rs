//! Features cut by the cores of tiles come back as the whole raster has them.

use geo_types::{Coord, LineString, Polygon};
use mapvec_geometry::{
    CentrelineConfig, Coverage, Error, LinePiece, Stroke, TileConfig, TileLabels, TilePolygons,
    Window, centrelines, clip_line, fill_labels, line_length, match_labels, merge_lines,
    merge_polygons, polygon_area, polygonize, signed_area, simplify_line, stroke_coverage, tiles,
    validate_polygon,
};
use ndarray::{Array2, s};
use proptest::prelude::*;
use std::collections::HashMap;

fn labels() -> impl Strategy<Value = Array2<u32>> {
    (1_usize..28, 1_usize..28, 1_u32..5, 1_usize..6, 0_u32..2).prop_flat_map(
        |(height, width, highest, block, lowest)| {
            let highest = highest.max(lowest);
            proptest::collection::vec(lowest..=highest, height * width).prop_map(move |cells| {
                Array2::from_shape_fn((height, width), |(i, j)| {
                    cells[(i / block) * width + (j + i % block) / block]
                })
            })
        },
    )
}

/// Windows that partition a page: columns of random widths, each cut at random rows.
fn partition((height, width): (usize, usize), cuts: &[u8]) -> Vec<Window> {
    let mut cuts = cuts.iter().cycle().map(|&cut| u32::from(cut) % 13 + 1);
    let mut next = || cuts.next().unwrap_or(1);
    let (height, width) = (height as u32, width as u32);
    let mut windows = Vec::new();
    let mut x = 0;
    while x < width {
        let across = next().min(width - x);
        let mut y = 0;
        while y < height {
            let down = next().min(height - y);
            windows.push(Window { x, y, width: across, height: down });
            y += down;
        }
        x += across;
    }
    windows
}

fn shifted(line: &LineString<f64>, (x, y): (u32, u32)) -> LineString<f64> {
    let by = Coord { x: f64::from(x), y: f64::from(y) };
    line.coords().map(|&p| p + by).collect()
}

fn view(map: &Array2<u32>, window: Window) -> ndarray::ArrayView2<'_, u32> {
    let [x, y, width, height] =
        [window.x, window.y, window.width, window.height].map(|v| v as usize);
    map.slice(s![y..y + height, x..x + width])
}

/// The polygons of one core in coordinates of the page.
fn of_core(map: &Array2<u32>, core: Window) -> TilePolygons {
    on_page(&polygonize(view(map, core)), core)
}

fn on_page(coverage: &Coverage, core: Window) -> TilePolygons {
    let on_page = |(label, polygon): (u32, Polygon<f64>)| {
        let holes = polygon.interiors().iter().map(|ring| shifted(ring, (core.x, core.y)));
        let exterior = shifted(polygon.exterior(), (core.x, core.y));
        (label, Polygon::new(exterior, holes.collect()))
    };
    TilePolygons { core, polygons: coverage.polygons().into_iter().map(on_page).collect() }
}

fn order(p: &Coord<f64>, q: &Coord<f64>) -> std::cmp::Ordering {
    p.y.total_cmp(&q.y).then(p.x.total_cmp(&q.x))
}

/// Rotates rings to their topmost vertex and sorts holes by it.
fn canonical(polygon: &Polygon<f64>) -> Polygon<f64> {
    let turned = |ring: &LineString<f64>| {
        let mut points = ring.0.clone();
        points.pop();
        let start = (0..points.len()).min_by(|&k, &l| order(&points[k], &points[l]));
        points.rotate_left(start.unwrap_or(0));
        points.push(points[0]);
        LineString(points)
    };
    let mut holes: Vec<_> = polygon.interiors().iter().map(turned).collect();
    holes.sort_by(|a, b| order(&a.0[0], &b.0[0]));
    Polygon::new(turned(polygon.exterior()), holes)
}

fn area(polygon: &Polygon<f64>) -> f64 {
    signed_area(polygon.exterior()) + polygon.interiors().iter().map(signed_area).sum::<f64>()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn polygons_of_cores_are_those_of_the_raster(
        map in labels(),
        cuts in proptest::collection::vec(any::<u8>(), 1..9),
    ) {
        let parts: Vec<_> = partition(map.dim(), &cuts).into_iter().map(|core| of_core(&map, core)).collect();
        let merged = merge_polygons(&parts)?;
        let whole: Vec<_> = polygonize(map.view())
            .polygons()
            .iter()
            .map(|(label, polygon)| (*label, canonical(polygon)))
            .collect();
        prop_assert_eq!(&merged, &whole, "{}", map);
        let backwards: Vec<_> = parts.into_iter().rev().collect();
        prop_assert_eq!(merge_polygons(&backwards)?, whole);
    }

    #[test]
    fn tiles_with_a_halo_have_cores_that_merge(
        map in labels(),
        size in 1_u32..14,
        margin in 0_u32..4,
    ) {
        let (height, width) = map.dim();
        let config = TileConfig { size: size + 2 * margin, margin };
        let tiles = tiles(width as u32, height as u32, &config)?;
        let parts: Vec<_> = tiles.iter().map(|tile| of_core(&map, tile.core)).collect();
        let whole = polygonize(map.view()).polygons();
        let whole: Vec<_> = whole.iter().map(|(label, polygon)| (*label, canonical(polygon))).collect();
        prop_assert_eq!(merge_polygons(&parts)?, whole);
    }

    /// Each tile numbers the regions that it sees in its own way.
    #[test]
    fn instances_of_tiles_are_matched_by_their_overlap(
        map in labels(),
        size in 1_u32..14,
        margin in 1_u32..4,
        min_iou in 0.51..1.0,
        mix in 1_u32..1000,
    ) {
        let (height, width) = map.dim();
        let mut regions = Array2::zeros(map.dim());
        for (id, (_, polygon)) in (1..).zip(polygonize(map.view()).polygons()) {
            fill_labels(&polygon, id, &mut regions);
        }
        let config = TileConfig { size: size + 2 * margin, margin };
        let mut maps = Vec::new();
        for (index, tile) in (1..).zip(tiles(width as u32, height as u32, &config)?) {
            let core = tile.core;
            let (x, y) = (core.x.saturating_sub(margin), core.y.saturating_sub(margin));
            let end = |v: u32, side: usize| (v + margin).min(side as u32);
            let seen = Window {
                x,
                y,
                width: end(core.x + core.width, width) - x,
                height: end(core.y + core.height, height) - y,
            };
            // Numbers that change from tile to tile; 0 stays, and no two become one.
            let own = |&id: &u32| if id == 0 { 0 } else { 1 + (id ^ (mix * index)) };
            maps.push((core, seen, view(&regions, seen).map(own)));
        }
        let tiles: Vec<_> =
            maps.iter().map(|(_, window, map)| TileLabels { window: *window, labels: map.view() }).collect();
        let numbers = match_labels(&tiles, min_iou)?;
        let mut parts = Vec::new();
        for ((core, seen, map), numbers) in maps.iter().zip(&numbers) {
            let inside = Window { x: core.x - seen.x, y: core.y - seen.y, ..*core };
            let own = view(map, inside).map(|label| numbers.get(label).copied().unwrap_or(0));
            parts.push(on_page(&polygonize(own.view()), *core));
        }
        let merged = merge_polygons(&parts)?;
        let whole = polygonize(regions.view()).polygons();
        let mut names = HashMap::new();
        for ((number, polygon), (id, other)) in merged.iter().zip(&whole) {
            prop_assert_eq!(polygon, &canonical(other));
            prop_assert_eq!(*names.entry(*number).or_insert(*id), *id);
        }
        prop_assert_eq!((merged.len(), names.len()), (whole.len(), whole.len()));
    }

    /// Simplified tile by tile, before they are merged, the polygons differ from those
    /// simplified as a whole, but what shares edges goes on to do so.
    #[test]
    fn simplified_cores_merge_to_a_partition(
        map in labels(),
        cuts in proptest::collection::vec(any::<u8>(), 1..9),
        tolerance in 0.0..4.0,
    ) {
        let map = map.mapv(|label| label + 1);
        let parts: Vec<_> = partition(map.dim(), &cuts)
            .into_iter()
            .map(|core| Ok(on_page(&polygonize(view(&map, core)).simplify(tolerance)?, core)))
            .collect::<Result<_, Error>>()?;
        let merged = merge_polygons(&parts)?;
        prop_assert_eq!(merged.len(), polygonize(map.view()).len());
        let mut used = HashMap::new();
        let key = |a: Coord<f64>, b: Coord<f64>| [a.x, a.y, b.x, b.y].map(f64::to_bits);
        let mut total = 0.0;
        for (_, polygon) in &merged {
            prop_assert_eq!(validate_polygon(polygon), Ok(()));
            total += area(polygon);
            for ring in std::iter::once(polygon.exterior()).chain(polygon.interiors()) {
                for line in ring.lines() {
                    prop_assert!(used.insert(key(line.start, line.end), line).is_none());
                }
            }
        }
        prop_assert!((total - map.len() as f64).abs() < 1e-9);
        let (height, width) = (map.nrows() as f64, map.ncols() as f64);
        for line in used.values().filter(|line| !used.contains_key(&key(line.end, line.start))) {
            let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
            let on_side = |a: f64, b: f64, end: f64| near(a, b) && (near(a, 0.0) || near(a, end));
            prop_assert!(
                on_side(line.start.x, line.end.x, width) || on_side(line.start.y, line.end.y, height),
                "a gap beside {:?}", line
            );
        }
    }
}

fn square(x: f64, y: f64, side: f64) -> Polygon<f64> {
    let ring = vec![(x, y), (x + side, y), (x + side, y + side), (x, y + side), (x, y)];
    Polygon::new(ring.into(), Vec::new())
}

fn window(x: u32, y: u32, width: u32, height: u32) -> Window {
    Window { x, y, width, height }
}

#[test]
fn what_does_not_fit_is_an_error() {
    let tile = |core, polygon| TilePolygons { core, polygons: vec![(1, polygon)] };
    let outside = merge_polygons(&[tile(window(0, 0, 4, 4), square(3.0, 0.0, 2.0))]);
    let Err(Error::Item { list: "polygons", index: 0, source }) = outside else {
        panic!("{outside:?}");
    };
    assert!(matches!(*source, Error::Parameter { field: "polygon.x", .. }), "{source}");
    let twice = tile(window(0, 0, 4, 4), square(0.0, 0.0, 2.0));
    let overlap = merge_polygons(&[twice.clone(), twice]);
    assert!(matches!(overlap, Err(Error::MultiPolygon(_))), "{overlap:?}");
    let good = tile(window(0, 0, 4, 4), square(0.0, 0.0, 2.0));
    let nan = tile(window(0, 0, 4, 4), square(f64::NAN, 0.0, 2.0));
    assert!(matches!(merge_polygons(&[good, nan]), Err(Error::Item { index: 1, .. })));
    assert_eq!(merge_polygons(&[]), Ok(Vec::new()));
}

#[test]
fn labels_that_overlap_little_stay_apart() {
    let (a, b) = (ndarray::array![[5, 5, 5, 0]], ndarray::array![[7, 7, 8, 8]]);
    let tiles = [(0, &a), (1, &b)]
        .map(|(x, map)| TileLabels { window: window(x, 0, 4, 1), labels: map.view() });
    // Both tiles see three pixels: 5 5 0 and 7 7 8.
    let numbers = |min_iou| match_labels(&tiles, min_iou).unwrap();
    assert_eq!(numbers(1.0)[1][&7], numbers(1.0)[0][&5]);
    assert_eq!(numbers(1.0)[1].len(), 2);
    let bad = [TileLabels { window: window(0, 0, 3, 1), labels: a.view() }];
    assert!(matches!(match_labels(&bad, 0.6), Err(Error::Parameter { .. })));
    assert!(match_labels(&tiles, 0.0).is_err());
}

#[test]
fn labels_and_points_keep_polygons_apart() {
    let tile = |core, label, polygon| TilePolygons { core, polygons: vec![(label, polygon)] };
    let left = tile(window(0, 0, 4, 8), 1, square(2.0, 2.0, 2.0));
    let beside = tile(window(4, 0, 4, 8), 2, square(4.0, 2.0, 2.0));
    assert_eq!(merge_polygons(&[left.clone(), beside]).unwrap().len(), 2);
    let corner = tile(window(4, 0, 4, 8), 1, square(4.0, 4.0, 2.0));
    assert_eq!(merge_polygons(&[left.clone(), corner]).unwrap().len(), 2);
    // Sides that overlap in part: one polygon, with real coordinates as they were.
    let part = tile(window(4, 0, 4, 8), 1, square(4.0, 2.7, 2.3));
    let merged = merge_polygons(&[left, part]).unwrap();
    assert_eq!(merged.len(), 1);
    assert_eq!(merged[0].1.exterior().0.len(), 9);
    assert!((polygon_area(&merged[0].1) - 4.0 - 2.3 * 2.3).abs() < 1e-12);
}

fn cut_up(lines: &[(u32, LineString<f64>)], windows: &[Window]) -> Result<Vec<LinePiece>, Error> {
    let mut pieces = Vec::new();
    for &window in windows {
        for (label, line) in lines {
            pieces.extend(clip_line(line, *label, window)?);
        }
    }
    Ok(pieces)
}

/// A line in the direction that begins at its upper end.
fn upright(line: &LineString<f64>) -> Vec<Coord<f64>> {
    let mut points = line.0.clone();
    let back: Vec<_> = points.iter().rev().copied().collect();
    let key = |points: &[Coord<f64>]| points.iter().map(|p| (p.y, p.x)).collect::<Vec<_>>();
    if key(&back) < key(&points) {
        points = back;
    }
    points
}

fn sorted(lines: impl IntoIterator<Item = LineString<f64>>) -> Vec<Vec<Coord<f64>>> {
    let mut lines: Vec<_> = lines.into_iter().map(|line| upright(&line)).collect();
    let bits = |line: &Vec<Coord<f64>>| {
        line.iter().map(|p| (p.y.to_bits(), p.x.to_bits())).collect::<Vec<_>>()
    };
    lines.sort_by_key(bits);
    lines
}

fn page_line(points: usize) -> impl Strategy<Value = LineString<f64>> {
    proptest::collection::vec((0.01..29.99, 0.01..29.99), 2..points).prop_map(LineString::from)
}

fn lattice_line() -> impl Strategy<Value = LineString<f64>> {
    proptest::collection::vec((0_u8..60, 0_u8..60), 2..8).prop_filter_map("a point", |points| {
        let point = |(x, y)| (0.5 * f64::from(x), 0.5 * f64::from(y));
        let mut points: Vec<_> = points.into_iter().map(point).collect();
        points.dedup();
        (points.len() > 1).then(|| points.into())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn lines_come_back_as_they_were(
        lines in proptest::collection::vec(page_line(9), 1..6),
        cuts in proptest::collection::vec(any::<u8>(), 1..9),
    ) {
        let lines: Vec<_> = lines.into_iter().map(|line| (4, line)).collect();
        let windows = partition((30, 30), &cuts);
        let merged = merge_lines(&cut_up(&lines, &windows)?, 1e-6)?;
        prop_assert!(merged.iter().all(|piece| piece.cut == [false; 2]));
        let merged = sorted(merged.into_iter().map(|piece| piece.line));
        prop_assert_eq!(merged, sorted(lines.into_iter().map(|(_, line)| line)));
    }

    /// Lines with vertices and stretches on the borders of cores.
    #[test]
    fn lines_along_borders_have_one_owner(
        lines in proptest::collection::vec(lattice_line(), 1..4),
        closed in any::<bool>(),
        cuts in proptest::collection::vec(any::<u8>(), 1..9),
    ) {
        let close = |line: LineString<f64>| {
            let mut points = line.0;
            if closed && points.len() > 2 && points[0] != points[points.len() - 1] {
                points.push(points[0]);
            }
            LineString(points)
        };
        let lines: Vec<_> = (0..).zip(lines.into_iter().map(close)).collect();
        let windows = partition((31, 31), &cuts);
        let pieces = cut_up(&lines, &windows)?;
        let merged = merge_lines(&pieces, 1e-9)?;
        prop_assert_eq!(merged.len(), lines.len(), "{:?}", merged);
        for (label, line) in &lines {
            let own = pieces.iter().filter(|piece| piece.label == *label);
            let length: f64 = own.map(|piece| line_length(&piece.line)).sum();
            prop_assert!((length - line_length(line)).abs() < 1e-9);
            let piece = merged.iter().find(|piece| piece.label == *label).unwrap();
            prop_assert_eq!(piece.cut, [false; 2]);
            prop_assert!((line_length(&piece.line) - line_length(line)).abs() < 1e-9);
            let ends = |line: &LineString<f64>| {
                let line = upright(line);
                [line[0], line[line.len() - 1]]
            };
            prop_assert_eq!(ends(&piece.line), ends(line));
        }
    }

    /// Both sides of a border may see a line slightly differently.
    #[test]
    fn ends_meet_within_the_tolerance(
        lines in proptest::collection::vec(page_line(4), 1..3),
        noise in proptest::collection::vec(-0.0005..0.0005, 8),
        cut in 5_u32..25,
    ) {
        let lines: Vec<_> = (0..).zip(lines).collect();
        let mut pieces = cut_up(&lines, &[window(0, 0, cut, 30), window(cut, 0, 30 - cut, 30)])?;
        for (piece, noise) in pieces.iter_mut().zip(noise.iter().cycle()) {
            let last = piece.line.0.len() - 1;
            for (end, k) in [(0, 0), (1, last)] {
                if piece.cut[end] {
                    piece.line.0[k].y += noise;
                }
            }
        }
        let merged = merge_lines(&pieces, 0.01)?;
        prop_assert!(merged.iter().all(|piece| piece.cut == [false; 2]), "{:?}", merged);
        let length = |lines: &[LinePiece]| lines.iter().map(|l| line_length(&l.line)).sum::<f64>();
        prop_assert!((length(&merged) - length(&pieces)).abs() < 0.001 * pieces.len() as f64);
    }
}

#[test]
fn direction_decides_where_lines_cross_on_a_border() {
    let line = |points: &[(f64, f64)]| LineString::from(points.to_vec());
    let lines = [
        (1, line(&[(1.0, 1.0), (8.0, 8.0)])),
        (1, line(&[(1.0, 8.0), (8.0, 1.0)])),
        (1, line(&[(2.0, 4.5), (4.5, 4.5)])),
    ];
    let windows = [window(0, 0, 4, 9), window(4, 0, 5, 9)];
    let merged = merge_lines(&cut_up(&lines, &windows).unwrap(), 1.2).unwrap();
    let merged = sorted(merged.into_iter().map(|piece| piece.line));
    assert_eq!(merged, sorted(lines.into_iter().map(|(_, line)| line)));
}

#[test]
fn other_labels_and_own_ends_are_not_joined() {
    let piece =
        |label, points: &[(f64, f64)], cut| LinePiece { label, line: points.to_vec().into(), cut };
    let left = piece(1, &[(0.0, 1.0), (4.0, 1.0)], [false, true]);
    let other = piece(2, &[(4.0, 1.0), (8.0, 1.0)], [true, false]);
    let own = piece(1, &[(4.0, 1.0), (8.0, 2.0)], [false, false]);
    let pieces = [left, other, own];
    assert_eq!(merge_lines(&pieces, 1.0).unwrap(), pieces);
    assert!(merge_lines(&pieces, -1.0).is_err());
    let point = piece(1, &[(0.0, 1.0), (0.0, 1.0)], [true, true]);
    let source = Box::new(Error::LineTooShort { distinct: 1 });
    let refused = merge_lines(&[pieces[0].clone(), point], 1.0);
    assert_eq!(refused, Err(Error::Item { list: "pieces", index: 1, source }));
    assert!(clip_line(&vec![(0.0, f64::NAN), (1.0, 1.0)].into(), 1, window(0, 0, 1, 1)).is_err());
}

#[test]
fn a_ring_over_four_tiles_is_closed_again() {
    let ring = [(2.0, 2.0), (7.0, 1.0), (8.0, 6.0), (3.0, 8.0), (2.0, 2.0)];
    let mut pieces =
        cut_up(&[(1, ring.to_vec().into())], &partition((9, 9), &[4, 5, 3, 2, 3])).unwrap();
    // As if no tile had seen the whole ring: its first point is no end.
    let start = Coord { x: 2.0, y: 2.0 };
    let touching = |piece: &LinePiece| piece.line.0.contains(&start);
    for piece in pieces.iter_mut().filter(|piece| touching(piece)) {
        piece.cut = [true; 2];
    }
    let merged = merge_lines(&pieces, 1e-6).unwrap();
    assert_eq!(merged.len(), 1, "{merged:?}");
    assert_eq!(merged[0].cut, [false; 2]);
    assert_eq!(merged[0].line.0[0], Coord { x: 7.0, y: 1.0 });
    assert!((line_length(&merged[0].line) - line_length(&ring.to_vec().into())).abs() < 1e-9);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Lines traced in each window with its halo, clipped, joined and simplified.
    #[test]
    fn centrelines_of_tiles_are_those_of_the_page(
        strokes in proptest::collection::vec((page_line(4), 1.0..3.5), 1..5),
        size in 20_u32..40,
    ) {
        let side = 120;
        let mut cover = Array2::from_elem((side, side), 0.0_f32);
        for (line, width) in &strokes {
            let line: LineString<f64> = line.coords().map(|&p| p * 4.0).collect();
            stroke_coverage(&line, &Stroke { width: *width, ..Stroke::default() }, &mut cover)?;
        }
        let mask = cover.mapv(|share| share > 0.5);
        let config = CentrelineConfig { tolerance: 0.0, min_spur: 3.0, min_length: 3.0, ..CentrelineConfig::default() };
        let whole = centrelines(mask.view(), &config)?;
        let margin = 24;
        let mut pieces = Vec::new();
        for tile in tiles(side as u32, side as u32, &TileConfig { size: size + 2 * margin, margin })? {
            let low = |v: i64| usize::try_from(v.max(0)).unwrap_or(0);
            let high = |v: i64| low(v + i64::from(tile.size)).min(side);
            let (x, y) = (low(tile.x), low(tile.y));
            let part = mask.slice(s![y..high(tile.y), x..high(tile.x)]);
            for found in centrelines(part, &config)? {
                let line = shifted(&found.line, (x as u32, y as u32));
                pieces.extend(clip_line(&line, 1, tile.core)?);
            }
        }
        let merged = merge_lines(&pieces, 0.5)?;
        prop_assert!(merged.iter().all(|piece| piece.cut == [false; 2]), "{:?}", merged);
        let open = |line: &LineString<f64>| !line.is_closed();
        let merged: Vec<_> = merged.iter().map(|piece| simplify_line(&piece.line, 1e-9)).collect::<Result<_, _>>()?;
        let whole: Vec<_> = whole.iter().map(|found| simplify_line(&found.line, 1e-9)).collect::<Result<_, _>>()?;
        let length = |lines: &[LineString<f64>]| lines.iter().map(line_length).sum::<f64>();
        prop_assert!((length(&merged) - length(&whole)).abs() < 1e-6, "{} {}", length(&merged), length(&whole));
        prop_assert_eq!(
            sorted(merged.into_iter().filter(|line| open(line))),
            sorted(whole.into_iter().filter(|line| open(line)))
        );
    }
}

#[test]
fn the_smallest_polygons_stay_what_they_are() {
    let tiny = |points: &[(f64, f64)]| {
        let points = points.iter().map(|&(x, y)| (x * 1e-300, y * 1e-300)).collect::<Vec<_>>();
        Polygon::new(points.into(), Vec::new())
    };
    for polygon in [
        tiny(&[(2.0, 6.0), (0.0, 9.0), (1.0, 15.0), (3.0, 0.0), (2.0, 6.0)]),
        tiny(&[(3.0, 3.0), (0.0, 12.0), (9.0, 9.0), (3.0, 9.0), (3.0, 3.0)]),
    ] {
        let tile = TilePolygons { core: window(0, 0, 4, 4), polygons: vec![(1, polygon.clone())] };
        match merge_polygons(&[tile]) {
            Ok(merged) => assert_eq!(merged[0].1.exterior().0.len(), polygon.exterior().0.len()),
            Err(error) => assert!(matches!(error, Error::Polygon(_)), "{error}"),
        }
    }
}

/// Each pair of ends counts once, and ends alone do not count.
#[test]
fn many_ends_are_joined_unless_thousands_are_in_one_place() {
    let piece = |label: u32, x: f64| LinePiece {
        label,
        line: LineString::from(vec![(x, 0.0), (x + 1.0, 0.0)]),
        cut: [true, false],
    };
    let fan = |count: u32| (0..count).map(|k| piece(k, 0.0)).collect::<Vec<_>>();
    assert_eq!(merge_lines(&fan(4000), 0.5).unwrap().len(), 4000);
    assert!(matches!(merge_lines(&fan(5000), 0.5), Err(Error::TooManySteps { .. })));
    let apart: Vec<_> = (0..100_000).map(|k| piece(1, 3.0 * f64::from(k))).collect();
    assert_eq!(merge_lines(&apart, 0.5).unwrap().len(), 100_000);
}
