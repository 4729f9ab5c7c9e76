//! The top level of the repository holds what was agreed on, and nothing else.

use std::collections::BTreeSet;

use anyhow::Result;

use super::{Findings, Tree};

const TOP_LEVEL: [&str; 19] = [
    ".cargo",
    ".ci",
    ".gitignore",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "clippy.toml",
    "crates",
    "datasets",
    "deny.toml",
    "docs",
    "examples",
    "fuzz",
    "rustfmt.toml",
    "xtask",
];

/// Every agreed entry exists, and there is no other.
pub(crate) fn top_level_is_as_agreed(tree: &Tree<'_>) -> Result<Findings> {
    let agreed = BTreeSet::from(TOP_LEVEL);
    let present: BTreeSet<&str> = tree.paths().filter_map(|path| path.split('/').next()).collect();
    let missing = agreed.difference(&present).map(|name| format!("{name} is missing"));
    let stray = present.difference(&agreed).map(|name| format!("{name} does not belong here"));
    Ok(missing.chain(stray).collect())
}

#[cfg(test)]
mod tests {
    use super::super::tree::fake::{tree, workspace};
    use super::*;

    #[test]
    fn missing_and_stray_entries_are_found() -> Result<()> {
        let workspace = workspace(Vec::new());
        let mut files: Vec<(&str, &str)> = TOP_LEVEL.iter().map(|name| (*name, "")).collect();
        assert_eq!(top_level_is_as_agreed(&tree(&workspace, &files))?, Findings::new());
        files.remove(0);
        files.push(("notes/today.md", ""));
        let found = top_level_is_as_agreed(&tree(&workspace, &files))?;
        assert_eq!(found, [".cargo is missing", "notes does not belong here"]);
        Ok(())
    }
}
