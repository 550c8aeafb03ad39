//! ClearML's three servers, which share one image.

pub mod apiserver;
mod config;
mod cookies;
mod cors;
pub mod databases;
mod documents;
mod endpoints;
mod envelope;
mod events;
pub mod fileserver;
mod fixed_users;
mod hocon;
mod models;
pub mod mongo_address;
mod multipart;
mod page;
mod pre_populate;
mod projects;
mod queues;
mod secret_words;
mod tasks;
mod token;
mod users;
mod watchdog;
mod web_app;
pub mod webserver;
mod workers;

use crate::support::clock;

/// Prints a line in the format of the Python servers.
fn log(level: &str, component: &str, message: &str) {
    println!(
        "[{}] [{}] [{level}] [{component}] {message}",
        clock::iso().replace('T', " ").replace('.', ","),
        std::process::id()
    );
}

/// Prints why a server exits, and returns its exit code.
fn fail(component: &str, message: &str) -> u8 {
    log("ERROR", component, message);
    1
}
