//! The moving display on a terminal: draws the [`Screen`] and moves the cursor.
//!
//! Not indicatif: it fills each line with spaces to the edge, which then wraps when
//! the terminal becomes narrower and is copied with the text, and it wants to own
//! the stream. What is needed is little: up some lines, over them, clear the rest.

use std::fmt::Write as _;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::event::{Event, Reporter};
use crate::words;

use super::screen::{Look, Screen};
use super::{Paint, Sink};

/// Twelve pictures a second: smooth for a spinner, and calm for a terminal over a
/// slow line.
const TICK: Duration = Duration::from_millis(80);

/// Clears from the cursor to the end of the line.
const CLEAR_LINE: &str = "\x1b[K";
/// Clears from the cursor to the end of the screen.
const CLEAR_BELOW: &str = "\x1b[J";

/// The size of the terminal, rows and columns, asked at each picture since it may
/// change.
pub(super) type Size = Box<dyn Fn() -> (u16, u16) + Send + Sync>;

/// The moving display.
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
    /// What stands below the lines that stay; the cursor is in the line after it.
    drawn: Vec<String>,
    /// The last event's time and when it came, to know the time between events.
    clock: (Duration, Instant),
    closed: bool,
}

impl Bars {
    pub(super) fn start(sink: Sink, paint: Paint, size: Size) -> Self {
        let bars = Bars::new(sink, paint, size);
        let shared = Arc::clone(&bars.shared);
        let ticker = std::thread::Builder::new()
            .name("bars".to_owned())
            .spawn(move || shared.tick());
        // Without a thread the lines move only with events: less pretty, and no
        // reason to fail.
        *bars.ticker.lock().unwrap_or_else(PoisonError::into_inner) = ticker.ok();
        bars
    }

    /// Bars that move only with events and calls.
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

    /// Says a line that stays above what moves.
    pub(super) fn note(&self, text: &str) {
        let mut state = self.shared.lock();
        state.screen.note(text);
        let now = state.now();
        self.shared.draw(&mut state, now);
    }

    /// Leaves the last picture on the screen, and draws no more.
    pub(super) fn close(&self) {
        let now = self.shared.lock().now();
        self.close_at(now);
    }

    pub(super) fn close_at(&self, now: Duration) {
        let mut state = self.shared.lock();
        if !std::mem::replace(&mut state.closed, true) {
            let lines = state.screen.finish(now, self.shared.look());
            self.shared.put(&mut state, &lines, Vec::new());
        }
        drop(state);
        self.shared.wake.notify_all();
        let ticker = self
            .ticker
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(ticker) = ticker {
            // A panic of the ticker was shown already.
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
        // Only what stays is drawn at once; the ticker draws the rest.
        let stays = matches!(
            event,
            Event::Started { .. } | Event::StepFinished { .. } | Event::StepFailed { .. }
        );
        if stays && !state.closed {
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

    fn look(&self) -> Look {
        Look {
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
        let look = self.look();
        let height = usize::from((self.size)().0).saturating_sub(2).max(1);
        let settled = state.screen.settle(now, look);
        let live = state.screen.live(now, look, height);
        if !settled.is_empty() || live != state.drawn {
            self.put(state, &settled, live);
        }
    }

    /// Writes `settled` over what moved, and `live` below, in one piece.
    fn put(&self, state: &mut State, settled: &[String], live: Vec<String>) {
        let columns = usize::from((self.size)().1).max(1);
        // A terminal that became narrower has wrapped what stands there.
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
        // A terminal that went away has nobody to tell.
        let _ = self.sink.put(&text);
        state.drawn = live;
    }
}
