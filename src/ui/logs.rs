//! Log lines of several components, told apart by name and colour.

use crate::component::Component;

use super::output::{Output, OutputError};
use super::{Paint, words};

/// Prints log lines with aligned component names before them.
#[derive(Debug, Clone)]
pub struct LogPrinter {
    output: Output,
    paint: Paint,
    width: usize,
}

impl LogPrinter {
    pub(super) fn new(output: Output, paint: Paint, components: &[Component]) -> Self {
        let widths = components.iter().map(|c| c.name().len());
        LogPrinter {
            output,
            paint,
            width: widths.max().unwrap_or(0),
        }
    }

    /// Prints one entry, each of its lines with the name before it. Escape
    /// sequences of the container are left out.
    ///
    /// # Errors
    /// Where stdout cannot be written; a reader that went away is no error, see
    /// [`Output::is_closed`].
    pub fn print(&self, component: Component, text: &str) -> Result<(), OutputError> {
        self.output
            .data(&render(component, text, self.width, self.paint))
    }
}

fn render(component: Component, text: &str, width: usize, paint: Paint) -> String {
    let place = Component::ALL.iter().position(|c| *c == component);
    let head = format!("{} │", words::left(component.name(), width));
    let head = paint.nth(place.unwrap_or(0), &head);
    let text = words::safe(text);
    let mut said = String::new();
    // An empty entry is a line too.
    for line in text.trim_end_matches('\n').split('\n') {
        said.push_str(format!("{head} {line}").trim_end());
        said.push('\n');
    }
    said
}
