//! Formats errors and warnings: what failed, why, details, and hints, in this order.

use crate::error::Error;
use crate::words;

use super::Paint;

/// Formats an error, with a line feed at the end. Sentences are wrapped to `width`;
/// details and hints are not, because users copy them. `all` prints all details.
pub(super) fn error(error: &Error, paint: Paint, width: Option<usize>, all: bool) -> String {
    let wrapped = |indent, label: &str, text: &str| {
        // Wrapped as if it followed the label, whose colour codes have no width.
        let label_width = words::width(indent) + words::width(label) + 1;
        let text = width.map_or_else(
            || text.to_owned(),
            |width| words::wrap(text, width, label_width, words::width(indent) + 2),
        );
        labelled(indent, label, &text)
    };
    let mut lines = wrapped("", &paint.bad("error:"), &with_ids(error));
    for cause in error.causes() {
        lines.extend(wrapped("  ", "because:", &cause));
    }
    let details = if all {
        error.all_details()
    } else {
        error.details()
    };
    for detail in details {
        for line in words::safe(&detail).lines() {
            lines.push(format!("  {line}"));
        }
    }
    for hint in error.hints() {
        lines.extend(labelled("  ", &paint.accent("hint:"), &hint.to_string()));
    }
    let mut text = lines.join("\n");
    text.push('\n');
    text
}

/// Returns what is printed for an error on a terminal of 80 columns without colours.
pub(crate) fn plain(failure: &Error) -> String {
    error(failure, Paint::new(false), Some(80), false)
}

/// Returns the message with the identifiers of its failures at the end of its first line.
fn with_ids(error: &Error) -> String {
    let text = error.to_string();
    let (first, rest) = text.split_at(text.find('\n').unwrap_or(text.len()));
    let ids: Vec<&str> = error.failures().iter().map(|one| one.id()).collect();
    format!("{first} [{}]{rest}", ids.join(", "))
}

/// Formats a warning, without a line feed at the end.
pub(super) fn warning(text: &str, paint: Paint) -> String {
    labelled("", &paint.caution("warning:"), text).join("\n")
}

/// Returns the label and the text; further lines are indented by two columns.
fn labelled(indent: &str, label: &str, text: &str) -> Vec<String> {
    let text = words::safe(text);
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let mut wrapped = vec![format!("{indent}{label} {first}").trim_end().to_owned()];
    wrapped.extend(lines.map(|line| format!("{indent}  {line}").trim_end().to_owned()));
    wrapped
}

#[cfg(test)]
mod tests {
    use super::error;
    use crate::diagnose::{ComponentFailed, LogTail, assess, fixtures};
    use crate::error::Error;
    use crate::hint::{Hint, ours};
    use crate::ui::Paint;
    use crate::ui::fixtures::{failure, output, policy, without_progress};

    #[test]
    fn a_long_log_leaves_room_for_the_cause_and_the_hints() {
        let crashed = fixtures::backing_off("40s", 4, fixtures::end("OOMKilled", 137, ""));
        let observation = fixtures::observation(
            crate::component::Component::Elasticsearch,
            vec![fixtures::pod(crashed)],
            vec![fixtures::warning("BackOff", "Back-off restarting", 3)],
        );
        let lines = (1..=60).map(|number| format!("line {number}"));
        let failed = ComponentFailed {
            finding: assess(&observation, &[]).1.unwrap(),
            log: LogTail {
                container: "main".to_owned(),
                previous: true,
                lines: lines.collect(),
            },
        };
        // The hints that `up` adds to a change.
        let failed = Error::from(failed)
            .with_hint(Hint::run("undo the change", ours!(Rollback)))
            .with_hint(Hint::run("see what changed", ours!(History)));
        let text = error(&failed, Paint::none(), Some(80), false);
        assert!(text.starts_with("error: elasticsearch does not start: the kernel killed it"));
        assert!(text.contains("last event") && text.contains("log of its previous run"));
        assert!(
            text.contains("  line 60\n  hint: increase its memory limit"),
            "{text}"
        );
        assert!(text.lines().count() <= 25, "{text}");
    }

    #[test]
    fn errors() {
        for (colour, width, name) in [
            (false, None, "error"),
            (false, Some(40), "error_at_40"),
            (true, Some(80), "error_in_colour_at_80"),
        ] {
            let (output, out, err) = output(policy(without_progress(), colour, width));
            output.error(&failure());
            assert_eq!(out.text(), "");
            insta::assert_snapshot!(name, err.text());
        }
    }
}
