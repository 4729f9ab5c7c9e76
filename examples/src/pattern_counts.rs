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
        self.rows().into_iter().map(|row| (row.name.to_owned(), row.value)).collect()
    }

    /// A table beside the numbers of scenes by the rules of the reference and the published ones.
    #[must_use]
    pub fn table(&self, by_rules: &Self) -> String {
        let mut text = format!(
            "| {} scenes | here | by the published rules | published | its sampling error |\n\
             |---|---|---|---|---|\n",
            self.scenes
        );
        for (row, rules) in self.rows().into_iter().zip(by_rules.rows()) {
            let Row { name, value, reference, error } = row;
            let error = error.map_or(String::new(), |error| format!("{error:.4}"));
            text +=
                &format!("| {name} | {value:.4} | {:.4} | {reference} | {error} |\n", rules.value);
        }
        text
    }

    fn rows(&self) -> Vec<Row> {
        let most = |values: &[f64]| values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let least = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
        let background: Vec<f64> =
            self.line_pixels.iter().zip(&self.symbol_pixels).map(|(a, b)| 1.0 - a - b).collect();
        let number = |name, value, reference| Row { name, value, reference, error: None };
        vec![
            Row::mean("patterns, mean", &self.patterns, 2.94),
            Row::share("scenes with 1 pattern", &self.patterns, |v| (0.5..1.5).contains(&v), 0.027),
            Row::share("scenes with 2 patterns", &self.patterns, |v| (1.5..2.5).contains(&v), 0.32),
            Row::share("scenes with 3 patterns", &self.patterns, |v| (2.5..3.5).contains(&v), 0.34),
            Row::share("scenes with 4 patterns", &self.patterns, |v| v > 3.5, 0.31),
            Row::share("scenes with nothing", &self.patterns, |v| v < 0.5, 0.0003),
            Row::mean("components, mean", &self.components, 9.6),
            number("components, 5 %", percentile(&self.components, 0.05), 5.0),
            number("components, median", percentile(&self.components, 0.5), 9.0),
            number("components, 95 %", percentile(&self.components, 0.95), 16.0),
            number("components, most", most(&self.components), 20.0),
            Row::mean("vectors, mean", &self.vectors, 6.0),
            Row::share("scenes without vectors", &self.vectors, |v| v < 0.5, 0.10),
            Row::mean("boxes, mean", &self.boxes, 3.6),
            Row::share("scenes without boxes", &self.boxes, |v| v < 0.5, 0.26),
            Row::mean("share of line pixels, mean", &self.line_pixels, 0.279),
            number("share of line pixels, 95 %", percentile(&self.line_pixels, 0.95), 0.61),
            Row::mean("share of symbol pixels, mean", &self.symbol_pixels, 0.053),
            number("share of symbol pixels, 95 %", percentile(&self.symbol_pixels, 0.95), 0.175),
            Row::mean("share of background pixels, mean", &background, 0.675),
            Row::share("scenes with overlaps", &self.shared, |v| v > 0.0, 0.43),
            Row::mean("share of pixels with overlaps", &self.shared, 0.007),
            Row::mean("thickness, mean, px", &self.thickness, 3.5),
            number("thickness, least, px", least(&self.thickness), 1.0),
            number("thickness, most, px", most(&self.thickness), 10.0),
            number("length of vectors, 5 %, px", percentile(&self.lengths, 0.05), 6.3),
            number("length of vectors, median, px", percentile(&self.lengths, 0.5), 17.9),
            number("length of vectors, 95 %, px", percentile(&self.lengths, 0.95), 30.6),
            Row::mean("side of boxes, mean, px", &self.sizes, 4.8),
            number("side of boxes, least, px", least(&self.sizes), 2.0),
            number("side of boxes, most, px", most(&self.sizes), 10.0),
        ]
    }
}

/// Scenes from which the published numbers come.
const PUBLISHED: f64 = 3000.0;

/// A number beside the published one.
#[derive(Debug)]
struct Row {
    name: &'static str,
    value: f64,
    reference: f64,
    /// Standard error of the published number, from the scatter of scenes here.
    error: Option<f64>,
}

impl Row {
    fn mean(name: &'static str, values: &[f64], reference: f64) -> Self {
        let value = mean(values);
        let variance = mean(&values.iter().map(|v| (v - value).powi(2)).collect::<Vec<_>>());
        Self { name, value, reference, error: Some((variance / PUBLISHED).sqrt()) }
    }

    fn share(name: &'static str, values: &[f64], wanted: fn(f64) -> bool, reference: f64) -> Self {
        let hits: Vec<f64> = values.iter().map(|v| f64::from(u8::from(wanted(*v)))).collect();
        Self::mean(name, &hits, reference)
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
