//! Aligned tables without borders.

use crate::words;

/// A cell: its text, which determines the width, and how it is displayed.
#[derive(Debug, Clone, Default)]
pub struct Cell {
    text: String,
    displayed: String,
}

impl Cell {
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Cell {
            displayed: text.clone(),
            text,
        }
    }

    pub fn painted(text: impl Into<String>, paint: impl Fn(&str) -> String) -> Self {
        let text = text.into();
        Cell {
            displayed: paint(&text),
            text,
        }
    }
}

/// Formats rows as lines. Each column is as wide as its widest cell, with two spaces
/// between columns and `indent` before the first. Columns that are empty in all rows
/// are omitted. If the lines exceed `width`, the last columns are removed until they
/// fit.
pub fn lines(rows: &[Vec<Cell>], indent: &str, width: Option<usize>) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut visible: Vec<(usize, usize)> = (0..columns)
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            let widest = cells.map(|cell| words::width(&cell.text)).max();
            (column, widest.unwrap_or(0))
        })
        .filter(|(_, widest)| *widest > 0)
        .collect();
    let total = |visible: &[(usize, usize)]| {
        words::width(indent) + visible.iter().map(|(_, widest)| widest + 2).sum::<usize>()
    };
    if let Some(width) = width {
        while visible.len() > 1 && total(&visible) - 2 > width {
            visible.pop();
        }
    }
    let empty = Cell::default();
    rows.iter()
        .map(|row| {
            let mut line = indent.to_owned();
            let mut gap = 0;
            for (column, widest) in &visible {
                let cell = row.get(*column).unwrap_or(&empty);
                if !cell.text.is_empty() {
                    line.push_str(&" ".repeat(gap));
                    line.push_str(&cell.displayed);
                    gap = 0;
                }
                gap += widest - words::width(&cell.text) + 2;
            }
            line
        })
        .collect()
}
