//! A picture of a map with its labels, and the moves that keep them together.

use mapvec_geometry::Window;
use ndarray::Array3;

use crate::error::{Error, Result};
use crate::labels::PixelLabels;
use crate::rearrange::Rearrange;
use crate::record::{Field, Record};

/// A picture of a map and the labels of its pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct MapSample {
    /// RGB picture, (rows, columns, 3).
    pub image: Array3<u8>,
    /// The labels, of the picture's size.
    pub labels: PixelLabels,
}

impl MapSample {
    /// Joins a picture and its labels.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] when the sizes differ, [`Error::Config`] when the picture has
    /// not three channels.
    pub fn new(image: Array3<u8>, labels: PixelLabels) -> Result<Self> {
        let (height, width, channels) = image.dim();
        if channels != 3 {
            return Err(Error::Config {
                field: "image channels",
                value: channels.to_string(),
                expected: "3 (RGB)",
            });
        }
        labels.check_size((height, width))?;
        Ok(Self { image, labels })
    }

    /// Rows and columns of the picture.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        let (height, width, _) = self.image.dim();
        (height, width)
    }

    /// The part inside `window`, as a sample of its own.
    ///
    /// # Errors
    ///
    /// [`Error::WindowOutside`] when the window is empty or reaches outside,
    /// [`Error::Shape`] when labels and picture differ in size.
    pub fn crop(&self, window: Window) -> Result<Self> {
        self.labels.check_size(self.size())?;
        let image = crop_image(&self.image, window)?;
        Ok(Self { image, labels: self.labels.rearranged(Rearrange::Crop(&window)) })
    }

    /// The sample turned by `quarter_turns` times 90 degrees from +x towards +y
    /// (clockwise as seen on a screen).
    ///
    /// What was at the left edge is at the top after one turn. Angles of lines move
    /// along, modulo pi.
    #[must_use]
    pub fn rotated(&self, quarter_turns: u32) -> Self {
        self.rearranged(Rearrange::Rotate(quarter_turns))
    }

    /// The sample mirrored left to right. Angles of lines move along, modulo pi.
    #[must_use]
    pub fn flipped(&self) -> Self {
        self.rearranged(Rearrange::Flip)
    }

    /// The picture as `img`, `f32` from 0 to 1, and each label under its name in
    /// [`PixelLabels`], `[H, W, 1]`.
    ///
    /// # Errors
    ///
    /// None for samples made by [`MapSample::new`]: those of [`Field::new`].
    pub fn into_record(self) -> Result<Record> {
        let (height, width) = self.size();
        let plane = vec![height, width, 1];
        let labels = self.labels;
        let mut record = Record::new();
        let levels: Vec<f32> = self.image.iter().map(|level| f32::from(*level) / 255.0).collect();
        record.insert("img", Field::new(vec![height, width, 3], levels)?);
        for (name, label) in [
            ("boundary", labels.boundary),
            ("centreline", labels.centreline),
            ("class", labels.class),
            ("distractor", labels.distractor),
        ] {
            let values: Vec<u8> = label.into_iter().collect();
            record.insert(name, Field::new(plane.clone(), values)?);
        }
        for (name, label) in [("angle", labels.angle), ("thickness", labels.thickness)] {
            let values: Vec<f32> = label.into_iter().collect();
            record.insert(name, Field::new(plane.clone(), values)?);
        }
        Ok(record)
    }

    fn rearranged(&self, rearrange: Rearrange<'_>) -> Self {
        Self { image: rearrange.apply(&self.image), labels: self.labels.rearranged(rearrange) }
    }
}

/// The part of a picture (rows, columns, channels) inside `window`, as a picture
/// of its own.
///
/// # Errors
///
/// [`Error::WindowOutside`] when the window is empty or reaches outside.
///
/// # Examples
///
/// ```
/// use mapvec_data::crop_image;
/// use mapvec_geometry::Window;
/// use ndarray::Array3;
///
/// let image = Array3::<u8>::zeros((40, 60, 3));
/// let part = crop_image(&image, Window { x: 50, y: 8, width: 10, height: 20 })?;
/// assert_eq!(part.dim(), (20, 10, 3));
/// # Ok::<(), mapvec_data::Error>(())
/// ```
pub fn crop_image(image: &Array3<u8>, window: Window) -> Result<Array3<u8>> {
    crop_named(image, &window, "")
}

/// As [`crop_image`]; `name` of the file goes into the error.
pub(crate) fn crop_named(image: &Array3<u8>, window: &Window, name: &str) -> Result<Array3<u8>> {
    let (height, width, _) = image.dim();
    let fits = |start: u32, length: u32, size: usize| {
        length > 0 && u64::from(start) + u64::from(length) <= size as u64
    };
    if !fits(window.x, window.width, width) || !fits(window.y, window.height, height) {
        return Err(Error::WindowOutside {
            name: if name.is_empty() { String::new() } else { format!(" {name}") },
            x: window.x,
            y: window.y,
            window_width: window.width,
            window_height: window.height,
            width: u32::try_from(width).unwrap_or(u32::MAX),
            height: u32::try_from(height).unwrap_or(u32::MAX),
        });
    }
    Ok(Rearrange::Crop(window).apply(image))
}
