//! Tables in Markdown that a rule reads.

use anyhow::{Result, ensure};

/// Rows (without header) of the table that follows the line `<!-- NAME -->`,
/// cells trimmed.
pub(crate) fn rows(text: &str, name: &str) -> Result<Vec<Vec<String>>> {
    let marker = format!("<!-- {name} -->");
    let rows: Vec<Vec<String>> = text
        .lines()
        .skip_while(|line| line.trim() != marker)
        .skip(1)
        .skip_while(|line| line.trim().is_empty())
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| line.trim().trim_matches('|').split('|').map(|c| c.trim().to_owned()).collect())
        .collect();
    ensure!(!rows.is_empty(), "no table after the line `{marker}`");
    Ok(rows)
}

/// Names between backticks in a cell.
pub(crate) fn names(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_follow_the_marker() -> Result<()> {
        let text = "| x |\n|-|\n| no |\n\n<!-- crates -->\n\n| a | b |\n|---|---|\n| `c` | `d`, `e` |\n\nend";
        let rows = rows(text, "crates")?;
        assert_eq!(rows, [["`c`", "`d`, `e`"]]);
        assert_eq!(names(&rows[0][1]), ["d", "e"]);
        Ok(())
    }

    #[test]
    fn a_missing_table_is_an_error() {
        assert!(rows("| a |\n|-|\n| b |", "crates").is_err(), "there is no marker");
    }
}
