//! Colours, or none: one place that knows which colour means what.

use anstyle::{AnsiColor, Style};

/// Paints text, or leaves it as it is. Nothing is said by colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint {
    colour: bool,
}

impl Paint {
    /// Colours where `colour` is true.
    pub fn new(colour: bool) -> Self {
        Paint { colour }
    }

    /// No colours.
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

    /// Something to look at.
    pub fn caution(self, text: &str) -> String {
        self.colour(AnsiColor::Yellow, text)
    }

    /// Hints, addresses, and what moves.
    pub fn accent(self, text: &str) -> String {
        self.colour(AnsiColor::Cyan, text)
    }

    /// Names at the head of something.
    pub fn strong(self, text: &str) -> String {
        self.style(Style::new().bold(), text)
    }

    /// What may be overlooked.
    pub fn quiet(self, text: &str) -> String {
        self.style(Style::new().dimmed(), text)
    }

    /// One of six colours that tell neighbours apart.
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
