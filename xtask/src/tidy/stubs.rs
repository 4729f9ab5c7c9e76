//! What is committed is finished: no stub, no switched-off test, no debug print.

use anyhow::Result;

use super::source::code_only;
use super::{Findings, Tree};

/// Code that marks something unfinished.
const MARKS: [&str; 4] = ["todo!", "unimplemented!", "dbg!", "#[ignore"];

/// No `todo!`, `unimplemented!`, `dbg!`, `#[ignore]` or `unreachable!` that
/// says "stub", tests included.
pub(crate) fn nothing_is_left_open(tree: &Tree<'_>) -> Result<Findings> {
    Ok(tree.rust().flat_map(|(path, text)| file_findings(path, text)).collect())
}

fn file_findings(path: &str, text: &str) -> Findings {
    let code = code_only(text);
    let mut findings = Findings::new();
    for (number, (code, line)) in code.lines().zip(text.lines()).enumerate() {
        let mark = MARKS.into_iter().find(|mark| code.contains(mark));
        let stub = code.contains("unreachable!") && line.to_lowercase().contains("stub");
        if let Some(mark) = mark.or_else(|| stub.then_some("unreachable! stub")) {
            findings.push(format!("{path}:{}: `{mark}`", number + 1));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mark_is_found_with_its_line() {
        for line in ["todo!()", "unimplemented!()", "dbg!(x)", "#[ignore]", "#[ignore = \"slow\"]"]
        {
            let found = file_findings("a.rs", &format!("fn f() {{\n{line}\n}}\n"));
            assert_eq!(found.len(), 1, "{line}");
            assert!(found[0].starts_with("a.rs:2:"), "{found:?}");
        }
        assert_eq!(file_findings("a.rs", "unreachable!(\"stub\")").len(), 1);
    }

    #[test]
    fn text_about_them_is_fine() {
        let text = "// todo!\nlet x = \"dbg!\";\nunreachable!(\"ids are below n\")\n";
        assert_eq!(file_findings("a.rs", text), Findings::new());
    }
}
