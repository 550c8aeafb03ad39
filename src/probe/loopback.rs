//! What this machine is called in URLs: `localhost`, unless that name does not lead to
//! where the ports are open.

use std::net::{IpAddr, Ipv4Addr, ToSocketAddrs};
use std::sync::{OnceLock, mpsc};
use std::time::Duration;

/// How long a name server may take for a name that is mostly in a file.
const LOOKUP: Duration = Duration::from_millis(500);

/// Returns `localhost`, or `127.0.0.1` where that name only leads to ::1: ports are not
/// open there, and clients such as the SDK try nothing else.
pub(super) fn name() -> &'static str {
    static NAME: OnceLock<&str> = OnceLock::new();
    NAME.get_or_init(|| {
        let (send, found) = mpsc::channel();
        std::thread::spawn(move || {
            let all = ("localhost", 0).to_socket_addrs();
            let all = all.map(|all| all.map(|address| address.ip()).collect());
            // Nobody may wait for it any more.
            let _ = send.send(all.unwrap_or_default());
        });
        name_of(found.recv_timeout(LOOKUP).ok())
    })
}

/// The name for the addresses that `localhost` has; `None` where nobody told in time.
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
    fn a_localhost_without_ipv4_is_not_shown() {
        let (v4, v6) = ("127.0.0.1".parse().unwrap(), "::1".parse().unwrap());
        assert_eq!(name_of(Some(vec![v6])), "127.0.0.1");
        assert_eq!(name_of(Some(Vec::new())), "127.0.0.1");
        assert_eq!(name_of(Some(vec![v6, v4])), "localhost");
        assert_eq!(name_of(None), "localhost");
    }
}
