//! The timeout of commands that wait for the server.

use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;

use crate::settings::options;

/// A timeout, such as `15m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Timeout(Duration);

impl Default for Timeout {
    fn default() -> Self {
        Timeout(Duration::from_secs(15 * 60))
    }
}

impl From<Timeout> for Duration {
    fn from(timeout: Timeout) -> Duration {
        timeout.0
    }
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid duration `{0}`: expected a number with a unit, such as 90s, 15m or 1h30m")]
pub struct InvalidTimeout(String);

impl FromStr for Timeout {
    type Err = InvalidTimeout;

    fn from_str(text: &str) -> Result<Timeout, InvalidTimeout> {
        let parsed: Option<jiff::SignedDuration> = text.parse().ok();
        let duration = parsed.and_then(|parsed| Duration::try_from(parsed).ok());
        duration
            .filter(|duration| !duration.is_zero())
            .map(Timeout)
            .ok_or_else(|| InvalidTimeout(text.to_owned()))
    }
}

impl TryFrom<String> for Timeout {
    type Error = InvalidTimeout;

    fn try_from(text: String) -> Result<Timeout, InvalidTimeout> {
        text.parse()
    }
}

options! {
    /// Options of the commands that wait for the server.
    #[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    #[command(next_help_heading = clap::builder::Resettable::Reset)]
    pub struct WaitOptions {
        /// How long to wait for the server [default: 15m]
        #[arg(long, value_name = "TIME", env = "CLEARML_LOCAL_TIMEOUT")]
        pub timeout: Option<Timeout>,
    }
}

impl WaitOptions {
    /// Returns the timeout, or the default.
    pub fn timeout(&self) -> Duration {
        self.timeout.unwrap_or_default().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_must_have_a_unit() {
        let read = |text: &str| text.parse::<Timeout>();
        assert_eq!(read("90s"), Ok(Timeout(Duration::from_secs(90))));
        for invalid in ["5", "-5m", "0s", "soon", ""] {
            assert_eq!(read(invalid), Err(InvalidTimeout(invalid.into())));
        }
    }
}
