//! Samples of a COCO data set.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use ndarray::Array2;

use super::check::{CocoFault, fault_in};
use super::config::{CocoConfig, CocoOutput};
use super::draw::{bounds, draw, rings, runs};
use super::format::{CocoAnnotation, CocoDataset, CocoImage};
use crate::error::{Error, Result};
use crate::image_read::read_image;
use crate::inside::{check_name, open_root, resolve};
use crate::picture::picture_field;
use crate::record::{Field, Record, Values};
use crate::rle::Rle;
use crate::source::Source;

/// The pictures of a COCO data set with what is marked on them, in the order of the file.
///
/// A sample holds the arrays of [`CocoOutput`]. Classes are numbered by the order of the
/// categories in the file, or by [`CocoConfig::categories`], from 1; 0 is the background.
///
/// Names of pictures are looked up below one folder. Names that are absolute or have `..`, `\`
/// or `:` in them, and links that leave the folder, are refused before anything is read.
#[derive(Debug)]
pub struct CocoSource {
    dataset: CocoDataset,
    root: PathBuf,
    config: CocoConfig,
    samples: Vec<Sample>,
    /// Names of the classes from 1.
    names: Vec<String>,
    /// Classes by the ids of categories.
    classes: HashMap<u64, i32>,
}

/// Indices of a picture and of its annotations.
#[derive(Debug)]
struct Sample {
    image: usize,
    annotations: Vec<usize>,
}

impl CocoSource {
    /// Opens the JSON file at `path`; pictures are looked up below `image_root`.
    ///
    /// # Errors
    ///
    /// Those of [`CocoDataset::read`] and [`CocoSource::new`].
    pub fn open(path: &Path, image_root: &Path, config: &CocoConfig) -> Result<Self> {
        Self::new(CocoDataset::read(path, config.max_bytes)?, image_root, config)
    }

    /// The samples of a data set.
    ///
    /// Every picture is looked up now, so that a missing one is found before training starts,
    /// unless [`CocoOutput::Img`] is not asked for.
    ///
    /// # Errors
    ///
    /// Those of [`CocoConfig::validate`] and [`CocoDataset::check`]; [`Error::OutsideFolder`],
    /// [`Error::NoFile`] and [`Error::Io`] for a picture; [`Error::Coco`] for one with too many
    /// annotations, and for a category that is not among [`CocoConfig::categories`].
    pub fn new(dataset: CocoDataset, image_root: &Path, config: &CocoConfig) -> Result<Self> {
        config.validate()?;
        dataset.check()?;
        let root = open_root(image_root)?;
        let mut marked: HashMap<u64, Vec<usize>> = HashMap::new();
        for (index, annotation) in dataset.annotations.iter().enumerate() {
            if !(config.skip_crowd && annotation.iscrowd) {
                marked.entry(annotation.image_id).or_default().push(index);
            }
        }
        let mut samples = Vec::new();
        for (index, image) in dataset.images.iter().enumerate() {
            let annotations = marked.remove(&image.id).unwrap_or_default();
            let (found, allowed) = (annotations.len(), config.max_instances);
            if found > allowed {
                return Err(fault_in("image", image.id)(CocoFault::Instances { found, allowed }));
            }
            check_name(&root, &image.file_name)?;
            if config.skip_empty && annotations.is_empty() {
                continue;
            }
            if config.outputs.contains(&CocoOutput::Img) {
                resolve(&root, &image.file_name)?;
            }
            samples.push(Sample { image: index, annotations });
        }
        let names: Vec<String> = if config.categories.is_empty() {
            dataset.categories.iter().map(|category| category.name.clone()).collect()
        } else {
            config.categories.clone()
        };
        let classes = classes(&dataset, config)?;
        Ok(Self { dataset, root, config: config.clone(), samples, names, classes })
    }

    /// The data set.
    #[must_use]
    pub fn dataset(&self) -> &CocoDataset {
        &self.dataset
    }

