//! Labels of a scene, each by its name.

use mapvec_data::{Field, Values};

use super::config::PatternConfig;
use super::mask::{BitMask, stack};
use super::plane::angle_label;
use super::scene::{Component, Pattern, PatternScene};
use crate::selection::{outputs, whole};

outputs! {
    /// A label of a [`PatternScene`], or its picture. `S` is the side of the canvas, `p`, `n`, `v` and
    /// `b` the numbers of patterns, components, vectors and boxes.
    ///
    /// Components come in the order of [`PatternScene::components`], vectors and boxes in the same
    /// order among themselves. Vectors are those of lines and, behind them, those of rows of symbols
    /// (with [`PatternConfig::bbox_vecs`]); boxes are those of symbols. Positions are `(x, y)` in px,
    /// pixel `(row i, column j)` covering `[j, j + 1) x [i, i + 1)`.
    PatternOutput {
        /// The picture, red, green and blue from 0 to 1: `f32`, `[S, S, 3]`.
        Img = "img",
        /// Undirected direction, radians in `[0, pi)`, on pixels of vectors, 0 elsewhere:
        /// `f32`, `[S, S, 1]`. Where components share a pixel, it is that of the first of them.
        AngleLabel = "angle_label",
        /// From a pixel to the axis of its line or the middle of its symbol, `(dx, dy)` in px, 0
        /// on the background: `f32`, `[S, S, 2]`. Where components share a pixel, it leads to the
        /// first of them, whose direction `angle_label` has.
        CenterVecLabel = "center_vec_label",
        /// 1 on pixels of vectors: `u8`, `[S, S, 1]`.
        LineLabel = "line_label",
        /// 1 on pixels of symbols: `u8`, `[S, S, 1]`.
        ShapeLabel = "shape_label",
        /// The largest thickness of the components of a pixel, px, 0 on the background: `i32`,
        /// `[S, S, 1]`.
        ThicknessLabel = "thickness_label",
        /// The pixels of every pattern: `u8`, `[p, S, S, 1]`.
        PatternMasks = "pattern_masks",
        /// The pixels of every component: `u8`, `[n, S, S, 1]`.
        ShapeMasks = "shape_masks",
        /// The pixels of every vector: `u8`, `[v, S, S, 1]`.
        VecsMasks = "vecs_masks",
        /// The pixels of every box: `u8`, `[b, S, S, 1]`.
        BboxMasks = "bbox_masks",
        /// Ends of vectors: `f32`, `[v, 2, 2]`.
        Vecs = "vecs",
        /// Corners of boxes, from the lower right one against the clock: `f32`, `[b, 4, 2]`.
        Bboxes = "bboxes",
        /// 1 for every vector, so that padding shows: `u8`, `[v]`.
        VecsMask = "vecs_mask",
        /// 1 for every box: `u8`, `[b]`.
        BboxMask = "bbox_mask",
        /// Thickness of components, px: `i32`, `[n]`.
        ShapeThickness = "shape_thickness",
        /// Thickness of vectors, px: `i32`, `[v]`. The reference took it from the list of
        /// components by the index of the vector, which is another component in one case of four.
        VecsThickness = "vecs_thickness",
        /// Thickness of boxes, px: `i32`, `[b]`.
        BboxThickness = "bbox_thickness",
        /// Number of the pattern of every vector, from 1: `i32`, `[v]`.
        VecsPatternIdxs = "vecs_pattern_idxs",
        /// Number of the pattern of every box, from 1: `i32`, `[b]`.
        BboxPatternIdxs = "bbox_pattern_idxs",
    }
}

impl PatternOutput {
    /// The shape of the output with as many entries as any scene of `config` can have, so that
    /// samples of different scenes fit into a batch.
    #[must_use]
    pub fn padded_shape(self, config: &PatternConfig) -> Vec<usize> {
        let patterns = config.patterns_num_range[1] - 1;
        let components = config.max_components_num;
        // Rows of symbols have a vector each.
        let vectors = components + if config.bbox_vecs { patterns } else { 0 };
        self.shape(config.size, [patterns, components, vectors, components])
    }

