//! Keys below `webserver`.

use std::collections::BTreeMap;

use super::Definition;
use super::key::{key, keys};
use super::pods::Pods;
use super::server::Server;
use super::types;

keys! {
    ADDITIONAL_CONFIGS: BTreeMap<String, String> = key(
        "webserver.additionalConfigs",
        types::files(&[]),
        "Files for the web app. The browser reads `configuration.json`. On servers before 1.15 it replaces their own, and they read no other file.",
    );
}

pub(in crate::values) static SERVER: Server = Server::new("webserver", "web app");
pub(in crate::values) static PODS: Pods = Pods::new("webserver", "the web app");

pub(super) fn all() -> Vec<&'static Definition> {
    [SERVER.all(), PODS.all(), ALL.to_vec()].concat()
}
