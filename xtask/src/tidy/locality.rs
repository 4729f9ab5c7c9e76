//! The repository works wherever it is cloned: no path of somebody's machine,
//! no package registry's host (mirrors are a matter of cargo's configuration).

use anyhow::Result;

use super::{Findings, Tree};

/// First folders of absolute paths on somebody's machine.
const FOLDERS: [&str; 6] = ["work", "root", "home", "tmp", "mnt", "Users"];
/// Registry hosts as name and domain, so that this file does not name them.
const HOSTS: [(&str, &str); 7] = [
    ("pypi", "org"),
    ("pythonhosted", "org"),
    ("npmjs", "org"),
    ("npmjs", "com"),
    ("index.crates", "io"),
    ("static.crates", "io"),
    ("deb.debian", "org"),
];
/// Written by cargo, which names its registry there.
const LOCK: &str = "Cargo.lock";

/// No text file names a local path or a registry host.
pub(crate) fn no_machine_is_named(tree: &Tree<'_>) -> Result<Findings> {
    let files = tree.texts().filter(|(path, _)| *path != LOCK);
    Ok(files.flat_map(|(path, text)| file_findings(path, text)).collect())
}

fn file_findings(path: &str, text: &str) -> Findings {
    let folders = FOLDERS.map(|folder| format!("/{folder}/"));
    let hosts = HOSTS.map(|(name, domain)| format!("{name}.{domain}"));
    let mut findings = Findings::new();
    for (number, line) in text.lines().enumerate() {
        let folder = folders.iter().find(|folder| starts_path(line, folder));
        let host = hosts.iter().find(|host| line.contains(host.as_str()));
        if let Some(name) = folder.or(host) {
            findings.push(format!("{path}:{}: names {name}", number + 1));
        }
    }
    findings
}

/// Whether an absolute path in `line` starts with `folder`.
fn starts_path(line: &str, folder: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || ".-_~/}*)$".contains(c);
    line.match_indices(folder).any(|(at, _)| !line[..at].ends_with(inside))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn local_paths_and_hosts_are_found() {
        for line in [format!("see /{}/x", FOLDERS[0]), format!("({}.{})", HOSTS[0].0, HOSTS[0].1)] {
            assert_eq!(file_findings("a.md", &line).len(), 1, "{line}");
        }
    }

    #[test]
    fn folders_inside_other_paths_are_fine() {
        let text = format!("target/{0}/x ../{0}/y ${{OUT}}/{0}/z", FOLDERS[3]);
        assert_eq!(file_findings("a.md", &text), Findings::new());
    }
}
