//! Names of objects.

use super::key::{key, keys};
use super::types;

keys! {
    NAME_OVERRIDE: String = key(
        "nameOverride",
        types::NAME,
        "Replaces `clearml` in labels and in the names of the servers' objects.",
    );
    FULLNAME_OVERRIDE: String = key(
        "fullnameOverride",
        types::NAME,
        "Prefix of the names of the servers' objects.",
    );
}
