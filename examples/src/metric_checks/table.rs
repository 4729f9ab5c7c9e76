//! Values next to those that are expected, and files of comma-separated values.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::progress::say;

/// Counts values that differ from those expected, and prints a table of them.
#[derive(Debug, Default)]
pub struct Comparison {
    /// Values that were compared.
    pub values: u64,
    /// Values that are not exactly those expected.
    pub differences: u64,
}

impl Comparison {
    /// Prints the head of a table.
    pub fn head(&self) {
        say("| picture | score | here | expected | |");
        say("|---|---|---:|---:|---|");
    }

    /// Compares one value to the last digit; an expected value that is empty is none.
    ///
    /// # Errors
    /// The expected value is no number.
    pub fn row(
        &mut self,
        picture: &str,
        score: &str,
        here: Option<f64>,
        expected: &str,
    ) -> Result<()> {
        let number = match expected.trim() {
            "" => None,
            text => Some(text.parse::<f64>().with_context(|| format!("{score} of {picture}"))?),
        };
        let equal = here.map(f64::to_bits) == number.map(f64::to_bits);
        self.values += 1;
        self.differences += u64::from(!equal);
        let shown = here.map_or_else(String::new, |value| value.to_string());
        let mark = if equal { "equal" } else { "DIFFERS" };
        say(&format!("| {picture} | {score} | {shown} | {expected} | {mark} |"));
        Ok(())
    }

    /// Adds what another table found.
    #[must_use]
    pub fn plus(self, other: &Self) -> Self {
        Self {
            values: self.values + other.values,
            differences: self.differences + other.differences,
        }
    }
}

/// A table with named columns.
#[derive(Debug)]
pub(super) struct Csv {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Csv {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let mut rows = text.lines().filter(|line| !line.trim().is_empty()).map(cells);
        let head = rows.next().with_context(|| format!("{} is empty", path.display()))?;
        let rows: Vec<Vec<String>> = rows.collect();
        for (index, row) in rows.iter().enumerate() {
            let (found, expected) = (row.len(), head.len());
            ensure!(
                found == expected,
                "{}: row {} has {found} cells, the head has {expected}",
                path.display(),
                index + 1
            );
        }
        Ok(Self { head, rows })
    }

    /// The cells of one column.
    pub(super) fn column(&self, name: &str) -> Result<Vec<&str>> {
        let place = self.head.iter().position(|head| head == name);
        let place = place.with_context(|| format!("there is no column `{name}`"))?;
        Ok(self.rows.iter().map(|row| row[place].as_str()).collect())
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }
}

/// Cells between commas; one in quotes may have commas.
fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut quoted) = (vec![String::new()], false);
    for character in line.trim_end_matches('\r').chars() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            _ => {
                if let Some(cell) = cells.last_mut() {
                    cell.push(character);
                }
            }
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_commas_do_not_part() {
        assert_eq!(cells("a,\"b,c\",,1"), ["a", "b,c", "", "1"]);
    }
}
