//! The text of `clearml.conf`. Later keys of a HOCON file override earlier ones, so our lines are
//! appended to the user's, and removing them restores the file.

use std::ops::Range;

use crate::hocon;
use crate::probe::Endpoints;
use crate::secrets::Credentials;

/// The beginning of the lines around ours.
const START: &str = "# >>> clearml-local";
const END: &str = "# <<< clearml-local";

/// Returns a complete `clearml.conf` for a server.
pub(crate) fn complete(at: &Endpoints, credentials: &Credentials) -> String {
    format!(
        "api {{\n    web_server: {}\n    api_server: {}\n    files_server: {}\n    credentials {{\n        \"access_key\" = \"{}\"\n        \"secret_key\" = \"{}\"\n    }}\n}}\n",
        at.web, at.api, at.files, credentials.access_key, credentials.secret_key
    )
}

/// A `clearml.conf`, of which some lines may be ours.
#[derive(Debug)]
pub(crate) struct Conf<'a> {
    text: &'a str,
    /// Our lines, if there are any.
    ours: Option<Range<usize>>,
}

/// Why a file cannot be edited.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Invalid {
    #[error("it is not valid HOCON: {0}")]
    Hocon(String),
    #[error("line {0} begins the part of clearml-local, whose last line `{END}` is missing")]
    NoEnd(usize),
}

impl<'a> Conf<'a> {
    pub(crate) fn read(text: &'a str) -> Result<Conf<'a>, Invalid> {
        let ours = ours(text)?;
        hocon::check(text).map_err(Invalid::Hocon)?;
        Ok(Conf { text, ours })
    }

    /// Whether a part of it is ours.
    pub(crate) fn has_ours(&self) -> bool {
        self.ours.is_some()
    }

    /// Returns the user's part.
    pub(crate) fn without_ours(&self) -> String {
        match &self.ours {
            Some(ours) => [&self.text[..ours.start], &self.text[ours.end..]].concat(),
            None => self.text.to_owned(),
        }
    }

    /// Returns the file with our part for this server.
    pub(crate) fn with(&self, at: &Endpoints, credentials: &Credentials) -> String {
        let rest = self.without_ours();
        // In a file in brackets, everything is inside of them.
        let place = hocon::end_of_root(&rest).unwrap_or(rest.len());
        let (before, after) = rest.split_at(place);
        let separator = match before {
            "" => "",
            _ if before.ends_with('\n') => "",
            _ => "\n",
        };
        format!(
            "{before}{separator}{START}: `configure --remove` removes these lines, which override \
             those above\n{}{END}\n{after}",
            complete(at, credentials)
        )
    }

    /// Returns the URL of the API server that the SDK uses.
    pub(crate) fn api_server(&self) -> Option<&'a str> {
        self.value("api.api_server")
    }

    /// Returns the URL of the file server that the SDK uses.
    pub(crate) fn files_server(&self) -> Option<&'a str> {
        self.value("api.files_server")
    }

    fn value(&self, path: &str) -> Option<&'a str> {
        let entries = hocon::entries(self.text);
        let last = entries.iter().rev().find(|entry| entry.path == path);
        last.and_then(hocon::Entry::text)
    }
}

/// Finds our lines.
fn ours(text: &str) -> Result<Option<Range<usize>>, Invalid> {
    let lines = text.split_inclusive('\n').scan(0, |at, line| {
        let start = *at;
        *at += line.len();
        Some((start, line))
    });
    let mut start = None;
    for (at, line) in lines {
        match start {
            None if line.starts_with(START) => start = Some(at),
            Some(start) if line.starts_with(END) => return Ok(Some(start..at + line.len())),
            _ => {}
        }
    }
    match start {
        Some(at) => Err(Invalid::NoEnd(1 + text[..at].matches('\n').count())),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(port: u16) -> (Endpoints, Credentials) {
        let url = |port: u16| format!("http://localhost:{port}");
        let endpoints = Endpoints {
            web: url(port),
            api: url(port + 1),
            files: url(port + 2),
        };
        let credentials = Credentials {
            access_key: format!("ACCESS{port}"),
            secret_key: format!("secret{port}"),
        };
        (endpoints, credentials)
    }

    fn with(text: &str, port: u16) -> String {
        let (endpoints, credentials) = server(port);
        Conf::read(text).unwrap().with(&endpoints, &credentials)
    }

    #[test]
    fn our_lines_are_added_replaced_and_removed() {
        for text in [
            "",
            "sdk { development { default_output_uri: \"s3://bucket\" } }\n",
            "api { api_server: https://api.clear.ml, verify_certificate: false }\nsdk.x = 1\n",
            "{\n  \"api\": {\"api_server\": \"https://api.clear.ml\"}\n}\n# end\n",
        ] {
            let first = with(text, 30080);
            let conf = Conf::read(&first).unwrap();
            assert_eq!(conf.api_server(), Some("http://localhost:30081"), "{first}");
            assert_eq!(conf.files_server(), Some("http://localhost:30082"));
            assert_eq!(
                conf.value("api.credentials.access_key"),
                Some("ACCESS30080")
            );
            assert_eq!(conf.without_ours(), text);
            assert_eq!(with(&first, 30080), first);
            let second = with(&first, 40080);
            let conf = Conf::read(&second).unwrap();
            assert_eq!(
                conf.api_server(),
                Some("http://localhost:40081"),
                "{second}"
            );
            assert_eq!(conf.without_ours(), text);
        }
    }

    #[test]
    fn a_last_line_without_a_newline_gets_one() {
        let text = with("sdk.x = 1", 30080);
        assert!(text.starts_with("sdk.x = 1\n# >>>"), "{text}");
        assert_eq!(Conf::read(&text).unwrap().without_ours(), "sdk.x = 1\n");
    }

    #[test]
    fn the_file_is_written_as_a_snapshot_shows() {
        insta::assert_snapshot!(with("sdk.x = 1\n", 30080), @r#"
        sdk.x = 1
        # >>> clearml-local: `configure --remove` removes these lines, which override those above
        api {
            web_server: http://localhost:30080
            api_server: http://localhost:30081
            files_server: http://localhost:30082
            credentials {
                "access_key" = "ACCESS30080"
                "secret_key" = "secret30080"
            }
        }
        # <<< clearml-local
        "#);
    }

    #[test]
    fn values_are_those_that_the_sdk_reads() {
        let api_server = |text: &'static str| Conf::read(text).unwrap().api_server();
        for (text, expected) in [
            ("api.api_server = \"http://a:1\" # b", Some("http://a:1")),
            ("api { api_server: http://a:1 // b\n}", Some("http://a:1")),
            (
                "api {\n  api_server: http://a:1\n}\napi { api_server: http://b:1 }",
                Some("http://b:1"),
            ),
            ("api { api_server: ${?HOST} }", None),
            ("# api.api_server: http://a:1\n", None),
            ("agent { api_server: http://a:1 }", None),
        ] {
            assert_eq!(api_server(text), expected, "{text}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_edited_is_refused() {
        for (text, why) in [
            (
                "api {\n",
                "it is not valid HOCON: the `{` in line 1 is not closed",
            ),
            (
                "a: 1\n# >>> clearml-local\n",
                "line 2 begins the part of clearml-local, whose last line `# <<< clearml-local` is missing",
            ),
        ] {
            assert_eq!(Conf::read(text).unwrap_err().to_string(), why);
        }
    }
}
