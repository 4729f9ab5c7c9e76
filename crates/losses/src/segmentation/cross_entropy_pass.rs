//! Softmax cross-entropy of a chunk of pixels: value and gradient in one pass over blocks of pixels.

use crate::block::{BLOCK, Row, blocks, sum};
use crate::exp_log::{exp, ln};

/// What the pixels of a chunk cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Costs<'a> {
    /// Weight of each class.
    pub(crate) class_weights: &'a [f32],
    /// Share of the target that is spread over all classes.
    pub(crate) smoothing: f32,
    /// Weight of each pixel of the chunk; none: 1 each.
    pub(crate) weights: Option<&'a [f32]>,
}

/// Intermediate values of the pixels of a block.
struct Block<'a> {
    largest: &'a mut [f32],
    mass: &'a mut [f32],
    chosen: &'a mut [f32],
    weight: &'a mut [f32],
    /// Sum of the weighted logits, for smoothing.
    spread: &'a mut [f32],
}

/// One chunk, given as its part of every plane: the weighted sum of the loss; the gradient, times
/// `scale`, is written.
#[inline(always)]
pub(crate) fn chunk(
    logits: &[&[f32]],
    target: &[u8],
    gradient: &mut [&mut [f32]],
    costs: &Costs<'_>,
    scale: f64,
) -> f64 {
    let pixels = target.len();
    let mut total = 0.0;
    let mut rows: [Row; 5] = [[0.0; BLOCK]; 5];
    for range in blocks(pixels) {
        let n = range.len();
        let [largest, mass, chosen, weight, spread] = rows.each_mut().map(|row| &mut row[..n]);
        let mut block = Block { largest, mass, chosen, weight, spread };
        let t = &target[range.clone()][..n];
        let pixel_weights = costs.weights.map(|weights| &weights[range.clone()][..n]);
        block.largest.copy_from_slice(&logits[0][range.clone()]);
        for plane in &logits[1..] {
            for (m, &x) in block.largest.iter_mut().zip(&plane[range.clone()]) {
                *m = if x > *m { x } else { *m };
            }
        }
        block.mass.fill(0.0);
        block.chosen.fill(0.0);
        block.weight.fill(0.0);
        block.spread.fill(0.0);
        let planes = logits.iter().zip(gradient.iter_mut());
        for ((class, &class_weight), (plane, out)) in (0_u8..).zip(costs.class_weights).zip(planes)
        {
            let (x, e_out) = (&plane[range.clone()][..n], &mut out[range.clone()][..n]);
            block.add_class(x, t, (class, class_weight), e_out);
            if costs.smoothing > 0.0 {
                let spread = block.spread.iter_mut().zip(x).zip(&*block.largest);
                spread.for_each(|((sum, x), largest)| *sum += class_weight * (x - largest));
            }
        }
        if let Some(pixel_weights) = pixel_weights {
            for (weight, &factor) in block.weight.iter_mut().zip(pixel_weights) {
                *weight *= factor;
            }
        }
        let planes = gradient.iter_mut().map(|out| &mut out[range.clone()][..n]);
        total += if costs.smoothing > 0.0 {
            block.finish_smooth(t, pixel_weights, costs, scale as f32, planes)
        } else {
            block.finish(t, scale as f32, planes)
        };
    }
    total
}

