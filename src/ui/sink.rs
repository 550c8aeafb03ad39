//! One stream that several threads write to, and that may go away.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A shared writer of whole pieces of text. A reader that went away (`| head`) is
/// no error: the rest is dropped in silence, and [`Sink::is_closed`] tells those
/// who would otherwise go on for ever.
#[derive(Clone)]
pub struct Sink(Arc<Mutex<State>>);

struct State {
    writer: Box<dyn Write + Send>,
    closed: bool,
}

impl Sink {
    /// A sink that writes to `writer`.
    pub fn new(writer: impl Write + Send + 'static) -> Self {
        Sink(Arc::new(Mutex::new(State {
            writer: Box::new(writer),
            closed: false,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes `text` and flushes.
    ///
    /// # Errors
    /// Whatever the writer says, except that its reader went away.
    pub fn put(&self, text: &str) -> io::Result<()> {
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

    /// Writes one line of conversation. Where that fails there is nobody left to
    /// tell, so nothing is said about it.
    pub fn say(&self, line: &str) {
        let _ = self.put(&format!("{line}\n"));
    }

    /// Whether the reader went away.
    pub fn is_closed(&self) -> bool {
        self.state().closed
    }
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sink").finish_non_exhaustive()
    }
}
