//! The name of this host in URLs: `localhost`, if it resolves to the address at which the
//! ports are published.

use std::net::{IpAddr, Ipv4Addr, ToSocketAddrs};
use std::sync::{OnceLock, mpsc};
use std::time::Duration;

/// The timeout for resolving the name, which usually is in a file.
const LOOKUP: Duration = Duration::from_millis(500);

/// Returns `localhost`, or `127.0.0.1` if that name resolves only to ::1: no ports are
/// published there, and clients such as the SDK do not try other addresses.
pub(super) fn name() -> &'static str {
    static NAME: OnceLock<&str> = OnceLock::new();
    NAME.get_or_init(|| {
        let (send, found) = mpsc::channel();
        std::thread::spawn(move || {
            let all = ("localhost", 0).to_socket_addrs();
            let all = all.map(|all| all.map(|address| address.ip()).collect());
            // The receiver may have timed out.
            let _ = send.send(all.unwrap_or_default());
        });
        name_of(found.recv_timeout(LOOKUP).ok())
    })
}

/// Selects the name, given the addresses of `localhost`, or `None` if resolving timed
/// out.
fn name_of(addresses: Option<Vec<IpAddr>>) -> &'static str {
    match addresses {
        Some(all) if !all.contains(&IpAddr::V4(Ipv4Addr::LOCALHOST)) => "127.0.0.1",
        _ => "localhost",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn localhost_without_ipv4_is_not_used() {
        let (v4, v6) = ("127.0.0.1".parse().unwrap(), "::1".parse().unwrap());
        assert_eq!(name_of(Some(vec![v6])), "127.0.0.1");
        assert_eq!(name_of(Some(Vec::new())), "127.0.0.1");
        assert_eq!(name_of(Some(vec![v6, v4])), "localhost");
        assert_eq!(name_of(None), "localhost");
    }
}
