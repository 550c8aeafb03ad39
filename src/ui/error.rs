//! How errors and warnings look: what failed, why, what it left behind, and what
//! to type next, in this order.

use crate::error::Error;
use crate::words;

use super::Paint;

/// An error as text, with a line feed at the end. Sentences are broken between
/// words to fit `width`; details and hints are not, since they are to be copied. `all`
/// shows every detail, however many there are.
pub(super) fn error(error: &Error, paint: Paint, width: Option<usize>, all: bool) -> String {
    let said = |indent, head: &str, text: &str| {
        // Broken as if it had the head before it, without the head's colour.
        let head_width = words::width(indent) + words::width(head) + 1;
        let text = width.map_or_else(
            || text.to_owned(),
            |width| words::wrap(text, width, head_width, words::width(indent) + 2),
        );
        headed(indent, head, &text)
    };
    let mut lines = said("", &paint.bad("error:"), &error.to_string());
    for cause in error.causes() {
        lines.extend(said("  ", "because:", &cause));
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
        lines.extend(headed("  ", &paint.accent("hint:"), &hint.to_string()));
    }
    let mut text = lines.join("\n");
    text.push('\n');
    text
}

/// A warning as text, without a line feed at the end.
pub(super) fn warning(text: &str, paint: Paint) -> String {
    headed("", &paint.caution("warning:"), text).join("\n")
}

/// `text` after `head`; its further lines stand two columns in, so that they can
/// be copied and still belong to it.
fn headed(indent: &str, head: &str, text: &str) -> Vec<String> {
    let text = words::safe(text);
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let mut said = vec![format!("{indent}{head} {first}").trim_end().to_owned()];
    said.extend(lines.map(|line| format!("{indent}  {line}").trim_end().to_owned()));
    said
}
