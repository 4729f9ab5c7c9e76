//! What can be wrong with the input.

/// Shorthand for results of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a prediction cannot be scored.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// Rasters or matrices that belong together differ in size.
    #[error(
        "`{field}` has {} rows and {} columns, but must have {} and {}: {of}",
        found.0, found.1, expected.0, expected.1
    )]
    ShapeMismatch {
        /// Name of the argument that differs.
        field: &'static str,
        /// Rows and columns that it needs.
        expected: (usize, usize),
        /// Rows and columns that it has.
        found: (usize, usize),
        /// Where that size comes from.
        of: &'static str,
    },
    /// A setting is outside its range.
    #[error("`{field}` is {value}, but must be {expected}")]
    InvalidSetting {
        /// Name of the argument.
        field: &'static str,
        /// The value that came.
        value: f64,
        /// What is allowed.
        expected: &'static str,
    },
    /// A pixel has a class that does not exist.
    #[error(
        "`{field}` has class {class} at row {row}, column {column}, but there are {classes} classes from 0 on; raise `classes`, or leave such pixels out (those of the truth by `ignore`, where there is one)"
    )]
    UnknownClass {
        /// Name of the argument.
        field: &'static str,
        /// The class that came.
        class: u8,
        /// Number of classes; they are 0, 1, ..., `classes` - 1.
        classes: usize,
        /// Row of the first such pixel.
        row: usize,
        /// Column of the first such pixel.
        column: usize,
    },
    /// Lists that belong together differ in length.
    #[error("`{field}` has {found} entries, but must have {expected}: one for each of {of}")]
    LengthMismatch {
        /// Name of the argument.
        field: &'static str,
        /// Entries that it has.
        found: usize,
        /// Entries that it needs.
        expected: usize,
        /// What the entries belong to.
        of: &'static str,
    },
    /// An entry of a list cannot be used.
    #[error("entry {index} of `{field}` is {value}, but must be {expected}")]
    InvalidEntry {
        /// Name of the argument.
        field: &'static str,
        /// Place in it, from 0.
        index: usize,
        /// The value that came.
        value: f64,
        /// What is allowed.
        expected: &'static str,
    },
    /// Run lengths do not fill their mask.
    #[error(
        "the runs hold {found} pixels, but a mask of {height} x {width} has {expected}, 4294967295 at most; give the runs of all its columns"
    )]
    Runs {
        /// Pixels in all runs.
        found: u64,
        /// Rows times columns.
        expected: u64,
        /// Rows.
        height: u32,
        /// Columns.
        width: u32,
    },
    /// An outline is too long to be drawn.
    #[error(
        "ring {ring} has a coordinate or a length beyond {limit} pixels; cut it to the picture first"
    )]
    TooLong {
        /// Place of the ring.
        ring: usize,
        /// What is allowed.
        limit: u32,
    },
    /// Something was added a second time.
    #[error(
        "image {image} was added twice for category {category}; give every image its own number"
    )]
    Duplicate {
        /// Number of the image.
        image: u64,
        /// Number of the category.
        category: u32,
    },
    /// Counts that were taken with different settings cannot be added.
    #[error("cannot add counts taken with another `{field}`; use one configuration throughout")]
    OtherSettings {
        /// Name of the setting.
        field: &'static str,
    },
    /// A shape cannot be measured.
    #[error("{what} {index}: {source}")]
    Shape {
        /// The list it is from.
        what: &'static str,
        /// Its place in the list.
        index: usize,
        /// What is wrong with it.
        source: mapvec_geometry::Error,
    },
    /// There are more parts than can be worked on.
    #[error("there are {count} {what}, but {limit} are the most that can be compared; {advice}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many there are.
        count: u64,
        /// How many are allowed.
        limit: u64,
        /// The way out.
        advice: &'static str,
    },
    /// The lines or instances could not be assigned to each other.
    #[error("assigning the prediction to the truth: {0}")]
    Assignment(#[from] mapvec_assignment::Error),
}

/// Refuses a list whose length is not that of the list it belongs to.
pub(crate) fn same_length(
    field: &'static str,
    found: usize,
    expected: usize,
    of: &'static str,
) -> Result<()> {
    if found == expected {
        Ok(())
    } else {
        Err(Error::LengthMismatch { field, found, expected, of })
    }
}

/// Refuses a setting that is not as it must be.
pub(crate) fn check_setting(
    field: &'static str,
    value: f64,
    right: bool,
    expected: &'static str,
) -> Result<()> {
    if right { Ok(()) } else { Err(Error::InvalidSetting { field, value, expected }) }
}

/// Checks the size of a raster against that of the prediction.
pub(crate) fn same_shape(
    field: &'static str,
    found: (usize, usize),
    expected: (usize, usize),
) -> Result<()> {
    check_shape(field, found, expected, "the size of `predicted`; crop or pad one of them")
}

/// Checks the size of one argument; `of` says where the expected size comes from.
pub(crate) fn check_shape(
    field: &'static str,
    found: (usize, usize),
    expected: (usize, usize),
    of: &'static str,
) -> Result<()> {
    if found == expected {
        Ok(())
    } else {
        Err(Error::ShapeMismatch { field, expected, found, of })
    }
}
