//! Rust text with the parts that are not code blanked out.

/// Replaces comments and the content of string and character literals by
/// spaces. Line breaks stay, so lines keep their numbers.
pub(crate) fn code_only(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < characters.len() {
        let end = literal_end(&characters, at);
        if end == at {
            code.push(characters[at]);
            at += 1;
        } else {
            code.extend(characters[at..end].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    code
}

/// Blanks every item under `#[cfg(test)]` in code from [`code_only`] and says
/// how many lines such items span.
pub(crate) fn without_tests(code: &str) -> (String, usize) {
    const ATTRIBUTE: &str = "#[cfg(test)]";
    let mut rest = code.to_owned();
    let mut lines = 0;
    while let Some(start) = rest.find(ATTRIBUTE) {
        let body = start + ATTRIBUTE.len();
        let end = body + item_end(&rest[body..]);
        let item = &rest[start..end];
        lines += item.lines().count();
        let blank: String = item.chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        rest.replace_range(start..end, &blank);
    }
    (rest, lines)
}

/// Length of the item at the start of `code`: to its closing brace, or to its
/// semicolon when it has no body.
pub(crate) fn item_end(code: &str) -> usize {
    let mut braces = 0_usize;
    let mut brackets = 0_usize;
    for (at, character) in code.char_indices() {
        match character {
            '{' => braces += 1,
            '}' => {
                braces = braces.saturating_sub(1);
                if braces == 0 {
                    return at + 1;
                }
            }
            '(' | '[' => brackets += 1,
            ')' | ']' => brackets = brackets.saturating_sub(1),
            ';' if braces == 0 && brackets == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

/// Where the comment or literal that starts at `at` ends; `at` if none does.
fn literal_end(text: &[char], at: usize) -> usize {
    let next = |offset: usize| text.get(at + offset).copied().unwrap_or('\0');
    match (text[at], next(1)) {
        ('/', '/') => find(text, at, |c| c == '\n'),
        ('/', '*') => block_comment_end(text, at),
        ('"', _) => string_end(text, at + 1),
        ('r', '"' | '#') if !follows_word(text, at) => raw_string_end(text, at),
        ('\'', '\\') => find(text, at + 3, |c| c == '\'') + 1,
        ('\'', _) if next(2) == '\'' => at + 3,
        _ => at,
    }
    .min(text.len())
}

fn find(text: &[char], from: usize, wanted: impl Fn(char) -> bool) -> usize {
    (from..text.len()).find(|&i| wanted(text[i])).unwrap_or(text.len())
}

/// Whether the character before `at` belongs to a word; `b` and `c` prefixes
/// of raw strings do not count.
fn follows_word(text: &[char], at: usize) -> bool {
    let prefixed = at > 0 && matches!(text[at - 1], 'b' | 'c');
    let before = if prefixed { at - 1 } else { at };
    before > 0 && (text[before - 1].is_alphanumeric() || text[before - 1] == '_')
}

fn block_comment_end(text: &[char], at: usize) -> usize {
    let mut depth = 0_usize;
    let mut i = at;
    while i + 1 < text.len() {
        match (text[i], text[i + 1]) {
            ('/', '*') => {
                depth += 1;
                i += 2;
            }
            ('*', '/') => {
                depth -= 1;
                i += 2;
                if depth == 0 {
                    return i;
                }
            }
            _ => i += 1,
        }
    }
    text.len()
}

fn string_end(text: &[char], from: usize) -> usize {
    let mut i = from;
    while i < text.len() {
        match text[i] {
            '\\' => i += 2,
            '"' => return i + 1,
            _ => i += 1,
        }
    }
    text.len()
}

/// The end of `r"..."` or `r#"..."#`; `at` itself for a raw identifier.
fn raw_string_end(text: &[char], at: usize) -> usize {
    let open = find(text, at + 1, |c| c != '#');
    if text.get(open) != Some(&'"') {
        return at;
    }
    let hashes = open - at - 1;
    let closes = |i: usize| {
        text[i] == '"' && text[i + 1..].iter().take(hashes).filter(|&&c| c == '#').count() == hashes
    };
    (open + 1..text.len()).find(|&i| closes(i)).map_or(text.len(), |i| i + 1 + hashes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blank_and_lines_stay() {
        let text = "a // b\n/* c /* d */ e */ f \"g\\\"h\" r#\"i\"j\"# 'k' '\\'' b\"l\" '\\n' m";
        let code = code_only(text);
        let words: Vec<_> = code.split_whitespace().collect();
        assert_eq!(words, ["a", "f", "b", "m"]);
        assert_eq!(code.lines().count(), text.lines().count());
    }

    #[test]
    fn lifetimes_and_raw_identifiers_are_code() {
        let text = "fn f<'a>(x: &'a str, r#type: u8, for_r: u8) {}";
        assert_eq!(code_only(text), text);
    }

    #[test]
    fn test_modules_and_items_are_removed() {
        let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n  fn b() { c(); }\n}\n#[cfg(test)]\nuse x;\nfn d() {}\n";
        let (code, lines) = without_tests(text);
        assert_eq!(lines, 6);
        assert!(code.contains("fn a") && code.contains("fn d"), "{code}");
        assert!(!code.contains("fn b") && !code.contains("use x"), "{code}");
    }

    #[test]
    fn an_array_type_does_not_end_an_item() {
        let code = " fn f(x: [u8; 3]) { g() } h";
        assert_eq!(&code[..item_end(code)], " fn f(x: [u8; 3]) { g() }");
    }
}
