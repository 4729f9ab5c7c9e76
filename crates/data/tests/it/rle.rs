//! Run lengths: against naive column-major coding, masks, and what `pycocotools` 2.0.11 writes.

use mapvec_data::{Error, ImageLimits, Rle, RleFault};
use ndarray::Array2;
use proptest::prelude::*;

/// Numbers of the counter-based generator splitmix64, in [0, 1).
fn uniform(n: u64, seed: u64) -> Vec<f64> {
    let unit = |i: u64| {
        let mut z = seed.wrapping_add((i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    };
    (0..n).map(unit).collect()
}

/// Height, width, formula, text, area, box.
type Fixture = (usize, usize, [usize; 4], &'static str, u64, [u32; 4]);

const FIXTURES: [Fixture; 8] = [
    (1, 1, [1, 1, 2, 1], "01", 1, [0, 0, 1, 1]),
    (1, 1, [1, 1, 2, 0], "1", 0, [0, 0, 0, 0]),
    (5, 7, [3, 5, 7, 3], "012000O020N10O20N01001OO00", 15, [0, 0, 7, 5]),
    (20, 3, [1, 0, 10, 5], "0550000000000", 30, [0, 0, 3, 15]),
    (3, 20, [0, 1, 10, 5], "0??00", 30, [0, 0, 15, 3]),
    (300, 9, [1, 7, 251, 120], "0h3S4Z1000000000000000WN", 1521, [0, 0, 9, 300]),
    (
        64,
        48,
        [1, 1, 64, 40],
        "0X1h0O00000000000000000000000000000000000000000000000000000000000000000000000000000001O0000000000000@",
        1920,
        [0, 0, 48, 64],
    ),
    (100, 100, [0, 0, 1, 1], "0`h9", 10000, [0, 0, 100, 100]),
];
/// Height, width, formula, text of the pixels outside the mask.
const OUTSIDE: [(usize, usize, [usize; 4], &str); 4] = [
    (5, 7, [3, 5, 7, 3], "12100O020N10O20N01001OO00"),
    (20, 3, [1, 0, 10, 5], "555000000000"),
    (300, 9, [1, 7, 251, 120], "h3S4R5000000000000000WN"),
    (
        64,
        48,
        [1, 1, 64, 40],
        "X1h0W100000000000000000000000000000000000000000000000000000000000000000000000000000001O0000000000000@",
    ),
];
const IOU: f64 = 0.38703140830800403;
const IOU_CROWD: f64 = 0.6420168067226891;

/// Runs of a mask, by writing it column by column and counting.
fn naive_counts(mask: &Array2<u8>) -> Vec<u32> {
    let (h, w) = mask.dim();
    let flat: Vec<bool> =
        (0..w).flat_map(|j| (0..h).map(move |i| (i, j))).map(|at| mask[at] != 0).collect();
    let mut counts = vec![0];
    let mut value = false;
    for pixel in flat {
        if pixel != value {
            counts.push(0);
            value = pixel;
        }
        *counts.last_mut().unwrap() += 1;
    }
    counts
}

/// Pixels where `(i a + j b) mod m < t`.
fn mask(h: usize, w: usize, [a, b, m, t]: [usize; 4]) -> Array2<u8> {
    Array2::from_shape_fn((h, w), |(i, j)| u8::from((i * a + j * b) % m < t))
}

fn masks() -> impl Strategy<Value = Array2<u8>> {
    (1_usize..20, 1_usize..20, 0_u8..8).prop_flat_map(|(h, w, density)| {
        // Equal neighbours make long runs.
        proptest::collection::vec((0_u8..8, 1_usize..6), h * w).prop_map(move |runs| {
            let values =
                runs.iter().flat_map(|&(v, n)| std::iter::repeat_n(u8::from(v < density), n));
            Array2::from_shape_vec((h, w), values.take(h * w).collect()).unwrap()
        })
    })
}

fn pair() -> impl Strategy<Value = (Array2<u8>, Array2<u8>)> {
    (masks(), masks()).prop_map(|(a, b)| {
        let size = (a.nrows().min(b.nrows()), a.ncols().min(b.ncols()));
        let cut = |m: &Array2<u8>| m.slice(ndarray::s![..size.0, ..size.1]).to_owned();
        (cut(&a), cut(&b))
    })
}

fn limits() -> ImageLimits {
    ImageLimits::default()
}

proptest! {
    #[test]
    fn runs_are_those_of_column_major_coding(mask in masks()) {
        let rle = Rle::encode(mask.view()).unwrap();
        prop_assert_eq!(rle.counts(), naive_counts(&mask));
        prop_assert_eq!(rle.decode(), mask.clone());
        let (height, width) = (rle.height(), rle.width());
        let listed = Rle::new(height, width, rle.counts().to_vec(), &limits()).unwrap();
        prop_assert_eq!(&listed, &rle);
        let text = rle.to_compressed();
        let read = Rle::from_compressed(height, width, &text, &limits()).unwrap();
        prop_assert_eq!(&read, &rle);
        // The layout of the array does not matter.
        prop_assert_eq!(Rle::encode(mask.t().to_owned().t()).unwrap(), rle);
    }

    #[test]
    fn measures_and_sets_are_those_of_the_masks((a, b) in pair()) {
        let (p, q) = (Rle::encode(a.view()).unwrap(), Rle::encode(b.view()).unwrap());
        let area = |m: &Array2<u8>| m.iter().map(|&v| u64::from(v)).sum::<u64>();
        prop_assert_eq!(p.area(), area(&a));
        let (both, either) = (&a & &b, &a | &b);
        prop_assert_eq!(p.intersection(&q).unwrap(), Rle::encode(both.view()).unwrap());
        prop_assert_eq!(p.union(&q).unwrap(), Rle::encode(either.view()).unwrap());
        let share = |part: u64, whole: u64| if part == 0 { 0.0 } else { part as f64 / whole as f64 };
        prop_assert!((p.iou(&q, false).unwrap() - share(area(&both), area(&either))).abs() < 1e-15);
        prop_assert!((p.iou(&q, true).unwrap() - share(area(&both), area(&a))).abs() < 1e-15);
        let inside = || a.indexed_iter().filter(|(_, v)| **v > 0).map(|(at, _)| at);
        let span = |values: Vec<usize>| {
            Some((*values.iter().min()? as u32, *values.iter().max()? as u32 + 1))
        };
        let rows = span(inside().map(|at| at.0).collect());
        let columns = span(inside().map(|at| at.1).collect());
        let expected = rows.zip(columns).map(|((top, bottom), (left, right))| [left, top, right, bottom]);
        prop_assert_eq!(p.bounds(), expected);
    }

    #[test]
    fn any_text_and_any_runs_are_read_or_refused(
        text in "[0-o]{0,24}", other in ".{0,12}", runs in proptest::collection::vec(any::<u32>(), 0..6),
        height in 1_u32..100, width in 1_u32..100,
    ) {
        for text in [&text, &other] {
            if let Ok(rle) = Rle::from_compressed(height, width, text, &limits()) {
                prop_assert_eq!(rle.decode().dim(), (height as usize, width as usize));
            }
        }
        if let Ok(rle) = Rle::new(height, width, runs, &limits()) {
            prop_assert_eq!(rle.decode().dim(), (height as usize, width as usize));
        }
    }

    #[test]
    fn empty_runs_vanish(mask in masks(), places in proptest::collection::vec(any::<prop::sample::Index>(), 1..5)) {
        let rle = Rle::encode(mask.view()).unwrap();
        let mut counts = rle.counts().to_vec();
        for place in places {
            // A run is cut in two around an empty one.
            let at = place.index(counts.len());
            let first = counts[at] / 2;
            let rest = counts[at] - first;
            counts.splice(at..=at, [first, 0, rest]);
        }
        let read = Rle::new(rle.height(), rle.width(), counts, &limits()).unwrap();
        prop_assert_eq!(read, rle);
    }
}

/// Recorded from `pycocotools.mask.encode`, `area` and `toBbox`.
#[test]
fn texts_are_those_of_pycocotools() {
    for (h, w, formula, text, area, [x, y, width, height]) in FIXTURES {
        let rle = Rle::encode(mask(h, w, formula).view()).unwrap();
        assert_eq!(rle.to_compressed(), text, "{h} x {w}");
        assert_eq!(rle.area(), area, "{h} x {w}");
        let bounds = (area > 0).then_some([x, y, x + width, y + height]);
        assert_eq!(rle.bounds(), bounds, "{h} x {w}");
    }
    for (h, w, formula, text) in OUTSIDE {
        let outside = mask(h, w, formula).mapv(|value| 1 - value);
        assert_eq!(Rle::encode(outside.view()).unwrap().to_compressed(), text, "{h} x {w}");
    }
    let a = Rle::encode(mask(40, 30, [17, 29, 97, 48]).view()).unwrap();
    let b = Rle::encode(mask(40, 30, [5, 2, 31, 20]).view()).unwrap();
    assert!((a.iou(&b, false).unwrap() - IOU).abs() < 1e-12);
    assert!((a.iou(&b, true).unwrap() - IOU_CROWD).abs() < 1e-12);
}

fn fault(error: Error) -> RleFault {
    match error {
        Error::Rle { fault, .. } => fault,
        other => panic!("{other}"),
    }
}

#[test]
fn hostile_runs_are_refused() {
    let new = |h, w, runs: &[u32]| Rle::new(h, w, runs.to_vec(), &limits());
    assert_eq!(fault(new(2, 3, &[1, 2]).unwrap_err()), RleFault::Sum { found: 3 });
    assert_eq!(fault(new(2, 3, &[]).unwrap_err()), RleFault::Sum { found: 0 });
    let wrapped = new(2, 3, &[u32::MAX, 7]).unwrap_err();
    assert_eq!(fault(wrapped), RleFault::Sum { found: u64::from(u32::MAX) });
    // A few bytes that would fill the memory.
    for (h, w) in [(65_536, 1), (1, 65_536), (60_000, 60_000), (u32::MAX, u32::MAX)] {
        let error = new(h, w, &[0, u32::MAX]).unwrap_err();
        assert!(matches!(error, Error::ImageTooLarge { .. }), "{error}");
        assert!(Rle::from_compressed(h, w, "0", &limits()).is_err());
    }
    for (h, w) in [(0, 5), (5, 0)] {
        assert!(matches!(new(h, w, &[]), Err(Error::EmptyImage { .. })));
    }
    let read = |text: &str| fault(Rle::from_compressed(5, 5, text, &limits()).unwrap_err());
    assert_eq!(read("1Q"), RleFault::Truncated);
    assert_eq!(read("1p"), RleFault::Character { byte: b'p', at: 1 });
    assert_eq!(read("1 "), RleFault::Character { byte: b' ', at: 1 });
    assert!(matches!(read("oooooooooo0"), RleFault::Run { run: 0, .. }));
    // -1 in two's complement.
    assert_eq!(read("O"), RleFault::Run { run: 0, value: -1 });
    assert!(matches!(read("PPPPPPP0"), RleFault::Run { run: 0, .. }));
    let other = new(3, 2, &[6]).unwrap();
    let sizes = new(2, 3, &[6]).unwrap().iou(&other, false).unwrap_err();
    assert_eq!(fault(sizes), RleFault::Sizes { height: 3, width: 2 });
    assert!(Rle::encode(Array2::zeros((0, 4)).view()).is_err());
}

/// Areas of 60 discs, the text of the first and the sum of all overlaps as `pycocotools` has them.
#[test]
fn discs_as_by_pycocotools() {
    const AREAS: [u64; 60] = [
        3103, 1802, 3408, 3462, 1708, 5179, 3733, 5925, 3841, 4482, 2654, 3618, 3038, 1295, 1387,
        381, 5011, 1965, 5398, 353, 707, 3674, 1187, 1894, 829, 345, 995, 1355, 851, 5732, 1129,
        400, 1768, 442, 1810, 6551, 622, 4647, 3277, 1235, 6013, 803, 5577, 672, 2501, 2907, 1062,
        503, 424, 825, 6528, 6635, 5136, 894, 4064, 1124, 437, 6378, 3927, 2954,
    ];
    const FIRST: &str = "m6l0R74L4L3N3M1O1O1O1O1O1O100O1O100O100O10000O1000000O10000000000000000000000001O0000001O001O00001O1O001O1O001O1O1O1O1O1N3M2M4M3K6K5IQa_1";
    let circles = uniform(180, 45_000);
    let discs: Vec<Rle> = circles
        .chunks_exact(3)
        .map(|circle| {
            let (x, y, radius) = (256.0 * circle[0], 256.0 * circle[1], 10.0 + 40.0 * circle[2]);
            let mask = Array2::from_shape_fn((256, 256), |(row, column)| {
                let (down, across) = (row as f64 - y, column as f64 - x);
                u8::from(across * across + down * down < radius * radius)
            });
            Rle::encode(mask.view()).unwrap()
        })
        .collect();
    assert_eq!(discs.iter().map(Rle::area).collect::<Vec<_>>(), AREAS);
    assert_eq!(discs[0].to_compressed(), FIRST);
    let overlaps = discs.iter().flat_map(|a| discs.iter().map(|b| a.iou(b, false).unwrap()));
    let sum: f64 = overlaps.sum();
    assert!((sum - 135.077_256_609_885_75).abs() < 1e-9, "{sum}");
}

proptest! {
    /// The same runs of a mask that lies row by row, column by column, and in neither way; and
    /// the mask again.
    #[test]
    fn the_layout_does_not_matter(
        (rows, columns) in (1_usize..90, 1_usize..90), seed in any::<u64>(), share in 0.0..1.0_f64,
    ) {
        let noise = uniform((rows * columns) as u64, seed);
        // Half of the columns are noise, the others long runs; any number but 0 is inside.
        let mask = Array2::from_shape_fn((rows, columns), |(row, column)| {
            let place = if column % 2 == 0 { row * columns + column } else { row / 40 };
            u8::from(noise[place] < share) * (1 + (row % 200) as u8)
        });
        let mut counts = vec![0_u32];
        let mut inside = false;
        for &value in mask.t().iter() {
            if (value != 0) != inside {
                inside = !inside;
                counts.push(0);
            }
            *counts.last_mut().unwrap() += 1;
        }
        let by_rows = Rle::encode(mask.view()).unwrap();
        prop_assert_eq!(by_rows.counts(), &counts[..]);
        let by_columns = mask.t().as_standard_layout().into_owned();
        prop_assert_eq!(&Rle::encode(by_columns.t()).unwrap(), &by_rows);
        let mut wide = Array2::zeros((2 * rows, 3 * columns));
        wide.slice_mut(ndarray::s![..;2, ..;3]).assign(&mask);
        prop_assert_eq!(&Rle::encode(wide.slice(ndarray::s![..;2, ..;3])).unwrap(), &by_rows);
        let turned = mask.slice(ndarray::s![..;-1, ..]);
        prop_assert_eq!(Rle::encode(turned).unwrap().area(), by_rows.area());
        prop_assert_eq!(by_rows.decode(), mask.mapv(|value| u8::from(value != 0)));
    }
}
