//! Pictures of one line amid distractors.
#![expect(clippy::float_cmp, reason = "ends lie on halves of pixels, which are exact")]

use mapvec_data::Source;
use mapvec_synth::{SingleLineConfig, SingleLineGenerator};

use crate::arrays::{at, bytes, distance, points, reals, segments, turn, wholes};

#[test]
fn labels_say_what_is_drawn() {
    for (size, noise) in [(16, 0.1), (32, 0.0), (32, 0.1), (64, 0.0), (257, 0.1)] {
        let config = SingleLineConfig { size, noise, ..SingleLineConfig::default() };
        let source = SingleLineGenerator::new(&config, 3, 100).unwrap();
        for index in 0..source.len() {
            let record = source.get(index).unwrap();
            let [line, others] = ["line_mask", "distractor_mask"].map(|n| bytes(&record, n));
            let ends = segments(&record, "endpoints")[0];
            let [a, b] = ends;
            for p in [a, b, points(&record, "sample_point")[0]] {
                assert_eq!(line[at(p, size)], 1, "record {index}: {p:?} is not on the line");
            }
            let length = (b[0] - a[0]).hypot(b[1] - a[1]);
            assert!(length >= config.min_length, "record {index}: {length}");
            let angle = f64::from(reals(&record, "angle")[0]);
            assert!(turn(angle, (b[1] - a[1]).atan2(b[0] - a[0])) < 1e-5, "record {index}");
            let width = f64::from(wholes(&record, "thickness")[0]);
            let image = reals(&record, "img");
            let mut colors: [Option<&[f32]>; 3] = [None; 3];
            for pixel in 0..size * size {
                let middle = [(pixel % size) as f64 + 0.5, (pixel / size) as f64 + 0.5];
                let off = distance(ends, middle) - width / 2.0;
                if off.abs() > 1e-6 {
                    assert_eq!(line[pixel] == 1, off < 0.0, "record {index}: pixel {pixel}");
                }
                assert!(line[pixel] + others[pixel] < 2, "record {index}: masks overlap");
                let color = &image[pixel * 3..][..3];
                let class = usize::from(line[pixel] * 2 + others[pixel]);
                let first = *colors[class].get_or_insert(color);
                // Noise of one pixel against that of another.
                let most = 2.0 * noise as f32 + 1e-6;
                assert!(first.iter().zip(color).all(|(a, b)| (a - b).abs() <= most));
            }
        }
    }
}

#[test]
fn sample_points_are_anywhere_on_the_line() {
    let source = SingleLineGenerator::new(&SingleLineConfig::default(), 1, 2000).unwrap();
    let mut tenths = [0; 10];
    for index in 0..source.len() {
        let record = source.get(index).unwrap();
        let [a, b] = segments(&record, "endpoints")[0];
        let p = points(&record, "sample_point")[0];
        let d = [b[0] - a[0], b[1] - a[1]];
        let t = ((p[0] - a[0]) * d[0] + (p[1] - a[1]) * d[1]) / (d[0] * d[0] + d[1] * d[1]);
        #[expect(clippy::cast_sign_loss, reason = "clamped")]
        let tenth = (t * 10.0).clamp(0.0, 9.0) as usize;
        tenths[tenth] += 1;
    }
    assert!(tenths.iter().all(|n| (130..300).contains(n)), "{tenths:?}");
}

#[test]
fn lines_are_as_wide_as_their_label() {
    for thickness in 1..=6 {
        let range = [thickness, thickness + 1];
        let config = SingleLineConfig { thickness_range: range, ..SingleLineConfig::default() };
        let size = config.size as f64;
        let source = SingleLineGenerator::new(&config, 7, 1500).unwrap();
        let width = thickness as f64;
        let (mut straight, mut slanted, mut sum) = (0, 0, 0.0);
        for index in 0..source.len() {
            let record = source.get(index).unwrap();
            assert_eq!(usize::try_from(wholes(&record, "thickness")[0]).unwrap(), thickness);
            let [a, b] = segments(&record, "endpoints")[0];
            let length = (b[0] - a[0]).hypot(b[1] - a[1]);
            let d = [(b[0] - a[0]) / length, (b[1] - a[1]) / length];
            // All of the line is on the canvas.
            let room = [a, b].into_iter().flatten();
            if !room.into_iter().all(|v| v >= width / 2.0 && v <= size - width / 2.0) {
                continue;
            }
            let mask = bytes(&record, "line_mask");
            let mut beside = 0;
            let mut across = [0; 2];
            for pixel in (0..mask.len()).filter(|pixel| mask[*pixel] == 1) {
                let p = [(pixel % config.size) as f64 + 0.5, (pixel / config.size) as f64 + 0.5];
                let along = (p[0] - a[0]) * d[0] + (p[1] - a[1]) * d[1];
                beside += usize::from(along > length * 0.25 && along < length * 0.75);
                for axis in 0..2 {
                    across[axis] += usize::from(p[axis].floor() == a[axis].floor());
                }
            }
            if a[0] == b[0] {
                assert_eq!(across[1], thickness, "record {index}: columns of an upright line");
                straight += 1;
            } else if a[1] == b[1] {
                assert_eq!(across[0], thickness, "record {index}: rows of a level line");
                straight += 1;
            } else if length > 12.0 {
                sum += beside as f64 / (length * 0.5);
                slanted += 1;
            }
        }
        let mean = sum / f64::from(slanted);
        assert!(straight >= 20 && slanted > 300, "{straight} straight, {slanted} slanted");
        assert!((mean - width).abs() < 0.3, "{mean} of {width} over {slanted} lines");
    }
}
