//! `cargo xtask tidy`: the repository checked against its own rules. Each rule
//! is one function in one file; it returns what it found wrong.

mod examples;
mod features;
mod graph;
mod layout;
mod limits;
mod links;
mod locality;
mod readme;
mod safety;
mod source;
mod stubs;
mod table;
mod tree;

use anyhow::{Context, Result};

use crate::workspace::Workspace;
use tree::Tree;

/// What a rule found wrong, one line each; empty when the repository obeys it.
type Findings = Vec<String>;
type Rule = fn(&Tree<'_>) -> Result<Findings>;

const RULES: [(&str, Rule); 10] = [
    ("graph", graph::crate_graph_agrees),
    ("features", features::backends_are_forwarded),
    ("limits", limits::files_and_functions_are_short),
    ("examples", examples::examples_are_listed),
    ("stubs", stubs::nothing_is_left_open),
    ("safety", safety::unsafe_is_confined_and_justified),
    ("readme", readme::crate_table_matches),
    ("links", links::relative_links_lead_somewhere),
    ("layout", layout::top_level_is_as_agreed),
    ("locality", locality::no_machine_is_named),
];

/// Applies every rule and prints the findings; true when there are none.
pub(crate) fn tidy(workspace: &Workspace) -> Result<bool> {
    let tree = Tree::load(workspace)?;
    let mut count = 0;
    for (name, rule) in RULES {
        for finding in rule(&tree).with_context(|| format!("tidy rule `{name}`"))? {
            println!("tidy/{name}: {finding}");
            count += 1;
        }
    }
    println!("tidy: {} rules, {} files, {count} findings", RULES.len(), tree.len());
    Ok(count == 0)
}
