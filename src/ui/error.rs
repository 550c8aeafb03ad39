//! How an error looks: message, causes, details, hints, in that order.

use anstyle::{AnsiColor, Style};

use crate::error::Error;

/// The error as text, with colours where they are wanted.
pub(super) fn render(error: &Error, colour: bool) -> String {
    let style = |ansi: AnsiColor| {
        if colour {
            ansi.on_default().bold()
        } else {
            Style::new()
        }
    };
    let (red, cyan) = (style(AnsiColor::Red), style(AnsiColor::Cyan));
    let mut text = format!("\n{red}error:{red:#} {error}\n");
    for cause in error.causes() {
        text.push_str(&format!("  because: {cause}\n"));
    }
    for line in error.details() {
        text.push_str(&format!("  {line}\n"));
    }
    for hint in error.hints() {
        text.push_str(&format!("  {cyan}hint:{cyan:#} {hint}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Code, Explain};

    #[derive(Debug, thiserror::Error)]
    #[error("elasticsearch does not start")]
    struct Failure {
        source: std::io::Error,
    }

    impl Explain for Failure {
        fn code(&self) -> Code {
            Code::ComponentCrashed
        }

        fn details(&self) -> Vec<String> {
            vec!["last lines of its log:".into(), "  boom".into()]
        }

        fn hints(&self) -> Vec<String> {
            vec!["see everything: clearml-local logs elasticsearch".into()]
        }
    }

    fn failure() -> Error {
        let source = std::io::Error::other("the disk is gone");
        Failure { source }.into()
    }

    #[test]
    fn error_causes_details_hints() {
        insta::assert_snapshot!(render(&failure(), false), @r"

        error: elasticsearch does not start
          because: the disk is gone
          last lines of its log:
            boom
          hint: see everything: clearml-local logs elasticsearch
        ");
    }

    #[test]
    fn colours_only_mark_the_words() {
        let text = render(&failure(), true);
        assert!(
            text.contains("\u{1b}[1m\u{1b}[31merror:\u{1b}[0m elasticsearch"),
            "{text:?}"
        );
    }
}
