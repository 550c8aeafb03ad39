//! Hides log lines about answered probes: those of the kubelet, every two seconds, and
//! those of this program. They would drown the lines that a user looks for.

use std::collections::VecDeque;

use super::{LogLine, LogOptions};
use crate::component::Component;
use crate::probe::{FILES_DIR, USER_AGENT};

impl LogOptions {
    /// Whether a line is shown.
    pub(super) fn shows(&self, component: Option<Component>, text: &str) -> bool {
        self.probes || !component.is_some_and(|component| is_probe(component, text))
    }

    /// Returns how many lines from the end of a log to request from its source. `None` for
    /// all, also if lines are hidden, because the source would count those too.
    pub(super) fn source_tail(&self, component: Option<Component>) -> Option<u32> {
        self.tail
            .filter(|tail| *tail == 0 || !self.hides_probes(component))
    }

    /// Returns the buffer that applies [`LogOptions::tail`] to a log that is read completely.
    pub(super) fn last_lines(&self, component: Option<Component>) -> Option<LastLines> {
        let tail = self.tail.filter(|_| self.hides_probes(component))?;
        Some(LastLines {
            limit: usize::try_from(tail).unwrap_or(usize::MAX),
            lines: VecDeque::new(),
        })
    }

    fn hides_probes(&self, component: Option<Component>) -> bool {
        !self.probes && component.is_some_and(answers_probes)
    }
}

/// A buffer of the last lines of a log.
#[derive(Debug)]
pub(super) struct LastLines {
    limit: usize,
    lines: VecDeque<LogLine>,
}

impl LastLines {
    pub(super) fn add(&mut self, line: LogLine) {
        self.lines.push_back(line);
        if self.lines.len() > self.limit {
            self.lines.pop_front();
        }
    }

    pub(super) fn next(&mut self) -> Option<LogLine> {
        self.lines.pop_front()
    }
}

fn answers_probes(component: Component) -> bool {
    matches!(
        component,
        Component::Apiserver | Component::Fileserver | Component::Webserver
    )
}

/// Whether a line only reports an answered probe. Failed probes are shown.
fn is_probe(component: Component, text: &str) -> bool {
    answers_probes(component) && (is_ping(text) || Access::read(text).is_some_and(|a| a.is_probe()))
}

/// Whether this is the line of the API server itself about the call of a probe.
fn is_ping(text: &str) -> bool {
    text.split_once("] Returned 200 for ")
        .is_some_and(|(_, rest)| rest.split(' ').next() == Some("debug.ping"))
}

/// A request as nginx, werkzeug and gunicorn log it.
#[derive(Debug)]
struct Access<'a> {
    method: &'a str,
    path: &'a str,
    status: u16,
    user_agent: &'a str,
}

