//! The error type of this crate.

use std::io;
use std::path::PathBuf;

use crate::coco::CocoFault;
use crate::label_image::MaskFault;
use crate::rle::RleFault;

/// What can go wrong when samples, pictures and vector files are read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be opened, read or written.
    #[error("{}: cannot {action}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was attempted, as a verb phrase.
        action: &'static str,
        /// The operating system's answer.
        source: io::Error,
    },
    /// A record lacks an array.
    #[error("there is no `{name}` among {present}")]
    Field {
        /// The name that was asked for.
        name: String,
        /// The names that there are.
        present: String,
    },
    /// A folder was given where a file is needed.
    #[error("{}: is a folder; name a file", path.display())]
    IsFolder {
        /// The folder.
        path: PathBuf,
    },
    /// The content is not a picture in a format that is read here.
    #[error("{name}: not a PNG, JPEG or TIFF picture")]
    NotAnImage {
        /// The file, or a word for data held in memory.
        name: String,
    },
    /// The picture has no pixels.
    #[error("{name}: the picture has no pixels ({width} x {height})")]
    EmptyImage {
        /// The file, or a word for data held in memory.
        name: String,
        /// Width in the header, px.
        width: u32,
        /// Height in the header, px.
        height: u32,
    },
    /// The header announces a picture larger than the caller allows.
    #[error(
        "{name}: {width} x {height} pixels exceed the limit {limit} = {allowed}; \
         raise ImageLimits::{limit} if the file can be trusted"
    )]
    ImageTooLarge {
        /// The file, or a word for data held in memory.
        name: String,
        /// Width in the header, px.
        width: u32,
        /// Height in the header, px.
        height: u32,
        /// The field of [`ImageLimits`](crate::ImageLimits) that is exceeded.
        limit: &'static str,
        /// The value of that field.
        allowed: u64,
    },
    /// The picture ends too early.
    #[error("{name}: the picture is truncated; fetch or export the file again")]
    Truncated {
        /// The file, or a word for data held in memory.
        name: String,
    },
    /// The picture is damaged or uses a variant of its format that is not supported.
    #[error("{name}: cannot decode the picture: {reason}")]
    Decode {
        /// The file, or a word for data held in memory.
        name: String,
        /// The decoder's explanation.
        reason: String,
    },
    /// A window reaches outside its picture, or is empty.
    #[error(
        "window x {x}, y {y}, {window_width} x {window_height} does not lie in the \
         {width} x {height} picture{name}; a window needs at least one pixel and must end inside"
    )]
    WindowOutside {
        /// The file as " NAME", or nothing for a picture in memory.
        name: String,
        /// Left edge of the window, px.
        x: u32,
        /// Top edge of the window, px.
        y: u32,
        /// Width of the window, px.
        window_width: u32,
        /// Height of the window, px.
        window_height: u32,
        /// Width of the picture, px.
        width: u32,
        /// Height of the picture, px.
        height: u32,
    },
    /// Two arrays that must have equal sizes differ.
    #[error("{field} is {found:?} (rows, columns) but {expected:?} is needed")]
    Shape {
        /// The array at fault.
        field: &'static str,
        /// Rows and columns needed.
        expected: (usize, usize),
        /// Rows and columns found.
        found: (usize, usize),
    },
    /// An index is past the end of a source.
    #[error("sample {index} does not exist: the source holds {len}")]
    Index {
        /// The index asked for.
        index: usize,
        /// Samples in the source.
        len: usize,
    },
    /// A source cannot make one of its samples.
    #[error("sample {index}: {reason}")]
    Sample {
        /// The index asked for.
        index: usize,
        /// The source's explanation.
        reason: String,
    },
    /// A picture cannot be encoded.
    #[error("cannot encode the picture: {reason}")]
    Encode {
        /// The encoder's explanation.
        reason: String,
    },
    /// A configuration field is out of its range.
    #[error("{field} = {value}: must be {expected}")]
    Config {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
        /// The values allowed.
        expected: &'static str,
    },
    /// A coordinate is infinite or not a number.
    #[error("feature {feature}: coordinate ({x}, {y}) is not finite")]
    NonFinite {
        /// Index of the feature.
        feature: usize,
        /// The x coordinate.
        x: f64,
        /// The y coordinate.
        y: f64,
    },
    /// A member may not stand beside the members that RFC 7946 defines.
    #[error("member \"{member}\" is reserved by RFC 7946; use another name")]
    ReservedMember {
        /// The member's name.
        member: String,
    },
    /// A vector file could not be serialized.
    #[error("cannot write the features as text: {reason}")]
    Serialize {
        /// The serializer's explanation.
        reason: String,
    },
    /// Run lengths describe no mask of their size.
    #[error("run lengths of a mask of {height} x {width}: {fault}")]
    Rle {
        /// Rows of the mask.
        height: u32,
        /// Columns of the mask.
        width: u32,
        /// What is wrong.
        fault: RleFault,
    },
    /// A name leads out of the folder that it is looked up in.
    #[error(
        "{name:?} leads out of {}; names must be relative, without `..`, and links must stay \
         inside", root.display()
    )]
    OutsideFolder {
        /// The folder.
        root: PathBuf,
        /// The name.
        name: String,
    },
    /// A name belongs to something that holds no data of its own, such as a folder or a pipe.
    #[error("{}: is no ordinary file", path.display())]
    NoFile {
        /// The path.
        path: PathBuf,
    },
    /// A file is larger than the caller allows.
    #[error("{}: more than {allowed} bytes; raise {limit} if the file can be trusted", path.display())]
    FileTooLarge {
        /// The file.
        path: PathBuf,
        /// The field of the configuration that is exceeded.
        limit: &'static str,
        /// Its value, bytes.
        allowed: u64,
    },
    /// A JSON file cannot be read.
    #[error("{name}: {reason}")]
    Json {
        /// The file.
        name: String,
        /// What was found where.
        reason: String,
    },
    /// A COCO file breaks a rule of its format.
    #[error("{item}: {fault}")]
    Coco {
        /// What is at fault, for example `annotation 17`.
        item: String,
        /// What is wrong.
        fault: CocoFault,
    },
    /// An array of a sample would be larger than the caller allows.
    #[error(
        "sample {index}: `{field}` would take {bytes} bytes, more than {allowed}; \
         leave it out, or raise max_array_bytes"
    )]
    ArrayTooLarge {
        /// The sample.
        index: usize,
        /// The array.
        field: &'static str,
        /// Its size, bytes.
        bytes: u64,
        /// The largest size allowed, bytes.
        allowed: u64,
    },
    /// Files that belong together are not all there.
    #[error("{}: no file for {count} of {}: {names}", missing_in.display(), present_in.display())]
    Unpaired {
        /// The folder that lacks files.
        missing_in: PathBuf,
        /// The folder whose files have no counterpart.
        present_in: PathBuf,
        /// How many.
        count: usize,
        /// The first of them.
        names: String,
    },
    /// Two files of a folder stand for the same sample.
    #[error("{}: {first} and {second} are both files of `{stem}`; remove one", folder.display())]
    SameStem {
        /// The folder.
        folder: PathBuf,
        /// What the names have in common.
        stem: String,
        /// A file.
        first: String,
        /// Another file.
        second: String,
    },
    /// A picture of labels cannot be read as classes.
    #[error("{}: {fault}", path.display())]
    Mask {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        fault: MaskFault,
    },
    /// A raster has fewer pixels to choose from than points are asked for.
    #[error("{needed} points are asked for, but only {found} pixels may be chosen")]
    TooFewPixels {
        /// Points asked for.
        needed: usize,
        /// Pixels that may be chosen.
        found: usize,
    },
    /// Threads that make samples cannot start, or one of them panicked.
    #[error("threads that make samples: {reason}")]
    Threads {
        /// What happened.
        reason: String,
    },
    /// An array of a record has sizes that do not fit.
    #[error("`{name}` has the sizes {found:?}, but {expected} are needed")]
    FieldShape {
        /// The array.
        name: String,
        /// Its sizes.
        found: Vec<usize>,
        /// The sizes needed; `_` is any.
        expected: String,
    },
    /// An array of a record holds numbers of another type.
    #[error("`{name}` holds {found}, but {expected} is needed")]
    FieldType {
        /// The array.
        name: String,
        /// The type there is.
        found: &'static str,
        /// The type needed.
        expected: &'static str,
    },
    /// A value of an array of a record is out of its range.
    #[error("`{name}` holds {value}: must be {expected}")]
    FieldValue {
        /// The array.
        name: String,
        /// The value, or what is wrong.
        value: String,
        /// The values allowed.
        expected: &'static str,
    },
    /// An array would be replaced.
    #[error("there already is `{name}`; drop it before, or leave out the step that makes it again")]
    FieldExists {
        /// The array.
        name: String,
    },
    /// An array would be too large.
    #[error("`{name}` would hold {values} values, more than {allowed}")]
    FieldTooLarge {
        /// The array.
        name: String,
        /// How many values, at least.
        values: usize,
        /// How many are allowed.
        allowed: usize,
    },
    /// Nobody has said how an array moves with its picture.
    #[error(
        "how `{name}` moves with its picture is not known; name its kind under `fields`, \
         or drop it, or move the picture before labels are made of it"
    )]
    FieldKind {
        /// The array.
        name: String,
    },
    /// Bytes of a shard are not those that were written.
    #[error("{}: {}: {reason}; fetch or write the shard again", path.display(), samples_text(*first, *samples))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The first sample that cannot be read because of it.
        first: usize,
        /// How many samples cannot be read because of it.
        samples: usize,
        /// What is wrong.
        reason: String,
    },
    /// A file holds something that is not read here, or that no honest writer makes.
    #[error("{}: refused: {reason}", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// What it holds.
        reason: String,
    },
    /// The library was built without a format.
    #[error(
        "shards in the format {format} need the feature `{format}` of mapvec-data; build with it"
    )]
    FormatFeature {
        /// The format, and the feature that has it.
        format: &'static str,
    },
    /// A folder holds the shards of something else.
    #[error(
        "{}: {field} is {found} there and {expected} here; \
         use another folder, or remove this one to begin again", path.display()
    )]
    OtherPlan {
        /// The plan in the folder.
        path: PathBuf,
        /// The first field that differs, with dots for nested ones.
        field: String,
        /// Its value in the folder.
        found: String,
        /// Its value in the plan of the caller.
        expected: String,
    },
    /// Another process writes the same file.
    #[error("{}: another process is writing it", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// It is not known which shard to write.
    #[error("no shard to write: {reason}")]
    ShardIndex {
        /// What was looked for, and what was found.
        reason: String,
    },
    /// Some shards of a dataset are not written yet.
    #[error(
        "{}: {missing} of {shards} shards are missing, the first is {first}; write them first",
        path.display()
    )]
    Unfinished {
        /// The folder.
        path: PathBuf,
        /// How many are missing.
        missing: usize,
        /// How many there must be.
        shards: usize,
        /// File name of the first that is missing.
        first: String,
    },
    /// An object store refused, or holds something else than expected.
    #[error("{location}: cannot {action}: {reason}")]
    Store {
        /// Address of the object.
        location: String,
        /// What was attempted, as a verb phrase.
        action: &'static str,
        /// The store's answer.
        reason: String,
    },
    /// All shards of a dataset are written, but their list is not.
    #[error(
        "{}: all {shards} shards are there, but manifest.json is not: the writer was stopped \
         before it; run it once more", path.display()
    )]
    NoManifest {
        /// The folder.
        path: PathBuf,
        /// How many shards there are.
        shards: usize,
    },
    /// What is marked on a picture covers more than the caller allows.
    #[error(
        "sample {index}: areas and lines of {pixels} pixels are to be drawn, more than {allowed}; \
         raise max_drawn_pixels if the file can be trusted"
    )]
    TooMuchDrawn {
        /// The sample.
        index: usize,
        /// Pixels of all annotations together, at most.
        pixels: u64,
        /// How many are allowed.
        allowed: u64,
    },
}

/// "sample 4" or "samples 4 to 9".
fn samples_text(first: usize, samples: usize) -> String {
    match samples {
        0 => "no sample is lost".to_owned(),
        1 => format!("sample {first}"),
        _ => format!("samples {first} to {}", first.saturating_add(samples - 1)),
    }
}

impl Error {
    pub(crate) fn io(
        path: impl Into<PathBuf>,
        action: &'static str,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, action, source }
    }
}

/// The result type of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;
