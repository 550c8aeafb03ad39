//! Progress bars on a terminal in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};

use crate::event::Reporter;
use crate::ui::Paint;
use crate::ui::bars::Bars;

use super::session::{self, at};
use super::{Memory, Sink};

/// Returns the content of a terminal after these bytes.
fn shown(memory: &Memory, width: u16) -> String {
    let mut terminal = vt100::Parser::new(24, width, 0);
    // The kernel does this for a terminal.
    let text = memory.raw().replace('\n', "\r\n");
    terminal.process(text.as_bytes());
    let (row, column) = terminal.screen().cursor_position();
    let rows = terminal.screen().rows(0, width);
    let mut rows: Vec<String> = rows.take(usize::from(row) + 1).collect();
    assert_eq!((column, rows.pop().as_deref()), (0, Some("")));
    rows.join("\n")
}

#[test]
fn bars_leave_finished_lines_and_a_clean_cursor() {
    for (width, name) in [(80, "bars_at_80"), (40, "bars_at_40")] {
        let memory = Memory::default();
        let size = Box::new(move || (24, width));
        let bars = Bars::new(Sink::new(memory.clone()), Paint::none(), size);
        for (time, event) in session::beginning() {
            bars.report(time, &event);
            bars.draw(time);
        }
        bars.note("warning: the disk is 91 % full");
        bars.draw(session::moment());
        let bars_shown = shown(&memory, width);
        for (time, event) in session::killed() {
            bars.report(time, &event);
            bars.draw(time);
        }
        bars.close_at(at(45.2));
        let last = shown(&memory, width);
        // After closing, events are not drawn.
        bars.report(at(50.0), &session::finished("late", 1.0, ""));
        assert_eq!(shown(&memory, width), last);
        insta::assert_snapshot!(name, format!("{bars_shown}\n\n--- at the end\n{last}"));
    }
}

#[test]
fn bars_survive_a_terminal_that_becomes_narrower() {
    let memory = Memory::default();
    let columns = Arc::new(AtomicU16::new(80));
    let current = Arc::clone(&columns);
    let size = Box::new(move || (24, current.load(Relaxed)));
    let bars = Bars::new(Sink::new(memory.clone()), Paint::none(), size);
    bars.report(at(0.0), &session::started("node"));
    bars.report(
        at(0.0),
        &session::state("node", "waiting for the API server"),
    );
    bars.draw(at(1.0));
    columns.store(30, Relaxed);
    bars.draw(at(2.0));
    // 55 columns wrap to two rows of 30, and both are overwritten.
    let text = memory.text();
    let last = text.rsplit_once('\r').unwrap().1;
    assert_eq!(last, "␛[2A⠴ node            2.0 s  wai…␛[K\n␛[J");
}

#[test]
fn unchanged_bars_write_nothing() {
    let memory = Memory::default();
    let size = Box::new(|| (24, 80));
    let bars = Bars::new(Sink::new(memory.clone()), Paint::none(), size);
    bars.draw(at(1.0));
    bars.report(at(1.0), &session::started("node"));
    bars.draw(at(1.1));
    assert_eq!(memory.text(), "");
}

#[test]
fn bars_on_a_broken_stream_can_be_closed() {
    let sink = Sink::new(super::Broken(std::io::ErrorKind::BrokenPipe));
    let bars = Bars::start(sink, Paint::none(), Box::new(|| (24, 80)));
    bars.report(at(0.0), &session::finished("node", 1.0, ""));
    bars.close();
}
