//! The eight ways to lay a picture onto its grid again.

use std::collections::BTreeMap;

use super::arrays::{ANY, wrong_shape, wrong_type};
use super::direction::undirected;
use super::field_kind::{FieldGeometry, FieldKind};
use crate::error::{Error, Result};
use crate::labels::{mirror, quarter_turn};
use crate::record::{Field, Record, Values};

/// A flip and quarter turns of a record: pixels, points, boxes, vectors and directions together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symmetry {
    /// Whether x is turned round, before anything else.
    pub mirror: bool,
    /// Quarter turns from +x towards +y, modulo 4.
    pub quarter_turns: u32,
}

/// The pixels of a picture after a move: its axes change places or not, then rows and columns are
/// turned round or not.
#[derive(Debug, Clone, Copy)]
struct PixelMove {
    transpose: bool,
    /// Rows, columns.
    reverse: [bool; 2],
}

impl Symmetry {
    /// The record after the move. The arrays of generators move by their names; `fields` says how
    /// others do, or these differently.
    ///
    /// # Shapes
    ///
    /// The picture's height and width are those of the planes, which all have the same ones. After
    /// an odd number of quarter turns they have changed places.
    ///
    /// # Errors
    ///
    /// [`Error::FieldKind`] for an array with an unknown name, [`Error::FieldShape`] and
    /// [`Error::FieldType`] for one that is not of its kind, [`Error::Field`] for a mask that is
    /// missing, or for the picture if there are positions but no plane.
    pub fn apply(
        self,
        record: &Record,
        fields: &BTreeMap<String, FieldGeometry>,
    ) -> Result<Record> {
        let mut arrays = Vec::new();
        let mut size = None;
        for (name, field) in record.fields() {
            let given = fields.get(name).cloned();
            let geometry = given.or_else(|| FieldGeometry::of_generators(name, field.shape()));
            let geometry = geometry.ok_or_else(|| Error::FieldKind { name: name.into() })?;
            if let Some(plane) = plane_size(name, field, geometry.kind)? {
                let [height, width] = *size.get_or_insert(plane);
                if plane != [height, width] {
                    return Err(wrong_shape(name, field.shape(), &[height, width, ANY]));
                }
            }
            arrays.push((name, field, geometry));
        }
        let mut moved = Record::new();
        for (name, field, geometry) in arrays {
            let mask = mask_of(record, name, &geometry, fields.contains_key(name))?;
            let mask = mask.map(|mask| filled(mask, name, field)).transpose()?;
            let array = Array { name, field, mask };
            moved.insert(name, self.moved(&array, geometry.kind, record, size)?);
        }
        Ok(moved)
    }

    fn moved(
        self,
        array: &Array<'_>,
        kind: FieldKind,
        record: &Record,
        size: Option<[usize; 2]>,
    ) -> Result<Field> {
        let field = array.field;
        let pixels = |values: &Values| {
            let plane = <[usize; 3]>::try_from(&field.shape()[field.shape().len() - 3..]);
            self.plane(values, plane.unwrap_or([0; 3]))
        };
        let mut shape = field.shape().to_vec();
        if plane_size(array.name, field, kind)?.is_some() && !self.quarter_turns.is_multiple_of(2) {
            let rows = shape.len() - 3;
            shape.swap(rows, rows + 1);
        }
        let values = match kind {
            FieldKind::Fixed => field.values().clone(),
            FieldKind::Plane => pixels(field.values()),
            FieldKind::VectorPlane => pixels(&Values::F32(self.vectors(array)?)),
            FieldKind::AnglePlane => pixels(&Values::F32(self.angles(array)?)),
            FieldKind::Vectors => Values::F32(self.vectors(array)?),
            FieldKind::Angles => Values::F32(self.angles(array)?),
            FieldKind::Points | FieldKind::Boxes => {
                let size = size.ok_or_else(|| record.missing("img"))?;
                Values::F32(self.points(array, kind, size)?)
            }
        };
        Field::new(shape, values)
    }

