//! Small aligned tables without lines.

use crate::words;

/// A cell: its text, and how it looks. Columns are measured by the text.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    text: String,
    shown: String,
}

impl Cell {
    /// A cell that looks like its text.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Cell {
            shown: text.clone(),
            text,
        }
    }

    /// A cell of `text` painted by `paint`.
    pub fn painted(text: impl Into<String>, paint: impl Fn(&str) -> String) -> Self {
        let text = text.into();
        Cell {
            shown: paint(&text),
            text,
        }
    }
}

/// Rows as lines, each column as wide as its widest cell, two spaces between,
/// `indent` before. Columns that are empty in all rows are left out. Where `width`
/// is given and too small, the last columns go, one by one, until the rest fits.
pub fn lines(rows: &[Vec<Cell>], indent: &str, width: Option<usize>) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut shown: Vec<(usize, usize)> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            let widest = cells.map(|cell| words::width(&cell.text)).max();
            (column, widest.unwrap_or(0))
        })
        .filter(|(_, widest)| *widest > 0)
        .collect();
    let total = |shown: &[(usize, usize)]| {
        words::width(indent) + shown.iter().map(|(_, widest)| widest + 2).sum::<usize>()
    };
    if let Some(width) = width {
        while shown.len() > 1 && total(&shown) - 2 > width {
            shown.pop();
        }
    }
    let empty = Cell::default();
    rows.iter()
        .map(|row| {
            let mut line = indent.to_owned();
            let mut gap = 0;
            for (column, widest) in &shown {
                let cell = row.get(*column).unwrap_or(&empty);
                if !cell.text.is_empty() {
                    line.push_str(&" ".repeat(gap));
                    line.push_str(&cell.shown);
                    gap = 0;
                }
                gap += widest - words::width(&cell.text) + 2;
            }
            line
        })
        .collect()
}
