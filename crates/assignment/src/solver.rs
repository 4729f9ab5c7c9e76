//! The algorithm of Jonker and Volgenant on rows that lie one after the other.
//!
//! Rows are long and lie in slow memory, so that their candidates are looked at first, and
//! the whole row only where the candidates' bound does not settle the step.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use pulp::{Arch, Simd, WithSimd};

use crate::candidates::Candidates;
use crate::costs::Costs;
use crate::kernel::{NONE, each_at_most, each_below, two_smallest};

/// Rows and their columns with the dual variables that prove them.
pub(crate) struct Solution {
    /// The column of a row, or [`NONE`] where forbidden pairs leave none.
    pub(crate) column_of: Vec<usize>,
    /// Dual variables of the columns.
    pub(crate) duals: Vec<f64>,
}

/// Assigns every row with the widest vectors that the processor has.
pub(crate) fn solve(costs: &Costs<'_>) -> Solution {
    Arch::new().dispatch(Work(costs))
}

/// What is compiled once for each width of vectors; so all below is inlined here.
struct Work<'a>(&'a Costs<'a>);

impl WithSimd for Work<'_> {
    type Output = Solution;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Solution {
        let mut solver = Solver::new(self.0);
        solver.reduce_columns();
        for _ in 0..PASSES {
            solver.reduce_rows();
        }
        solver.augment();
        Solution { column_of: solver.column_of, duals: solver.duals }
    }
}

/// Passes of row reduction, as published.
const PASSES: usize = 2;
/// Candidates to choose from, at least.
const FEW: usize = 12;
/// Candidates to search, at least.
const MANY: usize = 24;
/// Row steps per pass and row.
const STEPS: usize = 8;

struct Solver<'a> {
    values: &'a [f64],
    columns: usize,
    column_of: Vec<usize>,
    row_of: Vec<usize>,
    /// Costs of the rows with their columns, for the search.
    cost_of: Vec<f64>,
    /// Of the columns; they only fall.
    duals: Vec<f64>,
    /// Rows without a column.
    free: Vec<usize>,
    candidates: Candidates,
}

/// What a free row would choose.
struct Choice {
    /// The smallest reduced cost and the second smallest.
    least: f64,
    second: f64,
    /// The first column of the smallest, and another one if there is one as good.
    column: usize,
    other: usize,
}

impl<'a> Solver<'a> {
    #[inline(always)]
    fn new(costs: &'a Costs<'_>) -> Self {
        Self {
            values: &costs.values,
            columns: costs.columns,
            column_of: vec![NONE; costs.rows],
            row_of: vec![NONE; costs.columns],
            cost_of: vec![0.0; costs.rows],
            duals: vec![0.0; costs.columns],
            free: (0..costs.rows).collect(),
            candidates: Candidates::of(costs.rows),
        }
    }

