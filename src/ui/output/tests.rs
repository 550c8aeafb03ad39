use super::*;
use crate::event::Events;
use crate::options::{Format, ProgressChoice};
use crate::ui::fixtures::{
    Broken, failure, noon, output, policy, ready, summary, without_progress,
};

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
fn a_broken_pipe_is_neither_an_error_nor_a_panic() {
    let pipe = || Sink::new(Broken(io::ErrorKind::BrokenPipe));
    for options in [
        json(),
        without_progress(),
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
fn log_lines_are_written_to_stderr_as_whole_lines() {
    use std::io::Write as _;
    let (output, _, err) = output(policy(without_progress(), false, None));
    output.log_writer().write_all(b"DEBUG pulling\n").unwrap();
    assert_eq!(err.text(), "DEBUG pulling\n");
}

#[test]
fn a_full_disk_is_an_error() {
    let full = || Sink::new(Broken(io::ErrorKind::StorageFull));
    let output = Output::to(
        policy(without_progress(), false, None),
        full(),
        full(),
        noon,
    );
    let error = output.data("text").unwrap_err();
    assert_eq!(error.to_string(), "cannot write to standard output");
    output.note("and stderr fails as well");
}

#[test]
fn only_y_and_yes_confirm() {
    let (output, _, err) = output(policy(without_progress(), false, None));
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
fn warnings_are_printed_with_one_quiet_flag_but_not_with_two() {
    for (quiet, printed) in [(0, "warning: full\n"), (1, "warning: full\n"), (2, "")] {
        let options = OutputOptions {
            quiet,
            ..without_progress()
        };
        let (output, _, err) = output(policy(options, false, None));
        Events::new(output.reporter()).warn("full");
        assert_eq!(err.text(), printed);
    }
}

#[test]
fn quiet_still_prints_the_data() {
    let options = OutputOptions {
        quiet: 1,
        progress: ProgressChoice::Auto,
        ..OutputOptions::default()
    };
    let (output, out, err) = output(policy(options, false, None));
    output.summary(&summary()).unwrap();
    assert!(out.text().contains("http://localhost:30080"));
    assert_eq!(err.text(), "");
}
