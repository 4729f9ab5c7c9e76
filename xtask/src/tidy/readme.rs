//! The crate table of the README is complete.

use std::collections::BTreeSet;

use anyhow::Result;

use super::table::{names, rows};
use super::{Findings, Tree};

const README: &str = "README.md";

/// The table's first column names exactly the packages under `crates/`.
pub(crate) fn crate_table_matches(tree: &Tree<'_>) -> Result<Findings> {
    let rows = rows(tree.text(README)?, "crates")?;
    let listed: BTreeSet<&str> =
        rows.iter().filter_map(|row| names(row.first()?).first().copied()).collect();
    let folder = tree.workspace.root.join("crates");
    let packages = tree.workspace.packages.iter();
    let members: BTreeSet<&str> = packages
        .filter(|package| package.manifest_path.starts_with(&folder))
        .map(|package| package.name.as_str())
        .collect();
    let missing = members.difference(&listed);
    let missing = missing.map(|name| format!("{README}'s crate table lacks `{name}`"));
    let stale = listed.difference(&members);
    let stale = stale.map(|name| format!("{README} lists `{name}`, which is not under crates/"));
    Ok(missing.chain(stale).collect())
}

#[cfg(test)]
mod tests {
    use super::super::tree::fake::{examples, package, tree, workspace};
    use super::*;

    #[test]
    fn missing_and_stale_rows_are_found() -> Result<()> {
        let table = "<!-- crates -->\n| crate | owns |\n|-|-|\n| `mapvec-a` | x |\n";
        let files = [(README, table)];
        let same = workspace(vec![package("mapvec-a", &[]), examples(&[])]);
        assert_eq!(crate_table_matches(&tree(&same, &files))?, Findings::new());
        let other = workspace(vec![package("mapvec-b", &[])]);
        let found = crate_table_matches(&tree(&other, &files))?;
        assert_eq!(found.len(), 2, "{found:?}");
        Ok(())
    }
}
