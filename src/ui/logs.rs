//! Log lines of several components, told apart by name and colour.

use crate::component::Component;
use crate::words;

use super::Paint;
use super::output::{Output, OutputError};

/// Prints log lines with aligned component names before them.
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

    /// Prints one entry, each of its lines with the name before it. Escape
    /// sequences of the container are left out.
    pub fn print(&self, component: Component, text: &str) -> Result<(), OutputError> {
        let place = Component::ALL.iter().position(|c| *c == component);
        self.print_as(component.name(), place.unwrap_or(0), text)
    }

    /// The same for what is no component; `place` chooses its colour.
    pub fn print_as(&self, name: &str, place: usize, text: &str) -> Result<(), OutputError> {
        self.output
            .data(&render(name, place, text, self.width, self.paint))
    }
}

fn render(name: &str, place: usize, text: &str, width: usize, paint: Paint) -> String {
    let head = format!("{} │", words::left(name, width));
    let head = paint.nth(place, &head);
    let text = words::safe(text);
    let mut said = String::new();
    // An empty entry is a line too.
    for line in text.trim_end_matches('\n').split('\n') {
        said.push_str(format!("{head} {line}").trim_end());
        said.push('\n');
    }
    said
}
