//! Handling of SIGTERM.

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Runs `last` on the first SIGTERM or SIGINT and exits with the code that it returns.
///
/// The first process of a container has no default action for signals: without this
/// call, SIGTERM is ignored.
pub fn on_terminate(last: impl FnOnce() -> i32 + Send + 'static) {
    let mut signals = Signals::new([SIGTERM, SIGINT]).expect("signal handlers can be set");
    std::thread::spawn(move || {
        if signals.forever().next().is_some() {
            std::process::exit(last());
        }
    });
}
