//! `clearml-local explain`.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::completions;
use crate::error::{Explain, Result};
use crate::failures::{self, Failure, Heals, Layer, Query};
use crate::hint::{Hint, ours};
use crate::ui::Output;
use crate::ui::table::{Cell, lines};
use crate::words;

/// The widest page, also on wider terminals.
const WIDTH: usize = 80;

/// Explain an error: what happened, why, and what to do
///
/// Takes the identifier at the end of an error, such as `port-in-use`, or the exit code of a
/// command. Lists all failures if neither is given. Needs no network.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  clearml-local explain image-unauthorized
  clearml-local explain 21
  clearml-local explain")]
pub(super) struct Args {
    /// Identifier of a failure, or an exit code
    #[arg(value_name = "ID|CODE", add = completions::failures())]
    failure: Option<String>,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<u8> {
    let width = output
        .policy()
        .width
        .map_or(WIDTH, |width| width.min(WIDTH));
    let found = match &args.failure {
        None => Failure::ALL.to_vec(),
        Some(text) => match failures::find(text) {
            Query::One(failure) => vec![failure],
            Query::WithCode(found) => found,
            Query::Unknown(similar) => return Err(Unknown::new(text, similar).into()),
        },
    };
    if output.is_json() {
        let found: Vec<Value> = found.iter().copied().map(json).collect();
        output.json(&found)?;
        return Ok(0);
    }
    match (&found[..], &args.failure) {
        ([one], _) => output.data(&page(*one, width))?,
        (found, Some(_)) => output.data(&list(found, output.policy().width))?,
        (_, None) => output.data(&layers(output.policy().width))?,
    }
    Ok(0)
}

/// Returns the page of a failure.
fn page(failure: Failure, width: usize) -> String {
    let title = format!("{}: {}", failure.id(), failure.title());
    let mut text = words::wrap(&title, width, 0, 0) + "\n";
    let wrapped = |text: &str| {
        let text = words::wrap(text, width, 2, 2);
        format!("  {}", text.replace('\n', "\n  "))
    };
    let remedies = failure.remedies();
    let remedies: Vec<String> = remedies.iter().map(|hint| remedy(hint, width)).collect();
    let code = failure.code();
    for (title, body) in [
        ("What happened", wrapped(failure.what())),
        ("Why", wrapped(failure.why())),
        ("What to do", remedies.join("\n")),
        (
            "Does it heal by itself?",
            wrapped(failure.heals().sentence()),
        ),
        (
            "Exit code",
            wrapped(&format!("{}: {}", code.number(), code.meaning())),
        ),
    ] {
        _ = write!(text, "\n{title}\n{body}\n");
    }
    text
}

/// Returns a remedy. Its command gets its own line if it does not fit; a command is not
/// wrapped, because users copy it.
fn remedy(hint: &Hint, width: usize) -> String {
    let line = format!("  - {hint}");
    if words::width(&line) <= width {
        return line;
    }
    let (sentence, commands) = hint.parts();
    let end = if commands.is_some() { ":" } else { "" };
    let sentence = words::wrap(&format!("{sentence}{end}"), width, 4, 4);
    let sentence = sentence.replace('\n', "\n    ");
    let commands = commands.map(|line| format!("\n      {line}"));
    format!("  - {sentence}{}", commands.unwrap_or_default())
}

fn list(failures: &[Failure], width: Option<usize>) -> String {
    let rows: Vec<Vec<Cell>> = failures.iter().map(|failure| row(*failure)).collect();
    lines(&rows, "", width).join("\n")
}

/// Returns all failures, by layer.
fn layers(width: Option<usize>) -> String {
    let mut text = String::new();
    // One table, so that the columns of all layers are aligned.
    let all: Vec<Vec<Cell>> = Failure::ALL.iter().map(|failure| row(*failure)).collect();
    let mut rows = lines(&all, "  ", width).into_iter();
    for layer in Layer::ALL {
        let count = Failure::ALL
            .iter()
            .filter(|one| one.layer() == *layer)
            .count();
        let rows: Vec<String> = rows.by_ref().take(count).collect();
        _ = write!(text, "{}\n{}\n\n", layer.title(), rows.join("\n"));
    }
    text.truncate(text.trim_end().len());
    text
}

fn row(failure: Failure) -> Vec<Cell> {
    let code = failure.code().number().to_string();
    vec![
        Cell::new(failure.id()),
        Cell::new(code),
        Cell::new(failure.title()),
    ]
}

fn json(failure: Failure) -> Value {
    json!({
        "failure": failure,
        "code": failure.code().number(),
        "layer": failure.layer().title(),
        "title": failure.title(),
        "what": failure.what(),
        "why": failure.why(),
        "remedies": failure.remedies(),
        "heals": match failure.heals() {
            Heals::No => "no",
            Heals::NextUp => "next-up",
            Heals::Waiting => "waiting",
        },
    })
}

/// No failure has this identifier or exit code.
#[derive(Debug, thiserror::Error)]
#[error("{}", message(text, similar))]
struct Unknown {
    text: String,
    similar: Vec<Failure>,
}

impl Unknown {
    fn new(text: &str, similar: Vec<Failure>) -> Unknown {
        Unknown {
            text: text.to_owned(),
            similar,
        }
    }
}

fn message(text: &str, similar: &[Failure]) -> String {
    if text.parse::<u64>().is_ok() {
        return format!("no failure has the exit code {text}");
    }
    let ids: Vec<String> = similar
        .iter()
        .map(|one| format!("`{}`", one.id()))
        .collect();
    match ids.is_empty() {
        true => format!("unknown failure `{text}`"),
        false => format!(
            "unknown failure `{text}`; did you mean {}?",
            words::either(&ids)
        ),
    }
}

impl Explain for Unknown {
    fn failure(&self) -> Failure {
        Failure::UnknownFailure
    }

    fn hints(&self) -> Vec<Hint> {
        vec![Hint::run("list all failures", ours!(Explain))]
    }
}
