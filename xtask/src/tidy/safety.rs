//! `unsafe` lives in the kernels of `nn` only, and each use says why it holds.

use anyhow::Result;

use super::source::code_only;
use super::{Findings, Tree};

/// The one folder in which `unsafe` may be written.
const KERNELS: &str = "crates/nn/src/kernels/";
/// How many lines above an `unsafe` its reason may stand.
const REACH: usize = 12;

/// No `unsafe` outside the kernels. There, each block and impl has a comment
/// with `SAFETY` just above; a function's contract is a `# Safety` section
/// just above or earlier in the file (of its trait, or of the module for
/// private functions that all have the same one).
pub(crate) fn unsafe_is_confined_and_justified(tree: &Tree<'_>) -> Result<Findings> {
    Ok(tree.rust().flat_map(|(path, text)| file_findings(path, text)).collect())
}

fn file_findings(path: &str, text: &str) -> Findings {
    let code = code_only(text);
    let lines: Vec<&str> = text.lines().collect();
    let mut findings = Findings::new();
    let mut contract_asked_for = false;
    for (number, line) in code.lines().enumerate().filter(|(_, line)| has_unsafe(line)) {
        let near = &lines[number.saturating_sub(REACH)..=number];
        let place = format!("{path}:{}", number + 1);
        if !path.starts_with(KERNELS) {
            findings.push(format!("{place}: unsafe code outside {KERNELS}"));
        } else if line.contains("unsafe fn") {
            let has_contract = says(near, "SAFETY") || says(&lines[..number], "# Safety");
            if !has_contract && !contract_asked_for {
                findings.push(format!("{place}: unsafe functions without a `# Safety` section"));
                contract_asked_for = true;
            }
        } else if !says(near, "SAFETY") {
            findings.push(format!("{place}: unsafe code without a SAFETY comment"));
        }
    }
    findings
}

/// Whether the word `unsafe` is on this line of code.
fn has_unsafe(line: &str) -> bool {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    line.split(|c| !part_of_word(c)).any(|word| word == "unsafe")
}

/// Whether a comment on these lines has `word`.
fn says(lines: &[&str], word: &str) -> bool {
    let comments = lines.iter().filter_map(|line| line.find("//").map(|at| &line[at..]));
    comments.into_iter().any(|comment| comment.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "crates/nn/src/kernels/a.rs";

    #[test]
    fn unsafe_outside_the_kernels_is_found() {
        let found = file_findings("crates/geometry/src/a.rs", "// SAFETY: x\nunsafe { f() }\n");
        assert_eq!(found.len(), 1, "{found:?}");
    }

    #[test]
    fn a_block_needs_its_own_reason() {
        let block = "fn g() {\n    unsafe { f() }\n}\n";
        assert_eq!(file_findings(PATH, block).len(), 1);
        assert_eq!(file_findings(PATH, &format!("//! # Safety\n{block}")).len(), 1);
        let far = format!("// SAFETY: in bounds\n{}unsafe {{ f() }}\n", "x();\n".repeat(REACH));
        assert_eq!(file_findings(PATH, &far).len(), 1);
        assert_eq!(file_findings(PATH, "// SAFETY: in bounds\nunsafe { f() }\n"), Findings::new());
    }

    #[test]
    fn a_function_needs_a_contract() {
        assert_eq!(file_findings(PATH, "unsafe fn f() {}\n").len(), 1);
        assert_eq!(file_findings(PATH, "unsafe fn f() {}\n/// # Safety\n").len(), 1);
        let shared = format!("//! # Safety\n{}unsafe fn f() {{}}\n", "x();\n".repeat(REACH));
        assert_eq!(file_findings(PATH, &shared), Findings::new());
    }

    #[test]
    fn the_lint_of_that_name_and_comments_are_fine() {
        let text = "#![allow(unsafe_code, reason = \"unsafe\")] // unsafe\n";
        assert_eq!(file_findings("crates/data/src/a.rs", text), Findings::new());
    }
}