    /// The shape for given numbers of patterns, components, vectors and boxes.
    fn shape(self, s: usize, [p, n, v, b]: [usize; 4]) -> Vec<usize> {
        match self {
            Self::Img => vec![s, s, 3],
            Self::AngleLabel | Self::LineLabel | Self::ShapeLabel | Self::ThicknessLabel => {
                vec![s, s, 1]
            }
            Self::CenterVecLabel => vec![s, s, 2],
            Self::PatternMasks => vec![p, s, s, 1],
            Self::ShapeMasks => vec![n, s, s, 1],
            Self::VecsMasks => vec![v, s, s, 1],
            Self::BboxMasks => vec![b, s, s, 1],
            Self::Vecs => vec![v, 2, 2],
            Self::Bboxes => vec![b, 4, 2],
            Self::VecsMask | Self::VecsThickness | Self::VecsPatternIdxs => vec![v],
            Self::BboxMask | Self::BboxThickness | Self::BboxPatternIdxs => vec![b],
            Self::ShapeThickness => vec![n],
        }
    }
}

/// A vector of a scene: that of a line, or of a row of symbols.
enum Vector<'a> {
    Line(&'a Component),
    Row { pattern: &'a Pattern, ends: [[f32; 2]; 2], thickness: u32, number: usize },
}

impl<'a> Vector<'a> {
    fn mask(&self) -> &'a BitMask {
        match self {
            Self::Line(component) => &component.mask,
            Self::Row { pattern, .. } => &pattern.mask,
        }
    }

    /// A line has ends; those of others would be all at the origin.
    fn ends(&self) -> [[f32; 2]; 2] {
        match self {
            Self::Line(component) => component.vector().unwrap_or_default(),
            Self::Row { ends, .. } => *ends,
        }
    }

    fn angle(&self) -> f32 {
        match self {
            Self::Line(component) => component.angle().unwrap_or_default(),
            Self::Row { ends: [[ax, ay], [bx, by]], .. } => {
                angle_label(f64::from(by - ay).atan2(f64::from(bx - ax)))
            }
        }
    }

    fn thickness(&self) -> u32 {
        match self {
            Self::Line(component) => component.thickness,
            Self::Row { thickness, .. } => *thickness,
        }
    }

    /// Index of its pattern.
    fn pattern(&self) -> usize {
        match self {
            Self::Line(component) => component.pattern,
            Self::Row { number, .. } => *number,
        }
    }
}

impl PatternScene {
    /// An output. Nothing else is computed.
    ///
    /// # Errors
    ///
    /// None at present; that of [`Field::new`].
    pub fn output(&self, output: PatternOutput) -> mapvec_data::Result<Field> {
        let boxes = self.boxes().count();
        let counts = [self.patterns.len(), self.components.len(), self.vectors().count(), boxes];
        Field::new(output.shape(self.size, counts), self.values(output))
    }

    fn values(&self, output: PatternOutput) -> Values {
        use Values::{F32, I32, U8};
        match output {
            PatternOutput::Img => F32(self.image()),
            PatternOutput::AngleLabel => F32(self.angles()),
            PatternOutput::CenterVecLabel => F32(self.centres()),
            PatternOutput::LineLabel => U8(self.union(self.vectors().map(|v| v.mask()))),
            PatternOutput::ShapeLabel => U8(self.union(self.boxes().map(|c| &c.mask))),
            PatternOutput::ThicknessLabel => I32(self.thicknesses()),
            PatternOutput::PatternMasks => {
                U8(stack(self.size, self.patterns.iter().map(|p| &p.mask)))
            }
            PatternOutput::ShapeMasks => {
                U8(stack(self.size, self.components.iter().map(|c| &c.mask)))
            }
            PatternOutput::VecsMasks => U8(stack(self.size, self.vectors().map(|v| v.mask()))),
            PatternOutput::BboxMasks => U8(stack(self.size, self.boxes().map(|c| &c.mask))),
            PatternOutput::Vecs => {
                F32(self.vectors().flat_map(|v| v.ends().into_iter().flatten()).collect())
            }
            PatternOutput::Bboxes => F32(self.boxes().flat_map(corners).collect()),
            PatternOutput::VecsMask => U8(self.vectors().map(|_| 1).collect()),
            PatternOutput::BboxMask => U8(self.boxes().map(|_| 1).collect()),
            PatternOutput::ShapeThickness => {
                I32(self.components.iter().map(|c| whole(c.thickness as usize)).collect())
            }
            PatternOutput::VecsThickness => {
                I32(self.vectors().map(|v| whole(v.thickness() as usize)).collect())
            }
            PatternOutput::BboxThickness => {
                I32(self.boxes().map(|c| whole(c.thickness as usize)).collect())
            }
            PatternOutput::VecsPatternIdxs => {
                I32(self.vectors().map(|v| whole(v.pattern() + 1)).collect())
            }
            PatternOutput::BboxPatternIdxs => {
                I32(self.boxes().map(|c| whole(c.pattern + 1)).collect())
            }
        }
    }

