//! Stand-ins for the containers of a ClearML server.
//!
//! End-to-end tests need images, and where no registry can be reached these
//! take the place of the real ones under the same names. They keep to the
//! contract of the real servers as far as an installer can notice it: what
//! they demand at start, what they refuse and how they say so, how they die,
//! what a probe sees, and what survives a restart. A manifest that would fail
//! a user should fail here.
//!
//! One program plays every part, chosen by the name it is called by or by its
//! first argument.

mod clearml;
mod elastic;
mod mongo;
mod support;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments: Vec<String> = std::env::args().collect();
    let called = Path::new(&arguments.remove(0))
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let part = if called == "standin" && !arguments.is_empty() {
        arguments.remove(0)
    } else {
        called
    };
    let code = match part.as_str() {
        "apiserver" => clearml::apiserver::run(),
        "webserver" => clearml::webserver::run(),
        "fileserver" => clearml::fileserver::run(),
        "mongod" => mongo::server::run(&arguments),
        "mongo" => mongo::shell::run(mongo::shell::Flavour::Legacy, &arguments),
        "mongosh" => mongo::shell::run(mongo::shell::Flavour::Mongosh, &arguments),
        "elasticsearch" => elastic::server::run(),
        "misbehave" => support::switches::misbehave_or_run(&arguments),
        other => {
            eprintln!("standin: no such part: {other}");
            2
        }
    };
    ExitCode::from(code)
}
