//! Which simplex of the permutohedral lattice a point lies in, for blocks of points.
//!
//! Written without branches over lanes of points, so that the compiler makes vector code.

#![expect(clippy::needless_range_loop, reason = "lanes of several arrays go together")]

use super::keys::Codec;

/// Points per block.
pub(crate) const LANES: usize = 16;

type Lane<T> = [T; LANES];

/// Work space and result for one block of points.
#[derive(Debug, Clone)]
pub(crate) struct SimplexBlock {
    /// Features, one lane per dimension.
    pub(crate) features: Vec<Lane<f32>>,
    /// Positions on the hyperplane, one lane per coordinate.
    elevated: Vec<Lane<f32>>,
    /// The nearest lattice point of remainder 0.
    pub(crate) origin: Vec<Lane<f32>>,
    /// Order of the coordinates by their distance from the origin, largest first.
    pub(crate) rank: Vec<Lane<i32>>,
    /// Distances in the order of ranks.
    sorted: Vec<Lane<f32>>,
    /// What the packed key loses from vertex to vertex, in the order of ranks.
    fall: Vec<Lane<u64>>,
    /// Barycentric weights, one lane per vertex.
    pub(crate) weights: Vec<Lane<f32>>,
    /// Packed keys, one lane per vertex.
    pub(crate) keys: Vec<Lane<u64>>,
}

impl SimplexBlock {
    pub(crate) fn new(dimension: usize) -> Self {
        let floats = || vec![[0.0; LANES]; dimension + 1];
        Self {
            features: floats(),
            elevated: floats(),
            origin: floats(),
            rank: vec![[0; LANES]; dimension + 1],
            sorted: floats(),
            fall: vec![[0; LANES]; dimension + 1],
            weights: floats(),
            keys: vec![[0; LANES]; dimension + 1],
        }
    }

    /// Finds simplex, weights, and, where keys are packed, the keys.
    #[inline(always)]
    pub(crate) fn locate(&mut self, codec: &Codec) {
        match codec.dimension {
            2 => self.locate_in(2, codec),
            3 => self.locate_in(3, codec),
            5 => self.locate_in(5, codec),
            dimension => self.locate_in(dimension, codec),
        }
    }

    #[inline(always)]
    fn locate_in(&mut self, d: usize, codec: &Codec) {
        self.elevate(d, &codec.scale);
        self.round(d);
        self.weigh(d);
        if codec.packed {
            self.pack(d, codec);
        }
    }

    /// Maps features onto the hyperplane of zero sum.
    #[inline(always)]
    fn elevate(&mut self, d: usize, scale: &[f32]) {
        let mut sum = [0.0; LANES];
        for j in (1..=d).rev() {
            let feature = self.features[j - 1];
            let out = &mut self.elevated[j];
            for l in 0..LANES {
                let scaled = feature[l] * scale[j - 1];
                out[l] = sum[l] - j as f32 * scaled;
                sum[l] += scaled;
            }
        }
        self.elevated[0] = sum;
    }

    /// The nearest point of remainder 0 and the ranks of the differences.
    #[inline(always)]
    fn round(&mut self, d: usize) {
        let up = (d + 1) as f32;
        let down = 1.0 / up;
        let mut sum = [0.0; LANES];
        for i in 0..=d {
            let elevated = self.elevated[i];
            let origin = &mut self.origin[i];
            for l in 0..LANES {
                let cell = elevated[l] * down;
                let above = cell.ceil() * up;
                let below = cell.floor() * up;
                origin[l] = if above - elevated[l] < elevated[l] - below { above } else { below };
                sum[l] += origin[l] * down;
            }
        }
        let mut excess = [0; LANES];
        for l in 0..LANES {
            excess[l] = sum[l].round_ties_even() as i32;
        }
        for i in 0..=d {
            self.rank[i] = excess;
        }
        for i in 0..d {
            for j in i + 1..=d {
                for l in 0..LANES {
                    let first = self.elevated[i][l] - self.origin[i][l];
                    let second = self.elevated[j][l] - self.origin[j][l];
                    let later = i32::from(first < second);
                    self.rank[i][l] += later;
                    self.rank[j][l] += 1 - later;
                }
            }
        }
        let count = up as i32;
        for i in 0..=d {
            for l in 0..LANES {
                let rank = self.rank[i][l];
                let turn = i32::from(rank < 0) - i32::from(rank >= count);
                self.rank[i][l] = rank + turn * count;
                self.origin[i][l] += turn as f32 * up;
            }
        }
    }

    /// Barycentric weights of the vertices.
    #[inline(always)]
    fn weigh(&mut self, d: usize) {
        let down = 1.0 / (d + 1) as f32;
        for (r, rank) in (0..=d).zip(0_i32..) {
            let mut sorted = [0.0; LANES];
            for i in 0..=d {
                for l in 0..LANES {
                    let distance = (self.elevated[i][l] - self.origin[i][l]) * down;
                    sorted[l] = if self.rank[i][l] == rank { distance } else { sorted[l] };
                }
            }
            self.sorted[r] = sorted;
        }
        for l in 0..LANES {
            self.weights[0][l] = 1.0 + self.sorted[d][l] - self.sorted[0][l];
        }
        for k in 1..=d {
            for l in 0..LANES {
                self.weights[k][l] = self.sorted[d - k][l] - self.sorted[d - k + 1][l];
            }
        }
    }

    /// Packed keys: vertex k adds k to each coordinate and takes d + 1 from those of the k
    /// last ranks.
    #[inline(always)]
    fn pack(&mut self, d: usize, codec: &Codec) {
        let mut key = [0_u64; LANES];
        for i in 0..d {
            for l in 0..LANES {
                let above = (self.origin[i][l] - codec.lowest[i]) as i32;
                let above = above.cast_unsigned();
                key[l] = key[l].wrapping_add(u64::from(above) << codec.shift(i));
            }
        }
        for (r, rank) in (1..=d).zip(1_i32..) {
            let mut fall = [0_u64; LANES];
            for i in 0..d {
                let unit = codec.units[i].wrapping_mul((d + 1) as u64);
                for l in 0..LANES {
                    fall[l] = if self.rank[i][l] == rank { unit } else { fall[l] };
                }
            }
            self.fall[r] = fall;
        }
        self.keys[0] = key;
        for k in 1..=d {
            let fall = self.fall[d - k + 1];
            for l in 0..LANES {
                key[l] = key[l].wrapping_add(codec.ones).wrapping_sub(fall[l]);
            }
            self.keys[k] = key;
        }
    }

    /// The coordinates of a vertex, without the last, which the others imply.
    pub(crate) fn coordinates(&self, lane: usize, vertex: usize, out: &mut [i32]) {
        let d = out.len();
        for (i, out) in out.iter_mut().enumerate() {
            let last = self.rank[i][lane].unsigned_abs() as usize > d - vertex;
            let fall = if last { (d + 1) as f32 } else { 0.0 };
            *out = (self.origin[i][lane] + vertex as f32 - fall) as i32;
        }
    }
}
