//! Source files as the architecture's checks read them: without comments, tests and, for paths, texts.

use std::fs;
use std::path::Path;

/// A source file.
#[derive(Clone, Debug)]
pub struct Source {
    /// From the project's root: `src/domain/money.rs`.
    pub path: String,
    /// Without comments and tests; what stands in quotes is there.
    pub with_texts: String,
    /// Without what stands in quotes too.
    pub code: String,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Source {
        let (code, with_texts) = (strip(text, false), strip(text, true));
        // Blanks stand for what was taken out, so that both have the same places.
        assert_eq!(code.len(), with_texts.len(), "{path}");
        let tests = test_modules(&code);
        let cut = |text: &str| {
            let mut bytes = text.as_bytes().to_vec();
            for (from, to) in &tests {
                bytes[*from..*to].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
            }
            String::from_utf8_lossy(&bytes).into_owned()
        };
        Source { path: path.to_owned(), with_texts: cut(&with_texts), code: cut(&code) }
    }

    /// The first folder or file below `src/`: `domain`, `app`.
    pub fn layer(&self) -> &str {
        let below = self.path.strip_prefix("src/").unwrap_or(&self.path);
        below.split('/').next().unwrap_or(below).trim_end_matches(".rs")
    }

    /// How deep the file's module lies below the crate's root: `src/app.rs` and `src/domain/mod.rs` are 1.
    fn depth(&self) -> usize {
        let below = self.path.strip_prefix("src/").unwrap_or(&self.path);
        let is_folder_itself = below.ends_with("mod.rs") || matches!(below, "lib.rs" | "main.rs");
        below.split('/').count() - usize::from(is_folder_itself)
    }

    /// Every layer or outer crate that the code names: after `crate::`, after enough `super::`, and at the head of any
    /// other path.
    pub fn named(&self) -> Vec<String> {
        let mut named = Vec::new();
        for (from, path) in paths(&self.code) {
            let segments: Vec<&str> = path.split("::").collect();
            let climbs = segments.iter().take_while(|segment| **segment == "super").count();
            let below_root = match segments[0] {
                "crate" => Some(1),
                "super" if climbs == self.depth() => Some(climbs),
                "super" | "self" => None,
                _ => Some(0),
            };
            let Some(place) = below_root else { continue };
            match segments.get(place) {
                Some(first) if !first.is_empty() => named.push((*first).to_owned()),
                _ => named.extend(group(&self.code[from + path.len()..])),
            }
        }
        named
    }
}

/// Every file of Rust below a folder of the project, tests apart.
pub fn sources_below(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".rs") {
                files.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files.sort();
    assert!(!files.is_empty(), "nothing below {folder}");
    let tests: Vec<String> = files.iter().flat_map(|(name, text)| test_files(name, text)).collect();
    let is_test = |name: &str| {
        tests.iter().any(|test| name.starts_with(&format!("{test}/")) || name == format!("{test}.rs"))
    };
    files.iter().filter(|(name, _)| !is_test(name)).map(|(name, text)| Source::new(name, text)).collect()
}

/// The modules of a file that are tests and stand in files of their own, as paths without `.rs`.
fn test_files(name: &str, text: &str) -> Vec<String> {
    let folder = match name.rsplit_once('/') {
        Some((folder, "mod.rs" | "lib.rs" | "main.rs")) => folder,
        _ => name.trim_end_matches(".rs"),
    };
    let code = strip(text, false);
    let gated = code.split("#[cfg(test)]").skip(1);
    let module = |after: &str| {
        let declaration = after.split([';', '{']).next()?;
        let is_file = after.len() > declaration.len() && after.as_bytes()[declaration.len()] == b';';
        let name = declaration.trim().rsplit_once("mod ").map(|(_, name)| name.trim())?;
        is_file.then(|| format!("{folder}/{name}"))
    };
    gated.filter_map(module).collect()
}

/// Puts blanks in place of comments and, unless `keep_texts`, of what stands in quotes.
fn strip(text: &str, keep_texts: bool) -> String {
    let bytes = text.as_bytes();
    let mut kept = bytes.to_vec();
    let mut blank = |from: usize, to: usize| {
        kept[from..to].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
    };
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let is_word_before = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
        let end;
        if rest.starts_with(b"//") {
            end = at + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            blank(at, end);
        } else if rest.starts_with(b"/*") {
            end = at + find(rest, b"*/").map_or(rest.len(), |length| length + 2);
            blank(at, end);
        } else if let Some(hashes) = raw_text(rest).filter(|_| !is_word_before) {
            let open = find(rest, b"\"").unwrap_or(0) + 1;
            let close = format!("\"{}", "#".repeat(hashes));
            let length = find(&rest[open..], close.as_bytes()).unwrap_or(rest.len() - open);
            end = (at + open + length + close.len()).min(bytes.len());
            if !keep_texts {
                blank(at + open, at + open + length);
            }
        } else if rest[0] == b'"' {
            let mut length = 1;
            while length < rest.len() && rest[length] != b'"' {
                length += if rest[length] == b'\\' { 2 } else { 1 };
            }
            end = (at + length + 1).min(bytes.len());
            if !keep_texts {
                blank(at + 1, end - 1);
            }
        } else if let Some(length) = character(rest) {
            end = at + length;
            blank(at, end);
        } else {
            end = at + 1;
        }
        at = end;
    }
    String::from_utf8_lossy(&kept).into_owned()
}

