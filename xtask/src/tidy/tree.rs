//! The files that the rules look at.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use crate::workspace::Workspace;

/// All files of the repository, by path relative to the root.
#[derive(Debug)]
pub(crate) struct Tree<'a> {
    pub(crate) workspace: &'a Workspace,
    /// `None` for files that are not UTF-8 text.
    files: BTreeMap<String, Option<String>>,
}

impl<'a> Tree<'a> {
    /// Reads every file that git tracks or would add.
    pub(crate) fn load(workspace: &'a Workspace) -> Result<Self> {
        let mut files = BTreeMap::new();
        for path in workspace.files()? {
            let bytes = std::fs::read(workspace.root.join(&path))
                .with_context(|| format!("cannot read {path}"))?;
            files.insert(path, String::from_utf8(bytes).ok());
        }
        Ok(Self { workspace, files })
    }

    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }

    /// Every path, sorted.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// Path and content of every text file, sorted by path.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?)))
    }

    /// Path and content of every Rust file that is written by hand.
    pub(crate) fn rust(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(|(path, text)| {
            path.ends_with(".rs") && !text.lines().take(5).any(|line| line.contains("@generated"))
        })
    }

    /// The content of one text file.
    pub(crate) fn text(&self, path: &str) -> Result<&str> {
        self.files
            .get(path)
            .with_context(|| format!("{path} is missing"))?
            .as_deref()
            .with_context(|| format!("{path} is not text"))
    }
}

/// Whether a Rust file holds tests only.
pub(crate) fn is_test_file(path: &str) -> bool {
    path.split('/').any(|part| part == "tests") || path.ends_with("/tests.rs")
}

#[cfg(test)]
pub(crate) mod fake {
    //! Small trees for the rules' own tests.

    use std::path::PathBuf;

    use super::*;
    use crate::workspace::{Dependency, Package, Target};

    /// A workspace at `/w` with these packages.
    pub(crate) fn workspace(packages: Vec<Package>) -> Workspace {
        Workspace { root: PathBuf::from("/w"), target: PathBuf::from("/w/target"), packages }
    }

    /// A package under `crates/` with these normal dependencies.
    pub(crate) fn package(name: &str, dependencies: &[&str]) -> Package {
        let folder = name.trim_start_matches("mapvec-");
        Package {
            name: name.to_owned(),
            manifest_path: PathBuf::from(format!("/w/crates/{folder}/Cargo.toml")),
            dependencies: dependencies
                .iter()
                .map(|name| Dependency {
                    name: (*name).to_owned(),
                    kind: None,
                    features: Vec::new(),
                })
                .collect(),
            features: BTreeMap::new(),
            targets: Vec::new(),
        }
    }

    /// The package of examples, with these targets.
    pub(crate) fn examples(names: &[&str]) -> Package {
        let target = |name: &&str| Target {
            name: (*name).to_owned(),
            kind: vec!["example".to_owned()],
            src_path: PathBuf::from(format!("/w/examples/{name}.rs")),
        };
        let mut package = package("mapvec-examples", &[]);
        package.manifest_path = PathBuf::from("/w/examples/Cargo.toml");
        package.targets = names.iter().map(target).collect();
        package
    }

    /// A tree of these files.
    pub(crate) fn tree<'a>(workspace: &'a Workspace, files: &[(&str, &str)]) -> Tree<'a> {
        let file = |(path, text): &(&str, &str)| ((*path).to_owned(), Some((*text).to_owned()));
        Tree { workspace, files: files.iter().map(file).collect() }
    }
}
