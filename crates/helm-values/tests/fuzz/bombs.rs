//! Small inputs that could exhaust the memory or the stack. The tests of the main crate
//! include this file too.

use helm_values::{MAX_BYTES, SetKind};

/// The name of a bomb, its text, the line as in `values.yaml:LINE`, and a part of the message.
pub fn files() -> Vec<(&'static str, String, &'static str, &'static str)> {
    let laughs: String = (1..12)
        .map(|level| {
            let row = vec![format!("*a{}", level - 1); 9].join(", ");
            format!("a{level}: &a{level} [{row}]\n")
        })
        .collect();
    let merges: String = (1..30)
        .map(|level| format!("a{level}: &a{level}\n  x: *a{0}\n  y: *a{0}\n", level - 1))
        .collect();
    let long = "x".repeat(100_000);
    let blocks: String = (0..1000).map(|depth| " ".repeat(depth) + "a:\n").collect();
    vec![
        (
            "billion laughs",
            format!("a0: &a0 [x, x, x]\n{laughs}"),
            ":6",
            "more than 100000 values",
        ),
        (
            "nested aliases",
            format!("a0: &a0 [x]\n{merges}"),
            ":",
            "more than 100000 values",
        ),
        (
            "one text many times",
            format!("a: &a {long}\nb: [{}]\n", "*a, ".repeat(10_000)),
            ":2",
            "more than 4 MiB of text",
        ),
        (
            "an alias of itself",
            "a: &a\n  b: *a\n".into(),
            ":2",
            "an alias refers to a value that contains it",
        ),
        (
            "depth in flow",
            format!("a:\n  {}", "[".repeat(100_000)),
            ":2",
            "nested mappings and lists",
        ),
        (
            "depth in flow, of maps",
            format!("a: {}", "{a: ".repeat(50_000)),
            ":1",
            "nested mappings and lists",
        ),
        (
            "depth in blocks",
            blocks,
            ":65",
            "nested mappings and lists",
        ),
        (
            "depth in blocks, on one line",
            "- ".repeat(100_000),
            ":1",
            "nested mappings and lists",
        ),
        ("a long key", format!("a: 1\n{long}: 1\n"), ":2", ""),
        (
            "a long quoted key",
            format!("a: 1\n? \"{long}\"\n: 1\n"),
            ":2",
            "a key is longer than",
        ),
        ("many documents", "---\n[]\n".repeat(100_000), ":", ""),
        (
            "many values",
            format!("a: [{}]\n", "1,".repeat(400_000)),
            ":1",
            "more than 100000 values",
        ),
        (
            "many lists",
            format!("a: [{}]\n", "[],".repeat(300_000)),
            ":1",
            "more than 100000 values",
        ),
        (
            "too large a file",
            format!("# {}\n", "x".repeat(MAX_BYTES)),
            "",
            "larger than 1 MiB",
        ),
        (
            "a quote without end",
            format!("a: 1\nb: \"{}", "x\n ".repeat(300_000)),
            ":",
            "",
        ),
        (
            "an explicit key in explicit keys",
            "? ".repeat(50_000),
            ":1",
            "",
        ),
    ]
}

/// The name of a bomb, the flag, its argument, and a part of the message.
pub fn arguments() -> Vec<(&'static str, SetKind, String, &'static str)> {
    let items: String = (0..10_000).map(|n| format!("a{n}[65536]=,")).collect();
    let deep = |open: &str| open.repeat(100_000);
    vec![
        ("many list items", SetKind::Set, items, "list items"),
        (
            "list items in list items",
            SetKind::Set,
            format!("a{}=1", "[65536]".repeat(29)),
            "list items",
        ),
        (
            "lists in lists",
            SetKind::Set,
            format!("a{}=1", "[0]".repeat(50_000)),
            "lists can be nested at most",
        ),
        (
            "keys in keys",
            SetKind::String,
            format!("{}=1", "a.".repeat(50_000)),
            "at most 30 dots",
        ),
        (
            "a large index",
            SetKind::Set,
            "a[9999999999999999999999]=1".into(),
            "invalid index `[",
        ),
        (
            "deep JSON",
            SetKind::Json,
            format!("a={}", deep("[")),
            "invalid JSON",
        ),
        (
            "deep JSON objects",
            SetKind::Json,
            deep("{\"a\":"),
            "invalid JSON",
        ),
        (
            "a long key",
            SetKind::Set,
            format!("{}=1", "k".repeat(500_000)),
            "a key is longer than",
        ),
        (
            "a long argument",
            SetKind::Set,
            format!("a={}", "x".repeat(MAX_BYTES)),
            "larger than 1 MiB",
        ),
        (
            "many braces",
            SetKind::Set,
            format!("a={}", deep("{")),
            "missing `}`",
        ),
    ]
}
