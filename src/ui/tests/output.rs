//! Streams: which gets what, and what happens when one breaks.

use std::io;

use crate::event::{Event, Events};

use super::pages::{failure, ready, summary};
use super::{Broken, Output, Sink, noon, output, policy, quietly};
use crate::options::{Format, OutputOptions, ProgressChoice};

fn json() -> OutputOptions {
    OutputOptions {
        format: Format::Json,
        ..OutputOptions::default()
    }
}

#[test]
fn json_goes_to_stdout_and_ends_with_ready_or_failed() {
    let (output, out, err) = output(policy(json(), true, Some(80)));
    let events = Events::new(output.reporter());
    events.emit(Event::Started {
        name: "clearml".into(),
        summary: "release 1.5.0".into(),
    });
    output.summary(&summary()).unwrap();
    assert_eq!(err.text(), "");
    output.error(&failure());
    assert!(err.text().contains("hint:"));
    let text = out.text();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3);
    insta::assert_snapshot!(lines[1..].join("\n"));
}

#[test]
fn a_broken_pipe_is_no_error_and_no_panic() {
    let pipe = || Sink::new(Broken(io::ErrorKind::BrokenPipe));
    for options in [
        json(),
        quietly(),
        OutputOptions {
            progress: ProgressChoice::Plain,
            ..OutputOptions::default()
        },
    ] {
        let output = Output::to(policy(options, false, None), pipe(), pipe(), noon);
        let events = Events::new(output.reporter());
        events.step("node").finish(true, "");
        events.warn("the disk is 91 % full");
        output.note("a note");
        output.summary(&summary()).unwrap();
        output.status(&ready()).unwrap();
        output.error(&failure());
        assert!(output.is_closed());
        assert!(!output.ask("Go on?", &mut io::empty()));
    }
}

#[test]
fn log_lines_are_whole_lines_of_stderr() {
    use std::io::Write as _;
    let (output, _, err) = output(policy(quietly(), false, None));
    output.log_writer().write_all(b"DEBUG pulling\n").unwrap();
    assert_eq!(err.text(), "DEBUG pulling\n");
}

#[test]
fn a_full_disk_is_an_error() {
    let full = || Sink::new(Broken(io::ErrorKind::StorageFull));
    let output = Output::to(policy(quietly(), false, None), full(), full(), noon);
    let error = output.data("text").unwrap_err();
    assert_eq!(error.to_string(), "cannot write to standard output");
    output.note("and stderr has nobody to tell");
}

#[test]
fn only_yes_is_yes() {
    let (output, _, err) = output(policy(quietly(), false, None));
    for (answer, means) in [
        ("y\n", true),
        ("YES\n", true),
        ("n\n", false),
        ("\n", false),
        ("", false),
    ] {
        assert_eq!(output.ask("Remove it?", &mut answer.as_bytes()), means);
    }
    assert!(err.text().starts_with("Remove it? [y/N] "));
}

#[test]
fn warnings_survive_quiet_but_not_twice() {
    for (quiet, said) in [(0, "warning: full\n"), (1, "warning: full\n"), (2, "")] {
        let options = OutputOptions { quiet, ..quietly() };
        let (output, _, err) = output(policy(options, false, None));
        Events::new(output.reporter()).warn("full");
        assert_eq!(err.text(), said);
    }
}