fn find(text: &[u8], sought: &[u8]) -> Option<usize> {
    text.windows(sought.len()).position(|window| window == sought)
}

/// How many hashes a raw text that begins here has.
fn raw_text(rest: &[u8]) -> Option<usize> {
    let rest = rest.strip_prefix(b"b").unwrap_or(rest).strip_prefix(b"r")?;
    let hashes = rest.iter().take_while(|byte| **byte == b'#').count();
    (rest.get(hashes) == Some(&b'"')).then_some(hashes)
}

/// The length of a character in quotes that begins here; a lifetime is none.
fn character(rest: &[u8]) -> Option<usize> {
    if rest[0] != b'\'' {
        return None;
    }
    if rest.get(1) == Some(&b'\\') {
        return rest.iter().skip(3).position(|byte| *byte == b'\'').map(|length| length + 4);
    }
    let first = std::str::from_utf8(rest).ok()?.chars().nth(1)?;
    (rest.get(1 + first.len_utf8()) == Some(&b'\'')).then(|| 2 + first.len_utf8())
}

/// Where the modules under `#[cfg(test)]` stand.
fn test_modules(code: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut after = 0;
    while let Some(place) = code[after..].find("#[cfg(test)]") {
        let from = after + place;
        let mut depth = 0;
        let mut to = code.len();
        for (offset, byte) in code[from..].bytes().enumerate() {
            match byte {
                b'{' => depth += 1,
                b'}' => depth -= 1,
                b';' if depth == 0 => {}
                _ => continue,
            }
            if depth == 0 {
                to = from + offset + 1;
                break;
            }
        }
        found.push((from, to));
        after = to;
    }
    found
}

/// Every path with `::` in it, and where it begins. A group in braces is not part of it: `crate::` of `crate::{a, b}`.
fn paths(code: &str) -> Vec<(usize, &str)> {
    let is_path = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':';
    let bytes = code.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if !is_path(bytes[at]) {
            at += 1;
            continue;
        }
        let from = at;
        while at < bytes.len() && is_path(bytes[at]) {
            at += 1;
        }
        let path = &code[from..at];
        let lead = path.len() - path.trim_start_matches(':').len();
        let path = &path[lead..];
        if path.contains("::") && path.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        {
            found.push((from + lead, path));
        }
        // What stands in a group is told by its head.
        if path.ends_with("::") && bytes.get(at) == Some(&b'{') {
            at += closing_brace(&bytes[at..]);
        }
    }
    found
}

/// How far it is to the brace that closes the one that begins here.
fn closing_brace(bytes: &[u8]) -> usize {
    let mut depth = 0_usize;
    for (place, byte) in bytes.iter().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            return place;
        }
    }
    bytes.len()
}

/// The first words of the items of `{a::b, c::{d, e}}`.
fn group(rest: &str) -> Vec<String> {
    let Some(rest) = rest.strip_prefix('{') else { return Vec::new() };
    let (mut depth, mut item, mut items) = (0, String::new(), Vec::new());
    for character in rest.chars() {
        match character {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => items.push(std::mem::take(&mut item)),
            _ if depth == 0 => item.push(character),
            _ => {}
        }
    }
    items.push(item);
    let first = |item: String| item.trim().split([':', ' ']).next().unwrap_or_default().to_owned();
    items.into_iter().map(first).filter(|name| !name.is_empty()).collect()
}

#[test]
fn comments_texts_and_tests_are_no_code() {
    let text = "use a::b; // use c::d;\n/* e::f */ let x = \"g::h\"; let y = r#\"i::j \"k\"\"#; let z = '\"';\n\
                fn life<'a>(l: &'a m::n) {}\n#[cfg(test)]\nmod tests { use o::p; fn q() { r::s } }\nuse t::u;";
    let source = Source::new("src/app.rs", text);
    assert_eq!(source.named(), ["a", "m", "t"]);
    assert!(source.with_texts.contains("g::h") && source.with_texts.contains("i::j"));
    assert!(!source.with_texts.contains("c::d") && !source.with_texts.contains("o::p"));
}

#[test]
fn a_path_names_a_layer_however_it_is_written() {
    for (path, text, named) in [
        ("src/services/top_up.rs", "use crate::domain::error::Refusal;", vec!["domain"]),
        (
            "src/services/top_up.rs",
            "use crate::{app::App, db::{self, Rows}, domain};",
            vec!["app", "db", "domain"],
        ),
        ("src/services/top_up.rs", "use super::super::graphql::code;", vec!["graphql"]),
        ("src/services/top_up.rs", "use super::{line, lock};", vec![]),
        ("src/services/mod.rs", "use super::http;", vec!["http"]),
        ("src/services/settlement/close.rs", "fn f() { super::super::super::jobs::run() }", vec!["jobs"]),
        ("src/services/settlement/close.rs", "use super::super::error;", vec![]),
        ("src/services/top_up.rs", "let tx: sea_orm::DatabaseTransaction = x;", vec!["sea_orm"]),
    ] {
        assert_eq!(Source::new(path, text).named(), named, "{text}");
    }
}

#[test]
fn a_test_module_in_a_file_of_its_own_is_no_code() {
    let text =
        "#[cfg(test)]\npub(crate) mod testing;\nmod router;\n#[cfg(test)]\nmod tests {\n    mod inner;\n}\n";
    assert_eq!(test_files("src/http/mod.rs", text), ["src/http/testing"]);
    assert_eq!(test_files("src/http/router.rs", text), ["src/http/router/testing"]);
}
