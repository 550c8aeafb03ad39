//! Stand-ins for the containers of a ClearML server.
//!
//! End-to-end tests need images. If no registry is reachable, these take the place of
//! the real ones under the same names. They meet the contract of the real servers as
//! far as an installer can notice it: what they require at start, what they reject with
//! which messages, how they exit, what a probe sees, and which data survive a restart.
//! A manifest that would fail for a user must fail here.
//!
//! One program implements every server. The name of the program or its first argument
//! selects the server.

mod clearml;
mod elastic;
mod mongo;
mod support;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().collect();
    let program = Path::new(&arguments.remove(0))
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let server = if program == "standin" && !arguments.is_empty() {
        arguments.remove(0)
    } else {
        program
    };
    let code = match server.as_str() {
        "apiserver" => clearml::apiserver::run(),
        "webserver" => clearml::webserver::run(),
        "fileserver" => clearml::fileserver::run(),
        "mongod" => mongo::server::run(&arguments),
        "mongo" => mongo::shell::run(mongo::shell::Flavour::Legacy, &arguments),
        "mongosh" => mongo::shell::run(mongo::shell::Flavour::Mongosh, &arguments),
        "elasticsearch" => elastic::server::run(),
        "misbehave" => support::switches::misbehave_or_run(&arguments),
        other => {
            eprintln!("standin: unknown server: {other}");
            2
        }
    };
    ExitCode::from(code)
}
