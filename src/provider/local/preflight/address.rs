//! The check of the listen address.

use std::io::ErrorKind;
use std::net::{IpAddr, TcpListener};

use crate::failures::Failure;
use crate::hint::{Hint, ours};
use crate::preflight::Finding;
use crate::settings::Listen;

/// Returns a finding if this machine does not have the address.
pub(super) fn address(listen: Listen) -> Option<Finding> {
    if is_local(listen.ip()) {
        return None;
    }
    Some(Finding {
        what: format!("cannot publish ports on {listen}: this machine does not have that address"),
        remedies: vec![
            Hint::run("list its addresses", "ip -brief address"),
            Hint::run(
                "listen on this machine only",
                ours!(Up, "--listen 127.0.0.1"),
            ),
            Hint::run("or listen on all addresses", ours!(Up, "--listen 0.0.0.0")),
        ],
        failure: Failure::AddressUnavailable,
    })
}

/// Binds to port 0, which is any free port, so that only the address can be the cause of an
/// error.
fn is_local(address: IpAddr) -> bool {
    match TcpListener::bind((address, 0)) {
        Err(error) => error.kind() != ErrorKind::AddrNotAvailable,
        Ok(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_an_address_of_another_machine() {
        // TEST-NET-1 (RFC 5737): no machine has this address.
        let found = address("192.0.2.7".parse().unwrap()).unwrap();
        assert!(found.what.contains("192.0.2.7"), "{}", found.what);
        assert_eq!(address("127.0.0.1".parse().unwrap()), None);
        assert_eq!(address("0.0.0.0".parse().unwrap()), None);
    }
}
