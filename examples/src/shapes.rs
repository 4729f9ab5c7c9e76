//! Pictures of discs under noise, with the label of every pixel.

use rand_chacha::rand_core::RngCore;

/// Between 0 and 1.
fn unit(rng: &mut impl RngCore) -> f32 {
    (rng.next_u32() >> 8) as f32 / (1 << 24) as f32
}

/// Up to six discs on every picture, in colours that are hardly above the noise.
///
/// Pixels `[B, 3, side, side]` from about -1 to 2, and one label per pixel, 1 on a disc.
pub fn discs(batch: usize, side: usize, rng: &mut impl RngCore) -> (Vec<f32>, Vec<u8>) {
    let plane = side * side;
    let mut pixels: Vec<f32> = (0..batch * 3 * plane).map(|_| 2.0 * unit(rng) - 1.0).collect();
    let mut labels = vec![0; batch * plane];
    for (picture, labels) in pixels.chunks_exact_mut(3 * plane).zip(labels.chunks_exact_mut(plane))
    {
        for _ in 0..=rng.next_u32() % 6 {
            let (x, y) = (side as f32 * unit(rng), side as f32 * unit(rng));
            let radius = side as f32 * (0.04 + 0.16 * unit(rng));
            let colour = [(); 3].map(|()| 0.2 + 0.8 * unit(rng));
            for (i, label) in labels.iter_mut().enumerate() {
                let (u, v) = ((i % side) as f32 - x, (i / side) as f32 - y);
                if *label == 0 && u * u + v * v < radius * radius {
                    *label = 1;
                    for (plane, value) in picture.chunks_exact_mut(plane).zip(colour) {
                        plane[i] += value;
                    }
                }
            }
        }
    }
    (pixels, labels)
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn discs_are_brighter_than_the_rest_and_repeatable() {
        let draw = || discs(2, 32, &mut ChaCha8Rng::seed_from_u64(5));
        let (pixels, labels) = draw();
        assert_eq!((pixels.len(), labels.len()), (2 * 3 * 32 * 32, 2 * 32 * 32));
        assert_eq!(draw(), (pixels.clone(), labels.clone()), "the same seed");
        let mean = |wanted: u8| {
            let of: Vec<f32> = (0..labels.len())
                .filter(|&i| labels[i] == wanted)
                .map(|i| pixels[i / 1024 * 3072 + i % 1024])
                .collect();
            of.iter().sum::<f32>() / of.len() as f32
        };
        assert!(mean(1) > mean(0) + 0.1, "{} on discs, {} beside", mean(1), mean(0));
    }
}