impl<'a> Access<'a> {
    /// Reads `… "METHOD PATH HTTP/1.1" STATUS … "REFERER" "USER AGENT" …`.
    fn read(text: &'a str) -> Option<Access<'a>> {
        let mut quoted = text.split('"').skip(1);
        let mut request = quoted.next()?.split_whitespace();
        let status = quoted.next()?.split_whitespace().next()?.parse().ok()?;
        let (method, path) = (request.next()?, request.next()?);
        request.next()?.strip_prefix("HTTP/")?;
        Some(Access {
            method,
            path,
            status,
            user_agent: quoted.nth(2).unwrap_or_default(),
        })
    }

    fn is_probe(&self) -> bool {
        // The chart's probes: to curl, every status is a success.
        if (self.method, self.path) == ("OPTIONS", "/") {
            return true;
        }
        let path = self.path.trim_start_matches('/');
        let prober = ["kube-probe/", USER_AGENT];
        let by_us = prober.iter().any(|name| self.user_agent.starts_with(name));
        self.status < 400
            && (by_us
                || ["debug.ping", "api/debug.ping"].contains(&path)
                || path.starts_with(FILES_DIR))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognizes_the_probe_lines_of_each_server() {
        for (component, line) in [
            (
                Component::Apiserver,
                "[2025-12-05 09:53:03,968] [9] [INFO] [clearml.service_repo] Returned 200 for debug.ping in 0ms",
            ),
            (
                Component::Apiserver,
                "10.244.0.1 - - [25/Nov/2026:10:00:00 +0000] \"GET /debug.ping HTTP/1.1\" 200 295 \"-\" \"kube-probe/1.37\"",
            ),
            (
                Component::Webserver,
                "10.244.0.1 - - [25/Nov/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 200 1789 \"-\" \"kube-probe/1.37\" \"-\"",
            ),
            (
                Component::Webserver,
                "127.0.0.1 - - [25/Nov/2026:10:00:00 +0000] \"OPTIONS / HTTP/1.1\" 405 157 \"-\" \"curl/7.29.0\" \"-\"",
            ),
            (
                Component::Webserver,
                "10.244.0.1 - - [25/Nov/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 200 1789 \"-\" \"clearml-local/0.1.0\" \"-\"",
            ),
            (
                Component::Webserver,
                "10.244.0.1 - - [25/Nov/2026:10:00:00 +0000] \"POST /api/debug.ping HTTP/1.1\" 200 295 \"-\" \"-\" \"-\"",
            ),
            (
                Component::Fileserver,
                "10.244.0.1 - - [25/Nov/2026 10:00:00] \"OPTIONS / HTTP/1.1\" 200 -",
            ),
            (
                Component::Fileserver,
                "10.244.0.1 - - [25/Nov/2026 10:00:00] \"DELETE /clearml-local-probe/1f.txt HTTP/1.1\" 200 -",
            ),
        ] {
            assert!(is_probe(component, line), "{line}");
        }
    }

    #[test]
    fn shows_all_other_lines() {
        for (component, line) in [
            (
                Component::Apiserver,
                "[2025-12-05 09:53:07,931] [9] [INFO] [clearml.service_repo] Returned 200 for auth.login in 3ms",
            ),
            (
                Component::Apiserver,
                "[2025-12-05 09:53:07,931] [9] [WARNING] [clearml.service_repo] Returned 500 for debug.ping in 3ms",
            ),
            (
                Component::Webserver,
                "10.244.0.1 - - [25/Nov/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 500 170 \"-\" \"kube-probe/1.37\" \"-\"",
            ),
            (
                Component::Webserver,
                "10.244.0.1 - - [25/Nov/2026:10:00:00 +0000] \"GET /login HTTP/1.1\" 200 170 \"-\" \"Mozilla/5.0\" \"-\"",
            ),
            (
                Component::Webserver,
                "nginx: [emerg] host not found in upstream \"clearml-apiserver\" in /etc/nginx/nginx.conf:40",
            ),
            (
                Component::Fileserver,
                "10.244.0.1 - - [25/Nov/2026 10:00:00] \"GET /a/model.txt HTTP/1.1\" 200 -",
            ),
            (Component::Redis, "\"OPTIONS / HTTP/1.1\" 200"),
            (Component::Apiserver, "a \"quote"),
            (Component::Apiserver, ""),
        ] {
            assert!(!is_probe(component, line), "{line}");
        }
    }

    #[test]
    fn a_tail_counts_only_shown_lines() {
        let options = |tail, probes| LogOptions {
            tail: Some(tail),
            probes,
            ..LogOptions::default()
        };
        let source_tail =
            |tail, probes, component| options(tail, probes).source_tail(Some(component));
        assert_eq!(source_tail(5, false, Component::Apiserver), None);
        assert_eq!(source_tail(5, true, Component::Apiserver), Some(5));
        assert_eq!(source_tail(5, false, Component::Redis), Some(5));
        assert_eq!(source_tail(0, false, Component::Apiserver), Some(0));
        let buffer = options(5, false).last_lines(Some(Component::Redis));
        assert!(buffer.is_none(), "the source applies the tail");
    }
}
