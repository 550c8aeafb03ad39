//! Log lines with the component before them.

use std::io::Write;

use anstyle::{AnsiColor, Style};

use super::Format;
use crate::component::Component;
use crate::kube::LogLine;

/// Prints log lines until nobody reads them.
pub struct LogPrinter {
    out: Box<dyn Write + Send>,
    format: Format,
    colour: bool,
}

impl LogPrinter {
    pub(super) fn new(out: Box<dyn Write + Send>, format: Format, colour: bool) -> LogPrinter {
        LogPrinter {
            out,
            format,
            colour,
        }
    }

    /// Prints a line; `false` when nobody reads any more.
    pub fn print(&mut self, line: &LogLine) -> bool {
        let text = match self.format {
            Format::Json => {
                let value = serde_json::json!({
                    "component": line.component,
                    "pod": line.pod,
                    "container": line.container,
                    "time": line.time.map(|time| time.to_string()),
                    "text": line.text,
                });
                format!("{value}\n")
            }
            Format::Text => {
                let style = if self.colour {
                    colour(line.component)
                } else {
                    Style::new()
                };
                format!("{style}{:<13} │{style:#} {}\n", line.component, line.text)
            }
        };
        self.out.write_all(text.as_bytes()).is_ok() && self.out.flush().is_ok()
    }
}

/// Each component has a colour of its own.
fn colour(component: Component) -> Style {
    let ansi = match component {
        Component::Redis => AnsiColor::Red,
        Component::Mongodb => AnsiColor::Green,
        Component::Elasticsearch => AnsiColor::Yellow,
        Component::Apiserver => AnsiColor::Cyan,
        Component::Fileserver => AnsiColor::Blue,
        Component::Webserver => AnsiColor::Magenta,
    };
    ansi.on_default()
}

#[cfg(test)]
mod tests {
    use super::super::plain::tests::{Closed, Shared};
    use super::*;

    fn line() -> LogLine {
        LogLine {
            component: Component::Redis,
            pod: "clearml-redis-master-0".into(),
            container: "redis".into(),
            time: None,
            text: "Ready to accept connections".into(),
        }
    }

    #[test]
    fn the_component_stands_before_the_line() {
        let out = Shared::default();
        let mut printer = LogPrinter::new(Box::new(out.clone()), Format::Text, false);
        assert!(printer.print(&line()));
        assert_eq!(out.text(), "redis         │ Ready to accept connections\n");
    }

    #[test]
    fn printing_ends_when_nobody_reads() {
        let mut printer = LogPrinter::new(Box::new(Closed), Format::Json, false);
        assert!(!printer.print(&line()));
    }
}
