//! Where lines are in the frequency domain.

use std::f64::consts::TAU;

use mapvec_data::{Field, FrequencyAngleMask, Record};
use rustfft::FftPlanner;
use rustfft::num_complex::Complex32;

use super::{apply, reals};

/// The energy of a line through a picture by bins, the zero frequency left out.
fn spectrum(size: usize, ends: [f32; 4], width: f32) -> Vec<f32> {
    let [x0, y0, x1, y1] = ends;
    let (dx, dy) = (x1 - x0, y1 - y0);
    let length = dx.hypot(dy);
    let mut picture: Vec<Complex32> = (0..size * size)
        .map(|i| {
            let (x, y) = ((i % size) as f32 + 0.5 - x0, (i / size) as f32 + 0.5 - y0);
            let (along, across) = ((x * dx + y * dy) / length, (x * dy - y * dx) / length);
            let inside = (0.0..=length).contains(&along) && across.abs() <= width / 2.0;
            Complex32::new(if inside { 1.0 } else { 0.0 }, 0.0)
        })
        .collect();
    let fft = FftPlanner::new().plan_fft_forward(size);
    for _ in 0..2 {
        picture.chunks_exact_mut(size).for_each(|row| fft.process(row));
        picture = (0..size * size).map(|i| picture[i % size * size + i / size]).collect();
    }
    picture[0] = Complex32::default();
    picture.iter().map(|value| value.norm_sqr()).collect()
}

#[test]
fn frequency_masks_cover_the_energy_of_lines() {
    const SIZE: usize = 64;
    for degrees in (0_u16..180).step_by(10) {
        let (sin, cos) = (f64::from(degrees) / 360.0 * TAU).sin_cos();
        let [dx, dy] = [cos * 26.0, sin * 26.0].map(|d| d as f32);
        let ends = [32.0 - dx, 32.0 - dy, 32.0 + dx, 32.0 + dy];
        let energy = spectrum(SIZE, ends, 2.0);
        let total: f32 = energy.iter().sum();
        let share = |ends: [f32; 4], step: FrequencyAngleMask| {
            let mut record = Record::new();
            let img = Field::new(vec![SIZE, SIZE, 1], vec![0.0_f32; SIZE * SIZE]).unwrap();
            record.insert("img", img);
            record.insert("vecs", Field::new(vec![1, 2, 2], ends.to_vec()).unwrap());
            let made = apply(&step, &record, 0).unwrap();
            let mask = reals(&made, "labels.angle_mask").to_vec();
            let inside = energy.iter().zip(&mask).filter(|(_, m)| **m > 0.0);
            let bins = mask.iter().filter(|m| **m > 0.0).count() as f32 / mask.len() as f32;
            (inside.map(|(e, _)| e).sum::<f32>() / total, bins)
        };
        let wide = FrequencyAngleMask { threshold: 0.8, binarise: true };
        let (covered, bins) = share(ends, wide);
        assert!(covered > 0.7 && bins < 0.18, "{degrees}: {covered} of the energy, {bins} bins");
        // The direction of the line itself, as some label it, has next to nothing.
        let normal = [32.0 + dy, 32.0 - dx, 32.0 - dy, 32.0 + dx];
        let (wrong, _) = share(normal, wide);
        assert!(wrong < 0.05, "{degrees}: {wrong} of the energy along the line");
        let (narrow, fewer) = share(ends, FrequencyAngleMask::default());
        assert!(narrow > 0.55 && fewer < bins, "{degrees}: {narrow}");
    }
}
