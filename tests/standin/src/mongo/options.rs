//! mongod's command line: known options, and how it rejects others.

use crate::support::version::Version;
use std::path::PathBuf;

/// Parameters of `--setParameter` that an installer may set.
const PARAMETERS: &[&str] = &[
    "internalQueryMaxBlockingSortMemoryUsageBytes",
    "cursorTimeoutMillis",
    "diagnosticDataCollectionEnabled",
    "enableLocalhostAuthBypass",
    "logLevel",
    "notablescan",
    "transactionLifetimeLimitSeconds",
    "ttlMonitorEnabled",
];

/// Options with a value that have no effect here.
const WITH_VALUE: &[&str] = &[
    "logappend",
    "maxConns",
    "profile",
    "slowms",
    "storageEngine",
    "timeStampFormat",
    "wiredTigerCacheSizeGB",
    "wiredTigerJournalCompressor",
    "wiredTigerCollectionBlockCompressor",
];

/// Options without a value that have no effect here.
const FLAGS: &[&str] = &[
    "directoryperdb",
    "ipv6",
    "nounixsocket",
    "noscripting",
    "quiet",
    "verbose",
];

/// Flags that MongoDB 6.1 removed.
const JOURNAL_FLAGS: &[&str] = &["journal", "nojournal"];

#[derive(Debug, PartialEq)]
pub struct Options {
    pub data: PathBuf,
    pub address: String,
    pub port: u16,
    /// Whether clients must log in.
    pub auth: bool,
}

/// The reason why mongod rejects a command line.
#[derive(Debug, PartialEq)]
pub struct Refusal {
    pub code: u8,
    pub message: String,
}

/// The exit code of mongod for invalid options.
const BAD_OPTIONS: u8 = 2;

/// The exit code of the stand-in if the real mongod would start. mongod does not use
/// this code.
pub const NOT_SIMULATED: u8 = 95;

/// Options that mongod knows but the stand-in does not simulate.
const UNSIMULATED: &[&str] = &["replSet", "keyFile", "config", "logpath"];

pub fn parse(arguments: &[String], version: Version) -> Result<Options, Refusal> {
    read(arguments, version).and_then(|(options, unsimulated)| match unsimulated {
        None => Ok(options),
        Some(name) => Err(Refusal {
            code: NOT_SIMULATED,
            message: format!("stand-in: mongod --{name} is not simulated"),
        }),
    })
}

/// Returns the options, and one that is not simulated, if any. Options that mongod
/// itself would reject come first.
fn read(arguments: &[String], version: Version) -> Result<(Options, Option<String>), Refusal> {
    let mut unsimulated = None;
    let options = read_options(arguments, version, &mut unsimulated);
    let options = options.map_err(|message| Refusal {
        code: BAD_OPTIONS,
        message,
    })?;
    Ok((options, unsimulated))
}

fn read_options(
    arguments: &[String],
    version: Version,
    unsimulated: &mut Option<String>,
) -> Result<Options, String> {
    let mut options = Options {
        data: PathBuf::from("/data/db"),
        address: "127.0.0.1".to_owned(),
        port: 27017,
        auth: false,
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let Some(long) = argument.strip_prefix("--") else {
            return Err(format!(
                "Error parsing command line: unrecognised option '{argument}'\ntry 'mongod --help' for more information"
            ));
        };
        let (name, inline) = match long.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (long, None),
        };
        let mut value = || {
            inline
                .clone()
                .or_else(|| rest.next().cloned())
                .ok_or_else(|| {
                    format!("Error parsing command line: the required argument for option '--{name}' is missing")
                })
        };
        match name {
            "bind_ip_all" => "0.0.0.0".clone_into(&mut options.address),
            // There is only one listener: with several addresses, the one that others
            // can reach.
            "bind_ip" => {
                let addresses = value()?;
                let first = addresses.split(',').find(|address| *address != "127.0.0.1");
                let address = first.unwrap_or("127.0.0.1").replace('*', "0.0.0.0");
                options.address = address.replace("localhost", "127.0.0.1");
            }
            "dbpath" => options.data = PathBuf::from(value()?),
            "port" => {
                let text = value()?;
                options.port = text.parse().map_err(|_| {
                    format!("Error parsing command line: the argument ('{text}') for option '--port' is invalid")
                })?;
            }
            "setParameter" => parameter(&value()?)?,
            "auth" => options.auth = true,
            "noauth" => options.auth = false,
            name if UNSIMULATED.contains(&name) => {
                drop(value()?);
                *unsimulated = Some(name.to_owned());
            }
            known if FLAGS.contains(&known) => {}
            known if WITH_VALUE.contains(&known) => drop(value()?),
            known if JOURNAL_FLAGS.contains(&known) && version.major < 7 => {}
            _ => {
                return Err(format!(
                    "Error parsing command line: unrecognised option '--{name}'\ntry 'mongod --help' for more information"
                ));
            }
        }
    }
    Ok(options)
}

