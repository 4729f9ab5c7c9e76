//! Files and functions stay short enough to read in one go.

use anyhow::Result;

use super::source::{code_only, item_end, without_tests};
use super::tree::is_test_file;
use super::{Findings, Tree};

/// Lines of a file, its `#[cfg(test)]` items left out.
const FILE_LINES: usize = 500;
/// Lines with code between the braces of a function, as clippy counts them.
const FUNCTION_LINES: usize = 80;

/// No file is longer than 500 lines, no function than 80; tests are free.
pub(crate) fn files_and_functions_are_short(tree: &Tree<'_>) -> Result<Findings> {
    let files = tree.rust().filter(|(path, _)| !is_test_file(path));
    Ok(files.flat_map(|(path, text)| file_findings(path, text)).collect())
}

fn file_findings(path: &str, text: &str) -> Findings {
    let (code, test_lines) = without_tests(&code_only(text));
    let lines = text.lines().count() - test_lines;
    let mut findings = Findings::new();
    if lines > FILE_LINES {
        findings.push(format!("{path} has {lines} lines, at most {FILE_LINES} are allowed"));
    }
    for (name, line, length) in functions(&code) {
        if length > FUNCTION_LINES {
            findings.push(format!(
                "{path}:{line}: `{name}` has {length} lines, at most {FUNCTION_LINES} are allowed"
            ));
        }
    }
    findings
}

/// Name, line number and lines of code of every function with a body.
fn functions(code: &str) -> Vec<(&str, usize, usize)> {
    let mut functions = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let name = code[at + 3..].trim_start();
        let name_end = name.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '#'));
        let name = &name[..name_end.unwrap_or(name.len())];
        let item = &code[at..at + item_end(&code[at..])];
        let Some(open) = item.find('{') else { continue };
        let body = item[open + 1..].trim_end_matches('}');
        let length = body.lines().filter(|line| !line.trim().is_empty()).count();
        functions.push((name, code[..at].matches('\n').count() + 1, length));
    }
    functions
}

#[cfg(test)]
mod tests {
    use super::super::tree::fake::{tree, workspace};
    use super::*;

    fn findings(path: &str, text: &str) -> Result<Findings> {
        let workspace = workspace(Vec::new());
        files_and_functions_are_short(&tree(&workspace, &[(path, text)]))
    }

    #[test]
    fn a_long_file_is_found_and_its_tests_do_not_count() -> Result<()> {
        let short = "//\n".repeat(500);
        let tests = format!("#[cfg(test)]\nmod tests {{\n{short}}}\n");
        assert_eq!(findings("src/a.rs", &format!("{short}{tests}"))?, Findings::new());
        let found = findings("src/a.rs", &format!("{short}//\n{tests}"))?;
        assert_eq!(found, ["src/a.rs has 501 lines, at most 500 are allowed"]);
        assert_eq!(findings("tests/it/a.rs", &format!("{short}//\n"))?, Findings::new());
        assert_eq!(findings("src/a.rs", &format!("// @generated\n{short}"))?, Findings::new());
        Ok(())
    }

    #[test]
    fn a_long_function_is_found_with_its_line() -> Result<()> {
        let body =
            |n: usize| format!("use x;\nfn f(a: [u8; 2]) {{\n{}}}\n", "// }\nx();\n".repeat(n));
        assert_eq!(findings("src/a.rs", &body(80))?, Findings::new());
        let found = findings("src/a.rs", &body(81))?;
        assert_eq!(found, ["src/a.rs:2: `f` has 81 lines, at most 80 are allowed"]);
        Ok(())
    }

    #[test]
    fn function_types_and_declarations_have_no_body() {
        assert_eq!(functions("type F = fn (u8); trait T { fn g(&self); }"), []);
    }
}