    fn boxes(&self) -> impl Iterator<Item = &Component> {
        self.components.iter().filter(|c| !c.is_line())
    }

    fn vectors(&self) -> impl Iterator<Item = Vector<'_>> {
        let lines = self.components.iter().filter(|c| c.is_line()).map(Vector::Line);
        let rows = self.patterns.iter().enumerate().filter_map(|(number, pattern)| {
            let ends = pattern.axis?;
            let symbols = &self.components[pattern.components.clone()];
            let thickness = symbols.iter().map(|c| c.thickness).max().unwrap_or(0);
            Some(Vector::Row { pattern, ends, thickness, number })
        });
        lines.chain(rows)
    }

    fn image(&self) -> Vec<f32> {
        let mut image = self.background.repeat(self.size * self.size);
        let mut paint = |mask: &BitMask, color: [f32; 3]| {
            mask.each(|y, x| image[(y * self.size + x) * 3..][..3].copy_from_slice(&color));
        };
        for pattern in &self.patterns {
            paint(&pattern.mask, pattern.colors[0]);
            let borders = self.components[pattern.components.clone()].iter();
            for border in borders.filter_map(|c| c.border.as_ref()) {
                paint(border, pattern.colors[1]);
            }
        }
        image
    }

    fn angles(&self) -> Vec<f32> {
        let mut angles = vec![0.0; self.size * self.size];
        let vectors: Vec<Vector<'_>> = self.vectors().collect();
        // From the last to the first, which keeps the pixels that several have.
        for vector in vectors.iter().rev() {
            vector.mask().paint(vector.angle(), &mut angles);
        }
        angles
    }

    fn centres(&self) -> Vec<f32> {
        let mut ways = vec![0.0; self.size * self.size * 2];
        // From the last to the first, which keeps the pixels that several have.
        for component in self.components.iter().rev() {
            let line = component.vector().map(|[a, b]| {
                let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
                (a, dx, dy, dx * dx + dy * dy)
            });
            let middle = middle(component);
            component.mask.each(|y, x| {
                #[expect(clippy::cast_precision_loss, reason = "columns and rows of a canvas")]
                let p = [x as f32 + 0.5, y as f32 + 0.5];
                let to = match line {
                    Some((a, dx, dy, length)) if length > 0.0 => {
                        let t = ((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / length;
                        [a[0] + t * dx - p[0], a[1] + t * dy - p[1]]
                    }
                    Some((a, ..)) => [a[0] - p[0], a[1] - p[1]],
                    None => [middle[0] - p[0], middle[1] - p[1]],
                };
                ways[(y * self.size + x) * 2..][..2].copy_from_slice(&to);
            });
        }
        ways
    }

    fn thicknesses(&self) -> Vec<i32> {
        let mut plane = vec![0; self.size * self.size];
        for component in &self.components {
            let thickness = whole(component.thickness as usize);
            component.mask.each(|y, x| {
                let value = &mut plane[y * self.size + x];
                *value = thickness.max(*value);
            });
        }
        plane
    }

    fn union<'a>(&self, masks: impl Iterator<Item = &'a BitMask>) -> Vec<u8> {
        let mut plane = vec![0; self.size * self.size];
        for mask in masks {
            mask.paint(1, &mut plane);
        }
        plane
    }
}

/// The middle of the visible box of a component.
#[expect(clippy::cast_precision_loss, reason = "columns and rows of a canvas")]
fn middle(component: &Component) -> [f32; 2] {
    let [top, bottom, left, right] = component.extent;
    [(left + right + 1) as f32 / 2.0, (top + bottom + 1) as f32 / 2.0]
}

/// The corners of the visible box of a component.
#[expect(clippy::cast_precision_loss, reason = "columns and rows of a canvas")]
fn corners(component: &Component) -> [f32; 8] {
    let [top, bottom, left, right] = component.extent;
    let [x0, y0, x1, y1] = [left, top, right + 1, bottom + 1].map(|v| v as f32);
    [x1, y1, x1, y0, x0, y0, x0, y1]
}