    #[inline(always)]
    fn row(&self, row: usize) -> &'a [f64] {
        &self.values[row * self.columns..][..self.columns]
    }

    /// Gives each column to the row where it is cheapest, if that row has no column yet.
    ///
    /// Only where every column gets a row: columns that stay free keep the dual variable 0.
    #[inline(always)]
    fn reduce_columns(&mut self) {
        let rows = self.column_of.len();
        if rows < self.columns || rows == 0 {
            return;
        }
        let mut cheapest = vec![0_usize; self.columns];
        let first = self.row(0);
        self.duals.copy_from_slice(first);
        for index in 1..rows {
            let row = self.row(index);
            for ((dual, cheapest), &cost) in self.duals.iter_mut().zip(&mut cheapest).zip(row) {
                let less = cost < *dual;
                *dual = if less { cost } else { *dual };
                *cheapest = if less { index } else { *cheapest };
            }
        }
        for column in (0..self.columns).rev() {
            let row = cheapest[column];
            if self.duals[column].is_infinite() {
                // All rows are forbidden; what is left of the search will find that out.
                self.duals[column] = 0.0;
            } else if self.column_of[row] == NONE {
                self.column_of[row] = column;
                self.row_of[column] = row;
            }
        }
        self.free.retain(|&row| self.column_of[row] == NONE);
    }

    /// Gives each free row its cheapest column and lowers the column's dual variable to
    /// where the second best is as good; the row that had the column goes on.
    #[inline(always)]
    fn reduce_rows(&mut self) {
        // Rows can outbid each other for long; then shortest paths are the better way.
        let mut steps = STEPS * self.column_of.len();
        let mut left = Vec::new();
        for first in std::mem::take(&mut self.free) {
            let mut row = first;
            loop {
                steps = steps.saturating_sub(1);
                let Choice { least, second, mut column, other } =
                    if self.candidates.is_filled(row) || row != first {
                        self.choose(row)
                    } else {
                        self.choose_of_all(row)
                    };
                let mut holder = self.row_of.get(column).copied().unwrap_or(NONE);
                if least.is_infinite() || (second.is_infinite() && holder != NONE) {
                    left.push(row);
                    break;
                }
                let lowered = self.duals[column] - (second - least);
                // Not so in ties, nor where a difference is lost in rounding.
                let lowers = lowered < self.duals[column] && second < f64::INFINITY;
                if lowers {
                    self.duals[column] = lowered;
                } else if holder != NONE && other != NONE {
                    column = other;
                    holder = self.row_of[column];
                }
                self.column_of[row] = column;
                self.row_of[column] = row;
                if holder == NONE {
                    break;
                }
                self.column_of[holder] = NONE;
                if !lowers || steps == 0 {
                    left.push(holder);
                    break;
                }
                row = holder;
            }
        }
        self.free = left;
    }

    /// The two cheapest columns of a row.
    #[inline(always)]
    fn choose(&mut self, row: usize) -> Choice {
        if self.candidates.is_filled(row) {
            let choice = self.choose_candidate(row);
            if self.settles(&choice, self.candidates.bound(row)) {
                return choice;
            }
        }
        self.candidates.fill(row, self.row(row), &self.duals, FEW);
        let choice = self.choose_candidate(row);
        if self.settles(&choice, self.candidates.bound(row)) {
            return choice;
        }
        self.choose_of_all(row)
    }

    /// Whether a choice among candidates is one among all columns.
    #[inline(always)]
    fn settles(&self, choice: &Choice, bound: f64) -> bool {
        // Of equal columns a free one is wanted, which may be elsewhere.
        choice.second < bound
            || choice.second <= bound && (choice.least < bound || self.is_free(choice.other))
    }

    #[inline(always)]
    fn is_free(&self, column: usize) -> bool {
        column != NONE && self.row_of[column] == NONE
    }

    /// The two cheapest of all columns.
    #[inline(always)]
    fn choose_of_all(&self, row: usize) -> Choice {
        let costs = self.row(row);
        let (least, second) = two_smallest(costs, &self.duals);
        let (mut column, mut other) = (NONE, NONE);
        let tie = second <= least;
        each_at_most(costs, &self.duals, least, |position| {
            if column == NONE {
                column = position;
                return tie && !self.is_free(position);
            }
            let free = self.is_free(position);
            if other == NONE || free {
                other = position;
            }
            !free
        });
        Choice { least, second, column, other }
    }

    /// The two cheapest candidates.
    #[inline(always)]
    fn choose_candidate(&self, row: usize) -> Choice {
        let mut choice =
            Choice { least: f64::INFINITY, second: f64::INFINITY, column: NONE, other: NONE };
        let (columns, costs) = self.candidates.row(row);
        for (&column, &cost) in columns.iter().zip(costs) {
            let reduced = cost - self.duals[column];
            if reduced < choice.least {
                choice.second = choice.least;
                choice.least = reduced;
                choice.column = column;
                choice.other = NONE;
            } else if reduced <= choice.second {
                choice.second = reduced;
                if reduced <= choice.least
                    && (choice.other == NONE || self.is_free(column) && !self.is_free(choice.other))
                {
                    choice.other = column;
                }
            }
        }
        choice
    }

    /// Gives each free row a column along a shortest path of reduced costs (Dijkstra).
    #[inline(always)]
    fn augment(&mut self) {
        let free = std::mem::take(&mut self.free);
        if free.is_empty() {
            return;
        }
        for row in 0..self.column_of.len() {
            let column = self.column_of[row];
            self.cost_of[row] = if column == NONE { 0.0 } else { self.row(row)[column] };
        }
        let mut search = Search {
            distance: vec![f64::INFINITY; self.columns],
            before: vec![NONE; self.columns],
            offset: vec![0.0; self.column_of.len()],
            sink: NONE,
            length: f64::INFINITY,
            ..Search::default()
        };
        for start in free {
            self.find_path(start, &mut search);
            if search.sink != NONE {
                for &(column, distance) in &search.reached {
                    self.duals[column] -= search.length - distance;
                }
                let mut column = search.sink;
                loop {
                    let row = search.before[column];
                    self.row_of[column] = row;
                    self.cost_of[row] = self.row(row)[column];
                    column = std::mem::replace(&mut self.column_of[row], column);
                    if row == start {
                        break;
                    }
                }
            }
            search.clear();
        }
    }

    #[inline(always)]
    fn find_path(&mut self, start: usize, search: &mut Search) {
        self.visit(start, 0.0, search);
        loop {
            let next = search.columns.peek().map_or(f64::INFINITY, |due| due.0.at());
            let whole = search.rows.peek().map_or(f64::INFINITY, |due| due.0.at());
            // Where nothing is left both are infinite.
            if next >= search.length && whole >= search.length {
                return;
            }
            if whole < next {
                let Some(Reverse(due)) = search.rows.pop() else { return };
                self.renew(due.index(), next.min(search.length), search);
                continue;
            }
            let Some(Reverse(due)) = search.columns.pop() else { return };
            let (at, column) = (due.at(), due.index());
            // Not what was noted before a shorter way came.
            if at > search.distance[column] {
                continue;
            }
            // No way to here is shorter, not even after rounding.
            search.distance[column] = f64::NEG_INFINITY;
            search.reached.push((column, at));
            let row = self.row_of[column];
            let offset = at - (self.cost_of[row] - self.duals[column]);
            self.visit(row, offset, search);
        }
    }

    /// Goes on from a row to its candidates, and notes when the others are due.
    #[inline(always)]
    fn visit(&mut self, row: usize, offset: f64, search: &mut Search) {
        search.offset[row] = offset;
        if !self.candidates.is_filled(row) {
            self.candidates.fill(row, self.row(row), &self.duals, MANY);
        }
        let (columns, costs) = self.candidates.row(row);
        for (&column, &cost) in columns.iter().zip(costs) {
            let through = (cost - self.duals[column]) + offset;
            if through < search.distance[column] && through < search.length {
                search.distance[column] = through;
                search.note(column, through, row, self.row_of[column]);
            }
        }
        let at = self.candidates.bound(row) + offset;
        if at < search.length {
            search.rows.push(Reverse(Due::of(at, row)));
        }
    }

    /// Goes on from a row to the columns that are no candidates: the bound is old, and new
    /// candidates have a better one, or all columns are looked at.
    #[inline(always)]
    fn renew(&mut self, row: usize, next: f64, search: &mut Search) {
        self.candidates.fill(row, self.row(row), &self.duals, MANY);
        let offset = search.offset[row];
        if self.candidates.bound(row) + offset >= next {
            self.visit(row, offset, search);
        } else {
            self.look_at_all(row, search);
        }
    }

    /// Goes on from a row to all columns.
    #[inline(always)]
    fn look_at_all(&self, row: usize, search: &mut Search) {
        let offset = search.offset[row];
        let mut distance = std::mem::take(&mut search.distance);
        each_below(self.row(row), &self.duals, offset, &mut distance, |column, through| {
            let shorter = through < search.length;
            if shorter {
                search.note(column, through, row, self.row_of[column]);
            }
            shorter
        });
        search.distance = distance;
    }
}