    /// The names of classes 1, 2 and so on.
    #[must_use]
    pub fn class_names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// What the file says about the picture of a sample.
    ///
    /// # Errors
    ///
    /// [`Error::Index`] past the end.
    pub fn image(&self, index: usize) -> Result<&CocoImage> {
        self.sample(index).map(|sample| &self.dataset.images[sample.image])
    }

    fn sample(&self, index: usize) -> Result<&Sample> {
        self.samples.get(index).ok_or(Error::Index { index, len: self.samples.len() })
    }

    fn read_picture(&self, image: &CocoImage) -> Result<Field> {
        let path = resolve(&self.root, &image.file_name)?;
        let picture = read_image(&path, &self.config.limits)?;
        let (height, width, _) = picture.dim();
        let (found, expected) = ((height, width), (image.height as usize, image.width as usize));
        if found != expected {
            let fault = CocoFault::PictureSize { expected, found };
            return Err(fault_in("image", image.id)(fault));
        }
        picture_field(picture, self.config.picture)
    }
}

impl Source for CocoSource {
    type Sample = Record;

    fn len(&self) -> usize {
        self.samples.len()
    }

    fn get(&self, index: usize) -> Result<Record> {
        let sample = self.sample(index)?;
        let image = &self.dataset.images[sample.image];
        self.config.limits.check(image.width, image.height, &image.file_name)?;
        let marks = sample.annotations.iter().map(|&at| {
            let annotation = &self.dataset.annotations[at];
            let runs = runs(annotation, &self.config.limits)?;
            let class = self.classes.get(&annotation.category_id).copied().unwrap_or_default();
            Ok(Mark { annotation, runs, class })
        });
        let scene = Scene {
            index,
            size: (image.height as usize, image.width as usize),
            config: &self.config,
            wide: self.names.len() > 255,
            instances: OnceCell::new(),
            marks: marks.collect::<Result<Vec<_>>>()?,
        };
        let mut record = Record::new();
        for &output in &self.config.outputs {
            let field = match output {
                CocoOutput::Img => self.read_picture(image)?,
                other => scene.field(other)?,
            };
            record.insert(output.name(), field);
        }
        Ok(record)
    }
}

/// Classes by the ids of categories. Those of one name are one class where the names are given.
fn classes(dataset: &CocoDataset, config: &CocoConfig) -> Result<HashMap<u64, i32>> {
    let numbered = dataset.categories.iter().zip(1..).map(|(category, place)| {
        if config.categories.is_empty() {
            return Ok((category.id, place));
        }
        let place = config.categories.iter().position(|name| *name == category.name);
        let class = category.name.clone();
        let place = place
            .ok_or_else(|| fault_in("category", category.id)(CocoFault::UnknownClass { class }))?;
        Ok((category.id, count(place + 1)))
    });
    numbered.collect()
}

/// An annotation of a sample.
struct Mark<'a> {
    annotation: &'a CocoAnnotation,
    runs: Option<Rle>,
    class: i32,
}

/// What is marked on the picture of a sample.
struct Scene<'a> {
    index: usize,
    size: (usize, usize),
    config: &'a CocoConfig,
    /// Whether classes need more than a byte.
    wide: bool,
    /// Drawn when it is first needed.
    instances: OnceCell<Array2<u32>>,
    marks: Vec<Mark<'a>>,
}

impl Scene<'_> {
    fn field(&self, output: CocoOutput) -> Result<Field> {
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
        let mut canvas = Array2::zeros(self.size);
        for (mark, id) in self.marks.iter().zip(1..) {
            self.draw(mark, id, &mut canvas)?;
        }
        Ok(self.instances.get_or_init(|| canvas))
    }

    fn masks(&self) -> Result<Vec<u8>> {
        let (h, w) = self.size;
        self.reserve(CocoOutput::Masks.name(), h * w, self.marks.len().max(4), 1)?;
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
fn count(value: usize) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}
