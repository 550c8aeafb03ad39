//! Signals that ask a command to end, and how a step deep below the command line
//! learns of one.

use tokio::sync::watch;

use crate::error::{Code, Explain};
use crate::hint::Hint;

/// A signal that asks a command to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C (SIGINT).
    Interrupt,
    /// SIGTERM, as `kill` and `timeout` send it.
    Terminate,
    /// SIGHUP: the terminal was closed.
    HangUp,
}

impl Signal {
    pub const ALL: [Signal; 3] = [Signal::Interrupt, Signal::Terminate, Signal::HangUp];

    /// The exit code after it: 128 and its number, as shells count.
    pub fn code(self) -> Code {
        match self {
            Signal::Interrupt => Code::Interrupted,
            Signal::Terminate => Code::Terminated,
            Signal::HangUp => Code::HungUp,
        }
    }

    fn message(self) -> &'static str {
        match self {
            Signal::Interrupt => "interrupted",
            Signal::Terminate => "terminated (SIGTERM)",
            Signal::HangUp => "the terminal was closed (SIGHUP)",
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{}", signal.message())]
pub struct Interrupted {
    pub signal: Signal,
    /// What to type next.
    pub next: Hint,
}

impl Explain for Interrupted {
    fn code(&self) -> Code {
        self.signal.code()
    }

    fn hints(&self) -> Vec<Hint> {
        vec![self.next.clone()]
    }
}

#[derive(Debug)]
pub struct Teller(watch::Sender<Option<Signal>>);

impl Teller {
    pub fn tell(&self, signal: Signal) {
        self.0.send_replace(Some(signal));
    }
}

/// How a command learns that it is asked to end; cheap to clone.
#[derive(Debug, Clone)]
pub struct Interrupt(Option<watch::Receiver<Option<Signal>>>);

impl Interrupt {
    /// One that never comes.
    pub fn never() -> Interrupt {
        Interrupt(None)
    }

    /// One that comes when it is told.
    pub fn told() -> (Teller, Interrupt) {
        let (teller, told) = watch::channel(None);
        (Teller(teller), Interrupt(Some(told)))
    }

    pub async fn wait(&self) -> Signal {
        if let Some(told) = &self.0 {
            let mut told = told.clone();
            if let Ok(signal) = told.wait_for(Option::is_some).await
                && let Some(signal) = *signal
            {
                return signal;
            }
        }
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_signal_is_learned_also_by_who_asks_later() {
        let (teller, interrupt) = Interrupt::told();
        let early = tokio::spawn({
            let interrupt = interrupt.clone();
            async move { interrupt.wait().await }
        });
        teller.tell(Signal::HangUp);
        assert_eq!(early.await.unwrap(), Signal::HangUp);
        assert_eq!(interrupt.wait().await, Signal::HangUp);
    }

    #[test]
    fn exit_codes_are_those_of_shells() {
        let codes = Signal::ALL.map(|signal| signal.code().number());
        assert_eq!(codes, [130, 143, 129]);
    }
}
