//! Disjoint sets over a range of numbers.

/// Sets of the numbers from `base` on. The root of a set is its smallest number, so that it
/// does not depend on the order in which sets were united.
pub(super) struct Forest<'a> {
    pub(super) parents: &'a mut [u32],
    pub(super) base: usize,
}

impl Forest<'_> {
    /// The root of the set; paths get shorter on the way.
    pub(super) fn find(&mut self, mut element: u32) -> u32 {
        loop {
            let parent = self.parents[element as usize - self.base];
            if parent == element {
                return element;
            }
            let above = self.parents[parent as usize - self.base];
            self.parents[element as usize - self.base] = above;
            element = above;
        }
    }

    /// Makes one set of two; false if they were one.
    pub(super) fn unite(&mut self, a: u32, b: u32) -> bool {
        let (a, b) = (self.find(a), self.find(b));
        let (low, high) = (a.min(b), a.max(b));
        self.parents[high as usize - self.base] = low;
        low != high
    }

    /// The sets of the numbers below `middle` and those of the others, which must not mix yet.
    pub(super) fn split(&mut self, middle: usize) -> (Forest<'_>, Forest<'_>) {
        let (lower, upper) = self.parents.split_at_mut(middle - self.base);
        (Forest { parents: lower, base: self.base }, Forest { parents: upper, base: middle })
    }
}
