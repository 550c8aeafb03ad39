//! Looks at the web app in Chromium, as a user would: loads a page, logs in, and records
//! what the page requests and reports.

mod devtools;
mod seen;

use std::net::IpAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use self::devtools::Browser;
pub use self::devtools::program;
pub use self::seen::{Request, Seen};

/// How long the page may take to load and to log in, on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);
/// A page that requests nothing for this long is complete.
const QUIET: Duration = Duration::from_millis(500);
/// The answer to this call makes a page a page of a user, in all versions of the web app.
const CURRENT_USER: &str = "/users.get_current_user";

/// Hosts of which the real web app asks the number of its stars and its newest version. They are
/// not asked: the page gets an empty answer.
const NOT_NEEDED: [&str; 2] = ["api.github.com", "updates.clear.ml"];

/// What the login form asks for.
#[derive(Debug, Clone)]
pub enum Login {
    /// Any name, where everyone is admitted.
    Name(String),
    /// A fixed user.
    Password { user: String, password: String },
}

/// How the browser reaches the server. It does not find any other host.
#[derive(Debug, Clone, Default)]
pub struct Network {
    /// Hosts for which the browser asks the name server.
    pub hosts: Vec<String>,
    /// Hosts at these addresses.
    pub addresses: Vec<(String, IpAddr)>,
    /// Accepts certificates of unknown authorities.
    pub any_certificate: bool,
}

impl Network {
    fn own_hosts(&self) -> Vec<String> {
        let addresses = self.addresses.iter().map(|(host, _)| host);
        self.hosts.iter().chain(addresses).cloned().collect()
    }

    fn flags(&self) -> Vec<String> {
        let bracketed = |address: &IpAddr| match address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        };
        let addresses = self.addresses.iter();
        let mut rules: Vec<String> = addresses
            .map(|(host, address)| format!("MAP {host} {}", bracketed(address)))
            .collect();
        rules.push("MAP * ~NOTFOUND".into());
        rules.extend(self.hosts.iter().map(|host| format!("EXCLUDE {host}")));
        let mut flags = vec![format!("--host-resolver-rules={}", rules.join(","))];
        if self.any_certificate {
            flags.push("--ignore-certificate-errors".into());
        }
        flags
    }
}

/// A tab with a page of the web app.
pub struct Tab {
    browser: Browser,
    session: String,
    /// The hosts to which requests may go.
    hosts: Vec<String>,
    seen: Seen,
}

impl Tab {
    /// Starts a browser with an empty tab.
    pub fn open(program: &str, network: &Network) -> Result<Tab, String> {
        let mut browser = Browser::start(program, &network.flags())?;
        let session = browser.open_tab()?;
        let mut tab = Tab {
            browser,
            session,
            hosts: network.own_hosts(),
            seen: Seen::default(),
        };
        for domain in ["Page", "Network", "Runtime", "Log"] {
            tab.call(&format!("{domain}.enable"), &json!({}))?;
        }
        let not_needed = NOT_NEEDED.map(|host| json!({"urlPattern": format!("*://{host}/*")}));
        tab.call("Fetch.enable", &json!({"patterns": not_needed}))?;
        Ok(tab)
    }

    /// Loads a page, logs in if it asks for that, and returns everything that it did.
    pub fn visit(&mut self, url: &str, login: &Login) -> Result<Seen, String> {
        self.seen = Seen::default();
        let loaded = self.call("Page.navigate", &json!({"url": url}))?;
        if let Some(error) = loaded["errorText"].as_str() {
            return Err(format!("cannot load {url}: {error}"));
        }
        let deadline = Instant::now() + LIMIT;
        while !self.seen.answered(CURRENT_USER) && Instant::now() < deadline {
            self.read_events(Duration::from_millis(100))?;
            if !self.seen.asked_for_login
                && self.evaluate("!!document.querySelector('input[name=name]')")? == true
            {
                self.seen.asked_for_login = true;
                self.log_in(login)?;
            }
            // After a failed call, such a page does not go on.
            let failed = self.seen.quiet() && self.seen.has_failed_call(&self.hosts);
            if failed && self.read_events(QUIET)? == 0 {
                break;
            }
        }
        while !(self.read_events(QUIET)? == 0 && self.seen.quiet()) && Instant::now() < deadline {}
        self.seen.logged_in = self.seen.answered(CURRENT_USER);
        self.seen.url = self.text_of("location.href")?;
        self.seen.title = self.text_of("document.title")?;
        self.seen.text = self.text_of("document.body.innerText")?;
        let mut seen = self.seen.clone();
        let not_needed = NOT_NEEDED.map(str::to_owned);
        seen.problems = seen.problems_with(&[&self.hosts[..], &not_needed].concat());
        Ok(seen)
    }

    fn log_in(&mut self, login: &Login) -> Result<(), String> {
        let asks_for_password = "!!document.querySelector('input[name=password]')";
        let asks_for_password = self.evaluate(asks_for_password)? == true;
        match (login, asks_for_password) {
            (Login::Name(name), false) => self.type_into("name", name)?,
            (Login::Password { user, password }, true) => {
                self.type_into("name", user)?;
                self.type_into("password", password)?;
            }
            (Login::Name(_), true) => return Err("the page asks for a password".into()),
            (Login::Password { .. }, false) => {
                return Err("the page asks for no password: the server has no fixed users".into());
            }
        }
        self.evaluate("document.querySelector('form button').click()")
            .map(drop)
    }

    fn type_into(&mut self, field: &str, text: &str) -> Result<(), String> {
        self.evaluate(&format!(
            "document.querySelector('input[name={field}]').focus()"
        ))?;
        self.call("Input.insertText", &json!({"text": text}))
            .map(drop)
    }

    fn text_of(&mut self, expression: &str) -> Result<String, String> {
        let value = self.evaluate(expression)?;
        Ok(value.as_str().unwrap_or_default().to_owned())
    }

    fn evaluate(&mut self, expression: &str) -> Result<Value, String> {
        let params = json!({"expression": expression, "returnByValue": true});
        let mut result = self.call("Runtime.evaluate", &params)?;
        match result["exceptionDetails"].is_object() {
            true => Err(format!("{expression}: {}", result["exceptionDetails"])),
            false => Ok(result["result"]["value"].take()),
        }
    }

    /// Calls a method of the DevTools protocol for this tab.
    pub fn call(&mut self, method: &str, params: &Value) -> Result<Value, String> {
        self.browser.call(Some(&self.session), method, params)
    }

    /// Answers a request in place of a host that the page does not need.
    fn answer_with_nothing(&mut self, request: &Value) -> Result<(), String> {
        let headers = ["Origin", "Methods", "Headers"]
            .map(|what| json!({"name": format!("Access-Control-Allow-{what}"), "value": "*"}));
        let answer = json!({
            "requestId": request, "responseCode": 200, "responseHeaders": headers, "body": "e30=",
        });
        self.call("Fetch.fulfillRequest", &answer).map(drop)
    }

    /// Reads events until there are none for a while, and returns how many there were.
    fn read_events(&mut self, within: Duration) -> Result<usize, String> {
        let mut events = 0;
        while let Some(event) = self.browser.next_event(within)? {
            if event["method"] == "Fetch.requestPaused" {
                self.answer_with_nothing(&event["params"]["requestId"])?;
            }
            self.seen.record(&event);
            events += 1;
        }
        Ok(events)
    }
}
