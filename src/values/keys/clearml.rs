//! Keys below `clearml`.

use super::key::{key, keys};
use super::types;

keys! {
    DEFAULT_COMPANY: String = key(
        "clearml.defaultCompany",
        types::WORD,
        "ID of the company that all users belong to.",
    );
}
