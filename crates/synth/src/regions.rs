//! The map of regions, painted at twice the size of the sheet.

use geo_types::Coord;
use mapvec_geometry::fill_labels;
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::cast::{from_id, to_id, to_index};
use crate::components::{absorb_slivers, separate};
use crate::draw::Draw;
use crate::planar::{Points, dot, edges, norm, point, polygon, unit};

/// What a region of a sheet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RegionKind {
    /// Streets and squares of a town: background.
    Street,
    /// Open land around roads: background.
    Open,
    /// The margin outside the frame of a sheet: background.
    Margin,
    /// A block between streets.
    Block,
    /// The pavement between a block and the kerb.
    Kerb,
    /// A parcel of land.
    Parcel,
    /// A building.
    Building,
    /// A yard inside a building.
    Courtyard,
    /// A lawn with a light regular texture.
    Lawn,
    /// Planted ground with a dense texture.
    Garden,
    /// A path or bed without texture in a garden.
    Path,
    /// A river, basin or pond.
    Water,
    /// The quay along a river.
    Quay,
    /// A refuge or kiosk in a street.
    Island,
    /// A flight of steps or a ladder-like wall.
    Stairs,
    /// A wood.
    Wood,
    /// A field.
    Field,
    /// A small house of a topographic sheet.
    House,
}

impl RegionKind {
    /// Whether pixels of the region are labelled as shape (2) and not background (0).
    #[must_use]
    pub fn is_shape(self) -> bool {
        !matches!(self, Self::Street | Self::Open | Self::Margin)
    }
}

/// A region: what it is, whose it is and how it lies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Region {
    pub(crate) kind: RegionKind,
    /// Number of the block or lot it belongs to; 0 for none.
    pub(crate) owner: u32,
    /// Direction of its main axis.
    pub(crate) axis: f64,
}

/// Which pixels a form may replace.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Over {
    Anything,
    /// Regions of this owner.
    Owner(u32),
    /// Regions of this kind.
    Kind(RegionKind),
    /// Regions that count as shapes.
    Shapes,
}

/// A gentle distortion of the plane that bends straight streets.
#[derive(Debug, Clone, Default)]
pub(crate) struct Warp {
    waves: Vec<(Coord<f64>, f64, Coord<f64>)>,
}

impl Warp {
    /// Waves of 350 to 900 px whose slopes add up to at most about 0.2.
    pub(crate) fn new(draw: &mut Draw, strength: f64) -> Self {
        let waves = (0..3)
            .map(|_| {
                let length = draw.range(350.0, 900.0) / std::f64::consts::TAU;
                let shift = unit(draw.turn()) * (length * strength * draw.range(0.3, 1.0));
                (unit(draw.turn()) / length, draw.turn(), shift)
            })
            .collect();
        Self { waves }
    }

    pub(crate) fn apply(&self, p: Coord<f64>) -> Coord<f64> {
        self.waves.iter().fold(p, |moved, &(frequency, phase, shift)| {
            moved + shift * (dot(frequency, p) + phase).sin()
        })
    }

    /// A ring or polyline with points added every 10 px, moved.
    pub(crate) fn bend(&self, points: &[Coord<f64>], closed: bool) -> Points {
        if self.waves.is_empty() {
            return points.to_vec();
        }
        let mut bent = Vec::with_capacity(points.len() * 3);
        let open = usize::from(!closed);
        for (a, b) in edges(points).take(points.len().saturating_sub(open)) {
            let steps = to_index(norm(b - a) / 10.0).clamp(1, 2000);
            bent.extend((0..steps).map(|k| self.apply(a + (b - a) * (k as f64 / steps as f64))));
        }
        if let (false, Some(&last)) = (closed, points.last()) {
            bent.push(self.apply(last));
        }
        bent
    }
}

/// Regions under construction.
#[derive(Debug)]
pub(crate) struct RegionMap {
    /// Side of the sheet, px.
    pub(crate) side: f64,
    labels: Array2<u32>,
    regions: Vec<Region>,
    pub(crate) warp: Warp,
}

/// Finished regions: every id 1.. is one 4-connected piece of the plane.
#[derive(Debug)]
pub(crate) struct Regions {
    /// Region ids at twice the size of the sheet.
    pub(crate) labels: Array2<u32>,
    /// By id; index 0 is unused.
    pub(crate) table: Vec<Region>,
}

