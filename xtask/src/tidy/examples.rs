//! Examples cannot be forgotten: file, manifest and README list the same ones.

use std::collections::BTreeSet;

use anyhow::Result;

use super::table::{names, rows};
use super::{Findings, Tree};
use crate::workspace::EXAMPLES_PACKAGE;

const README: &str = "README.md";

/// Every `examples/NAME.rs` is an `[[example]]` called NAME, and the other way
/// round, and has a row in README's table.
pub(crate) fn examples_are_listed(tree: &Tree<'_>) -> Result<Findings> {
    let files: BTreeSet<String> = tree.paths().filter_map(example_name).collect();
    let mut findings = Findings::new();
    let mut entries = BTreeSet::new();
    let package = tree.workspace.package(EXAMPLES_PACKAGE)?;
    for target in package.targets.iter().filter(|target| target.kind.iter().any(|k| k == "example"))
    {
        let path = target.src_path.strip_prefix(&tree.workspace.root).unwrap_or(&target.src_path);
        if path.to_str().and_then(example_name).as_ref() != Some(&target.name) {
            let name = &target.name;
            findings
                .push(format!("example `{name}` is {}, not examples/{name}.rs", path.display()));
        }
        entries.insert(target.name.clone());
    }
    let rows = rows(tree.text(README)?, "examples")?;
    let listed: BTreeSet<String> =
        rows.iter().filter_map(|row| Some((*names(row.first()?).first()?).to_owned())).collect();
    let absent = files.difference(&entries);
    findings.extend(absent.map(|name| format!("examples/{name}.rs has no [[example]] entry")));
    let absent = entries.difference(&files);
    findings.extend(absent.map(|name| format!("[[example]] `{name}` has no file")));
    let absent = entries.difference(&listed);
    findings.extend(absent.map(|name| format!("`{name}` is not in {README}'s examples table")));
    let stale = listed.difference(&entries);
    findings.extend(stale.map(|name| format!("{README} lists `{name}`, which does not exist")));
    Ok(findings)
}

/// NAME of `examples/NAME.rs`.
fn example_name(path: &str) -> Option<String> {
    let name = path.strip_prefix("examples/")?.strip_suffix(".rs")?;
    (!name.contains('/')).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::tree::fake::{examples, tree, workspace};
    use super::*;

    const TABLE: &str = "<!-- examples -->\n| example | shows |\n|-|-|\n| `one` | x |\n";

    #[test]
    fn a_listed_example_passes_and_library_files_do_not_count() -> Result<()> {
        let workspace = workspace(vec![examples(&["one"])]);
        let files = [(README, TABLE), ("examples/one.rs", ""), ("examples/src/lib.rs", "")];
        assert_eq!(examples_are_listed(&tree(&workspace, &files))?, Findings::new());
        Ok(())
    }

    #[test]
    fn a_file_without_entry_is_found() -> Result<()> {
        let workspace = workspace(vec![examples(&["one"])]);
        let files = [(README, TABLE), ("examples/one.rs", ""), ("examples/two.rs", "")];
        let found = examples_are_listed(&tree(&workspace, &files))?;
        assert_eq!(found, ["examples/two.rs has no [[example]] entry"]);
        Ok(())
    }

    #[test]
    fn an_entry_without_file_or_row_is_found() -> Result<()> {
        let workspace = workspace(vec![examples(&["two"])]);
        let found = examples_are_listed(&tree(&workspace, &[(README, TABLE)]))?;
        assert_eq!(found.len(), 3, "{found:?}");
        Ok(())
    }
}
