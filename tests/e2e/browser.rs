//! The web app as a user sees it in a browser.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::chromium::{Login, Network, Request, Seen, Tab, program};

/// A browser in which a user looks at the web app of one server.
pub struct Browser {
    tab: Tab,
    login: Login,
}

impl Browser {
    /// Starts a browser that reaches published ports. Returns `None`, and prints why, if no
    /// browser is installed.
    pub fn start() -> Option<Browser> {
        Browser::on(Network {
            hosts: vec!["localhost".into()],
            ..Network::default()
        })
    }

    /// Starts a browser that reaches these hosts at an address, with any certificate.
    pub fn by_name(hosts: &[&str], address: IpAddr) -> Option<Browser> {
        let addresses = hosts.iter().map(|host| ((*host).to_owned(), address));
        Browser::on(Network {
            addresses: addresses.collect(),
            any_certificate: true,
            ..Network::default()
        })
    }

    fn on(network: Network) -> Option<Browser> {
        let Some(program) = program() else {
            eprintln!("SKIPPED: nobody looks at the web app: Chromium is not installed");
            return None;
        };
        Some(Browser {
            tab: Tab::open(program, &network).unwrap(),
            login: Login::Name("Ada Lovelace".into()),
        })
    }

    /// Logs in as a fixed user from now on.
    pub fn log_in_as(&mut self, user: &str, password: &str) {
        self.login = Login::Password {
            user: user.into(),
            password: password.into(),
        };
    }

    pub fn visit(&mut self, url: &str) -> Seen {
        let seen = self.tab.visit(url, &self.login);
        seen.unwrap_or_else(|reason| panic!("{url}: {reason}"))
    }

    /// Asserts that the page works for a user, that it asks the API at this address, and that
    /// it shows these words.
    #[track_caller]
    pub fn sees(&mut self, url: &str, api: &str, words: &[&str]) -> Seen {
        let seen = self.visit(url);
        assert_eq!(seen.problems, [""; 0], "{url}: {seen:#?}");
        let call = format!("{api}/users.get_current_user");
        let mut requests = seen.requests.iter();
        assert!(
            requests.any(|request| request.url == call),
            "{call}: {seen:#?}"
        );
        let origins: BTreeSet<&str> = seen.requests.iter().map(Request::origin).collect();
        let own = |origin: &&str| url.starts_with(*origin) || api.starts_with(*origin);
        assert!(origins.iter().all(own), "{origins:?}");
        for word in words {
            assert!(seen.text.contains(word), "{word}: {}", seen.text);
        }
        seen
    }
}
