//! Backends are chosen by the application: every tensor crate forwards the
//! same five features and switches none of them on.

use std::collections::BTreeSet;

use anyhow::Result;

use super::{Findings, Tree};
use crate::workspace::{Package, Workspace};

const BACKENDS: [&str; 5] = ["cuda", "cudnn", "metal", "accelerate", "mkl"];
/// Crates of others that have all of [`BACKENDS`].
const CANDLE: [&str; 2] = ["candle-core", "candle-nn"];

/// Each backend of each tensor crate is `dependency/backend` for every tensor
/// dependency and nothing else; none is on by default.
pub(crate) fn backends_are_forwarded(tree: &Tree<'_>) -> Result<Findings> {
    let packages = tree.workspace.packages.iter();
    Ok(packages
        .filter(|package| is_tensor(tree.workspace, &package.name))
        .flat_map(|package| package_findings(tree.workspace, package))
        .collect())
}

/// A tensor crate is Candle or a member that depends on its core.
fn is_tensor(workspace: &Workspace, name: &str) -> bool {
    CANDLE.contains(&name)
        || workspace
            .package(name)
            .is_ok_and(|package| package.normal_dependencies().any(|d| d == CANDLE[0]))
}

fn package_findings(workspace: &Workspace, package: &Package) -> Findings {
    let name = &package.name;
    let mut findings = Findings::new();
    for backend in BACKENDS {
        let tensors = package.normal_dependencies().filter(|d| is_tensor(workspace, d));
        let expected: BTreeSet<String> = tensors.map(|d| format!("{d}/{backend}")).collect();
        let Some(feature) = package.features.get(backend) else {
            findings.push(format!("{name} has no feature `{backend}`"));
            continue;
        };
        let actual: BTreeSet<String> = feature.iter().cloned().collect();
        let missing = expected.difference(&actual);
        findings.extend(missing.map(|f| format!("{name}: `{backend}` does not forward `{f}`")));
        let extra = actual.difference(&expected);
        findings.extend(extra.map(|f| format!("{name}: `{backend}` may not contain `{f}`")));
    }
    if package.features.get("default").is_some_and(|default| !default.is_empty()) {
        findings.push(format!("{name}: default features must be empty"));
    }
    for dependency in &package.dependencies {
        let on = dependency.features.iter().filter(|f| BACKENDS.contains(&f.as_str()));
        findings.extend(on.map(|f| format!("{name} switches on {}/{f}", dependency.name)));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::tree::fake::{package, tree, workspace};
    use super::*;

    fn tensor_package() -> Package {
        let mut package = package("mapvec-nn", &["candle-core", "rayon"]);
        for backend in BACKENDS {
            package.features.insert(backend.to_owned(), vec![format!("candle-core/{backend}")]);
        }
        package
    }

    fn findings(package: Package) -> Result<Findings> {
        let workspace = workspace(vec![package]);
        backends_are_forwarded(&tree(&workspace, &[]))
    }

    #[test]
    fn full_forwarding_passes() -> Result<()> {
        assert_eq!(findings(tensor_package())?, Findings::new());
        assert_eq!(findings(package("mapvec-geometry", &["rayon"]))?, Findings::new());
        Ok(())
    }

    #[test]
    fn a_missing_feature_and_a_missing_forward_are_found() -> Result<()> {
        let mut package = tensor_package();
        package.features.remove("metal");
        package.features.insert("mkl".to_owned(), Vec::new());
        let found = findings(package)?;
        assert_eq!(found.len(), 2, "{found:?}");
        Ok(())
    }

    #[test]
    fn extras_defaults_and_fixed_backends_are_found() -> Result<()> {
        let mut package = tensor_package();
        package.features.insert("default".to_owned(), vec!["cuda".to_owned()]);
        package.features.entry("cuda".to_owned()).or_default().push("dep:other".to_owned());
        package.dependencies[0].features.push("cuda".to_owned());
        let found = findings(package)?;
        assert_eq!(found.len(), 3, "{found:?}");
        Ok(())
    }
}
