//! The generated parts of docs/failures.md.

use std::fmt::Write as _;

use super::{Code, Failure, Layer};

/// Returns the table of the exit codes with their failures.
pub fn exit_codes() -> String {
    let mut text =
        String::from("| Code | Meaning | Failures |\n|---|---|---|\n| 0 | success | |\n");
    let mut codes: Vec<Code> = Failure::ALL.iter().map(|failure| failure.code()).collect();
    codes.sort_by_key(|code| code.number());
    codes.dedup();
    for code in codes {
        let failures = Failure::ALL.iter().filter(|failure| failure.code() == code);
        let links: Vec<String> = failures
            .map(|failure| format!("[{0}](#{0})", failure.id()))
            .collect();
        let (number, meaning) = (code.number(), code.meaning());
        _ = writeln!(text, "| {number} | {meaning} | {} |", links.join(", "));
    }
    text
}

/// Returns the pages of all failures.
pub fn reference() -> String {
    let mut text = String::new();
    for layer in Layer::ALL {
        _ = writeln!(text, "\n### {}", layer.title());
        for failure in Failure::ALL.iter().filter(|one| one.layer() == *layer) {
            _ = write!(text, "\n{}", page(*failure));
        }
    }
    text.push('\n');
    text
}

fn page(failure: Failure) -> String {
    let mut text = format!(
        "#### {}\n\n**{}** (exit code {}). {} {}\n\n",
        failure.id(),
        capitalized(failure.title()),
        failure.code().number(),
        failure.what(),
        failure.why()
    );
    for remedy in failure.remedies() {
        _ = match remedy.parts() {
            (sentence, None) => writeln!(text, "- {sentence}"),
            (sentence, Some(commands)) => writeln!(text, "- {sentence}: `{commands}`"),
        };
    }
    _ = writeln!(text, "\nHeals by itself: {}", failure.heals().sentence());
    text
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}
