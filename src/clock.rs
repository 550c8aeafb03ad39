//! Differences between the clocks of this machine and of servers.

use std::fmt;
use std::time::Duration;

use http::HeaderMap;
use http::header::DATE;
use jiff::Timestamp;

use crate::words::duration;

/// How much clocks may differ. Certificates and tokens are valid a little later than they are
/// created, and clocks that nothing synchronizes drift by seconds.
const TOLERATED: Duration = Duration::from_secs(120);

/// The difference between two clocks that cause trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skew {
    by: Duration,
    ahead: bool,
}

impl Skew {
    /// Returns how much `theirs` differs from `ours`, if that causes trouble.
    pub(crate) fn between(theirs: Timestamp, ours: Timestamp) -> Option<Skew> {
        let by = theirs.duration_since(ours).unsigned_abs();
        (by > TOLERATED).then_some(Skew {
            by,
            ahead: theirs > ours,
        })
    }

    /// Such as `2 h ahead of this machine`.
    pub(crate) fn from(self, ours: &str) -> String {
        let of = if self.ahead { " of" } else { "" };
        format!("{self}{of} {ours}")
    }
}

/// Such as `2 h ahead`.
impl fmt::Display for Skew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = if self.ahead { "ahead" } else { "behind" };
        write!(f, "{} {direction}", duration(self.by))
    }
}

/// Returns when a server answered, according to its clock.
pub(crate) fn of_answer(headers: &HeaderMap) -> Option<Timestamp> {
    let date = headers.get(DATE)?.to_str().ok()?;
    let date = jiff::fmt::rfc2822::parse(date).ok()?;
    Some(date.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_of_an_answer_is_compared() {
        let mut headers = HeaderMap::new();
        assert_eq!(of_answer(&headers), None);
        headers.insert(DATE, "Fri, 27 Nov 2026 15:00:00 GMT".parse().unwrap());
        let theirs = of_answer(&headers).unwrap();
        let at = |ours: &str| Skew::between(theirs, ours.parse().unwrap());
        assert_eq!(at("2026-11-27T15:01:59Z"), None);
        assert_eq!(at("2026-11-27T14:58:01Z"), None);
        let ahead = at("2026-11-27T13:00:00Z").unwrap();
        assert_eq!(ahead.from("this machine"), "2 h ahead of this machine");
        let behind = at("2026-11-27T17:00:00Z").unwrap();
        assert_eq!(behind.from("this machine"), "2 h behind this machine");
        headers.insert(DATE, "yesterday".parse().unwrap());
        assert_eq!(of_answer(&headers), None);
    }
}
