//! What scenes of patterns hold, in numbers.

use mapvec_synth::PatternScene;

/// Sums over scenes.
#[derive(Debug, Default)]
pub struct PatternCounts {
    scenes: f64,
    patterns: Vec<f64>,
    components: Vec<f64>,
    vectors: Vec<f64>,
    boxes: Vec<f64>,
    line_pixels: Vec<f64>,
    symbol_pixels: Vec<f64>,
    shared: Vec<f64>,
    thickness: Vec<f64>,
    lengths: Vec<f64>,
    sizes: Vec<f64>,
}

impl PatternCounts {
    /// Counts a scene.
    pub fn add(&mut self, scene: &PatternScene) {
        let area = (scene.size * scene.size) as f64;
        let mut cover = vec![0_u8; scene.size * scene.size];
        let (mut lines, mut symbols) = (0.0, 0.0);
        for pattern in &scene.patterns {
            let pixels = pattern.mask.count() as f64;
            if pattern.family.is_line() { lines += pixels } else { symbols += pixels }
        }
        for component in &scene.components {
            component.mask.each(|y, x| cover[y * scene.size + x] += 1);
            self.thickness.push(f64::from(component.thickness));
            match component.vector() {
                Some([a, b]) => {
                    self.lengths.push(f64::from((b[0] - a[0]).hypot(b[1] - a[1])));
                }
                None => self.sizes.push(f64::from(component.thickness)),
            }
        }
        let vectors = scene.components.iter().filter(|c| c.is_line()).count();
        self.scenes += 1.0;
        self.patterns.push(scene.patterns.len() as f64);
        self.components.push(scene.components.len() as f64);
        self.vectors.push(vectors as f64);
        self.boxes.push((scene.components.len() - vectors) as f64);
        self.line_pixels.push(lines / area);
        self.symbol_pixels.push(symbols / area);
        self.shared.push(cover.iter().filter(|count| **count > 1).count() as f64 / area);
    }

    /// The numbers with their names.
    #[must_use]
    pub fn values(&self) -> Vec<(String, f64)> {
        self.rows().into_iter().map(|(name, value, _)| (name.to_owned(), value)).collect()
    }

    /// A table beside the published numbers.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = format!("| {} scenes | here | reference |\n|---|---|---|\n", self.scenes);
        for (name, value, reference) in self.rows() {
            text += &format!("| {name} | {value:.3} | {reference} |\n");
        }
        text
    }

    /// Name, number and that of the reference.
    fn rows(&self) -> Vec<(&'static str, f64, f64)> {
        let share = |values: &[f64], wanted: fn(f64) -> bool| {
            values.iter().filter(|v| wanted(**v)).count() as f64 / values.len().max(1) as f64
        };
        vec![
            ("patterns, mean", mean(&self.patterns), 2.94),
            ("scenes with 1 pattern", share(&self.patterns, |v| v < 1.5), 0.027),
            ("scenes with 2 patterns", share(&self.patterns, |v| v > 1.5 && v < 2.5), 0.32),
            ("scenes with 3 patterns", share(&self.patterns, |v| v > 2.5 && v < 3.5), 0.34),
            ("scenes with 4 patterns", share(&self.patterns, |v| v > 3.5), 0.31),
            ("components, mean", mean(&self.components), 9.6),
            ("components, 5 %", percentile(&self.components, 0.05), 5.0),
            ("components, median", percentile(&self.components, 0.5), 9.0),
            ("components, 95 %", percentile(&self.components, 0.95), 16.0),
            ("vectors, mean", mean(&self.vectors), 6.0),
            ("scenes without vectors", share(&self.vectors, |v| v < 0.5), 0.10),
            ("boxes, mean", mean(&self.boxes), 3.6),
            ("scenes without boxes", share(&self.boxes, |v| v < 0.5), 0.26),
            ("share of line pixels, mean", mean(&self.line_pixels), 0.279),
            ("share of line pixels, 95 %", percentile(&self.line_pixels, 0.95), 0.61),
            ("share of symbol pixels, mean", mean(&self.symbol_pixels), 0.053),
            ("share of symbol pixels, 95 %", percentile(&self.symbol_pixels, 0.95), 0.175),
            ("scenes with overlaps", share(&self.shared, |v| v > 0.0), 0.43),
            ("share of pixels with overlaps", mean(&self.shared), 0.007),
            ("thickness, mean, px", mean(&self.thickness), 3.5),
            ("length of vectors, 5 %, px", percentile(&self.lengths, 0.05), 6.3),
            ("length of vectors, median, px", percentile(&self.lengths, 0.5), 17.9),
            ("length of vectors, 95 %, px", percentile(&self.lengths, 0.95), 30.6),
            ("side of boxes, mean, px", mean(&self.sizes), 4.8),
        ]
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

#[expect(clippy::cast_sign_loss, reason = "an index")]
fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = ((sorted.len().max(1) - 1) as f64 * share).round() as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}