    fn points(self, array: &Array<'_>, kind: FieldKind, size: [usize; 2]) -> Result<Vec<f32>> {
        #[expect(clippy::cast_precision_loss, reason = "sides of a picture")]
        let [height, width] = size.map(|side| side as f32);
        let corners = if kind == FieldKind::Boxes { 8 } else { 2 };
        let expected = if kind == FieldKind::Boxes { &[ANY, 4, 2][..] } else { &[ANY, 2] };
        let mut values = array.reals(expected)?;
        for (index, item) in values.chunks_exact_mut(corners).enumerate() {
            let empty = kind == FieldKind::Boxes && item.iter().all(|value| *value == 0.0);
            if empty || !array.has_value(index * corners) {
                continue;
            }
            for point in item.chunks_exact_mut(2) {
                let x = if self.mirror { width - point[0] } else { point[0] };
                let y = point[1];
                let [x, y] = match self.quarter_turns % 4 {
                    0 => [x, y],
                    1 => [height - y, x],
                    2 => [width - x, height - y],
                    _ => [y, width - x],
                };
                point.copy_from_slice(&[x, y]);
            }
            if kind == FieldKind::Boxes {
                let side = |axis: usize| item.iter().skip(axis).step_by(2).copied();
                let [x0, y0] = [0, 1].map(|axis| side(axis).fold(f32::INFINITY, f32::min));
                let [x1, y1] = [0, 1].map(|axis| side(axis).fold(f32::NEG_INFINITY, f32::max));
                item.copy_from_slice(&[x1, y1, x1, y0, x0, y0, x0, y1]);
            }
        }
        Ok(values)
    }

    fn vectors(self, array: &Array<'_>) -> Result<Vec<f32>> {
        let mut values = array.reals(&[ANY, 2])?;
        for vector in values.chunks_exact_mut(2) {
            // 0 - 0 is 0, but -(0) is -0.
            let [x, y] = [if self.mirror { 0.0 - vector[0] } else { vector[0] }, vector[1]];
            let [x, y] = match self.quarter_turns % 4 {
                0 => [x, y],
                1 => [0.0 - y, x],
                2 => [0.0 - x, 0.0 - y],
                _ => [y, 0.0 - x],
            };
            vector.copy_from_slice(&[x, y]);
        }
        Ok(values)
    }

    fn angles(self, array: &Array<'_>) -> Result<Vec<f32>> {
        let mut values = array.reals(&[ANY])?;
        for (index, angle) in values.iter_mut().enumerate() {
            if !array.has_value(index) {
                continue;
            }
            *angle = undirected(*angle);
            if self.mirror {
                *angle = mirror(*angle);
            }
            if !self.quarter_turns.is_multiple_of(2) {
                *angle = quarter_turn(*angle);
            }
        }
        Ok(values)
    }

    fn plane(self, values: &Values, size: [usize; 3]) -> Values {
        let pixels = self.pixels();
        match values {
            Values::F32(values) => Values::F32(pixels.apply(values, size)),
            Values::I32(values) => Values::I32(pixels.apply(values, size)),
            Values::U8(values) => Values::U8(pixels.apply(values, size)),
        }
    }

    fn pixels(self) -> PixelMove {
        let turns = self.quarter_turns % 4;
        let transpose = turns % 2 == 1;
        // Columns become rows where axes change places.
        PixelMove {
            transpose,
            reverse: [
                matches!(turns, 2 | 3) != (self.mirror && transpose),
                matches!(turns, 1 | 2) != (self.mirror && !transpose),
            ],
        }
    }
}

impl PixelMove {
    /// Planes `[.., height, width, channels]` after the move.
    fn apply<T: Copy>(self, values: &[T], [height, width, channels]: [usize; 3]) -> Vec<T> {
        let size = height * width * channels;
        if size == 0 || !self.transpose {
            let mut out = Vec::with_capacity(values.len());
            let rows = values.chunks_exact(size.max(1)).flat_map(|plane| {
                let line = move |i| &plane[i * width * channels..][..width * channels];
                (0..height).map(move |i| line(if self.reverse[0] { height - 1 - i } else { i }))
            });
            rows.for_each(|line| self.push_row(line, channels, &mut out));
            return out;
        }
        let mut out = values.to_vec();
        for (to, from) in out.chunks_exact_mut(size).zip(values.chunks_exact(size)) {
            match channels {
                1 => self.transpose(from, to, [height, width]),
                2 => self.transpose(
                    from.as_chunks::<2>().0,
                    to.as_chunks_mut::<2>().0,
                    [height, width],
                ),
                3 => self.transpose(
                    from.as_chunks::<3>().0,
                    to.as_chunks_mut::<3>().0,
                    [height, width],
                ),
                _ => {
                    let from: Vec<&[T]> = from.chunks_exact(channels).collect();
                    let mut moved = from.clone();
                    self.transpose(&from, &mut moved, [height, width]);
                    for (to, from) in to.chunks_exact_mut(channels).zip(moved) {
                        to.copy_from_slice(from);
                    }
                }
            }
        }
        out
    }

