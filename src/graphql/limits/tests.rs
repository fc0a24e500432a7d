use std::fmt::Write;
use std::time::{Duration, Instant};

use async_graphql::parser::parse_query;

use super::*;

/// What becomes of a document, as the handler treats it: text, parser, document.
fn check(document: &str) -> Result<(), Refused> {
    check_text(document)?;
    let parsed = parse_query(document).unwrap();
    check_document(&parsed)
}

fn code(document: &str) -> Code {
    check(document).unwrap_err().code
}

/// Well under what a person notices, even in a debug build on a busy machine.
fn within_no_measurable_time<T>(run: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let result = run();
    assert!(started.elapsed() < Duration::from_millis(500), "it took {:?}", started.elapsed());
    result
}

fn nested(depth: usize) -> String {
    format!("{{ {}a{} }}", "a { ".repeat(depth - 1), " }".repeat(depth - 1))
}

#[test]
fn fragments_that_double_31_times_cost_nothing() {
    let mut document = String::from("{ ...F31 } fragment F0 on Query { a }");
    for n in 1..=31 {
        write!(document, " fragment F{n} on Query {{ ...F{} ...F{} }}", n - 1, n - 1).unwrap();
    }
    let parsed = parse_query(&document).unwrap();
    let refused = within_no_measurable_time(|| check_document(&parsed)).unwrap_err();
    assert_eq!(refused.code, Code::QueryTooComplex);
}

#[test]
fn ten_thousand_aliases_are_refused_before_they_are_parsed() {
    let mut document = String::from("{");
    for n in 0..10_000 {
        write!(document, "a{n}:a ").unwrap();
    }
    document.push('}');
    assert_eq!(within_no_measurable_time(|| check_text(&document)).unwrap_err().code, Code::QueryTooComplex);
}

#[test]
fn fifty_thousand_directives_are_refused_before_they_are_parsed() {
    let document = format!("{{ a {} }}", "@x".repeat(50_000));
    assert_eq!(within_no_measurable_time(|| check_text(&document)).unwrap_err().code, Code::QueryTooComplex);
}

#[test]
fn nesting_that_would_overflow_the_parser_is_refused_before_it() {
    for document in [
        nested(5_000),
        format!("{{ a(x: {}1{}) }}", "[".repeat(7_000), "]".repeat(7_000)),
        format!("{{ a(x: {}1{}) }}", "{a:".repeat(2_500), "}".repeat(2_500)),
        format!("query($x: {}Int{}) {{ a }}", "[".repeat(500), "]".repeat(500)),
        "[".repeat(100),
        "{a".repeat(100),
    ] {
        assert_eq!(
            within_no_measurable_time(|| check_text(&document)).unwrap_err().code,
            Code::QueryTooComplex
        );
    }
    for json in ["[".repeat(50_000), format!("{{\"variables\":{}}}", "{\"a\":".repeat(50_000))] {
        assert_eq!(
            within_no_measurable_time(|| check_json(json.as_bytes())).unwrap_err().code,
            Code::QueryTooComplex
        );
    }
}

#[test]
fn each_limit_holds_at_its_bound_and_not_beyond() {
    let aliases =
        |n: usize| format!("{{ a {{ {} }} }}", (0..n).map(|n| format!("b{n}: b ")).collect::<String>());
    let roots = |n: usize| format!("{{ {} }}", (0..n).map(|n| format!("r{n} ")).collect::<String>());
    let directives = |n: usize| format!("{{ a {} }}", "@x ".repeat(n));
    let operations = |n: usize| (0..n).map(|n| format!("query Q{n} {{ a }} ")).collect::<String>();
    for (within, beyond) in [
        (nested(12), nested(13)),
        (aliases(30), aliases(31)),
        (roots(10), roots(11)),
        (directives(50), directives(51)),
        (operations(20), operations(21)),
    ] {
        assert_eq!(check(&within), Ok(()), "{within}");
        assert_eq!(code(&beyond), Code::QueryTooComplex, "{beyond}");
    }
    // 39 spreads of 50 fields with their spread and field around each are 2,000 at most, 40 are not.
    let spreads = |n: usize| {
        let fields: String = (0..50).map(|n| format!("f{n} ")).collect();
        format!("{{ a {{ {} }} }} fragment F on A {{ {fields} }}", "...F ".repeat(n))
    };
    assert_eq!(check(&spreads(39)), Ok(()));
    assert_eq!(code(&spreads(40)), Code::QueryTooComplex);
}

#[test]
fn root_fields_within_fragments_count() {
    let fields: String = (0..11).map(|n| format!("f{n} ")).collect();
    assert_eq!(
        code(&format!("{{ ...F }} fragment F on Query {{ ... {{ {fields} }} }}")),
        Code::QueryTooComplex
    );
}

#[test]
fn fragments_that_spread_themselves_are_found() {
    for document in [
        "{ ...A } fragment A on Query { ...A }",
        "{ ...A } fragment A on Query { a { ...B } } fragment B on A { a { ...A ...A } }",
        "{ a } fragment Unused on Query { ...Unused }",
    ] {
        assert_eq!(code(document), Code::ValidationFailed, "{document}");
    }
}

#[test]
fn strings_and_comments_are_neither_brackets_nor_tokens() {
    let brackets = "{[(".repeat(500);
    for document in [
        format!("{{ a(x: \"{brackets}\") }}"),
        format!("{{ a(x: \"\\\"{brackets}\\\\\") }}"),
        format!("{{ a(x: \"\"\"{brackets} \" \\\"\"\" {brackets}\"\"\") }}"),
        format!("# {brackets} \"\n{{ a }} # {brackets}\r{{ b }}"),
        format!("{{ a(x: \"\", y: \"\"\"\"\"\") {} }}", ",".repeat(5_000)),
    ] {
        assert_eq!(check_text(&document), Ok(()), "{document}");
    }
    // What looks like a string but ends with its line hides nothing behind it.
    assert!(check_text(&format!("{{ a(x: \"\n{})", "[".repeat(100))).is_err());
    assert!(check_text(&format!("{{ a(x: \"\\\\\" y: {})", "[".repeat(100))).is_err());
    assert!(check_text(&format!("# \"\n{}", "[".repeat(100))).is_err());
    let json = format!("{{\"a\":\"{} \\\" {}\"}}", "[".repeat(100), "[".repeat(100));
    assert_eq!(check_json(json.as_bytes()), Ok(()));
    assert!(check_json(format!("[\"\\\\\",{}", "[".repeat(100)).as_bytes()).is_err());
}

#[test]
fn introspection_has_caps_of_its_own() {
    let of_type = |n: usize| {
        format!("{{ __schema {{ types {{ {} name {} }} }} }}", "ofType { ".repeat(n), "} ".repeat(n))
    };
    assert_eq!(check(&of_type(15)), Ok(()), "deeper than other queries may be");
    assert_eq!(code(&of_type(18)), Code::QueryTooComplex);
    let lists = |n: usize| {
        format!(
            "{{ __type(name: \"Query\") {{ {} name {} }} }}",
            "fields { type { ".repeat(n),
            "} } ".repeat(n)
        )
    };
    assert_eq!(check(&lists(2)), Ok(()));
    assert_eq!(code(&lists(3)), Code::QueryTooComplex);
    assert_eq!(
        check("{ a { fields { fields { fields { fields } } } } }"),
        Ok(()),
        "a business's own fields may be named so"
    );
}
