//! Interrupting a command with Ctrl-C, SIGTERM or SIGHUP.

use futures_util::future::select_all;
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

use crate::error::Result;
use crate::files;
use crate::hint::Hint;
use crate::interrupt::{Interrupt, Interrupted, Signal};

/// A stream of signals.
pub(super) struct Signals(Vec<(Signal, Stream)>);

impl Signals {
    /// Handles all signals, except SIGHUP under `nohup`: a closed terminal then interrupts
    /// nothing.
    pub(super) fn listen() -> Signals {
        let status = files::read("/proc/self/status".as_ref()).ok().flatten();
        let without_terminal = ignores_hang_up(status.as_deref().unwrap_or_default());
        let listened = Signal::ALL.into_iter().filter_map(|handled| {
            let kind = match handled {
                Signal::Interrupt => SignalKind::interrupt(),
                Signal::Terminate => SignalKind::terminate(),
                Signal::HangUp => SignalKind::hangup(),
            };
            if handled == Signal::HangUp && without_terminal {
                return None;
            }
            Some((handled, signal(kind).ok()?))
        });
        Signals(listened.collect())
    }

    pub(super) async fn next(&mut self) -> Signal {
        if self.0.is_empty() {
            return std::future::pending().await;
        }
        let next = self.0.iter_mut().map(|(signal, stream)| {
            Box::pin(async move {
                stream.recv().await;
                *signal
            })
        });
        select_all(next).await.0
    }
}

/// Returns whether `/proc/self/status` says that the process ignores SIGHUP, the first bit of
/// the mask. Other systems have no such file.
fn ignores_hang_up(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}

/// Runs work that can be cancelled at any time, until a signal arrives. `next` is the hint for
/// that case.
pub(super) async fn or_interrupted<T>(
    work: impl Future<Output = Result<T>>,
    next: Hint,
) -> Result<T> {
    let mut signals = Signals::listen();
    tokio::select! {
        result = work => result,
        signal = signals.next() => Err(Interrupted { signal, next }.into()),
    }
}

/// Runs work that rolls back its changes after a signal. A second signal cancels it.
pub(super) async fn or_rolled_back<T, W>(work: impl FnOnce(Interrupt) -> W, next: Hint) -> Result<T>
where
    W: Future<Output = Result<T>>,
{
    let mut signals = Signals::listen();
    let (sender, interrupt) = Interrupt::channel();
    let mut work = std::pin::pin!(work(interrupt));
    tokio::select! {
        result = &mut work => return result,
        signal = signals.next() => sender.send(signal),
    }
    tokio::select! {
        result = &mut work => result,
        signal = signals.next() => Err(Interrupted { signal, next }.into()),
    }
}

/// Runs work that Ctrl-C ends successfully, such as following a log. Other signals interrupt
/// it.
pub(super) async fn until_stopped(work: impl Future<Output = Result<u8>>) -> Result<u8> {
    let mut signals = Signals::listen();
    tokio::select! {
        result = work => result,
        signal = signals.next() => match signal {
            Signal::Interrupt => Ok(0),
            Signal::Terminate | Signal::HangUp => Ok(signal.failure().code().number()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detects_nohup() {
        let status = |mask: &str| format!("Name:\tclearml-local\nSigIgn:\t{mask}\n");
        assert!(ignores_hang_up(&status("0000000000001001")));
        assert!(!ignores_hang_up(&status("0000000000001002")));
        assert!(!ignores_hang_up(""));
    }
}