    fn push_row<T: Copy>(self, line: &[T], channels: usize, out: &mut Vec<T>) {
        match (self.reverse[1], channels) {
            (false, _) => out.extend_from_slice(line),
            (true, 1) => out.extend(line.iter().rev()),
            (true, 3) => out.extend(line.as_chunks::<3>().0.iter().rev().flatten()),
            (true, _) => out.extend(line.chunks_exact(channels).rev().flatten()),
        }
    }

    /// A plane of pixels with its axes in each other's place.
    fn transpose<T: Copy>(self, from: &[T], to: &mut [T], [height, width]: [usize; 2]) {
        for (i, line) in from.chunks_exact(width).enumerate() {
            let column = if self.reverse[1] { height - 1 - i } else { i };
            let pixels = to[column..].iter_mut().step_by(height);
            if self.reverse[0] {
                pixels.zip(line.iter().rev()).for_each(|(to, from)| *to = *from);
            } else {
                pixels.zip(line).for_each(|(to, from)| *to = *from);
            }
        }
    }
}

/// The mask of an array. Directions need theirs whatever the move is, although a flip leaves the
/// direction 0 as it is: a mask that is missing shows at the first sample.
fn mask_of<'a>(
    record: &'a Record,
    name: &str,
    geometry: &FieldGeometry,
    given: bool,
) -> Result<Option<&'a Field>> {
    let Some(mask) = &geometry.mask else { return Ok(None) };
    let other = FieldGeometry::other_mask(name).filter(|_| !given && !record.contains(mask));
    if let Some(other) = other.filter(|other| record.contains(other)) {
        return record.get(other).map(Some);
    }
    let needed = match geometry.kind {
        FieldKind::AnglePlane | FieldKind::Angles => true,
        // Vertices of readers are padded without a mask: padding must not move.
        FieldKind::Points | FieldKind::Boxes => {
            given || name == "vertices" || record.contains(mask)
        }
        FieldKind::Plane | FieldKind::VectorPlane | FieldKind::Vectors | FieldKind::Fixed => false,
    };
    if needed { record.get(mask).map(Some) } else { Ok(None) }
}

/// An array on its move.
struct Array<'a> {
    name: &'a str,
    field: &'a Field,
    /// Which of its parts hold a value, and how many numbers a part has.
    mask: Option<(Vec<bool>, usize)>,
}

impl Array<'_> {
    /// Its values, if they are `f32` and the last sizes are multiples of these.
    fn reals(&self, expected: &[usize]) -> Result<Vec<f32>> {
        let Values::F32(values) = self.field.values() else {
            return Err(wrong_type(self.name, self.field.values(), "f32"));
        };
        let shape = self.field.shape();
        let last = shape.iter().rev().zip(expected.iter().rev());
        let fits = last.clone().all(|(found, size)| *size == ANY || found % size == 0);
        if !fits || last.count() + 1 < expected.len() {
            return Err(wrong_shape(self.name, shape, expected));
        }
        Ok(values.clone())
    }

    fn has_value(&self, index: usize) -> bool {
        self.mask.as_ref().is_none_or(|(filled, part)| filled[index / part])
    }
}

/// Which parts of an array hold a value, and how many numbers a part has.
fn filled(mask: &Field, name: &str, field: &Field) -> Result<(Vec<bool>, usize)> {
    let filled: Vec<bool> = match mask.values() {
        Values::F32(values) => values.iter().map(|v| *v != 0.0).collect(),
        Values::I32(values) => values.iter().map(|v| *v != 0).collect(),
        Values::U8(values) => values.iter().map(|v| *v != 0).collect(),
    };
    let count = field.values().len();
    if (filled.is_empty() && count > 0) || !count.is_multiple_of(filled.len().max(1)) {
        return Err(wrong_shape(name, field.shape(), mask.shape()));
    }
    let part = (count / filled.len().max(1)).max(1);
    Ok((filled, part))
}

