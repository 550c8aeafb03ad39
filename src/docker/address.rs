//! The address of an engine, as in `DOCKER_HOST` and in contexts.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

const DEFAULT_SOCKET: &str = "/var/run/docker.sock";
/// Docker's ports without and with TLS.
const PORTS: [u16; 2] = [2375, 2376];

/// The address that an engine listens on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    Socket(String),
    /// A named pipe of Windows.
    Pipe(String),
    Tcp {
        /// Host name or address, without the brackets of IPv6.
        host: String,
        port: u16,
        /// Whether the scheme is `https`, which requires TLS.
        https: bool,
    },
    /// An address that only Docker's own command line supports, such as
    /// `ssh://user@host`.
    Other(String),
}

impl Address {
    pub(super) fn default_socket() -> Address {
        Address::Socket(DEFAULT_SOCKET.to_owned())
    }

    /// Parses an address as Docker does. `tls` selects the default port.
    pub(super) fn parse(text: &str, tls: bool) -> Result<Address, String> {
        let text = text.trim();
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (scheme, rest),
            None if text.starts_with('/') => ("unix", text),
            None => ("tcp", text),
        };
        match scheme {
            "unix" if rest.is_empty() => Ok(Address::default_socket()),
            "unix" => Ok(Address::Socket(rest.to_owned())),
            "npipe" => Ok(Address::Pipe(rest.to_owned())),
            "tcp" | "http" | "https" => Address::parse_tcp(rest, tls, scheme == "https"),
            "ssh" | "fd" => Ok(Address::Other(text.to_owned())),
            _ => Err(format!(
                "expected unix://, tcp:// or ssh://, got `{scheme}://`"
            )),
        }
    }

    fn parse_tcp(place: &str, tls: bool, https: bool) -> Result<Address, String> {
        let place = place.split('/').next().unwrap_or_default();
        let bare_ipv6 = place.parse::<Ipv6Addr>().is_ok();
        let (host, port) = match place.strip_prefix('[') {
            Some(rest) => rest
                .split_once(']')
                .ok_or("expected `]` after an IPv6 address")?,
            None if bare_ipv6 => (place, ""),
            None => match place.find(':') {
                Some(at) => place.split_at(at),
                None => (place, ""),
            },
        };
        let port = match port.strip_prefix(':').unwrap_or(port) {
            "" => PORTS[usize::from(tls || https)],
            port => port
                .parse()
                .map_err(|_| format!("expected a port number, got `{port}`"))?,
        };
        let host = if host.is_empty() { "localhost" } else { host };
        Ok(Address::Tcp {
            host: host.to_owned(),
            port,
            https,
        })
    }

    /// Returns whether the engine is on this host.
    pub fn is_local(&self) -> bool {
        match self {
            Address::Socket(_) | Address::Pipe(_) => true,
            Address::Other(_) => false,
            Address::Tcp { host, .. } => match host.parse::<IpAddr>() {
                Ok(address) => {
                    address.is_loopback() || address.is_unspecified() || is_of_this_host(address)
                }
                Err(_) => {
                    let host = host.to_ascii_lowercase();
                    host == "localhost" || host.ends_with(".localhost")
                }
            },
        }
    }

    /// Returns the authority of a URL to connect to. An engine that listens on all
    /// addresses is reached through loopback.
    pub(super) fn authority(host: &str, port: u16) -> String {
        let host = match host.parse() {
            Ok(IpAddr::V4(Ipv4Addr::UNSPECIFIED)) => "127.0.0.1",
            Ok(IpAddr::V6(Ipv6Addr::UNSPECIFIED)) => "::1",
            _ => host,
        };
        in_url(host, port)
    }
}

/// Returns whether the address belongs to this host: only then can it be bound.
fn is_of_this_host(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

fn in_url(host: &str, port: u16) -> String {
    if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Socket(path) => write!(f, "unix://{path}"),
            Address::Pipe(path) => write!(f, "npipe://{path}"),
            Address::Tcp { host, port, https } => {
                let scheme = if *https { "https" } else { "tcp" };
                write!(f, "{scheme}://{}", in_url(host, *port))
            }
            Address::Other(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address::parse(text, false).unwrap()
    }

    #[test]
    fn default_ports_are_dockers() {
        for (text, plain, with_tls) in [
            (
                "tcp://localhost",
                "tcp://localhost:2375",
                "tcp://localhost:2376",
            ),
            ("tcp://", "tcp://localhost:2375", "tcp://localhost:2376"),
            ("localhost:1", "tcp://localhost:1", "tcp://localhost:1"),
            ("tcp://[::1]", "tcp://[::1]:2375", "tcp://[::1]:2376"),
            ("tcp://[::1]:80/", "tcp://[::1]:80", "tcp://[::1]:80"),
            ("https://h", "https://h:2376", "https://h:2376"),
            (
                "unix://",
                "unix:///var/run/docker.sock",
                "unix:///var/run/docker.sock",
            ),
            ("/run/d.sock", "unix:///run/d.sock", "unix:///run/d.sock"),
        ] {
            assert_eq!(address(text).to_string(), plain, "{text}");
            let tls = Address::parse(text, true).unwrap();
            assert_eq!(tls.to_string(), with_tls, "{text}");
        }
        assert!(Address::parse("tcp://localhost:http", false).is_err());
        assert!(Address::parse("tcp://[::1", false).is_err());
    }

    #[test]
    fn only_engines_on_this_host_are_local() {
        for text in [
            "unix:///var/run/docker.sock",
            "npipe:////./pipe/docker_engine",
            "tcp://127.0.0.1:2375",
            "tcp://127.0.0.2",
            "tcp://0.0.0.0:2375",
            "tcp://[::1]:2375",
            "tcp://localhost",
            "tcp://",
        ] {
            assert!(address(text).is_local(), "{text}");
        }
        // From the range for documentation, which no host has.
        for text in [
            "tcp://192.0.2.3:2375",
            "tcp://docker.corp",
            "ssh://user@host",
        ] {
            assert!(!address(text).is_local(), "{text}");
        }
    }

    #[test]
    fn an_engine_on_all_addresses_is_reached_through_loopback() {
        assert_eq!(Address::authority("0.0.0.0", 1), "127.0.0.1:1");
        assert_eq!(Address::authority("::", 1), "[::1]:1");
        assert_eq!(Address::authority("localhost", 1), "localhost:1");
    }
}
