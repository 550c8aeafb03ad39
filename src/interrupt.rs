//! Signals that ask a command to stop, and how steps below the command line receive
//! them.

use tokio::sync::watch;

use crate::error::Explain;
use crate::failures::Failure;
use crate::hint::Hint;

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

    /// Returns the failure; its exit code is that of shells: 128 plus the number of the signal.
    pub fn failure(self) -> Failure {
        match self {
            Signal::Interrupt => Failure::Interrupted,
            Signal::Terminate => Failure::Terminated,
            Signal::HangUp => Failure::HungUp,
        }
    }

    fn message(self) -> &'static str {
        match self {
            Signal::Interrupt => "interrupted (Ctrl-C)",
            Signal::Terminate => "terminated (SIGTERM)",
            Signal::HangUp => "the terminal was closed (SIGHUP)",
        }
    }
}

/// A command was stopped by a signal.
#[derive(Debug, thiserror::Error)]
#[error("{}", signal.message())]
pub struct Interrupted {
    pub signal: Signal,
    /// A hint for the next command.
    pub next: Hint,
}

impl Explain for Interrupted {
    fn failure(&self) -> Failure {
        self.signal.failure()
    }

    fn hints(&self) -> Vec<Hint> {
        vec![self.next.clone()]
    }
}

/// Sends a signal to a command.
#[derive(Debug)]
pub struct Sender(watch::Sender<Option<Signal>>);

impl Sender {
    pub fn send(&self, signal: Signal) {
        self.0.send_replace(Some(signal));
    }
}

/// Receives the signal that asks a command to stop. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Interrupt(Option<watch::Receiver<Option<Signal>>>);

impl Interrupt {
    /// Returns an interrupt that never arrives.
    pub fn never() -> Interrupt {
        Interrupt(None)
    }

    /// Returns an interrupt that arrives when it is sent.
    pub fn channel() -> (Sender, Interrupt) {
        let (sender, receiver) = watch::channel(None);
        (Sender(sender), Interrupt(Some(receiver)))
    }

    pub async fn wait(&self) -> Signal {
        if let Some(receiver) = &self.0 {
            let mut receiver = receiver.clone();
            if let Ok(signal) = receiver.wait_for(Option::is_some).await
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
    async fn a_signal_also_reaches_a_later_waiter() {
        let (sender, interrupt) = Interrupt::channel();
        let first = tokio::spawn({
            let interrupt = interrupt.clone();
            async move { interrupt.wait().await }
        });
        sender.send(Signal::HangUp);
        assert_eq!(first.await.unwrap(), Signal::HangUp);
        assert_eq!(interrupt.wait().await, Signal::HangUp);
    }

    #[test]
    fn exit_codes_are_those_of_shells() {
        let codes = Signal::ALL.map(|signal| signal.failure().code().number());
        assert_eq!(codes, [130, 143, 129]);
    }
}
