//! The address that the ports are opened on.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de};

/// An IPv4 address that ports can be opened on. The node's network has no IPv6 on many
/// engines, and Docker publishes on `::` what then leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Listen(Ipv4Addr);

impl Listen {
    /// This machine only.
    pub const LOOPBACK: Listen = Listen(Ipv4Addr::LOCALHOST);

    pub fn ip(self) -> IpAddr {
        IpAddr::V4(self.0)
    }

    pub fn is_loopback(self) -> bool {
        self.0.is_loopback()
    }

    /// Whether it stands for every address of this machine.
    pub fn is_all(self) -> bool {
        self.0.is_unspecified()
    }

    /// The address by which this machine reaches the ports.
    pub fn reached_at(self) -> IpAddr {
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
    #[error("IPv6 is not supported, use {instead}")]
    V6 {
        /// What means the same.
        instead: &'static str,
    },
    #[error("expected an address of this machine, got a multicast or broadcast address")]
    Group,
    /// No address.
    #[error(
        "expected an IPv4 address such as 127.0.0.1, or 0.0.0.0 for all addresses of this \
        machine"
    )]
    NoAddress,
}

impl FromStr for Listen {
    type Err = InvalidListen;

    fn from_str(text: &str) -> Result<Listen, InvalidListen> {
        let bare = text.trim().trim_start_matches('[').trim_end_matches(']');
        match bare.parse() {
            Ok(IpAddr::V4(address)) if address.is_multicast() || address.is_broadcast() => {
                Err(InvalidListen::Group)
            }
            Ok(IpAddr::V4(address)) => Ok(Listen(address)),
            Ok(IpAddr::V6(address)) => Err(InvalidListen::V6 {
                instead: instead(address),
            }),
            Err(_) => Err(InvalidListen::NoAddress),
        }
    }
}

fn instead(address: Ipv6Addr) -> &'static str {
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

/// Reads what is kept. Versions up to 0.1.0 took IPv6 addresses, with which no server
/// became ready: the IPv4 address that means the same stands in for one.
pub(super) fn kept<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Listen, D::Error> {
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
    fn only_ipv4_addresses_are_taken_and_others_come_with_what_to_use() {
        let said = |text: &str| match text.parse::<Listen>() {
            Ok(listen) => listen.to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(said("127.0.0.1"), "127.0.0.1");
        assert_eq!(said("0.0.0.0"), "0.0.0.0");
        assert_eq!(said("::1"), "IPv6 is not supported, use 127.0.0.1");
        assert_eq!(said("[::1]"), said("::1"));
        assert_eq!(said("::"), "IPv6 is not supported, use 0.0.0.0");
        assert!(said("fe80::1").ends_with("an IPv4 address of this machine, or 0.0.0.0 for all"));
        assert!(said("224.0.0.1").contains("multicast"));
        assert!(said("localhost").starts_with("expected an IPv4 address"));
    }
}
