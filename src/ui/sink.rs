//! A stream for several threads, which may be closed.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A shared writer that writes whole texts. A closed reader (`| head`) is not an error:
/// the rest is discarded, and [`Sink::is_closed`] lets endless commands end.
#[derive(Clone)]
pub struct Sink(Arc<Mutex<State>>);

struct State {
    writer: Box<dyn Write + Send>,
    closed: bool,
}

impl Sink {
    pub fn new(writer: impl Write + Send + 'static) -> Self {
        Sink(Arc::new(Mutex::new(State {
            writer: Box::new(writer),
            closed: false,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn write(&self, text: &str) -> io::Result<()> {
        let mut state = self.state();
        if state.closed {
            return Ok(());
        }
        let written = state
            .writer
            .write_all(text.as_bytes())
            .and_then(|()| state.writer.flush());
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                state.closed = true;
                Ok(())
            }
            other => other,
        }
    }

    /// Writes a line and ignores errors, because there is nowhere to report them.
    pub fn write_line(&self, line: &str) {
        let _ = self.write(&format!("{line}\n"));
    }

    /// Returns whether the reader was closed.
    pub fn is_closed(&self) -> bool {
        self.state().closed
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sink").finish_non_exhaustive()
    }
}
