//! Defines which colour means what.

use anstyle::{AnsiColor, Style};

/// Adds colours to text, or leaves it unchanged. Colour is never the only carrier of
/// information.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint {
    colour: bool,
}

impl Paint {
    pub fn new(colour: bool) -> Self {
        Paint { colour }
    }

    #[cfg(test)]
    pub fn none() -> Self {
        Paint { colour: false }
    }

    fn style(self, style: Style, text: &str) -> String {
        if self.colour && !text.is_empty() {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }

    fn colour(self, colour: AnsiColor, text: &str) -> String {
        self.style(Style::new().fg_color(Some(colour.into())), text)
    }

    /// Success.
    pub fn good(self, text: &str) -> String {
        self.colour(AnsiColor::Green, text)
    }

    /// Failure.
    pub fn bad(self, text: &str) -> String {
        self.style(
            Style::new().fg_color(Some(AnsiColor::Red.into())).bold(),
            text,
        )
    }

    /// Something that needs attention.
    pub fn caution(self, text: &str) -> String {
        self.colour(AnsiColor::Yellow, text)
    }

    /// Hints, addresses and spinners.
    pub fn accent(self, text: &str) -> String {
        self.colour(AnsiColor::Cyan, text)
    }

    /// Headings.
    pub fn strong(self, text: &str) -> String {
        self.style(Style::new().bold(), text)
    }

    /// Secondary information.
    pub fn quiet(self, text: &str) -> String {
        self.style(Style::new().dimmed(), text)
    }

    /// Returns text in one of six colours that distinguish neighbours.
    pub fn nth(self, index: usize, text: &str) -> String {
        const COLOURS: [AnsiColor; 6] = [
            AnsiColor::Magenta,
            AnsiColor::Green,
            AnsiColor::Yellow,
            AnsiColor::Cyan,
            AnsiColor::Blue,
            AnsiColor::BrightRed,
        ];
        self.colour(COLOURS[index % COLOURS.len()], text)
    }
}
