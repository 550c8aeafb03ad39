//! `mongod`.

use crate::mongo::data::{self, Lock, Refusal};
use crate::mongo::log;
use crate::mongo::options::{self, Options};
use crate::mongo::users::{Root, Users};
use crate::support::http::{self, Request, Response};
use crate::support::store::{self, Store};
use crate::support::version::Version;
use crate::support::{signals, switches};
use serde_json::json;
use std::io;
use std::sync::{Arc, Mutex};

/// The response of the real server to HTTP requests. Init containers without a MongoDB
/// client use it.
const HTTP_ANSWER: &str =
    "It looks like you are trying to access MongoDB over HTTP on the native driver port.\r\n";

/// Runs until SIGTERM and returns the exit code.
pub fn run(arguments: &[String]) -> u8 {
    let version = Version::of_image();
    let options = match options::parse(arguments, version) {
        Ok(options) => options,
        Err(refusal) => {
            eprintln!("{}", refusal.message);
            return refusal.code;
        }
    };
    match switches::misbehave(Some(&options.data)) {
        0 => {}
        code => return code,
    }
    log::line(
        "I",
        "CONTROL",
        4_615_611,
        "MongoDB starting",
        json!({"pid": std::process::id(), "port": options.port, "dbPath": options.data}),
    );
    let (store, users, lock) = match open(&options, version) {
        Ok(opened) => opened,
        Err(refusal) => {
            let (id, message) = match refusal.code {
                62 => (20_573, "Wrong mongod version"),
                _ => (20_557, "DBException in initAndListen, terminating"),
            };
            log::line("E", "CONTROL", id, message, json!({"error": refusal.error}));
            let exit = json!({"exitCode": refusal.code});
            log::line("I", "CONTROL", 23_138, "Shutting down", exit);
            return refusal.code;
        }
    };
    release_on_terminate(lock);
    let address = format!("{}:{}", options.address, options.port);
    log::line(
        "I",
        "NETWORK",
        23_016,
        "Waiting for connections",
        json!({"port": options.port, "ssl": "off"}),
    );
    match http::serve(&address, move |request| {
        handle(&store, &users, version, &request)
    }) {
        Ok(()) => 0,
        Err(error) => {
            let error = json!({"error": format!("SocketException: {error}")});
            log::line("E", "NETWORK", 23_024, "Failed to set up listener", error);
            48
        }
    }
}

fn open(options: &Options, version: Version) -> Result<(Store, Users, Lock), Refusal> {
    let lock = Lock::acquire(&options.data)?;
    if lock.unclean {
        let attributes = json!({"lockFile": options.data.join("mongod.lock")});
        let message = "Detected unclean shutdown - Lock file is not empty";
        log::line("W", "STORAGE", 22_271, message, attributes);
    }
    data::check_version(&options.data, version)?;
    let refuse = |error: io::Error| Refusal {
        code: 100,
        error: error.to_string(),
    };
    let users = Users::open(&options.data, Root::of_process(), options.auth).map_err(refuse)?;
    let store = Store::open(&options.data.join("standin.jsonl")).map_err(refuse)?;
    Ok((store, users, lock))
}

fn release_on_terminate(lock: Lock) {
    // `Lock::release` consumes the lock; there is only one signal.
    let lock = Arc::new(Mutex::new(Some(lock)));
    signals::on_terminate(move || {
        let attributes = json!({"signal": 15, "error": "Terminated"});
        log::line("I", "CONTROL", 23_377, "Received signal", attributes);
        let lock = lock.lock().ok().and_then(|mut lock| lock.take());
        let released = lock.is_some_and(|lock| lock.release().is_ok());
        let code = i32::from(!released);
        log::line("I", "CONTROL", 20_565, "Now exiting", json!({}));
        log::line(
            "I",
            "CONTROL",
            23_138,
            "Shutting down",
            json!({"exitCode": code}),
        );
        code
    });
}

fn handle(store: &Store, users: &Users, version: Version, request: &Request) -> Response {
    // A ping needs no login, but a login must be valid.
    if request.path == "/_standin" {
        let login = request.header("Authorization");
        let refusal = login.and_then(|_| users.refusal(request));
        return refusal
            .unwrap_or_else(|| Response::json(200, &json!({"version": version.to_string()})));
    }
    if request.path.starts_with(store::PREFIX) {
        return users
            .refusal(request)
            .unwrap_or_else(|| store.handle(request));
    }
    Response::new(200, "text/plain", HTTP_ANSWER)
}
