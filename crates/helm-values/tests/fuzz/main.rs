//! Arbitrary input never causes a panic, needs bounded memory and time, and is rejected
//! with the position of the error.

#![expect(clippy::print_stdout, reason = "the seed and the number of inputs")]

mod bombs;
mod bounds;
mod inputs;

use helm_values::{Argument, Document, Merged, SetKind, Source, file_names, merge_values};

use self::inputs::Inputs;

#[test]
fn random_inputs_cause_no_panic_and_need_bounded_memory() {
    // Allows one minute, and 10 ms for each input.
    bounds::run("random_inputs", 60 + bounds::cases() / 100);
}

#[test]
fn bombs_are_rejected_with_their_line() {
    bounds::run("all_bombs", 120);
}

#[test]
#[ignore = "runs as a child process"]
fn random_inputs() {
    let seed = bounds::seed();
    let mut inputs = Inputs::new(&seed);
    for number in 0..bounds::cases() {
        let bytes = inputs.next();
        let outcome = std::panic::catch_unwind(|| merge_all(&bytes, number));
        let input = bytes.escape_ascii().to_string();
        assert!(outcome.is_ok(), "E2E_SEED={seed}, case {number}: {input:?}");
    }
}

/// Reads the input as a file and as an argument.
fn merge_all(bytes: &[u8], number: usize) {
    let text = String::from_utf8_lossy(bytes);
    let path = ["a", "b", "[0]"];
    for document in Document::read_all(&text).into_iter().flatten() {
        let _ = document.line_of(&path);
    }
    let merged = merge_values(&[&text], &[]);
    positions_are_in_the_text(&merged, &text);
    for layer in &merged.layers {
        assert!(!layer.determines(&path) || layer.line_of(&path).is_some());
    }

    let kind = SetKind::ALL[number % SetKind::ALL.len()];
    let mut argument = Argument::new(kind, &text);
    let names = file_names(&text);
    if kind == SetKind::File {
        argument.files = names.iter().map(|name| (name.as_str(), "text")).collect();
    }
    let merged = merge_values(&["a: [{b: 1}]\nmap: {x: 1}\n"], &[argument]);
    positions_are_in_the_text(&merged, &text);
}

fn positions_are_in_the_text(merged: &Merged, text: &str) {
    for (_, error) in &merged.rejected {
        if let Some(position) = error.position {
            // In YAML, a carriage return alone ends a line too. An error at the end may be on
            // the line after the last one.
            let breaks = text.replace("\r\n", "\n").matches(['\n', '\r']).count();
            let lines = breaks + 2;
            assert!((1..=lines).contains(&position.line), "{error}");
            assert!(position.column >= 1, "{error}");
        }
    }
}

#[test]
fn a_carriage_return_counts_as_the_end_of_a_line() {
    let merged = merge_values(&["a:`*a*a*a*a*a1\r\r\r\r\nb: "], &[]);
    let (_, error) = &merged.rejected[0];
    assert_eq!(error.position.unwrap().line, 5);
}

#[test]
#[ignore = "runs as a child process"]
fn all_bombs() {
    let mut failures = Vec::new();
    for (name, text, line, reason) in bombs::files() {
        let message = message(merge_values(&[&text], &[]));
        let place = format!("values.yaml{line}");
        if !(message.starts_with(&place) && message.contains(reason) && message.len() < 500) {
            failures.push(format!("{name}: {message:.400}"));
        }
    }
    for (name, kind, text, reason) in bombs::arguments() {
        let message = message(merge_values(&[], &[Argument::new(kind, &text)]));
        if !(message.contains(reason) && message.len() < 500) {
            failures.push(format!("{name}: {message:.400}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Returns the first error with its line.
fn message(merged: Merged) -> String {
    match merged.into_result() {
        Ok(_) => "accepted".into(),
        Err((Source::Argument(_), error)) => error.kind.to_string(),
        Err((Source::File(_), error)) => match error.line() {
            Some(line) => format!("values.yaml:{line}: {}", error.kind),
            None => format!("values.yaml: {}", error.kind),
        },
    }
}
