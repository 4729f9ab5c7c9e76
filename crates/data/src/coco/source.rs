//! Samples of a COCO data set.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::check::{CocoFault, fault_in};
use super::config::{CocoConfig, CocoOutput};
use super::draw::runs;
use super::format::{CocoDataset, CocoImage};
use super::scene::{Mark, Scene, count};
use crate::error::{Error, Result};
use crate::image_read::read_image;
use crate::inside::{check_name, open_root, resolve};
use crate::picture::picture_field;
use crate::record::{Field, Record};
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
        // Reading has checked it.
        Self::of_checked(CocoDataset::read(path, config.max_bytes)?, image_root, config)
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
        dataset.check()?;
        Self::of_checked(dataset, image_root, config)
    }

    fn of_checked(dataset: CocoDataset, image_root: &Path, config: &CocoConfig) -> Result<Self> {
        config.validate()?;
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
        // Boxes may come from run lengths; classes and vertices do not.
        let shaped = self.config.outputs.iter().any(|output| {
            use CocoOutput::{Bboxes, ClassMap, InstanceMap, Masks};
            matches!(output, ClassMap | InstanceMap | Masks | Bboxes)
        });
        let marks = sample.annotations.iter().map(|&at| {
            let annotation = &self.dataset.annotations[at];
            let runs = if shaped { runs(annotation, &self.config.limits)? } else { None };
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