fn parameter(setting: &str) -> Result<(), String> {
    let (name, value) = setting.split_once('=').ok_or_else(|| {
        format!("BadValue: Illegal option assignment: \"{setting}\"\ntry 'mongod --help' for more information")
    })?;
    if !PARAMETERS.contains(&name) {
        return Err(format!(
            "BadValue: Illegal --setParameter parameter: \"{name}\"\ntry 'mongod --help' for more information"
        ));
    }
    let number = value.parse::<i64>().is_ok() || value == "true" || value == "false";
    number.then_some(()).ok_or_else(|| {
        format!("FailedToParse: Bad value for parameter \"{name}\": {value}\ntry 'mongod --help' for more information")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_line(line: &str, version: &str) -> Result<Options, String> {
        let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let parsed = parse(&arguments, Version::parse(version).unwrap());
        parsed.map_err(|refusal| format!("{}: {}", refusal.code, refusal.message))
    }

    #[test]
    fn distinguishes_unsimulated_options_from_invalid_ones() {
        let line = "--replSet rs0 --keyFile /key --bind_ip_all";
        let refusal = parse_line(line, "4.4.29").unwrap_err();
        assert_eq!(refusal, "95: stand-in: mongod --keyFile is not simulated");
        let refusal = parse_line("--replSet rs0 --smallfiles", "4.4.29").unwrap_err();
        assert!(refusal.starts_with("2: Error parsing command line"));
    }

    #[test]
    fn auth_requires_clients_to_log_in() {
        assert!(!parse_line("", "4.4.29").unwrap().auth);
        assert!(parse_line("--auth", "4.4.29").unwrap().auth);
    }

    #[test]
    fn listens_on_loopback_without_an_address() {
        assert_eq!(parse_line("", "4.4.29").unwrap().address, "127.0.0.1");
        assert_eq!(
            parse_line("--bind_ip_all", "4.4.29").unwrap().address,
            "0.0.0.0"
        );
    }

    #[test]
    fn accepts_the_parameter_of_the_chart() {
        let line =
            "--setParameter internalQueryMaxBlockingSortMemoryUsageBytes=196100200 --bind_ip_all";
        assert!(parse_line(line, "4.4.29").is_ok());
        assert!(parse_line(line, "7.0.22").is_ok());
    }

    #[test]
    fn rejects_unknown_options() {
        assert!(
            parse_line("--smallfiles", "4.4.29")
                .unwrap_err()
                .contains("unrecognised option '--smallfiles'")
        );
        assert!(parse_line("--journal", "4.4.29").is_ok());
        assert!(parse_line("--journal", "7.0.22").is_err());
        assert!(
            parse_line("--setParameter internalQueryMaxBytes=1", "7.0.22")
                .unwrap_err()
                .contains("Illegal --setParameter")
        );
        assert!(parse_line("--setParameter logLevel=lots", "7.0.22").is_err());
    }
}
