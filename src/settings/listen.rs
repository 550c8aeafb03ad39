//! The address to open the ports on.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de};

/// An IPv4 address to open ports on. IPv6 is not supported: on many engines, the network of the
/// node has no IPv6, and ports that Docker publishes on `::` then lead nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Listen(Ipv4Addr);

impl Listen {
    /// Only this machine.
    pub const LOOPBACK: Listen = Listen(Ipv4Addr::LOCALHOST);

    pub fn ip(self) -> IpAddr {
        IpAddr::V4(self.0)
    }

    pub fn is_loopback(self) -> bool {
        self.0.is_loopback()
    }

    /// Returns whether it is 0.0.0.0, all addresses of this machine.
    pub fn is_all(self) -> bool {
        self.0.is_unspecified()
    }

    /// Returns the address that this machine connects to.
    pub fn connect_address(self) -> IpAddr {
        match self.is_all() {
            true => IpAddr::V4(Ipv4Addr::LOCALHOST),
            false => self.ip(),
        }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidListen {
    #[error("IPv6 is not supported, use {alternative}")]
    V6 {
        /// The equivalent IPv4 address.
        alternative: &'static str,
    },
    #[error("expected an address of this machine, got a multicast or broadcast address")]
    Multicast,
    /// Not an IP address.
    #[error(
        "expected an IPv4 address such as 127.0.0.1, or 0.0.0.0 for all addresses of this \
        machine"
    )]
    NotAnAddress,
}

impl FromStr for Listen {
    type Err = InvalidListen;

    fn from_str(text: &str) -> Result<Listen, InvalidListen> {
        let bare = text.trim().trim_start_matches('[').trim_end_matches(']');
        match bare.parse() {
            Ok(IpAddr::V4(address)) if address.is_multicast() || address.is_broadcast() => {
                Err(InvalidListen::Multicast)
            }
            Ok(IpAddr::V4(address)) => Ok(Listen(address)),
            Ok(IpAddr::V6(address)) => Err(InvalidListen::V6 {
                alternative: alternative(address),
            }),
            Err(_) => Err(InvalidListen::NotAnAddress),
        }
    }
}

fn alternative(address: Ipv6Addr) -> &'static str {
    if address.is_loopback() {
        "127.0.0.1"
    } else if address.is_unspecified() {
        "0.0.0.0"
    } else {
        "an IPv4 address of this machine, or 0.0.0.0 for all"
    }
}

impl<'de> Deserialize<'de> for Listen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// Deserializes a saved address. Versions up to 0.1.0 accepted IPv6 addresses, with which no
/// server became ready: they are replaced by the equivalent IPv4 address.
pub(super) fn deserialize_saved<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Listen, D::Error> {
    let address = IpAddr::deserialize(deserializer)?;
    Ok(match address {
        IpAddr::V4(address) => Listen(address),
        IpAddr::V6(address) if address.is_loopback() => Listen::LOOPBACK,
        IpAddr::V6(_) => Listen(Ipv4Addr::UNSPECIFIED),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_only_ipv4_addresses_and_suggests_an_alternative() {
        let parsed = |text: &str| match text.parse::<Listen>() {
            Ok(listen) => listen.to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(parsed("127.0.0.1"), "127.0.0.1");
        assert_eq!(parsed("0.0.0.0"), "0.0.0.0");
        assert_eq!(parsed("::1"), "IPv6 is not supported, use 127.0.0.1");
        assert_eq!(parsed("[::1]"), parsed("::1"));
        assert_eq!(parsed("::"), "IPv6 is not supported, use 0.0.0.0");
        assert!(parsed("fe80::1").ends_with("an IPv4 address of this machine, or 0.0.0.0 for all"));
        assert!(parsed("224.0.0.1").contains("multicast"));
        assert!(parsed("localhost").starts_with("expected an IPv4 address"));
    }
}
