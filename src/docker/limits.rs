//! How long the engine may take to answer, and the user's variable for it.

use std::time::Duration;

use super::Error;

/// The environment variable with the limit of a request in seconds, as in Docker's Python
/// tools. Docker's own command line has none.
pub(crate) const VARIABLE: &str = "DOCKER_CLIENT_TIMEOUT";

/// The largest value of the variable, one day: more would be no limit.
const MAXIMUM: u64 = 24 * 60 * 60;

/// How long the engine may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Until the first answer, which tells that an engine is there.
    pub connect: Duration,
    /// For a request that the engine answers at once. A removal of a large container on a slow
    /// disk is one, too. A command that prints nothing for this long is looked up.
    pub answer: Duration,
    /// Between two parts of a pull or an export. The engine packs an export before it sends the
    /// first part.
    pub idle: Duration,
    /// For an engine that restarts, until it accepts connections again. Shorter than `answer`, so
    /// that an engine which has ended is not reported as one that gives no answer.
    pub restart: Duration,
    /// The first pause before a request is repeated; each following one is twice as long.
    pub pause: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connect: Duration::from_secs(10),
            ..Limits::of(Duration::from_secs(120))
        }
    }
}

impl Limits {
    /// Returns the limits that follow from that of a request.
    pub fn of(answer: Duration) -> Limits {
        Limits {
            connect: answer,
            answer,
            idle: answer * 5,
            restart: (answer / 2).min(Duration::from_secs(10)),
            pause: Duration::from_millis(100),
        }
    }

    /// Reads the limits from the environment. `env` looks up a variable.
    ///
    /// # Errors
    /// [`Error::Limit`] if the variable is not a number of seconds.
    pub fn read(env: impl Fn(&str) -> Option<String>) -> Result<Limits, Error> {
        let Some(text) = env(VARIABLE).filter(|text| !text.is_empty()) else {
            return Ok(Limits::default());
        };
        let seconds = text.trim().parse();
        let seconds = seconds
            .ok()
            .filter(|seconds| (1..=MAXIMUM).contains(seconds));
        let seconds = seconds.ok_or(Error::Limit { text })?;
        Ok(Limits::of(Duration::from_secs(seconds)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Explain;
    use crate::failures::Failure;

    fn read(text: &str) -> Result<Limits, Error> {
        Limits::read(|name| (name == VARIABLE).then(|| text.to_owned()))
    }

    #[test]
    fn the_variable_sets_the_limit_of_a_request() {
        let limits = read("300").unwrap();
        assert_eq!(limits.answer, Duration::from_secs(300));
        assert_eq!(
            limits.connect, limits.answer,
            "a slow engine also connects slowly"
        );
        assert!(limits.idle > limits.answer);
        assert_eq!(read("").unwrap(), Limits::default());
        assert_eq!(Limits::read(|_| None).unwrap(), Limits::default());
    }

    #[test]
    fn an_error_names_the_variable_and_its_value() {
        for text in ["0", "-1", "1.5", "60s", "soon", "99999999999999999999"] {
            let error = read(text).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "invalid value `{text}` of DOCKER_CLIENT_TIMEOUT: expected a number of seconds \
                     from 1 to 86400"
                )
            );
            assert_eq!(error.failure(), Failure::InvalidOption);
        }
    }
}
