//! `mongo` and `mongosh`, as far as probes use them.

use crate::clearml::databases::basic;
use crate::clearml::mongo_address::AUTH_SOURCE;
use crate::support::{http, switches};
use std::time::Duration;

#[derive(Clone, Copy, PartialEq)]
pub enum Flavour {
    /// `mongo`, in the images up to 5.0.
    Legacy,
    /// `mongosh`, in the images from 6.0.
    Mongosh,
}

/// Evaluates the expression and returns the exit code.
pub fn run(flavour: Flavour, arguments: &[String]) -> u8 {
    let call = match Call::parse(arguments) {
        Ok(call) => call,
        Err(error) => {
            eprintln!("{error}");
            return 1;
        }
    };
    if switches::real_times() && flavour == Flavour::Mongosh {
        std::thread::sleep(Duration::from_millis(1200));
    }
    let response = http::call(
        "GET",
        &call.target,
        "/_standin",
        &call.headers,
        b"",
        Duration::from_secs(5),
    );
    let version = match response {
        Ok(response) if response.status == 200 => response.as_json()["version"].clone(),
        Ok(response) if response.status == 401 => {
            match flavour {
                Flavour::Legacy => eprintln!("Error: Authentication failed. :"),
                Flavour::Mongosh => eprintln!("MongoServerError: Authentication failed."),
            }
            return 1;
        }
        _ => {
            let target = &call.target;
            match flavour {
                Flavour::Legacy => eprintln!(
                    "Error: couldn't connect to server {target}, connection attempt failed: SocketException: Error connecting to {target} :: caused by :: Connection refused :"
                ),
                Flavour::Mongosh => eprintln!("MongoNetworkError: connect ECONNREFUSED {target}"),
            }
            return 1;
        }
    };
    let version = version.as_str().unwrap_or_default();
    match evaluate(flavour, &call.expression, version) {
        Some(text) => {
            println!("{text}");
            0
        }
        None => {
            eprintln!("standin: this shell cannot evaluate: {}", call.expression);
            1
        }
    }
}

/// The arguments of a shell.
#[derive(Debug, PartialEq)]
struct Call {
    target: String,
    /// The login.
    headers: Vec<(String, String)>,
    expression: String,
}

impl Call {
    fn parse(arguments: &[String]) -> Result<Self, String> {
        let (mut host, mut port) = ("127.0.0.1".to_owned(), "27017".to_owned());
        let (mut username, mut password) = (None, String::new());
        // The database, or the authentication database.
        let mut source = None;
        let mut expression = None;
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let (name, inline) = match argument.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
                _ => (argument.as_str(), None),
            };
            let mut value = || {
                inline
                    .clone()
                    .or_else(|| rest.next().cloned())
                    .ok_or_else(|| format!("{name} needs a value"))
            };
            match name {
                "--eval" => expression = Some(value()?),
                "--host" => host = value()?,
                "--port" => port = value()?,
                "-u" | "--username" => username = Some(value()?),
                "-p" | "--password" => password = value()?,
                "--authenticationDatabase" => source = Some(value()?),
                "--quiet" | "--norc" | "--nodb" => {}
                option if option.starts_with('-') => {
                    return Err(format!("Error: unrecognised option '{option}'"));
                }
                address => {
                    let address = address.trim_start_matches("mongodb://");
                    // A single word is a database; an address has a port or a path.
                    if address.contains([':', '/']) {
                        let server = address.split('/').next().unwrap_or_default();
                        let (name, number) = server.split_once(':').unwrap_or((server, "27017"));
                        (host, port) = (name.to_owned(), number.to_owned());
                    } else {
                        source = source.or_else(|| Some(address.to_owned()));
                    }
                }
            }
        }
        Ok(Self {
            target: format!("{}:{port}", host.replace("localhost", "127.0.0.1")),
            headers: username
                .map(|name| {
                    let source = source.unwrap_or_else(|| "admin".to_owned());
                    vec![basic(&name, &password), (AUTH_SOURCE.to_owned(), source)]
                })
                .unwrap_or_default(),
            expression: expression.ok_or("standin: only --eval is simulated")?,
        })
    }
}

/// Evaluates the few expressions that health checks use.
fn evaluate(flavour: Flavour, expression: &str, version: &str) -> Option<String> {
    let plain: String = expression
        .chars()
        .filter(|character| !character.is_whitespace() && *character != ';')
        .map(|character| if character == '"' { '\'' } else { character })
        .collect();
    let call = plain.replace("adminCommand", "runCommand");
    let (call, member) = match call.strip_suffix(".ok") {
        Some(call) => (call.to_owned(), true),
        None => (call, false),
    };
    match call.as_str() {
        "db.version()" => Some(version.to_owned()),
        "db.runCommand('ping')" | "db.runCommand({ping:1})" | "db.runCommand({'ping':1})" => {
            Some(match (member, flavour) {
                (true, _) => "1".to_owned(),
                (false, Flavour::Legacy) => "{ \"ok\" : 1 }".to_owned(),
                (false, Flavour::Mongosh) => "{ ok: 1 }".to_owned(),
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evaluates_the_usual_probes() {
        for expression in [
            "db.adminCommand('ping')",
            "db.adminCommand(\"ping\")",
            "db.runCommand({ping: 1});",
        ] {
            let response = evaluate(Flavour::Legacy, expression, "4.4.29");
            assert_eq!(response.as_deref(), Some("{ \"ok\" : 1 }"), "{expression}");
        }
        let ok = evaluate(Flavour::Mongosh, "db.adminCommand('ping').ok", "7.0.22");
        assert_eq!(ok.as_deref(), Some("1"));
        assert_eq!(evaluate(Flavour::Mongosh, "rs.status()", "7.0.22"), None);
    }

    #[test]
    fn parses_the_address_of_the_server() {
        let parse = |line: &str| {
            let arguments: Vec<String> = line.split(' ').map(str::to_owned).collect();
            Call::parse(&arguments).map(|call| call.target)
        };
        assert_eq!(parse("--quiet --eval x").unwrap(), "127.0.0.1:27017");
        assert_eq!(
            parse("localhost:27018/admin --eval x").unwrap(),
            "127.0.0.1:27018"
        );
        assert_eq!(parse("admin --eval=x --host a --port 1").unwrap(), "a:1");
        assert!(parse("--evil x").is_err());
    }
}