/// The id of the base region that covers the sheet at first.
const BASE: u32 = 1;
/// Slivers below this area at twice the size (4 px of the sheet) go to a neighbour.
const SLIVER: u32 = 16;

impl RegionMap {
    pub(crate) fn new(side: u32, base: RegionKind, warp: Warp) -> Self {
        let size = from_id(side) * 2;
        let region = Region { kind: base, owner: 0, axis: 0.0 };
        Self {
            side: f64::from(side),
            labels: Array2::from_elem((size, size), BASE),
            regions: vec![region, region],
            warp,
        }
    }

    /// Paints a ring as a new region.
    pub(crate) fn put(&mut self, ring: &[Coord<f64>], region: Region, over: Over) {
        self.put_form(&[(ring.to_vec(), true)], region, over);
    }

    /// Paints a form made of rings that are added (true) and taken away (false) in turn.
    pub(crate) fn put_form(&mut self, form: &[(Points, bool)], region: Region, over: Over) {
        let id = to_id(self.regions.len());
        if self.paint(form, id, over) {
            self.regions.push(region);
        }
    }

    /// Gives the pixels of a form back to the base region.
    pub(crate) fn carve(&mut self, form: &[(Points, bool)], over: Over) {
        self.paint(form, BASE, over);
    }

    fn paint(&mut self, form: &[(Points, bool)], id: u32, over: Over) -> bool {
        let rings: Vec<(Points, bool)> = form
            .iter()
            .filter(|(ring, _)| ring.len() > 2)
            .map(|(ring, add)| {
                let bent = self.warp.bend(ring, true);
                (bent.into_iter().map(|p| p * 2.0).collect(), *add)
            })
            .collect();
        let Some((x0, y0, mut stencil)) = self.stencil(&rings) else { return false };
        let origin = point(x0 as f64, y0 as f64);
        for (ring, add) in rings {
            let moved: Points = ring.into_iter().map(|p| p - origin).collect();
            fill_labels(&polygon(&moved), u32::from(add), &mut stencil);
        }
        let mut painted = false;
        for ((y, x), &inside) in stencil.indexed_iter() {
            let label = &mut self.labels[(y0 + y, x0 + x)];
            if inside == 1 && allowed(&self.regions[from_id(*label)], over) {
                *label = id;
                painted = true;
            }
        }
        painted
    }

    /// An empty stencil over the bounding box of what is added, with its origin.
    fn stencil(&self, rings: &[(Points, bool)]) -> Option<(usize, usize, Array2<u32>)> {
        let size = self.labels.nrows();
        let mut low = point(f64::INFINITY, f64::INFINITY);
        let mut high = point(f64::NEG_INFINITY, f64::NEG_INFINITY);
        for p in rings.iter().filter(|(_, add)| *add).flat_map(|(ring, _)| ring) {
            low = point(low.x.min(p.x), low.y.min(p.y));
            high = point(high.x.max(p.x), high.y.max(p.y));
        }
        let (x0, y0) = (to_index(low.x.floor()).min(size), to_index(low.y.floor()).min(size));
        let end = |v: f64| (to_index(v.ceil()) + 1).min(size);
        let (x1, y1) = (end(high.x), end(high.y));
        let outside = high.x < 0.0 || high.y < 0.0 || x1 <= x0 || y1 <= y0;
        (!outside).then(|| (x0, y0, Array2::zeros((y1 - y0, x1 - x0))))
    }

    /// Splits regions into connected pieces and removes slivers.
    pub(crate) fn finish(self) -> Regions {
        let (mut pieces, label_of) = separate(&self.labels);
        absorb_slivers(&mut pieces, SLIVER);
        let (labels, piece_of) = separate(&pieces);
        let region_of = |&piece: &u32| self.regions[from_id(label_of[from_id(piece)])];
        let table = piece_of.iter().map(region_of);
        Regions { labels, table: table.collect() }
    }
}

fn allowed(region: &Region, over: Over) -> bool {
    match over {
        Over::Anything => true,
        Over::Owner(owner) => region.owner == owner,
        Over::Kind(kind) => region.kind == kind,
        Over::Shapes => region.kind.is_shape(),
    }
}
