//! Assignments that `scipy` (`linear_sum_assignment`) found on the same numbers.

use mapvec_assignment::assign;
use mapvec_testkit::{integers, uniform};
use ndarray::Array2;

fn costs(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
    let values = uniform(rows * columns, seed, 0.0, 1.0);
    Array2::from_shape_vec((rows, columns), values).unwrap()
}

#[test]
fn small_ones_have_the_same_pairs() {
    let square = [
        18, 29, 27, 1, 10, 30, 13, 21, 33, 12, 17, 20, 36, 37, 9, 35, 31, 32, 0, 38, 3, 24, 14, 26,
        22, 4, 28, 6, 8, 19, 7, 5, 15, 39, 11, 25, 34, 16, 2, 23,
    ];
    let tall = [(1, 5), (2, 1), (4, 7), (5, 0), (9, 3), (10, 2), (11, 4), (12, 6)];
    let in_order = |columns: &[usize]| columns.iter().copied().enumerate().collect::<Vec<_>>();
    let cases = [
        (costs(5, 5, 1040), in_order(&[4, 0, 3, 2, 1]), 0.832_413_983_722_794_1),
        (costs(8, 13, 1069), in_order(&[2, 3, 6, 12, 9, 11, 10, 5]), 0.671_330_551_437_156_8),
        (costs(13, 8, 1099), tall.to_vec(), 0.836_266_904_975_973_2),
        (costs(40, 40, 1320), in_order(&square), 1.704_137_799_587_495_1),
    ];
    for (costs, pairs, cost) in cases {
        let found = assign(costs.view()).unwrap();
        assert_eq!(found.pairs, pairs);
        assert!((found.cost - cost).abs() < 1e-13, "{} and {cost}", found.cost);
    }
    let wide = assign(costs(100, 300, 2000).view()).unwrap();
    assert!((wide.cost - 0.355_583_072_734_610_54).abs() < 1e-13);
}

#[test]
fn large_ones_have_the_same_cost() {
    let cases = [
        (100, 1.754_219_253_758_867, 10.068_922_456_293_771),
        (200, 1.586_897_601_485_915, 14.286_852_856_327_924),
        (500, 1.601_185_683_257_751_1, 25.263_653_847_247_44),
        (1000, 1.646_279_056_374_715_6, 35.361_715_512_389_246),
        (2000, 1.648_158_871_858_137, 52.710_704_805_071_735),
    ];
    for (n, of_uniform, of_distances) in cases {
        let seed = n as u64;
        let found = assign(costs(n, n, 2000 + seed).view()).unwrap();
        assert!((found.cost - of_uniform).abs() < 1e-12);
        let a = uniform(2 * n, 3000 + seed, 0.0, 1.0);
        let b = uniform(2 * n, 4000 + seed, 0.0, 1.0);
        let distances = Array2::from_shape_fn((n, n), |(i, j)| {
            let (y, x) = (a[2 * i] - b[2 * j], a[2 * i + 1] - b[2 * j + 1]);
            (y * y + x * x).sqrt()
        });
        let found = assign(distances.view()).unwrap();
        assert!((found.cost - of_distances).abs() < 1e-11);
    }
}

#[test]
fn whole_numbers_have_an_exact_optimum() {
    let values = integers(2500, 77, 0, 10).into_iter().map(|cost| cost as f64).collect();
    let costs = Array2::from_shape_vec((50, 50), values).unwrap();
    assert_eq!(assign(costs.view()).unwrap().cost, 1.0);
}
