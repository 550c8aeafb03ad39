//! Keys below `fileserver`.

use super::Definition;
use super::key::{key, keys};
use super::pods::Pods;
use super::server::Server;
use super::types;

keys! {
    STORAGE_CLASS: String = key(
        "fileserver.storage.data.class",
        types::NAME,
        "Storage class of the file server's claim. Without one, the claim uses the volume of a local node, or the default class of an existing cluster.",
    );
    STORAGE_SIZE: String = key(
        "fileserver.storage.data.size",
        types::QUANTITY,
        "Size of the file server's claim.",
    );
}

pub(in crate::values) static SERVER: Server = Server::new("fileserver", "file server");
pub(in crate::values) static PODS: Pods = Pods::new("fileserver", "the file server");

pub(super) fn all() -> Vec<&'static Definition> {
    [SERVER.all(), PODS.all(), ALL.to_vec()].concat()
}
