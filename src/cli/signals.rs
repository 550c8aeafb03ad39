//! Ending a command by Ctrl-C, SIGTERM or SIGHUP.

use futures_util::future::select_all;
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

use crate::error::Result;
use crate::files;
use crate::hint::Hint;
use crate::interrupt::{Interrupt, Interrupted, Signal};

/// The signals that come from now on.
pub(super) struct Signals(Vec<(Signal, Stream)>);

impl Signals {
    /// Listens to all of them; not to SIGHUP where `nohup` ignores it, so that a closed
    /// terminal ends nothing.
    pub(super) fn listen() -> Signals {
        let status = files::read("/proc/self/status".as_ref()).ok().flatten();
        let without_terminal = ignores_hang_up(status.as_deref().unwrap_or_default());
        let listened = Signal::ALL.into_iter().filter_map(|asked| {
            let kind = match asked {
                Signal::Interrupt => SignalKind::interrupt(),
                Signal::Terminate => SignalKind::terminate(),
                Signal::HangUp => SignalKind::hangup(),
            };
            if asked == Signal::HangUp && without_terminal {
                return None;
            }
            Some((asked, signal(kind).ok()?))
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

/// Whether Linux' description of a process says that it ignores SIGHUP, which is the
/// first bit of the mask; other systems do not tell.
fn ignores_hang_up(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}

/// Runs work that may be given up at any time, until a signal comes. `next` is what
/// to type then.
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

/// Runs work that has something to undo when a signal comes. The second signal ends
/// it at once.
pub(super) async fn undone<T, W>(work: impl FnOnce(Interrupt) -> W, next: Hint) -> Result<T>
where
    W: Future<Output = Result<T>>,
{
    let mut signals = Signals::listen();
    let (teller, interrupt) = Interrupt::told();
    let mut work = std::pin::pin!(work(interrupt));
    tokio::select! {
        result = &mut work => return result,
        signal = signals.next() => teller.tell(signal),
    }
    tokio::select! {
        result = &mut work => result,
        signal = signals.next() => Err(Interrupted { signal, next }.into()),
    }
}

/// Runs work that Ctrl-C ends as it is meant to, such as following a log; other
/// signals interrupt it.
pub(super) async fn until_stopped(work: impl Future<Output = Result<u8>>) -> Result<u8> {
    let mut signals = Signals::listen();
    tokio::select! {
        result = work => result,
        signal = signals.next() => match signal {
            Signal::Interrupt => Ok(0),
            Signal::Terminate | Signal::HangUp => Ok(signal.code().number()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nohup_is_known() {
        let status = |mask: &str| format!("Name:\tclearml-local\nSigIgn:\t{mask}\n");
        assert!(ignores_hang_up(&status("0000000000001001")));
        assert!(!ignores_hang_up(&status("0000000000001002")));
        assert!(!ignores_hang_up(""));
    }
}