/// Height and width of an array of planes.
fn plane_size(name: &str, field: &Field, kind: FieldKind) -> Result<Option<[usize; 2]>> {
    if !matches!(kind, FieldKind::Plane | FieldKind::VectorPlane | FieldKind::AnglePlane) {
        return Ok(None);
    }
    match field.shape() {
        [.., height, width, _] => Ok(Some([*height, *width])),
        shape => Err(wrong_shape(name, shape, &[ANY, ANY, ANY])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_turn_by_hand() {
        let mut record = Record::new();
        record.insert("line_label", Field::new(vec![2, 3, 1], vec![1_u8, 0, 0, 0, 0, 1]).unwrap());
        let angles = vec![0.5_f32, 0.0, 0.0, 0.0, 0.0, 0.0];
        record.insert("angle_label", Field::new(vec![2, 3, 1], angles).unwrap());
        let points = vec![0.5_f32, 0.5, 2.5, 1.5];
        record.insert("vecs", Field::new(vec![1, 2, 2], points).unwrap());
        let boxes = vec![3.0_f32, 2.0, 3.0, 1.0, 1.0, 1.0, 1.0, 2.0];
        record.insert("bboxes", Field::new(vec![1, 4, 2], boxes).unwrap());
        let turn = Symmetry { mirror: false, quarter_turns: 1 };
        let moved = turn.apply(&record, &BTreeMap::new()).unwrap();
        // The upper left corner goes to the upper right one.
        let line = moved.get("line_label").unwrap();
        assert_eq!(
            (line.shape(), line.values()),
            (&[3, 2, 1][..], &vec![0, 1, 0, 0, 1, 0_u8].into())
        );
        let Values::F32(angles) = moved.get("angle_label").unwrap().values() else { panic!() };
        let quarter = 0.5 + std::f32::consts::FRAC_PI_2;
        assert_eq!(angles, &[0.0, quarter, 0.0, 0.0, std::f32::consts::FRAC_PI_2, 0.0]);
        let vecs = Values::F32(vec![1.5, 0.5, 0.5, 2.5]);
        assert_eq!(moved.get("vecs").unwrap().values(), &vecs);
        let boxes = Values::F32(vec![1.0, 3.0, 1.0, 1.0, 0.0, 1.0, 0.0, 3.0]);
        assert_eq!(moved.get("bboxes").unwrap().values(), &boxes);
    }

    #[test]
    fn what_is_not_known_is_refused() {
        let mut record = Record::new();
        record.insert("vecs", Field::new(vec![0, 2, 2], Vec::<f32>::new()).unwrap());
        let flip = Symmetry { mirror: true, quarter_turns: 0 };
        let error = flip.apply(&record, &BTreeMap::new()).unwrap_err();
        assert!(matches!(&error, Error::Field { name, .. } if name == "img"), "{error}");
        record.insert("img", Field::new(vec![2, 2, 1], vec![0_u8; 4]).unwrap());
        assert!(flip.apply(&record, &BTreeMap::new()).is_ok());
        record.insert("labels.x", Field::new(vec![1], vec![0.5_f32]).unwrap());
        let error = flip.apply(&record, &BTreeMap::new()).unwrap_err();
        assert!(matches!(&error, Error::FieldKind { name } if name == "labels.x"), "{error}");
        let angles = FieldGeometry { kind: FieldKind::Angles, mask: Some("labels.y".into()) };
        let fixed = FieldGeometry { kind: FieldKind::Fixed, mask: None };
        let fields =
            BTreeMap::from([("labels.x".to_owned(), angles), ("labels.y".to_owned(), fixed)]);
        for quarter_turns in 0..4 {
            let turn = Symmetry { mirror: false, quarter_turns };
            assert!(matches!(turn.apply(&record, &fields), Err(Error::Field { .. })));
        }
        record.insert("labels.y", Field::new(vec![1], vec![1_u8]).unwrap());
        record.insert("shape_label", Field::new(vec![2, 3, 1], vec![0_u8; 6]).unwrap());
        assert!(matches!(flip.apply(&record, &fields), Err(Error::FieldShape { .. })));
    }
}
