//! The arrays of a sample.

use std::cell::OnceCell;

use ndarray::Array2;

use super::config::{CocoConfig, CocoOutput};
use super::draw::{bounds, draw, drawn_pixels, rings};
use super::format::CocoAnnotation;
use crate::error::{Error, Result};
use crate::record::{Field, Values};
use crate::rle::Rle;

/// An annotation of a sample.
pub(super) struct Mark<'a> {
    pub(super) annotation: &'a CocoAnnotation,
    pub(super) runs: Option<Rle>,
    pub(super) class: i32,
}

/// What is marked on the picture of a sample.
pub(super) struct Scene<'a> {
    pub(super) index: usize,
    pub(super) size: (usize, usize),
    pub(super) config: &'a CocoConfig,
    /// Whether classes need more than a byte.
    pub(super) wide: bool,
    /// Drawn when it is first needed.
    pub(super) instances: OnceCell<Array2<u32>>,
    pub(super) marks: Vec<Mark<'a>>,
}

impl Scene<'_> {
    /// One of the arrays.
    pub(super) fn field(&self, output: CocoOutput) -> Result<Field> {
        let n = self.marks.len();
        let (h, w) = self.size;
        match output {
            // The picture is no part of the scene.
            CocoOutput::Img => Field::new(vec![0], Vec::<u8>::new()),
            CocoOutput::ClassMap => Field::new(vec![h, w, 1], self.class_map()?),
            CocoOutput::InstanceMap => {
                let ids = self.instances(output.name())?;
                // Not above the number of annotations.
                let ids: Vec<i32> = ids.iter().map(|&id| id.cast_signed()).collect();
                Field::new(vec![h, w, 1], ids)
            }
            CocoOutput::Masks => Field::new(vec![n, h, w, 1], self.masks()?),
            CocoOutput::Classes => Field::new(vec![n], self.each(|mark| mark.class)),
            CocoOutput::Bboxes => {
                let corners = self.marks.iter().flat_map(|mark| {
                    let corners = bounds(mark.annotation, mark.runs.as_ref()).unwrap_or_default();
                    let [x0, y0, x1, y1] = corners.map(|value| value as f32);
                    [x1, y1, x1, y0, x0, y0, x0, y1]
                });
                Field::new(vec![n, 4, 2], corners.collect::<Vec<f32>>())
            }
            CocoOutput::Crowd => {
                Field::new(vec![n], self.each(|mark| u8::from(mark.annotation.iscrowd)))
            }
            CocoOutput::Vertices => self.vertices(),
            CocoOutput::VertexCounts => self.chains(|chain| count(chain.points.len() / 2)),
            CocoOutput::VertexInstances => self.chains(|chain| count(chain.instance)),
            CocoOutput::VertexClosed => self.chains(|chain| u8::from(chain.closed)),
        }
    }

    fn each<T>(&self, value: impl Fn(&Mark<'_>) -> T) -> Vec<T> {
        self.marks.iter().map(value).collect()
    }

    fn chains<T>(&self, value: impl Fn(&Chain<'_>) -> T) -> Result<Field>
    where
        Vec<T>: Into<Values>,
    {
        let values: Vec<T> = chains(&self.marks).map(|chain| value(&chain)).collect();
        Field::new(vec![values.len()], values)
    }

    /// Rings and lines below each other, padded to the longest.
    fn vertices(&self) -> Result<Field> {
        let most = chains(&self.marks).map(|chain| chain.points.len()).max().unwrap_or_default();
        let count = chains(&self.marks).count();
        self.reserve(CocoOutput::Vertices.name(), count, most, size_of::<f32>())?;
        let mut values = vec![0.0_f32; count * most];
        for (row, chain) in values.chunks_exact_mut(most.max(1)).zip(chains(&self.marks)) {
            for (cell, &value) in row.iter_mut().zip(chain.points) {
                *cell = value as f32;
            }
        }
        Field::new(vec![count, most / 2, 2], values)
    }

    fn class_map(&self) -> Result<Values> {
        let instances = self.instances(CocoOutput::ClassMap.name())?;
        let classes: Vec<i32> = std::iter::once(0).chain(self.each(|mark| mark.class)).collect();
        let pixels = instances.iter().map(|&id| classes[id as usize]);
        Ok(if self.wide {
            pixels.collect::<Vec<i32>>().into()
        } else {
            pixels.map(|class| u8::try_from(class).unwrap_or(u8::MAX)).collect::<Vec<u8>>().into()
        })
    }

    /// Numbers of the annotations from 1, later ones over earlier ones.
    fn instances(&self, field: &'static str) -> Result<&Array2<u32>> {
        if let Some(drawn) = self.instances.get() {
            return Ok(drawn);
        }
        let (h, w) = self.size;
        self.reserve(field, h, w, size_of::<u32>())?;
        self.check_drawn()?;
        let mut canvas = Array2::zeros(self.size);
        for (mark, id) in self.marks.iter().zip(1..) {
            self.draw(mark, id, &mut canvas)?;
        }
        Ok(self.instances.get_or_init(|| canvas))
    }

    fn masks(&self) -> Result<Vec<u8>> {
        let (h, w) = self.size;
        self.reserve(CocoOutput::Masks.name(), h * w, self.marks.len().max(4), 1)?;
        self.check_drawn()?;
        let mut values = Vec::with_capacity(self.marks.len() * h * w);
        let mut canvas = Array2::zeros(self.size);
        for mark in &self.marks {
            canvas.fill(0);
            self.draw(mark, 1, &mut canvas)?;
            values.extend(canvas.iter().map(|&id| u8::from(id > 0)));
        }
        Ok(values)
    }

    fn draw(&self, mark: &Mark<'_>, id: u32, canvas: &mut Array2<u32>) -> Result<()> {
        draw(mark.annotation, mark.runs.as_ref(), self.config.line_width, id, canvas).map_err(
            |error| Error::Sample {
                index: self.index,
                reason: format!("annotation {}: {error}", mark.annotation.id),
            },
        )
    }

    /// Refuses more to draw than the limit: few bytes of a file may stand for very many pixels.
    fn check_drawn(&self) -> Result<()> {
        let drawn = self.marks.iter().map(|mark| {
            drawn_pixels(mark.annotation, mark.runs.as_ref(), self.config.line_width, self.size)
        });
        let pixels = drawn.fold(0, u64::saturating_add);
        let (index, allowed) = (self.index, self.config.max_drawn_pixels);
        if pixels > allowed {
            return Err(Error::TooMuchDrawn { index, pixels, allowed });
        }
        Ok(())
    }

    /// Refuses arrays above the limit before they are made.
    fn reserve(&self, field: &'static str, rows: usize, columns: usize, each: usize) -> Result<()> {
        let bytes = (rows as u64).saturating_mul(columns as u64).saturating_mul(each as u64);
        let (index, allowed) = (self.index, self.config.max_array_bytes);
        if bytes > allowed {
            return Err(Error::ArrayTooLarge { index, field, bytes, allowed });
        }
        Ok(())
    }
}

/// A ring or a line of an annotation.
struct Chain<'a> {
    instance: usize,
    closed: bool,
    points: &'a [f64],
}

/// The rings and then the lines of every annotation, without a repeated first vertex.
fn chains<'a>(marks: &'a [Mark<'_>]) -> impl Iterator<Item = Chain<'a>> {
    marks.iter().enumerate().flat_map(|(instance, mark)| {
        let rings = rings(mark.annotation).iter().map(move |ring| {
            let repeated = ring.len() > 2 && ring[..2] == ring[ring.len() - 2..];
            let points = if repeated { &ring[..ring.len() - 2] } else { &ring[..] };
            Chain { instance, closed: true, points }
        });
        let lines = mark.annotation.polyline.iter();
        rings.chain(lines.map(move |line| Chain { instance, closed: false, points: line }))
    })
}

/// A number of things that are in memory, as an array holds it.
pub(super) fn count(value: usize) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}
