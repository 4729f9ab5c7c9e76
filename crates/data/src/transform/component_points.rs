//! Components by points on them.

use rand::Rng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Transform;
use super::arrays::{add, add_picture, canvas, count, zeros};
use super::class::CLASSES;
use super::components::{Component, Details, components};
use crate::error::{Error, Result};
use crate::record::Record;

/// Form of the vectors of components.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VectorForm {
    /// None.
    None,
    /// Two pairs of points: the ends of a line twice, or both diagonals of a box (corners 0 and 2,
    /// 1 and 3), so that a pair of points may be right by either diagonal.
    #[default]
    FourPoints,
    /// The ends of a line and two zeros, or two zeros and corners 0 and 2 of a box;
    /// `inputs.class_split` says which.
    Split,
}

/// Which components, and in which order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ComponentOrder {
    /// A random choice in random order, all alike; all of them if there are no more than wanted.
    #[default]
    Random,
    /// All, lines first, in the order of the record. More than wanted are an error.
    Record,
}

/// Points on components, with the vectors, classes and thicknesses of these.
///
/// For each of `components` components it draws `points` different pixels of the component's own
/// mask, all alike, and takes their centres. Where there are fewer components, or pixels of one,
/// the remaining points are centres of random pixels of the background, and of that class.
///
/// # Shapes
///
/// With `n = components * points`, point `j` of component `i` at `i * points + j`, it makes from
/// `img` `[H, W, _]`, `vecs` `[v, 2, 2]`, `bboxes` `[b, 4, 2]`, `vecs_masks` `[v, H, W, 1]`,
/// `bbox_masks` `[b, H, W, 1]`, where there are any `vecs_mask` `[v]` and `bbox_mask` `[b]`, and
/// for thicknesses `vecs_thickness` `[v]` and `bbox_thickness` `[b]`:
///
/// - `inputs.img`, `inputs.sample_points` `[n, 2]`, `(x, y)` in px, and with
///   [`VectorForm::Split`] `inputs.class_split` `[n]`, 1 for a line;
/// - `labels.class` `[n, 3]`, one-hot: background, line, shape;
/// - `labels.vecs` `[n, 4, 2]`, unless `vectors` is none;
/// - `labels.thickness` `[n, 1]`, px, with `thickness`;
/// - `labels.probe` `[n, 9]`, the eight coordinates of the four points and the thickness, with
///   `probe`;
/// - `weights.class` `[n]`: ones, but 0 for a point that should be on the background where the
///   sample has none;
/// - `weights.vecs` `[n]`, `weights.thickness` `[n, 1]`, `weights.probe` `[n]`: 1 for points of
///   components, else 0. Labels of the latter are 0, too.
///
/// All are `f32`. [`balance_weights`](crate::balance_weights) makes the mean of the last three 1 in
/// a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ComponentPoints {
    /// Components per sample, at least 1. Default 20.
    pub components: usize,
    /// Points on each, at least 1. Default 1.
    pub points: usize,
    /// Which components. Default random ones.
    pub order: ComponentOrder,
    /// The form of `labels.vecs`. Default four points.
    pub vectors: VectorForm,
    /// Whether there are labels of thickness. Default true.
    pub thickness: bool,
    /// Whether there are labels for probes. Default false.
    pub probe: bool,
}

impl Default for ComponentPoints {
    fn default() -> Self {
        Self {
            components: 20,
            points: 1,
            order: ComponentOrder::Random,
            vectors: VectorForm::FourPoints,
            thickness: true,
            probe: false,
        }
    }
}

impl ComponentPoints {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] names a field out of its range, [`Error::FieldTooLarge`] an array that
    /// would be too large.
    pub fn validate(&self) -> Result<()> {
        for (field, value) in [("components", self.components), ("points", self.points)] {
            if value == 0 {
                let value = value.to_string();
                return Err(Error::Config { field, value, expected: "at least 1" });
            }
        }
        count("labels.probe", &[self.components, self.points, 9]).map(|_| ())
    }

    pub(super) fn balanced(self) -> Vec<&'static str> {
        let names = [
            ("weights.vecs", self.vectors != VectorForm::None),
            ("weights.thickness", self.thickness),
            ("weights.probe", self.probe),
        ];
        names.into_iter().filter_map(|(name, made)| made.then_some(name)).collect()
    }

    /// The components to draw points on.
    fn chosen<'a>(
        &self,
        all: Vec<Component<'a>>,
        rng: &mut ChaCha8Rng,
    ) -> Result<Vec<Component<'a>>> {
        match self.order {
            ComponentOrder::Random => {
                let amount = self.components.min(all.len());
                Ok(index::sample(rng, all.len(), amount).iter().map(|i| all[i]).collect())
            }
            ComponentOrder::Record if all.len() <= self.components => Ok(all),
            ComponentOrder::Record => Err(Error::Config {
                field: "components",
                value: self.components.to_string(),
                expected: "at least the number of components of a sample",
            }),
        }
    }
}

/// A drawn point: its pixel, and its component if it is on one.
struct Drawn<'a> {
    pixel: usize,
    component: Option<Component<'a>>,
    /// Whether its class is right.
    known: bool,
}

