//! Documents point at files that exist.

use anyhow::Result;

use super::{Findings, Tree};

/// Every relative link or picture in a Markdown file names a file or folder of
/// the repository.
pub(crate) fn relative_links_lead_somewhere(tree: &Tree<'_>) -> Result<Findings> {
    let documents = tree.texts().filter(|(path, _)| path.ends_with(".md"));
    Ok(documents
        .flat_map(|(path, text)| {
            targets(text)
                .filter(|target| !exists(tree, &resolve(path, target)))
                .map(move |target| format!("{path}: there is no {target}"))
        })
        .collect())
}

/// Relative targets of `[text](target)`, fragments cut off.
fn targets(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| {
        let target = rest.split(')').next()?.split('#').next()?.trim();
        (!target.is_empty() && !target.contains(':')).then_some(target)
    })
}

/// The path from the root of `target` as seen from the file `from`.
fn resolve(from: &str, target: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    parts.join("/")
}

fn exists(tree: &Tree<'_>, path: &str) -> bool {
    let is_folder_of = |file: &str| file.strip_prefix(path).is_some_and(|f| f.starts_with('/'));
    tree.paths().any(|file| file == path || is_folder_of(file))
}

#[cfg(test)]
mod tests {
    use super::super::tree::fake::{tree, workspace};
    use super::*;

    #[test]
    fn dead_links_are_found() -> Result<()> {
        let workspace = workspace(Vec::new());
        let text = "[a](b.md#part) ![c](../LICENSE) [d](../xtask) [e](https://e.org) [f](#g)";
        let files = [("docs/a.md", text), ("docs/b.md", ""), ("LICENSE", ""), ("xtask/c.rs", "")];
        assert_eq!(relative_links_lead_somewhere(&tree(&workspace, &files))?, Findings::new());
        let found = relative_links_lead_somewhere(&tree(&workspace, &files[..2]))?;
        assert_eq!(found, ["docs/a.md: there is no ../LICENSE", "docs/a.md: there is no ../xtask"]);
        Ok(())
    }
}
