//! Texts of limited size, of which the end is kept.

use std::collections::VecDeque;

use crate::words;

/// The largest text in a bundle, in bytes.
pub(super) const LIMIT: usize = 1 << 20;

/// The last lines of a text.
#[derive(Debug, Default)]
pub(super) struct Tail {
    lines: VecDeque<String>,
    size: usize,
    cut: u64,
}

impl Tail {
    pub(super) fn of(text: &str) -> Tail {
        let mut tail = Tail::default();
        text.lines().for_each(|line| tail.push(line.to_owned()));
        tail
    }

    pub(super) fn push(&mut self, line: String) {
        self.size += line.len() + 1;
        self.lines.push_back(line);
        while self.size > LIMIT
            && let Some(first) = self.lines.pop_front()
        {
            self.size -= first.len() + 1;
            self.cut += first.len() as u64 + 1;
        }
    }

    /// Returns the text and, if it is not complete, what is missing.
    pub(super) fn finish(self) -> (String, Option<String>) {
        let mut text = String::with_capacity(self.size);
        for line in self.lines {
            text.push_str(&line);
            text.push('\n');
        }
        let cut = (self.cut > 0).then(|| format!("without the first {}", words::bytes(self.cut)));
        (text, cut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_text_is_kept() {
        let mut tail = Tail::default();
        tail.push("first".into());
        tail.push("x".repeat(LIMIT / 2));
        tail.push("y".repeat(LIMIT / 2 - 6));
        let (text, cut) = tail.finish();
        assert!(
            text.starts_with('x') && text.ends_with("y\n"),
            "{}",
            text.len()
        );
        assert_eq!(cut.unwrap(), "without the first 6 B");
        let (text, cut) = Tail::of("a\nb").finish();
        assert_eq!((text.as_str(), cut), ("a\nb\n", None));
    }
}
