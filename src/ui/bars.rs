//! Progress bars on a terminal: draws the [`Screen`] and moves the cursor.
//!
//! This does not use indicatif, which pads each line to the edge of the terminal, so
//! that lines wrap when the terminal becomes narrower and are copied with the padding.
//! It also wants to own the stream. Only little is needed: move up, overwrite the
//! lines, and clear the rest.

use std::fmt::Write as _;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::event::{Event, Reporter};
use crate::words;

use super::screen::{Screen, Style};
use super::{Paint, Sink};

/// Twelve frames per second: smooth for a spinner, and few for a terminal over a slow
/// connection.
const TICK: Duration = Duration::from_millis(80);

/// Clears from the cursor to the end of the line.
const CLEAR_LINE: &str = "\x1b[K";
/// Clears from the cursor to the end of the screen.
const CLEAR_BELOW: &str = "\x1b[J";

/// Returns the rows and columns of the terminal. It is called for each frame, because
/// the size may change.
pub(super) type Size = Box<dyn Fn() -> (u16, u16) + Send + Sync>;

pub(super) struct Bars {
    shared: Arc<Shared>,
    ticker: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    sink: Sink,
    paint: Paint,
    size: Size,
}

struct State {
    screen: Screen,
    /// The lines that are redrawn. The cursor is in the line below them.
    drawn: Vec<String>,
    /// The time of the last event and when it arrived, to calculate the time between
    /// events.
    clock: (Duration, Instant),
    closed: bool,
}

impl Bars {
    /// Creates bars that are redrawn by a thread.
    pub(super) fn start(sink: Sink, paint: Paint, size: Size) -> Self {
        let bars = Bars::new(sink, paint, size);
        let shared = Arc::clone(&bars.shared);
        let ticker = std::thread::Builder::new()
            .name("bars".to_owned())
            .spawn(move || shared.tick());
        // Without a thread the bars are redrawn only by events, which is no reason to
        // fail.
        *bars.ticker.lock().unwrap_or_else(PoisonError::into_inner) = ticker.ok();
        bars
    }

    /// Creates bars that are redrawn only by events and calls.
    pub(super) fn new(sink: Sink, paint: Paint, size: Size) -> Self {
        Bars {
            shared: Arc::new(Shared {
                state: Mutex::new(State {
                    screen: Screen::default(),
                    drawn: Vec::new(),
                    clock: (Duration::ZERO, Instant::now()),
                    closed: false,
                }),
                wake: Condvar::new(),
                sink,
                paint,
                size,
            }),
            ticker: Mutex::new(None),
        }
    }

    #[cfg(test)]
    pub(super) fn draw(&self, now: Duration) {
        self.shared.draw(&mut self.shared.lock(), now);
    }

    /// Prints a line above the bars.
    pub(super) fn note(&self, text: &str) {
        let mut state = self.shared.lock();
        state.screen.note(text);
        let now = state.now();
        self.shared.draw(&mut state, now);
    }

    /// Leaves the last frame on the screen and stops drawing.
    pub(super) fn close(&self) {
        let now = self.shared.lock().now();
        self.close_at(now);
    }

    pub(super) fn close_at(&self, now: Duration) {
        let mut state = self.shared.lock();
        if !std::mem::replace(&mut state.closed, true) {
            let lines = state.screen.finish(now, self.shared.style());
            self.shared.write(&mut state, &lines, Vec::new());
        }
        drop(state);
        self.shared.wake.notify_all();
        let ticker = self
            .ticker
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(ticker) = ticker {
            // A panic of the ticker has already been printed.
            let _ = ticker.join();
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.close();
    }
}

impl Reporter for Bars {
    fn report(&self, elapsed: Duration, event: &Event) {
        let mut state = self.shared.lock();
        state.clock = (elapsed, Instant::now());
        state.screen.apply(elapsed, event);
        // Only permanent lines are drawn immediately; the ticker draws the rest.
        let is_permanent = matches!(
            event,
            Event::Started { .. } | Event::StepFinished { .. } | Event::StepFailed { .. }
        );
        if is_permanent && !state.closed {
            self.shared.draw(&mut state, elapsed);
        }
    }
}

impl State {
    fn now(&self) -> Duration {
        self.clock.0 + self.clock.1.elapsed()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn style(&self) -> Style {
        Style {
            width: usize::from((self.size)().1),
            paint: self.paint,
        }
    }

    fn tick(&self) {
        let mut state = self.lock();
        while !state.closed {
            let now = state.now();
            self.draw(&mut state, now);
            state = self
                .wake
                .wait_timeout(state, TICK)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    fn draw(&self, state: &mut State, now: Duration) {
        let style = self.style();
        let height = usize::from((self.size)().0).saturating_sub(2).max(1);
        let settled = state.screen.take_settled(now, style);
        let live = state.screen.live(now, style, height);
        if !settled.is_empty() || live != state.drawn {
            self.write(state, &settled, live);
        }
    }

    /// Overwrites the bars with `settled` and draws `live` below, in a single write.
    fn write(&self, state: &mut State, settled: &[String], live: Vec<String>) {
        let columns = usize::from((self.size)().1).max(1);
        // A terminal that became narrower has wrapped the lines.
        let rows = |line: &String| words::width(line).div_ceil(columns).max(1);
        let up: usize = state.drawn.iter().map(rows).sum();
        let mut text = String::from("\r");
        if up > 0 {
            let _ = write!(text, "\x1b[{up}A");
        }
        for line in settled.iter().chain(&live) {
            let _ = writeln!(text, "{line}{CLEAR_LINE}");
        }
        text.push_str(CLEAR_BELOW);
        // If the terminal is closed, there is nowhere to report the error.
        let _ = self.sink.write(&text);
        state.drawn = live;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU16, Ordering::Relaxed};

    use super::*;
    use crate::ui::fixtures::recorded::{self, at};
    use crate::ui::fixtures::{Broken, Memory};

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
            for (time, event) in recorded::beginning() {
                bars.report(time, &event);
                bars.draw(time);
            }
            bars.note("warning: the disk is 91 % full");
            bars.draw(recorded::moment());
            let bars_shown = shown(&memory, width);
            for (time, event) in recorded::killed() {
                bars.report(time, &event);
                bars.draw(time);
            }
            bars.close_at(at(45.2));
            let last = shown(&memory, width);
            // After closing, events are not drawn.
            bars.report(at(50.0), &recorded::finished("late", 1.0, ""));
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
        bars.report(at(0.0), &recorded::started("node"));
        bars.report(
            at(0.0),
            &recorded::state("node", "waiting for the API server"),
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
        bars.report(at(1.0), &recorded::started("node"));
        bars.draw(at(1.1));
        assert_eq!(memory.text(), "");
    }

    #[test]
    fn bars_on_a_broken_stream_can_be_closed() {
        let sink = Sink::new(Broken(std::io::ErrorKind::BrokenPipe));
        let bars = Bars::start(sink, Paint::none(), Box::new(|| (24, 80)));
        bars.report(at(0.0), &recorded::finished("node", 1.0, ""));
        bars.close();
    }
}
