//! The address to listen on is one of this machine.

use std::io::ErrorKind;
use std::net::{IpAddr, TcpListener};

use super::Finding;
use crate::error::Code;
use crate::hint::{Hint, ours};
use crate::settings::Listen;

/// Returns the finding where this machine does not have the address.
pub(super) fn address(listen: Listen) -> Option<Finding> {
    if is_here(listen.ip()) {
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
        code: Code::Usage,
    })
}

/// Port 0 is any free one, so that nothing but the address can be wrong.
fn is_here(address: IpAddr) -> bool {
    match TcpListener::bind((address, 0)) {
        Err(error) => error.kind() != ErrorKind::AddrNotAvailable,
        Ok(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_another_machine_is_found() {
        // TEST-NET-1 (RFC 5737): nobody has it.
        let found = address("192.0.2.7".parse().unwrap()).unwrap();
        assert!(found.what.contains("192.0.2.7"), "{}", found.what);
        assert_eq!(address("127.0.0.1".parse().unwrap()), None);
        assert_eq!(address("0.0.0.0".parse().unwrap()), None);
    }
}
