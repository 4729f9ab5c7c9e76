//! One crate graph, stated three times: `docs/architecture.md` for people,
//! `deny.toml` for cargo-deny, the manifests for cargo.

use std::collections::BTreeSet;

use anyhow::{Context, Result};

use super::table::{names, rows};
use super::{Findings, Tree};

const DOCUMENT: &str = "docs/architecture.md";
const DENY: &str = "deny.toml";
const TENSORS: &str = "candle-core";

/// From whom to whom.
type Edges = BTreeSet<(String, String)>;

/// The three statements of the graph agree, and `deny.toml` admits exactly our
/// tensor crates as users of Candle.
pub(crate) fn crate_graph_agrees(tree: &Tree<'_>) -> Result<Findings> {
    let manifests = manifest_edges(tree);
    let wrappers = wrapper_edges(tree.text(DENY)?)?;
    let (ours, tensors): (Edges, Edges) =
        wrappers.into_iter().partition(|(_, to)| to.starts_with("mapvec-"));
    let documented = documented_edges(tree.text(DOCUMENT)?)?;
    let mut findings = differences(DOCUMENT, &documented, "the manifests", &manifests);
    findings.extend(differences(DENY, &ours, "the manifests", &manifests));
    findings.extend(differences(DENY, &tensors, "the manifests", &tensor_edges(tree)));
    findings.extend(undocumented_crates(tree, tree.text(DOCUMENT)?)?);
    Ok(findings)
}

/// Of every kind: cargo-deny counts development dependencies, too.
fn manifest_edges(tree: &Tree<'_>) -> Edges {
    let ours = tree.workspace.packages.iter().filter(|package| package.is_ours());
    ours.flat_map(|package| {
        package
            .dependencies
            .iter()
            .filter(|dependency| dependency.name.starts_with("mapvec-"))
            .map(|dependency| (package.name.clone(), dependency.name.clone()))
    })
    .collect()
}

fn tensor_edges(tree: &Tree<'_>) -> Edges {
    let packages = tree.workspace.packages.iter();
    packages
        .filter(|package| package.dependencies.iter().any(|d| d.name == TENSORS))
        .map(|package| (package.name.clone(), TENSORS.to_owned()))
        .collect()
}

/// Edges from the table `crate | owns | may use`, names without prefix.
fn documented_edges(document: &str) -> Result<Edges> {
    let mut edges = Edges::new();
    for row in rows(document, "crate graph")? {
        let (from, to) = (row.first(), row.last());
        let from = from.and_then(|cell| names(cell).first().copied());
        let from = from.with_context(|| format!("{DOCUMENT}: no crate in the row {row:?}"))?;
        for to in to.map(|cell| names(cell)).unwrap_or_default() {
            edges.insert((format!("mapvec-{from}"), format!("mapvec-{to}")));
        }
    }
    Ok(edges)
}

fn undocumented_crates(tree: &Tree<'_>, document: &str) -> Result<Findings> {
    let rows = rows(document, "crate graph")?;
    let documented: BTreeSet<String> = rows
        .iter()
        .filter_map(|row| Some(format!("mapvec-{}", names(row.first()?).first()?)))
        .collect();
    let packages = tree.workspace.packages.iter().filter(|package| package.is_ours());
    let existing: BTreeSet<String> = packages.map(|package| package.name.clone()).collect();
    let missing = existing.difference(&documented).map(|n| format!("{DOCUMENT}: no row for {n}"));
    let stale = documented.difference(&existing).map(|n| format!("{DOCUMENT}: there is no {n}"));
    Ok(missing.chain(stale).collect())
}

/// Edges from `bans.deny[].wrappers`, of our crates and Candle's core. Candle's
/// own crates may use each other.
fn wrapper_edges(deny: &str) -> Result<Edges> {
    let deny: toml::Table = deny.parse().context(DENY)?;
    let entries = deny.get("bans").and_then(|bans| bans.get("deny")).and_then(|d| d.as_array());
    let mut edges = Edges::new();
    for entry in entries.with_context(|| format!("{DENY}: no bans.deny"))? {
        let Some(to) = entry.get("crate").and_then(toml::Value::as_str) else { continue };
        if to != TENSORS && !to.starts_with("mapvec-") {
            continue;
        }
        let wrappers = entry.get("wrappers").and_then(toml::Value::as_array);
        let wrappers = wrappers.with_context(|| format!("{DENY}: {to} has no wrappers"))?;
        let wrappers = wrappers.iter().filter_map(toml::Value::as_str);
        edges.extend(
            wrappers
                .filter(|from| !from.starts_with("candle-"))
                .map(|from| (from.to_owned(), to.to_owned())),
        );
    }
    Ok(edges)
}

fn differences(left: &str, one: &Edges, right: &str, other: &Edges) -> Findings {
    let only = |(from, to): &(String, String), has: &str, lacks: &str| {
        format!("{from} -> {to} is in {has}, not in {lacks}")
    };
    let extra = one.difference(other).map(|edge| only(edge, left, right));
    let missing = other.difference(one).map(|edge| only(edge, right, left));
    extra.chain(missing).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tree::fake::{package, tree, workspace};
    use super::*;

    const TABLE: &str = "<!-- crate graph -->\n| crate | owns | may use |\n|-|-|-|\n| `a` | x | - |\n| `b` | y | `a` |\n";
    const WRAPPERS: &str = "[bans]\ndeny = [\n{ crate = \"mapvec-a\", wrappers = [\"mapvec-b\"] },\n{ crate = \"candle-core\", wrappers = [\"candle-nn\", \"mapvec-b\"] },\n{ crate = \"lazy_static\" }]";

    fn findings(b: &[&str], table: &str, wrappers: &str) -> Result<Findings> {
        let workspace = workspace(vec![package("mapvec-a", &[]), package("mapvec-b", b)]);
        crate_graph_agrees(&tree(&workspace, &[(DOCUMENT, table), (DENY, wrappers)]))
    }

    #[test]
    fn three_equal_graphs_pass() -> Result<()> {
        assert_eq!(findings(&["mapvec-a", "candle-core"], TABLE, WRAPPERS)?, Findings::new());
        Ok(())
    }

    #[test]
    fn an_edge_missing_from_the_manifests_is_found_twice() -> Result<()> {
        let found = findings(&["candle-core"], TABLE, WRAPPERS)?;
        assert_eq!(found.len(), 2, "{found:?}");
        Ok(())
    }

    #[test]
    fn an_edge_missing_from_either_text_is_found() -> Result<()> {
        let table = TABLE.replace("| y | `a` |", "| y | - |");
        let found = findings(&["mapvec-a", "candle-core"], &table, WRAPPERS)?;
        assert_eq!(found.len(), 1, "{found:?}");
        let wrappers = WRAPPERS.replace("wrappers = [\"mapvec-b\"]", "wrappers = []");
        let found = findings(&["mapvec-a", "candle-core"], TABLE, &wrappers)?;
        assert_eq!(found.len(), 1, "{found:?}");
        Ok(())
    }

    #[test]
    fn a_crate_without_a_row_and_a_stray_tensor_user_are_found() -> Result<()> {
        let table = TABLE.replace("| `a` | x | - |\n", "");
        let found = findings(&["mapvec-a"], &table, WRAPPERS)?;
        assert!(found.iter().any(|f| f.contains("no row for mapvec-a")), "{found:?}");
        assert!(found.iter().any(|f| f.contains("mapvec-b -> candle-core")), "{found:?}");
        Ok(())
    }
}
