//! Draws what a terminal shows as SVG: `tests/rig/picture` records it.

#![expect(clippy::print_stdout, reason = "this is a program of its own")]

use std::fmt::Write as _;
use std::io::Read as _;

use vt100::{Cell, Color, Parser, Screen};

const ROWS: u16 = 200;
const COLUMNS: u16 = 100;
/// The size of a character, in pixels.
const WIDTH: f32 = 7.8;
const HEIGHT: u16 = 18;
const MARGIN: u16 = 14;
const BACKGROUND: &str = "#1e1e2e";
const TEXT: &str = "#cdd6f4";
/// The eight colours of a terminal.
const COLORS: [&str; 8] = [
    "#7f849c", "#f38ba8", "#a6e3a1", "#f9e2af", "#89b4fa", "#cba6f7", "#94e2d5", "#cdd6f4",
];

fn main() {
    let mut output = Vec::new();
    let read = std::io::stdin().read_to_end(&mut output);
    read.expect("standard input can be read");
    let mut terminal = Parser::new(ROWS, COLUMNS, 0);
    terminal.process(&output);
    print!("{}", svg(terminal.screen()));
}

fn svg(screen: &Screen) -> String {
    let rows = screen.rows(0, COLUMNS).collect::<Vec<String>>();
    let last = rows.iter().rposition(|row| !row.trim().is_empty());
    let shown = u16::try_from(last.map_or(0, |last| last + 1)).unwrap_or(ROWS);
    let width = f32::from(COLUMNS) * WIDTH + f32::from(2 * MARGIN);
    let height = shown * HEIGHT + 2 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height}\" \
         font-family=\"monospace\" font-size=\"13\" fill=\"{TEXT}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n"
    );
    for row in 0..shown {
        let y = MARGIN + row * HEIGHT + 13;
        for run in runs(screen, row) {
            let x = f32::from(MARGIN) + f32::from(run.column) * WIDTH;
            let length = run.text.chars().count() as f32 * WIDTH;
            // The fonts of two machines have different widths.
            let _ = writeln!(
                svg,
                "<text x=\"{x:.1}\" y=\"{y}\" textLength=\"{length:.1}\" xml:space=\"preserve\"{}>{}</text>",
                run.style,
                escaped(&run.text)
            );
        }
    }
    svg + "</svg>\n"
}

/// Characters of a row with the same style.
struct Run {
    column: u16,
    style: String,
    text: String,
}

fn runs(screen: &Screen, row: u16) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for column in 0..COLUMNS {
        let Some(cell) = screen.cell(row, column) else {
            continue;
        };
        let style = style(cell);
        let text = match cell.contents() {
            "" => " ",
            text => text,
        };
        match runs.last_mut().filter(|run| run.style == style) {
            Some(run) => run.text += text,
            None => runs.push(Run {
                column,
                style,
                text: text.to_owned(),
            }),
        }
    }
    for run in &mut runs {
        run.text.truncate(run.text.trim_end().len());
    }
    runs.retain(|run| !run.text.is_empty());
    runs
}

fn style(cell: &Cell) -> String {
    let color = match cell.fgcolor() {
        Color::Idx(index) => format!(" fill=\"{}\"", COLORS[usize::from(index % 8)]),
        Color::Default | Color::Rgb(..) if cell.dim() => format!(" fill=\"{}\"", COLORS[0]),
        Color::Default | Color::Rgb(..) => String::new(),
    };
    match cell.bold() {
        true => color + " font-weight=\"bold\"",
        false => color,
    }
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;");
    text.replace('<', "&lt;").replace('>', "&gt;")
}