impl Transform for ComponentPoints {
    fn apply(&self, mut record: Record, rng: &mut ChaCha8Rng) -> Result<Record> {
        self.validate()?;
        let size = canvas(&record)?;
        if size.contains(&0) {
            return Err(Error::FieldShape {
                name: "img".into(),
                found: size.to_vec(),
                expected: "one pixel or more".into(),
            });
        }
        let details = Details { masks: true, thickness: self.thickness || self.probe };
        let all = components(&record, size, details)?;
        let drawn = self.draw(all, size, rng)?;
        let made = self.labels(&drawn, size[1])?;
        drop(drawn);
        add_picture(&mut record)?;
        for (name, shape, values) in made {
            add(&mut record, name, &shape, values)?;
        }
        Ok(record)
    }
}

/// Name, sizes and values.
type Made = (&'static str, Vec<usize>, Vec<f32>);

impl ComponentPoints {
    /// The points of all components.
    fn draw<'a>(
        &self,
        all: Vec<Component<'a>>,
        size: [usize; 2],
        rng: &mut ChaCha8Rng,
    ) -> Result<Vec<Drawn<'a>>> {
        let n = self.components * self.points;
        let background = background(&all, size);
        let free = |rng: &mut ChaCha8Rng| match background.len() {
            0 => Drawn {
                pixel: rng.random_range(0..size[0] * size[1]),
                component: None,
                known: false,
            },
            free => {
                let pixel = background[rng.random_range(0..free)];
                Drawn { pixel, component: None, known: true }
            }
        };
        let mut drawn = Vec::with_capacity(n);
        let mut pixels = Vec::new();
        for component in self.chosen(all, rng)? {
            pixels.clear();
            component.each_pixel(|pixel| pixels.push(pixel));
            let amount = self.points.min(pixels.len());
            drawn.extend(index::sample(rng, pixels.len(), amount).iter().map(|i| Drawn {
                pixel: pixels[i],
                component: Some(component),
                known: true,
            }));
            drawn.extend((amount..self.points).map(|_| free(rng)));
        }
        while drawn.len() < n {
            drawn.push(free(rng));
        }
        Ok(drawn)
    }

    #[expect(clippy::cast_precision_loss, reason = "rows, columns and thicknesses of a picture")]
    fn labels(&self, drawn: &[Drawn<'_>], width: usize) -> Result<Vec<Made>> {
        let n = drawn.len();
        let mut points = zeros("inputs.sample_points", &[n, 2])?;
        let mut classes = zeros("labels.class", &[n, CLASSES])?;
        let (mut vecs, mut thickness) = (vec![0.0; n * 8], vec![0.0; n]);
        let (mut probe, mut weights) =
            (vec![0.0; if self.probe { n * 9 } else { 0 }], vec![0.0; n]);
        for (slot, point) in drawn.iter().enumerate() {
            let (row, column) = (point.pixel / width, point.pixel % width);
            points[slot * 2..][..2].copy_from_slice(&[column as f32 + 0.5, row as f32 + 0.5]);
            let Some(component) = point.component else {
                classes[slot * CLASSES] = 1.0;
                continue;
            };
            let four = component.four_points();
            classes[slot * CLASSES..][..CLASSES].copy_from_slice(&component.one_hot());
            vecs[slot * 8..][..8].copy_from_slice(&match self.vectors {
                VectorForm::Split => component.split_points(),
                VectorForm::None | VectorForm::FourPoints => four,
            });
            thickness[slot] = component.thickness as f32;
            if self.probe {
                probe[slot * 9..][..8].copy_from_slice(&four);
                probe[slot * 9 + 8] = component.thickness as f32;
            }
            weights[slot] = 1.0;
        }
        let known = drawn.iter().map(|point| f32::from(u8::from(point.known))).collect();
        let lines = drawn.iter().map(|point| point.component.is_some_and(|c| c.is_line()));
        let lines = lines.map(|line| f32::from(u8::from(line))).collect();
        let mut made = vec![
            ("inputs.sample_points", vec![n, 2], points),
            ("labels.class", vec![n, CLASSES], classes),
            ("weights.class", vec![n], known),
        ];
        if self.vectors == VectorForm::Split {
            made.push(("inputs.class_split", vec![n], lines));
        }
        if self.vectors != VectorForm::None {
            made.push(("labels.vecs", vec![n, 4, 2], vecs));
            made.push(("weights.vecs", vec![n], weights.clone()));
        }
        if self.probe {
            made.push(("labels.probe", vec![n, 9], probe));
            made.push(("weights.probe", vec![n], weights.clone()));
        }
        if self.thickness {
            made.push(("labels.thickness", vec![n, 1], thickness));
            made.push(("weights.thickness", vec![n, 1], weights));
        }
        Ok(made)
    }
}

/// The pixels of no component.
fn background(all: &[Component<'_>], [h, w]: [usize; 2]) -> Vec<usize> {
    let mut covered = vec![0_u8; h * w];
    for component in all {
        for (covered, inside) in covered.iter_mut().zip(component.mask) {
            *covered |= inside;
        }
    }
    (0..h * w).filter(|pixel| covered[*pixel] == 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_have_ranges() {
        assert!(ComponentPoints::default().validate().is_ok());
        let of = |components, points| ComponentPoints {
            components,
            points,
            ..ComponentPoints::default()
        };
        assert!(of(0, 1).validate().is_err() && of(1, 0).validate().is_err());
        let huge = of(usize::MAX, usize::MAX).validate();
        assert!(matches!(huge, Err(Error::FieldTooLarge { .. })));
    }
}
