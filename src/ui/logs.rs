//! Log lines of several components, with the component's name and colour.

use crate::component::Component;
use crate::words;

use super::Paint;
use super::output::{Output, OutputError};

/// Prints log lines, prefixed with aligned names.
#[derive(Debug, Clone)]
pub struct LogPrinter {
    output: Output,
    paint: Paint,
    width: usize,
}

impl LogPrinter {
    pub(super) fn new(output: Output, paint: Paint, names: &[&str]) -> Self {
        let widths = names.iter().map(|name| name.len());
        LogPrinter {
            output,
            paint,
            width: widths.max().unwrap_or(0),
        }
    }

    /// Prints an entry and prefixes each line with the name. Escape sequences of the
    /// container are removed.
    pub fn print(&self, component: Component, text: &str) -> Result<(), OutputError> {
        let index = Component::ALL.iter().position(|c| *c == component);
        self.print_as(component.name(), index.unwrap_or(0), text)
    }

    /// Prints an entry of something else than a component; `index` determines its
    /// colour.
    pub fn print_as(&self, name: &str, index: usize, text: &str) -> Result<(), OutputError> {
        self.output
            .data(&render(name, index, text, self.width, self.paint))
    }
}

fn render(name: &str, index: usize, text: &str, width: usize, paint: Paint) -> String {
    let prefix = format!("{} │", words::left(name, width));
    let prefix = paint.nth(index, &prefix);
    let text = words::safe(text);
    let mut lines = String::new();
    // An empty entry is printed as an empty line.
    for line in text.trim_end_matches('\n').split('\n') {
        lines.push_str(format!("{prefix} {line}").trim_end());
        lines.push('\n');
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::fixtures::{output, policy, without_progress};

    #[test]
    fn log_lines() {
        for (colour, name) in [(false, "logs"), (true, "logs_in_colour")] {
            let (output, out, _) = output(policy(without_progress(), colour, None));
            let printer = output.logs(&[Component::Redis, Component::Elasticsearch]);
            printer
                .print(Component::Redis, "1:M Ready to accept connections\n")
                .unwrap();
            printer
                .print(
                    Component::Elasticsearch,
                    "java.lang.Exception\n\tat \x1b[31mx\x1b[0m\n",
                )
                .unwrap();
            printer.print(Component::Redis, "").unwrap();
            insta::assert_snapshot!(name, out.text());
        }
    }
}
