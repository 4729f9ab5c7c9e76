//! Samples of folders with pictures and masks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::image_read::read_image;
use crate::inside::{check_name, list, open_root, resolve};
use crate::label_image::{Colour, MaskFault, read_colours, read_labels};
use crate::limits::ImageLimits;
use crate::picture::{PictureValues, picture_field};
use crate::record::{Field, Record};
use crate::source::Source;

/// The name of the picture in samples.
const PICTURE: &str = "img";
/// Endings of the names of pictures.
const ENDINGS: [&str; 5] = ["png", "jpg", "jpeg", "tif", "tiff"];
/// Files without a counterpart that an error names.
const LISTED: usize = 5;

/// What the pixels of a mask mean.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum MaskKind {
    /// The grey value that is stored is the label: `u8`, `[H, W, 1]`. 16-bit values must be below
    /// 256.
    #[default]
    Labels,
    /// Each colour is a class: `u8`, `[H, W, 1]`. For masks with a palette, too.
    Colours {
        /// Classes of colours, the colours as `#rrggbb`.
        classes: BTreeMap<Colour, u8>,
        /// Class of all other colours; none makes them an error.
        #[serde(default)]
        other: Option<u8>,
    },
    /// A further picture, such as an infrared channel: as [`FolderConfig::picture`], `[H, W, 3]`.
    Picture,
}

/// A folder of masks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MaskFolder {
    /// Its path below the root, with `/` between its parts, or `.`. Default `masks`.
    pub folder: String,
    /// Name of the array in samples. Default `class_map`.
    pub field: String,
    /// What follows the common part of the names, before the ending: `_mask` for `a_mask.png`.
    /// Files without it are skipped. Default empty.
    pub suffix: String,
    /// What the pixels mean.
    pub kind: MaskKind,
}

impl Default for MaskFolder {
    fn default() -> Self {
        Self {
            folder: "masks".into(),
            field: "class_map".into(),
            suffix: String::new(),
            kind: MaskKind::default(),
        }
    }
}

/// How a [`FolderSource`] reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FolderConfig {
    /// Folder of the pictures below the root, with `/` between its parts, or `.`. Default
    /// `images`.
    pub images: String,
    /// As [`MaskFolder::suffix`], for the pictures. Default empty.
    pub image_suffix: String,
    /// Folders of masks. Default one with its defaults.
    pub masks: Vec<MaskFolder>,
    /// Numbers of the picture. Default `unit`.
    pub picture: PictureValues,
    /// Largest picture.
    pub limits: ImageLimits,
}

impl Default for FolderConfig {
    fn default() -> Self {
        Self {
            images: "images".into(),
            image_suffix: String::new(),
            masks: vec![MaskFolder::default()],
            picture: PictureValues::default(),
            limits: ImageLimits::default(),
        }
    }
}

impl FolderConfig {
    /// Checks the fields.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for the name of an array that is not of the form `name.name` with
    /// letters `a` to `z`, digits and `_`, or occurs twice, and for classes without a colour.
    pub fn validate(&self) -> Result<()> {
        self.limits.validate()?;
        let mut seen = BTreeSet::from([PICTURE]);
        for mask in &self.masks {
            let value = mask.field.clone();
            if !is_field_name(&value) {
                let expected = "words of a-z, 0-9 and _, with dots between them";
                return Err(Error::Config { field: "masks.field", value, expected });
            }
            if !seen.insert(&mask.field) {
                let expected = "a name that occurs once and is not `img`";
                return Err(Error::Config { field: "masks.field", value, expected });
            }
            if matches!(&mask.kind, MaskKind::Colours { classes, .. } if classes.is_empty()) {
                let (value, expected) = ("{}".into(), "at least one colour");
                return Err(Error::Config { field: "masks.kind.classes", value, expected });
            }
        }
        Ok(())
    }
}

fn is_field_name(name: &str) -> bool {
    let letter = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
    name.split('.').all(|word| !word.is_empty() && word.bytes().all(letter))
}

/// Pictures of a folder with the masks of others, in the order of their names.
///
/// Files belong together by their stems: the name without ending and suffix. PNG, JPEG and
/// TIFF are read; hidden files, files with other endings and folders below are skipped. A
/// sample holds the picture as `img` (`[H, W, 3]`) and the masks under the names of
/// [`MaskFolder::field`].
///
/// Links are followed within the root only. Names with `\` or `:` are refused.
#[derive(Debug)]
pub struct FolderSource {
    root: PathBuf,
    config: FolderConfig,
    samples: Vec<Sample>,
}

/// Files of a sample, below the root.
#[derive(Debug)]
struct Sample {
    stem: String,
    picture: String,
    masks: Vec<String>,
}

