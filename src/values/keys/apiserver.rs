//! Keys below `apiserver`.

use std::collections::BTreeMap;

use super::Definition;
use super::key::{Literal, key, keys, switch};
use super::pods::Pods;
use super::server::Server;
use super::types;
use crate::values::typed::User;

keys! {
    PREPOPULATE_ENABLED: bool = key(
        "apiserver.prepopulateEnabled",
        types::FLAG,
        "Fill empty databases with examples at the first start.",
    );
    PREPOPULATE_ZIP_FILES: String = key(
        "apiserver.prepopulateZipFiles",
        types::TEXT,
        "Directory in the image that holds the examples.",
    );
    PREPOPULATE_ARTIFACTS_PATH: String = key(
        "apiserver.prepopulateArtifactsPath",
        types::TEXT,
        "Directory of the examples' artifacts.",
    )
    .no_effect("the chart does not use it");
    CONFIG_DIR: String = key(
        "apiserver.configDir",
        types::TEXT,
        "Directory of additional configuration in the container.",
    )
    .no_effect("the chart always uses /opt/clearml/config");
    ADDITIONAL_CONFIGS: BTreeMap<String, String> = key(
        "apiserver.additionalConfigs",
        types::files(&[".conf"]),
        "Configuration files by name, such as `apiserver.conf` or `services.conf`, in HOCON. They take precedence over the server's own files, and the environment takes precedence over them.",
    );
    AUTH_COOKIES_MAX_AGE: u64 = key(
        "apiserver.authCookiesMaxAge",
        types::whole(0..=u64::MAX),
        "Seconds after which a login in the browser expires.",
    );
    FIXED_USERS_ENABLED: bool = switch(
        "apiserver.fixedUsers.enabled",
        "Require a user name and a password to log in to the web app. The key pair of `secret.credentials.tests` stops working.",
    );
    FIXED_USERS_PASS_HASHED: bool = key(
        "apiserver.fixedUsers.passHashed",
        types::FLAG,
        "The passwords are base64-encoded bcrypt hashes.",
    );
    FIXED_USERS: Vec<User> = key(
        "apiserver.fixedUsers.users",
        types::USERS,
        "Users, each with `username`, `password` and `name`. They are kept in a Secret.",
    );
    WATCHDOG_ENABLED: bool = switch(
        "apiserver.watchdog.enabled",
        "Mark tasks that no longer report as `stopped`.",
    )
    .default(Literal::Flag(true));
    WATCHDOG_THRESHOLD: u64 = key(
        "apiserver.watchdog.thresholdSeconds",
        types::whole(1..=u64::MAX),
        "Seconds without a report after which a task is marked as `stopped`.",
    )
    .default(Literal::Whole(7200));
    WATCHDOG_INTERVAL: u64 = key(
        "apiserver.watchdog.intervalSeconds",
        types::whole(1..=u64::MAX),
        "Seconds between two checks for such tasks.",
    )
    .default(Literal::Whole(900));
    LIVENESS_DELAY: u64 = key(
        "apiserver.livenessDelay",
        types::whole(0..=86400),
        "Seconds before the first liveness probe. The chart's 60 counts as not set: a startup probe of ten minutes covers the start.",
    );
    READINESS_DELAY: u64 = key(
        "apiserver.readinessDelay",
        types::whole(0..=86400),
        "Seconds before the first readiness probe. The chart's 60 counts as not set.",
    );
}

pub(in crate::values) static SERVER: Server = Server::new("apiserver", "API server");
pub(in crate::values) static PODS: Pods = Pods::new("apiserver", "the API server");

pub(super) fn all() -> Vec<&'static Definition> {
    [ALL.to_vec(), SERVER.all(), PODS.all()].concat()
}
