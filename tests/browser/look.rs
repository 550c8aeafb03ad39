//! `tests/browser/look`: looks at the web app of any server in Chromium.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a program of its own"
)]
#![expect(clippy::disallowed_methods, reason = "the message names the path")]

mod chromium;

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Parser;
use serde_json::json;

use self::chromium::{Login, Network, Request, Seen, Tab, program};

/// Load the web app in Chromium, log in, and print what the page requested and reported
///
/// Exits with 1 if no user is logged in, if a request fails or goes to another host, or if the
/// console has an error. Other hosts are not resolved, so no request reaches them. Requests of the
/// real web app to api.github.com and updates.clear.ml are shown, get an empty answer, and are no
/// problem, and neither is a JSON file that is missing.
#[derive(Parser)]
#[command(name = "look")]
struct Arguments {
    /// The page, such as http://localhost:30080 or that of an experiment
    url: String,
    /// Log in by this name, if the server has no fixed users; creates the user
    #[arg(long, default_value = "clearml-local look")]
    name: String,
    /// Log in as this fixed user
    #[arg(long, requires = "password", conflicts_with = "name")]
    user: Option<String>,
    /// Password of the fixed user
    #[arg(long, requires = "user", value_name = "TEXT")]
    password: Option<String>,
    /// Another host to which requests may go; by default that of the page, and `api.` and
    /// `files.` if it starts with `app.`
    #[arg(long, value_name = "HOST")]
    allow: Vec<String>,
    /// Use this address for a host name
    #[arg(long, value_name = "HOST=ADDRESS", value_parser = host_and_address)]
    resolve: Vec<(String, IpAddr)>,
    /// Accept any certificate
    #[arg(long)]
    insecure: bool,
    /// Write the page to this file, as PNG
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
}

fn host_and_address(text: &str) -> Result<(String, IpAddr), String> {
    let (host, address) = text.split_once('=').ok_or("expected HOST=ADDRESS")?;
    let address = address.parse().map_err(|_| "expected an IP address")?;
    Ok((host.to_owned(), address))
}

impl Arguments {
    /// Returns the hosts to which requests may go.
    fn hosts(&self) -> Result<Vec<String>, String> {
        let url = reqwest::Url::parse(&self.url).map_err(|error| error.to_string())?;
        let host = url.host_str().ok_or("the URL has no host")?;
        let mut hosts = vec![host.to_owned()];
        if let Some(domain) = host.strip_prefix("app.") {
            hosts.extend(["api", "files"].map(|server| format!("{server}.{domain}")));
        }
        hosts.extend(self.allow.iter().cloned());
        Ok(hosts)
    }

    fn login(&self) -> Login {
        match (&self.user, &self.password) {
            (Some(user), Some(password)) => Login::Password {
                user: user.clone(),
                password: password.clone(),
            },
            _ => Login::Name(self.name.clone()),
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match look(&arguments) {
        Ok(problems) if problems.is_empty() => ExitCode::SUCCESS,
        Ok(problems) => {
            for problem in problems {
                eprintln!("problem: {}", problem.lines().next().unwrap_or_default());
            }
            ExitCode::FAILURE
        }
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// Returns the problems of the page, after printing what it did.
fn look(arguments: &Arguments) -> Result<Vec<String>, String> {
    let program = program().ok_or(
        "Chromium is not installed: install the package `chromium-headless-shell` or `chromium`",
    )?;
    let network = Network {
        hosts: arguments.hosts()?,
        addresses: arguments.resolve.clone(),
        any_certificate: arguments.insecure,
    };
    let mut tab = Tab::open(program, &network)?;
    let seen = tab.visit(&arguments.url, &arguments.login())?;
    print(&seen);
    if let Some(path) = &arguments.picture {
        let picture = tab.call("Page.captureScreenshot", &json!({"format": "png"}))?;
        let picture = STANDARD.decode(picture["data"].as_str().unwrap_or_default());
        let picture = picture.map_err(|error| error.to_string())?;
        let written = std::fs::write(path, picture);
        written.map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(seen.problems)
}

fn print(seen: &Seen) {
    println!("title    {}", seen.title);
    println!("address  {}", seen.url);
    let login = match (seen.asked_for_login, seen.logged_in) {
        (true, true) => "with the form",
        (false, true) => "not needed",
        (_, false) => "failed",
    };
    let page = seen.requests.first().map(Request::origin);
    let is_file = |request: &&Request| {
        let own = Some(request.origin()) == page && request.method == "GET";
        matches!(request.answer, Some(Ok(200))) && (own || request.method == "OPTIONS")
    };
    let files = seen.requests.iter().filter(is_file).count();
    println!(
        "login    {login}\n\nRequests, without {files} that only read a file or asked for permission"
    );
    for request in seen.requests.iter().filter(|request| !is_file(request)) {
        let answer = match &request.answer {
            Some(Ok(status)) => status.to_string(),
            Some(Err(reason)) => reason.clone(),
            None => "no answer".into(),
        };
        let (method, origin, path) = (&request.method, request.origin(), request.path());
        println!("  {answer:<10} {method:<7} {origin}  {path}");
    }
    println!("\nConsole");
    for (level, text) in &seen.console {
        println!("  {level:<10} {}", text.lines().next().unwrap_or_default());
    }
}