impl FolderSource {
    /// Lists the folders below `root` and pairs their files. No picture is read.
    ///
    /// # Errors
    ///
    /// Those of [`FolderConfig::validate`]; [`Error::Io`] for a folder that cannot be listed;
    /// [`Error::OutsideFolder`] for a folder or file that a name or link leads out of the root,
    /// [`Error::NoFile`] for one that is a pipe or device; [`Error::SameStem`] and
    /// [`Error::Unpaired`] for files that do not pair.
    pub fn open(root: &Path, config: &FolderConfig) -> Result<Self> {
        config.validate()?;
        let root = open_root(root)?;
        let pictures = stems(&root, &config.images, &config.image_suffix)?;
        let folders = config.masks.iter().map(|mask| stems(&root, &mask.folder, &mask.suffix));
        let folders = folders.collect::<Result<Vec<_>>>()?;
        for (mask, stems) in config.masks.iter().zip(&folders) {
            let (images, masks) = (root.join(&config.images), root.join(&mask.folder));
            check_pairs(&pictures, &images, stems, &masks)?;
            check_pairs(stems, &masks, &pictures, &images)?;
        }
        let samples = pictures.into_iter().map(|(stem, picture)| {
            let masks = folders.iter().filter_map(|stems| stems.get(&stem).cloned()).collect();
            Sample { stem, picture, masks }
        });
        Ok(Self { root, config: config.clone(), samples: samples.collect() })
    }

    /// What the files of a sample have in common in their names.
    ///
    /// # Errors
    ///
    /// [`Error::Index`] past the end.
    pub fn stem(&self, index: usize) -> Result<&str> {
        self.sample(index).map(|sample| sample.stem.as_str())
    }

    fn sample(&self, index: usize) -> Result<&Sample> {
        self.samples.get(index).ok_or(Error::Index { index, len: self.samples.len() })
    }

    fn read_mask(&self, kind: &MaskKind, path: &Path, expected: (usize, usize)) -> Result<Field> {
        let limits = &self.config.limits;
        let labels = match kind {
            MaskKind::Labels => read_labels(path, limits)?,
            MaskKind::Colours { classes, other } => read_colours(path, classes, *other, limits)?,
            MaskKind::Picture => {
                let picture = read_image(path, limits)?;
                let (height, width, _) = picture.dim();
                check_size(path, expected, (height, width))?;
                return picture_field(picture, self.config.picture);
            }
        };
        check_size(path, expected, labels.dim())?;
        labels_field(labels)
    }
}

impl Source for FolderSource {
    type Sample = Record;

    fn len(&self) -> usize {
        self.samples.len()
    }

    fn get(&self, index: usize) -> Result<Record> {
        let sample = self.sample(index)?;
        let picture = read_image(&resolve(&self.root, &sample.picture)?, &self.config.limits)?;
        let (height, width, _) = picture.dim();
        let mut record = Record::new();
        record.insert(PICTURE, picture_field(picture, self.config.picture)?);
        for (mask, name) in self.config.masks.iter().zip(&sample.masks) {
            let path = resolve(&self.root, name)?;
            let field = self.read_mask(&mask.kind, &path, (height, width))?;
            record.insert(mask.field.as_str(), field);
        }
        Ok(record)
    }
}

fn labels_field(labels: Array2<u8>) -> Result<Field> {
    let labels = labels.insert_axis(Axis(2));
    Field::new(labels.shape().to_vec(), labels.into_iter().collect::<Vec<u8>>())
}

fn check_size(path: &Path, expected: (usize, usize), found: (usize, usize)) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::Mask { path: path.to_owned(), fault: MaskFault::Size { expected, found } })
}

/// Names below the root of the pictures of a folder, by their stems.
fn stems(root: &Path, folder: &str, suffix: &str) -> Result<BTreeMap<String, String>> {
    let mut stems: BTreeMap<String, String> = BTreeMap::new();
    for file in list(root, folder)? {
        let Some((stem, ending)) = file.rsplit_once('.') else { continue };
        if !ENDINGS.contains(&ending.to_ascii_lowercase().as_str()) {
            continue;
        }
        let Some(stem) = stem.strip_suffix(suffix) else { continue };
        let name = if folder == "." { file.clone() } else { format!("{folder}/{file}") };
        check_name(root, &name)?;
        resolve(root, &name)?;
        if let Some(first) = stems.insert(stem.to_owned(), name.clone()) {
            let (folder, stem) = (root.join(folder), stem.to_owned());
            return Err(Error::SameStem { folder, stem, first, second: name });
        }
    }
    Ok(stems)
}

/// Refuses files of one folder that have no counterpart in another.
fn check_pairs(
    present: &BTreeMap<String, String>,
    present_in: &Path,
    counterparts: &BTreeMap<String, String>,
    missing_in: &Path,
) -> Result<()> {
    let missing = || present.keys().filter(|stem| !counterparts.contains_key(*stem));
    let count = missing().count();
    if count == 0 {
        return Ok(());
    }
    let mut names: Vec<&str> = missing().take(LISTED).map(String::as_str).collect();
    if count > LISTED {
        names.push("...");
    }
    Err(Error::Unpaired {
        missing_in: missing_in.to_owned(),
        present_in: present_in.to_owned(),
        count,
        names: names.join(", "),
    })
}