impl Block<'_> {
    /// One class: its exponentials, their sum, and what the pixels of that class need.
    #[inline(always)]
    fn add_class(&mut self, x: &[f32], t: &[u8], class: (u8, f32), e_out: &mut [f32]) {
        exponentials(x, self.largest, e_out, self.mass);
        choose((x, self.largest), t, class, self.chosen, self.weight);
    }

    /// The sum of the block; `planes` go from exponentials to the gradient.
    #[inline(always)]
    fn finish<'a>(
        &mut self,
        t: &[u8],
        scale: f32,
        planes: impl Iterator<Item = &'a mut [f32]>,
    ) -> f64 {
        cost(self.mass, self.chosen, self.weight, scale);
        let total = sum(self.chosen);
        for (class, g) in (0_u8..).zip(planes) {
            slope(g, t, class, self.mass, self.weight);
        }
        total
    }

    /// [`finish`](Self::finish) where a share of the target is spread over all classes.
    #[inline(always)]
    fn finish_smooth<'a>(
        &mut self,
        t: &[u8],
        pixel_weights: Option<&[f32]>,
        costs: &Costs<'_>,
        scale: f32,
        planes: impl Iterator<Item = &'a mut [f32]>,
    ) -> f64 {
        let n = t.len();
        let share = costs.smoothing / costs.class_weights.len() as f32;
        let all: f32 = costs.class_weights.iter().sum();
        for i in 0..n {
            let known = f32::from(u8::from(t[i] != crate::task::IGNORE));
            // What every class gets, and what the pixel's own class gets besides.
            let base = share * known * pixel_weights.map_or(1.0, |weights| weights[i]);
            let own = (1.0 - costs.smoothing) * self.weight[i];
            let log_mass = ln(self.mass[i]);
            self.chosen[i] =
                own * (log_mass - self.chosen[i]) + base * (all * log_mass - self.spread[i]);
            self.weight[i] = scale * own;
            self.largest[i] = scale * base;
            self.mass[i] = scale * (own + base * all) / self.mass[i];
        }
        let total = sum(self.chosen);
        for ((class, &class_weight), g) in (0_u8..).zip(costs.class_weights).zip(planes) {
            for i in 0..n {
                let here = if t[i] == class { self.weight[i] } else { 0.0 };
                g[i] = g[i] * self.mass[i] - here - self.largest[i] * class_weight;
            }
        }
        total
    }
}

// The loops are functions of their own because the compiler knows of the arguments of a function
// that they do not overlap, and makes vector code. Slices of one visible length need no bounds
// checks.

/// `e^(x - largest)`, which is added to the mass.
#[inline(always)]
pub(crate) fn exponentials(x: &[f32], largest: &[f32], e_out: &mut [f32], mass: &mut [f32]) {
    let n = x.len();
    let (largest, e_out, mass) = (&largest[..n], &mut e_out[..n], &mut mass[..n]);
    for i in 0..n {
        e_out[i] = exp(x[i] - largest[i]);
    }
    for i in 0..n {
        mass[i] += e_out[i];
    }
}

/// The shifted logit and the weight of the pixels of a class.
#[inline(always)]
fn choose(
    (x, largest): (&[f32], &[f32]),
    t: &[u8],
    (class, class_weight): (u8, f32),
    chosen: &mut [f32],
    weight: &mut [f32],
) {
    let n = t.len();
    let (x, largest, chosen, weight) = (&x[..n], &largest[..n], &mut chosen[..n], &mut weight[..n]);
    for i in 0..n {
        let here = t[i] == class;
        chosen[i] = if here { x[i] - largest[i] } else { chosen[i] };
        weight[i] = if here { class_weight } else { weight[i] };
    }
}

/// From shifted logits to costs, from weights to scaled ones, from masses to their share of them.
#[inline(always)]
fn cost(mass: &mut [f32], chosen: &mut [f32], weight: &mut [f32], scale: f32) {
    let n = mass.len();
    let (chosen, weight) = (&mut chosen[..n], &mut weight[..n]);
    for i in 0..n {
        chosen[i] = weight[i] * (ln(mass[i]) - chosen[i]);
        weight[i] *= scale;
        mass[i] = weight[i] / mass[i];
    }
}

/// From exponentials to the gradient.
#[inline(always)]
fn slope(g: &mut [f32], t: &[u8], class: u8, mass: &[f32], weight: &[f32]) {
    let n = g.len();
    let (t, mass, weight) = (&t[..n], &mass[..n], &weight[..n]);
    for i in 0..n {
        let here = if t[i] == class { weight[i] } else { 0.0 };
        g[i] = g[i] * mass[i] - here;
    }
}