/// Shortest paths from one row.
#[derive(Default)]
struct Search {
    /// Of columns: infinite before a path is found, minus infinity once it is the shortest.
    distance: Vec<f64>,
    /// The row before a column.
    before: Vec<usize>,
    /// What a row adds to its reduced costs.
    offset: Vec<f64>,
    /// Columns to go on from.
    columns: BinaryHeap<Reverse<Due>>,
    /// Rows of which only the candidates were looked at.
    rows: BinaryHeap<Reverse<Due>>,
    /// Columns that have a row and a shortest path, and its length.
    reached: Vec<(usize, f64)>,
    /// Columns with a path.
    touched: Vec<usize>,
    /// The nearest column without a row.
    sink: usize,
    /// Its distance.
    length: f64,
}

impl Search {
    /// A shorter path has been found to a column that `holder` has.
    #[inline(always)]
    fn note(&mut self, column: usize, at: f64, row: usize, holder: usize) {
        self.before[column] = row;
        self.touched.push(column);
        if holder == NONE {
            (self.sink, self.length) = (column, at);
        } else {
            self.columns.push(Reverse(Due::of(at, column)));
        }
    }

    #[inline(always)]
    fn clear(&mut self) {
        for column in self.touched.drain(..) {
            self.distance[column] = f64::INFINITY;
        }
        self.columns.clear();
        self.rows.clear();
        self.reached.clear();
        (self.sink, self.length) = (NONE, f64::INFINITY);
    }
}

/// A column or row that is due at a distance; of equal ones the lower index is first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Due(u128);

impl Due {
    const SIGN: u64 = 1 << 63;

    /// The upper half is in the order of the distances, the lower one is the index.
    #[inline(always)]
    fn of(at: f64, index: usize) -> Self {
        let bits = at.to_bits();
        let ordered = if bits & Self::SIGN == 0 { bits | Self::SIGN } else { !bits };
        Self(u128::from(ordered) << 64 | index as u128)
    }

    #[inline(always)]
    fn at(self) -> f64 {
        let ordered = (self.0 >> 64) as u64;
        f64::from_bits(if ordered & Self::SIGN == 0 { !ordered } else { ordered ^ Self::SIGN })
    }

    #[inline(always)]
    fn index(self) -> usize {
        self.0 as usize
    }
}
